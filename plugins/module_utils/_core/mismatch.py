# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A transaction that the source logged together with an error: which one stopped the applier, and what both sides did.

Such an event tells the replica to end with the same error. An empty transaction never gets the applier past it: the
result of leaving it out is "no error", which is compared with the expected one again (measured on MySQL 9.7 and 5.6).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from . import account_statement
from .binlog.query import QueryEvent
from .binlog.transactions import Transaction
from .errors import RefusedError
from .event_group import error_end, is_the_quoted_one
from .fault_classes import named_in
from .gtid_mysql import Gtid
from .skip_plan import Broken
from .snapshot import STOPPED, Channel, Fault, Server

ATTEMPT = "pass the failing transaction"

SUCCEEDED = "succeeded"
FAILED = "failed"
NOT_RUN = "not_run"
UNKNOWN = "unknown"

# The coordinator's complaint, behind which MySQL 5.6 keeps a worker's error that has no number (measured).
HIDDEN = 1756
# The event's own number says that the statement was ended on the source: then a replica does not run it at all.
_PARTIAL = re.compile(r"Query partially completed on the (?:source|master)", re.I)
_ACTUAL = re.compile(r"Error on (?:replica|slave):\s*actual message='(?P<text>.*?)', error code=(?P<number>\d+)", re.S)

Finder = Callable[[Transaction], Optional[bool]]


@dataclass(frozen=True)
class Mismatch:
    """The failing transaction.

    :param transaction: with its statements, at least one of which has an error code.
    :param fault: what the applier shows.
    :param executed: its GTID counts as executed here.
    """

    transaction: Transaction
    fault: Broken
    executed: bool

    @property
    def expected(self) -> Tuple[QueryEvent, ...]:
        """The statements that ended with an error on the source."""
        return with_error(self.transaction)

    @property
    def name(self) -> str:
        """The transaction, for people."""
        done = self.transaction
        return done.gtid or "the transaction at %s" % done.start


def with_error(done: Transaction) -> Tuple[QueryEvent, ...]:
    """The statements of a transaction that the source logged together with an error."""
    return tuple(one for one in done.statements if one.error_code)


def serial(server: Server, channel: Channel) -> bool:
    """Whether the applier's coordinates are the beginning of the transaction that it failed at.

    MySQL 8 and later always have a worker, and their coordinates are those of its last checkpoint.
    """
    return server.flavour.is_mariadb or (channel.parallel == 0 and server.flavour.version < (8, 0))


def finder(server: Server, channel: Channel, fault: Broken) -> Finder:
    """Tells of each transaction from the applied coordinates on, in order, whether it is the failing one.

    True and False are certain; None says that only its error code speaks for it (MySQL 5.6 with parallel workers keeps
    the error to itself).
    """
    gtid = fault.gtid or named_in(Fault(fault.number, fault.text)).get("transaction", "")
    if gtid:
        return lambda done: done.gtid.lower() == gtid.lower()
    file, end = error_end(fault.text)
    if end is not None:
        return lambda done: (not file or done.file == file) and done.first < end <= done.last
    if serial(server, channel):
        return lambda done: True
    return lambda done: None if with_error(done) else False


def chosen(
    server: Server, channel: Channel, fault: Broken, certain: Optional[Transaction], possible: Sequence[Transaction]
) -> Mismatch:
    """The failing transaction, if it was logged together with an error.

    :param certain: the one that the finder says yes to.
    :param possible: those that it says nothing of.
    :raises RefusedError: it is not among them, has no error code, or is not the one that the error quotes.
    """
    if certain is None and len(possible) == 1:
        certain = possible[0]
    if certain is None:
        why = "it is not in the source's binlog behind the applied coordinates (%s)" % channel.executed
        if possible:
            why = "%d transactions with an error come next, and the server does not say which of them it is" % len(
                possible
            )
        raise _refused(server, channel, fault, why, "Diagnose again; with one applier the server tells.")
    expected = with_error(certain)
    if not expected:
        raise _refused(
            server, channel, fault,
            "the transaction at %s was logged without any error, so that this is no disagreement about one"
            % certain.start,
            "What the replica lacks or has too much is the cause; replica_status names the repair.",
        )  # fmt: skip
    if fault.number != HIDDEN and not any(is_the_quoted_one(one.text, fault.text) for one in certain.statements):
        raise _refused(
            server, channel, fault, "the statement at %s is not the one that the error quotes" % certain.start,
            "Diagnose again.",
        )  # fmt: skip
    return Mismatch(certain, fault, executed(server, certain))


