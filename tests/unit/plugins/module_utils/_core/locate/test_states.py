# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas that are at no boundary: rows written locally, rows moved back, transactions left out."""

from __future__ import annotations

import copy
import os
import random
from collections import Counter
from typing import Counter as CounterType
from typing import Dict, List, Set, Tuple

from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transaction import Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate import answer as answers
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.answer import Answer
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.judge import Circumstances, judge
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.refine import (
    MOST_CHANGES,
    refine,
    region,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.second_look import SecondLook
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.suspects import Suspects
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.voting import Voting
from unit.plugins.module_utils._core.locate.simulator import Replica, Source, State, canonical, feed, locally

SEEDS = int(os.environ.get("REPLICA_LOCATE_UNIT_SEEDS", "120"))
# Only tables that give evidence: what the others hold is nobody's to say here.
CLEAN = {"clean_insert": 5, "clean_update": 10, "clean_delete": 3}
MIXTURE = {**CLEAN, "truncate": 1, "create": 2, "alter": 2, "drop": 1, "rename": 1, "insert": 2, "update": 2}


def _whole(source: Source, replica: Replica, around: Circumstances, parallel: bool) -> Answer:
    """The answer as the search makes it, with the second look at a region."""
    voting = Voting()
    track = feed(voting, source, replica)
    tally = voting.finish(replica.present)
    found = judge(tally, track, around)
    if found.kind != answers.NOWHERE:
        return found
    first, last = region(tally)
    if first >= last:
        return found
    again = SecondLook(MOST_CHANGES)
    feed(again, source, replica, first, last)
    part = again.finish(replica.present)
    return refine(found, tally, part, first, again, voting, track, around, parallel)


def _replay(state: State, transactions: List[Transaction]) -> bool:
    """Apply row changes as an applier that began too early does; False at the first error, with nothing of it done."""
    for transaction in transactions:
        saved = copy.deepcopy(state)
        for change in transaction.changes:
            table = state[change.table.name]
            at = table.columns.index("id")
            if table.keyed:
                old = next((r for r in table.rows if change.before is not None and r[at] == change.before[at]), None)
                taken = change.after is not None and any(r[at] == change.after[at] for r in table.rows if r is not old)
            else:
                old, taken = next((row for row in table.rows if row == change.before), None), False
            if taken or (change.before is not None and old is None):
                state.clear()
                state.update(saved)
                return False
            if old is not None:
                table.rows.remove(old)
            if change.after is not None:
                table.rows.append(change.after)
            if change.table.name == "parent" and change.after is None:
                children = state["child"]
                children.rows = [row for row in children.rows if change.before and row[1] != change.before[0]]
    return True


def _leads_on(source: Source, replica: Replica, found: Answer) -> bool:
    """Whether a replica that begins at the position found there becomes equal to the source."""
    assert found.boundary is not None
    state = copy.deepcopy(replica.state)
    return _replay(state, source.log[found.boundary.index :]) and canonical(state) == canonical(source.states[-1])


def test_rows_moved_back() -> None:
    """After a start at an old position, updates are applied again until the first error."""
    seen: CounterType[str] = Counter()
    for seed in range(SEEDS):
        rng = random.Random(seed)
        source = Source(seed, rng.randrange(10, 40), CLEAN)
        true = rng.randrange(3, len(source.states))
        replica = Replica(source.states[true], True)
        for count in range(true):
            if not _replay(replica.state, [source.log[count]]):
                break
        found = _whole(
            source, replica, Circumstances(complete_start=True, failing=count + 1), parallel=rng.random() < 0.5
        )
        seen[found.kind] += 1
        if found.kind == answers.BOUNDARY:
            assert found.boundary is not None
            assert canonical(source.states[found.boundary.index]) == canonical(replica.state), "seed %d" % seed
        elif found.kind == answers.MIXED:
            _healed(source, replica, found, seed)
        elif found.kind == answers.APPLIED_SET:
            _completed(source, replica, found, seed)
        elif found.kind == answers.RANGE:
            assert found.first is not None and found.last is not None
            inside = source.states[found.first.index : found.last.index + 1]
            assert any(canonical(state) == canonical(replica.state) for state in inside), "seed %d" % seed
    print(dict(seen), "in", SEEDS)
    assert seen[answers.MIXED] > SEEDS // 20
    assert seen[answers.NOWHERE] < SEEDS // 20


def _healed(source: Source, replica: Replica, found: Answer, seed: int) -> None:
    """Each suspect brought to its image at the range's end makes the replica equal to that boundary."""
    assert found.last is not None
    suspects = Suspects(found.last.index)
    feed(suspects, source, replica)
    state = copy.deepcopy(replica.state)
    for (_schema, name), key, _image in suspects.rows():
        table, wanted = state[name], source.states[found.last.index][name]
        at = table.columns.index("id")
        table.rows = [row for row in table.rows if row[at] != key[0]] + [r for r in wanted.rows if r[at] == key[0]]
    assert canonical(state) == canonical(source.states[found.last.index]), "seed %d: %s" % (seed, found)


def _completed(source: Source, replica: Replica, found: Answer, seed: int) -> None:
    """What is said to be missing, applied to the replica, makes it equal to the source."""
    assert found.first is not None and found.last is not None
    state = copy.deepcopy(replica.state)
    claimed = set(range(1, found.first.index + 1)) | set(found.applied)
    missing = [transaction for number, transaction in enumerate(source.log, 1) if number not in claimed]
    assert _replay(state, missing), "seed %d: %s" % (seed, found)
    assert canonical(state) == canonical(source.states[-1]), "seed %d: %s" % (seed, found)


def test_transactions_left_out() -> None:
    """Parallel appliers that stopped: transactions of other rows are applied beyond the first missing one."""
    seen: CounterType[str] = Counter()
    for seed in range(SEEDS):
        rng = random.Random(seed + 5000)
        source = Source(seed, 30, CLEAN)
        base = rng.randrange(1, 20)
        state = copy.deepcopy(source.states[base])
        applied = set(range(1, base + 1))
        busy: Set[Tuple[str, object]] = set()
        for number in range(base + 1, min(base + 9, 31)):
            transaction = source.log[number - 1]
            keys = {(c.table.name, image[0]) for c in transaction.changes for image in (c.before, c.after) if image}
            if keys & busy or rng.random() < 0.5:
                busy |= keys
            else:
                assert _replay(state, [transaction])
                applied.add(number)
        replica = Replica(state, True)
        found = _whole(source, replica, Circumstances(complete_start=True), parallel=True)
        seen[found.kind] += 1
        if found.kind == answers.APPLIED_SET:
            assert found.first is not None and found.last is not None
            # Not always the very transactions, but always some that lead to the same rows.
            _completed(source, replica, found, seed)
        elif found.kind == answers.BOUNDARY:
            assert found.boundary is not None
            assert canonical(source.states[found.boundary.index]) == canonical(state), "seed %d" % seed
    print(dict(seen), "in", SEEDS)
    assert seen[answers.APPLIED_SET] > SEEDS // 8


def test_rows_written_locally() -> None:
    """Values that were never on the source: no single boundary but the true one."""
    seen: CounterType[str] = Counter()
    kinds: Dict[str, int] = MIXTURE
    for seed in range(SEEDS * 2):
        rng = random.Random(seed + 9000)
        source = Source(seed, rng.randrange(10, 60), kinds)
        true = rng.randrange(len(source.states))
        replica = Replica(source.states[true], rng.random() < 0.5)
        locally(rng, replica.state)
        found = _whole(source, replica, Circumstances(complete_start=True), parallel=False)
        seen[found.kind] += 1
        if found.kind == answers.BOUNDARY:
            assert found.boundary is not None
            assert found.boundary.index == true, "seed %d: true %d, %s" % (seed, true, found)
    print(dict(seen), "in", SEEDS)
    assert seen[answers.NOWHERE] > SEEDS // 4


# Most rows are of tables that give no evidence, and most changes are such that they can be applied twice.
UPDATES = {"update": 20, "insert": 3, "delete": 1, "clean_update": 10, "revert": 6}


def test_silent_rows_moved_back() -> None:
    """Applied again were also tables that give no evidence: the true position, or none that leads elsewhere."""
    seen: CounterType[str] = Counter()
    for seed in range(SEEDS * 4):
        rng = random.Random(seed)
        source = Source(seed, rng.randrange(10, 40), UPDATES)
        true = rng.randrange(3, len(source.states))
        replica = Replica(source.states[true], True)
        for count in range(rng.randrange(true), len(source.log)):
            if not _replay(replica.state, [source.log[count]]):
                break
        else:
            continue
        around = Circumstances(complete_start=True, recorded=count, failing=count + 1)
        found = _whole(source, replica, around, parallel=False)
        seen[found.kind] += 1
        if found.kind == answers.BOUNDARY:
            assert found.boundary is not None
            assert found.boundary.index == true or _leads_on(source, replica, found), "seed %d: %s" % (seed, found)
    print(dict(seen), "in", SEEDS * 4)
    assert seen[answers.BOUNDARY] > SEEDS // 4


def test_silent_transactions_left_out() -> None:
    """Appliers that do not keep the order stopped; some of what they left out gives no evidence."""
    seen: CounterType[str] = Counter()
    for seed in range(SEEDS * 2):
        rng = random.Random(seed + 7000)
        source = Source(seed, 40, {**CLEAN, "insert": 1, "update": 2})
        base = rng.randrange(5, 30)
        replica = Replica(source.states[base], True)
        for number in range(base + 1, base + 9):
            if rng.random() < 0.7 and not _replay(replica.state, [source.log[number - 1]]):
                break
        found = _whole(source, replica, Circumstances(complete_start=True, apart=8), parallel=True)
        seen[found.kind] += 1
        if found.kind == answers.BOUNDARY:
            assert _leads_on(source, replica, found), "seed %d: %s" % (seed, found)
    print(dict(seen), "in", SEEDS * 2)
    assert seen[answers.BOUNDARY] > SEEDS // 40
