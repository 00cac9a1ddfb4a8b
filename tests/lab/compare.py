# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare two servers: every definition and every row of every schema that is not the server's own.

This is the judge of the repair tests, so it shares no code with the collection and compares bytes, not values.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import pymysql
import pymysql.cursors

from .server import Server

SYSTEM_SCHEMAS = ("mysql", "information_schema", "performance_schema", "sys")
MAX_DIFFERENCES = 20
_CHUNK = 2000
_CREATE_COLUMN = (
    "Create Table",
    "Create View",
    "SQL Original Statement",
    "Create Procedure",
    "Create Function",
    "Create Event",
    "Create Package",
    "Create Package Body",
)

_NUMBERS = frozenset(("bit", "tinyint", "smallint", "mediumint", "int", "bigint", "year", "decimal"))
_SHAPES = frozenset(
    (
        "geometry",
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geomcollection",
        "geometrycollection",
    )
)

Rows = Iterator[Tuple[Any, ...]]


def _connect(server: Server) -> pymysql.connections.Connection[Any]:
    connection = server.connect("root", charset="utf8mb4", cursorclass=pymysql.cursors.Cursor, read_timeout=300)
    with connection.cursor() as cursor:
        cursor.execute(
            "SET SESSION sql_mode = '', time_zone = '+00:00', sql_quote_show_create = 1, lock_wait_timeout = 20"
        )
    return connection


def _all(connection: pymysql.connections.Connection[Any], sql: str, args: Any = None) -> List[Tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, args)
        return list(cursor.fetchall())


def _name(*parts: str) -> str:
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def _without_counter(definition: str) -> str:
    # The next AUTO_INCREMENT value differs after a crash or a deleted row and is no part of the definition.
    return re.sub(r" AUTO_INCREMENT=\d+", "", definition)


def _objects(connection: pymysql.connections.Connection[Any]) -> Dict[Tuple[str, str, str], str]:
    """Return every object's kind, schema and name, with the statement that shows its definition."""
    marks = ", ".join(["%s"] * len(SYSTEM_SCHEMAS))
    found: Dict[Tuple[str, str, str], str] = {}
    for schema, table, kind in _all(
        connection,
        "SELECT table_schema, table_name, table_type FROM information_schema.tables "
        f"WHERE table_schema NOT IN ({marks})",
        SYSTEM_SCHEMAS,
    ):
        word = "VIEW" if kind == "VIEW" else "SEQUENCE" if kind == "SEQUENCE" else "TABLE"
        found[(word.lower(), schema, table)] = f"SHOW CREATE {word} {_name(schema, table)}"
    for schema, name, kind in _all(
        connection,
        "SELECT routine_schema, routine_name, routine_type FROM information_schema.routines "
        f"WHERE routine_schema NOT IN ({marks})",
        SYSTEM_SCHEMAS,
    ):
        found[(kind.lower(), schema, name)] = f"SHOW CREATE {kind} {_name(schema, name)}"
    for schema, name in _all(
        connection,
        f"SELECT trigger_schema, trigger_name FROM information_schema.triggers WHERE trigger_schema NOT IN ({marks})",
        SYSTEM_SCHEMAS,
    ):
        found[("trigger", schema, name)] = f"SHOW CREATE TRIGGER {_name(schema, name)}"
    for schema, name in _all(
        connection,
        f"SELECT event_schema, event_name FROM information_schema.events WHERE event_schema NOT IN ({marks})",
        SYSTEM_SCHEMAS,
    ):
        found[("event", schema, name)] = f"SHOW CREATE EVENT {_name(schema, name)}"
    return found


