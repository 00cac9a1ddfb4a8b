# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""binlog_apply on real servers: transactions of one server are applied to another under their GTIDs, or undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import pytest
from integration import work_table
from integration.conftest import Pair
from integration.held import held
from integration.playbook import login, run_module
from integration.work_table import rows, trace
from lab import sync
from lab.accounts import ADMIN
from lab.compare import compare
from lab.server import Server
from lab.topology import Lab

table_of_its_own = work_table.table_of_its_own

Point = Tuple[str, int]


def apply(target: Server, donor: Server, check: bool = False, **options: Any) -> Dict[str, Any]:
    """Run the module on a server, with another (or itself) as the donor."""
    return run_module("binlog_apply", target, {"donor": login(donor), **options}, check=check)


def between(start: Point, end: Point) -> Dict[str, Any]:
    """Options that name the transactions between two points of the donor's binlog."""
    return {"from": {"file": start[0], "position": start[1]}, "to": {"file": end[0], "position": end[1]}}


def transaction(server: Server, *statements: str) -> None:
    """One transaction; on MariaDB in a domain of its own, as local writes of a replica should be."""
    with server.connect("root", autocommit=False) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def local(pair: Pair) -> List[str]:
    """What a session that writes on the replica sets before."""
    return ["SET SESSION gtid_domain_id = 7"] if pair.is_mariadb else []


def errant(pair: Pair, *transactions: Sequence[str]) -> str:
    """Write these transactions on the replica; their GTIDs."""
    before = pair.replica.gtid_position()
    for statements in transactions:
        transaction(pair.replica, *local(pair), *statements)
    return sync.since(pair.replica, before)


WRITES = (
    ("UPDATE shop.w SET v = 'uno' WHERE id = 1", "INSERT INTO shop.w VALUES (10, 'ten', 10)"),
    (
        "DELETE FROM shop.w WHERE id = 2",
        "UPDATE shop.w SET n = 33 WHERE id = 3",
        "UPDATE shop.w SET id = 5 WHERE id = 4",
    ),
    ("UPDATE shop.w SET v = 'UNO', n = 3 WHERE id = 1",),
)


@pytest.mark.modes("gtid")
@pytest.mark.every_engine
def test_errant_transactions_are_replayed_on_the_source(work: Pair, tmp_path: Path) -> None:
    gtids = errant(work, *WRITES)
    options = {"gtids": gtids, "record_dir": str(tmp_path), "allow_source_write": True}
    before, old = trace(work.source), rows(work.source)
    refused = apply(work.source, work.replica, gtids=gtids, record_dir=str(tmp_path))
    assert refused["failed"] and refused["code"] == "refused" and "allow_source_write" in refused["msg"], refused
    plan = apply(work.source, work.replica, check=True, **options)
    assert plan["changed"] and not plan["executed"] and not list(tmp_path.iterdir()), plan
    assert [one["state"] for one in plan["transactions"]] == ["applied"] * 3 and plan["rows"] == 6, plan
    assert trace(work.source) == before and rows(work.source) == old
    done = apply(work.source, work.replica, **options)
    assert not done["failed"] and done["changed"] and done["queries"] == plan["queries"], done
    assert "uno" not in json.dumps(done)
    assert rows(work.source) == rows(work.replica)
    work.wait_same()
    if work.is_mariadb:
        assert gtids.rsplit(",", maxsplit=1)[-1] in work.source.value("SELECT @@GLOBAL.gtid_binlog_pos")
    else:
        assert work.source.value("SELECT @@GLOBAL.gtid_executed") == work.replica.value("SELECT @@GLOBAL.gtid_executed")
    after = trace(work.source)
    again = apply(work.source, work.replica, **options)
    assert not again["failed"] and not again["changed"] and again["queries"] == [], again
    assert trace(work.source) == after


