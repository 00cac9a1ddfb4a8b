# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of a change of source, in their order: close gaps, stop, CHANGE, start again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from . import refetch
from .change_source import ATTEMPT, Around, Change, Wish, point_of
from .channel_plan import APPLIER, BOTH, RECEIVER, Setting, Threads, Verbs, running, start_steps, stop_steps
from .errors import BadInputError, RefusedError
from .plan import STOP, Plan, Step
from .snapshot import POSITION, RUNNING, STOPPED, Channel, Coordinates, Server
from .source_options import APPLIER_SIDE, BY_NAME, HEARTBEAT, LOG_FILE, LOG_POS, PASSWORD, PLACE, written
from .statement import Statement

Pair = Tuple[str, Setting]


@dataclass(frozen=True)
class Insistent(Statement):
    """A CHANGE after RESET that is given once more when it is refused with 1802; see `insistent`.

    :param between: what runs before it is given again.
    """

    between: Tuple[Statement, ...] = ()

    def display(self) -> str:
        """The statement, and what goes before it where it is refused at first."""
        words = "; ".join(one.display() for one in self.between)
        return "%s /* where it is refused with 1802: %s; and again */" % (super().display(), words)


def insistent(verbs: Verbs, change: Statement) -> Statement:
    """CHANGE behind RESET where the server knew of gaps.

    Killed with gaps and started with relay_log_recovery, MySQL 5.6 refuses CHANGE with 1802 also after RESET, however
    often that is repeated, until its applier has run; and it lets the applier run only once it has refused the CHANGE
    (1871; all measured). Reset, it has no relay log that it could apply.
    """
    if verbs.dialect.name == "source":
        return change
    between = (verbs.start(APPLIER, "SQL_AFTER_MTS_GAPS"), verbs.stop(APPLIER))
    return Insistent(
        sql=change.sql, params=change.params, secret=change.secret, purpose=change.purpose, between=between
    )


def has_gaps(server: Server, channel: Channel, furthest: Optional[Coordinates]) -> bool:
    """Whether parallel workers stopped with gaps, or beyond the point of the status: CHANGE is refused then (1802)."""
    if server.flavour.is_mariadb or channel.mode != POSITION or channel.applier != STOPPED or channel.executed is None:
        return False
    beyond = furthest is not None and furthest.reached(channel.executed) and furthest != channel.executed
    return beyond or channel.position_gaps is True


def check_discard(wish: Wish, server: Server, channel: Channel, furthest: Optional[Coordinates]) -> None:
    """Refuse to go by coordinates instead of the workers' records where these know better.

    :raises BadInputError: no coordinates are given.
    :raises RefusedError: the applier runs, so that gaps come and go, or a worker has been beyond the coordinates.
    """
    if not wish.discard_gaps or server.flavour.is_mariadb:
        return
    point = point_of(wish.values)
    if point is None:
        raise BadInputError("Option discard_gaps needs source_log_file and source_log_pos")
    if channel.applier != STOPPED:
        raise RefusedError(
            ATTEMPT, server.address, "its applier runs, so that what is applied changes",
            "Stop it, find the position (binlog_locate), and run again.",
        )  # fmt: skip
    if furthest is not None and not point.reached(furthest):
        raise RefusedError(
            ATTEMPT, server.address, "a parallel worker has applied up to %s, beyond %s" % (furthest, point),
            "What lies between would be applied twice. Give coordinates that cover everything that is applied.",
        )  # fmt: skip


def discards(wish: Wish, server: Server, channel: Channel, furthest: Optional[Coordinates]) -> bool:
    """Whether what the parallel workers recorded is to go with the relay logs, as the caller knows the point better.

    So it is where gaps are known, and where it cannot be known that there are none: CHANGE alone is refused there with
    1802, or with 1872 when the relay logs are gone, and with the cause still there UNTIL SQL_AFTER_MTS_GAPS meets the
    same error again (measured on MySQL 9.7 and 5.6).
    """
    if not wish.discard_gaps or server.flavour.is_mariadb or channel.mode != POSITION or channel.applier != STOPPED:
        return False
    return has_gaps(server, channel, furthest) or (channel.position_gaps is None and channel.parallel != 0)


