# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which question decides whether what a failing statement wants is there already, and whether the error allows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, List, Mapping, Optional, Tuple

from . import ddl as forms
from .ddl import Ddl
from .sql_reader import Name, UnknownStatement
from .table_definition import Later

TWIN = "twin"
ABSENT = "absent"
DATABASE = "database"
DATABASE_ABSENT = "database_absent"
VIEW = "view"
PROGRAM = "program"
ACCOUNTS_ABSENT = "accounts_absent"
ACCOUNTS_PRESENT = "accounts_present"

PRESENT = "present"
NOT_VERIFIED = "not_verified"
APPLIED = "applied"

_KINDS: Mapping[int, FrozenSet[str]] = {
    1050: frozenset((forms.CREATE_TABLE, forms.CREATE_TABLE_LIKE, forms.CREATE_VIEW)),
    1060: frozenset((forms.ALTER_TABLE,)),
    1061: frozenset((forms.ALTER_TABLE, forms.CREATE_INDEX)),
    1091: frozenset((forms.ALTER_TABLE, forms.DROP_INDEX)),
    1051: frozenset((forms.DROP_TABLES, forms.DROP_VIEWS)),
    1007: frozenset((forms.CREATE_DATABASE,)),
    1008: frozenset((forms.DROP_DATABASE,)),
    # What a DROP of something says when not even its database is there.
    1049: frozenset((forms.DROP_TABLES, forms.DROP_VIEWS)),
    1304: frozenset((forms.CREATE_PROCEDURE, forms.CREATE_FUNCTION)),
    1359: frozenset((forms.CREATE_TRIGGER,)),
    # What MySQL 5.6 says of the same trigger made twice: it has room for one of each kind only (measured).
    1235: frozenset((forms.CREATE_TRIGGER,)),
    1537: frozenset((forms.CREATE_EVENT,)),
    1396: forms.ACCOUNT_KINDS,
}
SUPPORTED: Tuple[int, ...] = tuple(sorted(_KINDS))

_QUESTIONS: Dict[str, str] = {
    forms.CREATE_TABLE: TWIN, forms.CREATE_TABLE_LIKE: TWIN, forms.ALTER_TABLE: TWIN, forms.CREATE_INDEX: TWIN,
    forms.DROP_INDEX: TWIN, forms.DROP_TABLES: ABSENT, forms.DROP_VIEWS: ABSENT, forms.CREATE_DATABASE: DATABASE,
    forms.DROP_DATABASE: DATABASE_ABSENT, forms.CREATE_VIEW: VIEW,
    forms.CREATE_PROCEDURE: PROGRAM, forms.CREATE_FUNCTION: PROGRAM, forms.CREATE_TRIGGER: PROGRAM,
    forms.CREATE_EVENT: PROGRAM, forms.CREATE_USER: ACCOUNTS_PRESENT, forms.CREATE_ROLE: ACCOUNTS_PRESENT,
    forms.DROP_USER: ACCOUNTS_ABSENT, forms.DROP_ROLE: ACCOUNTS_ABSENT,
}  # fmt: skip

# Duplicate row, missing row: what the transaction wants may be there, which its row images tell.
ROW_ERRORS: Tuple[int, ...] = (1032, 1062)
# What these want is never there. Their transactions can be given up, which loses them.
ONLY_GIVEN_UP: Tuple[int, ...] = (1048, 1136, 1146, 1264, 1364, 1366, 1406, 1451, 1452, 1677, 3819, 4025, 13146)

# What stands behind an error that no skip of a statement can repair, and what does.
_ROWS = "the change that it stands for is not there, and passing the transaction would lose it"
_HEAL = "Make the rows equal to the source's, or find the position the data is at, or rebuild the replica."
_NOT_HERE: Mapping[int, Tuple[str, str]] = {
    1049: (
        "the database is missing, and so is all that was in it: make it (with sql_log_bin = 0) as SHOW CREATE DATABASE"
        " on the source says, and its tables with their rows",
        "Restore its tables (table_repair with create_missing), or rebuild the replica.",
    ),
    1136: ("the statement's columns do not fit the table, which has been changed already", _HEAL),
    1146: ("the table is missing, and so are its rows", "Restore its definition and rows, or rebuild the replica."),
    1677: ("the table's columns differ", "Alter the table as the source has it, then start the applier again."),
    13146: ("the table's columns differ", "Alter the table as the source has it, then start the applier again."),
    1451: (_ROWS, _HEAL),
    1452: (_ROWS, _HEAL),
    13113: ("source and replica got different errors for it: passing it leaves the rows different", _HEAL),
    1594: ("the relay log cannot be read", "Fetch the relay logs anew (replica_channel with refetch)."),
    13121: ("the relay log cannot be read", "Fetch the relay logs anew (replica_channel with refetch)."),
    1205: ("it is a lock wait, which passes", "Start the applier again."),
    1213: ("it is a deadlock, which passes", "Start the applier again."),
}

_NAMED = re.compile(r"""'((?:[^']|'(?!;|$|\s*on query))*)'|`((?:[^`]|``)*)`""")


