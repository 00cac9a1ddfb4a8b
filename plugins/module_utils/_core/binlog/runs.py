# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the values of a row in runs: everything of a fixed size at once, up to the length of the next long value.

A run costs about as much as a single value does otherwise, and rows have few of them. What `struct` has no form for is
taken as bytes and made a value of afterwards; the values are those of the columns' decoders (`columns.column_decoder`).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from . import columns as types
from .columns_info import ColumnInfo, Decoder, Value
from .columns_json import Json
from .columns_number import decimal_size, decimal_text, whole_text
from .columns_text import decompress
from .columns_time import datetime2, fraction_size, fraction_texts, timestamp2
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
_MOST_VALUES = 1 << 14
_MOST_IN_VAIN = 1 << 16
# Digits of a decimal before and behind its point, of which many rows have the same.
_MOST_WHOLE = 18
_MOST_FRACTION = 4
# Bytes of a fraction of a second.
_MOST_FRACTION_BYTES = 2


class Known(Dict[bytes, Value]):
    """Values by their bytes, made when first asked for."""

    def __init__(self, make: Convert) -> None:
        super().__init__()
        self._make = make
        self._in_vain = 0

    def __missing__(self, data: bytes) -> Value:
        value = self._make(data)
        if len(self) < _MOST_VALUES:
            self[data] = value
        else:
            # They change with time, or are too many: then remembering them all would cost more than it saves.
            self._in_vain += 1
            if self._in_vain >= _MOST_IN_VAIN:
                self._in_vain = 0
                self.clear()
        return value


class Computed:
    """Texts of fractions of a second by their bytes, where there are too many to remember."""

    def __init__(self, digits: int) -> None:
        self._texts = fraction_texts(digits)

    def __getitem__(self, data: bytes) -> str:
        return self._texts[int.from_bytes(data, "big")]


class Halves(NamedTuple):
    """How a value is put together from the texts of its two halves, which repeat from row to row more than it does.

    :param size: bytes of the first half.
    :param above: only of first halves greater than these bytes.
    :param whole: makes the others.
    """

    size: int
    above: bytes
    first: Known
    second: Union[Known, Computed]
    whole: Convert


class Field(NamedTuple):
    """How the values of one column are read.

    :param form: of `struct`.
    :param long: the number is the length of the value, which follows.
    :param convert: what makes the value of what was read; None when that is the value.
    :param halves: how nearly all of its values are made sooner.
    """

    form: str
    long: bool
    convert: Optional[Convert]
    halves: Optional[Halves] = None


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
        precision, scale = metadata & 0xFF, metadata >> 8
        halves = _decimal_halves(precision, scale)
        return Field(form, False, decimal_text(precision, scale) if halves is None else _put_together(halves), halves)
    if code in _WHOLE_SECONDS and fraction_size(metadata):
        halves = _time_halves(code, metadata)
        return Field(form, False, _put_together(halves), halves)
    return Field(form, False, Known(lambda data: decode(data, 0)[0]).__getitem__)


def _put_together(halves: Halves) -> Convert:
    size, above, first, second, whole = halves

    def convert(data: bytes) -> Value:
        begin = data[:size]
        return first[begin] + second[data[size:]] if begin > above else whole(data)

    return convert


# What is remembered of the next two serves all columns of a type.


@lru_cache(maxsize=32)
def _decimal_halves(precision: int, scale: int) -> Optional[Halves]:
    """The digits before the point and those behind it, of decimals that are not negative.

    Longer numbers and fractions of more digits hardly repeat.
    """
    after = decimal_size(scale, scale) if scale else 0
    size = decimal_size(precision, scale) - after
    if not 0 < scale <= _MOST_FRACTION or not 0 < precision - scale <= _MOST_WHOLE:
        return None
    text, zero = decimal_text(precision, scale), b"\x80" + bytes(size - 1)
    first = Known(whole_text(precision - scale))
    second = Known(lambda data: "." + text(zero + data).partition(".")[2])
    return Halves(size, b"\x7f" + b"\xff" * (size - 1), first, second, text)


@lru_cache(maxsize=32)
def _time_halves(code: int, digits: int) -> Halves:
    """Seconds and their fraction. Nothing but zeros is the date of zeros, and a fraction behind them is not."""
    size, none = _WHOLE_SECONDS[code], bytes(fraction_size(digits))
    decode = datetime2(digits) if code == types.DATETIME2 else timestamp2(digits)
    second = b"\x80" + bytes(size - 1)
    length = len(decode(second + none, 0)[0].partition(".")[0])
    first = Known(lambda data: decode(data + none, 0)[0][:length])
    few = Known(lambda data: decode(second + data, 0)[0][length:])
    behind = few if len(none) <= _MOST_FRACTION_BYTES else Computed(digits)
    return Halves(size, bytes(size), first, behind, lambda data: decode(data, 0)[0])


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
