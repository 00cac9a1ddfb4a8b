# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tables a statement may have touched, by its text and what both servers have.

Wrong in one direction only: every known table whose name stands in the text is named, also one that is only read; with
the tables of its triggers, of routines and views whose names stand there, and of cascading foreign keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, Iterable, List, Optional, Sequence, Set, Tuple

Pair = Tuple[str, str]

_TOKEN = re.compile(
    r"'(?:[^'\\]|''|\\.)*'|`((?:[^`]|``)*)`|\"((?:[^\"\\]|\"\"|\\.)*)\"|/\*(?![!M])[^*]*(?:\*(?!/)[^*]*)*\*/|([\w$]+)",
    re.S | re.U,
)
_DYNAMIC = frozenset(("prepare", "execute"))
HIDDEN = "the account may not read the text of %s"
DYNAMIC = "%s makes its statements out of texts"


@dataclass(frozen=True)
class Body:
    """An object that statements of its own belong to.

    :param kind: ``trigger``, ``routine`` or ``view``.
    :param schema: its own, in which names without a schema are looked up; ``name`` is that by which it is reached: the
        table of a trigger.
    :param text: None when the account may not read it.
    """

    kind: str
    schema: str
    name: str
    text: Optional[str]


@dataclass(frozen=True)
class Known:
    """What both servers have together.

    :param foreign_keys: the table that has one and the one it references.
    """

    tables: FrozenSet[Pair]
    bodies: Tuple[Body, ...] = ()
    foreign_keys: Tuple[Tuple[Pair, Pair], ...] = ()


@dataclass(frozen=True)
class Found:
    """The tables, and why there may be others; '' when there are none."""

    tables: Tuple[Pair, ...]
    unknown: str = ""


def words(text: str) -> FrozenSet[str]:
    """Every word and quoted name of a statement, in one case."""
    found: Set[str] = set()
    for match in _TOKEN.finditer(text):
        back, double, plain = match.groups()
        for name in (back.replace("``", "`") if back else back, double.replace('""', '"') if double else double, plain):
            if name:
                found.add(name.casefold())
    return frozenset(found)


def touched(statements: Iterable[Tuple[str, str]], written: Iterable[Pair], known: Known) -> Found:
    """The tables that statements may have touched.

    :param statements: text and default database of each.
    :param written: tables that the binlog names itself, by row events.
    """
    todo: List[Tuple[FrozenSet[str], str]] = [(words(text), schema) for text, schema in statements]
    wanted = {(schema.casefold(), name.casefold()) for schema, name in written}
    tables: Set[Pair] = {pair for pair in known.tables if (pair[0].casefold(), pair[1].casefold()) in wanted}
    seen: Set[Tuple[str, str, str, str]] = set()
    unknown = ""
    fresh = set(tables)
    while todo or fresh:
        named = [item for item in known.bodies if item.kind == "trigger" and (item.schema, item.name) in fresh]
        fresh = set()
        if todo:
            tokens, schema = todo.pop()
            fresh = {pair for pair in known.tables if pair not in tables and _says(tokens, schema, pair)}
            tables |= fresh
            named += [
                item
                for item in known.bodies
                if item.kind != "trigger" and _says(tokens, schema, (item.schema, item.name))
            ]
        for body in named:
            key = (body.kind, body.schema, body.name, body.text or "")
            if key in seen:
                continue
            seen.add(key)
            if body.text is None:
                unknown = unknown or HIDDEN % ("%s %s.%s" % (body.kind, body.schema, body.name))
                continue
            inner = words(body.text)
            if inner & _DYNAMIC:
                unknown = unknown or DYNAMIC % ("%s %s.%s" % (body.kind, body.schema, body.name))
            todo.append((inner, body.schema))
    return Found(tuple(sorted(_with_children(tables, known.foreign_keys))), unknown)


def _says(tokens: FrozenSet[str], schema: str, pair: Pair) -> bool:
    return pair[1].casefold() in tokens and (pair[0].casefold() == schema.casefold() or pair[0].casefold() in tokens)


def _with_children(tables: Set[Pair], keys: Sequence[Tuple[Pair, Pair]]) -> Set[Pair]:
    found = set(tables)
    grown = True
    while grown:
        more = {child for child, parent in keys if parent in found} - found
        found |= more
        grown = bool(more)
    return found
