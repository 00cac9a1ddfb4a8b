# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""row_repair on real servers: rows that transactions touched become the source's images of them, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import ReplicaError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair import HEALED, Wish
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change, row_repair
from integration import work_table
from integration.conftest import Pair
from integration.looking import login
from integration.playbook import run_module
from integration.work_table import rows, trace
from lab import sync
from lab.server import Server
from lab.topology import Lab

table_of_its_own = work_table.table_of_its_own

Point = Tuple[str, int]


def repair(pair: Pair, start: Point, end: Point, check: bool = False, **options: Any) -> Dict[str, Any]:
    """Run the module over a range of the source's binlog."""
    named = {"from": _part(start), "to": _part(end)}
    return run_module("row_repair", pair.replica, {"transactions": named, **options}, check=check)


def _part(point: Point) -> Dict[str, Any]:
    return {"file": point[0], "position": point[1]}


def at(pair: Pair) -> Point:
    return pair.source.coordinates()


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


@pytest.mark.every_engine
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


@pytest.mark.every_engine
def test_what_was_written_is_put_back_where_nobody_changed_it_since(work: Pair, tmp_path: Path) -> None:
    start, end = changes(work)
    moved_back(work)
    wrong, before = rows(work.replica), trace(work.replica)
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert not done["failed"] and rows(work.replica) == rows(work.source), done
    work.replica.execute_unlogged("UPDATE shop.w SET v = 'since' WHERE id = 1")
    told = run_module("replica_undo", work.replica, {"record": done["record"]}, check=True)
    assert told["changed"] and rows(work.replica) != wrong, told
    undone = run_module("replica_undo", work.replica, {"record": done["record"], "record_dir": str(tmp_path)})
    assert not undone["failed"] and undone["changed"] and undone["queries"] == told["queries"], undone
    assert undone["restored"] == ["3 rows of shop.w"] and "1 rows of shop.w" in " ".join(undone["not_restorable"])
    expected = [dict(row, v="since") if row["id"] == 1 else row for row in wrong]
    assert rows(work.replica) == expected and trace(work.replica) == before
    again = run_module("replica_undo", work.replica, {"record": done["record"]})
    assert not again["changed"] and again["queries"] == [], again
    assert repair(work, start, end, state="healed", record_dir=str(tmp_path))["proof"] == "rows_proven"


@pytest.mark.modes("position")
@pytest.mark.every_engine
def test_a_replica_restarted_at_an_old_position_is_made_whole(work: Pair, tmp_path: Path) -> None:
    start, end = changes(work)
    work.replica.stop_replica()
    moved_back(work)
    words = work.words
    for point in (start, None):
        if point is None:
            done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
            assert done["proof"] == "rows_proven" and rows(work.replica) == rows(work.source), done
            point = end
        work.replica.execute("%s TO %s_LOG_FILE = '%s', %s_LOG_POS = %d"
                             % (words.change, words.prefix, point[0], words.prefix, point[1]))  # fmt: skip
    work.replica.start_replica()
    work.source.execute("UPDATE shop.w SET v = 'last'")
    work.wait_same()
    assert rows(work.replica) == rows(work.source)


def test_what_the_replica_applied_later_is_not_taken_back(work: Pair, tmp_path: Path) -> None:
    start = at(work)
    work.source.execute("UPDATE shop.w SET v = 'a' WHERE id < 3")
    end = at(work)
    work.source.execute("UPDATE shop.w SET v = 'b' WHERE id = 1", "UPDATE shop.w SET v = 'c' WHERE id = 4")
    work.lab.wait_in_sync()
    work.replica.stop_replica("SQL_THREAD")
    work.source.execute("UPDATE shop.w SET v = 'not yet' WHERE id = 2")
    work.replica.execute_unlogged("UPDATE shop.w SET v = 'x' WHERE id IN (1, 2, 4)")
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert not done["failed"] and done["healed"] == 2 and done["compared"] == 2, done
    assert [row["v"] for row in rows(work.replica)] == ["b", "a", "three", "x"]
    work.replica.execute_unlogged("UPDATE shop.w SET v = 'c' WHERE id = 4")
    work.replica.start_replica()
    work.wait_same()


