# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""replica_skip at errors about rows: decided by all rows of the whole transaction, many transactions at once."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from integration import skipping
from integration.playbook import run_module, run_playbook
from integration.skipping import NEW_VALUES, Skipping
from integration.stage import DB
from lab.accounts import REPAIRER
from lab.compare import compare

one_stage, one_mode, stage_in_order = skipping.one_stage, skipping.one_mode, skipping.stage_in_order

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
MANY = 1000 if FULL else 60

# The default run shows the rule; every case of it is run with the full matrix.
in_full = pytest.mark.skipif(not FULL, reason="only with REPLICA_TEST_MATRIX=full")


def only(mode: str) -> pytest.MarkDecorator:
    """Run a test in one mode, where the mode makes no difference to what is tested."""
    return pytest.mark.parametrize("mode", [mode], indirect=True, scope="session")


def done(stage: Skipping, found: Dict[str, Any], errors: List[int]) -> None:
    """The replica is equal to the source, nothing is left over, and a second run changes nothing."""
    assert not found["failed"], found["msg"]
    stage.lab.wait_in_sync()
    assert compare(stage.source, stage.replica) == []
    stage.nothing_left()
    again = stage.skip(errors=errors, limit=50)
    assert (again["failed"], again["changed"], again["queries"], again["passed"]) == (False, False, [], [])


@dataclass(frozen=True)
class Case:
    """What the source does in one transaction, and what the replica had before.

    :param local: run on the replica alone, before.
    :param errors: what the applier stops at.
    :param safe: idempotent mode makes it right.
    :param plain: plain idempotent mode, without any look, leaves other rows than the source's.
    """

    name: str
    statements: Tuple[str, ...]
    local: Tuple[str, ...]
    errors: Tuple[int, ...] = (1062,)
    safe: bool = False
    plain: bool = True
    before: Tuple[str, ...] = ()


# What is there in full: whatever the first error is, the transaction may be passed.
THERE = (
    Case("a delete", ("DELETE FROM t WHERE id = 2",), ("DELETE FROM t WHERE id = 2",), (1032,)),
    Case("several tables", (
        "INSERT INTO t (id, v) VALUES (10, 'a'), (11, 'b')", "UPDATE t SET v = 'x' WHERE id = 1",
        "INSERT INTO wide VALUES " + NEW_VALUES, "DELETE FROM t WHERE id = 2"), (
        "INSERT INTO t (id, v) VALUES (10, 'a'), (11, 'b')", "UPDATE t SET v = 'x' WHERE id = 1",
        "INSERT INTO wide VALUES " + NEW_VALUES, "DELETE FROM t WHERE id = 2")),
    Case("a changed key", ("UPDATE t SET id = 20 WHERE id = 1",), ("UPDATE t SET id = 20 WHERE id = 1",), (1032,)),
    Case("generated columns", ("INSERT INTO made (id, a) VALUES (1, 4)",), ("INSERT INTO made (id, a) VALUES (1, 4)",)),
    Case("partitions", ("INSERT INTO parted VALUES (5, 'p')", "INSERT INTO parted VALUES (150, 'q')"),
         ("INSERT INTO parted VALUES (5, 'p')", "INSERT INTO parted VALUES (150, 'q')")),
)  # fmt: skip

NOT_THERE = (
    Case("another value", ("INSERT INTO t (id, v) VALUES (10, 'source')",),
         ("INSERT INTO t (id, v) VALUES (10, 'local')",), safe=True, plain=False),
    Case("one of several rows", ("INSERT INTO t (id, v) VALUES (10, 'a'), (11, 'b')",),
         ("INSERT INTO t (id, v) VALUES (10, 'a')",), safe=True, plain=False),
    Case("a missing row that is updated", ("UPDATE t SET v = 'x' WHERE id = 1",), ("DELETE FROM t WHERE id = 1",),
         (1032,)),
    # The first error is one that idempotent mode makes right; the update behind it is dropped without a word.
    Case("mixed", ("INSERT INTO t (id, v) VALUES (10, 'source')", "UPDATE t SET v = 'x' WHERE id = 1"),
         ("INSERT INTO t (id, v) VALUES (10, 'local')", "DELETE FROM t WHERE id = 1")),
    Case("another unique key", ("INSERT INTO keyed VALUES (10, 'c')",),
         ("UPDATE keyed SET v = 'c' WHERE id = 3",), before=("UPDATE keyed SET v = 'moved' WHERE id = 3",)),
    Case("generated columns", ("INSERT INTO made (id, a) VALUES (1, 4)",), ("INSERT INTO made (id, a) VALUES (1, 5)",),
         safe=True, plain=False),
    Case("partitions", ("INSERT INTO parted VALUES (5, 'p')",), ("INSERT INTO parted VALUES (5, 'other')",),
         safe=True, plain=False),
)  # fmt: skip


