# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One repairer at a time: an advisory lock per channel on the server that is changed."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from typing import Iterator

from .._core.errors import BusyError, ServerError
from .connect import Connection

_LIMIT = 64


def lock_name(channel: str) -> str:
    """The lock's name; a long channel name is hashed, as MySQL 5.7 and later refuse names over 64 characters.

    Upper and lower case are one name, because the server compares lock names without regard to case.
    """
    name = "replicaops.mysql/" + channel.lower()
    if len(name) <= _LIMIT:
        return name
    return "replicaops.mysql/" + hashlib.sha256(channel.lower().encode("utf-8")).hexdigest()[:40]


@contextmanager
def advisory_lock(connection: Connection, channel: str) -> Iterator[None]:
    """Hold the lock of a channel while the block runs. It ends with the connection, so a killed run leaves none.

    :raises BusyError: somebody else holds it; the message names the connection, its user and host.
    :raises ServerError: the server does not answer.
    """
    name = lock_name(channel)
    row = connection.one("SELECT GET_LOCK(%s, 0) AS got", (name,))
    if row is None or row["got"] != 1:
        raise _busy(connection, channel, name)
    try:
        yield
    finally:
        # A connection that broke has given its locks back already, and its error is the one to show.
        with suppress(ServerError):
            connection.query("SELECT RELEASE_LOCK(%s) AS released", (name,))


def _busy(connection: Connection, channel: str, name: str) -> BusyError:
    row = connection.one("SELECT IS_USED_LOCK(%s) AS holder", (name,))
    holder = int(row["holder"]) if row and row["holder"] is not None else 0
    who = _describe(connection, holder) if holder else "somebody who has let it go in the meantime"
    return BusyError(
        "change %s" % ("channel '%s'" % channel if channel else "the replication channel"),
        connection.address,
        "another repair is at work: %s" % who,
        "Wait until it has ended, or end that connection if it is left over.",
        {"lock": name, "holder_connection_id": holder},
    )


def _describe(connection: Connection, holder: int) -> str:
    row = connection.one(
        "SELECT USER AS user, HOST AS host FROM information_schema.PROCESSLIST WHERE ID = %s", (holder,)
    )
    if row is None:
        return "connection %d" % holder
    return "connection %d of %s from %s" % (holder, row["user"], row["host"])
