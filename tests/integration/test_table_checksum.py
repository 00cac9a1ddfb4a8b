# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pt-table-checksum as the verify role runs it: found differences are data, and nothing stays behind."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Dict

import pytest
from integration.comparing import different, proof_schema, reasons
from integration.conftest import Pair
from integration.playbook import run_module
from integration.test_repair import play
from lab.accounts import ADMIN, CHECKSUMMER
from lab.compare import compare

TABLES = [
    "CREATE TABLE proof.same (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB",
    "INSERT INTO proof.same VALUES (1, 'a'), (2, NULL)",
    "CREATE TABLE proof.rows (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB",
    "INSERT INTO proof.rows VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    "CREATE TABLE proof.gone (id INT PRIMARY KEY) ENGINE=InnoDB",
    "CREATE TABLE proof.typed (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
]
full = pytest.mark.skipif(os.environ.get("REPLICA_TEST_MATRIX") != "full", reason="part of the full matrix")
pytestmark = pytest.mark.skipif(not shutil.which("pt-table-checksum"), reason="pt-table-checksum is not installed here")


def checksum(pair: Pair, check: bool = False, **options: Any) -> Dict[str, Any]:
    given = {"tables": ["proof.*"], "allow_source_write": True, **options}
    return run_module(
        "table_checksum", pair.replica, given, check=check, account=CHECKSUMMER, source_account=CHECKSUMMER
    )


def left_behind(pair: Pair) -> Any:
    return pair.source.query("SHOW DATABASES LIKE 'replicaops_checksum'")


@pytest.mark.pairs("mysql-5.6-position", "mariadb-10.11-gtid", "mariadb-11.8-gtid")
def test_the_tool_finds_rows_and_is_kept_from_what_would_stop_the_replica(well: Pair) -> None:
    with proof_schema(well.lab, *TABLES):
        before = well.source.coordinates()
        planned = checksum(well, check=True)
        assert planned["selected"] == ["proof.gone", "proof.rows", "proof.same", "proof.typed"], planned["msg"]
        assert "--recursion-method dsn=" in planned["queries"][2] and CHECKSUMMER.password not in str(
            planned["queries"]
        )
        refused = checksum(well, allow_source_write=False)
        assert refused["failed"] and "writes on the source" in refused["msg"], refused["msg"]
        absent = checksum(well, tool="/nonexistent/pt-table-checksum")
        assert absent["failed"] and "is not on the host" in absent["msg"], absent["msg"]
        assert well.source.coordinates() == before
        equal = checksum(well, tables=["proof.same", "proof.rows"])
        assert (equal["failed"], equal.get("proof"), equal.get("done")) == (False, "rows_proven", True), equal["msg"]
        assert {entry["table"]: entry["rows"] for entry in equal["compared"]} == {"proof.rows": 3, "proof.same": 2}
        assert not left_behind(well) and equal["status"] == 0
        well.replica.execute_unlogged(
            "UPDATE proof.rows SET v = 'x' WHERE id = 1", "DELETE FROM proof.rows WHERE id IN (2, 3)",
            "DROP TABLE proof.gone", "ALTER TABLE proof.typed MODIFY v BIGINT",
        )  # fmt: skip
        planted = checksum(well)
        well.lab.wait_in_sync()
        assert not planted["failed"] and planted["proof"] == "unproven", planted["msg"]
        found = different(planted)
        assert set(found) == {"proof.gone", "proof.rows", "proof.typed"} and not reasons(planted), planted["msg"]
        assert found["proof.rows"][0]["counts"] == {"changed": 0, "missing": 2, "extra": 0}
        assert not found["proof.rows"][0]["complete"] and found["proof.typed"][0]["alter"]
        assert planted["status"] == 16 and planted["meaning"] == ["rows differ"]
        assert not left_behind(well)
        well.replica.execute_unlogged("CREATE TABLE proof.gone (id INT PRIMARY KEY)")


@full
@pytest.mark.pairs("mysql-5.6-gtid", "mariadb-10.11-gtid", "mariadb-11.8-gtid")
def test_the_verify_playbook_heals_what_the_tool_found(well: Pair, tmp_path: Path) -> None:
    # Who lets the tool write on the source and heals what it finds is a checksummer and a repairer at once.
    account = {"replica_login_user": ADMIN.user, "replica_login_password": ADMIN.password}
    given = {"verify_depth": "full", "verify_method": "pt", **account}
    tables = json.dumps({"verify_tables": ["proof.rows", "proof.same"]})
    with proof_schema(well.lab, *TABLES):
        well.replica.execute_unlogged("UPDATE proof.rows SET v = 'x' WHERE id = 1")
        refused = play(well, "verify", tmp_path, "-e", tables, **given)
        assert refused.code != 0 and "repair_allow_source_write" in refused.output
        healed = play(
            well, "verify", tmp_path, "-e", tables, repair_allow_source_write="true", verify_heal="true", **given
        )
        assert healed.code == 0 and "proof.rows (rows, at least" in healed.output, healed.output
        assert not left_behind(well)
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


@pytest.mark.pairs("mysql-9.7-gtid")
def test_a_tool_that_cannot_run_on_the_server_is_refused_before_anything_is_written(well: Pair) -> None:
    with proof_schema(well.lab, *TABLES):
        before = well.source.coordinates()
        refused = checksum(well)
        assert refused["failed"] and "MySQL 8.4 and later" in refused["msg"], refused["msg"]
        assert well.source.coordinates() == before and not left_behind(well)


@full
@pytest.mark.pairs("mariadb-10.11-gtid")
def test_slices_go_on_where_the_last_one_ended_and_what_was_left_is_taken_away(well: Pair) -> None:
    many = ["CREATE TABLE proof.big (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB"]
    many += ["INSERT INTO proof.big VALUES " + ", ".join("(%d, 'x')" % n for n in range(start, start + 5000))
             for start in range(0, 5000, 5000)]  # fmt: skip
    with proof_schema(well.lab, *many):
        results = []
        while not results or not results[-1]["done"]:
            results.append(checksum(well, slice=1, chunk_seconds=0.0001))
            assert not results[-1]["failed"], results[-1]["msg"]
            assert len(results) < 60
        well.lab.wait_in_sync()
        assert results[-1]["proof"] == "rows_proven" and results[-1]["compared"][0]["rows"] == 5000, results[-1]
        assert len(results) > 1 and results[0]["msg"].startswith("Not finished: "), results[0]
        well.source.execute("CREATE DATABASE replicaops_checksum")
        assert checksum(well, state="absent")["changed"] and not left_behind(well)
        assert not checksum(well, state="absent")["changed"]
