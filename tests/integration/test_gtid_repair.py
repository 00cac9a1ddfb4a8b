# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gtid_repair on real servers: sets agree afterwards, rows are equal, and what would lose something is refused."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pymysql
import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from integration.conftest import Pair
from integration.held import held
from integration.playbook import login, play_module, run_module, running_module
from lab import faults
from lab.load import Writer
from lab.server import Server
from lab.topology import Lab

STRANGER = "33333333-aaaa-bbbb-cccc-000000000003"
OTHER = "33333333-aaaa-bbbb-cccc-000000000004"


def repair(server: Server, directory: Path, check: bool = False, **options: Any) -> Dict[str, Any]:
    return run_module("gtid_repair", server, {"record_dir": str(directory), **options}, check=check)


def member(server: Server, name: str = "") -> Dict[str, Any]:
    return {"name": name or server.name, **login(server)}


def executed(server: Server) -> GtidSet:
    return GtidSet.parse(server.gtid_position())


def picture(server: Server) -> List[Any]:
    """What must not change when nothing is done."""
    words = server.flavour.words
    name = "gtid_slave_pos" if server.flavour.is_mariadb else "gtid_purged"
    threads = [
        (row[words.io_running], row[words.sql_running], row[words.applied_file])
        for row in server.query(words.show_status)
    ]
    return [server.gtid_position(), server.coordinates(), server.value("SELECT @@GLOBAL.%s" % name), threads]


def running(pair: Pair) -> List[str]:
    row = pair.status()
    return [str(row[pair.words.io_running]), str(row[pair.words.sql_running])]


def purged_behind(pair: Pair) -> GtidSet:
    """Let the source purge three transactions whose rows the replica has already; what the replica lacks."""
    pair.replica.stop_replica()
    before = pair.source.gtid_position()
    rows = ["INSERT INTO shop.t (v) VALUES ('purged %d')" % number for number in range(3)]
    pair.source.execute(*rows)
    pair.replica.execute_unlogged(*rows)
    faults.purge_binlogs(pair.source)
    pair.replica.start_replica()
    pair.replica.wait_until(lambda: pair.status()[pair.words.io_error], what="the receiver's error")
    return GtidSet() if pair.is_mariadb else executed(pair.source) - GtidSet.parse(before)


@pytest.fixture(name="agreeing")
def pair_with_equal_sets(well: Pair) -> Pair:
    """The shared pair, and no test before has left the replica a transaction that the source does not have."""
    if executed(well.replica) - executed(well.source):
        well.lab.down()
        well.lab = well._new()
    return well


def check_record(found: Dict[str, Any]) -> Dict[str, Any]:
    record: Dict[str, Any] = json.loads(Path(found["record"]).read_text(encoding="utf-8"))
    assert record["outcome"] == "done" and record["plan"]["queries"] == found["queries"], record
    return record


@pytest.mark.pairs("mysql-9.7-gtid")
def test_purged_transactions_whose_rows_are_here_are_appended(well: Pair, tmp_path: Path) -> None:
    lacking = purged_behind(well)
    before = picture(well.replica)
    told = repair(well.replica, tmp_path, check=True)
    assert told["changed"] and not told["executed"] and picture(well.replica) == before, told
    assert list(tmp_path.iterdir()) == []
    done = repair(well.replica, tmp_path)
    assert done["changed"] and done["method"] == "append" and done["queries"] == told["queries"], done
    assert GtidSet.parse(done["appended"]) == lacking and done["injected"] == "" and done["after"] == told["after"]
    assert any("gtid_purged = '+" in query for query in done["queries"])
    assert done["risk"] == "replica_history" and done["diff"]["after"]["receiver"] == "running"
    assert check_record(done)["details"]["missing"] == done["appended"]
    assert running(well) == ["Yes", "Yes"]
    again = repair(well.replica, tmp_path)
    assert not again["changed"] and again["queries"] == [] and again["record"] == "", again
    well.write(2)
    well.wait_same()


