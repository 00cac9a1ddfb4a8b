# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recognises an error of the applier or the receiver by number *and* text, the same for every flavour.

Numbers differ between servers (a purged binlog is 13114 on MySQL 9.7 and 1236 elsewhere) and one number covers several
causes (1236), so a class names the numbers it may come with and, where the number is not enough, what the text says.
Numbers and texts were read off MySQL 9.7, MySQL 5.6, MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, FrozenSet, Optional, Pattern, Tuple

from .snapshot import Fault

APPLIER = "applier"
RECEIVER = "receiver"


@dataclass(frozen=True)
class FaultClass:
    """One class of error.

    :param code: the finding code it becomes.
    :param thread: `APPLIER` or `RECEIVER`.
    :param numbers: error numbers it comes with; a text that matches is enough when a pattern is given and
        ``numbers`` is empty.
    :param pattern: what the text says; None when the number alone decides.
    """

    code: str
    thread: str
    numbers: FrozenSet[int]
    pattern: Optional[Pattern[str]] = None

    def matches(self, fault: Fault) -> bool:
        """True when the fault belongs here."""
        if self.pattern is None:
            return fault.number in self.numbers
        return bool(self.pattern.search(fault.text)) and (not self.numbers or fault.number in self.numbers)


def _applier(code: str, *numbers: int, text: str = "") -> FaultClass:
    return FaultClass(code, APPLIER, frozenset(numbers), re.compile(text, re.I | re.S) if text else None)


def _receiver(code: str, *numbers: int, text: str = "") -> FaultClass:
    return FaultClass(code, RECEIVER, frozenset(numbers), re.compile(text, re.I | re.S) if text else None)


# The text alone decides where servers report number 0 with a text (5.6, MariaDB) or a number of the error log (9.7).
CLASSES: Tuple[FaultClass, ...] = (
    _applier("error_mismatch", text=r"Query caused different errors on (source and replica|master and slave)"),
    _applier("partial_completion", text=r"Query partially completed on the (source|master)"),
    _applier("relay_log_missing", 1201, 1872, 13124),
    _applier("relay_log_missing", text=r"Failed to (open|initialize) .*(relay log|applier metadata|relay-log)"),
    _applier("relay_log_unreadable", text=r"relay log (read failure|event entry)|Event crc check failed"),
    _applier("column_type_differs", text=r"Column \d+ .*of table .* cannot be converted from type"),
    _applier("packet_too_large", text=r"max_allowed_packet|replica_max_allowed_packet"),
    _applier("packet_too_large", 1153),
    _applier("disk_full", text=r"No space left on device|Disk (is )?full|OS errno 28|errno: 28\b|error 28\b"),
    _applier("disk_full", 1021, 1114, 3675),
    _applier("gtid_out_of_order", 1950),
    _applier("duplicate_row", 1062),
    _applier("missing_row", 1032),
    _applier("table_exists", 1050),
    _applier("database_exists", 1007),
    _applier("column_exists", 1060),
    _applier("index_exists", 1061),
    _applier("drop_target_missing", 1091),
    _applier("dropped_table_missing", 1051),
    _applier("dropped_database_missing", 1008),
    _applier("table_missing", 1146),
    _applier("database_missing", 1049),
    _applier("column_missing", 1054),
    _applier("routine_exists", 1304),
    _applier("trigger_exists", 1359),
    # MySQL 5.6 allows one trigger for each time and event, and says so before it looks at the name.
    _applier("trigger_exists", 1235, text=r"multiple triggers with the same action time and event"),
    _applier("event_exists", 1537),
    _applier("account_conflict", 1396),
    _applier("column_count_differs", 1136, 1535),
    _applier("foreign_key_failed", 1216, 1217, 1451, 1452),
    _applier("lock_wait_exhausted", 1205, 1213),
    _applier("unknown_collation", 1115, 1273),
    _applier("applier_privilege_missing", 1044, 1142, 1143, 1227, 1370, 1419),
    _applier("applier_privilege_missing", text=r"PRIVILEGE_CHECKS_USER|command denied to user|Access denied; you need"),
    _receiver("packet_too_large", text=r"max_allowed_packet"),
    _receiver(
        "purged_on_source",
        text=r"purged (required )?binary logs|Could not find first log file name|"
        r"Could not find GTID state requested by slave in any binlog",
    ),
    _receiver("gtid_diverged", text=r"diverged due to executing extra erroneous transactions"),
    _receiver(
        "replica_ahead",
        text=r"(Replica|Slave) has more GTIDs than the (source|master) has|"
        r"requested to start from GTID \S+, which is not in the master's binlog",
    ),
    _receiver("position_beyond_source", text=r"position > file size|impossible position"),
    _receiver("duplicate_replica", text=r"same server_uuid/server_id as this (slave|replica) has connected"),
    _receiver("duplicate_server_id", text=r"equal (MySQL|MariaDB) server (ids|UUIDs)"),
    _receiver("certificate_expired", text=r"certificate (has )?expired|certificate is not yet valid"),
    _receiver("source_tls", 2026),
    _receiver("source_tls", text=r"SSL is required|SSL connection error|TLS/SSL error"),
    _receiver(
        "source_privilege_missing",
        text=r"REPLICATION SLAVE privilege|Access denied; you need|COM_REGISTER_(REPLICA|SLAVE) failed: Access denied",
    ),
    _receiver("source_authentication", 1045, 1129, 1130, 1698, 1862, 2059, 2061, 3118, 4151),
    _receiver("source_unreachable", 1040, 1053, 1158, 1159, 1160, 1161, 2002, 2003, 2005, 2006, 2013, 2055),
    _receiver("disk_full", text=r"No space left on device|Disk (is )?full|OS errno 28"),
    _receiver("relay_log_write_failed", text=r"could not queue event from (source|master)"),
    _receiver(
        "source_binlog_unreadable",
        text=r"bogus data in log event|binlog truncated in the middle of event|"
        r"log event entry exceeded|error reading log (entry|event)|event read from binlog did not pass",
    ),
)

