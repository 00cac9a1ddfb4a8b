# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical values as the bytes of a row image: what the decoders of `columns` read, the other way round.

A row that only a server has, and no binlog, is written back by these. Documents (JSON of MySQL) and the times of tables
made before MySQL 5.6 have no encoder here. Every result is decoded again and has to give the value.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, Optional, Tuple

from .columns import column_decoder, string_length, string_type
from .columns_info import DECODE_ERRORS, ColumnInfo, Value
from .columns_number import decimal_size
from .columns_time import fraction_size

Encoder = Callable[[Value, int, ColumnInfo], bytes]

_STRING, _ENUM, _SET = 254, 247, 248
_GROUP = 9
_BYTES_OF_DIGITS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_CLOCK = re.compile(r"(-?)(\d{2,3}):(\d\d):(\d\d)(?:\.(\d{1,6}))?")
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def encode(value: Value, type_code: int, metadata: int, column: ColumnInfo) -> bytes:
    """The bytes of a value that is not NULL.

    :param type_code: of the table map, like ``metadata``.
    :raises ValueError: there is no encoder for the type, or the value is none of the column's.
    """
    encoder = _ENCODERS.get(type_code)
    if encoder is None:
        raise ValueError("values of column type %d cannot be encoded" % type_code)
    try:
        data = encoder(value, metadata, column)
        again, end = column_decoder(type_code, metadata, column)(data, 0)
    except (*DECODE_ERRORS, AttributeError, TypeError) as error:
        raise ValueError("not a value of column %s: %s" % (column.name, error)) from None
    if again != value or end != len(data):
        raise ValueError("not a value of column %s" % column.name)
    return data


def raw_encoder(type_code: int, metadata: int, column: ColumnInfo) -> Optional[Callable[[Value], bytes]]:
    """As `encode` for one column, without the proof by decoding; None when there is no encoder for the type."""
    encoder = _ENCODERS.get(type_code)
    if encoder is None:
        return None
    found = encoder
    return lambda value: found(value, metadata, column)


def _integer(size: int) -> Encoder:
    return lambda value, metadata, column: int(value).to_bytes(size, "little", signed=not column.unsigned)


def _bits(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    return int(value).to_bytes((metadata >> 8) + (1 if metadata & 0xFF else 0), "big")


def _choice(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    return int(value).to_bytes(metadata >> 8, "little")


def _decimal(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    precision, scale = metadata & 0xFF, metadata >> 8
    whole, _point, fraction = value.lstrip("-").partition(".")
    data = _groups(whole.rjust(precision - scale, "0"), False) + _groups(fraction.ljust(scale, "0"), True)
    size = decimal_size(precision, scale)
    number = int.from_bytes(data, "big") ^ (1 << (8 * size - 1))
    if value.startswith("-"):
        number ^= (1 << 8 * size) - 1
    return number.to_bytes(size, "big")


def _groups(digits: str, short_last: bool) -> bytes:
    """Digits in groups of nine; the short one is the first before the point and the last behind it."""
    if not digits:
        return b""
    short = len(digits) % _GROUP
    cut = len(digits) - short if short_last else short
    head, tail = digits[:cut], digits[cut:]
    parts = [] if short_last or not head else [head]
    long = head if short_last else tail
    parts += [long[at : at + _GROUP] for at in range(0, len(long), _GROUP)]
    parts += [tail] if short_last and tail else []
    return b"".join(int(part).to_bytes(_BYTES_OF_DIGITS[len(part)], "big") for part in parts)


def _year(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    return bytes((value - 1900 if value else 0,))


def _date_fields(text: str) -> Tuple[int, int, int]:
    match = _DATE.match(text)
    if match is None:
        raise ValueError("not a date: %r" % text)
    year, month, day = match.groups()
    return int(year), int(month), int(day)


def _clock_fields(text: str) -> Tuple[bool, int, int, int, str]:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError("not a time: %r" % text)
    sign, hours, minutes, seconds, fraction = match.groups()
    return sign == "-", int(hours), int(minutes), int(seconds), fraction or ""


def _fraction(digits: str, wanted: int) -> int:
    """As stored: in as many whole bytes as it takes two digits each."""
    size = fraction_size(wanted)
    return int(digits.ljust(2 * size, "0")[: 2 * size] or "0") if size else 0


def _date(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    year, month, day = _date_fields(value)
    return (year << 9 | month << 5 | day).to_bytes(3, "little")


def _datetime2(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    year, month, day = _date_fields(value)
    _sign, hours, minutes, seconds, fraction = _clock_fields(value[11:])
    size = fraction_size(metadata)
    packed = ((year * 13 + month) << 5 | day) << 17 | hours << 12 | minutes << 6 | seconds
    return ((packed + 0x8000000000) << 8 * size | _fraction(fraction, metadata)).to_bytes(5 + size, "big")


def _timestamp2(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    year, month, day = _date_fields(value)
    size = fraction_size(metadata)
    if not year:
        return bytes(4 + size)
    _sign, hours, minutes, seconds, fraction = _clock_fields(value[11:])
    leap = month > 2 and (year % 4 == 0 and year % 100 != 0 or year % 400 == 0)
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 + _DAYS_BEFORE[month - 1] + leap + day - 719163
    packed = days * 86400 + hours * 3600 + minutes * 60 + seconds
    return (packed << 8 * size | _fraction(fraction, metadata)).to_bytes(4 + size, "big")


def _time2(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    negative, hours, minutes, seconds, fraction = _clock_fields(value)
    size = fraction_size(metadata)
    packed = (hours << 12 | minutes << 6 | seconds) << 8 * size | _fraction(fraction, metadata)
    return ((0x800000 << 8 * size) + (-packed if negative else packed)).to_bytes(3 + size, "big")


def _raw(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    return bytes(value)


def _with_length(value: bytes, size: int) -> bytes:
    return len(value).to_bytes(size, "little") + value


def _varchar(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    return _with_length(value, 1 if metadata <= 255 else 2)


def _blob(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    return _with_length(value, metadata)


def _string(value: Value, metadata: int, column: ColumnInfo) -> bytes:
    if string_type(metadata) in (_ENUM, _SET):
        return _choice(value, metadata, column)
    length = string_length(metadata)
    # What the server leaves out at the end of a BINARY, it fills up again.
    return _with_length(value, 1 if length <= 255 else 2)


def _stored(plain: Encoder) -> Encoder:
    """A compressed column of MariaDB, stored as it is: a byte of zero says so."""
    return lambda value, metadata, column: plain(b"\0" + value if value else b"", metadata, column)


_ENCODERS: Dict[int, Encoder] = {
    **{1: _integer(1), 2: _integer(2), 3: _integer(4), 8: _integer(8), 9: _integer(3)},
    **{4: _raw, 5: _raw, 10: _date, 13: _year, 14: _date, 15: _varchar, 16: _bits},
    **{17: _timestamp2, 18: _datetime2, 19: _time2, 140: _stored(_blob), 141: _stored(_varchar)},
    **{242: _blob, 246: _decimal, _ENUM: _choice, _SET: _choice, _STRING: _string, 253: _varchar},
    **dict.fromkeys((249, 250, 251, 252, 255), _blob),
}
