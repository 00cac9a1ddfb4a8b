# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica whose data is ahead of its recorded position: found, re-pointed, proven; and left alone where it is not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

import pytest
from integration.playbook import Run, run_playbook
from integration.test_repair import host, queries, result
from lab import faults
from lab.compare import compare
from lab.load import Writer
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
Coordinates = Tuple[str, int]

TABLES = (
    "CREATE TABLE t1 (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB",
    "CREATE TABLE cnt (id INT PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB",
    "INSERT INTO cnt VALUES (1, 1)",
    "INSERT INTO t1 VALUES (1, 'one'), (2, 'two')",
)
# One transaction each; a release as it happens, with changes that can be applied only once.
RELEASE = (
    "INSERT INTO t1 VALUES (10, 'ten'), (11, 'eleven'), (12, 'twelve')",
    "CREATE TABLE t2 (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB",
    "INSERT INTO t2 VALUES (1, 'a'), (2, 'b')",
    "ALTER TABLE t1 ADD COLUMN state VARCHAR(10) NOT NULL DEFAULT 'new'",
    "UPDATE cnt SET n = n + 10 WHERE id = 1",
    "CREATE INDEX by_v ON t1 (v)",
    "INSERT INTO t1 VALUES (13, 'thirteen', 'old')",
    "DELETE FROM t1 WHERE id = 2",
    "UPDATE cnt SET n = n + 100 WHERE id = 1",
    "UPDATE t2 SET v = 'bb' WHERE id = 2",
    "DELETE FROM t2 WHERE id = 1",
    "INSERT INTO cnt VALUES (2, 0)",
    "UPDATE cnt SET n = n + 1000 WHERE id = 1",
    "INSERT INTO t2 VALUES (3, 'c')",
    "DROP TABLE t2",
)
APPLIED = 10


def on_source(lab: Lab, *statements: str) -> List[Coordinates]:
    """Run statements in the shop; where the binlog ends after each."""
    ends = []
    with lab.source.connect("root", database="shop") as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            ends.append(lab.source.coordinates())
    return ends


def sql_running(lab: Lab) -> str:
    return str(lab.status(lab.links[0])[lab.flavour.words.sql_running])


def ahead(lab: Lab) -> Tuple[Coordinates, List[Coordinates]]:
    """Bring the replica's data ten transactions ahead of its recorded position, and let it meet that."""
    words, replica = lab.flavour.words, lab.replica
    lab.source.execute("CREATE DATABASE shop")
    on_source(lab, *TABLES)
    lab.wait_in_sync()
    replica.stop_replica()
    start = lab.source.coordinates()
    ends = on_source(lab, *RELEASE)
    file, position = ends[APPLIED - 1]
    replica.start_replica(
        "UNTIL %s_LOG_FILE = '%s', %s_LOG_POS = %d" % (words.prefix, file, words.prefix, position)
    )  # fmt: skip
    replica.wait_until(lambda: sql_running(lab) == "No", what="the applier to be at the tenth transaction")
    replica.stop_replica()
    lab.configure(lab.links[0], start)
    return start, ends


def play(lab: Lab, name: str, folder: Path, *more: str, **variables: str) -> Run:
    inventory = {"all": {"hosts": {"replica": host(lab.replica)}}}
    given = {"target": "replica", "repair_record_dir": str(folder), "repair_timeout": "60", **variables}
    return run_playbook("replicaops.mysql." + name, inventory, ["-vvv", "-e", json.dumps(given), *more])


