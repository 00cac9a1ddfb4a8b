# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decoders of numbers, bits and the numbers that stand for an enum's or set's members.

The formats are those of a row image in the binlog, measured on MySQL 9.7 and 5.6 and MariaDB 10.11 and 11.8; the
decimal's is in the manual ("Precision Math", "DECIMAL Data Type Characteristics"): nine digits in four bytes.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Callable, Sequence, Tuple

from .columns_info import Decoder

_DIGITS_OF_GROUP = 9
_BYTES_OF_DIGITS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
_GROUP_BITS = 32
_GROUP_LIMIT = 1000000000
_GROUP_MASK = (1 << _GROUP_BITS) - 1
_MOST_DIGITS = 65
_MOST_LISTED = 4


def fixed(form: str) -> Decoder:
    """Decoder of one number in a format of `struct`."""
    layout = struct.Struct(form)
    unpack, size = layout.unpack_from, layout.size

    def decode(buffer: bytes, offset: int) -> Tuple[int, int]:
        return unpack(buffer, offset)[0], offset + size

    return decode


def raw(size: int) -> Decoder:
    """Decoder of so many bytes as they stand: floating-point numbers are compared by their bits."""

    def decode(buffer: bytes, offset: int) -> Tuple[bytes, int]:
        end = offset + size
        return buffer[offset:end], end

    return decode


def wide(size: int, big: bool = False, signed: bool = False) -> Decoder:
    """Decoder of an integer of any number of bytes."""
    from_bytes, order = int.from_bytes, "big" if big else "little"
    if order == "big":

        def decode(buffer: bytes, offset: int) -> Tuple[int, int]:
            end = offset + size
            return from_bytes(buffer[offset:end], "big", signed=signed), end

        return decode

    def decode_little(buffer: bytes, offset: int) -> Tuple[int, int]:
        end = offset + size
        return from_bytes(buffer[offset:end], "little", signed=signed), end

    return decode_little


def year(buffer: bytes, offset: int) -> Tuple[int, int]:
    """A YEAR: years since 1900; 0 is the year 0000."""
    value = buffer[offset]
    return (value + 1900 if value else 0), offset + 1


def decimal_size(precision: int, scale: int) -> int:
    """Bytes of a DECIMAL.

    :raises ValueError: for a precision or scale that no column can have.
    """
    if not 0 < precision <= _MOST_DIGITS or not 0 <= scale <= precision:
        raise ValueError("a decimal of %d digits, %d behind the point" % (precision, scale))
    before, after = precision - scale, scale
    return sum(
        digits // _DIGITS_OF_GROUP * 4 + _BYTES_OF_DIGITS[digits % _DIGITS_OF_GROUP] for digits in (before, after)
    )


def decimal(precision: int, scale: int) -> Decoder:
    """Decoder of a DECIMAL as the server prints it, all digits behind the point, no zeros before the first.

    :raises ValueError: for a precision or scale that no column can have.
    """
    size, text = decimal_size(precision, scale), decimal_text(precision, scale)

    def decode(buffer: bytes, offset: int) -> Tuple[str, int]:
        end = offset + size
        return text(buffer[offset:end]), end

    return decode


def decimal_text(precision: int, scale: int) -> Callable[[bytes], str]:
    """What makes the text of a DECIMAL's bytes, see `decimal`.

    :raises ValueError: for a precision or scale that no column can have.
    """
    size, from_bytes = decimal_size(precision, scale), int.from_bytes
    groups = -(-(precision - scale) // _DIGITS_OF_GROUP)
    if 0 < scale <= _MOST_LISTED and groups <= 2:
        return _common_decimal(size, decimal_size(scale, scale), _listed(scale), groups)
    top, flip = 1 << (8 * size - 1), (1 << 8 * size) - 1
    fraction_bits = 8 * (decimal_size(scale, scale) if scale else 0)
    mask = (1 << fraction_bits) - 1
    form = "%d.%0" + str(scale) + "d"

    def plain(value: int) -> str:
        whole = _whole(value >> fraction_bits)
        return form % (whole, _fraction(value & mask, scale)) if scale else str(whole)

    # Below zero all bits of the bytes are turned, above it the first one.
    def text(data: bytes) -> str:
        value = from_bytes(data, "big") ^ top
        if value & top:
            value ^= flip
            return ("-" if value else "") + plain(value)
        return plain(value)

    return text


def _common_decimal(size: int, fraction_size: int, fractions: Sequence[str], groups: int) -> Callable[[bytes], str]:
    """As `decimal_text`, with less to do for each value: at most 18 digits before the point, few behind it."""
    top, flip = 1 << (8 * size - 1), (1 << 8 * size) - 1
    bits, mask, from_bytes = 8 * fraction_size, (1 << 8 * fraction_size) - 1, int.from_bytes
    if groups < 2:

        def short(data: bytes) -> str:
            value = from_bytes(data, "big") ^ top
            if value & top:
                value ^= flip
                return ("-" if value else "") + str(value >> bits) + fractions[value & mask]
            return str(value >> bits) + fractions[value & mask]

        return short
    high = bits + _GROUP_BITS

    def text(data: bytes) -> str:
        value = from_bytes(data, "big") ^ top
        sign = ""
        if value & top:
            value ^= flip
            sign = "-" if value else ""
        whole = (value >> high) * _GROUP_LIMIT + (value >> bits & _GROUP_MASK)
        return sign + str(whole) + fractions[value & mask]

    return text


def whole_text(digits: int) -> Callable[[bytes], str]:
    """What makes the text of the bytes before a DECIMAL's point, at most 18 digits and no negative number's."""
    top, from_bytes = 1 << (8 * decimal_size(digits, 0) - 1), int.from_bytes

    def text(data: bytes) -> str:
        value = from_bytes(data, "big") ^ top
        return str((value >> _GROUP_BITS) * _GROUP_LIMIT + (value & _GROUP_MASK))

    return text


@cache
def _listed(scale: int) -> Tuple[str, ...]:
    """The texts of all fractions with so many digits."""
    form = ".%0" + str(scale) + "d"
    return tuple(form % value for value in range(10**scale))


def _whole(value: int) -> int:
    """The digits before the point: the first group is the short one."""
    if value < 1 << _GROUP_BITS:
        return value
    return _whole(value >> _GROUP_BITS) * _GROUP_LIMIT + (value & _GROUP_MASK)


def _fraction(value: int, scale: int) -> int:
    """The digits behind the point: the last group is the short one."""
    short = scale % _DIGITS_OF_GROUP
    if scale <= _DIGITS_OF_GROUP:
        return value
    bits = 8 * _BYTES_OF_DIGITS[short]
    limit = int(10**short)
    return _whole(value >> bits) * limit + (value & ((1 << bits) - 1))
