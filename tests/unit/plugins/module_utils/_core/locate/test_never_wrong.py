# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random histories: the answer is the true boundary, a range that holds it, or a refusal; never another boundary."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any, Dict, Tuple
from typing import Counter as CounterType

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate import answer as answers
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.answer import Answer
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.judge import (
    FULL,
    WINDOW,
    Circumstances,
    judge,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.voting import Voting
from unit.plugins.module_utils._core.locate.simulator import Replica, Source, State, count, feed

SEEDS = int(os.environ.get("REPLICA_LOCATE_UNIT_SEEDS", "120"))

ROWS = {"insert": 6, "update": 10, "delete": 3, "revert": 2, "nothing": 1}
EVERYTHING = {
    **ROWS,
    "truncate": 1, "rename": 1, "swap": 1, "drop": 1, "create": 2, "alter": 2, "statement": 1,
}  # fmt: skip


def _made(seed: int, kinds: Dict[str, int]) -> Tuple[Source, int, random.Random]:
    rng = random.Random(seed + 1000000)
    source = Source(seed, rng.randrange(5, 60), kinds)
    return source, rng.randrange(len(source.states)), rng


def _right(answer: Answer, true: int) -> bool:
    """Whether the answer is one that does no harm."""
    if answer.kind == answers.BOUNDARY:
        assert answer.boundary is not None
        return answer.boundary.index == true
    if answer.kind == answers.RANGE:
        assert answer.first is not None and answer.last is not None
        return answer.first.index <= true <= answer.last.index
    return answer.kind == answers.UNDECIDED


def _evident(state: State) -> Any:
    """What the replica can be asked about."""
    return {
        name: (
            tuple(table.columns),
            tuple(sorted(table.indexes)),
            tuple(sorted(map(repr, table.rows))) if table.keyed and not table.child_of and not table.trigger else (),
        )
        for name, table in state.items()
    }


def _decidable(source: Source, true: int) -> bool:
    """Whether no other boundary looks like the true one."""
    wanted = _evident(source.states[true])
    return true > 0 and [k for k, state in enumerate(source.states) if _evident(state) == wanted] == [true]


@pytest.mark.parametrize("metadata", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("kinds", [ROWS, EVERYTHING], ids=["rows", "everything"])
def test_a_replica_at_a_boundary(kinds: Dict[str, int], metadata: bool) -> None:
    """Without local writes the true boundary is never excluded, and mostly found where it can be."""
    seen: CounterType[Tuple[bool, str]] = Counter()
    for seed in range(SEEDS):
        source, true, rng = _made(seed, kinds)
        replica = Replica(source.states[true], metadata)
        tally, track = count(source, replica, plain=rng.random() < 0.5)
        answer = judge(tally, track, Circumstances(complete_start=True))
        assert tally.against[true] == 0, "seed %d: %s" % (seed, list(tally.against))
        assert _right(answer, true), "seed %d: true %d, %s" % (seed, true, answer)
        seen[_decidable(source, true), answer.kind] += 1
    single = seen[True, answers.BOUNDARY]
    decidable = sum(number for (clear, _kind), number in seen.items() if clear)
    print("%d of %d decidable ones found, of %d" % (single, decidable, SEEDS))
    assert single >= decidable * (1.0 if kinds is ROWS else 0.5)


def test_a_search_that_begins_in_the_middle() -> None:
    """What is before the start is not looked at: still the true boundary, or a range that holds it."""
    for seed in range(SEEDS):
        source, true, rng = _made(seed, EVERYTHING)
        start = rng.randrange(true + 1)
        replica = Replica(source.states[true], rng.random() < 0.5)
        voting = Voting()
        track = feed(voting, source, replica, start)
        tally = voting.finish(replica.present)
        assert tally.against[true - start] == 0, "seed %d" % seed
        answer = judge(tally, track, Circumstances())
        assert _right(answer, true - start), "seed %d: true %d, %s" % (seed, true, answer)


@pytest.mark.parametrize("scope", [FULL, WINDOW])
def test_a_stretch_that_misses(scope: str) -> None:
    """A stretch that does not hold the true boundary never gives a single one that is open to where it is."""
    for seed in range(SEEDS):
        source, true, rng = _made(seed, ROWS)
        if true + 2 >= len(source.log):
            continue
        start = rng.randrange(true + 1, len(source.log))
        replica = Replica(source.states[true], True)
        voting = Voting()
        track = feed(voting, source, replica, start)
        answer = judge(voting.finish(replica.present), track, Circumstances(scope=scope))
        if answer.kind == answers.BOUNDARY:
            assert answer.boundary is not None
            at = answer.boundary.index + start
            assert _evident(source.states[at]) == _evident(source.states[true]), "seed %d: %d, %s" % (
                seed,
                true,
                answer,
            )


def test_statements_that_would_run_again_are_told() -> None:
    """With a range it is said only where some are applied for certain behind what comes next."""
    seen: CounterType[bool] = Counter()
    kinds = {"clean_insert": 5, "clean_update": 5, "statement": 3, "update": 4}
    for seed in range(SEEDS * 2):
        source, true, rng = _made(seed, kinds)
        recorded = rng.randrange(true + 1)
        replica = Replica(source.states[true], True)
        tally, track = count(source, replica, plain=rng.random() < 0.5)
        answer = judge(tally, track, Circumstances(complete_start=True, recorded=recorded))
        if answer.kind != answers.RANGE:
            continue
        between = source.log[recorded + 1 : true]
        assert not answer.again or any(item.statements for item in between), "seed %d: %s" % (seed, answer)
        seen[answer.again] += 1
    print(dict(seen))
    assert seen[True] > SEEDS // 20 and seen[False]
