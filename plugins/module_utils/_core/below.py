# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers that replicate from the one that is to be changed, and what has to be true of each.

What is kept out of a server's binlog never gets to them: rows healed with sql_log_bin=0 fixed a server in the middle
and stopped the one below it, and a transaction that it skips is skipped for all of them (measured on MySQL 9.7 and
5.6, MariaDB 10.11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from .errors import RefusedError
from .gtid_mysql import GtidError
from .snapshot import GTID, STOPPED, Channel, Server

# The sections that tell what replicates from a server.
WHO_IS_BELOW = ("replicas", "processlist")
_REGISTERED = re.compile(r"^(?P<host>.+):(?P<port>\d+) \(server id (?P<id>\d+)\)$")
SERVER_ID = re.compile(r"\(server id (\d+)\)$")


@dataclass(frozen=True)
class Place:
    """Where a server that replicates from another one can be found.

    :param name: as messages call it.
    :param host: '' and ``port`` 0 when the server above does not tell; ``server_id`` 0 likewise.
    """

    name: str
    host: str = ""
    port: int = 0
    server_id: int = 0


def names(server: Server) -> Tuple[str, ...]:
    """What replicates from a server: registered replicas and connections that read its binlog."""
    if server.replicas_below:
        return server.replicas_below
    return tuple(
        "%s from %s" % (process.user, process.host)
        for process in server.processes
        if process.command.lower().startswith("binlog dump")
    )


def places(server: Server) -> Tuple[Place, ...]:
    """The same, with where to find each. A replica that does not report its address (report_host) has none."""
    found = []
    for name in names(server):
        match = _REGISTERED.match(name)
        number = SERVER_ID.search(name)
        if match is not None:
            found.append(Place(name, match.group("host"), int(match.group("port")), int(match.group("id"))))
        else:
            found.append(Place(name, server_id=int(number.group(1)) if number is not None else 0))
    return tuple(found)


def logs(server: Server) -> bool:
    """Whether the server writes a binlog, so that something can replicate from it at all."""
    return server.variable("log_bin", "ON").upper() not in ("OFF", "0")


def check_known(what: str, server: Server) -> None:
    """Refuse where it cannot be known what replicates from a server.

    :raises RefusedError: with the privileges that are missing.
    """
    hidden = [name for name in WHO_IS_BELOW if name in server.unreadable]
    if hidden and logs(server):
        raise RefusedError(
            what, server.address,
            "what replicates from it cannot be known: %s"
            % "; ".join("%s (%s)" % (name, server.unreadable[name].text) for name in hidden),
            "Give the account what these need (PROCESS; REPLICATION SLAVE, on MariaDB REPLICATION MASTER ADMIN).",
        )  # fmt: skip


def refused(what: str, server: Server, found: Sequence[str], why: str, advice: str) -> RefusedError:
    """The refusal to change a server that others replicate from.

    :param found: what these are called.
    :param why: the rest of the sentence that names them.
    """
    return RefusedError(
        what, server.address, "servers replicate from it (%s), and %s" % (", ".join(found), why), advice,
        {"replicas_below": list(found)},
    )  # fmt: skip


def replicates(other: Server, server: Server) -> bool:
    """Whether one of the other server's channels leads to this server, connected or not."""
    return any(leads(channel, server) for channel in other.channels)


def leads(channel: Channel, server: Server) -> bool:
    """Whether a channel's source is this server."""
    if server.uuid and channel.source_uuid:
        return channel.source_uuid.lower() == server.uuid.lower()
    return bool(channel.source_server_id) and channel.source_server_id == server.server_id


def obstacle(upper: Server, lower: Server) -> str:
    """Why it cannot be said what a server has of the one above it; '' when it can."""
    if upper.variable("log_replica_updates", upper.variable("log_slave_updates", "ON")).upper() in ("OFF", "0"):
        return "gets nothing of what is replicated, as the server above it does not log that (log_replica_updates)"
    if len(lower.channels) != 1 or not leads(lower.channels[0], upper):
        return "has other channels than the one to %s" % upper.address
    filters = ["%s = %s" % pair for pair in sorted(lower.channels[0].filters.items()) if pair[1]]
    if filters:
        return "filters (%s)" % "; ".join(filters)
    return ""


def stopped(lower: Server) -> str:
    """Why a server will not apply the rest by itself; '' while its applier runs.

    MySQL 5.6 logs a CREATE VIEW that fails on a replica with its error, and what is below stops at that (measured).
    """
    channel = lower.channels[0]
    if channel.applier != STOPPED:
        return ""
    text = channel.applier_fault.text if channel.applier_fault is not None else ""
    return "its applier has stopped" + (" (%s)" % " ".join(text.split()) if text else "")


def caught_up(upper: Server, lower: Server) -> bool:
    """Whether a server has applied all that stands in the binlog of the one above it; False when that is not known."""
    channel: Optional[Channel] = lower.channels[0] if lower.channels else None
    if channel is None or channel.position_gaps:
        return False
    if channel.mode == GTID and upper.flavour.is_mariadb:
        try:
            newest = upper.binlog_state.position() if upper.binlog_state is not None else None
        except GtidError:
            newest = None
        here = lower.replica_position
        return newest is not None and here is not None and all(here.covers(gtid) for gtid in newest.gtids)
    if channel.mode == GTID:
        return upper.executed is not None and lower.executed is not None and lower.executed.contains(upper.executed)
    try:
        return upper.binlog_end is not None and channel.executed is not None and (
            channel.executed.reached(upper.binlog_end)
        )  # fmt: skip
    except ValueError:
        return False
