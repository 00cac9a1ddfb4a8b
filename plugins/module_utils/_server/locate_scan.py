# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads stretches of the source's binlog and hands their transactions to what counts them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Collection, Dict, Iterator, Mapping, Optional, Protocol, Union

from .._core.binlog import gtids, header
from .._core.binlog.table_map import TableMap
from .._core.binlog.transactions import Event, Layout, Transaction, transactions
from .._core.gtid_mariadb import GtidPosition, MariadbGtid
from .._core.gtid_mysql import Gtid, GtidSet
from .._core.locate.feed import Feeder, Sink
from .._core.locate.objects import Object
from .._core.locate.own import Own, Without
from .._core.locate.printing import PrintingLayout
from .._core.locate.prints import prints_for
from .._core.locate.suspects import Suspects
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
        known = self.own.size
        into: Any = Without(sink, self.own) if known else sink
        feeder = Feeder(
            into,
            self.own.view if known else self.tables.view,
            self.plain,
            self.tables.folds,
            tuple if whole else None,
            self.rows.prints,
            isinstance(sink, Suspects),  # what lists rows names them by their keys
        )
        scan.decoding = decode_from is None
        with self.stream(start, stop) as stream:
            for transaction in transactions(
                _noting(stream, scan), self._layout(scan, not whole), decompress=zstd.decompress, file=start.file
            ):
                if not scan.decoding:
                    self._note(scan, transaction)
                    if decode_from is None or transaction.end.reached(decode_from):
                        scan.track, scan.decoding = Track(transaction.end, _base_at_end(scan.track)), True
                    continue
                self._note(scan, transaction)
                if transaction.server_id in self.ignored:
                    self.own.take(transaction, self.rows.prints)
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

    def skim(self, start: Coordinates, stop: Optional[Coordinates]) -> Scan:
        """Find where transactions begin and end, and their GTIDs, by little more than the headers of events.

        Without GTIDs a statement that stands alone is taken together with the transaction that follows it.
        """
        scan = Scan(Track(start))
        track, file, begin, gtid = scan.track, start.file, start.position, ""
        with self.stream(start, stop) as stream:
            for kind, first, end, data in stream.only(_SKIMMED):
                if kind in _ENDS:
                    track.append(file, begin, end, gtid)
                    begin, gtid = end, ""
                elif kind in _NAMES or kind == header.ROTATE:
                    if gtid:  # it had no end of its own
                        track.append(file, begin, first if file == stream.file else max(first, begin), gtid)
                    begin, gtid = (first, _NAMES[kind](data)) if kind in _NAMES else (stream.position.position, "")
                    file = stream.file
                elif not len(track):
                    _note_base(scan, kind, data)
            if gtid:
                track.append(file, begin, stream.position.position, gtid)
        scan.bytes_read = stream.bytes_read
        self.bytes_read += stream.bytes_read
        return scan

    def settle(self, sink: Settling, whole: bool = False) -> None:
        """Read the rows that a sink waits for."""
        found: Dict[Pair, Dict[int, Any]] = self.rows.whole(sink.wanted) if whole else self.rows.digests(sink.wanted)
        sink.silent.update(self.rows.failed)
        sink.settle(found)

    def _layout(self, scan: Scan, printing: bool) -> Callable[[TableMap], Optional[Layout]]:
        tables, known = self.tables, self.rows.prints

        def layout_for(table: TableMap) -> Optional[Layout]:
            found = tables.layout(table) if scan.decoding else None
            if found is None:
                return None
            pair = tables.pair(table.schema, table.table)
            if pair not in known:
                view = tables.view(pair)
                known[pair] = prints_for(table, found.columns, found.decoders, view.key, view.compared or ())
            prints = known[pair]
            if prints is None or not printing or not prints.fits(table, found.columns):
                return found
            return PrintingLayout(found.columns, found.decoders, prints)

        return layout_for

    def _note(self, scan: Scan, transaction: Transaction) -> None:
        scan.track.append(transaction.file, transaction.first, transaction.last, transaction.gtid)
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


# What can stand before the first transaction of a file.
_HEADS = frozenset(
    (header.ROTATE, header.FORMAT_DESCRIPTION, header.PREVIOUS_GTIDS, header.GTID_LIST, header.BINLOG_CHECKPOINT)
    + (header.START_ENCRYPTION, header.HEARTBEAT, header.HEARTBEAT_V2, header.STOP, header.IGNORABLE)
)  # fmt: skip


def _mariadb_gtid(data: bytes) -> str:
    return gtids.parse_mariadb_gtid(data, header.HEADER.unpack_from(data)[2]).gtid


# What ends a transaction, and what begins one and says its GTID.
_ENDS = frozenset((header.XID, header.TRANSACTION_PAYLOAD))
_NAMES: Dict[int, Callable[[bytes], str]] = {
    header.GTID: gtids.parse_gtid,
    header.GTID_TAGGED: gtids.parse_tagged_gtid,
    header.MARIADB_GTID: _mariadb_gtid,
}
_SKIMMED = _ENDS.union(_NAMES, (header.ROTATE, header.PREVIOUS_GTIDS, header.GTID_LIST))


def _note_base(scan: Scan, kind: int, data: bytes) -> None:
    """Note what had been executed at the head of the first file."""
    if scan.track.base is not None:
        return
    if kind == header.PREVIOUS_GTIDS:
        scan.track.base = gtids.parse_previous_gtids(data)
    elif kind == header.GTID_LIST:
        newest = {gtid.domain: gtid for gtid in gtids.parse_gtid_list(data)}
        scan.track.base = GtidPosition(tuple(newest.values()))


def _noting(stream: BinlogStream, scan: Scan) -> Iterator[Event]:
    """The events; what had been executed at the head of the first file is noted on the way."""
    events = iter(stream)
    for event in events:
        _note_base(scan, event[0], event[3])
        yield event
        if event[0] not in _HEADS:
            break
    yield from events


def deadline_in(seconds: float) -> float:
    """A deadline."""
    return time.monotonic() + seconds
