# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decoders of dates and times, as the texts that SELECT shows in the time zone +00:00.

Dates and times of the day repeat from row to row, so their texts are made once and looked up. The formats were
measured on MySQL 9.7 and 5.6 and MariaDB 10.11 and 11.8, the old ones with mysql56_temporal_format=OFF on MariaDB.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Callable, Dict, Protocol, Tuple

from .columns_info import Decoder

_EPOCH = date(1970, 1, 1).toordinal()
_DAY = 86400
# So that dates from all of history cannot fill the memory; beyond it the texts are made anew. All times of a day fit.
_MOST_TEXTS = 1 << 17

MOST_DIGITS = 6


class Texts(Dict[int, str]):
    """Texts by number, made when first asked for."""

    def __init__(self, make: Callable[[int], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: int) -> str:
        if len(self) >= _MOST_TEXTS:
            self.clear()
        text = self[key] = self._make(key)
        return text


def _date_of_months(packed: int) -> str:
    months, day = packed >> 5, packed & 31
    return "%04d-%02d-%02d " % (months // 13, months % 13, day)


def _time_of_bits(packed: int) -> str:
    return "%02d:%02d:%02d" % (packed >> 12, packed >> 6 & 63, packed & 63)


def _date_of_days(days: int) -> str:
    return date.fromordinal(_EPOCH + days).isoformat() + " "


def _time_of_seconds(seconds: int) -> str:
    return "%02d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def _date_of_fields(packed: int) -> str:
    return "%04d-%02d-%02d" % (packed >> 9, packed >> 5 & 15, packed & 31)


_MONTH_DATES = Texts(_date_of_months)
_BIT_TIMES = Texts(_time_of_bits)
_DAY_DATES = Texts(_date_of_days)
_SECOND_TIMES = Texts(_time_of_seconds)
_FIELD_DATES = Texts(_date_of_fields)


def fraction_size(digits: int) -> int:
    """Bytes of the fraction of a second, two digits in each.

    :raises ValueError: for more digits than there are.
    """
    if not 0 <= digits <= MOST_DIGITS:
        raise ValueError("a fraction of a second with %d digits" % digits)
    return (digits + 1) // 2


class Fractions(Protocol):
    """The texts of fractions of a second by the number that is stored."""

    def __getitem__(self, value: int, /) -> str: ...


class _Computed:
    """The texts of all fractions of up to six digits, looked up like a list."""

    def __init__(self, digits: int) -> None:
        self._form = ".%0" + str(digits) + "d"
        self._divisor = int(10 ** (MOST_DIGITS - digits))

    def __getitem__(self, value: int) -> str:
        if value > 999999:
            raise ValueError("a fraction of a second of %d millionths" % value)
        return self._form % (value // self._divisor)


@cache
def fraction_texts(digits: int) -> Fractions:
    """The text of each stored fraction: an odd number of digits is stored with a zero behind."""
    size = fraction_size(digits)
    if size > 2:
        return _Computed(digits)
    form, divisor = ".%0" + str(digits) + "d", 10 if digits % 2 else 1
    return [form % (value // divisor) for value in range(100**size)]


def new_date(buffer: bytes, offset: int) -> Tuple[str, int]:
    """A DATE."""
    end = offset + 3
    return _FIELD_DATES[int.from_bytes(buffer[offset:end], "little")], end


def datetime2(digits: int) -> Decoder:
    """Decoder of a DATETIME of MySQL 5.6 and later."""
    dates, times, from_bytes = _MONTH_DATES, _BIT_TIMES, int.from_bytes
    size = 5 + fraction_size(digits)
    if not digits:

        def decode_whole(buffer: bytes, offset: int) -> Tuple[str, int]:
            end = offset + 5
            packed = from_bytes(buffer[offset:end], "big") - 0x8000000000
            if packed < 0:
                raise ValueError("a date and time before the year 0")
            return dates[packed >> 17] + times[packed & 0x1FFFF], end

        return decode_whole
    bits = 8 * fraction_size(digits)
    mask, bias, fractions = (1 << bits) - 1, 0x8000000000 << bits, fraction_texts(digits)
    date_bits = 17 + bits

    def decode(buffer: bytes, offset: int) -> Tuple[str, int]:
        end = offset + size
        packed = from_bytes(buffer[offset:end], "big") - bias
        if packed < 0:
            raise ValueError("a date and time before the year 0")
        return dates[packed >> date_bits] + times[packed >> bits & 0x1FFFF] + fractions[packed & mask], end

    return decode


def timestamp2(digits: int) -> Decoder:
    """Decoder of a TIMESTAMP of MySQL 5.6 and later; 0 is the date of zeros, not the year 1970."""
    return seconds(digits, fraction_texts(digits) if digits else [""], fraction_size(digits))


def seconds(digits: int, fractions: Fractions, extra: int) -> Decoder:
    """Decoder of a number of seconds since 1970 and a fraction in so many more bytes, the first byte the highest.

    :param fractions: the texts of all fractions.
    """
    dates, times, from_bytes = _DAY_DATES, _SECOND_TIMES, int.from_bytes
    size, bits = 4 + extra, 8 * extra
    mask = (1 << bits) - 1
    zero = "0000-00-00 00:00:00" + ("." + "0" * digits if digits else "")

    def decode(buffer: bytes, offset: int) -> Tuple[str, int]:
        end = offset + size
        packed = from_bytes(buffer[offset:end], "big")
        if not packed:
            return zero, end
        days, seconds = divmod(packed >> bits, _DAY)
        return dates[days] + times[seconds] + fractions[packed & mask], end

    return decode


def time2(digits: int) -> Decoder:
    """Decoder of a TIME of MySQL 5.6 and later."""
    from_bytes, times = int.from_bytes, _BIT_TIMES
    bits = 8 * fraction_size(digits)
    size, bias, mask = 3 + bits // 8, 0x800000 << bits, (1 << bits) - 1
    fractions = fraction_texts(digits) if digits else [""]

    # Below zero the whole number, fraction included, is the negative of the time's.
    def decode(buffer: bytes, offset: int) -> Tuple[str, int]:
        end = offset + size
        packed = from_bytes(buffer[offset:end], "big") - bias
        if packed < 0:
            packed = -packed
            return "-" + times[packed >> bits] + fractions[packed & mask], end
        return times[packed >> bits] + fractions[packed & mask], end

    return decode
