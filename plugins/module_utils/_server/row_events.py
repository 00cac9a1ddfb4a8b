# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hands row events to a server by its BINLOG statement, in one transaction, and puts session and server back."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import Iterator, Sequence

from .._core.errors import ReplicaError, ServerError
from .._core.plan import Step
from .._core.row_repair_steps import GTID_AUTOMATIC, Look
from .._core.snapshot import Server
from .._core.statement import Value
from .change import Target
from .connect import Connection, Query, connect

_BACK = "SET GLOBAL super_read_only = 1"


class Writer(Connection):
    """A connection that also carries out a `Look`.

    :param base: the connection it works for, which goes on living.
    """

    def __init__(self, base: Connection) -> None:
        seconds = base.statement_seconds
        super().__init__(base.login, base.driver)
        self.set_deadline(seconds)

    def execute(self, statement: Query, params: Sequence[Value] = ()) -> int:
        """Run a statement. Raises what `Connection.execute` and the look raise."""
        if isinstance(statement, Look):
            statement.look()
            return 0
        return super().execute(statement, params)


def write(connection: Connection, server: Server, steps: Sequence[Step]) -> None:
    """Carry out the steps of `row_repair_steps.transaction`.

    :raises ServerError: the server refused an event; nothing is written then.
    :raises ReplicaError: what a look raises, or super_read_only could not be put back.
    """
    writer = Writer(connection)
    with restored(writer, server):
        for step in steps:
            writer.execute(step.statement)


@contextmanager
def writing(aim: Target, rows: bool) -> Iterator[Target]:
    """The target, able to carry out steps of `row_repair_steps.transaction` when there are rows among its steps.

    :raises ReplicaError: as `restored`.
    """
    if not rows:
        yield aim
        return
    writer = Writer(aim.connection)
    with restored(writer, aim.server):
        yield replace(aim, connection=writer)


@contextmanager
def restored(connection: Connection, server: Server) -> Iterator[None]:
    """Whatever ends the block: no transaction is open, the session logs again, GTID_NEXT and super_read_only are back.

    :raises ReplicaError: super_read_only could not be put back; the message has the statement.
    """
    try:
        yield
    finally:
        try:
            connection.execute("ROLLBACK")
            connection.execute("SET SESSION sql_log_bin = 1")
            if not server.flavour.is_mariadb:
                connection.execute(GTID_AUTOMATIC)
        except ServerError:
            connection.close()
        if server.flag("super_read_only"):
            _raise_again(connection)


def _raise_again(connection: Connection) -> None:
    try:
        connection.execute(_BACK)
        return
    except ServerError:
        connection.close()
    try:
        with connect(connection.login) as another:
            another.execute(_BACK)
    except ReplicaError as error:
        raise ReplicaError(
            "put super_read_only back",
            connection.address,
            str(error),
            "Run there: %s" % _BACK,
            {"variable": "super_read_only", "value": "1"},
        ) from error
