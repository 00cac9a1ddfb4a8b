# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and searching a server's binlogs: the collection beside mysqlbinlog and the library mysql-replication.

    PYTHONPATH=.venv/collections:tests .venv/bin/python tests/benchmarks/bench_binlog.py [--mib 1024] [--files 8]
        [--rows 3] [--metadata FULL]

A MySQL 9.7 server writes binlogs of small transactions (ROW; ``--rows`` says how many statements of one row each are in
one); everybody reads the same files from it
over TCP. A replica stops early and never goes on: `binlog_locate` has to find where it is, each time the binlogs have
doubled, and the answer has to be right. Rounds are interleaved and each time is the best of its rounds; ratios of one
run are what is worth comparing, as all share the machine. CPU seconds are of the reader alone and depend less on what
else the machine does. The peer library is used when it is installed (``pip install mysql-replication``); it is measured
as it comes, with rows alone, and at its quickest (``freeze_schema``).
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import resource
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Tuple

from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import layout as layouts
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import transactions
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server import locate
from ansible_collections.replicaops.mysql.plugins.module_utils._server.binlog_stream import BinlogStream
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login, connect
from lab.accounts import ACCOUNTS
from lab.server import Server
from lab.topology import Lab

MIB = 1 << 20
ROOT = ACCOUNTS["root"].password
TABLES = 10
SESSIONS = 4
ROWS = 10_000
PEER_ROWS = 60_000
OPTIONS: Dict[str, Any] = {
    "sync_binlog": 0,
    "innodb_flush_log_at_trx_commit": 0,
    "binlog_format": "ROW",
    "innodb_buffer_pool_size": "512M",
}
REPLICA_OPTIONS: Dict[str, Any] = {"log_replica_updates": 0}
TABLE = (
    "CREATE TABLE bench.t%d (id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL, name VARCHAR(100), code CHAR(20),"
    " changed DATETIME(3), amount DECIMAL(12,2), note JSON)"
)
# Nine updates to one insert, so that rows are changed again and again.
PROCEDURE = """
CREATE PROCEDURE bench.work(times INT)
BEGIN
  DECLARE i, chosen INT DEFAULT 0;
  WHILE i < times DO
    IF i %% %(together)d = 0 THEN
      START TRANSACTION;
    END IF;
    IF i %% 10 = 0 THEN
      INSERT INTO bench.t%(t)d (n, name, code, changed, amount, note) VALUES
        (i, SHA2(RAND(), 256), 'new', NOW(3), RAND() * 1000, JSON_OBJECT('i', i, 'text', 'some words'));
    ELSE
      SET chosen = 1 + FLOOR(RAND() * %(rows)d);
      UPDATE bench.t%(t)d SET n = n + 1, name = SHA2(RAND(), 256), changed = NOW(3), amount = amount + 0.25
        WHERE id = chosen;
    END IF;
    SET i = i + 1;
    IF i %% %(together)d = 0 THEN
      COMMIT;
    END IF;
  END WHILE;
  COMMIT;
END"""


class Writers:
    """Sessions that write small transactions until the binlogs are large enough, as often as asked."""

    def __init__(self, server: Server, file_size: int, together: int) -> None:
        self.server = server
        server.execute("CREATE DATABASE bench", "SET GLOBAL max_binlog_size = %d" % file_size)
        for number in range(TABLES):
            server.execute(TABLE % number)
            server.execute(
                "INSERT INTO bench.t%d (n, name, code, changed, amount, note) WITH RECURSIVE s (i) AS (SELECT 1 UNION"
                " ALL SELECT i + 1 FROM s WHERE i < %d) SELECT /*+ SET_VAR(cte_max_recursion_depth = 100000) */ i,"
                " SHA2(i, 256), 'seed', NOW(3), i, JSON_OBJECT('i', i) FROM s" % (number, ROWS)
            )
            procedure = PROCEDURE.replace("bench.work(", "bench.work%(t)d(")
            server.execute(procedure % {"t": number, "rows": ROWS, "together": together})
        server.execute("FLUSH BINARY LOGS")

    def until(self, wanted: int) -> None:
        """Write until the binlogs hold so many bytes."""
        done = threading.Event()
        writers = [threading.Thread(target=self._write, args=(number, done)) for number in range(SESSIONS)]
        for writer in writers:
            writer.start()
        self.server.wait_until(lambda: size(self.server) >= wanted, timeout=7200, what="the binlogs to be written")
        done.set()
        for writer in writers:
            writer.join()

    def _write(self, number: int, done: threading.Event) -> None:
        with self.server.connect("root") as connection, connection.cursor() as cursor:
            while not done.is_set():
                cursor.execute("CALL bench.work%d(1000)" % number)


