# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at the servers that replicate from the one on which transactions are to be undone: whether they have them."""

from __future__ import annotations

from typing import List, Sequence

from .._core import binlog_apply_below as rules
from .._core.binlog_apply import Wish
from .._core.errors import RefusedError, ReplicaError
from .._core.snapshot import Peer, Server
from .connect import Login, connect
from .reader import read_server


def none_has_them(wish: Wish, server: Server, members: Sequence[Login]) -> bool:
    """Whether servers replicate from this one, all are among the members, and none has the transactions.

    :raises RefusedError: a member has them, may yet apply them, or does not answer.
    """
    if not (wish.reverse and members) or not rules.may_be_known(wish, server):
        return False
    peers: List[Peer] = []
    for login in members:
        try:
            with connect(login) as connection:
                peers.append(Peer(login.name or login.address, read_server(connection)))
        except ReplicaError as error:
            raise RefusedError(
                wish.attempt, server.address, "the member %s cannot be asked whether it has them: %s"
                % (login.name, error), "Name only members that can be reached.",
            ) from error  # fmt: skip
    return rules.none_has_them(wish, server, peers)
