# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""replica_channel on real servers, run as a user runs it."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pymysql
import pytest
from integration.conftest import Pair
from integration.gaps import applier_stopped, lab_with_a_gap
from integration.playbook import play_module, run_module, running_module
from lab import faults
from lab.accounts import OBSERVER, REPAIRER
from lab.flavours import FLAVOURS
from lab.load import wait_row_lock
from lab.topology import Lab

RECEIVER, APPLIER = "receiver", "applier"


def channel(pair: Pair, **options: Any) -> Dict[str, Any]:
    """Run replica_channel against the pair's replica."""
    check = options.pop("check", False)
    return run_module("replica_channel", pair.replica, options, check=check)


def threads(pair: Pair) -> Dict[str, str]:
    row = pair.status()
    return {RECEIVER: str(row[pair.words.io_running]), APPLIER: str(row[pair.words.sql_running])}


def settings(pair: Pair) -> Dict[str, Any]:
    """What the server shows of the channel's settings; everything but progress, threads and errors."""
    names = ("Host", "Port", "User", "Retry", "SQL_Delay", "SSL", "Auto_Position", "Using_Gtid", "heartbeat", "Bind")
    row = pair.status()
    found = {name: value for name, value in row.items() if any(part in name for part in names)}
    found["heartbeat"] = heartbeat(pair)
    return found


def heartbeat(pair: Pair) -> str:
    if pair.words.replica == "REPLICA":
        table = "performance_schema.replication_connection_configuration"
        return str(pair.replica.value("SELECT HEARTBEAT_INTERVAL FROM %s" % table))
    rows = pair.replica.query("SHOW GLOBAL STATUS LIKE 'Slave_heartbeat_period'")
    return str(rows[0]["Value"])


@contextlib.contextmanager
def writer(pair: Pair) -> Iterator[threading.Event]:
    """Somebody who writes on the source all the time; the event is set once rows were written."""
    stop, wrote = threading.Event(), threading.Event()

    def work() -> None:
        with pair.source.connect("root") as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("INSERT INTO shop.t (v) VALUES (UUID())")
                wrote.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert wrote.wait(30)
        yield wrote
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def change(pair: Pair, **extra: Any) -> None:
    """CHANGE more options of the channel, with its threads stopped and started around it."""
    pair.replica.stop_replica()
    options = ", ".join("%s_%s = %s" % (pair.words.prefix, name, value) for name, value in extra.items())
    pair.replica.execute("%s TO %s" % (pair.words.change, options))
    pair.replica.start_replica()


def verifying(pair: Pair) -> Dict[str, Any]:
    """Verify the source's certificate, where that can be set without using TLS; RESET drops it on some of those."""
    return {"SSL_VERIFY_SERVER_CERT": 1} if pair.words.prefix == "MASTER" else {}


# -- starting and stopping ---------------------------------------------------------------------------------------


def test_start_and_stop_converge(well: Pair) -> None:
    assert not channel(well, state="started")["changed"]
    first = channel(well, state="stopped")
    assert first["changed"] and first["executed"] and first["threads"] == {RECEIVER: "running", APPLIER: "stopped"}
    assert threads(well) == {RECEIVER: "Yes", APPLIER: "No"}
    assert first["diff"] == {"before": {APPLIER: "running"}, "after": {APPLIER: "stopped"}}
    again = channel(well, state="stopped")
    assert not again["changed"] and again["queries"] == [] and not again["executed"]
    both = channel(well, state="stopped", threads="both")
    assert both["changed"] and threads(well) == {RECEIVER: "No", APPLIER: "No"}
    assert channel(well, state="started")["threads"] == {RECEIVER: "running", APPLIER: "running"}
    assert threads(well) == {RECEIVER: "Yes", APPLIER: "Yes"}


