# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a source once more, now: who it is, what it has, and on MariaDB where its oldest binlog begins."""

from __future__ import annotations

from typing import Optional, Tuple

from .._core.errors import ReplicaError, ServerError
from .._core.gtid_mariadb import GtidPosition
from .._core.gtid_mysql import GtidError
from .._core.permit import check_source
from .._core.snapshot import GTID, Channel, Peer, Server
from .connect import Connection, Login, connect
from .reader import read_server

# The list stands behind the format description, and behind the start of encryption where there is one.
_HEAD_EVENTS = 5


def ask(login: Login, channel: Channel, target: Server, named: bool) -> Tuple[Peer, Optional[GtidPosition]]:
    """The source as it is now, and the position at the head of its oldest binlog (MariaDB with GTID, else None).

    :param named: the caller named this server, so that not reaching it, or reaching another one, is an error.
    :raises ReplicaError: a named source cannot be read or is not the channel's source.
    """
    try:
        with connect(login) as connection:
            source = read_server(connection, role="source")
            check_source(channel, source, target)
            wanted = channel.mode == GTID and target.flavour.is_mariadb
            return Peer(login.address, source), oldest_position(connection, source) if wanted else None
    except ReplicaError as error:
        if named:
            raise
        return Peer(login.address, None, str(error)), None


def oldest_position(connection: Connection, source: Server) -> Optional[GtidPosition]:
    """The last GTID of each domain before the oldest binlog that is left; None when it cannot be read.

    It stands in the Gtid_list event at the file's head (manual: "Global Transaction ID").
    """
    if not source.binlogs:
        return None
    try:
        rows = connection.query("SHOW BINLOG EVENTS IN %s LIMIT " + str(_HEAD_EVENTS), (source.binlogs[0][0],))
        for row in rows:
            if str(row["Event_type"]).lower() == "gtid_list":
                return GtidPosition.parse(str(row["Info"]).strip().strip("[]"))
    except (ServerError, GtidError):
        return None
    return None