@pytest.mark.parametrize("case", THERE if FULL else THERE[1:2], ids=lambda case: case.name)
def test_what_is_there_in_full_is_passed(stage: Skipping, case: Case, tmp_path: Path) -> None:
    stage.breaks(case.statements, case.local)
    before = stage.picture()
    planned = stage.skip(errors=list(case.errors), check=True, record_dir=str(tmp_path))
    assert not planned["failed"], planned["msg"]
    assert stage.picture() == before
    found = stage.skip(errors=list(case.errors), state_id=planned["state_id"], record_dir=str(tmp_path))
    assert (found["queries"], found["passed"]) == (planned["queries"], planned["passed"]), found["msg"]
    (entry,) = found["passed"]
    assert (entry["effect"], entry["given_up"], entry["lacking"]) == ("present", None, [])
    assert len(entry["rows"]) >= len(case.statements)
    assert all(row["present"] and row["key"] and row["after"] is None for row in entry["rows"])
    done(stage, found, list(case.errors))


@pytest.mark.parametrize("case", NOT_THERE if FULL else NOT_THERE[3:5], ids=lambda case: case.name)
def test_what_is_not_there_is_refused_and_idempotent_only_where_it_is_right(
    stage: Skipping, case: Case, tmp_path: Path
) -> None:
    stage.both(*case.before)
    stage.breaks(case.statements, case.local)
    before = stage.picture()
    for method in ("auto", "idempotent")[: 1 if case.safe else 2]:
        found = stage.skip(errors=list(case.errors), limit=5, method=method, record_dir=str(tmp_path))
        assert (found["failed"], found.get("code")) == (True, "refused"), found["msg"]
        assert stage.picture() == before, method
    if case.safe:
        found = stage.skip(errors=list(case.errors), method="idempotent", record_dir=str(tmp_path))
        assert [entry["effect"] for entry in found.get("passed", [])] == ["applied"], found["msg"]
        done(stage, found, list(case.errors))
        assert not case.plain
        return
    # What plain idempotent mode does with it.
    stage.applies_idempotently()
    assert (compare(stage.source, stage.replica) != []) == case.plain


def family(stage: Skipping, rule: str) -> None:
    stage.both(
        "CREATE TABLE parent (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB",
        "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) %s)" % rule,
        "INSERT INTO parent VALUES (1, 'one')", "INSERT INTO child VALUES (1, 1)",
    )  # fmt: skip


@only("gtid")
def test_rows_that_others_refer_to_are_never_written_over(stage: Skipping, tmp_path: Path) -> None:
    """On MySQL 5.6 and MariaDB plain idempotent mode takes the child rows away with the parent's (measured)."""
    family(stage, "ON DELETE CASCADE")
    local = ("INSERT INTO parent VALUES (7, 'old')", "INSERT INTO child VALUES (70, 7)")
    stage.breaks(("INSERT INTO parent VALUES (7, 'new')",), local)
    before = stage.picture()
    for method in ("auto", "idempotent"):
        found = stage.skip(errors=[1062], method=method, record_dir=str(tmp_path))
        assert (found["failed"], found["code"]) == (True, "refused"), found["msg"]
        assert stage.picture() == before
    assert "refer to" in found["msg"]
    stage.applies_idempotently()
    rows = stage.replica.query("SELECT id FROM %s.child WHERE id = 70" % DB)
    assert bool(rows) == stage.new_words, "what plain idempotent mode does here"


