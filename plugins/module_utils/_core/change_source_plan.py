# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which statements bring a channel's settings where they are wanted, and what that would lose.

As few threads stop as the server allows, the receiver last and shortly. CHANGE throws relay logs away when both threads
stand still, and they may be the only copy of transactions; so the source is asked then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import AbstractSet, Optional, Tuple

from . import refetch
from .change_source import (
    ABSENT,
    ATTEMPT,
    Around,
    Change,
    Wish,
    after_values,
    current,
    differences,
    is_same_source,
    left_behind,
    mode_after,
    needed,
    places,
    point_of,
)
from .change_source_rules import check_gtid_start, check_source_fits, login_warning
from .change_source_steps import check_discard, discards, has_gaps, reset_all, steps_of
from .channel_plan import BOTH, Threads, running, stop_steps
from .errors import BadInputError, RefusedError
from .permit import check_prepared, check_skip_counter, check_temporary_tables
from .plan import Plan, Step
from .refetch import Evidence
from .snapshot import GTID, POSITION, STOPPED, Channel, Coordinates, Server
from .source_options import BY_NAME, LOG_FILE, MODES, PASSWORD, PLACE, RECEIVER_SIDE


@dataclass(frozen=True)
class Decision:
    """What is to be done and what is to be said about it.

    :param drops: the relay logs are thrown away.
    :param late: the plan has to be made again once the applier stands still.
    :param mode: the channel's mode afterwards.
    """

    plan: Plan
    changes: Tuple[Change, ...] = ()
    notes: Tuple[str, ...] = ()
    drops: bool = False
    late: bool = False
    mode: str = POSITION
    end: Threads = frozenset()

    @property
    def message(self) -> str:
        """Summary and notes in plain sentences."""
        return " ".join(part for part in (self.plan.summary, *self.notes) if part)


def needs_source(wish: Wish, server: Server, channel: Channel, creating: bool) -> bool:
    """Whether the source has to be asked for a plan: relay logs go, or the channel will read from elsewhere."""
    if wish.state == ABSENT:
        return not creating
    changes = differences(wish, server, channel, creating)
    names = {change.option.name for change in changes}
    return bool(changes) and (
        creating
        or bool(names & {*PLACE, *MODES, LOG_FILE, "source_user", "source_ssl", "get_source_public_key"})
        or _drops(running(channel), needed(server, changes, False), creating)
    )


def decide(wish: Wish, server: Server, channel: Channel, around: Around) -> Decision:
    """The decision for a channel that is to have these settings; a plan without steps when it has them.

    :raises BadInputError: settings that this server cannot have, or a source that cannot be followed.
    :raises RefusedError: a rule forbids it; the message says which and what to do.
    """
    if wish.state == ABSENT:
        return _absent(wish, server, channel, around)
    changes = differences(wish, server, channel, around.creating)
    note = left_behind(wish, channel, around.creating)
    if not changes:
        summary = "%s has these settings already." % channel.label.capitalize()
        return Decision(Plan(around.state_id, summary=summary), notes=_some(note), mode=channel.mode)
    values = after_values(current(channel, around.creating), changes)
    names, mode = {change.option.name for change in changes}, mode_after(server, values)
    moved = bool(names & {*PLACE}) and not is_same_source(channel, around.source)
    if around.creating or names & {*PLACE, *MODES}:
        source = around.source.server if around.source else None
        check_source_fits(server, channel, source, mode == GTID, wish.allow_newer_source)
        if mode == GTID and channel.mode == POSITION:
            check_gtid_start(server, channel, source)
    point = _restated_point(server, channel, names, mode, moved, around)
    stop = needed(server, changes, point is not None)
    drops = _drops(around.running, stop, around.creating)
    notes = [note]
    if _knows_public_key(server, channel, around.creating):
        notes.append(login_warning(values, around.source, around.plugin))
    risk, loses = "none", ()  # type: Tuple[str, Tuple[str, ...]]
    if drops or moved or around.creating:
        found = evidence(wish, server, channel, around, mode, moved)
        if around.creating:
            notes.extend("Note: %s." % text for text in found.lost)
        elif drops or found.lost:
            risk, loses = _risk(wish, server, channel, found)
    loses = (*loses, *_unapplied(wish, server, channel))
    check_discard(wish, server, channel, around.furthest)
    discarded = discards(wish, server, channel, around.furthest)
    if discarded:
        risk, loses = "replica_history", (*loses, _word_for_gaps(channel, around.furthest))
    if drops:
        check_temporary_tables(server, ATTEMPT)
        notes.append(check_prepared(server, around.prepared, ATTEMPT))
    steps = steps_of(wish, server, channel, around, changes, stop, point)
    check_skip_counter(server, channel, steps, ATTEMPT)
    needs = (*refetch.privileges(around.verbs), *(("RELOAD",) if discarded else ()))
    plan = Plan(around.state_id, steps, _summary(channel, names, around.creating), risk, loses, needs)
    late = (drops or point is not None) and channel.applier != STOPPED
    notes.append("" if wish.start_both else _left_stopped(channel, names))
    if "source_user" in names and PASSWORD not in names and not around.creating:
        notes.append("The channel keeps its password: give source_password if the account has another.")
    end = frozenset() if wish.leave_stopped else BOTH if wish.start_both else around.running
    return Decision(plan, changes, _some(*notes), drops, late, mode, frozenset(end) | (around.running - stop))


