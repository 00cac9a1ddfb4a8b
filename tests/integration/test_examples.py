# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the documentation that calls a playbook, on a real pair; every task of an example, read by Ansible.

Ansible always parses them; with ``REPLICA_TEST_MATRIX=full`` the commands are carried out as they stand, with the paths
that they name below a folder of the test.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
import yaml
from documented import Play, blocks, commands, examples, play, reason, tasks_of
from integration.conftest import SEED
from integration.playbook import run_playbook
from integration.test_repair import host
from lab.accounts import REBUILDER, REPAIRER
from lab.compare import compare
from lab.topology import Lab

PLAYS = [play(command) for command in commands() if not reason(command)]
FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
PLACES = ("/srv/", "/var/lib/")
# What the plays say that refuse servers which are well.
REFUSED: Dict[str, str] = {
    "replicaops.mysql.undo": "undo record",
}


def inventory(lab: Lab, playbook: str) -> Dict[str, Any]:
    """The hosts that the pages speak of: db1 is the source of db2 and db3; with an account that may do what is done."""
    account = REBUILDER if playbook.endswith(".rebuild") else REPAIRER
    mine = {"replica_login_user": account.user, "replica_login_password": account.password}
    hosts = {"db%d" % number: {**host(server), **mine} for number, server in enumerate(lab.servers, 1)}
    return {"all": {"hosts": hosts, "children": {"replicas": {"hosts": {"db2": {}, "db3": {}}}}}}


def placed(value: Any, folder: Path) -> Any:
    """A value with a path of the documentation moved below a folder; a file of tasks that it names is there."""
    if not str(value).startswith(PLACES):
        return value
    path = folder / str(value).lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".yml":
        path.write_text("- name: Do what the hook does\n  ansible.builtin.debug:\n    msg: done\n", "utf-8")
    return str(path)


def arguments(wanted: Play, folder: Path) -> List[str]:
    given: List[str] = list(wanted.arguments)
    for name, value in wanted.variables.items():
        given += ["-e", yaml.safe_dump({name: placed(value, folder)}, default_flow_style=True, width=10**6).strip()]
    return [*given, "-e", "repair_record_dir=%s" % (folder / "records")]


def test_ansible_parses_every_command_and_every_task(tmp_path: Path) -> None:
    hosts = {"all": {"hosts": {name: {} for name in ("db1", "db2", "db3", "proxy1", "replicas", "monitoring")}}}
    for wanted in PLAYS:
        run = run_playbook(wanted.playbook, hosts, ["--syntax-check", *arguments(wanted, tmp_path)])
        assert run.code == 0, "%s: %s" % (wanted, run.output)
    tasks: List[Any] = []
    plays: List[Any] = []
    for text in [*examples("plugins/modules").values(), *(block.text for block in blocks("yaml"))]:
        data = yaml.safe_load(text)
        tasks += [task for task in tasks_of(data) if task not in plays]
        plays += [item for item in data if "hosts" in item] if isinstance(data, list) else []
    assert tasks and plays
    run = run_playbook([{"hosts": "db2", "gather_facts": False, "tasks": tasks}, *plays], hosts, ["--syntax-check"])
    assert run.code == 0, run.output


@pytest.mark.skipif(not FULL, reason="part of the full matrix")
def test_every_command_does_what_it_says(lab_of: Callable[..., Lab], flavour: str, tmp_path: Path) -> None:
    lab = lab_of(flavour, "fan", gtid=True, seed=SEED)
    for number, wanted in enumerate(PLAYS):
        folder = tmp_path / str(number)
        run = run_playbook(wanted.playbook, inventory(lab, wanted.playbook), arguments(wanted, folder))
        if wanted.playbook in REFUSED:
            assert run.code != 0 and re.search(REFUSED[wanted.playbook], run.output), run.output
            lab.servers[1].start_replica()
            continue
        assert run.code == 0, "%s: %s" % (wanted, run.output)
        for value in wanted.variables.values():
            if str(value).startswith(PLACES):
                assert Path(placed(value, folder)).exists(), run.output
        lab.wait_all_in_sync()
        assert [compare(lab.source, replica) for replica in lab.servers[1:]] == [[], []]
