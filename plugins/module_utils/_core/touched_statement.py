# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tables a statement in a binlog changes. Only definitions are read; a statement that writes rows is everything.

Nothing here parses SQL: the first words and the names that follow them are enough, and what does not fit the few
known beginnings counts as everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Sequence, Tuple

Pair = Tuple[str, str]

# A token: a quoted name, a word (which may begin with a digit), or one other character.
_TOKEN = re.compile(r"`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\"|[\w$]+|[^\s\w$]", re.U)
_COMMENT = re.compile(r"/\*(?![!M])[^*]*(?:\*(?!/)[^*]*)*\*/|(?:--\s|#)[^\n]*\n", re.S)
_VERSIONED = re.compile(r"/\*M?!\d*|\*/")

_NOTHING_FIRST = frozenset(
    "BEGIN COMMIT ROLLBACK SAVEPOINT RELEASE XA START END FLUSH ANALYZE OPTIMIZE REPAIR CHECK GRANT REVOKE "
    "INSTALL UNINSTALL RESET PURGE CHANGE LOCK UNLOCK USE SHOW KILL CACHE".split()
)
_ACCOUNTS = frozenset(
    ("USER", "ROLE", "SERVER", "LOGFILE", "TABLESPACE", "UNDO", "RESOURCE", "SPATIAL_REFERENCE", "INSTANCE")
)
_OBJECTS = frozenset(("VIEW", "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE", "AGGREGATE", "SONAME"))
_FILLERS = frozenset("OR REPLACE TEMPORARY IF NOT EXISTS ONLINE OFFLINE IGNORE UNIQUE FULLTEXT SPATIAL VECTOR".split())
_CLAUSES = frozenset("WAIT NOWAIT RESTRICT CASCADE".split())


@dataclass(frozen=True)
class Effect:
    """What a statement changes; see `touched.Touched`."""

    tables: FrozenSet[Pair] = frozenset()
    schemas: FrozenSet[str] = frozenset()
    gone: FrozenSet[Pair] = frozenset()
    gone_schemas: FrozenSet[str] = frozenset()
    objects: bool = False
    everything: bool = False
    why: str = ""


NOTHING = Effect()


def effect(statement: str, schema: str) -> Effect:
    """What the statement changes.

    :param statement: as the binlog has it, without the ``use`` that SHOW BINLOG EVENTS puts before it.
    :param schema: its default database; '' when it has none.
    """
    words = _TOKEN.findall(_VERSIONED.sub(" ", _COMMENT.sub(" ", statement)))
    if not words or words[0].upper() in _NOTHING_FIRST:
        return NOTHING
    first = words[0].upper()
    if first == "SET":
        return (
            NOTHING if len(words) > 1 and words[1].upper() in ("PASSWORD", "DEFAULT", "ROLE") else _unknown(statement)
        )
    found: Optional[Effect] = None
    if first in ("CREATE", "ALTER", "DROP"):
        found = _definition(first, words[1:], schema)
    elif first == "TRUNCATE":
        rest = words[1:]
        found = _tables(_names(rest[1:] if rest and rest[0].upper() == "TABLE" else rest, schema))
    elif first == "RENAME":
        found = _rename(words[1:], schema)
    return found if found is not None else _unknown(statement)


def _unknown(statement: str) -> Effect:
    return Effect(everything=True, why="the statement %s" % " ".join(statement.split())[:80])


def _tables(names: Optional[List[Pair]], gone: Sequence[Pair] = ()) -> Optional[Effect]:
    return Effect(tables=frozenset(names), gone=frozenset(gone)) if names else None


