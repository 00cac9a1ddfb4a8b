# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks into the transactions that a look at the sets leaves in doubt: what they do, and whether both have the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Callable, Dict, Optional, Protocol, Sequence, Tuple

from .._core import gtid_content as rules
from .._core import lost_tail as lost_tail_rules
from .._core.case import Lacking
from .._core.diagnose import Surroundings
from .._core.errors import ReplicaError
from .._core.fault_classes import RECEIVER, classify
from .._core.gtid_mariadb import BEHIND, GtidPosition, MariadbGtid
from .._core.gtid_mysql import GtidSet
from .._core.lost_tail import Tail
from .._core.snapshot import GTID, POSITION, RUNNING, Channel, Server
from .connect import Login, connect

# More transactions than these are not read to tell what they do, or compared where the source lost some.
MOST_DESCRIBED = 1000
MOST_COMPARED = 10000

# How a source answers who asks for a place behind its end, and once it has written on, for one amid its events.
_BEYOND = ("position_beyond_source", "source_binlog_unreadable", "packet_too_large", "relay_log_write_failed")


class Request(Protocol):
    """What of `survey.Request` is needed here."""

    @property
    def login(self) -> Login:
        """The replica."""

    @property
    def source_login(self) -> Optional[Callable[[Channel], Login]]:
        """Makes the login of a channel's source."""

    @property
    def members(self) -> Tuple[Login, ...]:
        """The other servers of the topology, in the order of what was read of them."""

    @property
    def compare(self) -> int:
        """How many transactions are compared."""


def looked_into(server: Server, around: Surroundings, scope: Sequence[Channel], request: Request) -> Surroundings:
    """Read what transactions do that only the replica has, and compare those that a source may have lost (MySQL).

    A binlog that cannot be read leaves both unknown: then nothing is called harmless, and nothing the same.
    """
    confirmed = around.confirmed or GtidSet()
    around = replace(around, tails=_tails(server, around, scope, request))
    if server.flavour.is_mariadb:
        return _mariadb(server, around, scope, request)
    if server.executed is None:
        return around
    contents, compared, differences = {}, {}, {}
    with suppress(ReplicaError):
        from . import gtid_content

        contents = gtid_content.described(request.login, server, confirmed, MOST_DESCRIBED) or {}
    for channel in scope:
        peer = around.sources.get(channel.name)
        source = peer.server if peer is not None else None
        if source is None or request.source_login is None or channel.mode != GTID:
            continue
        own = (server.executed or GtidSet()).restricted([source.uuid])
        suspected = bool(confirmed.restricted([source.uuid])) or _ahead(channel)
        most = request.compare or (MOST_COMPARED if suspected else 0)
        if not most:
            continue
        try:
            from . import gtid_content

            done = gtid_content.compare(server, request.login, source, request.source_login(channel), own, most)
        except ReplicaError:
            continue
        differences[channel.name] = done.found
        if rules.reaches(done.gtids, own & (source.executed or GtidSet())):
            compared[channel.name] = done.gtids
    return replace(around, contents=contents, compared=compared, differences=differences)


def _tails(server: Server, around: Surroundings, scope: Sequence[Channel], request: Request) -> Dict[str, Tail]:
    """What sources have lost of channels that go by coordinates, where these lie behind the end of their binlogs."""
    found: Dict[str, Tail] = {}
    for channel in scope:
        fault, peer = channel.receiver_fault, around.sources.get(channel.name)
        source = peer.server if peer is not None else None
        if source is None or request.source_login is None or channel.mode != POSITION or channel.receiver == RUNNING:
            continue
        if fault is None or not (classify(fault, RECEIVER) in _BEYOND or lost_tail_rules.behind_all(channel, source)):
            continue
        from . import lost_tail

        found[channel.name] = lost_tail.tail(server, channel, request.login, source, request.source_login(channel))
    return found


