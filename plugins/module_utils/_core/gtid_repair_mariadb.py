# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moving MariaDB's replication position over transactions that count as applied, domain by domain.

``gtid_slave_pos`` is one value for all connections, and the server takes it only while none of them runs. A value that
leaves a domain out loses it, so every domain is written again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence, Tuple

from .channel_plan import BOTH, RECEIVER, Threads, Verbs, restart_steps, running, start_steps, stop_steps
from .errors import BadInputError, RefusedError, ReplicaError
from .fault_classes import RECEIVER as RECEIVER_THREAD
from .fault_classes import classify
from .gtid_mariadb import BEHIND, GtidPosition, MariadbGtid
from .gtid_mysql import GtidError
from .gtid_repair import APPEND, AUTO, INJECT, RESET, Wish, attempt
from .gtid_repair_around import Around, below
from .plan import STOP, Step
from .snapshot import GTID, STOPPED, Channel, Server
from .statement import Statement

SET_POSITION = "SET GLOBAL gtid_slave_pos = %s"


@dataclass(frozen=True)
class Elsewhere(Statement):
    """START or STOP of another connection than the one that is repaired.

    :param connection: its name.
    """

    connection: str = ""


@dataclass(frozen=True)
class Move:
    """Where the position is to go.

    :param target: the whole new position, every domain in it.
    :param over: the last transaction of each domain that is moved.
    """

    target: GtidPosition
    over: Tuple[MariadbGtid, ...]


def check_method(wish: Wish, server: Server) -> str:
    """The method that MariaDB has. Raises RefusedError for empty transactions, which do not exist there."""
    if wish.method == INJECT:
        raise RefusedError(
            attempt(INJECT), server.address, "MariaDB has no empty transactions: a position per domain is all there is",
            "Use method append.",
        )  # fmt: skip
    return APPEND if wish.method == AUTO else wish.method


def given_position(wish: Wish) -> GtidPosition:
    """The position that option ``gtids`` names. Raises BadInputError when it is none."""
    try:
        return GtidPosition.parse(wish.gtids or "")
    except GtidError as error:
        raise BadInputError(
            "Option gtids cannot be read: %s" % error, advice="Write it as gtid_slave_pos shows it: 0-1-5,7-2-9."
        ) from None


def move(wish: Wish, server: Server, around: Around) -> Move:
    """Where the position goes: over the transactions given, or over what the source has purged.

    A domain that is there already, or further, stays as it is; with method reset the position is exactly the one given.

    :raises BadInputError: ``gtids`` cannot be read.
    :raises RefusedError: the position cannot be read, the source could not be asked, or a domain has diverged.
    """
    here = server.replica_position
    if here is None:
        raise RefusedError(attempt(wish.method), server.address, "gtid_slave_pos cannot be read there")
    if wish.gtids is not None:
        wanted = given_position(wish)
    elif around.source is None:
        return Move(here, ())
    elif around.oldest is None:
        reason = around.source.reason
        raise RefusedError(
            attempt(wish.method), server.address,
            "where the source's oldest binlog begins is not known: %s" % (reason or "its head cannot be read"),
            "Give a login for the source with option source, or name the position with gtids.",
        )  # fmt: skip
    else:
        wanted = around.oldest
    if wish.method == RESET:
        return Move(wanted, wanted.gtids if wanted != here else ())
    try:
        target = here.merge(wanted)
    except GtidError as error:
        raise RefusedError(
            attempt(wish.method), server.address, str(error),
            "Two servers wrote in one domain: compare the tables, then set the position exactly with method reset.",
        ) from None  # fmt: skip
    order = here.compare(wanted)
    return Move(target, tuple(gtid for gtid in wanted.gtids if order[gtid.domain] == BEHIND))


def check_below(server: Server, around: Around, method: str) -> None:
    """Refuse where something replicates from the server: the move is not in its binlog.

    :raises RefusedError: with the names.
    """
    found = below(server, around)
    if found:
        raise RefusedError(
            attempt(method), server.address,
            "servers replicate from it (%s), and what is passed here never comes to them" % ", ".join(found),
            "Move their positions first, from the leaves up, with the changes known to be there.",
            {"replicas_below": list(found)},
        )  # fmt: skip


def check_known(server: Server, move_to: Move, around: Around) -> None:
    """Refuse a position that the source has not reached in a domain of its own.

    :raises RefusedError: the receiver would be turned away with error 1236.
    """
    source = around.source.server if around.source is not None else None
    if source is None or source.binlog_state is None or not source.binlog_state.ordered:
        return
    end = source.binlog_state.position()
    for gtid in move_to.over:
        last = end.get(gtid.domain)
        if last is not None and last.sequence < gtid.sequence:
            raise RefusedError(
                attempt(APPEND), server.address,
                "the source ends at %s in domain %d and has no %s: it would refuse to send anything (error 1236)"
                % (last, gtid.domain, gtid),
                "Correct gtids.",
            )  # fmt: skip


