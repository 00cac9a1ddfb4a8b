# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that make a table which a replica lacks, with its schema and its triggers, as its source shows them.

A table may reference one that is made later, so that foreign keys are not checked meanwhile. What a trigger means
depends on the settings of the session that makes it, which the source shows as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Sequence, Tuple

from .compare_definition import differences
from .plan import Step
from .row_repair_steps import Look
from .snapshot import Server
from .statement import LATER, Statement, identifier, literal, qualified

# What the sessions of this collection have.
_SESSION = "sql_mode = '', character_set_client = utf8mb4, collation_connection = utf8mb4_general_ci"
# What `take_back` does not take away.
_STAYS = ("CREATE DATABASE", "DROP TABLE")

MISSING = "it is missing on the replica"
OTHERS = "a trigger, view, routine or event was made or dropped on the source meanwhile"


@dataclass(frozen=True)
class Trigger:
    """A trigger as its source shows it, with the settings it was made under."""

    text: str
    sql_mode: str
    charset: str
    collation: str


@dataclass(frozen=True)
class Making:
    """A table that is to be made.

    :param create: the statement; ``definition`` what SHOW CREATE TABLE has to give afterwards.
    :param schema: the statement that makes its schema; '' when that is there.
    :param half: it is there, but empty, as a run was killed that was to make and fill it.
    """

    pair: Tuple[str, str]
    create: str
    definition: str
    triggers: Tuple[Trigger, ...] = ()
    schema: str = ""
    half: bool = False


def creation(pair: Tuple[str, str], definition: str) -> str:
    """The statement that makes a table as the source defines it.

    :param definition: from SHOW CREATE TABLE, which names the table without its schema.
    :raises ValueError: it is no such statement.
    """
    head = "CREATE TABLE %s (" % identifier(pair[1])
    if not definition.startswith(head):
        raise ValueError("the source shows no plain definition of it")
    return "CREATE TABLE %s (%s" % (qualified(*pair), definition[len(head) :])


def steps(tables: Sequence[Making], server: Server, looks: Sequence[Look]) -> Tuple[Step, ...]:
    """The steps that make tables without a trace in the replica's own binlog.

    :param looks: one for each table, which raises an error when it did not become what it has to be.
    """
    lowered = server.flag("super_read_only")
    made: List[Statement] = [Statement("SET SESSION sql_log_bin = 0", purpose="keep the tables out of the binlog")]
    if lowered:
        made.append(Statement("SET GLOBAL super_read_only = 0", purpose="let tables be made"))
    made.append(Statement("SET SESSION foreign_key_checks = 0", purpose="let a table reference one that is made later"))
    for schema in dict.fromkeys(table.schema for table in tables if table.schema):
        made.append(Statement(schema, purpose="make a database that is missing"))
    for table, look in zip(tables, looks):
        # What it references is named without a schema, which MySQL 5.6 refuses with 1046 where none is in use.
        made.append(Statement("USE %s" % identifier(table.pair[0]), purpose="the schema of what the table references"))
        if table.half:
            drop = "DROP TABLE %s" % qualified(*table.pair)
            made.append(Statement(drop, purpose="take away what a run that was killed left of it"))
        made += [Statement(table.create, purpose="make a table that is missing"), look]
    for table in tables:
        for trigger in table.triggers:
            made += _trigger(table.pair[0], trigger)
    if any(table.triggers for table in tables):
        made.append(Statement("SET SESSION %s" % _SESSION, purpose="put the session's settings back"))
    made.append(Statement("SET SESSION foreign_key_checks = 1", purpose="check foreign keys again"))
    if lowered:
        made.append(Statement("SET GLOBAL super_read_only = 1", purpose="put super_read_only back"))
    made.append(Statement("SET SESSION sql_log_bin = 1", purpose="log again"))
    return tuple(Step(one if one.sql.startswith(_STAYS) else replace(one, taken_back=LATER)) for one in made)


def _trigger(schema: str, trigger: Trigger) -> List[Statement]:
    settings = "SET SESSION sql_mode = %s, character_set_client = %s, collation_connection = %s" % (
        literal(trigger.sql_mode), literal(trigger.charset), literal(trigger.collation),
    )  # fmt: skip
    return [
        Statement("USE %s" % identifier(schema), purpose="a trigger's statement may name no schema"),
        Statement(settings, purpose="the settings that the trigger was made under"),
        Statement(trigger.text, purpose="make a trigger of the table"),
    ]


def take_back(tables: Sequence[Making], server: Server) -> Tuple[str, ...]:
    """The statements that take tables away which were made but not filled."""
    lowered = ("SET GLOBAL super_read_only = 0",) if server.flag("super_read_only") else ()
    names = ", ".join(qualified(*table.pair) for table in tables)
    return (
        "ROLLBACK", "SET SESSION sql_log_bin = 0", *lowered, "SET SESSION foreign_key_checks = 0",
        "DROP TABLE IF EXISTS %s" % names, "SET SESSION foreign_key_checks = 1",
    )  # fmt: skip


def undo(tables: Sequence[Making]) -> List[str]:
    """What the record says of tables that were made."""
    return [
        "%s.%s was made; to undo that, run there with sql_log_bin = 0: DROP TABLE %s"
        % (*table.pair, qualified(*table.pair))
        for table in tables
    ]


def unlike(wanted: str, made: str) -> str:
    """How a table that was made differs from what the source shows; '' when it does not."""
    mine, theirs = differences(wanted, made)
    if not mine and not theirs:
        return ""
    return "source: %s; replica: %s" % ("; ".join(mine) or "nothing", "; ".join(theirs) or "nothing")


def only_one(pair: Tuple[str, str], on_source: bool, definition: str) -> str:
    """Why a table that one side lacks is not decided."""
    if on_source:
        text = " ".join(definition.split())
        return "%s; set create_missing, or create it there with sql_log_bin=0: %s" % (MISSING, text)
    return "only the replica has it; drop it there with sql_log_bin=0 if nothing needs it"
