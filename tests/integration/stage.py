# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real pair on which one break after another is made: whatever a break changed is put back within a second or two."""

from __future__ import annotations

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional, Tuple

import pymysql
from lab.flavours import Flavour
from lab.server import Option, Server
from lab.topology import Lab, Link

DB = "shop"
Mode = Tuple[bool, int]  # GTID or not, number of parallel appliers

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
_ACCOUNTS = "'root', 'repl', 'observer', 'repairer', 'mysql.session', 'mysql.sys', 'mysql.infoschema', 'mariadb.sys'"


class Stage:
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
        return str(self.source.value("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, %s)", (before,))).replace("\n", "")

    def both(self, *statements: str) -> None:
        """Run statements on the source and wait until the replica has them too."""
        self.on_source(*statements)
        self.lab.wait_in_sync()

    def fails(self, *statements: str) -> None:
        """Run the statements on the source that the replica will fail at, and wait for that."""
        self.failing = self.on_source(*statements)
        self.applier_stopped()

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
        sessions = [self.session(self.source, autocommit=False) for _ in statements]
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
                    sql = waiting % connection.thread_id()
                    self.source.wait_until(lambda: done.done() or self.source.value(sql))  # noqa: B023
        for connection in sessions:
            connection.close()
        return self.given(before) if self.gtid else ""

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

    def let_go(self) -> None:
        """End everything that was to be ended later."""
        for closer in reversed(self._closers):
            with contextlib.suppress(pymysql.MySQLError, OSError):
                closer()
        self._closers.clear()

    def set_global(self, server: Server, variable: str, value: str) -> None:
        """Set a global variable until the next reset."""
        name = self.name(variable)
        self._globals.append((server, name, server.value("SELECT @@GLOBAL.%s" % name)))
        server.execute("SET GLOBAL %s = %s" % (name, value))

    def rotate(self) -> None:
        """Have the source begin a new binlog file, and wait until it has written all that belongs to its beginning."""
        self.source.execute("FLUSH BINARY LOGS")
        name, _ = self.source.coordinates()
        if self.mariadb:
            events = "SHOW BINLOG EVENTS IN '%s'" % name
            self.source.wait_until(
                lambda: any(row["Event_type"] == "Binlog_checkpoint" and row["Info"] == name
                            for row in self.source.query(events)),
                what="the checkpoint of " + name,
            )  # fmt: skip

    def fill(self, server: Server, keep_kib: int = 0) -> None:
        """Fill a server's file system until so many KiB are left; undone at the next reset."""
        server.exec(
            "free=$(df -k /lab | tail -1 | awk '{print $4}'); fallocate -l $(((free - %d) * 1024)) /lab/filler"
            % keep_kib
        )
        self.later(lambda: server.exec("rm -f /lab/filler"))

    # -- threads -------------------------------------------------------------------------------------------------

    def status(self) -> Dict[str, Any]:
        return self.lab.status(self.link)

    def start(self, threads: str = "", refused: bool = False) -> None:
        """Start threads; with ``refused`` the server may say that it cannot."""
        with contextlib.suppress(*((pymysql.MySQLError,) if refused else ())):
            self.replica.start_replica(threads)

    def stop(self, threads: str = "") -> None:
        self.replica.stop_replica(threads)

    def applier_stopped(self) -> None:
        """Wait until the applier has stopped (all workers have reported by then)."""
        self.replica.wait_until(lambda: self.status()[self.words.sql_running] == "No", what="the applier to stop")

    def applier_error(self) -> None:
        """Wait until the applier has stopped and says why."""
        self.replica.wait_until(
            lambda: self.status()[self.words.sql_running] == "No" and self.status()[self.words.sql_error],
            what="the applier to stop with an error",
        )

    def receiver_error(self) -> None:
        """Wait until the receiver shows an error."""
        self.replica.wait_until(
            lambda: self.status()[self.words.io_running] != "Yes" and self.status()[self.words.io_error],
            what="the receiver to show an error",
        )

    def running(self) -> None:
        """Wait until both threads run."""
        self.replica.wait_until(
            lambda: self.status()[self.words.io_running] == self.status()[self.words.sql_running] == "Yes",
            what="both threads to run",
        )

    def received(self) -> None:
        """Wait until the receiver has all that the source has."""
        file, position = self.source.coordinates()

        def there() -> bool:
            row = self.status()
            return (str(row[self.words.source_file]), int(row[self.words.read_pos])) >= (file, position)

        self.replica.wait_until(there, what="the receiver to have everything up to %s:%d" % (file, position))

    def at_rest(self) -> None:
        """Wait until both threads run and the applier has nothing to do."""
        self.running()
        self.applier_state("has read all relay log")

    def applier_state(self, pattern: str) -> None:
        """Wait until an applier thread, coordinator or worker, is in a state."""

        def there() -> bool:
            rows = self.replica.query("SELECT STATE AS state FROM information_schema.PROCESSLIST"
                                      " WHERE USER = 'system user'")  # fmt: skip
            return any(re.search(pattern, str(row["state"]), re.I) for row in rows)

        self.replica.wait_until(there, what="an applier in the state %r" % pattern)

    def end_dumps(self) -> None:
        """End the source's threads that served a replica which has gone."""
        for row in self.source.query("SELECT ID AS id FROM information_schema.PROCESSLIST"
                                     " WHERE COMMAND LIKE 'Binlog Dump%'"):  # fmt: skip
            with contextlib.suppress(pymysql.MySQLError):
                self.source.execute("KILL %d" % int(row["id"]))

    def gateway(self) -> str:
        """The address under which containers reach this machine."""
        network = self.source.network
        if network is None:
            raise RuntimeError("the source has no network")
        network.reload()
        return str(network.attrs["IPAM"]["Config"][0]["Gateway"])

    def change(self, **settings: Any) -> None:
        """CHANGE some settings of the channel, whose threads must be stopped."""
        parts = []
        for name, value in settings.items():
            if name.startswith("SOURCE_"):
                name = self.words.prefix + name[len("SOURCE") :]
            bare = name == "MASTER_USE_GTID" or not isinstance(value, str)
            parts.append("%s = %s" % (name, value if bare else "'%s'" % value))
        self.replica.execute("%s TO %s" % (self.words.change, ", ".join(parts)))

    # -- back to the beginning -----------------------------------------------------------------------------------

    def reset(self, mode: Optional[Mode] = None) -> None:
        """Make a replicating pair with an empty database again, in the mode that is asked for."""
        self.let_go()
        self.failing, self.notes = "", {}
        gtid, workers = mode or (self.lab.gtid, self.lab.workers)
        self._back_to_options(gtid)
        self._end_statements()
        self.stop()
        for server, name, value in reversed(self._globals):
            shown = "'%s'" % value if isinstance(value, str) else str(value)
            server.execute("SET GLOBAL %s = %s" % (name, shown))
        self._globals.clear()
        self.lab.gtid, self.lab.workers = gtid, workers
        self._forget()
        parallel = workers if workers > 1 else int(self._needs_one_worker())
        self.replica.execute("SET GLOBAL %s = %d" % (self.name("replica_parallel_workers"), parallel))
        self.source.execute("CREATE DATABASE %s" % DB)
        self.replica.execute_unlogged("CREATE DATABASE %s" % DB)
        self.source.execute(self.words.reset_binlog)
        self.lab.configure(self.link, self.source.coordinates())
        self.start()
        self.running()

    def _needs_one_worker(self) -> bool:
        return not self.mariadb and self.flavour.version >= (8, 0)

    def _back_to_options(self, gtid: bool) -> None:
        for server in self.lab.servers:
            wanted: Dict[str, Option] = dict(self._options[server.name])
            if not self.mariadb:
                on = "ON" if gtid else "OFF"
                wanted.update(gtid_mode=on, enforce_gtid_consistency=on)
            if server.options != wanted or not server.is_running():
                server.kill() if not server.is_running() else server.stop()
                server.options = wanted
                server.start()

    def _forget(self) -> None:
        """Drop what the last break left: the channel, databases, accounts, binlogs."""
        self.replica.execute(self.replica.replica_sql("RESET", "ALL"))
        for server in self.lab.servers:
            names = [str(row["Database"]) for row in server.query("SHOW DATABASES")]
            drops = ["DROP DATABASE `%s`" % name for name in names if name not in _SYSTEM]
            users = server.query("SELECT User AS user, Host AS host FROM mysql.user WHERE User NOT IN (%s)" % _ACCOUNTS)
            drops += ["DROP USER '%(user)s'@'%(host)s'" % row for row in users if row["user"]]
            server.execute_unlogged("SET foreign_key_checks = 0", *drops)
            server.execute(self.words.reset_binlog)
        if self.mariadb:
            self.replica.execute("SET GLOBAL gtid_slave_pos = ''")

    def _end_statements(self) -> None:
        """End what applier threads are waiting in, so that they can be stopped."""
        rows = self.replica.query(
            "SELECT ID AS id FROM information_schema.PROCESSLIST"
            " WHERE USER = 'system user' AND STATE IN ('User sleep', 'Waiting for disk space')"
        )
        for row in rows:
            with contextlib.suppress(pymysql.MySQLError):
                self.replica.execute("KILL QUERY %d" % int(row["id"]))
