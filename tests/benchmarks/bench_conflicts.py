# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many consecutive transactions that a replica cannot apply: healed by row_repair, and skipped as others do it.

    PYTHONPATH=.venv/collections:tests .venv/bin/python tests/benchmarks/bench_conflicts.py [flavour] [count] [mode]

Each conflict is an INSERT of a row that the replica has already with another value; a good one comes behind them. The
clock runs from the first action until that one is visible on the replica; all events are in the relay log by then. Ours
ends with equal rows, the others leave the replica's. Percona's tool is taken from the PATH where it is there
(pt-slave-restart, or what PT_SLAVE_RESTART names, with the arguments it needs before its own). It and the loop are
measured on a tenth of the transactions. There is no threshold: the ratios of one run are what is worth comparing.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Callable, Dict, List

from integration.playbook import run_module
from lab.accounts import ADMIN
from lab.server import Option
from lab.topology import Lab

QUICK: Dict[str, Option] = {"sync_binlog": 0, "innodb_flush_log_at_trx_commit": 2}
LIMIT = 300.0


class Conflicts:
    """A pair on which runs of conflicts are made."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.words = lab, lab.flavour.words
        self.next = 1

    def stopped(self) -> bool:
        return str(self.lab.status(self.lab.links[0])[self.words.sql_running]) == "No"

    def make(self, count: int) -> int:
        """The replica stands at the first of them; returns the id of the good row behind them."""
        first, last = self.next, self.next + count
        self.next = last + 1
        self.lab.replica.stop_replica("SQL_THREAD")
        rows = ", ".join("(%d, 'local')" % number for number in range(first, last))
        self.lab.replica.execute_unlogged("INSERT INTO shop.t VALUES " + rows)
        with self.lab.source.connect("root") as connection, connection.cursor() as cursor:
            for number in range(first, last + 1):
                cursor.execute("INSERT INTO shop.t VALUES (%d, 'source')" % number)
        self.lab.replica.start_replica("SQL_THREAD")
        self.lab.replica.wait_until(self.stopped, what="the first conflict")
        self.received()
        return last

    def received(self) -> None:
        file, position = self.lab.source.coordinates()

        def there() -> bool:
            row = self.lab.status(self.lab.links[0])
            return (str(row[self.words.source_file]), int(row[self.words.read_pos])) >= (file, position)

        self.lab.replica.wait_until(there, what="the receiver")

    def applied(self, good: int) -> None:
        """Wait for the good row."""
        deadline = time.monotonic() + LIMIT
        with self.lab.replica.connect("root") as connection, connection.cursor() as cursor:
            while not cursor.execute("SELECT 1 FROM shop.t WHERE id = %d" % good):
                if time.monotonic() > deadline:
                    raise SystemExit("the good transaction was not applied in %d s" % LIMIT)
                time.sleep(0.005)

    def equal(self) -> bool:
        statement = "SELECT COUNT(*) AS n, SUM(CRC32(CONCAT(id, v))) AS s FROM shop.t"
        return self.lab.source.query(statement) == self.lab.replica.query(statement)


def ours(pair: Conflicts, good: int) -> None:
    """row_repair over all pending transactions, then the applier is started."""
    with tempfile.TemporaryDirectory() as directory:
        options = {"transactions": {"which": "pending"}, "state": "healed", "record_dir": directory}
        done = run_module("row_repair", pair.lab.replica, options, diff=False)
        if done["failed"]:
            raise SystemExit(done["msg"])
        pair.lab.replica.start_replica("SQL_THREAD")
        pair.applied(good)


def loop(pair: Conflicts, good: int) -> None:
    """What a script does: look, pass one, start, again."""
    lab, replica = pair.lab, pair.lab.replica
    gtid = lab.gtid and not lab.flavour.is_mariadb
    counter = "sql_replica_skip_counter" if pair.words.replica == "REPLICA" else "sql_slave_skip_counter"
    uuid = lab.source.value("SELECT @@server_uuid") if gtid else ""
    with replica.connect("root") as connection, connection.cursor() as cursor:
        while not cursor.execute("SELECT 1 FROM shop.t WHERE id = %d" % good):
            if not pair.stopped():
                continue
            if gtid:
                done = str(replica.gtid_position()).split(str(uuid) + ":", 1)[1].split(",")[0]
                cursor.execute("SET gtid_next = '%s:%d'" % (uuid, int(done.split("-")[-1]) + 1))
                cursor.execute("BEGIN")
                cursor.execute("COMMIT")
                cursor.execute("SET gtid_next = 'AUTOMATIC'")
            else:
                cursor.execute("SET GLOBAL %s = 1" % counter)
            cursor.execute("START %s SQL_THREAD" % pair.words.replica)


def percona(command: List[str]) -> Callable[[Conflicts, int], None]:
    """pt-slave-restart at its fastest settings, until the good row is there."""

    def run(pair: Conflicts, good: int) -> None:
        replica = pair.lab.replica
        arguments = [
            *command, "h=%s,P=%d,u=%s,p=%s" % (replica.host, replica.port, ADMIN.user, ADMIN.password),
            "--error-numbers", "1062", "--sleep", "1", "--min-sleep", "0.0001", "--max-sleep", "0.05", "--quiet",
        ]  # fmt: skip
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as tool:
            try:
                deadline = time.monotonic() + LIMIT
                while not replica.query("SELECT 1 FROM shop.t WHERE id = %d" % good):
                    if tool.poll() is not None:
                        said = tool.stdout.read() if tool.stdout else ""
                        raise RuntimeError("it ended with %d: %s" % (tool.returncode, said.strip()[-200:]))
                    if time.monotonic() > deadline:
                        raise RuntimeError("not done in %d s" % LIMIT)
                    time.sleep(0.005)
            finally:
                tool.kill()

    return run


def timed(name: str, pair: Conflicts, count: int, work: Callable[[Conflicts, int], None]) -> float:
    """Transactions per second; 0 where it could not be done."""
    good = pair.make(count)
    began = time.perf_counter()
    try:
        work(pair, good)
    except (RuntimeError, IndexError) as error:
        print(f"  {name:44s} {count:>7d}  cannot: {error}", flush=True)
        ours(pair, good)
        return 0.0
    took = time.perf_counter() - began
    same = "rows equal" if pair.equal() else "rows differ"
    print(f"  {name:44s} {count:>7d} in {took:7.2f} s  {count / took:>9.0f}/s  {same}", flush=True)
    if same != "rows equal":
        pair.lab.wait_in_sync()
        pair.lab.replica.execute_unlogged("UPDATE shop.t SET v = 'source'")
    return count / took


def main() -> None:
    """Run on one flavour."""
    flavour = sys.argv[1] if len(sys.argv) > 1 else "mysql-9.7"
    counts = [int(sys.argv[2])] if len(sys.argv) > 2 else [1000, 10000]
    gtid = (sys.argv[3] if len(sys.argv) > 3 else "gtid") == "gtid"
    seed = ("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
    tool = shlex.split(os.environ.get("PT_SLAVE_RESTART", "")) or [shutil.which("pt-slave-restart") or ""]
    with Lab(flavour, gtid=gtid, seed=seed, options=QUICK) as lab:
        pair = Conflicts(lab)
        for count in counts:
            print(f"{lab.flavour.name}, {'GTID' if gtid else 'file and position'}, {count} conflicts")
            rate = timed("row_repair and START", pair, count, ours)
            others = {"a loop, one at a time": timed("a loop, one at a time", pair, count // 10, loop)}
            if tool[0]:
                work = percona(tool)
                others["pt-slave-restart"] = timed("pt-slave-restart, fastest settings", pair, count // 10, work)
            else:
                print("  pt-slave-restart is not here")
            for name, other in others.items():
                if other:
                    print(f"  row_repair is {rate / other:.1f} times as fast as {name}")


if __name__ == "__main__":
    main()
