# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a statement in the binlog means for the witnesses: whose images end, and what exists before and after it.

Wrong in one direction only: a statement may end more than it had to, and tell less than it could.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Tuple

from .. import ddl, touched_statement
from ..sql_reader import Name, Reader, UnknownStatement
from ..sql_tokens import SqlError, certain
from .objects import Object, State
from .voting import Pair

Seen = Tuple[Object, State, State]

_DML = re.compile(
    r"\s*(?:INSERT|REPLACE)\s+(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE)\s+)*INTO\s+(?P<into>NAME)"
    r"|\s*UPDATE\s+(?:(?:LOW_PRIORITY|IGNORE)\s+)*(?P<update>NAME)\s+SET\b"
    r"|\s*DELETE\s+(?:(?:LOW_PRIORITY|QUICK|IGNORE)\s+)*FROM\s+(?P<delete>NAME)(?:\s+WHERE\b|\s*;?\s*\Z)".replace(
        "NAME", r"(?:`(?:[^`]|``)+`|[\w$]+)(?:\s*\.\s*(?:`(?:[^`]|``)+`|[\w$]+))?(?![\w$`.])"
    ),
    re.I,
)
_WRITES = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|REPLACE|LOAD|WITH)\b", re.I)
_XA = re.compile(r"\s*XA\s+(\w+)", re.I)
_TRUNCATE = re.compile(r"\s*TRUNCATE\b", re.I)
_TEMPORARY = re.compile(r"\s*(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:/\*!\d*\s*)?TEMPORARY\b", re.I)
_GUARDED = re.compile(r"\bIF\s+(?:NOT\s+)?EXISTS\b|\bOR\s+REPLACE\b", re.I)

_KINDS = frozenset(("COLUMN", "UNIQUE", "INDEX", "KEY", "FULLTEXT", "SPATIAL"))
_NO_NAMES = frozenset(("PRIMARY", "CONSTRAINT", "CHECK", "FOREIGN", "PERIOD", "SYSTEM", "PARTITION", "USING"))

# An index, where they stand in the definition of a column.
_MAKES_INDEX = frozenset(("UNIQUE", "PRIMARY", "KEY", "REFERENCES"))

_MAKES = re.compile(r"\s*CREATE\s+TABLE\s+IF\s+NOT\s+EXISTS\b", re.I)

# A table that may be made with rows in it, or show those of another.
_FILLS = frozenset("SELECT AS WITH TABLE VALUES UNION CONNECTION".split())
_FILLED = re.compile(r"\b(?:%s)\b|\bTABLE\b.*\bTABLE\b" % "|".join(sorted(_FILLS - {"TABLE"})), re.I | re.S)


@dataclass(frozen=True)
class Meaning:
    """What a statement does.

    :param tables: whose images end; None means every table's.
    :param schemas: schemas of which every table's images end.
    :param truncated: the table that is emptied, with nothing else changed.
    :param seen: objects with their state before and after.
    :param forgotten: containers of which nothing is known any more (see `objects.Objects.forget`).
    :param xa: COMMIT, ROLLBACK and the like of an XA transaction.
    :param writes: it changes rows and no definition.
    :param temporary: a temporary table that it makes, which hides one of the same name from later statements.
    """

    tables: Optional[FrozenSet[Pair]] = frozenset()
    schemas: FrozenSet[str] = frozenset()
    truncated: Optional[Pair] = None
    seen: Tuple[Seen, ...] = ()
    forgotten: Tuple[Tuple[str, ...], ...] = ()
    xa: str = ""
    writes: bool = False
    temporary: Optional[Pair] = None


NOTHING = Meaning()
EVERYTHING = Meaning(None, forgotten=((),))
ALL_ROWS = Meaning(None, writes=True)


