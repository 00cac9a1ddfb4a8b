# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWX project: what it creates, and its jobs with the answers of their surveys, all of them strings as in AWX."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import ansible_runner
import pytest
import yaml
from integration.awx_stand_in import StandIn
from integration.conftest import Pair
from integration.playbook import CHECKOUT, assert_no_secret, collections_path
from integration.test_repair import host
from lab.compare import compare

AWX = CHECKOUT / "awx"
CONFIG: Dict[str, Any] = yaml.safe_load((AWX / "config.yml").read_text(encoding="utf-8"))
TEMPLATES = {template["name"]: template for template in CONFIG["awx_config_job_templates"]}
FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
PASSWORD = "a-password-of-nobody"


def answers(template: str, **given: str) -> Dict[str, str]:
    """The survey's answers as AWX hands them on: the defaults and what was answered, every value a string."""
    questions = [CONFIG["awx_config_questions"][name] for name in TEMPLATES[template]["questions"]]
    known = {question["variable"]: str(question["default"]) for question in questions}
    assert set(given) <= set(known), "not in the survey"
    return {**known, **given}


@dataclass(frozen=True)
class Job:
    """A job that ran: its exit code, its output, and what it hands to the next job of a workflow."""

    code: int
    output: str
    artifacts: Dict[str, Any]


def run_job(
    folder: Path, pair: Pair, template: str, given: Mapping[str, str], handed: Optional[Mapping[str, Any]] = None
) -> Job:
    """Run a job template as AWX does: its wrapper in a copy of the project, by ansible-runner, in a new folder."""
    job = Path(tempfile.mkdtemp(prefix=template + "-", dir=folder))
    shutil.copytree(AWX, job / "project")
    wrapper = TEMPLATES[template].get("playbook", template) + ".yml"
    ran = ansible_runner.run(
        private_data_dir=str(job),
        playbook=wrapper,
        inventory={"all": {"hosts": {"db2": host(pair.replica)}}},
        # What is handed on by the workflow comes after the answers, as in AWX.
        extravars={**given, "repair_record_dir": str(folder / "records"), **(handed or {})},
        envvars={"ANSIBLE_COLLECTIONS_PATH": str(collections_path(job)), "ANSIBLE_LOCAL_TEMP": str(job / "tmp")},
        cmdline="--check --diff" if TEMPLATES[template].get("job_type") == "check" else "--diff",
        verbosity=3,
        quiet=True,
    )
    with ran.stdout as stream:
        output = stream.read()
    assert_no_secret(output)
    last = [event["event_data"] for event in ran.events if event["event"] == "playbook_on_stats"][-1]
    return Job(int(ran.rc), output, last.get("artifact_data", {}))


def apply(stand_in: StandIn) -> subprocess.CompletedProcess[str]:
    given = {"awx_inventory": "databases", "awx_project_url": "https://git.example.com/dba/replicaops.git",
             "awx_credentials": ["database login"]}  # fmt: skip
    return subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-v", "-e", json.dumps(given), str(AWX / "apply.yml")],
        env={**os.environ, "CONTROLLER_HOST": stand_in.url, "CONTROLLER_USERNAME": "admin",
             "CONTROLLER_PASSWORD": PASSWORD, "CONTROLLER_VERIFY_SSL": "false",
             "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv" / "collections")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_everything_is_created_once() -> None:
    with StandIn() as stand_in:
        store = stand_in.store
        for kind, name in (
            ("organizations", "Default"),
            ("inventories", "databases"),
            ("credentials", "database login"),
        ):
            store.add(kind, {"name": name})
        first = apply(stand_in)
        assert first.returncode == 0, first.stdout + first.stderr
        made = list(store.changes)
        second = apply(stand_in)
        assert second.returncode == 0, second.stdout + second.stderr
    assert store.changes == made
    assert "changed=0" in second.stdout and PASSWORD not in first.stdout + second.stdout
    assert {name.rpartition(" ")[2] for name in names(store.objects["job_templates"])} == set(TEMPLATES)
    for template in store.objects["job_templates"].values():
        assert not template["ask_limit_on_launch"] and (AWX / template["playbook"]).exists()
        assert json.loads(template["extra_vars"])["repair_record_dir"] == "/var/lib/replicaops"
    assert workflow(store) == {
        "diagnose": {"failure_nodes": ["plan"]},
        "plan": {"success_nodes": ["approval"]},
        "approval": {"success_nodes": ["repair"]},
        "repair": {"success_nodes": ["verify"]},
        "verify": {},
    }


