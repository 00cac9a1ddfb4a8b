# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""replica_skip on real pairs: what is there already is passed, everything else is refused and nothing is changed."""

from __future__ import annotations

import contextlib
import json
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import skip_plan, skip_steps
from ansible_collections.replicaops.mysql.plugins.module_utils._core.account_statement import native_hash
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.event_group import Failing
from ansible_collections.replicaops.mysql.plugins.module_utils._core.plan import STOP, Plan
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates, Server
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change, failing
from ansible_collections.replicaops.mysql.plugins.module_utils._server import skip as skipping
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login, connect
from ansible_collections.replicaops.mysql.plugins.module_utils._server.probe import probe
from ansible_collections.replicaops.mysql.plugins.module_utils._server.reader import read_server
from integration.conftest import MODES
from integration.playbook import login as login_options
from integration.playbook import run_module
from integration.stage import DB, Stage
from lab import accounts
from lab.accounts import REPAIRER, Account
from lab.compare import compare
from lab.topology import Lab

BASE = (
    "CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40), w INT, gone INT, KEY kw (w),"
    " KEY kgone (w, v)) ENGINE=InnoDB",
    "CREATE TABLE plain (id INT NOT NULL PRIMARY KEY, v INT, UNIQUE KEY kv (v)) ENGINE=InnoDB",
    "CREATE TABLE shape (id INT NOT NULL PRIMARY KEY, v INT, CONSTRAINT vf FOREIGN KEY (v) REFERENCES plain (id))",
    "CREATE TABLE old (id INT NOT NULL PRIMARY KEY) ENGINE=InnoDB",
    "CREATE TABLE `odd.``name` (id INT NOT NULL PRIMARY KEY, v INT) ENGINE=InnoDB COMMENT='a, (b'",
    "CREATE TABLE parted (id INT NOT NULL PRIMARY KEY) ENGINE=InnoDB PARTITION BY HASH (id) PARTITIONS 2",
    "INSERT INTO t (v) VALUES ('one'), ('two')",
)
SECRET = "account-secret-77b1"


@dataclass(frozen=True)
class Case:
    """A statement that fails on the replica.

    :param number: the error.
    :param statement: what the source runs.
    :param local: what the replica ran before, outside its binlog; the statement itself when empty.
    :param undo: takes ``local`` away again.
    """

    number: int
    statement: str
    local: Tuple[str, ...] = ()
    undo: Tuple[str, ...] = ()
    before: Tuple[str, ...] = ()


PRESENT = (
    Case(1050, "CREATE TABLE made (id INT PRIMARY KEY, n VARCHAR(9) NOT NULL DEFAULT 'x', KEY kn (n)) COMMENT='it''s'"),
    Case(1050, "CREATE TABLE copied LIKE shape"),
    Case(1060, "/* migration 7 */ ALTER TABLE t ADD COLUMN c INT -- first"),
    Case(1060, "ALTER\tTABLE %s . `t`\nADD d DECIMAL(5,2) DEFAULT 1.5, ADD KEY kd (d), MODIFY v VARCHAR(50)" % DB,
         ("ALTER TABLE t ADD d DECIMAL(5,2) DEFAULT 1.5, ADD KEY kd (d), MODIFY v VARCHAR(50)",)),
    Case(1060, "ALTER TABLE `odd.``name` ADD COLUMN `a.``b` INT AFTER id"),
    Case(1060, "ALTER TABLE parted ADD COLUMN c INT"),
    Case(1061, "ALTER TABLE t ADD INDEX kc (c)"),
    Case(1050, "CREATE TABLE child (id INT PRIMARY KEY, tid INT, pid INT, CONSTRAINT fk FOREIGN KEY (tid) REFERENCES t"
         " (id) ON DELETE CASCADE, FOREIGN KEY (pid) REFERENCES %s.plain (id))" % DB),
    Case(1060, "ALTER TABLE plain ADD tid INT, ADD CONSTRAINT fp FOREIGN KEY (tid) REFERENCES t (id)"),
    Case(1061, "CREATE UNIQUE INDEX kv ON t (v, id)"),
    Case(1091, "ALTER TABLE t DROP COLUMN gone"),
    Case(1091, "DROP INDEX kgone ON t"),
    Case(1091, "ALTER TABLE `odd.``name` DROP PRIMARY KEY"),
    Case(1051, "DROP TABLE old"),
    Case(1007, "CREATE DATABASE extra CHARACTER SET latin1"),
    Case(1304, "CREATE PROCEDURE p(IN a INT)\nCOMMENT 'x'\nBEGIN SELECT 'A'; END"),
    Case(1304, "CREATE FUNCTION f(a INT) RETURNS INT DETERMINISTIC RETURN a + 1"),
    Case(1359, "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.c = 1"),
    Case(1537, "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO SELECT 1"),
    Case(1396, "DROP USER 'gone'@'%'"),
)  # fmt: skip