@in_full
@only("position")
def test_what_a_foreign_key_changes_is_never_taken_for_present(stage: Skipping) -> None:
    family(stage, "ON DELETE CASCADE")
    stage.on_replica("SET SESSION foreign_key_checks = 0", "DELETE FROM parent WHERE id = 1")
    stage.fails("DELETE FROM parent WHERE id = 1")
    stage.applier_error()
    found = stage.skip(errors=[1032])
    assert (found["failed"], found["code"]) == (True, "refused"), found["msg"]
    assert "foreign key may have changed" in found["msg"]


@in_full
@only("gtid")
def test_triggers(stage: Skipping) -> None:
    """What a trigger wrote on the source is in the row images; one that the replica runs itself is not in them."""
    stage.both("CREATE TRIGGER noted AFTER INSERT ON t FOR EACH ROW INSERT INTO keyed VALUES (NEW.id + 100, NEW.v)")
    statements = ("INSERT INTO t (id, v) VALUES (10, 'ten')",)
    stage.breaks(statements, (*statements, "DELETE FROM keyed WHERE id = 110"))
    found = stage.skip(errors=[1062])
    assert (found["failed"], found["code"]) == (True, "refused")
    assert "keyed missing" in found["msg"], found["msg"]
    stage.on_replica("INSERT INTO keyed VALUES (110, 'ten')")
    if stage.mariadb:
        stage.set_global(stage.replica, "slave_run_triggers_for_rbr", "YES")
        found = stage.skip(errors=[1062])
        assert (found["failed"], found["code"]) == (True, "refused")
        assert "triggers" in found["msg"]
        stage.set_global(stage.replica, "slave_run_triggers_for_rbr", "NO")
    done(stage, stage.skip(errors=[1062]), [1062])


@only("gtid")
def test_what_is_given_up_is_shown_and_kept(stage: Skipping, tmp_path: Path) -> None:
    stage.breaks(
        ("INSERT INTO t (id, v) VALUES (10, 'secret-a'), (11, 'secret-b')", "UPDATE t SET v = 'secret-c' WHERE id = 1"),
        ("INSERT INTO t (id, v) VALUES (10, 'local')",),
    )
    options: Dict[str, Any] = {"errors": [1062], "only_if_effect_present": False}
    before = stage.picture()
    unrecorded = stage.skip(**options)
    assert (unrecorded["failed"], unrecorded["code"]) == (True, "refused")
    shown = {
        show: stage.skip(**options, show_rows=show, check=True, record_dir=str(tmp_path))
        for show in ("none", "keys", "full")
    }
    assert stage.picture() == before and not list(tmp_path.iterdir())
    assert not any(result["failed"] for result in shown.values())
    assert [row["key"] for row in shown["none"]["passed"][0]["rows"]] == [None, None, None]
    assert [row["key"] for row in shown["keys"]["passed"][0]["rows"]] == [{"id": 10}, {"id": 11}, {"id": 1}]
    assert "secret" not in json.dumps(shown["keys"]) and "secret-b" in json.dumps(shown["full"])
    found = stage.skip(**options, record_dir=str(tmp_path))
    assert not found["failed"], found["msg"]
    assert (found["risk"], len(found["loses"])) == ("replica_history", 1)
    (entry,) = found["passed"]
    assert (entry["effect"], entry["given_up"]) == ("not_verified", "3 row changes in %s.t" % DB)
    assert "secret" not in json.dumps(found)
    (record,) = tmp_path.iterdir()
    kept = json.loads(record.read_text())["details"]["passed"][0]["rows"]
    assert [row["after"]["v"] for row in kept] == ["secret-a", "secret-b", "secret-c"]
    stage.lab.wait_in_sync()


