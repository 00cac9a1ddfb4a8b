# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign keys around rows that are going to be written by row events, which neither check nor follow them."""

from __future__ import annotations

from typing import Iterable, List, Mapping, Sequence, Set, Tuple

from .._core.binlog import canonical
from .._core.binlog.table_map import TableName
from .._core.binlog_apply_rows import Fate, Image
from .._core.row_repair_rows import Key, Values
from .._core.statement import identifier, qualified
from .connect import Connection
from .row_repair_keys import ForeignKey, foreign_keys
from .row_repair_rows import _Reader
from .row_repair_tables import Table

_CHUNK = 200

Fates = Mapping[TableName, Mapping[Key, Fate]]


class Neighbours:
    """Foreign keys between the tables of a run and all others.

    :param tables: of the run, by their names as `fates` has them.
    :param fates: what becomes of their rows.
    """

    def __init__(self, connection: Connection, tables: Mapping[TableName, Table], fates: Fates) -> None:
        self.connection = connection
        self.fates = fates
        self.tables = {table.name: (name, table) for name, table in tables.items()}

    def broken(self) -> str:
        """The first foreign key that the run would break, for people; '' when none."""
        for key in foreign_keys(self.connection):
            child, parent, _columns = key
            gone: Set[Values] = set()
            if parent in self.tables:
                gone = self._gone(key)
                if gone and self._is_referenced(key, gone):
                    return "rows of %s.%s reference rows of %s.%s that would be gone" % (*child, *parent)
            if child in self.tables and self._lacks(key, gone):
                return "rows of %s.%s would reference rows of %s.%s that are not there" % (*child, *parent)
        return ""

    def _images(self, table: TableName) -> Iterable[Fate]:
        return self.fates.get(self.tables[table][0], {}).values()

    def _values(self, table: TableName, images: Iterable[object], names: Sequence[str]) -> Set[Values]:
        """The values of these columns in each image, without those that hold a NULL."""
        places = [self._place(table, name) for name in names]
        found = {
            tuple(image.values[place] for place in places) for image in images if isinstance(image, Image)
        }  # fmt: skip
        return {values for values in found if None not in values}

    def _place(self, table: TableName, name: str) -> int:
        columns = self.tables[table][1].shape.columns
        return next(place for place, column in enumerate(columns) if column.name.lower() == name.lower())

    def _gone(self, key: ForeignKey) -> Set[Values]:
        """Referenced values that are there now and would not be."""
        _child, parent, columns = key
        names = [other for _own, other in columns]
        fates = list(self._images(parent))
        return self._values(parent, [fate.now for fate in fates], names) - self._values(
            parent, [fate.end for fate in fates], names
        )

    def _is_referenced(self, key: ForeignKey, gone: Set[Values]) -> bool:
        child, parent, columns = key
        own = [name for name, _other in columns]
        for condition in self._conditions(parent, [other for _own, other in columns], own, gone):
            if child not in self.tables:
                if self.connection.query(
                    "SELECT 1 AS x FROM %s AS t WHERE %s LIMIT 1" % (qualified(*child), condition)
                ):
                    return True
                continue
            name, table = self.tables[child]
            fates: Mapping[Key, Fate] = self.fates.get(name, {})
            for found in _Reader(self.connection, table, False).select(condition):
                fate = fates.get(found)
                if fate is None or self._values(child, [fate.end], own) & gone:
                    return True
        return False

    def _lacks(self, key: ForeignKey, gone: Set[Values]) -> bool:
        """Whether rows that would be there reference what would not be."""
        child, parent, columns = key
        own, other = [name for name, _other in columns], [name for _own, name in columns]
        needed = self._values(child, [fate.end for fate in self._images(child) if fate.end is not fate.now], own)
        if parent in self.tables:
            needed -= self._values(parent, [fate.end for fate in self._images(parent)], other)
        if needed & gone:
            return True
        rows = sorted(needed, key=repr)
        for start in range(0, len(rows), _CHUNK):
            asked = [
                "EXISTS (SELECT 1 FROM %s AS t WHERE %s) AS e%d" % (qualified(*parent), condition, number)
                for number, values in enumerate(rows[start : start + _CHUNK])
                for condition in self._conditions(child, own, other, {values})
            ]
            if asked and not all(
                int(value) for value in self.connection.query("SELECT " + ", ".join(asked))[0].values()
            ):
                return True
        return False

    def _conditions(
        self, of: TableName, their: Sequence[str], asked: Sequence[str], rows: Iterable[Values]
    ) -> List[str]:
        """Conditions on columns of a table, for values of the columns of another that is known here."""
        columns = [self.tables[of][1].shape.columns[self._place(of, name)] for name in their]
        made = []
        for values in rows:
            pairs: List[Tuple[str, str]] = [
                (identifier(name), canonical.sql_literal(value, column))
                for name, value, column in zip(asked, values, columns)
            ]
            made.append("(%s)" % " AND ".join("t.%s = %s" % pair for pair in pairs))
        return [" OR ".join(made[start : start + _CHUNK]) for start in range(0, len(made), _CHUNK)]
