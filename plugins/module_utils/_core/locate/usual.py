# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many transactions of rows alone, by columns: what looks at all of them at once need not make each of them."""

from __future__ import annotations

from functools import partial
from typing import Iterator, NamedTuple, Tuple

from ..binlog.table_map import TableName
from ..binlog.transaction import XID, Transaction
from .printing import Printed

_transaction = partial(tuple.__new__, Transaction)
_printed = partial(tuple.__new__, Printed)


class Usual(NamedTuple):
    """Transactions of one file that end in XID and hold nothing but rows as `Printed`, in order.

    :param firsts: of each transaction its `Transaction.first`; likewise up to ``threads``.
    :param counts: of each transaction the number of its rows.
    :param names: the tables.
    :param places: of each row its table's place in ``names``.
    :param keys: of each row its `Printed.key`; likewise up to ``afters``.
    """

    file: str
    firsts: Tuple[int, ...]
    lasts: Tuple[int, ...]
    gtids: Tuple[str, ...]
    stamps: Tuple[int, ...]
    servers: Tuple[int, ...]
    threads: Tuple[int, ...]
    counts: Tuple[int, ...]
    names: Tuple[TableName, ...]
    places: Tuple[int, ...]
    keys: Tuple[int, ...]
    lookups: Tuple[bytes, ...]
    befores: Tuple[int, ...]
    afters: Tuple[int, ...]

    def transactions(self) -> Iterator[Transaction]:
        """The transactions one by one."""
        file, firsts, lasts, gtids, stamps, servers, threads, counts, names, places, *rows = self
        changes = list(map(_printed, zip(map(names.__getitem__, places), *rows)))
        alone = {table: (table,) for table in names}
        begin = 0
        for first, last, gtid, stamp, server, thread, count in zip(
            firsts, lasts, gtids, stamps, servers, threads, counts
        ):
            own = tuple(changes[begin : begin + count])
            begin += count
            of = alone[own[0][0]] if count == 1 else tuple(dict.fromkeys([change[0] for change in own]))
            yield _transaction((file, first, last, gtid, XID, stamp, server, thread, of, own, (), (), "", ""))
