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
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from ..errors import BinlogError
from . import gtids, header, query
from .columns_info import DECODE_ERRORS
from .framing import Framer
from .header import BODY, broken
from .rows import COMPRESSED
from .table_map import TableName
from .transaction import XID, Transaction

# From packets, an offset in them, their size, the offset in the file and the size of a checksum to a transaction with
# both offsets behind it; None when it is not usual, or not all there.
Done = Tuple[Transaction, int, int]
Whole = Callable[[bytes, int, int, int, int], Optional[Done]]
# From packets, an offset in them, their size, the offset in the file of their beginning less what the packets before
# add to their events, the size of a checksum, what the transaction's head says, its tables and rows so far.
Rest = Callable[
    [bytes, int, int, int, int, Tuple[Any, ...], Dict[TableName, None], List[Any]],
    Optional[Done],
]
# Time, server id, GTID and thread, and how many bytes and packets that took.
_Start = Tuple[int, int, str, int, int, int]

# Bytes of a packet before the event: its length and number, its status byte.
LEAD = 5
_TYPE = LEAD + 4
FULL_PACKET = 0xFFFFFF
LOW = 0xFFFFFFFF

BEGINNINGS = header.GTID_EVENTS | {header.QUERY}
_USUAL = frozenset((header.GTID, header.ANONYMOUS_GTID))
# Rows events that are read where they lie.
_PLAIN = header.ROWS - COMPRESSED
_BEGIN = b"\0BEGIN"
_TOLD = frozenset((header.ROWS_QUERY, header.ANNOTATE_ROWS))
# What goes before BEGIN, and its GTID.
_NAMES: Dict[int, Callable[[bytes], str]] = {
    header.GTID: gtids.parse_gtid,
    header.GTID_TAGGED: gtids.parse_tagged_gtid,
    header.ANONYMOUS_GTID: lambda _data: "",
}
_SEPARATE = gtids.STANDALONE | gtids.PREPARED_XA | gtids.COMPLETED_XA
_TWO_PHASES = gtids.START_ALTER | gtids.ROLLBACK_ALTER

# Of a packet: its length and number, its status byte, the event's type, and where the event says that it ends. Of an
# event: time and server id.
_packet = struct.Struct("<IB4xB8xI").unpack_from
_origin = struct.Struct("<IxI").unpack_from

# Four packets. A GTID event of MySQL: length, status, time, type, server id, UUID, number. The statement BEGIN: length,
# status, type, thread, bytes of the schema and of the context, and its end. A table map: length, status, type, body. Of
# what follows it length, status and type.
_GTID, _QUERY, _MAP, _NEXT = "IBIBI11x16sq", "IB4xB14xI4xB2xH", "IB4xB14x", "IB4xB"
_GTID_SIZE, _QUERY_SIZE, _MAP_SIZE, _NEXT_SIZE = (struct.calcsize("<" + part) for part in (_GTID, _QUERY, _MAP, _NEXT))


class _Form(NamedTuple):
    """What reads the beginning of a usual transaction whose packets have given lengths.

    :param lengths: of the first three packets, and of a checksum.
    :param inside: bytes that vary within BEGIN.
    :param taken: bytes before the fourth packet.
    """

    unpack: Callable[[bytes, int], Tuple[Any, ...]]
    lengths: Tuple[int, int, int, int]
    inside: int
    taken: int


@lru_cache(maxsize=1024)
def _form(first: int, second: int, third: int, checksum: int) -> _Form:
    """The form of packets of these lengths. Raises struct.error when they are too short."""
    inside = second + 4 - _QUERY_SIZE - len(_BEGIN) - checksum
    pads = first + 4 - _GTID_SIZE, inside, third + 4 - _MAP_SIZE - checksum
    if min(pads) < 0:
        raise struct.error("a packet is too short")
    form = struct.Struct(
        "<%s%dx%s%dx6s%dx%s%ds%dx%s" % (_GTID, pads[0], _QUERY, inside, checksum, _MAP, pads[2], checksum, _NEXT)
    )
    return _Form(form.unpack_from, (first, second, third, checksum), inside, form.size - _NEXT_SIZE)


_SHORTEST = _form(_GTID_SIZE, _QUERY_SIZE + len(_BEGIN), _MAP_SIZE, 0)


def _form_at(buffer: bytes, pos: int, checksum: int) -> _Form:
    """The form of what lies at an offset."""
    lengths = []
    for _packets in range(3):
        lengths.append(int.from_bytes(buffer[pos : pos + 3], "little"))
        pos += 4 + lengths[-1]
    return _form(lengths[0], lengths[1], lengths[2], checksum)


def whole(framer: Framer) -> Whole:
    """What takes transactions of a framer's stream; the framer does not see the events of these.

    It gives what `Framer` would, and never raises anything.
    """
    rest = _rest(framer)
    any_kind = _any_kind(framer, rest)
    usual = _usual(framer, rest, any_kind)

    def read(buffer: bytes, pos: int, size: int, offset: int, checksum: int) -> Optional[Done]:
        if framer.open:
            return None
        try:
            if buffer[pos + _TYPE] in _USUAL:
                return usual(buffer, pos, size, offset, checksum)
            return any_kind(buffer, pos, size, offset, checksum)
        except (BinlogError, zlib.error, RecursionError, MemoryError, *DECODE_ERRORS):
            return None

    return read


