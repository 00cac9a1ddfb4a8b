# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions that the source logged together with an error: they are passed, and their tables made equal."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from integration.breaks import MODES
from integration.held import held
from integration.mismatches import MISMATCHES
from integration.playbook import Run, run_module, run_playbook
from integration.running import Stages
from integration.stage import Mode, Stage
from integration.test_repair import host, queries, result
from lab.accounts import ADMIN
from lab.compare import compare
from lab.load import Writer

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
CASES = [(name, mode) for name in MISMATCHES for mode in MODES]
IDS = ["%s-%s-%dw" % (name, "gtid" if gtid else "position", workers) for name, (gtid, workers) in CASES]

# What a run that is thinned out has of them; these exist on every flavour.
FEW = (("myisam_stmt", (True, 4)), ("other_error", (False, 1)), ("killed_myisam", (True, 1)))


def broken(stages: Stages, flavour: str, name: str, mode: Mode) -> Stage:
    """A pair whose applier has stopped at a statement that failed on the source; skips what does not exist."""
    case = MISMATCHES[name]
    if flavour not in case.flavours:
        pytest.skip("%s does not log this with its error" % flavour)
    stage = stages.of(flavour)
    stage.reset(mode)
    case.make(stage)
    return stage


def state(stage: Stage) -> Dict[str, Any]:
    """What a run which writes nothing must leave as it is."""
    server, row = stage.replica, stage.status()
    moving = ["Seconds", "State", "Connect_Time", "Timestamp", "heartbeats", "_time"]
    if row[stage.words.sql_running] == "Yes":
        moving += ["Exec_", "Relay_Log_Pos"]  # shown with a delay while parallel appliers work
    variables = {str(one["Variable_name"]).lower(): one["Value"] for one in server.query("SHOW GLOBAL VARIABLES")}
    return {
        "status": {name: value for name, value in row.items() if not any(part in name for part in moving)},
        "binlog": (server.coordinates(), server.gtid_position()),
        "variables": {name: value for name, value in variables.items() if name != "timestamp"},
    }


def equal(stage: Stage) -> List[str]:
    """What differs between source and replica, accounts too."""
    stage.lab.wait_in_sync()
    users = "SELECT User, Host FROM mysql.user ORDER BY 1, 2"
    found = compare(stage.source, stage.replica)
    return found if stage.source.query(users) == stage.replica.query(users) else [*found, "accounts differ"]


def play(stage: Stage, folder: Path, *more: str, admin: bool = False, **variables: str) -> Run:
    """Run the repair playbook against the replica."""
    login = host(stage.replica)
    if admin:
        login.update(replica_login_user=ADMIN.user, replica_login_password=ADMIN.password)
    given = {"target": "replica", "repair_record_dir": str(folder), "repair_timeout": "60", **variables}
    inventory = {"all": {"hosts": {"replica": login}}}
    return run_playbook("replicaops.mysql.repair", inventory, ["-vvv", "-e", json.dumps(given), *more])


@pytest.mark.parametrize(("name", "mode"), CASES, ids=IDS)
def test_exactly_the_failing_transaction_is_passed(
    flavour: str, stages: Stages, tmp_path: Path, name: str, mode: Mode
) -> None:
    if not FULL and (name, mode) not in FEW:
        pytest.skip("with REPLICA_TEST_MATRIX=full")
    stage, case = broken(stages, flavour, name, mode), MISMATCHES[name]
    before = state(stage)
    options = {"record_dir": str(tmp_path)}
    plan = run_module("mismatch_repair", stage.replica, options, check=True)
    assert not plan["failed"] and plan["changed"] and not plan["executed"], plan
    assert state(stage) == before and not list(tmp_path.iterdir())
    done = run_module("mismatch_repair", stage.replica, options)
    assert not done["failed"] and done["queries"] == plan["queries"] and done["passed"] == plan["passed"], done
    told = done["passed"][0]
    hidden = flavour == "mysql-5.6" and mode == (False, 4) and case.did != "not_run"
    assert told["replica"] == ("unknown" if hidden else case.did), told
    assert not case.error or case.error in [one["source_error"] for one in told["statements"]], told
    assert done["tables"] == list(case.tables) and not done["tables_unknown"], done
    stage.source.execute("CREATE TABLE shop.beyond (id INT PRIMARY KEY)")
    stage.lab.wait_in_sync()
    again = run_module("mismatch_repair", stage.replica, options)
    assert not again["failed"] and not again["changed"] and again["passed"] == [], again
    if case.tables:
        healing = {"tables": done["tables"], "state": "healed", "create_missing": True, **options}
        rows = run_module("table_repair", stage.replica, healing, account=ADMIN)
        assert not rows["failed"] and rows["proof"] == "rows_proven", rows
    assert equal(stage) == []


def test_a_missing_table_that_a_later_statement_needs_refuses(flavour: str, stages: Stages, tmp_path: Path) -> None:
    stage = broken(stages, flavour, "other_error", (False, 1))
    stage.on_source("INSERT INTO t VALUES (2, 'm')")
    plan = run_module("mismatch_repair", stage.replica, {"record_dir": str(tmp_path)}, check=True)
    assert not plan["failed"] and plan["changed"], plan
    with stage.session(stage.source) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION binlog_format = STATEMENT")
        cursor.execute("UPDATE m SET v = 'later' WHERE id = 4")
    stage.received()
    before = state(stage)
    for check in (True, False):
        refused = run_module("mismatch_repair", stage.replica, {"record_dir": str(tmp_path)}, check=check)
        assert refused["failed"] and refused["code"] == "refused" and not refused["changed"], refused
        assert "shop.m is missing" in refused["msg"] and "restore the table" in refused["msg"], refused["msg"]
    assert state(stage) == before and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "mode"), CASES, ids=IDS)