DIFFERENT = (
    Case(1050, "CREATE TABLE made (id INT PRIMARY KEY)", ("CREATE TABLE made (id BIGINT PRIMARY KEY)",),
         ("DROP TABLE made",)),
    Case(1050, "CREATE TABLE child (id INT PRIMARY KEY, tid INT, FOREIGN KEY (tid) REFERENCES t (id))",
         ("CREATE TABLE child (id INT PRIMARY KEY, tid INT, FOREIGN KEY (tid) REFERENCES t (id) ON DELETE CASCADE)",),
         ("DROP TABLE child",)),
    Case(1060, "ALTER TABLE plain ADD tid INT, ADD CONSTRAINT fp FOREIGN KEY (tid) REFERENCES t (id)",
         ("ALTER TABLE plain ADD tid INT",), ("ALTER TABLE plain DROP tid",)),
    Case(1050, "CREATE TABLE filled (id INT PRIMARY KEY)",
         ("CREATE TABLE filled (id INT PRIMARY KEY)", "INSERT INTO filled VALUES (7)"), ("DROP TABLE filled",)),
    Case(1060, "ALTER TABLE t ADD COLUMN at DATETIME DEFAULT CURRENT_TIMESTAMP", (), ("ALTER TABLE t DROP at",)),
    Case(1060, "ALTER TABLE t DROP COLUMN gone, ADD COLUMN gone INT, ADD COLUMN fresh INT",
         ("ALTER TABLE t ADD COLUMN fresh INT",), ("ALTER TABLE t DROP fresh",)),
    Case(1060, "ALTER TABLE t ADD COLUMN c INT", ("ALTER TABLE t ADD COLUMN c BIGINT",), ("ALTER TABLE t DROP c",)),
    Case(1060, "ALTER TABLE t ADD COLUMN d INT, ADD COLUMN e INT", ("ALTER TABLE t ADD COLUMN d INT",),
         ("ALTER TABLE t DROP d",)),
    Case(1060, "ALTER TABLE t ADD COLUMN f INT", ("ALTER TABLE t ADD f INT FIRST",), ("ALTER TABLE t DROP f",)),
    Case(1060, "ALTER TABLE t /*!50000 ADD g INT */", (), ("ALTER TABLE t DROP g",)),
    Case(1060, "ALTER TABLE t ADD h INT, RENAME TO renamed", ("ALTER TABLE t ADD h INT",), ("ALTER TABLE t DROP h",)),
    Case(1061, "CREATE INDEX kx ON renamed (v)", ("CREATE INDEX kx ON renamed (w)",), ("DROP INDEX kx ON renamed",)),
    Case(1091, "ALTER TABLE renamed DROP d, DROP e", ("ALTER TABLE renamed DROP d",),
         ("ALTER TABLE renamed ADD d INT AFTER c",)),
    Case(1007, "CREATE DATABASE extra CHARACTER SET latin1", ("CREATE DATABASE extra CHARACTER SET utf8",),
         ("DROP DATABASE extra",)),
    Case(1007, "CREATE DATABASE bare", (), ("DROP DATABASE bare",)),
    Case(1304, "CREATE PROCEDURE p() SELECT 1", ("CREATE PROCEDURE p() SELECT 2",), ("DROP PROCEDURE p",)),
    Case(1359, "CREATE TRIGGER tr BEFORE INSERT ON renamed FOR EACH ROW SET NEW.w = 1",
         ("CREATE TRIGGER tr AFTER INSERT ON renamed FOR EACH ROW SET @w = 1",), ("DROP TRIGGER tr",)),
    Case(1537, "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO SELECT 1",
         ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ENABLE DO SELECT 1",),
         ("DROP EVENT e",)),
    Case(1396, "CREATE USER 'new'@'%%' IDENTIFIED BY '%s'" % SECRET,
         ("CREATE USER 'new'@'%%' IDENTIFIED BY '%s-other'" % SECRET,), ("DROP USER 'new'@'%'",)),
)  # fmt: skip

