# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a server's binlogs: the collection beside mysqlbinlog and the library mysql-replication, in one run.

    PYTHONPATH=.venv/collections:tests .venv/bin/python tests/benchmarks/bench_binlog.py [--mib 1024] [--files 8]

A MySQL 9.7 server writes binlogs of small transactions (ROW, default metadata); everybody reads the same files from it
over TCP. Each time is the best of the rounds; ratios of one run are what is worth comparing, as all share the machine.
The peer library is used when it is installed (``pip install mysql-replication``).
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import resource
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Tuple

from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import layout as layouts
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import transactions
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server.binlog_stream import BinlogStream
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login, connect
from lab.accounts import ACCOUNTS
from lab.server import Server
from lab.topology import Lab

MIB = 1 << 20
ROOT = ACCOUNTS["root"].password
TABLES = 10
ROWS = 10_000
PEER_ROWS = 60_000
OPTIONS: Dict[str, Any] = {
    "sync_binlog": 0,
    "innodb_flush_log_at_trx_commit": 0,
    "binlog_format": "ROW",
    "innodb_buffer_pool_size": "512M",
}
TABLE = (
    "CREATE TABLE bench.t%d (id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL, name VARCHAR(100), code CHAR(20),"
    " changed DATETIME(3), amount DECIMAL(12,2), note JSON)"
)
# One row a transaction; nine updates to one insert, so that rows are changed again and again.
PROCEDURE = """
CREATE PROCEDURE bench.work(times INT)
BEGIN
  DECLARE i, chosen INT DEFAULT 0;
  WHILE i < times DO
    IF i %% 10 = 0 THEN
      INSERT INTO bench.t%(t)d (n, name, code, changed, amount, note) VALUES
        (i, SHA2(RAND(), 256), 'new', NOW(3), RAND() * 1000, JSON_OBJECT('i', i, 'text', 'some words'));
    ELSE
      SET chosen = 1 + FLOOR(RAND() * %(rows)d);
      UPDATE bench.t%(t)d SET n = n + 1, name = SHA2(RAND(), 256), changed = NOW(3), amount = amount + 0.25
        WHERE id = chosen;
    END IF;
    SET i = i + 1;
  END WHILE;
END"""


