# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds a replica anew from its source's binlogs: reads all of them first, then lets the channel replay them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._core import rebuild_replay as rules
from .._core.binlog.transactions import transactions
from .._core.binlog_expiry import after, expires
from .._core.commit_point import CommitPoint
from .._core.errors import ReplicaError
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
from .execute import LOOK_SECONDS
from .probe import Probed
from .reader import read_server
from .source_head import oldest_position
from .wait import wait_for

_NOW = "SELECT UNIX_TIMESTAMP() AS n"
_ACCOUNTS = "SELECT User, Host FROM mysql.user"
_READ_SECONDS = 3600.0
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
        :raises ReplicaError: a thread stopped with an error, or does not run. The channel is as it should be.
        """
        aim, began = self.aim, time.monotonic()
        aim.connection.set_deadline(LOOK_SECONDS)
        binlogs = self._binlogs()
        while True:
            now = wait_for("receiver_running,applier_running", aim.connection, aim.probed, aim.channel.name, patience)
            if rules.reached(now.executed, self.evidence.last):
                # A source that does not answer just now is no reason to stop: the receiver comes back to it, or ends.
                with suppress(ReplicaError):
                    binlogs = self._binlogs()
                if rules.is_near(self.channel, rules.behind(binlogs, now.executed)):
                    break
            self.told(rules.progress(time.monotonic() - began, now.executed, binlogs))
            time.sleep(_POLL)
        return rules.message(
            self.login.address, self.first, self.evidence.transactions, self.size, time.monotonic() - began
        )

    def _binlogs(self) -> Tuple[Tuple[str, int], ...]:
        with connect(self.login) as connection:
            return read_server(connection, role="source").binlogs