def _mariadb(server: Server, around: Surroundings, scope: Sequence[Channel], request: Request) -> Surroundings:
    """The same on MariaDB, from the newest binlogs of both: a position does not tell one transaction from another."""
    around = replace(around, lacking=_lacking(server, around, scope, request))
    peers = [peer.server for peer in (*around.sources.values(), *around.members)]
    states = [peer.binlog_state for peer in peers if peer is not None and peer.binlog_state is not None]
    for channel in scope:
        peer = around.sources.get(channel.name)
        source = peer.server if peer is not None else None
        if source is None or request.source_login is None or channel.mode != GTID or len(states) < len(peers):
            continue
        own = [
            gtid
            for gtid in (server.binlog_state.gtids if server.binlog_state else ())
            if gtid.server_id == server.server_id
        ]
        if not (own or request.compare or _ahead(channel)):
            continue
        try:
            from . import gtid_content

            mine = gtid_content.recent(request.login, server)
            theirs = gtid_content.recent(request.source_login(channel), source)
        except ReplicaError:
            continue
        only = rules.only_here(mine.contents, mine.head, states)
        found = rules.differences(mine.contents, theirs.contents)
        undone = [gtid for gtid in only if MariadbGtid.parse(gtid).server_id != server.server_id]
        undone += [one.gtid for one in found if one.kind == rules.COLLISION]
        undone = rules.from_the_first(mine.contents, undone)
        seen = rules.meets(
            server.replica_position or GtidPosition(), source.binlog_state, mine.contents, theirs.contents
        )
        compared = {channel.name: GtidSet()} if seen else {}
        left = rules.position_before(mine.contents, mine.head, undone, server.replica_position or GtidPosition())
        around = replace(
            around,
            contents={**around.contents, **{gtid: mine.contents[gtid] for gtid in only}},
            compared={**around.compared, **compared},
            differences={**around.differences, channel.name: found},
            left={**around.left, channel.name: str(left or "")},
            undone={**around.undone, channel.name: tuple(undone)},
        )
    return around


def _lacking(server: Server, around: Surroundings, scope: Sequence[Channel], request: Request) -> Dict[str, Lacking]:
    """What a source has purged too early (MariaDB), and which member has it."""
    found: Dict[str, Lacking] = {}
    here = server.replica_position
    for channel in scope:
        fault, peer = channel.receiver_fault, around.sources.get(channel.name)
        source = peer.server if peer is not None else None
        if fault is None or classify(fault, RECEIVER) != "purged_on_source" or channel.mode != GTID:
            continue
        if source is None or request.source_login is None or here is None:
            continue
        oldest = _oldest(request.source_login(channel), source)
        if oldest is None:
            continue
        order = here.compare(oldest)
        until = GtidPosition(tuple([gtid for gtid in oldest.gtids if order[gtid.domain] == BEHIND]))
        if not until.gtids:
            continue
        able = (
            peer.name
            for login, peer in zip(request.members, around.members)
            if peer.server is not None and _sends(login, peer.server, here, until)
        )
        found[channel.name] = Lacking(str(here), str(until), next(able, ""))
    return found


def _oldest(login: Login, server: Server) -> Optional[GtidPosition]:
    try:
        with connect(login) as connection:
            from . import source_head

            return source_head.oldest_position(connection, server)
    except ReplicaError:
        return None


def _sends(login: Login, server: Server, here: GtidPosition, until: GtidPosition) -> bool:
    """Whether a member's binlogs go back to a position and reach to another one."""
    begin = _oldest(login, server)
    if begin is None or server.binlog_state is None:
        return False
    if not all(here.covers(gtid) for gtid in begin.gtids if until.get(gtid.domain) is not None):
        return False
    last = [(gtid.domain, gtid.sequence) for gtid in server.binlog_state.gtids]
    return all(any(domain == gtid.domain and end >= gtid.sequence for domain, end in last) for gtid in until.gtids)


def _ahead(channel: Channel) -> bool:
    """Whether the source has said that it lacks what the replica has of it."""
    fault = channel.receiver_fault
    return fault is not None and classify(fault, RECEIVER) in ("replica_ahead", "gtid_diverged")
