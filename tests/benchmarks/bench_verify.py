# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of a replica with its source beside pt-table-checksum: time, load on the source, lag caused.

    PYTHONPATH=.venv/collections:tests .venv/bin/python tests/benchmarks/bench_verify.py [flavour] [rows] [rounds]

One table of rows with a number, a short and a longer text, a decimal, a time and a double. Both run in turns, a round
each, on the same pair, with everything in memory and one writer on the source, whose rows on the replica tell the lag.
pt-table-checksum is taken from the PATH, with its own settings for the size of chunks and the lag it waits for; it is
left out where it is not there or cannot run. There is no threshold: the ratios of one run are what is worth comparing.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List

from integration.playbook import run_module
from lab.accounts import ADMIN
from lab.process import HOME
from lab.server import Option, Server
from lab.topology import Lab

MEMORY: Dict[str, Option] = {
    "sync_binlog": 0,
    "innodb_flush_log_at_trx_commit": 2,
    "innodb_buffer_pool_size": 1 << 30,
}
CREATE = (
    "CREATE TABLE bench.t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL, c VARCHAR(120) NOT NULL,"
    " pad VARCHAR(60), price DECIMAL(12,2), made DATETIME, ratio DOUBLE) ENGINE=InnoDB"
)
FIRST = "INSERT INTO bench.t (k, c, pad, price, made, ratio) VALUES (1, REPEAT(MD5(1), 3), MD5(2), 1.50, NOW(), RAND())"
DOUBLE = (
    "INSERT INTO bench.t (k, c, pad, price, made, ratio) SELECT k + id, CONCAT(REPEAT(MD5(id), 3), id % 97),"
    " IF(id % 7, MD5(k), NULL), id / 3, NOW() - INTERVAL id SECOND, RAND() FROM bench.t LIMIT {rows}"
)
COUNTERS = ("Questions", "Handler_read_next", "Handler_read_key", "Handler_write", "Binlog_cache_use")
LIMIT = 1500


