# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads stretches of the source's binlog and hands their transactions to what counts them."""

from __future__ import annotations

import contextlib
import time
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    Generator,
    Iterator,
    List,
    Mapping,
    Optional,
    Protocol,
    Union,
)

from .._core.binlog import header
from .._core.binlog.table_map import TableMap
from .._core.binlog.transactions import Layout, LayoutFor, Transaction, transactions
from .._core.gtid_mariadb import GtidPosition, MariadbGtid
from .._core.gtid_mysql import Gtid, GtidSet
from .._core.locate.feed import Feeder, Sink
from .._core.locate.objects import Object
from .._core.locate.own import Own, Without
from .._core.locate.printing import PrintingLayout
from .._core.locate.prints import prints_for
from .._core.locate.suspects import Suspects
from .._core.locate.track import Base, Track
from .._core.locate.usual import Usual
from .._core.locate.voting import Key, Pair
from .._core.snapshot import Coordinates
from . import locate_ahead, zstd
from .binlog_stream import BinlogStream
from .connect import Login, connect
from .locate_events import ENDS, NAMES, SKIMMED, Noting, Scan, note_base
from .locate_rows import Rows
from .locate_tables import Tables

__all__ = ["BATCH", "FAR", "Reader", "Scan", "Settling", "deadline_in"]

# So many changes wait at most for rows of the replica before these are asked for.
BATCH = 10000
# What is longer than so many bytes is read by a second process, where there is a processor for it.
FAR = 32 << 20


class Settling(Sink, Protocol):
    """A sink that needs rows of the replica."""

    pending: int
    wanted: Dict[Pair, Dict[int, Key]]

    def settle(self, rows: Mapping[Pair, Mapping[int, Any]]) -> None:
        """Count what waits, with these rows."""


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
        with contextlib.closing(self._transactions(scan, start, stop, whole)) as found:
            for item in found:
                if isinstance(item, Usual) and enough is None and self._together(scan, feeder, item):
                    if sink.pending >= BATCH:
                        self.settle(sink, whole)
                    continue
                for transaction in item.transactions() if isinstance(item, Usual) else (item,):
                    self._one(scan, feeder, transaction, decode_from)
                    if sink.pending >= BATCH:
                        self.settle(sink, whole)
                if enough is not None and enough(sink):
                    break
        self.settle(sink, whole)
        scan.own = self.own.size != known
        return scan

    def _one(self, scan: Scan, feeder: Feeder, transaction: Transaction, decode_from: Optional[Coordinates]) -> None:
        """Feed a transaction, or note it when it is not looked at yet."""
        self._note(scan, transaction)
        if not scan.decoding:
            if decode_from is None or transaction.end.reached(decode_from):
                scan.track, scan.decoding = Track(transaction.end, _base_at_end(scan.track)), True
        elif transaction.server_id in self.ignored:
            self.own.take(transaction, self.rows.prints)
            feeder.pass_over()
        else:
            feeder.feed(transaction)

    def _together(self, scan: Scan, feeder: Feeder, usual: Usual) -> bool:
        """Feed transactions at once; False when they have to be looked at one by one, and nothing was done."""
        if not scan.decoding or not self.ignored.isdisjoint(usual.servers):
            return False
        if self.recorded is not None and not scan.passed and any(usual.gtids):
            return False
        if not feeder.together(usual):
            return False
        scan.track.extend(usual.file, usual.firsts, usual.lasts, usual.gtids)
        return True

    def _transactions(
        self, scan: Scan, start: Coordinates, stop: Optional[Coordinates], whole: bool
    ) -> Generator[Union[Usual, Transaction], None, None]:
        """The transactions of a stretch; when it turns out to be a long one, a second process reads on."""
        layout = self._layout(scan, not whole)
        far = yield from self._read(scan, start, stop, layout, not whole and locate_ahead.possible())
        if far is None:
            return
        place = far

        def read(tables: List[TableMap], total: Callable[[int], None]) -> Iterator[Transaction]:
            self.tables.reconnect()

            def noting(table: TableMap) -> Optional[Layout]:
                found = layout(table)
                if found is not None:
                    tables.append(table)
                return found

            self.bytes_read = 0
            yield from self._read(scan, place, stop, noting, False)
            total(self.bytes_read)

        with contextlib.suppress(OSError), locate_ahead.Ahead(read, layout) as ahead:
            for item in ahead:
                far = Coordinates(item.file, item.lasts[-1]) if isinstance(item, Usual) else item.end
                yield item
            self._count(scan, ahead.bytes_read)
            if ahead.complete:
                return
        yield from self._read(scan, far, stop, layout, False)

    def _read(
        self, scan: Scan, start: Coordinates, stop: Optional[Coordinates], layout: LayoutFor, leave: bool
    ) -> Generator[Transaction, None, Optional[Coordinates]]:
        """The transactions of a stretch.

        :param leave: end when a lot has been read, and give where that was.
        """
        stream = self.stream(start, stop)
        try:
            with stream:
                for transaction in transactions(
                    Noting(stream, scan), layout, decompress=zstd.decompress, file=start.file
                ):
                    yield transaction
                    if leave and stream.bytes_read > FAR and scan.decoding:
                        return transaction.end
        finally:
            self._count(scan, stream.bytes_read)
        return None

    def _count(self, scan: Scan, bytes_read: int) -> None:
        scan.bytes_read += bytes_read
        self.bytes_read += bytes_read

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
            for kind, first, end, data in stream.only(SKIMMED):
                if kind in ENDS:
                    track.append(file, begin, end, gtid)
                    begin, gtid = end, ""
                elif kind in NAMES or kind == header.ROTATE:
                    if gtid:  # it had no end of its own
                        track.append(file, begin, first if file == stream.file else max(first, begin), gtid)
                    begin, gtid = (first, NAMES[kind](data)) if kind in NAMES else (stream.position.position, "")
                    file = stream.file
                elif not len(track):
                    note_base(scan, kind, data)
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


def deadline_in(seconds: float) -> float:
    """A deadline."""
    return time.monotonic() + seconds