def test_the_playbook_repairs_it_and_proves_it(
    flavour: str, stages: Stages, tmp_path: Path, name: str, mode: Mode
) -> None:
    if not FULL and (name, mode) != ("myisam_stmt", (True, 4)):
        pytest.skip("with REPLICA_TEST_MATRIX=full")
    stage = broken(stages, flavour, name, mode)
    before = state(stage)
    planned = play(stage, tmp_path, "--check", "--diff", admin=name == "other_error")
    assert planned.code == 0, planned.output
    assert state(stage) == before and not list(tmp_path.iterdir())
    assert result(planned)["owed"] == sorted(MISMATCHES[name].tables), result(planned)
    # There the counter is used only where nothing later was fetched: what the workers have done is in files.
    quiet = flavour == "mysql-5.6" and mode == (False, 4)
    with nullcontext() if quiet else Writer(stage.source, rate=20):
        done = play(stage, tmp_path, admin=name == "other_error")
    assert done.code == 0, done.output
    ended = result(done)
    # Where nobody writes and the statement touched no table there is nothing to compare.
    proof = "unproven" if quiet and not MISMATCHES[name].tables else "rows_proven"
    assert set(ended["applied"]) == {"pass_mismatch"} and ended["proof"] == proof, ended
    assert list(ended["steps"][0]["queries"]) == queries(planned)
    assert equal(stage) == []
    before = state(stage)
    again = play(stage, tmp_path)
    assert again.code == 0 and result(again)["applied"] == [] and state(stage) == before, again.output


def statements_of(flavour: str, mode: Mode) -> Tuple[str, ...]:
    """The beginnings of the statements that pass a transaction whose GTID is not executed."""
    if mode[0] and flavour == "mysql-9.7":
        return ("SET SESSION gtid_next", "RESET", "START")
    if mode[0] and flavour == "mysql-5.6":
        return ("SET SESSION gtid_next", *(("RESET",) if mode[1] > 1 else ()), "CHANGE", "START")
    return ("SET GLOBAL", "START")


@pytest.mark.parametrize("mode", MODES if FULL else MODES[1:2], ids=lambda mode: "%s-%dw" % mode)
@pytest.mark.parametrize("at", ["SET SESSION gtid_next", "SET GLOBAL", "RESET", "CHANGE", "START"])
def test_what_a_killed_run_began_is_finished_by_the_next(
    flavour: str, stages: Stages, tmp_path: Path, at: str, mode: Mode
) -> None:
    if at not in statements_of(flavour, mode) or (not FULL and at != "START"):
        pytest.skip("not among the statements here, or with REPLICA_TEST_MATRIX=full")
    stage = broken(stages, flavour, "killed_myisam", mode)
    folder = tmp_path / "records"
    options = {"record_dir": str(folder)}

    def work(environment: Dict[str, str]) -> Any:
        return run_module("mismatch_repair", stage.replica, options, environment=environment)

    with held(tmp_path / "hold", at, work) as there:
        assert "signal" in there.kill()
    if at == "START":
        done = play(stage, folder)
        assert done.code == 0 and result(done)["proof"] in ("rows_proven", "fully_verified"), done.output
    else:
        again = run_module("mismatch_repair", stage.replica, options)
        assert not again["failed"] and again["changed"] and again["tables"] == ["shop.m"], again
        healing = {"tables": again["tables"], "state": "healed", **options}
        assert run_module("table_repair", stage.replica, healing)["proof"] == "rows_proven"
    assert equal(stage) == []
    assert not run_module("mismatch_repair", stage.replica, options)["changed"]


def test_a_plan_names_the_tables_that_an_earlier_run_left(flavour: str, stages: Stages, tmp_path: Path) -> None:
    stage = broken(stages, flavour, "killed_myisam", MODES[1])
    passed = run_module("mismatch_repair", stage.replica, {"record_dir": str(tmp_path)})
    assert not passed["failed"] and passed["tables"] == ["shop.m"], passed
    stage.replica.execute_unlogged("DELETE FROM shop.m")
    planned = result(play(stage, tmp_path, "--check"))
    assert planned["ok"] and planned["applied"] == [] and planned["owed"] == ["shop.m"], planned
    assert "Rows of shop.m would be made equal, which an earlier run has left." in planned["lines"], planned
    done = play(stage, tmp_path)
    assert done.code == 0 and result(done)["steps"][0]["tables"] == planned["owed"], done.output
    assert equal(stage) == []
    assert result(play(stage, tmp_path, "--check"))["owed"] == []


def test_a_plain_conflict_is_no_mismatch(flavour: str, stages: Stages, tmp_path: Path) -> None:
    stage = stages.of(flavour)
    stage.reset((True, 1))
    stage.both("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    stage.on_replica("DROP TABLE t")
    stage.fails("INSERT INTO t VALUES (1, 1)")
    before = state(stage)
    done = run_module("mismatch_repair", stage.replica, {"record_dir": str(tmp_path)})
    assert done["failed"] and done["code"] == "refused" and "logged without any error" in done["msg"], done
    assert state(stage) == before and not list(tmp_path.iterdir())
