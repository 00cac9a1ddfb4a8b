# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about a source that lost the end of its binlog, where the replica goes by coordinates."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from .case import Case
from .diagnose_gtid import MOST_SHOWN
from .fault_classes import RECEIVER, classify
from .finding import Finding
from .gtid_content import position_before
from .gtid_mariadb import GtidPosition
from .gtid_mysql import GtidSet
from .lost_tail import Tail, named, place, told
from .snapshot import RUNNING

_HAS_READ_ALL = "has read all relay log"
_WAITS = "waiting for an event from coordinator"
CAUGHT_UP = "The source has all that the replica has applied; its binlog goes on at %s."


def lost_by_position(case: Case) -> Iterator[Finding]:
    """What the source has lost of what this replica has applied, by the transactions in both binlogs.

    Where the source has written on, what it wrote may have come to the very coordinates of what it lost: the error then
    disappears at the next start, and the replica goes on in the middle of other transactions.
    """
    tail, fault = case.tail, case.channel.receiver_fault
    if tail is None or tail.why or tail.goes_on is None or fault is None:
        return
    if not tail.lost:
        if classify(fault, RECEIVER) in ("position_beyond_source", "purged_on_source"):
            point: Dict[str, Any] = {"point": place(tail.goes_on)}
            summary = CAUGHT_UP % tail.goes_on
            yield Finding("source_caught_up", case.channel.name, summary, point, {}, ("repoint",))
        return
    evidence = _evidence(case, tail)
    names = {"lost": named(tail.begin, tail.end)}
    if tail.newer:
        evidence["newer"] = told(tail.newer, MOST_SHOWN)
        summary = "The source has lost %s and written %s since, from %s on." % (
            _counted(tail.lost), _counted(tail.newer), tail.goes_on
        )  # fmt: skip
        remedies = tuple(name for name in _remedies(case, tail) if name != "replay")
        yield Finding("gtid_collision", case.channel.name, summary, evidence, names, remedies)
        return
    summary = "The source has lost %s, which this replica has (%s in its binlog)." % (
        _counted(tail.lost), names["lost"]
    )  # fmt: skip
    yield Finding("lost_tail", case.channel.name, summary, evidence, names, _remedies(case, tail))


def _remedies(case: Case, tail: Tail) -> Tuple[str, ...]:
    # The source gives numbers away again.
    undo = "roll_back_reset" if _numbers(tail) else "roll_back_lost"
    waiting = case.channel.applier == RUNNING and not _all_applied(case)
    return (*(("wait",) if waiting else ()), "replay", undo, "rebuild")


def _all_applied(case: Case) -> bool:
    """Whether every transaction that was fetched as a whole is applied.

    A source that crashes while it sends leaves half a transaction in the relay log, for whose end a serial applier
    waits for ever (measured on MySQL 9.7 and MariaDB 10.11). Whether parallel ones wait for that cannot be seen.
    """
    channel = case.channel
    if channel.read is None or channel.read == channel.executed:
        return channel.read is not None
    idle = channel.applier == RUNNING and _HAS_READ_ALL in channel.applier_state.lower()
    return idle and channel.parallel <= 1 and all(_WAITS in worker.state.lower() for worker in channel.workers)


def _evidence(case: Case, tail: Tail) -> Dict[str, Any]:
    evidence: Dict[str, Any] = {
        "transactions": "%s (%s in the replica's binlog)" % (_counted(tail.lost), named(tail.begin, tail.end)),
        "tables": sorted({table for one in tail.lost for table in one.content.tables}),
        "shown": told(tail.lost, MOST_SHOWN),
        "point": place(tail.goes_on),
    }
    if tail.others:
        evidence["undecided"] = "others wrote between them, as at %s" % tail.others[0].start
    elif not _all_applied(case):
        evidence["undecided"] = "the applier has still to apply what was fetched, up to %s" % case.channel.read
    else:
        evidence.update(named=named(tail.begin, tail.end), begin=place(tail.begin), end=place(tail.end))
        evidence["left"] = _left(case, tail)
    return evidence


def _numbers(tail: Tail) -> List[str]:
    """The GTIDs of what is lost: on MySQL only where GTIDs are on, on MariaDB in any mode."""
    return [one.content.gtid for one in tail.lost if one.content.gtid]


def _left(case: Case, tail: Tail) -> str:
    """What counts as executed once the lost transactions are undone; '' when they have no numbers, or not known."""
    lost = _numbers(tail)
    if not lost:
        return ""
    if not case.is_mariadb:
        return str((case.server.executed or GtidSet()) - GtidSet.parse(",".join(lost)))
    here = case.server.replica_position or GtidPosition()
    return str(position_before([*tail.before, *lost], (), lost, here) or "")


def _counted(logged: Tuple[object, ...]) -> str:
    return "%d transaction%s" % (len(logged), "s"[: len(logged) != 1])
