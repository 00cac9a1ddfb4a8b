# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Row conflicts on real servers: `repair` makes the rows what the applier expects, or refuses and changes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import pymysql
import pytest
from integration.conflicts import CONFLICTS, GENERATED, HEALABLE, HEALED, Conflict
from integration.conftest import SEED, Pair
from integration.held import held
from integration.playbook import Run, run_module, run_playbook
from integration.test_repair import dropped, host, play, queries, result, state, stops
from lab.compare import compare
from lab.server import Server
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
SETTINGS: Tuple[Tuple[bool, int], ...] = ((True, 4), (False, 4), (True, 1), (False, 1))


def settings(name: str) -> Sequence[Tuple[bool, int]]:
    """GTIDs or not and the number of appliers: all of them in the full matrix, else one."""
    return SETTINGS if FULL else (SETTINGS[zlib.crc32(name.encode()) % len(SETTINGS)],)


class Broken(Pair):
    """A pair of its own whose replica stands at the first of some conflicts."""

    def __init__(self, lab: Lab, conflicts: Sequence[Conflict], binlog_format: str = "ROW") -> None:
        self.lab, self.flavour_name, self.mode = lab, lab.flavour.name, "gtid" if lab.gtid else "position"
        for conflict in conflicts:
            conflict.prepare_on(lab.source)
        if conflicts:
            lab.wait_in_sync()
        for conflict in conflicts:
            conflict.break_on(lab.replica)
        for conflict in conflicts:
            conflict.go_on(lab.source, binlog_format)
        self.stopped()

    def stopped(self) -> None:
        stops(self)

    def heal(self, folder: Path, which: str = "failing", check: bool = False, **more: Any) -> Dict[str, Any]:
        """The module alone."""
        options = {"transactions": {"which": which}, "state": "healed", "record_dir": str(folder), **more}
        return run_module("row_repair", self.replica, options, check=check)

    def goes_on(self) -> None:
        """The applier applies what is left, and all rows are equal."""
        self.replica.start_replica("SQL_THREAD")
        self.lab.wait_in_sync()
        assert compare(self.source, self.replica) == []


@contextlib.contextmanager
def touching(source: Server, tables: Sequence[str]) -> Iterator[None]:
    """Somebody goes on writing the tables' rows on the source."""
    done = threading.Event()

    def write() -> None:
        with source.connect("root") as connection, connection.cursor() as cursor:
            number = 0
            while not done.wait(0.05):
                with contextlib.suppress(pymysql.MySQLError):
                    cursor.execute("UPDATE shop.%s SET n = n + 1 WHERE id = 3" % tables[number % len(tables)])
                number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_every_kind_of_row_conflict_is_healed(flavour: str, tmp_path: Path) -> None:
    conflicts = [CONFLICTS[name] for name in HEALABLE] + ([] if flavour == "mysql-5.6" else [GENERATED])
    for gtid, workers in settings(flavour):
        with Lab(flavour, gtid=gtid, seed=SEED, workers=workers) as lab:
            pair = Broken(lab, conflicts)
            before = state(pair)
            planned = play(pair, "repair", tmp_path, "--check", "--diff")
            assert planned.code == 0, planned.output
            assert state(pair) == before
            with touching(lab.source, [conflict.name for conflict in conflicts]):
                repaired = play(pair, "repair", tmp_path)
            assert repaired.code == 0, repaired.output
            ended = result(repaired)
            assert ended["proof"] == "rows_proven", ended
            assert ended["applied"] == ["heal_failing", "heal_pending"], ended
            assert queries(planned) == list(ended["steps"][0]["queries"])
            lab.wait_in_sync()
            assert compare(lab.source, lab.replica) == []
            if not pair.is_mariadb and gtid:
                own = str(lab.replica.value("SELECT @@server_uuid"))
                assert own not in lab.replica.gtid_position(), "healing wrote transactions of its own"


@pytest.mark.skipif(not FULL, reason="each conflict alone belongs to the full matrix")
@pytest.mark.parametrize("name", sorted(CONFLICTS))
def test_a_conflict_alone_is_healed_or_refused(flavour: str, name: str, tmp_path: Path) -> None:
    conflict = CONFLICTS[name]
    for gtid, workers in SETTINGS:
        with Lab(flavour, gtid=gtid, seed=SEED, workers=workers) as lab:
            pair = Broken(lab, [conflict])
            before = state(pair)
            done = play(pair, "repair", tmp_path)
            if conflict.outcome == HEALED:
                assert done.code == 0, done.output
                lab.wait_in_sync()
                assert compare(lab.source, lab.replica) == []
            else:
                assert done.code != 0 and state(pair) == before
                assert conflict.why in result(done)["line"], result(done)


