# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers of an incident and the channels between them, from what was read of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple


@dataclass(frozen=True)
class Node:
    """A server. ``host`` is its inventory name, or its address where it was only named by a replica's channel."""

    key: str
    host: str
    about: str
    verdict: str
    rank: int = 0


@dataclass(frozen=True)
class Link:
    """A channel, from its source to its replica."""

    source: str
    replica: str
    label: str
    verdict: str


@dataclass(frozen=True)
class Topology:
    """Servers by rank (0: nothing above them) and the channels between them."""

    nodes: Tuple[Node, ...]
    links: Tuple[Link, ...]

    def words(self) -> List[str]:
        """The picture in words: its text alternative."""
        names = {node.key: node.host for node in self.nodes}
        told = ["%s: %s, %s" % (node.host, node.about, node.verdict) for node in self.nodes]
        return told + [
            "%s replicates from %s: %s (%s)" % (names[link.replica], names[link.source], link.verdict, link.label)
            for link in self.links
        ]


def topology(statuses: Mapping[str, Mapping[str, Any]]) -> Topology:
    """The topology that results of `replica_status` by host add up to; hosts that were not read have no ``server``."""
    nodes: Dict[str, Node] = {}
    keys = {host: _key(host, status) for host, status in statuses.items()}
    for host, status in statuses.items():
        server = status.get("server") or {}
        about = "%s, server id %s" % (server.get("version_text"), server.get("server_id")) if server else "not read"
        nodes[keys[host]] = Node(keys[host], host, about, str(status.get("verdict", "unknown")))
    links: List[Link] = []
    for host, status in statuses.items():
        for channel in status.get("channels", []):
            source = _source(channel, statuses, keys)
            if source is None:
                source = "%s:%s" % (channel.get("source_host"), channel.get("source_port"))
                nodes.setdefault(source, Node(source, source, "source, not in this run", "unknown"))
            links.append(Link(source, keys[host], _label(channel), str(channel.get("verdict", "unknown"))))
    ranks = _ranks(list(nodes), links)
    ranked = [Node(node.key, node.host, node.about, node.verdict, ranks[key]) for key, node in nodes.items()]
    return Topology(tuple(sorted(ranked, key=lambda node: (node.rank, node.host))), tuple(links))


def _key(host: str, status: Mapping[str, Any]) -> str:
    return str((status.get("server") or {}).get("identity") or host)


def _source(
    channel: Mapping[str, Any], statuses: Mapping[str, Mapping[str, Any]], keys: Mapping[str, str]
) -> Optional[str]:
    """The key of the channel's source among the hosts that were read."""
    for host, status in statuses.items():
        server = status.get("server") or {}
        uuid = channel.get("source_uuid")
        if uuid and uuid == server.get("uuid"):
            return keys[host]
        if not uuid and channel.get("source_server_id") and channel["source_server_id"] == server.get("server_id"):
            return keys[host]
    return None


def _label(channel: Mapping[str, Any]) -> str:
    behind = channel.get("seconds_behind")
    told = [
        "channel %s" % channel["channel"] if channel.get("channel") else "",
        "receiver %s, applier %s" % (channel.get("receiver"), channel.get("applier")),
        "%s s behind" % behind if behind else "",
    ]
    return ", ".join(filter(None, told))


def _ranks(keys: Sequence[str], links: Sequence[Link]) -> Dict[str, int]:
    """How many channels lie between a server and the top, the longest way; rings are cut after as many as servers."""
    ranks = dict.fromkeys(keys, 0)
    for _each in keys:
        for link in links:
            below = ranks[link.source] + 1
            if ranks[link.replica] < below < len(keys):
                ranks[link.replica] = below
    return ranks
