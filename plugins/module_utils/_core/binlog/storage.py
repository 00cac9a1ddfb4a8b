# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many bytes the values of a column take in a row image, and whether equal values are always the same bytes.

Where they are, images are compared without being decoded. They are not for documents (JSON of MySQL keeps holes of
earlier values) and compressed columns of MariaDB. A zero DECIMAL is never stored as a negative one, a fraction of a
second never with more digits than its column has, and the zeros at the end of a BINARY never are stored (measured on
MySQL 9.7 and 5.6 and MariaDB 10.11 and 11.8).
"""

from __future__ import annotations

import struct
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from . import columns as types
from .columns_info import ColumnInfo, Value
from .columns_number import decimal_size
from .columns_time import fraction_size
from .encode_values import raw_encoder

Encode = Callable[[Value], bytes]

_SIZES: Mapping[int, int] = {
    **{types.TINY: 1, types.SHORT: 2, types.INT24: 3, types.LONG: 4, types.LONGLONG: 8, types.FLOAT: 4},
    **{types.DOUBLE: 8, types.YEAR: 1, types.DATE: 3, types.NEWDATE: 3},
}
_FORMS: Mapping[int, str] = {types.TINY: "b", types.SHORT: "h", types.LONG: "i", types.LONGLONG: "q"}
_TIMES: Mapping[int, int] = {types.TIMESTAMP2: 4, types.DATETIME2: 5, types.TIME2: 3}
_BLOBS = frozenset(
    (types.TINY_BLOB, types.MEDIUM_BLOB, types.LONG_BLOB, types.BLOB, types.GEOMETRY, types.VECTOR)
)  # fmt: skip
_VARCHARS = frozenset((types.VARCHAR, types.VAR_STRING))
_BYTES_OF_DIGITS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
_GROUP = 9
_BIAS = 0x8000000000
_DAY = 86400
# So that dates from all of history cannot fill the memory.
_MOST_TEXTS = 1 << 17


class Storage(NamedTuple):
    """How the values of a column are stored.

    :param size: bytes of each value; 0 when a length goes before it.
    :param prefix: bytes of that length.
    :param encode: makes the bytes, length included, of a canonical value; None when equal values can be other bytes.
        It raises `DECODE_ERRORS`, AttributeError or TypeError for what is no value of the column.
    """

    size: int
    prefix: int
    encode: Optional[Encode]


def storage(type_code: int, metadata: int, column: ColumnInfo) -> Optional[Storage]:
    """How a column is stored; None when that is not known.

    :param type_code: of the table map, like ``metadata``.
    """
    code = types.string_type(metadata) if type_code == types.STRING else type_code
    if code in _FORMS:
        form = _FORMS[code]
        return Storage(_SIZES[code], 0, struct.Struct("<" + (form.upper() if column.unsigned else form)).pack)
    general = raw_encoder(type_code, metadata, column)
    if code in _SIZES:
        return Storage(_SIZES[code], 0, general)
    if code == types.NEWDECIMAL:
        return _decimal(metadata & 0xFF, metadata >> 8)
    if code in _TIMES:
        return _time(code, metadata, general)
    if code == types.BIT:
        return Storage((metadata >> 8) + (1 if metadata & 0xFF else 0), 0, general)
    if code in (types.ENUM, types.SET):
        return Storage(metadata >> 8, 0, general)
    if code == types.STRING:
        return _char(types.string_length(metadata), column)
    if code in _VARCHARS:
        return _bytes(1 if metadata <= 255 else 2)
    if code in _BLOBS:
        return _bytes(metadata)
    if code in (types.JSON, types.COMPRESSED_BLOB):
        return Storage(0, metadata, None)
    return Storage(0, 1 if metadata <= 255 else 2, None) if code == types.COMPRESSED_VARCHAR else None


def _bytes(prefix: int) -> Storage:
    def encode(value: bytes) -> bytes:
        return len(value).to_bytes(prefix, "little") + value

    return Storage(0, prefix, encode)


def _char(length: int, column: ColumnInfo) -> Storage:
    plain = _bytes(1 if length <= 255 else 2)
    if not types.is_padded(column) or plain.encode is None:
        return plain
    encode = plain.encode
    return Storage(0, plain.prefix, lambda value: encode(value.rstrip(b"\0")))


def _decimal(precision: int, scale: int) -> Storage:
    """The groups of nine digits; the short one is the first before the point and the last behind it."""
    size, before = decimal_size(precision, scale), precision - scale
    cuts: List[Tuple[int, int, int]] = []
    for start, count, short in ((0, before, before % _GROUP), (before, scale, _GROUP)):
        end = start + count
        while start < end:
            stop = min(start + (short or _GROUP), end)
            cuts.append((start, stop, 8 * _BYTES_OF_DIGITS[stop - start]))
            start, short = stop, _GROUP
    top, flip = 1 << (8 * size - 1), (1 << 8 * size) - 1

    def encode(value: str) -> bytes:
        whole, _point, fraction = value.lstrip("-").partition(".")
        digits = (whole.rjust(before, "0") if before else "") + fraction
        if len(digits) != precision:
            raise ValueError("not a decimal of %d digits" % precision)
        number = 0
        for start, stop, bits in cuts:
            number = number << bits | int(digits[start:stop])
        number ^= top
        return (number ^ flip if value[0] == "-" else number).to_bytes(size, "big")

    return Storage(size, 0, encode)


class _Numbers(Dict[str, int]):
    """Numbers by text, made when first asked for."""

    def __init__(self, make: Callable[[str], int]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> int:
        if len(self) >= _MOST_TEXTS:
            self.clear()
        number = self[text] = self._make(text)
        return number


def _date_bits(text: str) -> int:
    return ((int(text[:4]) * 13 + int(text[5:7])) << 5 | int(text[8:10])) << 17


def _clock_bits(text: str) -> int:
    return int(text[:2]) << 12 | int(text[3:5]) << 6 | int(text[6:8])


_DATES, _CLOCKS = _Numbers(_date_bits), _Numbers(_clock_bits)


def _time(code: int, digits: int, general: Optional[Encode]) -> Storage:
    extra = fraction_size(digits)
    size, bits = _TIMES[code] + extra, 8 * extra
    if code != types.DATETIME2:
        return Storage(size, 0, general)

    unit = 10 if digits % 2 else 1

    def encode(value: str) -> bytes:
        packed = _DATES[value[:10]] + _CLOCKS[value[11:19]] + _BIAS
        if len(value) != (20 + digits if digits else 19):
            raise ValueError("not a time of %d digits" % digits)
        return (packed << bits | int(value[20:]) * unit if digits else packed).to_bytes(size, "big")

    return Storage(size, 0, encode)
