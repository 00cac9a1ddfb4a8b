# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walking the rows of a later snapshot back to the point that a replica has applied, by the binlog's images between.

A row with a primary key was what the first image of its key says. Rows of a table without one are no single things:
of equal rows only the number counts, and that is today's less those written since and more those that went.
"""

from __future__ import annotations

from collections import Counter
from typing import Collection, Dict, List, Mapping, Sequence, Set

from .binlog import row_bytes
from .binlog.canonical import ABSENT
from .binlog.table_map import TableName
from .binlog.transactions import ROLLBACK, Transaction
from .row_repair_rows import NO_KEY, PARTIAL, Collector, Key, Values

UNFIT = "the images in the source's binlog do not lead back from its rows"


class Images:
    """What the rows of some tables were before the transactions that are fed.

    :param collector: of the rows of tables with a primary key.
    :param bags: tables without one, and how many of their columns can be selected.
    """

    def __init__(self, collector: Collector, bags: Mapping[TableName, int]) -> None:
        self._collector = collector
        self._listed = dict(bags)
        self._counts: Dict[TableName, Counter[Values]] = {name: Counter() for name in bags}
        self._lossy: Dict[TableName, str] = {}

    def feed(self, transaction: Transaction, applied: bool) -> None:
        """Take one transaction in the order of the binlog.

        :param applied: the replica has it (one of parallel workers may be ahead of the point).
        """
        self._collector.feed(transaction, not applied, applied)
        if applied:
            return
        if transaction.lossy or transaction.ending == ROLLBACK:
            why = transaction.lossy or "a transaction that was rolled back changed tables without transactions"
            self._lossy.update((self._collector.name(table), why) for table in transaction.tables)
        for change in transaction.changes:
            name = self._collector.name(change.table)
            counts = self._counts.get(name)
            if counts is None:
                continue
            for image, number in ((change.before, 1), (change.after, -1)):
                if image is not None:
                    values = row_bytes.values(image)[: self._listed[name]]
                    if any(value is ABSENT for value in values):
                        self._lossy[name] = PARTIAL
                    else:
                        counts[values] += number

    @property
    def moved(self) -> Mapping[TableName, Set[str]]:
        """What a foreign key may have followed, by table."""
        return self._collector.moved

    def why(self, name: TableName) -> str:
        """Why a table's rows cannot be walked back; '' when they can."""
        found = self._collector.everything or self._lossy.get(name, "")
        silent = self._collector.silent.get(name, "")
        if not found and silent and not (silent == NO_KEY and name in self._counts):
            found = silent
        return found or next((one.why for one in self._collector.rows.get(name, {}).values() if one.why), "")

    def keys(self, name: TableName) -> Collection[Key]:
        """The keys that the transactions touch."""
        return self._collector.rows.get(name, {}).keys()

    def rows(self, name: TableName, found: Mapping[Key, Values]) -> Dict[Key, Values]:
        """Rows of the snapshot, as they were before."""
        before = dict(found)
        for key, one in self._collector.rows.get(name, {}).items():
            before.pop(key, None)
            if one.values is not None:
                before[key] = one.values
        return before

    def bag(self, name: TableName, found: Sequence[Values]) -> List[Values]:
        """All rows of a table without a primary key, as they were before.

        :raises ValueError: a row was written more often than it is there.
        """
        counts = Counter(found)
        for values, number in self._counts.get(name, Counter()).items():
            counts[values] += number
        if any(number < 0 for number in counts.values()):
            raise ValueError(UNFIT)
        return list(counts.elements())
