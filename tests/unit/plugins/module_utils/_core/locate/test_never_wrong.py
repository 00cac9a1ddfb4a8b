# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random histories: the answer is the true boundary, a range that holds it, or a refusal; never another boundary."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Counter as CounterType
from typing import Dict, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate import answer as answers
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.answer import Answer
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.judge import Circumstances, judge
from unit.plugins.module_utils._core.locate.simulator import Replica, Source, canonical, count

SEEDS = int(os.environ.get("REPLICA_LOCATE_UNIT_SEEDS", "400"))

ROWS = {"insert": 6, "update": 10, "delete": 3, "revert": 2, "nothing": 1}
EVERYTHING = {
    **ROWS,
    "truncate": 1, "rename": 1, "swap": 1, "drop": 1, "create": 2, "alter": 2, "statement": 1,
}  # fmt: skip


def _made(seed: int, kinds: Dict[str, int]) -> Tuple[Source, int, random.Random]:
    rng = random.Random(seed + 1000000)
    source = Source(seed, rng.randrange(5, 60), kinds)
    return source, rng.randrange(len(source.states)), rng


def _right(answer: Answer, source: Source, replica: Replica, true: int) -> bool:
    """Whether the answer is one that does no harm."""
    if answer.kind == answers.BOUNDARY:
        assert answer.boundary is not None
        found = answer.boundary.index
        return found == true or canonical(source.states[found]) == canonical(replica.state)
    if answer.kind == answers.RANGE:
        assert answer.first is not None and answer.last is not None
        return answer.first.index <= true <= answer.last.index
    return answer.kind in (answers.UNDECIDED, answers.NOWHERE)


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("kinds", [ROWS, EVERYTHING], ids=["rows", "everything"])
def test_a_replica_at_a_boundary(kinds: Dict[str, int], metadata: bool) -> None:
    """Without local writes the true boundary is never excluded."""
    seen: CounterType[str] = Counter()
    for seed in range(SEEDS):
        source, true, rng = _made(seed, kinds)
        replica = Replica(source.states[true], metadata)
        tally, track = count(source, replica, plain=rng.random() < 0.5)
        answer = judge(tally, track, Circumstances())
        assert answer.kind != answers.NOWHERE, "seed %d: %s" % (seed, list(tally.against))
        assert tally.against[true] == 0, "seed %d" % seed
        assert _right(answer, source, replica, true), "seed %d: true %d, %s" % (seed, true, answer)
        seen[answer.kind] += 1
    print(dict(seen))
    assert seen[answers.BOUNDARY] > SEEDS // (3 if kinds is ROWS else 6)
