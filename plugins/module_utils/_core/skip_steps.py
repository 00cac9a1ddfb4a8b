# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that take the applier past transactions, or apply them over what is there, and start it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from . import gtid_repair_mariadb as mariadb
from .change_source_steps import heartbeat_of
from .channel_plan import (
    APPLIER,
    BOTH,
    RECEIVER,
    Point,
    Setting,
    Verbs,
    running,
    start_steps,
    stop_steps,
    until_text,
)
from .gtid_mariadb import GtidPosition, MariadbGtid
from .gtid_mysql import GtidSet
from .gtid_repair_steps import inject
from .plan import STOP, Plan, Step
from .skip_method import by_domain
from .skip_plan import COUNTER, GTID, IDEMPOTENT, broken
from .snapshot import RUNNING, STOPPED, Channel, Coordinates, Server
from .source_options import BY_NAME, HEARTBEAT, LOG_FILE, LOG_POS
from .statement import Statement

# Ends when no worker's transaction is missing before another's; the applier then stands where it will go on.
UNTIL_GAPS = "SQL_AFTER_MTS_GAPS"
STRICT = "STRICT"
LENIENT = "IDEMPOTENT"


@dataclass(frozen=True)
class Run:
    """Transactions that are dealt with together.

    :param gtids: theirs, in order, without those that are executed already; () when they have none.
    :param end: where the last of them ends in the source's binlog; None when it is not known.
    :param first: the first of them is the next one that the applier takes.
    :param events: what the skip counter has to be: all events of all but the last, whose rest goes with its first.
    :param used: its GTID counts as executed already, so that only the start is left.
    :param lost: what is given up, a sentence each.
    """

    gtids: Tuple[str, ...]
    end: Optional[Coordinates]
    first: bool = True
    events: int = 1
    used: bool = False
    lost: Tuple[str, ...] = ()


def plan(
    method: str, verbs: Verbs, run: Run, server: Server, channel: Channel, state_id: str, summary: str = ""
) -> Plan:
    """The statements that get the applier past exactly these transactions and start it again."""
    steps = {GTID: _empty, COUNTER: _counted, IDEMPOTENT: _applied}.get(method, _moved)(verbs, run, server, channel)
    lenient = method == IDEMPOTENT
    losses = ("What rows of the same keys held on the replica; the record keeps it.",) if lenient else run.lost
    return Plan(
        state_id, steps, summary, "replica_history" if run.lost else "replica_rows", losses, _privileges(method, verbs)
    )


def _privileges(method: str, verbs: Verbs) -> Tuple[str, ...]:
    if verbs.mariadb:
        return ("REPLICATION SLAVE ADMIN", "SUPER") if method == COUNTER else ("REPLICATION SLAVE ADMIN",)
    return ("REPLICATION_SLAVE_ADMIN", "SYSTEM_VARIABLES_ADMIN") if verbs.channels else ("SUPER",)


def _empty(verbs: Verbs, run: Run, _server: Server, _channel: Channel) -> Tuple[Step, ...]:
    """Empty transactions; many in few round trips."""
    work: Sequence[Statement] = ()
    if not run.used and len(run.gtids) == 1:
        work = _one_empty(run.gtids[0])
    elif not run.used:
        work = inject(GtidSet.parse(",".join(run.gtids)))
    return (*(Step(statement) for statement in work), Step(verbs.start(APPLIER)))


def _one_empty(gtid: str) -> Tuple[Statement, ...]:
    return (
        Statement("SET SESSION gtid_next = %s", (gtid,), purpose="take the failing transaction's GTID"),
        Statement("BEGIN"),
        Statement("COMMIT", purpose="commit an empty transaction in its place"),
        Statement("SET SESSION gtid_next = %s", ("AUTOMATIC",), purpose="give the session its own GTIDs again"),
    )


def _counted(verbs: Verbs, run: Run, _server: Server, _channel: Channel) -> Tuple[Step, ...]:
    what = "pass the next transaction" if run.events == 1 else "pass the next transactions, %d events" % run.events
    work = [Step(statement) for statement in _counter(verbs, run.events, what)]
    return (*_at_the_first(verbs, run), *work, Step(verbs.start(APPLIER)))


def _at_the_first(verbs: Verbs, run: Run) -> Tuple[Step, ...]:
    """What lets the applier stand at the first of the transactions; like a STOP it comes before everything else."""
    return () if run.first else (Step(verbs.start(APPLIER, UNTIL_GAPS), "applier_stopped", STOP),)


def reset_counter(verbs: Verbs) -> Tuple[Statement, ...]:
    """What takes the skip counter back, when the applier was not started after it was set."""
    return _counter(verbs, 0, "pass no transaction")


def _counter(verbs: Verbs, count: int, purpose: str) -> Tuple[Statement, ...]:
    counter = Statement("SET GLOBAL %s = %d" % (verbs.dialect.skip_counter, count), purpose=purpose)
    if not verbs.mariadb:
        return (counter,)
    # The counter belongs to the session's default connection; without this it is accepted and skips nothing (10.11).
    session = Statement("SET SESSION default_master_connection = %s", (verbs.name,), purpose="name the connection")
    return session, counter


# -- a later position


def position_behind(server: Server, run: Run) -> GtidPosition:
    """MariaDB's position behind the transactions: their domains moved, every other one as it is."""
    target = server.replica_position or GtidPosition()
    for text in run.gtids:
        gtid = MariadbGtid.parse(text)
        target = target if target.covers(gtid) else target.advance(gtid)
    return target


