# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds transactions that only the replica has, and keeps them as a binlog file before its own binlogs go.

The file is one that mysqlbinlog (mariadb-binlog) reads: with ``-v`` it shows the rows, without it makes statements that
apply them again.
"""

from __future__ import annotations

import os
import zlib
from typing import Callable, Iterator, List, Optional, Tuple

from .._core.binlog import header
from .._core.binlog.format import parse_format
from .._core.binlog.transactions import Event, Transaction, transactions
from .._core.errors import RefusedError, ReplicaError
from .._core.gtid_mariadb import MariadbGtid
from .._core.gtid_mysql import GtidSet
from .._core.rebuild import ATTEMPT
from .._core.snapshot import Coordinates, Server
from .binlog_stream import BinlogStream
from .connect import Login, connect

MAGIC = b"\xfebin"
_SECONDS = 3600.0
_MOST_BYTES = 4 << 30
_IN_HEAD = frozenset((header.ROTATE, header.HEARTBEAT, header.HEARTBEAT_V2, header.STOP))

Own = Callable[[Transaction], bool]


def is_own(server: Server, source: Optional[Server], gtids: Optional[GtidSet]) -> Own:
    """How to tell a transaction that only this server has.

    :param gtids: MySQL with GTIDs: those transactions. Otherwise it is one that this server executed first, and that
        the source does not know by its GTID.
    """
    if gtids is not None:
        return lambda done: bool(done.gtid) and gtids.contains(GtidSet.parse(done.gtid))
    state = source.binlog_state if source is not None else None

    def own(done: Transaction) -> bool:
        if done.server_id != server.server_id:
            return False
        known = (
            state.contains(MariadbGtid.parse(done.gtid)) if state is not None and done.gtid.count("-") == 2 else None
        )
        return not known

    return own


def find(login: Login, server: Server, own: Own, path: str = "") -> Tuple[str, ...]:
    """Labels of the transactions of the server's binlogs that are its own, by GTID or place.

    :param path: where to keep them; '' only looks. No file is made when there are none.
    :raises RefusedError: there are too many to keep.
    :raises ReplicaError: the binlog cannot be read, or the file cannot be written.
    """
    if not server.binlogs or server.binlog_end is None:
        return ()
    found: List[str] = []
    keeper = _Keeper(path)
    try:
        with BinlogStream(
            connect(login), Coordinates(server.binlogs[0][0], 4), stop_at=server.binlog_end, timeout=_SECONDS
        ) as stream:
            for done in transactions(keeper.noting(stream), lambda _table: None, rows=False):
                if own(done):
                    found.append(done.gtid or str(done.start))
                    keeper.keep()
                keeper.forget()
    finally:
        keeper.close()
    return tuple(found)


class _Keeper:
    """Writes whole transactions as they stand in the binlog."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._events: List[bytes] = []
        self._format, self._checksum, self._bytes = b"", False, 0
        self._handle: Optional[int] = None

    def noting(self, stream: BinlogStream) -> Iterator[Event]:
        """The stream's events; those of the transaction under way are held."""
        for event in stream:
            kind, _start, _end, data = event
            if kind == header.FORMAT_DESCRIPTION:
                self._format, self._checksum = data, parse_format(data).checksum
            elif kind not in _IN_HEAD and self.path:
                self._events.append(data)
            yield event

    def forget(self) -> None:
        """The transaction has ended."""
        self._events.clear()

    def keep(self) -> None:
        """Write the transaction that has just ended."""
        if not self.path:
            return
        whole = [data + self._sum(data) for data in self._events]
        self._bytes += sum(map(len, whole))
        if self._bytes > _MOST_BYTES:
            raise RefusedError(
                ATTEMPT, self.path, "the transactions that only this server has take more than 4 GiB",
                "Look whether it is the right server; copy its binlogs by hand.",
            )  # fmt: skip
        try:
            if self._handle is None:
                self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                os.write(self._handle, MAGIC + self._format)
            for data in whole:
                os.write(self._handle, data)
        except OSError as error:
            raise ReplicaError(
                "keep the transactions that only this server has", self.path, str(error), "Nothing was changed."
            ) from None

    def close(self) -> None:
        """Make sure that it is on the disk."""
        if self._handle is not None:
            os.fsync(self._handle)
            os.close(self._handle)
            self._handle = None

    def _sum(self, data: bytes) -> bytes:
        return zlib.crc32(data).to_bytes(4, "little") if self._checksum else b""
