# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds a replica anew with the clone plugin: install, clone, wait for the restart, make the channel again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Callable, Optional

from .._core import rebuild_clone as rules
from .._core.change_source_steps import reset_all
from .._core.channel_plan import Verbs
from .._core.commit_point import CommitPoint
from .._core.errors import RefusedError, ReplicaError, ServerError
from .._core.rebuild import ATTEMPT
from .._core.snapshot import Channel, Coordinates, Server
from .._core.statement import Statement
from .change import Target
from .change_source import Insisting
from .connect import Connection, Login, connect
from .driver_errors import CONNECTION_LOST
from .execute import Journal, run
from .lock import advisory_lock
from .probe import Probed, probe
from .reader import read_server
from .rebuild_way import Way

_POLL = 1.0
_PROGRESS = "SELECT STAGE, STATE, ESTIMATE, DATA FROM performance_schema.clone_progress ORDER BY ID"
_STATUS = "SELECT STATE, ERROR_NO, ERROR_MESSAGE, BINLOG_FILE, BINLOG_POSITION, GTID_EXECUTED" \
    " FROM performance_schema.clone_status"  # fmt: skip
_CLONE_SECONDS = 86400.0


class Clone:
    """One clone.

    :param channel: as it was before.
    :param tell: gets a line about how far it is.
    :param may_start: refuses a point from which the source cannot send any more.
    """

    def __init__(
        self,
        aim: Target,
        channel: Channel,
        donor: Login,
        way: Way,
        journal: Journal,
        tell: Callable[[str], None],
        may_start: Callable[[CommitPoint], None],
    ) -> None:
        self.may_start = may_start
        self.aim, self.channel, self.donor = aim, channel, donor
        self.way, self.journal, self.tell = way, journal, tell

    def check(self, reader: Connection, donor: Server) -> None:
        """Refuse what cannot be done, before anything is changed. Raises what `rebuild_clone.check` raises."""
        rules.check(self.aim.server, donor, self.way.password)
        row = reader.one(rules.PLUGIN)
        if row is None or row["status"] != "ACTIVE":
            raise RefusedError(
                ATTEMPT, reader.address, "the donor's clone plugin is not active", "Run there: %s" % rules.INSTALL
            )
        if self.donor.unix_socket or not self.donor.user:
            raise RefusedError(
                ATTEMPT, self.aim.server.address, "the replica reaches the donor by host, port and account only",
                "Give login_host, login_user and login_password for the donor.",
            )  # fmt: skip

    def run(self, timeout: int) -> CommitPoint:
        """Clone, and replicate from it; its point.

        :raises ReplicaError: it failed. What is left of the server does not replicate when it is started.
        """
        connection = self.aim.connection
        row = connection.one(rules.PLUGIN)
        connection.execute("SET SESSION sql_log_bin = 0")
        if row is None:
            self._do(connection, Statement(rules.INSTALL))
        self._do(connection, Statement(rules.HOLD))
        self._do(connection, Statement(rules.valid_donor(self.donor.host, self.donor.port)))
        down = self._clone(connection)
        connection.close()
        self._bring_up(down)
        with connect(self.aim.connection.login) as fresh, advisory_lock(fresh, self.channel.name):
            return self._finish(fresh, probe(fresh), timeout)

    def _clone(self, connection: Connection) -> bool:
        """Whether the server is down now, as nobody starts it."""
        tls = self.donor.wants_tls
        statement = rules.clone(self.donor.user or "", self.donor.password or "", self.donor.host, self.donor.port, tls)
        connection.set_deadline(_CLONE_SECONDS)
        self.journal.ran.append(statement)
        with ThreadPoolExecutor(max_workers=1) as pool:
            work = pool.submit(connection.execute, statement)
            while not work.done():
                self._look()
                with suppress(Exception):
                    work.exception(timeout=_POLL)
            error = work.exception()
        if error is None or (isinstance(error, ServerError) and error.number == CONNECTION_LOST):
            return False
        if isinstance(error, ServerError) and error.number == rules.NOT_SUPERVISED:
            return True
        raise error

    def _look(self) -> None:
        with suppress(ReplicaError), connect(self.aim.connection.login) as looking:
            self.tell(rules.progress_line(tuple(looking.query(_PROGRESS))))

    def _bring_up(self, down: bool) -> None:
        """Wait until the server answers again, with the clone's accounts."""
        where, command = self.aim.server.address, self.way.restart
        if down and command:
            self.tell("starting the server: %s" % command)
            code, _output, errors = self.way.execute(command)
            if code:
                raise ReplicaError("start the server again", where, errors.strip(), "Run it by hand: %s" % command)
        elif down:
            self.tell("the clone is complete and the server is down: start it now")
        deadline = time.monotonic() + self.way.restart_seconds
        last: Optional[ReplicaError] = None
        while time.monotonic() < deadline:
            try:
                with connect(self.aim.connection.login) as fresh:
                    if (fresh.one(_STATUS) or {}).get("STATE") != "In Progress":
                        return
            except ReplicaError as error:
                last = error
            time.sleep(_POLL)
        raise ReplicaError(
            "reach the server after the clone", where, str(last or "it is still at work"),
            "The clone is complete, but nobody started the server again (3707). Start it: it has the donor's accounts "
            "now and starts no channel. Then make the channel with change_master, as the undo record has it, and run "
            "%s"
            % rules.LET_GO if down else "Look into its error log.",
        )  # fmt: skip

    def _finish(self, fresh: Connection, probed: Probed, timeout: int) -> CommitPoint:
        self.tell("making the channel again")
        row = fresh.one(_STATUS) or {}
        if row.get("STATE") != "Completed":
            raise ReplicaError(
                "clone", self.aim.server.address, "%s %s" % (row.get("ERROR_NO"), row.get("ERROR_MESSAGE")),
                "Run the rebuild again.",
            )  # fmt: skip
        at = Coordinates(str(row["BINLOG_FILE"]), int(row["BINLOG_POSITION"]))
        point = CommitPoint(at, "".join(str(row["GTID_EXECUTED"] or "").split()))
        self.may_start(point)
        verbs = Verbs(probed.dialect, probed.features.channels, self.channel.name)
        # What the donor replicated, or was told to, is nothing that this server has to do.
        for other in read_server(fresh, probed).channels:
            brought = Verbs(probed.dialect, probed.features.channels, other.name)
            fresh.execute(brought.stop())
            self._do(fresh, reset_all(brought))
        steps = rules.steps(verbs, self.channel, self.way.password, point)
        run(steps, Insisting(fresh), probed, self.channel.name, self.journal, timeout)
        self._do(fresh, Statement(rules.LET_GO))
        return point

    def _do(self, connection: Connection, statement: Statement) -> None:
        connection.execute(statement)
        self.journal.ran.append(statement)