UNKNOWN = {APPLIER: "applier_error", RECEIVER: "receiver_error"}

_COORDINATOR = re.compile(r"Coordinator stopped because there were error\(s\) in the worker\(s\)", re.I)


def classify(fault: Fault, thread: str) -> str:
    """The finding code of an error.

    :param thread: `APPLIER` or `RECEIVER`.
    :returns: the code; ``applier_error`` or ``receiver_error`` when no class fits.
    """
    for known in CLASSES:
        if known.thread == thread and known.matches(fault):
            return known.code
    return UNKNOWN[thread]


def is_coordinator_summary(fault: Fault) -> bool:
    """True for the coordinator's "error(s) in the worker(s)", which hides the cause (MySQL 9.7: always)."""
    return bool(_COORDINATOR.search(fault.text))


_QUERY = re.compile(r"on query\. Default database: '(?P<db>[^']*)'\. Query: '(?P<query>.*)'\s*$", re.S)
_TABLE = re.compile(r"(?:event on table|of table) '?`?(?P<table>[^\s;'`]+)", re.I)
_MISSING_TABLE = re.compile(r"Table '(?P<table>[^']+)' doesn't exist", re.I)
_MISSING_DATABASE = re.compile(r"Unknown database '(?P<database>[^']+)'", re.I)
_TRANSACTION = re.compile(r"failed executing transaction '(?P<gtid>[0-9a-f-]{36}:[^']+)'", re.I)
_KEY = re.compile(r"for key '(?P<key>[^']*)'")


def named_in(fault: Fault) -> Dict[str, str]:
    """What an applier error names.

    ``query``, ``database``, ``table`` (schema.table), ``missing_database``, ``key``, ``transaction`` (GTID).
    Only what is there.
    """
    found: Dict[str, str] = {}
    query = _QUERY.search(fault.text)
    if query:
        found["query"] = query.group("query")
        found["database"] = query.group("db")
    table = _TABLE.search(fault.text) or _MISSING_TABLE.search(fault.text)
    if table:
        found["table"] = table.group("table")
    missing = _MISSING_DATABASE.search(fault.text)
    if missing:
        found["missing_database"] = missing.group("database")
    transaction = _TRANSACTION.search(fault.text)
    if transaction:
        found["transaction"] = transaction.group("gtid")
    key = _KEY.search(fault.text)
    if key:
        found["key"] = key.group("key")
    return found


_WORKER = re.compile(r"^Worker \d+ failed executing transaction '[^']*' at (?:source|master) log [^;]*; ", re.S)
_CONNECTING = re.compile(r"^Error (?:re)?connecting to (?:source|master) .*? message: ", re.I | re.S)
_ON_QUERY = re.compile(r"^Error '(?P<cause>.*?)' on (?:query|opening tables)\. ", re.S)
_EVENT = re.compile(r"[;,] (?:Error_code: .*|handler error .*|the event's (?:source|master) log .*)$", re.S)


def cause(text: str) -> str:
    """The part of an error text that says what is wrong, without the worker, the attempt, the query and the place."""
    rest = _CONNECTING.sub("", _WORKER.sub("", " ".join(text.split())))
    query = _ON_QUERY.search(rest)
    return query.group("cause") if query else _EVENT.sub("", rest).split(" The possible reasons are", 1)[0]
