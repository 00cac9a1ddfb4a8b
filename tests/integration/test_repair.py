# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repair playbook on real servers: broken pairs in, equal rows out, and nothing written where nothing may be."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from integration.conftest import Pair
from integration.playbook import Run, login, run_playbook
from integration.test_replica_channel import backlog, change, corrupt, threads
from lab import faults, sync
from lab.accounts import REPAIRER
from lab.compare import compare
from lab.load import Writer
from lab.server import Server

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
CREATE = "CREATE TABLE shop.invoice (id INT PRIMARY KEY, amount DECIMAL(10,2), KEY (amount))"
COLUMN = "ALTER TABLE shop.t ADD COLUMN state VARCHAR(20) NOT NULL DEFAULT 'new'"
INDEX = "CREATE INDEX by_v ON shop.t (v)"


def host(server: Server) -> Dict[str, Any]:
    """A server's inventory variables, every one of them text, as AWX sends them."""
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "replica_login_host": server.host,
        "replica_login_port": str(server.port),
        "replica_login_user": REPAIRER.user,
        "replica_login_password": REPAIRER.password,
    }


def play(pair: Pair, name: str, folder: Path, *more: str, **variables: str) -> Run:
    """Run a playbook of the collection against the pair's replica."""
    inventory = {"all": {"hosts": {"replica": host(pair.replica), "twin": host(pair.replica)}}}
    given = {"target": "replica", "repair_record_dir": str(folder), "repair_timeout": "60", **variables}
    return run_playbook(
        "replicaops.mysql." + name, inventory, ["-vvv", "-e", json.dumps(given), *more],
    )  # fmt: skip


def state(pair: Pair) -> Dict[str, Any]:
    """Everything of the replica that a run which writes nothing must leave as it is."""
    server = pair.replica
    row = pair.status()
    moving = ["Seconds", "State", "Connect_Time", "Timestamp", "Relay_Log_Space", "heartbeats"]
    if row[pair.words.sql_running] == "Yes":
        moving += ["Exec_", "Relay_Log_Pos"]  # shown with a delay while parallel appliers work
    variables = {
        str(found["Variable_name"]).lower(): found["Value"]
        for found in server.query("SHOW GLOBAL VARIABLES")
        if str(found["Variable_name"]).lower() not in ("timestamp", "gtid_binlog_pos")
    }
    return {
        "status": {name: value for name, value in row.items() if not any(part in name for part in moving)},
        "binlog": server.coordinates(),
        "gtids": server.gtid_position(),
        "variables": variables,
        "tables": server.query("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES"
                               " WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ('performance_schema')"
                               " ORDER BY TABLE_SCHEMA, TABLE_NAME"),
    }  # fmt: skip


def result(run: Run) -> Dict[str, Any]:
    """The fact in which the role keeps how it ended."""
    summed = [task for task in run.tasks if task.name.endswith("Sum up")]
    assert summed, run.output
    found: Dict[str, Any] = summed[-1].result["ansible_facts"]["repair_result"]
    return found


def queries(run: Run) -> List[str]:
    """The statements that the remedies ran, or would run, in their order."""
    return [query for step in result(run)["steps"] for query in step["queries"]]


def stops(pair: Pair) -> None:
    """Wait until the applier has stopped with an error, and the receiver has everything."""
    pair.replica.wait_until(lambda: pair.status()[pair.words.sql_running] == "No", what="the applier to stop")
    end, words = pair.source.coordinates(), pair.words

    def received() -> bool:
        row = pair.status()
        return row[words.io_running] != "Yes" or (str(row[words.source_file]), int(row[words.read_pos])) >= end

    pair.replica.wait_until(received, what="the receiver to have everything")


@contextlib.contextmanager
def dropped(pair: Pair) -> Iterator[None]:
    """Take away afterwards what a test added to the shared pair, so that the next test finds it as it was."""
    try:
        yield
    finally:
        pair.lab.down()
        pair.lab = pair._new()


