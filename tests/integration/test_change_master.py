# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""change_master on real servers: one option changes, all others stay, and the second run changes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from integration.certificates import authority, install
from integration.channel_options import differing, options_of
from integration.conftest import Pair
from integration.gaps import lab_with_a_gap
from integration.playbook import login, run_module, run_playbook
from integration.test_replica_channel import writer
from lab import sync
from lab.accounts import OBSERVER, REPL
from lab.flavours import FLAVOURS
from lab.server import Server
from lab.topology import Lab

WRONG = "wrong-Secret-77ab"
# The MySQL 5.6 that can be had here was built without TLS.
WITH_TLS = ("mysql-9.7", "mariadb-10.11", "mariadb-11.8")


def change(server: Server, check: bool = False, **options: Any) -> Dict[str, Any]:
    """Run change_master against a server."""
    return run_module("change_master", server, options, check=check)


def twice(server: Server, **options: Any) -> Dict[str, Any]:
    """Run it in check mode, for real and once more: the second changes nothing; the result of the first."""
    told = change(server, check=True, **options)
    done = change(server, **options)
    assert not done["failed"] and done["changed"] and done["executed"], done
    assert told["queries"] == done["queries"] and told["changed_options"] == done["changed_options"], (told, done)
    again = change(server, **{**options, "state_id": None})
    assert not again["failed"] and not again["changed"] and again["queries"] == [], again
    return done


def states(pair: Pair) -> List[str]:
    row = pair.status()
    return [str(row[pair.words.io_running]), str(row[pair.words.sql_running])]


def everything(pair: Pair) -> Dict[str, Any]:
    """A value for every option that this server takes; the threads must stand still, as it does not connect so."""
    tls = {name: "/lab/" + name for name in ("ca", "capath", "cert", "key", "crl", "crlpath")}
    found: Dict[str, Any] = {"source_ssl_" + name: path for name, path in tls.items()}
    found.update(
        source_connect_retry=7, source_heartbeat_period=11.5, source_delay=13, source_ssl=True,
        source_ssl_cipher="AES128-SHA", source_ssl_verify_server_cert=True,
    )  # fmt: skip
    if pair.is_mariadb:
        found["ignore_server_ids"] = [78, 77]
        if pair.gtid:
            found["do_domain_ids"] = [0, 3]
        return found
    found.update(source_retry_count=9, source_bind="127.0.0.1")
    if pair.lab.flavour.version < (8, 0):
        return found
    pair.replica.execute_unlogged("CREATE USER IF NOT EXISTS 'priv'@'%'")
    found.update(
        source_tls_version=["TLSv1.2"], source_tls_ciphersuites="TLS_AES_128_GCM_SHA256", get_source_public_key=True,
        source_public_key_path="/lab/key.pem", network_namespace="ns1", source_compression_algorithms=["zstd", "zlib"],
        source_zstd_compression_level=5, privilege_checks_user="priv@%", require_row_format=True,
        require_table_primary_key_check="generate",
    )  # fmt: skip
    if pair.gtid:
        found["gtid_only"] = True
    return found


def restored(pair: Pair, before: Dict[str, Any]) -> None:
    """Give a channel back what it was made with, and start it."""
    pair.replica.stop_replica()
    point = (before["file"], before["position"])
    pair.replica.execute(pair.replica.replica_sql("RESET", "ALL"), pair.lab.change_sql(pair.lab.links[0], point))
    pair.replica.start_replica()
    pair.wait_same()


def at(pair: Pair) -> Dict[str, Any]:
    file, position = pair.source.coordinates()
    return {"file": file, "position": position}


# -- one option changes, all others stay ----------------------------------------------------------------