def _any_kind(framer: Framer, rest: Rest) -> Whole:
    """What takes any transaction that is usual at all."""

    def read(buffer: bytes, pos: int, size: int, offset: int, checksum: int) -> Optional[Done]:
        stamp, server, gtid, thread, used, packets = _start(buffer, pos, checksum)
        head = (framer.file, offset, gtid, stamp, server, thread)
        return rest(buffer, pos + used, size, offset - pos - LEAD * packets, checksum, head, {}, [])

    return read


def _usual(framer: Framer, rest: Rest, any_kind: Whole) -> Whole:
    """What takes those whose first packets are as long as the last ones', nearly all, with rows behind a table map."""
    decode, maps, by_id = framer.rows, framer.maps, framer.by_id
    unpack, lengths, inside, taken = _SHORTEST

    def read(buffer: bytes, pos: int, size: int, offset: int, checksum: int) -> Optional[Done]:
        nonlocal unpack, lengths, inside, taken
        (one, status, stamp, kind, server, uuid, number, two, refused, query_kind, thread, schema, context, begin,
         three, bad, map_kind, key, word, late, rows_kind) = unpack(buffer, pos)  # fmt: skip
        if (one & FULL_PACKET, two & FULL_PACKET, three & FULL_PACKET, checksum) != lengths:
            unpack, lengths, inside, taken = _form_at(buffer, pos, checksum)
            return read(buffer, pos, size, offset, checksum)
        if status | refused | bad | late or query_kind != header.QUERY or begin != _BEGIN or schema + context != inside:
            return any_kind(buffer, pos, size, offset, checksum)
        known = maps.get(key)
        if known is None or map_kind != header.TABLE_MAP or rows_kind not in _PLAIN:
            return any_kind(buffer, pos, size, offset, checksum)
        at = pos + taken
        after = at + 4 + (word & FULL_PACKET)
        changes: List[Any] = []
        if decode and known[1] is not None:
            rows = known[1].heads.get(rows_kind)
            if rows is None or not buffer.startswith(rows[0], at + LEAD + BODY):  # the table's number stands there, too
                return any_kind(buffer, pos, size, offset, checksum)
            end = after - checksum
            changes, stop = rows[2](buffer, at + LEAD + rows[1], end)
            if stop != end:
                return None
        gtid = "%s:%d" % (gtids.uuid_text(uuid), number) if kind == header.GTID else ""
        word, status, kind, end = _packet(buffer, after)
        done = after + 4 + (word & FULL_PACKET)
        # What the events say of their place in the file counts once for all of them.
        last = offset + done - pos - 5 * LEAD
        if kind != header.XID or end != last & LOW or status or done > size:
            by_id[key[: framer.id_end - BODY]] = known
            head = (framer.file, offset, gtid, stamp, server, thread)
            return rest(buffer, after, size, offset - pos - 4 * LEAD, checksum, head, {known[0]: None}, changes)
        fields = (framer.file, offset, last, gtid, XID, stamp, server, thread, (known[0],), tuple(changes), (), (), "",
                  "")  # fmt: skip
        return tuple.__new__(Transaction, fields), done, last

    return read


def _rest(framer: Framer) -> Rest:
    """What takes a transaction from the packet at an offset on, to its end."""
    decode, table, rows = framer.rows, framer.table, header.ROWS

    def rest(
        buffer: bytes,
        at: int,
        size: int,
        base: int,
        checksum: int,
        head: Tuple[Any, ...],
        tables: Dict[TableName, None],
        changes: List[Any],
    ) -> Optional[Done]:
        by_id, id_end = framer.by_id, LEAD + framer.id_end
        undecoded: Dict[TableName, None] = {}
        while True:
            word, status, kind, end = _packet(buffer, at)
            after = at + 4 + (word & FULL_PACKET)
            if status or after > size:
                return None
            base -= LEAD
            if kind == header.TABLE_MAP:
                tables[table(buffer, at + LEAD + BODY, after - checksum)[0]] = None
            elif kind in rows:
                if decode:
                    name, decoder = by_id[buffer[at + LEAD + BODY : at + id_end]]
                    if decoder is None:
                        undecoded[name] = None
                    else:
                        changes += decoder.within(kind, buffer, at + LEAD, after - checksum)
            elif kind == header.XID:
                break
            elif kind not in _TOLD:
                return None
            at = after
        last = base + after
        if end != last & LOW:
            return None
        file, first, gtid, stamp, server, thread = head
        fields = (file, first, last, gtid, XID, stamp, server, thread, tuple(tables), tuple(changes), (),
                  tuple(undecoded), "", "")  # fmt: skip
        return tuple.__new__(Transaction, fields), after, last

    return rest


def _start(buffer: bytes, pos: int, checksum: int) -> _Start:
    """Any other beginning: a GTID event of another kind, or none, and BEGIN, which MariaDB leaves out.

    :raises BinlogError: the transaction is not usual.
    """
    gtid, thread, at, packets, origin = "", 0, pos, 0, b""
    while True:
        word, _status, kind, _end = _packet(buffer, at)
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
        elif kind in _NAMES and not origin:
            gtid, origin = _NAMES[kind](data), data
            continue
        else:
            raise broken("not usual")
        return stamp, server, gtid, thread, at - pos, packets
