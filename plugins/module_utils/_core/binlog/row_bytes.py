# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Row images as the bytes that the binlog holds, so that a row can be written back exactly as it was.

The decoders of a layout are wrapped, so that a value keeps the bytes it was made of. Integers do not need to: their
bytes follow from their value.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Mapping, Optional, Sequence, Tuple

from .canonical import ABSENT
from .columns_info import ColumnInfo, Decoder, Value
from .mapped import Layout

Parts = Tuple[Optional[bytes], ...]

_INTEGERS: Mapping[int, str] = {1: "b", 2: "h", 3: "i", 8: "q"}


class Stored:
    """A value with the bytes that it is stored as."""

    __slots__ = ("data", "value")

    def __init__(self, value: Value, data: bytes) -> None:
        self.value = value
        self.data = data

    def __repr__(self) -> str:
        return "Stored(%r)" % (self.value,)


@dataclass(frozen=True)
class KeepingLayout:
    """A layout whose decoders give `Stored` values; give it to `transactions` instead of the one it is made from."""

    columns: Tuple[ColumnInfo, ...]
    decoders: Tuple[Decoder, ...]


def keeping(layout: Layout, type_codes: bytes) -> KeepingLayout:
    """The layout whose images keep their bytes.

    A document of which the binlog holds only what changed in it (MySQL's partial JSON updates) comes out as ABSENT.
    """
    return KeepingLayout(
        tuple(layout.columns),
        tuple(decoder if code in _INTEGERS else _kept(decoder) for code, decoder in zip(type_codes, layout.decoders)),
    )


def _kept(decode: Decoder) -> Decoder:
    def decode_and_keep(buffer: bytes, offset: int) -> Tuple[Stored, int]:
        value, end = decode(buffer, offset)
        return Stored(value, buffer[offset:end]), end

    return decode_and_keep


def values(image: Sequence[Value]) -> Tuple[Value, ...]:
    """The canonical values of an image."""
    return tuple(value.value if isinstance(value, Stored) else value for value in image)


def parts(image: Sequence[Value], type_codes: bytes, columns: Sequence[ColumnInfo]) -> Optional[Parts]:
    """The bytes of each value of an image, None for NULL; None for the whole when the image lacks a column."""
    if any(value is ABSENT for value in image):
        return None
    return tuple(_part(value, code, column) for value, code, column in zip(image, type_codes, columns))


def _part(value: Value, code: int, column: ColumnInfo) -> Optional[bytes]:
    if value is None:
        return None
    if isinstance(value, Stored):
        return value.data
    form = _INTEGERS[code]
    return struct.pack("<" + (form.upper() if column.unsigned else form), value)
