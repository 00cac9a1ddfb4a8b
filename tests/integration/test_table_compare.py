# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""table_compare on real servers: what is equal is proven, what differs is found, and the applier is as it was."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from integration.conftest import Pair
from integration.playbook import assert_no_secret, login, run_module
from lab.accounts import OBSERVER, REPAIRER
from lab.server import Server
from lab.topology import Lab

MODULE = "ansible_collections.replicaops.mysql.plugins.modules.table_compare"
COLLECTIONS = str(Path(next(iter(importlib.import_module("ansible_collections.replicaops").__path__))).parents[1])

# A class of column types: name, column, value on the source, value planted on the replica. The planted value is always
# one that the server itself calls equal, or the smallest step away.
TYPES = (
    ("integer", "BIGINT UNSIGNED", "18446744073709551615", "18446744073709551614"),
    ("decimal", "DECIMAL(65,30)", "1.000000000000000000000000000001", "1.000000000000000000000000000002"),
    ("double", "DOUBLE", "0.1", "0.1 + 1.3877787807814457e-17"),
    ("fixed_double", "DOUBLE(10,2)", "0.12", "0.13"),
    ("float", "FLOAT", "1.1", "1.1000001"),
    ("bits", "BIT(64)", "b'1'", "b'0'"),
    ("choice", "ENUM('a','b','')", "''", "0"),
    ("choices", "SET('a','b')", "'a'", "'a,b'"),
    ("letter_case", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "'Ab'", "'aB'"),
    ("trailing_space", "VARCHAR(20) CHARACTER SET latin1", "'a'", "'a '"),
    ("accent", "VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "'e'", "X'C3A9'"),
    ("wide", "VARCHAR(20) CHARACTER SET ucs2", "'a'", "'A'"),
    ("long_text", "LONGTEXT", "REPEAT('a', 100000)", "CONCAT(REPEAT('a', 99999), 'A')"),
    ("empty_text", "TEXT", "''", "NULL"),
    ("letter_n", "VARCHAR(10)", "'N'", "NULL"),
    ("fixed_bytes", "BINARY(4)", "X'00'", "X'0001'"),
    ("bytes", "VARBINARY(10)", "X'00'", "X''"),
    ("long_bytes", "LONGBLOB", "X'FF00'", "X'FF0000'"),
    ("date", "DATE", "'0000-00-00'", "'2000-01-01'"),
    ("datetime", "DATETIME(6)", "'2020-01-01 00:00:00.000001'", "'2020-01-01 00:00:00.000002'"),
    ("timestamp", "TIMESTAMP(6) NULL", "'2020-01-01 00:00:00'", "'2020-01-01 00:00:00.000001'"),
    ("time", "TIME(6)", "'-00:00:00.000001'", "'00:00:00.000001'"),
    ("year", "YEAR", "2000", "2001"),
    ("place", "GEOMETRY", "X'000000000101000000000000000000F03F000000000000F03F'",
     "X'E61000000101000000000000000000F03F000000000000F03F'"),
)  # fmt: skip
MYSQL_TYPES = (
    ("json", "JSON", "'{\"a\": 1}'", "'{\"a\": 1.0}'"),
    ("vector", "VECTOR(2)", "STRING_TO_VECTOR('[1,2]')", "STRING_TO_VECTOR('[1,2.0000002]')"),
)
MARIADB_TYPES = (
    ("json", "JSON", "'{\"a\": 1}'", "'{\"a\":1}'"),
    ("uuid", "UUID", "UUID()", "UUID()"),
    ("address", "INET6", "'::1'", "'::2'"),
)

SIMPLE = "CREATE TABLE proof.t (id INT PRIMARY KEY) ENGINE=InnoDB"


def types_of(flavour: str) -> List[Any]:
    """The type classes a flavour has."""
    if flavour == "mysql-5.6":
        return list(TYPES)
    return [*TYPES, *(MARIADB_TYPES if flavour.startswith("mariadb") else MYSQL_TYPES)]


def arguments(replica: Server, tables: Any, options: Dict[str, Any]) -> Dict[str, Any]:
    """The module's arguments: an observer's account on the source is enough."""
    given = {**login(replica), "source": {"login_user": OBSERVER.user, "login_password": OBSERVER.password}, **options}
    return {**given, "tables": list(tables)} if tables else given


def start(replica: Server, tables: Any = ("proof.*",), **options: Any) -> subprocess.Popen[str]:
    """Start the module by itself, as the target's Python runs it; it reads its arguments from standard input."""
    given = arguments(replica, tables, options)
    given["_ansible_check_mode"] = given.pop("check", False)
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": COLLECTIONS},
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": given}))
    process.stdin.close()
    process.stdin = None
    return process


def compare(replica: Server, tables: Any = ("proof.*",), **options: Any) -> Dict[str, Any]:
    """Run the module against a replica to its end; its result, with ``failed``."""
    process = start(replica, tables, **options)
    output, errors = process.communicate(timeout=300)
    assert_no_secret(output + errors)
    result = json.loads(output)
    assert (process.returncode != 0) == bool(result.get("failed")), errors
    return {"failed": False, **result}


def different(result: Dict[str, Any]) -> Dict[str, List[Dict[str, Any]]]:
    """What differs, by table."""
    found: Dict[str, List[Dict[str, Any]]] = {}
    for entry in result["different"]:
        found.setdefault(entry["table"], []).append(entry)
    return found


def reasons(result: Dict[str, Any]) -> Dict[str, str]:
    """Why tables are undecided."""
    return {entry["table"]: entry["reason"] for entry in result["undecided"]}


def applier(lab: Lab) -> str:
    """Whether the applier runs."""
    return str(lab.status(lab.links[0])[lab.flavour.words.sql_running])


def until(lab: Lab) -> str:
    """The UNTIL condition that the applier has, or had when it stopped."""
    return str(lab.status(lab.links[0]).get("Until_Condition") or "None")


def make(lab: Lab, *statements: str) -> None:
    """A fresh schema on both sides, with the statements run on the source."""
    lab.source.execute("DROP DATABASE IF EXISTS proof", "CREATE DATABASE proof CHARACTER SET latin1", *statements)
    lab.wait_in_sync()


@contextlib.contextmanager
def proof_schema(lab: Lab, *statements: str) -> Iterator[None]:
    """The schema, for the length of a test."""
    make(lab, *statements)
    try:
        yield
    finally:
        lab.replica.execute_unlogged("CREATE DATABASE IF NOT EXISTS proof")
        lab.source.execute("DROP DATABASE IF EXISTS proof")
        lab.wait_in_sync()


@contextlib.contextmanager
def writers(server: Server, count: int = 3) -> Iterator[List[int]]:
    """Sessions which write without a pause and give up at the first lock they have to wait for."""
    stop, written, errors = threading.Event(), [0] * count, []

    def work(number: int) -> None:
        try:
            with server.connect("root") as connection, connection.cursor() as cursor:
                cursor.execute("SET SESSION lock_wait_timeout = 2, innodb_lock_wait_timeout = 1")
                while not stop.is_set():
                    cursor.execute("INSERT INTO proof.w%d (v) VALUES (RAND())" % number)
                    cursor.execute("UPDATE proof.w%d SET v = v + 1 ORDER BY id DESC LIMIT 3" % number)
                    connection.commit()
                    written[number] += 1
                    stop.wait(0.005)  # so that the replica can keep up on a machine with few cores
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
        assert not errors, errors


@pytest.fixture(scope="module", name="workers", params=[1, 4], ids=["serial", "parallel"])
def number_of_workers(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module", name="mode", params=["gtid", "position"])
def replication_mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", name="busy")
def busy_lab(flavour: str, mode: str, workers: int) -> Iterator[Lab]:
    """A pair of one flavour, mode and number of workers."""
    with Lab(flavour, gtid=mode == "gtid", workers=workers) as lab:
        yield lab


def test_equal_tables_are_proven_while_the_source_writes(busy: Lab) -> None:
    tables = [
        "CREATE TABLE proof.w%d (id INT AUTO_INCREMENT PRIMARY KEY, v DOUBLE) ENGINE=InnoDB" % n for n in range(3)
    ]
    with proof_schema(busy, *tables), writers(busy.source) as written:
        for _ in range(2):
            before = sum(written)
            result = compare(busy.replica)
            assert result["proof"] == "rows_proven", result["msg"]
            assert sum(written) > before
            assert not result["changed"]
            assert [entry["table"] for entry in result["compared"]] == ["proof.w0", "proof.w1", "proof.w2"]
            assert sum(entry["rows"] for entry in result["compared"]) > 0
            assert "The rest of the server was not compared." in result["msg"]
            assert applier(busy) == "Yes"
            assert until(busy) == "None"
    busy.wait_in_sync()


def test_a_planted_row_is_found_while_the_source_writes(busy: Lab) -> None:
    tables = [
        "CREATE TABLE proof.w%d (id INT AUTO_INCREMENT PRIMARY KEY, v DOUBLE) ENGINE=InnoDB" % n for n in range(3)
    ]
    quiet = ["CREATE TABLE proof.q (id INT PRIMARY KEY, v INT) ENGINE=InnoDB", "INSERT INTO proof.q VALUES (1,1),(2,2)"]
    with proof_schema(busy, *tables, *quiet):
        busy.replica.execute_unlogged("UPDATE proof.q SET v = 3 WHERE id = 2")
        with writers(busy.source):
            result = compare(busy.replica)
        assert result["proof"] == "unproven"
        assert set(different(result)) == {"proof.q"}, result["msg"]
        assert different(result)["proof.q"][0]["rows"] == [{"what": "changed", "key": {"id": "2"}, "columns": ["v"]}]
        assert applier(busy) == "Yes"


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


@pytest.fixture(name="still")
def still_pair(well: Pair) -> Lab:
    return well.lab


@pytest.mark.modes("gtid")
def test_every_type_is_compared_by_its_bytes(still: Lab) -> None:
    chosen = types_of(still.flavour.name)
    tables = [
        "CREATE TABLE proof.%s (id INT PRIMARY KEY, v %s) ENGINE=InnoDB" % (name, ddl) for name, ddl, _, _ in chosen
    ]
    rows = ["INSERT INTO proof.%s VALUES (1, %s), (2, %s)" % (name, value, value) for name, _, value, _ in chosen]
    mode = "SET SESSION sql_mode = ''"
    with proof_schema(still, *tables, mode, *rows):
        assert compare(still.replica)["proof"] == "rows_proven"
        planted = ["REPLACE INTO proof.%s VALUES (2, %s)" % (name, other) for name, _, _, other in chosen]
        still.replica.execute_unlogged(mode, *planted)
        result = compare(still.replica)
    found = different(result)
    assert sorted(found) == sorted("proof." + name for name, _, _, _ in chosen)
    for entries in found.values():
        assert [entry["what"] for entry in entries] == ["rows"]
        assert entries[0]["rows"] == [{"what": "changed", "key": {"id": "2"}, "columns": ["v"]}]


KEYS = (
    ("k_int", "k INT NOT NULL, PRIMARY KEY (k)", "{n}"),
    ("k_pair", "a INT NOT NULL, k INT NOT NULL, PRIMARY KEY (a, k)", "{n} % 7, {n}"),
    ("k_text", "k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL, PRIMARY KEY (k)",
     "CONCAT(IF({n} % 2, 'A', 'b'), HEX({n}))"),
    ("k_mixed", "a VARCHAR(9) CHARACTER SET latin1 NOT NULL, k DATETIME(6) NOT NULL, b VARBINARY(4) NOT NULL, "
     "PRIMARY KEY (a, k, b)",
     "CONCAT('x', {n} % 3), '2020-01-01' + INTERVAL {n} SECOND, UNHEX(LPAD(HEX({n}), 8, '0'))"),
    ("k_decimal", "k DECIMAL(10,3) NOT NULL, UNIQUE KEY u (k)", "{n} / 4 - 100"),
    ("k_bytes", "k BINARY(4) NOT NULL, PRIMARY KEY (k)", "UNHEX(LPAD(HEX({n}), 8, '0'))"),
    ("k_stamp", "k TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), PRIMARY KEY (k)",
     "'2020-01-01' + INTERVAL {n} SECOND"),
)  # fmt: skip


@pytest.mark.modes("gtid")
def test_missing_and_extra_rows_are_found_by_any_key_in_any_chunk(still: Lab) -> None:
    count = 500
    numbers = "CREATE TABLE proof.n (n INT PRIMARY KEY) ENGINE=InnoDB"
    fill = "INSERT INTO proof.n VALUES %s" % ", ".join("(%d)" % number for number in range(count))
    tables = ["CREATE TABLE proof.%s (%s) ENGINE=InnoDB" % (name, columns) for name, columns, _ in KEYS]
    rows = [
        "INSERT INTO proof.%s SELECT %s FROM proof.n ORDER BY n" % (name, value.replace("{n}", "n"))
        for name, _, value in KEYS
    ]
    mode = "SET SESSION sql_mode = '', SESSION time_zone = '+00:00'"
    with proof_schema(still, numbers, fill, *tables, mode, *rows):
        equal = compare(still.replica, chunk_rows=64)
        assert equal["proof"] == "rows_proven", equal["msg"]
        assert all(entry["chunks"] >= 8 for entry in equal["compared"])
        for name, _, value in KEYS:
            wanted = "INSERT INTO proof.%s SELECT %s" % (name, value.replace("{n}", str(count + 1)))
            first = "DELETE FROM proof.%s ORDER BY k LIMIT 1" % name
            still.replica.execute_unlogged(mode, wanted, first)
        result = compare(still.replica, chunk_rows=64)
    found = different(result)
    assert sorted(found) == sorted("proof." + name for name, _, _ in KEYS)
    for name, entries in found.items():
        assert entries[0]["counts"] == {"missing": 1, "extra": 1, "changed": 0}, name


@pytest.mark.modes("gtid", "position")
def test_definitions_and_tables_on_one_side_differ(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE TABLE proof.same (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE proof.indexed (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE proof.typed (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE proof.gone (id INT PRIMARY KEY) ENGINE=InnoDB",
        "CREATE TABLE proof.counted (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB",
        "INSERT INTO proof.same VALUES (1, 1)",
    ):
        still.replica.execute_unlogged(
            "ALTER TABLE proof.indexed ADD INDEX extra (v)",
            "ALTER TABLE proof.typed MODIFY v BIGINT",
            "DROP TABLE proof.gone",
            "CREATE TABLE proof.own (id INT PRIMARY KEY) ENGINE=InnoDB",
            "ALTER TABLE proof.counted AUTO_INCREMENT = 1000",
        )
        result = compare(still.replica)
        still.replica.execute_unlogged("DROP TABLE proof.own")
        still.replica.execute_unlogged("CREATE TABLE proof.gone (id INT PRIMARY KEY)")
    found = {name: [entry["what"] for entry in entries] for name, entries in different(result).items()}
    assert found == {
        "proof.indexed": ["definition"],
        "proof.typed": ["definition"],
        "proof.gone": ["missing_on_replica"],
        "proof.own": ["missing_on_source"],
    }
    assert different(result)["proof.indexed"][0]["replica"] == ["KEY `extra` (`v`)"]
    assert result["proof"] == "unproven"


@pytest.mark.modes("gtid")
def test_tables_without_a_key_and_without_a_view(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE TABLE proof.bag (v INT, w TEXT) ENGINE=InnoDB",
        "CREATE TABLE proof.bag2 (v INT, w TEXT) ENGINE=InnoDB",
        "CREATE TABLE proof.nullable (v INT, UNIQUE KEY (v)) ENGINE=InnoDB",
        "CREATE TABLE proof.old (id INT PRIMARY KEY, v INT) ENGINE=MyISAM",
        "CREATE TABLE proof.old2 (id INT PRIMARY KEY, v INT) ENGINE=MyISAM",
        "INSERT INTO proof.bag VALUES (1, 'x'), (1, 'x'), (2, NULL)",
        "INSERT INTO proof.bag2 VALUES (1, 'x'), (1, 'x'), (2, NULL)",
        "INSERT INTO proof.nullable VALUES (NULL), (NULL), (1)",
        "INSERT INTO proof.old VALUES (1, 1), (2, 2)",
        "INSERT INTO proof.old2 VALUES (1, 1), (2, 2)",
    ):
        equal = compare(still.replica)
        assert equal["proof"] == "rows_proven", equal["msg"]
        # A row twice instead of once: what a plain XOR of hashes cannot see.
        still.replica.execute_unlogged(
            "DELETE FROM proof.bag2 WHERE v = 1", "INSERT INTO proof.bag2 VALUES (3, ''), (3, '')",
            "UPDATE proof.old2 SET v = 3 WHERE id = 2",
        )  # fmt: skip
        result = compare(still.replica)
    found = different(result)
    assert sorted(found) == ["proof.bag2", "proof.old2"]
    assert found["proof.bag2"][0]["counts"] == {"missing": 2, "extra": 2, "changed": 0}
    assert found["proof.old2"][0]["rows"][0]["key"] == {"id": "2"}


@pytest.mark.modes("gtid")
def test_a_table_without_a_view_that_the_source_goes_on_writing_is_undecided(still: Lab) -> None:
    with proof_schema(still, "CREATE TABLE proof.w0 (id INT AUTO_INCREMENT PRIMARY KEY, v DOUBLE) ENGINE=MyISAM"):
        with writers(still.source, 1):
            result = compare(still.replica)
        assert result["proof"] == "unproven"
        assert "after the point" in reasons(result)["proof.w0"], result["msg"]
        assert not result["different"]


@pytest.mark.modes("gtid")
def test_everything_is_verified_only_when_everything_is_equal(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE TABLE proof.t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE VIEW proof.v AS SELECT id FROM proof.t",
        "CREATE PROCEDURE proof.p() SELECT 1",
        "CREATE TRIGGER proof.r BEFORE INSERT ON proof.t FOR EACH ROW SET NEW.v = 1",
        "CREATE EVENT proof.e ON SCHEDULE EVERY 1 YEAR DO SET @a = 1",
    ):
        whole = compare(still.replica, ["all"])
        assert whole["proof"] == "fully_verified", whole["msg"]
        still.replica.execute_unlogged("CREATE OR REPLACE VIEW proof.v AS SELECT v FROM proof.t")
        result = compare(still.replica, ["all"])
        assert [entry["table"] for entry in result["different"]] == ["view proof.v"], result["msg"]
        assert result["proof"] == "unproven"
        assert compare(still.replica)["proof"] == "rows_proven"


@pytest.mark.modes("gtid", "position")
def test_since_compares_what_was_changed_after_a_point(still: Lab) -> None:
    with proof_schema(
        still,
        *["CREATE TABLE proof.%s (id INT PRIMARY KEY) ENGINE=InnoDB" % name for name in ("before", "during", "`a.b`")],
        "INSERT INTO proof.before VALUES (1)",
    ):
        point = "%s:%d" % still.source.coordinates()
        position = still.source.gtid_position() if still.gtid or still.flavour.is_mariadb else ""
        still.source.execute("INSERT INTO proof.during VALUES (1)", "INSERT INTO proof.`a.b` VALUES (1)")
        for since in filter(None, (point, position)):
            result = compare(still.replica, (), since=since)
            assert [entry["table"] for entry in result["compared"]] == ["proof.a.b", "proof.during"], since
            assert result["proof"] == "rows_proven"
        still.source.execute("CREATE TABLE proof.made (id INT PRIMARY KEY) ENGINE=InnoDB")
        assert "proof.made" in compare(still.replica, (), since=point, check=True)["selected"]


@pytest.mark.modes("gtid")
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
            busy = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
            still.replica.wait_until(lambda: still.replica.value(busy), 30, "the applier to wait for the row")
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


def delay(lab: Lab, seconds: int) -> None:
    """Give the channel a delay, so that the applier is on its way to the point for so long."""
    lab.replica.stop_replica()
    words = lab.flavour.words
    lab.replica.execute("%s TO %s_DELAY = %d" % (words.change, words.prefix, seconds))
    lab.replica.start_replica()


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
def test_a_second_run_copes_with_what_a_killed_one_left(still: Lab) -> None:
    with proof_schema(still, SIMPLE), on_its_way(still) as process:
        process.kill()
        process.wait(60)
        result = compare(still.replica)
        assert result["proof"] == "rows_proven", result["msg"]
        assert applier(still) == "Yes"
        assert until(still) == "None"


@pytest.mark.modes("gtid")
def test_ddl_on_the_source_does_not_wait_for_the_read_view(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE TABLE proof.t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "INSERT INTO proof.t VALUES (1, 1)",
    ):
        core, server = (
            "ansible_collections.replicaops.mysql.plugins.module_utils." + part for part in ("_core", "_server")
        )
        connect, probe = importlib.import_module(server + ".connect"), importlib.import_module(server + ".probe")
        compare_rows, reading = (
            importlib.import_module(core + ".compare_rows"),
            importlib.import_module(server + ".compare_side"),
        )
        catalog, point = (importlib.import_module(server + name) for name in (".compare_catalog", ".snapshot_point"))
        account = connect.Login(still.source.host, still.source.port, REPAIRER.user, REPAIRER.password)
        with connect.connect(account) as view, still.source.connect("root") as other, other.cursor() as cursor:
            assert point.gives_locks_back(view, probe.probe(view))
            point.open_view(view, probe.probe(view), 30)
            table = catalog.describe(view, catalog.tables(view)["proof", "t"])
            statement = compare_rows.digest_statement(table, None, None)
            assert reading.Side(view, True).ask(statement)[0]["n"] == 1
            cursor.execute("SET SESSION lock_wait_timeout = 1")
            cursor.execute("INSERT INTO proof.t VALUES (2, 2)")
            assert reading.Side(view, True).ask(statement)[0]["n"] == 1
            cursor.execute("ALTER TABLE proof.t MODIFY v BIGINT")
            with pytest.raises(Exception) as caught:
                reading.Side(view, True).ask(statement)
            assert "changed while it was compared" in reading.reason_of(caught.value)


@pytest.mark.modes("gtid")
@pytest.mark.engine("mariadb")
def test_a_view_that_holds_locks_is_given_up_when_somebody_waits(still: Lab) -> None:
    with proof_schema(still, SIMPLE, "INSERT INTO proof.t VALUES (1)"):
        server = "ansible_collections.replicaops.mysql.plugins.module_utils._server"
        connect, probe = importlib.import_module(server + ".connect"), importlib.import_module(server + ".probe")
        reading, point = (
            importlib.import_module(server + ".compare_side"),
            importlib.import_module(server + ".snapshot_point"),
        )
        account = connect.Login(still.source.host, still.source.port, OBSERVER.user, OBSERVER.password)
        with connect.connect(account) as view, connect.connect(account) as watch:
            assert not point.gives_locks_back(view, probe.probe(view))
            point.open_view(view, probe.probe(view), 30)
            side = reading.Side(view, True, watch)
            assert side.ask("SELECT COUNT(*) AS n FROM proof.t") == [{"n": 1}]
            ddl = threading.Thread(target=lambda: still.source.execute("ALTER TABLE proof.t ADD COLUMN v INT"))
            ddl.start()
            try:
                still.replica.wait_until(lambda: point.is_waited_for(watch), 30, "the statement to wait")
                with pytest.raises(reading.YieldedError):
                    side.ask("SELECT COUNT(*) AS n FROM proof.t")
            finally:
                ddl.join(30)
                assert not ddl.is_alive()


@pytest.mark.modes("position")
@pytest.mark.engine("mysql")
def test_a_transaction_in_the_middle_of_its_commit_makes_the_point_doubtful(still: Lab) -> None:
    if still.flavour.version < (5, 7):
        pytest.skip("this server has no way to hold a commit between binlog and engine")
    server = "ansible_collections.replicaops.mysql.plugins.module_utils._server"
    connect, probe = importlib.import_module(server + ".connect"), importlib.import_module(server + ".probe")
    point = importlib.import_module(server + ".snapshot_point")
    account = connect.Login(still.source.host, still.source.port, OBSERVER.user, OBSERVER.password)
    with proof_schema(still, SIMPLE), connect.connect(account) as view, connect.connect(account) as other:
        probed = probe.probe(view)
        before = point.end(other, probed)
        still.source.execute("SET GLOBAL binlog_group_commit_sync_delay = 1000000")
        committing = threading.Thread(target=lambda: still.source.connect("root").cursor().execute(
            "INSERT INTO proof.t VALUES (1)"))  # fmt: skip
        try:
            committing.start()
            still.source.wait_until(lambda: point.end(other, probed) != before, 10, "the transaction in the binlog")
            doubtful = point.open_view(view, probed, 10, 0.0)
            assert doubtful.doubtful
            assert doubtful.coordinates != before.coordinates
            assert view.one("SELECT COUNT(*) AS n FROM proof.t") == {"n": 0}
            point.close_view(view)
            certain = point.open_view(view, probed, 10, 10.0)
            assert not certain.doubtful
            assert certain.coordinates == doubtful.coordinates
            assert view.one("SELECT COUNT(*) AS n FROM proof.t") == {"n": 1}
            point.close_view(view)
        finally:
            committing.join(30)
            still.source.execute("SET GLOBAL binlog_group_commit_sync_delay = 0")


@pytest.mark.modes("gtid")
def test_a_playbook_runs_it(still: Lab) -> None:
    with proof_schema(still, SIMPLE):
        result = run_module("table_compare", still.replica, {"tables": ["proof.*"]}, source_account=OBSERVER)
        assert result["proof"] == "rows_proven"
