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
from .binlog_apply import Wish, mariadb_gtids, mysql_gtids
from .errors import RefusedError
from .gtid_mariadb import MariadbGtid
from .snapshot import GTID, POSITION, STOPPED, Channel, Peer, Server


def may_be_known(wish: Wish, server: Server) -> bool:
    """Whether it can be told who has the transactions, and anybody may: by GTIDs, or by this server's coordinates."""
    return bool(wish.gtids or wish.start) and bool(below.names(server)) and below.logs(server)


def none_has_them(wish: Wish, server: Server, peers: Sequence[Peer]) -> bool:
    """Whether everything that replicates from a server is among these, and none of them has the transactions.

    :raises RefusedError: one has them, or its applier runs and may take them any moment.
    """
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
        why = _obstacle(wish, peer, server)
        if why:
            raise RefusedError(
                wish.attempt, server.address, "%s replicates from it and %s" % (peer.name, why),
                "Undo them there as well, or keep them.", {"replicas_below": [peer.name]},
            )  # fmt: skip
    return bool(lower)


def _obstacle(wish: Wish, peer: Peer, server: Server) -> str:
    other = peer.server
    if other is None:
        return "what it has executed cannot be read"
    channels = [channel for channel in other.channels if below.leads(channel, server)]
    if any(channel.applier != STOPPED for channel in channels):
        return "may apply them any moment, as its applier runs"
    if wish.gtids:
        return _mariadb(wish, other) if server.flavour.is_mariadb else _mysql(wish, other, channels)
    return next(filter(None, (_by_position(wish, channel) for channel in channels)), "")


def _mysql(wish: Wish, other: Server, channels: Sequence[Channel]) -> str:
    if other.executed is None:
        return "what it has executed cannot be read"
    has = other.executed & mysql_gtids(wish.gtids)
    if has:
        return "has applied %s, which it would keep" % has
    if any(channel.mode != GTID for channel in channels):
        return "may apply them any moment, as it goes by coordinates"
    return ""


def _mariadb(wish: Wish, other: Server) -> str:
    """A position covers what it has passed; what was passed otherwise stands in the server's own binlog."""
    if other.replica_position is None:
        return "what it has executed cannot be read"

    def has(one: MariadbGtid) -> bool:
        state = other.binlog_state
        return other.replica_position is None or other.replica_position.covers(one) or (
            state is not None and state.contains(one) is not False
        )  # fmt: skip

    found = [str(one) for one in mariadb_gtids(wish.gtids) if has(one)]
    return "has applied %s, which it would keep" % ", ".join(found) if found else ""


def _by_position(wish: Wish, channel: Channel) -> str:
    """Without gaps of parallel appliers nothing behind its coordinates is applied."""
    if channel.mode != POSITION or channel.executed is None or wish.start is None:
        return "what it has executed of these coordinates is not known"
    if channel.position_gaps is not False and channel.parallel > 1:
        return "parallel appliers may have left gaps there"
    if not wish.start.reached(channel.executed):
        return "has applied up to %s, and would keep them" % channel.executed
    return ""