def test_rows_of_a_transaction_to_come_are_what_it_expects(work: Pair, tmp_path: Path) -> None:
    work.replica.stop_replica("SQL_THREAD")
    start = at(work)
    _transaction(
        work.source,
        "INSERT INTO shop.w VALUES (20, 'new', 20)",
        "UPDATE shop.w SET v = 'changed' WHERE id = 3",
        "UPDATE shop.w SET v = 'twice' WHERE id = 3",
    )
    end = at(work)
    work.replica.execute_unlogged("INSERT INTO shop.w VALUES (20, 'local', 21)", "DELETE FROM shop.w WHERE id = 3")
    done = repair(work, start, end, state="healed", point="applied", record_dir=str(tmp_path))
    assert not done["failed"] and done["healed"] == 2 and done["proof"] == "rows_proven", done
    assert [(row["id"], row["v"]) for row in rows(work.replica)] == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
    work.replica.start_replica()
    work.wait_same()
    assert rows(work.replica) == rows(work.source)


def _transaction(server: Server, *statements: str) -> None:
    with server.connect("root", autocommit=False) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def test_unique_values_that_were_swapped(work: Pair, tmp_path: Path) -> None:
    start = at(work)
    work.source.execute("UPDATE shop.w SET n = -id", "UPDATE shop.w SET n = 5 - id")
    end = at(work)
    work.lab.wait_in_sync()
    work.replica.stop_replica("SQL_THREAD")
    work.replica.execute_unlogged("UPDATE shop.w SET n = -id", "UPDATE shop.w SET n = id")
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert not done["failed"] and done["healed"] == 4 and rows(work.replica) == rows(work.source), done


def test_a_value_taken_by_a_row_that_was_not_touched_changes_nothing(work: Pair, tmp_path: Path) -> None:
    start, end = changes(work)
    work.replica.execute_unlogged("DELETE FROM shop.w WHERE id = 10", "INSERT INTO shop.w VALUES (99, 'mine', 3)")
    wrong, before = rows(work.replica), trace(work.replica)
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert done["failed"] and done["errno"] == 1062, done
    assert rows(work.replica) == wrong and trace(work.replica) == before
    assert json.loads(Path(done["record"]).read_text(encoding="utf-8"))["outcome"] == "failed"
    work.replica.execute_unlogged("DELETE FROM shop.w WHERE id = 99")
    assert repair(work, start, end, state="healed", record_dir=str(tmp_path))["proof"] == "rows_proven"


