# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""table_repair on real servers: tables become equal to the source's, row by row, while the source goes on writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from integration.conftest import Pair
from integration.held import held
from integration.playbook import run_module
from integration.random_writes import SCHEMA, every_kind
from integration.test_row_events import SEED, FullWriter, rows_of, spoil
from integration.work_table import put_away, rows, trace
from lab.accounts import ADMIN
from lab.compare import compare
from lab.load import Writer
from lab.server import Server
from lab.topology import Lab

TABLES = ["shop.w", "shop.m"]
COLUMNS = (
    "k VARCHAR(20) CHARACTER SET utf8 COLLATE utf8_general_ci PRIMARY KEY, v VARCHAR(40) CHARACTER SET utf8mb4,"
    " f FLOAT, d DOUBLE, n DECIMAL(20,6), b VARBINARY(30), t TIMESTAMP(3) NULL, e ENUM('a', 'b'), g BIGINT UNSIGNED"
)
VALUES = ", ".join((
    "('one', 'na\u00efve \u2603 \U0001f600', 0.1, 1e-300, -12345678901234.000001, X'00FF27',"
    " '2024-02-29 23:59:59.999', 'b', 18446744073709551615)",
    "('two', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "('Three', '', -0.0, 0.1, 0, '', '1971-01-01 00:00:01', 'a', 0)",
    "('four', ' ', 3.4e38, 1.7e308, 1, 'x', NULL, 'a', 1)",
))  # fmt: skip


def repair(server: Server, tables: List[str], check: bool = False, **options: Any) -> Dict[str, Any]:
    """Run the module."""
    return run_module("table_repair", server, {"tables": tables, **options}, check=check)


def healed(server: Server, tables: List[str], folder: Path, check: bool = False, **options: Any) -> Dict[str, Any]:
    """Run the module so that it writes."""
    return repair(server, tables, check, state="healed", record_dir=str(folder), **options)


@pytest.fixture(name="work")
def work_tables(well: Pair) -> Iterator[Pair]:
    """The pair with a table with transactions and one without, which go with the test."""
    for name, engine in (("w", "InnoDB"), ("m", "MyISAM")):
        well.source.execute(
            "CREATE TABLE shop.%s (%s) ENGINE=%s CHARACTER SET utf8mb4" % (name, COLUMNS, engine),
            "SET NAMES utf8mb4", "INSERT INTO shop.%s VALUES %s" % (name, VALUES),
        )  # fmt: skip
    well.lab.wait_in_sync()
    yield well
    put_away(
        well,
        "DROP TABLE IF EXISTS shop.child, shop.w, shop.m, shop.parent, shop.bare, shop.unlike, shop.missing",
        "DROP DATABASE IF EXISTS `load`",
    )


def plant(server: Server, *tables: str) -> None:
    """Rows that are changed, missing, and there alone; one whose key is the same by its collation only."""
    for table in tables:
        server.execute_unlogged(
            "SET NAMES utf8mb4",
            "UPDATE %s SET f = 0.10000001, v = 'naive' WHERE k = 'one'" % table,
            "DELETE FROM %s WHERE k = 'two'" % table,
            "UPDATE %s SET k = 'THREE' WHERE k = 'Three'" % table,
            "UPDATE %s SET v = NULL WHERE k = 'four'" % table,
            "INSERT INTO %s (k, v) VALUES ('extra', '\u00e4')" % table,
        )


