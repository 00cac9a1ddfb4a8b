# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica that was restarted at an old position, after random histories: no answer says more than its rows do."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional
from typing import Counter as CounterType

from lab.topology import Lab

from .locate_history import Contents, Coordinates, History, contents, tables
from .locating import apply_until, position, stopped
from .playbook import run_module

SEEDS = int(os.environ.get("REPLICA_LOCATE_SEEDS", "1"))
WORDS = ("is at", "cannot be decided", "somewhere between", "applied everything", "several boundaries", "no boundary")


def _differing(one: Contents, other: Contents) -> Dict[str, int]:
    """The tables that differ, and in how many rows at least."""
    found = {}
    for table in sorted({*one, *other}):
        rows, others = set(one.get(table, ())), set(other.get(table, ()))
        if (table in one) != (table in other) or one.get(table) != other.get(table):
            found[table] = max(len(rows - others), len(others - rows))
    return found


def _restarted(lab: Lab, start: Coordinates) -> bool:
    """Start the replica at an old position; whether it has met an error there."""
    words, link = lab.flavour.words, lab.links[0]
    lab.configure(link, start)
    lab.replica.start_replica()

    def ended() -> bool:
        row = lab.status(link)
        at = (str(row[words.applied_file]), int(row[words.applied_pos]))
        return str(row[words.sql_running]) == "No" or at == lab.source.coordinates()

    lab.replica.wait_until(ended, 60, "the applier to meet what is there already, or to apply everything")
    met = bool(lab.status(link)[words.sql_error])
    lab.replica.stop_replica()
    return met


def _checked(result: Dict[str, Any], now: Contents, ends: List[Coordinates], states: List[Contents]) -> str:
    """The kind of an answer that claims nothing which the rows do not bear out."""
    assert not result["failed"], result["msg"]
    assert any(words in result["msg"] for words in WORDS), result["msg"]
    if result["kind"] == "boundary":
        at = ends.index(position(result["coordinates"]))
        assert not _differing(now, states[at]), (_differing(now, states[at]), result["msg"])
    if result["kind"] == "mixed":
        at = ends.index(position(result["mixed"]["last"]))
        listed: CounterType[str] = Counter(row["table"].partition(".")[2] for row in result["mixed"]["rows"])
        different = _differing(now, states[at])
        assert set(different) == set(listed), (different, listed, result["msg"])
        assert all(count <= listed[table] for table, count in different.items()), (different, listed)
    if result["kind"] == "range" and any(not _differing(now, state) for state in states):
        first, last = position(result["range"]["first"]), position(result["range"]["last"])
        same = [end for end, state in zip(ends, states) if not _differing(now, state)]
        assert any(first <= end <= last for end in same), (same, result["msg"])
    return str(result["kind"])


def _made_whole(lab: Lab, result: Dict[str, Any], folder: Path) -> Optional[Coordinates]:
    """Bring the rows of a range to its end where the answer allows that; the end."""
    applied = result["applied"] or {}
    spread = result["mixed"] or (applied if result["kind"] == "applied_set" and applied["rows_only"] else None)
    if spread is None:
        return None
    first, last = (
        spread.get(name) or spread[other] for name, other in (("first", "all_before"), ("last", "none_after"))
    )
    ends = {name: {"file": end["file"], "position": end["position"]} for name, end in (("from", first), ("to", last))}
    options = {"transactions": ends, "state": "healed", "record_dir": str(folder)}
    done = run_module("row_repair", lab.replica, options)
    assert not done["failed"], (done["msg"], result["msg"])
    return position(last)


def test_rows_moved_back_by_a_random_history(lab_of: Callable[..., Lab], flavour: str, tmp_path: Path) -> None:
    """A boundary only where all rows of all tables are as they were there; a mixed state only with all its rows."""
    lab = lab_of(flavour, gtid=False)
    seen: CounterType[str] = Counter()
    wrong: List[str] = []
    for seed in range(SEEDS):
        rng = random.Random(seed)
        schema = "r%d" % seed
        lab.source.execute(*tables(lab.source, schema))
        start = stopped(lab)
        history = History(
            lab.source, 1000 + seed, schema, keep=True, definitions=(0, 0, 0.1)[seed % 3], plain=seed % 3 < 2,
            updates=(12, 4, 8)[seed % 3],
        )  # fmt: skip
        first = contents(lab.source, schema)
        ends = [start, *history.run(rng.randrange(20, 90))]
        number = rng.randrange(min(8, len(ends) - 1), len(ends))
        apply_until(lab, ends[number])
        if _restarted(lab, start):
            result = run_module("binlog_locate", lab.replica, {"show_rows": "full", "show_limit": 1000})
            try:
                kind = _checked(result, contents(lab.replica, schema), ends, [first, *history.states])
                whole = _made_whole(lab, result, tmp_path)
                if whole is not None:
                    odd = _differing(contents(lab.replica, schema), [first, *history.states][ends.index(whole)])
                    assert not odd, (odd, result["msg"])
                    kind += ", made whole"
            except AssertionError as error:
                kind = "WRONG"
                wrong.append("seed %d, %d of %d: %s" % (seed, number, len(ends) - 1, error))
            print("seed %d: %d of %d: %s" % (seed, number, len(ends) - 1, result["msg"]))
        else:
            kind = "no error met"
        seen[kind] += 1
        lab.replica.execute_unlogged("DROP DATABASE IF EXISTS %s" % schema)
        lab.source.execute("DROP DATABASE %s" % schema)
        lab.replica.execute(lab.replica.replica_sql("RESET"))  # several workers may have left gaps
        lab.configure(lab.links[0], lab.source.coordinates())
        lab.replica.start_replica()
    print("%s, %d histories: %s" % (flavour, SEEDS, dict(seen)))
    assert not wrong, "\n".join(wrong)
