# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reaches the channel whose settings are to change, also one that is not there yet, and asks around it."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import Callable, ContextManager, Iterator, Optional, Sequence, Tuple

from .._core.change_source import blank
from .._core.change_source_steps import Insistent
from .._core.channel_plan import Verbs
from .._core.errors import BadInputError, IdentityError, ReplicaError, ServerError
from .._core.gtid_mariadb import GtidPosition
from .._core.permit import check_state, check_writable, pick_channel
from .._core.snapshot import Channel, Peer, Server
from .._core.state import state_id
from .._core.statement import Value
from . import source_head
from .change import Options, Target, target
from .connect import Connection, Login, Query, connect
from .lock import advisory_lock
from .probe import Probed, probe
from .reader import read_server

# CHANGE is refused: parallel appliers left gaps.
GAPS = 1802


@contextmanager
def aim_at(
    login: Login,
    channel: Optional[str],
    attempted: str,
    options: Options,
    source_login: Optional[Callable[[Channel], Login]] = None,
    source_named: bool = False,
) -> Iterator[Tuple[Target, bool]]:
    """The channel with its lock held, and whether it has still to be made.

    :param source_login: makes the login of the channel's present source; None when that is not to be asked.
    :raises ReplicaError: as `change.target`; several channels and none is named; the channels cannot be read.
    """
    with connect(login) as connection:
        probed = probe(connection)
        server = read_server(connection, probed)
        name = _name(server, channel)
        if server.channel(name) is None:
            lock: ContextManager[None] = nullcontext() if options.check_mode else advisory_lock(connection, name)
            with lock:
                yield _new(connection, probed, name, attempted, options), True
            return
    samples = 2 if options.state_id else 1
    with target(login, name, attempted, options, source_login, source_named, samples) as aim:
        yield aim, False


def _new(connection: Connection, probed: Probed, name: str, attempted: str, options: Options) -> Target:
    server = read_server(connection, probed)
    if server.channel(name) is not None:
        raise ReplicaError(
            attempted, server.address, "somebody has just made the channel '%s'" % name, "Look at it and run again."
        )
    found = blank(name)
    check_writable(server, None, attempted, options.managed_ok)
    identity = state_id(server, found, ())
    check_state(options.state_id, identity, server, found)
    verbs = Verbs(probed.dialect, probed.features.channels, name)
    return Target(connection, probed, server, found, None, identity, "", verbs)


def _name(server: Server, channel: Optional[str]) -> str:
    """The channel that is meant: the one named, the only one, or the unnamed one where there is none."""
    fault = server.unreadable.get("replica_status")
    if fault is not None:
        raise ServerError(
            fault.number, "read the replication channels", server.address, "%d %s" % (fault.number, fault.text),
            "Grant the account REPLICATION CLIENT (MariaDB: REPLICA MONITOR).",
        )  # fmt: skip
    if channel is not None:
        if channel and not server.features.channels:
            raise BadInputError(
                "%s on %s has no named channels" % (server.flavour.name, server.address), advice="Leave channel out."
            )
        return channel
    return pick_channel(server, None).name if server.channels else ""


class Insisting(Connection):
    """A connection that also carries out `Insistent`.

    :param base: the connection it works for, which goes on living.
    """

    def __init__(self, base: Connection) -> None:
        super().__init__(base.login, base.driver)

    def execute(self, statement: Query, params: Sequence[Value] = ()) -> int:
        """Run a statement, twice where that helps. Raises what `Connection.execute` raises."""
        if not isinstance(statement, Insistent):
            return super().execute(statement, params)
        try:
            return super().execute(statement)
        except ServerError as error:
            if error.number != GAPS:
                raise
        for one in statement.between:
            super().execute(one)
        return super().execute(statement)


def ask(login: Login, aimed: Channel, now: Server, named: bool, elsewhere: bool) -> Tuple[Peer, Optional[GtidPosition]]:
    """The source that the channel is to have, and the head of its oldest binlog; see `source_head.ask`.

    :param elsewhere: the channel is to read from another place, which must not be the replica itself.
    :raises IdentityError: the place is the replica itself, or a server that was named is not the channel's source.
    """
    try:
        return source_head.ask(login, aimed, now, True)
    except IdentityError:
        if named or elsewhere:
            raise
        return Peer(login.address, None, "%s is another server than the channel's source" % login.address), None
    except ReplicaError as error:
        if named:
            raise
        return Peer(login.address, None, str(error)), None


def login_plugin(login: Login, user: str) -> Optional[str]:
    """How an account of the source proves itself; None when that cannot be asked there or there is no such account."""
    try:
        with connect(login) as connection:
            row = connection.one("SELECT plugin FROM mysql.user WHERE user = %s ORDER BY host LIMIT 1", (user,))
    except ReplicaError:
        return None
    return str(row["plugin"]) if row else None
