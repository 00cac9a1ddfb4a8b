# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Row images of rows events: versions 0, 1 and 2, partial JSON updates, MariaDB's compressed ones.

A `RowDecoder` is made once for each table map; it chooses a decoder for each column, so that the loop over the images
calls one closure a value and decides nothing. Source: reference manual of MySQL, "Replication Formats" and
"binlog_row_image"; measured on MySQL 5.6 and 9.7, MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .canonical import ABSENT
from .columns_info import ColumnInfo, Decoder, Value
from .compressed import inflate
from .format import FormatDescription
from .header import BODY, DELETES, PARTIAL_UPDATE_ROWS, UPDATES, broken
from .packed import packed_integer
from .partial_json import AfterImages
from .table_map import TableMap, TableName, table_id_size

WRITE = "write"
UPDATE = "update"
DELETE = "delete"

STATEMENT_END = 1

_COMPRESSED = frozenset((166, 167, 168, 169, 170, 171))
_LONG_HEADER = frozenset((30, 31, 32, 39, 169, 170, 171))
# More different patterns of NULLs than this are not remembered, so that random data cannot eat the memory.
_MOST_PLANS = 4096

Image = Tuple[Value, ...]
# For each column in the image: its position and its decoder, None for NULL.
Plan = List[Tuple[int, Optional[Decoder]]]


class RowChange(NamedTuple):
    """One row that was written, changed or deleted.

    :param kind: WRITE, UPDATE or DELETE.
    :param before: the row before, None for a write.
    :param after: the row after, None for a delete.
    :param partial: an image lacks columns; these are ABSENT.
    """

    table: TableName
    kind: str
    before: Optional[Image]
    after: Optional[Image]
    partial: bool


def kind_of(event_type: int) -> str:
    """What a rows event of this type does to its rows."""
    if event_type in UPDATES:
        return UPDATE
    return DELETE if event_type in DELETES else WRITE


class _Images:
    """Decodes images that hold a given selection of a table's columns."""

    def __init__(self, decoders: Sequence[Decoder], present: bytes) -> None:
        self.columns = [i for i in range(len(decoders)) if present[i >> 3] >> (i & 7) & 1]
        self.decoders = decoders
        self.complete = len(self.columns) == len(decoders)
        self.null_size = (len(self.columns) + 7) // 8
        self.plans: Dict[bytes, Plan] = {}

    def plan(self, nulls: bytes) -> Plan:
        """What to decode when these columns are NULL. Raises BinlogError when the bitmap is cut off."""
        if len(nulls) != self.null_size:
            raise broken("a row image is cut off")
        made: Plan = [
            (column, None if nulls[bit >> 3] >> (bit & 7) & 1 else self.decoders[column])
            for bit, column in enumerate(self.columns)
        ]
        if len(self.plans) < _MOST_PLANS:
            self.plans[nulls] = made
        return made

    def reader(self) -> Callable[[bytes, int], Tuple[Image, int]]:
        """A function from (data, offset) to (image, next offset)."""
        return self._complete_reader() if self.complete else self._partial_reader()

    def _complete_reader(self) -> Callable[[bytes, int], Tuple[Image, int]]:
        null_size, plans, make_plan = self.null_size, self.plans, self.plan
        no_nulls, decoders = bytes(null_size), tuple(self.decoders)

        def read(data: bytes, pos: int) -> Tuple[Image, int]:
            begin = pos
            pos += null_size
            nulls = data[begin:pos]
            values: List[Value] = []
            append = values.append
            if nulls == no_nulls:
                for decode in decoders:
                    value, pos = decode(data, pos)
                    append(value)
            else:
                for _column, known in plans.get(nulls) or make_plan(nulls):
                    if known is None:
                        append(None)
                    else:
                        value, pos = known(data, pos)
                        append(value)
            return tuple(values), pos

        return read

    def _partial_reader(self) -> Callable[[bytes, int], Tuple[Image, int]]:
        null_size, plans, make_plan, count = self.null_size, self.plans, self.plan, len(self.decoders)

        def read(data: bytes, pos: int) -> Tuple[Image, int]:
            begin = pos
            pos += null_size
            nulls = data[begin:pos]
            values: List[Value] = [ABSENT] * count
            for column, decode in plans.get(nulls) or make_plan(nulls):
                if decode is None:
                    values[column] = None
                else:
                    values[column], pos = decode(data, pos)
            return tuple(values), pos

        return read


