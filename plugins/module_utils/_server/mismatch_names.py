# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables, triggers, routines, views and foreign keys of both servers, by which a statement's tables are known."""

from __future__ import annotations

from typing import Any, List, Optional, Set, Tuple

from .._core.mismatch_names import Body, Known
from . import compare_catalog as catalog
from .connect import Connection

_OUTSIDE = "NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')"
_BODIES = (
    (
        "trigger",
        "SELECT EVENT_OBJECT_SCHEMA AS s, EVENT_OBJECT_TABLE AS n, ACTION_STATEMENT AS t"
        " FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA ",
    ),
    (
        "routine",
        "SELECT ROUTINE_SCHEMA AS s, ROUTINE_NAME AS n, ROUTINE_DEFINITION AS t"
        " FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA ",
    ),
    (
        "view",
        "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS n, VIEW_DEFINITION AS t"
        " FROM information_schema.VIEWS WHERE TABLE_SCHEMA ",
    ),
)


def known(*connections: Connection) -> Known:
    """What these servers have, together.

    :raises ServerError: one does not answer.
    """
    tables: Set[Tuple[str, str]] = set()
    bodies: List[Body] = []
    keys: List[Tuple[Tuple[str, str], Tuple[str, str]]] = []
    for connection in connections:
        tables |= set(catalog.tables(connection))
        keys += [pair for pair in catalog.foreign_keys(connection) if pair not in keys]
        for kind, query in _BODIES:
            for row in connection.query(query + _OUTSIDE):
                body = Body(kind, str(row["s"]), str(row["n"]), _text(row["t"]))
                if body not in bodies:
                    bodies.append(body)
    return Known(frozenset(tables), tuple(bodies), tuple(keys))


def _text(value: Any) -> Optional[str]:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value) if value else None