def executed(server: Server, done: Transaction) -> bool:
    """Whether its GTID counts as executed: the statement ran here, or an empty transaction took its place."""
    if server.flavour.is_mariadb or not done.gtid or server.executed is None:
        return False
    return Gtid.parse(done.gtid) in server.executed


def _refused(server: Server, channel: Channel, fault: Broken, why: str, advice: str) -> RefusedError:
    return RefusedError(
        "%s of %s" % (ATTEMPT, channel.label), server.address, why, advice,
        {"error": fault.number, "error_text": account_statement.masked_error(fault.text)},
    )  # fmt: skip


def replica_did(found: Mismatch) -> Tuple[str, int]:
    """What the replica did with the statement, `SUCCEEDED`, `FAILED`, `NOT_RUN` or `UNKNOWN`, and its error number."""
    fault = found.fault
    if _PARTIAL.search(fault.text):
        return NOT_RUN, 0
    match = _ACTUAL.search(fault.text)
    if match is not None:
        number = int(match.group("number"))
        # After an empty transaction took its place the applier says "no error" of what it never ran.
        return (FAILED, number) if number else (SUCCEEDED, 0)
    if fault.number in (0, HIDDEN):
        gtid = found.transaction.gtid
        return (SUCCEEDED if found.executed else FAILED if gtid else UNKNOWN), 0
    return FAILED, fault.number


def needs_missing(server: Server, channel: Channel, later: Transaction, table: Tuple[str, str]) -> RefusedError:
    """Why a transaction is not passed whose table is missing: a later statement needs it, and hides its rows.

    Without the rows of each change the table cannot be made as it was at the point where the applier stands.
    """
    return RefusedError(
        "%s of %s" % (ATTEMPT, channel.label), server.address,
        "its table %s.%s is missing on the replica, and the transaction at %s:%d changes it by a statement, at which "
        "the applier would stop, and which does not show the rows" % (*table, later.file, later.first),
        "Rebuild the replica, or restore the table as it was before the transaction with sql_log_bin=0.",
    )  # fmt: skip


def entry(found: Mismatch, method: str, tables: Sequence[str], unknown: str) -> Dict[str, Any]:
    """What a result says about the transaction."""
    done = found.transaction
    did, number = replica_did(found)
    return {
        "gtid": done.gtid or None,
        "file": done.file,
        "position": done.first,
        "end_position": done.last,
        "error": found.fault.number,
        "error_text": account_statement.masked_error(found.fault.text),
        "statements": [_statement(one) for one in done.statements],
        "replica": did,
        "replica_error": number,
        "method": method,
        "tables": list(tables),
        "tables_unknown": unknown,
    }


def _statement(one: QueryEvent) -> Dict[str, Any]:
    return {
        "statement": account_statement.masked(one.text),
        "database": one.schema,
        "source_error": one.error_code,
    }


def sentences(told: Dict[str, Any], check_mode: bool) -> str:
    """What was done and what is left to do, in a few plain sentences."""
    errors = sorted({one["source_error"] for one in told["statements"] if one["source_error"]})
    did = {
        SUCCEEDED: "here it succeeded",
        FAILED: "here it failed with error %d" % told["replica_error"] if told["replica_error"] else "here it failed",
        NOT_RUN: "here it was not run",
        UNKNOWN: "what it came to here is not known",
    }[told["replica"]]
    name = told["gtid"] or "the transaction at %s:%d" % (told["file"], told["position"])
    said = [
        "%s %s: on the source its statement ended with error %s, %s."
        % ("Would pass" if check_mode else "Passed", name, ", ".join(map(str, errors)), did)
    ]
    if told["tables_unknown"]:
        said.append("Which tables it touched is not known (%s): compare all." % told["tables_unknown"])
    if told["tables"]:
        said.append("Rows of %s may differ now: make them equal (table_repair)." % ", ".join(told["tables"]))
    return " ".join(said)


def message(told: Optional[Dict[str, Any]], finished: bool, check_mode: bool, channel: Channel) -> str:
    """The result in a few plain sentences.

    :param told: `entry`; None when nothing was passed.
    :param finished: only what a run that was cut short had left was done.
    """
    if told is None:
        stopped = "is stopped without an error" if channel.applier == STOPPED else "runs"
        return "The applier of %s %s: there is nothing to pass." % (channel.label, stopped)
    if finished:
        verb = "Would finish" if check_mode else "Finished"
        return "%s what a run that was cut short began. %s" % (verb, sentences(told, False))
    return sentences(told, check_mode)
