# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of an undo record can be put back, with which statements, and what cannot.

Only what the recorded change altered and nobody altered since is put back; of a change that has no recorded end, only
what its statements could have altered. What was applied in the meantime is never taken back: neither coordinates nor
GTIDs move backwards here, because the rows have moved on. Coordinates that were set are put back while nothing has been
applied from there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from . import gtid_repair_undo
from .change_source_steps import heartbeat_of
from .channel_plan import BOTH, Keyword, Threads, Verbs, running, start_steps, stop_steps
from .errors import IdentityError
from .gtid_mariadb import BEHIND, EQUAL, GtidPosition
from .gtid_mysql import GtidError, GtidSet
from .plan import Plan, Step
from .record import coordinates_from, text
from .recorded import MOVED, RESTORE, SAME, Sides, fate, sides_of
from .restore_options import Pairs, moved_point, option_pairs
from .snapshot import POSITION, STOPPED, Channel, Coordinates, Server
from .source_options import BY_NAME, HEARTBEAT
from .statement import Statement

# Global variables that a repair may alter and that are put back.
VARIABLES = ("replica_exec_mode", "slave_exec_mode")
# Left to people: a server may have been promoted since, and a counter would eat a good transaction.
BY_HAND = ("read_only", "super_read_only", "sql_replica_skip_counter", "sql_slave_skip_counter")


@dataclass(frozen=True)
class Restoration:
    """What putting back comes to.

    :param changes: whether a CHANGE is among the steps: it throws relay logs away, so the source must have them.
    :param end: the threads that run afterwards.
    :param restored: what is put back, a sentence each.
    :param not_restorable: what is not, with the reason, a sentence each.
    """

    plan: Plan
    changes: bool
    end: Threads
    restored: Tuple[str, ...]
    not_restorable: Tuple[str, ...]


def check_identity(record: Mapping[str, Any], server: Server) -> None:
    """Make sure that the record is of this server. Raises IdentityError."""
    recorded = record["server"]
    if recorded["identity"] != server.identity or int(recorded["server_id"]) != server.server_id:
        raise IdentityError(
            "put back what the record holds",
            server.address,
            "the record is of %s (%s), and this server is %s"
            % (recorded["identity"], recorded["address"], server.identity),
            "Give the record of this server, or the login of that one.",
            {"expected": recorded["identity"], "found": server.identity},
        )


def restoration(
    verbs: Verbs, record: Mapping[str, Any], server: Server, channel: Channel, state_id: str
) -> Restoration:
    """The plan that puts back what can be put back; without steps when nothing is left to do."""
    sides = sides_of(record)
    done: List[str] = []
    left: List[str] = list(record.get("undo") or ())
    options = _options(verbs, sides, channel, done, left)
    coordinates = _coordinates(verbs, sides, channel, done, left)
    if coordinates and verbs.mariadb and all(word != "MASTER_USE_GTID" for word, _unused in options):
        coordinates += ((_prefix(verbs) + "_USE_GTID", Keyword("no")),)
    settings = _variables(sides, server, done, left)
    position = gtid_repair_undo.statements(record, server, done)
    if not position:
        position = _position(verbs, sides, server, done, left)
        _history(sides, server, left)
    end = _threads(sides, channel, done, left)
    change = (*options, *coordinates)
    change += _heartbeat(verbs, server, channel, change)
    steps = _steps(verbs, channel, end, change, (*position, *settings), bool(position))
    plan = Plan(state_id, steps, "Put back what the record of %s holds." % record["module"])
    return Restoration(plan, bool(change), end, tuple(done), tuple(left))


def with_rows(
    found: Restoration, steps: Tuple[Step, ...], restored: Tuple[str, ...], left: Tuple[str, ...]
) -> Restoration:
    """The restoration with rows that are put back first, while the threads are as they were found."""
    plan = replace(found.plan, steps=(*steps, *found.plan.steps), risk="replica_rows" if steps else found.plan.risk)
    return replace(
        found, plan=plan, restored=(*restored, *found.restored), not_restorable=(*left, *found.not_restorable)
    )


