# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `replica_channel` is asked for, and the plan that brings a channel there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from . import refetch
from .channel_plan import (
    APPLIER,
    RECEIVER,
    Threads,
    Verbs,
    point_from,
    reached,
    running,
    start_steps,
    stop_steps,
    threads_of,
    until_steps,
)
from .errors import BadInputError, ReplicaError
from .gtid_mariadb import GtidPosition
from .permit import check_prepared, check_skip_counter
from .plan import Plan, Step
from .snapshot import POSITION, RUNNING, STOPPED, Channel, Coordinates, Peer, Server

STALLED = "stalled"
DIVERGED = "diverged"


@dataclass(frozen=True)
class Wish:
    """The options of the module.

    :param threads: ``applier``, ``receiver``, ``both``, or None for what suits the state.
    """

    state: Optional[str]
    threads: Optional[str]
    until: Optional[Mapping[str, Any]]
    refetch: bool
    allow_unverified: bool

    @property
    def which(self) -> Threads:
        """The threads that are meant."""
        return threads_of(self.threads, self.state)

    @property
    def attempt(self) -> str:
        """What is going to be done, for refusals."""
        if self.refetch:
            return refetch.ATTEMPT
        return "%s the threads of a channel" % ("stop" if self.state == "stopped" else "start")


@dataclass(frozen=True)
class Around:
    """What the plan is made from besides the channel.

    :param verdict: the channel's verdict, as diagnosed.
    :param oldest: MariaDB: the position at the head of the source's oldest binlog.
    :param furthest: MySQL: how far the furthest parallel worker got.
    :param prepared: the XA transactions that are prepared; None when that could not be asked.
    """

    verbs: Verbs
    state_id: str
    verdict: str = ""
    source: Optional[Peer] = None
    oldest: Optional[GtidPosition] = None
    furthest: Optional[Coordinates] = None
    prepared: Optional[Sequence[str]] = None


def check_options(wish: Wish) -> None:
    """Refuse combinations that mean nothing. Raises BadInputError."""
    if wish.until and wish.state == "stopped":
        raise BadInputError("Option until means starting", advice="Leave state out or set it to started.")
    if wish.until and wish.threads == RECEIVER:
        raise BadInputError("Option until is about the applier", advice="Set threads to applier or both.")
    if wish.allow_unverified and not wish.refetch:
        raise BadInputError("Option allow_unverified belongs to refetch", advice="Set refetch, or leave it out.")


def needs_refetch(channel: Channel, verdict: str) -> bool:
    """False for a channel that runs without an error and is not stalled: there is nothing to mend by fetching anew."""
    faulty = channel.applier_fault or channel.receiver_fault or any(worker.fault for worker in channel.workers)
    return bool(faulty) or STOPPED in (channel.applier, channel.receiver) or verdict in (STALLED, DIVERGED)


def moves(channel: Channel) -> bool:
    """True when the point that is applied last is known only once the applier stands still."""
    return channel.mode == POSITION and channel.applier != STOPPED


def plan(wish: Wish, server: Server, channel: Channel, around: Around) -> Plan:
    """The plan; without steps when the channel is as wished.

    :raises RefusedError: a rule forbids it.
    :raises BadInputError: the point of ``until`` makes no sense here.
    """
    if wish.refetch:
        if not needs_refetch(channel, around.verdict):
            return Plan(around.state_id, summary="%s runs without an error." % channel.label.capitalize())
        end = refetch.wanted_threads(channel, wish.state, wish.which)
        return refetch_plan(wish, server, channel, around, end, moves(channel))
    steps, summary = _steps(wish, server, channel, around.verbs)
    check_skip_counter(server, channel, steps, wish.attempt)
    return Plan(around.state_id, steps, summary, privileges=refetch.privileges(around.verbs) if steps else ())


def refetch_plan(
    wish: Wish, server: Server, channel: Channel, around: Around, end: Threads, provisional: bool = False
) -> Plan:
    """The plan for fetching anew.

    :param end: the threads that run afterwards.
    :param provisional: the applier still runs, so that its exact point and gaps are seen only after the STOP.
    :raises RefusedError: see `refetch.check`; XA transactions are prepared, or a skip counter waits.
    """
    note = check_prepared(server, around.prepared, wish.attempt)
    found = refetch.evidence(server, channel, around.source, around.oldest)
    if channel.mode == POSITION and not provisional:
        refetch.check_exact(server, channel, around.furthest)
    risk = refetch.check(server, channel, found, wish.allow_unverified)
    made = refetch.plan(around.verbs, server, channel, end, risk, found, around.state_id, note)
    check_skip_counter(server, channel, made.steps, wish.attempt)
    return made


def _steps(wish: Wish, server: Server, channel: Channel, verbs: Verbs) -> Tuple[Tuple[Step, ...], str]:
    if wish.until:
        point = point_from(wish.until, server, channel)
        steps = until_steps(verbs, server, channel, point, wish.which)
        done = "%s has applied %s already." % (channel.label.capitalize(), point)
        return steps, "Start the applier of %s until %s." % (channel.label, point) if steps else done
    if wish.state == "stopped":
        steps = stop_steps(verbs, channel, wish.which)
    else:
        steps = start_steps(verbs, channel, wish.which)
    what = " and ".join("the %s" % thread for thread in (RECEIVER, APPLIER) if thread in wish.which)
    verb = "Stop" if wish.state == "stopped" else "Start"
    already = "%s: %s %s already." % (
        channel.label.capitalize(), what, "stopped" if wish.state == "stopped" else "running"
    )  # fmt: skip
    return steps, "%s %s of %s." % (verb, what, channel.label) if steps else already


def predicted(wish: Wish, channel: Channel, before: Mapping[str, Any]) -> Dict[str, Any]:
    """The channel's dict as it will be after the plan, for check mode: the threads, and no errors of theirs."""
    end: Threads
    if wish.refetch:
        end = refetch.wanted_threads(channel, wish.state, wish.which)
    elif wish.until and wish.until.get("gtid_position"):
        end = frozenset()
    elif wish.until:
        end = (running(channel) | wish.which) - frozenset((APPLIER,))
    elif wish.state == "stopped":
        end = running(channel) - wish.which
    else:
        end = running(channel) | wish.which
    return with_threads(before, end)


def with_threads(before: Mapping[str, Any], end: Threads) -> Dict[str, Any]:
    """A channel's dict with these threads running, and no errors of theirs."""
    after = dict(before)
    for thread in (RECEIVER, APPLIER):
        after[thread] = RUNNING if thread in end else STOPPED
        if thread in end:
            after["%s_error" % thread] = None
    return after


def verify(wish: Wish, server: Server, channel: Channel, queries: Sequence[str], record: str) -> None:
    """Make sure that the channel is where it was to go.

    :raises ReplicaError: the applier stopped before the point of ``until`` and without an error.
    """
    if not wish.until or reached(server, channel, point_from(wish.until, server, channel)):
        return
    raise ReplicaError(
        "apply up to the point of until",
        "%s, %s" % (server.address, channel.label),
        "the applier stopped at %s, before the point and without an error" % channel.executed,
        "Somebody may have stopped it; run again.",
        {"changed": True, "queries": list(queries), "record": record},
    )