def withheld(move_to: Move, around: Around) -> Tuple[str, ...]:
    """Who has not passed the transactions, a sentence each; what could not be asked counts."""
    told = []
    for peer in around.peers():
        other = peer.server
        if other is None or (other.binlog_state is None and other.replica_position is None):
            told.append("whether %s has them is not known: %s" % (peer.name, peer.reason or "no GTID position"))
            continue
        lacking = [str(gtid) for gtid in move_to.over if not _passed(other, gtid)]
        if lacking:
            told.append("%s has not come to %s and would never get it from this server" % (
                peer.name, ", ".join(lacking)))  # fmt: skip
    return tuple(told) or (() if around.peers() else ("no other server was asked whether it has them",))


def _passed(server: Server, gtid: MariadbGtid) -> bool:
    position, state = server.replica_position, server.binlog_state
    # A binlog state that cannot tell has passed the number.
    return (position is not None and position.covers(gtid)) or (state is not None and state.contains(gtid) is not False)


def mended_threads(channel: Channel, target: GtidPosition, around: Around) -> Threads:
    """The receiver, when it stopped because its source had purged what it asked for, and that is passed now."""
    fault = channel.receiver_fault
    if channel.mode != GTID or channel.receiver != STOPPED or fault is None or around.oldest is None:
        return frozenset()
    passed = all(target.covers(gtid) for gtid in around.oldest.gtids)
    if passed and classify(fault, RECEIVER_THREAD) == "purged_on_source":
        return frozenset((RECEIVER,))
    return frozenset()


def steps(verbs: Verbs, server: Server, channel: Channel, move_to: Move, end: Threads, clear: bool) -> Tuple[Step, ...]:
    """Stop every connection, set the whole position, start those threads that ran.

    All appliers are stopped before the position is read for the last time (`steps_at`), as each of them moves it.

    :param end: the threads of the channel that run afterwards.
    :param clear: throw the binlogs away as well (method reset).
    """
    others = [other for other in server.channels if other.name != channel.name and running(other)]
    text = str(move_to.target)
    work = [Statement(SET_POSITION, (text,), purpose="set the position of every domain")]
    if clear:
        work.insert(0, Statement(verbs.dialect.reset_source, purpose="throw the binlogs away"))
    stopped = replace(channel, receiver=STOPPED, applier=STOPPED)
    elsewhere = [(step, other) for other in others for step in stop_steps(_named(verbs, other), other, BOTH)]
    return (
        *stop_steps(verbs, channel, BOTH),
        *(Step(_elsewhere(step, other).statement, "applier_stopped", STOP) for step, other in elsewhere),
        *(Step(statement) for statement in work),
        *start_steps(verbs, stopped, end),
        *(_elsewhere(step, other) for other in others for step in back(verbs, other)),
    )


def steps_at(done: Sequence[Step], move_to: Move, server: Server) -> Tuple[Tuple[Step, ...], Move]:
    """The same steps for the position as it is now that all appliers stand still: no domain goes back.

    :raises RefusedError: a domain has diverged in the meantime.
    """
    here = server.replica_position
    if here is None:
        raise RefusedError("set gtid_slave_pos", server.address, "it cannot be read any more")
    try:
        target = here.merge(move_to.target)
    except GtidError as error:
        raise RefusedError("set gtid_slave_pos", server.address, str(error), "Run again.") from None
    return tuple(
        replace(step, statement=replace(step.statement, params=(str(target),)))
        if step.statement.sql == SET_POSITION
        else step
        for step in done
    ), replace(move_to, target=target)


def back(verbs: Verbs, other: Channel) -> Tuple[Step, ...]:
    """START of the threads of another connection that ran."""
    stopped = replace(other, receiver=STOPPED, applier=STOPPED)
    return start_steps(_named(verbs, other), stopped, running(other))


def missing(verbs: Verbs, before: Channel, now: Channel) -> Tuple[Step, ...]:
    """START of the threads of another connection that ran before and do not run now, without waiting."""
    return restart_steps(_named(verbs, before), before, now)


def _named(verbs: Verbs, channel: Channel) -> Verbs:
    return replace(verbs, name=channel.name)


def _elsewhere(step: Step, channel: Channel) -> Step:
    made = step.statement
    return Step(
        Elsewhere(sql=made.sql, params=made.params, secret=made.secret, purpose=made.purpose, connection=channel.name)
    )


def privileges(clear: bool) -> Tuple[str, ...]:
    """What the account needs."""
    return ("REPLICATION SLAVE ADMIN", "RELOAD") if clear else ("REPLICATION SLAVE ADMIN",)


def check_done(server: Server, move_to: Move, queries: Sequence[str]) -> None:
    """Make sure that the position is there, or beyond it.

    :raises ReplicaError: it is not.
    """
    here = server.replica_position
    if here is None or any(order == BEHIND for order in here.compare(move_to.target).values()):
        raise ReplicaError(
            "set gtid_slave_pos", server.address, "it is %s and not %s" % (here, move_to.target),
            "Look at the server's error log, and run again.", {"changed": True, "queries": list(queries)},
        )  # fmt: skip
