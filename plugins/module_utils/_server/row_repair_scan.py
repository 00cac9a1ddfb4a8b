# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the stretch of a source's binlog that says what the touched rows have to be."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Dict, Iterator, Optional

from .._core.binlog import header
from .._core.binlog.encode import Form, form_of
from .._core.binlog.gtids import executed_before
from .._core.binlog.transactions import Event, transactions
from .._core.errors import BadInputError, RefusedError
from .._core.gtid_mysql import GtidSet
from .._core.row_repair import Named, Wish, executed, named_gtids, number_named
from .._core.row_repair_rows import APPLIED, Collector
from .._core.snapshot import Channel, Coordinates, Server
from . import zstd
from .binlog_stream import BinlogStream
from .connect import Login, connect
from .row_repair_tables import Tables

_HEAD = 4


@dataclass
class Scan:
    """What was read.

    :param form: how the source writes events, for writing rows.
    :param end: where the last named transaction ends.
    :param cut: why not all transactions that are to be applied were taken; '' when they were.
    """

    collector: Collector
    form: Optional[Form] = None
    end: Optional[Coordinates] = None
    bytes_read: int = 0
    cut: str = ""


def scan(
    login: Login, wish: Wish, tables: Tables, replica: Server, channel: Channel, source: Server, timeout: float
) -> Scan:
    """Collect what the rows that the named transactions touch have to be.

    :param login: of the source; each stretch is a connection of its own.
    :raises ReplicaError: the binlog cannot be read, or the range does not begin and end between transactions.
    """
    deadline = time.monotonic() + timeout
    found = Scan(Collector(tables.shape, tables.spell))
    has = executed(replica, channel)
    wanted = named_gtids(wish.gtids, replica.flavour.is_mariadb) if wish.gtids else None
    start = wish.start or _first(login, _before(login, wish, source, deadline), wanted, deadline)
    stop = _stop(wish, replica, channel, source)
    with BinlogStream(connect(login), start, stop_at=stop, deadline=deadline) as stream:
        events = noting(stream, found)
        for done in transactions(events, tables.layout, decompress=zstd.decompress, file=start.file):
            named = bool(done.gtid and wanted(done.gtid)) if wanted else _within(done.start, done.end, wish)
            counts = has(done.gtid, done.end) or (named and wish.point != APPLIED)
            if named:
                found.end = done.end
            if named or counts:
                found.collector.feed(done, named, counts)
    found.bytes_read = stream.bytes_read
    if not found.collector.transactions:
        raise BadInputError("The source's binlog has none of the named transactions", advice="It may be purged there.")
    if wanted and found.collector.transactions < number_named(wish.gtids, replica.flavour.is_mariadb):
        raise BadInputError(
            "The source's binlog has %d of the %d named transactions"
            % (found.collector.transactions, number_named(wish.gtids, replica.flavour.is_mariadb)),
            advice="Name only those that it has.",
        )
    return found


def _first(login: Login, head: Coordinates, wanted: Optional[Named], deadline: float) -> Coordinates:
    """Where the first of the named transactions begins: what stands before it says nothing of the rows behind it."""
    with BinlogStream(connect(login), head, deadline=deadline) as stream:
        for done in transactions(stream, lambda table: None, rows=False, file=head.file):
            if done.gtid and wanted is not None and wanted(done.gtid):
                return done.start
    raise BadInputError("The source's binlog has none of the named transactions", advice="It may be purged there.")


def _within(start: Coordinates, end: Coordinates, wish: Wish) -> bool:
    """Whether a transaction is in the range. Raises BadInputError when it is so in part."""
    if wish.stop is None or start.reached(wish.stop):
        return False
    if not wish.stop.reached(end):
        raise BadInputError(
            "transactions.to (%s) is inside a transaction" % wish.stop, advice="That one ends at %s." % end
        )
    return True


def _stop(wish: Wish, replica: Server, channel: Channel, source: Server) -> Optional[Coordinates]:
    """How far to read: what the replica has executed may be beyond the named transactions."""
    end = source.binlog_end
    if wish.stop is not None and end is not None and not end.reached(wish.stop):
        raise BadInputError("transactions.to (%s) is beyond the end of the source's binlog (%s)" % (wish.stop, end))
    by_gtid = wish.stop is None or channel.mode == "gtid" or bool(replica.executed)
    if by_gtid or wish.stop is None or channel.executed is None:
        return end
    return channel.executed if channel.executed.reached(wish.stop) else wish.stop


def _before(login: Login, wish: Wish, source: Server, deadline: float) -> Coordinates:
    """The head of the newest binlog before which none of the named transactions stands."""
    for name, _size in reversed(source.binlogs):
        if not _overlaps(login, Coordinates(name, _HEAD), wish.gtids, deadline):
            return Coordinates(name, _HEAD)
    raise RefusedError(
        "read the named transactions",
        source.address,
        "the source's binlogs do not go back to the first of them",
        "They were purged there; name others, or compare whole tables (table_compare).",
    )


def _overlaps(login: Login, head: Coordinates, gtids: str, deadline: float) -> bool:
    """Whether some of these GTIDs stand before the beginning of a binlog."""
    with BinlogStream(connect(login), head, deadline=deadline) as stream:
        known, passed = executed_before(stream)
    if known is not None:
        return not known.isdisjoint(GtidSet.parse(gtids))
    named = named_domains(gtids) if passed else {}
    return any(gtid.sequence >= named.get(gtid.domain, gtid.sequence + 1) for gtid in passed)


def named_domains(gtids: str) -> Dict[int, int]:
    """The lowest sequence number that is named of each domain of MariaDB."""
    lowest: Dict[int, int] = {}
    for part in gtids.split(","):
        domain, _server, number = (int(field) for field in part.strip().split("-"))
        lowest[domain] = min(number, lowest.get(domain, number))
    return lowest


def noting(stream: BinlogStream, found: Scan) -> Iterator[Event]:
    """The stream's events; the form of events is noted on the way."""
    for event in stream:
        if event[0] == header.FORMAT_DESCRIPTION:
            found.form = form_of(event[3])
        yield event