@pytest.mark.every_engine
@pytest.mark.modes("gtid", "position")
def test_each_option_changes_alone_and_the_second_run_changes_nothing(well: Pair) -> None:
    point = at(well)
    well.replica.stop_replica()
    wanted = everything(well)
    made = twice(well.replica, **wanted)
    before_it = {"source_ssl", "get_source_public_key", "source_ssl_verify_server_cert"}  # some are so already
    assert set(made["changed_options"]) >= set(wanted) - before_it
    others: Dict[str, Any] = {name: value for name, value in changed_values(well).items() if name in wanted}
    assert len(others) >= len(wanted) - 2
    for name, value in others.items():
        before, stood = options_of(well.replica), well.status()[well.words.applied_pos]
        done = change(well.replica, **{name: value})
        moved = differing(before, options_of(well.replica))
        columns = {_column(column) for column in moved}
        assert done["changed_options"] == [name] and len(columns) == 1, (name, moved)
        assert well.status()[well.words.applied_pos] == stood, name
    again = change(well.replica, **{**wanted, **others})
    assert not again["failed"] and not again["changed"] and again["queries"] == [], again
    restored(well, point)


def changed_values(pair: Pair) -> Dict[str, Any]:
    """Another value for each option, an empty one where it can be emptied; what depends on another comes first."""
    return {
        "gtid_only": False,
        "source_connect_retry": 8,
        "source_heartbeat_period": 12.25,
        "source_delay": 0,
        "source_ssl": False,
        "source_ssl_ca": "/lab/other",
        "source_ssl_capath": "",
        "source_ssl_cert": "",
        "source_ssl_key": "",
        "source_ssl_crl": "",
        "source_ssl_crlpath": "/lab/x",
        "source_ssl_cipher": "",
        "source_ssl_verify_server_cert": False,
        "ignore_server_ids": [],
        "do_domain_ids": [],
        "source_retry_count": 10,
        "source_bind": "",
        "source_tls_version": [],
        "source_tls_ciphersuites": "",
        "get_source_public_key": False,
        "source_public_key_path": "",
        "network_namespace": "",
        "source_compression_algorithms": ["uncompressed"],
        "source_zstd_compression_level": 7,
        "privilege_checks_user": "",
        "require_row_format": False,
        "require_table_primary_key_check": "off",
    }


def _column(name: str) -> str:
    """One name for an option that a server shows in several places."""
    plain = name.lower().replace("master_", "").replace("source_", "").replace("_", "")
    same = {
        "heartbeatinterval": "heartbeat", "slaveheartbeatperiod": "heartbeat", "desireddelay": "sqldelay",
        "connectionretrycount": "retrycount", "connectionretryinterval": "connectretry", "networkinterface": "bind",
        "sslcertificate": "sslcert", "sslverifyservercertificate": "sslverifyservercert", "enabledssl": "sslallowed",
        "sslcafile": "sslca", "sslcapath": "sslcapath", "sslcrlfile": "sslcrl", "getpublickey": "getpublickey",
        "compressionalgorithm": "compression",
    }  # fmt: skip
    return same.get(plain, plain)


def test_threads_stop_as_little_as_can_be_and_run_again(well: Pair) -> None:
    new = well.words.prefix == "SOURCE"
    done = twice(well.replica, source_connect_retry=5)
    stops = [query for query in done["queries"] if query.startswith("STOP")]
    assert len(stops) == (1 if new else 2) and states(well) == ["Yes", "Yes"]
    delayed = twice(well.replica, source_delay=1)
    stops = [query for query in delayed["queries"] if query.startswith("STOP")]
    assert ("IO_THREAD" in " ".join(stops)) == (not new) and states(well) == ["Yes", "Yes"]
    well.replica.stop_replica("SQL_THREAD")
    twice(well.replica, source_connect_retry=6)
    assert states(well) == ["Yes", "No"]
    left = twice(well.replica, source_connect_retry=1, source_delay=0, threads="stopped")
    assert states(well) == ["No", "No"] and left["after"]["receiver"] == "stopped"
    well.replica.start_replica()
    well.write(3)
    well.wait_same()


