# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two servers of a stage and how breaks run statements on them."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Tuple, Union

import pymysql
from lab import faults, sync
from lab.engine import LabError
from lab.flavours import Flavour
from lab.server import Server
from lab.topology import Lab, Link

DB = "shop"
Mode = Tuple[bool, int]  # GTID or not, number of parallel appliers


class Servers:
    """A pair of servers with a database on both, and what breaks need to act on it.

    :param lab: a running pair.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.flavour: Flavour = lab.flavour
        self.words = lab.flavour.words
        self.link = Link(1, 0)
        self.failing = ""
        self.notes: Dict[str, Any] = {}
        self._options = {server.name: dict(server.options) for server in lab.servers}
        self._globals: List[Tuple[Server, str, Any]] = []
        self._closers: List[Callable[[], Any]] = []

    # -- the two servers -----------------------------------------------------------------------------------------

    @property
    def source(self) -> Server:
        return self.lab.servers[0]

    @property
    def replica(self) -> Server:
        return self.lab.servers[1]

    @property
    def gtid(self) -> bool:
        return self.lab.gtid

    @property
    def mariadb(self) -> bool:
        return self.flavour.is_mariadb

    @property
    def new_words(self) -> bool:
        """True where statements and options say replica instead of slave."""
        return self.words.replica == "REPLICA"

    def name(self, variable: str) -> str:
        """This flavour's spelling of a replication variable."""
        if variable == "sql_replica_skip_counter" and not self.new_words:
            return "sql_slave_skip_counter"
        return self.flavour.option(variable)

    # -- statements ----------------------------------------------------------------------------------------------

    def on_source(self, *statements: str) -> str:
        """Run statements in the database on the source; returns the GTIDs they got (empty in position mode)."""
        before = self.source.gtid_position() if self.gtid or self.mariadb else ""
        with self.session(self.source) as connection, connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)
        return self.given(before) if self.gtid or self.mariadb else ""

    def on_replica(self, *statements: str) -> None:
        """Run statements in the database on the replica that do not enter its binlog."""
        self.replica.execute_unlogged("USE %s" % DB, *statements)

    def given(self, before: str) -> str:
        """The GTIDs that the source gave since a position."""
        if self.mariadb:
            return self.source.gtid_position()
        return sync.since(self.source, before)

    def both(self, *statements: str) -> None:
        """Run statements on the source and wait until the replica has them too."""
        self.on_source(*statements)
        self.lab.wait_in_sync()

    def session(self, server: Server, **arguments: Any) -> pymysql.connections.Connection[Any]:
        """A new session in the database as root."""
        return server.connect("root", database=DB, **arguments)

    def together(self, *statements: str) -> str:
        """Commit each statement's transaction in one group, the first one first, so that a replica may apply them in
        parallel; returns the GTIDs (MySQL 5.6 needs no group: it goes by databases)."""
        before = self.source.gtid_position() if self.gtid else ""
        grouped = self.flavour.version >= (5, 7)
        if grouped:
            self.set_global(self.source, "binlog_group_commit_sync_no_delay_count", str(len(statements)))
            self.set_global(self.source, "binlog_group_commit_sync_delay", "1000000")
        sessions = [self.session(self.source, autocommit=False) for _statement in statements]
        for connection, sql in zip(sessions, statements):
            with connection.cursor() as cursor:
                cursor.execute(sql)
        waiting = (
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %d AND STATE = 'waiting for handler commit'"
        )
        with ThreadPoolExecutor(max_workers=len(sessions)) as pool:
            for number, connection in enumerate(sessions):
                done = pool.submit(connection.commit)
                if number == 0:
                    sql = waiting % self.number(connection)
                    self.source.wait_until(lambda: done.done() or self.source.value(sql))  # noqa: B023
        for connection in sessions:
            connection.close()
        return self.given(before) if self.gtid else ""

    @staticmethod
    def send(connection: Any, command: int, argument: Union[str, bytes]) -> int:
        """Send a command without waiting for its answer; returns the number of the connection."""
        connection._execute_command(command, argument)
        return Servers.number(connection)

    @staticmethod
    def number(connection: Any) -> int:
        """The number of a connection in its server's process list."""
        return int(connection.thread_id())

    def holding(self, server: Server, *statements: str) -> pymysql.connections.Connection[Any]:
        """Run statements in a session that stays open until `let_go` or the next reset, outside autocommit."""
        connection = self.session(server, autocommit=False)
        self.later(connection.close)
        with connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)
        return connection

    def later(self, closer: Callable[[], Any]) -> None:
        """Have something ended at the next reset."""
        self._closers.append(closer)

    def down(self) -> None:
        """Let go of what a break holds, and remove the servers."""
        try:
            self.let_go()
        finally:
            self.lab.down()

    def let_go(self) -> None:
        """End everything that was to be ended later."""
        for closer in reversed(self._closers):
            with contextlib.suppress(pymysql.MySQLError, OSError, LabError):
                closer()
        self._closers.clear()

    def set_global(self, server: Server, variable: str, value: str) -> None:
        """Set a global variable until the next reset."""
        name = self.name(variable)
        self._globals.append((server, name, server.value("SELECT @@GLOBAL.%s" % name)))
        server.execute("SET GLOBAL %s = %s" % (name, value))

    def rotate(self) -> None:
        """Have the source begin a new binlog file."""
        faults.rotate_binlog(self.source)

    def fill(self, server: Server, keep_kib: int = 0) -> None:
        """Fill a server's file system until so many KiB are left; undone at the next reset."""
        server.exec(
            "free=$(df -k /lab | tail -1 | awk '{print $4}'); fallocate -l $(((free - %d) * 1024)) /lab/filler"
            % keep_kib
        )
        self.later(lambda: server.exec("rm -f /lab/filler"))
