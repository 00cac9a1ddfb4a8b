# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to make many transactions count as executed: one by one, by our module, and by appending.

    PYTHONPATH=.venv/collections:tests .venv/bin/python tests/benchmarks/bench_gtid_repair.py [flavour] [transactions]

All in one run on one replica with sync_binlog=1, and again with 0. One by one is what the field's tools do: set
gtid_next, commit an empty transaction, set gtid_next back, a round trip for each. It is measured on a tenth of the
transactions. There is no threshold: the ratios of one run are what is worth comparing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from typing import Any, Callable, Dict

from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_repair_steps import inject
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login, connect
from ansible_collections.replicaops.mysql.plugins.module_utils._server.gtid_repair_inject import SESSIONS, Writer
from integration.playbook import login, run_module
from lab.server import Server
from lab.topology import Lab

UUID = "44444444-aaaa-bbbb-cccc-%012d"
APPENDED = 2_000_000


def timed(name: str, count: int, work: Callable[[], Any]) -> float:
    """Print what it took; returns the transactions per second."""
    began = time.perf_counter()
    work()
    took = time.perf_counter() - began
    print(f"  {name:58s} {count:>9d} in {took:8.2f} s  {count / took:>12.0f}/s", flush=True)
    return count / took


def one_by_one(server: Server, uuid: str, count: int) -> None:
    """A round trip for each statement."""
    with server.connect("root") as connection, connection.cursor() as cursor:
        for number in range(1, count + 1):
            cursor.execute("SET SESSION gtid_next = '%s:%d'" % (uuid, number))
            cursor.execute("BEGIN")
            cursor.execute("COMMIT")
            cursor.execute("SET SESSION gtid_next = 'AUTOMATIC'")


def batches(server: Server, uuid: str, count: int, sessions: int) -> None:
    """What the module's writer does, without the module around it."""
    options = {name[len("login_") :]: value for name, value in login(server).items()}
    with connect(Login(**options)) as base, Writer(base, 60, sessions) as writer:
        for batch in inject(GtidSet.parse("%s:1-%d" % (uuid, count))):
            writer.execute(batch)


def module(server: Server, gtids: str, method: str, directory: str) -> None:
    """The module as Ansible runs it."""
    options: Dict[str, Any] = {
        "gtids": gtids, "method": method, "record_dir": directory, "allow_withheld": True,
        "max_transactions": 10**9,
    }  # fmt: skip
    found = run_module("gtid_repair", server, options, diff=False)
    if not found.get("changed"):
        raise SystemExit(found["msg"])


def compare(server: Server, count: int, first: int, directory: str) -> None:
    """One round of all of them."""
    uuids = [UUID % number for number in range(first, first + 6)]
    tenth = max(count // 10, 1)
    alone = timed("one by one, as the field's tools do", tenth, lambda: one_by_one(server, uuids[0], tenth))
    timed("many a round trip, one session", count, lambda: batches(server, uuids[1], count, 1))
    ours = timed("many a round trip, %d sessions" % SESSIONS, count, lambda: batches(server, uuids[2], count, SESSIONS))
    gtids = "%s:1-%d" % (uuids[3], count)
    whole = timed(
        "gtid_repair method=inject, the whole module", count, lambda: module(server, gtids, "inject", directory)
    )
    print(f"  writer {ours / alone:.1f} times, whole module {whole / alone:.1f} times as fast as one by one")
    if server.flavour.version >= (8, 0):
        gtids = "%s:1-%d" % (uuids[4], APPENDED)
        timed(
            "gtid_repair method=append, the whole module", APPENDED, lambda: module(server, gtids, "append", directory)
        )


def main() -> None:
    """Run on one flavour."""
    name = sys.argv[1] if len(sys.argv) > 1 else "mysql-9.7"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with Lab(name, gtid=True) as lab, tempfile.TemporaryDirectory() as directory:
        for round_number, sync in enumerate((1, 0)):
            lab.replica.execute("SET GLOBAL sync_binlog = %d" % sync)
            print(f"{lab.flavour.name}, sync_binlog={sync}")
            compare(lab.replica, count, round_number * 6, directory)


if __name__ == "__main__":
    main()
