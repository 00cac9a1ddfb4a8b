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
from .mapped import Known
from .rows import COMPRESSED
from .table_map import TableName
from .transaction import XID, Transaction

# From packets, an offset in them, their size, the offset in the file, the size of a checksum and the offset in the file
# that nothing may end behind to the transactions that lie there, with both offsets behind them; None when the first is
# not usual, or not all there.
Batch = Tuple[List[Transaction], int, int]
Whole = Callable[[bytes, int, int, int, int, int], Optional[Batch]]
# The same of one transaction. What knows the table of a table map event comes last.
Done = Optional[Tuple[Transaction, int, int]]
Table = Callable[[bytes, int, int], Known]
One = Callable[[bytes, int, int, int, int, Table], Done]
# The same of many that begin before a third offset, added to those that were found; it gives the offsets behind them.
Usual = Callable[[bytes, int, int, int, int, int, int, List[Transaction]], Tuple[int, int]]
# Time, server id, GTID and thread, and how many bytes and packets that took.
_Start = Tuple[int, int, str, int, int, int]

# Bytes of a packet before the event: its length and number, its status byte.
LEAD = 5
_TYPE = LEAD + 4
_BODY = LEAD + BODY
# What is in the packets of a usual transaction besides its events.
_LEADS = 5 * LEAD
FULL_PACKET = 0xFFFFFF
LOW = 0xFFFFFFFF

# Bytes whose transactions are a batch: what is made of more does not stay in a processor's caches.
_BATCH = 1 << 15

BEGINNINGS = header.GTID_EVENTS | {header.QUERY}
_USUAL = frozenset((header.GTID, header.ANONYMOUS_GTID))
# Rows events that are read where they lie.
_PLAIN = header.ROWS - COMPRESSED
_BEGIN = b"\0BEGIN"
_TOLD = frozenset((header.ROWS_QUERY, header.ANNOTATE_ROWS))
# What is raised where something is damaged or not all there.
_UNUSUAL = (BinlogError, zlib.error, RecursionError, MemoryError, *DECODE_ERRORS)
# What a NamedTuple's own constructor does, without a call in between.
_new = tuple.__new__
# What goes before BEGIN, and its GTID.
_NAMES: Dict[int, Callable[[bytes], str]] = {
    header.GTID: gtids.parse_gtid,
    header.GTID_TAGGED: gtids.parse_tagged_gtid,
    header.ANONYMOUS_GTID: lambda _data: "",
}
_GTID_KIND, _QUERY_KIND, _MAP_KIND, _XID = header.GTID, header.QUERY, header.TABLE_MAP, header.XID
_SEPARATE = gtids.STANDALONE | gtids.PREPARED_XA | gtids.COMPLETED_XA
_TWO_PHASES = gtids.START_ALTER | gtids.ROLLBACK_ALTER

# Of a packet: its length and number, its status byte, the event's type, and where the event says that it ends. Of an
# event: time and server id.
_packet = struct.Struct("<IB4xB8xI").unpack_from
_origin = struct.Struct("<IxI").unpack_from

