# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decoders of the times of tables made before MySQL 5.6, and by MariaDB with mysql56_temporal_format=OFF.

Without a fraction they are decimal numbers of year, month and so on. MariaDB's with a fraction are one number of the
smallest part (measured on MariaDB 11.8; MySQL never had them). The binlog does not say which of the two it holds: only
the column's type, as information_schema has it, does.
"""

from __future__ import annotations

import struct
from typing import Tuple

from .columns_info import Decoder
from .columns_time import MOST_DIGITS, Texts, seconds

_DATE_LIMIT = 13 << 5
_DAY_SECONDS = 86400
# MariaDB adds this to a time with a fraction, so that no stored number is negative: the longest time and a second.
_TIME_BIAS = 838 * 3600 + 59 * 60 + 59 + 1
_DATETIME_SIZES = (8, 6, 6, 7, 7, 7, 8)
_TIME_SIZES = (3, 4, 4, 5, 5, 5, 6)
_FRACTION_SIZES = (0, 1, 1, 2, 2, 3, 3)


def _date(packed: int) -> str:
    return "%04d-%02d-%02d " % (packed // 10000, packed // 100 % 100, packed % 100)


def _time(packed: int) -> str:
    return "%02d:%02d:%02d" % (packed // 10000, packed // 100 % 100, packed % 100)


_DATES = Texts(_date)
_TIMES = Texts(_time)
_unpack_long = struct.Struct("<Q").unpack_from
_unpack_timestamp = struct.Struct("<I").unpack_from
_count = seconds(0, [""], 0)


def digits_of(column_type: str) -> int:
    """The digits of a fraction in ``datetime(3) /* mariadb-5.3 */``; 0 without."""
    before, _bracket, rest = column_type.partition("(")
    found = rest.partition(")")[0]
    return int(found) if before in ("time", "datetime", "timestamp") and found.isdigit() else 0


def _check(digits: int) -> None:
    if not 0 <= digits <= MOST_DIGITS:
        raise ValueError("a fraction of a second with %d digits" % digits)


def old_datetime(digits: int) -> Decoder:
    """Decoder of a DATETIME of the old form.

    :raises ValueError: for more digits than there are.
    """
    _check(digits)
    dates, times = _DATES, _TIMES
    if not digits:

        def decode_whole(buffer: bytes, offset: int) -> Tuple[str, int]:
            days, time = divmod(_unpack_long(buffer, offset)[0], 1000000)
            return dates[days] + times[time], offset + 8

        return decode_whole
    size, unit, form = _DATETIME_SIZES[digits], 10**digits, ".%0" + str(digits) + "d"

    def decode(buffer: bytes, offset: int) -> Tuple[str, int]:
        end = offset + size
        whole, fraction = divmod(int.from_bytes(buffer[offset:end], "big"), unit)
        days, count = divmod(whole, _DAY_SECONDS)
        years, rest = divmod(days, _DATE_LIMIT)
        time = "%02d:%02d:%02d" % (count // 3600, count // 60 % 60, count % 60)
        return "%04d-%02d-%02d %s" % (years, rest >> 5, rest & 31, time) + form % fraction, end

    return decode


def old_time(digits: int) -> Decoder:
    """Decoder of a TIME of the old form.

    :raises ValueError: for more digits than there are.
    """
    _check(digits)
    if not digits:

        def decode_whole(buffer: bytes, offset: int) -> Tuple[str, int]:
            end = offset + 3
            packed = int.from_bytes(buffer[offset:end], "little", signed=True)
            return ("-" + _TIMES[-packed] if packed < 0 else _TIMES[packed]), end

        return decode_whole
    size, unit, form = _TIME_SIZES[digits], 10**digits, ".%0" + str(digits) + "d"
    bias = _TIME_BIAS * unit

    def decode(buffer: bytes, offset: int) -> Tuple[str, int]:
        end = offset + size
        packed = int.from_bytes(buffer[offset:end], "big") - bias
        whole, fraction = divmod(abs(packed), unit)
        text = "%02d:%02d:%02d" % (whole // 3600, whole // 60 % 60, whole % 60) + form % fraction
        return ("-" + text if packed < 0 else text), end

    return decode


def old_timestamp(digits: int) -> Decoder:
    """Decoder of a TIMESTAMP of the old form.

    :raises ValueError: for more digits than there are.
    """
    _check(digits)
    if not digits:

        def decode(buffer: bytes, offset: int) -> Tuple[str, int]:
            # The newer form is the same number with its bytes in the other order.
            return _count(_unpack_timestamp(buffer, offset)[0].to_bytes(4, "big"), 0)[0], offset + 4

        return decode
    form = ".%0" + str(digits) + "d"
    extra = _FRACTION_SIZES[digits]
    return seconds(digits, _Printed(form, 10**digits), extra)


class _Printed:
    """The texts of fractions that are stored as they are shown."""

    def __init__(self, form: str, limit: int) -> None:
        self._form = form
        self._limit = limit

    def __getitem__(self, value: int) -> str:
        if value >= self._limit:
            raise ValueError("a fraction of a second of %d" % value)
        return self._form % value