def _unapplied(wish: Wish, server: Server, channel: Channel) -> Tuple[str, ...]:
    """What goes with the relay logs of a source that lost it as well, a sentence each."""
    if not wish.allow_lost_tail or channel.mode != POSITION or drained(server, channel):
        return ()
    return ("What was fetched behind %s and is not applied, up to %s" % (channel.executed, channel.read),)


def _word_for_gaps(channel: Channel, furthest: Optional[Coordinates]) -> str:
    beyond = "up to %s" % furthest if furthest else "beyond that"
    return "What the parallel workers recorded: without gaps up to %s, with gaps %s" % (channel.executed, beyond)


def _left_stopped(channel: Channel, names: AbstractSet[str]) -> str:
    """What must be said about a receiver that an error had stopped: this change may have mended that."""
    about = any(BY_NAME[name].side == RECEIVER_SIDE for name in names)
    if channel.receiver != STOPPED or channel.receiver_fault is None or not about:
        return ""
    return "The receiver had stopped with error %d and is left stopped: start it with replica_channel." % (
        channel.receiver_fault.number
    )


def _knows_public_key(server: Server, channel: Channel, creating: bool) -> bool:
    """Whether the channel can be told about the source's public key: then its accounts may need it."""
    return "get_public_key" in channel.settings or (creating and server.features.purged_append)


def _some(*notes: str) -> Tuple[str, ...]:
    return tuple(note for note in notes if note)


def _summary(channel: Channel, names: AbstractSet[str], creating: bool) -> str:
    if creating:
        return "Make %s." % channel.label
    ordered = [name for name in BY_NAME if name in names]
    return "Change %s of %s." % (", ".join(ordered), channel.label)


def _drops(runs: Threads, stop: Threads, creating: bool) -> bool:
    """Whether CHANGE throws the relay logs away: both threads stand still then."""
    return not creating and not runs - stop


def evidence(wish: Wish, server: Server, channel: Channel, around: Around, mode: str, moved: bool) -> Evidence:
    """Whether the source that the channel will have can send everything from the applied point on.

    Relay logs in which everything is applied are the only copy of nothing.
    """
    aimed = aimed_at(wish, channel, mode, moved)
    if wish.allow_lost_tail and wish.rewind and mode == POSITION:
        aimed = replace(aimed, read=None)
    found = refetch.evidence(server, aimed, around.source, around.oldest)
    if found.lost or found.proven:
        return found
    if drained(server, channel):
        return Evidence(True)
    if moved and mode == POSITION and around.source is not None and around.source.server is not None:
        return Evidence(False, unknown="the relay logs hold what is not applied yet, up to %s" % channel.read)
    return found


def aimed_at(wish: Wish, channel: Channel, mode: str, moved: bool) -> Channel:
    """The channel as it will ask its source: with the mode, place and coordinates that it is to have."""
    aimed = replace(places(wish, channel), mode=mode)
    point = point_of(wish.values)
    if point is not None and (moved or channel.executed is None or not channel.executed.reached(point) or wish.rewind):
        aimed = replace(aimed, executed=point)
    # Coordinates of one source mean nothing on another.
    return replace(aimed, read=None) if moved and mode == POSITION else aimed