def _definition(connection: pymysql.connections.Connection[Any], kind: str, sql: str) -> str:
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql)
        except pymysql.MySQLError as error:
            return f"error {error.args[0]}"  # a view whose table is gone is a definition too
        row = cursor.fetchone()
        columns = [column[0] for column in cursor.description or ()]
    if row is None:
        return ""
    # Session-dependent columns (the client's character set) are left out; sql_mode is part of the definition.
    shown = [str(value) for column, value in zip(columns, row) if column in _CREATE_COLUMN or column == "sql_mode"]
    text = "\n".join(shown)
    if kind == "event":
        # A replica shows SLAVESIDE_DISABLED / DISABLE ON REPLICA for what the source has enabled.
        text = re.sub(r"\b(ENABLE|DISABLE ON (SLAVE|REPLICA))\b", "ENABLE", text)
    return _without_counter(text)


def _schemas(connection: pymysql.connections.Connection[Any]) -> Dict[str, str]:
    rows = _all(
        connection,
        "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata",
    )
    return {row[0]: f"{row[1]} {row[2]}" for row in rows if row[0] not in SYSTEM_SCHEMAS}


def _columns(connection: pymysql.connections.Connection[Any], schema: str, table: str) -> List[Tuple[str, str, str]]:
    """Return name, type and extra of the stored columns in order."""
    rows = _all(
        connection,
        "SELECT column_name, data_type, extra FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
        (schema, table),
    )
    return [(row[0], row[1].lower(), row[2].upper()) for row in rows]


def _key(connection: pymysql.connections.Connection[Any], schema: str, table: str) -> List[str]:
    rows = _all(
        connection,
        "SELECT column_name FROM information_schema.statistics WHERE table_schema = %s "
        "AND table_name = %s AND index_name = 'PRIMARY' ORDER BY seq_in_index",
        (schema, table),
    )
    return [row[0] for row in rows]


def _expression(name: str, kind: str) -> str:
    """Return SQL that gives a column's stored value as bytes: no rounding, no collation, sorted as bytes."""
    column = _name(name)
    if kind in ("float", "double"):
        text = f"CAST({column} + 0e0 AS CHAR)"  # a float's own text hides bits, as a double it shows them
    elif kind in _NUMBERS:
        text = f"CAST({column} + 0 AS CHAR)"
    elif kind in ("date", "datetime", "timestamp", "time", "json"):
        text = f"CAST({column} AS CHAR)"
    elif kind in _SHAPES:
        text = f"HEX(ST_AsWKB({column}))"
    else:
        text = f"HEX({column})"
    return f"CAST({text} AS BINARY)"


def _rows(
    connection: pymysql.connections.Connection[Any],
    schema: str,
    table: str,
    columns: Sequence[Tuple[str, str, str]],
    order: str,
) -> Rows:
    shown = ", ".join(_expression(name, kind) for name, kind, _unused in columns)
    cursor = connection.cursor(pymysql.cursors.SSCursor)
    try:
        cursor.execute(f"SELECT {shown} FROM {_name(schema, table)} ORDER BY {order}")
        while True:
            batch = cursor.fetchmany(_CHUNK)
            if not batch:
                return
            yield from batch
    finally:
        cursor.close()


def _order(columns: Sequence[Tuple[str, str, str]], key: Sequence[str]) -> Tuple[str, List[int]]:
    """Return the ORDER BY list and the places of its columns; rows without a key are sorted by all columns."""
    names = [name for name, _unused, _unused in columns]
    places = [names.index(name) for name in key] if key else list(range(len(columns)))
    return ", ".join(f"{place + 1}" for place in places), places


def _shown(columns: Sequence[Tuple[str, str, str]], row: Sequence[Any]) -> str:
    return ", ".join(f"{name}={_value(kind, value)}" for (name, kind, _unused), value in zip(columns, row))


def _value(kind: str, value: Any) -> str:
    """Return a value for a person: what was compared as hexadecimal is shown as text where it is text."""
    if value is None:
        return "NULL"
    text = bytes(value).decode("ascii", "replace")
    if kind in ("char", "varchar", "text", "tinytext", "mediumtext", "longtext", "enum", "set"):
        return repr(bytes.fromhex(text).decode("utf-8", "replace"))
    return text


def _sort_key(row: Sequence[Any], places: Sequence[int]) -> Tuple[Tuple[bool, bytes], ...]:
    return tuple((row[place] is not None, bytes(row[place] or b"")) for place in places)


