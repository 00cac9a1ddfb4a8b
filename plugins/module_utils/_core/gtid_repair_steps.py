# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that make GTID sets agree on MySQL, and around them those for the channel's threads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import List, Optional, Sequence, Tuple

from . import refetch
from .channel_plan import APPLIER, RECEIVER, Threads, Verbs, running, start_steps, stop_steps
from .errors import ReplicaError
from .fault_classes import RECEIVER as RECEIVER_THREAD
from .fault_classes import classify
from .gtid_mysql import Gtid, GtidError, GtidSet
from .plan import Step
from .skip_plan import broken
from .snapshot import GTID, STOPPED, Channel, Fault, Server
from .statement import Statement

# How many empty transactions one step of a plan writes, over several sessions.
BATCH = 2000
_SHOWN = 3
_MISMATCH = "error_mismatch"


@dataclass(frozen=True)
class Batch(Statement):
    """Empty transactions under the GTIDs of a set, for `_server/gtid_repair_inject.py`, which sends many at once."""

    gtids: GtidSet = field(default_factory=GtidSet)

    def display(self) -> str:
        """The statements; of many transactions those of the first, and for which others they are repeated."""
        every = list(self.gtids.gtids(_SHOWN + 1))
        shown = every if len(every) <= _SHOWN else every[:1]
        text = "; ".join("SET SESSION gtid_next = '%s'; BEGIN; COMMIT" % gtid for gtid in shown)
        more = "" if len(shown) == len(every) else " /* and the same for the rest of %s */" % self.gtids
        return "%s; SET SESSION gtid_next = 'AUTOMATIC'%s" % (text, more)


def append(missing: GtidSet) -> Tuple[Statement, ...]:
    """The statement that counts a set as executed without a trace in the binlog (MySQL 8 and later)."""
    text = "+%s" % missing
    return (Statement("SET GLOBAL gtid_purged = %s", (text,), purpose="count the transactions as executed"),)


def inject(missing: GtidSet) -> Tuple[Statement, ...]:
    """Batches of empty transactions."""
    return tuple(
        Batch(sql="SET SESSION gtid_next", purpose="write empty transactions", gtids=part) for part in portions(missing)
    )


def portions(gtids: GtidSet, size: int = BATCH) -> Tuple[GtidSet, ...]:
    """The set cut into parts of at most ``size`` transactions, in order."""
    parts: List[GtidSet] = []
    current: List[Tuple[Tuple[str, str], Tuple[int, int]]] = []
    room = size
    for key, runs in gtids.intervals().items():
        for start, end in runs:
            while start < end:
                stop = min(end, start + room)
                current.append((key, (start, stop)))
                room -= stop - start
                start = stop
                if not room:
                    parts.append(_set_of(current))
                    current, room = [], size
    return (*parts, _set_of(current)) if current else tuple(parts)


def _set_of(pieces: Sequence[Tuple[Tuple[str, str], Tuple[int, int]]]) -> GtidSet:
    return GtidSet.from_intervals({key: [run for other, run in pieces if other == key] for key, _unused in pieces})


def reset(verbs: Verbs, wanted: GtidSet, executed: GtidSet) -> Tuple[Statement, ...]:
    """The statements after which exactly a set counts as executed; the first is left out where it has run already."""
    clear = Statement(verbs.dialect.reset_source, purpose="throw the binlogs and the GTID history away")
    text = str(wanted)
    fill = Statement("SET GLOBAL gtid_purged = %s", (text,), purpose="count exactly these transactions as executed")
    return (fill,) if executed.is_empty else (clear, fill)


def failing(channel: Channel, executed: GtidSet) -> Optional[GtidSet]:
    """The transactions one of which stopped the applier; None when it was not stopped by an error.

    MySQL 5.6 names none: then it is the first one of each source that was fetched and is not executed.
    """
    fault = broken(channel)
    if fault is None:
        return None
    try:
        named = Gtid.parse_optional(fault.gtid)
    except GtidError:
        named = None
    if named is not None:
        return GtidSet.from_gtid(named)
    rest = (channel.retrieved or GtidSet()) - executed
    return GtidSet.from_intervals({key: [(runs[0][0], runs[0][0] + 1)] for key, runs in rest.intervals().items()})


