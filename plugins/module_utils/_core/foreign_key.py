# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign keys in statements and definitions: a temporary table can have none, so they are compared as texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .sql_reader import Reader, UnknownStatement
from .sql_tokens import Token, closing, tokenise

_AUTOMATIC = re.compile(r"_ibfk_\d+$")


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key; ``name`` is '' where the statement leaves it to the server. Everything is in lower case.

    RESTRICT, NO ACTION and nothing are the same to InnoDB and are '' here.
    """

    name: str
    columns: Tuple[str, ...]
    table: Tuple[str, str]
    references: Tuple[str, ...]
    on_delete: str
    on_update: str

    def __str__(self) -> str:
        return "foreign key %s (%s)" % (self.name or "without a name", ", ".join(self.columns))


def is_foreign_key(item: Sequence[Token]) -> bool:
    """True for ``[CONSTRAINT [name]] FOREIGN KEY ...``."""
    words = [token.upper for token in item[:3]]
    return words[:1] == ["FOREIGN"] or (words[:1] == ["CONSTRAINT"] and "FOREIGN" in words[1:])


def parse(item: Sequence[Token], schema: str) -> ForeignKey:
    """The foreign key that an item of CREATE TABLE, or a clause behind ADD, defines.

    :param schema: of the table it belongs to, which a name without one means.
    :raises UnknownStatement: when it is written in a way that is not known.
    """
    reader = Reader(item)
    name = ""
    if reader.accept("CONSTRAINT") and reader.peek() != "FOREIGN":
        name = reader.name().name
    if not reader.accept("FOREIGN", "KEY"):
        raise UnknownStatement("a foreign key")
    if reader.peek() != "(":
        reader.name()  # the name of the key, if one has to be made; not the constraint's
    columns = _columns(reader)
    if not reader.accept("REFERENCES"):
        raise UnknownStatement("a foreign key without REFERENCES")
    table = reader.name().within(schema)
    references = _columns(reader)
    actions: Dict[str, str] = {"DELETE": "", "UPDATE": ""}
    while reader.accept("ON"):
        event = reader.peek()
        reader.at += 1
        if event not in actions:
            raise UnknownStatement("a foreign key ON %s" % event)
        actions[event] = _action(reader)
    reader.end()
    target = (table.schema.lower(), table.name.lower())
    return ForeignKey(name.lower(), columns, target, references, actions["DELETE"], actions["UPDATE"])


def _columns(reader: Reader) -> Tuple[str, ...]:
    if reader.peek() != "(":
        raise UnknownStatement("the columns of a foreign key")
    end = closing(reader.tokens, reader.at)
    inside = reader.tokens[reader.at + 1 : end]
    names = inside[::2]
    if not inside or any(token.text != "," for token in inside[1::2]) or not all(token.is_name for token in names):
        raise UnknownStatement("the columns of a foreign key")
    reader.at = end + 1
    return tuple(token.value.lower() for token in names)


def _action(reader: Reader) -> str:
    for words in (("CASCADE",), ("RESTRICT",), ("SET", "NULL"), ("SET", "DEFAULT"), ("NO", "ACTION")):
        if reader.accept(*words):
            return "" if words[0] in ("RESTRICT", "NO") else " ".join(words)
    raise UnknownStatement("what a foreign key does ON %s" % reader.peek())


def shown(foreign_keys: Mapping[str, str], schema: str) -> Dict[str, ForeignKey]:
    """The foreign keys of a definition (`table_definition.TableDefinition.foreign_keys`) by name."""
    return {
        name: parse(tokenise("CONSTRAINT `%s` %s" % (name.replace("`", "``"), text)), schema)
        for name, text in foreign_keys.items()
    }


def lacking(wanted: Sequence[ForeignKey], found: Mapping[str, ForeignKey]) -> Tuple[str, ...]:
    """Which of the wanted foreign keys are not there, a phrase each."""
    left = dict(found)
    missing: List[str] = []
    for key in wanted:
        name = _match(key, left)
        if name is None:
            missing.append("%s is not there, or is another one" % key)
        else:
            del left[name]
    return tuple(missing)


def _match(wanted: ForeignKey, found: Mapping[str, ForeignKey]) -> Optional[str]:
    for name, key in found.items():
        named = name == wanted.name if wanted.name else _AUTOMATIC.search(name) is not None
        same = (key.columns, key.table, key.references) == (wanted.columns, wanted.table, wanted.references)
        if named and same and (key.on_delete, key.on_update) == (wanted.on_delete, wanted.on_update):
            return name
    return None
