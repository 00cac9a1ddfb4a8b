# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads every definition of a donor, complete enough to make all of it again; what may not be read is an error."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from .._core import rebuild_objects as kinds
from .._core.errors import ReplicaError
from .._core.rebuild import MARKER_SCHEMA
from .._core.rebuild_objects import Definition
from .._core.statement import identifier, literal, qualified
from .compare_catalog import SYSTEM_SCHEMAS
from .connect import Connection

_OUTSIDE = "NOT IN (%s)" % ", ".join(literal(name) for name in (*SYSTEM_SCHEMAS, MARKER_SCHEMA))

_SCHEMAS = "SELECT SCHEMA_NAME AS s, '' AS n, 'schema' AS k FROM information_schema.SCHEMATA WHERE SCHEMA_NAME "
_TABLES = (
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS n, CASE TABLE_TYPE WHEN 'VIEW' THEN 'view' WHEN 'SEQUENCE' THEN 'sequence'"
    " ELSE 'table' END AS k FROM information_schema.TABLES WHERE TABLE_TYPE <> 'SYSTEM VIEW' AND TABLE_SCHEMA "
)
_ROUTINES = (
    "SELECT ROUTINE_SCHEMA AS s, ROUTINE_NAME AS n, LOWER(ROUTINE_TYPE) AS k FROM information_schema.ROUTINES"
    " WHERE ROUTINE_SCHEMA "
)
_TRIGGERS = (
    "SELECT TRIGGER_SCHEMA AS s, TRIGGER_NAME AS n, 'trigger' AS k FROM information_schema.TRIGGERS"
    " WHERE TRIGGER_SCHEMA "
)
_EVENTS = "SELECT EVENT_SCHEMA AS s, EVENT_NAME AS n, 'event' AS k FROM information_schema.EVENTS WHERE EVENT_SCHEMA "

# Triggers of one event and time run in their order, which is that of their making.
_LISTS: Tuple[Tuple[str, str], ...] = (
    (_SCHEMAS, "SCHEMA_NAME"),
    (_TABLES, "TABLE_SCHEMA, TABLE_NAME"),
    (_ROUTINES, "ROUTINE_SCHEMA, ROUTINE_TYPE, ROUTINE_NAME"),
    (_TRIGGERS, "TRIGGER_SCHEMA, ACTION_ORDER, TRIGGER_NAME"),
    (_EVENTS, "EVENT_SCHEMA, EVENT_NAME"),
)

_WORD = {kinds.SCHEMA: "DATABASE", kinds.PACKAGE_BODY: "PACKAGE BODY"}
_COLUMN = {
    kinds.SCHEMA: "Create Database",
    # MariaDB shows a sequence as a table does.
    kinds.SEQUENCE: "Create Table",
    kinds.PACKAGE: "Create Package",
    kinds.PACKAGE_BODY: "Create Package Body",
    kinds.TRIGGER: "SQL Original Statement",
}


def read(connection: Connection) -> Tuple[Definition, ...]:
    """All definitions outside the system schemas, in the order in which they can be made.

    :raises ReplicaError: one may not be read with this account; a copy without it would not be one.
    """
    found: List[Definition] = []
    for query, order in _LISTS:
        for row in connection.query("%s%s ORDER BY %s" % (query, _OUTSIDE, order)):
            found.append(_shown(connection, str(row["k"]), str(row["s"]), str(row["n"])))
    return tuple(found)


def one(connection: Connection, definition: Definition) -> Definition:
    """The definition of the same object as it is now."""
    return _shown(connection, definition.kind, definition.schema, definition.name)


def schemas(connection: Connection) -> Tuple[str, ...]:
    """The names of the schemas outside the system ones."""
    return tuple(str(row["s"]) for row in connection.query(_SCHEMAS + _OUTSIDE + " ORDER BY SCHEMA_NAME"))


def _shown(connection: Connection, kind: str, schema: str, name: str) -> Definition:
    word = _WORD.get(kind, kind.upper())
    target = identifier(schema) if kind == kinds.SCHEMA else qualified(schema, name)
    row = connection.one("SHOW CREATE %s %s" % (word, target)) or {}
    text = row.get(_COLUMN.get(kind, "Create %s" % word.capitalize()))
    if not text:
        raise ReplicaError(
            "read the definition of %s %s.%s" % (kind, schema, name),
            connection.address,
            "the account may not see it",
            "Give the account what docs/accounts.md lists for a rebuilder.",
        )
    return Definition(kind, schema, name, _text(text), _context(row))


def _context(row: Mapping[str, Any]) -> Dict[str, str]:
    return {name: str(row[name]) for name in kinds.CONTEXT if row.get(name) is not None}


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