def mended_threads(channel: Channel, wanted: GtidSet, executed: GtidSet, purged: Optional[GtidSet]) -> Threads:
    """The threads that stopped with an error which the change takes away: they are started.

    A receiver whose source had purged what it asked for, and an applier that stopped at one of the transactions. Any
    other error is left alone, above all that of a source that lost transactions: a start would hide it.

    :param purged: what the source has purged; None when it is not known, and then the receiver is left as it is.
    """
    found = set()
    fault = channel.receiver_fault
    asked = channel.mode == GTID and channel.receiver == STOPPED and fault is not None
    if asked and fault is not None and classify(fault, RECEIVER_THREAD) == "purged_on_source" and purged is not None:
        found |= {RECEIVER} if (executed | wanted).contains(purged) else set()
    at = failing(channel, executed)
    if (at and wanted.contains(at)) or must_refetch(channel, wanted, executed):
        found.add(APPLIER)
    return frozenset(found)


def must_refetch(channel: Channel, wanted: GtidSet, executed: GtidSet) -> bool:
    """Whether the relay logs have to go as well: an applier that expects an error goes on expecting it.

    Measured on MySQL 9.7 and 5.6: a transaction logged with an error stops the applier also when its GTID is executed,
    as the result of leaving it out is no error. With auto position the source does not send it again.
    """
    fault = broken(channel)
    if fault is None or channel.mode != GTID or classify(Fault(fault.number, fault.text), APPLIER) != _MISMATCH:
        return False
    if fault.gtid:
        return wanted.contains(failing(channel, executed) or GtidSet())
    return bool((channel.retrieved or GtidSet()) & wanted)


def around(
    verbs: Verbs, server: Server, channel: Channel, work: Sequence[Statement], end: Threads, anew: bool = False
) -> Tuple[Step, ...]:
    """Stop the applier, do the work, throw the relay logs away when that is needed, start what is to run.

    :param end: the threads that run afterwards.
    :param anew: throw the relay logs away, after the work: before it they would be filled with the same again.
    """
    made = [Step(statement) for statement in work]
    if anew:
        steps = refetch.steps(verbs, server, channel, end)
        at = next((n for n, step in enumerate(steps) if not step.statement.sql.startswith("STOP")), len(steps))
        return (*steps[:at], *made, *steps[at:])
    stops = stop_steps(verbs, channel, frozenset((APPLIER,)))
    now = replace(channel, applier=STOPPED)
    return (*stops, *made, *start_steps(verbs, now, end))


def ends_with(channel: Channel, mended: Threads) -> Threads:
    """The threads that run afterwards: those that ran, and those whose error is gone."""
    return running(channel) | mended


def privileges(method: str, verbs: Verbs, wanted: GtidSet) -> Tuple[str, ...]:
    """What the account needs."""
    if verbs.dialect.name != "source":
        return ("SUPER", "RELOAD") if method == "reset" else ("SUPER",)
    found = ["REPLICATION_SLAVE_ADMIN", "SYSTEM_VARIABLES_ADMIN"]
    if method == "reset":
        found.append("RELOAD")
    if any(tag for (_uuid, tag), _runs in wanted.parts):
        found.append("TRANSACTION_GTID_TAG")
    return tuple(found)


def check_done(server: Server, wanted: GtidSet, exact: bool, queries: Sequence[str]) -> None:
    """Make sure that the transactions count as executed now.

    :param exact: and that nothing else does; transactions that came since are not looked at.
    :raises ReplicaError: they do not.
    """
    missing = wanted if server.executed is None else wanted - server.executed
    if missing:
        raise ReplicaError(
            "make the GTID sets agree", server.address, "%s is still not in gtid_executed" % missing,
            "Look at the server's error log, and run again: what is there already is left out.",
            {"changed": True, "queries": list(queries)},
        )  # fmt: skip
    if exact and server.purged is not None and server.purged != wanted:
        raise ReplicaError(
            "reset the GTID history", server.address, "gtid_purged is %s and not %s" % (server.purged, wanted),
            "Somebody wrote in between. Look at gtid_executed before anything is started.",
            {"changed": True, "queries": list(queries)},
        )  # fmt: skip
