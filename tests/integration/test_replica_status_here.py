# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""replica_status within the task, where it runs on the controller with its own Python, beside the packed module."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from integration.conftest import Pair
from integration.playbook import Run, run_playbook
from integration.test_repair import host

FULL = pytest.mark.skipif(os.environ.get("REPLICA_TEST_MATRIX") != "full", reason="a minute: REPLICA_TEST_MATRIX=full")
HERE, USUAL = "Running replica_status within the task", "Using module file"
# An environment of its own is what makes a task start the module.
PACKED = {"environment": {"REPLICAOPS_TEST": "1"}}
# What another second, another connection or another worker of Ansible changes.
MOVING = ("Time", "TIME", "Seconds", "Id", "ID", "Info", "Heartbeat", "HEARTBEAT", "Timestamp", "TIMESTAMP")
LOGIN = {
    "login_host": "{{ replica_login_host }}",
    "login_port": "{{ replica_login_port }}",
    "login_user": "{{ replica_login_user }}",
    "login_password": "{{ replica_login_password }}",
}


def both_ways(options: Dict[str, Any], **keywords: Any) -> List[Dict[str, Any]]:
    """A task that looks within the task and one that has the module look."""
    looks: Dict[str, Any] = {"replicaops.mysql.replica_status": options, "ignore_errors": True, **keywords}
    return [{"name": "here", **looks}, {"name": "packed", **looks, **PACKED}]


def told(well: Pair, tasks: List[Dict[str, Any]], *more: str, **variables: Any) -> Tuple[Run, List[Dict[str, Any]]]:
    """The run, and what each task came to."""
    hosts = {"all": {"hosts": {"replica": {**host(well.replica), **variables}}}}
    run = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks}], hosts, ["-vvv", *more], packed=True)
    assert "errantly" not in run.output and "Traceback" not in run.output, run.output
    return run, [{"outcome": task.outcome, **task.result} for task in run.tasks]


def still(value: Any) -> Any:
    """A result without what moves by itself."""
    if isinstance(value, dict):
        return {key: still(each) for key, each in value.items() if not any(word in key for word in MOVING)}
    return [still(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("broken", [pytest.param(False, id="healthy", marks=FULL), pytest.param(True, id="broken")])
def test_the_result_is_that_of_the_module(well: Pair, broken: bool, tmp_path: Path) -> None:
    if broken:
        well.replica.execute("INSERT INTO shop.t (id, v) VALUES (1000, 'in the way')")
        well.source.execute("INSERT INTO shop.t (id, v) VALUES (1000, 'late')")
        well.replica.wait_until(lambda: bool(well.status()[well.words.sql_error]), what="an error of the applier")
    else:
        well.wait_same()
    defaults = {"group/replicaops.mysql.replica": LOGIN}
    options = {"source": {}, "record_dir": "records", "allowed_local": "a,b"}
    run, results = told(well, both_ways(options, module_defaults=defaults), "--check", "--diff")
    here, packed = results
    assert run.code == 0 and run.output.count(HERE) == run.output.count(USUAL) == 1, run.output
    assert here["verdict"] == ("broken" if broken else "healthy") and here["raw"] and here["sources"]
    assert still(here) == still(packed)


def test_the_playbook_looks_within_the_task(well: Pair) -> None:
    """What a host of a fleet costs depends on it."""
    inventory = {"all": {"hosts": {"replica": host(well.replica), "source": host(well.source)}}}
    run = run_playbook("replicaops.mysql.diagnose", inventory, ["-vvv", "-e", "target=all"])
    assert run.code == 0 and run.output.count(HERE) == 2 and USUAL not in run.output, run.output


@FULL
def test_what_fails_fails_as_the_module_does(well: Pair) -> None:
    """Nobody answers; the account is refused; options are wrong, which is left to the module to say."""
    refused = {"login_port": 1}, {"login_password": "not-the-one"}, {"login_user": "{{ replica_login_password }}"}
    wrong = {"samples": "many"}, {"no_such_option": 1}, {"members": [{"login_host": "db9"}]}
    tasks = [task for change in (*refused, *wrong) for task in both_ways({**LOGIN, **change})]
    run, results = told(well, tasks)
    assert run.output.count(HERE) == len(refused), run.output
    assert all(result["outcome"] == "failed" and result["msg"] for result in results)
    assert len({result["msg"] for result in results}) == len(refused) + len(wrong)
    for here, packed in zip(results[::2], results[1::2]):
        assert still(here) == still(packed)


@FULL
def test_one_look_leaves_nothing_to_the_next(well: Pair) -> None:
    """The items of a loop share a process."""
    items = [{"port": "1", "user": "nobody"}, {"port": "{{ replica_login_port }}", "user": "{{ replica_login_user }}"}]
    options = {**LOGIN, "login_port": "{{ item.port }}", "login_user": "{{ item.user }}", "source": {}}
    run, [here, packed] = told(well, both_ways(options, loop=items))
    assert run.output.count(HERE) == len(items) and still(here) == still(packed)
    first, second = here["results"]
    assert first["code"] == "connect" and second["verdict"] == "healthy" and "code" not in second


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of something that takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


@FULL
def test_the_time_that_a_task_is_given_ends_a_look(well: Pair, silent: int) -> None:
    options = {**LOGIN, "login_host": "127.0.0.1", "login_port": silent, "connect_timeout": 60}
    run, [here, packed] = told(well, both_ways(options, timeout=1))
    assert run.output.count(HERE) == 1 and here["outcome"] == packed["outcome"] == "failed"
    assert here["msg"] == packed["msg"] and "imed out" in here["msg"]


UNUSUAL: Dict[str, Dict[str, Any]] = {
    "another Python": {"vars": {"ansible_python_interpreter": "{{ ansible_playbook_python | dirname }}/python3"}},
    "another shell": {"vars": {"ansible_shell_executable": "/bin/bash"}},
    "another host": {"delegate_to": "replica"},
    "another user": {"become": True, "vars": {"ansible_become_method": "su", "ansible_become_user": "root"}},
    "later": {"async": 60, "poll": 1},
}


@FULL
@pytest.mark.skipif(os.geteuid() != 0, reason="becomes root")
def test_the_module_runs_where_anything_is_unusual(well: Pair) -> None:
    tasks = [{**both_ways({**LOGIN, "source": {}})[0], **unusual} for unusual in UNUSUAL.values()]
    run, results = told(well, tasks)
    assert HERE not in run.output
    assert [result["verdict"] for result in results] == ["healthy"] * len(UNUSUAL), run.output


def test_a_secret_that_is_in_the_answer_is_masked_as_by_the_module(well: Pair) -> None:
    """The password of the tests is nowhere else; one that is a word of the answer is masked wherever the word is."""
    secret = json.dumps({"source_login_password": "replica"})
    options = {**LOGIN, "source": {"login_password": "{{ source_login_password }}", "login_user": "nobody"}}
    run, [here, packed] = told(well, both_ways(options), "-e", secret)
    assert run.output.count(HERE) == 1 and still(here) == still(packed)
    assert "replica" not in json.dumps([value for value in here["server"].values() if isinstance(value, str)])