# MariaDB's slave_ddl_exec_mode turns these into CREATE OR REPLACE, IF EXISTS and IF NOT EXISTS.
NEVER_ON_MARIADB = (1050, 1051, 1007)


@pytest.fixture(scope="session", name="staged")
def one_stage(flavour: str) -> Iterator[Stage]:
    """A pair per flavour."""
    with Lab(flavour, gtid=True) as lab:
        made = Stage(lab)
        yield made
        made.let_go()


@pytest.fixture(scope="session", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """The mode of replication; for the session, so that servers are restarted once for each and not for each test."""
    return str(request.param)


def only(mode: str) -> pytest.MarkDecorator:
    """Run a test in one mode, where the mode makes no difference to what is tested."""
    return pytest.mark.parametrize("mode", [mode], indirect=True, scope="session")


@pytest.fixture
def stage(mode: str, staged: Stage) -> Stage:
    """The pair in one mode, with the base tables on both."""
    staged.reset((mode == "gtid", 1))
    staged.both(*BASE)
    return staged


def login(server: Any) -> Dict[str, Any]:
    """The repairer's login as the collection's own connection takes it."""
    return {name[len("login_") :]: value for name, value in login_options(server).items()}


def skip(stage: Stage, **options: Any) -> Dict[str, Any]:
    """Run replica_skip against the pair's replica; no password may be in what it returns."""
    check = options.pop("check", False)
    found = run_module("replica_skip", stage.replica, options, check=check)
    assert SECRET not in json.dumps(found)
    return found


def picture(stage: Stage) -> Dict[str, Any]:
    """What must not change when nothing is done."""
    row = stage.status()
    moving = ("Seconds", "State", "Timestamp", "Space", "Connects", "Last_IO", "Time", "Retried", "Read_", "Received")
    shown = {name: value for name, value in row.items() if not any(part in name for part in moving)}
    names = "'read_only', 'sql_mode', 'gtid_mode', 'gtid_next', 'sql_slave_skip_counter', 'sql_replica_skip_counter'"
    return {
        "status": shown,
        "gtid": stage.replica.gtid_position(),
        "binlog": stage.replica.coordinates(),
        "variables": stage.replica.query("SHOW GLOBAL VARIABLES WHERE Variable_name IN (%s)" % names),
        "tables": stage.replica.query(
            "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS n, CREATE_TIME AS c FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = '%s'" % DB
        ),
    }


def exists(stage: Stage, case: Case) -> bool:
    return not (stage.mariadb and case.number in NEVER_ON_MARIADB)


def number_of(stage: Stage, case: Case) -> int:
    """The error's number: MySQL 5.6 has room for one trigger of a kind, and says so before it looks at names."""
    return 1235 if stage.flavour.name == "mysql-5.6" and case.number == 1359 else case.number


def broken_by(stage: Stage, case: Case) -> None:
    """Make the replica stop at this case's error."""
    stage.on_replica(*(case.local or (case.statement,)))
    stage.fails(case.statement)
    stage.applier_error()


def mended(stage: Stage, case: Case) -> None:
    """Take the replica's own change away and let the statement through."""
    stage.on_replica(*case.undo)
    stage.start("SQL_THREAD")
    stage.lab.wait_in_sync()


def event_on_a_replica(stage: Stage) -> None:
    """Make the replica's event what a replicated one is: not enabled there."""
    word = "REPLICA" if stage.new_words else "SLAVE"
    stage.on_replica("ALTER EVENT e DISABLE ON %s" % word)


def test_what_is_present_is_passed(stage: Stage, tmp_path: Path) -> None:
    stage.both("CREATE USER 'gone'@'%'")
    stage.stop("SQL_THREAD")
    cases = [case for case in PRESENT if exists(stage, case)]
    with contextlib.closing(stage.session(stage.source)) as connection, connection.cursor() as cursor:
        for case in cases:
            cursor.execute(case.statement)
        cursor.execute("INSERT INTO t (v) VALUES ('last')")
    for case in PRESENT:
        if exists(stage, case):
            stage.on_replica(*(case.local or (case.statement,)))
            if case.number == 1537:
                event_on_a_replica(stage)
    stage.start("SQL_THREAD")
    stage.applier_error()
    numbers = [number_of(stage, case) for case in cases]
    found = skip(stage, errors=sorted(set(numbers)), limit=40, record_dir=str(tmp_path))
    assert not found["failed"], found["msg"]
    counted = [entry["error"] for entry in found["passed"]]
    assert counted == numbers, found["msg"]
    assert {entry["effect"] for entry in found["passed"]} == {"present"}
    assert all(entry["given_up"] is None and entry["evidence"] for entry in found["passed"])
    assert found["risk"] == "replica_rows"
    assert found["loses"] == []
    stage.lab.wait_in_sync()
    assert compare(stage.source, stage.replica) == []
    check_records(found, tmp_path)
    check_left_over(stage)
    again = skip(stage, errors=[1060], limit=40)
    assert (again["failed"], again["changed"], again["queries"], again["passed"]) == (False, False, [], [])


def check_records(found: Dict[str, Any], directory: Path) -> None:
    files = sorted(directory.iterdir())
    assert len(found["records"]) == len(found["passed"])
    assert set(found["records"]) <= {str(file) for file in files}
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text())["outcome"] == "done"


