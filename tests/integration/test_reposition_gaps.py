# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaps of parallel workers without GTIDs, and repairs that are killed half-way: the next repair makes them whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from integration.channel_options import options_of
from integration.gaps import SCHEMAS, applier_stopped, held_up, lab_with_a_gap, parallel_lab
from integration.held import held
from integration.locating import position
from integration.playbook import Run, run_module, run_playbook
from integration.test_repair import host, queries, result
from integration.test_reposition import moved_back, play
from integration.test_reposition_gtid import ahead
from lab import faults
from lab.compare import compare
from lab.flavours import FLAVOURS
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
full = pytest.mark.skipif(not FULL, reason="part of the full matrix")


class _Killed(Exception):
    pass


def _only_mysql(flavour: str) -> None:
    if FLAVOURS[flavour].is_mariadb:
        pytest.skip("MariaDB applies in order without GTIDs")


def test_gaps_are_left_behind_while_their_cause_is_still_there(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    _only_mysql(flavour)
    lab = lab_with_a_gap(flavour, lab_of)
    end = lab.source.coordinates()
    found = run_module("binlog_locate", lab.replica)
    assert found["kind"] == "boundary", found
    place = {"source_log_file": end[0], "source_log_pos": end[1], "discard_gaps": True}
    unkept = run_module("change_master", lab.replica, place)
    assert unkept["failed"] and "record_dir" in unkept["msg"], unkept
    short = run_module(
        "change_master", lab.replica, {**place, "source_log_pos": end[1] - 1, "record_dir": str(tmp_path)}
    )
    assert short["failed"] and "a parallel worker has applied up to" in short["msg"], short
    before = options_of(lab.replica)
    repaired = play(lab, "repair", tmp_path, repair_strategy="reposition")
    assert repaired.code == 0, repaired.output
    ended = result(repaired)
    assert (ended["applied"], ended["proof"]) == (["reposition"], "rows_proven"), ended
    assert any(query.startswith("RESET") for query in queries(repaired)), queries(repaired)
    assert options_of(lab.replica) == before
    lab.source.execute(*("INSERT INTO %s.t VALUES (50)" % name for name in SCHEMAS))
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
    again = run_module("change_master", lab.replica, place)
    assert not again["failed"] and not again["changed"], again


@full
def test_what_gives_no_evidence_is_told_by_what_keeps_its_order(lab_of: Callable[..., Lab], flavour: str) -> None:
    """The exact transactions are named, with one among them of a table that gives no evidence.

    Workers of MySQL 5.6 keep the order of its schema; later ones let that wait which changes the same row.
    """
    _only_mysql(flavour)
    lab = parallel_lab(flavour, lab_of)
    old = lab.flavour.version < (8, 0)
    key = "" if old else " PRIMARY KEY"  # what writes to a table without a key waits for all before it on later ones
    lab.source.execute(
        "CREATE TABLE b.silent (n INT%s)" % key, "FLUSH LOGS", "FLUSH LOGS", "INSERT INTO a.t VALUES (70)"
    )
    lab.wait_in_sync()
    lab.replica.execute_unlogged("CREATE TRIGGER b.own BEFORE INSERT ON b.silent FOR EACH ROW SET NEW.n = NEW.n")
    lab.source.execute("INSERT INTO b.silent VALUES (1)")
    with lab.source.connect("root", autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE b.silent SET n = n + 1")
        cursor.execute("INSERT INTO a.t VALUES (60)")
        connection.commit()
    lab.wait_in_sync()
    with held_up(lab):
        if old:
            lab.source.execute("INSERT INTO b.silent VALUES (7)", "INSERT INTO b.t VALUES (61)")
            lab.replica.wait_until("SELECT COUNT(*) FROM b.t WHERE id = 61", what="the row behind it")
    lab.replica.wait_until(lambda: applier_stopped(lab), what="the duplicate row to stop the applier")
    found = run_module("binlog_locate", lab.replica)
    assert found["kind"] == "boundary" and position(found["coordinates"]) == lab.source.coordinates(), found["msg"]
    lab.replica.execute_unlogged("DELETE FROM a.t WHERE id = 1")
    found = run_module("binlog_locate", lab.replica)
    assert found["kind"] == "applied_set", found["msg"]
    assert len(found["applied"]["missing"]) == 1 and len(found["applied"]["applied"]) == (11 if old else 9), found
    if old:  # nothing tells of the one before it any more
        lab.replica.execute_unlogged("DELETE FROM b.t WHERE id = 61")
        found = run_module("binlog_locate", lab.replica)
        assert found["kind"] not in ("boundary", "applied_set"), found["msg"]


@full
def test_gaps_and_rows_that_differ(lab_of: Callable[..., Lab], flavour: str, tmp_path: Path) -> None:
    """Beside the row that one worker waited for, somebody has taken away one that another had written."""
    _only_mysql(flavour)
    lab = lab_with_a_gap(flavour, lab_of)
    lab.replica.execute_unlogged("DELETE FROM b.t WHERE id = 1")
    repaired = play(lab, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    lab.wait_in_sync()
    print(flavour, result(repaired)["applied"])
    assert compare(lab.source, lab.replica) == []


@full
def test_a_replica_that_was_killed_with_gaps(lab_of: Callable[..., Lab], flavour: str, tmp_path: Path) -> None:
    _only_mysql(flavour)
    lab = parallel_lab(flavour, lab_of, relay_log_recovery=1)
    with pytest.raises(_Killed), held_up(lab):
        lab.replica.kill()
        raise _Killed
    lab.replica.start()
    faults.try_start_replica(lab.replica)
    repaired = play(lab, "repair", tmp_path, repair_start_stopped="true")
    assert repaired.code == 0, repaired.output
    # MySQL 9.7 closes them by itself; MySQL 5.6 can neither start nor take coordinates.
    assert result(repaired)["applied"] == ([] if lab.flavour.version >= (8, 0) else ["heal_rows"]), result(repaired)
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []


def killed(lab: Lab, folder: Path, statement: str, strategy: str = "heal_rows") -> None:
    """Run the repair, and kill its module right before a statement."""

    def work(environment: Dict[str, str]) -> Run:
        given: Dict[str, Any] = {"target": "replica", "repair_record_dir": str(folder), "repair_timeout": "60"}
        given["repair_strategy"] = strategy
        inventory = {"all": {"hosts": {"replica": host(lab.replica)}}}
        return run_playbook("replicaops.mysql.repair", inventory, ["-vvv", "-e", json.dumps(given)], environment)

    with held(folder / "hold", statement, work) as there:
        ended = there.kill()
    assert ended.code != 0, ended.output


# Before each step that writes: the rows, their COMMIT, the receiver's STOP, the new position, the start.
STEPS = ("SET SESSION sql_log_bin", "COMMIT", "STOP", "CHANGE", "START")


@pytest.mark.parametrize("statement", STEPS if FULL else ["START"])
def test_a_repair_that_was_killed_half_way_is_finished_by_the_next(
    lab_of: Callable[..., Lab], flavour: str, statement: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, gtid=False)
    moved_back(lab)
    # The rows are written in a transaction, which begins with START as well.
    killed(lab, tmp_path, statement if statement != "START" else "START " + lab.flavour.words.replica)
    assert applier_stopped(lab)
    if statement == "START" and FULL and lab.flavour.name != "mysql-9.7":
        # Without the record nobody can tell threads that a killed repair has stopped from those that somebody has.
        refused = play(lab, "repair", tmp_path / "elsewhere")
        assert refused.code != 0 and "repair_start_stopped" in refused.output, refused.output
    repaired = play(lab, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    # MySQL 9.7 may go on to show the error that the new position has taken away: then the position is found again.
    assert statement != "START" or result(repaired)["applied"] in (["start"], ["reposition"]), result(repaired)
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []


@pytest.mark.parametrize("statement", ["STOP", "RESET", "CHANGE", "START"] if FULL else ["CHANGE"])
def test_a_repair_of_gaps_that_was_killed_half_way_is_finished_by_the_next(
    lab_of: Callable[..., Lab], flavour: str, statement: str, tmp_path: Path
) -> None:
    """Behind RESET the channel has no position any more: it is found again, from where the record says it was."""
    _only_mysql(flavour)
    lab = lab_with_a_gap(flavour, lab_of)
    if statement == "START":
        statement = "START " + lab.flavour.words.replica
    killed(lab, tmp_path, statement, "reposition")
    lab.source.execute(*("INSERT INTO %s.t VALUES (50)" % name for name in SCHEMAS))
    repaired = play(lab, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    assert result(repaired)["proof"] in ("rows_proven", "fully_verified"), result(repaired)
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []


@full
@pytest.mark.parametrize("statement", ["STOP", "SET GLOBAL gtid_", "START"])
def test_a_repair_of_gtids_that_was_killed_half_way_is_finished_by_the_next(
    lab_of: Callable[..., Lab], flavour: str, statement: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, gtid=True)
    ahead(lab, False)
    if statement == "START":
        statement = "START " + lab.flavour.words.replica
    elif lab.flavour.name == "mysql-5.6" and statement != "STOP":
        statement = "SET SESSION gtid_next"
    if statement != "STOP" or lab.flavour.is_mariadb:  # only MariaDB has a thread that still runs
        killed(lab, tmp_path, statement, "gtid_append")
    repaired = play(lab, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
