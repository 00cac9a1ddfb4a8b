# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event headers and the numbers of the event types, of MySQL 5.6 to 9.7 and of MariaDB.

An event is handed around as ``data``: its 19-byte header and its body, without the checksum. Offsets in ``data`` are
therefore the same for every event: the body begins at `BODY`. Source: reference manuals of both engines, "Binary log
event structure"; measured on MySQL 5.6 and 9.7, MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from ..errors import BinlogError

QUERY = 2
STOP = 3
ROTATE = 4
INTVAR = 5
LOAD = 6
CREATE_FILE = 8
APPEND_BLOCK = 9
EXEC_LOAD = 10
DELETE_FILE = 11
NEW_LOAD = 12
RAND = 13
USER_VAR = 14
FORMAT_DESCRIPTION = 15
XID = 16
BEGIN_LOAD_QUERY = 17
EXECUTE_LOAD_QUERY = 18
TABLE_MAP = 19
WRITE_ROWS_V0 = 20
UPDATE_ROWS_V0 = 21
DELETE_ROWS_V0 = 22
WRITE_ROWS_V1 = 23
UPDATE_ROWS_V1 = 24
DELETE_ROWS_V1 = 25
INCIDENT = 26
HEARTBEAT = 27
IGNORABLE = 28
ROWS_QUERY = 29
WRITE_ROWS = 30
UPDATE_ROWS = 31
DELETE_ROWS = 32
GTID = 33
ANONYMOUS_GTID = 34
PREVIOUS_GTIDS = 35
TRANSACTION_CONTEXT = 36
VIEW_CHANGE = 37
XA_PREPARE = 38
PARTIAL_UPDATE_ROWS = 39
TRANSACTION_PAYLOAD = 40
HEARTBEAT_V2 = 41
GTID_TAGGED = 42
ANNOTATE_ROWS = 160
BINLOG_CHECKPOINT = 161
MARIADB_GTID = 162
GTID_LIST = 163
START_ENCRYPTION = 164
QUERY_COMPRESSED = 165
WRITE_ROWS_COMPRESSED_V1 = 166
UPDATE_ROWS_COMPRESSED_V1 = 167
DELETE_ROWS_COMPRESSED_V1 = 168
WRITE_ROWS_COMPRESSED = 169
UPDATE_ROWS_COMPRESSED = 170
DELETE_ROWS_COMPRESSED = 171

WRITES = frozenset((20, 23, 30, 166, 169))
UPDATES = frozenset((21, 24, 31, 39, 167, 170))
DELETES = frozenset((22, 25, 32, 168, 171))
ROWS = WRITES | UPDATES | DELETES
# What begins a transaction, of both engines.
GTID_EVENTS = frozenset((GTID, ANONYMOUS_GTID, GTID_TAGGED, MARIADB_GTID))

# An event that the server made for the stream, or that changes nothing, and stands for no place in the file.
ARTIFICIAL_FLAG = 0x20
# A reader that does not know the event may skip it.
IGNORABLE_FLAG = 0x80

HEADER = struct.Struct("<IBIIIH")
BODY = HEADER.size
CHECKSUM_SIZE = 4


class Header(NamedTuple):
    """The 19 bytes that begin every event. ``end`` wraps at 4 GiB and is 0 in an artificial event."""

    timestamp: int
    type: int
    server_id: int
    size: int
    end: int
    flags: int


def parse_header(data: bytes, offset: int = 0) -> Header:
    """The header at an offset. Raises BinlogError when fewer than 19 bytes are there."""
    if len(data) - offset < BODY or offset < 0:
        raise broken("an event has %d bytes, fewer than its header" % max(len(data) - offset, 0))
    return Header(*HEADER.unpack_from(data, offset))


def broken(what: str) -> BinlogError:
    """The error for bytes that are no binlog as a server writes it."""
    return BinlogError(
        "decode the binlog",
        "",
        what,
        "The binlog is damaged, cut off, or of a server that is not known here; mysqlbinlog (mariadb-binlog) on that"
        " server tells which.",
    )