def meaning(text: str, schema: str, plain: bool, failed: bool = False) -> Meaning:
    """What the statement means.

    :param text: as in the binlog; ``schema``: its default database.
    :param plain: a statement that writes rows of one table changes no other one: there are no triggers, stored
        functions or cascading foreign keys.
    :param failed: it ended with an error on the source, so that what it left is not known.
    """
    xa = _XA.match(text)
    if xa:
        return Meaning(xa=xa.group(1).upper())
    if _TEMPORARY.match(text):
        return Meaning(temporary=next(iter(touched_statement.effect(text, schema).tables), None))
    if _WRITES.match(text):
        return _rows(text, schema) if plain else ALL_ROWS
    effect = touched_statement.effect(text, schema)
    if effect.everything:
        return EVERYTHING
    tables, schemas = effect.tables, effect.schemas
    inside = tuple(sorted(tables)) + tuple((name,) for name in sorted(schemas))
    if failed:
        return Meaning(tables, schemas, None, tuple((("table",) + pair, None, None) for pair in sorted(tables)), inside)
    if _TRUNCATE.match(text) and len(tables) == 1:
        return Meaning(truncated=next(iter(tables)))
    if not tables and not schemas:
        return NOTHING
    try:
        return _parsed(text, schema, Meaning(tables, schemas, forgotten=inside))
    except (UnknownStatement, SqlError):
        return _existence(text, effect, Meaning(tables, schemas, forgotten=inside))


def _rows(text: str, schema: str) -> Meaning:
    match = _DML.match(text)
    if match is None:
        return ALL_ROWS
    try:
        name = Reader(certain(next(found for found in match.groups() if found))).name().within(schema)
    except (UnknownStatement, SqlError):
        return ALL_ROWS
    return Meaning(frozenset(((name.schema, name.name),)), writes=True)


def _existence(text: str, effect: touched_statement.Effect, base: Meaning) -> Meaning:
    """What can be said of a statement that is not understood in full: which tables are there after it."""
    seen: List[Seen] = []
    words = text.split(None, 2)
    verb = words[0].upper() if words else ""
    if verb == "RENAME":
        return _renamed(text, effect, base)
    before: State = None if _GUARDED.search(text) else True
    if verb == "ALTER" and effect.tables == effect.gone:  # to its own name: it stays
        return Meaning(base.tables, base.schemas, None, (), base.forgotten)
    for pair in sorted(effect.tables):
        thing = ("table",) + pair
        if pair in effect.gone:
            seen.append((thing, before, False))
        elif verb == "CREATE":
            seen.append((thing, None, True))
        elif verb == "ALTER" and effect.gone:
            seen.append((thing, None if before is None else False, True))
    for name in sorted(effect.schemas):
        if verb != "ALTER":
            gone = name in effect.gone_schemas
            seen.append((("schema", name), None if before is None else gone, not gone))
    # What a statement makes only when it is not there had no rows before: then no images end.
    tables = frozenset() if _MAKES.match(text) and not _FILLED.search(text) else base.tables
    # A temporary table hides a table of the same name from a plain DROP.
    return Meaning(tables, base.schemas, None, tuple(seen), base.forgotten)


def _renamed(text: str, effect: touched_statement.Effect, base: Meaning) -> Meaning:
    """RENAME TABLE: a name that occurs twice is one that tables are swapped by; then nothing is said."""
    new = effect.tables - effect.gone
    if _GUARDED.search(text) or 2 * len(effect.gone) != len(effect.tables) or len(new) != len(effect.gone):
        return Meaning(
            base.tables, base.schemas, None, tuple((("table",) + p, None, None) for p in sorted(effect.tables)),
            base.forgotten,
        )  # fmt: skip
    seen: List[Seen] = [(("table",) + pair, True, False) for pair in sorted(effect.gone)]
    seen.extend((("table",) + pair, False, True) for pair in sorted(new))
    return Meaning(base.tables, base.schemas, None, tuple(seen), base.forgotten)


