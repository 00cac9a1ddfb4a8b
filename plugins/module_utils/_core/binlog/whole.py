# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a usual transaction in one piece out of the packets that a server sends: rows between a beginning and an XID.

An event for itself costs more than what is in most of them, so that small transactions go twice as fast this way.
Whatever is not usual is left to `framing.Framer`, event by event; so is every error, as it knows where to place it.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..errors import BinlogError
from . import gtids, header, query
from .columns_info import DECODE_ERRORS
from .framing import Framer
from .header import BODY, broken
from .table_map import TableName
from .transaction import XID, Transaction

# From packets, an offset in them, their size, the offset in the file and the size of a checksum to a transaction with
# both offsets behind it; None when it is not usual, or not all there.
Whole = Callable[[bytes, int, int, int, int], Optional[Tuple[Transaction, int, int]]]
# Time, server id, GTID and thread, and how many bytes and packets that took.
_Start = Tuple[int, int, str, int, int, int]

# Bytes of a packet before the event: its length and number, its status byte.
LEAD = 5
_TYPE = LEAD + 4
FULL_PACKET = 0xFFFFFF
LOW = 0xFFFFFFFF

BEGINNINGS = frozenset((header.GTID, header.ANONYMOUS_GTID, header.GTID_TAGGED, header.MARIADB_GTID, header.QUERY))
_USUAL = frozenset((header.GTID, header.ANONYMOUS_GTID))
_BEGIN = b"\0BEGIN"
_TOLD = frozenset((header.ROWS_QUERY, header.ANNOTATE_ROWS))
_SEPARATE = gtids.STANDALONE | gtids.PREPARED_XA | gtids.COMPLETED_XA
_TWO_PHASES = gtids.START_ALTER | gtids.ROLLBACK_ALTER

# Of a packet: its length and number, its status byte, and the event's type. Of an event: time and server id; its end.
_packet = struct.Struct("<IB4xB").unpack_from
_origin = struct.Struct("<IxI").unpack_from
_end = struct.Struct("<13xI").unpack_from

# A GTID event of MySQL: status, time, type, server id, UUID, number. The statement BEGIN: status, type, thread, bytes
# of the schema and of the context, and its end.
_GTID, _QUERY = "4xBIBI11x16sq", "4xB4xB14xI4xB2xH"
_GTID_SIZE, _QUERY_SIZE = struct.calcsize("<" + _GTID), struct.calcsize("<" + _QUERY)


def whole(framer: Framer) -> Whole:
    """What takes transactions of a framer's stream; the framer does not see the events of these.

    It gives what `Framer` would, and never raises anything.
    """
    decode, table, rows, usual = framer.rows, framer.table, header.ROWS, _usual_start()

    def read(buffer: bytes, pos: int, size: int, offset: int, checksum: int) -> Optional[Tuple[Transaction, int, int]]:
        stamp, server, gtid, thread, taken, packets = usual(buffer, pos, checksum) or _start(buffer, pos, checksum)
        by_id, id_end, at = framer.by_id, framer.id_end, pos + taken
        tables: Dict[TableName, None] = {}
        undecoded: Dict[TableName, None] = {}
        changes: List[Any] = []
        while True:
            word, status, kind = _packet(buffer, at)
            after = at + 4 + (word & FULL_PACKET)
            if status or after > size:
                return None
            packets += 1
            if kind == header.TABLE_MAP:
                tables[table(buffer, at + LEAD + BODY, after - checksum)[0]] = None
            elif kind in rows:
                if decode:
                    data = buffer[at + LEAD : after - checksum]
                    name, decoder = by_id[data[BODY:id_end]]
                    if decoder is None:
                        undecoded[name] = None
                    else:
                        changes += decoder.decode(kind, data)
            elif kind == header.XID:
                break
            elif kind not in _TOLD:
                return None
            at = after
        # What the events say of their place in the file counts once for all of them.
        last = offset + after - pos - LEAD * packets
        if _end(buffer, at + LEAD)[0] != last & LOW:
            return None
        fields = (framer.file, offset, last, gtid, XID, stamp, server, thread, tuple(tables), tuple(changes), (),
                  tuple(undecoded) if undecoded else (), "", "")  # fmt: skip
        return tuple.__new__(Transaction, fields), after, last

    return _sure(framer, read)