@dataclass
class Measured:
    """What one run cost."""

    wall: float = 0.0
    source_cpu: float = 0.0
    replica_cpu: float = 0.0
    client_cpu: float = 0.0
    counters: Dict[str, int] = field(default_factory=dict)
    lags: List[float] = field(default_factory=list)
    said: str = ""

    def line(self, name: str) -> str:
        lags = sorted(self.lags) or [0.0]
        spent = (self.source_cpu, self.replica_cpu, self.client_cpu)
        return (
            "  %-20s %7.1f s" % (name, self.wall)
            + "  CPU: source %6.1f s, replica %6.1f s, client %5.1f s" % spent
            + "  lag: median %5.0f ms, most %6.0f ms" % (lags[len(lags) // 2] * 1000, lags[-1] * 1000)
        )


def cpu(server: Server) -> float:
    """Seconds of CPU that a server has used."""
    text = server.exec("cat /proc/$(cat %s/pid)/stat" % HOME)[1]
    user, system = text.rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / float(os.sysconf("SC_CLK_TCK"))


def counters(server: Server) -> Dict[str, int]:
    """The status counters that tell of a server's load."""
    rows = server.query("SHOW GLOBAL STATUS")
    found = {str(row["Variable_name"]): str(row["Value"]) for row in rows}
    return {name: int(found.get(name, "0") or 0) for name in COUNTERS}


class Heart:
    """Writes a row on the source again and again, and looks when it is on the replica."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.stop, self.lags = lab, threading.Event(), []  # type: ignore[var-annotated]
        self.thread = threading.Thread(target=self._beat)

    def __enter__(self) -> Heart:
        self.thread.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self.stop.set()
        self.thread.join()

    def _beat(self) -> None:
        number = 0
        with ExitStack() as stack:
            writer, reader = (
                stack.enter_context(stack.enter_context(server.connect("root")).cursor())
                for server in (self.lab.source, self.lab.replica)
            )
            while not self.stop.is_set():
                number += 1
                writer.execute("UPDATE heart.beat SET n = %d" % number)
                began = time.monotonic()
                while int(reader.execute("SELECT n FROM heart.beat") and reader.fetchall()[0]["n"]) < number:
                    if time.monotonic() - began > 300:
                        raise SystemExit("the replica does not follow")
                    time.sleep(0.005)
                self.lags.append(time.monotonic() - began)
                self.stop.wait(0.05)


def measured(lab: Lab, work: Callable[[], str]) -> Measured:
    """What the work costs."""
    found = Measured()
    with Heart(lab) as heart:
        time.sleep(1.0)
        heart.lags.clear()
        before = (cpu(lab.source), cpu(lab.replica), counters(lab.source))
        mine, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        found.said = work()
        found.wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.client_cpu = after.ru_utime + after.ru_stime - mine.ru_utime - mine.ru_stime
        found.source_cpu, found.replica_cpu = cpu(lab.source) - before[0], cpu(lab.replica) - before[1]
        now = counters(lab.source)
        found.counters = {name: now[name] - before[2][name] for name in COUNTERS}
    found.lags = heart.lags
    return found


def ours(lab: Lab) -> Callable[[], str]:
    """The module, over all rows in one call."""

    def work() -> str:
        options = {"tables": ["bench.t"], "max_rows": 10**9, "timeout": LIMIT, "max_lag": 1}
        done = run_module("table_compare", lab.replica, options, account=ADMIN, source_account=ADMIN, diff=False)
        if done["failed"] or done["proof"] != "rows_proven":
            raise SystemExit(str(done["msg"]))
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        rows, chunks = done["compared"][0]["rows"], done["compared"][0]["chunks"]
        return "%d rows in %d chunks, at most %.0f MiB of memory" % (rows, chunks, most)

    return work


@contextlib.contextmanager
def login_file() -> Iterator[Path]:
    """The account, where no list of processes shows it."""
    with tempfile.TemporaryDirectory() as top:
        path = Path(top) / "login.cnf"
        path.touch(mode=0o600)
        path.write_text("[client]\nuser=%s\npassword=%s\n" % (ADMIN.user, ADMIN.password), encoding="utf-8")
        yield path


def percona(lab: Lab, tool: str) -> Callable[[], str]:
    """pt-table-checksum with its own settings."""

    def work() -> str:
        with login_file() as login:
            dsn = "h=%s,P=%d,F=%s" % (lab.replica.host, lab.replica.port, login)
            lab.source.execute("REPLACE INTO heart.dsns VALUES (1, NULL, '%s')" % dsn)
            lab.wait_in_sync()
            done = subprocess.run(
                [tool, "h=%s,P=%d,F=%s" % (lab.source.host, lab.source.port, login), "--no-version-check",
                 "--no-check-binlog-format", "--recursion-method", "dsn=D=heart,t=dsns", "--databases", "bench",
                 "--replicate", "heart.checksums"],
                capture_output=True, text=True, timeout=LIMIT, check=False,
            )  # fmt: skip
        lines = [line.split() for line in done.stdout.splitlines() if line.endswith("bench.t")]
        if done.returncode or not lines:
            raise RuntimeError("it ended with %d: %s" % (done.returncode, (done.stderr or done.stdout).strip()[-300:]))
        return "%s rows in %s chunks" % (lines[0][3], lines[0][5])

    return work


def fill(lab: Lab, rows: int) -> None:
    """So many rows on both sides."""
    lab.source.execute(FIRST)
    there = 1
    while there < rows:
        lab.source.execute(DOUBLE.format(rows=min(there, 100000, rows - there)))
        there += min(there, 100000, rows - there)
    lab.source.execute("ANALYZE TABLE bench.t")
    lab.wait_in_sync(timeout=600)


def main() -> None:
    """Run on one flavour."""
    flavour = sys.argv[1] if len(sys.argv) > 1 else "mariadb-10.11"
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 200000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    seed = (
        "CREATE DATABASE bench", "CREATE DATABASE heart", CREATE,
        "CREATE TABLE heart.beat (n INT PRIMARY KEY) ENGINE=InnoDB", "INSERT INTO heart.beat VALUES (0)",
        "CREATE TABLE heart.dsns (id INT PRIMARY KEY, parent_id INT, dsn VARCHAR(255) NOT NULL) ENGINE=InnoDB",
    )  # fmt: skip
    tool = shutil.which("pt-table-checksum")
    with Lab(flavour, seed=seed, options=MEMORY) as lab:
        fill(lab, rows)
        print("%s, %d rows" % (flavour, lab.source.value("SELECT COUNT(*) FROM bench.t")), flush=True)
        ways: Dict[str, Callable[[], str]] = {"table_compare": ours(lab)}
        if tool:
            ways["pt-table-checksum"] = percona(lab, tool)
        best: Dict[str, Measured] = {}
        for _unused in range(rounds):
            for name in list(ways):
                try:
                    found = measured(lab, ways[name])
                except RuntimeError as error:
                    print("  %-20s cannot: %s" % (name, error), flush=True)
                    del ways[name]
                    continue
                print(found.line(name), flush=True)
                print("  %20s %s; on the source %s" % ("", found.said, found.counters), flush=True)
                if name not in best or found.wall < best[name].wall:
                    best[name] = found
        if len(best) > 1:
            mine, other = best["table_compare"], best["pt-table-checksum"]
            print("  pt-table-checksum takes %.2f times the time and %.2f times the source's CPU" % (
                other.wall / mine.wall, other.source_cpu / mine.source_cpu))  # fmt: skip


if __name__ == "__main__":
    main()
