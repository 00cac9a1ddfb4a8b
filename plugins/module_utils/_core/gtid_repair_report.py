# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the GTID sets of a topology's members show: errant and lost transactions, holes, collisions.

A verdict on a member counts only the servers above it, and a candidate only if it still stands when those were read
once more, later: then none of them can have been on its way when it was first seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .below import replicates
from .case import Case
from .diagnose_gtid import holes
from .gtid_mariadb import AHEAD, DIVERGED, GtidPosition
from .gtid_mysql import GtidSet
from .snapshot import Channel, Peer, Server
from .state import gtid_as_dict

Found = List[Dict[str, str]]


@dataclass(frozen=True)
class Verdict:
    """What is wrong with whom, as entries with ``server`` and ``gtids``.

    :param unknown: what could not be told and why, a sentence each.
    """

    errant: Tuple[Tuple[str, str], ...] = ()
    holes: Tuple[Tuple[str, str], ...] = ()
    lost: Tuple[Tuple[str, str], ...] = ()
    collisions: Tuple[Tuple[str, str], ...] = ()
    unknown: Tuple[str, ...] = ()

    def as_dict(self) -> Dict[str, object]:
        """For results."""
        found: Dict[str, object] = {
            name: [{"server": server, "gtids": gtids} for server, gtids in getattr(self, name)]
            for name in ("errant", "holes", "lost", "collisions")
        }
        return {**found, "unknown": list(self.unknown)}


@dataclass(frozen=True)
class Candidates:
    """A member and what none of the servers above it has.

    :param above: the members above it, by name.
    """

    name: str
    server: Server
    gtids: GtidSet
    above: Tuple[str, ...]


def candidates(peers: Sequence[Peer]) -> Tuple[List[Candidates], List[str]]:
    """For each replica, what no server above it has executed; and what cannot be told, a sentence each.

    :param peers: all members with the target; names are unique. MySQL only.
    """
    found: List[Candidates] = []
    unknown: List[str] = []
    for peer in peers:
        if peer.server is None:
            unknown.append("%s could not be read: %s" % (peer.name, peer.reason or "no reason given"))
            continue
        if not peer.server.channels or peer.server.executed is None:
            continue
        above, hidden = servers_above(peer, peers)
        if hidden:
            unknown.append("what only %s has is not known: %s" % (peer.name, "; ".join(hidden)))
            continue
        rest = peer.server.executed
        for other in above:
            rest = rest - _executed(other)
        if any(other.server is peer.server for other in _sources_of(above, peers)):
            # In a ring its own newest transactions are on their way to the others.
            rest = rest.without(uuids=[peer.server.uuid])
        if rest:
            found.append(Candidates(peer.name, peer.server, rest, tuple(other.name for other in above)))
    return found, unknown


def _executed(peer: Peer) -> GtidSet:
    return peer.server.executed if peer.server is not None and peer.server.executed is not None else GtidSet()


def _sources_of(above: Iterable[Peer], peers: Sequence[Peer]) -> List[Peer]:
    """The direct sources of these servers."""
    wanted = {channel.source_uuid for peer in above if peer.server is not None for channel in peer.server.channels}
    return [peer for peer in peers if peer.server is not None and peer.server.uuid in wanted]


def servers_above(peer: Peer, peers: Sequence[Peer]) -> Tuple[List[Peer], List[str]]:
    """Every server above a member, directly or not, and which of these were not read."""
    by_uuid = {other.server.uuid: other for other in peers if other.server is not None}
    found: List[Peer] = []
    hidden: List[str] = []
    todo = [peer]
    while todo:
        at = todo.pop()
        for channel in at.server.channels if at.server is not None else ():
            source = by_uuid.get(channel.source_uuid)
            if source is None:
                hidden.append("its source %s:%d was not read" % (channel.source_host, channel.source_port))
            elif source is not peer and source not in found:
                found.append(source)
                todo.append(source)
    unread = [other for other in found if other.server is None or other.server.executed is None]
    return found, hidden + ["%s has no readable gtid_executed" % other.name for other in unread]


def verdict(
    peers: Sequence[Peer],
    later: Mapping[str, Optional[GtidSet]],
    found: Sequence[Candidates],
    unknown: Sequence[str],
    allowed: Sequence[str],
) -> Verdict:
    """The verdict on MySQL's sets.

    :param later: what each server above a candidate had executed when it was read once more; None when it could not.
    :param allowed: UUIDs and tags of intended local transactions.
    """
    errant: List[Tuple[str, str]] = []
    lost: List[Tuple[str, str]] = []
    told = list(unknown)
    for candidate in found:
        sets = [later.get(name) for name in candidate.above]
        if any(one is None for one in sets):
            told.append("what only %s has is not confirmed: a server above it could not be read again" % candidate.name)
            continue
        rest = candidate.gtids
        for one in sets:
            rest = rest - (one or GtidSet())
        uuids = [name for name in allowed if "-" in name]
        rest = rest.without(uuids=uuids, tags=[name for name in allowed if "-" not in name])
        tail = rest.restricted([peer.server.uuid for peer in peers
                                if peer.server is not None and peer.name in candidate.above])  # fmt: skip
        if tail:
            lost.append((candidate.name, str(tail)))
        if rest - tail:
            errant.append((candidate.name, str(rest - tail)))
    return Verdict(tuple(errant), holes_of(peers), tuple(lost), (), tuple(told))


