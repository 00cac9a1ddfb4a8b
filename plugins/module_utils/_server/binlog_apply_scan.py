# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads named transactions from a donor's binlog."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple, Union

from .._core import binlog_apply_between as between
from .._core import touched_statement
from .._core.binlog import header, query
from .._core.binlog.encode import Form, form_of
from .._core.binlog.gtids import executed_before
from .._core.binlog.row_bytes import KeepingLayout
from .._core.binlog.table_map import TableMap, TableName
from .._core.binlog.transactions import Event, Transaction, transactions
from .._core.binlog_apply import Item, Wish, mariadb_gtids, named_of, note_executed, unexecuted
from .._core.binlog_apply_rows import changes_of
from .._core.errors import BadInputError, RefusedError
from .._core.gtid_mariadb import MariadbGtid
from .._core.gtid_mysql import GtidSet
from .._core.row_repair_rows import Shape
from .._core.snapshot import Coordinates, Server
from . import zstd
from .binlog_archive import Archive, ArchiveStream, before, first_with
from .binlog_stream import BinlogStream
from .connect import Connection, Login, connect
from .row_repair_tables import Table, Tables

# Where the transactions come from: a server, or a directory of binlogs.
Origin = Union[Login, Archive]
_Stream = Union[BinlogStream, ArchiveStream]
_HEAD = 4


@dataclass
class Named:
    """What was read, in the order of the binlog, or against it when it is to be undone."""

    items: List[Item] = field(default_factory=list)
    form: Optional[Form] = None
    bytes_read: int = 0


class Defined:
    """What the statements of a run define.

    :param spell: a name as the servers compare it.
    """

    def __init__(self, spell: Callable[[str], str]) -> None:
        self._spell = spell
        self._tables: Set[TableName] = set()
        self._schemas: Set[str] = set()
        self._everything = False

    def add(self, text: str, schema: str) -> None:
        """Take note of a statement."""
        found = touched_statement.effect(text, schema)
        self._everything = self._everything or found.everything
        self._tables |= {TableName(self._spell(one), self._spell(other)) for one, other in found.tables}
        self._schemas |= {self._spell(name) for name in found.schemas}

    def has(self, table: TableName) -> bool:
        """Whether a statement that was noted touches this table."""
        name = TableName(self._spell(table.schema), self._spell(table.name))
        return self._everything or name in self._tables or name.schema in self._schemas


class Sight:
    """The tables of the target as the donor's events see them.

    Tables that a statement of the run defines differ between donor and target, before it or behind it; only the
    target's definition and the binlog's own count then.
    """

    def __init__(self, target: Connection, donor: Connection, server: Server) -> None:
        self.strict = Tables(target, donor, server)
        self.loose = Tables(target, target, server)
        self.defined = Defined(self.strict.spell)

    def layout(self, table: TableMap) -> Optional[KeepingLayout]:
        """How to decode the rows of a table map."""
        return (self.loose if self.defined.has(table.name) else self.strict).layout(table)

    def name(self, name: TableName) -> TableName:
        """A table's name as it is called here."""
        return self.strict.pair(name.schema, name.name)

    def known(self, name: TableName) -> Optional[Table]:
        """A table that rows were read of."""
        pair = self.name(name)
        return self.strict.known.get(pair) or self.loose.known.get(pair)

    def shape(self, name: TableName) -> Optional[Shape]:
        """How its rows stand in the binlog."""
        found = self.known(name)
        return found.shape if found is not None else None

    def why(self, name: TableName) -> str:
        """Why the rows of a table are no use; '' when they are."""
        pair = self.name(name)
        return self.strict.silent.get(pair, "") or self.loose.silent.get(pair, "")


