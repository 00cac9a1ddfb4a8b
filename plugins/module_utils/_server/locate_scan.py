# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads stretches of the source's binlog and hands their transactions to what counts them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Collection, Dict, Iterator, Mapping, Optional, Protocol, Sequence, Union

from .._core.binlog import gtids, header
from .._core.binlog.table_map import TableMap
from .._core.binlog.transactions import Event, Layout, Transaction, transactions
from .._core.gtid_mariadb import GtidPosition, MariadbGtid
from .._core.gtid_mysql import Gtid, GtidSet
from .._core.locate.digest import digest
from .._core.locate.feed import Feeder, Sink
from .._core.locate.objects import Object
from .._core.locate.own import Own, Without
from .._core.locate.track import Base, Track
from .._core.locate.voting import Key, Pair
from .._core.snapshot import Coordinates
from . import zstd
from .binlog_stream import BinlogStream
from .connect import Login, connect
from .locate_rows import Rows
from .locate_tables import Tables

# So many changes wait at most for rows of the replica before these are asked for.
BATCH = 10000


class Settling(Sink, Protocol):
    """A sink that needs rows of the replica."""

    pending: int
    wanted: Dict[Pair, Dict[int, Key]]

    def settle(self, rows: Mapping[Pair, Mapping[int, Any]]) -> None:
        """Count what waits, with these rows."""


@dataclass
class Scan:
    """Where a stretch was read from, and what was met there.

    :param track: its boundaries.
    :param recorded: the boundary of the recorded position, as far as it is told by GTIDs.
    :param own: it holds transactions that the replica does not take from the source, of which more was learned: what
        was counted does not hold.
    """

    track: Track
    recorded: Optional[int] = None
    bytes_read: int = 0
    decoding: bool = True
    own: bool = False
    passed: bool = field(default=False, repr=False)


class Reader:
    """Reads stretches.

    :param login: the source; each stretch is a connection of its own.
    :param deadline: a value of ``time.monotonic()`` after which reading ends with an error.
    :param recorded: what the replica has executed by its own account, when that is GTIDs.
    :param ignored: server ids whose transactions the replica does not take from the source: its own, in a ring.
    """

    def __init__(
        self,
        login: Login,
        tables: Tables,
        rows: Rows,
        deadline: float,
        recorded: Union[GtidSet, GtidPosition, None] = None,
        ignored: Collection[int] = (),
    ) -> None:
        self.login, self.tables, self.rows, self.deadline = login, tables, rows, deadline
        self.recorded = recorded
        self.ignored = frozenset(ignored)
        self.bytes_read = 0
        self.plain = tables.plain()
        self.own = Own(tables.view, tables.pair)

    def stream(self, start: Coordinates, stop: Optional[Coordinates]) -> BinlogStream:
        """The events of a stretch."""
        return BinlogStream(connect(self.login), start, stop_at=stop, deadline=self.deadline)

    def run(
        self,
        sink: Settling,
        start: Coordinates,
        stop: Optional[Coordinates],
        decode_from: Optional[Coordinates] = None,
        base: Base = None,
        whole: bool = False,
        enough: Optional[Callable[[Sink], bool]] = None,
    ) -> Scan:
        """Feed the transactions of a stretch.

        :param start: the head of a file, or the beginning of a transaction.
        :param decode_from: what ends before this is only counted for its GTIDs, and the stretch begins here.
        :param base: what had been executed at the start; read from the file's head when it begins there.
        :param whole: hand out images instead of their digests.
        :param enough: says when to end early.
        """
        scan = Scan(Track(start, base))
        stand_for: Callable[[Sequence[object]], Any] = tuple if whole else digest
        known = self.own.size
        into: Any = Without(sink, self.own) if known else sink
        feeder = Feeder(
            into,
            self.own.view if known else self.tables.view,
            self.plain, self.tables.folds, stand_for,
        )  # fmt: skip
        scan.decoding = decode_from is None
        with self.stream(start, stop) as stream:
            for transaction in transactions(
                _noting(stream, scan), self._layout(scan), decompress=zstd.decompress, file=start.file
            ):
                if not scan.decoding:
                    self._note(scan, transaction)
                    if decode_from is None or transaction.end.reached(decode_from):
                        scan.track, scan.decoding = Track(transaction.end, _base_at_end(scan.track)), True
                    continue
                self._note(scan, transaction)
                if transaction.server_id in self.ignored:
                    self.own.take(transaction)
                    feeder.pass_over()
                else:
                    feeder.feed(transaction)
                if sink.pending >= BATCH:
                    self.settle(sink, whole)
                if enough is not None and enough(sink):
                    break
        self.settle(sink, whole)
        scan.own = self.own.size != known
        scan.bytes_read = stream.bytes_read
        self.bytes_read += stream.bytes_read
        return scan

    def present(self, thing: Object) -> Optional[bool]:
        """Whether the replica has an object; None when that is not known, or tells nothing."""
        return self.own.present(thing, self.tables.present)

    def frame(self, start: Coordinates, stop: Optional[Coordinates]) -> Scan:
        """Find the transactions of a stretch without decoding rows."""
        scan = Scan(Track(start))
        with self.stream(start, stop) as stream:
            for transaction in transactions(_noting(stream, scan), lambda table: None, rows=False, file=start.file):
                self._note(scan, transaction)
        scan.bytes_read = stream.bytes_read
        self.bytes_read += stream.bytes_read
        return scan

    def settle(self, sink: Settling, whole: bool = False) -> None:
        """Read the rows that a sink waits for."""
        found: Dict[Pair, Dict[int, Any]] = self.rows.whole(sink.wanted) if whole else self.rows.digests(sink.wanted)
        sink.silent.update(self.rows.failed)
        sink.settle(found)

    def _layout(self, scan: Scan) -> Callable[[TableMap], Optional[Layout]]:
        tables = self.tables
        return lambda table: tables.layout(table) if scan.decoding else None

    def _note(self, scan: Scan, transaction: Transaction) -> None:
        scan.track.add(transaction.start, transaction.end, transaction.gtid)
        if self.recorded is None or scan.passed or not transaction.gtid:
            return
        if isinstance(self.recorded, GtidPosition):
            has = self.recorded.covers(MariadbGtid.parse(transaction.gtid))
        else:
            has = Gtid.parse(transaction.gtid) in self.recorded
        if has:
            scan.recorded = len(scan.track)
        else:
            scan.passed = True
            if scan.recorded is None:
                scan.recorded = len(scan.track) - 1


def _base_at_end(track: Track) -> Base:
    if track.base is None:
        return None
    text = track.gtids(len(track))
    return GtidPosition.parse(text) if isinstance(track.base, GtidPosition) else GtidSet.parse(text)


def _noting(stream: BinlogStream, scan: Scan) -> Iterator[Event]:
    """The events; what had been executed at the head of the first file is noted on the way."""
    for event in stream:
        kind = event[0]
        if kind == header.PREVIOUS_GTIDS and scan.track.base is None and not len(scan.track):
            scan.track.base = gtids.parse_previous_gtids(event[3])
        elif kind == header.GTID_LIST and scan.track.base is None and not len(scan.track):
            newest = {gtid.domain: gtid for gtid in gtids.parse_gtid_list(event[3])}
            scan.track.base = GtidPosition(tuple(newest.values()))
        yield event


def deadline_in(seconds: float) -> float:
    """A deadline."""
    return time.monotonic() + seconds
