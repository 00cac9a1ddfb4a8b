# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read from a server, in the order it is read, as data: a name and the statements to try, best first.

The order matters: what has been executed is read before what has been received, so that a set which is received but
not executed is never mistaken for a hole (measured under load on MySQL 9.7 and 5.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Tuple

from .._core import variables
from .probe import Probed
from .sections_locks import METADATA_LOCKS, PROCESSLIST, ROW_LOCK_WAITS, TABLES_WITHOUT_KEY, TRANSACTIONS

REPLICA = "replica"
SOURCE = "source"

Test = Callable[[Probed], bool]


def _always(probed: Probed) -> bool:
    return True


def _mysql(probed: Probed) -> bool:
    return not probed.flavour.is_mariadb


def _mysql_channels(probed: Probed) -> bool:
    return _mysql(probed) and probed.features.channels


def _worker_table(probed: Probed) -> bool:
    return probed.features.worker_table


def _gtid(probed: Probed) -> bool:
    return probed.flavour.is_mariadb or probed.features.gtid_mode


@dataclass(frozen=True)
class Section:
    """One thing to read.

    :param statements: tried in order until one exists on the server; ``{name}`` is filled from the dialect.
    :param when: whether this server has it at all.
    :param source: read from a source or another member as well, not only from a replica.
    :param never_empty: an empty answer means "look elsewhere": the next statement is tried.
    """

    name: str
    statements: Tuple[str, ...]
    when: Test = _always
    source: bool = False
    never_empty: bool = False


def _p_s(name: str, table: str, when: Test = _mysql_channels) -> Section:
    return Section(name, ("SELECT * FROM performance_schema.%s" % table,), when)


_IDENTITY = (
    "SELECT VERSION() AS version, @@version_comment AS version_comment, @@server_id AS server_id, %s"
    "@@port AS port, @@hostname AS hostname, @@datadir AS datadir, USER() AS login, CURRENT_USER() AS account, "
    "CONNECTION_ID() AS connection_id, UTC_TIMESTAMP() AS now"
)

_WORKERS_ALONE = "SELECT * FROM performance_schema.replication_applier_status_by_worker"
_WORKERS = (
    "SELECT w.*, t.PROCESSLIST_ID, t.PROCESSLIST_STATE FROM performance_schema.replication_applier_status_by_worker w"
    " LEFT JOIN performance_schema.threads t ON t.THREAD_ID = w.THREAD_ID"
)

_WORKER_POSITIONS = (
    "SELECT Id, Relay_log_name, Relay_log_pos, Master_log_name, Master_log_pos, Checkpoint_relay_log_name,"
    " Checkpoint_relay_log_pos, Checkpoint_master_log_name, Checkpoint_master_log_pos, Checkpoint_seqno,"
    " Checkpoint_group_size, HEX(Checkpoint_group_bitmap) AS Checkpoint_group_bitmap%s FROM mysql.slave_worker_info"
)

# Tell-tale procedures of managed services, which take the place of the replication statements there.
_SERVICE_PROCEDURES = (
    "SELECT ROUTINE_NAME AS name FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'mysql' AND"
    " (ROUTINE_NAME LIKE 'rds\\_%' OR ROUTINE_NAME LIKE 'az\\_replication\\_%') ORDER BY ROUTINE_NAME LIMIT 100"
)

SECTIONS: Tuple[Section, ...] = (
    Section("identity", (_IDENTITY % "@@server_uuid AS server_uuid, ", _IDENTITY % ""), source=True),
    Section(
        "variables",
        ("SHOW GLOBAL VARIABLES " + variables.where(variables.NAMES, variables.PREFIXES),),
        source=True,
    ),
    Section(
        "status",
        ("SHOW GLOBAL STATUS " + variables.where(variables.STATUS_NAMES, variables.STATUS_PREFIXES),),
        source=True,
    ),
    Section(
        "gtid",
        (
            "SELECT @@GLOBAL.gtid_executed AS executed, @@GLOBAL.gtid_purged AS purged",
            "SELECT @@GLOBAL.gtid_slave_pos AS slave_pos, @@GLOBAL.gtid_binlog_pos AS binlog_pos,"
            " @@GLOBAL.gtid_binlog_state AS binlog_state, @@GLOBAL.gtid_current_pos AS current_pos",
        ),
        _gtid,
        source=True,
    ),
    Section("replica_status", ("{show_status}",), source=True),
    Section("workers", (_WORKERS, _WORKERS_ALONE), _worker_table),
    _p_s("coordinators", "replication_applier_status_by_coordinator", _worker_table),
    _p_s("applier_status", "replication_applier_status", _worker_table),
    _p_s("connections", "replication_connection_status"),
    _p_s("connection_configuration", "replication_connection_configuration"),
    _p_s("applier_configuration", "replication_applier_configuration"),
    _p_s("applier_filters", "replication_applier_filters"),
    _p_s("global_filters", "replication_applier_global_filters"),
    Section("source_info", ("{source_info}",), _mysql),
    Section("relay_info", ("SELECT * FROM mysql.slave_relay_log_info",), _mysql),
    Section(
        "worker_positions",
        (_WORKER_POSITIONS % ", Channel_name", _WORKER_POSITIONS % ""),
        _mysql,
    ),
    Section("processlist", PROCESSLIST, source=True, never_empty=True),
    Section("transactions", TRANSACTIONS),
    Section("metadata_locks", METADATA_LOCKS, never_empty=True),
    Section("row_lock_waits", ROW_LOCK_WAITS),
    Section("large_tables", TABLES_WITHOUT_KEY, _mysql_channels),
    Section("replicas", ("{show_replicas}",), source=True),
    Section("binlog_status", ("{show_source_status}",), source=True),
    Section("binary_logs", ("SHOW BINARY LOGS",), source=True),
    Section("grants", ("SHOW GRANTS",), source=True),
    Section("group_members", ("SELECT * FROM performance_schema.replication_group_members",), _mysql_channels, True),
    Section("service_procedures", (_SERVICE_PROCEDURES,), _mysql, True),
)

# A statement, table, column or variable that this server does not have: the next statement is tried.
NOT_HERE = frozenset((1049, 1054, 1064, 1109, 1146, 1193, 1286))
# Not an error but an answer: there is no binary log.
NO_ROWS = frozenset((1381,))

# The columns of mysql.slave_master_info without the password, which is never read.
SOURCE_INFO_COLUMNS = (
    "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'mysql'"
    " AND TABLE_NAME = 'slave_master_info' AND COLUMN_NAME <> 'User_password' ORDER BY ORDINAL_POSITION"
)
