# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real pair on which one break after another is made: whatever a break changed is put back within a second or two."""

from __future__ import annotations

import contextlib
import re
from typing import Any, Dict, Optional

import pymysql
from lab import faults
from lab.load import wait_row_lock
from lab.server import Option

from .stage_servers import DB, Mode, Servers

__all__ = ["DB", "Mode", "Stage"]

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
_ACCOUNTS = "'root', 'repl', 'observer', 'repairer', 'mysql.session', 'mysql.sys', 'mysql.infoschema', 'mariadb.sys'"


class Stage(Servers):
    """A pair of servers whose channel breaks stop, start and change, and which can be made whole again."""

    def fails(self, *statements: str) -> None:
        """Run the statements on the source that the replica will fail at, and wait for that."""
        self.failing = self.on_source(*statements)
        self.applier_stopped()

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

    def row_lock_wait(self) -> None:
        """Wait until a row lock is waited for."""
        wait_row_lock(self.replica)

    def end_dumps(self) -> None:
        """End the source's threads that served a replica which has gone."""
        faults.kill_dump_threads(self.source)

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