@pytest.mark.modes("gtid")
def test_errant_transactions_are_rolled_back_on_the_replica(work: Pair, tmp_path: Path) -> None:
    gtids = errant(work, *WRITES)
    work.replica.stop_replica("SQL_THREAD")
    before = trace(work.replica)
    options = {"gtids": gtids, "record_dir": str(tmp_path), "direction": "reverse"}
    plan = run_module("binlog_apply", work.replica, options, check=True)
    assert plan["changed"] and rows(work.replica) != rows(work.source), plan
    done = run_module("binlog_apply", work.replica, options)
    assert not done["failed"] and done["changed"] and done["queries"] == plan["queries"], done
    assert rows(work.replica) == rows(work.source) and trace(work.replica) == before
    again = run_module("binlog_apply", work.replica, options)
    assert not again["failed"] and not again["changed"] and [t["state"] for t in again["transactions"]] == ["done"] * 3
    kept = json.loads(Path(done["record"]).read_text(encoding="utf-8"))["details"]["rows"]["tables"][0]["rows"]
    assert {row["key"]["id"]: row["before"] for row in kept}[1] == {"id": 1, "v": "UNO", "n": 3}
    work.replica.start_replica()
    work.wait_same()


def states(result: Dict[str, Any]) -> List[str]:
    return [one["state"] for one in result["transactions"]]


@pytest.mark.modes("position")
def test_conflicts_are_listed_and_nothing_is_applied(work: Pair, tmp_path: Path) -> None:
    """Rows are changed behind the replica's back; a row that is what a transaction made of it counts as done."""
    work.replica.stop_replica("SQL_THREAD")
    start = work.source.coordinates()
    for statements in WRITES:
        transaction(work.source, *statements)
    options = {**between(start, work.source.coordinates()), "record_dir": str(tmp_path)}
    work.replica.execute_unlogged(
        "UPDATE shop.w SET v = 'local' WHERE id = 1", "DELETE FROM shop.w WHERE id = 2",
        "INSERT INTO shop.w VALUES (5, 'mine', 50)",
    )  # fmt: skip
    before, old = trace(work.replica), rows(work.replica)
    told = apply(work.replica, work.source, on_conflict="list", **options)
    assert not told["failed"] and not told["changed"] and told["queries"] == [], told
    found = {(one["key"]["id"], one["difference"], tuple(one["columns"])) for one in told["conflicts"]}
    assert found == {(1, "changed", ("v",)), (5, "surplus", ())} and told["conflict_count"] == 2, told
    assert all(one["found"] is None and one["expected"] is None for one in told["conflicts"])
    failed = apply(work.replica, work.source, **options)
    assert failed["failed"] and failed["code"] == "refused" and failed["conflicts"] == told["conflicts"], failed
    shown = apply(work.replica, work.source, on_conflict="list", show_rows="full", **options)["conflicts"]
    assert {one["key"]["id"]: one["found"]["v"] for one in shown} == {1: "local", 5: "mine"}
    none = apply(work.replica, work.source, on_conflict="list", show_rows="none", **options)
    assert [one["key"] for one in none["conflicts"]] == [None, None] and "local" not in json.dumps(none)
    assert trace(work.replica) == before and rows(work.replica) == old and not list(tmp_path.iterdir())
    work.replica.execute_unlogged("UPDATE shop.w SET v = 'one' WHERE id = 1", "DELETE FROM shop.w WHERE id = 5")
    done = apply(work.replica, work.source, **options)
    assert not done["failed"] and done["changed"] and rows(work.replica) == rows(work.source), done
    assert not apply(work.replica, work.source, **options)["changed"]
    back = apply(work.replica, work.source, direction="reverse", **options)
    assert not back["failed"] and rows(work.replica)[0] == {"id": 1, "v": "one", "n": 1}, back
    if not work.is_mariadb:  # which numbers every transaction, so that these count as executed
        again = apply(work.replica, work.source, **options)
        assert not again["failed"] and states(again) == ["applied"] * 3, again
        assert not apply(work.replica, work.source, direction="reverse", **options)["failed"]
    work.replica.start_replica()
    work.wait_same()


