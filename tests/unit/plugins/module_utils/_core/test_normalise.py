# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures are what real servers of the lab answered (tests/tools/capture.py)."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import narrate, normalise, state
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose import Surroundings, diagnose
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidBinlogState, GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.normalise_locks import blocking_rows
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    CONNECTING,
    GTID,
    POSITION,
    RUNNING,
    STOPPED,
    Coordinates,
    Fault,
)

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
FLAVOURS = ("mysql-9.7", "mysql-5.6", "mariadb-10.11", "mariadb-11.8")
U1 = "11111111-aaaa-bbbb-cccc-000000000001"
U2 = "11111111-aaaa-bbbb-cccc-000000000002"


def load(flavour, case):
    return json.loads((FIXTURES / flavour / (case + ".json")).read_text(encoding="utf-8"))


def read(flavour, case):
    return normalise.server(load(flavour, case))


def only_channel(flavour, case):
    server = read(flavour, case)
    assert len(server.channels) == 1
    return server.channels[0]


def end_of(flavour):
    return Coordinates("binlog.000001", {"mysql-9.7": 1987, "mysql-5.6": 1684}.get(flavour, 1776))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_healthy_replica_with_gtids_reads_alike_on_every_flavour(flavour):
    server = read(flavour, "healthy_gtid")
    (channel,) = server.channels
    assert (server.server_id, server.port, server.hostname, server.datadir) == (2, 3306, "replica", "/lab/data/")
    assert (channel.name, channel.mode, channel.receiver, channel.applier) == ("", GTID, RUNNING, RUNNING)
    assert (channel.receiver_fault, channel.applier_fault) == (None, None)
    assert (channel.source_port, channel.source_user, channel.source_server_id) == (3306, "repl", 1)
    assert channel.read == channel.executed == end_of(flavour)
    assert channel.relay is not None and channel.relay.file == "relay.000002"
    assert (channel.seconds_behind, channel.delay, channel.delay_remaining) == (0, 0, None)
    assert (channel.until, channel.skip_counter, channel.parallel) == ("", 0, 4)
    assert channel.filters == {}
    assert (server.cluster, server.managed, server.unreadable, server.blockers) == ("", "", {}, ())
    assert server.read_at > 0


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mysql-5.6"])
def test_mysql_gtid_sets_are_parsed_and_mariadb_fields_stay_unknown(flavour):
    server = read(flavour, "healthy_gtid")
    expected = GtidSet.parse(U1 + ":1-7")
    assert server.executed == server.channels[0].retrieved == server.channels[0].executed_gtids == expected
    assert server.purged == GtidSet.parse("")
    assert (server.replica_position, server.binlog_state, server.channels[0].io_position) == (None, None, None)
    assert (server.uuid, server.channels[0].source_uuid) == (U2, U1)
    assert server.identity == U2


@pytest.mark.parametrize("flavour", ["mariadb-10.11", "mariadb-11.8"])
def test_mariadb_positions_are_parsed_and_mysql_fields_stay_unknown(flavour):
    server = read(flavour, "healthy_gtid")
    channel = server.channels[0]
    assert server.replica_position == channel.io_position == GtidPosition.parse("0-1-7")
    assert server.binlog_state == GtidBinlogState.parse("0-1-7")
    assert channel.using_gtid == "Slave_Pos"
    assert (server.executed, server.purged, channel.retrieved, channel.executed_gtids) == (None, None, None, None)
    assert (server.uuid, channel.source_uuid) == ("", "")
    assert server.identity == "2/3306//lab/data/"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_position_mode(flavour):
    channel = only_channel(flavour, "healthy_position")
    assert (channel.mode, channel.applier) == (POSITION, RUNNING)
    assert (
        channel.read
        == channel.executed
        == Coordinates("binlog.000001", {"mysql-9.7": 1987, "mysql-5.6": 1317}.get(flavour, 1776))
    )


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mariadb-10.11", "mariadb-11.8"])
def test_channels_are_told_apart_by_name(flavour):
    server = read(flavour, "healthy_multi")
    assert [channel.name for channel in server.channels] == ["c1", "c2"]
    first, second = server.channels
    assert (first.source_server_id, second.source_server_id) == (1, 2)
    assert first.source_host != second.source_host
    assert first.executed != second.executed
    assert (first.settings["host"], second.settings["host"]) == (first.source_host, second.source_host)
    assert server.channel("c2") is second