def read(origin: Origin, wish: Wish, donor: Server, server: Server, sight: Sight, timeout: float) -> Named:
    """The named transactions. Of those that a set of GTIDs names, only what the target has not executed (MySQL).

    :param server: the target.
    :raises BadInputError: the donor's binlog does not have all of them.
    :raises RefusedError: they are more than is allowed, or purged.
    :raises ReplicaError: the binlog cannot be read.
    """
    deadline = time.monotonic() + timeout
    left = unexecuted(wish, server)
    if wish.gtids and not donor.flavour.is_mariadb and not left:
        return Named()
    reader = _Reader(origin, wish, donor, deadline, left)
    plain = list(reader.transactions(lambda table: None, rows=False))
    reader.check_all(plain)
    for done in plain:
        for event in done.statements:
            sight.defined.add(event.text, event.schema)
    named = Named([Item(done, statements=reader.texts(done)) for done in plain], reader.form, reader.bytes_read)
    note_executed(wish, named.items, server)
    if any(done.tables for done in plain):
        _read_rows(reader, wish, sight, named)
    if wish.reverse:
        named.items.reverse()
    return named


def _read_rows(reader: _Reader, wish: Wish, sight: Sight, named: Named) -> None:
    """Read the rows of the items, as far as their tables are what they were."""
    so_far = Defined(sight.strict.spell)
    count = 0

    def layout(table: TableMap) -> Optional[KeepingLayout]:
        return None if so_far.has(table.name) else sight.layout(table)

    for item, done in zip(named.items, reader.transactions(layout, rows=True)):
        item.deferred = {sight.name(name) for name in done.undecoded if so_far.has(name)}
        item.useless = {
            sight.name(name): sight.why(name) or "its rows cannot be read"
            for name in done.undecoded
            if sight.name(name) not in item.deferred
        }
        item.changes, useless = changes_of(done.changes, sight.shape, sight.name, wish.reverse)
        item.useless.update(useless)
        count += len(item.changes)
        if count > wish.max_rows:
            raise RefusedError(
                wish.attempt, "", "they touch more than %d rows (option max_rows)" % wish.max_rows,
                "Name fewer transactions, or allow more rows.",
            )  # fmt: skip
        for event in () if item.executed else done.statements:
            so_far.add(event.text, event.schema)
    named.bytes_read = reader.bytes_read


