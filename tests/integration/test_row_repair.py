# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""row_repair on real servers: rows that transactions touched become the source's images of them, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from integration.conftest import Pair
from integration.playbook import run_module
from lab.server import Server
from lab.topology import Lab

Point = Tuple[str, int]


def repair(pair: Pair, start: Point, end: Point, check: bool = False, **options: Any) -> Dict[str, Any]:
    """Run the module over a range of the source's binlog."""
    named = {"from": _part(start), "to": _part(end)}
    return run_module("row_repair", pair.replica, {"transactions": named, **options}, check=check)


def _part(point: Point) -> Dict[str, Any]:
    return {"file": point[0], "position": point[1]}


def at(pair: Pair) -> Point:
    return pair.source.coordinates()


@pytest.fixture(name="work")
def work_table(well: Pair) -> Iterator[Pair]:
    """The pair with a table of its own, which goes with the test."""
    well.source.execute(
        "CREATE TABLE shop.w (id INT PRIMARY KEY, v VARCHAR(40), n INT, UNIQUE KEY (n)) ENGINE=InnoDB",
        "INSERT INTO shop.w VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3), (4, 'four', 4)",
    )
    well.lab.wait_in_sync()
    yield well
    row = well.status()
    if row[well.words.sql_running] != "Yes" and not row[well.words.sql_error]:
        well.replica.start_replica()
    for server in (well.source, well.replica):
        server.execute_unlogged("SET foreign_key_checks = 0", "DROP TABLE IF EXISTS shop.child, shop.w, shop.parent")


def rows(server: Server, table: str = "shop.w") -> List[Any]:
    return server.query("SELECT * FROM %s ORDER BY 1" % table)


def changes(pair: Pair) -> Tuple[Point, Point]:
    """Write what touches some rows, let the replica apply it and stop it; where that begins and ends."""
    start = at(pair)
    pair.source.execute(
        "UPDATE shop.w SET v = 'uno' WHERE id = 1",
        "INSERT INTO shop.w VALUES (10, 'ten', 10)",
        "DELETE FROM shop.w WHERE id = 2",
        "UPDATE shop.w SET n = 33 WHERE id = 3",
        "UPDATE shop.w SET n = 3 WHERE id = 10",
        "UPDATE shop.w SET v = 'UNO' WHERE id = 1",
    )
    end = at(pair)
    pair.lab.wait_in_sync()
    pair.replica.stop_replica("SQL_THREAD")
    return start, end


def moved_back(pair: Pair) -> None:
    """Some rows are as they were earlier."""
    pair.replica.execute_unlogged(
        "UPDATE shop.w SET v = 'uno' WHERE id = 1",
        "INSERT INTO shop.w VALUES (2, 'two', 2)",
        "DELETE FROM shop.w WHERE id = 10",
        "UPDATE shop.w SET n = 3 WHERE id = 3",
    )


def trace(server: Server) -> Tuple[Any, ...]:
    return server.coordinates(), server.gtid_position()


@pytest.mark.every_flavour
def test_a_mixed_state_becomes_the_end_of_the_range(work: Pair, tmp_path: Path) -> None:
    start, end = changes(work)
    moved_back(work)
    before, wrong = trace(work.replica), rows(work.replica)
    told = repair(work, start, end)
    assert not told["failed"] and not told["changed"] and told["proof"] == "unproven", told
    assert told["compared"] == 4 and told["different_count"] == 4 and told["healed"] == 0
    found = {(one["key"]["id"], one["difference"], tuple(one["columns"])) for one in told["different"]}
    assert found == {(1, "changed", ("v",)), (2, "surplus", ()), (3, "changed", ("n",)), (10, "missing", ())}
    assert all(one["replica"] is None and one["source"] is None for one in told["different"])
    plan = repair(work, start, end, check=True, state="healed", record_dir=str(tmp_path))
    assert plan["changed"] and plan["healed"] == 4 and not plan["executed"] and not list(tmp_path.iterdir())
    assert rows(work.replica) == wrong and trace(work.replica) == before
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert not done["failed"] and done["changed"] and done["proof"] == "rows_proven", done
    assert done["queries"] == plan["queries"] and "four" not in json.dumps(done)
    assert done["before"] == {"shop.w": 4} and done["after"] == {"shop.w": 0}
    assert rows(work.replica) == rows(work.source) and trace(work.replica) == before
    kept = json.loads(Path(done["record"]).read_text(encoding="utf-8"))["details"]["rows"]["tables"][0]["rows"]
    assert {row["key"]["id"]: row["before"] for row in kept}[2] == {"id": 2, "v": "two", "n": 2}
    again = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert not again["failed"] and not again["changed"] and again["queries"] == [] and again["proof"] == "rows_proven"
    work.replica.start_replica()
    work.wait_same()
