# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that are missing on a replica, or have no primary key: `repair` makes them what the applier expects."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict

import pytest
from integration.conftest import Pair
from integration.playbook import Run, run_module
from integration.test_repair import dropped, play, queries, result, state, stops
from lab.accounts import DEFINER
from lab.compare import compare
from lab.load import Writer

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
ACCOUNT = {"replica_login_user": DEFINER.user, "replica_login_password": DEFINER.password}

GONE = (
    "CREATE TABLE shop.gone (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4, b BLOB,"
    " n INT NOT NULL DEFAULT 0, KEY (v)) ENGINE=InnoDB COMMENT='100% of it''s rows'",
    "CREATE TABLE shop.gone_log (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB",
    "CREATE TRIGGER shop.gone_written AFTER INSERT ON shop.gone FOR EACH ROW"
    " INSERT INTO shop.gone_log (v) VALUES (NEW.v)",
    "CREATE TABLE shop.gone_child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.gone (id)) ENGINE=InnoDB",
    "CREATE TABLE shop.gone_part (id INT PRIMARY KEY, v VARCHAR(20)) PARTITION BY HASH (id) PARTITIONS 3",
    "CREATE TABLE shop.bare (v VARCHAR(20), n INT) ENGINE=InnoDB",
    "CREATE DATABASE elsewhere CHARACTER SET latin1",
    "CREATE TABLE elsewhere.t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB",
    "INSERT INTO elsewhere.t VALUES (1, 'a'), (2, 'b')",
    "SET NAMES utf8mb4",
    "INSERT INTO shop.gone (v, b, n) VALUES ('na\u00efve', X'00FF', 1), ('b', NULL, 2), ('c', '', 3), ('d', 'x', 4)",
    "INSERT INTO shop.gone_child VALUES (1, 1), (2, 2)",
    "INSERT INTO shop.gone_part VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    "INSERT INTO shop.bare VALUES ('a', 1), ('a', 1), ('b', 2), (NULL, 3), (NULL, 3), (NULL, 3)",
)
BREAK = (
    "SET foreign_key_checks = 0",
    "DROP TABLE shop.gone, shop.gone_child, shop.gone_part",
    "DROP DATABASE elsewhere",
    "DELETE FROM shop.bare WHERE v = 'a' LIMIT 1",
    "DELETE FROM shop.bare WHERE n = 3",
    "INSERT INTO shop.bare VALUES ('x', 9)",
)
THEN = (
    "UPDATE shop.bare SET n = 10 WHERE v = 'a'", "UPDATE shop.bare SET n = 4 WHERE v IS NULL LIMIT 2",
    "INSERT INTO shop.gone (v, b) VALUES ('new', 'y')", "UPDATE shop.gone SET n = n + 1",
    "UPDATE shop.gone SET id = 40 WHERE v = 'd'", "DELETE FROM shop.gone WHERE v = 'c'",
    "INSERT INTO shop.gone_child VALUES (3, 40)", "DELETE FROM shop.gone_part WHERE id = 2",
    "UPDATE shop.gone_part SET v = 'z' WHERE id = 3", "DELETE FROM shop.bare WHERE v = 'b'",
    "DELETE FROM elsewhere.t WHERE id = 1", "CREATE TABLE shop.later (id INT PRIMARY KEY)",
    "INSERT INTO shop.bare VALUES ('x', 9)",
)  # fmt: skip


def broken(pair: Pair, prepare: Any = GONE, local: Any = BREAK, then: Any = THEN) -> None:
    """Break the pair's replica, and let the source go on."""
    pair.source.execute(*prepare)
    pair.lab.wait_in_sync()
    pair.replica.execute_unlogged(*local)
    pair.source.execute(*then)
    stops(pair)


def refused(pair: Pair, folder: Path, **variables: str) -> Dict[str, Any]:
    """How a repair ended that must not have changed anything."""
    before = state(pair)
    done = play(pair, "repair", folder, **variables)
    assert done.code != 0, done.output
    assert state(pair) == before
    return result(done)


def repaired(pair: Pair, folder: Path, **variables: str) -> Run:
    """Repair while somebody writes on the source; every row is equal afterwards."""
    with Writer(pair.source, rate=10):
        done = play(pair, "repair", folder, **ACCOUNT, **variables)
    assert done.code == 0, done.output
    assert result(done)["proof"] == "rows_proven", result(done)
    pair.lab.wait_in_sync()
    assert compare(pair.source, pair.replica) == []
    assert not pair.errant()
    return done


