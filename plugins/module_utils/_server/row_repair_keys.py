# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign keys around rows that were written: row events neither check nor follow them, so that is done here."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Tuple

from .._core.binlog import canonical
from .._core.binlog.columns_info import ColumnInfo
from .._core.binlog.table_map import TableName
from .._core.row_repair_rows import Difference, Values
from .._core.statement import identifier, qualified
from .connect import Connection
from .row_repair_tables import Table

_KEYS = (
    "SELECT CONSTRAINT_SCHEMA AS k, CONSTRAINT_NAME AS n, TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c,"
    " REFERENCED_TABLE_SCHEMA AS rs, REFERENCED_TABLE_NAME AS rt, REFERENCED_COLUMN_NAME AS rc"
    " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL"
    " ORDER BY CONSTRAINT_SCHEMA, CONSTRAINT_NAME, ORDINAL_POSITION"
)
_CHUNK = 500

# Child and parent as the server spells them, and pairs of their columns.
ForeignKey = Tuple[TableName, TableName, List[Tuple[str, str]]]


def orphans(connection: Connection, written: Mapping[Table, Sequence[Difference]]) -> str:
    """The first foreign key that the written rows break, for people; '' when none is broken.

    Rows that reference a row which is not there any more, and written rows that reference one which is not there.
    """
    tables = {table.name: table for table in written}
    for child, parent, columns in foreign_keys(connection):
        conditions: List[str] = []
        if parent in tables:
            gone = [one.have for one in written[tables[parent]] if one.have is not None]
            conditions += _conditions(tables[parent], gone, columns)
        if child in tables:
            names = [tables[child].shape.columns[place].name for place in tables[child].shape.key]
            there = [one.wanted.values for one in written[tables[child]] if one.wanted.values is not None]
            conditions += _conditions(tables[child], there, [(name, name) for name in names])
        for start in range(0, len(conditions), _CHUNK):
            if _broken(connection, child, parent, columns, conditions[start : start + _CHUNK]):
                return "rows of %s.%s reference rows of %s.%s that are not there" % (*child, *parent)
    return ""


def foreign_keys(connection: Connection) -> List[ForeignKey]:
    """All foreign keys of a server."""
    found: Dict[Tuple[str, str, str], ForeignKey] = {}
    for row in connection.query(_KEYS):
        child, parent = TableName(str(row["s"]), str(row["t"])), TableName(str(row["rs"]), str(row["rt"]))
        key = found.setdefault((str(row["k"]), str(row["t"]), str(row["n"])), (child, parent, []))
        key[2].append((str(row["c"]), str(row["rc"])))
    return list(found.values())


def _conditions(table: Table, rows: Sequence[Values], pairs: Sequence[Tuple[str, str]]) -> List[str]:
    """Conditions on the child for each row: its columns have the row's values of the columns they stand for."""
    places: Dict[str, Tuple[int, ColumnInfo]] = {
        column.name.lower(): (place, column) for place, column in enumerate(table.shape.columns) if column.name
    }
    made = []
    for values in rows:
        terms = []
        for own, other in pairs:
            place, column = places[other.lower()]
            if values[place] is None:
                break
            terms.append("c.%s = %s" % (identifier(own), canonical.sql_literal(values[place], column)))
        else:
            made.append("(%s)" % " AND ".join(terms))
    return made


def _broken(
    connection: Connection,
    child: TableName,
    parent: TableName,
    columns: Sequence[Tuple[str, str]],
    conditions: Sequence[str],
) -> bool:
    given = " AND ".join("c.%s IS NOT NULL" % identifier(own) for own, _other in columns)
    same = " AND ".join("p.%s = c.%s" % (identifier(other), identifier(own)) for own, other in columns)
    sql = "SELECT 1 AS x FROM %s AS c WHERE (%s) AND %s AND NOT EXISTS (SELECT 1 FROM %s AS p WHERE %s) LIMIT 1" % (
        qualified(*child), " OR ".join(conditions), given, qualified(*parent), same,
    )  # fmt: skip
    return bool(connection.query(sql))
