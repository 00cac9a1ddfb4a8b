# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds a replica anew from its source's binlogs: reads all of them first, then lets the channel replay them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._core import rebuild_replay as rules
from .._core import rebuild_stuck as stuck
from .._core.binlog.transactions import transactions
from .._core.binlog_expiry import after, expires
from .._core.commit_point import CommitPoint
from .._core.errors import ConnectError, ReplicaError, ServerError
from .._core.glance import Glance
from .._core.rebuild import check_expiry
from .._core.rebuild_objects import SCHEMA, SEQUENCE, TABLE
from .._core.rebuild_replay import Evidence
from .._core.snapshot import Channel, Coordinates, Server
from . import rebuild_catalog as catalog
from . import zstd
from .binlog_expiry import begun
from .binlog_stream import BinlogStream
from .change import Target
from .connect import Connection, Login, connect
from .driver_errors import CONNECTION_LOST
from .execute import LOOK_SECONDS
from .probe import Probed
from .reader import read_server
from .source_head import oldest_position
from .wait import ThreadFaultError, wait_for

_NOW = "SELECT UNIX_TIMESTAMP() AS n"
_ACCOUNTS = "SELECT User, Host FROM mysql.user"
_READ_SECONDS = 3600.0
_RUNNING = "receiver_running,applier_running"
# Nobody answers there.
_NOBODY = (2002, 2003, 2006, CONNECTION_LOST)
# MySQL 8.0.22 and later; the message is printed every ten minutes.
_ERROR_LOG = (
    "SELECT DATA AS said FROM performance_schema.error_log WHERE LOGGED > NOW() - INTERVAL 11 MINUTE"
    " AND DATA LIKE 'Disk is full%' ORDER BY LOGGED DESC LIMIT 1"
)
# Its long columns need a temporary file.
_ON_DISK = "SELECT '' AS said, ID, INFO FROM information_schema.PROCESSLIST"
_POLL = 0.2


class Replay:
    """One replay.

    :param channel: as it is meant to be.
    :param login: of the source.
    :param told: gets the progress.
    """

    def __init__(self, aim: Target, channel: Channel, login: Login, told: Callable[[Dict[str, Any]], None]) -> None:
        self.aim, self.channel, self.login, self.told = aim, channel, login, told
        self.first = Coordinates("", rules.BEGINNING)
        self.schemas: Tuple[str, ...] = ()
        self.evidence = Evidence(rules.needs_gtids(channel, aim.server), frozenset(), aim.server.server_id)
        self.size = 0

    @property
    def point(self) -> CommitPoint:
        """Where the channel begins: before everything."""
        return CommitPoint(self.first)

    @property
    def logs(self) -> int:
        """Bytes that its relay logs take on the replica at the most, and its binlog, where it logs what it applies."""
        server = self.aim.server
        logs = server.flag("log_replica_updates") or server.flag("log_slave_updates")
        return self.size * (2 if logs else 1)

    def check(self, reader: Connection, probed: Probed) -> Tuple[str, ...]:
        """Read all binlogs of the source, before anything is changed; what is to be said about it.

        :raises RefusedError: they do not tell all that the source has, or replaying them would stop.
        :raises ReplicaError: they cannot be read.
        """
        definitions = catalog.read(reader)
        source = read_server(reader, probed, role="source")
        oldest = oldest_position(reader, source) if source.flavour.is_mariadb else None
        self.first = rules.check_first(source, self.channel, oldest)
        self.size = sum(size for _name, size in source.binlogs)
        seconds = self.size / rules.SLOW_BYTES
        notes = [
            check_expiry(source, seconds, "replaying"),
            rules.check_expiry(self.first, seconds, self._left(reader, source)),
        ]
        self.evidence.here = rules.accounts_here(self.aim.connection.query(_ACCOUNTS))
        self._scan(source)
        objects: Dict[str, List[str]] = {one.schema: [] for one in definitions if one.kind == SCHEMA}
        for one in definitions:
            if one.kind != SCHEMA:
                objects.setdefault(one.schema, []).append(one.name if one.kind in (TABLE, SEQUENCE) else "")
        first = set(rules.judge(self.evidence, reader.address, objects))
        self.schemas = tuple(one.text for one in definitions if one.kind == SCHEMA and one.schema in first)
        told = "%s transactions, %.1f MB of binlogs from %s on, are to be replayed." % (
            format(self.evidence.transactions, ","), self.size / 1e6, self.first,
        )  # fmt: skip
        return tuple(note for note in (told, *notes) if note)

    def _left(self, reader: Connection, source: Server) -> Optional[float]:
        """In how many seconds the first binlog may be purged; None when never, or while it is written."""
        following = after(self.first.file, source)
        until = expires(source, begun(self.login, following) if following else None)
        return None if until is None else until - float((reader.one(_NOW) or {"n": 0})["n"])

    def _scan(self, source: Server) -> None:
        stream = BinlogStream(
            connect(self.login), self.first, stop_at=source.binlog_end, timeout=_READ_SECONDS,
        )  # fmt: skip
        with stream:
            for done in transactions(stream, lambda _table: None, rows=False, decompress=zstd.decompress):
                self.evidence.add(done)

    def make_schemas(self, target: Connection) -> None:
        """Make what no binlog makes; the connection's session writes no binlog."""
        for text in self.schemas:
            target.execute(text)

    def wait(self, patience: int) -> str:
        """Wait until all that was there when it was read is applied, and little is left; what was done.

        :param patience: seconds for a thread that is not running to come back.
        :raises ReplicaError: a thread stopped with an error, or does not run, or waits for room on a full disk, or the
            server has ended. The channel is as it should be.
        """
        began = time.monotonic()
        still, binlogs = stuck.Stillness(began), self._binlogs()
        with Looks(self.aim, patience) as looks:
            while True:
                seen, now = looks.look(), time.monotonic()
                if seen is not None and rules.reached(seen.executed, self.evidence.last):
                    # A source that does not answer just now is no reason to stop: the receiver comes back, or ends.
                    with suppress(ReplicaError):
                        binlogs = self._binlogs()
                    if rules.is_near(self.channel, rules.behind(binlogs, seen.executed)):
                        break
                seconds = still.seconds(seen, now)
                told = rules.progress(now - began, still.at[1] if still.at else None, binlogs)
                self.told({**told, "line": told["line"] + stuck.line(seen, seconds)})
                sign = looks.sign() if seconds >= stuck.STILL_SECONDS else ""
                error = stuck.error(self.aim.server.address, seconds, sign, seen is not None, patience)
                if error is not None:
                    raise error
                time.sleep(_POLL)
        return rules.message(
            self.login.address, self.first, self.evidence.transactions, self.size, time.monotonic() - began
        )

    def _binlogs(self) -> Tuple[Tuple[str, int], ...]:
        with connect(self.login) as connection:
            return read_server(connection, role="source").binlogs


