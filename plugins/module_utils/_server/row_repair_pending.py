# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the transactions of a source that a replica has not applied yet, from its applied point on."""

from __future__ import annotations

import time
from typing import Callable, FrozenSet, Iterator, List, Optional, Set, Tuple, Union

from .._core import touched_statement
from .._core.binlog.table_map import TableName
from .._core.binlog.transactions import LayoutFor, Transaction, transactions
from .._core.errors import BadInputError, BinlogError, RefusedError
from .._core.gtid_mysql import Gtid
from .._core.row_repair import Wish
from .._core.row_repair_pending import FAILING, Failing, done_above, failing, refused, unhealable, worker_records
from .._core.row_repair_rows import PARTIAL, Collector
from .._core.snapshot import GTID, Channel, Coordinates, Server
from . import zstd
from .binlog_stream import BinlogStream
from .connect import Connection, Login, connect
from .row_repair_scan import Scan, noting
from .row_repair_tables import Tables

_RECORDS = (
    "SELECT Master_log_name, Master_log_pos, Checkpoint_seqno, HEX(Checkpoint_group_bitmap) AS Checkpoint_group_bitmap"
    " FROM mysql.slave_worker_info"
)


class Point:
    """The point that a replica has applied: where reading begins, and what behind that it has applied all the same.

    :param replica: asked for its workers' records, where it goes by positions.
    :raises RefusedError: the point is not known.
    """

    def __init__(self, replica: Connection, login: Login, server: Server, channel: Channel) -> None:
        self.login, self.server, self.channel = login, server, channel
        self.start: Union[str, Coordinates] = ""
        self._done: FrozenSet[str] = frozenset()
        self._by_gtid = channel.mode == GTID
        if self._by_gtid:
            self.start = str(server.replica_position if server.flavour.is_mariadb else server.executed)
            return
        if channel.executed is None or not channel.executed.file:
            raise self._unknown("its status does not tell the position")
        self.start = channel.executed
        if not server.flavour.is_mariadb:
            self._done = self._by_workers(replica, channel.executed)

    def _unknown(self, why: str) -> RefusedError:
        return RefusedError(
            "read what is to be applied by %s" % self.channel.label, self.server.address,
            "the point that it has applied is not known: %s" % why,
        )  # fmt: skip

    def _by_workers(self, replica: Connection, mark: Coordinates) -> FrozenSet[str]:
        if self.server.variable("relay_log_info_repository").upper() == "FILE":
            return self._by_one_worker(mark) if self.channel.parallel > 1 else frozenset()
        where, given = (
            ("", ()) if not self.server.features.channels else (" WHERE Channel_name = %s", (self.channel.name,))
        )
        records = [one for one in worker_records(replica.query(_RECORDS + where, given)) if not mark.reached(one.last)]
        if not records:
            return frozenset()
        furthest = max((record.last for record in records), key=Coordinates.key)
        ends: List[Coordinates] = []
        with BinlogStream(connect(self.login), mark, stop_at=furthest) as stream:
            for done in transactions(stream, lambda table: None, rows=False, file=mark.file):
                ends.append(done.end)
        return self._behind(ends, done_above(mark, records, ends))

    def _behind(self, ends: List[Coordinates], done: FrozenSet[str]) -> FrozenSet[str]:
        """Begin behind the first of these that have been applied: their rows may stand in an earlier definition."""
        for end in ends:
            if str(end) not in done:
                break
            self.start = end
        return done

    def _by_one_worker(self, mark: Coordinates) -> FrozenSet[str]:
        """What MySQL 5.6 has applied where the workers' records are in files, which cannot be read from here.

        It gives each schema to one worker. Where only one schema is written, that one's transactions were applied in
        order, up to the failing one.
        """
        at = failing(self.server, self.channel).point
        why = "what its parallel workers have applied is in files (relay_log_info_repository = FILE)"
        if at is None:
            raise self._unknown(why + ", and the error does not say at which transaction it is")
        before: List[Coordinates] = []
        schemas: Set[str] = set()
        with BinlogStream(connect(self.login), mark, stop_at=self.channel.read) as stream:
            for one in transactions(stream, lambda table: None, rows=False, file=mark.file):
                schemas.update(table.schema for table in one.tables)
                for statement in one.statements:
                    effect = touched_statement.effect(statement.text, statement.schema)
                    schemas.update({statement.schema, *effect.schemas, *(table[0] for table in effect.tables)} - {""})
                if at.reached(one.end) and at != one.end:
                    before.append(one.end)
        if len(schemas) > 1:
            raise self._unknown(why + ", and they write several schemas: %s" % ", ".join(sorted(schemas)))
        return self._behind(before, frozenset(map(str, before)))

    def has(self, transaction: Transaction) -> bool:
        """Whether a transaction behind the start has been applied."""
        if self._by_gtid:
            return False
        if str(transaction.end) in self._done:
            return True
        done = self.server.executed
        return bool(transaction.gtid and done is not None and Gtid.parse(transaction.gtid) in done)

    def redefined(self, stop: Optional[Coordinates], deadline: float) -> FrozenSet[Tuple[str, str]]:
        """The tables that a transaction between here and a point defines anew, as the statements spell them."""
        found: Set[Tuple[str, str]] = set()
        with BinlogStream(connect(self.login), self.start, stop_at=stop, deadline=deadline) as stream:
            for one in transactions(stream, lambda table: None, rows=False, file=stream.file):
                for statement in one.statements:
                    found |= touched_statement.effect(statement.text, statement.schema).tables
        return frozenset(found)

    def read(
        self, layout: LayoutFor, stop: Optional[Coordinates], deadline: float, note: Callable[[BinlogStream], None],
        found: Optional[Scan] = None,
    ) -> Iterator[Transaction]:  # fmt: skip
        """The source's transactions from here to a point, those that are applied among them.

        :raises BinlogError: the source cannot give them.
        """
        with BinlogStream(connect(self.login), self.start, stop_at=stop, deadline=deadline) as stream:
            events = noting(stream, found) if found is not None else iter(stream)
            yield from transactions(events, layout, decompress=zstd.decompress, file=stream.file)
            note(stream)