def check_left_over(stage: Stage) -> None:
    """No setting and no table of the module is left."""
    name = stage.name("sql_replica_skip_counter")
    assert int(stage.replica.value("SELECT @@GLOBAL.%s" % name)) == 0
    like = "SELECT TABLE_NAME AS n FROM information_schema.TABLES WHERE TABLE_NAME LIKE '%replicaops%'"
    assert not stage.replica.query(like)


@only("gtid")
def test_what_is_not_present_is_refused(stage: Stage) -> None:
    for case in DIFFERENT:
        if not exists(stage, case):
            stage.on_source(case.statement)
            stage.lab.wait_in_sync()
            continue
        broken_by(stage, case)
        before = picture(stage)
        found = skip(stage, errors=[case.number], limit=5)
        assert found["failed"], case
        assert found["code"] == "refused", found["msg"]
        assert found["error"] == case.number, found["msg"]
        assert "not proven to be there" in found["msg"], found["msg"]
        assert picture(stage) == before, case
        mended(stage, case)
    assert compare(stage.source, stage.replica) == []
    check_left_over(stage)


def test_check_mode_names_the_statements_and_writes_nothing(stage: Stage, tmp_path: Path) -> None:
    broken_by(stage, Case(1060, "ALTER TABLE t ADD COLUMN c INT"))
    before = picture(stage)
    planned = skip(stage, errors=[1060], check=True, record_dir=str(tmp_path))
    assert not planned["failed"], planned["msg"]
    assert (planned["changed"], planned["executed"]) == (True, False)
    assert picture(stage) == before
    assert list(tmp_path.iterdir()) == []
    done = skip(stage, errors=[1060], state_id=planned["state_id"])
    assert (done["failed"], done["executed"]) == (False, True), done["msg"]
    assert done["queries"] == planned["queries"]
    assert done["passed"] == planned["passed"]
    moved = skip(stage, errors=[1060], state_id=planned["state_id"])
    assert (moved["failed"], moved["code"]) == (True, "state_moved")