def names(objects: Mapping[int, Mapping[str, Any]]) -> List[str]:
    return [str(each["name"]) for each in objects.values()]


def workflow(store: Any) -> Dict[str, Dict[str, List[str]]]:
    """By node, the nodes that follow it."""
    nodes = store.objects["workflow_job_template_nodes"]
    found: Dict[str, Dict[str, List[str]]] = {each["identifier"]: {} for each in nodes.values()}
    for path, following in store.below.items():
        kind, number, edge = path.split("/")
        if kind == "workflow_job_template_nodes":
            found[nodes[int(number)]["identifier"]][edge] = [nodes[each]["identifier"] for each in following]
    return found


@pytest.mark.parametrize("name", sorted(CONFIG["awx_config_questions"]))
def test_a_question_is_one_that_awx_takes(name: str) -> None:
    question = CONFIG["awx_config_questions"][name]
    assert question["type"] in ("text", "textarea", "integer", "float", "multiplechoice", "multiselect", "password")
    assert question["question_name"] and question["question_description"] and question["variable"]
    if question["type"] == "multiplechoice":
        assert all(isinstance(choice, str) for choice in question["choices"])
        assert question["default"] in question["choices"]
    if question["type"] == "integer":
        assert question["min"] <= question["default"] <= question["max"]


def test_every_playbook_has_a_wrapper_and_a_survey() -> None:
    wrappers = {path.name for path in AWX.glob("*.yml")} - {"apply.yml", "config.yml", "execution-environment.yml"}
    assert {template.get("playbook", name) + ".yml" for name, template in TEMPLATES.items()} == wrappers


def test_a_workflow_repairs_the_approved_state_and_no_other(well: Pair, tmp_path: Path) -> None:
    pair = well
    target = {"target": "db2"}
    pair.source.execute("CREATE TABLE shop.awx (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
    pair.lab.wait_in_sync()
    if FULL:
        assert run_job(tmp_path, pair, "diagnose", answers("diagnose", **target, diagnose_fail_on="warning")).code == 0

    pair.replica.execute_unlogged("ALTER TABLE shop.awx ADD COLUMN c INT")
    pair.source.execute("ALTER TABLE shop.awx ADD COLUMN c INT")
    pair.replica.wait_until(lambda: str(pair.status()[pair.words.sql_running]) == "No", 30, "the applier to stop")
    seen = run_job(tmp_path, pair, "diagnose", answers("diagnose", **target, diagnose_fail_on="warning"))
    assert seen.code != 0 and seen.artifacts["replica_verdict"] == {"db2": "broken"}
    planned = run_job(tmp_path, pair, "plan", answers("plan", **target))
    assert planned.code == 0, planned.output
    approved = {"repair_state_id": planned.artifacts["repair_state_id"]}
    assert approved["repair_state_id"] == seen.artifacts["repair_state_id"]

    other = {"repair_state_id": {"db2": "0" * 64}}
    refused = run_job(tmp_path, pair, "repair", answers("repair", **target), other)
    assert refused.code != 0 and "The state has moved" in refused.output
    repaired = run_job(tmp_path, pair, "repair", answers("repair", **target), approved)
    assert repaired.code == 0, repaired.output
    if FULL:
        verified = run_job(tmp_path, pair, "verify", answers("verify", **target))
        assert verified.code == 0, verified.output
        assert verified.artifacts["replica_proof"] == {"db2": "fully_verified"}
    assert compare(pair.source, pair.replica) == []