@in_full
@only("position")
def test_a_statement_does_not_say_what_it_changes(stage: Skipping, tmp_path: Path) -> None:
    stage.set_global(stage.source, "binlog_format", "STATEMENT")
    stage.breaks(("INSERT INTO t (id, v) VALUES (10, 'a')",), ("INSERT INTO t (id, v) VALUES (10, 'a')",))
    found = stage.skip(errors=[1062])
    assert (found["failed"], found["code"]) == (True, "refused")
    assert "a statement, which does not say what it changes" in found["msg"]
    found = stage.skip(errors=[1062], only_if_effect_present=False, record_dir=str(tmp_path))
    assert not found["failed"], found["msg"]
    assert found["passed"][0]["statement"].startswith("INSERT INTO t (id, v) VALUES (10")
    stage.lab.wait_in_sync()


@pytest.mark.parametrize("workers", [1, 4] if FULL else [4])
def test_many_in_one_round(stage: Skipping, workers: int, tmp_path: Path) -> None:
    if workers > 1:
        stage.begin("gtid" if stage.gtid else "position", workers)
    stage.stop("SQL_THREAD")
    there = ["INSERT INTO t (id, v) VALUES (%d, 'there')" % (100 + n) for n in range(MANY)]
    with contextlib.closing(stage.session(stage.source)) as connection, connection.cursor() as cursor:
        if stage.new_words and stage.gtid:
            cursor.execute("SET gtid_next = 'AUTOMATIC:app'")
            stage.replica.execute_unlogged("GRANT TRANSACTION_GTID_TAG ON *.* TO %s" % REPAIRER.sql)
        for statement in there:
            cursor.execute(statement)
        cursor.execute("INSERT INTO t (id, v) VALUES (90, 'good')")
        cursor.execute("INSERT INTO t (id, v) VALUES (91, 'source')")
    stage.on_replica(*there, "INSERT INTO t (id, v) VALUES (91, 'local')")
    stage.received()
    stage.start("SQL_THREAD")
    stage.applier_error()
    planned = stage.skip(errors=[1062], limit=MANY + 5, check=True, record_dir=str(tmp_path))
    if stage.flavour.name == "mysql-5.6" and not stage.gtid and workers > 1:
        # Its workers' records are in files, so whether later transactions are done already cannot be known.
        assert (planned["failed"], planned["code"]) == (True, "refused"), planned["msg"]
        return
    found = stage.skip(errors=[1062], limit=MANY + 5, record_dir=str(tmp_path))
    assert not found["failed"], found["msg"]
    assert found["queries"] == planned["queries"]
    assert (len(found["passed"]), len(found["records"])) == (MANY, 1), found["msg"]
    # The good one behind them is applied, and the applier stands at the next error.
    assert "not proven" in found["not_passed"]
    assert "1062" in found["msg"].split("then stopped", 1)[1]
    stage.on_replica("DELETE FROM t WHERE id = 91")
    stage.start("SQL_THREAD")
    done(stage, {"failed": False}, [1062])


def test_idempotent_mode_ends_exactly_where_it_would_do_harm(stage: Skipping, tmp_path: Path) -> None:
    """With parallel appliers, too: nothing behind the last transaction is applied in that mode."""
    alone = stage.flavour.name == "mysql-5.6" and not stage.gtid
    stage.begin("gtid" if stage.gtid else "position", 1 if alone else 4)
    first, then = range(100, 130), range(200, 230)
    stage.stop("SQL_THREAD")
    with contextlib.closing(stage.session(stage.source)) as connection, connection.cursor() as cursor:
        for number in first:
            cursor.execute("INSERT INTO t VALUES (%d, 'source')" % number)
        cursor.execute("UPDATE t SET v = 'changed' WHERE id = 1")
        for number in then:
            cursor.execute("INSERT INTO t VALUES (%d, 'source')" % number)
    local = ["(%d, 'local')" % number for number in (*first, *then)]
    stage.on_replica("INSERT INTO t VALUES " + ", ".join(local), "DELETE FROM t WHERE id = 1")
    stage.received()
    stage.start("SQL_THREAD")
    stage.applier_error()
    options: Dict[str, Any] = {"errors": [1062], "method": "idempotent", "idempotent_until": "caught_up"}
    found = stage.skip(**options, record_dir=str(tmp_path))
    assert len(found.get("passed", [])) == len(first), found["msg"]
    assert "would be dropped without a word" in found["not_passed"]
    assert "1032" in found["msg"].split("then stopped", 1)[1]
    assert int(stage.replica.value("SELECT COUNT(*) FROM %s.t WHERE v = 'local'" % DB)) == len(then)
    (record,) = tmp_path.iterdir()
    held = json.loads(record.read_text())["details"]["rows_before"]
    assert [row["before"] for row in held] == [{"id": number, "v": "local"} for number in first]
    stage.on_replica("INSERT INTO t VALUES (1, 'one')")
    stage.start("SQL_THREAD")
    stage.applier_error()
    done(stage, stage.skip(**options, record_dir=str(tmp_path)), [1062])