def size(server: Server) -> int:
    """Bytes in all binlogs but the first."""
    return sum(int(row["File_size"]) for row in server.query("SHOW BINARY LOGS")[1:])


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


def found(source: Login, replica: Login, start: str, verify: str) -> Tuple[str, Dict[str, Any], int]:
    """Search as `binlog_locate` does: coordinates or kind of the answer, all of it, and the resident size in KiB."""
    request = locate.Request(
        login=replica, source_login=lambda channel: source, source_named=True, start=start, verify=verify, timeout=7200
    )
    answer = locate.locate(request).as_dict()
    at = answer.get("coordinates") or {}
    place = "%s:%s" % (at["file"], at["position"]) if at else str(answer["kind"])
    return place, answer, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Spent(NamedTuple):
    """What something took, and what it returned; ``memory`` in KiB, of all its processes together."""

    wall: float
    cpu: float
    result: Any
    memory: int = 0


def timed(function: Callable[..., Any], arguments: Tuple[Any, ...]) -> Spent:
    """Run and measure, in the process that is asked, with the processes that it starts."""
    wall, cpu = time.perf_counter(), processor()
    result = function(*arguments)
    return Spent(time.perf_counter() - wall, processor() - cpu, result)


def processor() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class Memory(threading.Thread):
    """Watches how much memory this process and those that it starts take together, what they share counted once.

    In KiB, by what Linux calls the proportional set size.
    """

    def __init__(self, pid: int, done: Any) -> None:
        super().__init__(daemon=True)
        self.pid, self.done, self.most = pid, done, 0

    def run(self) -> None:
        """Look ten times a second."""
        while not self.done.wait(0.1):
            self.most = max(self.most, sum(map(proportional, [self.pid, *children(self.pid)])))


def children(pid: int) -> List[int]:
    """The processes that a process has started."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def proportional(pid: int) -> int:
    """The proportional set size of a process in KiB; 0 when it has ended."""
    try:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except OSError:
        return 0


def apart(function: Callable[..., Any], *arguments: Any) -> Spent:
    """Run in a process of its own, so that its memory is its own; what starting it costs is not measured."""
    done = threading.Event()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        # From here, as a second thread in there would keep it from starting processes.
        watcher = Memory(pool.apply(os.getpid), done)
        watcher.start()
        spent = pool.apply(timed, (function, arguments))
        done.set()
        watcher.join()
    return spent._replace(memory=watcher.most)


# The library, with the same information as here (events of all kinds), and with less.
PEERS = {
    "mysql-replication": {"rows_alone": False, "freeze": False},
    "mysql-replication, only_events": {"rows_alone": True, "freeze": False},
    "mysql-replication, freeze_schema, too": {"rows_alone": True, "freeze": True},
}


def peer(server: Server, start: Coordinates, limit: int, rows_alone: bool, freeze: bool) -> Tuple[float, float]:
    """Row images of mysql-replication, which is too slow for all of it: those a second, and those a CPU second.

    :param rows_alone: leave out all but rows, so that nothing tells transactions or their GTIDs.
    """
    from pymysqlreplication import BinLogStreamReader
    from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

    kinds = (DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent)
    settings = {"host": server.host, "port": server.port, "user": "root", "passwd": ROOT}
    stream = BinLogStreamReader(
        connection_settings=settings, server_id=4242, log_file=start.file, log_pos=start.position, resume_stream=True,
        only_events=list(kinds) if rows_alone else None, freeze_schema=freeze,
    )  # fmt: skip
    began, cpu, images = time.perf_counter(), time.process_time(), 0
    for event in stream:
        if not isinstance(event, kinds):
            continue
        images += len(event.rows) * (2 if isinstance(event, UpdateRowsEvent) else 1)
        if images >= limit:
            break
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    stream.close()
    return images / took, images / spent


def mysqlbinlog(server: Server, names: List[str], *options: str) -> Spent:
    """Run mysqlbinlog in the server's container over TCP; what it prints is thrown away."""
    account = "MYSQL_PWD='%s' mysqlbinlog --read-from-remote-server --host=127.0.0.1 --port=%d --user=root %s %s"
    command = account % (ROOT, server.port, " ".join(options), " ".join(names))
    began = time.perf_counter()
    _code, text = server.exec(["bash", "-c", "exec 2>&1; time -p (%s > /dev/null)" % command])
    wall = time.perf_counter() - began
    spent = dict(line.split() for line in text.splitlines() if line.split()[:1] in (["user"], ["sys"]))
    return Spent(wall, sum(float(value) for value in spent.values()), None)


