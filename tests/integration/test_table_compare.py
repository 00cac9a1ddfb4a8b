# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""table_compare on real servers: what is equal is proven, and the applier is as it was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Iterator

import pytest
from integration.comparing import (
    SIMPLE,
    applier,
    compare,
    delay,
    different,
    proof_schema,
    reasons,
    start,
    until,
    writers,
)
from integration.conftest import MODES, Pair
from integration.playbook import run_module
from lab.accounts import OBSERVER, Account, grant_statements
from lab.flavours import FLAVOURS
from lab.load import wait_row_lock
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"


@pytest.fixture(scope="module", name="workers", params=[1, 4], ids=["serial", "parallel"])
def number_of_workers(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module", name="mode", params=["gtid", "position"] if FULL else ["paired"])
def replication_mode(request: pytest.FixtureRequest, flavour: str, workers: int) -> str:
    """Both modes in the full matrix; otherwise one with each number of workers, in turns among the flavours."""
    turn = list(FLAVOURS).index(flavour) + (workers > 1)
    return str(request.param) if FULL else MODES[turn % len(MODES)]


@pytest.fixture(scope="module", name="busy")
def busy_lab(flavour: str, mode: str, workers: int) -> Iterator[Lab]:
    """A pair of one flavour, mode and number of workers."""
    with Lab(flavour, gtid=mode == "gtid", workers=workers) as lab:
        yield lab


def test_what_is_equal_is_proven_and_a_planted_row_is_found_while_the_source_writes(busy: Lab) -> None:
    tables = [
        "CREATE TABLE proof.w%d (id INT AUTO_INCREMENT PRIMARY KEY, v DOUBLE) ENGINE=InnoDB" % n for n in range(3)
    ]
    quiet = ["CREATE TABLE proof.q (id INT PRIMARY KEY, v INT) ENGINE=InnoDB", "INSERT INTO proof.q VALUES (1,1),(2,2)"]
    with proof_schema(busy, *tables, *quiet):
        with writers(busy.source) as written:
            before = sum(written)
            result = compare(busy.replica)
            assert result["proof"] == "rows_proven", result["msg"]
            assert sum(written) > before
            assert not result["changed"]
            assert [entry["table"] for entry in result["compared"]] == ["proof.q", "proof.w0", "proof.w1", "proof.w2"]
            assert sum(entry["rows"] for entry in result["compared"]) > 2
            assert "The rest of the server was not compared." in result["msg"]
            assert applier(busy) == "Yes"
            assert until(busy) == "None"
            busy.replica.execute_unlogged("UPDATE proof.q SET v = 3 WHERE id = 2")
            planted = compare(busy.replica)
        assert planted["proof"] == "unproven"
        assert set(different(planted)) == {"proof.q"}, planted["msg"]
        assert different(planted)["proof.q"][0]["rows"] == [{"what": "changed", "key": {"id": "2"}, "columns": ["v"]}]
        assert applier(busy) == "Yes"
        busy.wait_in_sync()


def test_a_stopped_applier_is_refused_or_stopped_again(busy: Lab) -> None:
    with proof_schema(busy, SIMPLE):
        busy.replica.stop_replica("SQL_THREAD")
        try:
            same = compare(busy.replica)
            busy.source.execute("INSERT INTO proof.t VALUES (1)")
            refused = compare(busy.replica)
            assert applier(busy) == "No"
            assert busy.replica.value("SELECT COUNT(*) FROM proof.t") == 0
            allowed = compare(busy.replica, start_stopped=True)
            assert applier(busy) == "No"
        finally:
            busy.replica.start_replica("SQL_THREAD")
        assert same["proof"] == "rows_proven", same["msg"]
        assert refused["failed"] and refused["code"] == "refused"
        assert "start_stopped" in refused["msg"]
        assert allowed["proof"] == "rows_proven", allowed["msg"]
        assert allowed["compared"][0]["rows"] == 1


@pytest.mark.modes("position")
def test_an_applier_is_not_run_while_a_skip_counter_waits(well: Pair) -> None:
    with proof_schema(well.lab, SIMPLE):
        well.replica.stop_replica("SQL_THREAD")
        name = "sql_%s_skip_counter" % well.words.replica.lower()
        well.replica.execute("SET GLOBAL %s = 1" % name)
        try:
            well.source.execute("INSERT INTO proof.t VALUES (1)")
            refused = compare(well.replica, start_stopped=True)
        finally:
            well.replica.execute("SET GLOBAL %s = 0" % name)
            well.replica.start_replica("SQL_THREAD")
        assert refused["failed"] and refused["code"] == "refused" and name in refused["msg"], refused
        well.lab.wait_in_sync()
        assert well.replica.value("SELECT COUNT(*) FROM proof.t") == 1


@pytest.fixture(name="still")
def still_pair(well: Pair) -> Lab:
    return well.lab


@pytest.mark.modes("gtid", "position")
def test_since_compares_what_was_changed_after_a_point(still: Lab) -> None:
    with proof_schema(
        still,
        *["CREATE TABLE proof.%s (id INT PRIMARY KEY) ENGINE=InnoDB" % name for name in ("before", "during", "`a.b`")],
        "INSERT INTO proof.before VALUES (1)",
        "CREATE TABLE proof.parent (id INT PRIMARY KEY) ENGINE=InnoDB",
        "CREATE TABLE proof.child (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES proof.parent (id) ON DELETE CASCADE)"
        " ENGINE=InnoDB",
        "INSERT INTO proof.parent VALUES (1)",
        "INSERT INTO proof.child VALUES (1)",
    ):
        point = "%s:%d" % still.source.coordinates()
        position = still.source.gtid_position() if still.gtid or still.flavour.is_mariadb else ""
        still.source.execute("INSERT INTO proof.during VALUES (1)", "INSERT INTO proof.`a.b` VALUES (1)")
        nothing = compare(still.replica, (), since="%s:%d" % still.source.coordinates())
        assert "No table was changed since" in nothing["msg"]
        for since in filter(None, (point, position)):
            result = compare(still.replica, (), since=since)
            assert [entry["table"] for entry in result["compared"]] == ["proof.a.b", "proof.during"], since
            assert result["proof"] == "rows_proven"
        still.source.execute("CREATE TABLE proof.made (id INT PRIMARY KEY) ENGINE=InnoDB")
        assert "proof.made" in compare(still.replica, (), since=point, check=True)["selected"]
        point = "%s:%d" % still.source.coordinates()
        still.source.execute("DELETE FROM proof.parent")
        result = compare(still.replica, (), since=point)
        assert [entry["table"] for entry in result["compared"]] == ["proof.child", "proof.parent"], result["msg"]


@pytest.mark.modes("gtid")
def test_what_an_account_may_not_see_is_not_proven(still: Lab) -> None:
    partial = Account("partial", "partial-secret-64d1", "observer")
    still.source.execute_unlogged(
        "CREATE USER %s IDENTIFIED BY '%s'" % (partial.sql, partial.password),
        *grant_statements(still.flavour, partial),
        "REVOKE SELECT, TRIGGER ON *.* FROM %s" % partial.sql,
        "GRANT SELECT ON proof.* TO %s" % partial.sql,
    )
    source = {"login_user": partial.user, "login_password": partial.password}
    try:
        with proof_schema(still, SIMPLE):
            point = "%s:%d" % still.source.coordinates()
            still.source.execute("INSERT INTO proof.t VALUES (1)", "INSERT INTO shop.t (v) VALUES ('unseen')")
            assert compare(still.replica, source=source)["proof"] == "rows_proven"
            since = compare(still.replica, (), since=point, source=source)
            assert since["proof"] == "unproven"
            assert "needs SELECT on *.*" in reasons(since)["since " + point], since["msg"]
            whole = compare(still.replica, ["all"], source=source)
            assert whole["proof"] == "unproven"
            assert "needs SELECT, TRIGGER on *.*" in reasons(whole)["all"], whole["msg"]
            assert "needs SELECT on shop.t" in reasons(whole)["shop.t"]
    finally:
        still.source.execute_unlogged("DROP USER %s" % partial.sql)


@pytest.mark.pairs("mysql-9.7-gtid", "mysql-5.6-position", "mariadb-10.11-gtid", "mariadb-11.8-position")
def test_an_account_that_may_not_pause_the_applier_is_told_so_and_leaves_it_running(still: Lab) -> None:
    replica, login = still.replica, {"login_user": OBSERVER.user, "login_password": OBSERVER.password}
    still.wait_in_sync()
    refused = run_module("table_compare", replica, {"tables": ["shop.*"], "source": {}, **login})
    assert refused["failed"] and refused["msg"].startswith("Could not stop the applier on "), refused
    assert " Grant the account " in refused["msg"] and "again" not in refused["msg"]
    assert (replica.replica_status() or {})[still.flavour.words.sql_running] == "Yes"


@pytest.mark.pairs("mysql-9.7-gtid", "mariadb-10.11-gtid")
def test_brakes_check_mode_and_what_may_be_shown(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE TABLE proof.a (id INT PRIMARY KEY, secret VARCHAR(40)) ENGINE=InnoDB",
        "CREATE TABLE proof.b (id INT PRIMARY KEY) ENGINE=InnoDB",
        "INSERT INTO proof.a VALUES (1, 'of the source'), (2, 'x'), (3, 'x')",
        "INSERT INTO proof.b VALUES (1)",
    ):
        planned = compare(still.replica, check=True)
        assert planned["selected"] == ["proof.a", "proof.b"]
        assert len(planned["queries"]) == 3
        assert "proof" not in planned
        limited = compare(still.replica, max_rows=2)
        assert limited["proof"] == "unproven"
        assert set(reasons(limited)) == {"proof.a", "proof.b"}
        assert "option max_rows" in limited["msg"]
        still.replica.execute_unlogged("UPDATE proof.a SET secret = 'of the replica' WHERE id = 1")
        for show, key, value in (("none", False, False), ("keys", True, False), ("full", True, True)):
            result = compare(still.replica, show_rows=show, fail_on_difference=True)
            assert result["failed"]
            text = str({name: found for name, found in result.items() if name != "invocation"})
            assert ("'key'" in text, "of the source" in text, "of the replica" in text) == (key, value, value)
        missing = compare(still.replica, ["proof.nothing"])
        assert missing["failed"] and "proof.nothing" in missing["msg"]


@pytest.mark.modes("gtid", "position")
def test_another_server_is_no_source_and_the_applier_goes_on(still: Lab) -> None:
    with proof_schema(still, SIMPLE):
        own = {"login_host": still.replica.host, "login_port": still.replica.port}
        result = compare(still.replica, source=own)
        assert result["failed"] and result["code"] == "identity"
        assert applier(still) == "Yes"


@pytest.mark.modes("gtid")
def test_an_applier_that_cannot_be_stopped_or_come_in_time_is_left_alone(still: Lab) -> None:
    with proof_schema(still, SIMPLE, "INSERT INTO proof.t VALUES (1)"):
        with still.replica.connect("root") as holder, holder.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM proof.t FOR UPDATE")
            still.source.execute("DELETE FROM proof.t")
            wait_row_lock(still.replica)
            blocked = compare(still.replica)
            assert applier(still) == "Yes"
            holder.rollback()
        assert blocked["failed"] and blocked["code"] == "refused"
        assert "waits for a row lock" in blocked["msg"]
        still.wait_in_sync()
        delay(still, 50)
        delayed = compare(still.replica, timeout=50)
        assert applier(still) == "Yes"
        delay(still, 0)
        assert delayed["failed"] and "delayed by 50 s" in delayed["msg"]
        still.wait_in_sync()
        assert compare(still.replica)["proof"] == "rows_proven"


@contextlib.contextmanager
def on_its_way(lab: Lab) -> Iterator[subprocess.Popen[str]]:
    """The module at work, with the applier paused and on its way to the point, which is some time off."""
    delay(lab, 20)
    lab.source.execute("INSERT INTO proof.t VALUES (1)")
    process = start(lab.replica)
    try:
        lab.replica.wait_until(
            lambda: until(lab) != "None" or process.poll() is not None, 60, "the applier to be paused"
        )
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.communicate(timeout=60)
        delay(lab, 0)


@pytest.mark.modes("gtid", "position")
def test_a_cancelled_run_starts_the_applier_again(still: Lab) -> None:
    with proof_schema(still, SIMPLE), on_its_way(still) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
        assert applier(still) == "Yes"
        assert until(still) == "None"


@pytest.mark.modes("gtid", "position")
def test_an_until_condition_is_kept_even_one_that_a_killed_run_left(still: Lab) -> None:
    with proof_schema(still, SIMPLE), on_its_way(still) as process:
        process.kill()
        process.wait(60)
        condition = until(still)
        refused = compare(still.replica)
        assert (applier(still), until(still)) == ("Yes", condition)
        assert refused["failed"] and refused["code"] == "refused"
        assert "UNTIL condition (%s" % condition in refused["msg"]
        delay(still, 0)
        result = compare(still.replica)
        assert result["proof"] == "rows_proven", result["msg"]
        assert applier(still) == "Yes"
        assert until(still) == "None"


@pytest.mark.pairs("mysql-9.7-gtid", "mariadb-10.11-gtid")
def test_a_playbook_runs_it(still: Lab) -> None:
    with proof_schema(still, SIMPLE):
        result = run_module("table_compare", still.replica, {"tables": ["proof.*"]}, source_account=OBSERVER)
        assert result["proof"] == "rows_proven"
