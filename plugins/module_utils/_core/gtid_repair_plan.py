# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a wish and what is there to a plan that makes GTID sets agree; the same for check mode and the real run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from . import gtid_repair as rules
from . import gtid_repair_mariadb as mariadb
from . import gtid_repair_reset as resets
from . import gtid_repair_steps as made
from . import refetch
from .channel_plan import Threads, Verbs, running, start_steps
from .gtid_mysql import GtidSet, describe
from .gtid_repair import APPEND, INJECT, RESET, Wish
from .gtid_repair_around import Around
from .permit import check_skip_counter
from .plan import STOP, Plan
from .snapshot import GTID, Channel, Server

ANEW = "The relay logs go, because the applier would go on expecting the error that is noted in them."
STARTED = "What stopped at them, or for want of them, is started."
BY_COORDINATES = "The channel goes by coordinates: what it fetches does not depend on gtid_slave_pos."
HERE = "Whether their changes are here was not looked at: it is taken on the caller's word."


@dataclass(frozen=True)
class Planned:
    """A plan and what it comes to.

    :param method: `APPEND`, `INJECT` or `RESET`.
    :param gtids: what is added (with `RESET` what is left), as text; empty when nothing has to be done.
    :param count: the same for people.
    :param told: who is left without the changes.
    :param wanted: MySQL: what must count as executed afterwards.
    :param move: MariaDB: where the position goes.
    :param end: the threads of the channel that run afterwards.
    :param others: MariaDB: the other connections that are stopped for a moment.
    """

    plan: Plan
    method: str
    gtids: str = ""
    count: str = ""
    note: str = ""
    told: Tuple[str, ...] = ()
    wanted: GtidSet = field(default_factory=GtidSet)
    move: Optional[mariadb.Move] = None
    end: Threads = frozenset()
    others: Tuple[Channel, ...] = ()
    anew: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def looks_again(self) -> bool:
        """Whether more may be executed before the work begins, so that the plan has to be made again then."""
        stops = any(step.session == STOP and step.wait == "applier_stopped" for step in self.plan.steps)
        return stops or (self.move is None and self.method == RESET)


def plan(
    wish: Wish, verbs: Verbs, server: Server, channel: Channel, around: Around, state_id: str,
    record_dir: Optional[str],
) -> Planned:  # fmt: skip
    """The whole change.

    :param state_id: the state that it is computed from.
    :param record_dir: where the record will go; without one history is not changed.
    :raises BadInputError: ``gtids`` cannot be read.
    :raises RefusedError: a rule forbids it.
    """
    make = _mariadb if server.flavour.is_mariadb else _mysql
    planned = make(wish, verbs, server, channel, around, state_id)
    rules.check_record(bool(planned.plan.steps) and planned.plan.risk != "none", record_dir, server, planned.method)
    check_skip_counter(server, channel, planned.plan.steps, rules.attempt(planned.method))
    return planned


def _mysql(wish: Wish, verbs: Verbs, server: Server, channel: Channel, around: Around, state_id: str) -> Planned:
    executed = rules.check_gtids(server, rules.attempt(wish.method))
    found = rules.wanted(wish, server, channel, around)
    if wish.method == RESET:
        return _reset(wish, verbs, server, channel, around, state_id, found)
    missing = found.gtids - executed
    anew = made.must_refetch(channel, found.gtids, executed)
    mended = made.mended_threads(channel, found.gtids, executed, _purged(around))
    if not missing and not anew and not mended:
        return Planned(Plan(state_id), wish.method, note=found.note, wanted=found.gtids)
    told: Tuple[str, ...] = ()
    method = INJECT if wish.method == rules.AUTO else wish.method
    if missing:
        method = rules.choose(wish, server, missing, around)
        rules.check_pending(server, channel, missing, method)
        told = rules.withheld(server, missing, around)
        rules.check_withheld(wish, server, told, method)
    if anew:
        after = replace(server, executed=executed | missing)
        proof = refetch.evidence(after, channel, around.source, around.oldest)
        refetch.check(after, channel, proof, False)
    notes = [found.note, ANEW if anew else "", "" if missing else STARTED]
    planned = Planned(
        Plan(state_id), method, str(missing), describe(missing) if missing else "", " ".join(filter(None, notes)), told,
        found.gtids, end=made.ends_with(channel, mended), anew=anew,
    )  # fmt: skip
    return _complete(planned, verbs, server, channel, missing)


def _purged(around: Around) -> Optional[GtidSet]:
    source = around.source.server if around.source is not None else None
    return source.purged if source is not None else None


def _complete(planned: Planned, verbs: Verbs, server: Server, channel: Channel, missing: GtidSet) -> Planned:
    """The plan with its statements for what is missing now."""
    work = made.append(missing) if planned.method == APPEND else made.inject(missing)
    steps = made.around(verbs, server, channel, work if missing else (), planned.end, planned.anew)
    name = "Append" if planned.method == APPEND else "Write empty transactions for"
    summary = "%s %s." % (name, describe(missing)) if missing else STARTED
    full = Plan(
        planned.plan.state_id, steps, summary, "replica_history" if missing else "none",
        (HERE, *planned.told) if missing else (), made.privileges(planned.method, verbs, missing),
    )  # fmt: skip
    details = {"method": planned.method, "missing": str(missing), "wanted": str(planned.wanted)}
    return replace(planned, plan=full, details=details)