def holes_of(peers: Sequence[Peer]) -> Tuple[Tuple[str, str], ...]:
    """What each replica will never get by itself; what may be on its way is not among it."""
    found: List[Tuple[str, str]] = []
    for peer in peers:
        missing = GtidSet()
        for channel in peer.server.channels if peer.server is not None else ():
            for finding in holes(Case(peer.server, channel)) if peer.server is not None else ():
                if finding.code == "gtid_hole":
                    missing = missing | GtidSet.parse(str(finding.names.get("missing", "")))
        if missing:
            found.append((peer.name, str(missing)))
    return tuple(found)


def mariadb(target: Peer, peers: Sequence[Peer], allowed: Sequence[str]) -> Verdict:
    """The verdict on MariaDB's positions; a position has no holes.

    :param peers: the other servers.
    :param allowed: server ids whose local transactions are intended.
    """
    server = target.server
    others = [peer.server for peer in peers if peer.server is not None]
    unknown = tuple("%s could not be read: %s" % (peer.name, peer.reason) for peer in peers if peer.server is None)
    if server is None or server.binlog_state is None or not others:
        return Verdict(unknown=unknown or ("no other server was read",))
    ends = [position_end(other) for other in others]
    errant: List[str] = []
    # In a ring its own writes are on their way to the others.
    ring = any(replicates(other, server) for other in others)
    for gtid in () if ring else server.binlog_state.gtids:
        own = gtid.server_id == server.server_id and str(gtid.server_id) not in allowed
        known = any(other.binlog_state is not None and other.binlog_state.contains(gtid) for other in others)
        if own and not known and any(end.get(gtid.domain) is not None for end in ends):
            errant.append(str(gtid))
    lost, collisions = [], []
    for end in ends if server.replica_position is not None else ():
        for domain, order in (server.replica_position or GtidPosition()).compare(end).items():
            gtid_here, there = (server.replica_position or GtidPosition()).get(domain), end.get(domain)
            if there is None or gtid_here is None:
                continue
            if order == DIVERGED:
                collisions.append("%s and %s" % (gtid_here, there))
            elif order == AHEAD and gtid_here.server_id == there.server_id:
                lost.append(str(gtid_here))
    ahead = set(lost) if len(lost) == len(ends) else set()
    return Verdict(
        _entry(target.name, [] if unknown else errant), (), _entry(target.name, [] if unknown else sorted(ahead)),
        _entry(target.name, collisions), unknown,
    )  # fmt: skip


def position_end(server: Server) -> GtidPosition:
    """Where each domain of a server's binlog ends; nothing where its state cannot tell."""
    state = server.binlog_state
    return state.position() if state is not None and state.ordered else GtidPosition()


def _entry(name: str, gtids: Sequence[str]) -> Tuple[Tuple[str, str], ...]:
    return ((name, ",".join(gtids)),) if gtids else ()


def picture(server: Server, channel: Channel) -> Dict[str, Any]:
    """What a repair of GTID sets may change, for results."""
    known = gtid_as_dict(server)
    names = ("slave_pos", "binlog_state") if server.flavour.is_mariadb else ("executed", "purged")
    threads = {"receiver": channel.receiver, "applier": channel.applier} if channel.source_host else {}
    return {**{name: known[name] for name in names}, **threads}


def sentence(method: str, count: str, note: str, check_mode: bool, told: Sequence[str]) -> str:
    """What was done, in a few sentences.

    :param count: what was added; empty when nothing had to be.
    :param told: who would be left without the changes.
    """
    if not count:
        return ("Nothing has to be added: the transactions count as executed already. " + note).strip()
    words = {"append": "Appended", "inject": "Wrote empty transactions for", "reset": "Reset the history to"}
    if check_mode:
        words = {"append": "Would append", "inject": "Would write empty transactions for", "reset": "Would reset to"}
    parts = ["%s %s." % (words[method], count)]
    parts += ["Knowingly withheld: %s." % text for text in told]
    parts.append("That their changes are here was not looked at: compare the tables (table_compare).")
    return " ".join([*parts, note]).strip()
