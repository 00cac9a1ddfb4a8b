# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to replay rows of another server's binlog and to roll them back, beside SQL.

    PYTHONPATH=.venv/collections:tests .venv/bin/python tests/benchmarks/bench_binlog_apply.py [flavour] [rows]

All in one run on one replica. The same rows are written as few large transactions and as many small ones (a hundredth
of the rows, one each). Beside it stand the inserts themselves on the source, and one SQL statement for each row, as
tools do that make SQL out of a binlog. There is no threshold: the ratios of one run are what is worth comparing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from typing import Any, Callable, Dict, Tuple

from integration.playbook import login, run_module
from lab.server import Server
from lab.topology import Lab

SEED = (
    "CREATE DATABASE bench",
    "CREATE TABLE bench.t (id INT AUTO_INCREMENT PRIMARY KEY, a BIGINT, v VARCHAR(99), d DATETIME(3), n DECIMAL(12, 2))"
    " ENGINE=InnoDB",
    "CREATE TABLE bench.sql_only LIKE bench.t",
)
ROW = "(%d, 'row number %d with some text in it', '2026-01-02 03:04:05.678', 12345.67)"
Point = Tuple[str, int]


def timed(name: str, count: int, work: Callable[[], Any]) -> float:
    """Print what it took; returns the rows per second."""
    began = time.perf_counter()
    work()
    took = time.perf_counter() - began
    print(f"  {name:58s} {count:>9d} in {took:8.2f} s  {count / took:>12.0f}/s", flush=True)
    return count / took


def write(server: Server, count: int, each: int) -> Tuple[Point, Point]:
    """Write rows, so many a transaction; where that begins and ends in the binlog."""
    start = server.coordinates()
    with server.connect("root") as connection, connection.cursor() as cursor:
        for first in range(0, count, each):
            values = ", ".join(ROW % (number, number) for number in range(first, min(first + each, count)))
            cursor.execute("INSERT INTO bench.t (a, v, d, n) VALUES " + values)
    return start, server.coordinates()


def by_sql(server: Server, count: int) -> None:
    """A statement for each row, in transactions of a thousand."""
    with server.connect("root", autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        for number in range(count):
            cursor.execute("INSERT INTO bench.sql_only (a, v, d, n) VALUES " + ROW % (number, number))
            if number % 1000 == 999:
                connection.commit()
        connection.commit()


def module(target: Server, donor: Server, span: Tuple[Point, Point], directory: str, direction: str) -> None:
    """The module as Ansible runs it."""
    options: Dict[str, Any] = {
        "donor": login(donor), "direction": direction, "record_dir": directory, "max_rows": 10**9, "timeout": 3600,
        "max_transactions": 10**9,
        **{name: {"file": point[0], "position": point[1]} for name, point in zip(("from", "to"), span)},
    }  # fmt: skip
    found = run_module("binlog_apply", target, options, diff=False)
    if not found.get("changed"):
        raise SystemExit(found["msg"])


def compare(lab: Lab, count: int, each: int, directory: str) -> None:
    """One round of all of them."""
    print(f"{lab.flavour.name}, {count} rows, {each} a transaction")
    span = write(lab.source, count, each)
    alone = timed("one SQL statement for each row", count, lambda: by_sql(lab.replica, count))
    for direction in ("forward", "reverse"):
        rate = timed(
            "binlog_apply direction=%s, the whole module" % direction, count,
            lambda direction=direction: module(lab.replica, lab.source, span, directory, direction),
        )  # fmt: skip
        print(f"  {rate / alone:.1f} times as fast as SQL")


def main() -> None:
    """Run on one flavour."""
    name = sys.argv[1] if len(sys.argv) > 1 else "mysql-9.7"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with Lab(name, gtid=True, seed=SEED) as lab, tempfile.TemporaryDirectory() as directory:
        lab.wait_in_sync()
        lab.replica.stop_replica()
        compare(lab, count, 1000, directory)
        compare(lab, max(count // 100, 1), 1, directory)


if __name__ == "__main__":
    main()