def _reset(
    wish: Wish, verbs: Verbs, server: Server, channel: Channel, around: Around, state_id: str, found: rules.Wanted
) -> Planned:
    executed = server.executed or GtidSet()
    wanted = found.gtids
    # A history that begins at the set says nothing where the same numbers were lost twice.
    if executed == wanted or (not wish.fetch_again and resets.is_done(server, wanted, around)):
        return Planned(Plan(state_id), RESET, note=found.note, wanted=wanted)
    resets.check(server, channel, wanted, around, wish.fetch_again)
    anew = bool(channel.source_host) and channel.mode == GTID
    end = running(channel)
    steps = made.around(verbs, server, channel, made.reset(verbs, wanted, executed), end, anew)
    summary = "Reset the GTID history to %s." % describe(wanted)
    lost = resets.loses(server, wanted)
    full = Plan(state_id, steps, summary, "replica_history", lost, made.privileges(RESET, verbs, wanted))
    details: Dict[str, Any] = {"method": RESET, "wanted": str(wanted), "executed": str(executed)}
    return Planned(full, RESET, str(wanted), describe(wanted), found.note, (), wanted, end=end, anew=anew,
                   details=details)  # fmt: skip


def _mariadb(wish: Wish, verbs: Verbs, server: Server, channel: Channel, around: Around, state_id: str) -> Planned:
    method = mariadb.check_method(wish, server)
    move = mariadb.move(wish, server, around)
    mended = mariadb.mended_threads(channel, move.target, around)
    end = running(channel) | mended
    clears = method == RESET and (move.target != server.replica_position or resets.strays(server, around))
    if not move.over and not clears:
        started = Plan(state_id, start_steps(verbs, channel, end), STARTED) if mended else Plan(state_id)
        return Planned(started, method, note=STARTED if mended else "", move=move, end=end)
    told: Tuple[str, ...] = ()
    lost: Tuple[str, ...] = ("the binlogs of %s" % server.address,)
    if method == RESET:
        resets.check_readers(server, around)
        resets.check_position(replace(server, replica_position=move.target), channel, around)
    else:
        mariadb.check_below(server, around, method)
        mariadb.check_known(server, move, around)
        told = mariadb.withheld(move, around)
        rules.check_withheld(wish, server, told, method)
        lost = (HERE, *told)
    steps = mariadb.steps(verbs, server, channel, move, end, method == RESET)
    text = ",".join(str(gtid) for gtid in move.over)
    full = Plan(
        state_id, steps, "Move gtid_slave_pos to %s." % move.target, "replica_history", lost,
        mariadb.privileges(method == RESET),
    )  # fmt: skip
    others = tuple(other for other in server.channels if other.name != channel.name and running(other))
    details = {"method": method, "position": str(move.target), "position_before": str(server.replica_position)}
    note = "" if channel.mode == GTID else BY_COORDINATES
    return Planned(full, method, text, text, note, told, move=move, end=end, others=others, details=details)


def again(wish: Wish, planned: Planned, verbs: Verbs, server: Server, channel: Channel, around: Around) -> Planned:
    """The change planned anew once the applier stands still: what it has applied by then is left out.

    :raises RefusedError: the server must not be changed in that way any more.
    """
    if planned.move is not None:
        if planned.method == RESET:
            return planned
        steps, moved = mariadb.steps_at(planned.plan.steps, planned.move, server)
        return replace(planned, plan=replace(planned.plan, steps=steps), move=moved)
    if planned.method == RESET:
        resets.check_unmoved(GtidSet.parse(str(planned.details["executed"])), server)
        return planned
    missing = planned.wanted - (server.executed or GtidSet())
    if missing:
        rules.choose(replace(wish, method=planned.method), server, missing, around)
    now = replace(planned, gtids=str(missing), count=describe(missing) if missing else "")
    return _complete(now, verbs, server, channel, missing)


def check_done(planned: Planned, after: Server, queries: Sequence[str]) -> None:
    """Make sure that it has come about. Raises ReplicaError when it has not."""
    if planned.move is not None:
        mariadb.check_done(after, planned.move, queries)
    else:
        made.check_done(after, planned.wanted, planned.method == RESET, queries)


def predicted(planned: Planned, before: Mapping[str, Any]) -> Dict[str, Any]:
    """The state that is expected afterwards, for check mode.

    :param before: the state now, see `gtid_repair_report.picture`.
    """
    after = dict(before)
    if not planned.plan.steps:
        return after
    if planned.move is not None:
        after["slave_pos"] = str(planned.move.target)
    elif planned.method == RESET:
        after["executed"] = after["purged"] = str(planned.wanted)
    else:
        after["executed"] = _joined(before["executed"], planned.gtids)
        if planned.method == APPEND:
            after["purged"] = _joined(before["purged"], planned.gtids)
    for thread in ("receiver", "applier"):
        if thread in before:
            after[thread] = "running" if thread in planned.end else "stopped"
    return after


def _joined(one: Optional[str], other: str) -> str:
    return str(GtidSet.parse(one or "") | GtidSet.parse(other))