@in_full
@only("gtid")
def test_filters_prove_nothing(stage: Skipping) -> None:
    stage.breaks(THERE[0].statements, THERE[0].local)
    if stage.new_words:
        stage.replica.execute("CHANGE REPLICATION FILTER REPLICATE_IGNORE_TABLE = (%s.other)" % DB)
        stage.later(lambda: stage.replica.execute("CHANGE REPLICATION FILTER REPLICATE_IGNORE_TABLE = ()"))
    elif stage.mariadb:
        stage.stop("IO_THREAD")
        stage.set_global(stage.replica, "replicate_ignore_table", "'%s.other'" % DB)
    else:
        pytest.skip("filters are options of the server at its start")
    found = stage.skip(errors=[1032])
    assert (found["failed"], found["code"]) == (True, "refused"), found["msg"]
    assert "filters" in found["msg"]


def test_data_ahead_of_its_position(stage: Skipping, tmp_path: Path) -> None:
    """A row that several of the waiting transactions change is right only as the last of them leaves it."""
    stage.stop("SQL_THREAD")
    waiting = [
        "INSERT INTO t (id, v) VALUES (10, 'first')", "UPDATE t SET v = 'second' WHERE id = 10",
        "INSERT INTO t (id, v) VALUES (11, 'x')", "UPDATE t SET v = 'third' WHERE id = 10",
        "DELETE FROM t WHERE id = 11", "INSERT INTO t (id, v) VALUES (12, 'last')",
    ]  # fmt: skip
    stage.on_source(*waiting)
    stage.on_replica(*waiting)
    stage.on_source("INSERT INTO t (id, v) VALUES (13, 'good')")
    stage.start("SQL_THREAD")
    stage.applier_error()
    before = stage.picture()
    short = stage.skip(errors=[1062, 1032], limit=2)
    assert (short["failed"], short["code"]) == (True, "refused")
    assert stage.picture() == before
    found = stage.skip(errors=[1062, 1032], limit=20)
    assert [entry["error"] for entry in found["passed"]] == [1062, 0, 0, 0, 1032, 1062], found["msg"]
    done(stage, found, [1062, 1032])


@in_full
def test_a_later_position(stage: Skipping, tmp_path: Path) -> None:
    statements = ["INSERT INTO t (id, v) VALUES (%d, 'x')" % number for number in (10, 11)]
    stage.stop("SQL_THREAD")
    stage.on_source(*statements, "INSERT INTO t (id, v) VALUES (12, 'good')")
    stage.on_replica(*statements)
    stage.start("SQL_THREAD")
    stage.applier_error()
    found = stage.skip(errors=[1062], limit=5, method="position", record_dir=str(tmp_path))
    if stage.gtid and not stage.mariadb:
        assert (found["failed"], found["code"]) == (True, "refused")
        assert "hole" in found["msg"]
        return
    assert {entry["method"] for entry in found["passed"]} == {"position"}, found["msg"]
    done(stage, found, [1062])