@pytest.mark.every_engine
def test_a_release_that_is_partly_there_and_a_damaged_relay_log(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        by_hand = [COLUMN, INDEX] if well.is_mariadb else [CREATE, COLUMN, INDEX]
        well.replica.execute_unlogged(*by_hand)
        backlog(well)
        well.source.execute(CREATE, COLUMN, "INSERT INTO shop.invoice VALUES (1, 2.50)", INDEX)
        well.write(5)
        corrupt(well)
        well.replica.start_replica("SQL_THREAD")
        stops(well)
        before = state(well)
        planned = play(well, "repair", tmp_path, "--check", "--diff")
        assert planned.code == 0, planned.output
        assert state(well) == before
        assert not list(tmp_path.iterdir())
        with Writer(well.source, rate=20):
            repaired = play(well, "repair", tmp_path)
        assert repaired.code == 0, repaired.output
        ended = result(repaired)
        assert ended["proof"] == "rows_proven", ended
        assert sorted(set(ended["applied"])) in (["refetch", "skip_present"], ["skip_present"]), ended
        assert queries(planned) == list(ended["steps"][0]["queries"])
        assert len([one for one in ended["applied"] if one == "skip_present"]) == len(by_hand)
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []
        before = state(well)
        again = play(well, "repair", tmp_path)
        assert again.code == 0, again.output
        assert result(again)["applied"] == [] and state(well) == before
        records = [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("*.json")]
        assert len(records) == len(ended["steps"])
        assert all(record["outcome"] in ("done", "failed") and record["executed"] for record in records), records


@pytest.mark.skipif(not FULL, reason="only with REPLICA_TEST_MATRIX=full")
def test_more_equal_failures_in_a_row_than_there_may_be_rounds(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        columns = ["ALTER TABLE shop.t ADD COLUMN c%d INT" % number for number in range(24)]
        well.replica.execute_unlogged(*columns)
        well.source.execute(*columns)
        stops(well)
        done = play(well, "repair", tmp_path, repair_max_rounds="3")
        assert done.code == 0, done.output
        assert result(done)["applied"] == ["skip_present"] and result(done)["ok"], result(done)
        assert len(result(done)["steps"][0]["passed"]) == 24 and len(list(tmp_path.glob("*.json"))) == 24
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


@pytest.mark.every_engine
def test_deleted_relay_logs_are_fetched_anew(well: Pair, tmp_path: Path) -> None:
    backlog(well)
    faults.lose_relay_logs(well.lab, kill=False)
    faults.try_start_replica(well.replica)
    with Writer(well.source, rate=20):
        repaired = play(well, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    assert (result(repaired)["applied"], result(repaired)["proof"]) == (["refetch"], "rows_proven")
    well.lab.wait_in_sync()
    assert compare(well.source, well.replica) == []


@pytest.mark.every_engine
@pytest.mark.engine("mysql")
@pytest.mark.modes("gtid")
def test_a_hole_behind_a_busy_applier_is_fetched_anew(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        before = well.source.gtid_position()
        well.source.execute("INSERT INTO shop.t VALUES (-7, 'lost')")
        lost = sync.since(well.source, before)
        well.lab.wait_in_sync()
        well.replica.stop_replica("SQL_THREAD")
        uuid, last = lost.split(":")
        well.replica.execute_unlogged("DELETE FROM shop.t WHERE id = -7")
        executed = well.replica.gtid_position()
        well.replica.execute(well.words.reset_binlog)
        well.write(2)
        # The receiver goes on: what is missing stays among what it has fetched, as when MySQL 5.6 forgets one.
        without = well.replica.value("SELECT GTID_SUBTRACT('%s', '%s')" % (executed, lost))
        well.replica.execute("SET GLOBAL gtid_purged = '%s'" % without)
        with Writer(well.source, rate=100):
            well.replica.start_replica("SQL_THREAD")
            well.replica.wait_until(
                "SELECT GTID_SUBSET('%s:%d', @@GLOBAL.gtid_executed)" % (uuid, int(last) + 2),
                what="what came after the hole",
            )
            repaired = play(well, "repair", tmp_path)
        assert repaired.code == 0, repaired.output
        assert (result(repaired)["applied"], result(repaired)["proof"]) == (["refetch"], "rows_proven")
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


@pytest.mark.every_engine
def test_a_silent_stall_is_told_from_a_healthy_replica(well: Pair, tmp_path: Path) -> None:
    if well.flavour_name != "mysql-9.7":
        pytest.skip("only MySQL 9.7 stalls in this way")
    with dropped(well):
        faults.silent_stall(well.lab)
        with Writer(well.source, rate=20):
            repaired = play(well, "repair", tmp_path)
        assert repaired.code == 0, repaired.output
        assert result(repaired)["steps"][0]["finding"] == "applier_stalled"
        assert (result(repaired)["applied"], result(repaired)["proof"]) == (["refetch"], "rows_proven")
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


def test_a_definition_that_differs_is_refused_and_nothing_is_written(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        well.replica.execute_unlogged("ALTER TABLE shop.t ADD COLUMN state VARCHAR(30) NOT NULL DEFAULT 'old'")
        well.source.execute(COLUMN)
        stops(well)
        before = state(well)
        refused = play(well, "repair", tmp_path)
        assert refused.code != 0
        assert state(well) == before
        assert "column_exists" in result(refused)["line"], result(refused)


@pytest.mark.modes("gtid")
def test_a_row_that_a_statement_meets_is_refused_and_the_reason_is_given(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        well.replica.execute_unlogged("INSERT INTO shop.t (id, v) VALUES (5000, 'local')")
        well.source.execute(
            "SET SESSION binlog_format = STATEMENT", "INSERT INTO shop.t (id, v) VALUES (5000, 'source')"
        )
        stops(well)
        before = state(well)
        refused = play(well, "repair", tmp_path)
        assert refused.code != 0 and state(well) == before
        assert "duplicate_row" in result(refused)["line"]
        assert "logged as a statement" in result(refused)["line"]


@pytest.mark.modes("position")
def test_threads_that_somebody_stopped_are_started_only_when_asked(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica()
    before = state(well)
    left = play(well, "repair", tmp_path)
    assert left.code != 0 and state(well) == before
    assert "repair_start_stopped=true" in result(left)["line"]
    started = play(well, "repair", tmp_path, repair_start_stopped="yes")
    assert started.code == 0, started.output
    assert result(started)["applied"] == ["start"]
    well.wait_same()


@pytest.mark.modes("gtid")
def test_an_applier_behind_a_lock_is_waited_for_and_nothing_is_reset(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        reader = well.replica.connect("root")
        with reader.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM shop.t")
            end = sync.target(well.source, gtid=False)
            # The position is counted on later than the commit.
            well.replica.wait_until(lambda: sync.applied(well.replica, "", end, gtid=False), what="the position")
            well.source.execute(COLUMN)
            well.replica.wait_until(
                "SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'Waiting for table metadata lock'"
            )
            before = well.status()
            waited = play(well, "repair", tmp_path, repair_timeout="4")
            after = well.status()
            assert waited.code != 0, waited.output
            assert result(waited)["applied"] == [] and result(waited)["verdict"] == "blocked", result(waited)
            for name in (well.words.sql_running, well.words.io_running, "Relay_Log_File", "Relay_Log_Pos"):
                assert before[name] == after[name]
            cursor.execute("COMMIT")
        reader.close()
        well.wait_same()


@pytest.mark.modes("position")
def test_a_delayed_replica_is_left_alone(well: Pair, tmp_path: Path) -> None:
    change(well, DELAY=3600)
    well.write(3)
    before = well.status()["SQL_Delay"]
    done = play(well, "repair", tmp_path)
    assert done.code == 0, done.output
    assert result(done)["applied"] == [] and well.status()["SQL_Delay"] == before
    change(well, DELAY=0)
    well.wait_same()


@pytest.mark.modes("gtid")
def test_a_plan_for_another_state_is_refused(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        well.replica.execute_unlogged(COLUMN)
        well.source.execute(COLUMN)
        stops(well)
        before = state(well)
        stale = play(well, "repair", tmp_path, "-e", json.dumps({"repair_state_id": {"replica": "0" * 64}}))
        assert stale.code != 0 and state(well) == before
        assert "The state has moved" in result(stale)["line"]
        looked = play(well, "diagnose", tmp_path)
        status = next(task.result for task in looked.tasks if task.name.endswith("Read the server"))
        bound = json.dumps({"repair_state_id": {"replica": status["state_id"]}})
        done = play(well, "repair", tmp_path, "-e", bound)
        assert done.code == 0, done.output
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


@pytest.mark.modes("position")
def test_two_names_for_one_server_are_refused(well: Pair, tmp_path: Path) -> None:
    before = state(well)
    refused = play(well, "repair", tmp_path, target="all")
    assert refused.code != 0 and state(well) == before
    assert "one and the same server" in refused.output


@pytest.mark.modes("gtid")
def test_a_wrong_password_is_said_plainly(well: Pair, tmp_path: Path) -> None:
    refused = play(well, "repair", tmp_path, replica_login_password="wrong-secret-0815")
    assert refused.code != 0
    assert "1045" in refused.output and login(well.replica)["login_host"] in refused.output


@pytest.mark.modes("gtid")
def test_undo_stops_what_a_repair_started(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica()
    assert play(well, "repair", tmp_path, repair_start_stopped="true").code == 0
    undone = play(well, "undo", tmp_path)
    assert undone.code == 0, undone.output
    assert set(threads(well).values()) == {"No"}
    assert not put_back(play(well, "undo", tmp_path))["changed"]
    well.replica.start_replica()
    well.wait_same()


@pytest.mark.modes("position")
def test_undo_never_takes_back_what_was_applied_and_says_so(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        well.replica.execute_unlogged(COLUMN)
        well.source.execute(COLUMN)
        stops(well)
        assert play(well, "repair", tmp_path).code == 0
        undone = play(well, "undo", tmp_path)
        assert undone.code == 0, undone.output
        assert put_back(undone)["not_restorable"], put_back(undone)
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


def put_back(run: Run) -> Dict[str, Any]:
    """What replica_undo returned in a run of the undo playbook."""
    return next(task.result for task in run.tasks if task.name.endswith("Put it back"))