def test_check_mode_writes_nothing(well: Pair, tmp_path: Path) -> None:
    well.write(1)
    well.wait_same()  # an applier that has just started is still in the first relay log, which is empty
    before, row = options_of(well.replica), well.status()
    records = tmp_path / "records"
    for options in ({"source_delay": 5}, {"source_connect_retry": 9, "source_user": "x"}, {"state": "absent"}):
        told = change(well.replica, check=True, record_dir=str(records), **options)
        assert told["changed"] and not told["executed"] and told["queries"], told
    assert options_of(well.replica) == before and states(well) == ["Yes", "Yes"] and not records.exists()
    assert well.status()["Relay_Log_File"] == row["Relay_Log_File"]
    foretold = change(well.replica, check=True, source_delay=5)
    done = change(well.replica, source_delay=5)
    assert foretold["diff"] == done["diff"] and done["diff"]["after"]["delay"] == 5
    change(well.replica, source_delay=0)


# -- coordinates and GTIDs ------------------------------------------------------------------------------


@pytest.mark.modes("position")
def test_coordinates_are_set_forward_and_never_back_by_themselves(well: Pair, tmp_path: Path) -> None:
    well.wait_same()
    well.replica.stop_replica()
    early = well.source.coordinates()
    well.write(2)
    late = well.source.coordinates()
    point = {"source_log_file": late[0], "source_log_pos": late[1]}
    done = twice(well.replica, record_dir=str(tmp_path), **point)
    assert done["changed_options"][-1] == "source_log_pos" and done["after"]["executed"]["position"] == late[1]
    back = {"source_log_file": early[0], "source_log_pos": early[1]}
    kept = change(well.replica, **back)
    assert not kept["failed"] and not kept["changed"] and "rewind" in kept["msg"], kept
    # What was set and never used is put back by its record: the rows have not moved.
    told = run_module("replica_undo", well.replica, {"record": done["record"]}, check=True)
    undone = run_module("replica_undo", well.replica, {"record": done["record"]})
    assert not undone["failed"] and undone["changed"] and undone["queries"] == told["queries"], undone
    assert int(well.status()[well.words.applied_pos]) == early[1]
    assert not run_module("replica_undo", well.replica, {"record": done["record"]})["changed"]
    assert change(well.replica, **point)["changed"] and change(well.replica, rewind=True, **back)["changed"]
    well.replica.start_replica()
    well.wait_same()
    beyond = change(well.replica, source_log_file=late[0], source_log_pos=late[1] + 100000)
    assert beyond["failed"] and beyond["code"] == "refused" and not beyond["changed"], beyond
    assert states(well) == ["Yes", "Yes"]


@pytest.mark.modes("position")
def test_another_host_needs_coordinates_unless_it_is_the_same_server(well: Pair) -> None:
    mapped = "::ffff:" + well.source.host
    before = options_of(well.replica)
    other = change(well.replica, source_host="192.0.2.1", connect_timeout=1)
    assert other["failed"] and not other["changed"], other
    done = change(well.replica, source_host=mapped, source={"login_host": well.source.host})
    assert not done["failed"] and done["changed"], done
    assert "_LOG_POS" in " ".join(done["queries"]) and states(well) == ["Yes", "Yes"]
    moved = differing(before, options_of(well.replica))
    assert {_column(name) for name in moved} == {"host"}, moved
    well.write(3)
    well.wait_same()
    change(well.replica, source_host=well.source.host)
    well.wait_same()


@pytest.mark.modes("gtid", "position")
def test_nothing_is_lost_or_applied_twice_while_the_source_is_written_to(well: Pair) -> None:
    with writer(well):
        for number in range(3):
            done = change(well.replica, source_connect_retry=5 + number, source_delay=0)
            assert not done["failed"] and done["changed"] and done["risk"] == "none", done
        moved = change(well.replica, source_host="::ffff:" + well.source.host, source={"login_host": well.source.host})
        assert not moved["failed"] and moved["changed"], moved
        back = change(well.replica, source_host=well.source.host, source_connect_retry=1)
        assert not back["failed"] and back["changed"], back
    well.wait_same()