@pytest.mark.modes("gtid")
def test_a_replay_that_was_killed_is_finished_by_the_next(work: Pair, tmp_path: Path) -> None:
    gtids = errant(work, *WRITES)
    options = {"donor": login(work.replica), "gtids": gtids, "record_dir": str(tmp_path / "records"),
               "allow_source_write": True}  # fmt: skip
    if work.is_mariadb:
        first = int(gtids.split(",", maxsplit=1)[0].split("-")[2])
        second = "gtid_domain_id = 7, server_id = %s, gtid_seq_no = %d" % (gtids.split("-")[1], first + 1)
    else:
        uuid, numbers = gtids.rsplit(":", 1)
        second = "gtid_next = '%s:%d'" % (uuid, int(numbers.split("-")[0]) + 1)

    def replay(environment: Dict[str, str]) -> Dict[str, Any]:
        return run_module("binlog_apply", work.source, options, environment=environment)

    with held(tmp_path / "hold", "SET SESSION " + second, replay) as running:
        assert "signal" in running.kill()
    assert {"id": 10, "v": "ten", "n": 10} in rows(work.source) and rows(work.source) != rows(work.replica)
    done = run_module("binlog_apply", work.source, options)
    assert not done["failed"] and done["changed"] and rows(work.source) == rows(work.replica), done
    assert states(done)[-2:] == ["applied", "applied"] and "applied" not in states(done)[:-2]
    assert not run_module("binlog_apply", work.source, options)["changed"]
    work.wait_same()


@pytest.mark.modes("gtid")
def test_a_roll_back_that_ends_at_a_lock_is_finished_by_the_next(work: Pair, tmp_path: Path) -> None:
    options = {"gtids": errant(work, *WRITES), "direction": "reverse", "record_dir": str(tmp_path)}
    work.replica.stop_replica("SQL_THREAD")
    with work.replica.connect("root", autocommit=False) as blocker, blocker.cursor() as cursor:
        cursor.execute("SELECT * FROM shop.w WHERE id = 3 FOR UPDATE")
        stopped = run_module("binlog_apply", work.replica, options)
    assert stopped["failed"] and stopped["changed"] and stopped["errno"] == 1205, stopped
    assert rows(work.replica)[0] == {"id": 1, "v": "uno", "n": 1}
    done = run_module("binlog_apply", work.replica, options)
    assert not done["failed"] and states(done) == ["done", "applied", "applied"], done
    assert rows(work.replica) == rows(work.source)
    work.replica.start_replica()
    work.wait_same()


CONTEXT = (
    "SET SESSION sql_mode = 'ANSI_QUOTES', character_set_client = latin1, time_zone = '-05:00'",
    "CREATE TABLE shop.made (\"id\" INT AUTO_INCREMENT PRIMARY KEY, t TIMESTAMP NULL, v VARCHAR(60) DEFAULT 'é')"
    " ENGINE=InnoDB CHARSET=utf8mb4",
    "SET SESSION sql_mode = '', character_set_client = utf8mb4",
    "INSERT INTO shop.made (t, v) VALUES (NOW(), 'row event')",
    "ALTER TABLE shop.made ADD COLUMN n BIGINT UNSIGNED NOT NULL DEFAULT 7, ADD KEY (n)",
    "INSERT INTO shop.made (v, n) VALUES ('后来', 18446744073709551615)",
    "SET SESSION binlog_format = STATEMENT, auto_increment_increment = 10, auto_increment_offset = 3",
    "SET @v = 'häß', @n = 12.50, @i = -3, @r = 1e100, @x = NULL, @big = CAST(18446744073709551615 AS UNSIGNED)",
    "INSERT INTO shop.made (t, v, n) VALUES (NOW(), @v, @big)",
    "INSERT INTO shop.made (t, v) VALUES (FROM_UNIXTIME(1000000000), CONCAT(@n, '/', @i, '/', @r, IFNULL(@x, '-')))",
    "INSERT INTO shop.made (v, n) SELECT RAND(), 1000000 * RAND()",
    "INSERT INTO shop.made (v) VALUES (LAST_INSERT_ID())",
    "SET SESSION foreign_key_checks = 0, unique_checks = 0",
    "CREATE TABLE shop.orphan (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES shop.nowhere (id)) ENGINE=InnoDB",
    "SET SESSION foreign_key_checks = 1, unique_checks = 1, binlog_format = ROW",
    "CREATE VIEW shop.seen AS SELECT id FROM shop.made",
    "CREATE PROCEDURE shop.p () SELECT 'é'",
    "DELETE FROM shop.made WHERE v = 'row event'",
    "DROP VIEW shop.seen",
)