def test_planted_differences_are_healed_while_the_source_writes(work: Pair, tmp_path: Path) -> None:
    plant(work.replica, *TABLES)
    wrong = [rows(work.replica, table) for table in TABLES]
    before = trace(work.replica)
    told = repair(work.replica, TABLES)
    assert not told["failed"] and not told["changed"] and told["proof"] == "unproven", told
    found = {(one["key"]["k"], one["difference"]) for one in told["different"] if one["table"] == "shop.w"}
    assert found == {("one", "changed"), ("two", "missing"), ("Three", "missing"), ("THREE", "surplus"),
                     ("four", "changed"), ("extra", "surplus")}, found  # fmt: skip
    assert told["before"] == {"shop.w": 6, "shop.m": 6} and told["compared"] == 12 and not told["undecided"]
    plan = healed(work.replica, TABLES, tmp_path, check=True)
    assert not plan["failed"] and plan["selected"] == sorted(TABLES) and not list(tmp_path.iterdir())
    assert [rows(work.replica, table) for table in TABLES] == wrong and trace(work.replica) == before
    with Writer(work.source, rate=20) as writer:
        writer.wait_for(5)
        done = healed(work.replica, TABLES, tmp_path)
    assert not done["failed"] and done["changed"] and done["healed"] == 12 and done["proof"] == "rows_proven", done
    assert "\\u00e4" not in json.dumps(done) and "naive" not in json.dumps(done)
    work.lab.wait_in_sync()
    assert compare(work.source, work.replica) == []
    row = work.status()
    assert row[work.words.sql_running] == "Yes" and not work.errant()
    again = healed(work.replica, TABLES, tmp_path)
    assert not again["failed"] and not again["changed"] and again["queries"] == [], again
    assert again["proof"] == "rows_proven"
    work.replica.stop_replica("SQL_THREAD")
    undone = run_module("replica_undo", work.replica, {"record": done["record"], "record_dir": str(tmp_path)})
    assert not undone["failed"] and sorted(undone["restored"]) == ["6 rows of shop.m", "6 rows of shop.w"], undone
    assert [rows(work.replica, table) for table in TABLES] == wrong
    assert healed(work.replica, TABLES, tmp_path)["proof"] == "rows_proven"


def test_rows_of_every_type_come_out_exactly(flavour: str, lab_of: Any, tmp_path: Path) -> None:
    lab: Lab = lab_of(flavour, "pair", gtid=SEED % 2 == 1)
    writer = FullWriter(lab.source, lab.flavour.is_mariadb, lab.flavour.version, SEED)
    every_kind(writer)
    lab.wait_in_sync()
    for made in writer.tables.values():
        spoil(lab.replica, made)
    before = trace(lab.replica)
    done = healed(lab.replica, [SCHEMA + ".*"], tmp_path)
    assert not done["failed"] and done["healed"] > 5 * (len(writer.tables) - len(done["undecided"])), done
    left = {line.split(":")[0].split(".")[1] for line in done["undecided"]}
    assert all("compressed" in line for line in done["undecided"]), done["undecided"]
    wrong = []
    for name, made in writer.tables.items():
        now = rows_of(lab.replica, name, made.columns)
        wrong += ["%s %d" % (name, number) for number in set(now) | set(made.rows)
                  if name not in left and now.get(number) != made.rows.get(number)]  # fmt: skip
    assert not wrong and trace(lab.replica) == before


def test_a_stopped_applier_is_left_where_it_is_and_the_tables_are_what_it_expects(work: Pair, tmp_path: Path) -> None:
    work.source.execute(
        "CREATE TABLE shop.bare (v INT)",
        "INSERT INTO shop.bare VALUES (1), (1), (2), (3), (3)",
        "CREATE TABLE shop.unlike (id INT PRIMARY KEY)",
        "INSERT INTO shop.unlike VALUES (1)",
    )
    work.lab.wait_in_sync()
    was = {table: rows(work.replica, table) for table in (*TABLES, "shop.bare")}
    work.replica.stop_replica("SQL_THREAD")
    for table in TABLES:
        work.source.execute(
            "SET NAMES utf8mb4",
            "UPDATE %s SET v = 'later' WHERE k = 'one'" % table,
            "UPDATE %s SET v = 'still later', f = 2 WHERE k = 'one'" % table,
            "DELETE FROM %s WHERE k = 'four'" % table,
            "UPDATE %s SET k = 'moved' WHERE k = 'two'" % table,
            "INSERT INTO %s (k, v) VALUES ('new', 'n'), ('two', 'another')" % table,
        )
    work.source.execute(
        "DELETE FROM shop.bare WHERE v = 1 LIMIT 1", "UPDATE shop.bare SET v = 4 WHERE v = 3",
        "INSERT INTO shop.bare VALUES (2), (5)", "ALTER TABLE shop.unlike ADD COLUMN x INT",
    )  # fmt: skip
    plant(work.replica, *TABLES)
    work.replica.execute_unlogged(
        "DELETE FROM shop.bare WHERE v IN (2, 3) LIMIT 2", "INSERT INTO shop.bare VALUES (9), (5)"
    )
    before = trace(work.replica)
    plan = healed(work.replica, [*TABLES, "shop.bare"], tmp_path, check=True)
    done = healed(work.replica, [*TABLES, "shop.bare"], tmp_path)
    assert not done["failed"] and done["proof"] == "rows_proven", (done["msg"], done["undecided"])
    assert done["queries"] == plan["queries"]
    assert {table: rows(work.replica, table) for table in was} == was and trace(work.replica) == before
    assert work.status()[work.words.sql_running] == "No" and "applied point" in done["point"], done
    left = healed(work.replica, ["shop.unlike"], tmp_path)
    assert not left["changed"] and "changed its definition after the point" in left["undecided"][0], left
    assert not healed(work.replica, [*TABLES, "shop.bare"], tmp_path, start_stopped=False)["changed"]
    done = healed(work.replica, TABLES, tmp_path, start_stopped=True)
    assert not done["failed"] and done["proof"] == "rows_proven", done
    assert work.status()[work.words.sql_running] == "No"
    work.replica.start_replica()
    work.wait_same()
    assert compare(work.source, work.replica) == []


