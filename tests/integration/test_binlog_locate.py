# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a replica's data is: found on real servers for random histories, or said honestly why not; never wrong."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any, Callable, Dict, Tuple
from typing import Counter as CounterType

import pytest
from lab.topology import Lab

from .locate_history import Coordinates, History, tables
from .playbook import run_module

SEEDS = int(os.environ.get("REPLICA_LOCATE_SEEDS", "3"))


def apply_until(lab: Lab, end: Coordinates) -> None:
    """Let the stopped replica apply up to a point, and stop it there."""
    words, replica, link = lab.flavour.words, lab.replica, lab.links[0]
    if end == lab.source.coordinates():  # without a next event the older servers do not stop
        replica.start_replica()
        lab.wait_in_sync()
    else:
        until = "UNTIL %s_LOG_FILE = '%s', %s_LOG_POS = %d" % (words.prefix, end[0], words.prefix, end[1])
        replica.start_replica(until)
        replica.wait_until(lambda: str(lab.status(link)[words.sql_running]) == "No", 60, "the applier to stop")
        row = lab.status(link)
        assert not row[words.sql_error], row[words.sql_error]
    replica.stop_replica()


def stopped(lab: Lab) -> Coordinates:
    """Stop the replica where it is in sync; the source's position."""
    lab.wait_in_sync()
    lab.replica.stop_replica()
    return lab.source.coordinates()


def go_on(lab: Lab, at: Coordinates) -> None:
    """Point the replica at a position, start it and let it apply everything."""
    lab.configure(lab.links[0], at)
    lab.replica.start_replica()
    lab.wait_in_sync()


def position(found: Dict[str, Any]) -> Tuple[str, int]:
    """Coordinates in a result."""
    return str(found["file"]), int(found["position"])


def checked(result: Dict[str, Any], true: Coordinates) -> str:
    """Whether the answer does no harm; its kind."""
    assert not result["failed"], result["msg"]
    if result["kind"] == "boundary":
        assert position(result["coordinates"]) == true, result["msg"]
    elif result["kind"] == "range":
        first, last = position(result["range"]["first"]), position(result["range"]["last"])
        assert first <= true <= last, result["msg"]
    else:
        assert result["kind"] == "undecided", result["msg"]
    return str(result["kind"])


@pytest.mark.every_flavour
def test_k_of_n(lab_of: Callable[..., Lab], flavour: str) -> None:
    """The recorded position is old, the data is K transactions further: K, or a range that holds it."""
    lab = lab_of(flavour, gtid=False)
    seen: CounterType[str] = Counter()
    for seed in range(SEEDS):
        rng = random.Random(seed)
        schema = "w%d" % seed
        lab.source.execute(*tables(lab.source, schema))
        start = stopped(lab)
        history = History(lab.source, seed, schema)
        count = rng.randrange(40, 101)
        ends = [start, *history.run(count)]
        number = rng.randrange(len(ends))
        if number:
            apply_until(lab, ends[number])
        lab.configure(lab.links[0], start)
        result = run_module("binlog_locate", lab.replica)
        try:
            kind = checked(result, ends[number])
        except AssertionError as error:
            raise AssertionError(
                "seed %d, %d of %d, true %s: %s" % (seed, number, count, ends[number], error)
            ) from None
        seen[kind] += 1
        if kind == "range":
            print("seed %d: %d of %d: %s" % (seed, number, count, result["msg"]))
        go_on(lab, ends[number])
    print(flavour, dict(seen))
    assert seen["boundary"]
