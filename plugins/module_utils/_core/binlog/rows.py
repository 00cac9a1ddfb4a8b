# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Row images of rows events: versions 0, 1 and 2, partial JSON updates, MariaDB's compressed ones.

A `RowDecoder` is made once for each table map; it chooses a decoder for each column, so that the loop over the images
calls one closure a value and decides nothing. Where many rows come, one function is written that does all of it
(`written`). Source: reference manual of MySQL, "Replication Formats" and "binlog_row_image"; measured on MySQL 5.6 and
9.7, MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .columns_info import ColumnInfo, Decoder
from .compressed import inflate
from .format import FormatDescription
from .header import BODY, DELETES, PARTIAL_UPDATE_ROWS, ROWS, UPDATES, WRITES, broken
from .images import Images, leading_integers
from .packed import packed_integer
from .partial_json import AfterImages
from .runs import Field, Image, Reader
from .table_map import TableMap, TableName, table_id_size
from .written import Common, Rows, written_rows

WRITE = "write"
UPDATE = "update"
DELETE = "delete"

STATEMENT_END = 1

COMPRESSED = frozenset((166, 167, 168, 169, 170, 171))
_SINGLE = ROWS - UPDATES
_LONG_HEADER = frozenset((30, 31, 32, 39, 169, 170, 171))
# More different selections of columns than this are not remembered, so that random data cannot eat the memory.
_MOST_IMAGES = 4096


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


# What a NamedTuple's own constructor does, without a call in between; rows are many.
_new = tuple.__new__


def kind_of(event_type: int) -> str:
    """What a rows event of this type does to its rows."""
    if event_type in UPDATES:
        return UPDATE
    return DELETE if event_type in DELETES else WRITE


_Head = Tuple[bytes, int, Rows]


class RowDecoder:
    """Decodes the rows events of one table map.

    :param table: the table map.
    :param columns: its columns, as many as the table map has.
    :param decoders: one for each column.
    :param fields: how the columns are read together (`runs`); None to decode value by value.
    :raises BinlogError: there are more or fewer of them than columns in the table map.
    """

    def __init__(
        self,
        table: TableMap,
        columns: Sequence[ColumnInfo],
        decoders: Sequence[Decoder],
        form: FormatDescription,
        fields: Optional[Sequence[Field]] = None,
    ) -> None:
        if not len(columns) == len(decoders) == table.column_count:
            raise broken("%d columns are known of the %d of %s.%s" % ((len(columns), table.column_count) + table.name))
        self.table = table
        self.name = table.name
        self.form = form
        self.decoders = decoders
        self._fields = fields
        self._lead = leading_integers(table.type_codes, columns)
        self._images: Dict[bytes, Images] = {}
        # By type: the fixed part of the event before, and what it came to. Most events of a table have the same.
        self.heads: Dict[int, _Head] = {}
        # By type and the columns of its images.
        self._rows: Dict[Tuple[int, bytes], Rows] = {}

    def images(self, present: bytes) -> Images:
        """The decoder of images with these columns."""
        known = self._images.get(present)
        if known is None:
            known = Images(self.decoders, self._lead, present, self._fields, self._learned)
            if len(self._images) < _MOST_IMAGES:
                self._images[present] = known
        return known

    def _learned(self) -> None:
        """Choose again how events are read: it is known now how nearly all images are."""
        self.heads.clear()
        self._rows.clear()

    def decode(self, kind: int, data: bytes) -> List[Any]:
        """The rows of an event of this table.

        :param kind: the event's type; ``data`` is the whole event without checksum.
        :raises BinlogError: the event is cut off or has bytes left over.
        :raises DECODE_ERRORS: of `columns_info`: a value makes no sense.
        """
        return self.within(kind, data, 0, len(data))

    def within(self, kind: int, buffer: bytes, begin: int, end: int) -> List[Any]:
        """The rows of an event that lies in a buffer, as `decode`."""
        head = self.heads.get(kind)
        if head is None or not buffer.startswith(head[0], begin + BODY):
            head = self._read_head(kind, buffer[begin:end])
        _same, pos, read = head
        if kind in COMPRESSED:
            buffer, pos = inflate(buffer[begin:end], pos), 0
            end = len(buffer)
        else:
            pos += begin
        changes, pos = read(buffer, pos, end)
        if pos != end:
            raise broken("a rows event is cut off within a row of %s.%s" % self.name)
        return changes

    def _read_head(self, kind: int, data: bytes) -> _Head:
        pos = BODY + table_id_size(self.form.post_header_length(kind)) + 2
        if kind in _LONG_HEADER:
            pos += int.from_bytes(data[pos : pos + 2], "little")
        count, pos = packed_integer(data, pos)
        if count != self.table.column_count:
            raise broken("%d columns of the %d of %s.%s" % ((count, self.table.column_count) + self.name))
        size = (count + 7) // 8
        end = pos + size * (1 if kind in _SINGLE else 2)
        if end > len(data) or not size:
            raise broken("a rows event ends within its columns")
        key = kind, data[pos:end]
        rows = self._rows.get(key)
        if rows is None:
            rows = self.rows(kind, self.images(data[pos : pos + size]), self.images(data[end - size : end]))
            if len(self._rows) < _MOST_IMAGES:
                self._rows[key] = rows
        head = data[BODY:end], end, rows
        self.heads[kind] = head
        return head

    def rows(self, kind: int, images: Images, afters: Images) -> Rows:
        """The function that makes changes of an event's bytes.

        :param images: the decoder of its images; of an update, of those before.
        """
        if not images.columns and not afters.columns:
            return _no_columns
        partial = not (images.complete and afters.complete)
        before, after = images.common, afters.common
        if before is not None and after is not None and kind != PARTIAL_UPDATE_ROWS:
            return written_rows(RowChange, self.name, kind_of(kind), *_sides(kind, before, after))
        if kind in _SINGLE:
            return _singles(self.name, images, kind in DELETES, partial)
        if kind == PARTIAL_UPDATE_ROWS:
            reader = AfterImages(self.table.type_codes, self.decoders, afters.columns)
            return _partial_updates(self.name, images.read, reader, partial)
        return _updates(self.name, images, afters, partial)