class _Reader:
    """Reads the same transactions as often as needed."""

    def __init__(self, origin: Origin, wish: Wish, donor: Server, deadline: float, gtids: GtidSet) -> None:
        self.origin, self.wish, self.donor, self.deadline = origin, wish, donor, deadline
        self.mariadb = donor.flavour.is_mariadb
        self.form: Optional[Form] = None
        self.bytes_read = 0
        self._texts: Dict[Tuple[str, int], bytes] = {}
        self._file = ""
        self.wanted: Optional[Callable[[str], bool]] = None
        self.count = 0
        self.skipped = GtidSet()
        self.start, self.stop = wish.start, wish.stop
        if wish.gtids:
            self._by_gtids(gtids)
        elif wish.until is not None:
            self._between()
        elif donor.binlog_end is not None and wish.stop is not None and not donor.binlog_end.reached(wish.stop):
            raise BadInputError(
                "Option to (%s) is beyond the end of the donor's binlog (%s)" % (wish.stop, donor.binlog_end)
            )

    def _by_gtids(self, gtids: GtidSet) -> None:
        self.count = named_of(self.wish, self.donor, gtids)
        self.stop = self.donor.binlog_end
        if self.mariadb:
            named = mariadb_gtids(self.wish.gtids)
            self.wanted = frozenset(str(one) for one in named).__contains__
            self.start = _head(self.origin, self.donor, named, self.deadline)
            return
        # The server itself leaves out what is not wanted.
        self.skipped = (self.donor.executed or GtidSet()).subtract(gtids)
        self.wanted = frozenset(str(one) for one in gtids.gtids(self.count)).__contains__
        if isinstance(self.origin, Archive):
            self.start = first_with(self.origin, gtids)

    def _between(self) -> None:
        self.stop = self.donor.binlog_end
        self.wanted = between.wanted(self.wish)
        for name, _size in reversed(self.donor.binlogs):
            if between.goes_back_far_enough(self.wish, _before(self.origin, name, self.deadline)):
                self.start = Coordinates(name, _HEAD)
                return
        raise _too_young(self.donor)

    def _stream(self, begin: Union[Coordinates, str]) -> _Stream:
        if isinstance(self.origin, Archive):
            start = begin if isinstance(begin, Coordinates) else None
            return ArchiveStream(self.origin, start, self.wanted, self.deadline)
        return BinlogStream(connect(self.origin), begin, stop_at=self.stop, deadline=self.deadline)

    def transactions(self, layout: Callable[[TableMap], Optional[KeepingLayout]], rows: bool) -> Iterator[Transaction]:
        """The named transactions in the order of the binlog."""
        begin = self.start if self.start is not None else str(self.skipped)
        found = 0
        with self._stream(begin) as stream:
            try:
                events = self._noting(stream)
                file = begin.file if isinstance(begin, Coordinates) else ""
                for done in transactions(events, layout, rows, zstd.decompress, file):
                    if not self._is_named(done):
                        continue
                    found += 1
                    if found > self.wish.max_transactions:
                        raise RefusedError(
                            self.wish.attempt, "",
                            "they are more than %d (option max_transactions)" % self.wish.max_transactions,
                            "Name fewer, or allow more.",
                        )  # fmt: skip
                    yield done
                    if self.count and found >= self.count:
                        break
            finally:
                self.bytes_read += stream.bytes_read

    def _is_named(self, done: Transaction) -> bool:
        if self.wanted is not None:
            return bool(done.gtid) and self.wanted(done.gtid)
        stop = self.wish.stop
        if stop is None or done.start.reached(stop):
            return False
        if not stop.reached(done.end):
            raise BadInputError("Option to (%s) is inside a transaction" % stop, advice="It ends at %s." % done.end)
        return True

    def _noting(self, stream: _Stream) -> Iterator[Event]:
        for event in stream:
            kind, start, _end, data = event
            if kind == header.FORMAT_DESCRIPTION:
                self.form = form_of(data)
            elif kind in (header.QUERY, header.QUERY_COMPRESSED):
                self._texts[stream.file, start] = query.statement_bytes(data, kind == header.QUERY_COMPRESSED)
            elif kind in header.GTID_EVENTS and len(self._texts) > 100000:
                self._texts.clear()
            yield event

    def texts(self, done: Transaction) -> Tuple[Tuple[query.QueryEvent, bytes], ...]:
        """The statements of a transaction with their bytes."""
        made = []
        for event in done.statements:
            text = self._texts.get((done.file, event.start))
            made.append((event, event.text.encode("utf-8") if text is None else text))
        return tuple(made)

    def check_all(self, found: Sequence[Transaction]) -> None:
        """Raise BadInputError when named transactions are missing."""
        if self.count and len(found) < self.count:
            raise BadInputError(
                "%s has %d of the %d named transactions in its binlogs" % (self.donor.address, len(found), self.count),
                advice="The others were purged there, or never executed. Name only those that it has.",
            )
        if self.wish.until is not None:
            between.check_reached(self.wish, [done.gtid for done in found], self.donor.address)
        if not found:
            raise BadInputError("There are no transactions in the given range")


def _head(origin: Origin, donor: Server, gtids: Sequence[MariadbGtid], deadline: float) -> Coordinates:
    """The head of the newest binlog of MariaDB before which none of these stands."""
    lowest: Dict[Tuple[int, int], int] = {}
    for one in gtids:
        place = (one.domain, one.server_id)
        lowest[place] = min(one.sequence, lowest.get(place, one.sequence))
    for name, _size in reversed(donor.binlogs):
        if not _overlaps(_before(origin, name, deadline), lowest):
            return Coordinates(name, _HEAD)
    raise _too_young(donor)


def _too_young(donor: Server) -> RefusedError:
    return RefusedError(
        "read the named transactions", donor.address, "its binlogs do not go back to the first of them",
        "They were purged there; name another donor.",
    )  # fmt: skip


def _before(origin: Origin, name: str, deadline: float) -> Sequence[MariadbGtid]:
    """The last GTIDs before a binlog of MariaDB."""
    if isinstance(origin, Archive):
        return before(origin, name)[1]
    with BinlogStream(connect(origin), Coordinates(name, _HEAD), deadline=deadline) as stream:
        return executed_before(stream)[1]


def _overlaps(passed: Sequence[MariadbGtid], lowest: Dict[Tuple[int, int], int]) -> bool:
    return any(one.sequence >= lowest.get((one.domain, one.server_id), one.sequence + 1) for one in passed)
