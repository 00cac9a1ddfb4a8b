# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the server whether what a failing statement wants is there: by looking, and by a temporary twin.

Nothing of the replicated statement ever runs against the real object. The twin is a temporary table of a session that
does not log: it takes no GTID, writes no binlog and is allowed under read_only and super_read_only (measured on
MySQL 9.7 and 5.6, MariaDB 10.11 and 11.8), so it may be made in check mode too.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple

from .._core import column_values, foreign_key, table_definition, twin
from .._core import effect as questions
from .._core.ddl import CREATE_TABLE, CREATE_TABLE_LIKE
from .._core.effect import Question, Verdict
from .._core.errors import PrivilegeError, ServerError
from .._core.sql_reader import Name, UnknownStatement
from .._core.sql_tokens import SqlError
from .._core.statement import qualified
from .._core.table_definition import Later, TableDefinition
from . import effect_named
from .connect import Connection, Login, connect

_NO_TABLE = (1146, 1049, 1051)
_AGAIN = (1060, 1061, 1091)
_SESSION = (
    "SET SESSION sql_log_bin = 0",
    "SET SESSION lc_messages = 'en_US', sql_quote_show_create = 1",
    "SET SESSION default_tmp_storage_engine = @@GLOBAL.default_storage_engine",
)


def judge(login: Login, question: Question, later: Later, source: Optional[Connection] = None) -> Verdict:
    """Whether the effect is there; a reason in ``lacking`` when it is not, or when it cannot be known.

    :param login: the replica; the question gets a connection of its own, whose end removes everything it made.
    :param later: columns and keys that transactions after this one add to the same table.
    :param source: a connection to the source, when it was given.
    :raises ServerError: the server does not answer.
    :raises PrivilegeError: the account may not look, or may not make temporary tables.
    """
    with connect(login) as connection:
        try:
            return _ASKED[question.kind](connection, question, later, source)
        except (UnknownStatement, SqlError) as error:
            return Verdict(("it cannot be verified: %s" % error,))


def _definition(connection: Connection, table: Name) -> Optional[TableDefinition]:
    """The table's definition, or None when there is none. Raises UnknownStatement for a view and the like."""
    text = _show_create_table(connection, table)
    return table_definition.parse(text) if text is not None else None


def _show_create_table(connection: Connection, table: Name) -> Optional[str]:
    try:
        row = connection.one("SHOW CREATE TABLE %s" % qualified(table.schema, table.name))
    except ServerError as error:
        if error.number in _NO_TABLE:
            return None
        raise
    if row is None or "Create Table" not in row:
        raise UnknownStatement("%s is not a table" % table)
    return str(row["Create Table"])


def _twin(connection: Connection, question: Question, later: Later, source: Optional[Connection]) -> Verdict:
    table = question.names()[0]
    real = _definition(connection, table)
    if real is None:
        return Verdict(("table %s does not exist" % table,))
    if real.engine not in twin.ENGINES:
        raise UnknownStatement("the storage engine %s" % (real.engine or "of the table"))
    for statement in _SESSION:
        connection.execute(statement)
    mode = connection.one("SELECT @@GLOBAL.sql_mode AS mode")
    connection.execute("SET SESSION sql_mode = %s", (twin.session_mode(str(mode["mode"]) if mode else ""),))
    shadow = Name(table.schema, twin.twin_name(connection.connection_id))
    if _show_create_table(connection, shadow) is not None:
        raise UnknownStatement("a table called %s exists" % shadow)
    try:
        if question.number == 1050:
            return _created(connection, question, table, real, shadow, later)
        return _altered(connection, question, table, real, shadow, later)
    finally:
        _drop(connection, shadow)


def _drop(connection: Connection, shadow: Name) -> None:
    try:
        connection.execute(twin.drop(shadow))
    except ServerError:
        connection.close()  # the end of the session drops it as well


def _try(connection: Connection, statement: str) -> Optional[ServerError]:
    """Run a statement on the twin; the error that the server answers, or None."""
    try:
        connection.execute(statement)
    except PrivilegeError:
        raise
    except ServerError as error:
        if error.number in (0, 2006, 2013):
            raise
        return error
    return None


def _unknown(error: ServerError) -> UnknownStatement:
    return UnknownStatement("on a temporary copy of it the server answers %d (%s)" % (error.number, error.answer))


