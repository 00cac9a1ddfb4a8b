# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables that row events of a source are about, as the replica has them: how their rows are read and written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Callable, Collection, Dict, FrozenSet, List, Mapping, Optional, Set, Tuple

from .._core.binlog import layout as layouts
from .._core.binlog import row_bytes
from .._core.binlog.columns_info import ColumnInfo
from .._core.binlog.columns_schema import COLUMNS_QUERY, column_info
from .._core.binlog.table_map import TableMap, TableName
from .._core.row_repair_alter import alter
from .._core.row_repair_map import made
from .._core.row_repair_rows import ALL, NO_KEY, Shape
from .._core.snapshot import Server
from .._core.statement import qualified
from . import compare_catalog
from .connect import Connection

_KEY = (
    "SELECT COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    " AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX"
)
_TABLES = (
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, TABLE_TYPE AS k FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
)
_TRIGGERS = "SELECT EVENT_OBJECT_SCHEMA AS s, EVENT_OBJECT_TABLE AS t FROM information_schema.TRIGGERS"
_HARMLESS = (
    "SELECT CONSTRAINT_SCHEMA AS s, TABLE_NAME AS t, COUNT(*) AS n FROM information_schema.REFERENTIAL_CONSTRAINTS"
    " WHERE DELETE_RULE IN ('RESTRICT', 'NO ACTION') AND UPDATE_RULE IN ('RESTRICT', 'NO ACTION')"
    " GROUP BY CONSTRAINT_SCHEMA, TABLE_NAME"
)
_CONSTRAINTS = (
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COUNT(DISTINCT CONSTRAINT_NAME) AS n"
    " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL"
    " GROUP BY TABLE_SCHEMA, TABLE_NAME"
)
_REFERENCES = (
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, REFERENCED_TABLE_SCHEMA AS rs, REFERENCED_TABLE_NAME AS rt,"
    " REFERENCED_COLUMN_NAME AS c FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL"
)
_NULLABLE = (
    "SELECT IS_NULLABLE AS N FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    " ORDER BY ORDINAL_POSITION"
)
_ENGINES = (
    "SELECT t.TABLE_SCHEMA AS s, t.TABLE_NAME AS t FROM information_schema.TABLES AS t"
    " JOIN information_schema.ENGINES AS e ON e.ENGINE = t.ENGINE"
    " WHERE t.TABLE_SCHEMA IN (%s) AND COALESCE(e.TRANSACTIONS, 'NO') <> 'YES'"
)
_WIDTH = re.compile(r"\b((?:tiny|small|medium|big)?int|year)\(\d+\)")

DIFFERS = "the source defines it otherwise than the replica"
CASCADES = "a foreign key may have changed its rows without a word in the binlog, as rows of %s changed"
TRIGGERS = "it has triggers, and this server runs triggers for row events (slave_run_triggers_for_rbr)"


@dataclass(frozen=True)
class Table:
    """A table of the replica and how its rows stand in the source's binlog.

    :param name: as the replica spells it.
    :param listed: so many columns, the first ones, can be selected.
    :param compared: positions of those that count: all but VIRTUAL ones, which are made from others.
    """

    name: TableName
    map: TableMap
    shape: Shape
    listed: int
    compared: Tuple[int, ...]


