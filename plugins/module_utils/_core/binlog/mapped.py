# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables that the table maps of a binlog file describe, and what decodes the rows of each."""

from __future__ import annotations

from typing import Callable, Dict, Optional, Protocol, Sequence, Tuple

from .columns_info import ColumnInfo, Decoder
from .format import MODERN, FormatDescription
from .header import BODY, TABLE_MAP
from .rows import RowDecoder
from .runs import Field
from .table_map import TableMap, TableName, parse_table_map, table_id_size

# Table maps remembered; more than that and the memory is emptied.
_MOST_MAPS = 10000


class Layout(Protocol):
    """What row decoding needs to know about a table.

    A layout with a method ``row_decoder(table_map, format_description)`` brings a `RowDecoder` of its own; one with
    ``fields`` (`runs.fields_of`) has its columns read together.
    """

    @property
    def columns(self) -> Sequence[ColumnInfo]:
        """The columns in the order of the table."""

    @property
    def decoders(self) -> Sequence[Decoder]:
        """The decoder of each column."""


LayoutFor = Callable[[TableMap], Optional[Layout]]
Known = Tuple[TableName, Optional[RowDecoder]]


class Mapped:
    """The tables of a file, by the bytes of their table maps, and by their numbers in it.

    :param layout_for: the columns of a table, None when they are not known (yet: it is asked again).
    :param rows: whether there is a decoder for each.
    """

    def __init__(self, layout_for: LayoutFor, rows: bool) -> None:
        self.layout_for, self.rows = layout_for, rows
        self.form = MODERN
        self.id_end = BODY + 6
        self.maps: Dict[bytes, Known] = {}
        self.by_id: Dict[bytes, Known] = {}
        self._last_map = b""
        self._last_known: Known = (TableName("", ""), None)

    def begin(self, form: FormatDescription) -> None:
        """A file begins that has this format."""
        self.form = form
        self.id_end = BODY + table_id_size(form.post_header_length(TABLE_MAP))
        self.maps.clear()
        self.by_id.clear()
        self._last_map = b""

    def table(self, buffer: bytes, begin: int, end: int) -> Known:
        """What a table map event describes; the rows events after it are of that.

        :param begin: where its body begins in the buffer, which holds its header, too.
        :raises BinlogError: it makes no sense.
        """
        key = buffer[begin:end]
        if key == self._last_map:
            return self._last_known
        known = self.maps.get(key)
        if known is None:
            known = self._new_table(buffer[begin - BODY : end])
            if len(self.maps) >= _MOST_MAPS:
                self.maps.clear()
            if known[1] is not None or not self.rows:
                self.maps[key] = known
        self.by_id[key[: self.id_end - BODY]] = known
        # Columns that are not known may be by the next time: a caller need not want the rows from the beginning.
        self._last_map, self._last_known = key if key in self.maps else b"", known
        return known

    def known(self, buffer: bytes, begin: int, end: int) -> Known:
        """As `table`, of one that was described before. Raises KeyError when it was not."""
        key = buffer[begin:end]
        known = self.by_id[key[: self.id_end - BODY]] = self.maps[key]
        self._last_map, self._last_known = key, known
        return known

    def _new_table(self, data: bytes) -> Known:
        table = parse_table_map(data, self.form)
        layout = self.layout_for(table) if self.rows else None
        if layout is None or len(layout.columns) != table.column_count:
            return table.name, None
        made: Optional[Callable[[TableMap, FormatDescription], RowDecoder]] = getattr(layout, "row_decoder", None)
        if made is not None:
            return table.name, made(table, self.form)
        fields: Optional[Sequence[Field]] = getattr(layout, "fields", None)
        return table.name, RowDecoder(table, layout.columns, layout.decoders, self.form, fields)