def _sides(kind: int, before: Common, after: Common) -> Tuple[Optional[Common], Optional[Common]]:
    """Which images an event of this type has."""
    return None if kind in WRITES else before, None if kind in DELETES else after


def _no_columns(_data: bytes, pos: int, end: int) -> Tuple[List[RowChange], int]:
    if pos < end:
        raise broken("row images without columns")
    return [], pos


# The next two look for the reader of an image themselves: rows are many.


def _singles(table: TableName, images: Images, deleted: bool, partial: bool) -> Rows:
    plans, plan, size = images.plans, images.plan, images.null_size

    def rows(data: bytes, pos: int, end: int) -> Tuple[List[RowChange], int]:
        changes: List[RowChange] = []
        while pos < end:
            nulls = data[pos : pos + size]
            image, pos = (plans.get(nulls) or plan(nulls))(data, pos)
            row = (table, DELETE, image, None, partial) if deleted else (table, WRITE, None, image, partial)
            changes.append(_new(RowChange, row))
        return changes, pos

    return rows


def _updates(table: TableName, images: Images, afters: Images, partial: bool) -> Rows:
    plans, plan, size = images.plans, images.plan, images.null_size
    plans_after, plan_after, size_after = afters.plans, afters.plan, afters.null_size

    def rows(data: bytes, pos: int, end: int) -> Tuple[List[RowChange], int]:
        changes: List[RowChange] = []
        while pos < end:
            nulls = data[pos : pos + size]
            before, pos = (plans.get(nulls) or plan(nulls))(data, pos)
            nulls = data[pos : pos + size_after]
            after, pos = (plans_after.get(nulls) or plan_after(nulls))(data, pos)
            changes.append(_new(RowChange, (table, UPDATE, before, after, partial)))
        return changes, pos

    return rows


def _partial_updates(table: TableName, read: Reader, reader: AfterImages, partial: bool) -> Rows:
    def rows(data: bytes, pos: int, end: int) -> Tuple[List[RowChange], int]:
        changes: List[RowChange] = []
        while pos < end:
            before, pos = read(data, pos)
            after, pos, lacking = reader.read(data, pos, before)
            changes.append(RowChange(table, UPDATE, before, after, partial or lacking))
        return changes, pos

    return rows
