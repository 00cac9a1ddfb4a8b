# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small tables that cannot be read by a key in order: all rows of both sides are held at once."""

from __future__ import annotations

from contextlib import suppress
from typing import List

from .._core.binlog import canonical
from .._core.binlog import layout as layouts
from .._core.binlog.table_map import TableName
from .._core.compare_rows import Table as Compared
from .._core.errors import ServerError
from .._core.row_repair_map import made
from .._core.row_repair_rows import Shape, Values
from .._core.statement import identifier, qualified
from .._core.table_repair import WITHOUT_ORDER
from .compare_side import Side
from .connect import Connection
from .row_repair_tables import Table, side

MANY = "it has no key that rows can be read by in order, and more than %d rows"
_TOO_LARGE = 1301


def keyless(connection: Connection, described: Compared, mariadb: bool) -> Table:
    """A table of the replica without a primary key.

    :raises ValueError: its rows cannot be written as row events.
    """
    columns = side(connection, described.schema, described.name)[0]
    nullable = [column.nullable for column in described.columns]
    table_map = made(described.schema, described.name, columns, nullable, mariadb)
    layout = layouts.from_schema(table_map, columns, (), mariadb)
    if layout is None:
        raise ValueError("its columns are not those that row events have")
    compared = tuple(place for place, column in enumerate(columns) if column.generated != "VIRTUAL")
    shape = Shape(table_map.type_codes, layout.columns, ())
    return Table(TableName(described.schema, described.name), table_map, shape, len(columns), compared)


def all_rows(from_side: Side, table: Table, most: int = WITHOUT_ORDER) -> List[Values]:
    """All rows of a table as canonical values.

    :raises ValueError: there are too many, or a value cannot be read.
    :raises ServerError: the statement failed.
    """
    columns = table.shape.columns[: table.listed]
    parsers = [("c%d" % place, canonical.parser(column)) for place, column in enumerate(columns)]
    expressions = ", ".join(
        "%s AS c%d" % (canonical.select_expression(column, "t.%s" % identifier(column.name)), place)
        for place, column in enumerate(columns)
    )
    statement = "SELECT %s FROM %s AS t LIMIT %d" % (expressions, qualified(*table.name), most + 1)
    connection = from_side.connection
    if from_side.view:
        connection.execute("SAVEPOINT chunk")
    try:
        found = connection.query(statement)
        if any(number == _TOO_LARGE for number, _text in connection.warnings()):
            raise ValueError("a value is longer than max_allowed_packet")
    finally:
        if from_side.view:
            with suppress(ServerError):  # after an error, that one is the one to show
                connection.execute("ROLLBACK TO SAVEPOINT chunk")
    if len(found) > most:
        raise ValueError(MANY % most)
    return [tuple(parse(row[name]) for name, parse in parsers) for row in found]
