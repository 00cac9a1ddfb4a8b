# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that are missing on a replica, or have no primary key: `repair` makes them what the applier expects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

from integration.conftest import Pair
from integration.playbook import Run, run_module
from integration.test_repair import dropped, play, queries, result, state, stops
from lab.accounts import DEFINER
from lab.compare import compare
from lab.load import Writer

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
    "SET NAMES utf8mb4",
    "INSERT INTO shop.gone (v, b, n) VALUES ('na\u00efve', X'00FF', 1), ('b', NULL, 2), ('c', '', 3), ('d', 'x', 4)",
    "INSERT INTO shop.gone_child VALUES (1, 1), (2, 2)",
    "INSERT INTO shop.gone_part VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    "INSERT INTO shop.bare VALUES ('a', 1), ('a', 1), ('b', 2), (NULL, 3), (NULL, 3), (NULL, 3)",
)
BREAK = (
    "SET foreign_key_checks = 0",
    "DROP TABLE shop.gone, shop.gone_child, shop.gone_part",
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
    "CREATE TABLE shop.later (id INT PRIMARY KEY)", "INSERT INTO shop.bare VALUES ('x', 9)",
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


def repaired(pair: Pair, folder: Path) -> Run:
    """Repair while somebody writes on the source; every row is equal afterwards."""
    with Writer(pair.source, rate=10):
        done = play(pair, "repair", folder, **ACCOUNT)
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
        assert done["created"] == ["shop.gone", "shop.gone_child", "shop.gone_part"], done
        assert not run_module("table_repair", well.replica, options, account=DEFINER)["changed"]
        record = json.loads(Path(done["record"]).read_text(encoding="utf-8"))
        assert any("DROP TABLE `shop`.`gone`" in note for note in record["undo"]), record["undo"]
        well.replica.start_replica("SQL_THREAD")
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []
        assert not well.errant()


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