def message(found: Restoration, check_mode: bool) -> str:
    """What was done, or would be done, in a few words."""
    if not found.plan.steps:
        return "Nothing is left to put back."
    return "%s: %s." % ("Would put back" if check_mode else "Put back", "; ".join(found.restored))


def _steps(
    verbs: Verbs,
    channel: Channel,
    end: Threads,
    change: Pairs,
    settings: Tuple[Statement, ...],
    halt: bool,
) -> Tuple[Step, ...]:
    stop = BOTH if change or halt else running(channel) - end
    steps = list(stop_steps(verbs, channel, stop))
    now = replace(
        channel,
        receiver=STOPPED if "receiver" in stop else channel.receiver,
        applier=STOPPED if "applier" in stop else channel.applier,
    )
    if change:
        steps.append(Step(verbs.change(change, "put the channel's options back")))
    steps.extend(Step(statement) for statement in settings)
    return (*steps, *start_steps(verbs, now, end))


def _prefix(verbs: Verbs) -> str:
    return verbs.dialect.change["host"].rsplit("_", 1)[0]


def _options(verbs: Verbs, sides: Sides, channel: Channel, done: List[str], left: List[str]) -> Pairs:
    found = option_pairs(verbs, sides, channel, done, left)
    if sides.may_have("RESET", "CHANGE") and (sides.before.get("filters") or {}) != dict(channel.filters):
        left.append("The replication filters were %s; set them by hand." % (sides.before.get("filters") or "none"))
    return found


def _heartbeat(verbs: Verbs, server: Server, channel: Channel, change: Pairs) -> Pairs:
    """The heartbeat period, which MySQL 5.6 and MariaDB set to its default with every CHANGE (measured)."""
    word, period = BY_NAME[HEARTBEAT].spelled(verbs), heartbeat_of(server, channel)
    if verbs.dialect.name == "source" or not change or period is None or any(name == word for name, _unused in change):
        return ()
    return ((word, period),)


def _coordinates(verbs: Verbs, sides: Sides, channel: Channel, done: List[str], left: List[str]) -> Pairs:
    """The applied coordinates, where the change lost them: between RESET and CHANGE the channel has none."""
    before = coordinates_from(sides.before.get("executed"))
    if sides.before.get("mode") != POSITION or before is None:
        return ()
    if channel.executed is None and not sides.lost_coordinates():
        left.append(
            "The channel has lost its coordinates, and not by this change: those of the record (%s) may be long past."
            % before
        )
        return ()
    if channel.executed is None:
        done.append("applied coordinates: %s instead of nothing" % before)
        return ((verbs.dialect.change["log_file"], before.file), (verbs.dialect.change["log_pos"], before.position))
    point = moved_point(sides, channel)
    if point is not None:
        done.append("applied coordinates: %s instead of %s" % (point, channel.executed))
        return ((verbs.dialect.change["log_file"], point.file), (verbs.dialect.change["log_pos"], point.position))
    if channel.executed != before:
        left.append(
            "The applied coordinates were %s and are %s now: what was applied in between stays applied."
            % (before, channel.executed)
        )
    return ()


def lost_point(record: Mapping[str, Any], channel: Channel) -> Optional[Coordinates]:
    """The recorded coordinates, where they are to be put back: the source must have everything from there on."""
    before = record["before"]["channel"] or {}
    moved = moved_point(sides_of(record), channel)
    if moved is not None:
        return moved
    if before.get("mode") == POSITION and channel.executed is None and sides_of(record).lost_coordinates():
        return coordinates_from(before.get("executed"))
    return None


