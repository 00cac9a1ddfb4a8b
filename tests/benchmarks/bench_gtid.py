# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GTID sets of 100,000 intervals: how long the collection takes and how long the server's GTID_SUBTRACT, in one run.

    PYTHONPATH=.venv/collections:tests .venv/bin/python tests/benchmarks/bench_gtid.py [flavour] [intervals]

Both get the same two texts and must give the same set; each time is the best of nine. There is no threshold: the
ratio of both is what is worth comparing between two runs, as they share the machine and its load.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Callable

from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from lab.server import Server
from lab.topology import Lab

UUID = "11111111-aaaa-bbbb-cccc-000000000001"
ROUNDS = 9


def text_of(intervals: int, first: int, width: int) -> str:
    """A set of ``intervals`` intervals, ten numbers apart: none of two such sets is inside the other."""
    return UUID + ":" + ":".join(f"{n + first}-{n + first + width}" for n in range(0, intervals * 10, 10))


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    """The shortest of several runs in milliseconds, and what the work returned."""
    shortest, result = float("inf"), None
    for _unused in range(ROUNDS):
        began = time.perf_counter()
        result = work()
        shortest = min(shortest, (time.perf_counter() - began) * 1000)
    return shortest, result


def compare(server: Server, intervals: int) -> int:
    """Print the times and their ratio; returns an exit code, 1 when the results differ."""
    left, right = text_of(intervals, 1, 4), text_of(intervals, 3, 5)
    cursor = server.admin().cursor()

    def on_server() -> str:
        cursor.execute("SELECT GTID_SUBTRACT(%s, %s) AS difference", (left, right))
        return str(cursor.fetchone()["difference"]).replace("\n", "")

    servers, theirs = best(on_server)
    parse, sets = best(lambda: (GtidSet.parse(left), GtidSet.parse(right)))
    subtract, difference = best(lambda: sets[0] - sets[1])
    write, ours = best(lambda: str(difference))
    total = parse + subtract + write
    print(f"{server.flavour.name}, {intervals} intervals in each set, {len(left) + len(right)} characters")
    print(f"  server: GTID_SUBTRACT with the round trip {servers:8.1f} ms")
    print(f"  here:   parse both                        {parse:8.1f} ms")
    print(f"          subtract                          {subtract:8.1f} ms")
    print(f"          print                             {write:8.1f} ms")
    print(f"          all three                         {total:8.1f} ms")
    print(f"  ratio here / server: {total / servers:.2f} (parse and subtract alone {(parse + subtract) / servers:.2f})")
    if ours != theirs:
        print("the results differ", file=sys.stderr)
        return 1
    return 0


def main(arguments: list[str]) -> int:
    """Start one server, compare, remove it."""
    flavour = arguments[0] if arguments else "mysql-9.7"
    intervals = int(arguments[1]) if len(arguments) > 1 else 100_000
    with Lab(flavour, "single") as lab:
        return compare(lab.source, intervals)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
