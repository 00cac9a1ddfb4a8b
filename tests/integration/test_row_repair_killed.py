# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""row_repair killed between two statements: no row is lost, no setting stays, whichever module comes next."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from integration.conflicts import CONFLICTS
from integration.conftest import Pair
from integration.held import held
from integration.playbook import run_module
from integration.test_repair import dropped, play, result, state
from integration.test_repair_below import Chain, chain
from lab.compare import compare
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
PUT_BACK = "SET GLOBAL super_read_only = 1"
STEPS = ("BINLOG", "START TRANSACTION", "COMMIT", "SET SESSION sql_log_bin = 1")

in_full = pytest.mark.skipif(not FULL, reason="only with REPLICA_TEST_MATRIX=full")


def killed(pair: Pair, folder: Path, statement: str, which: str = "failing") -> Dict[str, Any]:
    """Run row_repair and end it with SIGKILL right before this statement; the options that it had."""
    options = {"transactions": {"which": which}, "state": "healed", "record_dir": str(folder / "records")}

    def work(environment: Dict[str, str]) -> Any:
        return run_module("row_repair", pair.replica, options, environment=environment)

    with held(folder / "held", statement, work) as there:
        assert there.kill()["signal"] == 9
    return options


def breaks(pair: Pair) -> None:
    """Let the applier stop at a row conflict."""
    conflict = CONFLICTS["mixed"]
    conflict.prepare_on(pair.source)
    pair.lab.wait_in_sync()
    conflict.break_on(pair.replica)
    conflict.go_on(pair.source)
    pair.replica.wait_until(lambda: pair.status()[pair.words.sql_running] == "No", what="the applier to stop")


def lowered(pair: Pair) -> bool:
    """Whether rows may be written by everybody who could not before."""
    return not int(str(pair.replica.value("SELECT @@GLOBAL.super_read_only")))


@pytest.mark.pairs("mysql-9.7-gtid")
def test_whatever_module_comes_next_puts_super_read_only_back(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        breaks(well)
        well.replica.execute("SET GLOBAL super_read_only = 1")
        options = killed(well, tmp_path, "COMMIT")
        assert lowered(well), "a killed run cannot put it back itself"
        before = state(well)
        threads = {"state": "stopped", "threads": "applier"}
        elsewhere = run_module("replica_channel", well.replica, {**threads, "record_dir": str(tmp_path / "others")})
        assert not elsewhere["changed"] and lowered(well)
        records = {**threads, "record_dir": options["record_dir"]}
        planned = run_module("replica_channel", well.replica, records, check=True)
        assert planned["changed"] and planned["queries"] == [PUT_BACK] and state(well) == before, planned
        done = run_module("replica_channel", well.replica, records)
        assert done["changed"] and done["queries"] == [PUT_BACK] and not lowered(well), done
        assert "ended" in done["msg"]
        again = run_module("replica_channel", well.replica, records)
        assert not again["changed"] and again["queries"] == [], again
        # Who lowers it by himself is not overruled.
        well.replica.execute("SET GLOBAL super_read_only = 0")
        assert not run_module("replica_channel", well.replica, records)["changed"] and lowered(well)


@in_full
@pytest.mark.pairs("mysql-9.7-position")
def test_the_playbook_puts_it_back_and_goes_on(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        breaks(well)
        well.replica.execute("SET GLOBAL super_read_only = 1")
        options = killed(well, tmp_path, PUT_BACK)
        assert lowered(well)
        done = play(well, "repair", Path(options["record_dir"]))
        assert done.code == 0 and result(done)["proof"] == "rows_proven", done.output
        assert not lowered(well)
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


@in_full
@pytest.mark.every_flavour
@pytest.mark.parametrize("which", ["failing", "pending"])
@pytest.mark.parametrize("statement", STEPS)
def test_the_next_run_finishes(well: Pair, statement: str, which: str, tmp_path: Path) -> None:
    with dropped(well):
        breaks(well)
        options = killed(well, tmp_path, statement, which)
        done = run_module("row_repair", well.replica, options)
        assert not done["failed"] and done["proof"] == "rows_proven", done
        assert done["changed"] == (statement != STEPS[-1]), "after COMMIT nothing is left to do"
        assert not run_module("row_repair", well.replica, options)["changed"]
        well.replica.start_replica("SQL_THREAD")
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


@in_full
@pytest.mark.parametrize("mode", ["gtid", "position"])
def test_killed_when_only_the_leaf_was_healed(
    flavour: str, mode: str, lab_of: Callable[..., Lab], tmp_path: Path
) -> None:
    made: Chain = chain(lab_of, flavour, mode)
    made.breaks("mixed")
    made.leaf.execute_unlogged("DELETE FROM shop.mixed WHERE id = 2")
    before = state(made)
    options = killed(made, tmp_path, "SET SESSION sql_log_bin = 1")
    assert state(made) == before and made.leaf.value("SELECT COUNT(*) FROM shop.mixed WHERE id = 2") == 1
    done = run_module("row_repair", made.replica, options)
    assert not done["failed"] and [one["healed"] for one in done["below"]] == [0] and done["healed"], done
    made.replica.start_replica("SQL_THREAD")
    made.all_equal()
