# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings that are changed for a moment and always put back, whatever happens in between."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, Union

from .._core.errors import ReplicaError, ServerError
from .connect import Connection, connect

Setting = Union[str, int]


def _plain(name: str) -> str:
    """A variable's name, checked, because it cannot be a parameter. Raises ValueError for anything else."""
    if not name.replace("_", "").isalnum():
        raise ValueError("not the name of a variable: %r" % name)
    return name


@contextmanager
def session_variable(connection: Connection, name: str, value: Setting) -> Iterator[None]:
    """Give a session variable a value while the block runs. Raises ServerError when it cannot be set."""
    name = _plain(name)
    row = connection.one("SELECT @@SESSION.%s AS value" % name)
    before = row["value"] if row else None
    connection.execute("SET SESSION %s = %%s" % name, (value,))
    try:
        yield
    finally:
        _quietly(connection, "SET SESSION %s = %%s" % name, before)


@contextmanager
def gtid_next(connection: Connection, gtid: str) -> Iterator[None]:
    """Let the next transaction have this GTID; afterwards the session's GTID_NEXT is AUTOMATIC again.

    A transaction left open is rolled back first: the server refuses to change gtid_next inside one (error 1766), and
    a session that keeps a used GTID fails every later statement with 1837.
    """
    connection.execute("SET SESSION gtid_next = %s", (gtid,))
    try:
        yield
    finally:
        _quietly(connection, "ROLLBACK")
        _quietly(connection, "SET SESSION gtid_next = %s", "AUTOMATIC")


@contextmanager
def without_binlog(connection: Connection) -> Iterator[None]:
    """Keep what the block does out of the server's own binlog. Raises PrivilegeError when the account may not."""
    with session_variable(connection, "sql_log_bin", 0):
        yield


@contextmanager
def global_variable(connection: Connection, name: str, value: Setting) -> Iterator[None]:
    """Give a global variable a value while the block runs.

    :raises ReplicaError: when it could not be put back, even over a new connection; the message has the statement.
    """
    name = _plain(name)
    row = connection.one("SELECT @@GLOBAL.%s AS value" % name)
    before = row["value"] if row else None
    connection.execute("SET GLOBAL %s = %%s" % name, (value,))
    try:
        yield
    finally:
        _put_back(connection, name, before)


@contextmanager
def super_read_only_lowered(connection: Connection) -> Iterator[None]:
    """Lower super_read_only, if it is on, while the block runs; read_only stays as it is.

    Needed for row writes by BINLOG only: MySQL 9.7 answers them with 1290 while it is on, and accepts empty
    transactions and gtid_purged (measured).
    """
    row = connection.one("SHOW GLOBAL VARIABLES LIKE 'super_read_only'")
    if row is None or str(row["Value"]).upper() not in ("ON", "1"):
        yield
        return
    with global_variable(connection, "super_read_only", 0):
        yield


def _put_back(connection: Connection, name: str, value: object) -> None:
    statement = "SET GLOBAL %s = %%s" % name
    try:
        connection.execute(statement, (_setting(value),))
        return
    except ServerError:
        pass
    try:
        with connect(connection.login) as another:
            another.execute(statement, (_setting(value),))
    except ReplicaError as error:
        raise ReplicaError(
            "put the global variable %s back" % name,
            connection.address,
            str(error),
            "Run there: SET GLOBAL %s = '%s'" % (name, value),
            {"variable": name, "value": str(value)},
        ) from error


def _setting(value: object) -> Union[str, int, float, bytes, None]:
    return value if isinstance(value, (str, int, float, bytes)) or value is None else str(value)


def _quietly(connection: Connection, statement: str, *values: object) -> None:
    """Restore a session setting; a connection that broke has lost it anyway, and its error is the one to show."""
    try:
        connection.execute(statement, tuple(_setting(value) for value in values))
    except ServerError:
        connection.close()
