# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements on the twin: a temporary table on which the server shows what a replicated statement would have made.

Every text that leaves this module is put together from tokens, names no table but the twin, and holds no word that
could reach another one: the real table cannot be touched by any input.
"""

from __future__ import annotations

import zlib
from typing import FrozenSet, List, Optional, Sequence, Tuple

from .ddl import ALTER_TABLE, CREATE_INDEX, CREATE_TABLE, CREATE_TABLE_LIKE, DROP_INDEX, Ddl
from .foreign_key import ForeignKey, is_foreign_key
from .foreign_key import parse as parse_foreign_key
from .sql_reader import Name, UnknownStatement
from .sql_tokens import COMMENT, SYMBOL, Token, closing, depth_split, tokenise
from .statement import identifier, qualified

ENGINES: FrozenSet[str] = frozenset(("INNODB", "MYISAM", "ARIA", "MEMORY", "HEAP"))
_FORBIDDEN: FrozenSet[str] = frozenset(
    ("SELECT", "REFERENCES", "RENAME", "UNION", "PARTITION", "TABLE", "CALL", "INSERT", "DELETE", "NEXTVAL", "SETVAL",
     "LASTVAL", "LOAD_FILE", "TABLESPACE")
)  # fmt: skip
_FORBIDDEN_PAIRS: FrozenSet[Tuple[str, str]] = frozenset(
    (("REMOVE", "PARTITIONING"), ("NEXT", "VALUE"), ("PREVIOUS", "VALUE"), ("DATA", "DIRECTORY"), ("VALUES", "ROW"),
     ("INDEX", "DIRECTORY"), ("SYSTEM", "VERSIONING"), ("PERIOD", "FOR"), ("CONNECTION", "="), ("START", "TRANSACTION"),
     ("SECONDARY_ENGINE", "="))
)  # fmt: skip
# Partitioned (MySQL; MariaDB) and with a FULLTEXT key in InnoDB: no temporary copies (measured on all flavours).
LIKE_REFUSED: FrozenSet[int] = frozenset((1562, 1478, 1796))
_DUMMY = "_replicaops_dummy"


_OTHER_LANGUAGE = frozenset(("ANSI", "ORACLE", "MSSQL", "DB2", "POSTGRESQL", "MAXDB", "EMPTY_STRING_IS_NULL"))
_PRINTS_OTHERWISE = frozenset(
    (
        "ANSI_QUOTES",
        "NO_BACKSLASH_ESCAPES",
        "NO_FIELD_OPTIONS",
        "NO_KEY_OPTIONS",
        "NO_TABLE_OPTIONS",
        "MYSQL323",
        "MYSQL40",
        "NO_UNSIGNED_SUBTRACTION",
    )
)


def session_mode(global_mode: str) -> str:
    """The sql_mode for the twin: the server's, without what changes how definitions are printed.

    No statement that is taken depends on those, see `sql_tokens.certain`.

    :raises UnknownStatement: for modes under which a statement may mean something else altogether.
    """
    modes = [mode for mode in global_mode.upper().split(",") if mode]
    other = [mode for mode in modes if mode in _OTHER_LANGUAGE]
    if other:
        raise UnknownStatement("the server's sql_mode %s" % other[-1])
    return ",".join(mode for mode in modes if mode not in _PRINTS_OTHERWISE)


def twin_name(connection_id: int) -> str:
    """The twin's name in this session. The prefix is reserved for it; a temporary table hides nothing else."""
    return "_replicaops_twin_%d" % connection_id


def joined(tokens: Sequence[Token]) -> str:
    """The tokens as a text without comments; one space wherever something stood between two of them."""
    parts: List[str] = []
    for index, token in enumerate(tokens):
        if index and tokens[index - 1].end != token.start:
            parts.append(" ")
        parts.append(token.text)
    return "".join(parts)


def create_like(twin: Name, table: Name) -> str:
    """The twin of a table, without its rows, foreign keys and triggers (manual: "CREATE TABLE ... LIKE")."""
    return "CREATE TEMPORARY TABLE %s LIKE %s" % (_sql(twin), _sql(table))


def create_from(definition: str, twin: Name) -> str:
    """The twin of a table from its SHOW CREATE TABLE, without partitions, foreign keys and FULLTEXT keys.

    For tables of which the server refuses temporary copies by LIKE (see `LIKE_REFUSED`).
    """
    tokens = tokenise(definition, executable=True)
    opening = next((n for n, token in enumerate(tokens) if token.text == "("), -1)
    if opening < 0:
        raise UnknownStatement("the table's own definition")
    end = closing(tokens, opening)
    items = [item for item in depth_split(tokens[opening + 1 : end]) if not _is_left_out(item)]
    tail: List[Token] = []
    for token in tokens[end + 1 :]:
        if token.upper == "PARTITION" or (token.kind == COMMENT and "PARTITION BY" in token.text.upper()):
            break
        tail.append(token)
    body = ", ".join(joined(item) for item in items)
    return "CREATE TEMPORARY TABLE %s (%s) %s" % (_sql(twin), body, joined(tail))


def drop(twin: Name) -> str:
    """Drop the twin and nothing else."""
    return "DROP TEMPORARY TABLE IF EXISTS %s" % _sql(twin)


