# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows that no transaction to come touches and that are in its way all the same, and what they have to be.

A row of the replica may hold a unique value that a transaction writes, or reference a row that one deletes; a row that
one references may not be there. At the replica's applied point such a row is what the source has now, unless a
transaction that is not applied changes it: then what it was before the first of them.
"""

from __future__ import annotations

import time
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from .._core.binlog.mapped import Layout
from .._core.binlog.table_map import TableMap, TableName
from .._core.binlog.transactions import Transaction
from .._core.row_repair_map import by_key, encoded
from .._core.row_repair_pending import touches
from .._core.row_repair_rows import Collector, Difference, Key, Values, Wanted
from .binlog_stream import BinlogStream
from .connect import Connection
from .probe import probe
from .reader import read_server
from .row_repair_keys import ForeignKey, foreign_keys
from .row_repair_pending import Point
from .row_repair_rows import rows, rows_with
from .row_repair_tables import Table, Tables
from .sections import SOURCE

_UNIQUE = (
    "SELECT INDEX_NAME AS i, COLUMN_NAME AS c, SUB_PART AS p FROM information_schema.STATISTICS"
    " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND NON_UNIQUE = 0 AND INDEX_NAME <> 'PRIMARY'"
    " ORDER BY INDEX_NAME, SEQ_IN_INDEX"
)

Step = Tuple[Optional[Values], Optional[Values]]
Steps = Mapping[TableName, Sequence[Step]]
Keys = Dict[TableName, Set[Key]]
Rows = Dict[TableName, Dict[Key, Wanted]]


class _Reference(NamedTuple):
    """A foreign key between two tables whose rows can be read; places of the columns in each."""

    child: TableName
    parent: TableName
    own: Tuple[int, ...]
    other: Tuple[int, ...]
    follows: bool


class Neighbours:
    """Finds such rows on the replica and tells what they have to be.

    :param source: a connection for reading rows.
    :param limit: a value of ``time.monotonic()`` at which reading the binlog ends.
    """

    def __init__(self, replica: Connection, source: Connection, tables: Tables, point: Point, limit: float) -> None:
        self.replica, self.source, self.tables, self.point, self.limit = replica, source, tables, point, limit
        self.silent: Dict[TableName, str] = {}
        self._uniques: Dict[TableName, List[Tuple[int, ...]]] = {}
        self._foreign_keys: Optional[List[ForeignKey]] = None
        self._risky: Set[TableName] = set()
        self._lacking: Dict[_Reference, Set[Key]] = {}

    # -- which

    def find(self, steps: Steps, wanted: Mapping[TableName, Mapping[Key, Wanted]]) -> Keys:
        """Keys of rows that are not wanted yet and are in the way of these changes.

        :param steps: values before and after, of what is written now and of what the applier will write.
        """
        found: Keys = {}
        for name, pairs in steps.items():
            table = self.tables.known.get(name)
            if table is None:
                continue
            for places in self._unique(name, table):
                values = _coming(pairs, places)
                self._note(found, name, rows_with(self.replica, table, places, values) if values else {}, wanted)
        for key in self._keys_of(steps):
            if key.child in steps:
                self._parents(found, key, steps, wanted)
            if key.parent in steps and not key.follows:
                self._children(found, key, steps[key.parent], wanted)
        searched = {key.parent for key in self._lacking}
        return {name: found.get(name, set()) for name in {*found, *searched} if found.get(name) or name in searched}

    @staticmethod
    def _note(
        found: Keys, name: TableName, there: Mapping[Key, Values], wanted: Mapping[TableName, Mapping[Key, Wanted]]
    ) -> None:
        found.setdefault(name, set()).update(key for key in there if key not in wanted.get(name, {}))

    def _unique(self, name: TableName, table: Table) -> List[Tuple[int, ...]]:
        """Columns of the unique keys; those of expressions and beginnings of columns are left to the server."""
        if name not in self._uniques:
            places = {column.name.lower(): place for place, column in enumerate(table.shape.columns)}
            indexes: Dict[str, List[int]] = {}
            for row in self.replica.query(_UNIQUE, tuple(table.name)):
                known = places.get(str(row["c"] or "").lower()) if row["p"] is None else None
                indexes.setdefault(str(row["i"]), []).append(-1 if known is None else known)
            self._uniques[name] = [tuple(columns) for columns in indexes.values() if min(columns) >= 0]
        return self._uniques[name]

    def _keys_of(self, steps: Steps) -> List[_Reference]:
        """The foreign keys that these tables are in."""
        if self._foreign_keys is None:
            self._foreign_keys = foreign_keys(self.replica)
            self._risky = self.tables.risky(self.replica) if self._foreign_keys else set()
        made: List[_Reference] = []
        for child, parent, columns in self._foreign_keys:
            pair, other = self.tables.pair(*child), self.tables.pair(*parent)
            if pair not in steps and other not in steps:
                continue
            one, two = self.tables.plain(*child), self.tables.plain(*parent)
            if one is None or two is None:
                continue  # what is written is looked at once more when it is
            own, ref = _places(one, [name for name, _ref in columns]), _places(two, [name for _own, name in columns])
            made.append(_Reference(pair, other, own, ref, pair in self._risky))
        return made

    def _parents(
        self, found: Keys, key: _Reference, steps: Steps, wanted: Mapping[TableName, Mapping[Key, Wanted]]
    ) -> None:
        """Rows that have to be there and are not, nor come."""
        needed = _coming(steps[key.child], key.own)
        needed -= {_at(one.values, key.other) for one in wanted.get(key.parent, {}).values() if one.values is not None}
        needed -= _coming(steps.get(key.parent, ()), key.other)
        if not needed:
            return
        parent = self.tables.known[key.parent]
        there = rows_with(self.replica, parent, key.other, needed)
        needed -= {_at(row, key.other) for row in there.values()}
        if not needed:
            return
        at_source = rows_with(self.source, parent, key.other, needed)
        self._note(found, key.parent, at_source, wanted)
        lacking = needed - {_at(row, key.other) for row in at_source.values()}
        if lacking:
            self._lacking.setdefault(key, set()).update(lacking)

    def _children(
        self, found: Keys, key: _Reference, pairs: Sequence[Step], wanted: Mapping[TableName, Mapping[Key, Wanted]]
    ) -> None:
        """Rows that reference one that goes."""
        gone = _leaving(pairs, key.other)
        if gone:
            self._note(found, key.child, rows_with(self.replica, self.tables.known[key.child], key.own, gone), wanted)

    # -- what

    def resolve(self, keys: Keys) -> Rows:
        """What these rows have to be. ``silent`` says of which it is not known."""
        known = {name: self.tables.known[name] for name in keys}
        there = {name: rows(self.source, known[name], list(some)) for name, some in keys.items()}
        # The end of the binlog is taken after the rows: what changed one of them before it was read is in front of it.
        end = read_server(self.source, probe(self.source), SOURCE).binlog_end
        later = Collector(self.tables.shape, self.tables.spell)

        def layout(table: TableMap) -> Optional[Layout]:
            return self.tables.layout(table) if self.tables.pair(table.schema, table.table) in keys else None

        def ended(stream: BinlogStream) -> None:
            return None

        for transaction in self.point.read(layout, end, self.limit, ended):
            if not self.point.has(transaction):
                self._watch(transaction, keys)
                later.feed(transaction, True, False)
        self.silent.update((name, why) for name, why in later.silent.items() if name in keys)
        self.silent.update((name, why) for name, why in self.tables.silent.items() if name in keys)
        self._with_lacking(keys, later)
        return {
            name: dict(self._wanted(known[name], some, there[name], later.rows.get(name, {})))
            for name, some in keys.items()
        }

    def _watch(self, transaction: Transaction, keys: Keys) -> None:
        """Note what a transaction may do to these tables that no image shows."""
        at = transaction.gtid or str(transaction.start)
        for name in keys:
            why = touches(transaction, self.tables.spell, name)
            if why:
                self.silent.setdefault(name, "the transaction %s, which is to come, %s" % (at, why))

    def _with_lacking(self, keys: Keys, later: Collector) -> None:
        """Rows that are needed and that the source has deleted since: their images say what they were."""
        for key, lacking in self._lacking.items():
            for found, one in later.rows.get(key.parent, {}).items():
                if one.values is not None and _at(one.values, key.other) in lacking:
                    keys.setdefault(key.parent, set()).add(found)
        self._lacking.clear()

    def _wanted(
        self, table: Table, keys: Set[Key], there: Mapping[Key, Values], later: Mapping[Key, Wanted]
    ) -> Iterator[Tuple[Key, Wanted]]:
        local = rows(self.replica, table, list(keys))
        for key in keys:
            one = later.get(key)
            try:
                if one is None:
                    values = there.get(key)
                    parts = None if values is None else encoded(values, table.shape, table.map.metadata)
                    one = Wanted(parts, values, parts)
                if one.known is None and key in local:
                    one.known = by_key(local[key], table.shape, table.map.metadata)
            except ValueError as error:
                one = Wanted(why="its values cannot be written as row events: %s" % error)
            yield key, one


def steps_of(different: Sequence[Difference]) -> List[Step]:
    """What writing these rows changes."""
    return [(one.have, one.wanted.values) for one in different]


def deadline(timeout: float) -> float:
    """When reading has to be over."""
    return time.monotonic() + timeout


def _places(table: Table, names: Sequence[str]) -> Tuple[int, ...]:
    known = {column.name.lower(): place for place, column in enumerate(table.shape.columns)}
    return tuple(known[name.lower()] for name in names)


def _at(values: Values, places: Tuple[int, ...]) -> Key:
    return tuple(values[place] for place in places)


def _coming(pairs: Sequence[Step], places: Tuple[int, ...]) -> Set[Key]:
    """Combinations of values that rows come to hold."""
    return _changed(((after, before) for before, after in pairs), places)


def _leaving(pairs: Sequence[Step], places: Tuple[int, ...]) -> Set[Key]:
    """Combinations of values that rows cease to hold."""
    return _changed(iter(pairs), places)


def _changed(pairs: Iterator[Tuple[Optional[Values], Optional[Values]]], places: Tuple[int, ...]) -> Set[Key]:
    found: Set[Key] = set()
    for one, other in pairs:
        if one is not None:
            values = _at(one, places)
            if None not in values and (other is None or _at(other, places) != values):
                found.add(values)
    return found
