# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GTID events of both engines, and the sets that stand at the beginning of a binlog file.

Source: reference manuals, "GTID Format and Storage" and "Global Transaction ID"; forms measured on MySQL 5.6 and 9.7
and MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from ..gtid_mariadb import MariadbGtid
from ..gtid_mysql import GtidError, GtidSet
from .header import BODY, GTID_EVENTS, GTID_LIST, PREVIOUS_GTIDS, broken
from .packed import variable_integer, variable_signed

_NUMBER = struct.Struct("<q")
_LIST_ITEM = struct.Struct("<IIQ")
_MARIADB = struct.Struct("<QIB")
_TAGGED_FORMAT = 1

STANDALONE = 1
GROUP_COMMIT_ID = 2
TRANSACTIONAL = 4
ALLOW_PARALLEL = 8
WAITED = 16
DDL = 32
PREPARED_XA = 64
COMPLETED_XA = 128

MORE_ENGINES = 1
START_ALTER = 2
COMMIT_ALTER = 4
ROLLBACK_ALTER = 8
THREAD_ID = 16


@lru_cache(maxsize=4096)
def uuid_text(raw: bytes) -> str:
    """16 bytes as the server prints a UUID. Raises BinlogError when they are not 16."""
    if len(raw) != 16:
        raise broken("a UUID of %d bytes" % len(raw))
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def parse_gtid(data: bytes) -> str:
    """The GTID of a MySQL GTID event without a tag: ``uuid:number``. Raises struct.error when cut off."""
    return "%s:%d" % (uuid_text(data[BODY + 1 : BODY + 17]), _NUMBER.unpack_from(data, BODY + 17)[0])


def parse_tagged_gtid(data: bytes) -> str:
    """The GTID of an event of type 42: ``uuid:tag:number``, or without the tag when it has none.

    The body is a list of numbered fields: 0 flags, 1 UUID (16 numbers), 2 number, 3 tag; the rest is not needed.
    Raises BinlogError when these are not there, IndexError when it is cut off.
    """
    pos = BODY
    for _unused in range(3):  # version of the form, size, last field that may not be ignored
        _number, pos = variable_integer(data, pos)
    uuid, number, tag = b"", 0, ""
    for wanted in range(4):
        field, pos = variable_integer(data, pos)
        if field != wanted:
            raise broken("a tagged GTID event has field %d where field %d belongs" % (field, wanted))
        if field == 0:
            _flags, pos = variable_integer(data, pos)
        elif field == 1:
            uuid, pos = _numbers_as_bytes(data, pos, 16)
        elif field == 2:
            number, pos = variable_signed(data, pos)
        else:
            size, pos = variable_integer(data, pos)
            tag = data[pos : pos + size].decode("ascii", "backslashreplace")
    return ":".join((uuid_text(uuid), tag, str(number)) if tag else (uuid_text(uuid), str(number)))


def _numbers_as_bytes(data: bytes, pos: int, count: int) -> Tuple[bytes, int]:
    numbers = []
    for _unused in range(count):
        number, pos = variable_integer(data, pos)
        numbers.append(number)
    return bytes(numbers), pos


class MariadbGtidEvent(NamedTuple):
    """MariaDB's GTID event. ``flags`` and ``more_flags``: see the constants of this module.

    ``thread_id`` is 0 where the server does not write it (before 11.5).
    """

    gtid: str
    flags: int
    more_flags: int = 0
    thread_id: int = 0


def parse_mariadb_gtid(data: bytes, server_id: int) -> MariadbGtidEvent:
    """The GTID, whose server id is the event's own. Raises struct.error or IndexError when cut off."""
    sequence, domain, flags = _MARIADB.unpack_from(data, BODY)
    gtid = "%d-%d-%d" % (domain, server_id, sequence)
    pos = BODY + _MARIADB.size
    if flags & GROUP_COMMIT_ID:
        pos += 8
    if flags & (PREPARED_XA | COMPLETED_XA):
        pos += 6 + data[pos + 4] + data[pos + 5]
    if pos >= len(data) or not data[pos]:
        return MariadbGtidEvent(gtid, flags)
    more = data[pos]
    pos += 1 + (more & MORE_ENGINES) + (8 if more & (COMMIT_ALTER | ROLLBACK_ALTER) else 0)
    thread = int.from_bytes(data[pos : pos + 4], "little") if more & THREAD_ID else 0
    return MariadbGtidEvent(gtid, flags, more, thread)