@pytest.mark.parametrize("name", sorted(name for name in CONFLICTS if CONFLICTS[name].outcome != HEALED))
def test_what_no_row_can_tell_is_refused_with_the_reason(well: Pair, name: str, tmp_path: Path) -> None:
    with dropped(well):
        pair = Broken(well.lab, [CONFLICTS[name]])
        before = state(pair)
        for which in ("failing", "pending"):
            refused = pair.heal(tmp_path, which)
            assert refused["failed"] and refused["code"] == "refused", refused
            assert CONFLICTS[name].why in refused["msg"] and not refused.get("changed"), refused
        assert state(pair) == before and not list(tmp_path.iterdir())


def test_statements_are_refused_and_what_is_needed_is_said(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        pair = Broken(well.lab, [CONFLICTS["partial"]], "STATEMENT")
        before = state(pair)
        refused = pair.heal(tmp_path)
        assert refused["failed"] and refused["code"] == "refused", refused
        assert "logged as a statement" in refused["msg"] and "reposition" in refused["msg"], refused
        assert state(pair) == before and not list(tmp_path.iterdir())


@pytest.mark.every_engine
def test_a_heal_that_was_rolled_back_is_not_shown_as_applied(well: Pair, tmp_path: Path) -> None:
    well.replica.execute_unlogged("INSERT INTO shop.t (id, v) VALUES (900001, 'mine')")
    well.source.execute("INSERT INTO shop.t (id, v) VALUES (900001, 'theirs')")
    stops(well)

    def work(environment: Dict[str, str]) -> Run:
        given = {"target": "replica", "repair_record_dir": str(tmp_path / "records")}
        inventory = {"all": {"hosts": {"replica": host(well.replica)}}}
        return run_playbook("replicaops.mysql.repair", inventory, ["-e", json.dumps(given)], environment=environment)

    with held(tmp_path / "held", "BINLOG", work) as there:
        well.replica.execute_unlogged("UPDATE shop.t SET v = 'somebody else' WHERE id = 900001")
        failed = there.release()
    ended = result(failed)
    assert failed.code != 0 and "The repair failed" in ended["line"], failed.output
    assert ended["applied"] == [] and len(ended["rolled_back"]) == 1 and ended["steps"][0]["rolled_back"], ended
    assert ended["steps"][0]["records"] and "Rolled back:" in failed.output, failed.output
    assert well.replica.value("SELECT v FROM shop.t WHERE id = 900001") == "somebody else"
    repaired = play(well, "repair", tmp_path / "records")
    assert repaired.code == 0 and result(repaired)["applied"] == ended["rolled_back"], repaired.output
    assert result(repaired)["rolled_back"] == []
    well.lab.wait_in_sync()
    assert compare(well.source, well.replica) == []


@pytest.mark.every_engine
def test_the_failing_transaction_alone_is_healed_and_who_wrote_the_row_is_said(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        logged = Conflict("logged", CONFLICTS["mixed"].prepare, (), CONFLICTS["mixed"].transactions)
        logged.prepare_on(well.source)
        well.lab.wait_in_sync()
        well.replica.execute("INSERT INTO shop.logged VALUES (9, 'by an application', 9)")
        mine = well.replica.coordinates()
        well.replica.execute_unlogged("DELETE FROM shop.logged WHERE id = 2")
        logged.go_on(well.source)
        pair = Broken(well.lab, [])
        before = state(pair)
        planned = pair.heal(tmp_path, check=True)
        assert planned["changed"] and planned["healed"] == 2 and state(pair) == before, planned
        done = pair.heal(tmp_path, show_rows="keys")
        assert not done["failed"] and done["queries"] == planned["queries"] and done["proof"] == "rows_proven", done
        assert (done["transactions"], done["left"]) == (1, "") and "by an application" not in json.dumps(done)
        origins = {row["key"]["id"]: row["origin"] for row in done["different"]}
        assert origins[2] is None, "a delete that is in no binlog has no origin"
        found = origins[9]
        assert found["local"] and found["server_id"] == int(str(well.replica.value("SELECT @@server_id"))), found
        assert found["change"] == "write" and (found["file"], found["position"]) < mine
        assert (found["gtid"] or well.mode == "position") and found["time"] in done["msg"], done["msg"]
        again = pair.heal(tmp_path)
        assert not again["failed"] and not again["changed"] and again["queries"] == [], again
        well.replica.start_replica("SQL_THREAD")
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


def test_rows_are_healed_up_to_a_definition_and_then_behind_it(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        first = CONFLICTS["dup1062"]
        first.prepare_on(well.source)
        well.lab.wait_in_sync()
        first.break_on(well.replica)
        well.replica.execute_unlogged("INSERT INTO shop.dup1062 VALUES (11, 'local', 11)")
        first.go_on(well.source)
        well.source.execute(
            "ALTER TABLE shop.dup1062 ADD COLUMN later INT, MODIFY v VARCHAR(50)",
            "INSERT INTO shop.dup1062 VALUES (11, 'source', 11, 1)",
        )
        pair = Broken(well.lab, [])
        done = pair.heal(tmp_path, "pending")
        assert not done["failed"] and done["healed"] == 1 and "definition" in done["left"], done
        well.replica.start_replica("SQL_THREAD")
        well.replica.wait_until("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_NAME = 'dup1062'"
                                " AND COLUMN_NAME = 'later'")  # fmt: skip
        pair.stopped()
        done = pair.heal(tmp_path, "pending")
        assert not done["failed"] and done["healed"] == 1 and done["left"] == "", done
        pair.goes_on()


def test_more_than_is_allowed_at_once_is_left_for_the_next_call(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        conflicts = [CONFLICTS[name] for name in ("dup1062", "upd1032", "mixed")]
        pair = Broken(well.lab, conflicts)
        for left in (True, True, False):
            done = pair.heal(tmp_path, "pending", max_transactions=1)
            assert not done["failed"] and done["healed"] >= 1 and bool(done["left"]) == left, done
            well.replica.start_replica("SQL_THREAD")
            if left:
                pair.stopped()
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


@pytest.mark.every_engine
def test_a_thousand_conflicts_are_healed_in_one_call(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        well.source.execute("CREATE TABLE shop.many (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
        well.lab.wait_in_sync()
        rows = ", ".join("(%d, 'local')" % number for number in range(1000))
        well.replica.execute_unlogged("INSERT INTO shop.many VALUES " + rows)
        well.source.execute(*["INSERT INTO shop.many VALUES (%d, 'source')" % number for number in range(1000)])
        pair = Broken(well.lab, [])
        done = pair.heal(tmp_path, "pending")
        assert not done["failed"] and done["healed"] == done["transactions"] == 1000, done["msg"]
        assert len([query for query in done["queries"] if query.startswith("BINLOG")]) == 2
        pair.goes_on()


STEPS: List[str] = [
    "SET GLOBAL super_read_only = 0", "SET SESSION sql_log_bin = 0", "BINLOG", "START TRANSACTION", "COMMIT",
    "SET GLOBAL super_read_only = 1", "SET SESSION sql_log_bin = 1",
]  # fmt: skip


@pytest.mark.pairs("mysql-9.7-gtid")
@pytest.mark.parametrize("statement", STEPS if FULL else ["COMMIT", "SET GLOBAL super_read_only = 1"])
def test_a_run_that_was_killed_is_finished_by_the_next_one(well: Pair, statement: str, tmp_path: Path) -> None:
    with dropped(well):
        pair = Broken(well.lab, [CONFLICTS["mixed"]])
        well.replica.execute("SET GLOBAL super_read_only = 1")
        options = {"transactions": {"which": "failing"}, "state": "healed", "record_dir": str(tmp_path / "records")}

        def work(environment: Dict[str, str]) -> Dict[str, Any]:
            return run_module("row_repair", well.replica, options, environment=environment)

        with held(tmp_path / "held", statement, work) as there:
            assert there.kill()["signal"] == 9
        done = pair.heal(tmp_path / "records")
        assert not done["failed"] and done["proof"] == "rows_proven", done
        assert int(str(well.replica.value("SELECT @@GLOBAL.super_read_only"))) == 1
        again = pair.heal(tmp_path / "records")
        assert not again["failed"] and not again["changed"], again
        pair.goes_on()


def test_only_the_channel_that_failed_is_touched(flavour: str, tmp_path: Path) -> None:
    if flavour == "mysql-5.6":
        pytest.skip("MySQL 5.6 has one channel only")
    with Lab(flavour, "multi", gtid=settings(flavour)[0][0], seed=SEED) as lab:
        first, second = lab.links
        other, words = lab.servers[second.source], lab.flavour.words
        other.execute("CREATE DATABASE elsewhere", "CREATE TABLE elsewhere.t (id INT PRIMARY KEY)")
        conflict = CONFLICTS["mixed"]
        conflict.prepare_on(lab.source)
        lab.wait_in_sync()
        conflict.break_on(lab.replica)
        conflict.go_on(lab.source)
        lab.replica.wait_until(lambda: lab.status(first)[words.sql_running] == "No", what="the applier to stop")
        options = {"transactions": {"which": "failing"}, "state": "healed", "record_dir": str(tmp_path)}
        done = run_module("row_repair", lab.replica, {**options, "channel": first.channel})
        assert not done["failed"] and done["healed"] == 2, done
        row = lab.status(second)
        assert (row[words.io_running], row[words.sql_running]) == ("Yes", "Yes")
        lab.replica.start_replica("SQL_THREAD", channel=first.channel)
        other.execute("INSERT INTO elsewhere.t VALUES (1)")
        lab.wait_in_sync()
        assert lab.replica.query("SELECT * FROM elsewhere.t") == [{"id": 1}]
        for table in ("shop.mixed", "shop.t"):
            assert lab.replica.query("SELECT * FROM " + table) == lab.source.query("SELECT * FROM " + table)
