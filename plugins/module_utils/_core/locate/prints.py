# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Row images and keys of one table as 64 bits each, made from the bytes of the binlog without decoding them.

Equal values are equal bytes for nearly all types (`binlog.storage`), so that the bytes as they stand are digested; the
few values of other types are decoded, once for each different one. A row that was read from the replica is turned into
the same bytes.
"""

from __future__ import annotations

import struct
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ..binlog.columns_info import DECODE_ERRORS, ColumnInfo, Decoder, Value
from ..binlog.header import broken
from ..binlog.storage import Encode, Storage, storage
from ..binlog.table_map import TableMap
from .digest import digest, of_bytes, of_parts, of_value

# Different patterns of NULLs, and different values of a type that has to be decoded, that are remembered.
_MOST_PLANS = 4096
_MOST_VALUES = 1 << 15
_MOST_BYTES = 1 << 10
_LONG = struct.Struct("<I").unpack_from

# From (data, offset) to the bytes of the key, the print of the image, and the offset behind it.
Print = Callable[[bytes, int], Tuple[bytes, int, int]]
# Bytes to skip, and bytes of the length that follows.
_Steps = List[Tuple[int, int]]


class Prints:
    """The prints of one table.

    :param table: the table map by which rows are printed; those of another one are decoded first (`of_values`).
    :param columns: its columns, of which the replica's are the first, with a decoder for each.
    :param key: positions of the primary key's columns.
    :param compared: positions of the compared columns, rising.
    """

    def __init__(
        self,
        table: TableMap,
        columns: Sequence[ColumnInfo],
        decoders: Sequence[Decoder],
        key: Sequence[int],
        compared: Sequence[int],
        stored: Sequence[Storage],
    ) -> None:
        self.form = (table.type_codes, table.metadata, tuple(column.unsigned for column in columns))
        self.key, self.compared, self.stored, self.decoders = tuple(key), tuple(compared), stored, tuple(decoders)
        self._key_decoders = [decoders[at] for at in key]
        place = {at: number for number, at in enumerate(compared)}
        self._key_places = [place[at] for at in key]
        self._encoders = [stored[at].encode for at in compared]
        self._key_encoders: List[Encode] = [found for found in (stored[at].encode for at in key) if found is not None]
        # By column: what stands for values that were decoded.
        self._values: Dict[int, Dict[bytes, int]] = {at: {} for at in compared if stored[at].encode is None}
        self.plans: Dict[bytes, Print] = {}
        self.null_size = (len(columns) + 7) // 8

    def fits(self, table: TableMap, columns: Sequence[ColumnInfo]) -> bool:
        """Whether images of this table map are stored in the same form."""
        return self.form == (table.type_codes, table.metadata, tuple(column.unsigned for column in columns))

    # -- of values

    def key_values(self, lookup: bytes) -> Tuple[Value, ...]:
        """The values of a key from its bytes."""
        values, pos = [], 0
        for decode in self._key_decoders:
            value, pos = decode(lookup, pos)
            values.append(value)
        return tuple(values)

    def of_key(self, values: Sequence[Value]) -> int:
        """The print of a key."""
        try:
            return of_bytes(b"".join([encode(value) for encode, value in zip(self._key_encoders, values)])) or 1
        except (*DECODE_ERRORS, AttributeError, TypeError):
            return digest(values)  # no such value can stand in the binlog in this form

    def of_values(self, values: Sequence[Value]) -> int:
        """The print of the values of the compared columns."""
        nulls, bit = 0, 1
        parts: List[bytes] = []
        decoded: List[int] = []
        try:
            for encode, value in zip(self._encoders, values):
                if value is None:
                    nulls |= bit
                elif encode is None:
                    decoded.append(of_value(value))
                else:
                    parts.append(encode(value))
                bit <<= 1
        except (*DECODE_ERRORS, AttributeError, TypeError):
            return digest(values)
        return _together(nulls, b"".join(parts), decoded)

    def of_row(self, values: Sequence[Value]) -> Tuple[int, int]:
        """The prints of key and compared columns of a row, from the values of the latter."""
        return self.of_key([values[place] for place in self._key_places]), self.of_values(values)

    # -- of bytes

    def print(self, data: bytes, pos: int) -> Tuple[bytes, int, int]:
        """The key's bytes, the print, and the end of the complete image at an offset."""
        nulls = data[pos : pos + self.null_size]
        return (self.plans.get(nulls) or self.plan(nulls))(data, pos)

    def plan(self, nulls: bytes) -> Print:
        """How images with these NULLs are printed. Raises BinlogError when the bitmap is cut off."""
        if len(nulls) != self.null_size:
            raise broken("a row image is cut off")
        present = [at for at in range(len(self.stored)) if not nulls[at >> 3] >> (at & 7) & 1]
        if not set(self.key).issubset(present):
            raise broken("a row image has NULL in its primary key")
        pattern = sum(1 << number for number, at in enumerate(self.compared) if at not in present)
        made = self._plain(present) if not pattern else None
        if made is None:
            made = self._any(present, pattern)
        if len(self.plans) < _MOST_PLANS:
            self.plans[nulls] = made
        return made

    def _plain(self, present: List[int]) -> Optional[Print]:
        """For images that are compared as a whole, or up to a last document, and begin with a key of fixed size."""
        stored, last = self.stored, present[-1]
        document = stored[last].encode is None
        taken = present[:-1] if document else present
        if any(stored[at].encode is None for at in taken) or set(present) - set(self.compared):
            return None
        first = min(self.key)
        if any(not stored[at].size for at in range(max(self.key) + 1)):
            return None
        if self.key != tuple(range(first, first + len(self.key))) or present[: max(self.key) + 1] != list(
            range(max(self.key) + 1)
        ):
            return None
        begin = self.null_size + sum(stored[at].size for at in range(first))
        end = begin + sum(stored[at].size for at in self.key)
        steps, tail = self._steps(taken)
        if document and not stored[last].size:
            return self._with_document(begin, end, steps, tail, last)
        return None if document else self._whole(begin, end, steps, tail)

    def _steps(self, taken: Sequence[int]) -> Tuple[_Steps, int]:
        """What to skip and the size of the length behind it, and what to skip after the last length."""
        steps: _Steps = []
        skip = 0
        for at in taken:
            skip += self.stored[at].size
            if self.stored[at].prefix:
                steps.append((skip, self.stored[at].prefix))
                skip = 0
        return steps, skip

    # The next two are called for each image, and therefore alike and without a call inside.

    def _whole(self, begin: int, end: int, steps: _Steps, tail: int) -> Print:
        null_size = self.null_size

        def read(data: bytes, pos: int) -> Tuple[bytes, int, int]:
            at = pos + null_size
            for skip, prefix in steps:
                at += skip
                if prefix == 1:
                    at += 1 + data[at]
                elif prefix == 2:
                    at += 2 + data[at] + (data[at + 1] << 8)
                else:
                    at += prefix + int.from_bytes(data[at : at + prefix], "little")
            at += tail
            return data[pos + begin : pos + end], of_bytes(data[pos + null_size : at]) or 1, at

        return read

    def _with_document(self, begin: int, end: int, steps: _Steps, tail: int, last: int) -> Print:
        null_size, size, known, value = self.null_size, self.stored[last].prefix, self._values[last], self._value
        long = _LONG

        def read(data: bytes, pos: int) -> Tuple[bytes, int, int]:
            at = pos + null_size
            for skip, prefix in steps:
                at += skip
                if prefix == 1:
                    at += 1 + data[at]
                elif prefix == 2:
                    at += 2 + data[at] + (data[at + 1] << 8)
                else:
                    at += prefix + int.from_bytes(data[at : at + prefix], "little")
            at += tail
            stop = (
                at + 4 + long(data, at)[0] if size == 4 else at + size + int.from_bytes(data[at : at + size], "little")
            )
            document = data[at:stop]
            number = known.get(document)
            if number is None:
                number = value(last, document)
            return data[pos + begin : pos + end], of_parts((0, data[pos + null_size : at], number)) or 1, stop

        return read

    def _any(self, present: List[int], pattern: int) -> Print:
        """For all other images: column by column."""
        null_size, stored, key, value = self.null_size, self.stored, self.key, self._value
        columns = [
            (at, stored[at].size, stored[at].prefix, at in self.compared, self._values.get(at)) for at in present
        ]

        def read(data: bytes, pos: int) -> Tuple[bytes, int, int]:
            pos += null_size
            parts: List[bytes] = []
            decoded: List[int] = []
            found: Dict[int, bytes] = {}
            for at, size, prefix, wanted, known in columns:
                end = pos + (size or prefix + int.from_bytes(data[pos : pos + prefix], "little"))
                if wanted:
                    part = data[pos:end]
                    if known is not None:
                        number = known.get(part)
                        decoded.append(value(at, part) if number is None else number)
                    else:
                        parts.append(part)
                        if at in key:
                            found[at] = part
                pos = end
            return b"".join([found[at] for at in key]), _together(pattern, b"".join(parts), decoded), pos

        return read

    def _value(self, at: int, part: bytes) -> int:
        """What stands for a value whose bytes do not."""
        value, end = self.decoders[at](part, 0)
        if end != len(part):
            raise broken("a value is cut off")
        number = of_value(value)
        known = self._values[at]
        if len(part) <= _MOST_BYTES:
            if len(known) >= _MOST_VALUES:
                known.clear()
            known[part] = number
        return number


def _together(nulls: int, data: bytes, decoded: Sequence[int]) -> int:
    if not nulls and not decoded:
        return of_bytes(data) or 1
    return of_parts((nulls, data, *decoded)) or 1


def prints_for(
    table: TableMap,
    columns: Sequence[ColumnInfo],
    decoders: Sequence[Decoder],
    key: Sequence[int],
    compared: Sequence[int],
) -> Optional[Prints]:
    """The prints of a table; None when the bytes of its rows, or of its keys, cannot be told apart without decoding."""
    stored: List[Storage] = []
    for code, metadata, column in zip(table.type_codes, table.metadata, columns):
        found = storage(code, metadata, column)
        if found is None or not found.size and not found.prefix:
            return None
        stored.append(found)
    if not key or any(stored[at].encode is None for at in key) or not set(key).issubset(compared):
        return None
    return Prints(table, columns, decoders, key, compared, stored)
