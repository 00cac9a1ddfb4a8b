# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undoing transactions on a server that others replicate from, where none of these has applied them.

Of two servers that replicate from each other one cannot apply what the other wrote. Taking it back there needs no word
in the binlog: who has not applied it has nothing to take back.
"""

from __future__ import annotations

from typing import Sequence

from . import below
from .binlog_apply import Wish, mysql_gtids
from .errors import RefusedError
from .gtid_mysql import GtidSet
from .snapshot import GTID, STOPPED, Peer, Server


def may_be_known(wish: Wish, server: Server) -> bool:
    """Whether sets can tell who has the transactions, and anybody may (MySQL with GTIDs)."""
    return bool(wish.gtids) and not server.flavour.is_mariadb and bool(below.names(server)) and below.logs(server)


def none_has_them(wish: Wish, server: Server, peers: Sequence[Peer]) -> bool:
    """Whether everything that replicates from a server is among these, and none of them has the transactions.

    :raises RefusedError: one has them, or its applier runs and may take them any moment.
    """
    wanted = mysql_gtids(wish.gtids)
    ids = {place.server_id for place in below.places(server)}
    lower = [
        peer
        for peer in peers
        if peer.server is not None and peer.server.identity != server.identity
        and (peer.server.server_id in ids or below.replicates(peer.server, server))
    ]  # fmt: skip
    if not ids <= {peer.server.server_id for peer in lower if peer.server is not None} or 0 in ids:
        return False
    for peer in lower:
        why = _obstacle(wanted, peer, server)
        if why:
            raise RefusedError(
                wish.attempt, server.address, "%s replicates from it and %s" % (peer.name, why),
                "Undo them there as well, or keep them.", {"replicas_below": [peer.name]},
            )  # fmt: skip
    return bool(lower)


def _obstacle(wanted: GtidSet, peer: Peer, server: Server) -> str:
    other = peer.server
    if other is None or other.executed is None:
        return "what it has executed cannot be read"
    has = other.executed & wanted
    if has:
        return "has applied %s, which it would keep" % has
    for channel in other.channels:
        if below.leads(channel, server) and (channel.applier != STOPPED or channel.mode != GTID):
            return "may apply them any moment, as its applier runs or it goes by coordinates"
    return ""