@pytest.mark.parametrize("others", [False, True] if FULL else [False])
def test_data_ahead_of_the_position_is_found_and_replicated_on_from(
    lab_of: Callable[..., Lab], flavour: str, others: bool, tmp_path: Path
) -> None:
    workers = 1 if (flavour in ("mysql-5.6", "mariadb-10.11")) != others else 4
    lab = lab_of(flavour, gtid=False, workers=workers)
    _start, ends = ahead(lab)
    lab.replica.start_replica()
    lab.replica.wait_until(lambda: sql_running(lab) == "No", what="the applier to meet what is there already")
    planned = play(lab, "repair", tmp_path, "--check", "--diff")
    assert planned.code == 0, planned.output
    assert sql_running(lab) == "No" and not list(tmp_path.iterdir())
    with Writer(lab.source, rate=20):
        repaired = play(lab, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    ended = result(repaired)
    assert (ended["applied"], ended["proof"]) == (["reposition"], "rows_proven"), ended
    file, position = ends[APPLIED - 1]
    assert any("'%s'" % file in text and str(position) in text for text in queries(repaired)), queries(repaired)
    assert queries(planned)[0] == queries(repaired)[0]
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
    again = play(lab, "repair", tmp_path)
    assert again.code == 0 and result(again)["applied"] == [], again.output


def test_the_playbook_repositions_a_replica_that_was_never_started(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, gtid=False)
    start, ends = ahead(lab)
    before: Dict[str, object] = dict(lab.status(lab.links[0]))
    checked = play(lab, "reposition", tmp_path, "--check")
    assert checked.code == 0, checked.output
    words = lab.flavour.words
    now = lab.status(lab.links[0])
    assert [now[name] for name in (words.applied_file, words.sql_running)] == [
        before[name] for name in (words.applied_file, words.sql_running)
    ]
    assert "%s:%d" % ends[APPLIED - 1] in checked.output and start != ends[APPLIED - 1]
    with Writer(lab.source, rate=20):
        done = play(lab, "reposition", tmp_path)
    assert done.code == 0, done.output
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []


@pytest.mark.parametrize("gtid", [True, False])
def test_a_replica_that_is_well_goes_on(lab_of: Callable[..., Lab], flavour: str, gtid: bool, tmp_path: Path) -> None:
    lab = lab_of(flavour, gtid=gtid)
    lab.source.execute("CREATE DATABASE shop")
    on_source(lab, *TABLES)
    lab.wait_in_sync()
    for more in (("--check",), ()):
        played = play(lab, "reposition", tmp_path, *more)
        if more:
            assert "its applier is running" in played.output  # and a check does not stop it
            assert not list(tmp_path.iterdir())
        else:
            assert played.code == 0, played.output
        assert sql_running(lab) == "Yes"
    lab.source.execute("INSERT INTO shop.t1 VALUES (70, 'later')")
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []


def test_rows_that_were_never_like_that_are_no_position(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, gtid=False)
    start, _ends = ahead(lab)
    lab.replica.execute_unlogged("UPDATE shop.cnt SET n = 7 WHERE id = 1")
    refused = play(lab, "reposition", tmp_path)
    assert refused.code != 0 and "Nothing was changed" in refused.output
    assert "shop.cnt" in refused.output and not list(tmp_path.iterdir())
    row = lab.status(lab.links[0])
    words = lab.flavour.words
    assert (row[words.applied_file], row[words.sql_running]) == (start[0], "No")


def test_a_definition_that_differs_is_no_position(lab_of: Callable[..., Lab], flavour: str, tmp_path: Path) -> None:
    lab = lab_of(flavour, gtid=False)
    start, ends = ahead(lab)
    lab.replica.execute_unlogged("ALTER TABLE shop.t1 ALTER COLUMN state SET DEFAULT 'other'")
    refused = play(lab, "reposition", tmp_path)
    assert refused.code != 0 and "the definition of shop.t1" in refused.output, refused.output
    assert "%s:%d" % ends[APPLIED - 1] in refused.output and not list(tmp_path.iterdir())
    row = lab.status(lab.links[0])
    words = lab.flavour.words
    assert (row[words.applied_file], row[words.applied_pos]) == start


def test_an_older_relay_log_info_after_a_power_loss(lab_of: Callable[..., Lab], flavour: str, tmp_path: Path) -> None:
    if flavour == "mysql-9.7":
        pytest.skip("MySQL 9.7 keeps its position in a table, together with the data")
    lab = lab_of(flavour, gtid=False)
    lab.source.execute("CREATE DATABASE shop")
    on_source(lab, *TABLES)
    lab.wait_in_sync()
    faults.save_relay_info(lab.replica)
    on_source(lab, *RELEASE[:APPLIED])
    lab.wait_in_sync()
    faults.restore_relay_info(lab.replica)
    on_source(lab, *RELEASE[APPLIED:])
    with Writer(lab.source, rate=20):
        lab.replica.start_replica()
        lab.replica.wait_until(lambda: sql_running(lab) == "No", what="the applier to meet what is there already")
        repaired = play(lab, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    assert (result(repaired)["applied"], result(repaired)["proof"]) == (["reposition"], "rows_proven"), result(repaired)
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []


# Updates that go in again without an error, up to an insert that meets its row; then what was never applied.
MOVED = (
    "UPDATE cnt SET n = n + 10 WHERE id = 1",
    "UPDATE t1 SET v = 'uno' WHERE id = 1",
    "INSERT INTO t1 VALUES (10, 'ten')",
    "UPDATE cnt SET n = n + 100 WHERE id = 1",
    "UPDATE t1 SET v = 'eins' WHERE id = 1",
    "INSERT INTO cnt VALUES (2, 0)",
)
LATER = ("UPDATE cnt SET n = n + 1000 WHERE id = 1", "INSERT INTO t1 VALUES (11, 'eleven')")


def moved_back(lab: Lab, applied: Sequence[str] = MOVED, later: Sequence[str] = LATER) -> None:
    """A replica that was restarted at an old position, where it went on until it met a duplicate row."""
    lab.source.execute("CREATE DATABASE shop")
    on_source(lab, *TABLES)
    lab.wait_in_sync()
    start = lab.source.coordinates()
    on_source(lab, *applied)
    lab.wait_in_sync()
    lab.replica.stop_replica()
    on_source(lab, *later)
    lab.configure(lab.links[0], start)
    lab.replica.start_replica()
    lab.replica.wait_until(lambda: sql_running(lab) == "No", what="the applier to meet what is there already")


def test_rows_that_a_restart_moved_back_are_brought_forward_again(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, gtid=False)
    moved_back(lab)
    assert lab.replica.value("SELECT n FROM shop.cnt WHERE id = 1") == 11
    refused = play(lab, "repair", tmp_path, repair_max_risk="none")
    assert refused.code != 0 and result(refused)["applied"] == [], refused.output
    assert lab.replica.value("SELECT n FROM shop.cnt WHERE id = 1") == 11
    with Writer(lab.source, rate=20):
        repaired = play(lab, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    assert (result(repaired)["applied"], result(repaired)["proof"]) == (["heal_rows"], "rows_proven"), result(repaired)
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