Work = Callable[[], Spent]
WORDS = {
    "raw": "mysqlbinlog --raw",
    "headers": "here: events by their headers",
    "vv": "mysqlbinlog -vv",
    "rows": "here: every row decoded",
    "framed": "here: transactions without rows",
    "full": "here: binlog_locate, full",
    "window": "here: binlog_locate, window",
}


def measure(works: Mapping[str, Work], rounds: int) -> Dict[str, Spent]:
    """Each of these in turn, as often as asked: the shortest wall time and the least CPU time of each."""
    best: Dict[str, Spent] = {}
    for _round in range(rounds):
        for name, work in works.items():
            now = work()
            before = best.get(name, now)
            best[name] = Spent(
                min(now.wall, before.wall), min(now.cpu, before.cpu), now.result, max(now.memory, before.memory)
            )
    return best


class Bench:
    """The lab and what is measured on it."""

    def __init__(self, lab: Lab, arguments: argparse.Namespace) -> None:
        self.source, self.replica, self.arguments = lab.source, lab.replica, arguments
        self.login = Login(host=self.source.host, port=self.source.port, user="root", password=ROOT)
        self.other = Login(host=self.replica.host, port=self.replica.port, user="root", password=ROOT)
        self.start, self.true = Coordinates("", 4), ""

    def names(self) -> List[str]:
        """The binlogs but the first, which holds the tables' first rows."""
        return [str(row["Log_name"]) for row in self.source.query("SHOW BINARY LOGS")][1:]

    def run(self) -> None:
        """Write, and measure the search each time that the binlogs have doubled; at the end everything."""
        file_size = self.arguments.mib * MIB // self.arguments.files
        writers = Writers(self.source, file_size, self.arguments.rows)
        self.start = Coordinates(self.names()[0], 4)
        print("binlogs of %d MiB; the window search as their number grows:" % (file_size // MIB), flush=True)
        files = 1
        while True:
            writers.until(min(files * file_size, self.arguments.mib * MIB) - MIB)
            if not self.true:
                self.stop()
            self.window(files)
            if files >= self.arguments.files:
                break
            files = min(2 * files, self.arguments.files)
        self.everything()

    def stop(self) -> None:
        """Stop the replica where it is; that is what has to be found."""
        self.replica.execute("STOP REPLICA")
        row = self.replica.replica_status() or {}
        self.true = "%s:%s" % (row["Relay_Source_Log_File"], row["Exec_Source_Log_Pos"])

    def located(self, verify: str) -> Spent:
        """A search, whose answer must be right."""
        spent = apart(found, self.login, self.other, "%s:%d" % (self.start.file, self.start.position), verify)
        if spent.result[0] != self.true:
            raise SystemExit("the replica is at %s, found was %s" % (self.true, spent.result[0]))
        return spent

    def window(self, files: int) -> None:
        """Print what a window search takes."""
        spent = measure({"window": lambda: self.located("window")}, self.arguments.rounds)["window"]
        print("  %3d files %7.1f MiB: %s" % (files, size(self.source) / MIB, located(spent)), flush=True)

    def everything(self) -> None:
        """Read in every way."""
        names, total, login, start = self.names(), size(self.source) / MIB, self.login, self.start
        self.source.exec("mkdir -p /dev/shm/raw")
        works: Dict[str, Work] = {
            "raw": lambda: mysqlbinlog(self.source, names, "--raw", "--result-file=/dev/shm/raw/"),
            "headers": lambda: apart(headers, login, start),
            "vv": lambda: mysqlbinlog(self.source, names, "-vv"),
            "rows": lambda: apart(ours, login, start, True),
            "framed": lambda: apart(ours, login, start, False),
            "full": lambda: self.located("full"),
            "window": lambda: self.located("window"),
        }
        works = {name: work for name, work in works.items() if name in (self.arguments.only or works)}
        best = measure(works, self.arguments.rounds)
        self.source.exec("rm -r /dev/shm/raw")
        print("%.0f MiB in %d binlogs, best of %d:" % (total, len(names), self.arguments.rounds), flush=True)
        for name in works:
            report(WORDS[name], best[name], total, self.more(name, best))
        if "rows" in best:
            _counted, images, _memory = best["rows"].result
            self.peers(images / best["rows"].wall, images / best["rows"].cpu)

    def more(self, name: str, best: Mapping[str, Spent]) -> str:
        """What else there is to say of a line."""
        against = "raw" if name == "headers" else "vv"
        words: List[str] = []
        if name == "headers":
            events, _bytes, memory = best[name].result
            words = ["%d events" % events, "%d MiB of memory" % (memory // 1024)]
        elif name == "rows":
            counted, images, memory = best[name].result
            words = ["%d transactions, %d images, %.0f images/s" % (counted, images, images / best[name].wall)]
            words.append("%d MiB of memory" % (memory // 1024))
        elif name in ("full", "window"):
            words = [located(best[name])]
        if words and against in best:
            words.insert(0, speed(best[against], best[name], against))
        return ", ".join(words)

    def peers(self, rate: float, by_cpu: float) -> None:
        """Print the speed of the library."""
        if importlib.util.find_spec("pymysqlreplication") is None:
            print("mysql-replication is not installed: not compared")
            return
        for words, settings in PEERS.items():
            runs = [peer(self.source, self.start, PEER_ROWS, **settings) for _round in range(self.arguments.rounds)]
            theirs, their_cpu = max(run[0] for run in runs), max(run[1] for run in runs)
            print(
                "  %-34s %8.0f images/s; here %.1f times as many; by CPU %.1f times"
                % (words, theirs, rate / theirs, by_cpu / their_cpu),
                flush=True,
            )


def speed(theirs: Spent, mine: Spent, name: str) -> str:
    """How many times as fast as they it is here."""
    cpu = "; by CPU %.2f" % (theirs.cpu / mine.cpu) if theirs.cpu and mine.cpu else ""
    return "%.2f times the speed of %s%s" % (theirs.wall / mine.wall, name, cpu)


def located(spent: Spent) -> str:
    """What a search came to."""
    _place, answer, _own = spent.result
    return "%.2f s (CPU %.2f s), %.1f MiB read, %d rows of the replica, %d MiB of memory, %s" % (
        spent.wall, spent.cpu, answer["bytes_read"] / MIB, answer["rows_read"], spent.memory // 1024,
        answer["evidence"]["scope"],
    )  # fmt: skip


def report(what: str, spent: Spent, total: float, more: str = "") -> None:
    """Print a line of the result."""
    print(
        "  %-34s %8.2f s  CPU %7.2f s %7.1f MiB/s  %s" % (what, spent.wall, spent.cpu, total / spent.wall, more),
        flush=True,
    )


def main() -> int:
    """Start a pair, fill the source's binlogs, read them in every way, remove it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rows", type=int, default=1, help="rows in a transaction")
    parser.add_argument("--metadata", choices=["MINIMAL", "FULL"], default="MINIMAL", help="binlog_row_metadata")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=list(WORDS), help="at the end only these")
    arguments = parser.parse_args()
    options = {**OPTIONS, "binlog_row_metadata": arguments.metadata}
    with Lab(
        "mysql-9.7", "pair", gtid=False, workers=4, options=options, server_options={"replica": REPLICA_OPTIONS}
    ) as lab:
        Bench(lab, arguments).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
