# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the failing transaction and those behind it from the source's binlog, and the replica's rows they touch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from .._core.binlog import canonical
from .._core.binlog import layout as layouts
from .._core.binlog.columns_info import ColumnInfo
from .._core.binlog.mapped import Layout
from .._core.binlog.rows import DELETE
from .._core.binlog.table_map import TableMap, TableName
from .._core.binlog.transactions import Transaction, transactions
from .._core.errors import RefusedError
from .._core.event_group import Group
from .._core.row_repair import executed
from .._core.row_repair_rows import Key, Shape, Values
from .._core.skip_rows import Around, Looked, Queued, keys, moved, queued, until_statement, with_reason
from .._core.snapshot import Coordinates
from .._core.statement import identifier, qualified
from . import zstd
from .binlog_stream import BinlogStream
from .change import Target
from .connect import Connection, Login, connect
from .row_repair_rows import rows
from .row_repair_tables import Table, Tables, side

# So many rows are decoded for one decision; the transactions behind them wait for the next one.
MOST_ROWS = 100000

_UNIQUE = (
    "SELECT INDEX_NAME AS n, COLUMN_NAME AS c, SUB_PART AS p FROM information_schema.STATISTICS"
    " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND NON_UNIQUE = 0 AND INDEX_NAME <> 'PRIMARY'"
    " ORDER BY INDEX_NAME, SEQ_IN_INDEX"
)
_REFERENCED = (
    "SELECT DISTINCT REFERENCED_TABLE_SCHEMA AS s, REFERENCED_TABLE_NAME AS t"
    " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL"
)
_CHUNK = 200
_HEAD = 4


@dataclass(frozen=True)
class Queue:
    """The failing transaction and those behind it.

    :param items: in the binlog's order, the failing one first.
    :param columns: of each table that a row was decoded of.
    :param more: why the transactions behind them were not looked at; '' when there are none, or enough.
    """

    items: Tuple[Queued, ...]
    tables: Tables
    columns: Mapping[TableName, Tuple[ColumnInfo, ...]]
    more: str = ""

    def shape(self, name: TableName) -> Optional[Shape]:
        """How the rows of a table stand in the binlog; None when they are no use."""
        return None if self.tables.pair(*name) in self.tables.silent else self.tables.shape(name)


class _Layouts:
    """The layouts of `Tables`, and for tables whose rows are no use a plain one, so that rows can be shown."""

    def __init__(self, tables: Tables, source: Connection) -> None:
        self.tables, self.source = tables, source
        self.columns: Dict[TableName, Tuple[ColumnInfo, ...]] = {}

    def layout(self, table: TableMap) -> Optional[Layout]:
        """How to decode the rows of a table map; None when they cannot be decoded at all."""
        pair = self.tables.pair(table.schema, table.table)
        made = self.tables.layout(table)
        if made is not None:
            self.columns[pair] = tuple(made.columns)
            return made
        plain = layouts.from_metadata(table)
        if plain is None:
            try:
                columns, _key = side(self.source, table.schema, table.table)
            except ValueError:
                return None
            plain = layouts.from_schema(table, columns, (), self.tables.mariadb)
        if plain is not None:
            self.columns[pair] = tuple(plain.columns)
        return plain

    def shape(self, name: TableName) -> Optional[Shape]:
        """How the rows of a table stand in the binlog; None when they are no use."""
        return None if self.tables.pair(*name) in self.tables.silent else self.tables.shape(name)


