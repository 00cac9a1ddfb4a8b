# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `change_master` is asked for, what of it differs from the channel, and what the channel will be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .change_source_rules import check_combination, check_values, must_demote
from .channel_plan import BOTH, Threads, Verbs
from .errors import BadInputError
from .gtid_mariadb import GtidPosition
from .snapshot import GTID, POSITION, STOPPED, Channel, Coordinates, Peer, Server
from .source_options import (
    BOTH_SIDES,
    BY_NAME,
    COORDINATES,
    DEMOTE,
    LOG_FILE,
    LOG_POS,
    MODES,
    OPTIONS,
    PASSWORD,
    PLACE,
    Plain,
    SourceOption,
    plain,
    shown,
)

ATTEMPT = "change the source of a channel"
ABSENT = "absent"


@dataclass(frozen=True)
class Wish:
    """The options of the module.

    :param given: the options of CHANGE that were given, by our name.
    :param rewind: coordinates behind the applied ones are set all the same.
    :param leave_stopped: threads that had to be stopped stay so; ``start_both``: both run behind a change.
    :param discard_gaps: the coordinates given cover everything that is applied, gaps of parallel workers included.
    :param allow_lost_tail: begin at the coordinates given although the source has lost what it sent behind them.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    state: str = "present"
    update_password: str = "on_create"
    rewind: bool = False
    leave_stopped: bool = False
    start_both: bool = False
    allow_unverified: bool = False
    allow_newer_source: bool = False
    discard_gaps: bool = False
    allow_lost_tail: bool = False

    @property
    def values(self) -> Dict[str, Plain]:
        """The options given, in the form in which they are compared. Raises BadInputError."""
        return {name: plain(BY_NAME[name], value) for name, value in self.given.items() if value is not None}


@dataclass(frozen=True)
class Around:
    """What the plan is made from besides the channel.

    :param creating: the channel is not there yet.
    :param running: the threads that ran when the module looked first.
    :param source: the source that the channel is to have, if it was asked.
    :param oldest: MariaDB: the position at the head of the source's oldest binlog.
    :param furthest: MySQL: how far the furthest parallel worker got.
    :param prepared: the XA transactions that are prepared; None when that could not be asked.
    :param plugin: how the replication account proves itself on the source; None when that could not be asked.
    """

    verbs: Verbs
    state_id: str
    creating: bool = False
    running: Threads = frozenset()
    source: Optional[Peer] = None
    oldest: Optional[GtidPosition] = None
    furthest: Optional[Coordinates] = None
    prepared: Optional[Sequence[str]] = None
    plugin: Optional[str] = None


@dataclass(frozen=True)
class Change:
    """One option that differs."""

    option: SourceOption
    now: Plain
    wanted: Plain


def blank(name: str) -> Channel:
    """A channel that is not there yet."""
    return Channel(name, "", 0, "", "", 0, POSITION, STOPPED, STOPPED, "", "", None, None, None, None, None)


def current(channel: Channel, creating: bool) -> Dict[str, Plain]:
    """Every setting of the channel in the form in which it is compared; what cannot be read is left out."""
    found = {}
    for option in OPTIONS:
        if option.setting and not (creating and option.unset is None):
            found[option.name] = plain(option, channel.settings.get(option.setting))
    if creating:
        found["use_gtid"] = "slave_pos"  # what MariaDB 10.10 and later begin with, without coordinates
        del found["source_ssl"]  # MySQL 9.7 and MariaDB 11.8 begin with TLS, the others without
    return found


def differences(wish: Wish, server: Server, channel: Channel, creating: bool) -> Tuple[Change, ...]:
    """The options that differ from the channel, in the order of the table.

    :raises BadInputError: values that make no sense, on this server or with what stays.
    """
    wanted = wish.values
    check_values(wanted, server.flavour.is_mariadb)
    if creating and not wanted.get("source_host"):
        raise BadInputError(
            "%s has no such channel, and option source_host is not given" % server.address,
            advice="Give source_host, source_user and source_password to make it, or correct option channel.",
        )
    now = current(channel, creating)
    if not creating:
        _check_gtid_is_left(server, now, wanted)
    found: List[Change] = []
    for option in OPTIONS:
        if option.name not in wanted or option.name in (*COORDINATES, PASSWORD, DEMOTE):
            continue
        if creating or now.get(option.name) != wanted[option.name]:
            found.append(Change(option, now.get(option.name), wanted[option.name]))
    names = {change.option.name for change in found}
    if PASSWORD in wanted and (creating or wish.update_password == "always" or "source_user" in names):
        found.append(Change(BY_NAME[PASSWORD], None, wanted[PASSWORD]))
    if wanted.get(DEMOTE) == 1 and must_demote(server):
        found.append(Change(BY_NAME[DEMOTE], 0, 1))
    point = point_of(wanted)
    if point is not None and (creating or names & {*PLACE, *MODES} or _moves(channel, point, wish.rewind)):
        known = channel.executed or channel.read
        found.append(Change(BY_NAME[LOG_FILE], known.file if known else None, point.file))
        found.append(Change(BY_NAME[LOG_POS], known.position if known else None, point.position))
    found.sort(key=lambda change: OPTIONS.index(change.option))
    if found:
        check_combination(server, channel, after_values(now, found))
    return tuple(found)


def unfulfilled(wish: Wish, channel: Optional[Channel]) -> str:
    """What must be said about settings that the server did not take as they were given; empty when it took all."""
    if channel is None or wish.state == ABSENT:
        return ""
    now = current(channel, False)
    other = [name for name, value in wish.values.items() if name in now and now[name] != value]
    shows = "; ".join("%s is %s" % (name, now[name]) for name in other)
    return "The server has taken a setting otherwise than it was given: %s." % shows if other else ""


def _check_gtid_is_left(server: Server, now: Mapping[str, Plain], wanted: Mapping[str, Plain]) -> None:
    uses = now.get("auto_position") == 1 or now.get("use_gtid", "no") != "no"
    name = "use_gtid" if server.flavour.is_mariadb else "auto_position"
    if LOG_FILE in wanted and uses and name not in wanted:
        raise BadInputError(
            "Coordinates are given, and the channel replicates by GTID",
            advice="Give %s as well to leave GTIDs, or leave the coordinates out."
            % ("use_gtid: 'no'" if server.flavour.is_mariadb else "auto_position: false"),
        )


def after_values(now: Mapping[str, Plain], changes: Sequence[Change]) -> Dict[str, Plain]:
    """The channel's settings as they will be, by the name of the option. Coordinates turn GTIDs off on MariaDB."""
    wanted = {change.option.name: change.wanted for change in changes}
    return {**now, **({"use_gtid": "no"} if LOG_FILE in wanted else {}), **wanted}