def _created(
    connection: Connection, question: Question, table: Name, real: TableDefinition, shadow: Name, later: Later
) -> Verdict:
    error = _try(connection, twin.apply(question.ddl, shadow, question.schema) or "")
    if error is not None:
        raise _unknown(error)
    made = _definition(connection, shadow)
    if made is None:
        raise UnknownStatement("the temporary copy is gone")
    wanted = twin.made_foreign_keys(question.ddl, table.schema) if question.ddl.kind == CREATE_TABLE else ()
    lacking = foreign_key.lacking(wanted, foreign_key.shown(real.foreign_keys, table.schema))
    lacking += table_definition.lacking_after_create(made, real, later, [key.columns for key in wanted])
    if _has_rows(connection, table):
        lacking += (
            "it holds rows and the statement makes an empty one: compare them with the source's, empty the table,"
            " or find the position that the data is at",
        )
    evidence = ["table %s has the definition that the statement gives (compared with SHOW CREATE TABLE)" % table]
    if question.ddl.kind == CREATE_TABLE_LIKE:
        evidence.append("as far as %s is today what it was when the statement ran on the source" % question.ddl.like)
    evidence.append("the table is empty, as the statement makes it")
    return Verdict(tuple("table %s: %s" % (table, what) for what in lacking), () if lacking else tuple(evidence))


def _has_rows(connection: Connection, table: Name) -> bool:
    return connection.one("SELECT 1 AS one FROM %s LIMIT 1" % qualified(table.schema, table.name)) is not None


def _altered(
    connection: Connection, question: Question, table: Name, real: TableDefinition, shadow: Name, later: Later
) -> Verdict:
    column_values.check_kept(question.ddl)
    evidence = ["table %s has everything that the statement makes or drops (shown on a temporary copy of it)" % table]
    lacking = ["foreign key %s is still there" % name for name in twin.dropped_foreign_keys(question.ddl)
               if name.lower() in real.foreign_keys]  # fmt: skip
    wanted = twin.made_foreign_keys(question.ddl, table.schema)
    if wanted:
        lacking += foreign_key.lacking(wanted, foreign_key.shown(real.foreign_keys, table.schema))
    statement = twin.apply(question.ddl, shadow, question.schema)
    if statement is not None:
        _make(connection, table, shadow)
        before = _take_away(connection, question, statement, shadow)
        if before is None:
            return Verdict(("the statement would succeed now: start the applier again",))
        after = _definition(connection, shadow)
        if after is None:
            raise UnknownStatement("the temporary copy is gone")
        lacking += table_definition.lacking_after_alter(before, after, real, later)
        unlike = column_values.unlike(question.ddl, after)
        if unlike and _has_rows(connection, table):
            lacking += unlike
        if column_values.touches(before, after):
            evidence.append(column_values.NOT_COMPARED)
    if lacking:
        return Verdict(tuple("table %s: %s" % (table, what) for what in lacking))
    return Verdict((), tuple(evidence))


def _make(connection: Connection, table: Name, shadow: Name) -> None:
    error = _try(connection, twin.create_like(shadow, table))
    if error is not None and error.number in twin.LIKE_REFUSED:
        error = _try(connection, twin.create_from(_show_create_table(connection, table) or "", shadow))
    if error is not None:
        raise _unknown(error)


def _take_away(connection: Connection, question: Question, statement: str, shadow: Name) -> Optional[TableDefinition]:
    """Make the twin what the table was before the statement, and run it there.

    :return: the definition before the statement; None when the statement succeeds without anything being taken away.
    """
    taken: List[Tuple[int, str]] = []
    before = _definition(connection, shadow)
    while True:
        error = _try(connection, statement)
        if error is None:
            return before if taken else None
        name = questions.conflicting(error.answer) if error.number in _AGAIN else ""
        if not name or (error.number, name) in taken:
            raise _unknown(error)
        taken.append((error.number, name))
        for preparation in twin.take_away(error.number, name, question.ddl, shadow):
            failed = _try(connection, preparation)
            if failed is not None:
                raise _unknown(failed)
        before = _definition(connection, shadow)


def _absent(connection: Connection, question: Question, later: Later, source: Optional[Connection]) -> Verdict:
    there: List[str] = []
    for name in question.names():
        try:
            found = _show_create_table(connection, name) is not None
        except UnknownStatement:
            found = True
        if found:
            there.append("%s is still there" % name)
    return Verdict(tuple(there), () if there else ("%s does not exist" % ", ".join(map(str, question.names())),))


_ASKED: Dict[str, Callable[[Connection, Question, Later, Optional[Connection]], Verdict]] = {
    questions.TWIN: _twin,
    questions.ABSENT: _absent,
    questions.DATABASE: effect_named.database,
    questions.DATABASE_ABSENT: effect_named.no_database,
    questions.VIEW: effect_named.view,
    questions.PROGRAM: effect_named.stored_program,
    questions.ACCOUNTS_ABSENT: effect_named.no_accounts,
    questions.ACCOUNTS_PRESENT: effect_named.accounts_there,
}