def read(aim: Target, source: Connection, login: Login, group: Group, count: Optional[int], timeout: float) -> Queue:
    """The failing transaction and those behind it.

    :param source: asked for definitions; the binlog is read over a connection of its own.
    :param group: the failing transaction as the relay log has it.
    :param count: so many transactions that are not executed yet; None for all that the source has now.
    :raises RefusedError: the failing transaction is not in the source's binlog behind the applied point.
    :raises ReplicaError: the binlog cannot be read.
    """
    deadline = time.monotonic() + max(timeout, 60.0)
    start = _start(aim, login, group, deadline)
    tables = Tables(aim.connection, source, aim.server)
    made = _Layouts(tables, source)
    has = executed(aim.server, aim.channel)
    stop = aim.source.server.binlog_end if aim.source is not None and aim.source.server is not None else None
    items: List[Queued] = []
    decoded = waiting = 0
    more = ""
    with BinlogStream(connect(login), start, stop_at=stop, deadline=deadline) as stream:
        for done in transactions(stream, made.layout, decompress=zstd.decompress, file=start.file):
            if items and decoded + len(done.changes) > MOST_ROWS:
                more = "more than %d rows wait to be applied" % MOST_ROWS
                break
            past = bool(items) and has(done.gtid, done.end)
            item = queued(done, made.shape, lambda table: tables.pair(*table), tables.silent, past)
            items.append(item)
            decoded += len(done.changes)
            waiting += not item.executed
            if item.why or waiting == count:
                break
    if not items or not _is(items[0].transaction, group):
        raise _unread(aim, "it is not in the source's binlog at %s" % start)
    return Queue(tuple(_followed(items, tables, made.columns)), tables, made.columns, more)


def _start(aim: Target, login: Login, group: Group, deadline: float) -> Coordinates:
    """Where the failing transaction begins in the source's binlog.

    It is behind the applied point, but for MariaDB's domains: what another domain has applied may be further on.

    :raises RefusedError: it is not there.
    """
    point = aim.channel.executed
    if point is None:
        raise _unread(aim, "the server does not say what it has applied")
    known = aim.source.server.binlogs if aim.source is not None and aim.source.server is not None else ()
    files = [name for name, _size in known]
    at = files.index(point.file) if point.file in files else 0
    heads = [Coordinates(name, _HEAD) for name in reversed(files[max(at - 1, 0) : at + 1])]
    for start in (point, *heads):
        with BinlogStream(connect(login), start, deadline=deadline) as stream:
            for done in transactions(stream, lambda table: None, rows=False, file=start.file):
                if _is(done, group):
                    return done.start
    raise _unread(aim, "it is not in the source's binlog behind %s" % (heads or [point])[-1])


def _is(done: Transaction, group: Group) -> bool:
    if group.gtid:
        return done.gtid.lower() == group.gtid.lower()
    return done.end == Coordinates(group.source_file, group.source_end)


def _followed(
    items: Sequence[Queued], tables: Tables, columns: Mapping[TableName, Tuple[ColumnInfo, ...]]
) -> Sequence[Queued]:
    """The transactions up to the first whose changes foreign keys follow: the binlog does not show which rows."""

    def children(some: Sequence[Queued]) -> Dict[TableName, str]:
        touched: Dict[TableName, Set[str]] = {}
        for one in some:
            for table, names in moved(one, columns).items():
                touched.setdefault(table, set()).update(names)
        return tables.cascaded(touched) if touched else {}

    if not children(items):
        return until_statement(items)
    for number, one in enumerate(items):
        found = children([one])
        if found:
            name, why = sorted(found.items())[0]
            return (*items[:number], with_reason(one, "%s.%s: %s" % (*name, why)))
    return until_statement(items)


def look(connection: Connection, queue: Queue) -> Looked:
    """The replica's rows in the places of all keys that the transactions touch.

    :raises ReplicaError: they cannot be read.
    """
    found: Dict[TableName, Mapping[Key, Values]] = {}
    compared: Dict[TableName, Sequence[int]] = {}
    for name, wanted in keys(queue.items).items():
        table = queue.tables.known[name]
        found[name] = rows(connection, table, sorted(wanted, key=repr))
        compared[name] = table.compared
    return Looked(found, compared)