class Tables:
    """Tables, read when a table map first names them.

    ``silent`` says why the rows of a table are no use, by its name as `spell` gives it. ``redefined`` gives the tables
    that the source defines anew behind the rows that are read, so that its definition of today says nothing of them.
    """

    def __init__(self, replica: Connection, source: Connection, server: Server) -> None:
        self.replica, self.source = replica, source
        self.mariadb = server.flavour.is_mariadb
        self.folds = compare_catalog.folds_names(replica) or compare_catalog.folds_names(source)
        self.runs_triggers = server.variable("slave_run_triggers_for_rbr", "NO").upper() not in ("NO", "")
        self.known: Dict[TableName, Table] = {}
        self.silent: Dict[TableName, str] = {}
        self._triggered: Optional[FrozenSet[TableName]] = None
        self._made: Set[TableName] = set()
        self.redefined: Callable[[], FrozenSet[TableName]] = frozenset

    def spell(self, name: str) -> str:
        """A name of a schema or table as it is called here."""
        return name.casefold() if self.folds else name

    def pair(self, schema: str, name: str) -> TableName:
        """A table as it is called here."""
        return TableName(self.spell(schema), self.spell(name))

    def shape(self, name: TableName) -> Optional[Shape]:
        """How the rows of a table stand in the binlog; None when they are no use."""
        found = self.known.get(self.pair(name.schema, name.name))
        return found.shape if found is not None else None

    def layout(self, table: TableMap) -> Optional[row_bytes.KeepingLayout]:
        """How to decode the rows of a table map; None when they are no use, and `silent` says why."""
        pair = self.pair(table.schema, table.table)
        try:
            layout, read = self._read(table)
        except ValueError as error:
            self.silent.setdefault(pair, str(error))
            self.known.pop(pair, None)
            return None
        earlier = self.known.get(pair)
        if earlier is not None and pair not in self._made and earlier.shape != read.shape:
            self.silent.setdefault(pair, "its columns change within the transactions")
        self.known[pair] = read
        self._made.discard(pair)
        return row_bytes.keeping(layout, table.type_codes)

    def _read(self, table: TableMap) -> Tuple[layouts.TableLayout, Table]:
        """Raises ValueError with the reason why the table's rows are no use."""
        schema, name, kind = self._real(self.replica, table.schema, table.table)
        if kind != "BASE TABLE":
            raise ValueError("it is no plain table (%s)" % kind.lower())
        columns, key = side(self.replica, schema, name)
        why = self._unlike_source(table, columns, key)
        if why and self.pair(schema, name) not in self.redefined():
            raise ValueError(why)
        if not key:
            raise ValueError(NO_KEY)
        layout = layouts.from_schema(table, columns, key, self.mariadb)
        if layout is None:
            why = layouts.misfit(table, columns)
            raise ValueError("its columns are not those of the binlog: %s" % (why or "their number differs"))
        names = table.optional.names if table.optional is not None else None
        if names is not None and [n.lower() for n in names[: len(columns)]] != [c.name.lower() for c in columns]:
            raise ValueError("its columns have other names in the binlog")
        if self.runs_triggers and TableName(schema, name) in self._with_triggers():
            raise ValueError(TRIGGERS)
        shape = Shape(table.type_codes, layout.columns, layout.primary_key)
        compared = tuple(place for place, column in enumerate(columns) if column.generated != "VIRTUAL")
        on_replica = replace(table, schema=schema, table=name)
        return layout, Table(TableName(schema, name), on_replica, shape, len(columns), compared)

    def _unlike_source(self, table: TableMap, columns: Tuple[ColumnInfo, ...], key: Tuple[str, ...]) -> str:
        try:
            real = self._real(self.source, table.schema, table.table)
            if _plain(columns, key) == _plain(*side(self.source, real[0], real[1])):
                return ""
            return DIFFERS + self._alter(table, real[0], real[1])
        except ValueError as error:
            return str(error)

    def _alter(self, table: TableMap, schema: str, name: str) -> str:
        mine = self._real(self.replica, table.schema, table.table)
        made = alter(mine[0], mine[1], _definition(self.replica, *mine[:2]), _definition(self.source, schema, name))
        return " (to make it the same: %s)" % made if made else ""

    def plain(self, schema: str, name: str) -> Optional[Table]:
        """A table, also one that no table map has named; None when its rows are no use, and `silent` says why."""
        pair = self.pair(schema, name)
        if pair not in self.known and pair not in self.silent:
            try:
                real = self._real(self.replica, schema, name)[:2]
                columns = side(self.replica, *real)[0]
                nullable = [str(row["N"]).upper() == "YES" for row in self.replica.query(_NULLABLE, real)]
                self.known[pair] = self._read(made(*real, columns, nullable, self.mariadb))[1]
                self._made.add(pair)
            except ValueError as error:
                self.silent[pair] = str(error)
        return None if pair in self.silent else self.known.get(pair)

    def _real(self, connection: Connection, schema: str, name: str) -> Tuple[str, str, str]:
        where = "the replica" if connection is self.replica else "the source"
        for row in connection.query(_TABLES, (schema,)):
            if self.pair(str(row["s"]), str(row["t"])) == self.pair(schema, name):
                return str(row["s"]), str(row["t"]), str(row["k"])
        raise ValueError("%s has no such table, or the account may not see it" % where)

    def _with_triggers(self) -> FrozenSet[TableName]:
        if self._triggered is None:
            rows = self.replica.query(_TRIGGERS)
            self._triggered = frozenset(TableName(str(row["s"]), str(row["t"])) for row in rows)
        return self._triggered

    def cascaded(self, moved: Mapping[TableName, Set[str]]) -> Dict[TableName, str]:
        """Tables whose rows a foreign key of either side may have changed, because referenced values changed or went.

        :param moved: the columns that changed, by table; ALL when rows were deleted.
        """
        keys: List[Tuple[TableName, TableName, str]] = []
        for connection in (self.replica, self.source):
            risky = self.risky(connection)
            for row in connection.query(_REFERENCES):
                child = self.pair(str(row["s"]), str(row["t"]))
                if child in risky:
                    keys.append((child, self.pair(str(row["rs"]), str(row["rt"])), str(row["c"]).lower()))
        found: Dict[TableName, str] = {}
        reached = {table: set(columns) for table, columns in moved.items()}
        grown = True
        while grown:
            grown = False
            for child, parent, column in keys:
                if child not in found and reached.get(parent, set()) & {column, ALL}:
                    found[child] = CASCADES % ("%s.%s" % parent)
                    reached[child] = {ALL}
                    grown = True
        return found

    def risky(self, connection: Connection) -> Set[TableName]:
        """Children of foreign keys of which it is not certain that they only refuse.

        MariaDB hides the rules from an account that may only SELECT: what is not listed is not known.
        """
        harmless = {self.pair(str(r["s"]), str(r["t"])): int(r["n"]) for r in connection.query(_HARMLESS)}
        every = {self.pair(str(r["s"]), str(r["t"])): int(r["n"]) for r in connection.query(_CONSTRAINTS)}
        return {child for child, count in every.items() if harmless.get(child, 0) < count}