def test_check_mode_foretells_and_writes_nothing(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica()
    for options in ({"state": "started"}, {"refetch": True, "state": "started", "source": {}}):
        before = well.status()
        told = channel(well, check=True, record_dir=str(tmp_path / "records"), **options)
        assert told["changed"] and not told["executed"] and told["queries"]
        assert {name: well.status()[name] for name in before} == before
        assert not (tmp_path / "records").exists()
        done = channel(well, **options)
        assert done["queries"] == told["queries"] and done["threads"] == told["threads"]
        well.replica.stop_replica()
    well.replica.start_replica()
    well.wait_same()


def test_start_reports_the_fault_that_stops_the_applier(well: Pair) -> None:
    well.replica.stop_replica("SQL_THREAD")
    well.replica.execute_unlogged("INSERT INTO shop.t (id, v) VALUES (900001, 'local')")
    well.source.execute("INSERT INTO shop.t (id, v) VALUES (900001, 'source')")
    failed = channel(well, state="started")
    assert failed["failed"] and failed["code"] == "fault" and failed["errno"] == 1062
    assert "900001" in failed["error"] and failed["changed"] and len(failed["queries"]) == 1
    well.replica.execute_unlogged("DELETE FROM shop.t WHERE id = 900001")
    assert not channel(well, state="started")["failed"]
    well.wait_same()


def test_a_stop_that_hangs_is_reported(well: Pair) -> None:
    blocker = well.replica.connect("root", autocommit=False)
    try:
        with blocker.cursor() as cursor:
            cursor.execute("SELECT id FROM shop.t WHERE id = 1 FOR UPDATE")
        well.source.execute("UPDATE shop.t SET v = CONCAT(v, '!') WHERE id = 1")
        wait_row_lock(well.replica)
        waiting = channel(well, state="stopped", timeout=2)
        assert waiting["failed"] and waiting["code"] == "stop_pending" and waiting["pending"] == [APPLIER], waiting
    finally:
        blocker.close()
    row = well.words.sql_running
    well.replica.wait_until(lambda: well.status()[row] == "No", what="the STOP to take effect")
    channel(well, state="started")
    well.wait_same()


# -- until -------------------------------------------------------------------------------------------------------


def test_until_stops_at_the_point(well: Pair) -> None:
    well.replica.stop_replica("SQL_THREAD")
    well.write(2)
    point = until_here(well)
    rows = well.source.value("SELECT COUNT(*) FROM shop.t")
    well.write(3)
    told = channel(well, until=point, check=True)
    done = channel(well, until=point)
    assert done["changed"] and told["queries"] == done["queries"]
    assert threads(well)[APPLIER] == "No"
    assert well.replica.value("SELECT COUNT(*) FROM shop.t") == rows
    again = channel(well, until=point)
    assert not again["changed"] and again["queries"] == []
    channel(well, state="started")
    well.wait_same()


def test_until_stops_at_the_end_of_what_there_is(well: Pair) -> None:
    well.replica.stop_replica("SQL_THREAD")
    well.write(2)
    point = until_here(well)
    done = channel(well, until=point)
    assert not done["failed"] and done["threads"][APPLIER] == "stopped" and threads(well)[APPLIER] == "No", done
    assert well.same_rows() and not channel(well, until=point)["changed"]
    channel(well, state="started")
    well.wait_same()


def until_here(pair: Pair) -> Dict[str, Any]:
    if not pair.gtid:
        file, position = pair.source.coordinates()
        return {"source_log_file": file, "source_log_pos": position}
    return {"gtid_position" if pair.is_mariadb else "gtids": pair.source.gtid_position()}


def test_until_needs_a_point_of_this_flavour(well: Pair) -> None:
    wrong = {"gtids": "11111111-aaaa-bbbb-cccc-000000000001:1"} if well.is_mariadb else {"gtid_position": "0-1-1"}
    refused = channel(well, until=wrong)
    assert refused["failed"] and refused["code"] == "bad_input" and not refused["changed"]


# -- fetching relay logs anew ------------------------------------------------------------------------------------

RELAY_FILES = "$(ls /lab/data/relay.[0-9]* /lab/data/relay-*.[0-9]* 2> /dev/null)"


def corrupt(pair: Pair) -> None:
    """Overwrite a part of what the applier is going to read next."""
    row = pair.status()
    file = "/lab/data/%s" % str(row["Relay_Log_File"])
    start = int(row["Relay_Log_Pos"]) + 30
    pair.replica.exec("head -c 40 /dev/urandom | dd of=%s bs=1 seek=%d conv=notrunc 2> /dev/null" % (file, start))


def backlog(pair: Pair) -> None:
    """Let the receiver fetch what the applier has not applied."""
    pair.replica.stop_replica("SQL_THREAD")
    pair.write(20)
    file, position = pair.source.coordinates()
    words = pair.words
    pair.replica.wait_until(
        lambda: (str(pair.status()[words.source_file]), int(pair.status()[words.read_pos])) >= (file, position),
        what="the receiver to fetch the rows",
    )


def test_refetch_after_corruption_with_a_writer(well: Pair, tmp_path: Path) -> None:
    change(well, CONNECT_RETRY=7, HEARTBEAT_PERIOD=3.5, **verifying(well))
    well.wait_same()
    kept = settings(well)
    assert not verifying(well) or kept["Master_SSL_Verify_Server_Cert"] == "Yes"
    backlog(well)
    corrupt(well)
    with writer(well):
        well.replica.start_replica("SQL_THREAD")
        well.replica.wait_until(
            lambda: well.status()[well.words.sql_running] == "No", what="the applier to stop at the damage"
        )
        done = channel(well, refetch=True, record_dir=str(tmp_path))
        assert not done["failed"] and done["changed"] and done["risk"] == "none", done
        assert done["threads"] == {RECEIVER: "running", APPLIER: "running"}
        # Only where the settings outlive RESET and a dead server: elsewhere CHANGE does it in one statement.
        assert any("RESET" in query for query in done["queries"]) == (well.flavour_name == "mysql-9.7")
        assert not channel(well, refetch=True)["changed"]
    well.wait_same()
    assert settings(well) == kept
    record = json.loads(Path(done["record"]).read_text(encoding="utf-8"))
    assert record["outcome"] == "done" and record["executed"] == done["queries"]
    assert Path(done["record"]).stat().st_mode & 0o777 == 0o600


def test_refetch_after_deletion_with_a_writer(well: Pair, tmp_path: Path) -> None:
    kept = settings(well)
    backlog(well)
    well.replica.stop()
    well.replica.exec("rm -f %s" % RELAY_FILES)
    with writer(well):
        well.replica.start()
        with contextlib.suppress(pymysql.MySQLError):
            well.replica.start_replica()
        done = channel(well, refetch=True, state="started", record_dir=str(tmp_path))
        assert not done["failed"] and done["changed"], done
        assert done["threads"] == {RECEIVER: "running", APPLIER: "running"}
    well.wait_same()
    assert settings(well) == kept


def test_refetch_while_the_applier_runs(well: Pair) -> None:
    with writer(well):
        well.replica.stop_replica("IO_THREAD")
        done = channel(well, refetch=True, state="started")
        assert not done["failed"] and done["changed"], done
        assert threads(well) == {RECEIVER: "Yes", APPLIER: "Yes"}
    well.wait_same()


@pytest.mark.pairs("mysql-9.7-gtid", "mysql-9.7-position")
def test_threads_run_again_when_a_step_fails(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica("IO_THREAD")
    well.replica.execute_unlogged("REVOKE RELOAD ON *.* FROM %s" % REPAIRER.sql)
    try:
        failed = channel(well, refetch=True, state="started", record_dir=str(tmp_path))
    finally:
        well.replica.execute_unlogged("GRANT RELOAD ON *.* TO %s" % REPAIRER.sql)
    assert failed["failed"] and failed["changed"] and failed["code"] == "privilege", failed
    assert "RELOAD" in failed["msg"] and failed["threads_restored"]
    assert threads(well) == {RECEIVER: "No", APPLIER: "Yes"}
    record = json.loads(Path(failed["record"]).read_text(encoding="utf-8"))
    assert record["outcome"] == "failed" and record["executed"] == failed["queries"]
    well.replica.start_replica("IO_THREAD")
    well.wait_same()


def test_refetch_keeps_the_delay(well: Pair) -> None:
    change(well, DELAY=3600)
    backlog(well)
    corrupt(well)
    before = settings(well)
    done = channel(well, refetch=True, state="started")
    assert not done["failed"] and done["changed"], done
    assert settings(well) == before and str(well.status()["SQL_Delay"]) == "3600"
    assert done["after"]["delay"] == 3600
    change(well, DELAY=0)
    well.wait_same()


def test_refetch_refuses_when_the_source_has_purged(well: Pair, tmp_path: Path) -> None:
    backlog(well)
    corrupt(well)
    well.replica.stop_replica("IO_THREAD")
    faults.purge_binlogs(well.source)
    before = well.status()
    refused = channel(well, refetch=True, state="started")
    assert refused["failed"] and refused["code"] == "refused" and not refused["changed"], refused
    assert refused["loses"] and "purged" in refused["msg"]
    assert {name: well.status()[name] for name in before} == before
    # What is known to be lost is not covered by allowing what is unknown.
    known = channel(well, refetch=True, allow_unverified=True, record_dir=str(tmp_path))
    assert known["failed"] and known["code"] == "refused" and known["loses"], known
    assert "copy them" in known["msg"] and "/relay" in known["msg"] and not list(tmp_path.iterdir())
    assert {name: well.status()[name] for name in before} == before


@pytest.mark.modes("position")
def test_refetch_refuses_when_the_source_lost_the_end_of_a_file(well: Pair) -> None:
    file, position = well.source.coordinates()
    backlog(well)
    well.replica.stop_replica("IO_THREAD")
    well.source.stop()
    well.source.exec("truncate -s %d /lab/data/%s" % (position, file))
    well.source.start()
    assert well.source.coordinates()[0] > file
    before = well.status()
    for options in ({}, {"allow_unverified": True, "record_dir": "/nonexistent"}):
        refused = channel(well, refetch=True, state="started", **options)
        assert refused["failed"] and refused["code"] == "refused" and not refused["changed"], refused
        assert "that file ends at %d now" % position in refused["msg"]
    assert {name: well.status()[name] for name in before} == before


def test_prepared_xa_transactions_refuse_a_refetch(well: Pair) -> None:
    well.replica.stop_replica("SQL_THREAD")
    session = well.replica.connect("root")
    try:
        with session.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute("XA START 'held'")
            cursor.execute("INSERT INTO shop.t (id, v) VALUES (900002, 'held')")
            cursor.execute("XA END 'held'")
            cursor.execute("XA PREPARE 'held'")
            before = well.status()
            refused = channel(well, refetch=True, state="started")
            assert refused["failed"] and refused["code"] == "refused" and refused["prepared"] == ["held"], refused
            assert {name: well.status()[name] for name in before} == before
            cursor.execute("XA ROLLBACK 'held'")
    finally:
        session.close()
    done = channel(well, refetch=True, state="started")
    assert not done["failed"] and done["changed"] and "XA" not in done["msg"], done
    well.wait_same()


# MySQL 5.6 does not take a skip counter in GTID mode.
@pytest.mark.modes("position")
def test_a_skip_counter_that_waits_eats_no_transaction(well: Pair) -> None:
    backlog(well)
    name = "sql_%s_skip_counter" % well.words.replica.lower()
    well.replica.execute("SET GLOBAL %s = 1" % name)
    for options in ({"state": "started"}, {"state": "started", "threads": "applier"}, {"refetch": True}):
        refused = channel(well, **{"state": "started", **options})
        assert refused["failed"] and refused["code"] == "refused" and not refused["changed"], refused
        assert "%s is 1" % name in refused["msg"] and "SET GLOBAL %s = 0" % name in refused["msg"]
        assert threads(well)[APPLIER] == "No" and well.replica.value("SELECT @@GLOBAL.%s" % name) == 1
    assert not channel(well, state="stopped", threads="receiver")["failed"]
    well.replica.execute("SET GLOBAL %s = 0" % name)
    assert not channel(well, state="started")["failed"]
    well.wait_same()


def test_a_source_that_cannot_be_asked_proves_nothing(well: Pair, tmp_path: Path) -> None:
    backlog(well)
    corrupt(well)
    stranger = {"login_user": "nobody", "login_password": "nothing"}
    refused = channel(well, refetch=True, state="started", source=stranger)
    assert refused["failed"] and refused["code"] == "refused" and "1045" in refused["unknown"], refused
    options = {"refetch": True, "state": "started", "source": stranger, "allow_unverified": True}
    unrecorded = channel(well, **options)
    assert unrecorded["failed"] and unrecorded["code"] == "refused" and "record_dir" in unrecorded["msg"]
    done = channel(well, record_dir=str(tmp_path), **options)
    assert not done["failed"] and done["risk"] == "replica_history" and done["loses"], done
    well.wait_same()


@pytest.mark.parametrize("gtid", [True, False], ids=["gtid", "position"])
def test_one_channel_of_several(flavour: str, gtid: bool, lab_of: Callable[..., Lab]) -> None:
    if not FLAVOURS[flavour].channels:
        pytest.skip("%s has no channels" % flavour)
    seed = ("CREATE DATABASE one", "CREATE TABLE one.t (id INT PRIMARY KEY)")
    lab = lab_of(flavour, "multi", gtid=gtid, seed=seed)
    words = lab.flavour.words
    which = run_module("replica_channel", lab.replica, {"state": "stopped"})
    assert which["failed"] and which["code"] == "bad_input" and "'c1', 'c2'" in which["msg"]
    lab.replica.stop_replica("SQL_THREAD", "c2")
    before = lab.replica.replica_status("c1")
    done = run_module("replica_channel", lab.replica, {"channel": "c2", "refetch": True, "state": "started"})
    assert not done["failed"] and done["changed"] and all("c2" in query for query in done["queries"]), done
    for name in ("c1", "c2"):
        row = lab.replica.replica_status(name)
        assert row is not None and row[words.io_running] == "Yes" and row[words.sql_running] == "Yes"
    after = lab.replica.replica_status("c1")
    assert before is not None and after is not None and after["Relay_Log_File"] == before["Relay_Log_File"]
    lab.source.execute("INSERT INTO one.t VALUES (1)")
    lab.wait_in_sync()


def test_gaps_of_parallel_workers_refuse(flavour: str, lab_of: Callable[..., Lab]) -> None:
    if FLAVOURS[flavour].is_mariadb:
        pytest.skip("MariaDB applies in order without GTIDs")
    lab = lab_with_a_gap(flavour, lab_of)
    refused = run_module("replica_channel", lab.replica, {"refetch": True})
    assert refused["failed"] and refused["code"] == "refused" and not refused["changed"], refused
    assert "SQL_AFTER_MTS_GAPS" in refused["msg"]
    lab.replica.execute_unlogged("DELETE FROM a.t WHERE id = 1")
    lab.replica.execute(lab.replica.replica_sql("START", "SQL_THREAD UNTIL SQL_AFTER_MTS_GAPS"))
    # It stops at the first event behind the gaps, and there is none yet.
    lab.source.execute("INSERT INTO b.t VALUES (8)")
    lab.replica.wait_until(lambda: applier_stopped(lab), what="the gaps to be closed")
    done = run_module("replica_channel", lab.replica, {"refetch": True, "state": "started"})
    assert not done["failed"] and done["changed"], done
    lab.source.execute("INSERT INTO b.t VALUES (9)")
    lab.wait_in_sync()
    assert lab.replica.value("SELECT COUNT(*) FROM a.t WHERE id = 1") == 1


# -- the right server, one repairer ------------------------------------------------------------------------------


def test_a_second_repair_is_refused(well: Pair) -> None:
    with well.replica.connect("root") as other, other.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('replicaops.mysql/', 0)")
        cursor.execute("SELECT CONNECTION_ID() AS id")
        holder = cursor.fetchone()["id"]
        busy = channel(well, state="stopped")
    assert busy["failed"] and busy["code"] == "busy" and busy["holder_connection_id"] == holder
    assert "root" in busy["msg"] and threads(well)[APPLIER] == "Yes"


def test_a_run_that_is_cancelled_closes_its_record(well: Pair, tmp_path: Path) -> None:
    file, position = well.source.coordinates()
    far = {"source_log_file": file, "source_log_pos": position + 1000000}
    options = {"until": far, "record_dir": str(tmp_path), "timeout": 300}
    words = well.words
    with running_module("replica_channel", well.replica, options) as process:
        well.replica.wait_until(
            lambda: (
                str(well.status()["Until_Condition"]).lower() in ("master", "source")
                and well.status()[words.sql_running] == "Yes"
            ),
            what="the applier to run until the point",
        )
        process.terminate()
        process.communicate(timeout=60)
    record = json.loads(next(tmp_path.iterdir()).read_text(encoding="utf-8"))
    assert record["outcome"] == "failed" and "signal 15" in record["error"] and record["executed"]
    well.replica.wait_until("SELECT IS_FREE_LOCK('replicaops.mysql/')", what="the lock to be let go")
    assert not channel(well, state="stopped")["failed"] and not channel(well, state="started")["failed"]


def test_a_wrong_source_is_an_error(well: Pair) -> None:
    backlog(well)
    corrupt(well)
    wrong = {"login_host": well.replica.host, "login_user": REPAIRER.user, "login_password": REPAIRER.password}
    for options in ({"refetch": True}, {"state": "started"}):
        failed = channel(well, source=wrong, **options)
        assert failed["failed"] and failed["code"] == "identity" and not failed["changed"]
        assert threads(well)[APPLIER] == "No"


def test_an_outdated_state_id_is_refused(well: Pair) -> None:
    first = channel(well, state="started")
    assert not channel(well, state="started", state_id=first["state_id"])["failed"]
    well.replica.stop_replica("SQL_THREAD")
    moved = channel(well, state="started", state_id=first["state_id"])
    assert moved["failed"] and moved["code"] == "state_moved" and threads(well)[APPLIER] == "No"


def test_no_replica_and_no_host_are_said_plainly(well: Pair) -> None:
    none = run_module("replica_channel", well.source, {"state": "started"})
    assert none["failed"] and none["code"] == "bad_input" and "not a replica" in none["msg"]
    nowhere = run_module("replica_channel", well.source, {"state": "started", "login_host": ""})
    assert nowhere["failed"] and "login_host" in nowhere["msg"]


@pytest.mark.modes("gtid")
def test_as_a_user_runs_it(well: Pair, tmp_path: Path) -> None:
    told = play_module("replica_channel", well.replica, {"state": "stopped"}, check=True)
    done = play_module(
        "replica_channel", well.replica, {"state": "stopped", "record_dir": str(tmp_path)}, by_environment=True
    )
    assert told["changed"] and done["changed"] and done["queries"] == told["queries"]
    assert threads(well)[APPLIER] == "No"
    undone = play_module("replica_undo", well.replica, {"record": done["record"]})
    assert undone["changed"] and undone["restored"] and threads(well)[APPLIER] == "Yes"
    denied = play_module("replica_channel", well.replica, {"state": "started", "login_password": "not-the-one"})
    assert denied["failed"] and denied["code"] == "connect" and denied["errno"] == 1045
    assert "not-the-one" not in denied["msg"]


@pytest.mark.modes("gtid")
def test_the_account_needs_its_privilege(well: Pair) -> None:
    refused = run_module("replica_channel", well.replica, {"state": "stopped"}, account=OBSERVER)
    assert refused["failed"] and refused["code"] == "privilege" and not refused["changed"]
    assert refused["errno"] == 1045 or "SUPER" in refused["msg"] or "ADMIN" in refused["msg"]
    assert threads(well)[APPLIER] == "Yes"