def _moved(verbs: Verbs, run: Run, server: Server, channel: Channel) -> Tuple[Step, ...]:
    ends = running(channel) | frozenset((APPLIER,))
    stopped = replace(channel, receiver=STOPPED, applier=STOPPED)
    own = stop_steps(verbs, channel, frozenset((RECEIVER,)))
    back = tuple(_unwaiting(step, channel) for step in start_steps(verbs, stopped, ends))
    if by_domain(server, channel):
        text = str(position_behind(server, run))
        work = Statement("SET GLOBAL gtid_slave_pos = %s", (text,), purpose="set the position of every domain")
        before, after = _others(verbs, server, channel)
        return (*before, *own, Step(work), *back, *after)
    if run.end is None:
        raise ValueError("where the transactions end is not known")
    pairs: List[Tuple[str, Setting]] = [
        (BY_NAME[LOG_FILE].spelled(verbs), run.end.file), (BY_NAME[LOG_POS].spelled(verbs), run.end.position)
    ]  # fmt: skip
    heartbeat = heartbeat_of(server, channel)
    if heartbeat is not None:
        pairs.append((BY_NAME[HEARTBEAT].spelled(verbs), heartbeat))
    return (*_at_the_first(verbs, run), *own, Step(verbs.change(pairs, "go on behind the transactions")), *back)


def _others(verbs: Verbs, server: Server, channel: Channel) -> Tuple[Tuple[Step, ...], Tuple[Step, ...]]:
    """STOP and START of the other connections that run: they share MariaDB's position, and move it while they run.

    Their STOPs come before the position is read for the last time, as a STOP of the channel itself would.
    """
    before: List[Step] = []
    after: List[Step] = []
    for other in server.channels:
        if other.name != channel.name and running(other):
            stops = stop_steps(replace(verbs, name=other.name), other, BOTH)
            before += [Step(_elsewhere(step, other), "applier_stopped", STOP) for step in stops]
            after += [Step(_elsewhere(step, other)) for step in mariadb.back(verbs, other)]
    return tuple(before), tuple(after)


def _elsewhere(step: Step, other: Channel) -> Statement:
    return mariadb.Elsewhere(sql=step.statement.sql, purpose=step.statement.purpose, connection=other.name)


def _unwaiting(step: Step, channel: Channel) -> Step:
    """A START after which the applier may stop at its next error; a receiver that ran is waited for."""
    return Step(step.statement, "receiver_running" if channel.receiver == RUNNING else "", step.session)


def moves(steps: Sequence[Step]) -> bool:
    """Whether the steps throw relay logs away."""
    return any(step.statement.sql.startswith(("CHANGE", "SET GLOBAL gtid_slave_pos")) for step in steps)


# -- rows over what is there


def exec_mode(verbs: Verbs, mode: str) -> Statement:
    """How the applier takes duplicate and missing rows; one value for all channels."""
    purpose = "stop at duplicate and missing rows" if mode == STRICT else "apply rows over what is there"
    return Statement("SET GLOBAL %s = %s" % (verbs.dialect.exec_mode, mode), purpose=purpose)


def _applied(verbs: Verbs, run: Run, server: Server, channel: Channel) -> Tuple[Step, ...]:
    """Idempotent mode exactly up to the end of the last of the transactions."""
    if run.end is None:
        raise ValueError("where the transactions end is not known")
    point = Point(coordinates=run.end)
    wait = "until_reached=%s" % run.end
    if run.gtids and not server.flavour.is_mariadb and channel.mode == "gtid":
        point, wait = Point(gtids=GtidSet.parse(",".join(run.gtids))), "until_reached"
    return (
        Step(exec_mode(verbs, LENIENT)),
        Step(verbs.start(APPLIER, until_text(verbs, point)), wait),
        # At the coordinates it may say Yes until the next event comes.
        Step(verbs.stop(APPLIER), "applier_stopped", STOP),
        Step(exec_mode(verbs, STRICT)),
        Step(verbs.start(APPLIER)),
    )


# -- what a run that was killed left


def finish(
    verbs: Verbs, mode: str, before: Sequence[Channel], now: Server, moved: bool = False
) -> Tuple[Step, ...]:  # fmt: skip
    """What brings a server back on which a run was killed: strict mode, and the threads that it stopped run again.

    An applier that stands still without an error was moved or started by that run, as it had an error before. One that
    stands elsewhere was moved as well: the workers of MySQL 9.7 show their error until the next start (measured).

    :param mode: the value of the exec mode now.
    :param before: the channels as the run's record has them, with their threads and applied points.
    :param moved: MariaDB's gtid_slave_pos was set.
    """
    steps: List[Step] = [Step(exec_mode(verbs, STRICT))] if mode.upper() == LENIENT else []
    for old in before:
        channel = now.channel(old.name)
        if channel is None:
            continue
        named = replace(verbs, name=old.name)
        if old.name != verbs.name:
            steps += mariadb.missing(verbs, old, channel)
            continue
        limited = channel.applier != STOPPED and bool(channel.until)
        if limited:
            steps += stop_steps(named, channel, frozenset((APPLIER,)))
        if old.receiver != STOPPED and channel.receiver == STOPPED:
            steps.append(Step(named.start(RECEIVER)))
        elsewhere = moved or (old.executed is not None and channel.executed != old.executed)
        if limited or (channel.applier == STOPPED and (elsewhere or broken(channel) is None)):
            steps.append(Step(named.start(APPLIER)))
    return tuple(steps)


__all__ = ["LENIENT", "STRICT", "UNTIL_GAPS", "Run", "exec_mode", "finish", "moves", "plan", "reset_counter"]
