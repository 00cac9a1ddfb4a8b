# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads all members of a topology and tells what each has, lacks, and has otherwise than its source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from .._core import gtid_content as content
from .._core import gtid_members as rules
from .._core import gtid_repair_report as report
from .._core.binlog_expiry import Needed
from .._core.errors import ReplicaError
from .._core.gtid_content import Content, Difference
from .._core.gtid_members import Member, Row
from .._core.gtid_mysql import GtidSet
from .._core.snapshot import Channel, Peer, Server
from . import gtid_content
from .binlog_expiry import needed
from .connect import Login, connect
from .gtid_repair import confirmed
from .identity import check_distinct, check_source
from .reader import read_server
from .sections import SOURCE

MOST_DESCRIBED = 1000


@dataclass(frozen=True)
class Asked:
    """What to look at.

    :param login: the server itself, with its name.
    :param source_login: how to reach the source of a channel that no member is.
    :param source_named: the caller named it, so that not reaching it is an error.
    :param members: the other servers, with their names.
    :param compare: so many of the newest transactions of each server are compared one by one.
    """

    login: Login
    channel: Optional[str]
    source_login: Callable[[Channel], Login]
    source_named: bool
    members: Tuple[Login, ...]
    allowed: Tuple[str, ...] = ()
    compare: int = 0


@dataclass(frozen=True)
class Found:
    """What was found: a table, what is not known, the members' names by their UUIDs, which binlogs they need."""

    rows: Tuple[Row, ...]
    unknown: Tuple[str, ...]
    names: Dict[str, str]
    needs: Tuple[Needed, ...] = ()


def compare(asked: Asked) -> Found:
    """Read everybody, the replicas before their sources where the caller names them so, and judge.

    :raises ReplicaError: a server that the caller named cannot be read, or two of them are one.
    """
    peers, logins = _read(asked)
    check_distinct([(peer.name, peer.server) for peer in peers if peer.server is not None])
    names = {peer.server.uuid: peer.name for peer in peers if peer.server is not None and peer.server.uuid}
    return replace(_judged(peers, logins, asked, names), needs=_needs(peers, logins))


def _needs(peers: Sequence[Peer], logins: Dict[str, Login]) -> Tuple[Needed, ...]:
    found = [
        needed(peer.name, channel, source.name, source.server, logins[source.name])
        for peer in peers
        for channel in (peer.server.channels if peer.server is not None else ())
        for source in _sources(peer, peers)
        if source.server is not None and is_source(channel, source.server)
    ]
    return tuple(one for one in found if one is not None)


def _judged(peers: Sequence[Peer], logins: Dict[str, Login], asked: Asked, names: Dict[str, str]) -> Found:
    if any(peer.server is not None and peer.server.flavour.is_mariadb for peer in peers):
        return _mariadb(peers, logins, asked, names)
    found = confirmed(peers, logins.__getitem__, asked.allowed)
    unknown = list(found.unknown)
    rows: List[Row] = []
    for peer in peers:
        rows += rules.rows(_member(peer, peers, logins, found, asked, unknown))
    return Found(tuple(rows), tuple(unknown), names)


def _read(asked: Asked) -> Tuple[List[Peer], Dict[str, Login]]:
    logins = {asked.login.name: asked.login, **{login.name: login for login in asked.members}}
    peers = []
    for name, login in logins.items():
        with connect(login) as connection:
            peers.append(Peer(name, read_server(connection, role="replica")))
    target = peers[0].server
    # Whoever is not read before its replicas may lack what they have: read again what something replicates from.
    if target is None:
        return peers, logins
    for channel in target.channels:
        known = any(peer.server is not None and is_source(channel, peer.server) for peer in peers)
        if known or asked.channel not in (None, channel.name) or not channel.source_host:
            continue
        name = "%s:%d" % (channel.source_host, channel.source_port)
        try:
            login = asked.source_login(channel)
            with connect(login) as connection:
                server = read_server(connection, role=SOURCE)
            check_source(channel, server, target)
            peers.append(Peer(name, server))
            logins[name] = login
        except ReplicaError as error:
            if asked.source_named:
                raise
            peers.append(Peer(name, None, str(error)))
    return peers, logins


