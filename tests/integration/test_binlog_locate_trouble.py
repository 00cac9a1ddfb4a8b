# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a position where it is hard: XA transactions, rings, definitions amid moved rows, and what goes wrong."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import Any, Callable, Dict, List

import pytest
from lab.accounts import REPAIRER, Account, grant_statements
from lab.server import Server
from lab.topology import Lab

from .locate_history import Coordinates
from .locating import TABLES, apply_until, checked, ends_of, move_back, position, stopped
from .playbook import login, run_module, running_module


def _xa_history(lab: Lab) -> List[Coordinates]:
    """Transactions with an XA transaction amid them; where each group ends in the source's binlog."""
    ends = ends_of(lab, ["INSERT INTO d.t1 VALUES (%d, %d, 'a')" % (n, n) for n in range(10, 17)])
    with contextlib.closing(lab.source.connect("root")) as one, one.cursor() as cursor:
        for sql in ("XA START 'x'", "INSERT INTO d.t1 VALUES (50, 1, 'xa')", "XA END 'x'", "XA PREPARE 'x'"):
            cursor.execute(sql)
        ends.append(lab.source.coordinates())
        ends += ends_of(lab, ["UPDATE d.cnt SET n = n + 1"])
        cursor.execute("XA COMMIT 'x'")
    ends.append(lab.source.coordinates())
    with contextlib.closing(lab.source.connect("root")) as one, one.cursor() as cursor:
        for sql in ("XA START 'y'", "INSERT INTO d.t1 VALUES (51, 1, 'xa')", "XA END 'y'", "XA COMMIT 'y' ONE PHASE"):
            cursor.execute(sql)
    ends.append(lab.source.coordinates())
    with contextlib.closing(lab.source.connect("root")) as one, one.cursor() as cursor:
        for sql in ("XA START 'z'", "UPDATE d.cnt SET n = 0", "XA END 'z'", "XA PREPARE 'z'", "XA ROLLBACK 'z'"):
            cursor.execute(sql)
    ends.append(lab.source.coordinates())
    ends += ends_of(lab, ["INSERT INTO d.t1 VALUES (%d, %d, 'b')" % (n, n) for n in range(20, 27)])
    return list(dict.fromkeys(ends))


def test_xa_transactions(lab_of: Callable[..., Lab], flavour: str) -> None:
    """The position is right before, between and after the parts of XA transactions, or it is said why there is none."""
    lab = lab_of(flavour, gtid=False, seed=TABLES)
    start = stopped(lab)
    kinds: Dict[int, str] = {}
    ends = _xa_history(lab)
    full = os.environ.get("REPLICA_TEST_MATRIX") == "full"
    for number, end in enumerate(ends[5:-4], 5):
        if not full and number in (5, 10, 12, 13):
            continue
        apply_until(lab, end)
        prepared = lab.replica.query("XA RECOVER")
        if prepared:
            result = run_module("binlog_locate", lab.replica)
            assert result["failed"] and "XA transactions are prepared" in result["msg"], result["msg"]
            kinds[number] = "prepared"
            continue
        lab.configure(lab.links[0], start)
        result = run_module("binlog_locate", lab.replica)
        kinds[number] = checked(result, end)
        if kinds[number] != "boundary":
            print(number, result["msg"])
        lab.configure(lab.links[0], end)
    print(flavour, kinds)
    assert kinds[6] == kinds[max(kinds)] == "boundary", kinds
    lab.replica.start_replica()
    lab.wait_in_sync()
    assert lab.replica.query("SELECT * FROM d.cnt") == lab.source.query("SELECT * FROM d.cnt")


def _ring(lab: Lab) -> List[Coordinates]:
    """Both sides write, the replica the same row again and again; where each transaction ends on the left."""
    left, right = lab.servers
    ends = []
    for number in range(8):
        ends += ends_of(lab, ["INSERT INTO d.t1 VALUES (%d, 1, 'left')" % (10 + number)])
        right.execute(
            "UPDATE d.cnt SET n = n + 1 WHERE id = 2", "INSERT INTO d.t1 VALUES (%d, 1, 'right')" % (30 + number)
        )
        lab.wait_in_sync(left)
        ends.append(left.coordinates())
    return ends


