# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the donor of a rebuild: asks every member, and says of each why it is not the one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Sequence

from .._core import rebuild_donor as rules
from .._core.errors import ReplicaError
from .._core.rebuild import SOURCE
from .._core.rebuild_donor import Candidate
from .._core.snapshot import Channel, Peer, Server
from .connect import Login, connect
from .reader import read_server


@dataclass(frozen=True)
class Donor:
    """The server to copy from.

    :param reasons: why this one, in a sentence.
    """

    chosen: Candidate
    login: Login
    is_source: bool
    reasons: str


def ask(login: Login) -> Peer:
    """A member as it is now."""
    try:
        with connect(login) as connection:
            return Peer(login.name, read_server(connection))
    except ReplicaError as error:
        return Peer(login.name, None, str(error))


def choose(
    server: Server,
    channel: Channel,
    wanted: str,
    logins: Sequence[Login],
    members: Sequence[Peer],
    source: Server,
    source_login: Login,
) -> Donor:
    """The donor. A replica comes before the source, which has work enough.

    :param wanted: ``auto``, ``source``, or the name of a member; the source may be one of them.
    :param members: what was read of ``logins``.
    :param source: read after them.
    :raises BadInputError: there is none of that name.
    :raises RefusedError: none can be it.
    """
    found: List[Candidate] = []
    last: List[Candidate] = []
    known: Dict[str, Login] = {}
    for login, peer in zip(logins, members):
        if peer.server is not None and peer.server.identity == server.identity:
            continue
        known[login.name] = replace(login, name="the donor")
        is_source = peer.server is not None and peer.server.identity == source.identity
        if peer.server is None:
            found.append(Candidate(login.name, login.address, peer.reason))
            continue
        why = rules.against(peer.server, server, channel, source, is_source)
        (last if is_source else found).append(Candidate(login.name, login.address, why))
    known[SOURCE] = replace(source_login, name="the donor")
    why = rules.against(source, server, channel, source, True)
    last.append(Candidate(SOURCE, source_login.address, why))
    chosen = rules.choose([*found, *last], wanted, server.address)
    return Donor(chosen, known[chosen.name], chosen in last, rules.reasons([*found, *last], chosen))