def _compare_rows(
    one: Rows,
    two: Rows,
    where: str,
    columns: Sequence[Tuple[str, str, str]],
    places: Sequence[int],
    names: Tuple[str, str],
    limit: int,
) -> List[str]:
    found: List[str] = []
    left: Optional[Tuple[Any, ...]] = next(one, None)
    right: Optional[Tuple[Any, ...]] = next(two, None)
    while (left is not None or right is not None) and len(found) < limit:
        if left == right:
            left, right = next(one, None), next(two, None)
            continue
        left_key = _sort_key(left, places) if left is not None else None
        right_key = _sort_key(right, places) if right is not None else None
        if left is not None and right is not None and left_key == right_key:
            changed = [
                f"{column[0]}: {_value(column[1], a)} / {_value(column[1], b)}"
                for column, a, b in zip(columns, left, right)
                if a != b
            ]
            at = _shown([columns[place] for place in places], [left[place] for place in places])
            found.append(f"row of {where} differs at {at}: {'; '.join(changed)}")
            left, right = next(one, None), next(two, None)
        elif right_key is None or (left_key is not None and left_key < right_key):
            assert left is not None
            found.append(f"row of {where} only on {names[0]}: {_shown(columns, left)}")
            left = next(one, None)
        else:
            assert right is not None
            found.append(f"row of {where} only on {names[1]}: {_shown(columns, right)}")
            right = next(two, None)
    return found


def _definitions(
    a: pymysql.connections.Connection[Any],
    b: pymysql.connections.Connection[Any],
    names: Tuple[str, str],
    ignore: Sequence[str],
) -> Tuple[List[str], List[Tuple[str, str]]]:
    """Return the differences of definitions, and the tables that both have."""
    found: List[str] = []
    one_schemas, two_schemas = _schemas(a), _schemas(b)
    for schema in sorted(set(one_schemas) | set(two_schemas)):
        if schema not in ignore and one_schemas.get(schema) != two_schemas.get(schema):
            found.append(
                f"schema {schema}: {one_schemas.get(schema, 'absent')} on {names[0]}, "
                f"{two_schemas.get(schema, 'absent')} on {names[1]}"
            )
    one, two = _objects(a), _objects(b)
    tables = []
    for item in sorted(set(one) | set(two)):
        kind, schema, name = item
        if schema in ignore:
            continue
        if item not in one or item not in two:
            found.append(f"{kind} {schema}.{name} only on {names[0] if item in one else names[1]}")
            continue
        left, right = _definition(a, kind, one[item]), _definition(b, kind, two[item])
        if left != right:
            found.append(f"{kind} {schema}.{name} is defined differently:\n{names[0]}: {left}\n{names[1]}: {right}")
        if kind == "table":
            tables.append((schema, name))
    return found, tables


def compare(a: Server, b: Server, limit: int = MAX_DIFFERENCES, ignore: Sequence[str] = ()) -> List[str]:
    """Return the first differences between two servers in words; an empty list means equal.

    Both must be at rest (see ``Lab.wait_in_sync``): a change on its way is reported as a difference.

    :param limit: how many differences are enough
    :param ignore: schemas that are left out
    """
    names = (a.name, b.name)
    one, two = _connect(a), _connect(b)
    try:
        found, tables = _definitions(one, two, names, ignore)
        for schema, table in tables:
            if len(found) >= limit:
                break
            columns, others = _columns(one, schema, table), _columns(two, schema, table)
            if [column[0] for column in columns] != [column[0] for column in others]:
                found.append(f"table {schema}.{table}: columns differ, rows not compared")
                continue
            order, places = _order(columns, _key(one, schema, table))
            found += _compare_rows(
                _rows(one, schema, table, columns, order),
                _rows(two, schema, table, others, order),
                f"{schema}.{table}",
                columns,
                places,
                names,
                limit - len(found),
            )
    finally:
        one.close()
        two.close()
    return found[:limit]
