# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller's tasks around a repair: before the first write, after the proof, and when it did not come to one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List

import pytest
from integration.conftest import Pair
from integration.playbook import Run, run_playbook
from integration.test_repair import host, result
from lab.compare import compare

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
HOOKS = ("before", "after", "failure")


class Hooks:
    """Files of tasks that write down that they ran, and how many columns the replica's table had then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()
        for name in HOOKS:
            self.write(name, "echo %s >> %s" % (name, self.log))

    def path(self, name: str) -> Path:
        return self.folder / (name + ".yml")

    def write(self, name: str, command: str) -> None:
        self.path(name).write_text(json.dumps([{"name": name, "ansible.builtin.shell": command}]), "utf-8")

    def ran(self) -> List[str]:
        """Which ran since it was asked last."""
        names = self.log.read_text("utf-8").split()
        self.log.write_text("", "utf-8")
        return names


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    return Hooks(tmp_path)


def repair(pair: Pair, hooks: Hooks, *more: str, **given: Any) -> Run:
    inventory = {"all": {"hosts": {"replica": host(pair.replica)}}}
    variables: Dict[str, Any] = {"target": "replica", "repair_record_dir": str(hooks.folder / "records"), **given}
    variables.update({"repair_hook_" + name: str(hooks.path(name)) for name in HOOKS})
    return run_playbook("replicaops.mysql.repair", inventory, ["-e", json.dumps(variables), *more])


def test_the_callers_tasks_run_around_a_repair(pair: Pair, hooks: Hooks) -> None:
    pair.source.execute("CREATE TABLE shop.hooked (id INT PRIMARY KEY) ENGINE=InnoDB")
    pair.lab.wait_in_sync()
    pair.replica.execute_unlogged("ALTER TABLE shop.hooked ADD COLUMN c INT")
    pair.source.execute("ALTER TABLE shop.hooked ADD COLUMN c INT")
    pair.replica.wait_until(lambda: str(pair.status()[pair.words.sql_running]) == "No", 30, "the applier to stop")

    if FULL:
        assert repair(pair, hooks, "--check").code == 0 and hooks.ran() == []
        assert repair(pair, hooks, repair_max_risk="none").code != 0 and hooks.ran() == []

    hooks.write("before", "echo before >> %s; exit 1" % hooks.log)
    kept = repair(pair, hooks)
    assert kept.code != 0 and hooks.ran() == ["before"] and result(kept)["applied"] == []
    assert not (hooks.folder / "records").exists()

    hooks.write("before", "echo before >> %s" % hooks.log)
    pair.replica.execute_unlogged("CREATE INDEX k ON shop.hooked (c)")
    pair.source.execute("CREATE INDEX k ON shop.hooked (c)")
    begun = repair(pair, hooks, repair_max_rounds=1)
    assert begun.code != 0 and hooks.ran() == ["before", "failure"] and result(begun)["applied"] == ["skip_present"]
    repaired = repair(pair, hooks)
    assert repaired.code == 0 and hooks.ran() == ["before", "after"], repaired.output
    assert compare(pair.source, pair.replica) == []
    if FULL:
        assert repair(pair, hooks).code == 0 and hooks.ran() == []
