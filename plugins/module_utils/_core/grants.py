# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account may see, from the answer to SHOW GRANTS: information_schema leaves out what it may not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, Sequence, Set, Tuple

ALL = "ALL PRIVILEGES"

_NAME = r"(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\")"
_LINE = re.compile(r"(GRANT|REVOKE) (.+?) ON (?:TABLE )?(\*|%s)\.(\*|%s) (?:TO|FROM) " % (_NAME, _NAME), re.S)
# A privilege and, where it is only for some columns, their list.
_PRIVILEGE = re.compile(r"\s*([A-Z_ ]+?)\s*(\([^)]*\))?\s*(?:,|\Z)")

Level = Tuple[str, str]


@dataclass(frozen=True)
class Grants:
    """Privileges by what they are on: ``("*", "*")``, a schema ``(name, "*")``, or a table.

    A grant on a pattern of schemas counts for the schema that is spelled like it, and for no other.
    """

    given: FrozenSet[Tuple[Level, str]] = frozenset()
    revoked: FrozenSet[Tuple[Level, str]] = frozenset()

    def lacking(self, wanted: Sequence[str], ignored: Iterable[str] = ()) -> Tuple[str, ...]:
        """Which of the privileges the account does not have on ``*.*``.

        :param ignored: schemas for which a partial revoke does not matter.
        """
        without = {name for (schema, _unused), name in self.revoked if schema not in set(ignored)}
        return tuple(name for name in wanted if not self._on(("*", "*"), name) or name in without or ALL in without)

    def schema(self, privilege: str, schema: str) -> bool:
        """Whether the account has a privilege on the whole of a schema."""
        level = (schema, "*")
        if self._on(level, privilege):
            return True
        revoked = (level, privilege) in self.revoked or (level, ALL) in self.revoked
        return self._on(("*", "*"), privilege) and not revoked

    def table(self, privilege: str, schema: str, table: str) -> bool:
        """Whether the account has a privilege on a table with all of its columns."""
        return self.schema(privilege, schema) or self._on((schema, table), privilege)

    def _on(self, level: Level, privilege: str) -> bool:
        return (level, privilege) in self.given or (level, ALL) in self.given


EVERYTHING = Grants(frozenset(((("*", "*"), ALL),)))


def parse(lines: Iterable[str]) -> Grants:
    """The grants that SHOW GRANTS lists, those of active roles included: the server lists them as well.

    Measured on MySQL 9.7, MariaDB 10.11 and 11.8: privileges of a role that is not active are not listed, and what
    they are on is not to be seen in information_schema either. A line that is not understood grants nothing.
    """
    found: Dict[str, Set[Tuple[Level, str]]] = {"GRANT": set(), "REVOKE": set()}
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        verb, privileges, first, second = match.groups()
        level = (_unquoted(first), _unquoted(second))
        if level[1] == "*" and second == "*":
            level = (level[0].replace("\\_", "_").replace("\\%", "%"), "*")
        found[verb].update((level, name) for name, columns in _PRIVILEGE.findall(privileges) if not columns)
    return Grants(frozenset(found["GRANT"]), frozenset(found["REVOKE"]))


def _unquoted(name: str) -> str:
    return name if name == "*" else name[1:-1].replace(name[0] * 2, name[0])
