# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about an applier that runs: behind, delayed, busy, blocked, or stalled.

A stall is the verdict of last resort: an ALTER that waits behind a reader looks exactly like a dead applier in two
samples (measured on MySQL 9.7), so every other explanation is ruled out first.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List

from .case import STALL_SECONDS, Case, pending
from .finding import Finding
from .snapshot import GTID, RUNNING, Process

_IDLE = re.compile(
    r"Waiting for (an event from Coordinator|work from SQL thread|the next event in relay log|more updates)|"
    r"has read all relay log|waiting for handler commit|Reading event from the relay log|^$",
    re.I,
)
_RULES_OUT_A_STALL = ("processlist", "transactions", "metadata_locks", "row_lock_waits", "workers")
_COORDINATING = re.compile(r"Waiting for (dependent transaction|preceding transaction|(Slave|replica) workers?)", re.I)
_DELAYING = re.compile(r"Waiting until (MASTER_DELAY|SOURCE_DELAY) seconds", re.I)


def _appliers(case: Case) -> List[Process]:
    """The process list's rows of applier threads (receivers excluded by their state)."""
    return [
        process
        for process in case.server.processes
        if process.user == "system user"
        and process.command not in ("Slave_IO",)
        and not re.search(
            r"Waiting for (master|source) to send|Queueing (master|source) event|[Cc]onnect", process.state
        )
    ]


def _delaying(case: Case) -> bool:
    """True while the delay that was asked for is running."""
    if case.channel.delay_remaining is not None:
        return True
    return any(_DELAYING.search(process.state) for process in _appliers(case)) or bool(
        _DELAYING.search(case.channel.applier_state)
    )


def _active(case: Case) -> List[Process]:
    """Applier threads that do something at the moment."""
    states = [p for p in _appliers(case) if not _IDLE.search(p.state) and not _DELAYING.search(p.state)]
    return [process for process in states if not _COORDINATING.search(process.state)]


def _open_transactions(case: Case) -> List[Dict[str, Any]]:
    """Transactions that applier threads hold open.

    Where the workers are known only theirs count: a coordinator saves its position, in a stall over and over, and never
    applies anything itself (measured on MySQL 9.7).
    """
    workers = {worker.process for worker in case.channel.workers if worker.process}
    numbers = workers or {process.number for process in _appliers(case)}
    return [dict(row) for row in case.server.open_transactions if int(row.get("thread", 0) or 0) in numbers]


def stall_possible(case: Case) -> bool:
    """True when the first sample leaves a stall possible, so that a second one is worth the wait (RULES 11).

    Without sight of who works and who waits for whom nothing is called a stall.
    """
    channel = case.channel
    if any(name in case.server.unreadable for name in _RULES_OUT_A_STALL):
        return False
    return (
        channel.applier == RUNNING
        and pending(case.server, channel) is True
        and not _delaying(case)
        and not case.server.blockers
        and not _active(case)
        and not _open_transactions(case)
    )


def moved(case: Case) -> bool:
    """True when the applier got further between the samples."""
    earlier, channel = case.earlier, case.channel
    if earlier is None:
        return True
    if channel.mode == GTID and channel.executed_gtids is not None:
        return earlier.executed_gtids != channel.executed_gtids
    return (earlier.executed, earlier.relay) != (channel.executed, channel.relay)


def delayed(case: Case) -> Iterator[Finding]:
    """A delay that was configured; never a stall, never shortened."""
    channel = case.channel
    if channel.delay:
        left = "" if channel.delay_remaining is None else ", %d s of it left" % channel.delay_remaining
        evidence = {"delay": channel.delay, "remaining": channel.delay_remaining}
        yield Finding("delayed", channel.name, "The channel is delayed by %d s%s." % (channel.delay, left), evidence)


def progress(case: Case) -> Iterator[Finding]:
    """Why a running applier has not applied everything yet: delay, lock, work, nothing at all, or plain lag."""
    channel = case.channel
    if channel.applier != RUNNING or not pending(case.server, channel) or _delaying(case):
        return
    lag: Dict[str, Any] = {
        "seconds_behind": channel.seconds_behind,
        "read": str(channel.read),
        "executed": str(channel.executed),
    }
    if case.server.blockers:
        yield _blocked(case, lag)
    elif _active(case) or _open_transactions(case):
        yield from _busy(case, lag)
    elif case.earlier is not None and case.waited >= STALL_SECONDS and stall_possible(case) and not moved(case):
        summary = (
            "Both threads say Yes, events wait, all workers are idle and nothing was applied in %d s." % case.waited
        )
        lag.update(applier_state=channel.applier_state, waited=round(case.waited))
        yield Finding("applier_stalled", channel.name, summary, lag, {"executed": str(channel.executed)})
    else:
        behind = "" if channel.seconds_behind is None else " (%d s)" % channel.seconds_behind
        yield Finding("behind", channel.name, "The replica is still applying what it fetched%s." % behind, lag)


def _blocked(case: Case, lag: Dict[str, Any]) -> Finding:
    """The finding for a lock that the applier waits for, naming who holds it."""
    blocker = case.server.blockers[0]
    who = blocker.process
    holder = "a session that could not be named"
    if who is not None:
        holder = "connection %d of %s@%s, %d s old" % (who.number, who.user, who.host, who.age)
        lag["statement"] = who.statement
    on = " on " + blocker.object_name if blocker.object_name else ""
    lag.update(kind=blocker.kind, waiting=blocker.waiting, holder=holder, object=blocker.object_name)
    summary = "The applier waits for a %s lock%s, held by %s." % (blocker.kind, on, holder)
    return Finding("applier_blocked", case.channel.name, summary, lag)


def _busy(case: Case, lag: Dict[str, Any]) -> Iterator[Finding]:
    """The findings for an applier at work, and for a table without a primary key that makes it slow."""
    transactions = _open_transactions(case)
    states = sorted({process.state for process in _active(case)})
    lag.update(states=states, transactions=transactions)
    rows = sum(int(row.get("rows_modified", 0) or 0) for row in transactions)
    doing = ", ".join(states) or "inside a transaction of %d changed rows so far" % rows
    yield Finding("applier_busy", case.channel.name, "The applier is working (%s)." % doing, lag)


def without_key(case: Case) -> Iterator[Finding]:
    """Tables without a primary key that the applier is changing at the moment: every row may cost a scan, and locks."""
    tables = list(case.server.large_without_key)
    if tables and case.channel.applier == RUNNING:
        summary = "The applier is changing tables without a primary key: %s." % ", ".join(tables[:5])
        yield Finding("missing_primary_key", case.channel.name, summary, {"tables": tables})