def fill(server: Server, mib: int, files: int) -> None:
    """Write so many MiB of small transactions into so many binlogs."""
    server.execute("CREATE DATABASE bench", "SET GLOBAL max_binlog_size = %d" % (mib * MIB // files))
    for number in range(TABLES):
        server.execute(TABLE % number)
        server.execute(
            "INSERT INTO bench.t%d (n, name, code, changed, amount, note) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL"
            " SELECT i + 1 FROM s WHERE i < %d) SELECT /*+ SET_VAR(cte_max_recursion_depth = 100000) */ i,"
            " SHA2(i, 256), 'seed', NOW(3), i, JSON_OBJECT('i', i) FROM s" % (number, ROWS)
        )
    server.execute("FLUSH BINARY LOGS")
    procedures = PROCEDURE.replace("bench.work(", "bench.work%(t)d(")
    for number in range(TABLES):
        server.execute(procedures % {"t": number, "rows": ROWS})
    done = threading.Event()

    def write(number: int) -> None:
        with server.connect("root") as connection, connection.cursor() as cursor:
            while not done.is_set():
                cursor.execute("CALL bench.work%d(5000)" % number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    server.wait_until(lambda: size(server) >= mib * MIB, timeout=3600, what="the binlogs to be written")
    done.set()
    for writer in writers:
        writer.join()


def size(server: Server) -> int:
    """Bytes in all binlogs but the first."""
    return sum(int(row["File_size"]) for row in server.query("SHOW BINARY LOGS")[1:])


def best(rounds: int, work: Callable[[], Any]) -> Tuple[float, Any]:
    """The shortest time in seconds, and what the work returned."""
    shortest, result = float("inf"), None
    for _unused in range(rounds):
        began = time.perf_counter()
        result = work()
        shortest = min(shortest, time.perf_counter() - began)
    return shortest, result


def ours(login: Login, start: Coordinates, rows: bool) -> Tuple[int, int, int]:
    """Read all from a point on: transactions, row images, and the largest resident size in KiB."""
    counted = images = 0
    known: Dict[Tuple[str, str], Any] = {}
    with connect(login) as schema:

        def layout_for(table: TableMap) -> Any:
            key = (table.schema, table.table)
            if key not in known:
                found = [layouts.column_info(row) for row in schema.query(layouts.COLUMNS_QUERY, key)]
                keys = [str(row["COLUMN_NAME"]) for row in schema.query(layouts.PRIMARY_KEY_QUERY, key)]
                known[key] = layouts.from_schema(table, found, keys)
            return known[key]

        with BinlogStream(connect(login), start) as stream:
            for transaction in transactions(stream, layout_for, rows=rows):
                counted += 1
                for change in transaction.changes:
                    images += (change.before is not None) + (change.after is not None)
    return counted, images, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def headers(login: Login, start: Coordinates) -> Tuple[int, int, int]:
    """Read all from a point on by headers only: events, bytes, and the largest resident size in KiB."""
    events = 0
    with BinlogStream(connect(login), start) as stream:
        for _event in stream:
            events += 1
        return events, stream.bytes_read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run in a process of its own, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(abs, (1,))  # what starting a process costs is not measured
        began = time.perf_counter()
        result = pool.apply(function, arguments)
        return time.perf_counter() - began, result


def peer(server: Server, start: Coordinates, limit: int) -> Tuple[float, int]:
    """Seconds and row images of mysql-replication, which is too slow for all of it."""
    from pymysqlreplication import BinLogStreamReader
    from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

    settings = {"host": server.host, "port": server.port, "user": "root", "passwd": ROOT}
    stream = BinLogStreamReader(
        connection_settings=settings, server_id=4242, log_file=start.file, log_pos=start.position, resume_stream=True,
        only_events=[DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent],
    )  # fmt: skip
    began, images = time.perf_counter(), 0
    for event in stream:
        images += len(event.rows) * (2 if isinstance(event, UpdateRowsEvent) else 1)
        if images >= limit:
            break
    took = time.perf_counter() - began
    stream.close()
    return took, images


def mysqlbinlog(server: Server, names: List[str], *options: str) -> None:
    """Run mysqlbinlog in the server's container over TCP; what it prints is thrown away."""
    account = "MYSQL_PWD='%s' mysqlbinlog --read-from-remote-server --host=127.0.0.1 --port=%d --user=root %s %s"
    command = account % (ROOT, server.port, " ".join(options), " ".join(names))
    server.exec(command + " > /dev/null")


def run(server: Server, arguments: argparse.Namespace) -> None:
    """Fill, read in every way, print."""
    print("writing %d MiB into %d binlogs" % (arguments.mib, arguments.files), flush=True)
    fill(server, arguments.mib, arguments.files)
    names = [str(row["Log_name"]) for row in server.query("SHOW BINARY LOGS")][1:]
    total = size(server) / MIB
    login = Login(host=server.host, port=server.port, user="root", password=ROOT)
    start = Coordinates(names[0], 4)
    print("%.0f MiB in %d binlogs" % (total, len(names)), flush=True)
    server.exec("mkdir /dev/shm/raw")
    raw = best(arguments.rounds, lambda: mysqlbinlog(server, names, "--raw", "--result-file=/dev/shm/raw/"))[0]
    server.exec("rm -r /dev/shm/raw")
    report("mysqlbinlog --raw", raw, total)
    scan, (events, _bytes, memory) = min(
        (apart(headers, login, start) for _unused in range(arguments.rounds)), key=lambda found: found[0]
    )
    report("here: events by their headers", scan, total, "%d events, %.2f of raw's speed, %d MiB of memory"
           % (events, raw / scan, memory // 1024))  # fmt: skip
    text = best(arguments.rounds, lambda: mysqlbinlog(server, names, "-vv"))[0]
    report("mysqlbinlog -vv", text, total)
    took, (counted, images, memory) = min(
        (apart(ours, login, start, True) for _unused in range(arguments.rounds)), key=lambda found: found[0]
    )
    report("here: every row decoded", took, total, "%d transactions, %d images, %.0f images/s, %.2f of -vv's speed,"
           " %d MiB of memory" % (counted, images, images / took, text / took, memory // 1024))  # fmt: skip
    framed = min(apart(ours, login, start, False)[0] for _unused in range(arguments.rounds))
    report("here: transactions without rows", framed, total)
    if importlib.util.find_spec("pymysqlreplication") is None:
        print("mysql-replication is not installed: not compared")
        return
    theirs, rows = peer(server, start, PEER_ROWS)
    times = (images / took) / (rows / theirs)
    print("  %-34s %8.0f images/s; here %.0f times as many" % ("mysql-replication", rows / theirs, times))


def report(what: str, seconds: float, total: float, more: str = "") -> None:
    """Print a line of the result."""
    print("  %-34s %8.2f s  %7.1f MiB/s  %s" % (what, seconds, total / seconds, more), flush=True)


def main() -> int:
    """Start one server, fill it, read it in every way, remove it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with Lab("mysql-9.7", "single", options=OPTIONS) as lab:
        run(lab.source, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