def test_refusals(stage: Stage) -> None:
    healthy = skip(stage, errors=[1060])
    assert (healthy["failed"], healthy["changed"]) == (False, False)
    stage.stop("SQL_THREAD")
    stopped = skip(stage, errors=[1060])
    assert (stopped["failed"], stopped["changed"]) == (False, False)
    assert stage.status()[stage.words.sql_running] == "No"
    stage.start("SQL_THREAD")
    stage.running()
    case = Case(1060, "ALTER TABLE t ADD COLUMN c INT", (), ("ALTER TABLE t DROP c",))
    broken_by(stage, case)
    before = picture(stage)
    expected: List[Tuple[Dict[str, Any], str]] = [
        ({"errors": [1050, 1061]}, "refused"),
        ({"errors": []}, "bad_input"),
        ({"errors": [1060], "limit": 0}, "bad_input"),
        ({"errors": [1060], "channel": "no-such"}, "bad_input"),
        ({"errors": [1060], "method": "counter" if stage.gtid and not stage.mariadb else "gtid"}, "refused"),
    ]
    for options, code in expected:
        found = skip(stage, **options)
        assert (found["failed"], found.get("code")) == (True, code), (options, found["msg"])
        assert picture(stage) == before, options
    mended(stage, case)


@only("gtid")
def test_row_errors_are_refused_with_the_reason(stage: Stage) -> None:
    stage.on_replica("INSERT INTO t (id, v) VALUES (50, 'local')")
    stage.fails("INSERT INTO t (id, v) VALUES (50, 'source')")
    stage.applier_error()
    before = picture(stage)
    for proven in (True, False):
        found = skip(stage, errors=[1062], only_if_effect_present=proven)
        assert (found["failed"], found["code"]) == (True, "refused")
        assert "rows" in found["msg"]
    assert picture(stage) == before


@only("gtid")
def test_a_statement_given_up_knowingly(stage: Stage, tmp_path: Path) -> None:
    broken_by(stage, Case(1060, "ALTER TABLE t ADD COLUMN c INT", ("ALTER TABLE t ADD COLUMN c BIGINT",)))
    before = picture(stage)
    for check in (True, False):
        unrecorded = skip(stage, errors=[1060], only_if_effect_present=False, check=check)
        assert (unrecorded["failed"], unrecorded["code"]) == (True, "refused")
    assert picture(stage) == before
    found = skip(stage, errors=[1060], only_if_effect_present=False, record_dir=str(tmp_path))
    assert not found["failed"], found["msg"]
    (entry,) = found["passed"]
    assert (entry["effect"], entry["given_up"]) == ("not_verified", "ALTER TABLE t ADD COLUMN c INT")
    assert found["risk"] == "replica_history"
    assert found["loses"]
    (record,) = tmp_path.iterdir()
    assert json.loads(record.read_text())["details"]["passed"][0]["given_up"] == entry["given_up"]


@only("gtid")
def test_read_only_servers_are_passed_too(stage: Stage) -> None:
    stage.set_global(stage.replica, "read_only", "1")
    if stage.new_words:
        stage.set_global(stage.replica, "super_read_only", "1")
        stage.replica.execute("SET GLOBAL super_read_only = 0")
    broken_by(stage, Case(1060, "ALTER TABLE t ADD COLUMN c INT"))
    if stage.new_words:
        stage.replica.execute("SET GLOBAL super_read_only = 1")
    try:
        found = skip(stage, errors=[1060])
        assert not found["failed"], found["msg"]
        flags = stage.replica.query("SHOW GLOBAL VARIABLES LIKE '%read_only'")
        assert {row["Value"] for row in flags if row["Variable_name"] in ("read_only", "super_read_only")} == {"ON"}
    finally:
        if stage.new_words:
            stage.replica.execute("SET GLOBAL super_read_only = 0")
    stage.lab.wait_in_sync()


@only("position")
def test_ends_at_the_first_transaction_that_must_not_be_passed(stage: Stage) -> None:
    stage.stop("SQL_THREAD")
    stage.on_replica("ALTER TABLE t ADD COLUMN c INT", "ALTER TABLE t ADD COLUMN d BIGINT")
    stage.on_source("ALTER TABLE t ADD COLUMN c INT", "INSERT INTO t (v) VALUES ('x')", "ALTER TABLE t ADD d INT")
    stage.start("SQL_THREAD")
    stage.applier_error()
    found = skip(stage, errors=[1060], limit=5)
    assert (found["failed"], found["changed"]) == (False, True), found["msg"]
    assert [entry["statement"] for entry in found["passed"]] == ["ALTER TABLE t ADD COLUMN c INT"]
    assert "column d is bigint" in found["not_passed"]
    assert "1060" in found["msg"].split("then stopped", 1)[1]


