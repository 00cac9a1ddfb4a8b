# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows events as changes of prints (`prints`) instead of decoded images, for what only compares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, NamedTuple, Sequence, Tuple

from ..binlog.columns_info import ColumnInfo, Decoder
from ..binlog.format import FormatDescription
from ..binlog.header import DELETES, PARTIAL_UPDATE_ROWS, UPDATES
from ..binlog.images import Images
from ..binlog.rows import RowDecoder
from ..binlog.table_map import TableMap, TableName
from ..binlog.written import Rows
from .digest import NO_ROW, of_bytes
from .prints import Prints


class Printed(NamedTuple):
    """One change of a row. An update of the primary key is two of them.

    :param key: print of the primary key; ``lookup``: its bytes, see `Prints.key_values`.
    :param before: print of the compared columns before, `NO_ROW` when there was no row; ``after`` likewise.
    """

    table: TableName
    key: int
    lookup: bytes
    before: int
    after: int


# What a NamedTuple's own constructor does, without a call in between; rows are many.
_new = tuple.__new__


@dataclass(frozen=True)
class PrintingLayout:
    """A layout whose rows come out as `Printed`; where an image is not complete, as `RowChange`.

    Give it to `transactions` instead of the one that its columns and decoders are of.
    """

    columns: Tuple[ColumnInfo, ...]
    decoders: Tuple[Decoder, ...]
    prints: Prints

    def row_decoder(self, table: TableMap, form: FormatDescription) -> RowDecoder:
        """What decodes the rows events of a table map."""
        return PrintDecoder(table, self.columns, self.decoders, form, self.prints)


class PrintDecoder(RowDecoder):
    """A `RowDecoder` that gives prints."""

    def __init__(
        self,
        table: TableMap,
        columns: Sequence[ColumnInfo],
        decoders: Sequence[Decoder],
        form: FormatDescription,
        prints: Prints,
    ) -> None:
        super().__init__(table, columns, decoders, form)
        self.prints = prints

    def rows(self, kind: int, images: Images, afters: Images) -> Rows:
        """The function that makes changes of an event's bytes."""
        if kind == PARTIAL_UPDATE_ROWS or not (images.complete and afters.complete):
            return super().rows(kind, images, afters)
        if kind in UPDATES:
            return _updates(self.name, self.prints)
        return _singles(self.name, self.prints, kind in DELETES)


def _singles(table: TableName, prints: Prints, deleted: bool) -> Rows:
    plans, plan, size = prints.plans, prints.plan, prints.null_size

    def rows(data: bytes, pos: int, end: int) -> Tuple[List[Any], int]:
        changes: List[Any] = []
        while pos < end:
            nulls = data[pos : pos + size]
            lookup, image, pos = (plans.get(nulls) or plan(nulls))(data, pos)
            before, after = (image, NO_ROW) if deleted else (NO_ROW, image)
            changes.append(_new(Printed, (table, of_bytes(lookup) or 1, lookup, before, after)))
        return changes, pos

    return rows


def _updates(table: TableName, prints: Prints) -> Rows:
    plans, plan, size = prints.plans, prints.plan, prints.null_size

    def rows(data: bytes, pos: int, end: int) -> Tuple[List[Any], int]:
        changes: List[Any] = []
        while pos < end:
            nulls = data[pos : pos + size]
            read = plans.get(nulls) or plan(nulls)
            lookup, before, pos = read(data, pos)
            again = data[pos : pos + size]
            other, after, pos = (read if again == nulls else plans.get(again) or plan(again))(data, pos)
            key = of_bytes(lookup) or 1
            if lookup == other:
                changes.append(_new(Printed, (table, key, lookup, before, after)))
            else:
                changes.append(_new(Printed, (table, key, lookup, before, NO_ROW)))
                changes.append(_new(Printed, (table, of_bytes(other) or 1, other, NO_ROW, after)))
        return changes, pos

    return rows
