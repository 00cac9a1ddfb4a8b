# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which accounts a statement in a binlog makes, changes and drops, and whether it can be repeated on a replica.

A replica that is emptied keeps its accounts, so a statement about one of these would fail (1396, measured on MySQL 9.7,
5.6 and MariaDB 10.11), or bring an old password back for a while. Only accounts that the binlogs make can be replayed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Container, List, Optional, Sequence, Set, Tuple

from .sql_reader import Reader, UnknownStatement
from .sql_tokens import SqlError, Token, depth_split

_FIRST = re.compile(
    r"\A\s*(?:/\*.*?\*/\s*)*(?:GRANT|REVOKE|(?:CREATE|ALTER|DROP|RENAME)\s+(?:OR\s+REPLACE\s+)?(?:USER|ROLE)"
    r"|SET\s+(?:PASSWORD|DEFAULT\s+ROLE))\b",
    re.I | re.S,
)
MAKES, CHANGES, DROPS = "makes", "changes", "drops"


class NotUnderstood(ValueError):
    """A statement about accounts whose accounts cannot be told; the message says what stands in the way."""


@dataclass(frozen=True)
class AccountChange:
    """What a statement does with accounts.

    :param kind: one of the words above.
    :param maybe: IF EXISTS, or OR REPLACE: that the account is not there is no error.
    :param renamed: what the accounts are called afterwards.
    """

    kind: str
    names: Tuple[str, ...]
    maybe: bool = False
    renamed: Tuple[str, ...] = ()

    @staticmethod
    def label(user: str, host: str) -> str:
        """The one name of an account: hosts know no case, and a role of MariaDB, which has none, counts as '%'."""
        return "'%s'@'%s'" % (user, host.lower() or "%")

    def take(self, here: Container[str], made: Set[str]) -> Tuple[str, ...]:
        """Note what the statement makes; why it cannot be repeated.

        :param here: the accounts of the replica.
        :param made: those that earlier statements have made, changed here.
        """
        wrong: List[str] = []
        for name in (*self.names, *self.renamed):
            if name in here:
                wrong.append("a statement %s the account %s, which exists here" % (self.kind, name))
            elif self.kind != MAKES and not self.maybe and name in self.names and name not in made:
                wrong.append("a statement %s the account %s, which was not made before" % (self.kind, name))
        if self.kind == MAKES:
            made.update(self.names)
        elif self.kind == DROPS or self.renamed:
            made.difference_update(self.names)
        made.update(self.renamed)
        return tuple(wrong)


def change_of(text: str, tokens: Sequence[Token]) -> Optional[AccountChange]:
    """What a statement does with accounts; None when it is about none.

    :param tokens: the statement's, without comments; empty when it could not be cut.
    :raises NotUnderstood: it is about accounts, and cannot be read.
    """
    if not _FIRST.match(text):
        return None
    if not tokens:
        raise NotUnderstood("it cannot be cut into words")
    reader = Reader(tokens)
    first = reader.peek()
    try:
        reader.at += 1
        if first in ("GRANT", "REVOKE"):
            return _granted(reader, first)
        if first == "SET":
            return _set(reader)
        return _defined(reader, first)
    except (UnknownStatement, SqlError) as error:
        raise NotUnderstood(str(error)) from None


def _defined(reader: Reader, first: str) -> AccountChange:
    maybe = reader.accept("OR", "REPLACE")
    reader.at += 1
    maybe = reader.accept("IF", "EXISTS") or reader.accept("IF", "NOT", "EXISTS") or maybe
    if first == "RENAME":
        pairs = [_renamed(part) for part in depth_split(reader.rest)]
        return AccountChange(CHANGES, tuple(old for old, _new in pairs), False, tuple(new for _old, new in pairs))
    kind = {"CREATE": MAKES, "ALTER": CHANGES, "DROP": DROPS}[first]
    return AccountChange(kind, _listed(reader.rest), maybe)


def _renamed(part: Sequence[Token]) -> Tuple[str, str]:
    reader = Reader(part)
    old = _one(reader)
    if not reader.accept("TO"):
        raise UnknownStatement("TO was expected")
    return old, _one(reader)


def _granted(reader: Reader, first: str) -> AccountChange:
    """Everything behind TO or FROM; MySQL before 8 and MariaDB make an account by GRANT ... IDENTIFIED."""
    rest = _behind(reader.rest, ("TO",) if first == "GRANT" else ("FROM",))
    made = first == "GRANT" and any(token.upper == "IDENTIFIED" for token in rest)
    return AccountChange(MAKES if made else CHANGES, _listed(rest), maybe=reader.accept("IF", "EXISTS"))


def _set(reader: Reader) -> AccountChange:
    words = ("FOR",) if reader.accept("PASSWORD") else ("TO", "FOR")
    return AccountChange(CHANGES, _listed(_behind(reader.rest, words)))


def _behind(tokens: Sequence[Token], words: Sequence[str]) -> Tuple[Token, ...]:
    for place, token in enumerate(tokens):
        if token.upper in words:
            return tuple(tokens[place + 1 :])
    raise UnknownStatement("it names no account")


def _listed(tokens: Sequence[Token]) -> Tuple[str, ...]:
    return tuple(_one(Reader(part)) for part in depth_split(tokens))


def _one(reader: Reader) -> str:
    user, host = reader.account()
    return AccountChange.label(user, host)