def _position(verbs: Verbs, sides: Sides, server: Server, done: List[str], left: List[str]) -> Tuple[Statement, ...]:
    """MariaDB's gtid_slave_pos, where it lost what was applied; it is one value for all connections."""
    recorded = sides.server_before.get("replica_position")
    if not verbs.mariadb or recorded is None or server.replica_position is None:
        return ()
    try:
        before = GtidPosition.parse(recorded)
        order = before.compare(server.replica_position)
    except GtidError:
        return ()
    moved = [domain for domain, state in order.items() if state != EQUAL]
    if not moved:
        return ()
    by_it = not sides.server_after.get("replica_position") if sides.finished else sides.may_have_set("gtid_slave_pos")
    lost = not server.replica_position and bool(before) and by_it
    if lost and len(server.channels) == 1:
        done.append("gtid_slave_pos: %s instead of nothing" % before)
        return (Statement("SET GLOBAL gtid_slave_pos = %s", (str(before),), purpose="put gtid_slave_pos back"),)
    advanced = all(order[domain] == BEHIND for domain in moved)
    reason = "what was applied in between stays applied" if advanced else "moving it is a repair of its own"
    left.append("gtid_slave_pos was %s and is %s now: %s." % (before, server.replica_position or "empty", reason))
    return ()


def _history(sides: Sides, server: Server, left: List[str]) -> None:
    """MySQL's GTID sets: what was added stays, and what is gone is named."""
    recorded = sides.server_before.get("executed")
    if recorded is None or server.executed is None:
        return
    try:
        before = GtidSet.parse(recorded)
    except GtidError:
        return
    gone = before.subtract(server.executed)
    if gone:
        left.append("gtid_executed has lost %s since: adding GTIDs is a repair of its own." % gone)
    if text(server.executed) != recorded and server.executed.subtract(before):
        left.append("Transactions that were applied, skipped or written since stay in gtid_executed.")


def _variables(sides: Sides, server: Server, done: List[str], left: List[str]) -> Tuple[Statement, ...]:
    before: Dict[str, str] = dict(sides.server_before.get("variables") or {})
    after: Dict[str, str] = dict(sides.server_after.get("variables") or {})
    found = []
    for name in (*VARIABLES, *BY_HAND):
        if name not in before or name not in server.variables or not sides.may_have_set(name):
            continue
        now = server.variables[name]
        what = fate(before[name], after.get(name), now, sides.finished)
        if what != SAME and name in BY_HAND:
            left.append("Variable %s was %s before and is %s now; it is left to you." % (name, before[name], now))
        elif what == RESTORE:
            value: Any = int(before[name]) if before[name].isdigit() else before[name]
            found.append(Statement("SET GLOBAL %s = %%s" % name, (value,), purpose="put %s back" % name))
            done.append("variable %s: %s instead of %s" % (name, before[name], now))
        elif what == MOVED:
            left.append("Variable %s was changed again since (it is %s now)." % (name, now))
    return tuple(found)


def _threads(sides: Sides, channel: Channel, done: List[str], left: List[str]) -> Threads:
    """The threads that are to run at the end. One that had stopped with an error is not stopped again."""
    before, after = sides.before.get("threads") or {}, sides.after.get("threads") or {}
    end = set(running(channel))
    for thread, now in (("receiver", channel.receiver), ("applier", channel.applier)):
        ran, runs = _on(before.get(thread)), _on(now)
        if thread not in sides.threads():
            continue
        what = fate(ran, _on(after.get(thread)), runs, sides.finished)
        if what == SAME:
            continue
        if what == MOVED or (sides.before.get("%s_fault" % thread) and not ran):
            left.append("The %s was %s before; it is left %s." % (thread, _word(ran), _word(runs)))
        elif ran:
            end.add(thread)
            done.append("the %s runs again" % thread)
        else:
            end.discard(thread)
            done.append("the %s is stopped again" % thread)
    return frozenset(end)


def _on(state: Any) -> Optional[bool]:
    return None if state is None else state != STOPPED


def _word(on: Optional[bool]) -> str:
    return "running" if on else "stopped"
