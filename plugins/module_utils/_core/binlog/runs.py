# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the values of a row in runs: everything of a fixed size at once, up to the length of the next long value.

A run costs about as much as a single value does otherwise, and rows have few of them. What `struct` has no form for is
taken as bytes and made a value of afterwards; the values are those of the columns' decoders (`columns.column_decoder`).
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from . import columns as types
from .columns_info import ColumnInfo, Decoder, Value
from .columns_json import Json
from .columns_number import decimal_text
from .columns_text import decompress
from .columns_time import fraction_size
from .storage import storage
from .table_map import TableMap

Image = Tuple[Value, ...]
# From (data, offset of the null bitmap) to the values and the offset behind them.
Reader = Callable[[bytes, int], Tuple[Image, int]]
Convert = Callable[[Any], Value]

_INTEGERS = {types.TINY: "b", types.SHORT: "h", types.LONG: "i", types.LONGLONG: "q"}
_UNSIGNED = {1: "B", 2: "H", 4: "I", 8: "Q"}
_CHOICES = frozenset((types.ENUM, types.SET))
_RAW = frozenset((types.FLOAT, types.DOUBLE))
_WHOLE_SECONDS = {types.DATETIME2: 5, types.TIMESTAMP2: 4}
_COMPRESSED = frozenset((types.COMPRESSED_VARCHAR, types.COMPRESSED_BLOB))
# Values of a type with few different ones that are remembered.
_MOST_VALUES = 1 << 15


class Field(NamedTuple):
    """How the values of one column are read.

    :param form: of `struct`.
    :param long: the number is the length of the value, which follows.
    :param convert: what makes the value of what was read; None when that is the value.
    """

    form: str
    long: bool
    convert: Optional[Convert]


class _Known(Dict[bytes, Value]):
    """Values by their bytes, made when first asked for."""

    def __init__(self, make: Convert) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, data: bytes) -> Value:
        value = self._make(data)
        if len(self) >= _MOST_VALUES:
            self.clear()
        self[data] = value
        return value


def field(type_code: int, metadata: int, column: ColumnInfo, decode: Decoder) -> Optional[Field]:
    """How a column is read; None when its values can only be decoded one by one.

    :param type_code: of the table map, like ``metadata``.
    :param decode: the column's own decoder.
    """
    code = types.string_type(metadata) if type_code == types.STRING else type_code
    if code in _INTEGERS:
        return Field(_INTEGERS[code].upper() if column.unsigned else _INTEGERS[code], False, None)
    stored = storage(type_code, metadata, column)
    if stored is None:
        return None
    if stored.size:
        return _fixed(code, metadata, stored.size, decode)
    if stored.prefix not in _UNSIGNED:
        return None
    convert: Optional[Convert] = None
    if code == types.JSON:
        convert = Json
    elif code in _COMPRESSED:
        convert = decompress
    elif code == types.STRING and types.is_padded(column):
        convert = _padded(types.string_length(metadata))
    return Field(_UNSIGNED[stored.prefix], True, convert)


def fields_of(
    table: TableMap, columns: Sequence[ColumnInfo], decoders: Sequence[Decoder]
) -> Optional[Tuple[Field, ...]]:
    """How all columns of a table are read; None when one of them can only be decoded by itself."""
    found: List[Field] = []
    for code, metadata, column, decoder in zip(table.type_codes, table.metadata, columns, decoders):
        one = field(code, metadata, column, decoder)
        if one is None:
            return None
        found.append(one)
    return tuple(found)


def _padded(size: int) -> Convert:
    return lambda data: data.ljust(size, b"\0")


def _fixed(code: int, metadata: int, size: int, decode: Decoder) -> Field:
    if code in _CHOICES and size in _UNSIGNED:
        return Field(_UNSIGNED[size], False, None)
    form = "%ds" % size
    if code in _RAW:
        return Field(form, False, None)
    if code == types.NEWDECIMAL:
        return Field(form, False, decimal_text(metadata & 0xFF, metadata >> 8))
    if code in _WHOLE_SECONDS and fraction_size(metadata):
        return Field(form, False, _with_fraction(_WHOLE_SECONDS[code], size, decode))
    return Field(form, False, _Known(lambda data: decode(data, 0)[0]).__getitem__)


def _with_fraction(whole: int, size: int, decode: Decoder) -> Convert:
    """Seconds repeat from row to row, and so do fractions of one; both together hardly do."""
    zeros, second = bytes(whole), b"\x80" + bytes(whole - 1)
    length = len(decode(second + bytes(size - whole), 0)[0].partition(".")[0])
    seconds = _Known(lambda data: decode(data + bytes(size - whole), 0)[0][:length])
    fractions = _Known(lambda data: decode(second + data, 0)[0][length:])

    def convert(data: bytes) -> Value:
        first = data[:whole]
        # Nothing but zeros is the date of zeros, and a fraction behind them is not.
        return seconds[first] + fractions[data[whole:]] if first != zeros else decode(data, 0)[0]

    return convert


def reader(fields: Sequence[Field], nulls: Sequence[bool], skip: int) -> Reader:
    """What reads the images of these columns.

    :param nulls: of each column, whether it is NULL in them.
    :param skip: bytes of the null bitmap.
    """
    present = [one for one, null in zip(fields, nulls) if not null]
    absent = [at for at, null in enumerate(nulls) if null]
    converts = [(at, one.convert) for at, one in enumerate(present) if one.convert is not None]
    runs: List[Tuple[Callable[[bytes, int], Tuple[Any, ...]], int]] = []
    form = "<%dx" % skip
    for one in present:
        form += one.form
        if one.long:
            runs.append(_run(form))
            form = "<"
    last, tail = _run(form)

    def read(data: bytes, pos: int) -> Tuple[Image, int]:
        values: List[Any] = []
        for unpack, size in runs:
            values += unpack(data, pos)
            start = pos + size
            pos = start + values[-1]
            values[-1] = data[start:pos]
        if tail > 0:
            values += last(data, pos)
            pos += tail
        for at, convert in converts:
            values[at] = convert(values[at])
        for at in absent:
            values.insert(at, None)
        return tuple(values), pos

    return read


def _run(form: str) -> Tuple[Callable[[bytes, int], Tuple[Any, ...]], int]:
    made = struct.Struct(form)
    return made.unpack_from, made.size