@pytest.mark.modes("gtid")
def test_gtids_are_left_and_taken_up_again(well: Pair) -> None:
    by_position, by_gtid = {"auto_position": False}, {"auto_position": True}  # type: Dict[str, Any], Dict[str, Any]
    if well.is_mariadb:
        by_position, by_gtid = {"use_gtid": "no"}, {"use_gtid": "slave_pos"}
    before = options_of(well.replica)
    for wanted, mode in ((by_position, "position"), (by_gtid, "gtid")):
        well.write(3)
        well.wait_same()
        # MySQL 8 and later count the position on every 300 ms (replica_checkpoint_period), later than they commit.
        end = sync.target(well.source, gtid=False)
        well.replica.wait_until(lambda target=end: sync.applied(well.replica, "", target, gtid=False), what="position")
        done = twice(well.replica, **wanted)
        assert done["after"]["mode"] == mode and states(well) == ["Yes", "Yes"], done
        well.write(3)
        well.wait_same()
    assert differing(before, options_of(well.replica)) == {}
    file, position = well.source.coordinates()
    point = {"source_log_file": file, "source_log_pos": position}
    unclear = change(well.replica, **point)
    assert unclear["failed"] and unclear["code"] == "bad_input" and "GTID" in unclear["msg"], unclear
    assert twice(well.replica, **point, **by_position)["after"]["mode"] == "position"
    twice(well.replica, **by_gtid)
    well.write(3)
    well.wait_same()


@pytest.mark.modes("gtid")
@pytest.mark.engine("mariadb")
def test_a_source_becomes_a_replica_with_all_that_it_wrote(well: Pair) -> None:
    well.replica.stop_replica()
    well.replica.execute("INSERT INTO shop.t (v) VALUES ('written while it was the source')")
    end = well.replica.value("SELECT @@GLOBAL.gtid_binlog_pos")
    assert well.replica.value("SELECT @@GLOBAL.gtid_slave_pos") != end
    twice(well.replica, demote_to_replica=True)
    assert well.replica.value("SELECT @@GLOBAL.gtid_slave_pos") == end


def test_gaps_of_parallel_workers_are_closed_first(flavour: str, lab_of: Callable[..., Lab]) -> None:
    if FLAVOURS[flavour].is_mariadb:
        pytest.skip("MariaDB applies in order without GTIDs")
    lab = lab_with_a_gap(flavour, lab_of)
    blocked = change(lab.replica, source_delay=0, source_connect_retry=9, timeout=20)
    assert blocked["failed"] and blocked["code"] == "fault" and blocked["errno"] == 1062, blocked
    row = lab.status(lab.links[0])
    assert row["Connect_Retry"] == 1 and row[lab.flavour.words.io_running] == "Yes"
    lab.replica.execute_unlogged("DELETE FROM a.t WHERE id = 1")
    done = change(lab.replica, source_connect_retry=9)
    assert not done["failed"] and "SQL_AFTER_MTS_GAPS" in done["queries"][0], done
    assert lab.replica.value("SELECT COUNT(*) FROM a.t WHERE id = 1") == 1
    again = change(lab.replica, source_connect_retry=9)
    assert not again["changed"] and lab.status(lab.links[0])[lab.flavour.words.sql_running] == "No"
    lab.replica.start_replica("SQL_THREAD")
    lab.source.execute("INSERT INTO b.t VALUES (9)")
    lab.wait_in_sync()


# -- making, removing, following another source ---------------------------------------------------------