@in_full
@only("gtid")
def test_parallel_appliers_and_several_domains(stage: Skipping) -> None:
    if not stage.mariadb:
        pytest.skip("only MariaDB has domains")
    stage.begin("gtid", 4)
    stage.stop("SQL_THREAD")
    stage.on_source("SET SESSION gtid_domain_id = 7", "INSERT INTO keyed VALUES (50, 'seven')")
    stage.on_source("INSERT INTO t (id, v) VALUES (10, 'x')", "INSERT INTO t (id, v) VALUES (11, 'good')")
    stage.start("SQL_THREAD")
    stage.lab.wait_in_sync()
    stage.stop("SQL_THREAD")
    stage.on_replica("INSERT INTO t (id, v) VALUES (20, 'x')")
    stage.on_source("INSERT INTO t (id, v) VALUES (20, 'x')", "INSERT INTO t (id, v) VALUES (21, 'good')")
    stage.on_source("SET SESSION gtid_domain_id = 7", "INSERT INTO keyed VALUES (51, 'eight')")
    stage.start("SQL_THREAD")
    stage.applier_error()
    refused = stage.skip(errors=[1062], method="counter")
    assert (refused["failed"], refused["code"]) == (True, "refused")
    assert "1966" in refused["msg"]
    found = stage.skip(errors=[1062])
    assert {entry["method"] for entry in found.get("passed", [])} == {"position"}, found["msg"]
    (statement,) = [query for query in found["queries"] if "gtid_slave_pos" in query]
    assert ",7-1-" in statement
    done(stage, found, [1062])


@in_full
@only("gtid")
def test_the_playbook(stage: Skipping, tmp_path: Path) -> None:
    statements = ["INSERT INTO t (id, v) VALUES (%d, 'x')" % number for number in (10, 11, 12)]
    stage.stop("SQL_THREAD")
    stage.on_source(*statements)
    stage.on_replica(*statements)
    stage.start("SQL_THREAD")
    stage.applier_error()
    host = {
        "ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "replica_login_host": stage.replica.host, "replica_login_port": stage.replica.port,
    }  # fmt: skip
    account = run_playbook_account()
    run = run_playbook(
        "replicaops.mysql.skip", {"all": {"hosts": {"db": host}}},
        ["-e", json.dumps({"target": "db", "skip_errors": "1062", "skip_limit": "10", "show_rows": "none",
                           "repair_record_dir": str(tmp_path)})],
        account,
    )  # fmt: skip
    assert run.code == 0, run.output
    assert "Passed" in run.output
    done(stage, {"failed": False}, [1062])


def run_playbook_account() -> Dict[str, str]:
    """The repairer as the environment gives it."""
    return {"REPLICA_LOGIN_USER": REPAIRER.user, "REPLICA_LOGIN_PASSWORD": REPAIRER.password}


def test_two_channels_and_only_the_broken_one_is_passed(lab_of: Any, flavour: str, tmp_path: Path) -> None:
    """On MariaDB with parallel appliers both connections share the position, which must not lose the other's."""
    if flavour == "mysql-5.6":
        pytest.skip("MySQL 5.6 has no channels")
    lab = lab_of(flavour, "multi", gtid=True, workers=4)
    replica, words = lab.replica, lab.flavour.words
    for number, source in enumerate(lab.sources, 1):
        source.execute("CREATE DATABASE d%d" % number, "CREATE TABLE d%d.t (id INT PRIMARY KEY)" % number)
    lab.wait_in_sync()
    replica.execute_unlogged("INSERT INTO d2.t VALUES (1)")
    lab.sources[1].execute("INSERT INTO d2.t VALUES (1)", "INSERT INTO d2.t VALUES (2)")
    lab.sources[0].execute("INSERT INTO d1.t VALUES (1)")
    replica.wait_until(lambda: lab.status(lab.links[1])[words.sql_running] == "No", what="the applier to stop")
    replica.wait_until(lambda: replica.value("SELECT COUNT(*) FROM d1.t") == 1, what="the other channel to go on")
    options = {"errors": [1062], "channel": "c2", "source": {}, "record_dir": str(tmp_path)}
    applied = run_module("replica_skip", replica, {**options, "method": "idempotent"})
    assert (applied["failed"], applied["code"]) == (True, "refused")
    assert "one setting for all channels" in applied["msg"]
    found = run_module("replica_skip", replica, options)
    assert not found["failed"], found["msg"]
    if not lab.flavour.is_mariadb:
        assert not any("c1" in query for query in found["queries"])
    for source in lab.sources:
        source.execute("CREATE DATABASE after_%s" % source.name)
    lab.wait_in_sync()
    assert [row["id"] for row in replica.query("SELECT id FROM d2.t ORDER BY id")] == [1, 2]