@dataclass(frozen=True)
class Question:
    """What the server is asked.

    :param kind: one of the constants above.
    :param ddl: the statement.
    :param number: the error it met.
    :param schema: its default database.
    """

    kind: str
    ddl: Ddl
    number: int
    schema: str

    def names(self) -> Tuple[Name, ...]:
        """The objects with their databases. Raises UnknownStatement when one has none."""
        return tuple(name.within(self.schema) for name in self.ddl.names)


@dataclass(frozen=True)
class Verdict:
    """Whether what a statement wants is there.

    :param lacking: what is not there, or why it cannot be known, a phrase each; empty when everything is there.
    :param evidence: what was looked at and found, a phrase each.
    """

    lacking: Tuple[str, ...] = ()
    evidence: Tuple[str, ...] = ()

    @property
    def present(self) -> bool:
        """True when the whole effect is there."""
        return not self.lacking


def question(number: int, statement: str, schema: str) -> Question:
    """The question that decides about this error of this statement.

    :raises UnknownStatement: when the effect of such a statement cannot be verified; the message is a reason.
    """
    if number not in _KINDS:
        raise UnknownStatement(reason(number)[0])
    ddl = forms.parse(statement)
    if ddl.kind not in _KINDS[number]:
        if number in _NOT_HERE:
            raise UnknownStatement(_NOT_HERE[number][0])
        raise UnknownStatement("error %d does not fit a %s statement" % (number, ddl.kind.replace("_", " ").upper()))
    return Question(_QUESTIONS[ddl.kind], ddl, number, schema)


def is_passed(number: int, proven: bool) -> bool:
    """Whether a transaction that met this error may be passed at all.

    :param proven: only when its whole effect is verified to be present.
    """
    return number in SUPPORTED or number in ROW_ERRORS or (not proven and number in ONLY_GIVEN_UP)


def reason(number: int) -> Tuple[str, str]:
    """Why an error's transaction is not passed by this version, and what to do instead."""
    return _NOT_HERE.get(
        number,
        (
            "whether its effect is there cannot be verified for error %d" % number,
            "Look at the error; errors whose statements can be passed are %s."
            % ", ".join(str(n) for n in (*SUPPORTED, *ROW_ERRORS)),
        ),
    )


def conflicting(text: str) -> str:
    """The column or key that a 1060, 1061 or 1091 text names (measured: quotes on MySQL, backticks on MariaDB).

    :raises UnknownStatement: when it names none.
    """
    match = _NAMED.search(text[text.find("DROP") + 4 :] if "DROP" in text else text[text.find("name ") + 5 :])
    found = (match.group(1) or match.group(2) or "") if match else ""
    if not found:
        raise UnknownStatement("the error text %s" % text[:80])
    return found


def later(statements: Iterable[Tuple[str, str]], table: Name) -> Later:
    """Columns and keys that later statements add to a table.

    :param statements: text and default database of each.
    :param table: with its schema.
    """
    columns: List[str] = []
    keys: List[str] = []
    for text, schema in statements:
        try:
            ddl = forms.parse(text)
            if ddl.kind not in (forms.ALTER_TABLE, forms.CREATE_INDEX) or not _same(ddl.names[0].within(schema), table):
                continue
            for name, is_key in _added(ddl):
                (keys if is_key else columns).append(name.lower())
        except UnknownStatement:
            continue
    return Later(frozenset(columns), frozenset(keys))


def _same(one: Name, other: Name) -> bool:
    return (one.schema.lower(), one.name.lower()) == (other.schema.lower(), other.name.lower())


def _added(ddl: Ddl) -> List[Tuple[str, bool]]:
    if ddl.kind == forms.CREATE_INDEX:
        on = next(n for n in range(len(ddl.head) - 1, -1, -1) if ddl.head[n].upper == "ON")
        index = next(n for n, token in enumerate(ddl.head) if token.upper == "INDEX")
        return [(ddl.head[index + 1].value, True)] if index + 1 < on else []
    out: List[Tuple[str, bool]] = []
    for clause in ddl.clauses:
        words = list(clause.tokens)
        if not words or words[0].upper != "ADD":
            continue
        at = 1
        is_key = False
        while at < len(words) and words[at].upper in ("COLUMN", "UNIQUE", "INDEX", "KEY", "FULLTEXT", "SPATIAL"):
            is_key = is_key or words[at].upper != "COLUMN"
            at += 1
        if at < len(words) and words[at].is_name and words[at].upper not in ("PRIMARY", "CONSTRAINT", "CHECK"):
            out.append((words[at].value, is_key))
    return out


def database_options(ddl: Ddl) -> Tuple[Optional[str], Optional[str]]:
    """Character set and collation that a CREATE DATABASE gives, each None when it does not.

    :raises UnknownStatement: for any other option.
    """
    words = [token for token in ddl.rest if token.text != "="]
    charset: Optional[str] = None
    collation: Optional[str] = None
    at = 0
    while at < len(words):
        word = words[at].upper
        if word == "DEFAULT":
            at += 1
        elif word == "CHARACTER" and at + 2 < len(words) and words[at + 1].upper == "SET":
            charset, at = words[at + 2].value.lower(), at + 3
        elif word == "CHARSET" and at + 1 < len(words):
            charset, at = words[at + 1].value.lower(), at + 2
        elif word == "COLLATE" and at + 1 < len(words):
            collation, at = words[at + 1].value.lower(), at + 2
        else:
            raise UnknownStatement("the option %s of the database" % words[at].text[:40])
    return charset, collation