def making(pair: Pair) -> Dict[str, Any]:
    """What a channel of this pair is made with."""
    found: Dict[str, Any] = {
        "source_host": pair.source.host, "source_user": REPL.user, "source_password": REPL.password,
        "source_connect_retry": 1,
    }  # fmt: skip
    if pair.is_mariadb:
        found["source_ssl"] = False
    elif pair.lab.flavour.version >= (8, 0):
        found.update(get_source_public_key=True, source_retry_count=86400)
    else:
        found["source_retry_count"] = 86400
    if not pair.gtid:
        file, position = pair.source.coordinates()
        return {**found, "source_log_file": file, "source_log_pos": position}
    return {**found, **({"use_gtid": "slave_pos"} if pair.is_mariadb else {"auto_position": True})}


def test_a_channel_is_removed_and_made_again(well: Pair, tmp_path: Path) -> None:
    before = options_of(well.replica)
    unrecorded = change(well.replica, state="absent")
    if well.gtid:
        assert unrecorded["changed"]
        assert not unrecorded["after"] and unrecorded["before"]["source_host"] == well.source.host
    else:
        assert unrecorded["failed"] and unrecorded["code"] == "refused" and "record_dir" in unrecorded["msg"]
        done = change(well.replica, state="absent", record_dir=str(tmp_path))
        record = json.loads(Path(done["record"]).read_text(encoding="utf-8"))
        assert record["before"]["channel"]["executed"] and record["outcome"] == "done"
    assert well.replica.replica_status() is None
    assert not change(well.replica, state="absent")["changed"]
    missing = change(well.replica, source_user="repl")
    assert missing["failed"] and "source_host" in missing["msg"] and well.replica.replica_status() is None
    made = twice(well.replica, **making(well))
    assert made["before"] == {} and states(well) == ["No", "No"]
    assert REPL.password not in json.dumps(made) and "'********'" in made["queries"][0]
    assert differing(before, options_of(well.replica)) == {}
    well.replica.start_replica()
    well.write(3)
    well.wait_same()


