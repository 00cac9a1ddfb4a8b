# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""table_compare in slices: one that goes on where the last one ended finds what one call finds."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, Dict, List

from integration.comparing import SIMPLE, applier, compare, different, proof_schema, start, writers
from integration.conftest import Pair
from lab.load import hold_row, wait_row_lock
from lab.server import Server

LARGE = [
    "CREATE TABLE proof.large (a INT, b VARCHAR(20), v INT, PRIMARY KEY (a, b)) ENGINE=InnoDB",
    "INSERT INTO proof.large VALUES %s" % ", ".join("(%d, 'k%d', %d)" % (n % 7, n, n) for n in range(700)),
    "CREATE TABLE proof.keyless (v INT) ENGINE=InnoDB",
    "INSERT INTO proof.keyless VALUES (1), (1), (2)",
]
TABLES = ("proof.t", "proof.large", "proof.keyless")
PLANTED = (
    "UPDATE proof.large SET v = -1 WHERE a = 0 AND b = 'k0'",
    "DELETE FROM proof.large WHERE a = 6 AND b = 'k699'",
    "INSERT INTO proof.large VALUES (9, 'only', 1)",
)


def in_slices(pair: Pair, path: Path) -> List[Dict[str, Any]]:
    """Every slice's result: no time at all for each, so that each does one chunk and leaves the rest."""
    results: List[Dict[str, Any]] = []
    while not results or not results[-1]["done"]:
        results.append(compare(pair.replica, TABLES, slice=0, chunk_rows=100, progress_file=str(path)))
        assert not results[-1]["failed"], results[-1]
        assert applier(pair.lab) == "Yes"
        assert len(results) < 20
    return results


def test_slices_find_together_what_one_call_finds(well: Pair, tmp_path: Path) -> None:
    tables = [
        "CREATE TABLE proof.w%d (id INT AUTO_INCREMENT PRIMARY KEY, v DOUBLE) ENGINE=InnoDB" % n for n in range(3)
    ]
    path = tmp_path / "progress.json"
    with proof_schema(well.lab, SIMPLE, *LARGE, *tables):
        well.replica.execute_unlogged(*PLANTED)
        with writers(well.source):
            results = in_slices(well, path)
        well.lab.wait_in_sync()
        last = results[-1]
        assert len(results) > 8 and all(one["proof"] == "unproven" for one in results)
        assert results[0]["msg"].startswith("Not finished: ")
        rows = [one["progress"]["rows"] for one in results]
        assert rows == sorted(rows) and rows[0] <= 100
        assert set(different(last)) == {"proof.large"}, last["msg"]
        found = different(last)["proof.large"][0]
        assert found["counts"] == {"changed": 1, "missing": 1, "extra": 1} and found["complete"]
        large = next(entry for entry in last["compared"] if entry["table"] == "proof.large")
        assert large["rows"] == 700 and large["chunks"] >= 7
        assert not path.exists()


def test_an_interrupted_comparison_goes_on_and_no_other_takes_its_place(well: Pair, tmp_path: Path) -> None:
    path = tmp_path / "kept" / "progress.json"
    with proof_schema(well.lab, *LARGE):
        first = compare(well.replica, slice=0, chunk_rows=100, progress_file=str(path))
        assert not first["done"] and first["progress"]["tables_done"] < 2
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        kept = path.read_text()
        other = compare(well.replica, ("proof.large",), slice=0, progress_file=str(path))
        assert other["failed"] and other["code"] == "bad_input" and "another comparison" in other["msg"]
        path.write_text(kept[: len(kept) // 2])
        broken = compare(well.replica, slice=0, progress_file=str(path))
        assert broken["failed"] and str(path) in broken["msg"]
        path.write_text(kept)
        last = compare(well.replica, progress_file=str(path), slice=600)
        assert last["done"] and last["proof"] == "rows_proven", last["msg"]
        assert sum(entry["rows"] for entry in last["compared"]) == 703
        assert "2 points up to" in last["msg"]


def test_a_table_that_was_altered_between_slices_is_begun_anew(well: Pair, tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    with proof_schema(well.lab, *LARGE[:2]):
        assert not compare(well.replica, slice=0, chunk_rows=100, progress_file=str(path))["done"]
        well.source.execute("ALTER TABLE proof.large ADD COLUMN w INT NOT NULL DEFAULT 3")
        well.lab.wait_in_sync()
        last = compare(well.replica, slice=600, progress_file=str(path))
        assert last["proof"] == "rows_proven", last["msg"]
        assert [entry["rows"] for entry in last["compared"]] == [700]


def counted(server: Server, *words: str) -> int:
    """How often statements were run whose counters' names hold one of these words."""
    rows = server.query("SHOW GLOBAL STATUS LIKE 'Com\\_%'")
    return sum(int(row["Value"]) for row in rows if any(word in row["Variable_name"] for word in words))


def test_no_rows_are_read_while_the_replica_is_further_behind_than_it_may_be(well: Pair) -> None:
    chunks, looks = ("Com_savepoint",), ("show_slave_status", "show_replica_status", "show_all_slaves")
    behind = "Seconds_Behind_%s" % well.words.prefix.capitalize()
    many = "INSERT INTO proof.t VALUES %s" % ", ".join("(%d)" % n for n in range(3000))
    with proof_schema(well.lab, SIMPLE, many, *LARGE[:2]):
        # Nobody needs this row until the comparison has begun.
        lock = hold_row(well.lab, "proof.large", "a = 0 AND b = 'k0'")
        process = start(well.replica, ("proof.t",), chunk_rows=1, max_lag=0)
        try:
            began = counted(well.source, *chunks)
            well.source.wait_until(lambda: counted(well.source, *chunks) > began + 3, 60, "the first chunks")
            well.source.execute("UPDATE proof.large SET v = -5 WHERE a = 0 AND b = 'k0'")
            wait_row_lock(well.replica)
            well.replica.wait_until(lambda: int(well.status()[behind] or 0) > 1, 60, "a lag")
            read, looked = counted(well.source, *chunks), counted(well.replica, *looks)
            well.replica.wait_until(lambda: counted(well.replica, *looks) > looked + 3, 60, "looks at the lag")
            assert process.poll() is None and counted(well.source, *chunks) <= read + 2
            lock.release()
            well.source.wait_until(lambda: counted(well.source, *chunks) > read + 10, 60, "more chunks")
        finally:
            lock.release()
            process.terminate()
            process.communicate(timeout=60)
        assert applier(well.lab) == "Yes"
        well.lab.wait_in_sync()
