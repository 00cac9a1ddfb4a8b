# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hosts in one run: names for a few servers, one of which nobody answers for."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, List, Sequence, Set

import pytest
from integration.conftest import Pair
from integration.playbook import Run, run_playbook
from integration.test_repair import host
from lab.server import Server

HOSTS = 50
FULL = pytest.mark.skipif(os.environ.get("REPLICA_TEST_MATRIX") != "full", reason="a minute: REPLICA_TEST_MATRIX=full")


def names(servers: Sequence[Server], number: int) -> Dict[str, Any]:
    """An inventory with so many names for the servers, in turns, in the group fleet."""
    hosts = {"db%03d" % each: host(servers[each % len(servers)]) for each in range(number)}
    return {"all": {"children": {"fleet": {"hosts": hosts}}}}


def recap(run: Run) -> Dict[str, Dict[str, int]]:
    """The numbers of the recap, by host."""
    found = re.findall(r"^(\S+) +: (ok=.*)$", run.output, re.MULTILINE)
    return {name: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", rest)} for name, rest in found}


def summary(run: Run) -> List[str]:
    """The lines with which the run ends."""
    told = [task for task in run.tasks if task.name.endswith("Say what happened")]
    assert len(told) == 1, run.output
    lines: List[str] = told[0].result["msg"]
    return lines


def told(lines: Sequence[str]) -> Set[str]:
    """The hosts that a summary names, with its ranges unfolded."""
    found: Set[str] = set()
    for first, last in re.findall(r"db\[(\d+):(\d+)\]", " ".join(lines)):
        found |= {"db%03d" % number for number in range(int(first), int(last) + 1)}
    return found | set(re.findall(r"\bdb\d{3}\b", " ".join(lines)))


@FULL
@pytest.mark.modes("gtid")
def test_one_that_nobody_answers_for_hides_no_other(well: Pair, tmp_path: Path) -> None:
    inventory = names(well.lab.servers, HOSTS)
    hosts = inventory["all"]["children"]["fleet"]["hosts"]
    gone = "db031"
    hosts[gone] = {**hosts[gone], "replica_login_port": "1"}
    run = run_playbook(
        "replicaops.mysql.diagnose", inventory, ["-e", json.dumps({"target": "fleet", "report_dir": str(tmp_path)})],
    )  # fmt: skip
    assert run.code == 2, run.output

    counts = recap(run)
    assert {name for name, count in counts.items() if count["failed"] or count["unreachable"]} == {gone}
    read = {task.host: task.result["verdict"] for task in run.tasks
            if task.name.endswith("Read the server") and task.outcome == "ok"}  # fmt: skip
    assert set(read) == set(hosts) - {gone} and set(read.values()) == {"healthy", "not_a_replica"}

    lines = summary(run)
    assert len(lines) <= 20 and lines[0].endswith("%d good, 1 not." % (HOSTS - 1))
    assert lines[1].startswith("!  %s (unknown)" % gone)
    assert told(lines) == set(hosts)
    data = json.loads(next(tmp_path.glob("*.json")).read_text(encoding="utf-8"))
    assert {server["host"]: server["ok"] for server in data["servers"]} == {name: name != gone for name in hosts}


@FULL
@pytest.mark.modes("gtid")
def test_the_run_fails_for_those_that_are_broken_when_asked_to(well: Pair) -> None:
    inventory = names(well.lab.servers, HOSTS)
    well.replica.stop_replica()
    variables = {"target": "fleet", "diagnose_fail_on": "warning"}
    run = run_playbook("replicaops.mysql.diagnose", inventory, ["-e", json.dumps(variables)])
    failed = {name for name, count in recap(run).items() if count["failed"]}
    broken = {task.host for task in run.tasks if task.name.endswith("Read the server")
              and task.result["verdict"] not in ("not_a_replica", "healthy")}  # fmt: skip
    assert failed == broken and len(broken) == HOSTS // 2, run.output
    lines = summary(run)
    assert len(lines) <= 20 and told(lines) == {"db%03d" % number for number in range(HOSTS)}
    assert all(line.startswith("!  ") for line in lines[1:-1]) and not lines[-1].startswith("!")
