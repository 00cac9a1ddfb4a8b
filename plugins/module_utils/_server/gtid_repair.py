# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making GTID sets agree on a server: look around, plan, carry it out, see that it has come about."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Callable, ContextManager, Dict, Iterator, List, Optional, Sequence, Tuple

from .._core import gtid_repair as rules
from .._core import gtid_repair_mariadb as mariadb
from .._core import gtid_repair_plan as plans
from .._core import gtid_repair_report as report
from .._core.change_source import blank
from .._core.channel_plan import Verbs
from .._core.errors import ReplicaError
from .._core.gtid_mariadb import GtidPosition
from .._core.gtid_mysql import GtidSet
from .._core.gtid_repair import Wish
from .._core.gtid_repair_around import Around
from .._core.gtid_repair_plan import Planned
from .._core.permit import check_prepared, check_source, check_state, check_writable
from .._core.plan import Plan
from .._core.snapshot import Channel, Peer, Server
from .._core.state import state_id
from .._core.statement import Statement
from . import source_head
from .change import Options, Outcome, Target, carry_out, target
from .connect import Login, connect
from .gtid_repair_inject import Writer
from .identity import check_distinct
from .lock import advisory_lock
from .prepared import prepared
from .probe import probe
from .reader import read_server
from .sections import SOURCE

CONFIRM_SECONDS = 2.0
POLL_SECONDS = 0.5

UNDO = (
    "GTIDs that were added stay: a transaction cannot be taken out of gtid_executed without a reset. What they were"
    " before is told under before.",
)


@dataclass(frozen=True)
class Asked:
    """How to reach the other servers.

    :param source_login: how to reach the channel's source.
    :param source_named: the caller named it, so that not reaching it is an error.
    :param members: logins of the members, with their names.
    """

    source_login: Callable[[Channel], Login]
    source_named: bool
    members: Tuple[Login, ...]


@contextmanager
def aim_at(
    login: Login,
    channel: Optional[str],
    attempted: str,
    options: Options,
    source_login: Optional[Callable[[Channel], Login]] = None,
    source_named: bool = False,
) -> Iterator[Target]:
    """The server with its lock held: through its channel, or itself where it has none, as the first source has not.

    :raises ReplicaError: as `change.target`.
    """
    with connect(login) as connection:
        probed = probe(connection)
        server = read_server(connection, probed)
        if not server.channels and not channel and "replica_status" not in server.unreadable:
            lock: ContextManager[None] = nullcontext() if options.check_mode else advisory_lock(connection, "")
            with lock:
                server = read_server(connection, probed)
                found = blank("")
                check_writable(server, None, attempted, options.managed_ok)
                identity = state_id(server, found, ())
                check_state(options.state_id, identity, server, found)
                verbs = Verbs(probed.dialect, probed.features.channels, "")
                yield Target(connection, probed, server, found, None, identity, "", verbs)
            return
    samples = 2 if options.state_id else 1
    with target(login, channel, attempted, options, source_login, source_named, samples) as aim:
        yield aim


def look(aim: Target, asked: Asked) -> Around:
    """Read the members and the source, after the target. A member that is the target itself is left out.

    :raises ReplicaError: a server that the caller named cannot be read or is not who it should be.
    """
    members: List[Peer] = []
    source: Optional[Peer] = None
    oldest: Optional[GtidPosition] = None
    for login in asked.members:
        with connect(login) as connection:
            server = read_server(connection, role=SOURCE)
            if (server.identity, server.server_id) == (aim.server.identity, aim.server.server_id):
                continue
            if source is None and _is_source(aim.channel, server):
                source = Peer(login.name or login.address, server)
                oldest = source_head.oldest_position(connection, server) if server.flavour.is_mariadb else None
            else:
                members.append(Peer(login.name or login.address, server))
    peers = members + ([source] if source is not None else [])
    check_distinct([(peer.name, peer.server) for peer in peers if peer.server is not None])
    if aim.channel.source_host and (source is None or asked.source_named):
        source, oldest = _ask_source(aim, asked)
    return Around(source, oldest, tuple(members))


def _ask_source(aim: Target, asked: Asked) -> Tuple[Peer, Optional[GtidPosition]]:
    login = asked.source_login(aim.channel)
    try:
        with connect(login) as connection:
            server = read_server(connection, role=SOURCE)
            check_source(aim.channel, server, aim.server)
            oldest = source_head.oldest_position(connection, server) if server.flavour.is_mariadb else None
            return Peer(login.address, server), oldest
    except ReplicaError as error:
        if asked.source_named:
            raise
        return Peer(login.address, None, str(error)), None


