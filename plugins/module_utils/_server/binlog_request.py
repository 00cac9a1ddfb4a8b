# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a server for its binlog: which session settings, which command, and what its refusals mean.

Source: reference manuals, "COM_BINLOG_DUMP", "COM_BINLOG_DUMP_GTID" and MariaDB's "Global Transaction ID"; measured on
MySQL 5.6 and 9.7, MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

import random
import struct
import uuid
from typing import Iterable, Optional, Set, Union

from .._core.binlog.gtids import encode_gtid_set
from .._core.errors import BadInputError, BinlogError, ReplicaError, ServerError
from .._core.gtid_mariadb import GtidPosition
from .._core.gtid_mysql import GtidError, GtidSet
from .._core.snapshot import Coordinates
from . import driver_errors
from .connect import Connection

Start = Union[Coordinates, str]

_DUMP = 0x12
_DUMP_GTID = 0x1E
_NON_BLOCKING = 1
_ANNOTATIONS = 2  # MariaDB: else it leaves these events out, and offsets jump
_THROUGH_GTID = 4
FIRST_POSITION = 4
_POSITION_END = 1 << 32

_PATIENCE = 600

# Nobody numbers real servers up here, though some number them by IP address: what is taken is asked for as well.
_LOWEST_ID = 3_800_000_000
_HIGHEST_ID = 4_294_900_000

_ADVICE = (
    ("could not find first log file name", "The file is not on the server (any more): SHOW BINARY LOGS lists those that"
     " are. Start from one of these, or read the lost ones from a backup."),
    ("purged", "The server has deleted binlogs that are needed from this start on. Start later, or use a server that"
     " still has them."),
    ("not in the master's binlog", "The server has no such GTID in its binlog: it was purged there, or belongs to"
     " another server. Start later, or use another server."),
    ("position > file size", "The position is beyond the end of the file: the server lost the end of its binlog in a"
     " crash, or the position belongs to another server."),
    ("impossible position", "The position is beyond the end of the file: the server lost the end of its binlog in a"
     " crash, or the position belongs to another server."),
    ("binary log is not open", "The server writes no binlog: set log_bin there, or use another server."),
    ("truncated in the middle", "No event begins at the position, or the server died while it wrote one there: use the"
     " start of an event, as SHOW BINLOG EVENTS lists them."),
    ("bogus data", "No event begins at the position: use the start of an event, as SHOW BINLOG EVENTS lists them."),
    ("max_allowed_packet", "No event begins at the position, or one is larger than max_allowed_packet on the server:"
     " use the start of an event, as SHOW BINLOG EVENTS lists them."),
    ("same server_uuid/server_id", "Another reader took the same server id: run this again."),
    ("auto_position", "The server has gtid_mode off: start from a file and position instead of a GTID set."),
)  # fmt: skip


def is_mariadb(connection: Connection) -> bool:
    """Whether the server is MariaDB. Raises ServerError when it does not answer."""
    row = connection.one("SELECT VERSION() AS version") or {}
    return "mariadb" in str(row.get("version", "")).lower()


def free_server_id(connection: Connection, taken: Iterable[int] = ()) -> int:
    """A server id for a stream that neither the server itself nor a replica that it knows of uses.

    A second reader with an id in use would end the first one's dump thread.

    :param taken: ids that the caller knows to be in use elsewhere in the topology.
    :raises ServerError: the server does not answer.
    """
    used: Set[int] = set(taken)
    row = connection.one("SELECT @@GLOBAL.server_id AS number") or {}
    used.add(int(row.get("number", 0)))
    for statement in ("SHOW REPLICAS", "SHOW SLAVE HOSTS"):
        try:
            rows = connection.query(statement)
        except ServerError as error:
            if error.number == driver_errors.CONNECTION_LOST:
                raise
            continue
        used.update(int(found.get("Server_Id", found.get("Server_id", 0)) or 0) for found in rows)
        break
    while True:
        number = random.randrange(_LOWEST_ID, _HIGHEST_ID)
        if number not in used:
            return number


