# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Giving tables of a replica the columns that they have on its source: what is asked for, refused and said.

An ALTER TABLE cannot be taken back, so that whatever it would lose is looked for before: values of a column that gets
another type are tried in a temporary table, there and back again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from .errors import BadInputError, RefusedError
from .plan import Plan, Step
from .row_repair_alter import alter, columns
from .row_repair_steps import Look
from .snapshot import STOPPED, Channel, Server
from .statement import Statement, identifier, qualified

CHECKED = "checked"
ALTERED = "altered"
KEPT_OUT = "the statement is kept out of its binlog"

# Whatever does not fit is an error then, and an ALTER that fails changes nothing.
STRICT = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES"

REDEFINED = (
    "the source changes its definition behind the point that the replica has applied, and how it was there is not "
    "known; find the position that the data is at (playbook reposition), or build the table or the replica anew"
)
_GENERATED = re.compile(r"\b(GENERATED ALWAYS )?AS \(", re.I)


@dataclass(frozen=True)
class Wish:
    """What the caller asks for.

    :param max_rows: no table may have more rows, as their values are tried in a temporary table.
    """

    tables: Tuple[str, ...]
    state: str = CHECKED
    max_rows: int = 100000


@dataclass(frozen=True)
class Alteration:
    """What makes a table's columns the same.

    :param have, wanted: SHOW CREATE TABLE of the replica and of the source.
    """

    schema: str
    name: str
    have: str
    wanted: str

    @property
    def label(self) -> str:
        """Schema and table."""
        return "%s.%s" % (self.schema, self.name)

    @property
    def statement(self) -> str:
        """The ALTER TABLE; '' when the columns are the same."""
        return alter(self.schema, self.name, self.have, self.wanted)

    @property
    def dropped(self) -> Tuple[str, ...]:
        """Quoted names of columns with values of their own that only the replica has."""
        mine, other = columns(self.have), columns(self.wanted)
        return tuple(name for name, text in mine.items() if name not in other and not _GENERATED.search(text))

    @property
    def retyped(self) -> Tuple[str, ...]:
        """Quoted names of columns that have values of their own and another definition on the source."""
        mine, other = columns(self.have), columns(self.wanted)
        plain = [name for name in other if name in mine and not _GENERATED.search(mine[name] + other[name])]
        return tuple(name for name in plain if mine[name] != other[name])

    @property
    def reordered(self) -> bool:
        """Whether columns that both have stand in another order: then the statement does not make them the same."""
        mine, other = columns(self.have), columns(self.wanted)
        return [name for name in mine if name in other] != [name for name in other if name in mine]


def pairs(tables: Sequence[str]) -> List[Tuple[str, str]]:
    """Schema and table of each name.

    :raises BadInputError: there is none, or one is no ``schema.table``.
    """
    found = [tuple(name.split(".", 1)) for name in tables]
    if not found or any(len(pair) != 2 or not all(pair) or pair[1] in ("*", "") for pair in found):
        raise BadInputError("Option tables names no tables", advice="Name each as schema.table.")
    return [(pair[0], pair[1]) for pair in found]


def attempt(channel: Channel) -> str:
    """What is being done, for refusals."""
    return "alter tables for %s" % channel.label


def check(server: Server, channel: Channel) -> None:
    """Refuse what must not be done, before anything is read.

    :raises RefusedError: the applier runs.
    """
    if channel.applier != STOPPED:
        raise RefusedError(
            attempt(channel), server.address, "its applier runs, and would change rows meanwhile",
            "Stop it first (replica_channel, state stopped, threads applier).",
        )  # fmt: skip


def refused(server: Server, table: str, why: str) -> RefusedError:
    """The refusal to alter a table."""
    return RefusedError(
        "alter %s" % table, server.address, why, "Nothing was altered. Alter it by hand, or build it anew."
    )


def plan(
    found: Sequence[Alteration], server: Server, state_id: str, before: Sequence[Look], after: Sequence[Look]
) -> Plan:
    """The plan that alters the tables without a trace in the replica's own binlog.

    :param before, after: a look at each table, which raises an error when the statement would lose something, or did
        not make the columns the same.
    """
    lowered = server.flag("super_read_only")
    made: List[Statement] = [Statement("SET SESSION sql_log_bin = 0", purpose="keep it out of the binlog")]
    made += [Statement("SET GLOBAL super_read_only = 0", purpose="let tables be altered")] if lowered else []
    made.append(Statement("SET SESSION sql_mode = '%s'" % STRICT, purpose="fail where a value does not fit"))
    for one, look, again in zip(found, before, after):
        made += [look, Statement(one.statement, purpose="give it the source's columns"), again]
    made.append(Statement("SET SESSION sql_mode = ''", purpose="put the session's mode back"))
    made += [Statement("SET GLOBAL super_read_only = 1", purpose="put super_read_only back")] if lowered else []
    made.append(Statement("SET SESSION sql_log_bin = 1", purpose="log again"))
    names = tuple(one.label for one in found)
    return Plan(
        state_id, tuple(Step(statement) for statement in made),
        "Give %s the columns that the source has." % ", ".join(names), "replica_rows",
        ("The definition as it is; the record keeps it.",), ("ALTER", "CREATE", "INSERT"), names,
    )  # fmt: skip


def undo(found: Sequence[Alteration]) -> List[str]:
    """What the record says: each table as it was."""
    return ["%s was altered; it was: %s" % (one.label, one.have) for one in found]


def trial(schema: str, old: str, new: str) -> str:
    """The statement that makes the temporary table in which values go from one type to another and back."""
    return "CREATE TEMPORARY TABLE %s (o %s NULL, n %s NULL, b %s NULL)" % (trial_name(schema), old, new, old)


def trial_name(schema: str) -> str:
    """Its quoted name."""
    return qualified(schema, "replicaops_trial")


def filling(schema: str, table: str, column: str, most: int) -> Tuple[str, str, str]:
    """The statements that put a column's values there, take them back, and count those that did not come back.

    :param column: its quoted name.
    """
    name = trial_name(schema)
    return (
        "INSERT INTO %s (o, n) SELECT %s, %s FROM %s LIMIT %d"
        % (name, column, column, qualified(schema, table), most + 1),
        "UPDATE %s SET b = n" % name,
        "SELECT COUNT(*) AS tried, COALESCE(SUM(NOT (o <=> b)), 0) AS lost FROM %s" % name,
    )


def holds_values(schema: str, table: str, column: str) -> str:
    """The statement that gives a row when a column holds anything but NULL."""
    return "SELECT 1 AS found FROM %s WHERE %s IS NOT NULL LIMIT 1" % (qualified(schema, table), column)


def said(found: Sequence[Alteration], state: str, done: bool) -> str:
    """What came out, in a sentence."""
    if not found:
        return "The columns of the tables are those of the source."
    statements = "; ".join(one.statement for one in found)
    if done:
        return "Altered %s: %s." % (", ".join(one.label for one in found), statements)
    wanting = "" if state == ALTERED else " Set state to altered to run it."
    return "To have the columns that they have on the source: %s.%s" % (statements, wanting)


def type_of(row: Dict[str, object]) -> str:
    """A column's type, with its character set, from information_schema.COLUMNS."""
    text = str(row["COLUMN_TYPE"])
    if row.get("CHARACTER_SET_NAME"):
        text += " CHARACTER SET %s COLLATE %s" % (row["CHARACTER_SET_NAME"], row["COLLATION_NAME"])
    return text


def unquoted(name: str) -> str:
    """A column's name without its quotes."""
    return name[1:-1].replace("``", "`") if name == identifier(name[1:-1].replace("``", "`")) else name