def check_alike(lower: Target, queue: Queue) -> None:
    """Be sure that the rows on a server below can be looked at as those here.

    :raises RefusedError: a table is defined otherwise there.
    """
    tables = Tables(lower.connection, queue.tables.source, lower.server)
    for name in keys(queue.items):
        here = queue.tables.known[name]
        tables.layout(here.map)
        there = tables.known.get(tables.pair(*name))
        if there is None or (there.shape.columns, there.shape.key) != (here.shape.columns, here.shape.key):
            raise RefusedError(
                "compare the rows of %s.%s" % name, lower.server.address,
                tables.silent.get(tables.pair(*name)) or "it is defined otherwise there than above",
                "Make the definitions equal first.", {"replicas_below": [lower.server.address]},
            )  # fmt: skip


def around(connection: Connection, queue: Queue) -> Around:
    """What could suffer when the transactions are applied over what is there.

    :raises ReplicaError: it cannot be read.
    """
    tables = queue.tables
    referenced = {tables.pair(str(row["s"]), str(row["t"])) for row in connection.query(_REFERENCED)}
    written: Dict[TableName, List[Tuple[Key, Values]]] = {}
    for one in queue.items:
        for row in one.rows:
            if row.kind != DELETE and row.after is not None:
                written.setdefault(row.table, []).append(row.after)
    taken: Set[Tuple[TableName, Key]] = set()
    for name, images in written.items():
        taken |= {(name, key) for key in _taken(connection, tables.known[name], images)}
    return Around(frozenset(referenced), frozenset(taken))


def _taken(connection: Connection, table: Table, images: Sequence[Tuple[Key, Values]]) -> FrozenSet[Key]:
    """The keys of written rows whose value of another unique key some other row has."""
    places = {column.name.lower(): place for place, column in enumerate(table.shape.columns) if column.name}
    indexes: Dict[str, List[int]] = {}
    for row in connection.query(_UNIQUE, table.name):
        name, column = str(row["n"]), str(row["c"] or "").lower()
        if column not in places:
            return frozenset(key for key, _values in images)  # over an expression: whose value it is cannot be told
        indexes.setdefault(name, []).append(places[column])
    found: Set[Key] = set()
    for index in indexes.values():
        for start in range(0, len(images), _CHUNK):
            found |= _clashes(connection, table, index, images[start : start + _CHUNK])
    return frozenset(found)


def _clashes(
    connection: Connection, table: Table, index: Sequence[int], images: Sequence[Tuple[Key, Values]]
) -> Set[Key]:
    columns = table.shape.columns

    def equal(places: Sequence[int], values: Sequence[object]) -> str:
        terms = (
            "t.%s = %s" % (identifier(columns[place].name), canonical.sql_literal(value, columns[place]))
            for place, value in zip(places, values)
        )
        return "(%s)" % " AND ".join(terms)

    parts, whose = [], []
    for key, values in images:
        wanted = [values[place] for place in index]
        if None in wanted:
            continue
        whose.append(key)
        parts.append(
            "SELECT %d AS n FROM %s AS t WHERE %s AND NOT %s LIMIT 1"
            % (len(whose) - 1, qualified(*table.name), equal(index, wanted), equal(table.shape.key, key))
        )
    if not parts:
        return set()
    return {whose[int(row["n"])] for row in connection.query(" UNION ALL ".join("(%s)" % part for part in parts))}


def _unread(aim: Target, why: str) -> RefusedError:
    return RefusedError(
        "pass the failing transaction of %s" % aim.channel.label, aim.server.address,
        "what it changes cannot be read: %s" % why,
        "Look at the channel with replica_status; the rows can be compared with table_compare.",
    )  # fmt: skip


def no_source(aim: Target, number: int) -> RefusedError:
    """The refusal where the source may not be asked."""
    return RefusedError(
        "pass the failing transaction of %s" % aim.channel.label, aim.server.address,
        "error %d is about rows, and only the source's binlog tells which rows the whole transaction changes" % number,
        "Set option source, so that the source's binlog can be read.", {"error": number},
    )  # fmt: skip
