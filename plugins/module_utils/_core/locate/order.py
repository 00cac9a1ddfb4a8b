# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which transactions several appliers can only apply one after the other, although they keep no order of commits.

- MySQL 5.6, and later ones told to: a schema's transactions all go to one worker at a time, so that two which share a
  schema keep their order (manual, replica_parallel_type=DATABASE).
- MySQL 5.7 and later: a transaction begins when all up to its ``last_committed`` are applied (LOGICAL_CLOCK). The
  numbers begin anew with each binlog file.
- MariaDB in GTID mode: each replication domain is a stream of its own, in order.

Knowing less than is true is safe here: what is not known to be in order may be in any.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Collection, Dict, FrozenSet, List, Mapping, Optional, Set, Tuple

from ..binlog import header
from ..binlog.transaction import Transaction
from .meaning import meaning

# A logical clock in a GTID event: behind flags, UUID and number stand its kind (2), last_committed, sequence_number.
_CLOCK = struct.Struct("<Bqq")
_CLOCK_AT = header.BODY + 1 + 16 + 8
_KIND = 2

Clock = Tuple[int, int]


@dataclass(frozen=True)
class Order:
    """What is known of the order, by the numbers of transactions.

    :param lanes: of a transaction the names that it shares with those it keeps order with.
    :param waits: of a transaction the first and the last of those that are all applied before it begins.
    """

    lanes: Mapping[int, FrozenSet[str]] = field(default_factory=dict)
    waits: Mapping[int, Tuple[int, int]] = field(default_factory=dict)

    def applied(self, shown: Collection[int], low: int, high: int) -> Set[int]:
        """Those from ``low`` to ``high`` that are applied, as some are shown to be."""
        found, lanes = set(shown), set()  # type: Set[int], Set[str]
        waited: Dict[int, int] = {}
        for time in range(high, low - 1, -1):
            mine = self.lanes.get(time, frozenset())
            if time in found or lanes & mine or any(first <= time <= last for first, last in waited.items()):
                found.add(time)
                lanes |= mine
                first, last = self.waits.get(time, (time, 0))
                if last >= first:
                    waited[first] = max(last, waited.get(first, 0))
        return found

    def missing(self, shown: Collection[int], low: int, high: int) -> Set[int]:
        """Those from ``low`` to ``high`` that are missing, as some are shown to be."""
        found, lanes = set(shown), set()  # type: Set[int], Set[str]
        passed: List[int] = []
        for time in range(low, high + 1):
            mine = self.lanes.get(time, frozenset())
            first, last = self.waits.get(time, (time, 0))
            if time in found or lanes & mine or any(first <= other <= last for other in passed):
                found.add(time)
                lanes |= mine
                passed.append(time)
        return found


def schemas_of(transaction: Transaction) -> FrozenSet[str]:
    """The schemas that a transaction is known to touch."""
    found = {table.schema for table in transaction.tables}
    for statement in transaction.statements:
        told = meaning(statement.text, statement.schema, plain=False)
        pairs = set(told.tables or ()) | ({told.truncated} if told.truncated else set())
        found |= {pair[0] for pair in pairs} | {thing[1] for thing, _before, _after in told.seen} | set(told.schemas)
    return frozenset(found)


def clock_of(kind: int, data: bytes) -> Optional[Clock]:
    """``last_committed`` and ``sequence_number`` of the event that begins a transaction; None where it has none."""
    if kind not in (header.GTID, header.ANONYMOUS_GTID) or len(data) < _CLOCK_AT + _CLOCK.size:
        return None
    found, last_committed, number = _CLOCK.unpack_from(data, _CLOCK_AT)
    return (last_committed, number) if found == _KIND and 0 <= last_committed < number else None


def waits_of(clocks: Mapping[int, Tuple[str, Clock]]) -> Dict[int, Tuple[int, int]]:
    """What each transaction waits for.

    :param clocks: by the numbers of transactions, in order: the binlog file and the clock.
    """
    found: Dict[int, Tuple[int, int]] = {}
    current, times, numbers = "", [], []  # type: str, List[int], List[int]
    for time, (file, (last_committed, number)) in clocks.items():
        if file != current:
            current, times, numbers = file, [], []
        at = bisect_right(numbers, last_committed)
        if at:
            found[time] = (times[0], times[at - 1])
        times.append(time)
        numbers.append(number)
    return found
