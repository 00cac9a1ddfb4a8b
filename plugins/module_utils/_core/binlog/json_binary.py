# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MySQL's binary form of JSON, read into a tree of dicts, lists and the normal texts of everything else.

The form is documented in the manual ("The JSON Data Type") and in MySQL's internals; measured on MySQL 9.7. Offsets
count from the start of their container. The server allows 100 levels, so that reading them by recursion is safe.
"""

from __future__ import annotations

import base64
import struct
from typing import List, Mapping

from . import columns_number
from .columns_json_text import DEPTH, Tree, number, quoted

_SMALL_OBJECT, _LARGE_OBJECT, _SMALL_ARRAY, _LARGE_ARRAY = 0, 1, 2, 3
_LITERAL, _SHORT, _UNSIGNED_SHORT, _INT, _UNSIGNED_INT = 4, 5, 6, 7, 8
_LONG, _UNSIGNED_LONG, _DOUBLE, _STRING, _OPAQUE = 9, 10, 11, 12, 15
_LITERALS: Mapping[int, str] = {0: "null", 1: "true", 2: "false"}
_INTEGERS: Mapping[int, struct.Struct] = {
    _SHORT: struct.Struct("<h"),
    _UNSIGNED_SHORT: struct.Struct("<H"),
    _INT: struct.Struct("<i"),
    _UNSIGNED_INT: struct.Struct("<I"),
    _LONG: struct.Struct("<q"),
    _UNSIGNED_LONG: struct.Struct("<Q"),
}
_INLINE = frozenset((_LITERAL, _SHORT, _UNSIGNED_SHORT))
_INLINE_LARGE = _INLINE | {_INT, _UNSIGNED_INT}
_SMALL_SIZES = struct.Struct("<HH")
_LARGE_SIZES = struct.Struct("<II")
_DOUBLE_FORM = struct.Struct("<d")
_LENGTH_BYTES = 5
_LINE = 76  # the server breaks the lines of base64

# Types of columns, of which a document can hold values.
_TIMESTAMP, _DATE, _TIME, _DATETIME, _NEWDECIMAL = 7, 10, 11, 12, 246


def decode(data: bytes) -> Tree:
    """The document; no bytes at all are the literal null, which the server makes of a missing value.

    :raises ValueError: struct.error, IndexError or KeyError too: for damaged data.
    """
    if not data:
        return "null"
    return _Reader(data).value(data[0], 1, 0)


class _Reader:
    """Reads one document. ``left`` is what can still be read when no two places are the same: a damaged document
    whose parts point at each other would otherwise be endless."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = len(data)

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ValueError("a JSON document whose parts overlap")

    def value(self, kind: int, start: int, depth: int) -> Tree:
        """The value of a type that starts at an offset."""
        if kind <= _LARGE_ARRAY:
            if depth >= DEPTH:
                raise ValueError("a JSON document of more than %d levels" % DEPTH)
            return self.container(kind, start, depth)
        if kind == _LITERAL:
            return _LITERALS[self.data[start]]
        if kind in _INTEGERS:
            return str(_INTEGERS[kind].unpack_from(self.data, start)[0])
        if kind == _DOUBLE:
            return number(repr(_DOUBLE_FORM.unpack_from(self.data, start)[0]))
        if kind == _STRING:
            return quoted(self.bytes_at(start).decode("utf-8"))
        if kind == _OPAQUE:
            return opaque(self.data[start], self.bytes_at(start + 1))
        raise ValueError("a JSON value of type %d" % kind)

    def bytes_at(self, start: int) -> bytes:
        """Bytes behind their length, of which each byte holds seven bits."""
        length = 0
        for index in range(_LENGTH_BYTES):
            byte = self.data[start + index]
            length |= (byte & 0x7F) << 7 * index
            if not byte & 0x80:
                return self.slice(start + index + 1, length)
        raise ValueError("a JSON value with a length of more than %d bytes" % _LENGTH_BYTES)

    def slice(self, start: int, length: int) -> bytes:
        self.take(length)
        if start + length > len(self.data):
            raise ValueError("a JSON value that ends behind its document")
        return self.data[start : start + length]

    def container(self, kind: int, start: int, depth: int) -> Tree:
        large = kind in (_LARGE_OBJECT, _LARGE_ARRAY)
        sizes = _LARGE_SIZES if large else _SMALL_SIZES
        count, size = sizes.unpack_from(self.data, start)
        if start + size > len(self.data):
            raise ValueError("a JSON container that ends behind its document")
        keyed = kind in (_SMALL_OBJECT, _LARGE_OBJECT)
        offset_form = "I" if large else "H"
        key_form, value_form = struct.Struct("<%sH" % offset_form), struct.Struct("<B%s" % offset_form)
        keys_at = start + sizes.size
        values_at = keys_at + (count * key_form.size if keyed else 0)
        self.take(values_at + count * value_form.size - keys_at)
        keys = [
            key_form.unpack_from(self.data, keys_at + index * key_form.size) for index in range(count if keyed else 0)
        ]
        inline = _INLINE_LARGE if large else _INLINE
        values: List[Tree] = []
        for index in range(count):
            place = values_at + index * value_form.size
            inner, offset = value_form.unpack_from(self.data, place)
            if inner not in inline and offset < values_at - start + count * value_form.size:
                raise ValueError("a JSON value inside its container's own header")
            values.append(self.value(inner, place + 1 if inner in inline else start + offset, depth + 1))
        if not keyed:
            return values
        return {self.slice(start + at, length).decode("utf-8"): value for (at, length), value in zip(keys, values)}


def opaque(kind: int, data: bytes) -> str:
    """A value that JSON itself does not have, as the server prints it: dates and times, decimals, bytes.

    :raises ValueError: struct.error or IndexError too: for damaged data.
    """
    if kind == _NEWDECIMAL:
        decoder = columns_number.decimal(data[0], data[1])
        return number(decoder(data.ljust(2 + columns_number.decimal_size(data[0], data[1])), 2)[0])
    if kind in (_DATE, _TIME, _DATETIME, _TIMESTAMP):
        return quoted(_moment(kind, struct.unpack("<q", data)[0]))
    code = base64.b64encode(data).decode("ascii")
    lines = [code[start : start + _LINE] for start in range(0, len(code), _LINE)]
    return quoted("base64:type%d:%s" % (kind, "\n".join(lines)))


def _moment(kind: int, packed: int) -> str:
    """A date or time, packed in 64 bits with the millionths in the lowest 24."""
    sign, packed = ("-" if packed < 0 else ""), abs(packed)
    whole, fraction = packed >> 24, packed & 0xFFFFFF
    clock = (whole >> 12 & 0x3FF if kind == _TIME else whole >> 12 & 31, whole >> 6 & 63, whole & 63)
    if kind == _TIME:
        return "%s%02d:%02d:%02d.%06d" % ((sign,) + clock + (fraction,))
    months, day = whole >> 22, whole >> 17 & 31
    date = "%04d-%02d-%02d" % (months // 13, months % 13, day)
    return date if kind == _DATE else "%s %02d:%02d:%02d.%06d" % ((date,) + clock + (fraction,))