def test_a_ring(lab_of: Callable[..., Lab], flavour: str) -> None:
    """What the replica itself wrote stands in the source's binlog; it has it at any time, and it is no evidence."""
    lab = lab_of(flavour, "ring", gtid=False, seed=TABLES)
    left, right = lab.servers
    lab.wait_all_in_sync()
    right.execute(*(right.replica_sql("STOP", "SQL_THREAD"),))
    start = left.coordinates()
    ends = _ring(lab)
    right.stop_replica()
    for number in (6, 9, 13):
        apply_until(lab, ends[number])
        lab.configure(lab.links[0], start)
        result = run_module("binlog_locate", right)
        assert result["kind"] == "boundary", result["msg"]
        # The same to the replica: what lies between is its own.
        low, high = ends[number - 1 if number % 2 else number], ends[number if number % 2 else number + 1]
        assert low <= position(result["coordinates"]) <= high, (low, high, result["msg"])
        found = position(result["coordinates"])
        lab.configure(lab.links[0], found)
    right.start_replica()
    lab.wait_all_in_sync()
    assert right.query("SELECT * FROM d.t1 ORDER BY id") == left.query("SELECT * FROM d.t1 ORDER BY id")
    assert right.query("SELECT * FROM d.cnt") == left.query("SELECT * FROM d.cnt")


def _dump_thread(server: Server) -> int:
    """The thread that sends binlogs to the module; 0 when there is none now."""
    for row in server.query("SHOW PROCESSLIST"):
        if str(row["User"]) == REPAIRER.user and str(row["Command"]).startswith("Binlog Dump"):
            return int(row["Id"])
    return 0


def test_a_stream_that_is_cut(lab_of: Callable[..., Lab], flavour: str) -> None:
    """The source's thread is killed amid the stream: an error that says where, and nothing is guessed."""
    lab = lab_of(flavour, gtid=False, seed=(*TABLES, "CREATE TABLE d.big (id INT PRIMARY KEY, b LONGBLOB)"))
    start = stopped(lab)
    ends_of(lab, ["INSERT INTO d.big VALUES (%d, REPEAT(UUID(), 12000))" % number for number in range(90)])
    lab.configure(lab.links[0], start)
    options = {"source": {**login(lab.source)}, "timeout": 60}
    with running_module("binlog_locate", lab.replica, options) as process:
        thread = 0
        while not thread and process.poll() is None:
            thread = _dump_thread(lab.source)
        assert thread, "the module ended before it could be cut off"
        os.kill(process.pid, signal.SIGSTOP)
        try:
            lab.source.execute("KILL %d" % thread)
            lab.source.wait_until(lambda: _dump_thread(lab.source) != thread, 30, "the thread to end")
        finally:
            os.kill(process.pid, signal.SIGCONT)
        output, errors = process.communicate(timeout=60)
    result = json.loads(output.strip().splitlines()[-1])
    assert process.returncode and result["failed"] and "Traceback" not in errors, output + errors
    assert result["code"] == "binlog" and "binlog.0" in result["msg"], result
    again = run_module("binlog_locate", lab.replica)
    assert again["kind"] == "boundary" and position(again["coordinates"]) == start, again["msg"]


def test_rows_moved_back_across_a_definition(lab_of: Callable[..., Lab], flavour: str) -> None:
    """Images do not reach across a change of the definition: no state is made up of them."""
    lab = lab_of(flavour, gtid=False, seed=TABLES)
    start = stopped(lab)
    ends = ends_of(
        lab,
        (
            "UPDATE d.cnt SET n = n + 1",
            "CREATE INDEX ix ON d.t1 (n)",
            "UPDATE d.cnt SET n = n + 1",
            "ALTER TABLE d.t1 ADD COLUMN more INT",
            "INSERT INTO d.t1 VALUES (7, 7, 'g', 7)",
            "INSERT INTO d.t1 VALUES (8, 8, 'h', 8)",
        ),
    )
    apply_until(lab, ends[4])
    lab.configure(lab.links[0], start)
    lab.replica.start_replica()
    words = lab.flavour.words
    lab.replica.wait_until(lambda: str(lab.status(lab.links[0])[words.sql_running]) == "No", 30, "the duplicate index")
    result = run_module("binlog_locate", lab.replica)
    assert result["kind"] in ("not_at_any_boundary", "undecided"), result["msg"]
    assert result["coordinates"] is None and result["gtid_set"] == "" and result["mixed"] is None


