# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a replicated statement defines: its kind, the objects it names, and for ALTER TABLE its clauses.

Only forms that are known are taken; every other one raises, so that nothing is ever concluded from a statement that
was half understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Tuple

from .foreign_key import is_foreign_key
from .sql_reader import Name, Reader, UnknownStatement
from .sql_tokens import SqlError, Token, certain, closing, depth_split, tokenise

ALTER_TABLE = "alter_table"
CREATE_INDEX = "create_index"
DROP_INDEX = "drop_index"
CREATE_TABLE = "create_table"
CREATE_TABLE_LIKE = "create_table_like"
DROP_TABLES = "drop_tables"
DROP_VIEWS = "drop_views"
CREATE_DATABASE = "create_database"
DROP_DATABASE = "drop_database"
CREATE_VIEW = "create_view"
CREATE_PROCEDURE = "create_procedure"
CREATE_FUNCTION = "create_function"
CREATE_TRIGGER = "create_trigger"
CREATE_EVENT = "create_event"
CREATE_USER = "create_user"
CREATE_ROLE = "create_role"
DROP_USER = "drop_user"
DROP_ROLE = "drop_role"

ACCOUNT_KINDS: FrozenSet[str] = frozenset((CREATE_USER, CREATE_ROLE, DROP_USER, DROP_ROLE))