def _definition(verb: str, words: List[str], schema: str) -> Optional[Effect]:
    """CREATE, ALTER and DROP by the kind of object, which stands somewhere among the first words."""
    upper = [word.upper() for word in words[:12]]
    at = 0
    while at < len(upper) and upper[at] in _FILLERS:
        at += 1
    kind = upper[at] if at < len(upper) else ""
    rest = _past_fillers(words[at + 1 :])
    if kind in ("TABLE", "TABLES", "SEQUENCE"):
        return _table(verb, rest, words[at + 1 :], schema)
    if kind == "INDEX":
        on = next((index for index, word in enumerate(words) if word.upper() == "ON"), None)
        return _tables(_names(words[on + 1 :], schema)) if on is not None else None
    if kind in ("DATABASE", "SCHEMA"):
        name = _unquote(rest[0]) if rest and rest[0] != "=" else schema
        return Effect(schemas=frozenset((name,)), gone_schemas=frozenset((name,) if verb == "DROP" else ()))
    if kind in _ACCOUNTS:
        return NOTHING
    # CREATE DEFINER=`a`@`b` SQL SECURITY DEFINER ALGORITHM=MERGE VIEW ...: the kind comes later.
    if (
        kind in _OBJECTS
        or kind in ("DEFINER", "SQL", "ALGORITHM")
        and _OBJECTS.intersection(w.upper() for w in words[:24])
    ):
        return Effect(objects=True)
    return None


def _table(verb: str, rest: List[str], raw: List[str], schema: str) -> Optional[Effect]:
    names = _names(rest, schema) if verb == "DROP" else _names(rest, schema, 1)
    if not names:
        return None
    upper = [word.upper() for word in raw]
    gone = list(names) if verb == "DROP" else []
    if verb == "ALTER":
        # A rename and an exchanged partition touch a second table.
        for index, word in enumerate(upper):
            second: Optional[List[Pair]] = []
            if word == "RENAME" and upper[index + 1 : index + 2] not in (["COLUMN"], ["INDEX"], ["KEY"]):
                skip = 2 if upper[index + 1 : index + 2] in (["TO"], ["AS"]) else 1
                second = _names(raw[index + skip :], schema, 1)
                gone = names[:1]
            elif word == "TABLE" and index and "EXCHANGE" in upper[:index]:
                second = _names(raw[index + 1 :], schema, 1)
            if second is None:
                return None
            names.extend(second)
    if verb == "CREATE" and "UNION" in upper:
        return None  # a MERGE table: its rows are other tables' rows
    return _tables(names, gone)


def _rename(words: List[str], schema: str) -> Optional[Effect]:
    """RENAME TABLE a TO b, c TO d; RENAME USER changes no table."""
    if not words or words[0].upper() not in ("TABLE", "TABLES"):
        return NOTHING if words and words[0].upper() == "USER" else None
    names: List[Pair] = []
    for piece in _pieces(_past_fillers(words[1:]), ("TO", ",")):
        found = _names(piece, schema, 1)
        if not found:
            return None
        names.extend(found)
    return _tables(names, names[::2])


def _pieces(words: List[str], separators: Tuple[str, ...]) -> List[List[str]]:
    pieces: List[List[str]] = [[]]
    for word in words:
        if word.upper() in separators:
            pieces.append([])
        else:
            pieces[-1].append(word)
    return pieces


def _past_fillers(words: List[str]) -> List[str]:
    at = 0
    while at < len(words) and words[at].upper() in ("IF", "NOT", "EXISTS"):
        at += 1
    return words[at:]


def _names(words: List[str], schema: str, limit: int = 0) -> Optional[List[Pair]]:
    """The comma-separated table names at the beginning; None when one has no schema or is no name."""
    names: List[Pair] = []
    at = 0
    while at < len(words):
        if not _is_name(words[at]) or words[at].upper() in _CLAUSES:
            return None
        pair = (schema, _unquote(words[at]))
        at += 1
        if words[at : at + 1] == ["."] and at + 1 < len(words):
            pair = (pair[1], _unquote(words[at + 1]))
            at += 2
        if not pair[0]:
            return None
        names.append(pair)
        if limit and len(names) == limit or words[at : at + 1] != [","]:
            break
        at += 1
    return names or None


def _is_name(word: str) -> bool:
    return word[0] in '`"' or word[0].isalnum() or word[0] in "_$"


def _unquote(word: str) -> str:
    if word[0] in '`"' and len(word) > 1:
        return word[1:-1].replace(word[0] * 2, word[0])
    return word
