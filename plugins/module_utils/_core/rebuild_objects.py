# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Definitions as a donor shows them and as they are made on a replica: schemas, tables, views, programs, events."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Mapping, Tuple

from .statement import identifier, literal

SCHEMA, TABLE, SEQUENCE, VIEW = "schema", "table", "sequence", "view"
PROCEDURE, FUNCTION, PACKAGE, PACKAGE_BODY = "procedure", "function", "package", "package body"
TRIGGER, EVENT = "trigger", "event"
KINDS = (SCHEMA, TABLE, SEQUENCE, VIEW, PROCEDURE, FUNCTION, PACKAGE, PACKAGE_BODY, TRIGGER, EVENT)

# What a program was made with and runs with later: it must be made with the same again.
CONTEXT = ("sql_mode", "character_set_client", "collation_connection", "time_zone")

# Behind ON COMPLETION stands the state of an event, and nothing else can stand there.
_EVENT_STATE = re.compile(r"(ON COMPLETION (?:NOT )?PRESERVE) ENABLE\b", re.I)

_NO_ZERO = "NO_AUTO_VALUE_ON_ZERO"
_STRICT = "NO_ENGINE_SUBSTITUTION"
UTC = "+00:00"


@dataclass(frozen=True)
class Definition:
    """One object.

    :param kind: one of the words above.
    :param text: the statement that makes it.
    :param context: session variables it has to be made with.
    """

    kind: str
    schema: str
    name: str
    text: str
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """For messages: ``view shop.v``."""
        return "schema %s" % self.schema if self.kind == SCHEMA else "%s %s.%s" % (self.kind, self.schema, self.name)


def on_replica(definition: Definition, old_words: bool) -> Definition:
    """The definition as a replica has it: an event that the source runs is disabled there (manual: "Replication of
    Invoked Features"), from the first moment on.

    :param old_words: the server says SLAVE.
    """
    if definition.kind != EVENT:
        return definition
    state = "DISABLE ON %s" % ("SLAVE" if old_words else "REPLICA")
    text = _EVENT_STATE.sub(r"\1 " + state, definition.text, count=1)
    return replace(definition, text=text)


def session(definition: Definition) -> str:
    """The statement that gives a session what the definition has to be made with."""
    wanted = {"sql_mode": "", "time_zone": UTC, **{name: value for name, value in definition.context.items() if value}}
    if definition.kind in (SCHEMA, TABLE, SEQUENCE, VIEW):
        wanted["sql_mode"] = _NO_ZERO + "," + _STRICT
    return "SET SESSION " + ", ".join("%s = %s" % (name, literal(value)) for name, value in wanted.items())


# Before the words that say what it is; the quotes are those of the sql_mode it was made with.
_DEFINER = re.compile(r" DEFINER=(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\")(?:@(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\"))?")


def of_maker(definition: Definition) -> Definition:
    """The same with whoever makes it as its definer."""
    return replace(definition, text=_DEFINER.sub("", definition.text, count=1))


def instead(definition: Definition) -> Definition:
    """The same view, which takes the place of one that is there."""
    return replace(definition, text=definition.text.replace("CREATE ", "CREATE OR REPLACE ", 1))


# Settings of a server that would add to a definition, or refuse what the donor has; each where it exists.
LENIENT: Mapping[str, int] = {
    "sql_require_primary_key": 0,
    "sql_generate_invisible_primary_key": 0,
    "restrict_fk_on_non_standard_key": 0,
    "innodb_strict_mode": 0,
    "check_constraint_checks": 0,
    "foreign_key_checks": 0,
    "unique_checks": 0,
}

# What a session is given back afterwards, so that our own statements mean the same again.
BACK = "SET NAMES utf8mb4"

# For rows: zero is no order for the next number, and nothing is changed silently to fit.
FOR_ROWS = "SET SESSION sql_mode = %s, time_zone = %s" % (literal(_NO_ZERO + "," + _STRICT), literal(UTC))


def drop_schema(name: str) -> str:
    """DROP DATABASE."""
    return "DROP DATABASE IF EXISTS %s" % identifier(name)


def differing(before: Tuple[Definition, ...], after: Tuple[Definition, ...]) -> Tuple[str, ...]:
    """Labels of what was made, changed or dropped between two looks."""
    one = {(item.kind, item.schema, item.name): item for item in before}
    two = {(item.kind, item.schema, item.name): item for item in after}
    return tuple(
        sorted(
            (two.get(key) or one[key]).label
            for key in set(one) | set(two)
            if key not in one or key not in two or _comparable(one[key]) != _comparable(two[key])
        )
    )


_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")


def _comparable(definition: Definition) -> str:
    # The next automatic number moves with every row; it is no definition.
    return _COUNTER.sub("", definition.text) if definition.kind == TABLE else definition.text