def test_tables_that_are_missing_or_have_no_key_are_put_back(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        broken(well)
        options = {"tables": ["shop.bare"], "state": "healed", "create_missing": True, "pending": True}
        options = {**options, "require_all": True, "record_dir": str(tmp_path)}
        before = state(well)
        planned = run_module("table_repair", well.replica, options, check=True, account=DEFINER)
        assert not planned["failed"] and planned["changed"], planned
        assert state(well) == before and not list(tmp_path.iterdir())
        lacking = run_module("table_repair", well.replica, {**options, "tables": ["shop.gone"]})
        assert lacking["failed"] and lacking["code"] == "refused" and "may not make it (CREATE)" in lacking["msg"], (
            lacking
        )
        assert state(well) == before
        with Writer(well.source, rate=10):
            done = run_module("table_repair", well.replica, options, account=DEFINER)
        assert not done["failed"] and done["proof"] == "rows_proven", done
        assert done["queries"] == planned["queries"], (done["queries"], planned["queries"])
        assert sorted(done["created"]) == ["elsewhere.t", "shop.gone", "shop.gone_child", "shop.gone_part"], done
        assert not run_module("table_repair", well.replica, options, account=DEFINER)["changed"]
        record = json.loads(Path(done["record"]).read_text(encoding="utf-8"))
        assert any("DROP TABLE `shop`.`gone`" in note for note in record["undo"]), record["undo"]
        well.replica.start_replica("SQL_THREAD")
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []
        assert not well.errant()


@pytest.mark.skipif(not FULL, reason="the playbook's part of it belongs to the full matrix")
def test_the_playbook_puts_tables_back(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        broken(well)
        before = state(well)
        planned = play(well, "repair", tmp_path, "--check", "--diff", **ACCOUNT)
        assert planned.code == 0, planned.output
        assert state(well) == before and not list(tmp_path.iterdir())
        done = repaired(well, tmp_path)
        assert set(result(done)["applied"]) == {"heal_table"}, result(done)
        assert queries(planned) == list(result(done)["steps"][0]["queries"])[: len(queries(planned))]
        before = state(well)
        again = play(well, "repair", tmp_path, **ACCOUNT)
        assert again.code == 0 and result(again)["applied"] == [] and state(well) == before


TYPED = (
    "CREATE TABLE shop.typed (id INT PRIMARY KEY, v VARCHAR(20), n INT NOT NULL DEFAULT 5, w VARCHAR(5)) ENGINE=InnoDB",
    "INSERT INTO shop.typed VALUES (1, 'a', 1, 'x'), (2, 'b', 2, 'y'), (3, NULL, 3, 'z')",
)
RETYPED = (
    "UPDATE shop.typed SET v = NULL",
    "ALTER TABLE shop.typed MODIFY v DATE, DROP COLUMN n, ADD COLUMN extra INT",
)
WRITTEN = ("INSERT INTO shop.typed VALUES (9, 'source', 9, 'q')", "UPDATE shop.typed SET v = 'B' WHERE id = 2")


def define(pair: Pair, folder: Path, check: bool = False, **more: Any) -> Dict[str, Any]:
    """Run the module for the table."""
    options = {"tables": ["shop.typed"], "state": "altered", "record_dir": str(folder), **more}
    return run_module("definition_repair", pair.replica, options, check=check, account=DEFINER)


def test_columns_are_made_those_of_the_source_only_where_nothing_is_lost(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        broken(well, TYPED, RETYPED, WRITTEN)
        before = state(well)
        shown = define(well, tmp_path, state="checked")
        assert not shown["changed"] and "MODIFY COLUMN `v` varchar(20)" in shown["statements"][0], shown
        assert "DROP COLUMN `extra`" in shown["statements"][0] and "ADD COLUMN `n` int" in shown["statements"][0]
        planned = define(well, tmp_path, check=True)
        assert planned["changed"] and shown["statements"][0] in planned["queries"], planned
        assert state(well) == before and not list(tmp_path.iterdir())
        for local, back, why in (
            ("UPDATE shop.typed SET extra = 7 WHERE id = 1", "UPDATE shop.typed SET extra = NULL", "`extra`"),
            ("ALTER TABLE shop.typed MODIFY w VARCHAR(30)", "", ""),
            (
                "UPDATE shop.typed SET w = 'much longer' WHERE id = 1",
                "UPDATE shop.typed SET w = 'x' WHERE id = 1",
                "`w`",
            ),
            ("ALTER TABLE shop.typed MODIFY w DECIMAL(10,4)", "", ""),
        ):
            if "DECIMAL" in local:
                well.replica.execute_unlogged("UPDATE shop.typed SET w = NULL")
            well.replica.execute_unlogged(local)
            if why:
                lost = define(well, tmp_path)
                assert lost["failed"] and lost["code"] == "refused" and why in lost["msg"], lost
                well.replica.execute_unlogged(back)
        assert not list(tmp_path.iterdir())
        done = define(well, tmp_path)
        assert not done["failed"] and done["changed"] and not well.errant(), done
        record = json.loads(Path(done["record"]).read_text(encoding="utf-8"))
        assert any("`v` date" in note for note in record["undo"]), record["undo"]
        assert not define(well, tmp_path)["changed"]
        options = {"tables": ["shop.typed"], "state": "healed", "record_dir": str(tmp_path)}
        healed = run_module("table_repair", well.replica, options)
        assert not healed["failed"] and healed["proof"] == "rows_proven", healed
        well.replica.start_replica("SQL_THREAD")
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


@pytest.mark.skipif(not FULL, reason="the playbook's part of it belongs to the full matrix")
def test_the_playbook_alters_only_when_it_is_asked_to(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        broken(well, TYPED, RETYPED, WRITTEN)
        told = refused(well, tmp_path, **ACCOUNT)
        assert "MODIFY COLUMN `v`" in told["line"] and "repair_alter_definitions=true" in told["line"], told
        planned = play(well, "repair", tmp_path, "--check", repair_alter_definitions="true", **ACCOUNT)
        assert any("MODIFY COLUMN `v`" in query for query in queries(planned)), planned.output
        assert result(planned)["owed"] == ["shop.typed"], planned.output
        repaired(well, tmp_path, repair_alter_definitions="true")