def test_what_only_the_relay_logs_have_is_not_thrown_away(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica("SQL_THREAD")
    well.write(5)
    end = well.source.coordinates()[1]
    well.replica.wait_until(lambda: int(well.status()[well.words.read_pos]) >= end, what="the receiver to fetch it")
    well.replica.stop_replica()
    relay = well.status()["Relay_Log_File"], well.status()[well.words.applied_pos]
    unasked = {"login_host": well.source.host, "login_port": 3307}
    for options in ({"source_delay": 5}, {"state": "absent", "record_dir": str(tmp_path)}):
        named = change(well.replica, source=unasked, **options)
        assert named["failed"] and named["code"] == "connect" and not named["changed"], named
        unknown = change(well.replica, source={"login_user": "nobody", "login_password": "x"}, **options)
        assert unknown["failed"] and unknown["code"] == "refused" and "relay logs" in unknown["msg"], unknown
    assert (well.status()["Relay_Log_File"], well.status()[well.words.applied_pos]) == relay
    assert change(well.replica, source_delay=5)["risk"] == "none"
    change(well.replica, source_delay=0)
    well.replica.start_replica()
    well.wait_same()


@pytest.mark.every_flavour
def test_a_tls_channel_that_follows_another_source_stays_tls(
    flavour: str, lab_of: Callable[..., Lab], tmp_path: Path
) -> None:
    if flavour not in WITH_TLS:
        pytest.skip("This server was built without TLS")
    lab = lab_of(flavour, "fan", gtid=True, seed=("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)"))
    source, other, leaf = lab.servers
    for server in (source, other):
        install(server, authority("fan"), "server")
    install(leaf, authority("fan"), "client")
    for server in (source, other):
        server.restart(ssl_ca="/lab/ca.pem", ssl_cert="/lab/server.pem", ssl_key="/lab/server.key")
    for replica in (other, leaf):
        replica.stop_replica()
        replica.start_replica()
    source.execute(
        "CREATE USER 'tls'@'%' IDENTIFIED BY 'tls-Secret-5d1e' REQUIRE SSL",
        "GRANT REPLICATION SLAVE ON *.* TO 'tls'@'%'",
    )
    lab.wait_all_in_sync()
    settings = {
        "source_user": "tls", "source_password": "tls-Secret-5d1e", "source_ssl": True, "source_ssl_ca": "/lab/ca.pem",
        "source_ssl_cert": "/lab/client.pem", "source_ssl_key": "/lab/client.key",
        "source_ssl_verify_server_cert": False, "source_heartbeat_period": 7,
    }  # fmt: skip
    twice(leaf, **settings)
    before = options_of(leaf)
    done = twice(leaf, source_host=other.host, record_dir=str(tmp_path))
    moved = differing(before, options_of(leaf))
    assert {_column(name) for name in moved} == {"host"} and done["risk"] == "none", moved
    source.execute("INSERT INTO shop.t VALUES (1)")
    leaf.wait_until("SELECT COUNT(*) FROM shop.t", what="the row to come through the other source")
    row = leaf.replica_status()
    assert row is not None and row[lab.flavour.words.io_running] == "Yes"
    assert row["%s_SSL_Allowed" % lab.flavour.words.prefix.capitalize()] == "Yes"
    itself = change(leaf, source_host=leaf.host)
    assert itself["failed"] and itself["code"] == "identity" and not itself["changed"], itself


def test_one_of_two_channels_changes(flavour: str, lab_of: Callable[..., Lab]) -> None:
    if not FLAVOURS[flavour].channels:
        pytest.skip("This server has no named channels")
    lab = lab_of(flavour, "multi", gtid=True)
    before = {name: options_of(lab.replica, name) for name in ("c1", "c2")}
    unclear = change(lab.replica, source_connect_retry=9)
    assert unclear["failed"] and "channel" in unclear["msg"]
    twice(lab.replica, channel="c2", source_connect_retry=9, source_delay=1)
    assert options_of(lab.replica, "c1") == before["c1"]
    moved = differing(before["c2"], options_of(lab.replica, "c2"))
    assert {_column(name) for name in moved} == {"connectretry", "sqldelay"}, moved
    twice(lab.replica, channel="c2", source_delay=0)
    # MariaDB takes no second connection to the same place.
    made = {"channel": "c3", "source_host": lab.source.host, "source_user": REPL.user, "source_port": 3307}
    twice(lab.replica, **made)
    assert set(differing(options_of(lab.replica, "c1"), before["c1"])) == set()
    gone = change(lab.replica, channel="c3", state="absent", record_dir="/tmp")
    assert gone["changed"] and lab.replica.replica_status("c3") is None, gone
    Path(gone["record"]).unlink()
    lab.wait_in_sync()


# -- what is refused ------------------------------------------------------------------------------------


@pytest.mark.modes("gtid")
def test_an_option_that_the_server_does_not_know_is_named(well: Pair) -> None:
    foreign: Dict[str, Any] = {"use_gtid": "slave_pos", "do_domain_ids": [1], "demote_to_replica": True}
    if well.is_mariadb:
        foreign = {"auto_position": True, "get_source_public_key": True, "source_bind": "x", "gtid_only": True}
    elif well.lab.flavour.version < (8, 0):
        foreign.update(get_source_public_key=True, source_tls_version=["TLSv1.2"], gtid_only=True)
    named = "MariaDB" if well.is_mariadb else "MySQL"
    for name, value in foreign.items():
        refused = change(well.replica, **{name: value, "source_delay": 5})
        assert refused["failed"] and refused["code"] == "bad_input" and not refused["changed"]
        assert name in refused["msg"] and named in refused["msg"] and well.replica.host in refused["msg"]
    assert str(well.status()["SQL_Delay"]) == "0" and states(well) == ["Yes", "Yes"]


def test_a_wrong_password_is_in_no_output(well: Pair, tmp_path: Path) -> None:
    options = {"source_password": WRONG, "update_password": "always", "timeout": 5, "record_dir": str(tmp_path)}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "connection": "local",
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": [
            {"name": "set", "replicaops.mysql.change_master": {**login(well.replica), **options}},
        ],
    }
    checked = run_playbook([play], arguments=["-vvv", "--check", "--diff"])
    assert checked.code == 0 and "changed_options" in checked.output and WRONG not in checked.output
    run = run_playbook([play], arguments=["-vvv", "--diff"])
    assert run.code != 0 and "1045" in run.output and WRONG not in run.output, run.output
    records = [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()]
    assert len(records) == 1 and WRONG not in records[0] and "********" in records[0]
    assert not change(well.replica, source_password=WRONG)["changed"]
    right = change(well.replica, source_password=REPL.password, update_password="always")
    assert not right["failed"] and right["changed_options"] == ["source_password"], right
    well.write(2)
    well.wait_same()


