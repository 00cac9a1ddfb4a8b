# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether databases, views, stored programs and accounts are what a failing statement wants: by looking at them."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

from .._core import account_statement as accounts
from .._core import effect as questions
from .._core import program, twin
from .._core.ddl import CREATE_EVENT, CREATE_ROLE
from .._core.effect import Question, Verdict
from .._core.errors import PrivilegeError, ServerError
from .._core.sql_reader import Name, UnknownStatement
from .._core.statement import identifier, qualified
from .._core.table_definition import Later
from .connect import Connection

_NO_PROGRAM = (1305, 1360, 1539, 1049)
_NO_VIEW = (1146, 1049, 1347)
# So much of each definition is shown where two are not the same.
_SHOWN = 400


def _schema(connection: Connection, name: str) -> Optional[Tuple[str, str]]:
    row = connection.one(
        "SELECT DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation_name"
        " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", (name,)
    )  # fmt: skip
    return (_modern(row["charset"]), _modern(row["collation_name"])) if row else None


def _modern(name: Any) -> str:
    """The name of a character set or collation, with ``utf8`` spelled as newer servers do."""
    text = str(name).lower()
    return text.replace("utf8", "utf8mb3", 1) if text == "utf8" or text.startswith("utf8_") else text


def database(connection: Connection, question: Question, later: Later, source: Optional[Connection]) -> Verdict:
    """Whether a database is there with the character set that CREATE DATABASE wants."""
    name = question.ddl.names[0].name
    found = _schema(connection, name)
    if found is None:
        return Verdict(("database %s does not exist" % name,))
    charset, collation = questions.database_options(question.ddl)
    if charset is None and collation is None:
        wanted = _schema(source, name) if source is not None else None
        if wanted is None:
            raise UnknownStatement("the statement does not say the character set; set option source to compare with it")
        where = "as on the source"
    else:
        row = connection.one(
            "SELECT CHARACTER_SET_NAME AS charset, DEFAULT_COLLATE_NAME AS collation_name FROM"
            " information_schema.CHARACTER_SETS WHERE CHARACTER_SET_NAME = %s", (_modern(charset),)
        ) if charset else None  # fmt: skip
        default = _modern(row["collation_name"]) if row else ""
        wanted = (_modern(charset) if charset else found[0], _modern(collation) if collation else default)
        where = "as the statement says"
    if found != wanted:
        options = "CHARACTER SET %s" % wanted[0] + (" COLLATE %s" % wanted[1] if wanted[1] else "")
        alter = "SET SESSION sql_log_bin = 0; ALTER DATABASE %s %s makes it so" % (identifier(name), options)
        return Verdict(("database %s has %s %s and not %s %s" % ((name,) + found + wanted), alter))
    return Verdict((), ("database %s exists with %s %s, %s" % ((name,) + found + (where,)),))


def no_database(connection: Connection, question: Question, later: Later, source: Optional[Connection]) -> Verdict:
    """Whether a database that DROP DATABASE wants to be gone is gone."""
    name = question.ddl.names[0].name
    there = _schema(connection, name) is not None
    return Verdict(("database %s is still there" % name,) if there else (), ("database %s does not exist" % name,))


def view(connection: Connection, question: Question, later: Later, source: Optional[Connection]) -> Verdict:
    """Views: the server keeps another text than the statement's, so it is compared with what the source keeps."""
    name = question.names()[0]
    if source is None:
        raise UnknownStatement(
            "the server keeps a view in other words; set option source to compare with the view there"
        )
    mine, theirs = (_show_create_view(one, name) for one in (connection, source))
    if mine is None:
        return Verdict(("there is no view %s, so what is there under this name is a table" % name,))
    if theirs is None:
        return Verdict(("view %s is not on the source any more" % name,))
    if mine != theirs:
        return Verdict(_unlike("VIEW", name, ("it is another one",), mine["definition"], theirs["definition"]))
    return Verdict((), ("view %s has the same definition as on the source (SHOW CREATE VIEW)" % name,))


def _show_create_view(connection: Connection, view: Name) -> Optional[Mapping[str, str]]:
    """Its definition and the character sets that it was made with; None when there is no view of that name."""
    try:
        row = connection.one("SHOW CREATE VIEW %s" % qualified(view.schema, view.name))
    except PrivilegeError:
        raise UnknownStatement("the account may not see the view on %s (SHOW VIEW)" % connection.address) from None
    except ServerError as error:
        if error.number in _NO_VIEW:
            return None
        raise
    if row is None or "Create View" not in row:
        return None
    columns = {"definition": "Create View", "charset": "character_set_client", "collation": "collation_connection"}
    return {mine: str(row.get(column)) for mine, column in columns.items()}


