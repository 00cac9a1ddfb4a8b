# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""replica_exec_mode on real servers, run as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from integration.conftest import Pair
from integration.playbook import run_module
from lab.accounts import OBSERVER
from lab.topology import Lab


def variable(pair: Pair) -> str:
    return "replica_exec_mode" if pair.words.replica == "REPLICA" else "slave_exec_mode"


def mode(pair: Pair) -> str:
    return str(pair.replica.value("SELECT @@GLOBAL.%s" % variable(pair)))


def set_mode(pair: Pair, wanted: str, **options: Any) -> Dict[str, Any]:
    check = options.pop("check", False)
    return run_module("replica_exec_mode", pair.replica, {"exec_mode": wanted, **options}, check=check)


@pytest.fixture
def strict(pair: Pair) -> Iterator[Pair]:
    """A pair whose replica stops at conflicts, before the test and after it."""
    assert mode(pair) == "STRICT"
    yield pair
    pair.replica.execute("SET GLOBAL %s = 'STRICT'" % variable(pair))


def test_the_mode_is_set_shown_recorded_and_taken_up_by_the_running_applier(strict: Pair, tmp_path: Path) -> None:
    pair = strict
    foretold = set_mode(pair, "IDEMPOTENT", check=True)
    assert (foretold["changed"], foretold["executed"], mode(pair)) == (True, False, "STRICT"), foretold
    done = set_mode(pair, "IDEMPOTENT", record_dir=str(tmp_path), state_id=foretold["state_id"])
    assert done["changed"] and not done["failed"], done
    assert done["queries"] == foretold["queries"] == ["SET GLOBAL %s = 'IDEMPOTENT'" % variable(pair)]
    assert (done["before"], done["after"]) == (foretold["before"], foretold["after"])
    assert done["diff"] == {"before": {"exec_mode": "STRICT"}, "after": {"exec_mode": "IDEMPOTENT"}}
    assert done["risk"] == "replica_rows" and done["loses"]
    record = json.loads(Path(done["record"]).read_text(encoding="utf-8"))
    assert record["outcome"] == "done" and record["executed"] == done["queries"]
    assert record["before"]["server"]["variables"][variable(pair)] == "STRICT"
    assert mode(pair) == "IDEMPOTENT"
    assert not set_mode(pair, "IDEMPOTENT")["changed"]

    # The applier runs all the time: a conflict that stops it in STRICT mode passes.
    pair.source.execute_unlogged("INSERT INTO shop.t (id, v) VALUES (90001, 'only here')")
    pair.source.execute("DELETE FROM shop.t WHERE id = 90001")
    pair.write()
    pair.wait_same()

    undone = run_module("replica_undo", pair.replica, {"record": done["record"]})
    assert undone["changed"] and mode(pair) == "STRICT", undone


def test_what_must_not_be_done_is_refused(strict: Pair) -> None:
    pair = strict
    moved = set_mode(pair, "IDEMPOTENT", state_id="0" * 64)
    assert moved["failed"] and moved["code"] == "state_moved", moved
    options = {"exec_mode": "IDEMPOTENT"}
    unprivileged = run_module("replica_exec_mode", pair.replica, options, account=OBSERVER)
    assert unprivileged["failed"] and not unprivileged["changed"], unprivileged
    assert "exec mode" in unprivileged["msg"], unprivileged["msg"]
    assert mode(pair) == "STRICT"


@pytest.mark.parametrize("flavour_name", ["mysql-9.7", "mariadb-11.8"])
def test_idempotent_is_refused_while_two_appliers_run(flavour_name: str) -> None:
    with Lab(flavour_name, "multi") as lab:
        target = lab.servers[2]
        refused = run_module("replica_exec_mode", target, {"exec_mode": "IDEMPOTENT"})
        assert refused["failed"] and refused["code"] == "refused", refused
        assert len(refused["running"]) == 2, refused
        assert not run_module("replica_exec_mode", target, {"exec_mode": "STRICT"})["changed"]
