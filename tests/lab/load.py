# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activity beside a test: writers at a bounded rate, and sessions that stand in the applier's way."""

from __future__ import annotations

import contextlib
import threading
import time
from types import TracebackType
from typing import Any, Optional, Type

import pymysql

from .engine import LabError
from .server import Server
from .topology import Lab


class Writer:
    """Writes to a source in the background: inserts, updates and deletes over several tables.

    :param rate: transactions a second, at most
    :param tables: number of tables; ``schema`` and they are made when the writer starts
    :param limit: end after this many transactions (0: when stopped)
    """

    def __init__(
        self, server: Server, rate: float = 50.0, tables: int = 3, schema: str = "load", limit: int = 0
    ) -> None:
        self.server = server
        self.rate = rate
        self.tables = tables
        self.schema = schema
        self.limit = limit
        self.committed = 0
        self.error: Optional[Exception] = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"writer-{schema}", daemon=True)

    def __enter__(self) -> Writer:
        return self.start()

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._end.set()
        self._thread.join(30)

    def start(self) -> Writer:
        """Make the tables and start writing."""
        self.server.execute(f"CREATE DATABASE IF NOT EXISTS `{self.schema}`")
        for number in range(self.tables):
            self.server.execute(
                f"CREATE TABLE IF NOT EXISTS `{self.schema}`.w{number} (id INT PRIMARY KEY "
                "AUTO_INCREMENT, n INT NOT NULL, t VARCHAR(60)) ENGINE = InnoDB"
            )
        self._thread.start()
        return self

    def stop(self) -> int:
        """Stop writing and return the number of committed transactions.

        :raises LabError: when writing had ended with an error before
        """
        self._end.set()
        self._thread.join(60)
        if self._thread.is_alive():
            raise LabError(f"the writer on {self.server.name} hangs")
        if self.error is not None:
            raise LabError(
                f"the writer on {self.server.name} failed after {self.committed} transactions: {self.error}"
            ) from self.error
        return self.committed

    def wait_for(self, count: int, timeout: float = 30.0) -> int:
        """Wait until at least ``count`` transactions are committed; returns how many are.

        :raises LabError: when they are not in time, or the writer failed
        """
        deadline = time.monotonic() + timeout
        while self.committed < count:
            if self.error is not None or time.monotonic() > deadline:
                raise LabError(f"the writer committed {self.committed} of {count}: {self.error}")
            time.sleep(0.02)
        return self.committed

    def _run(self) -> None:
        try:
            connection = self.server.connect("root", database=self.schema, autocommit=False)
        except pymysql.MySQLError as error:
            self.error = error
            return
        began = time.monotonic()
        try:
            while not self._end.is_set() and not (self.limit and self.committed >= self.limit):
                self._transaction(connection, self.committed)
                self.committed += 1
                ahead = began + self.committed / self.rate - time.monotonic()
                if ahead > 0:
                    self._end.wait(ahead)
        except pymysql.MySQLError as error:
            self.error = error
        finally:
            connection.close()

    def _transaction(self, connection: pymysql.connections.Connection[Any], number: int) -> None:
        one, two = f"w{number % self.tables}", f"w{(number + 1) % self.tables}"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {one} (n, t) VALUES (%s, %s), (%s, %s)",
                (number, f"first {number}", number, f"second {number}"),
            )
            if number % 3 == 1:
                cursor.execute(f"UPDATE {two} SET n = n + 1, t = %s WHERE id = %s", (f"new {number}", number // 3 + 1))
            if number % 7 == 3:
                cursor.execute(f"DELETE FROM {one} WHERE id = %s", (number // 7 + 1,))
        connection.commit()


class Blocker:
    """A session that holds something the applier needs, until ``release``; a context manager."""

    def __init__(self, server: Server, *statements: str) -> None:
        self.server = server
        self.connection: Optional[pymysql.connections.Connection[Any]] = server.connect("root", autocommit=False)
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID() AS id")
            self.thread = int(cursor.fetchall()[0]["id"])
            for sql in statements:
                cursor.execute(sql)
                cursor.fetchall()

    def __enter__(self) -> Blocker:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.release()

    def release(self) -> None:
        """End the session and its transaction; safe to call again."""
        if self.connection is not None:
            with contextlib.suppress(pymysql.MySQLError):  # its server may have been killed
                self.connection.rollback()
                self.connection.close()
            self.connection = None


def hold_reader(lab: Lab, table: str, replica: Optional[Server] = None) -> Blocker:
    """Open a transaction on a replica that has read ``table``: an ALTER from the source then waits for it."""
    blocker = Blocker(replica or lab.replica, f"SELECT * FROM {table} LIMIT 1")
    lab.on_close(blocker.release)
    return blocker


def hold_row(lab: Lab, table: str, where: str, replica: Optional[Server] = None) -> Blocker:
    """Lock rows of ``table`` on a replica: a change of them by the applier waits, and is retried after a timeout."""
    blocker = Blocker(replica or lab.replica, f"SELECT * FROM {table} WHERE {where} FOR UPDATE")
    lab.on_close(blocker.release)
    return blocker


def wait_applier_blocked(server: Server, timeout: float = 20.0) -> None:
    """Wait until an applier thread waits for a metadata lock or a row lock.

    :raises LabError: when none does in time
    """
    if server.flavour.is_mariadb or server.flavour.version < (8, 0):
        locks = "SELECT COUNT(*) FROM information_schema.innodb_lock_waits"
    else:
        locks = "SELECT COUNT(*) FROM performance_schema.data_lock_waits"
    metadata = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock%'"
    server.wait_until(lambda: server.value(metadata) or server.value(locks), timeout, "an applier that is blocked")


def background_writer(
    lab: Lab, rate: float = 50.0, tables: int = 3, schema: str = "load", server: Optional[Server] = None
) -> Writer:
    """Start a writer on the source that also ends when the lab is removed."""
    writer = Writer(server or lab.source, rate, tables, schema).start()
    lab.on_close(writer.stop)
    return writer


def wait_row_lock(server: Server, timeout: float = 30.0) -> None:
    """Wait until somebody waits for a row lock, by the counter: INNODB_TRX stands still while it is asked again."""
    counter = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
    server.wait_until(lambda: int(server.query(counter)[0]["Value"]) > 0, timeout, "a row lock wait")
