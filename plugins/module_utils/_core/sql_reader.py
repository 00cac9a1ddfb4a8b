# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the tokens of a statement from left to right, and the names in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence, Tuple

from .sql_tokens import COMMENT, SYMBOL, Token


class UnknownStatement(ValueError):
    """A statement, or a part of one, whose effect cannot be verified; the message says which."""


@dataclass(frozen=True)
class Name:
    """An object's name; ``schema`` is '' where the statement leaves it to the default database."""

    schema: str
    name: str

    def within(self, schema: str) -> Name:
        """The name with the default database filled in. Raises UnknownStatement when there is none."""
        if not (self.schema or schema):
            raise UnknownStatement("the statement names no database and had no default one")
        return self if self.schema else Name(schema, self.name)

    def __str__(self) -> str:
        return self.schema + "." + self.name if self.schema else self.name


class Reader:
    """Reads tokens from left to right; ``at`` is the index of the next one."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tuple(tokens)
        self.at = 0

    @property
    def rest(self) -> Tuple[Token, ...]:
        """What has not been read yet."""
        return self.tokens[self.at :]

    def peek(self, ahead: int = 0) -> str:
        """The next bare word in upper case, or symbol; '' for a quoted token and at the end."""
        index = self.at + ahead
        return self.tokens[index].upper if index < len(self.tokens) else ""

    def accept(self, *words: str) -> bool:
        """Read these words if they come next; whether they did."""
        if tuple(self.peek(n) for n in range(len(words))) != words:
            return False
        self.at += len(words)
        return True

    def name(self) -> Name:
        """Read ``name`` or ``schema.name``. Raises UnknownStatement when there is none."""
        first = self._part()
        return Name(first, self._part()) if self.accept(".") else Name("", first)

    def end(self) -> None:
        """Raise UnknownStatement when something is left."""
        if self.rest:
            raise UnknownStatement("the word %s" % self.rest[0].text[:40])

    def account(self) -> Tuple[str, str]:
        """Read ``user[@host]``; user and host as values, '' for a host that is not there.

        :raises UnknownStatement: when there is none, and for CURRENT_USER, which is somebody else here.
        """
        if not self.rest or self.rest[0].kind in (SYMBOL, COMMENT) or self.peek() == "CURRENT_USER":
            raise UnknownStatement("an account was expected")
        user = self.rest[0].value
        self.at += 1
        if not self.accept("@"):
            return user, ""
        if not self.rest:
            raise UnknownStatement("a host was expected")
        host, end, quoted = self.rest[0].value, self.rest[0].end, self.peek() == ""
        self.at += 1
        # An unquoted host such as db1.example.net is several tokens without a gap.
        while not quoted and self.rest and self.rest[0].start == end and self.peek() not in (",", "(", ")", ";"):
            host, end = host + self.rest[0].value, self.rest[0].end
            self.at += 1
        return user, host

    def _part(self) -> str:
        if not self.rest or not self.rest[0].is_name or not self.rest[0].value:
            raise UnknownStatement("a name was expected")
        self.at += 1
        return self.tokens[self.at - 1].value