def test_workers_and_received_sets_belong_to_their_own_channel():
    first, second = read("mysql-9.7", "healthy_multi").channels
    assert first.retrieved == GtidSet.parse(U1 + ":1-7")
    assert second.retrieved == GtidSet.parse(U2 + ":1")
    assert [len(first.workers), len(second.workers)] == [1, 1]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_what_replicates_from_a_source_is_named_once(flavour):
    server = read(flavour, "healthy_gtid_source")
    assert server.channels == () and "replica_status" not in server.unreadable
    (below,) = server.replicas_below
    assert below.endswith(":3306 (server id 2)")
    assert [process.command[:11] for process in server.processes] == ["Binlog Dump"]
    assert server.binlog_end == end_of(flavour)
    assert server.binlogs == (("binlog.000001", end_of(flavour).position),)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_dump_thread_that_did_not_register_is_named_by_its_connection(flavour):
    raw = load(flavour, "healthy_gtid_source")
    raw["sections"]["replicas"]["rows"] = []
    (below,) = normalise.server(raw).replicas_below
    assert below.endswith("(dump thread of repl)")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_own_connection_and_background_threads_are_not_in_the_process_list(flavour):
    raw = load(flavour, "healthy_gtid")
    own = raw["sections"]["identity"]["rows"][0]["connection_id"]
    assert own in [row["id"] for row in raw["sections"]["processlist"]["rows"]]
    processes = normalise.server(raw).processes
    assert own not in [process.number for process in processes]
    assert {process.user for process in processes} == {"system user"}
    assert "Daemon" not in [process.command for process in processes]


SETTINGS = {
    "mysql-9.7": {
        "port": 3306,
        "user": "repl",
        "connect_retry": 1,
        "retry_count": 86400,
        "heartbeat_period": "30",
        "delay": 0,
        "auto_position": 1,
        "ssl": 1,
        "ssl_verify_server_cert": 0,
        "get_public_key": 1,
        "compression_algorithms": "uncompressed",
        "zstd_compression_level": 3,
        "source_connection_auto_failover": 0,
        "gtid_only": 0,
        "require_row_format": 0,
        "require_table_primary_key_check": "STREAM",
    },
    "mysql-5.6": {
        "port": 3306,
        "user": "repl",
        "connect_retry": 1,
        "retry_count": 86400,
        "heartbeat_period": "1800",
        "delay": 0,
        "auto_position": 1,
        "ssl": 0,
        "ssl_verify_server_cert": 0,
    },
    "mariadb-11.8": {
        "port": 3306,
        "user": "repl",
        "connect_retry": 1,
        "heartbeat_period": "30",
        "delay": 0,
        "use_gtid": "slave_pos",
        "ssl": 0,
        "ssl_verify_server_cert": 1,
    },
}


@pytest.mark.parametrize("flavour", sorted(SETTINGS))
def test_settings_hold_all_that_change_was_told_but_the_password(flavour):
    channel = only_channel(flavour, "healthy_gtid")
    assert dict(channel.settings) == dict(SETTINGS[flavour], host=channel.source_host)


READINGS = sorted(path for flavour in FLAVOURS for path in (FIXTURES / flavour).glob("*.json"))