def scan(point: Point, wish: Wish, tables: Tables, source: Server, timeout: float) -> Scan:
    """Collect what the rows have to be that the transactions to be applied touch.

    A run of them: up to the failing one or the end of the source's binlog, no further than rows can be told and no
    more than the wish allows.

    :raises RefusedError: nothing failed, or the first of them is none whose rows can be told.
    :raises ReplicaError: the binlog cannot be read.
    """
    deadline = time.monotonic() + timeout
    found = Scan(Collector(tables.shape, tables.spell, steps=True))
    last = failing(point.server, point.channel) if wish.which == FAILING else None

    known: List[FrozenSet[TableName]] = []

    def redefined() -> FrozenSet[TableName]:
        if not known:
            known.append(frozenset(tables.pair(*pair) for pair in point.redefined(source.binlog_end, deadline)))
        return known[0]

    def note(stream: BinlogStream) -> None:
        found.bytes_read = stream.bytes_read

    tables.redefined = redefined
    try:
        for transaction in point.read(tables.layout, source.binlog_end, deadline, note, found):
            if _taken(found, point, wish, tables, transaction, last):
                break
    except BinlogError as error:
        error.context.setdefault("start", str(point.start))
        raise
    if not found.collector.transactions:
        raise BadInputError(
            "The source's binlog has no transaction that %s still has to apply" % point.channel.label,
            advice="Diagnose the channel (replica_status).",
        )
    return found


def _taken(
    found: Scan, point: Point, wish: Wish, tables: Tables, transaction: Transaction, last: Optional[Failing]
) -> bool:
    """Take one transaction; whether it was the last that is wanted."""
    collector = found.collector
    if point.has(transaction):
        collector.feed(transaction, False, True)
        return False
    why = unhealable(transaction) or _unreadable(transaction, tables)
    if why and not collector.transactions:
        raise refused(point.server, point.channel, transaction, why)
    more = collector.count() + 2 * len(transaction.changes)
    if why or collector.transactions and (collector.transactions >= wish.max_transactions or more > wish.max_rows):
        found.cut = why or "no more than %d transactions and %d rows are taken at once" % (
            wish.max_transactions, wish.max_rows,
        )  # fmt: skip
        return True
    collector.feed(transaction, True, False)
    found.end = transaction.end
    return last is not None and last.is_it(transaction)


def _unreadable(transaction: Transaction, tables: Tables) -> str:
    """Why some of its rows are no use; '' when all can be read whole."""
    for table in (*transaction.undecoded, *transaction.tables):
        why = tables.silent.get(tables.pair(table.schema, table.name))
        if why:
            return "the rows of %s.%s cannot be compared: %s" % (table.schema, table.name, why)
    for change in transaction.changes:
        if change.partial:
            return "the rows of %s.%s cannot be compared: %s" % (*change.table, PARTIAL)
    return ""