def test_rows_that_somebody_changes_meanwhile_are_left_alone(
    work: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, end = changes(work)
    moved_back(work)
    carry_out = row_repair.carry_out

    def late(*arguments: Any, **options: Any) -> Any:
        work.replica.execute_unlogged("UPDATE shop.w SET v = 'somebody' WHERE id = 1")
        return carry_out(*arguments, **options)

    monkeypatch.setattr(row_repair, "carry_out", late)
    wish = Wish(Coordinates(*start), Coordinates(*end), state=HEALED)
    options = change.Options("row_repair", "20260101T000000Z", record_dir=str(tmp_path))
    arguments = (login(work.replica, "repairer"), None, "write rows", options)
    with change.target(*arguments, samples=1) as aim, pytest.raises(ReplicaError, match="not what they were"):
        row_repair.repair(aim, wish, options, lambda channel: login(work.source, "repairer"))
    assert [row["v"] for row in rows(work.replica)] == ["somebody", "two", "three", "four"]


def test_children_are_not_touched_and_triggers_do_not_fire(work: Pair, tmp_path: Path) -> None:
    work.source.execute(
        "CREATE TABLE shop.parent (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE shop.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.parent (id)"
        " ON DELETE CASCADE ON UPDATE CASCADE) ENGINE=InnoDB",
        "INSERT INTO shop.parent VALUES (1, 1), (2, 2)",
        "INSERT INTO shop.child VALUES (1, 1), (2, 2)",
    )
    start = at(work)
    work.source.execute("UPDATE shop.parent SET v = v + 10")
    end = at(work)
    work.lab.wait_in_sync()
    work.replica.stop_replica("SQL_THREAD")
    work.replica.execute_unlogged(
        "CREATE TRIGGER shop.fires AFTER DELETE ON shop.parent FOR EACH ROW DELETE FROM shop.w",
        "UPDATE shop.parent SET v = 0",
    )
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    work.replica.execute_unlogged("DROP TRIGGER shop.fires")
    assert not done["failed"] and done["healed"] == 2, done
    for table in ("shop.parent", "shop.child", "shop.w"):
        assert rows(work.replica, table) == rows(work.source, table)


def test_rows_that_would_be_orphans_are_refused(work: Pair, tmp_path: Path) -> None:
    work.source.execute(
        "CREATE TABLE shop.parent (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE shop.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.parent (id))",
        "INSERT INTO shop.parent VALUES (1, 1), (2, 2)",
    )
    start = at(work)
    work.source.execute("DELETE FROM shop.parent WHERE id = 1")
    end = at(work)
    work.source.execute("INSERT INTO shop.child VALUES (5, 2)")
    last = at(work)
    work.lab.wait_in_sync()
    work.replica.stop_replica("SQL_THREAD")
    work.replica.execute_unlogged("INSERT INTO shop.parent VALUES (1, 7)", "INSERT INTO shop.child VALUES (1, 1)")
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert done["failed"] and done["code"] == "refused" and "shop.child reference" in done["msg"], done
    assert not done["changed"] and done["rolled_back"] and done["queries"] and done["record"], done
    assert len(rows(work.replica, "shop.parent")) == 2 and len(rows(work.replica, "shop.child")) == 2
    work.replica.execute_unlogged("DELETE FROM shop.child", "DELETE FROM shop.parent WHERE id = 2")
    done = repair(work, end, last, state="healed", record_dir=str(tmp_path))
    assert done["failed"] and done["code"] == "refused" and "shop.parent that are not there" in done["msg"], done
    work.replica.execute_unlogged("INSERT INTO shop.parent VALUES (2, 2)")
    assert repair(work, start, last, state="healed", record_dir=str(tmp_path))["proof"] == "rows_proven"


@pytest.mark.every_engine
def test_what_tables_without_transactions_keep_is_not_called_rolled_back(work: Pair, tmp_path: Path) -> None:
    work.source.execute(
        "CREATE TABLE shop.parent (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE shop.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.parent (id))",
        "CREATE TABLE shop.m (id INT PRIMARY KEY, v INT) ENGINE=MyISAM",
        "INSERT INTO shop.parent VALUES (2, 2)",
        "INSERT INTO shop.m VALUES (1, 1)",
    )
    start = at(work)
    work.source.execute("UPDATE shop.m SET v = 2", "INSERT INTO shop.child VALUES (5, 2)")
    end = at(work)
    work.lab.wait_in_sync()
    work.replica.stop_replica("SQL_THREAD")
    work.replica.execute_unlogged("UPDATE shop.m SET v = 9", "DELETE FROM shop.child", "DELETE FROM shop.parent")
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert done["failed"] and "All but what was written to shop.m was rolled back" in done["msg"], done
    assert done["changed"] and not done["rolled_back"], done
    assert rows(work.replica, "shop.m") == rows(work.source, "shop.m") and rows(work.replica, "shop.child") == []
    work.replica.execute_unlogged("INSERT INTO shop.parent VALUES (2, 2)")
    assert repair(work, start, end, state="healed", record_dir=str(tmp_path))["proof"] == "rows_proven"


@pytest.mark.engine("mariadb")
def test_triggers_that_would_run_are_refused(work: Pair, tmp_path: Path) -> None:
    start, end = changes(work)
    moved_back(work)
    before = str(work.replica.value("SELECT @@GLOBAL.slave_run_triggers_for_rbr"))
    work.replica.execute_unlogged("CREATE TRIGGER shop.fires BEFORE INSERT ON shop.w FOR EACH ROW SET NEW.v = 'bad'")
    work.replica.execute("SET GLOBAL slave_run_triggers_for_rbr = 'YES'")
    try:
        done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    finally:
        work.replica.execute("SET GLOBAL slave_run_triggers_for_rbr = '%s'" % before)
        work.replica.execute_unlogged("DROP TRIGGER shop.fires")
    assert done["failed"] and done["code"] == "refused" and "triggers" in done["msg"], done
    assert repair(work, start, end, state="healed", record_dir=str(tmp_path))["proof"] == "rows_proven"


UNDECIDABLE = (
    ("CREATE TABLE shop.parent (v INT)", ["INSERT INTO shop.parent VALUES (1)"], "no primary key"),
    ("", ["UPDATE shop.w SET v = 'a'", "ALTER TABLE shop.w ADD COLUMN z INT"], "not those of the binlog"),
    ("", ["UPDATE shop.w SET v = 'a'", "TRUNCATE shop.w"], "definition changes"),
    ("", ["SET SESSION binlog_format = STATEMENT", "UPDATE shop.w SET v = 'a' WHERE id = 1"], "does not show which"),
    ("", ["SET SESSION binlog_row_image = MINIMAL", "UPDATE shop.w SET v = 'a' WHERE id = 1"], "only a part"),
    (
        "CREATE TABLE shop.parent (id INT PRIMARY KEY, v INT); CREATE TABLE shop.child (id INT PRIMARY KEY, p INT,"
        " FOREIGN KEY (p) REFERENCES shop.parent (id) ON DELETE CASCADE); INSERT INTO shop.parent VALUES (1, 1)",
        ["INSERT INTO shop.child VALUES (1, 1)", "DELETE FROM shop.parent"],
        "foreign key",
    ),
)


@pytest.mark.parametrize(("made", "statements", "why"), UNDECIDABLE, ids=[case[2] for case in UNDECIDABLE])
def test_what_cannot_be_known_is_not_written(
    work: Pair, tmp_path: Path, made: str, statements: List[str], why: str
) -> None:
    work.source.execute(*[statement for statement in made.split("; ") if statement])
    start = at(work)
    with work.source.connect("root") as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("INSERT INTO shop.t (v) VALUES ('beside')")
    end = at(work)
    work.lab.wait_in_sync()
    work.replica.stop_replica("SQL_THREAD")
    work.replica.execute_unlogged("UPDATE shop.t SET v = 'spoilt' WHERE v = 'beside'")
    told = repair(work, start, end)
    assert not told["failed"] and told["proof"] == "unproven" and why in " ".join(told["undecided"]), told
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert done["failed"] and done["code"] == "refused" and why in done["msg"] and not done["changed"], done
    assert work.replica.value("SELECT COUNT(*) FROM shop.t WHERE v = 'spoilt'") >= 1
    work.replica.execute_unlogged("UPDATE shop.t SET v = 'beside' WHERE v = 'spoilt'")


def test_what_must_not_be_written_is_refused(work: Pair, tmp_path: Path) -> None:
    start, end = changes(work)
    moved_back(work)
    wrong = rows(work.replica)
    for options, why in (({}, "record_dir"), ({"record_dir": str(tmp_path), "max_rows": 3}, "max_rows")):
        done = repair(work, start, end, state="healed", **options)
        assert done["failed"] and done["code"] == "refused" and why in done["msg"], done
    inside = (end[0], end[1] - 1)
    for begin, stop, code in ((start, inside, "bad_input"), (inside, end, ""), (end, start, "bad_input")):
        done = repair(work, begin, stop, state="healed", record_dir=str(tmp_path))
        assert done["failed"] and (not code or done["code"] == code), done
    far = (end[0], end[1] + 100000)
    assert repair(work, start, far)["code"] == "bad_input"
    assert rows(work.replica) == wrong
    work.replica.start_replica("SQL_THREAD")
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert done["failed"] and done["code"] == "refused" and "applier runs" in done["msg"], done


@pytest.mark.every_engine
def test_a_server_with_others_below_is_refused(flavour: str, lab_of: Any, tmp_path: Path) -> None:
    made = ("CREATE DATABASE shop", "CREATE TABLE shop.w (id INT PRIMARY KEY, v INT)")
    lab: Lab = lab_of(flavour, "chain", gtid=True, seed=made)
    middle = lab.server("middle")
    start = lab.source.coordinates()
    lab.source.execute("INSERT INTO shop.w VALUES (1, 1), (2, 2)")
    end = lab.source.coordinates()
    lab.wait_all_in_sync()
    middle.stop_replica("SQL_THREAD")
    middle.execute_unlogged("DELETE FROM shop.w WHERE id = 2")
    named = {"from": _part(start), "to": _part(end)}
    options = {"transactions": named, "state": "healed", "record_dir": str(tmp_path)}
    done = run_module("row_repair", middle, options)
    assert done["failed"] and done["code"] == "refused" and done["replicas_below"], done
    assert middle.value("SELECT COUNT(*) FROM shop.w") == 1
    told = run_module("row_repair", middle, {**options, "state": "checked"})
    assert not told["failed"] and told["different_count"] == 1, told


@pytest.mark.modes("gtid")
def test_transactions_named_by_gtid(work: Pair, tmp_path: Path) -> None:
    before = work.source.gtid_position()
    changes(work)
    moved_back(work)
    named = sync.since(work.source, before)
    work.source.execute("FLUSH BINARY LOGS")
    options = {"transactions": {"gtid_set": named}, "state": "healed", "record_dir": str(tmp_path)}
    done = run_module("row_repair", work.replica, options)
    assert not done["failed"] and done["healed"] == 4 and rows(work.replica) == rows(work.source), done
    beyond = re.sub("[0-9]+$", lambda last: str(int(last.group()) + 60), named)
    options["transactions"] = {"gtid_set": beyond}
    lost = run_module("row_repair", work.replica, options)
    assert lost["failed"] and lost["code"] == "bad_input", lost


@pytest.mark.engine("mysql")
@pytest.mark.modes("gtid")
def test_super_read_only_is_lowered_and_put_back(work: Pair, tmp_path: Path) -> None:
    if not work.replica.query("SHOW VARIABLES LIKE 'super_read_only'"):
        pytest.skip("this server has no super_read_only")
    start, end = changes(work)
    moved_back(work)
    work.replica.execute_unlogged("INSERT INTO shop.w VALUES (99, 'mine', 33)")
    work.replica.execute("SET GLOBAL super_read_only = 1")
    try:
        failed = repair(work, start, end, state="healed", record_dir=str(tmp_path))
        assert failed["failed"] and failed["errno"] == 1062, failed
        assert work.replica.value("SELECT @@GLOBAL.super_read_only") == 1
        work.replica.execute("SET GLOBAL super_read_only = 0")
        work.replica.execute_unlogged("DELETE FROM shop.w WHERE id = 99")
        work.replica.execute("SET GLOBAL super_read_only = 1")
        done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
        assert not done["failed"] and done["proof"] == "rows_proven", done
        assert work.replica.value("SELECT @@GLOBAL.super_read_only") == 1
    finally:
        work.replica.execute("SET GLOBAL super_read_only = 0", "SET GLOBAL read_only = 0")
    assert rows(work.replica) == rows(work.source)


def test_keys_that_the_collation_takes_for_equal(work: Pair, tmp_path: Path) -> None:
    work.source.execute(
        "CREATE TABLE shop.parent (k VARCHAR(20) CHARACTER SET utf8 COLLATE utf8_general_ci PRIMARY KEY, v INT)",
        "INSERT INTO shop.parent VALUES ('Old', 1), ('gone', 2), ('b', 3)",
    )
    start = at(work)
    work.source.execute(
        "DELETE FROM shop.parent WHERE k = 'old'",
        "INSERT INTO shop.parent VALUES ('OLD', 5)",
        "DELETE FROM shop.parent WHERE k = 'gone'",
        "UPDATE shop.parent SET v = 4 WHERE k = 'b'",
    )
    end = at(work)
    work.lab.wait_in_sync()
    work.replica.stop_replica("SQL_THREAD")
    work.replica.execute_unlogged(
        "UPDATE shop.parent SET k = 'Old', v = 1 WHERE k = 'old'",
        "UPDATE shop.parent SET k = 'B' WHERE k = 'b'",
        "INSERT INTO shop.parent VALUES ('GONE', 9)",
    )
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path), show_rows="full")
    assert not done["failed"] and done["proof"] == "rows_proven", done
    assert rows(work.replica, "shop.parent") == rows(work.source, "shop.parent")
    assert any(one["replica"] == {"k": "GONE", "v": 9} for one in done["different"])


