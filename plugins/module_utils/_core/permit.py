# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a changing module must be sure of before it plans: the channel, whose server it is, the right source."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from .channel_plan import starts_applier
from .errors import BadInputError, IdentityError, RefusedError, StateMovedError
from .plan import Step
from .snapshot import Channel, Server
from .statement import literal


def pick_channel(server: Server, name: Optional[str]) -> Channel:
    """The channel that is meant: the one of that name, or the only one there is.

    :raises BadInputError: there is none, none of that name, or several and none is named.
    """
    names = ", ".join("'%s'" % channel.name for channel in server.channels)
    if not server.channels:
        raise BadInputError(
            "%s is not a replica: it has no replication channel" % server.address,
            advice="Check login_host and login_port; SHOW REPLICA STATUS returns no row there.",
        )
    found = server.channel(name) if name is not None else None
    if name or found is not None:
        if found is None:
            raise BadInputError("%s has no channel '%s'" % (server.address, name), advice="It has %s." % names)
        return found
    if len(server.channels) > 1:
        raise BadInputError(
            "%s has several channels: %s" % (server.address, names), advice="Say which one with option channel."
        )
    return server.channels[0]


def check_writable(server: Server, channel: Optional[Channel], attempted: str, managed_ok: bool) -> None:
    """Refuse to change a server that somebody else steers.

    :param attempted: what was going to be done, for the message.
    :param managed_ok: the caller says that a managed server may be changed; a cluster's members never.
    :raises RefusedError: the server is a member of a cluster, is managed, or the channel fails over by itself.
    """
    if server.cluster:
        raise RefusedError(
            attempted,
            server.address,
            "it is a member of a cluster (%s), which keeps its own replication state" % server.cluster,
            "Use the cluster's own tools.",
            {"cluster": server.cluster},
        )
    failover = channel is not None and str(channel.settings.get("source_connection_auto_failover", "0")) in ("1", "YES")
    if failover and not managed_ok:
        raise RefusedError(
            attempted,
            server.address,
            "the channel changes its source by itself (SOURCE_CONNECTION_AUTO_FAILOVER)",
            "Set managed_ok to true if that cannot interfere.",
        )
    if server.managed and not managed_ok:
        raise RefusedError(
            attempted,
            server.address,
            "it is looked after by %s, which may undo or fight the change" % server.managed,
            "Pause that first, then set managed_ok to true.",
            {"managed": server.managed},
        )


def check_state(wanted: Optional[str], actual: str, server: Server, channel: Channel) -> None:
    """Refuse when the channel is no longer in the state that a plan was made for.

    :raises StateMovedError: the state ids differ.
    """
    if wanted and wanted != actual:
        raise StateMovedError(
            "change %s" % channel.label,
            server.address,
            "it is not in the state any more that the change was planned for",
            "Diagnose again and look at the new plan.",
            {"wanted_state_id": wanted, "state_id": actual},
        )


def check_source(channel: Channel, source: Server, target: Server) -> None:
    """Make sure that the server reached as the source is the channel's source and not the target itself.

    By UUID; without one (MariaDB, or a channel that never connected) by server id, as far as the channel knows it.
    :raises IdentityError: it is another server.
    """
    if source.identity == target.identity and source.server_id == target.server_id:
        raise IdentityError(
            "use %s as the source of %s" % (source.address, channel.label),
            target.address,
            "it is the target itself (%s)" % source.identity,
            "Option source must lead to the server that the channel replicates from.",
        )
    if channel.source_uuid and source.uuid:
        same = channel.source_uuid.lower() == source.uuid.lower()
        expected, found = channel.source_uuid, source.uuid
    else:
        same = channel.source_server_id in (0, source.server_id)
        expected, found = "server id %d" % channel.source_server_id, "server id %d" % source.server_id
    if not same:
        raise IdentityError(
            "use %s as the source of %s" % (source.address, channel.label),
            target.address,
            "the channel replicates from %s, and that server is %s" % (expected, found),
            "A virtual address or a proxy may lead elsewhere; set option source to the source itself.",
            {"expected": expected, "found": found},
        )


def check_temporary_tables(server: Server, attempted: str) -> None:
    """Refuse what would lose the applier's open temporary tables.

    :raises RefusedError: there are some; the statements that use them later would fail.
    """
    for name in ("Replica_open_temp_tables", "Slave_open_temp_tables"):
        count = server.status.get(name, "0")
        if count.isdigit() and int(count) > 0:
            raise RefusedError(
                attempted,
                server.address,
                "the applier has %s temporary tables open, which would be lost" % count,
                "Let it apply until it has closed them.",
                {"open_temp_tables": int(count)},
            )


def check_prepared(server: Server, prepared: Optional[Sequence[str]], attempted: str) -> str:
    """Refuse to throw relay logs away while XA transactions are prepared: they hold locks until somebody ends them.

    :param prepared: the names that XA RECOVER shows; None when the account may not ask.
    :returns: what has to be said about it; empty when nothing.
    :raises RefusedError: there are some.
    """
    if prepared is None:
        return "Whether XA transactions are prepared could not be asked (XA RECOVER is not allowed)."
    if not prepared:
        return ""
    names = ", ".join(prepared[:10]) + (" and more" if len(prepared) > 10 else "")
    raise RefusedError(
        attempted,
        server.address,
        "XA transactions are prepared (%s), and their ends may be in the relay logs" % names,
        "Let the applier go on until it has ended them, or end them with XA COMMIT or XA ROLLBACK.",
        {"prepared": list(prepared)},
    )


def pending_skip(server: Server, channel: Channel) -> Tuple[str, int]:
    """Name and value of a skip counter that the next start of this channel would use up; a value of 0 for none.

    MySQL's status shows the channel's own count only from the next start on (measured on 9.7). MariaDB has a counter
    for each connection, and the variable shows that of the unnamed one.
    """
    names = ("sql_replica_skip_counter", "sql_slave_skip_counter")
    name = next((name for name in names if name in server.variables), names[1])
    text = server.variable(name, "0")
    applies = not server.flavour.is_mariadb or not channel.name
    return name, channel.skip_counter or (int(text) if applies and text.isdigit() else 0)


def check_skip_counter(server: Server, channel: Channel, steps: Sequence[Step], attempted: str) -> None:
    """Refuse a plan that starts the applier while a skip counter waits: it would pass a good transaction.

    :raises RefusedError: the counter is not 0.
    """
    name, count = pending_skip(server, channel)
    if not count or not starts_applier(steps):
        return
    words = "SET GLOBAL %s = 0" % name
    if server.flavour.is_mariadb and channel.name:
        words = "SET default_master_connection = %s and %s" % (literal(channel.name), words)
    raise RefusedError(
        attempted,
        "%s, %s" % (server.address, channel.label),
        "%s is %d, so the applier would leave out the next %s without applying it"
        % (name, count, "transaction" if count == 1 else "%d events" % count),
        "Run %s first. To pass a failing transaction use replica_skip." % words,
        {"skip_counter": count, "variable": name},
    )