@only("gtid")
def test_the_same_account_with_the_same_password(stage: Stage) -> None:
    stage.stop("SQL_THREAD")
    stage.on_source("CREATE USER 'same'@'%%' IDENTIFIED BY '%s'" % SECRET)
    stage.on_replica(same_account(stage))
    stage.start("SQL_THREAD")
    stage.applier_error()
    shown = json.dumps(run_module("replica_status", stage.replica))
    assert "account_conflict" in shown
    assert not [secret for secret in (SECRET, native_hash(SECRET), "$A$005$") if secret in shown]
    found = skip(stage, errors=[1396])
    assert not found["failed"], found["msg"]
    assert found["passed"][0]["statement"].startswith("CREATE USER 'same'@'%' ")
    assert "its grants were not compared" in found["passed"][0]["evidence"]
    stage.lab.wait_in_sync()


def same_account(stage: Stage) -> str:
    """The statement that makes the source's account on the replica with the same stored password."""
    if not stage.new_words:
        return "CREATE USER 'same'@'%%' IDENTIFIED BY '%s'" % SECRET
    with contextlib.closing(stage.session(stage.source)) as connection, connection.cursor() as cursor:
        cursor.execute("SET print_identified_with_as_hex = 1")
        cursor.execute("SHOW CREATE USER 'same'@'%'")
        (text,) = cursor.fetchone().values()
    return str(text)


@only("gtid")
def test_the_source_tells_what_the_statement_does_not_say(stage: Stage) -> None:
    if stage.mariadb:
        pytest.skip("MariaDB does not stop at a database that exists")
    broken_by(stage, Case(1007, "CREATE DATABASE bare"))
    alone = skip(stage, errors=[1007])
    assert (alone["failed"], alone["code"]) == (True, "refused")
    source = {"login_host": stage.source.host, "login_port": stage.source.port}
    found = skip(stage, errors=[1007], source=source)
    assert not found["failed"], found["msg"]
    assert "as on the source" in found["passed"][0]["evidence"][0]
    stage.lab.wait_in_sync()


def test_the_transaction_is_found_in_the_sources_binlog_too(stage: Stage) -> None:
    broken_by(stage, Case(1060, "ALTER TABLE t ADD COLUMN c INT"))
    with connect(Login(**login(stage.replica))) as replica, connect(Login(**login(stage.source))) as source:
        probed = probe(replica)
        (channel,) = read_server(replica, probed).channels
        fault = skip_plan.broken(channel)
        assert fault is not None
        found, _unused = failing.read(replica, probed, channel, fault)
        lost = replace(channel, relay=Coordinates("relay.999999", 4))
        with pytest.raises(RefusedError, match="cannot be read"):
            failing.read(replica, probed, lost, fault)
        other, _unused = failing.read(replica, probed, lost, fault, source)
        assert (other.statement, other.schema) == (found.statement, found.schema) == (
            "ALTER TABLE t ADD COLUMN c INT", DB
        )  # fmt: skip
        assert (other.group.gtid, other.group.source_end) == (found.group.gtid, found.group.source_end)
        assert found.group.log.startswith("relay") and other.group.log.startswith("binlog")
    mended(stage, Case(1060, "", (), ("ALTER TABLE t DROP c",)))


def planned(aim: change.Target, method: str, found: Failing) -> Plan:
    """The plan that passes one transaction."""
    run = skip_steps.Run((found.group.gtid,) if found.group.gtid else (), None, found.first)
    return skip_steps.plan(method, aim.verbs, run, aim.server, aim.channel, "")


