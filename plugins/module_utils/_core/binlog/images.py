# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readers of row images: one for each selection of a table's columns, and in it one for each pattern of NULLs."""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .canonical import ABSENT
from .columns_info import ColumnInfo, Decoder
from .header import broken
from .runs import Field, Image, Reader, reader
from .written import Common, written

# More different patterns of NULLs than this are not remembered, so that random data cannot eat the memory.
_MOST_PLANS = 4096
# A reader is written out for a pattern that comes so often, and for so many of them, of tables with no more columns:
# that takes as long as hundreds of rows do.
OFTEN = 500
MOST_WRITTEN = 64
MOST_COLUMNS = 1000

# Integers that begin a row, as keys do, are read together. Types and their signed form for `struct`.
_INTEGERS = {1: "b", 2: "h", 3: "i", 8: "q"}


def leading_integers(type_codes: bytes, columns: Sequence[ColumnInfo]) -> struct.Struct:
    """The form of as many integer columns as a table begins with."""
    form = "<"
    for code, column in zip(type_codes, columns):
        if code not in _INTEGERS:
            break
        form += _INTEGERS[code].upper() if column.unsigned else _INTEGERS[code]
    return struct.Struct(form)


class Images:
    """Decodes images that hold a given selection of a table's columns.

    :param fields: how the columns are read together, where that is known of all of them.
    :param learned: called when it has become known how nearly all images are (`common`).
    """

    def __init__(
        self,
        decoders: Sequence[Decoder],
        lead: struct.Struct,
        present: bytes,
        fields: Optional[Sequence[Field]] = None,
        learned: Optional[Callable[[], None]] = None,
    ) -> None:
        self.columns = [i for i in range(len(decoders)) if present[i >> 3] >> (i & 7) & 1]
        self.decoders = decoders
        self.complete = len(self.columns) == len(decoders)
        self.null_size = (len(self.columns) + 7) // 8
        self.common: Optional[Common] = None
        # What reads images with these NULLs.
        self.plans: Dict[bytes, Reader] = {}
        # Those that are not decided about yet, with how often they came.
        self._rare: Dict[bytes, Tuple[int, Reader]] = {}
        self._learned = learned
        self._lead, self._together = lead, fields if self.complete else None
        # What readers are written out of.
        self._fields = self._together if len(self.columns) <= MOST_COLUMNS else None
        self._often = OFTEN if self._fields is not None else 0

    def read(self, data: bytes, pos: int) -> Tuple[Image, int]:
        """The image at an offset, and the offset behind it."""
        nulls = data[pos : pos + self.null_size]
        return (self.plans.get(nulls) or self.plan(nulls))(data, pos)

    def plan(self, nulls: bytes) -> Reader:
        """What reads images in which these columns are NULL. Raises BinlogError when the bitmap is cut off."""
        if len(nulls) != self.null_size:
            raise broken("a row image is cut off")
        count, made = self._rare.get(nulls) or (0, None)
        if made is None:
            made = self._reader(nulls)
        if count < self._often or len(self.plans) >= _MOST_PLANS:
            if count or len(self._rare) < _MOST_PLANS:
                self._rare[nulls] = count + 1, made
            return made
        self._rare.pop(nulls, None)
        if self._fields is not None and len(self.plans) < MOST_WRITTEN:
            absent = self._absent(nulls)
            made = written(self._fields, absent, self.null_size)
            if self.common is None and nulls:
                self.common = Common(self._fields, nulls, absent, self.read)
                if self._learned is not None:
                    self._learned()
        self.plans[nulls] = made
        return made

    def _absent(self, nulls: bytes) -> List[bool]:
        return [nulls[bit >> 3] >> (bit & 7) & 1 > 0 for bit in range(len(self.columns))]

    def _reader(self, nulls: bytes) -> Reader:
        absent = self._absent(nulls)
        if not self.complete:
            return self._partial_reader(absent)
        if self._together is None:
            return self._complete_reader(absent)
        return reader(self._together, absent, self.null_size)

    def _complete_reader(self, absent: Sequence[bool]) -> Reader:
        null_size, lead = self.null_size, struct.Struct("<") if any(absent) else self._lead
        unpack, lead_size = lead.unpack_from, lead.size
        rest = slice(len(lead.unpack(bytes(lead_size))), None)
        decoders = tuple(None if null else known for known, null in zip(self.decoders[rest], absent[rest]))

        def read(data: bytes, pos: int) -> Tuple[Image, int]:
            pos += null_size
            values = list(unpack(data, pos))
            append = values.append
            pos += lead_size
            for decode in decoders:
                if decode is None:
                    append(None)
                else:
                    value, pos = decode(data, pos)
                    append(value)
            return tuple(values), pos

        return read

    def _partial_reader(self, absent: Sequence[bool]) -> Reader:
        null_size, count = self.null_size, len(self.decoders)
        plan = [(column, None if null else self.decoders[column]) for column, null in zip(self.columns, absent)]

        def read(data: bytes, pos: int) -> Tuple[Image, int]:
            pos += null_size
            values: List[Any] = [ABSENT] * count
            for column, decode in plan:
                if decode is None:
                    values[column] = None
                else:
                    values[column], pos = decode(data, pos)
            return tuple(values), pos

        return read