def _parsed(text: str, schema: str, base: Meaning) -> Meaning:
    """What a statement says that is understood in full. Raises UnknownStatement when it is not."""
    found = ddl.parse(text)
    seen: List[Seen] = []
    if found.kind in (ddl.CREATE_TABLE, ddl.CREATE_TABLE_LIKE):
        table = _pair(found.names[0], schema)
        seen.append((("table",) + table, False, True))
        if not _FILLS.intersection(token.upper for token in found.rest):
            seen.append((("rows",) + table, None, False))
    elif found.kind == ddl.DROP_TABLES:
        seen.extend((("table",) + _pair(name, schema), True, False) for name in found.names)
    elif found.kind == ddl.CREATE_DATABASE:
        seen.append((("schema", found.names[0].name), False, True))
    elif found.kind in (ddl.CREATE_INDEX, ddl.DROP_INDEX):
        table = _pair(found.names[0], schema)
        if found.kind == ddl.DROP_INDEX and found.clauses[0].name.upper() == "PRIMARY":
            raise UnknownStatement("a primary key")
        names = [found.clauses[0].name] if found.kind == ddl.DROP_INDEX else [_index_name(found)]
        there = found.kind == ddl.CREATE_INDEX
        # Neither rows nor columns change: no images end, and what is known of the table stays known.
        return Meaning(seen=tuple((("index",) + table + (name.lower(),), not there, there) for name in names))
    elif found.kind == ddl.ALTER_TABLE:
        return _altered(found, _pair(found.names[0], schema), base)
    else:
        raise UnknownStatement(found.kind)
    return Meaning(base.tables, base.schemas, None, tuple(seen), base.forgotten)


def _altered(found: ddl.Ddl, table: Pair, base: Meaning) -> Meaning:
    """What the clauses of ALTER TABLE add and drop; a name that occurs in two clauses says nothing."""
    states: List[Tuple[Object, bool]] = [
        (("index" if is_key else "column",) + table + (name.lower(),), True)
        for clause in found.clauses
        for name, is_key in _added(clause)
    ]
    for clause in found.clauses:
        if clause.kind in ("drop_column", "drop_key"):
            kind = "column" if clause.kind == "drop_column" else "index"
            states.append(((kind,) + table + (clause.name.lower(),), False))
        elif [token.upper for token in clause.tokens[:1]] == ["CHANGE"]:
            states.extend(_changed(clause, table))
    names = [thing for thing, _state in states]
    unnamed = any(_unnamed(clause) for clause in found.clauses)
    seen = tuple(
        (thing, not there, there) for thing, there in states if names.count(thing) == 1 and (there or not unnamed)
    )
    drops = any(not state for _thing, state in states)  # indexes may go with a column
    return Meaning(base.tables, base.schemas, None, seen, base.forgotten if drops or unnamed else ())


def _index_name(found: ddl.Ddl) -> str:
    """The name that CREATE INDEX gives. Raises UnknownStatement when it does not stand where it should."""
    for place, token in enumerate(found.head[:-1]):
        if token.upper == "INDEX" and found.head[place + 1].is_name:
            return found.head[place + 1].value
    raise UnknownStatement("an index without a name")


def _added(clause: ddl.Clause) -> List[Tuple[str, bool]]:
    """The column (or index: True) that an ADD clause names, where it can be told."""
    words = clause.tokens
    if clause.kind != "definition" or [token.upper for token in words[:1]] != ["ADD"]:
        return []
    at, is_key = 1, False
    while at < len(words) and words[at].upper in _KINDS:
        is_key = is_key or words[at].upper != "COLUMN"
        at += 1
    if at + 1 >= len(words) or not words[at].is_name or words[at].upper in _NO_NAMES:
        return []
    return [(words[at].value, is_key)]


def _unnamed(clause: ddl.Clause) -> bool:
    """Whether a clause may make an index or a column whose name cannot be told: what another one drops may be there."""
    words = [token.upper for token in clause.tokens]
    if clause.kind != "definition" or words[:1] not in (["ADD"], ["CHANGE"], ["MODIFY"]):
        return False
    added = _added(clause)
    if not added:
        return words[0] == "ADD" or bool(_MAKES_INDEX.intersection(words))
    return not added[0][1] and bool(_MAKES_INDEX.intersection(words))


def _changed(clause: ddl.Clause, table: Pair) -> List[Tuple[Object, bool]]:
    """CHANGE [COLUMN] old new ...: nothing is said when only its definition changes."""
    reader = Reader(clause.tokens)
    reader.accept("CHANGE")
    reader.accept("COLUMN")
    old, new = reader.name().name.lower(), reader.name().name.lower()
    return [] if old == new else [(("column",) + table + (old,), False), (("column",) + table + (new,), True)]


def _pair(name: Name, schema: str) -> Pair:
    full = name.within(schema)
    return full.schema, full.name