def test_what_cannot_be_compared_is_told_and_the_rest_is_healed(work: Pair, tmp_path: Path) -> None:
    work.source.execute(
        "CREATE TABLE shop.bare (v INT)", "INSERT INTO shop.bare VALUES (1), (1)",
        "CREATE TABLE shop.unlike (id INT PRIMARY KEY, v INT)", "INSERT INTO shop.unlike VALUES (1, 1)",
        "CREATE TABLE shop.missing (id INT PRIMARY KEY, v INT)", "INSERT INTO shop.missing VALUES (1, 1), (2, 2)",
    )  # fmt: skip
    work.lab.wait_in_sync()
    plant(work.replica, "shop.w")
    work.replica.execute_unlogged(
        "INSERT INTO shop.bare VALUES (2), (NULL)",
        "DELETE FROM shop.bare WHERE v = 1 LIMIT 1",
        "ALTER TABLE shop.unlike ADD COLUMN x INT",
        "DROP TABLE shop.missing",
    )
    tables = ["shop.w", "shop.bare", "shop.unlike", "shop.missing"]
    done = healed(work.replica, tables, tmp_path, create_missing=True)
    assert not done["failed"] and done["healed"] == 9 and rows(work.replica) == rows(work.source), done
    assert rows(work.replica, "shop.bare") == rows(work.source, "shop.bare")
    told = " ".join(done["undecided"])
    assert "`x` int" in told and "shop.missing: it is missing" in told and len(done["undecided"]) == 2, done
    assert done["proof"] == "unproven" and done["created"] == []
    options = {"tables": ["shop.missing"], "state": "healed", "record_dir": str(tmp_path), "create_missing": True}
    before = trace(work.replica)
    made = run_module("table_repair", work.replica, options, account=ADMIN)
    assert not made["failed"] and made["created"] == ["shop.missing"] and made["healed"] == 2, made
    assert rows(work.replica, "shop.missing") == rows(work.source, "shop.missing") and trace(work.replica) == before
    assert not run_module("table_repair", work.replica, options, account=ADMIN)["changed"]


def test_what_must_not_be_written_is_refused(work: Pair, tmp_path: Path) -> None:
    plant(work.replica, "shop.w")
    wrong = rows(work.replica)
    for options, why in (({}, "record_dir"), ({"record_dir": str(tmp_path), "max_rows": 3}, "max_rows")):
        done = repair(work.replica, ["shop.w"], state="healed", **options)
        assert done["failed"] and done["code"] == "refused" and why in done["msg"], done
    unknown = healed(work.replica, ["shop.nothing"], tmp_path)
    assert unknown["failed"] and unknown["code"] == "bad_input", unknown
    assert rows(work.replica) == wrong and not list(tmp_path.iterdir())


