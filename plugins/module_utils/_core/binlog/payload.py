# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compressed transactions of MySQL (``binlog_transaction_compression``): all events of one but its GTID, in zstd.

Source: reference manual of MySQL 8.0 and later, "Binary Log Transaction Compression"; measured on MySQL 9.7.
"""

from __future__ import annotations

from typing import Callable, Iterator, Tuple

from .header import BODY, broken, parse_header
from .packed import packed_integer

# (compressed bytes, size that they must have afterwards) -> content. The core decompresses nothing itself: zstd came
# into the standard library with Python 3.14 only.
Decompress = Callable[[bytes, int], bytes]

_END, _SIZE, _ALGORITHM, _CONTENT_SIZE = 0, 1, 2, 3
_ZSTD, _NONE = 0, 255
# max_allowed_packet is 1 GiB at most.
_LONGEST = 1 << 30
# zstd stores 128 KiB of one repeated byte in 4 bytes.
_MOST_EXPANSION = 40000


def inner_events(data: bytes, decompress: Decompress) -> Iterator[Tuple[int, bytes]]:
    """Type and data of each event inside a transaction payload event.

    :raises BinlogError: it is cut off, of an unknown form, or its events do not fill it.
    :raises IndexError, ValueError: its fields are cut off.
    """
    content = _content(data, decompress)
    pos = 0
    while pos < len(content):
        header = parse_header(content, pos)
        end = pos + header.size
        if header.size < BODY or end > len(content):
            raise broken("an event inside a compressed transaction is cut off")
        yield header.type, content[pos:end]
        pos = end


def _content(data: bytes, decompress: Decompress) -> bytes:
    pos, fields = BODY, {}
    while True:
        kind, pos = packed_integer(data, pos)
        if kind == _END:
            break
        length, pos = packed_integer(data, pos)
        if kind in (_SIZE, _ALGORITHM, _CONTENT_SIZE):
            fields[kind], _unused = packed_integer(data, pos)
        pos += length
    packed = data[pos:]
    size = fields.get(_CONTENT_SIZE, len(packed))
    algorithm = fields.get(_ALGORITHM, _NONE)
    if fields.get(_SIZE, len(packed)) != len(packed):
        raise broken("a compressed transaction has %d bytes and says %d" % (len(packed), fields[_SIZE]))
    if algorithm == _NONE:
        return packed
    if algorithm != _ZSTD:
        raise broken("a transaction is compressed in the unknown way %d" % algorithm)
    if size > _LONGEST or size > (len(packed) + 64) * _MOST_EXPANSION:
        raise broken("a compressed transaction claims %d bytes from %d" % (size, len(packed)))
    content = decompress(packed, size)
    if len(content) != size:
        raise broken("a compressed transaction has %d bytes and not %d" % (len(content), size))
    return content