def parse_gtid_list(data: bytes) -> Tuple[MariadbGtid, ...]:
    """The last GTIDs of each domain and server before a MariaDB binlog file. Raises BinlogError when cut off."""
    if len(data) < BODY + 4:
        raise broken("a list of GTIDs is cut off")
    count = int.from_bytes(data[BODY : BODY + 4], "little") & 0x0FFFFFFF
    if len(data) < BODY + 4 + count * _LIST_ITEM.size:
        raise broken("a list of %d GTIDs has %d bytes" % (count, len(data) - BODY - 4))
    items = (_LIST_ITEM.unpack_from(data, BODY + 4 + number * _LIST_ITEM.size) for number in range(count))
    return tuple(MariadbGtid(*item) for item in items)


def parse_previous_gtids(data: bytes) -> GtidSet:
    """Everything executed before a MySQL binlog file. Raises BinlogError when cut off or senseless."""
    try:
        return _previous_gtids(data)
    except (struct.error, IndexError, ValueError, GtidError) as error:
        raise broken("the set of GTIDs before a file makes no sense (%s)" % error) from None


def _previous_gtids(data: bytes) -> GtidSet:
    (head,) = struct.unpack_from("<Q", data, BODY)
    # With tags the first and the last byte of the count hold the number of the form (measured on 9.7).
    tagged = head >> 56 == _TAGGED_FORMAT
    count = head >> 8 & 0xFFFFFFFFFFFF if tagged else head
    pos = BODY + 8
    parts: Dict[Tuple[str, str], List[Tuple[int, int]]] = {}
    for _unused in range(min(count, len(data))):
        uuid, tag = uuid_text(data[pos : pos + 16]), ""
        pos += 16
        if tagged:
            size, pos = variable_integer(data, pos)
            tag = data[pos : pos + size].decode("ascii")
            pos += size
        (intervals,) = struct.unpack_from("<Q", data, pos)
        end = pos + 8 + 16 * intervals
        if end > len(data):
            raise ValueError("%d intervals in %d bytes" % (intervals, len(data) - pos))
        numbers = struct.unpack_from("<%dq" % (2 * intervals), data, pos + 8)
        parts.setdefault((uuid, tag), []).extend(zip(numbers[0::2], numbers[1::2]))
        pos = end
    if pos != len(data):
        raise ValueError("%d bytes are left" % (len(data) - pos))
    return GtidSet.from_intervals(parts)


def encode_gtid_set(gtid_set: GtidSet) -> bytes:
    """The set as COM_BINLOG_DUMP_GTID takes it; the form with tags only where there are any, as old servers lack it."""
    tagged = any(tag for (_uuid, tag), _runs in gtid_set.parts)
    count = len(gtid_set.parts)
    pieces = [struct.pack("<Q", _TAGGED_FORMAT << 56 | count << 8 | _TAGGED_FORMAT if tagged else count)]
    for (uuid, tag), runs in gtid_set.parts:
        pieces.append(bytes.fromhex(uuid.replace("-", "")))
        if tagged:
            # A tag has at most 32 letters, so that its length is a number of one byte.
            pieces.append(bytes((len(tag) << 1,)) + tag.encode("ascii"))
        pieces.append(struct.pack("<Q%dq" % len(runs), len(runs) // 2, *runs))
    return b"".join(pieces)


def executed_before(events: Iterable[Tuple[int, int, int, bytes]]) -> Tuple[Optional[GtidSet], Tuple[MariadbGtid, ...]]:
    """What was executed before a file: a set (MySQL; None without GTIDs), or the last GTIDs (MariaDB).

    :param events: of the file, from its head on; not one more is read than it takes.
    """
    for kind, _start, _end, data in events:
        if kind == PREVIOUS_GTIDS:
            return parse_previous_gtids(data), ()
        if kind == GTID_LIST:
            return None, tuple(parse_gtid_list(data))
        if kind in GTID_EVENTS:
            break
    return None, ()
