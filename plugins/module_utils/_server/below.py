# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reaches every server that replicates from the one that is changed, so that each can be looked at, and healed first.

They are found by what is registered and connected, and among the members. Which of them is which is told by server
ids, and that it replicates from here by its own channel: an address alone proves nothing.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Dict, Iterator, List, Optional, Set, Tuple

from .._core import below as rules
from .._core.below import Place
from .._core.channel_plan import Verbs
from .._core.errors import RefusedError, ReplicaError
from .._core.permit import check_writable
from .._core.snapshot import Server
from .._core.state import state_id
from . import lowered
from .change import Options, Target
from .connect import Connection, Login, connect
from .lock import advisory_lock
from .probe import probe
from .reader import read_server
from .wait import POLL_SECONDS

# A server below that is idle has applied everything after a moment.
CATCH_UP_SECONDS = 10.0

_ADVICE = (
    "Make it reachable from here with the same account, or name it among the members (replica_members) with its own;"
    " a member that replicates from nowhere here need not be named."
)
_OPEN = (
    "Stop one channel of the ring and take it away, so that a chain is left; repair that from its top on, and close the"
    " ring again."
)


@dataclass(frozen=True)
class Asked:
    """What the caller says about the other servers.

    :param members: logins of the members, with their names.
    :param attempted: what is to be done, for refusals.
    :param options: of the module.
    """

    members: Tuple[Login, ...]
    attempted: str
    options: Options


@dataclass(frozen=True)
class _Member:
    """A member that was read."""

    login: Login
    server: Server


def check_none(asked: Asked, server: Server, why: str, advice: str, but: int = 0) -> None:
    """Refuse where anything replicates from a server, connected or not.

    :param why: the rest of the sentence that names them.
    :param but: the server id of the one where it comes from, in a ring: nothing of it comes back to there.
    :raises RefusedError: something does, or that cannot be known.
    """
    rules.check_known(asked.attempted, server)
    if not rules.logs(server):
        return
    places = rules.places(server)
    found = [place.name for place in places if not but or place.server_id != but]
    ids = {but, *(place.server_id for place in places)}
    for member in _members(asked, server):
        if rules.replicates(member.server, server) and member.server.server_id not in ids:
            found.append("member %s" % member.login.name)
    if found:
        raise rules.refused(asked.attempted, server, found, why, advice)


@contextmanager
def servers(aim: Target, asked: Asked) -> Iterator[Tuple[Target, ...]]:
    """Every server below, leaves first, each with a connection, its channel's lock held while the block runs.

    All of them have applied everything that is in the binlog of the server above them, so that they are to hold the
    same rows as this one.

    :raises RefusedError: one cannot be reached, filters, has other sources as well, or has not applied everything.
    """
    with ExitStack() as stack:
        walk = _Walk(aim, asked, stack)
        yield walk.below(aim.server)


def _members(asked: Asked, server: Server) -> List[_Member]:
    """The members without this server.

    :raises RefusedError: one cannot be asked whether it replicates from here.
    """
    found: List[_Member] = []
    for login in asked.members:
        try:
            with connect(login) as connection:
                there = read_server(connection)
        except ReplicaError as error:
            raise RefusedError(
                asked.attempted, server.address,
                "the member %s cannot be asked whether it replicates from here: %s" % (login.name, error), _ADVICE,
                {"replicas_below": [login.name]},
            ) from error  # fmt: skip
        if there.identity != server.identity:
            found.append(_Member(login, there))
    return found


class _Walk:
    """Goes down from one server."""

    def __init__(self, aim: Target, asked: Asked, stack: ExitStack) -> None:
        self.aim, self.asked, self.stack = aim, asked, stack
        self.members: Optional[List[_Member]] = None
        self.seen: Set[str] = {aim.server.identity}

    def below(self, server: Server) -> Tuple[Target, ...]:
        """What is below a server, leaves first."""
        rules.check_known(self.asked.attempted, server)
        if not rules.logs(server):
            return ()
        if self.members is None:
            self.members = _members(self.asked, self.aim.server)
        found: List[Target] = []
        for name, login in self._logins(server).items():
            lower = self._reach(server, name, login)
            found += [*self.below(lower.server), lower]
        return tuple(found)

    def _logins(self, server: Server) -> Dict[str, Login]:
        """How to reach each server right below one, by its name."""
        members = {member.server.server_id: member for member in self.members or ()}
        wanted: Dict[str, Login] = {}
        ids: Set[int] = set()
        for place in rules.places(server):
            member = members.get(place.server_id) if place.server_id else None
            ids.add(place.server_id)
            wanted[place.name] = member.login if member is not None else self._derived(server, place)
        for number, member in members.items():
            if number not in ids and rules.replicates(member.server, server):
                wanted["member %s" % member.login.name] = member.login
        return wanted

    def _derived(self, server: Server, place: Place) -> Login:
        """The target's own account at the address that the replica reports."""
        if not place.host or not place.port:
            raise self._refused(server, place.name, "it does not report where it can be reached (report_host)")
        base = self.aim.connection.login
        return replace(base, host=place.host, port=place.port, unix_socket=None, name=place.name)

    def _reach(self, upper: Server, name: str, login: Login) -> Target:
        """A server below, when it has applied everything that the one above it has in its binlog."""
        try:
            there = self.stack.enter_context(connect(login))
            probed = probe(there)
            server = read_server(there, probed)
        except ReplicaError as error:
            raise self._refused(upper, name, "it cannot be looked at: %s" % error) from error
        if server.identity in self.seen:
            raise self._refused(upper, name, "it is above this server as well (a ring)", _OPEN)
        self.seen.add(server.identity)
        why = rules.obstacle(upper, server)
        if why:
            raise self._refused(upper, name, "it " + why)
        channel = server.channels[0]
        check_writable(server, channel, self.asked.attempted, self.asked.options.managed_ok)
        if not self.asked.options.check_mode:
            self.stack.enter_context(advisory_lock(there, channel.name))
        server = self._raised(there, server)
        deadline = time.monotonic() + min(CATCH_UP_SECONDS, self.asked.options.timeout)
        while not rules.caught_up(upper, server):
            why = rules.stopped(server)
            if why or time.monotonic() > deadline:
                not_all = "it has not applied all that is in the binlog of %s" % upper.address
                raise self._refused(upper, name, ": ".join(part for part in (not_all, why) if part))
            time.sleep(POLL_SECONDS)
            server = replace(read_server(there, probed), variables=server.variables)
        channel = server.channels[0]
        verbs = Verbs(probed.dialect, probed.features.channels, channel.name)
        return Target(there, probed, server, channel, None, state_id(server, channel, ()), "", verbs)

    def _raised(self, there: Connection, server: Server) -> Server:
        """The server with super_read_only put back where a run was ended that had lowered it."""
        options = self.asked.options
        now = lowered.put_back(there, server, server.channels[0].name, options.record_dir, options.check_mode)
        if now is not server:
            options.put_back.append("/* on %s */ %s" % (server.address, lowered.PUT_BACK))
        return now

    def _refused(self, upper: Server, name: str, why: str, advice: str = _ADVICE) -> RefusedError:
        where = "" if upper is self.aim.server else " below %s" % upper.address
        return rules.refused(
            self.asked.attempted, self.aim.server, [name], "that one%s cannot be checked: %s" % (where, why), advice
        )


def said(lower: Target) -> str:
    """How a message calls a server below."""
    return "%s, which replicates from it" % lower.server.address
