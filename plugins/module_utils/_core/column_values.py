# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ALTER TABLE does to the values in the rows, which no definition shows: only what is certain counts as there."""

from __future__ import annotations

from typing import Iterator, List, Optional, Sequence, Tuple

from .ddl import Ddl
from .sql_reader import UnknownStatement
from .sql_tokens import STRING, WORD, Token, closing, depth_split, tokenise
from .table_definition import TableDefinition

NOT_COMPARED = "the values in its rows were not compared"

_LITERAL_WORDS = ("NULL", "TRUE", "FALSE")
_PREFIXES = ("B", "X", "N")


def check_kept(ddl: Ddl) -> None:
    """Refuse a statement that gives up a column and makes one of the same name: its values go and the name stays.

    Then the table's definition is the same before and after, and looking at it proves nothing.

    :raises UnknownStatement: naming the columns.
    """
    gone, made = [], []
    for tokens in _column_clauses(ddl):
        old, new = _changed(tokens)
        gone += [name.lower() for name in old if name.lower() not in [other.lower() for other in new]]
        made += [name.lower() for name in new if name.lower() not in [other.lower() for other in old]]
    both = sorted(set(gone) & set(made))
    if both:
        raise UnknownStatement("it drops and makes the column %s: its values cannot be seen" % ", ".join(both))


def unlike(ddl: Ddl, after: TableDefinition) -> Tuple[str, ...]:
    """The added columns whose values in existing rows differ from server to server, a phrase each.

    A literal default (or none) gives every row the same value everywhere, and generated columns follow the others. The
    time of the statement, an expression and an automatic number do not (manual: "Data Type Default Values").

    :param after: the table after the statement, as the server prints it.
    """
    found: List[str] = []
    for name in added(ddl):
        text = after.column(name)
        if text is not None and not is_fixed(text):
            found.append("the values of column %s (%s) in the rows that are there cannot be known to be the source's"
                         % (name, text))  # fmt: skip
    return tuple(found)


def touches(before: TableDefinition, after: TableDefinition) -> bool:
    """Whether the statement gives rows new values: columns that it adds or converts, or other table options."""
    changed = any(before.column(name) != text for name, text in after.columns)
    return changed or before.options != after.options


def added(ddl: Ddl) -> Tuple[str, ...]:
    """The names of the columns that the statement adds."""
    return tuple(name for tokens in _column_clauses(ddl) if tokens[0].upper == "ADD" for name in _changed(tokens)[1])


def is_fixed(definition: str) -> bool:
    """Whether a column that is added with this definition gets the same value in every row, on every server.

    :param definition: what SHOW CREATE TABLE prints behind the column's name.
    """
    tokens = tokenise(definition, executable=True)
    words = [token.upper for token in tokens]
    if "AUTO_INCREMENT" in words or ("ON", "UPDATE") in zip(words, words[1:]):
        return False
    if "GENERATED" in words:
        return "ROW" not in words
    if "DEFAULT" not in words:
        return True
    rest = list(tokens[words.index("DEFAULT") + 1 :])
    if rest and rest[0].text in ("-", "+"):
        del rest[0]
    length = _literal(rest)
    return length is not None and (len(rest) == length or rest[length].kind != "symbol")


def _literal(tokens: Sequence[Token]) -> Optional[int]:
    """How many tokens the literal at the beginning has; None when there is none."""
    if not tokens:
        return None
    first = tokens[0]
    if first.kind == STRING or first.upper in _LITERAL_WORDS:
        return 1
    quoted = len(tokens) > 1 and tokens[1].kind == STRING
    if quoted and (first.upper in _PREFIXES or (first.kind == WORD and first.text.startswith("_"))):
        return 2
    if first.kind != WORD or not first.text[:1].isdigit():
        return None
    if len(tokens) > 2 and tokens[1].text == "." and tokens[2].text.isdigit():
        return 3
    return 1


def _column_clauses(ddl: Ddl) -> Iterator[Tuple[Token, ...]]:
    for clause in ddl.clauses:
        if clause.tokens and clause.kind in ("definition", "drop_column"):
            yield clause.tokens


def _changed(tokens: Sequence[Token]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """The columns that a clause gives up and those that it makes, by name; CHANGE does both."""
    verb = tokens[0].upper
    words = list(tokens[2:] if len(tokens) > 1 and tokens[1].upper == "COLUMN" else tokens[1:])
    if not words:
        return (), ()
    if verb == "DROP":
        return (words[0].value,), ()
    if verb == "CHANGE" and len(words) > 1:
        return (words[0].value,), (words[1].value,)
    if verb == "ADD" and words[0].text == "(":
        items = depth_split(words[1 : closing(words, 0)])
        return (), tuple(item[0].value for item in items if item and _is_column(item))
    if verb == "ADD" and _is_column(words):
        return (), (words[0].value,)
    return (), ()


def _is_column(words: Sequence[Token]) -> bool:
    keys = ("PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "VECTOR", "CONSTRAINT", "CHECK", "FOREIGN")
    return words[0].is_name and words[0].upper not in keys