def steps_of(
    wish: Wish,
    server: Server,
    channel: Channel,
    around: Around,
    changes: Sequence[Change],
    stop: Threads,
    point: Optional[Coordinates],
) -> Tuple[Step, ...]:
    """Close gaps, stop, change, start again."""
    verbs, on = around.verbs, running(channel)
    applier = stop_steps(verbs, channel, stop & frozenset((APPLIER,)))
    receiver = stop_steps(verbs, channel, stop & frozenset((RECEIVER,)))
    pairs = _pairs(verbs, server, channel, changes, point)
    gaps: Tuple[Step, ...] = ()
    discarded = discards(wish, server, channel, around.furthest)
    if discarded:
        words = [word for word, _value in pairs]
        pairs = (*pairs, *(pair for pair in refetch.restated(verbs, server, channel) if pair[0] not in words))
        receiver = (*receiver, Step(verbs.reset()))
    elif has_gaps(server, channel, around.furthest):
        gaps = _closing(verbs, around.furthest)
    made = statement(verbs, pairs)
    change = Step(insistent(verbs, made) if discarded else made)
    if wish.leave_stopped or around.creating:
        return (*applier, *gaps, *receiver, change)
    standing = _with(channel, on - stop)
    starts = start_steps(verbs, standing, BOTH if wish.start_both else around.running)
    return (*applier, *gaps, *receiver, change, *_waiting(starts, channel, changes))


def _with(channel: Channel, on: Threads) -> Channel:
    return replace(
        channel,
        receiver=RUNNING if RECEIVER in on else STOPPED,
        applier=RUNNING if APPLIER in on else STOPPED,
    )


def _closing(verbs: Verbs, furthest: Optional[Coordinates]) -> Tuple[Step, ...]:
    """Apply what the workers left out. An applier that is there may say Yes until the next event, so it is stopped."""
    wait = "gaps_closed=%s" % furthest if furthest else "gaps_closed"
    return (
        Step(verbs.start(APPLIER, "SQL_AFTER_MTS_GAPS"), wait),
        # Not the same step as the STOP at the beginning of a plan, which has run when the plan is made again.
        Step(replace(verbs.stop(APPLIER), purpose="stop the applier behind the gaps"), "applier_stopped", STOP),
    )


def _waiting(starts: Sequence[Step], channel: Channel, changes: Sequence[Change]) -> Tuple[Step, ...]:
    """The starts; a receiver that was not connected before is waited for only if this may have changed that."""
    about = any(change.option.side != APPLIER_SIDE for change in changes)
    if channel.receiver == RUNNING or about:
        return tuple(starts)
    kept = []
    for step in starts:
        waits = ",".join(wait for wait in step.wait.split(",") if wait != "receiver_running")
        kept.append(Step(step.statement, waits, step.session))
    return tuple(kept)


def _pairs(
    verbs: Verbs, server: Server, channel: Channel, changes: Sequence[Change], point: Optional[Coordinates]
) -> Tuple[Pair, ...]:
    """What CHANGE is told: the changes, and what it would lose otherwise."""
    names = {change.option.name for change in changes}
    pairs: List[Pair] = [(change.option.spelled(verbs), written(change.option, change.wanted)) for change in changes]
    if point is not None:
        pairs.append((BY_NAME[LOG_FILE].spelled(verbs), point.file))
        pairs.append((BY_NAME[LOG_POS].spelled(verbs), point.position))
    loses_heartbeat = verbs.dialect.name != "source" or bool(names & {*PLACE})
    heartbeat = heartbeat_of(server, channel)
    if loses_heartbeat and HEARTBEAT not in names and heartbeat is not None and channel.source_host:
        pairs.append((BY_NAME[HEARTBEAT].spelled(verbs), heartbeat))
    return tuple(pairs)


def heartbeat_of(server: Server, channel: Channel) -> Optional[float]:
    """The channel's heartbeat period in seconds; None when it cannot be read."""
    value = str(channel.settings.get("heartbeat_period", "") or server.status.get("Slave_heartbeat_period", ""))
    try:
        return float(value)
    except ValueError:
        return None


def statement(verbs: Verbs, pairs: Sequence[Pair], purpose: str = "change the channel's settings") -> Statement:
    """CHANGE with these words and values; the password's slot is secret."""
    made = verbs.change(pairs, purpose)
    password = BY_NAME[PASSWORD].spelled(verbs)
    slots = [word for word, value in pairs if isinstance(value, (str, int, float))]
    return replace(made, secret=frozenset(index for index, word in enumerate(slots) if word == password))


def reset_all(verbs: Verbs) -> Statement:
    """RESET ... ALL, which removes the channel (manual: "RESET REPLICA"; MariaDB: the name comes before ALL)."""
    made = verbs.reset()
    word = " " + verbs.dialect.replica
    if verbs.mariadb:
        return replace(made, sql=made.sql + " ALL", purpose="remove the channel")
    return replace(made, sql=made.sql.replace(word, word + " ALL", 1), purpose="remove the channel")


def resumed(plan: Plan, verbs: Verbs, now: Channel, runs: Threads) -> Plan:
    """A plan that was made again once the applier stood still; where nothing is left to do, what ran runs again."""
    return plan if plan.steps else replace(plan, steps=start_steps(verbs, now, runs))
