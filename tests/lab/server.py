# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database server of the lab: its process, the lab's connections to it, and its replication statements."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

import pymysql
import pymysql.cursors

from . import accounts
from .engine import LabError
from .flavours import Flavour
from .process import DATA, ERROR_LOG, HOME, PORT, UUID, Option, ServerProcess

Row = Dict[str, Any]


class Server(ServerProcess):
    """A server that can be talked to; see ``ServerProcess`` for starting, stopping and its files."""

    def __init__(
        self, flavour: Flavour, number: int, name: str, address: str, options: Optional[Dict[str, Option]] = None
    ) -> None:
        super().__init__(flavour, number, name, address, options)
        self._admin: Optional[pymysql.connections.Connection[Any]] = None

    # -- connections ---------------------------------------------------------------------------------------------

    def connect(
        self, user: str = "repairer", password: Optional[str] = None, **arguments: Any
    ) -> pymysql.connections.Connection[Any]:
        """Return a new connection over TCP with autocommit and dict rows.

        :param user: one of the lab's accounts, then the password is known; or any other
        :param arguments: anything else ``pymysql.connect`` takes
        """
        if password is None:
            password = accounts.ACCOUNTS[user].password
        settings: Dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "user": user,
            "password": password,
            "autocommit": True,
            "cursorclass": pymysql.cursors.DictCursor,
            "charset": "utf8mb4",
            "connect_timeout": 5,
            "read_timeout": 120,
            "write_timeout": 120,
        }
        settings.update(arguments)
        return pymysql.connect(**settings)

    def admin(self) -> pymysql.connections.Connection[Any]:
        """Return the lab's own connection as root, kept and renewed after a restart; not for other threads."""
        if self._admin is None:
            self._admin = self.connect("root")
        return self._admin

    def ping(self) -> None:
        """Raise a PyMySQL error while the server takes no connections."""
        self.admin()

    def close(self) -> None:
        """Close the lab's own connection."""
        if self._admin is not None:
            with contextlib.suppress(pymysql.MySQLError):
                self._admin.close()
            self._admin = None

    def query(self, sql: str, args: Any = None) -> List[Row]:
        """Run a statement as root and return its rows."""
        for last in (False, True):
            connection = self.admin()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(sql, args)
                    return list(cursor.fetchall())
            except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
                # 2006, 2013: the server went away under the kept connection, for example by a kill.
                if last or error.args[0] not in (0, 2006, 2013):
                    raise
                self.close()
        return []

    def value(self, sql: str, args: Any = None) -> Any:
        """Return the first column of the first row, or None."""
        rows = self.query(sql, args)
        return next(iter(rows[0].values())) if rows else None

    def execute(self, *statements: str) -> None:
        """Run statements as root, one after another, on one connection."""
        for sql in statements:
            self.query(sql)

    def execute_unlogged(self, *statements: str) -> None:
        """Run statements as root that do not enter this server's binlog."""
        with self.connect("root") as connection, connection.cursor() as cursor:
            cursor.execute("SET sql_log_bin = 0")
            for sql in statements:
                cursor.execute(sql)

    def wait_until(self, condition: Union[str, Callable[[], Any]], timeout: float = 30.0, what: str = "") -> Any:
        """Wait until a query's first value, or a callable's result, is true; returns it.

        :raises LabError: when that does not happen in time
        """
        deadline = time.monotonic() + timeout
        while True:
            found = self.value(condition) if isinstance(condition, str) else condition()
            if found:
                return found
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: waited {timeout:.0f} s for {what or condition}; last: {found!r}")
            time.sleep(0.03)

    # -- replication ---------------------------------------------------------------------------------------------

    def for_channel(self, channel: str = "") -> str:
        """Return what a MySQL statement says after itself to name a channel."""
        if not channel or self.flavour.is_mariadb:
            return ""
        return f" FOR CHANNEL '{channel}'"

    def replica_sql(self, verb: str, what: str = "", channel: str = "") -> str:
        """Return ``START SLAVE SQL_THREAD`` and the like in this flavour's words.

        :param verb: START, STOP, RESET
        :param what: a thread name, ALL, UNTIL clause...
        """
        word = self.flavour.words.replica
        if self.flavour.is_mariadb and channel:
            word += f" '{channel}'"
        return f"{verb} {word} {what}".rstrip() + self.for_channel(channel)

    def replica_status(self, channel: str = "") -> Optional[Row]:
        """Return the raw status row of a channel, or None when there is none."""
        key = "Connection_name" if self.flavour.is_mariadb else "Channel_Name"
        for row in self.query(self.flavour.words.show_status):
            if row.get(key, "") == channel:
                return row
        return None

    def dump_threads(self, replica: Optional[Server] = None) -> List[int]:
        """Return the connection ids of the threads that send this server's binlog (to one replica)."""
        rows = self.query(
            "SELECT ID AS id, HOST AS host FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'"
        )
        return [int(row["id"]) for row in rows if replica is None or str(row["host"]).partition(":")[0] == replica.host]

    def start_replica(self, threads: str = "", channel: str = "") -> None:
        """Start a channel's threads (both, or ``SQL_THREAD`` / ``IO_THREAD``)."""
        self.execute(self.replica_sql("START", threads, channel))

    def stop_replica(self, threads: str = "", channel: str = "") -> None:
        """Stop a channel's threads (both, or ``SQL_THREAD`` / ``IO_THREAD``)."""
        self.execute(self.replica_sql("STOP", threads, channel))

    def coordinates(self) -> Tuple[str, int]:
        """Return the end of this server's binlog: file and position."""
        row = self.query(self.flavour.words.show_binlog)[0]
        return str(row["File"]), int(row["Position"])

    def gtid_position(self) -> str:
        """Return gtid_executed, or on MariaDB gtid_binlog_pos."""
        name = "gtid_binlog_pos" if self.flavour.is_mariadb else "gtid_executed"
        return str(self.value(f"SELECT @@GLOBAL.{name}")).replace("\n", "")


__all__ = ["DATA", "ERROR_LOG", "HOME", "PORT", "UUID", "Option", "Row", "Server"]