def apply(ddl: Ddl, twin: Name, schema: str) -> Optional[str]:
    """The replicated statement with the twin in its table's place; None when nothing of it can change a definition.

    :param schema: the statement's default database.
    :raises UnknownStatement: when it holds something that could reach beyond the twin.
    """
    if ddl.kind == CREATE_TABLE_LIKE and ddl.like is not None:
        return create_like(twin, ddl.like.within(schema))
    if ddl.kind == CREATE_TABLE:
        end = closing(ddl.rest, 0)
        items = [item for item in depth_split(ddl.rest[1:end]) if not is_foreign_key(item)]
        body = ", ".join(joined(_checked(item)) for item in items)
        options = joined(_checked(ddl.rest[end + 1 :], True))
        return ("CREATE TEMPORARY TABLE %s (%s) %s" % (_sql(twin), body, options)).strip()
    if ddl.kind == ALTER_TABLE:
        kept = [clause.tokens for clause in ddl.clauses if clause.kind not in _LEFT_OUT]
        parts = [joined(_checked(tokens, tokens[0].upper not in _COLUMN_VERBS)) for tokens in kept]
        return "ALTER TABLE %s %s" % (_sql(twin), ", ".join(parts)) if parts else None
    if ddl.kind == CREATE_INDEX:
        end = closing(ddl.rest, 0) if ddl.rest and ddl.rest[0].text == "(" else -1
        tail = _without_how(ddl.rest[end + 1 :])
        text = "%s %s %s %s" % (
            joined(_checked(ddl.head)),
            _sql(twin),
            joined(_checked(ddl.rest[: end + 1])),
            joined(_checked(tail)),
        )
        return text.strip()
    if ddl.kind == DROP_INDEX:
        if _without_how(ddl.rest):
            raise UnknownStatement("the end of the DROP INDEX statement")
        return "DROP INDEX %s ON %s" % (identifier(ddl.clauses[0].name), _sql(twin))
    raise UnknownStatement("a statement that is not about one table")


_COLUMN_VERBS = ("ADD", "MODIFY", "CHANGE", "ALTER", "DROP")
_LEFT_OUT = ("how", "add_foreign_key", "drop_foreign_key")


def take_away(number: int, name: str, ddl: Ddl, twin: Name) -> Tuple[str, ...]:
    """What makes the twin look as the source's table did before the statement, after this error came up.

    1060 and 1061: the column or key that is there already goes; 1091: one of that name is put there to be dropped.

    :raises UnknownStatement: when the error names something else than the statement does.
    """
    table = "ALTER TABLE %s " % _sql(twin)
    if number == 1060:
        return (table + "DROP COLUMN %s" % identifier(name),)
    if number == 1061:
        return (table + ("DROP PRIMARY KEY" if name.upper() == "PRIMARY" else "DROP INDEX %s" % identifier(name)),)
    kinds = {clause.kind for clause in ddl.clauses if clause.name.lower() == name.lower()}
    dummy = identifier("%s_%08x" % (_DUMMY, zlib.crc32(name.lower().encode())))
    if kinds == {"drop_column"}:
        return (table + "ADD COLUMN %s INT" % identifier(name),)
    if kinds == {"drop_key"} and name.upper() == "PRIMARY":
        return (table + "ADD COLUMN %s INT NOT NULL PRIMARY KEY" % dummy,)
    if kinds == {"drop_key"}:
        return (table + "ADD COLUMN %s INT, ADD INDEX %s (%s)" % (dummy, identifier(name), dummy),)
    raise UnknownStatement("what the error names (%s) is not what the statement drops" % name)


def made_foreign_keys(ddl: Ddl, schema: str) -> Tuple[ForeignKey, ...]:
    """The foreign keys that the statement makes; a twin has none, so they are looked up at the real table.

    :param schema: of the table.
    """
    if ddl.kind == CREATE_TABLE:
        items = depth_split(ddl.rest[1 : closing(ddl.rest, 0)])
        return tuple(parse_foreign_key(item, schema) for item in items if is_foreign_key(item))
    added = (clause.tokens[1:] for clause in ddl.clauses if clause.kind == "add_foreign_key")
    return tuple(parse_foreign_key(tokens, schema) for tokens in added)


def dropped_foreign_keys(ddl: Ddl) -> Tuple[str, ...]:
    """The foreign keys that the statement drops; a twin has none, so they are looked up at the real table."""
    return tuple(clause.name for clause in ddl.clauses if clause.kind == "drop_foreign_key")


def _checked(tokens: Sequence[Token], options: bool = False) -> Sequence[Token]:
    """The tokens, if none of them could reach another table, a file or another server.

    :param options: table options are among them (elsewhere a column may be called ``engine``).
    """
    words = [token.upper for token in tokens]
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        if word in _FORBIDDEN or (word, following) in _FORBIDDEN_PAIRS:
            raise UnknownStatement("the word %s" % (word if word in _FORBIDDEN else word + " " + following))
        if tokens[place].kind == SYMBOL and word == "@":
            raise UnknownStatement("a variable")
        if options and word in ("ENGINE", "TYPE") and words[:place].count("(") == words[:place].count(")"):
            value = tokens[place + (2 if following == "=" else 1) :][:1]
            if not value or value[0].value.upper() not in ENGINES:
                raise UnknownStatement("the storage engine %s" % (value[0].value[:40] if value else ""))
    return tokens


def _without_how(tokens: Sequence[Token]) -> Tuple[Token, ...]:
    """Index options without ALGORITHM and LOCK, which no temporary table takes and no definition shows."""
    kept: List[Token] = []
    place = 0
    while place < len(tokens):
        if tokens[place].upper in ("ALGORITHM", "LOCK"):
            place += 3 if place + 1 < len(tokens) and tokens[place + 1].text == "=" else 2
        else:
            kept.append(tokens[place])
            place += 1
    return tuple(kept)


def _is_left_out(item: Sequence[Token]) -> bool:
    return any(token.upper in ("FOREIGN", "FULLTEXT") for token in item[:3])


def _sql(name: Name) -> str:
    return qualified(name.schema, name.name)