@pytest.mark.pairs("mysql-5.6-gtid")
def test_a_server_that_cannot_append_refuses_and_writes_empty_transactions(well: Pair, tmp_path: Path) -> None:
    lacking = purged_behind(well)
    before = picture(well.replica)
    refused = repair(well.replica, tmp_path, method="append")
    assert refused["failed"] and refused["code"] == "refused" and "method inject" in refused["msg"], refused
    assert "method reset" in refused["msg"] and picture(well.replica) == before
    done = repair(well.replica, tmp_path)
    assert done["changed"] and done["method"] == "inject" and GtidSet.parse(done["injected"]) == lacking, done
    assert running(well) == ["Yes", "Yes"] and executed(well.replica).contains(lacking)
    assert not repair(well.replica, tmp_path)["changed"]
    well.write(2)
    well.wait_same()


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_without_a_directory_for_the_record_nothing_is_done(well: Pair) -> None:
    lacking = purged_behind(well)
    before = picture(well.replica)
    for check in (True, False):
        found = run_module("gtid_repair", well.replica, {"gtids": str(lacking)}, check=check)
        assert found["failed"] and "record_dir" in found["msg"] and picture(well.replica) == before, found


def hole(pair: Pair, auto_position: bool) -> GtidSet:
    """Pass a failing transaction by going to a later position: nobody has executed it here; its row is made equal."""
    number = int(pair.source.value("SELECT MAX(id) FROM shop.t")) + 100
    pair.replica.execute_unlogged("INSERT INTO shop.t (id, v) VALUES (%d, 'same')" % number)
    before = executed(pair.source)
    pair.source.execute("INSERT INTO shop.t (id, v) VALUES (%d, 'same')" % number)
    pair.replica.wait_until(lambda: running(pair)[1] == "No", what="the applier to stop")
    missing = executed(pair.source) - before
    file, position = pair.source.coordinates()
    pair.replica.stop_replica()
    prefix, change = pair.words.prefix, pair.words.change
    # MySQL 5.6 sees a gap when its applier stopped before it noted how far it was.
    with contextlib.suppress(Exception):
        pair.replica.execute(pair.replica.replica_sql("START", "SQL_THREAD UNTIL SQL_AFTER_MTS_GAPS"))
        pair.replica.wait_until(lambda: running(pair)[1] == "No")
    pair.replica.execute(
        "%s TO %s_AUTO_POSITION = 0, %s_LOG_FILE = '%s', %s_LOG_POS = %d"
        % (change, prefix, prefix, file, prefix, position)
    )
    pair.replica.start_replica()
    pair.write(2)
    pair.replica.wait_until("SELECT COUNT(*) = 2 FROM shop.t WHERE id > %d" % number, what="later rows")
    pair.replica.stop_replica()
    if auto_position:
        pair.replica.execute("%s TO %s_AUTO_POSITION = 1" % (change, prefix))
    pair.replica.start_replica()
    return missing


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
@pytest.mark.every_flavour
@pytest.mark.parametrize("method", ["inject", "auto"])
def test_a_hole_is_filled_before_auto_position_returns(well: Pair, tmp_path: Path, method: str) -> None:
    missing = hole(well, auto_position=False)
    found = repair(well.replica, tmp_path, check=True, gtids=str(missing))
    assert [GtidSet.parse(entry["gtids"]) for entry in found["holes"]] == [missing], found
    done = repair(well.replica, tmp_path, gtids=str(missing), method=method)
    wanted = "append" if method == "auto" and well.flavour_name != "mysql-5.6" else "inject"
    assert done["changed"] and done["method"] == wanted and done["holes"] == found["holes"], done
    assert done["appended"] + done["injected"] == str(missing)
    well.replica.stop_replica()
    well.replica.execute("%s TO %s_AUTO_POSITION = 1" % (well.words.change, well.words.prefix))
    well.replica.start_replica()
    well.write(1)
    well.wait_same()
    last = repair(well.replica, tmp_path)
    assert not last["changed"] and last["holes"] == []


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_a_hole_that_was_fetched_again_is_filled_and_the_applier_goes_on(well: Pair, tmp_path: Path) -> None:
    missing = hole(well, auto_position=True)
    well.replica.wait_until(lambda: running(well)[1] == "No", what="the applier to stop at it again")
    done = repair(well.replica, tmp_path, gtids=str(missing), method="inject")
    assert done["changed"] and done["before"]["applier"] == "stopped" and done["after"]["applier"] == "running", done
    well.write(1)
    well.wait_same()


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_after_an_expected_error_the_relay_logs_go_too(well: Pair, tmp_path: Path) -> None:
    table = "CREATE TABLE shop.m (id INT PRIMARY KEY, v INT) ENGINE=MyISAM"
    well.source.execute(table)
    well.lab.wait_in_sync()
    well.replica.execute_unlogged("DROP TABLE shop.m")
    before = executed(well.source)
    with contextlib.closing(well.source.connect("root")) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION binlog_format = 'STATEMENT', sql_log_bin = 0")
        cursor.execute("INSERT INTO shop.m VALUES (2, 2)")
        cursor.execute("SET SESSION sql_log_bin = 1")
        with pytest.raises(Exception, match="Duplicate entry"):
            cursor.execute("INSERT INTO shop.m VALUES (1, 1), (2, 2)")
    failing = executed(well.source) - before
    assert failing.count() == 1
    well.replica.wait_until(lambda: running(well)[1] == "No", what="the applier to stop")
    if well.flavour_name == "mysql-5.6":
        # It shows the table's own error first; an empty transaction then brings the other one out.
        repair(well.replica, tmp_path, gtids=str(failing), method="inject", timeout=10)
        well.replica.wait_until(lambda: "different errors" in str(well.status()[well.words.sql_error]))
    else:
        assert not executed(well.replica).contains(failing)
    done = repair(well.replica, tmp_path, gtids=str(failing), method="inject")
    assert done["changed"] and done["after"]["applier"] == "running", done
    assert any(query.startswith(("RESET ", "CHANGE ")) for query in done["queries"]), done["queries"]
    assert running(well) == ["Yes", "Yes"]
    well.source.execute("DROP TABLE IF EXISTS shop.m")
    well.write(1)
    well.wait_same()


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_what_is_about_to_be_applied_is_not_taken_away(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica()
    well.replica.execute("%s TO %s_DELAY = 3600" % (well.words.change, well.words.prefix))
    well.replica.start_replica()
    before = executed(well.source)
    well.write(2)
    pending = executed(well.source) - before
    well.replica.wait_until(
        lambda: GtidSet.parse(str(well.status()["Retrieved_Gtid_Set"])).contains(pending), what="the transactions"
    )
    shown = picture(well.replica)
    found = repair(well.replica, tmp_path, gtids=str(pending))
    assert found["failed"] and found["code"] == "refused" and "about to be applied" in found["msg"], found
    assert picture(well.replica) == shown
    well.replica.stop_replica()
    well.replica.execute("%s TO %s_DELAY = 0" % (well.words.change, well.words.prefix))
    well.replica.start_replica()
    well.wait_same()


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_another_state_than_the_planned_one_is_refused(well: Pair, tmp_path: Path) -> None:
    lacking = purged_behind(well)
    planned = repair(well.replica, tmp_path, check=True, gtids=str(lacking))["state_id"]
    well.replica.stop_replica("SQL_THREAD")
    before = picture(well.replica)
    found = repair(well.replica, tmp_path, gtids=str(lacking), state_id=planned)
    assert found["failed"] and found["code"] == "state_moved" and picture(well.replica) == before, found
    well.replica.start_replica("SQL_THREAD")
    assert repair(well.replica, tmp_path, gtids=str(lacking), state_id=planned)["changed"]


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_who_would_lose_the_transactions_is_named(well: Pair, tmp_path: Path) -> None:
    before = picture(well.replica)
    found = repair(well.replica, tmp_path, gtids=STRANGER + ":1-3")
    assert found["failed"] and found["code"] == "refused" and "has not executed 3 transactions" in found["msg"], found
    assert len(found["withheld"]) == 1 and picture(well.replica) == before
    nobody = {"login_host": well.source.host, "login_port": 1}
    named = repair(well.replica, tmp_path, gtids=STRANGER + ":1-3", source=nobody)
    assert named["failed"] and named["code"] == "connect" and picture(well.replica) == before, named


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_a_killed_injection_is_finished_by_the_next_run(well: Pair, tmp_path: Path) -> None:
    count = 20000
    options = {
        "gtids": "%s:1-%d" % (STRANGER, count), "method": "inject", "max_transactions": count,
        "allow_withheld": True, "record_dir": str(tmp_path),
    }  # fmt: skip
    less = run_module("gtid_repair", well.replica, {**options, "max_transactions": 10000})
    assert less["failed"] and "max_transactions is 10000" in less["msg"], less

    def written() -> int:
        return executed(well.replica).restricted([STRANGER]).count()

    with running_module("gtid_repair", well.replica, options) as process:
        well.replica.wait_until(written, what="the first empty transactions")
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = well.replica.value
    well.replica.wait_until(
        lambda: not left("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'repairer'"),
        what="the end of its connections",
    )
    half = executed(well.replica).restricted([STRANGER])
    assert 0 < half.count() < count, half.count()
    wanted = GtidSet.parse(options["gtids"])
    done = run_module("gtid_repair", well.replica, options)
    assert done["changed"] and GtidSet.parse(done["injected"]) == wanted - half, done["msg"]
    assert executed(well.replica).restricted([STRANGER]) == wanted
    again = run_module("gtid_repair", well.replica, options)
    assert not again["changed"] and again["queries"] == []
    # Left where it was: a kill cannot put threads back.
    well.replica.start_replica()
    well.wait_same()


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_when_its_sessions_are_ended_the_threads_run_again(well: Pair, tmp_path: Path) -> None:
    wanted = GtidSet.parse("%s:broken:1-20000" % STRANGER if well.flavour_name == "mysql-9.7" else "%s:1-20000" % OTHER)
    if well.flavour_name == "mysql-9.7":
        well.replica.execute_unlogged("GRANT TRANSACTION_GTID_TAG ON *.* TO 'repairer'@'%'")
    options = {
        "gtids": str(wanted), "method": "inject", "max_transactions": 20000, "allow_withheld": True,
        "record_dir": str(tmp_path),
    }  # fmt: skip
    before = executed(well.replica)
    with running_module("gtid_repair", well.replica, options) as process:
        well.replica.wait_until(lambda: executed(well.replica) != before, what="the first empty transactions")
        for row in well.replica.query(
            "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = 'repairer'"
            " AND ID <> COALESCE(IS_USED_LOCK('replicaops.mysql/'), 0)"
        ):
            with contextlib.suppress(pymysql.MySQLError):
                well.replica.execute("KILL %d" % row["id"])
        output, _unused = process.communicate(timeout=60)
    found = json.loads(output)
    assert found["failed"] and found["changed"] and "write empty transactions under" in found["msg"], found
    assert running(well) == ["Yes", "Yes"] and found["threads_restored"], found
    assert json.loads(Path(found["record"]).read_text(encoding="utf-8"))["outcome"] == "failed"
    half = executed(well.replica) & wanted
    assert 0 < half.count() < wanted.count()
    done = run_module("gtid_repair", well.replica, options)
    assert done["changed"] and GtidSet.parse(done["injected"]) == wanted - half, done["msg"]
    assert executed(well.replica).contains(wanted)
    well.wait_same()


@pytest.mark.pairs("mysql-9.7-gtid")
@pytest.mark.parametrize("method", ["append", "inject"])
def test_tagged_transactions(well: Pair, tmp_path: Path, method: str) -> None:
    well.replica.execute_unlogged("GRANT TRANSACTION_GTID_TAG ON *.* TO 'repairer'@'%'")
    wanted = "%s:%s:1-3:7" % (STRANGER, method)
    done = repair(well.replica, tmp_path, gtids=wanted.upper(), method=method, allow_withheld=True)
    assert done["changed"] and done["appended"] + done["injected"] == wanted, done
    assert executed(well.replica).contains(GtidSet.parse(wanted))
    assert not repair(well.replica, tmp_path, gtids=wanted, method=method)["changed"]
    well.write(1)
    well.wait_same()


@pytest.mark.pairs("mysql-5.6-gtid")
def test_a_server_without_tags_says_so_before_anything_is_written(well: Pair, tmp_path: Path) -> None:
    before = picture(well.replica)
    found = repair(well.replica, tmp_path, gtids="%s:1-2:tag:1" % STRANGER, method="inject", allow_withheld=True)
    assert found["failed"] and found["code"] == "server" and "1772" in found["msg"], found
    assert picture(well.replica) == before


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_an_errant_transaction_is_named_and_made_known_on_the_source(agreeing: Pair, tmp_path: Path) -> None:
    agreeing.replica.execute("ANALYZE TABLE shop.t")
    errant = executed(agreeing.replica) - executed(agreeing.source)
    found = repair(agreeing.replica, tmp_path)
    assert not found["changed"] and [entry["gtids"] for entry in found["errant"]] == [str(errant)], found
    allowed = repair(agreeing.replica, tmp_path, allowed_local=[errant.uuids()[0]])
    assert allowed["errant"] == [] and allowed["lost"] == []
    members = [member(agreeing.replica)]
    refused = repair(agreeing.source, tmp_path, gtids=str(errant), members=members, method="append")
    assert refused["failed"] and refused["code"] == "refused", refused
    done = repair(agreeing.source, tmp_path, gtids=str(errant), members=members, method="inject")
    assert done["changed"] and done["injected"] == str(errant), done
    assert [entry["gtids"] for entry in done["errant"]] == [str(errant)]
    agreeing.wait_same()
    assert executed(agreeing.source).contains(executed(agreeing.replica))
    last = repair(agreeing.replica, tmp_path)
    assert not last["changed"] and last["errant"] == [] and last["unknown"] == []


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_in_a_play_it_takes_the_groups_defaults_and_shows_no_secret(well: Pair, tmp_path: Path) -> None:
    found = play_module("gtid_repair", well.replica, {"record_dir": str(tmp_path)}, check=True)
    assert not found["failed"] and not found["changed"] and found["msg"], found
    wrong = repair(well.replica, tmp_path, gtids="no set")
    assert wrong["failed"] and wrong["code"] == "bad_input" and "'no set'" in wrong["msg"], wrong


def test_a_server_with_replicas_below(lab_of: Callable[..., Lab], flavour: str, tmp_path: Path) -> None:
    lab = lab_of(flavour, "chain", gtid=True)
    middle, leaf = lab.server("middle"), lab.server("leaf")
    wanted = "9-1-5" if lab.flavour.is_mariadb else STRANGER + ":1-3"
    before = picture(middle)
    refused = repair(middle, tmp_path, method="append", gtids=wanted, allow_withheld=True)
    assert refused["failed"] and refused["code"] == "refused", refused
    assert "server id 3" in refused["msg"] or flavour == "mysql-5.6", refused
    if lab.flavour.is_mariadb:
        assert picture(middle) == before
        return
    unknown = repair(middle, tmp_path, gtids=wanted)
    assert unknown["failed"] and "not among members" in unknown["msg"] and "server id 3" in unknown["msg"], unknown
    lacking = repair(middle, tmp_path, gtids=wanted, members=[member(leaf)])
    assert lacking["failed"] and any(text.startswith("leaf has not executed") for text in lacking["withheld"]), lacking
    gone = repair(middle, tmp_path, method="reset", gtids=str(executed(middle)) + "," + wanted, members=[member(leaf)])
    assert gone["failed"] and "its binlogs are read by" in gone["msg"], gone
    assert picture(middle) == before
    done = repair(middle, tmp_path, gtids=wanted, members=[member(leaf)], allow_withheld=True)
    assert done["changed"] and done["method"] == "inject" and any("leaf" in text for text in done["loses"]), done
    leaf.wait_until("SELECT GTID_SUBSET('%s', @@GLOBAL.gtid_executed)" % wanted, what="the empty transactions below")
    lab.wait_all_in_sync()


# -- reset -------------------------------------------------------------------------------------------------------


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
@pytest.mark.parametrize("undo", [False, True], ids=["finished", "undone"])
def test_a_reset_that_was_cut_short_is_finished_or_undone(agreeing: Pair, tmp_path: Path, undo: bool) -> None:
    agreeing.replica.execute("CREATE DATABASE stray", "DROP DATABASE stray")
    errant = executed(agreeing.replica) - executed(agreeing.source)
    before = executed(agreeing.replica)
    wanted = str(before - errant)
    assert errant.count() == 2
    told = repair(agreeing.replica, tmp_path, check=True, method="reset", gtids=wanted)
    assert told["changed"] and told["risk"] == "replica_history" and any("binlogs" in text for text in told["loses"])

    def work(environment: Dict[str, str]) -> Any:
        options = {"record_dir": str(tmp_path), "method": "reset", "gtids": wanted}
        return run_module("gtid_repair", agreeing.replica, options, environment=environment)

    with held(tmp_path / "held", "SET GLOBAL gtid_purged", work) as module:
        assert module.kill()["signal"] == signal.SIGKILL
    assert agreeing.replica.gtid_position() == "" and running(agreeing)[1] == "No"
    record = next(iter(tmp_path.glob("*.json")))
    assert json.loads(record.read_text(encoding="utf-8"))["details"]["wanted"] == wanted
    if undo:
        back = run_module("replica_undo", agreeing.replica, {"record": str(record)})
        assert back["changed"] and executed(agreeing.replica) == before, back
        assert running(agreeing) == ["Yes", "Yes"]
        agreeing.write(1)
        agreeing.wait_same()
        return
    done = repair(agreeing.replica, tmp_path, method="reset", gtids=wanted)
    assert done["changed"] and not any(query.startswith("RESET M") for query in done["queries"]), done
    assert agreeing.replica.gtid_position() == wanted
    agreeing.replica.start_replica()
    agreeing.write(2)
    agreeing.wait_same()
    again = repair(agreeing.replica, tmp_path, method="reset", gtids=wanted)
    assert not again["changed"] and again["errant"] == [], again


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_a_reset_that_would_have_transactions_applied_twice_is_refused(agreeing: Pair, tmp_path: Path) -> None:
    agreeing.replica.execute("CREATE DATABASE stray", "DROP DATABASE stray")
    wanted = executed(agreeing.replica) & executed(agreeing.source)
    agreeing.write(2)
    agreeing.lab.wait_in_sync()
    before = picture(agreeing.replica)
    stale = repair(agreeing.replica, tmp_path, method="reset", gtids=str(wanted))
    assert stale["failed"] and "would send it again" in stale["msg"] and picture(agreeing.replica) == before, stale
    exact = str(executed(agreeing.replica) & executed(agreeing.source))
    options = {"record_dir": str(tmp_path), "method": "reset", "gtids": exact}

    def work(environment: Dict[str, str]) -> Any:
        return run_module("gtid_repair", agreeing.replica, options, environment=environment)

    with held(tmp_path / "held", "STOP", work) as module:
        agreeing.write(1)
        agreeing.lab.wait_in_sync()
        late = module.release()
    assert late["failed"] and "was executed while" in late["msg"], late
    assert running(agreeing) == ["Yes", "Yes"] and not any(query.startswith("RESET") for query in late["queries"])
    agreeing.write(1)
    agreeing.wait_same()


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_what_is_applied_while_it_begins_is_left_out(well: Pair, tmp_path: Path) -> None:
    lacking = purged_behind(well)
    wanted = str(lacking)

    def work(environment: Dict[str, str]) -> Any:
        return run_module(
            "gtid_repair",
            well.replica,
            {"record_dir": str(tmp_path), "gtids": wanted, "method": "inject"},
            environment=environment,
        )

    first = next(iter(lacking.gtids(1)))
    with held(tmp_path / "held", "STOP", work) as module:
        well.replica.execute("SET gtid_next = '%s'" % first, "BEGIN", "COMMIT", "SET gtid_next = 'AUTOMATIC'")
        done = module.release()
    assert done["changed"] and executed(well.replica).contains(lacking), done
    assert not any("gtid_next = '%s'" % first in query for query in done["queries"]), done["queries"]
    assert GtidSet.parse(done["injected"]) == lacking - GtidSet.from_gtid(first)
    well.write(1)
    well.wait_same()


# -- MariaDB -----------------------------------------------------------------------------------------------------


@pytest.mark.modes("gtid")
@pytest.mark.engine("mariadb")
def test_a_position_is_moved_past_what_the_source_has_purged(well: Pair, tmp_path: Path) -> None:
    purged_behind(well)
    before = picture(well.replica)
    passed = set(str(well.replica.value("SELECT @@GLOBAL.gtid_slave_pos")).split(","))
    told = repair(well.replica, tmp_path, check=True)
    assert told["changed"] and picture(well.replica) == before and list(tmp_path.iterdir()) == [], told
    done = repair(well.replica, tmp_path)
    assert done["changed"] and set(done["appended"].split(",")) == set(well.source.gtid_position().split(",")) - passed
    assert running(well) == ["Yes", "Yes"] and not repair(well.replica, tmp_path)["changed"]
    # Back is where it was broken, and from there it goes the same way.
    undone = run_module("replica_undo", well.replica, {"record": done["record"]}, check=True)
    assert any("gtid_slave_pos" in text for text in undone["restored"]), undone
    well.write(2)
    well.wait_same()
    late = run_module("replica_undo", well.replica, {"record": done["record"]})
    assert not any("gtid_slave_pos" in query for query in late["queries"]), late


@pytest.fixture(name="two_sources")
def multi(lab_of: Callable[..., Lab], flavour: str) -> Iterator[Lab]:
    """Two sources with a domain each, and a table on each."""
    if not flavour.startswith("mariadb"):
        pytest.skip("MariaDB only")
    lab = lab_of(flavour, "multi", gtid=True)
    for number, source in enumerate(lab.sources, 1):
        source.execute("CREATE DATABASE d%d" % number, "CREATE TABLE d%d.t (id INT PRIMARY KEY)" % number)
    lab.wait_all_in_sync()
    yield lab


def write(lab: Lab, number: int, *ids: int) -> None:
    lab.sources[number - 1].execute(*["INSERT INTO d%d.t VALUES (%d)" % (number, row) for row in ids])


def same(lab: Lab) -> None:
    lab.wait_all_in_sync()
    for number, source in enumerate(lab.sources, 1):
        rows = "SELECT id FROM d%d.t ORDER BY id" % number
        assert source.query(rows) == lab.replica.query(rows)


def test_a_position_is_moved_in_one_domain_and_the_other_is_kept(two_sources: Lab, tmp_path: Path) -> None:
    lab = two_sources
    first, replica, words = lab.sources[0], lab.replica, lab.flavour.words
    replica.stop_replica(channel="c1")
    write(lab, 1, 1, 2)
    write(lab, 2, 1)
    replica.execute_unlogged("INSERT INTO d1.t VALUES (1), (2)")
    faults.purge_binlogs(first)
    replica.start_replica(channel="c1")
    replica.wait_until(lambda: (replica.replica_status("c1") or {})[words.io_error], what="the receiver's error")
    replica.wait_until("SELECT COUNT(*) FROM d2.t", what="the other source's row")
    before = str(replica.value("SELECT @@GLOBAL.gtid_slave_pos"))
    shown = picture(replica)
    several = repair(replica, tmp_path)
    assert several["failed"] and "option channel" in several["msg"], several
    told = repair(replica, tmp_path, check=True, channel="c1")
    assert told["changed"] and picture(replica) == shown, told
    done = repair(replica, tmp_path, channel="c1")
    assert done["changed"] and done["method"] == "append" and done["queries"] == told["queries"], done
    assert done["appended"] == first.gtid_position()
    after = str(replica.value("SELECT @@GLOBAL.gtid_slave_pos"))
    assert after == done["after"]["slave_pos"] and set(before.split(",")) - set(after.split(",")) != set()
    assert [gtid for gtid in before.split(",") if gtid.startswith("2-")] == [
        gtid for gtid in after.split(",") if gtid.startswith("2-")
    ]
    check_record(done)
    write(lab, 1, 3)
    write(lab, 2, 3)
    same(lab)
    again = repair(replica, tmp_path, channel="c1")
    assert not again["changed"] and again["errant"] == [] and again["lost"] == [], again


def test_connections_that_were_stopped_stay_stopped(two_sources: Lab, tmp_path: Path) -> None:
    lab = two_sources
    replica, words = lab.replica, lab.flavour.words
    replica.stop_replica(channel="c2")
    replica.stop_replica("SQL_THREAD", channel="c1")
    write(lab, 1, 1)
    replica.execute_unlogged("INSERT INTO d1.t VALUES (1)")
    beyond = "1-1-100000"
    shown = picture(replica)
    refused = repair(replica, tmp_path, channel="c1", gtids=beyond)
    assert refused["failed"] and "1236" in refused["msg"] and picture(replica) == shown, refused
    empty = repair(replica, tmp_path, channel="c1", gtids=beyond, method="inject")
    assert empty["failed"] and "no empty transactions" in empty["msg"], empty
    done = repair(replica, tmp_path, channel="c1", gtids=lab.sources[0].gtid_position())
    assert done["changed"] and not any("'c2'" in query for query in done["queries"]), done
    one, two = replica.replica_status("c1") or {}, replica.replica_status("c2") or {}
    assert (one[words.io_running], one[words.sql_running]) == ("Yes", "No")
    assert (two[words.io_running], two[words.sql_running]) == ("No", "No")
    replica.start_replica("SQL_THREAD", channel="c1")
    replica.start_replica(channel="c2")
    write(lab, 1, 2)
    same(lab)


def test_other_connections_run_again_after_a_failure(two_sources: Lab, tmp_path: Path) -> None:
    lab = two_sources
    replica, words = lab.replica, lab.flavour.words
    replica.stop_replica("SQL_THREAD", channel="c1")
    write(lab, 1, 1, 2)
    # A strict server refuses a position that its own writes contradict.
    replica.execute("SET GLOBAL gtid_strict_mode = 1")
    with contextlib.closing(replica.connect("root")) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION gtid_domain_id = 1, gtid_seq_no = 100")
        cursor.execute("CREATE DATABASE mine")
    before = replica.value("SELECT @@GLOBAL.gtid_slave_pos")
    found = repair(replica, tmp_path, channel="c1", gtids=lab.sources[0].gtid_position())
    assert found["failed"] and found["changed"] and "1947" in found["msg"], found
    assert any("gtid_slave_pos" in query for query in found["queries"]) is False
    assert replica.value("SELECT @@GLOBAL.gtid_slave_pos") == before
    one, two = replica.replica_status("c1") or {}, replica.replica_status("c2") or {}
    assert (one[words.io_running], one[words.sql_running]) == ("Yes", "No")
    assert (two[words.io_running], two[words.sql_running]) == ("Yes", "Yes")


# -- verdicts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topology", ["fan", "ring"])
def test_writers_raise_no_false_alarm_and_one_errant_transaction_is_found(
    lab_of: Callable[..., Lab], flavour: str, topology: str, tmp_path: Path
) -> None:
    if flavour.startswith("mariadb"):
        pytest.skip("MySQL only")
    lab = lab_of(flavour, topology, gtid=True, workers=4)
    target = lab.servers[1]
    members = [member(server) for server in lab.servers]
    with contextlib.ExitStack() as stack:
        writers = lab.servers if topology == "ring" else lab.servers[:1]
        loads = [stack.enter_context(Writer(one, schema="w%d" % number)) for number, one in enumerate(writers)]
        for load in loads:
            load.wait_for(20)
        for _round in range(5):
            found = repair(target, tmp_path, check=True, members=members)
            assert (found["errant"], found["lost"], found["holes"], found["unknown"]) == ([], [], [], []), found
            assert not found["changed"]
        if topology == "fan":
            target.execute("SET gtid_next = '%s:1'" % STRANGER, "BEGIN", "COMMIT", "SET gtid_next = 'AUTOMATIC'")
            for _round in range(3):
                found = repair(target, tmp_path, check=True, members=members)
                assert [entry["gtids"] for entry in found["errant"]] == [STRANGER + ":1"], found
                assert found["lost"] == found["holes"] == []
        assert all(load.stop() > 20 for load in loads)