def is_source(channel: Channel, server: Server) -> bool:
    """Whether a channel leads to a server, by its UUID or where there is none by its server id."""
    if channel.source_uuid and server.uuid:
        return channel.source_uuid.lower() == server.uuid.lower()
    return bool(channel.source_server_id) and channel.source_server_id == server.server_id


def _sources(peer: Peer, peers: Sequence[Peer]) -> List[Peer]:
    channels = peer.server.channels if peer.server is not None else ()
    return [
        other
        for other in peers
        if other.server is not None and other is not peer and any(is_source(one, other.server) for one in channels)
    ]


def _member(
    peer: Peer, peers: Sequence[Peer], logins: Dict[str, Login], found: report.Verdict, asked: Asked,
    unknown: List[str],
) -> Member:  # fmt: skip
    server = peer.server
    if server is None or server.executed is None:
        return Member(peer)
    above, _hidden = report.servers_above(peer, peers)
    sources = _sources(peer, peers)
    sets = {name: _of(peer.name, getattr(found, name)) for name in ("errant", "lost", "holes")}
    local = server.executed
    for other in above:
        local = local - (other.server.executed if other.server is not None and other.server.executed else GtidSet())
    tags = [name for name in asked.allowed if "-" not in name]
    allowed = local - local.without([name for name in asked.allowed if "-" in name], tags) if above else GtidSet()
    contents: Dict[str, Content] = {}
    differences: List[Difference] = []
    login = logins[peer.name]
    try:
        contents = gtid_content.described(login, server, sets["errant"] | sets["lost"], MOST_DESCRIBED) or {}
        for source in sources:
            if source.server is not None and asked.compare:
                done = gtid_content.compare(
                    server, login, source.server, logins[source.name], server.executed, asked.compare
                )
                differences += done.found
    except ReplicaError as error:
        unknown.append("what the transactions of %s do: %s" % (peer.name, error))
    return Member(
        peer, tuple(other.server for other in above if other.server is not None),
        tuple(other.server for other in sources if other.server is not None),
        sets["errant"], sets["lost"], sets["holes"], allowed, contents, tuple(differences),
    )  # fmt: skip


def _of(name: str, entries: Sequence[Tuple[str, str]]) -> GtidSet:
    every = GtidSet()
    for server, gtids in entries:
        every = every | GtidSet.parse(gtids) if server == name else every
    return every


def _mariadb(peers: Sequence[Peer], logins: Dict[str, Login], asked: Asked, names: Dict[str, str]) -> Found:
    rows: List[Row] = []
    unknown: List[str] = []
    for peer in peers:
        sources = _sources(peer, peers)
        if peer.server is None:
            unknown.append("%s could not be read: %s" % (peer.name, peer.reason))
        elif peer.server.channels and len(sources) < len(peer.server.channels):
            unknown.append("what only %s has: a source of it was not read" % peer.name)
        judged = report.mariadb(peer, sources, asked.allowed) if sources else report.Verdict()
        if judged.errant or judged.lost or judged.collisions:
            # A source that was read before its replica may have had less: what is on its way is there later.
            sources = [_again(other, logins[other.name]) for other in sources]
            judged = report.mariadb(peer, sources, asked.allowed)
        servers = [other.server for other in sources if other.server is not None]
        differences: List[Difference] = []
        try:
            for other in sources if asked.compare else ():
                if peer.server is not None and other.server is not None:
                    mine = gtid_content.recent(logins[peer.name], peer.server)
                    theirs = gtid_content.recent(logins[other.name], other.server)
                    differences += content.differences(mine.contents, theirs.contents)
        except ReplicaError as error:
            unknown.append("what the transactions of %s do: %s" % (peer.name, error))
        rows += rules.mariadb_rows(peer, servers, judged, differences)
    return Found(tuple(rows), tuple(unknown), names)


def _again(peer: Peer, login: Login) -> Peer:
    try:
        with connect(login) as connection:
            return Peer(peer.name, read_server(connection, role=SOURCE))
    except ReplicaError as error:
        return Peer(peer.name, None, str(error))
