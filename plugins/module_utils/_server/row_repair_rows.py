# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads rows of the replica by their primary keys, in chunks, as canonical values."""

from __future__ import annotations

from typing import Any, Collection, Dict, List, Mapping, Sequence, Tuple

from .._core.binlog import canonical
from .._core.binlog.columns_info import ColumnInfo
from .._core.errors import ReplicaError
from .._core.row_repair_rows import Key, Values
from .._core.statement import identifier, qualified
from .connect import Connection
from .row_repair_tables import Table

CHUNK = 500
# Values of one column in a list are looked up by the key on all flavours, and parsed in a fraction of the time.
_LIST = 2000
# Longer statements are split, whatever max_allowed_packet is.
_LONGEST = 512 * 1024
_TOO_LARGE = 1301


def rows(connection: Connection, table: Table, keys: Sequence[Key], locked: bool = False) -> Dict[Key, Values]:
    """The row in the place of each key, all columns that can be selected; keys without a row are left out.

    A key is found by its column's collation, so that the row may hold other bytes: such a row belongs to its own key
    where that is asked for too, else to the key that it was found by.

    :param locked: keep others from changing the rows until the transaction ends.
    :raises ReplicaError: the rows cannot be read.
    """
    try:
        reader = _Reader(connection, table, locked)
        wanted = set(keys)
        found: Dict[Key, Values] = {}
        for condition in reader.conditions(keys):
            mine = reader.select(condition)
            found.update((key, row) for key, row in mine.items() if key in wanted)
            if len(mine) > sum(1 for key in mine if key in wanted):
                found.update(_by_collation(reader, [key for key in keys if key not in found], wanted))
    except ValueError as error:
        raise ReplicaError("read rows of %s.%s" % table.name, connection.address, str(error)) from None
    return found


def _by_collation(reader: _Reader, lacking: Sequence[Key], wanted: Any) -> Dict[Key, Values]:
    found: Dict[Key, Values] = {}
    for key in lacking:
        (condition,) = reader.conditions([key])
        for own, row in reader.select(condition).items():
            if own not in wanted:
                found[key] = row
    return found


class _Reader:
    """How the rows of one table are selected. Raises ValueError for a column that cannot be read exactly."""

    def __init__(self, connection: Connection, table: Table, locked: bool) -> None:
        self.connection = connection
        columns = table.shape.columns[: table.listed]
        self.key = [columns[place] for place in table.shape.key]
        self.places = table.shape.key
        self.parsers = [("c%d" % place, canonical.parser(column)) for place, column in enumerate(columns)]
        expressions = [
            "%s AS c%d" % (canonical.select_expression(column, "t.%s" % identifier(column.name)), place)
            for place, column in enumerate(columns)
        ]
        self.start = "SELECT %s FROM %s AS t WHERE " % (", ".join(expressions), qualified(*table.name))
        self.end = " LOCK IN SHARE MODE" if locked else ""

    def select(self, condition: str) -> Dict[Key, Values]:
        """Rows by their own keys."""
        found = self.connection.query(self.start + condition + self.end)
        if any(number == _TOO_LARGE for number, _text in self.connection.warnings()):
            raise ValueError("a value is longer than max_allowed_packet")
        return dict(self._parsed(row) for row in found)

    def _parsed(self, row: Mapping[str, Any]) -> Tuple[Key, Values]:
        values = tuple(parse(row[name]) for name, parse in self.parsers)
        return tuple(values[place] for place in self.places), values

    def conditions(self, keys: Sequence[Key]) -> List[str]:
        """Conditions that select these keys, in chunks. Raises ValueError for a key that has no literal."""
        return conditions(self.key, keys)


def rows_with(
    connection: Connection, table: Table, places: Sequence[int], values: Collection[Key]
) -> Dict[Key, Values]:
    """All rows that hold one of these combinations of values in the columns at these places, by their primary keys.

    :raises ReplicaError: the rows cannot be read.
    """
    found: Dict[Key, Values] = {}
    try:
        reader = _Reader(connection, table, False)
        for condition in conditions([table.shape.columns[place] for place in places], list(values)):
            found.update(reader.select(condition))
    except ValueError as error:
        raise ReplicaError("read rows of %s.%s" % table.name, connection.address, str(error)) from None
    return found


def conditions(columns: Sequence[ColumnInfo], values: Sequence[Key]) -> List[str]:
    """Conditions on ``t`` that select rows by values of some columns, in chunks.

    :raises ValueError: for a value that has no literal.
    """
    names = ["t." + identifier(column.name) for column in columns]
    if len(columns) == 1:
        literals = [canonical.sql_literal(value[0], columns[0]) for value in values]
        return ["%s IN (%s)" % (names[0], ", ".join(chunk)) for chunk in _chunks(literals, _LIST)]
    parts: List[str] = []
    for value in values:
        terms = [canonical.sql_literal(one, column) for one, column in zip(value, columns)]
        # A comparison of rows is not looked up by the key on MySQL 5.6; one of columns is.
        parts.append("(%s)" % " AND ".join("%s = %s" % pair for pair in zip(names, terms)))
    return [" OR ".join(chunk) for chunk in _chunks(parts, CHUNK)]


def _chunks(parts: Sequence[str], most: int) -> List[List[str]]:
    chunks: List[List[str]] = []
    size = 0
    for part in parts:
        if not chunks or size + len(part) > _LONGEST or len(chunks[-1]) >= most:
            chunks.append([])
            size = 0
        chunks[-1].append(part)
        size += len(part) + 4
    return chunks
