# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes many empty transactions in few round trips, over several sessions at once, so that they share commits.

Measured on MySQL 9.7: one session and one transaction a round trip write 1,000 a second with sync_binlog=1; several in
a round trip save the way, and several sessions share the flush to the disk by group commit.
"""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import List, Sequence

from .._core.errors import ReplicaError, ServerError
from .._core.gtid_mysql import Gtid
from .._core.gtid_repair_mariadb import Elsewhere
from .._core.gtid_repair_steps import Batch
from .._core.statement import Statement, Value
from . import driver_errors
from .connect import Connection, Login, Query, connect

SESSIONS = 4
ROUND = 250
_COM_SET_OPTION = 0x1B
_MULTI_STATEMENTS_ON = 0


class Writer(Connection):
    """A connection that also carries out `Batch` and `Elsewhere`; to be closed with `finish`.

    :param base: the connection it works for, which goes on living.
    :param seconds: what one statement may take.
    """

    def __init__(self, base: Connection, seconds: float, sessions: int = SESSIONS, at_once: int = ROUND) -> None:
        super().__init__(base.login, base.driver)
        self._seconds = max(seconds, self.statement_seconds)
        self._count = sessions
        self._at_once = at_once
        self._sessions: List[Session] = []

    def __exit__(self, *details: object) -> None:
        self.finish()

    def finish(self) -> None:
        """Close the sessions; whatever GTID one of them held goes with it."""
        for session in self._sessions:
            session.close()
        self._sessions.clear()

    def execute(self, statement: Query, params: Sequence[Value] = ()) -> int:
        """Run a statement where it belongs. Raises what `Connection.execute` raises."""
        if isinstance(statement, Batch):
            return self._write(statement)
        if isinstance(statement, Elsewhere):
            return self._elsewhere(statement)
        return super().execute(statement, params)

    def _elsewhere(self, statement: Statement) -> int:
        """START or STOP of another connection, in a session of its own: a STOP may hang behind a lock."""
        with connect(self.login) as another:
            another.set_deadline(self._seconds)
            return another.execute(statement)

    def _write(self, batch: Batch) -> int:
        gtids = list(batch.gtids.gtids(batch.gtids.count()))
        rounds = [gtids[at : at + self._at_once] for at in range(0, len(gtids), self._at_once)]
        self._open(min(self._count, len(rounds)))
        free: SimpleQueue[Session] = SimpleQueue()
        for session in self._sessions:
            free.put(session)

        def work(part: List[Gtid]) -> None:
            session = free.get()
            try:
                session.write(part)
            finally:
                free.put(session)

        with ThreadPoolExecutor(max_workers=len(self._sessions)) as pool:
            for done in [pool.submit(work, part) for part in rounds]:
                done.result()
        return len(gtids)

    def _open(self, count: int) -> None:
        """Have so many sessions, or as many as the server gives, at least one."""
        while len(self._sessions) < count:
            try:
                self._sessions.append(Session(self.login, self._seconds))
            except ReplicaError:
                if not self._sessions:
                    raise
                return


class Session:
    """A session that may send many statements at once.

    :raises ReplicaError: it cannot be made.
    """

    def __init__(self, login: Login, seconds: float) -> None:
        self._connection = connect(login)
        try:
            self._connection.set_deadline(seconds)
            # The driver has no public call for this, and asks for it at connecting only when told to.
            self._connection.driver._execute_command(_COM_SET_OPTION, struct.pack("<H", _MULTI_STATEMENTS_ON))
            self._connection.driver._read_packet()
        except Exception as error:
            self.close()
            number, text = driver_errors.split(error)
            raise ServerError(
                number, "send several statements at once", login.address, "%d %s" % (number, text)
            ) from None

    def write(self, gtids: Sequence[Gtid]) -> None:
        """Write an empty transaction under each GTID; one that is executed already is left out by the server.

        :raises ServerError: one failed; it and those after it are not written.
        """
        text = "".join("SET SESSION gtid_next = '%s'; BEGIN; COMMIT; " % gtid for gtid in gtids)
        try:
            cursor = self._connection.driver.cursor()
            cursor.execute(text + "SET SESSION gtid_next = 'AUTOMATIC'")
            while cursor.nextset():
                pass
            cursor.close()
        except Exception as error:
            raise self._failed(error, gtids) from None

    def _failed(self, error: Exception, gtids: Sequence[Gtid]) -> ReplicaError:
        number, text = driver_errors.split(error)
        attempted = "write empty transactions under %s to %s" % (gtids[0], gtids[-1])
        login = self._connection.login
        found = driver_errors.statement_error(
            number, text, attempted, login.address, self._connection.statement_seconds, self._connection.connection_id
        )
        # It may hold a GTID that others wait for.
        self.close()
        return found

    def close(self) -> None:
        """End the session; an open transaction and its GTID go with it."""
        with suppress(Exception):
            self._connection.close()