_PROGRAMS = {
    "PROCEDURE": CREATE_PROCEDURE,
    "FUNCTION": CREATE_FUNCTION,
    "TRIGGER": CREATE_TRIGGER,
    "EVENT": CREATE_EVENT,
}
_INDEX_WORDS = ("INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "PRIMARY")
_OPTIONS = frozenset(
    "ENGINE TYPE COMMENT AUTO_INCREMENT DEFAULT CHARACTER CHARSET COLLATE CONVERT ROW_FORMAT MAX_ROWS "
    "MIN_ROWS AVG_ROW_LENGTH CHECKSUM PACK_KEYS DELAY_KEY_WRITE KEY_BLOCK_SIZE STATS_PERSISTENT "
    "STATS_AUTO_RECALC STATS_SAMPLE_PAGES FORCE ORDER_NOTHING".split()
)


@dataclass(frozen=True)
class Clause:
    """One clause of ALTER TABLE.

    ``kind``: ``definition`` (columns, keys, options), ``drop_column``, ``drop_key``, ``add_foreign_key``,
    ``drop_foreign_key``, ``how`` (ALGORITHM, LOCK: say how it is done and leave no trace). ``name``: what is dropped.
    """

    kind: str
    tokens: Tuple[Token, ...]
    name: str = ""


@dataclass(frozen=True)
class Ddl:
    """A statement that was understood.

    :param names: the objects it makes, changes or drops.
    :param head: the tokens before the (single) table's name.
    :param rest: those after it.
    :param clauses: for ALTER TABLE only.
    :param like: for CREATE TABLE ... LIKE only.
    :param tokens: all of them.
    """

    kind: str
    names: Tuple[Name, ...]
    tokens: Tuple[Token, ...]
    head: Tuple[Token, ...] = ()
    rest: Tuple[Token, ...] = ()
    clauses: Tuple[Clause, ...] = ()
    like: Optional[Name] = None


def parse(sql: str) -> Ddl:
    """The statement, understood.

    :raises UnknownStatement: for every form whose effect cannot be verified; the message names what stands in the way.
    """
    try:
        return _parse(sql)
    except SqlError as error:
        raise UnknownStatement(str(error)) from None


def _parse(sql: str) -> Ddl:
    loose = tokenise(sql, executable=True)
    # A program's text is compared as a whole, so how it is cut does not matter; everything else must be certain.
    program = _program(Reader(loose))
    if program is not None:
        return program
    if loose and loose[0].upper in ("CREATE", "DROP") and any(t.upper in ("USER", "ROLE") for t in loose[1:4]):
        from_account = _account(Reader(tokenise(sql)))
        if from_account is not None:
            return from_account
    reader = Reader(certain(sql))
    verb = reader.peek()
    if verb == "ALTER":
        return _alter(reader)
    if verb == "CREATE":
        return _create(reader)
    if verb == "DROP":
        return _drop(reader)
    raise UnknownStatement("it is not a CREATE, ALTER or DROP statement")


def _program(reader: Reader) -> Optional[Ddl]:
    if not reader.accept("CREATE"):
        return None
    if reader.accept("DEFINER", "="):
        reader.account()
    reader.accept("AGGREGATE")
    kind = _PROGRAMS.get(reader.peek())
    if kind is None:
        return None
    head = reader.tokens[: reader.at + 1]
    reader.at += 1
    if reader.accept("IF", "NOT", "EXISTS"):
        raise UnknownStatement("IF NOT EXISTS, with which this error cannot come up")
    name = reader.name()
    if kind == CREATE_FUNCTION and reader.accept("RETURNS") and any(t.upper == "SONAME" for t in reader.rest):
        raise UnknownStatement("a loadable function")
    return Ddl(kind, (name,), reader.tokens, head, reader.rest)


def _account(reader: Reader) -> Optional[Ddl]:
    verb = reader.peek()
    reader.at += 1
    kinds = {
        ("CREATE", "USER"): CREATE_USER,
        ("CREATE", "ROLE"): CREATE_ROLE,
        ("DROP", "USER"): DROP_USER,
        ("DROP", "ROLE"): DROP_ROLE,
    }
    kind = kinds.get((verb, reader.peek()))
    if kind is None:
        return None
    reader.at += 1
    head = reader.tokens[: reader.at]
    if reader.peek() == "IF":
        raise UnknownStatement("IF [NOT] EXISTS, with which this error cannot come up")
    rest = reader.rest
    names: List[Name] = []
    while kind != CREATE_USER and reader.rest:
        user, host = reader.account()
        names.append(Name(host, user))
        if not reader.accept(","):
            reader.end()
    return Ddl(kind, tuple(names), reader.tokens, head, rest)


def _alter(reader: Reader) -> Ddl:
    reader.accept("ALTER")
    reader.accept("ONLINE")
    if not reader.accept("TABLE"):
        raise UnknownStatement("ALTER %s" % reader.peek())
    head = reader.tokens[: reader.at]
    if reader.peek() == "IF":
        raise UnknownStatement("IF EXISTS")
    name = reader.name()
    rest = reader.rest
    clauses = tuple(_clause(part) for part in depth_split(rest)) if rest else ()
    return Ddl(ALTER_TABLE, (name,), reader.tokens, head, rest, clauses)


def _clause(tokens: Tuple[Token, ...]) -> Clause:
    reader = Reader(tokens)
    words = [token.upper for token in tokens]
    for place, word in enumerate(words[:4]):
        if word == "IF" and place in (1, 2):
            raise UnknownStatement("IF [NOT] EXISTS in a clause")
    if reader.accept("ADD"):
        return _add(reader, tokens)
    if reader.accept("DROP"):
        return _drop_clause(reader, tokens)
    if words[:1] in (["ALGORITHM"], ["LOCK"]) and len(words) in (2, 3):
        return Clause("how", tokens)
    if words[:1] in (["MODIFY"], ["CHANGE"], ["ALTER"]) or (words and words[0] in _OPTIONS):
        return Clause("definition", tokens)
    raise UnknownStatement("the clause %s" % " ".join(token.text for token in tokens[:3])[:60])


def _add(reader: Reader, tokens: Tuple[Token, ...]) -> Clause:
    word = reader.peek()
    if is_foreign_key(tokens[1:]):
        return Clause("add_foreign_key", tokens)
    if word in _INDEX_WORDS or word in ("COLUMN", "CONSTRAINT", "CHECK", "("):
        return Clause("definition", tokens)
    if word in ("PARTITION", "SYSTEM", "PERIOD", "VECTOR") or not tokens[1:] or not tokens[1].is_name:
        raise UnknownStatement("the clause ADD %s" % word)
    return Clause("definition", tokens)


def _drop_clause(reader: Reader, tokens: Tuple[Token, ...]) -> Clause:
    kind = "drop_column"
    if reader.accept("PRIMARY", "KEY"):
        reader.end()
        return Clause("drop_key", tokens, "PRIMARY")
    if reader.accept("FOREIGN", "KEY"):
        kind = "drop_foreign_key"
    elif reader.accept("INDEX") or reader.accept("KEY"):
        kind = "drop_key"
    elif not reader.accept("COLUMN") and reader.peek() in ("PARTITION", "CONSTRAINT", "CHECK", "SYSTEM", "PERIOD"):
        raise UnknownStatement("the clause DROP %s" % reader.peek())
    name = reader.name().name
    reader.end()
    return Clause(kind, tokens, name)


def _create(reader: Reader) -> Ddl:
    reader.accept("CREATE")
    if reader.peek() in ("OR", "TEMPORARY"):
        raise UnknownStatement("CREATE %s" % reader.peek())
    if _is_view(reader):
        return _whole(CREATE_VIEW, reader)
    if reader.accept("DATABASE") or reader.accept("SCHEMA"):
        return _whole(CREATE_DATABASE, reader)
    if reader.accept("TABLE"):
        return _create_table(reader)
    if reader.peek() in ("ONLINE", "UNIQUE", "FULLTEXT", "SPATIAL"):
        reader.at += 1
    if reader.accept("INDEX"):
        return _index(CREATE_INDEX, reader)
    raise UnknownStatement("CREATE %s" % reader.peek())


def _is_view(reader: Reader) -> bool:
    """Whether the words up to VIEW come next, which are then read; otherwise nothing is."""
    start = reader.at
    if reader.accept("ALGORITHM", "="):
        reader.at += 1
    if reader.accept("DEFINER", "="):
        reader.account()
    if reader.accept("SQL", "SECURITY"):
        reader.at += 1
    if reader.accept("VIEW"):
        return True
    reader.at = start
    return False


def _whole(kind: str, reader: Reader) -> Ddl:
    if reader.peek() == "IF":
        raise UnknownStatement("IF [NOT] EXISTS, with which this error cannot come up")
    name = reader.name()
    return Ddl(kind, (name,), reader.tokens, (), reader.rest)


def _create_table(reader: Reader) -> Ddl:
    if reader.peek() == "IF":
        raise UnknownStatement("IF NOT EXISTS, with which this error cannot come up")
    head = reader.tokens[: reader.at]
    name = reader.name()
    rest = reader.rest
    bracket = reader.accept("(")
    if reader.accept("LIKE"):
        like = reader.name()
        if bracket and not reader.accept(")"):
            raise UnknownStatement("the parenthesis after LIKE")
        reader.end()
        return Ddl(CREATE_TABLE_LIKE, (name,), reader.tokens, head, rest, (), like)
    if not bracket:
        raise UnknownStatement("a table made from a query")
    closing(rest, 0)
    return Ddl(CREATE_TABLE, (name,), reader.tokens, head, rest)


def _index(kind: str, reader: Reader) -> Ddl:
    if reader.peek() == "IF":
        raise UnknownStatement("IF [NOT] EXISTS")
    index = reader.name()
    while not reader.accept("ON"):
        if not reader.rest or reader.peek() == "(":
            raise UnknownStatement("the table of the index was expected")
        reader.at += 1
    head = reader.tokens[: reader.at]
    table = reader.name()
    clauses = (Clause("drop_key", (), index.name),) if kind == DROP_INDEX else ()
    return Ddl(kind, (table,), reader.tokens, head, reader.rest, clauses)


def _drop(reader: Reader) -> Ddl:
    reader.accept("DROP")
    if reader.accept("ONLINE", "INDEX") or reader.accept("INDEX"):
        return _index(DROP_INDEX, reader)
    if reader.accept("DATABASE") or reader.accept("SCHEMA"):
        database = _whole(DROP_DATABASE, reader)
        if database.rest:
            raise UnknownStatement("the word %s" % database.rest[0].text[:40])
        return database
    kind = DROP_VIEWS if reader.peek() == "VIEW" else DROP_TABLES
    if not (reader.accept("TABLE") or reader.accept("TABLES") or reader.accept("VIEW")):
        raise UnknownStatement("DROP %s" % reader.peek())
    if reader.peek() == "IF":
        raise UnknownStatement("IF EXISTS, with which this error cannot come up")
    names = [reader.name()]
    while reader.accept(","):
        names.append(reader.name())
    if not (reader.accept("RESTRICT") or reader.accept("CASCADE")):
        reader.end()
    reader.end()
    return Ddl(kind, tuple(names), reader.tokens)
