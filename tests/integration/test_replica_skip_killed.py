# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""replica_skip killed between two statements: the next run finds what was left, puts it back and finishes."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from integration import skipping
from integration.held import held
from integration.playbook import run_module
from integration.skipping import Skipping
from lab.compare import compare

one_stage, one_mode, stage_in_order = skipping.one_stage, skipping.one_mode, skipping.stage_in_order

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"


def conflicts(stage: Skipping, value: str) -> None:
    """Ten transactions whose rows are there with this value, and a good one."""
    stage.stop("SQL_THREAD")
    stage.on_source(*("INSERT INTO t (id, v) VALUES (%d, 'source')" % number for number in range(10, 20)))
    stage.on_source("INSERT INTO t (id, v) VALUES (50, 'good')")
    stage.on_replica(*("INSERT INTO t (id, v) VALUES (%d, '%s')" % (number, value) for number in range(10, 20)))
    stage.received()
    stage.start("SQL_THREAD")
    stage.applier_error()


def killed(stage: Skipping, folder: Path, statement: str, options: Dict[str, Any]) -> None:
    """Run the module and end it with SIGKILL right before this statement."""

    def work(environment: Dict[str, str]) -> Any:
        return stage.skip(environment=environment, **options)

    with held(folder, statement, work) as running:
        assert running.kill()["signal"] == signal.SIGKILL


def mode_is(stage: Skipping) -> str:
    return str(stage.replica.value("SELECT @@GLOBAL.%s" % stage.mode_name()))


# The statement before which it is killed, and the mode at that moment.
STEPS = {
    "before the mode": (lambda stage: "SET GLOBAL %s = IDEMPOTENT" % stage.mode_name(), "STRICT"),
    "before the start": (lambda stage: "START ", "IDEMPOTENT"),
    "before the stop": (lambda stage: "STOP ", "IDEMPOTENT"),
    "before strict mode": (lambda stage: "SET GLOBAL %s = STRICT" % stage.mode_name(), "IDEMPOTENT"),
    "before the last start": (
        lambda stage: stage.replica.replica_sql("START", "SQL_THREAD") + (" FOR" if stage.new_words else ""), "STRICT"
    ),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS if FULL else ["before strict mode"])
def test_idempotent_mode_is_never_left_on(stage: Skipping, step: str, tmp_path: Path) -> None:
    at: Callable[[Skipping], str]
    at, left = STEPS[step]
    if step == "before the last start" and not stage.new_words:
        pytest.skip("both START statements begin alike here")
    conflicts(stage, "local")
    records = tmp_path / "records"
    options = {"errors": [1062], "limit": 10, "method": "idempotent", "record_dir": str(records)}
    killed(stage, tmp_path / "hold", at(stage), options)
    assert mode_is(stage) == left
    if step == "before strict mode":
        codes = [finding["code"] for finding in run_module("replica_status", stage.replica)["findings"]]
        assert "idempotent" in codes
    if left == "IDEMPOTENT":
        before = stage.picture() if step == "before strict mode" else None
        planned = stage.skip(**options, check=True)
        assert "SET GLOBAL %s = STRICT" % stage.mode_name() in planned["queries"], planned["msg"]
        assert before is None or stage.picture() == before
    found = stage.skip(**options)
    assert not found["failed"], found["msg"]
    assert mode_is(stage) == "STRICT"
    assert ("earlier run was killed" in found["msg"]) == (step != "before the mode"), found["msg"]
    stage.lab.wait_in_sync()
    assert compare(stage.source, stage.replica) == []
    stage.nothing_left()
    again = stage.skip(**options)
    assert (again["failed"], again["changed"]) == (False, False), again["msg"]


@pytest.mark.skipif(not FULL, reason="only with REPLICA_TEST_MATRIX=full")
def test_a_mode_that_somebody_turned_on_is_left_alone(stage: Skipping, tmp_path: Path) -> None:
    conflicts(stage, "local")
    stage.set_global(stage.replica, "replica_exec_mode", "IDEMPOTENT")
    found = stage.skip(errors=[1062], method="idempotent", record_dir=str(tmp_path))
    assert (found["failed"], found["code"]) == (True, "refused")
    assert "on already" in found["msg"]
    assert mode_is(stage) == "IDEMPOTENT"


@pytest.mark.parametrize("method", ["auto", "position"] if FULL else ["auto"])
def test_a_run_of_transactions(stage: Skipping, method: str, tmp_path: Path) -> None:
    """Killed with the counter set, the empty transactions written, or the position moved: each is passed once."""
    if method == "position" and stage.gtid and not stage.mariadb:
        pytest.skip("a position would leave a hole")
    conflicts(stage, "source")
    options = {"errors": [1062], "limit": 20, "method": method, "record_dir": str(tmp_path / "records")}
    killed(stage, tmp_path / "hold", "START ", options)
    found = stage.skip(**options)
    assert not found["failed"], found["msg"]
    stage.lab.wait_in_sync()
    assert compare(stage.source, stage.replica) == []
    stage.nothing_left()
    assert not stage.skip(**options)["changed"]


@pytest.mark.skipif(not FULL, reason="only with REPLICA_TEST_MATRIX=full")
@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("method", ["auto", "position"])
def test_killed_before_each_of_its_statements(stage: Skipping, method: str, step: int, tmp_path: Path) -> None:
    if method == "position" and stage.gtid and not stage.mariadb:
        pytest.skip("a position would leave a hole")
    conflicts(stage, "source")
    options = {"errors": [1062], "limit": 20, "method": method, "record_dir": str(tmp_path / "records")}
    planned = stage.skip(**options, check=True)
    # What stands before the first value begins the statement also where values are sent beside it.
    beginnings = list(dict.fromkeys(re.split(r"['=]", query)[0] for query in planned["queries"]))
    if step >= len(beginnings):
        pytest.skip("it has no more statements")
    killed(stage, tmp_path / "hold", beginnings[step], options)
    found = stage.skip(**options)
    assert not found["failed"], (beginnings[step], found["msg"])
    stage.lab.wait_in_sync()
    assert compare(stage.source, stage.replica) == []
    stage.nothing_left()
    assert not stage.skip(**options)["changed"]