def test_definitions_and_statements_are_applied_in_the_session_they_ran_in(
    flavour: str, lab_of: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = lab_of(flavour, "pair", gtid=True, seed=["CREATE DATABASE shop"])
    lab.replica.stop_replica()
    start = lab.source.coordinates()
    with lab.source.connect("root", charset="utf8mb4") as connection, connection.cursor() as cursor:
        for statement in CONTEXT:
            cursor.execute(statement)
    options = {**between(start, lab.source.coordinates()), "record_dir": str(tmp_path), "donor": login(lab.source)}
    plan = run_module("binlog_apply", lab.replica, options, check=True, account=ADMIN)
    assert not plan["failed"] and plan["changed"] and "waiting" in states(plan), plan
    assert any("CREATE TABLE shop.made" in query for query in plan["queries"]), plan["queries"]
    done = run_module("binlog_apply", lab.replica, options, account=ADMIN)
    assert not done["failed"] and set(states(done)) == {"applied"}, done
    assert compare(lab.source, lab.replica) == [] and len(rows(lab.replica, "shop.made")) == 5
    assert not run_module("binlog_apply", lab.replica, options, account=ADMIN)["changed"]
    before = trace(lab.replica)
    back = run_module("binlog_apply", lab.replica, {**options, "direction": "reverse"}, account=ADMIN)
    assert back["failed"] and back["code"] == "refused" and "no inverse" in back["msg"], back
    assert trace(lab.replica) == before
    if lab.flavour.is_mariadb:  # its channel goes by gtid_slave_pos alone, and would fetch them again
        return
    lab.replica.start_replica()
    lab.source.execute("INSERT INTO shop.made (v) VALUES ('last')")
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []


def kept_in_sync(pair: Pair, *statements: str) -> None:
    pair.source.execute(*statements)
    pair.lab.wait_in_sync()


@pytest.fixture(name="family")
def family_of(work: Pair) -> Pair:
    """Tables with a foreign key between them."""
    kept_in_sync(
        work,
        "CREATE TABLE shop.parent (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE shop.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.parent (id))",
        "INSERT INTO shop.parent VALUES (1, 1), (2, 2)",
        "INSERT INTO shop.child VALUES (1, 1)",
    )
    return work


@pytest.mark.modes("gtid")
def test_rows_that_others_reference_are_not_removed(family: Pair, tmp_path: Path) -> None:
    gtids = errant(
        family,
        ["INSERT INTO shop.parent VALUES (3, 3)", "INSERT INTO shop.child VALUES (3, 3)"],
        ["DELETE FROM shop.child WHERE id = 1", "DELETE FROM shop.parent WHERE id = 1"],
    )
    family.replica.stop_replica("SQL_THREAD")
    options = {"gtids": gtids, "direction": "reverse", "record_dir": str(tmp_path)}
    before = trace(family.replica)
    family.replica.execute_unlogged("INSERT INTO shop.child VALUES (4, 3)")
    refused = run_module("binlog_apply", family.replica, options)
    assert refused["failed"] and "shop.child reference rows of shop.parent" in refused["msg"], refused
    family.replica.execute_unlogged("DELETE FROM shop.child WHERE id = 4")
    # The second transaction alone, forward, on the source: there its parent has a child that the replica never saw.
    family.source.execute("INSERT INTO shop.child VALUES (9, 1)")
    wish = {"gtids": gtids, "record_dir": str(tmp_path), "allow_source_write": True}
    refused = apply(family.source, family.replica, **wish)
    assert refused["failed"] and "shop.child reference rows of shop.parent" in refused["msg"], refused
    family.source.execute("DELETE FROM shop.child WHERE id = 9")
    assert rows(family.replica, "shop.parent") != rows(family.source, "shop.parent") and not list(tmp_path.iterdir())
    done = run_module("binlog_apply", family.replica, options)
    assert not done["failed"] and done["rows"] == 4, done
    for table in ("shop.parent", "shop.child"):
        assert rows(family.replica, table) == rows(family.source, table)
    assert trace(family.replica) == before
    family.replica.start_replica()
    family.wait_same()


@pytest.mark.modes("gtid")
def test_what_a_foreign_key_did_without_a_word_is_not_rolled_back(work: Pair, tmp_path: Path) -> None:
    kept_in_sync(
        work,
        "CREATE TABLE shop.parent (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE shop.child (id INT PRIMARY KEY, p INT,"
        " FOREIGN KEY (p) REFERENCES shop.parent (id) ON DELETE CASCADE) ENGINE=InnoDB",
        "INSERT INTO shop.parent VALUES (1, 1), (2, 2)",
        "INSERT INTO shop.child VALUES (1, 1), (2, 2), (3, 2)",
    )
    gtids = errant(work, ["DELETE FROM shop.parent WHERE id = 2"])
    work.replica.stop_replica("SQL_THREAD")
    before = trace(work.replica)
    done = run_module(
        "binlog_apply", work.replica, {"gtids": gtids, "direction": "reverse", "record_dir": str(tmp_path)}
    )
    if work.flavour_name == "mysql-9.7":  # which logs what foreign keys do
        assert not done["failed"] and rows(work.replica, "shop.child") == rows(work.source, "shop.child"), done
    else:
        assert done["failed"] and "foreign key may have changed its rows" in done["msg"], done
        assert len(rows(work.replica, "shop.parent")) == 1 and trace(work.replica) == before


@pytest.mark.modes("gtid")
def test_it_is_refused_where_it_must_not_be_done(work: Pair, tmp_path: Path) -> None:
    gtids = errant(work, *WRITES)
    back = {"gtids": gtids, "direction": "reverse", "record_dir": str(tmp_path)}
    before = trace(work.replica), trace(work.source), rows(work.replica), rows(work.source)

    def refused(server: Server, words: str, **options: Any) -> None:
        told = run_module("binlog_apply", server, {**back, **options})
        assert told["failed"] and not told["changed"] and words in told["msg"], told

    refused(work.replica, "its applier runs")
    refused(work.source, "servers replicate from it", donor=login(work.replica))
    refused(work.source, "servers replicate from it", donor=login(work.replica), allow_source_write=True)
    work.replica.stop_replica("SQL_THREAD")
    refused(work.replica, "max_transactions", max_transactions=2)
    refused(work.replica, "max_rows", max_rows=5)
    refused(work.replica, "record", record_dir=None)
    refused(work.replica, "not in the state", state_id="0" * 64)
    refused(work.replica, "neither by GTIDs nor by coordinates", gtids=None)
    refused(work.replica, "gtids", gtids="nonsense")
    refused(work.replica, "No server is named", direction="forward")
    refused(work.replica, "is this server itself", direction="forward", donor=login(work.replica))
    assert before == (trace(work.replica), trace(work.source), rows(work.replica), rows(work.source))
    done = run_module("binlog_apply", work.replica, back)
    assert not done["failed"] and rows(work.replica) == rows(work.source), done


@pytest.mark.modes("gtid")
@pytest.mark.pairs("mysql-9.7-gtid")
def test_tagged_transactions_under_super_read_only(work: Pair, tmp_path: Path) -> None:
    before = work.replica.gtid_position()
    for number, statements in enumerate(WRITES):
        transaction(work.replica, "SET SESSION gtid_next = 'AUTOMATIC:App%d'" % (number % 2), *statements)
    gtids = sync.since(work.replica, before)
    assert ":app0:1-2:app1:1" in gtids
    named = {"gtids": gtids, "record_dir": str(tmp_path)}
    wish = {**named, "allow_source_write": True, "donor": login(work.replica)}
    forward = run_module("binlog_apply", work.source, wish, account=ADMIN)
    assert not forward["failed"] and rows(work.source) == rows(work.replica), forward
    assert sync.since(work.source, work.replica.gtid_position()) == ""
    work.wait_same()
    work.replica.stop_replica()
    work.replica.execute("SET GLOBAL super_read_only = 1")
    try:
        back = run_module("binlog_apply", work.replica, {**named, "direction": "reverse"})
        assert int(work.replica.value("SELECT @@GLOBAL.super_read_only")) == 1
    finally:
        work.replica.execute("SET GLOBAL super_read_only = 0, GLOBAL read_only = 0")
    assert not back["failed"] and rows(work.replica)[0] == {"id": 1, "v": "one", "n": 1}, back
    undone = run_module("replica_undo", work.replica, {"record": back["record"], "record_dir": str(tmp_path)})
    assert not undone["failed"] and rows(work.replica) == rows(work.source), undone
    work.replica.start_replica()
    work.wait_same()
