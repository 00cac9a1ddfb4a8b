# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions as bytes that one process hands to another of the same program, and back.

Usual ones, whose rows are all prints, are put down column by column, which costs a fraction of anything that looks at
each of them; the others are pickled as they are.
"""

from __future__ import annotations

import marshal
import pickle
from typing import Any, Dict, List, Tuple, Union

from .._core.binlog.table_map import TableMap, TableName
from .._core.binlog.transaction import XID, Transaction
from .._core.locate.printing import Printed
from .._core.locate.usual import Usual

# A batch has so many rows and transactions at least; what is not larger stays in the processor's caches.
ENOUGH = 2000


class Batch:
    """Transactions that wait to be handed over, and the table maps that were met first on the way."""

    def __init__(self) -> None:
        self.tables: List[TableMap] = []
        self._items: List[Union[bytes, Transaction]] = []
        self._usual: List[Transaction] = []
        self._changes: List[Any] = []
        self._size = 0

    def add(self, transaction: Transaction) -> bool:
        """Add the next transaction; whether there are enough to be handed over."""
        changes = transaction.changes
        self._size += 1 + len(changes)
        if _is_usual(transaction):
            if self._usual and self._usual[0].file != transaction.file:
                self._close()
            self._usual.append(transaction)
            self._changes += changes
        else:
            self._close()
            self._items.append(transaction)
        return self._size >= ENOUGH

    def _close(self) -> None:
        if not self._usual:
            return
        _file, firsts, lasts, gtids, _xid, stamps, servers, threads, _tables, changes, *_rest = zip(*self._usual)
        names, keys, lookups, befores, afters = zip(*self._changes) if self._changes else ((),) * 5
        places: Dict[TableName, int] = {name: at for at, name in enumerate(dict.fromkeys(names))}
        columns = (
            self._usual[0].file, firsts, lasts, gtids, stamps, servers, threads, tuple(map(len, changes)),
            tuple(map(tuple, places)), tuple(map(places.__getitem__, names)), keys, lookups, befores, afters,
        )  # fmt: skip
        self._items.append(marshal.dumps(columns))
        self._usual, self._changes = [], []

    def packed(self) -> bytes:
        """Everything that waits; nothing does then."""
        self._close()
        data = pickle.dumps((self.tables, self._items), pickle.HIGHEST_PROTOCOL)
        self.tables.clear()
        self._items, self._size = [], 0
        return data


def _is_usual(transaction: Transaction) -> bool:
    _file, _first, _last, _gtid, ending, *_origin, tables, changes, statements, undecoded, lossy, xid = transaction
    if ending != XID or statements or undecoded or lossy or xid:
        return False
    for change in changes:
        if not isinstance(change, Printed):
            return False
    if len(changes) == 1:
        return tables == (changes[0][0],)
    return tuple(dict.fromkeys([change[0] for change in changes])) == tables


def unpacked(data: bytes) -> Tuple[List[TableMap], List[Union[Usual, Transaction]]]:
    """The table maps and the transactions of `Batch.packed`, from this very program alone."""
    tables, items = pickle.loads(data)
    return tables, [_usual(item) if isinstance(item, bytes) else item for item in items]


def _usual(item: bytes) -> Usual:
    found = marshal.loads(item)
    names = tuple([TableName(*name) for name in found[8]])
    return tuple.__new__(Usual, (*found[:8], names, *found[9:]))