class Looks:
    """Looks at the replica while it replays, on connections of its own: a status statement may hang and cost one.

    :param aim: the replica.
    :param patience: seconds for a thread that is not running to come back.
    """

    def __init__(self, aim: Target, patience: float) -> None:
        self.aim, self.patience = aim, patience
        self._connection: Optional[Connection] = None
        self._hanging = 0

    def __enter__(self) -> Looks:
        return self

    def __exit__(self, *_details: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        try:
            made = connect(self.aim.connection.login)
        except ConnectError as error:
            if error.context.get("errno") not in _NOBODY:
                raise
            raise stuck.gone(self.aim.server.address, str(error)) from None
        made.set_deadline(LOOK_SECONDS)
        return made

    def look(self) -> Optional[Glance]:
        """How far it is; None when it does not say so in time.

        :raises ReplicaError: a thread stopped with an error, or does not run; or the server has ended.
        """
        if self._hanging and self._hangs():
            return None
        self._connection = self._connection or self._open()
        try:
            name = self.aim.channel.name
            return wait_for(_RUNNING, self._connection, self.aim.probed, name, self.patience)
        except ThreadFaultError as error:
            if stuck.is_full(int(error.context["errno"]), str(error.context["error"])):
                raise stuck.full(error.where, error.answer) from None
            raise
        except ServerError as error:
            self._hanging = self._connection.connection_id
            self._close()
            if error.number != CONNECTION_LOST:
                raise
            self._hangs()
            return None

    def _hangs(self) -> bool:
        """Whether the look that got no answer still waits for it there: another one would only wait beside it.

        :raises ReplicaError: the server has ended.
        """
        with self._open() as asking:
            if self._hanging not in (int(row["Id"]) for row in asking.query("SHOW PROCESSLIST")):
                self._hanging = 0
        return bool(self._hanging)

    def sign(self) -> str:
        """What says that its disk is full: a thread's state, its error log, or a temporary file without room."""
        with suppress(ReplicaError), self._open() as asking:
            found = stuck.sign_in(str(row["State"] or "") for row in asking.query("SHOW PROCESSLIST"))
            if found:
                return found
            for statement in (_ERROR_LOG, _ON_DISK):
                try:
                    found = stuck.sign_in(str(row["said"]) for row in asking.query(statement))
                except ServerError as error:
                    found = stuck.sign_of(error.number, error.answer)
                if found:
                    return found
        return ""