def point_of(wanted: Mapping[str, Plain]) -> Optional[Coordinates]:
    """The coordinates that were given."""
    if LOG_FILE not in wanted:
        return None
    return Coordinates(str(wanted[LOG_FILE]), int(str(wanted[LOG_POS])))


def _moves(channel: Channel, point: Coordinates, rewind: bool) -> bool:
    """Whether coordinates are still to be set: not when they are reached, unless going back is wanted."""
    known = channel.executed or channel.read
    if known is None:
        return True
    return known != point and (rewind or not known.reached(point))


def left_behind(wish: Wish, channel: Channel, creating: bool) -> str:
    """What must be said about coordinates that the channel has passed already; empty when there is nothing."""
    point, known = point_of(wish.values), channel.executed or channel.read
    if creating or wish.rewind or point is None or known is None or known == point or not known.reached(point):
        return ""
    return "%s has applied up to %s, beyond %s, and is not taken back (option rewind)." % (
        channel.label.capitalize(), known, point,
    )  # fmt: skip


def mode_after(server: Server, values: Mapping[str, Plain]) -> str:
    """The mode of the channel with these settings."""
    if server.flavour.is_mariadb:
        return GTID if values.get("use_gtid") in ("slave_pos", "current_pos") else POSITION
    return GTID if values.get("auto_position") == 1 else POSITION


def is_same_source(channel: Channel, source: Optional[Peer]) -> bool:
    """Whether the server asked is the one that the channel replicates from already, under whatever name."""
    if source is None or source.server is None:
        return False
    if channel.source_uuid and source.server.uuid:
        return channel.source_uuid.lower() == source.server.uuid.lower()
    return channel.source_server_id != 0 and channel.source_server_id == source.server.server_id


def places(wish: Wish, channel: Channel) -> Channel:
    """The channel with the host and port that it is to have, and no identity of a source when they are others."""
    values = wish.values
    host = str(values.get("source_host", channel.source_host))
    port = int(str(values.get("source_port", channel.source_port or 3306)))
    if (host, port) == (channel.source_host, channel.source_port):
        return channel
    return replace(channel, source_host=host, source_port=port, source_uuid="", source_server_id=0)


def needed(server: Server, changes: Sequence[Change], restates_point: bool) -> Threads:
    """The threads that must stand still for these changes, as measured (see `source_options`)."""
    if server.flavour.is_mariadb or not server.features.channels or restates_point:
        return BOTH
    sides = {change.option.side for change in changes}
    if BOTH_SIDES in sides or len(sides) > 1:
        return BOTH
    return frozenset(sides)


def predicted(before: Mapping[str, Any], channel: Channel, changes: Sequence[Change], mode: str) -> Dict[str, Any]:
    """The channel's dict as it will be, for check mode."""
    after = dict(before)
    settings = dict(channel.settings)
    for change in changes:
        if change.option.setting:
            value = shown(change.option, change.wanted)
            settings.pop(change.option.setting, None)
            if value is not None:
                settings[change.option.setting] = value
    after["settings"] = settings
    values = {change.option.name: change.wanted for change in changes}
    after.update(mode=mode, channel=channel.name, source_port=channel.source_port or 3306)
    for name, key in (("source_host", "source_host"), ("source_port", "source_port"), ("source_user", "source_user"),
                      ("source_delay", "delay")):  # fmt: skip
        if name in values:
            after[key] = values[name]
    if "use_gtid" in values:
        after["using_gtid"] = "_".join(part.capitalize() for part in str(values["use_gtid"]).split("_"))
    point = point_of(values)
    if point is not None:
        after["executed"] = after["read"] = {"file": point.file, "position": point.position}
    return after