def _is_source(channel: Channel, server: Server) -> bool:
    if channel.source_uuid and server.uuid:
        return channel.source_uuid.lower() == server.uuid.lower()
    return bool(channel.source_server_id) and channel.source_server_id == server.server_id


def verdict(aim: Target, asked: Asked, around: Around, wish: Wish) -> report.Verdict:
    """What the sets of all members show; candidates are confirmed by reading the servers above them once more."""
    here = Peer(aim.server.address, aim.server)
    if aim.server.flavour.is_mariadb:
        return report.mariadb(here, around.peers(), wish.allowed_local)
    return confirmed((here, *around.peers()), lambda name: _login(name, aim, asked, around), wish.allowed_local)


def confirmed(peers: Sequence[Peer], login_of: Callable[[str], Login], allowed: Sequence[str]) -> report.Verdict:
    """The verdict on sets (MySQL), once the servers above each candidate have been read again.

    :param peers: all members, the replicas read before their sources as far as that is possible.
    :param login_of: how to reach a member, by its name.
    """
    found, unknown = report.candidates(peers)
    later: Dict[str, Optional[GtidSet]] = {}
    names = {name for candidate in found for name in candidate.above}
    deadline = time.monotonic() + CONFIRM_SECONDS
    while names:
        later = {name: _executed(login_of(name)) for name in names}
        result = report.verdict(peers, later, found, unknown, allowed)
        if not (result.errant or result.lost) or time.monotonic() > deadline:
            return result
        time.sleep(POLL_SECONDS)
    return report.verdict(peers, later, found, unknown, allowed)


def _login(name: str, aim: Target, asked: Asked, around: Around) -> Login:
    if name == aim.server.address:
        return aim.connection.login
    member = next((login for login in asked.members if name in (login.name, login.address)), None)
    return member if member is not None else asked.source_login(aim.channel)


def _executed(login: Login) -> Optional[GtidSet]:
    try:
        with connect(login) as connection:
            row = connection.one("SELECT @@GLOBAL.gtid_executed AS executed") or {}
            return GtidSet.parse(str(row.get("executed") or ""))
    except ReplicaError:
        return None


def run(aim: Target, wish: Wish, planned: Planned, around: Around, options: Options) -> Tuple[Outcome, Planned]:
    """Carry the plan out; what is executed in the meantime is left out of it.

    :returns: what it has come to, and the plan as it was in the end.
    :raises ReplicaError: a statement failed or the transactions do not count as executed afterwards. The threads that
        ran before run again where that is safe.
    """

    final = planned

    def again(now: Server) -> Plan:
        nonlocal final
        there = now.channel(aim.channel.name) or aim.channel
        final = plans.again(wish, planned, aim.verbs, now, there, around)
        return final.plan

    with Writer(aim.connection, options.timeout) as writer:
        busy = replace(aim, connection=writer)
        try:
            late = again if planned.looks_again else None
            outcome = carry_out(busy, planned.plan, options, UNDO, planned.details, late)
        except BaseException:
            _start_others(aim, planned)
            raise
    plans.check_done(planned, outcome.after, outcome.executed)
    return outcome, final


def _start_others(aim: Target, planned: Planned) -> None:
    """Start the other connections again that were stopped. Errors here must not hide the first one."""
    if not planned.others:
        return
    try:
        with connect(aim.connection.login) as connection:
            now = read_server(connection, aim.probed)
            for other in planned.others:
                there = now.channel(other.name)
                for step in mariadb.missing(aim.verbs, other, there) if there is not None else ():
                    connection.execute(step.statement)
    except ReplicaError:
        return


def check_last(aim: Target, planned: Planned) -> None:
    """What only the server can tell, asked before anything is written.

    It reads the GTID set itself, as those before MySQL 8.3 know no tags. And no XA transaction may be prepared when
    relay logs or binlogs go.

    :raises ServerError: it does not understand the set.
    :raises RefusedError: XA transactions are prepared.
    """
    if not planned.plan.steps:
        return
    if planned.move is None:
        text = "SELECT GTID_SUBSET(%s, '') AS unused"
        aim.connection.query(Statement(text, (str(planned.wanted),), purpose="read option gtids"))
    if any(step.statement.sql.startswith(("RESET", "CHANGE")) for step in planned.plan.steps):
        check_prepared(aim.server, prepared(aim.connection), rules.attempt(planned.method))