def test_what_was_set_is_put_back_when_a_later_step_fails(stage: Stage) -> None:
    broken_by(stage, Case(1060, "ALTER TABLE t ADD COLUMN c INT"))
    options = change.Options("replica_skip", "now")
    method = "gtid" if stage.gtid and not stage.mariadb else "counter"
    with change.target(Login(**login(stage.replica)), None, "test", options) as aim:
        fault = skip_plan.broken(aim.channel)
        assert fault is not None
        found, _unused = failing.read(aim.connection, aim.probed, aim.channel, fault)
        plan = planned(aim, method, found)
        with pytest.raises(RuntimeError), skipping._put_back(aim, method):
            for step in plan.steps[: 2 if stage.mariadb else 1]:
                aim.connection.execute(step.statement)
            raise RuntimeError("killed here")
        assert aim.read().channels[0].skip_counter == 0
        if method == "gtid":
            row = aim.connection.one("SELECT @@SESSION.gtid_next AS value")
            assert row is not None and row["value"] == "AUTOMATIC"
    name = stage.name("sql_replica_skip_counter")
    assert int(stage.replica.value("SELECT @@GLOBAL.%s" % name)) == 0
    mended(stage, Case(1060, "", (), ("ALTER TABLE t DROP c",)))


def counter(server: Server) -> int:
    """How many transactions the next START would pass: MySQL 9.7 shows it in the variable, others in the status."""
    variables = ("sql_replica_skip_counter", "sql_slave_skip_counter")
    return max(int(server.variable(name, "0")) for name in variables) or int(server.channels[0].skip_counter or 0)


@only("position")
def test_the_counter_is_put_back_over_another_connection(stage: Stage) -> None:
    case = Case(1060, "ALTER TABLE t ADD COLUMN c INT", (), ("ALTER TABLE t DROP c",))
    broken_by(stage, case)
    options = change.Options("replica_skip", "now")
    with change.target(Login(**login(stage.replica)), None, "test", options) as aim:
        fault = skip_plan.broken(aim.channel)
        assert fault is not None
        found, _unused = failing.read(aim.connection, aim.probed, aim.channel, fault)
        plan = planned(aim, "counter", found)
        with pytest.raises(RuntimeError), skipping._put_back(aim, "counter"):
            for step in plan.steps[:-1]:
                if step.session != STOP:
                    aim.connection.execute(step.statement)
            assert counter(aim.read()) == 1
            stage.replica.execute("KILL %d" % aim.connection.connection_id)
            raise RuntimeError("the connection is gone")
    with connect(Login(**login(stage.replica))) as replica:
        assert counter(read_server(replica, probe(replica))) == 0
    mended(stage, case)


@only("gtid")
def test_nothing_is_passed_where_it_is_unknown_who_is_below(stage: Stage) -> None:
    lister = Account("lister", SECRET, "repairer")
    table, engine = accounts._table(), stage.flavour.engine
    names = [entry.name for entry in table.needed_privileges(engine, (*stage.flavour.version, 99), "repairer")]
    lists = "REPLICATION MASTER ADMIN" if stage.mariadb else "REPLICATION SLAVE"
    stage.on_replica(
        "CREATE USER %s IDENTIFIED BY '%s'" % (lister.sql, lister.password),
        "GRANT %s ON *.* TO %s" % (", ".join(name for name in names if name not in (lists, "SUPER")), lister.sql),
    )
    case = Case(1060, "ALTER TABLE t ADD COLUMN c INT", (), ("ALTER TABLE t DROP c",))
    broken_by(stage, case)
    before = picture(stage)
    found = run_module("replica_skip", stage.replica, {"errors": [1060]}, account=lister)
    assert (found["failed"], found["code"]) == (True, "refused"), found["msg"]
    assert "what replicates from it cannot be known" in found["msg"]
    assert picture(stage) == before
    stage.on_replica("DROP USER %s" % lister.sql)
    mended(stage, case)


def test_parallel_appliers(stage: Stage) -> None:
    stage.reset((stage.gtid, 4))
    stage.both(*BASE, "CREATE DATABASE other", "CREATE TABLE other.t (id INT PRIMARY KEY)")
    case = Case(1060, "ALTER TABLE t ADD COLUMN c INT", (), ("ALTER TABLE t DROP c",))
    stage.stop("SQL_THREAD")
    stage.on_replica(case.statement)
    rows = ["INSERT INTO t (v) VALUES ('%d')" % number for number in range(5)]
    stage.on_source(*rows, case.statement, "INSERT INTO other.t VALUES (1)", *rows)
    stage.start("SQL_THREAD")
    stage.applier_error()
    found = skip(stage, errors=[1060])
    if stage.flavour.name == "mysql-5.6" and not stage.gtid:
        # Its workers' records are in files, so whether later transactions are done already cannot be known.
        assert (found["failed"], found["code"]) == (True, "refused"), found["msg"]
        return
    assert not found["failed"], found["msg"]
    stage.lab.wait_in_sync()
    assert compare(stage.source, stage.replica) == []
    check_left_over(stage)


