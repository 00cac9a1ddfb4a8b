# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Integers and strings with a length of their own, as the client protocol and several events write them."""

from __future__ import annotations

from typing import Tuple


def packed_integer(data: bytes, pos: int) -> Tuple[int, int]:
    """A length-encoded integer and the offset behind it. Raises IndexError or ValueError when there is none."""
    first = data[pos]
    if first < 251:
        return first, pos + 1
    if first == 251 or first == 255:
        raise ValueError("%d begins no number" % first)
    end = pos + 1 + {252: 2, 253: 3, 254: 8}[first]
    if end > len(data):
        raise IndexError("a number is cut off")
    return int.from_bytes(data[pos + 1 : end], "little"), end


def packed_bytes(data: bytes, pos: int) -> Tuple[bytes, int]:
    """Bytes after their length, and the offset behind them. Raises IndexError or ValueError when they are cut off."""
    length, pos = packed_integer(data, pos)
    end = pos + length
    if end > len(data):
        raise IndexError("a string is cut off")
    return data[pos:end], end


def variable_integer(data: bytes, pos: int) -> Tuple[int, int]:
    """An integer of 1 to 9 bytes, whose first byte ends in as many 1 bits as bytes follow, and the offset behind it.

    The form of MySQL's serialization library (GTID events with tags; measured on 9.7). Raises IndexError when cut off.
    """
    first = data[pos]
    more = 0
    while more < 8 and first >> more & 1:
        more += 1
    end = pos + 1 + more
    if end > len(data):
        raise IndexError("a number is cut off")
    number = int.from_bytes(data[pos:end], "little")
    return number >> (more + 1 if more < 8 else 8), end


def variable_signed(data: bytes, pos: int) -> Tuple[int, int]:
    """As `variable_integer`, of a signed number: its lowest bit is the sign. Raises IndexError when cut off."""
    number, pos = variable_integer(data, pos)
    return (number >> 1) ^ -(number & 1), pos