def _definition(connection: Connection, schema: str, name: str) -> str:
    row = connection.one("SHOW CREATE TABLE %s" % qualified(schema, name)) or {}
    return str(row.get("Create Table", ""))


def side(connection: Connection, schema: str, name: str) -> Tuple[Tuple[ColumnInfo, ...], Tuple[str, ...]]:
    """Columns and primary key of a table. Raises ValueError when the key has only the beginning of a column."""
    columns = tuple(column_info(row) for row in connection.query(COLUMNS_QUERY, (schema, name)))
    rows = connection.query(_KEY, (schema, name))
    if any(row["SUB_PART"] is not None for row in rows):
        raise ValueError("its primary key has only the beginning of a column")
    return columns, tuple(str(row["COLUMN_NAME"]) for row in rows)


def _plain(columns: Tuple[ColumnInfo, ...], key: Tuple[str, ...]) -> Tuple[object, ...]:
    """What both sides must have in common, without what versions spell otherwise."""
    return (
        tuple(
            (
                column.name.lower(),
                _WIDTH.sub(r"\1", column.column_type.lower()),
                column.charset.replace("utf8mb3", "utf8"),
                column.collation.replace("utf8mb3", "utf8"),
                column.generated,
            )
            for column in columns
        ),
        tuple(name.lower() for name in key),
    )


def without_transactions(connection: Connection, names: Collection[TableName]) -> Set[TableName]:
    """Those of the tables whose engine has no transactions: what is written to them is not rolled back."""
    schemas = sorted({name.schema for name in names})
    if not schemas:
        return set()
    found = connection.query(_ENGINES % ", ".join(["%s"] * len(schemas)), schemas)
    return {TableName(str(row["s"]), str(row["t"])) for row in found}.intersection(names)
