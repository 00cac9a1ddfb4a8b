# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The diagnosis of many hosts beside one trivial module task for each of them: what a host costs.

    PYTHONPATH=.venv/collections:tests .venv/bin/python tests/benchmarks/bench_fleet.py [--hosts 50] [--rounds 3]

The hosts are names for the servers of one pair. Both playbooks run in turns, each as a command of its own with packed
modules, as a user runs them. The cost of an empty playbook over the same inventory is taken off both. CPU time is that
of Ansible and of the modules, without the servers'. There is no threshold: the ratio of one run is what counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any, Dict, List, Sequence, Tuple

from integration.playbook import run_playbook
from integration.test_fleet import names
from lab.topology import Lab

TASK = {"hosts": "fleet", "gather_facts": False, "tasks": [{"name": "Trivial", "ansible.builtin.ping": {}}]}
NOTHING = {"hosts": "fleet", "gather_facts": False, "tasks": []}


def spent(plays: Sequence[Any] | str, inventory: Dict[str, Any], forks: int, more: Sequence[str] = ()) -> List[float]:
    """Wall time and CPU time of a run."""
    before, began = os.times(), time.monotonic()
    done = run_playbook(plays, inventory, ["--forks", str(forks), *more], packed=True)
    wall, after = time.monotonic() - began, os.times()
    if done.code:
        raise SystemExit(done.output[-2000:])
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return [wall, used]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--flavour", default="mysql-9.7")
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--forks", type=int, default=5)
    asked = parser.parse_args()
    with Lab(asked.flavour) as lab:
        inventory = names(lab.servers, asked.hosts)
        runs: Dict[str, Tuple[Any, Sequence[str]]] = {
            "nothing": ([NOTHING], ()),
            "trivial": ([TASK], ()),
            "diagnose": ("replicaops.mysql.diagnose", ("-e", "target=fleet")),
        }
        seen: Dict[str, List[List[float]]] = {name: [] for name in runs}
        for _round in range(asked.rounds):
            for name, (plays, more) in runs.items():
                seen[name].append(spent(plays, inventory, asked.forks, more))
                print("%-9s wall %6.2f s, CPU %6.2f s" % (name, *seen[name][-1]), flush=True)
    for number, what in enumerate(("wall", "CPU")):
        best = {name: min(each[number] for each in found) for name, found in seen.items()}
        cost = {name: (best[name] - best["nothing"]) / asked.hosts * 1000 for name in ("trivial", "diagnose")}
        rounds = [
            (each[number] - none[number]) / (one[number] - none[number])
            for each, one, none in zip(seen["diagnose"], seen["trivial"], seen["nothing"])
        ]
        print(
            "%-4s per host: trivial %.0f ms, diagnose %.0f ms: %.2f times (median of the rounds %.2f)"
            % (what, cost["trivial"], cost["diagnose"], cost["diagnose"] / cost["trivial"], statistics.median(rounds))
        )


if __name__ == "__main__":
    main()