def send(
    connection: Connection, start: Start, server_id: int, blocking: bool, heartbeat: float, mariadb: bool
) -> Coordinates:
    """Ask for the binlog. The connection can be used for nothing else afterwards.

    :return: where the stream begins: file '' when the server chooses it.
    :raises BadInputError: the GTID set does not have this engine's form.
    :raises ServerError: the server does not answer.
    """
    settings = {
        "@master_binlog_checksum": "@@GLOBAL.binlog_checksum",
        "@source_binlog_checksum": "@@GLOBAL.binlog_checksum",
        "@master_heartbeat_period": "%d" % (heartbeat * 1e9),
        "@source_heartbeat_period": "%d" % (heartbeat * 1e9),
        # So long the server waits for a reader that has other work between two events.
        "net_write_timeout": "%d" % _PATIENCE,
    }
    if mariadb:
        settings["@mariadb_slave_capability"] = "4"
    else:
        # By this name and not by the id the server ends the thread of a reader that comes a second time.
        settings["@slave_uuid"] = settings["@replica_uuid"] = "'%s'" % uuid.uuid4()
    if mariadb and isinstance(start, str):
        settings["@slave_connect_state"] = "'%s'" % _mariadb_position(start)
        settings["@slave_gtid_strict_mode"] = settings["@slave_gtid_ignore_duplicates"] = "0"
    connection.execute("SET " + ", ".join("%s = %s" % each for each in settings.items()))
    flags = (0 if blocking else _NON_BLOCKING) | (_ANNOTATIONS if mariadb else 0)
    begin = start if isinstance(start, Coordinates) else Coordinates("", FIRST_POSITION)
    if isinstance(start, str) and not mariadb:
        command, payload = _DUMP_GTID, _gtid_payload(start, flags, server_id)
    else:
        if begin.position >= _POSITION_END:
            # The command has 32 bits for it. From the beginning of the file it takes longer and arrives.
            begin = Coordinates(begin.file, FIRST_POSITION)
        payload = struct.pack("<IHI", begin.position, flags, server_id) + begin.file.encode("utf-8")
        command = _DUMP
    try:
        connection.driver._execute_command(command, payload)
    except Exception as error:
        raise cut(connection, str(error), begin) from None
    return begin


def _mariadb_position(text: str) -> str:
    try:
        return str(GtidPosition.parse(text))
    except GtidError as error:
        raise BadInputError("The start is no GTID position of MariaDB (0-1-5,1-2-7): %s" % error) from None


def _gtid_payload(text: str, flags: int, server_id: int) -> bytes:
    try:
        encoded = encode_gtid_set(GtidSet.parse(text))
    except GtidError as error:
        raise BadInputError("The start is no GTID set of MySQL (uuid:1-5): %s" % error) from None
    head = struct.pack("<HIIQI", flags | _THROUGH_GTID, server_id, 0, FIRST_POSITION, len(encoded))
    return head + encoded


def refusal(connection: Connection, packet: bytes, at: Coordinates) -> ReplicaError:
    """The error for an error packet of the server (its first byte is 255)."""
    number = int.from_bytes(packet[1:3], "little")
    text = packet[3:].decode("utf-8", "replace")
    if text.startswith("#"):
        text = text[6:]
    attempted = "read the binlog from %s" % place(at)
    if number in driver_errors.PRIVILEGE_NUMBERS:
        return driver_errors.statement_error(number, text, attempted, connection.address, 0, connection.connection_id)
    lower = text.lower()
    advice = next((words for mark, words in _ADVICE if mark in lower), "Look into the server's error log.")
    context = {"errno": number, "file": at.file, "position": at.position}
    return BinlogError(attempted, connection.address, "%d %s" % (number, text), advice, context)


def cut(connection: Connection, details: str, at: Coordinates) -> BinlogError:
    """The error for a connection that broke, or went silent, while the stream was at a point."""
    answer = "the connection broke at %s (%s)" % (place(at), details or "no details")
    if "timed out" in details:
        answer = "the server sent nothing for too long at %s" % place(at)
    return BinlogError(
        "read the binlog",
        connection.address,
        answer,
        "Nothing was changed; run it again. If it happens again, look into the server's error log for a restart, a"
        " crash or a KILL of connection %d, and at the network in between." % connection.connection_id,
        {"errno": driver_errors.CONNECTION_LOST, "file": at.file, "position": at.position},
    )


def garbled(connection: Connection, what: str, at: Coordinates) -> BinlogError:
    """The error for bytes that are no stream of events."""
    return BinlogError(
        "read the binlog",
        connection.address,
        "%s at %s" % (what, place(at)),
        "The binlog is damaged there, or something between here and the server changes what it sends.",
        {"file": at.file, "position": at.position},
    )


def place(at: Optional[Coordinates]) -> str:
    """Coordinates for people."""
    return str(at) if at is not None and at.file else "the beginning of the stream"