def test_a_table_that_is_not_there(lab_of: Callable[..., Lab], flavour: str) -> None:
    """Somebody dropped a table on the replica: its rows are no evidence, and this is said; the others still are."""
    lab = lab_of(flavour, gtid=False, seed=(*TABLES, "CREATE TABLE d.gone (id INT PRIMARY KEY)"))
    start = stopped(lab)
    ends = ends_of(lab, ["INSERT INTO d.t1 VALUES (%d, 1, 'x')" % number for number in range(10, 20)])
    ends += ends_of(lab, ("INSERT INTO d.gone VALUES (1)", "UPDATE d.cnt SET n = n + 1"))
    apply_until(lab, ends[6])
    lab.replica.execute_unlogged("DROP TABLE d.gone")
    lab.configure(lab.links[0], start)
    result = run_module("binlog_locate", lab.replica)
    assert result["kind"] == "not_at_any_boundary" and position(result["diverged"]["closest"]) == ends[6], result["msg"]
    assert result["diverged"]["definitions"] == [{"object": "table", "name": "d.gone", "expected": "present"}]
    assert "Table d.gone is missing on the replica" in result["msg"] and result["coordinates"] is None
    assert result["evidence"]["tables_without_evidence"] == {"d.gone": "the replica has no such table"}


@pytest.mark.parametrize("server", ["replica", "source"])
def test_each_privilege_that_is_missing_is_named(lab_of: Callable[..., Lab], flavour: str, server: str) -> None:
    """What the account lacks is said by its name, or the tables that it may not read are."""
    lab = lab_of(flavour, gtid=False, seed=TABLES)
    _start, ends = move_back(lab)
    mariadb = lab.flavour.is_mariadb
    monitor = "BINLOG MONITOR" if mariadb else "REPLICATION CLIENT"
    wanted = ("TRIGGER", "EVENT", "SELECT") if server == "replica" else ("REPLICATION SLAVE", monitor, "SELECT")
    at, role = getattr(lab, server), "repairer" if server == "replica" else "observer"
    for number, name in enumerate(wanted):
        account = Account("lacking%d" % number, "lacking-secret-%d" % number, role)
        at.execute_unlogged(
            "CREATE USER %s IDENTIFIED BY '%s'" % (account.sql, account.password),
            *grant_statements(lab.flavour, account),
            "REVOKE %s ON *.* FROM %s" % (name, account.sql),
            "GRANT SELECT ON mysql.* TO %s" % account.sql,
        )
        result: Dict[str, Any] = run_module(
            "binlog_locate",
            lab.replica,
            account=account if server == "replica" else REPAIRER,
            source_account=account if server == "source" else REPAIRER,
        )
        if name == "SELECT":
            silent = str(result.get("evidence", {}).get("tables_without_evidence", result["msg"]))
            assert "may not read it" in silent or "SELECT" in silent, result
            assert result["failed"] or checked(result, ends[9]) != "boundary", result["msg"]
        else:
            assert result["failed"] and result["code"] == "privilege" and name in result["msg"], result["msg"]


def test_a_source_that_is_not_there(lab_of: Callable[..., Lab], flavour: str) -> None:
    """An address where nobody answers: an error that names it, at once."""
    lab = lab_of(flavour, gtid=False, seed=TABLES)
    move_back(lab)
    result = run_module("binlog_locate", lab.replica, {"source": {"login_host": lab.source.host, "login_port": 1}})
    assert result["failed"] and lab.source.host in result["msg"], result["msg"]


def test_a_key_that_stood_elsewhere(lab_of: Callable[..., Lab], flavour: str) -> None:
    """Rows of before a table's columns changed places have NULL where its key is now: they tell nothing, no more."""
    turned = "CREATE TABLE d.turned (id INT PRIMARY KEY, x INT, y INT) ENGINE=InnoDB"
    lab = lab_of(flavour, gtid=False, seed=(*TABLES, turned))
    start = stopped(lab)
    ends = ends_of(lab, ["INSERT INTO d.turned (id) VALUES (%d)" % number for number in range(5)])
    ends += ends_of(lab, ("ALTER TABLE d.turned MODIFY COLUMN id INT NOT NULL AFTER y",))
    ends += ends_of(lab, ["INSERT INTO d.t1 VALUES (%d, 1, 'x')" % number for number in range(10, 20)])
    apply_until(lab, ends[11])
    lab.configure(lab.links[0], start)
    result = run_module("binlog_locate", lab.replica)
    assert checked(result, ends[11]) == "boundary", result["msg"]