def test_compressed_transactions(work: Pair, tmp_path: Path) -> None:
    mariadb = work.is_mariadb
    names = ("log_bin_compress", "log_bin_compress_min_len") if mariadb else ("binlog_transaction_compression",)
    if not work.source.query("SHOW VARIABLES LIKE '%s'" % names[0]):
        pytest.skip("this server compresses nothing in its binlog")
    before = {name: work.source.value("SELECT @@GLOBAL.%s" % name) for name in names}
    start = at(work)
    try:
        for name, value in zip(names, (1, 10)):
            work.source.execute("SET GLOBAL %s = %d" % (name, value))
        _transaction(work.source, "UPDATE shop.w SET v = REPEAT('v', 40)", "DELETE FROM shop.w WHERE id = 4")
    finally:
        for name, value in before.items():
            work.source.execute("SET GLOBAL %s = %s" % (name, value))
    end = at(work)
    work.lab.wait_in_sync()
    work.replica.stop_replica("SQL_THREAD")
    work.replica.execute_unlogged("UPDATE shop.w SET v = 'x' WHERE id = 1", "INSERT INTO shop.w VALUES (4, 'y', 4)")
    done = repair(work, start, end, state="healed", record_dir=str(tmp_path))
    assert not done["failed"] and done["healed"] == 2 and rows(work.replica) == rows(work.source), done
