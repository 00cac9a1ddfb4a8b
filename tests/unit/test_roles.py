# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and playbooks held to their promises: documented defaults, no default target, one server at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.remedies import REMEDIES

yaml = pytest.importorskip("yaml")

TOP = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (TOP / "roles").iterdir() if (path / "tasks").is_dir())
PLAYBOOKS = sorted(path for path in (TOP / "playbooks").glob("*.yml") if not path.name.startswith("_"))


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("role", ROLES)
def test_every_default_is_documented_with_the_same_value(role):
    options = load(TOP / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = load(TOP / "roles" / role / "defaults" / "main.yml")
    assert set(defaults) <= set(options)
    plain = {name: value for name, value in defaults.items() if "{{" not in str(value)}
    assert {name: options[name]["default"] for name in plain} == plain


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_no_playbook_has_a_default_target(playbook):
    plays = load(playbook)
    assert plays[0]["ansible.builtin.import_playbook"] == "_target.yml"
    hosts = [play["hosts"] for play in plays[1:] if "hosts" in play]
    assert set(hosts) <= {"{{ target }}", "localhost", "replicaops_repair_order"}


def test_every_remedy_that_writes_has_its_tasks():
    files = load(TOP / "roles" / "repair" / "vars" / "main.yml")["repair_tasks"]
    assert set(files) == {remedy.name for remedy in REMEDIES.values() if remedy.module}
    assert all((TOP / "roles" / "repair" / "tasks" / (name + ".yml")).is_file() for name in files.values())


@pytest.mark.parametrize("playbook", ["repair", "skip", "undo", "gtid"])
def test_what_writes_goes_one_server_at_a_time(playbook):
    writing = [play for play in load(TOP / "playbooks" / (playbook + ".yml"))[1:] if "roles" in play]
    assert writing[-1]["serial"] == 1


def test_how_the_source_is_reached_as_a_target_stands_in_one_place():
    tasks = {path.name: path.read_text(encoding="utf-8") for path in (TOP / "roles" / "repair" / "tasks").glob("*.yml")}
    assert not [name for name, text in tasks.items() if "source_login_" in text]
    users = {name for name, text in tasks.items() if "repair_there" in text}
    assert users == {"conflict.yml", "conflict_position.yml", "errant.yml", "tail.yml"}
    assert "repair_there" in load(TOP / "roles" / "repair" / "vars" / "main.yml")