def test_foreign_keys_are_neither_followed_nor_broken(work: Pair, tmp_path: Path) -> None:
    work.source.execute(
        "CREATE TABLE shop.parent (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE shop.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.parent (id)"
        " ON DELETE CASCADE ON UPDATE CASCADE) ENGINE=InnoDB",
        "INSERT INTO shop.parent VALUES (1, 1), (2, 2)",
        "INSERT INTO shop.child VALUES (1, 1), (2, 2)",
    )
    work.lab.wait_in_sync()
    work.replica.execute_unlogged("UPDATE shop.parent SET v = 0", "INSERT INTO shop.parent VALUES (3, 3)",
                                  "INSERT INTO shop.child VALUES (3, 3)")  # fmt: skip
    done = healed(work.replica, ["shop.parent"], tmp_path)
    assert done["failed"] and done["code"] == "refused" and "shop.child" in done["msg"], done
    assert len(rows(work.replica, "shop.parent")) == 3
    done = healed(work.replica, ["shop.parent", "shop.child"], tmp_path)
    assert not done["failed"] and done["healed"] == 4, done
    assert compare(work.source, work.replica) == []


@pytest.mark.engine("mysql")
@pytest.mark.modes("gtid")
def test_super_read_only_is_lowered_and_put_back(work: Pair, tmp_path: Path) -> None:
    if not work.replica.query("SHOW VARIABLES LIKE 'super_read_only'"):
        pytest.skip("this server has no super_read_only")
    plant(work.replica, *TABLES)
    work.replica.execute("SET GLOBAL super_read_only = 1")
    try:
        done = healed(work.replica, TABLES, tmp_path)
        assert not done["failed"] and done["proof"] == "rows_proven", done
        assert work.replica.value("SELECT @@GLOBAL.super_read_only") == 1
    finally:
        work.replica.execute("SET GLOBAL super_read_only = 0", "SET GLOBAL read_only = 0")
    assert compare(work.source, work.replica) == []


def test_a_server_with_others_below_is_refused(flavour: str, lab_of: Any, tmp_path: Path) -> None:
    made = ("CREATE DATABASE shop", "CREATE TABLE shop.w (id INT PRIMARY KEY, v INT)")
    lab: Lab = lab_of(flavour, "chain", gtid=True, seed=made)
    middle = lab.server("middle")
    lab.source.execute("INSERT INTO shop.w VALUES (1, 1), (2, 2)")
    lab.wait_all_in_sync()
    middle.execute_unlogged("DELETE FROM shop.w WHERE id = 2")
    done = healed(middle, ["shop.w"], tmp_path)
    assert done["failed"] and done["code"] == "refused" and done["replicas_below"], done
    assert middle.value("SELECT COUNT(*) FROM shop.w") == 1


@pytest.mark.parametrize("statement", ["START TRANSACTION WITH", "COMMIT", "START"])
@pytest.mark.modes("gtid")
def test_an_applier_that_a_killed_run_had_paused_runs_again(work: Pair, statement: str, tmp_path: Path) -> None:
    plant(work.replica, "shop.w")
    if statement == "START":
        statement = "START REPLICA" if work.flavour_name == "mysql-9.7" else "START SLAVE"
    options = {"tables": ["shop.w"], "state": "healed", "record_dir": str(tmp_path / "records")}

    def run(environment: Dict[str, str]) -> Dict[str, Any]:
        return run_module("table_repair", work.replica, options, environment=environment)

    with held(tmp_path / "held", statement, run) as there:
        assert there.kill()["signal"] == 9
    assert work.status()[work.words.sql_running] == "No"
    seen = run_module("replica_status", work.replica, {"record_dir": str(tmp_path / "records")})
    assert [found["unfinished"]["remedy"] for found in seen["channels"]] == ["start"], seen
    done = healed(work.replica, ["shop.w"], tmp_path / "records")
    assert not done["failed"] and done["proof"] == "rows_proven", done
    assert work.status()[work.words.sql_running] == "Yes"
    seen = run_module("replica_status", work.replica, {"record_dir": str(tmp_path / "records")})
    assert not seen["channels"][0].get("unfinished"), seen
    work.wait_same()
    assert compare(work.source, work.replica) == []
