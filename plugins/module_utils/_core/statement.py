# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements with an executable form (with parameters) and a display form (secrets masked in their own slot only)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, Tuple, Union

Value = Union[str, int, float, bytes, None]

MASK = "********"

# When nothing is left of what a statement did although it was sent: never; where it fails itself; or also where a later
# one of its plan does, as it belongs to the open transaction or to the session, or is put back.
NEVER = "never"
FAILED = "failed"
LATER = "later"

_PLACEHOLDER = re.compile(r"%s|%%")


@dataclass(frozen=True)
class Statement:
    """One statement.

    :param sql: text with ``%s`` for every parameter and ``%%`` for a percent sign when there are parameters;
        without parameters it is sent as it stands.
    :param params: the values, in order.
    :param secret: indexes of the parameters that are shown masked.
    :param purpose: why it runs, for plans and reports ("stop the applier").
    :param taken_back: when nothing is left of it: ``NEVER``, ``FAILED`` or ``LATER``.
    """

    sql: str
    params: Tuple[Value, ...] = ()
    secret: FrozenSet[int] = frozenset()
    purpose: str = ""
    taken_back: str = NEVER

    def display(self) -> str:
        """The statement as people see it: literals in place, secrets masked, never meant to be executed."""
        if not self.params:
            return self.sql
        index = -1

        def put(match: re.Match[str]) -> str:
            nonlocal index
            if match.group(0) == "%%":
                return "%"
            index += 1
            return "'%s'" % MASK if index in self.secret else literal(self.params[index])

        return _PLACEHOLDER.sub(put, self.sql)


def literal(value: Value) -> str:
    """A value as an SQL literal for display: strings quoted, numbers bare, bytes as hexadecimal, None as NULL."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (int, float)):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A name quoted with backticks (manual: "Schema Object Names"). Raises ValueError for an empty name or a NUL."""
    if not name or "\0" in name:
        raise ValueError("not a name: %r" % name)
    return "`" + name.replace("`", "``") + "`"


def qualified(schema: str, name: str) -> str:
    """A quoted ``schema.name``."""
    return identifier(schema) + "." + identifier(name)
