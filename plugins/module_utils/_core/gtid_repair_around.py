# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers around the one whose GTID set is to change, and which of them replicate from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from .below import SERVER_ID, WHO_IS_BELOW, logs, names, replicates
from .gtid_mariadb import GtidPosition
from .snapshot import Peer, Server


@dataclass(frozen=True)
class Around:
    """The other servers, read after the target.

    :param source: the channel's source; None when the target has no channel.
    :param oldest: MariaDB: the position at the head of the source's oldest binlog; None when not known.
    :param members: the other members, without the target and the source.
    """

    source: Optional[Peer] = None
    oldest: Optional[GtidPosition] = None
    members: Tuple[Peer, ...] = ()

    def peers(self) -> Tuple[Peer, ...]:
        """The source and the members, as far as there are any; one may have no server."""
        return ((self.source,) if self.source is not None else ()) + self.members

    def servers(self) -> Tuple[Server, ...]:
        """Those of them that could be read."""
        return tuple(peer.server for peer in self.peers() if peer.server is not None)


def below(server: Server, around: Around) -> Tuple[str, ...]:
    """What replicates from the server: who reads its binlog now, members that would, and what cannot be known."""
    if not logs(server):
        return ()
    found = names(server)
    ids = {match.group(1) for match in map(SERVER_ID.search, found) if match is not None}
    members = [
        peer.name
        for peer in around.peers()
        if peer.server is not None and replicates(peer.server, server) and str(peer.server.server_id) not in ids
    ]
    hidden = ["%s cannot be read: %s" % (name, server.unreadable[name].text)
              for name in WHO_IS_BELOW if name in server.unreadable]  # fmt: skip
    return (*found, *("member %s" % name for name in members), *hidden)


def unknown_below(server: Server, around: Around) -> Tuple[str, ...]:
    """What replicates from the server and is none of the members that were read."""
    ids = {peer.server_id for peer in around.servers()}
    found = []
    for name in below(server, Around()):
        match = SERVER_ID.search(name)
        if match is None or int(match.group(1)) not in ids:
            found.append(name)
    return tuple(found)
