# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables that a replica lacks: what the source shows of them, whether they became that, and taking them back."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from .._core import table_repair_make as make
from .._core.errors import RefusedError, ReplicaError, ServerError
from .._core.plan import Step
from .._core.row_repair_steps import Look
from .._core.statement import identifier, qualified
from .._core.table_repair_make import Making, Trigger
from .change import Target
from .connect import Connection

_TRIGGERS = (
    "SELECT TRIGGER_NAME AS n FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = %s"
    " AND EVENT_OBJECT_TABLE = %s ORDER BY EVENT_MANIPULATION, ACTION_TIMING, ACTION_ORDER"
)
_SCHEMA = "SELECT 1 AS there FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"


def making(source: Connection, replica: Connection, pair: Tuple[str, str], definition: str) -> Making:
    """How a table is made as the source shows it, with its triggers and, where that is missing, its schema.

    :raises ValueError: the source shows no plain definition.
    :raises ServerError: it does not show one.
    """
    schema = ""
    if replica.one(_SCHEMA, (pair[0],)) is None:
        row = source.one("SHOW CREATE DATABASE %s" % identifier(pair[0])) or {}
        schema = str(row.get("Create Database") or "")
    return Making(pair, make.creation(pair, definition), definition, tuple(_triggers(source, pair)), schema)


def _triggers(source: Connection, pair: Tuple[str, str]) -> List[Trigger]:
    found: List[Trigger] = []
    for name in source.query(_TRIGGERS, pair):
        row = source.one("SHOW CREATE TRIGGER %s" % qualified(pair[0], str(name["n"]))) or {}
        text, charset = str(row.get("SQL Original Statement") or ""), str(row.get("character_set_client") or "")
        if not text:
            raise ValueError("the account may not see its trigger %s" % name["n"])
        if not text.isascii() and not charset.startswith("utf8"):
            raise ValueError("its trigger %s is written in %s" % (name["n"], charset))
        found.append(Trigger(text, str(row["sql_mode"]), charset, str(row["collation_connection"])))
    return found


def steps(aim: Target, tables: Sequence[Making]) -> Tuple[Step, ...]:
    """The steps that make them, each looked at once it is there."""
    return make.steps(tables, aim.server, [_look(aim, table) for table in tables])


def _look(aim: Target, table: Making) -> Look:
    def look() -> None:
        row = aim.connection.one("SHOW CREATE TABLE %s" % qualified(*table.pair)) or {}
        unlike = make.unlike(table.definition, str(row.get("Create Table") or ""))
        if unlike:
            raise RefusedError(
                "make %s.%s" % table.pair,
                aim.server.address,
                "it does not become what it is on the source (%s)" % unlike,
            )

    return Look("", shown="SHOW CREATE TABLE %s" % qualified(*table.pair), look=look)


def take_back(connection: Connection, aim: Target, tables: Sequence[Making], error: ReplicaError) -> ReplicaError:
    """Take away what was made when not all of it went well; the error to raise then.

    The caller puts the session and super_read_only back.
    """
    try:
        for statement in make.take_back(tables, aim.server):
            connection.execute(statement)
    except ReplicaError as second:
        names = ", ".join("%s.%s" % table.pair for table in tables)
        left = "%s Tables that were made may still be there, empty: %s (%s)." % (error.advice, names, second)
        context = {**error.context, "changed": True, "rolled_back": False}
        return ReplicaError(error.attempted, error.where, error.answer, left.strip(), context)
    if not isinstance(error, ServerError):
        return error
    return RefusedError(
        "make %s" % ", ".join("%s.%s" % table.pair for table in tables), aim.server.address,
        "error %d: %s" % (error.number, error.answer), "What had been made was taken away again.", dict(error.context),
    )  # fmt: skip