def drained(server: Server, channel: Channel) -> bool:
    """Whether all that was fetched is applied."""
    if server.flavour.is_mariadb or channel.mode == POSITION:
        return channel.read == channel.executed and channel.position_gaps is not True
    if server.executed is None or channel.retrieved is None:
        return False
    return not channel.retrieved.subtract(server.executed)


def _risk(wish: Wish, server: Server, channel: Channel, found: Evidence) -> Tuple[str, Tuple[str, ...]]:
    if found.proven:
        return "none", ()
    if wish.allow_unverified and not found.lost:
        return "replica_history", (found.unknown,)
    raise RefusedError(
        ATTEMPT,
        "%s, %s" % (server.address, channel.label),
        "; ".join(found.lost) or "the relay logs would be thrown away, and %s" % found.unknown,
        "The channel could not go on from there. Choose a source that has it all, or mend the replica first."
        if found.lost
        else "Let the applier apply what is fetched, or give a login for the source with option source, or throw the "
        "relay logs away with allow_unverified=true.",
        {"loses": list(found.lost), "unknown": found.unknown},
    )


def _restated_point(
    server: Server, channel: Channel, names: AbstractSet[str], mode: str, moved: bool, around: Around
) -> Optional[Coordinates]:
    """The coordinates that CHANGE must be told because it would lose them; None when it needs none.

    :raises BadInputError: another source is to be followed by coordinates, and none are given.
    """
    if around.creating or mode != POSITION or LOG_FILE in names or not {*PLACE, *MODES} & names:
        return None
    if moved:
        raise BadInputError(
            "%s replicates by coordinates, and those of one source mean nothing on another"
            % channel.label.capitalize(),
            advice="Give source_log_file and source_log_pos. If host and port lead to the same server as before, give "
            "option source, so that it can be asked.",
        )
    if channel.executed is None:
        raise BadInputError(
            "The coordinates up to which %s has applied are not known" % channel.label,
            advice="Give source_log_file and source_log_pos.",
        )
    if channel.applier == STOPPED and has_gaps(server, channel, around.furthest):
        refetch.check_exact(server, channel, around.furthest)
    return channel.executed


def _absent(wish: Wish, server: Server, channel: Channel, around: Around) -> Decision:
    """Take the channel away, with its relay logs and its coordinates."""
    if around.creating:
        return Decision(Plan(around.state_id, summary="There is no such channel."))
    found = evidence(wish, server, channel, around, channel.mode, False)
    risk, loses = _risk(wish, server, channel, found)
    check_temporary_tables(server, "remove a channel")
    note = check_prepared(server, around.prepared, "remove a channel")
    if has_gaps(server, channel, around.furthest):
        refetch.check_exact(server, channel, around.furthest)
    if channel.mode == POSITION and channel.executed is not None:
        risk, loses = "replica_history", (*loses, "the point up to which it has applied, %s" % channel.executed)
    stops = stop_steps(around.verbs, channel, BOTH)
    steps = (*stops, Step(reset_all(around.verbs)))
    plan = Plan(
        around.state_id, steps, "Remove %s." % channel.label, risk, loses, (*refetch.privileges(around.verbs), "RELOAD")
    )
    return Decision(plan, (), _some(note), True, channel.applier != STOPPED, channel.mode)


def mode_of(wish: Wish, server: Server, channel: Channel, creating: bool) -> str:
    """The channel's mode as it will be."""
    changes = () if wish.state == ABSENT else differences(wish, server, channel, creating)
    return mode_after(server, after_values(current(channel, creating), changes))


def undo(wish: Wish, found: Decision, creating: bool) -> Tuple[str, ...]:
    """What the record has to say about putting this change back."""
    said = []
    if creating:
        said.append("The channel was made by this change: change_master with state=absent removes it.")
    if wish.state == ABSENT:
        said.append(
            "The channel was removed: make it again with change_master. Its settings and the applied point are in this "
            "record, its password is not."
        )
    if found.drops:
        said.append("The relay logs are thrown away: what was in them is fetched again from the source.")
    if any(change.option.name == PASSWORD for change in found.changes):
        said.append("The channel's password was set; the one before is not known.")
    return tuple(said)
