# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tables a server has, their columns, keys and definitions, and its views, routines, triggers and events."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._core import grants
from .._core.compare_columns import Column, has_sha1
from .._core.compare_rows import Table, choose_key
from .._core.errors import ServerError
from .._core.statement import identifier, literal, qualified
from .connect import Connection

SYSTEM_SCHEMAS = ("information_schema", "mysql", "ndbinfo", "performance_schema", "sys")

OUTSIDE = "NOT IN (%s)" % ", ".join(literal(name) for name in SYSTEM_SCHEMAS)
_TABLES = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES"
    " WHERE TABLE_TYPE <> 'VIEW' AND TABLE_SCHEMA " + OUTSIDE
)
_COLUMNS = (
    "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_OCTET_LENGTH, CHARACTER_SET_NAME, COLLATION_NAME,"
    " IS_NULLABLE, EXTRA FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    " ORDER BY ORDINAL_POSITION"
)
_KEYS = (
    "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s"
    " AND TABLE_NAME = %s AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX"
)
_FOREIGN_KEYS = (
    "SELECT DISTINCT TABLE_SCHEMA AS s, TABLE_NAME AS t, REFERENCED_TABLE_SCHEMA AS rs, REFERENCED_TABLE_NAME AS rt"
    " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL AND TABLE_SCHEMA " + OUTSIDE
)

NO_GRANT_TABLES = 1290

Pair = Tuple[str, str]

# Kind, the query that lists them (schema, name), the statement that shows one, and its column with the text.
_OBJECTS = (
    ("view", "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS n FROM information_schema.VIEWS WHERE TABLE_SCHEMA ", "VIEW"),
    (
        "procedure",
        "SELECT ROUTINE_SCHEMA AS s, ROUTINE_NAME AS n FROM information_schema.ROUTINES"
        " WHERE ROUTINE_TYPE = 'PROCEDURE' AND ROUTINE_SCHEMA ",
        "PROCEDURE",
    ),
    (
        "function",
        "SELECT ROUTINE_SCHEMA AS s, ROUTINE_NAME AS n FROM information_schema.ROUTINES"
        " WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA ",
        "FUNCTION",
    ),
    (
        "trigger",
        "SELECT TRIGGER_SCHEMA AS s, TRIGGER_NAME AS n FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA ",
        "TRIGGER",
    ),
    ("event", "SELECT EVENT_SCHEMA AS s, EVENT_NAME AS n FROM information_schema.EVENTS WHERE EVENT_SCHEMA ", "EVENT"),
)


def tables(connection: Connection) -> Dict[Pair, Table]:
    """Every table outside the system schemas, without its columns. Views are not tables here."""
    found: Dict[Pair, Table] = {}
    for row in connection.query(_TABLES):
        table = Table(
            str(row["TABLE_SCHEMA"]), str(row["TABLE_NAME"]), str(row["TABLE_TYPE"]), str(row["ENGINE"] or "")
        )
        found[table.schema, table.name] = table
    return found


def visible(connection: Connection) -> grants.Grants:
    """What the account of this connection may see."""
    try:
        rows = connection.query("SHOW GRANTS")
    except ServerError as error:
        if error.number == NO_GRANT_TABLES:
            return grants.EVERYTHING
        raise
    return grants.parse(_text(value) for row in rows for value in row.values())


def folds_names(connection: Connection) -> bool:
    """Whether the server compares names of schemas and tables without regard to case."""
    row = connection.one("SELECT @@GLOBAL.lower_case_table_names AS folds") or {}
    return str(row.get("folds")) != "0"


def foreign_keys(connection: Connection) -> List[Tuple[Pair, Pair]]:
    """The table that has a foreign key and the one it references, for each.

    From KEY_COLUMN_USAGE, because MariaDB leaves REFERENTIAL_CONSTRAINTS empty for an account that may only SELECT
    (measured on 10.11 and 11.8).
    """
    return [
        ((str(row["s"]), str(row["t"])), (str(row["rs"]), str(row["rt"]))) for row in connection.query(_FOREIGN_KEYS)
    ]


def describe(connection: Connection, table: Table) -> Table:
    """The table with its columns and key."""
    where = (table.schema, table.name)
    columns = tuple(_column(row) for row in connection.query(_COLUMNS, where))
    keys: Dict[str, List[Mapping[str, Any]]] = {}
    for row in connection.query(_KEYS, where):
        keys.setdefault(str(row["INDEX_NAME"]), []).append(row)
    sha1 = has_sha1(connection.driver.get_server_info())
    return Table(table.schema, table.name, table.kind, table.engine, columns, choose_key(columns, keys), sha1)


def _column(row: Mapping[str, Any]) -> Column:
    length = row["CHARACTER_OCTET_LENGTH"]
    return Column(
        name=str(row["COLUMN_NAME"]),
        data_type=str(row["DATA_TYPE"]).lower(),
        column_type=_text(row["COLUMN_TYPE"]),
        length=None if length is None else int(length),
        charset=str(row["CHARACTER_SET_NAME"] or ""),
        collation=str(row["COLLATION_NAME"] or ""),
        nullable=str(row["IS_NULLABLE"]).upper() != "NO",
        virtual="VIRTUAL" in str(row["EXTRA"] or "").upper(),
    )


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def definition(connection: Connection, table: Table) -> str:
    """The answer to SHOW CREATE TABLE."""
    row = connection.one("SHOW CREATE TABLE %s" % qualified(table.schema, table.name)) or {}
    return _text(row.get("Create Table") or row.get("Create Sequence") or "")


def schema_options(connection: Connection) -> Dict[str, str]:
    """Default character set and collation of each schema outside the system ones."""
    rows = connection.query(
        "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME AS c, DEFAULT_COLLATION_NAME AS k"
        " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME " + OUTSIDE
    )
    return {
        "schema %s" % row["SCHEMA_NAME"]: ("%s %s" % (row["c"], row["k"])).replace("utf8mb3", "utf8") for row in rows
    }


def objects(connection: Connection) -> Dict[str, Optional[str]]:
    """Definitions of schemas, views, routines, triggers and events, by label; None for one that may not be read.

    The state of an event is left out: a replica disables its copy, so that it runs on the source only.
    """
    found: Dict[str, Optional[str]] = dict(schema_options(connection))
    for kind, query, word in _OBJECTS:
        for row in connection.query(query + OUTSIDE):
            schema, name = str(row["s"]), str(row["n"])
            found["%s %s.%s" % (kind, schema, name)] = _shown(connection, word, schema, name)
    return found


def _shown(connection: Connection, word: str, schema: str, name: str) -> Optional[str]:
    try:
        row = connection.one("SHOW CREATE %s %s.%s" % (word, identifier(schema), identifier(name))) or {}
    except ServerError:
        return None
    key = "SQL Original Statement" if word == "TRIGGER" else "Create %s" % word.capitalize()
    value = row.get(key)
    if value is None:
        return None
    text = " ".join(_text(value).split())
    for state in (" DISABLE ON SLAVE", " DISABLE ON REPLICA", " ENABLE", " DISABLE"):
        if word == "EVENT":
            text = text.replace(state, "", 1)
    return "%s [sql_mode %s]" % (text, row.get("sql_mode") or "")