def test_a_moved_state_and_a_missing_privilege_are_refused(well: Pair) -> None:
    first = run_module("replica_status", well.replica, {})
    planned = change(well.replica, check=True, source_delay=5, state_id=first["state_id"])
    assert planned["changed"] and planned["state_id"] == first["state_id"], planned
    well.replica.stop_replica("SQL_THREAD")
    moved = change(well.replica, source_delay=5, state_id=first["state_id"])
    assert moved["failed"] and moved["code"] == "state_moved" and not moved["changed"]
    well.replica.start_replica("SQL_THREAD")
    denied = run_module("change_master", well.replica, {"source_connect_retry": 9}, account=OBSERVER)
    assert denied["failed"] and denied["code"] == "privilege" and not denied["changed"], denied
    assert states(well) == ["Yes", "Yes"]


# -- undo -----------------------------------------------------------------------------------------------


@pytest.mark.engine("mysql")
def test_a_server_that_a_service_looks_after_is_left_alone(well: Pair, tmp_path: Path) -> None:
    procedure = "mysql.rds_start_replication"
    well.replica.execute_unlogged("CREATE PROCEDURE %s() SELECT 1" % procedure)
    try:
        before = options_of(well.replica), states(well)
        for options in ({"source_connect_retry": 9}, {"state": "absent", "record_dir": str(tmp_path)}):
            for check in (True, False):
                refused = change(well.replica, check=check, **options)
                assert refused["failed"] and refused["code"] == "refused" and "rds" in refused["msg"], refused
        assert (options_of(well.replica), states(well)) == before and not list(tmp_path.iterdir())
        told = change(well.replica, check=True, source_connect_retry=9, managed_ok=True)
        assert not told["failed"] and told["changed_options"] == ["source_connect_retry"], told
    finally:
        well.replica.execute_unlogged("DROP PROCEDURE %s" % procedure)


def test_options_come_back_by_their_record(well: Pair, tmp_path: Path) -> None:
    before = options_of(well.replica)
    wanted = {"source_delay": 2, "source_connect_retry": 9, "source_heartbeat_period": 3.5, "source_ssl_cipher": "x"}
    if not well.is_mariadb and well.lab.flavour.version >= (8, 0):
        wanted.update(get_source_public_key=True, source_compression_algorithms=["zlib"], require_row_format=True)
    well.replica.stop_replica("IO_THREAD")
    done = twice(well.replica, record_dir=str(tmp_path), **wanted)
    assert differing(before, options_of(well.replica))
    undone = run_module("replica_undo", well.replica, {"record": done["record"]})
    assert not undone["failed"] and undone["changed"], undone
    assert differing(before, options_of(well.replica)) == {}
    assert not run_module("replica_undo", well.replica, {"record": done["record"]})["changed"]
    well.replica.start_replica("IO_THREAD")
    well.write(2)
    well.wait_same()