def _unlike(word: str, name: Name, how: Tuple[str, ...], mine: str, theirs: str) -> Tuple[str, ...]:
    """What a person has to know where a definition is another one: both, and what lets the applier make its own."""
    here, there = (" ".join(accounts.masked(text).split())[:_SHOWN] for text in (mine, theirs))
    return (
        *("%s %s: %s" % (word.lower(), name, phrase) for phrase in how),
        "here it is %s" % here,
        "the source makes %s" % there,
        "SET SESSION sql_log_bin = 0; DROP %s %s lets the applier make it" % (word, qualified(name.schema, name.name)),
    )


def stored_program(connection: Connection, question: Question, later: Later, source: Optional[Connection]) -> Verdict:
    """Whether a procedure, function, trigger or event is there as the statement makes it."""
    name = question.names()[0]
    word, _column = program.show(question.ddl.kind)
    what = "%s %s" % (word.lower(), name)
    row = _show_create(connection, question, name)
    if row is None:
        return Verdict(("%s does not exist" % what,))
    mine, wanted = row["text"], twin.joined(question.ddl.tokens)
    lacking = program.lacking(question.ddl, mine, name.schema)
    if question.ddl.kind == CREATE_EVENT and not lacking:
        lacking = _begins_elsewhen(question, name, mine, wanted, source)
    evidence = "%s has the same text (SHOW CREATE %s), stored with sql_mode '%s'" % (what, word, row["sql_mode"])
    if lacking:
        return Verdict(_unlike(word, name, lacking, mine, wanted))
    return Verdict((), (evidence,))


def _begins_elsewhen(
    question: Question, name: Name, mine: str, wanted: str, source: Optional[Connection]
) -> Tuple[str, ...]:
    """Where the statement does not say when an event begins, it does so when it is made: the source knows when."""
    begins = program.begins(mine, name.schema)
    if not begins or program.begins(wanted, name.schema):
        return ()
    if source is None:
        raise UnknownStatement("an event begins when it was made; set option source to compare with the event there")
    theirs = _show_create(source, question, name)
    there = program.begins(theirs["text"], name.schema) if theirs is not None else "no event at all"
    return () if begins == there else ("it starts at %s and not at %s" % (begins, there),)


def _show_create(connection: Connection, question: Question, name: Name) -> Optional[Mapping[str, str]]:
    """The text of a program and the sql_mode it was made with; None when there is none of that name."""
    word, column = program.show(question.ddl.kind)
    try:
        row = connection.one("SHOW CREATE %s %s" % (word, qualified(name.schema, name.name)))
    except ServerError as error:
        if error.number in _NO_PROGRAM:
            return None
        raise
    if row is None or not row.get(column):
        raise UnknownStatement("the account may not see the text of %s %s" % (word.lower(), name))
    return {"text": str(row[column]), "sql_mode": str(row.get("sql_mode"))}


def _account_row(connection: Connection, account: accounts.Account) -> Optional[Mapping[str, Any]]:
    hosts = (account.host, "") if account.host == "%" else (account.host,)
    for host in hosts:  # MariaDB stores roles without a host
        row = connection.one("SELECT * FROM mysql.user WHERE User = %s AND Host = %s", (account.user, host))
        if row is not None and (host or str(row.get("is_role", "N")) == "Y"):
            return {str(key).lower(): value for key, value in row.items()}
    return None


def no_accounts(connection: Connection, question: Question, later: Later, source: Optional[Connection]) -> Verdict:
    """Whether accounts that DROP USER or DROP ROLE wants to be gone are gone."""
    wanted = accounts.wanted(question.ddl)
    there = tuple("%s is still there" % account for account in wanted if _account_row(connection, account))
    return Verdict(there, () if there else ("%s does not exist" % ", ".join(map(str, wanted)),))


def accounts_there(connection: Connection, question: Question, later: Later, source: Optional[Connection]) -> Verdict:
    """Whether accounts are there as CREATE USER or CREATE ROLE makes them."""
    lacking: List[str] = []
    wanted = accounts.wanted(question.ddl)
    for account in wanted:
        row = _account_row(connection, account)
        if row is None:
            lacking.append("%s does not exist" % account)
        elif question.ddl.kind == CREATE_ROLE:
            lacking += accounts.lacking_role(account, row)
        else:
            lacking += accounts.lacking_user(account, row)
    names = ", ".join(map(str, wanted))
    evidence = ("%s exists as the statement makes it" % names, "its grants were not compared")
    if lacking:
        lacking.append("ALTER USER on the replica (with sql_log_bin = 0), as SHOW CREATE USER on the source gives it,"
                       " makes it equal; then it can be passed")  # fmt: skip
    return Verdict(tuple(lacking), () if lacking else evidence)