# The packets of the smallest transaction, each with its length, the third byte of which is for itself, and its status.
# A GTID event of MySQL: time, type, server id, UUID, number. The statement BEGIN: type, thread, bytes of the schema and
# of the context, and its end. A table map: type, body. Of what follows it the type.
_GTID, _QUERY, _MAP, _NEXT = "HBxBIBI11x16sq", "HBxB4xB14xI4xB2xH", "HBxB4xB14x", "IB4xB"
_GTID_SIZE, _QUERY_SIZE, _MAP_SIZE, _NEXT_SIZE = (struct.calcsize("<" + part) for part in (_GTID, _QUERY, _MAP, _NEXT))
_LONGEST = 0xFFFF


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
    """The form of packets of these lengths. Raises struct.error when they are too short or too long."""
    inside = second + 4 - _QUERY_SIZE - len(_BEGIN) - checksum
    pads = first + 4 - _GTID_SIZE, inside, third + 4 - _MAP_SIZE - checksum
    if min(pads) < 0 or max(first, second, third) > _LONGEST:
        raise struct.error("a packet of unusual length")
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

    It gives what `Framer` would, and never raises anything. Only the first of a batch may be about a table whose
    columns have to be asked for: the answer can depend on what became of those before.
    """
    mapped, usual, one = framer.mapped, _usual(framer), _one(framer)

    def read(buffer: bytes, pos: int, size: int, offset: int, checksum: int, limit: int) -> Optional[Batch]:
        found: List[Transaction] = []
        if framer.open:
            return None
        far = min(pos + _BATCH, size - _TYPE)
        try:
            while pos < far and buffer[pos + _TYPE] in BEGINNINGS:
                if buffer[pos + _TYPE] in _USUAL:
                    pos, offset = usual(buffer, pos, far, size, offset, checksum, limit, found)
                    if pos >= far:
                        break
                done = one(buffer, pos, size, offset, checksum, mapped.known if found else mapped.table)
                if done is None or done[2] > limit:
                    break
                found.append(done[0])
                _done, pos, offset = done
        except _UNUSUAL:
            pass
        return (found, pos, offset) if found else None

    return read


def _usual(framer: Framer) -> Usual:
    """What takes one after the other of those that are nearly all: one rows event of a known table and no more."""
    maps, form, uuid_text = framer.mapped.maps, _SHORTEST, gtids.uuid_text

    def read(
        buffer: bytes, pos: int, far: int, size: int, offset: int, checksum: int, limit: int, found: List[Transaction]
    ) -> Tuple[int, int]:
        nonlocal form
        if form.lengths[3] != checksum:
            form = form._replace(lengths=(-1, -1, -1, checksum))
        unpack, (first, second, third, _checksum), inside, taken = form
        file = framer.file
        changes: List[Any] = []
        try:
            while pos < far:
                (one, high1, status1, stamp, kind, server, uuid, number,
                 two, high2, status2, query_kind, thread, schema, context, begin,
                 three, high3, status3, map_kind, key, word, status4, rows_kind) = unpack(buffer, pos)  # fmt: skip
                if kind not in _USUAL:
                    break
                if one != first or two != second or three != third:
                    form = unpack, (first, second, third, _checksum), inside, taken = _form_at(buffer, pos, checksum)
                    continue
                at = pos + taken
                end = at + 4 + (word & FULL_PACKET)
                word, status5, last_kind, place = _packet(buffer, end)
                after = end + 4 + (word & FULL_PACKET)
                # What the events say of their place in the file counts once for all of them.
                last = offset + after - pos - _LEADS
                if (
                    last_kind != _XID or place != last & LOW or after > size or last > limit
                    or high1 | status1 | high2 | status2 | high3 | status3 | status4 | status5
                    or query_kind != _QUERY_KIND or begin != _BEGIN or schema + context != inside
                    or map_kind != _MAP_KIND or rows_kind not in _PLAIN
                ):  # fmt: skip
                    break
                name, decoder = maps[key]
                if decoder is not None:  # it never is where only transactions are wanted
                    begins, used, rows = decoder.heads[rows_kind]
                    if not buffer.startswith(begins, at + _BODY):  # the table's number is there, too
                        break
                    changes, stop = rows(buffer, at + LEAD + used, end - checksum)
                    if stop != end - checksum:
                        break
                gtid = f"{uuid_text(uuid)}:{number}" if kind == _GTID_KIND else ""
                fields = (file, offset, last, gtid, XID, stamp, server, thread, (name,), tuple(changes), (), (), "", "")
                found.append(_new(Transaction, fields))
                pos, offset = after, last
        except _UNUSUAL:
            pass
        return pos, offset

    return read


def _one(framer: Framer) -> One:
    """What takes any transaction that is usual at all."""
    decode, by_id, kinds = framer.rows, framer.mapped.by_id, header.ROWS

    def read(buffer: bytes, pos: int, size: int, offset: int, checksum: int, table: Table) -> Done:
        stamp, server, gtid, thread, used, packets = _start(buffer, pos, checksum)
        tables: Dict[TableName, None] = {}
        undecoded: Dict[TableName, None] = {}
        changes: List[Any] = []
        at, base, id_end = pos + used, offset - pos - LEAD * packets, LEAD + framer.mapped.id_end
        while True:
            word, status, kind, end = _packet(buffer, at)
            after = at + 4 + (word & FULL_PACKET)
            if status or after > size:
                return None
            base -= LEAD
            if kind == header.TABLE_MAP:
                tables[table(buffer, at + LEAD + BODY, after - checksum)[0]] = None
            elif kind in kinds:
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
        fields = (framer.file, offset, last, gtid, XID, stamp, server, thread, tuple(tables), tuple(changes), (),
                  tuple(undecoded), "", "")  # fmt: skip
        return _new(Transaction, fields), after, last

    return read


def _start(buffer: bytes, pos: int, checksum: int) -> _Start:
    """Any other beginning: a GTID event of another kind, or none, and BEGIN, which MariaDB leaves out.

    :raises BinlogError: the transaction is not usual.
    """
    gtid, thread, at, packets, origin = "", 0, pos, 0, b""
    while True:
        word, status, kind, _end = _packet(buffer, at)
        if status:
            raise broken("not usual")
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