class RowDecoder:
    """Decodes the rows events of one table map.

    :param table: the table map.
    :param columns: its columns, as many as the table map has.
    :param decoder_of: makes the decoder of a column of its type code, metadata and description.
    :raises BinlogError: there are more or fewer columns than in the table map.
    """

    def __init__(
        self,
        table: TableMap,
        columns: Sequence[ColumnInfo],
        form: FormatDescription,
        decoder_of: Callable[[int, int, ColumnInfo], Decoder],
    ) -> None:
        if len(columns) != table.column_count:
            raise broken("%d columns are known of the %d of %s.%s" % ((len(columns), table.column_count) + table.name))
        self.table = table
        self.name = table.name
        self.form = form
        self.decoders = [decoder_of(*each) for each in zip(table.type_codes, table.metadata, columns)]
        self._images: Dict[bytes, Tuple[_Images, Callable[[bytes, int], Tuple[Image, int]]]] = {}

    def images(self, present: bytes) -> Tuple[_Images, Callable[[bytes, int], Tuple[Image, int]]]:
        """The decoder of images with these columns."""
        known = self._images.get(present)
        if known is None:
            images = _Images(self.decoders, present)
            known = images, images.reader()
            if len(self._images) < _MOST_PLANS:
                self._images[present] = known
        return known

    def decode(self, kind: int, data: bytes) -> List[RowChange]:
        """The rows of an event of this table.

        :param kind: the event's type; ``data`` is the whole event without checksum.
        :raises BinlogError: the event is cut off or has bytes left over.
        :raises DECODE_ERRORS: of `columns_info`: a value makes no sense.
        """
        pos = BODY + table_id_size(self.form.post_header_length(kind)) + 2
        if kind in _LONG_HEADER:
            pos += int.from_bytes(data[pos : pos + 2], "little")
        count, pos = packed_integer(data, pos)
        if count != self.table.column_count:
            raise broken("%d columns of the %d of %s.%s" % ((count, self.table.column_count) + self.name))
        size = (count + 7) // 8
        end = pos + size * (2 if kind in UPDATES else 1)
        if end > len(data) or not size:
            raise broken("a rows event ends within its columns")
        images, read = self.images(data[pos : pos + size])
        after = data[end - size : end]
        if kind in _COMPRESSED:
            data, end = inflate(data, end), 0
        if kind == PARTIAL_UPDATE_ROWS:
            return self._partial_updates(data, end, images, read, after)
        if kind in UPDATES:
            return self._updates(data, end, images, read, after)
        return self._singles(data, end, images, read, kind in DELETES)

    def _singles(
        self, data: bytes, pos: int, images: _Images, read: Callable[[bytes, int], Tuple[Image, int]], deleted: bool
    ) -> List[RowChange]:
        changes: List[RowChange] = []
        end, table, partial, append = len(data), self.name, not images.complete, changes.append
        if not images.columns and pos < end:
            raise broken("row images without columns")
        while pos < end:
            image, pos = read(data, pos)
            if deleted:
                append(RowChange(table, DELETE, image, None, partial))
            else:
                append(RowChange(table, WRITE, None, image, partial))
        if pos != end:
            raise broken("a rows event is cut off within a row of %s.%s" % table)
        return changes

    def _updates(
        self, data: bytes, pos: int, images: _Images, read: Callable[[bytes, int], Tuple[Image, int]], present: bytes
    ) -> List[RowChange]:
        changes: List[RowChange] = []
        after_images, read_after = self.images(present)
        end, table, append = len(data), self.name, changes.append
        partial = not (images.complete and after_images.complete)
        if not images.columns and not after_images.columns and pos < end:
            raise broken("row images without columns")
        while pos < end:
            before, pos = read(data, pos)
            after, pos = read_after(data, pos)
            append(RowChange(table, UPDATE, before, after, partial))
        if pos != end:
            raise broken("a rows event is cut off within a row of %s.%s" % table)
        return changes

    def _partial_updates(
        self, data: bytes, pos: int, images: _Images, read: Callable[[bytes, int], Tuple[Image, int]], present: bytes
    ) -> List[RowChange]:
        changes: List[RowChange] = []
        after_images = self.images(present)[0]
        afters = AfterImages(self.table.type_codes, self.decoders, after_images.columns)
        partial = not (images.complete and after_images.complete)
        end = len(data)
        while pos < end:
            before, pos = read(data, pos)
            after, pos, lacking = afters.read(data, pos, before)
            changes.append(RowChange(self.name, UPDATE, before, after, partial or lacking))
        if pos != end:
            raise broken("a rows event is cut off within a row of %s.%s" % self.name)
        return changes