@pytest.mark.parametrize("path", READINGS, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_password_or_hash_is_in_what_is_read(path):
    text = path.read_text(encoding="utf-8")
    assert "repl-secret" not in text and "observer-secret" not in text
    assert "IDENTIFIED" not in text
    raw = json.loads(text)
    assert not [row for row in raw["sections"].get("source_info", {"rows": []})["rows"] if "User_password" in row]
    normalise.server(raw)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_duplicate_row_stops_the_applier_with_its_number(flavour):
    channel = only_channel(flavour, "duplicate_row")
    assert (channel.receiver, channel.applier) == (RUNNING, STOPPED)
    assert channel.applier_fault is not None
    assert channel.applier_fault.number == 1062
    assert channel.seconds_behind is None
    assert channel.read is not None and channel.executed is not None
    assert channel.read != channel.executed and channel.read.reached(channel.executed)


def test_on_mysql_9_the_cause_is_with_the_worker_and_the_coordinator_keeps_its_own_text():
    channel = only_channel("mysql-9.7", "duplicate_row")
    assert channel.applier_fault.text.startswith("Coordinator stopped because there were error(s) in the worker(s).")
    assert channel.applier_fault.timestamp == "2026-11-20T23:42:26.299621"
    failed = [worker for worker in channel.workers if worker.fault]
    assert [worker.transaction for worker in failed] == [U1 + ":10"]
    assert failed[0].fault.number == 1062
    assert "Duplicate entry '6' for key 'orders.PRIMARY'" in failed[0].fault.text


def test_the_time_of_a_status_row_becomes_iso_text():
    channel = only_channel("mysql-5.6", "duplicate_row")
    assert channel.applier_fault.timestamp == "2026-11-20T23:42:51"
    assert channel.workers == ()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_who_holds_the_metadata_lock_is_named(flavour):
    server = read(flavour, "blocked_metadata")
    (blocker,) = server.blockers
    assert (blocker.kind, blocker.process.user, blocker.process.command) == ("metadata", "root", "Sleep")
    assert "Waiting for table metadata lock" in blocker.waiting
    told = flavour == "mysql-9.7"
    assert blocker.object_name == ("shop.orders" if told else "")
    assert ("the holder is a guess" in blocker.waiting) is not told
    assert blocker.process.number in [row["thread"] for row in server.open_transactions]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_who_holds_the_row_lock_is_named(flavour):
    (blocker,) = read(flavour, "blocked_row").blockers
    assert (blocker.kind, blocker.process.user, blocker.object_name) == ("row", "root", "shop.orders")


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mysql-5.6"])
def test_the_last_statement_of_a_sleeping_holder_is_told(flavour):
    assert read(flavour, "blocked_metadata").blockers[0].process.statement == "SELECT * FROM shop.orders"


def lock(held, status="GRANTED", holder=9, wanted="SHARED_WRITE"):
    return {
        "object_type": "TABLE",
        "object_schema": "d",
        "object_name": "t",
        "wanted": wanted,
        "waiting_id": 5,
        "held": held,
        "held_status": status,
        "blocking_id": holder,
    }


@pytest.mark.parametrize(
    ("wanted", "rows", "holders"),
    [
        ("EXCLUSIVE", [("SHARED_READ", "GRANTED", 1)], [1]),
        ("SHARED_WRITE", [("SHARED_READ", "GRANTED", 1), ("SHARED_READ_ONLY", "GRANTED", 2)], [2]),
        ("SHARED_WRITE", [("SHARED_READ", "GRANTED", 1), ("EXCLUSIVE", "PENDING", 2)], [1, 2]),
        (
            "SHARED_WRITE",
            [("SHARED_READ", "GRANTED", 1), ("SHARED_UPGRADABLE", "GRANTED", 2), ("EXCLUSIVE", "PENDING", 2)],
            [1, 2],
        ),
        ("INTENTION_EXCLUSIVE", [("INTENTION_EXCLUSIVE", "GRANTED", 1), ("SHARED", "GRANTED", 2)], [2]),
        ("NEW_KIND_OF_LOCK", [("SHARED_READ", "GRANTED", 1)], [1]),
    ],
)
def test_only_locks_in_the_way_count(wanted, rows, holders):
    found = blocking_rows([lock(held, status, holder, wanted) for held, status, holder in rows])
    assert [row["blocking_id"] for row in found] == holders


def test_an_applier_behind_another_applier_is_not_blocked_by_a_person():
    raw = load("mysql-9.7", "blocked_row")
    raw["sections"]["row_lock_waits"]["rows"][0]["user"] = "system user"
    assert normalise.server(raw).blockers == ()


def test_a_lock_of_a_prepared_transaction_has_no_session():
    raw = load("mysql-9.7", "blocked_row")
    raw["sections"]["row_lock_waits"]["rows"][0].update(blocking_id=None, user=None)
    (blocker,) = normalise.server(raw).blockers
    assert (blocker.kind, blocker.process) == ("row", None)


def test_a_global_lock_without_a_known_holder_is_said_to_be_unknown():
    raw = load("mariadb-11.8", "healthy_gtid")
    for row in raw["sections"]["processlist"]["rows"]:
        if row["command"] == "Slave_SQL":
            row["state"] = "Waiting for backup lock"
    (blocker,) = normalise.server(raw).blockers
    assert (blocker.kind, blocker.process) == ("global", None)


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mysql-5.6"])
def test_gaps_of_stopped_parallel_appliers_are_found(flavour):
    assert only_channel(flavour, "position_gap").position_gaps is True


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mysql-5.6"])
def test_no_gaps_after_an_orderly_stop(flavour):
    assert only_channel(flavour, "stopped_position").position_gaps is False


def gaps(change):
    raw = load("mysql-9.7", "position_gap")
    change(raw["sections"])
    return normalise.server(raw).channels[0].position_gaps


def set_bitmaps(sections, bitmaps, checkpoint="same", mark=100):
    """Two workers above the mark, with these bitmaps."""
    sections["relay_info"]["rows"][0].update(Master_log_name="binlog.000001", Master_log_pos=mark)
    rows = sections["worker_positions"]["rows"][: len(bitmaps)]
    for index, (row, bitmap) in enumerate(zip(rows, bitmaps)):
        row.update(Master_log_name="binlog.000001", Master_log_pos=200 + index, Checkpoint_group_bitmap=bitmap)
        position = 100 + (index if checkpoint == "differs" else 0)
        row.update(Checkpoint_master_log_name="binlog.000001", Checkpoint_master_log_pos=position)
    sections["worker_positions"]["rows"] = rows


@pytest.mark.parametrize(
    ("bitmaps", "checkpoint", "mark", "expected"),
    [
        (("05", "0A"), "same", 100, False),  # groups 0 2, groups 1 3: the stored mark is merely old
        (("05", "08"), "same", 100, True),  # group 1 is missing
        (("FF01", "0002"), "same", 100, False),  # the second byte goes on where the first one ends
        (("FF01", "0004"), "same", 100, True),
        (("05", "0A"), "differs", 100, None),
        (("0000", "0000"), "same", 150, None),
    ],
)
def test_gaps_are_read_from_the_bitmaps_of_all_workers(bitmaps, checkpoint, mark, expected):
    assert gaps(lambda sections: set_bitmaps(sections, bitmaps, checkpoint, mark)) is expected


def test_gaps_are_unknown_without_the_workers_records_and_while_the_applier_runs():
    assert gaps(lambda sections: sections.pop("worker_positions")) is None
    assert gaps(lambda sections: sections["relay_info"].update(rows=[])) is None
    assert gaps(lambda sections: sections["replica_status"]["rows"][0].update(Replica_SQL_Running="Yes")) is None


def test_workers_that_keep_their_records_in_files_leave_gaps_unknown():
    raw = load("mysql-5.6", "duplicate_row")
    assert normalise.server(raw).variable("relay_log_info_repository") == "FILE"
    assert normalise.server(raw).channels[0].position_gaps is None


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_number_of_0_with_a_text_is_a_fault(flavour):
    raw = load(flavour, "healthy_gtid")
    text = "Query caused different errors on master and slave."
    raw["sections"]["replica_status"]["rows"][0].update(Last_SQL_Errno=0, Last_SQL_Error=text)
    assert normalise.server(raw).channels[0].applier_fault == Fault(0, text, "")


# As MySQL 9.7 and 5.6 quote them: the first logs what it stores of the password, the second a hash of it.
SECRETS = {
    "mysql-9.7": ("A$005$geheim", "CREATE USER 'a'@'%' IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$geheim'"),
    "mysql-5.6": ("94BDCEBE19083CE2",
                  "CREATE USER 'a'@'%' IDENTIFIED BY PASSWORD '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29'"),
    "mariadb-10.11": ("geheim-1", "SET PASSWORD FOR 'a'@'%' = PASSWORD('geheim-1')"),
}  # fmt: skip


@pytest.mark.parametrize("flavour", list(SECRETS))
def test_no_password_that_an_error_quotes_goes_any_further(flavour):
    secret, statement = SECRETS[flavour]
    text = "Error 'Operation CREATE USER failed for 'a'@'%%'' on query. Default database: ''. Query: '%s'" % statement
    raw = load(flavour, "healthy_gtid")
    raw["sections"]["replica_status"]["rows"][0].update(Last_SQL_Errno=1396, Last_SQL_Error=text)
    raw["sections"]["replica_status"]["rows"][0].update(Slave_SQL_Running="No", Replica_SQL_Running="No")
    for row in raw["sections"].get("workers", {}).get("rows", []):
        row.update(LAST_ERROR_NUMBER=1396, LAST_ERROR_MESSAGE=text)
    raw["sections"]["processlist"]["rows"].append({"id": 999, "user": "u", "command": "Query", "info": statement})
    server = normalise.server(raw)
    found = diagnose(server, Surroundings({}, (), None, False, (), GtidSet.parse("")))
    told = [finding.as_dict() for finding in found.findings]
    assert any(finding["code"] == "account_conflict" for finding in told)
    assert "Operation CREATE USER failed for 'a'@'%'" in server.channels[0].applier_fault.text
    shown = [server, told, narrate.report(found), narrate.message(found), state.channel_as_dict(server.channels[0])]
    assert secret in str(raw) and secret not in str(shown)


def status_with(flavour, **columns):
    raw = load(flavour, "healthy_gtid")
    raw["sections"]["replica_status"]["rows"][0].update(columns)
    return normalise.server(raw).channels[0]


def test_columns_that_say_nothing_are_unknown():
    channel = status_with(
        "mysql-9.7", Relay_Source_Log_File="", Source_Log_File="", Seconds_Behind_Source=None, Replica_IO_Running="No"
    )
    assert (channel.executed, channel.read, channel.seconds_behind, channel.receiver) == (None, None, None, STOPPED)


def test_a_receiver_that_tries_is_connecting():
    assert status_with("mysql-9.7", Replica_IO_Running="Connecting").receiver == CONNECTING
    assert status_with("mariadb-11.8", Slave_IO_Running="Preparing").receiver == CONNECTING


@pytest.mark.parametrize(
    ("columns", "until"),
    [
        ({"Until_Condition": "None"}, ""),
        ({"Until_Condition": "SQL_AFTER_GTIDS"}, "SQL_AFTER_GTIDS"),
        (
            {"Until_Condition": "Source", "Until_Log_File": "binlog.000002", "Until_Log_Pos": 4},
            "Source binlog.000002:4",
        ),
    ],
)
def test_until_is_told_in_the_servers_own_words(columns, until):
    assert status_with("mysql-9.7", **columns).until == until


@pytest.mark.parametrize("using", ["Slave_Pos", "Current_Pos"])
def test_mariadb_is_in_gtid_mode_with_either_position(using):
    assert status_with("mariadb-11.8", Using_Gtid=using).mode == GTID
    assert status_with("mariadb-11.8", Using_Gtid="No").mode == POSITION


def test_filters_of_the_channel_and_global_ones_that_it_lacks():
    raw = load("mysql-9.7", "healthy_gtid")
    sections = raw["sections"]
    sections["replica_status"]["rows"][0].update(Replicate_Do_DB="shop", Replicate_Wild_Ignore_Table="tmp.%")
    sections["applier_filters"]["rows"] = [
        {"CHANNEL_NAME": "", "FILTER_NAME": "REPLICATE_DO_DB", "FILTER_RULE": "shop"},
        {"CHANNEL_NAME": "other", "FILTER_NAME": "REPLICATE_IGNORE_DB", "FILTER_RULE": "not ours"},
    ]
    sections["global_filters"]["rows"] = [
        {"FILTER_NAME": "REPLICATE_DO_DB", "FILTER_RULE": "shop"},
        {"FILTER_NAME": "REPLICATE_IGNORE_TABLE", "FILTER_RULE": "shop.log"},
    ]
    assert normalise.server(raw).channels[0].filters == {
        "replicate_do_db": "shop",
        "replicate_wild_ignore_table": "tmp.%",
        "global_replicate_ignore_table": "shop.log",
    }


def test_automatic_source_failover_is_in_the_settings():
    raw = load("mysql-9.7", "healthy_gtid")
    raw["sections"]["connection_configuration"]["rows"][0]["SOURCE_CONNECTION_AUTO_FAILOVER"] = "1"
    assert normalise.server(raw).channels[0].settings["source_connection_auto_failover"] == 1


def test_ignored_server_ids_are_a_setting_and_a_filter():
    channel = status_with("mysql-5.6", Replicate_Ignore_Server_Ids="7, 9")
    assert (channel.settings["ignore_server_ids"], channel.filters) == (
        "7, 9",
        {"replicate_ignore_server_ids": "7, 9"},
    )


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_status_that_could_not_be_read_is_not_a_server_without_channels(flavour):
    raw = load(flavour, "healthy_gtid")
    raw["sections"]["replica_status"].update(rows=[], error={"number": 1227, "text": "Access denied"})
    server = normalise.server(raw)
    assert server.channels == ()
    assert server.unreadable == {"replica_status": Fault(1227, "Access denied")}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_section_may_be_missing_or_have_failed(flavour):
    complete = load(flavour, "duplicate_row")
    for name in complete["sections"]:
        raw = copy.deepcopy(complete)
        del raw["sections"][name]
        assert name not in normalise.server(raw).unreadable
        raw = copy.deepcopy(complete)
        raw["sections"][name].update(rows=[], error={"number": 1142, "text": "denied"})
        assert normalise.server(raw).unreadable == {name: Fault(1142, "denied")}
    bare = dict(complete, sections={})
    server = normalise.server(bare)
    assert (server.channels, server.executed, server.binlog_end, server.server_id) == ((), None, None, 0)


def test_a_set_that_cannot_be_parsed_is_unknown_and_not_empty():
    raw = load("mysql-9.7", "healthy_gtid")
    raw["sections"]["gtid"]["rows"][0]["executed"] = "nonsense"
    assert normalise.server(raw).executed is None


def managed(**changes):
    raw = load("mysql-9.7", "healthy_gtid")
    sections = raw["sections"]
    for name, value in changes.items():
        if name == "procedure":
            sections["service_procedures"]["rows"] = [{"name": value}]
        elif name == "version":
            sections["identity"]["rows"][0]["version"] = value
        else:
            sections["variables"]["rows"].append({"Variable_name": name, "Value": value})
    return normalise.server(raw).managed


@pytest.mark.parametrize(
    ("changes", "service"),
    [
        ({}, ""),
        ({"basedir": "/rdsdbbin/mysql-8.4/"}, "rds"),
        ({"basedir": "/rdsdbbin/oscar/", "aurora_version": "3.08.0"}, "aurora"),
        ({"procedure": "rds_skip_repl_error"}, "rds"),
        ({"procedure": "az_replication_start"}, "azure"),
        ({"version": "8.0.37-google"}, "cloudsql"),
    ],
)
def test_managed_services_give_themselves_away(changes, service):
    assert managed(**changes) == service


@pytest.mark.parametrize(
    ("state", "member", "cluster"),
    [
        ("ONLINE", U2, "group_replication"),
        ("RECOVERING", U2, "group_replication"),
        ("OFFLINE", U2, ""),
        ("ONLINE", U1, ""),
    ],
)
def test_a_member_of_a_group_is_one_by_its_own_row(state, member, cluster):
    raw = load("mysql-9.7", "healthy_gtid")
    raw["sections"]["group_members"]["rows"] = [{"MEMBER_ID": member, "MEMBER_STATE": state}]
    assert normalise.server(raw).cluster == cluster


def test_galera_and_ndb():
    raw = load("mariadb-11.8", "healthy_gtid")
    (row,) = [row for row in raw["sections"]["variables"]["rows"] if row["Variable_name"] == "wsrep_on"]
    assert row["Value"] == "OFF"
    row["Value"] = "ON"
    assert normalise.server(raw).cluster == "galera"
    raw = load("mysql-9.7", "healthy_gtid")
    raw["sections"]["status"]["rows"].append({"Variable_name": "Ndb_number_of_data_nodes", "Value": "2"})
    assert normalise.server(raw).cluster == "ndb"


def test_tables_without_a_key_are_named():
    raw = load("mysql-9.7", "healthy_gtid")
    raw["sections"]["large_tables"] = {"statement": "", "rows": [{"schema": "shop", "name": "log"}], "error": None}
    assert normalise.server(raw).large_without_key == ("shop.log",)


def test_workers_of_mariadb_have_a_transaction_only_when_they_failed():
    raw = load("mariadb-11.8", "healthy_gtid")
    worker = {"CHANNEL_NAME": "", "SERVICE_STATE": "ON", "LAST_SEEN_TRANSACTION": "0-1-7", "LAST_ERROR_NUMBER": 0}
    failed = dict(worker, SERVICE_STATE="OFF", LAST_ERROR_NUMBER=1062, LAST_ERROR_MESSAGE="Duplicate entry")
    raw["sections"]["workers"]["rows"] = [worker, failed]
    first, second = normalise.server(raw).channels[0].workers
    assert (first.number, first.running, first.transaction, first.fault) == (1, True, "", None)
    assert (second.number, second.running, second.transaction) == (2, False, "0-1-7")
    assert second.fault == Fault(1062, "Duplicate entry")