def _sure(framer: Framer, read: Whole) -> Whole:
    """The same without errors, and only between transactions."""

    def sure(buffer: bytes, pos: int, size: int, offset: int, checksum: int) -> Optional[Tuple[Transaction, int, int]]:
        if framer.open:
            return None
        try:
            return read(buffer, pos, size, offset, checksum)
        except (BinlogError, zlib.error, RecursionError, MemoryError, *DECODE_ERRORS):
            return None

    return sure


def _usual_start() -> Callable[[bytes, int, int], Optional[_Start]]:
    """What reads a GTID event of MySQL and BEGIN at once, which are as long as the last ones in nearly all cases."""
    first = second = inside = 0
    unpack: Callable[[bytes, int], Tuple[Any, ...]] = struct.Struct("").unpack_from

    def start(buffer: bytes, pos: int, checksum: int) -> Optional[_Start]:
        nonlocal first, second, inside, unpack
        if buffer[pos + _TYPE] not in _USUAL:
            return None
        word = int.from_bytes(buffer[pos : pos + 3], "little")
        other = int.from_bytes(buffer[pos + 4 + word : pos + 7 + word], "little")
        if word != first or other != second:
            first, second = word, other
            unpack, inside = _both(word, other, checksum)
        status, stamp, kind, server, uuid, number, refused, query_kind, thread, schema, context, begin = unpack(
            buffer, pos
        )
        if status or refused or query_kind != header.QUERY or begin != _BEGIN or schema + context != inside:
            return None
        gtid = "%s:%d" % (gtids.uuid_text(uuid), number) if kind == header.GTID else ""
        return stamp, server, gtid, thread, word + other + 8, 2

    return start


@lru_cache(maxsize=256)
def _both(first: int, second: int, checksum: int) -> Tuple[Callable[[bytes, int], Tuple[Any, ...]], int]:
    """What reads a GTID event and BEGIN in packets of these lengths, and the bytes that vary within BEGIN."""
    inside = second + 4 - _QUERY_SIZE - len(_BEGIN) - checksum
    form = struct.Struct("<%s%dx%s%dx6s" % (_GTID, first + 4 - _GTID_SIZE, _QUERY, inside))
    return form.unpack_from, inside


def _start(buffer: bytes, pos: int, checksum: int) -> _Start:
    """Any other beginning: a GTID event of another kind, or none, and BEGIN, which MariaDB leaves out.

    :raises BinlogError: the transaction is not usual.
    """
    gtid, thread, at, packets, origin = "", 0, pos, 0, b""
    while True:
        word, _status, kind = _packet(buffer, at)
        after = at + 4 + (word & FULL_PACKET)
        data = buffer[at + LEAD : after - checksum]
        at, packets = after, packets + 1
        stamp, server = _origin(origin or data)
        if kind == header.QUERY and data.endswith(_BEGIN) and query.is_begin(data):
            thread = int.from_bytes(data[BODY : BODY + 4], "little")
        elif kind == header.MARIADB_GTID and not origin:
            event = gtids.parse_mariadb_gtid(data, server)
            if event.flags & _SEPARATE or event.more_flags & _TWO_PHASES:
                raise broken("not usual")
            gtid, thread = event.gtid, event.thread_id
        elif kind == header.GTID_TAGGED and not origin:
            gtid, origin = gtids.parse_tagged_gtid(data), data
            continue
        else:
            raise broken("not usual")
        return stamp, server, gtid, thread, at - pos, packets