@only("gtid")
def test_tagged_gtids(stage: Stage) -> None:
    if not stage.new_words:
        pytest.skip("GTIDs have tags since MySQL 8.3")
    stage.stop("SQL_THREAD")
    stage.on_replica("ALTER TABLE t ADD COLUMN c INT")
    stage.on_source("SET gtid_next = 'AUTOMATIC:app'", "ALTER TABLE t ADD COLUMN c INT")
    stage.start("SQL_THREAD")
    stage.applier_error()
    privilege = "TRANSACTION_GTID_TAG ON *.*"
    stage.replica.execute_unlogged("REVOKE IF EXISTS %s FROM %s" % (privilege, REPAIRER.sql))
    before = picture(stage)
    missing = skip(stage, errors=[1060])
    assert missing["failed"]
    assert "TRANSACTION_GTID_TAG" in missing["msg"]
    assert picture(stage) == before
    stage.replica.execute_unlogged("GRANT %s TO %s" % (privilege, REPAIRER.sql))
    found = skip(stage, errors=[1060])
    assert not found["failed"], found["msg"]
    assert found["passed"][0]["gtid"].endswith(":app:1")
    stage.lab.wait_in_sync()


def test_servers_below(lab_of: Callable[..., Lab], flavour: str) -> None:
    lab = lab_of(flavour, "chain")
    middle, words = lab.server("middle"), lab.flavour.words
    lab.source.execute("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    lab.wait_in_sync()
    middle.execute_unlogged("ALTER TABLE shop.t ADD COLUMN c INT")
    lab.source.execute("ALTER TABLE shop.t ADD COLUMN c INT")
    middle.wait_until(lambda: lab.status(lab.links[0])[words.sql_running] == "No", what="the applier to stop")
    before = middle.gtid_position()
    found = run_module("replica_skip", middle, {"errors": [1060]})
    assert (found["failed"], found["code"]) == (True, "refused"), found["msg"]
    assert "replicate from it" in found["msg"]
    assert found["replicas_below"]
    assert middle.gtid_position() == before


def test_two_channels_and_only_the_broken_one_is_touched(lab_of: Callable[..., Lab], flavour: str, mode: str) -> None:
    if flavour == "mysql-5.6":
        pytest.skip("MySQL 5.6 has no channels")
    off = {"gtid_mode": "OFF", "enforce_gtid_consistency": "OFF"}
    plain = mode == "gtid" or flavour.startswith("mariadb")
    lab = lab_of(flavour, "multi", gtid=mode == "gtid", options={} if plain else off)
    replica, words = lab.replica, lab.flavour.words
    for number, source in enumerate(lab.sources, 1):
        source.execute("CREATE DATABASE d%d" % number, "CREATE TABLE d%d.t (id INT PRIMARY KEY)" % number)
    lab.wait_in_sync()
    replica.execute_unlogged("ALTER TABLE d2.t ADD COLUMN c INT")
    lab.sources[1].execute("ALTER TABLE d2.t ADD COLUMN c INT")
    replica.wait_until(lambda: lab.status(lab.links[1])[words.sql_running] == "No", what="the applier to stop")
    unnamed = run_module("replica_skip", replica, {"errors": [1060]})
    assert (unnamed["failed"], unnamed["code"]) == (True, "bad_input")
    healthy = run_module("replica_skip", replica, {"errors": [1060], "channel": "c1"})
    assert (healthy["failed"], healthy["changed"]) == (False, False)
    found = run_module("replica_skip", replica, {"errors": [1060], "channel": "c2"})
    assert not found["failed"], found["msg"]
    assert not any("c1" in query for query in found["queries"])
    for source in lab.sources:
        source.execute("CREATE DATABASE after_%s" % source.name)
    lab.wait_in_sync()
