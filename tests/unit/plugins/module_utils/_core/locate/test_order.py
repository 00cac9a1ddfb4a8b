# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several appliers that keep no order of commits: what they left out is told, and nothing is made up."""

from __future__ import annotations

import copy
import random
import struct
from collections import Counter
from typing import Counter as CounterType
from typing import Dict, FrozenSet, Set

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate import answer as answers
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.judge import Circumstances
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.order import (
    Order,
    clock_of,
    schemas_of,
    waits_of,
)
from unit.plugins.module_utils._core.locate.simulator import Replica, Source, canonical
from unit.plugins.module_utils._core.locate.test_states import SEEDS, _completed, _healed, _replay, _whole

KINDS = {"clean_insert": 5, "clean_update": 8, "clean_delete": 2, "unkeyed": 3}


class _Source(Source):
    """One that writes to a table without a key as well, which gives no evidence."""

    def do_unkeyed(self) -> None:
        getattr(self, self.random.choice(("do_insert", "do_update", "do_delete")))("nokey")


def _lanes(source: Source, apart_tables: bool) -> Dict[int, FrozenSet[str]]:
    """What transactions share: their tables, or all of them the same."""
    return {
        number: frozenset(change.table.name if apart_tables else "one" for change in transaction.changes)
        for number, transaction in enumerate(source.log, 1)
    }


def _applied(rng: random.Random, lanes: Dict[int, FrozenSet[str]]) -> Set[int]:
    """Transactions that appliers may have done when they stopped: of each lane all up to some one."""
    stop, blocked, found = rng.randrange(1, len(lanes) + 1), set(), set()  # type: int, Set[str], Set[int]
    for number, mine in lanes.items():
        if blocked & mine or rng.random() < 0.08 or number > stop + 6:
            blocked |= mine
        else:
            found.add(number)
    return found


@pytest.mark.parametrize("apart_tables", [True, False], ids=["tables", "one"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_what_appliers_left_out(known: bool, apart_tables: bool) -> None:
    """A boundary is given only when it is one for everything, also for what gives no evidence."""
    seen: CounterType[str] = Counter()
    for seed in range(SEEDS * 2):
        rng = random.Random(seed)
        source = _Source(seed, rng.randrange(10, 40), KINDS)
        lanes = _lanes(source, apart_tables)
        applied = _applied(rng, lanes)
        state = copy.deepcopy(source.states[0])
        assert _replay(state, [source.log[number - 1] for number in sorted(applied)])
        replica = Replica(state, True)
        around = Circumstances(complete_start=True, apart=512, order=Order(lanes if known else {}))
        found = _whole(source, replica, around, parallel=True)
        seen[found.kind] += 1
        if found.kind == answers.BOUNDARY:
            assert found.boundary is not None
            assert canonical(state) == canonical(source.states[found.boundary.index]), "seed %d: %s" % (seed, found)
        elif found.kind == answers.APPLIED_SET:
            _completed(source, replica, found, seed)
        elif found.kind == answers.MIXED:
            _healed(source, replica, found, seed)
    print("known" if known else "unknown", dict(seen))
    decided = seen[answers.BOUNDARY] + seen[answers.APPLIED_SET]
    assert decided > (SEEDS // 2 if known else SEEDS // 40), dict(seen)


def test_what_is_shown_by_what_keeps_its_order() -> None:
    lanes = Order({1: frozenset("a"), 2: frozenset("b"), 3: frozenset("ab"), 4: frozenset("c"), 5: frozenset("b")})
    assert lanes.applied((5,), 1, 5) == {1, 2, 3, 5}
    assert lanes.applied((2,), 1, 5) == {2}
    assert lanes.missing((1,), 1, 5) == {1, 3, 5}
    assert lanes.missing((4,), 1, 5) == {4}
    waits = Order(waits={3: (1, 2), 4: (1, 2), 5: (1, 4)})
    assert waits.applied((4,), 1, 5) == {1, 2, 4}
    assert waits.missing((2,), 1, 5) == {2, 3, 4, 5}
    assert waits.missing((3,), 1, 5) == {3, 5}
    assert Order().applied((4,), 1, 5) == {4} == Order().missing((4,), 1, 5)


def test_clocks_begin_anew_with_each_file() -> None:
    clocks = {7: ("a", (0, 1)), 8: ("a", (1, 2)), 9: ("a", (1, 3)), 10: ("b", (0, 1)), 11: ("b", (1, 2))}
    assert waits_of(clocks) == {8: (7, 7), 9: (7, 7), 11: (10, 10)}
    assert waits_of({5: ("a", (3, 9)), 6: ("a", (10, 11))}) == {6: (5, 5)}


@pytest.mark.parametrize("kind", [header.GTID, header.ANONYMOUS_GTID, header.GTID_TAGGED])
def test_the_clock_of_an_event(kind: int) -> None:
    body = bytes(header.BODY) + b"\1" + bytes(16) + struct.pack("<qBqq", 5, 2, 17, 18) + bytes(10)
    assert clock_of(kind, body) == (None if kind == header.GTID_TAGGED else (17, 18))
    assert clock_of(kind, body[: header.BODY + 25]) is None  # MySQL 5.6
    assert clock_of(kind, body.replace(struct.pack("<q", 18), struct.pack("<q", 3))) is None


def test_the_schemas_of_a_transaction() -> None:
    source = Source(3, 12, {"clean_insert": 1, "create": 1, "truncate": 1})
    named = [transaction for transaction in source.log if transaction.changes or transaction.statements]
    assert named and all(schemas_of(transaction) == {"d"} for transaction in named)
