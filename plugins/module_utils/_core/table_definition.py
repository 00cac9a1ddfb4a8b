# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table's definition out of SHOW CREATE TABLE, and what of a statement's effect another definition lacks.

Set aside, because a temporary twin cannot have them or they are counters: AUTO_INCREMENT, foreign keys, partitions,
the names of CHECK constraints (LIKE gives them new ones) and the order of keys in a table with a primary key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from .sql_tokens import COMMENT, NAME, SqlError, Token, closing, depth_split, tokenise

_KEY_WORDS = ("PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "VECTOR")


@dataclass(frozen=True)
class TableDefinition:
    """A table as the server prints it, cut up for comparison.

    :param columns: name and definition, in order.
    :param keys: name (``PRIMARY`` for the primary key) to definition.
    :param unique_order: the unique keys in order, when there is no primary key (then the order matters to InnoDB).
    :param checks: CHECK expressions, sorted, without names.
    :param foreign_keys: name to definition.
    :param others: what else stands between the parentheses.
    :param options: what follows them, without AUTO_INCREMENT and partitions.
    :param partitions: the partition clause.
    """

    columns: Tuple[Tuple[str, str], ...]
    keys: Mapping[str, str]
    unique_order: Tuple[str, ...]
    checks: Tuple[str, ...]
    foreign_keys: Mapping[str, str]
    others: Tuple[str, ...]
    options: str
    partitions: str

    def column(self, name: str) -> Optional[str]:
        """A column's definition, or None; names of columns have no case."""
        return next((text for column, text in self.columns if column.lower() == name.lower()), None)

    @property
    def engine(self) -> str:
        """The storage engine in upper case; '' when none is shown."""
        words = self.options.upper().split()
        return words[2] if words[:2] == ["ENGINE", "="] and len(words) > 2 else ""

    def names(self) -> Tuple[str, ...]:
        """The columns' names in order."""
        return tuple(name for name, _unused in self.columns)


def parse(show_create: str) -> TableDefinition:
    """The definition out of the text of SHOW CREATE TABLE. Raises SqlError when it is no table's."""
    tokens = tokenise(show_create, executable=True)
    opening = next((n for n, token in enumerate(tokens) if token.text == "("), -1)
    if opening < 0 or not any(token.upper == "TABLE" for token in tokens[:opening]):
        raise SqlError("not the definition of a table")
    end = closing(tokens, opening)
    columns: List[Tuple[str, str]] = []
    keys: Dict[str, str] = {}
    unique: List[str] = []
    checks: List[str] = []
    foreign: Dict[str, str] = {}
    others: List[str] = []
    for item in depth_split(tokens[opening + 1 : end]):
        first = item[0] if item else None
        if first is None:
            continue
        if first.kind == NAME:
            columns.append((first.value, _text(item[1:])))
        elif first.upper in _KEY_WORDS:
            name = "PRIMARY" if first.upper == "PRIMARY" else next((t.value for t in item if t.kind == NAME), "")
            keys[name.lower() if name != "PRIMARY" else name] = _text(item)
            if first.upper == "UNIQUE":
                unique.append(name.lower())
        elif first.upper == "CONSTRAINT" and len(item) > 2 and item[2].upper == "FOREIGN":
            foreign[item[1].value.lower()] = _text(item[2:])
        elif first.upper == "CONSTRAINT" and len(item) > 2 and item[2].upper == "CHECK":
            checks.append(_text(item[2:]))
        else:
            others.append(_text(item))
    options, partitions = _tail(tokens[end + 1 :])
    order = () if "PRIMARY" in keys else tuple(unique)
    return TableDefinition(
        tuple(columns), keys, order, tuple(sorted(checks)), foreign, tuple(sorted(others)), options, partitions
    )


def _tail(tokens: Sequence[Token]) -> Tuple[str, str]:
    for place, token in enumerate(tokens):
        comment = token.kind == COMMENT and "PARTITION BY" in token.text.upper()
        if comment or (
            token.upper == "PARTITION" and tokens[place + 1 : place + 2] and tokens[place + 1].upper == "BY"
        ):
            return _options(tokens[:place]), _text(tokens[place:])
    return _options(tokens), ""


def _options(tokens: Sequence[Token]) -> str:
    kept: List[Token] = []
    skip = 0
    for place, token in enumerate(tokens):
        if token.upper == "AUTO_INCREMENT" and place + 2 < len(tokens) and tokens[place + 1].text == "=":
            skip = 3
        if skip:
            skip -= 1
        else:
            kept.append(token)
    return _text(kept)


def _text(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens)


@dataclass(frozen=True)
class Later:
    """Columns and keys that transactions after the failing one add to the same table, as their statements say."""

    columns: FrozenSet[str] = frozenset()
    keys: FrozenSet[str] = frozenset()


NOTHING_LATER = Later()


def lacking_after_alter(
    before: TableDefinition, after: TableDefinition, real: TableDefinition, later: Later = NOTHING_LATER
) -> Tuple[str, ...]:
    """What the real table lacks of what a statement did to the twin, a phrase each; empty when it has everything.

    :param before: the twin before the statement.
    :param after: the twin after it.
    :param real: the real table.
    :param later: what may stand in the real table although the statement does not make it.
    """
    lacking: List[str] = []
    for name, text in after.columns:
        if before.column(name) != text:
            lacking += _differs("column %s" % name, text, real.column(name))
    for name in before.names():
        if after.column(name) is None and real.column(name) is not None:
            lacking.append("column %s is still there" % name)
    lacking += _changed_keys(before, after, real)
    if before.columns != after.columns:
        lacking += _order(after.names(), real.names(), later)
    for check in after.checks:
        wanted = after.checks.count(check)
        if wanted > before.checks.count(check) and real.checks.count(check) < wanted:
            lacking.append("a constraint %s is not there" % check)
    if before.options != after.options and after.options != real.options:
        lacking.append("the table options are %s and not %s" % (real.options, after.options))
    if before.others != after.others and after.others != real.others:
        lacking.append("the definition differs in %s" % "; ".join(after.others))
    return tuple(lacking)


def _changed_keys(before: TableDefinition, after: TableDefinition, real: TableDefinition) -> List[str]:
    lacking: List[str] = []
    for name, text in after.keys.items():
        if before.keys.get(name) != text:
            lacking += _differs("key %s" % name, text, real.keys.get(name))
    for name in before.keys:
        if name not in after.keys and name in real.keys:
            lacking.append("key %s is still there" % name)
    if before.unique_order != after.unique_order and after.unique_order != tuple(
        name for name in real.unique_order if name in after.unique_order
    ):
        lacking.append("the unique keys stand in another order")
    return lacking


def _differs(what: str, wanted: str, found: Optional[str]) -> List[str]:
    if found is None:
        return ["%s is not there" % what]
    return [] if found == wanted else ["%s is %s and not %s" % (what, found, wanted)]


def _order(wanted: Sequence[str], found: Sequence[str], later: Later) -> List[str]:
    known = {name.lower() for name in wanted} & {name.lower() for name in found}
    known -= {name.lower() for name in later.columns}
    first = [name.lower() for name in wanted if name.lower() in known]
    second = [name.lower() for name in found if name.lower() in known]
    if first == second:
        return []
    return ["the columns stand in the order %s and not %s" % (", ".join(second), ", ".join(first))]


def lacking_after_create(
    made: TableDefinition,
    real: TableDefinition,
    later: Later = NOTHING_LATER,
    referring: Sequence[Tuple[str, ...]] = (),
) -> Tuple[str, ...]:
    """What tells the real table from the one that the statement makes, a phrase each; empty when they are equal.

    Partitions of the real table count: the statement has none, or it would not have been taken. Foreign keys do too.

    :param referring: the columns of each foreign key that the statement makes: the server adds a key where none fits.
    """
    lacking: List[str] = []
    for name, text in made.columns:
        lacking += _differs("column %s" % name, text, real.column(name))
    extra = [name for name in real.names() if made.column(name) is None]
    unexplained = [name for name in extra if name.lower() not in later.columns]
    if unexplained:
        lacking.append("there are more columns: %s" % ", ".join(unexplained))
    lacking += _order(made.names(), real.names(), NOTHING_LATER)
    for name, text in made.keys.items():
        lacking += _differs("key %s" % name, text, real.keys.get(name))
    more = [
        name
        for name, text in real.keys.items()
        if name not in made.keys and name not in later.keys and not _serves(text, referring)
    ]
    if more:
        lacking.append("there are more keys: %s" % ", ".join(more))
    if made.unique_order != tuple(name for name in real.unique_order if name in made.unique_order):
        lacking.append("the unique keys stand in another order")
    rest = (
        ("CHECK constraints", "; ".join(made.checks), "; ".join(real.checks)),
        ("table options", made.options, real.options),
        ("other parts", "; ".join(made.others), "; ".join(real.others)),
        ("numbers of foreign keys", str(len(referring)), str(len(real.foreign_keys))),
        ("partitions", "", real.partitions),
    )
    for what, mine, theirs in rest:
        if mine != theirs:
            lacking.append("the %s differ: %s and not %s" % (what, theirs or "none", mine or "none"))
    return tuple(lacking)


def _serves(key: str, referring: Sequence[Tuple[str, ...]]) -> bool:
    """True for a plain key over exactly the columns of a foreign key."""
    words = tokenise(key)
    if [token.upper for token in words[:1]] != ["KEY"]:
        return False
    return tuple(token.value.lower() for token in words[2:] if token.kind == NAME) in set(referring)
