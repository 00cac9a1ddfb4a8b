# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decoders of text and bytes: a length, then as many bytes, in the column's own character set.

MariaDB's compressed columns hold the bytes of zlib behind a byte that says how (measured on MariaDB 10.11 and 11.8).
"""

from __future__ import annotations

import struct
import zlib
from typing import Callable, Tuple

from .columns_info import Decoder

_SHORT = 255
_STORED = 0
_ZLIB = 8
_NO_WRAPPER = 8
_LENGTH_BITS = 7
_LONGEST = 1 << 30  # the most that max_allowed_packet lets a value be

Convert = Callable[[bytes], object]

_unpack_short = struct.Struct("<H").unpack_from
_unpack_int = struct.Struct("<I").unpack_from


def one_byte_length(buffer: bytes, offset: int) -> Tuple[bytes, int]:
    """Bytes behind a length of one byte."""
    start = offset + 1
    end = start + buffer[offset]
    return buffer[start:end], end


def two_byte_length(buffer: bytes, offset: int) -> Tuple[bytes, int]:
    """Bytes behind a length of two bytes."""
    start = offset + 2
    end = start + _unpack_short(buffer, offset)[0]
    return buffer[start:end], end


def three_byte_length(buffer: bytes, offset: int) -> Tuple[bytes, int]:
    """Bytes behind a length of three bytes."""
    start = offset + 3
    end = start + int.from_bytes(buffer[offset:start], "little")
    return buffer[start:end], end


def four_byte_length(buffer: bytes, offset: int) -> Tuple[bytes, int]:
    """Bytes behind a length of four bytes."""
    start = offset + 4
    end = start + _unpack_int(buffer, offset)[0]
    return buffer[start:end], end


_BY_SIZE = {1: one_byte_length, 2: two_byte_length, 3: three_byte_length, 4: four_byte_length}


def blob(length_size: int) -> Decoder:
    """Decoder of bytes behind a length of so many bytes.

    :raises ValueError: for a length of another size.
    """
    if length_size not in _BY_SIZE:
        raise ValueError("a length of %d bytes" % length_size)
    return _BY_SIZE[length_size]


def varchar(longest: int) -> Decoder:
    """Decoder of a VARCHAR or CHAR of at most so many bytes."""
    return one_byte_length if longest <= _SHORT else two_byte_length


def padded(size: int) -> Decoder:
    """Decoder of bytes of a fixed length, whose zeros at the end the binlog leaves out and SELECT shows."""
    plain = varchar(size)

    def decode(buffer: bytes, offset: int) -> Tuple[bytes, int]:
        value, end = plain(buffer, offset)
        return value.ljust(size, b"\0"), end

    return decode


def converted(plain: Decoder, convert: Convert) -> Decoder:
    """Decoder that makes something of the bytes that another one finds."""

    def decode(buffer: bytes, offset: int) -> Tuple[object, int]:
        value, end = plain(buffer, offset)
        if end > len(buffer):
            raise ValueError("a value ends behind the event")
        return convert(value), end

    return decode


def decompress(data: bytes) -> bytes:
    """The value of a compressed column of MariaDB.

    :raises ValueError: for data that is damaged or compressed in a way that is not known.
    """
    if not data:
        return b""
    method, length_size = data[0] >> 4, data[0] & _LENGTH_BITS
    if method == _STORED:
        return data[1:]
    if method != _ZLIB:
        raise ValueError("a column compressed by method %d" % method)
    start = 1 + length_size
    length = int.from_bytes(data[1:start], "big")
    if length > _LONGEST:
        raise ValueError("a compressed column of %d bytes" % length)
    machine = zlib.decompressobj(-zlib.MAX_WBITS if data[0] & _NO_WRAPPER else zlib.MAX_WBITS)
    try:
        # One byte more than there should be, so that a longer value is noticed and never made.
        value = machine.decompress(data[start:], length + 1)
    except zlib.error as error:
        raise ValueError("a compressed column: %s" % error) from None
    if len(value) != length:
        raise ValueError("a compressed column that is not as long as it says")
    return value
