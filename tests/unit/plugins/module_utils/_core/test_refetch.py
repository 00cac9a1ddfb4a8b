# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When relay logs may be thrown away, what would be lost, and what RESET drops."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import channel_plan, refetch
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidBinlogState, GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    POSITION,
    STOPPED,
    Coordinates,
    Fault,
    Peer,
)
from unit.made import MARIADB_1011, MYSQL_56, MYSQL_97, U1, U2, channel, server, verbs


def gtids(text):
    return GtidSet.parse(text)


def source(**changes):
    return Peer("db1:3306", server(address="db1:3306", uuid=U1, server_id=1, **changes))


def test_a_source_that_has_everything_proves_it():
    here = channel(retrieved=gtids(U1 + ":1-9"))
    replica = server(here, executed=gtids(U1 + ":1-5," + U2 + ":1"))
    found = refetch.evidence(replica, here, source(executed=gtids(U1 + ":1-12"), purged=gtids(U1 + ":1-5")), None)
    assert found.proven and not found.lost
    assert refetch.check(replica, here, found, False) == "none"


@pytest.mark.parametrize(
    "executed, purged, word",
    [
        (U1 + ":1-12", U1 + ":1-6", "purged %s:6" % U1),
        (U1 + ":1-7", "", "%s:8-9 is in the relay logs" % U1),
        (U1 + ":1-3", "", "%s:4-5 of the source is applied here" % U1),
    ],
)
def test_what_would_be_lost_is_named(executed, purged, word):
    here = channel(retrieved=gtids(U1 + ":1-9"))
    replica = server(here, executed=gtids(U1 + ":1-5"))
    found = refetch.evidence(replica, here, source(executed=gtids(executed), purged=gtids(purged)), None)
    assert not found.proven and any(word in text for text in found.lost), found
    with pytest.raises(RefusedError) as refused:
        refetch.check(replica, here, found, False)
    assert word in str(refused.value)
    with pytest.raises(RefusedError, match="(?s)%s.*copy them" % word):
        refetch.check(replica, here, found, True)


@pytest.mark.parametrize("peer", [None, Peer("db1", None, "it does not answer")])
def test_a_source_that_was_not_asked_proves_nothing(peer):
    here = channel()
    found = refetch.evidence(server(here), here, peer, None)
    assert not found.proven and found.unknown
    with pytest.raises(RefusedError):
        refetch.check(server(here), here, found, False)
    assert refetch.check(server(here), here, found, True) == "replica_history"


BINLOGS = (("binlog.000002", 5000), ("binlog.000003", 1000))


@pytest.mark.parametrize(
    "executed, read, proven",
    [
        (("binlog.000003", 500), ("binlog.000003", 900), True),
        (("binlog.000003", 1000), ("binlog.000003", 1000), True),
        (("binlog.000001", 4), ("binlog.000003", 900), False),
        (("binlog.000003", 1001), ("binlog.000003", 1001), False),
        (("binlog.000003", 500), ("binlog.000003", 1001), False),
        (("binlog.000009", 4), ("binlog.000009", 4), False),
        (("binlog.000002", 5000), ("binlog.000002", 5000), True),
        (("binlog.000002", 5001), ("binlog.000003", 4), False),
        (("binlog.000002", 4000), ("binlog.000002", 5001), False),
    ],
)
def test_coordinates_must_be_within_the_sources_binlogs(executed, read, proven):
    here = channel(mode=POSITION, executed=Coordinates(*executed), read=Coordinates(*read))
    found = refetch.evidence(server(here), here, source(binlogs=BINLOGS), None)
    assert found.proven is proven and bool(found.lost) is not proven


def test_a_file_that_grew_after_the_list_was_read_counts_as_it_is_now():
    here = channel(mode=POSITION, executed=Coordinates("binlog.000003", 1200), read=None)
    end = Coordinates("binlog.000003", 1300)
    assert refetch.evidence(server(here), here, source(binlogs=BINLOGS, binlog_end=end), None).proven
    assert not refetch.evidence(server(here), here, source(binlogs=BINLOGS), None).proven


@pytest.mark.parametrize(
    "applied, oldest, state, io, proven",
    [
        ("0-1-5", "0-1-5", "0-1-9", "0-1-9", True),
        ("0-1-5", "", "0-1-9", "0-1-9", True),
        ("0-1-5,7-3-1", "0-1-2", "0-1-9", "0-1-6", True),
        ("0-1-5", "0-1-6", "0-1-9", "0-1-9", False),
        ("0-1-5", "0-1-2,1-1-4", "0-1-9,1-1-8", "0-1-5", False),
        ("0-1-5", "0-1-2", "0-1-4", "0-1-4", False),
        ("0-1-5", "0-1-2", "0-1-6", "0-1-7", False),
        ("0-2-5", "0-1-2", "0-1-5", "0-1-5", False),
    ],
)
def test_mariadb_by_domain(applied, oldest, state, io, proven):
    here = channel(using_gtid="Slave_Pos", io_position=GtidPosition.parse(io))
    replica = server(here, flavour=MARIADB_1011, replica_position=GtidPosition.parse(applied))
    peer = source(binlog_state=GtidBinlogState.parse(state))
    found = refetch.evidence(replica, here, peer, GtidPosition.parse(oldest))
    assert found.proven is proven, found
    assert not refetch.evidence(replica, here, peer, None).proven


def test_open_temporary_tables_refuse():
    here = channel()
    replica = server(here, status={"Replica_open_temp_tables": "2"})
    with pytest.raises(RefusedError, match="temporary tables"):
        refetch.check(replica, here, refetch.Evidence(True), True)


@pytest.mark.parametrize(
    "gaps, parallel, furthest, refused",
    [
        (False, 4, None, False),
        (False, 4, ("binlog.000003", 500), False),
        (False, 4, ("binlog.000003", 501), True),
        (True, 4, ("binlog.000003", 800), True),
        (None, 4, None, True),
        (None, 0, None, False),
        (None, 0, ("binlog.000003", 501), True),
    ],
)
def test_a_checkpoint_is_not_the_applied_point(gaps, parallel, furthest, refused):
    here = channel(mode=POSITION, applier=STOPPED, position_gaps=gaps, parallel=parallel)
    point = Coordinates(*furthest) if furthest else None
    if refused:
        with pytest.raises(RefusedError, match="SQL_AFTER_MTS_GAPS"):
            refetch.check_exact(server(here), here, point)
    else:
        refetch.check_exact(server(here), here, point)


def shown(flavour, here, end=channel_plan.BOTH, **changes):
    steps = refetch.steps(verbs(flavour), server(here, flavour=flavour, **changes), here, end)
    return [step.statement.display() for step in steps]


def test_mysql_restates_the_delay():
    here = channel(applier=STOPPED, delay=3600, settings={"heartbeat_period": "3.5"})
    assert shown(MYSQL_97, here) == [
        "STOP REPLICA IO_THREAD FOR CHANNEL ''",
        "RESET REPLICA FOR CHANNEL ''",
        "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 3600 FOR CHANNEL ''",
        "START REPLICA FOR CHANNEL ''",
    ]


def test_nothing_is_restated_that_is_kept():
    here = channel(receiver=STOPPED, applier=STOPPED, settings={"heartbeat_period": "3.5"})
    assert shown(MYSQL_97, here) == ["RESET REPLICA FOR CHANNEL ''", "START REPLICA FOR CHANNEL ''"]


def test_mysql_56_restates_the_heartbeat_and_the_position():
    here = channel(mode=POSITION, receiver=STOPPED, applier=STOPPED, settings={"heartbeat_period": "3.5"})
    assert shown(MYSQL_56, here) == [
        "RESET SLAVE",
        "CHANGE MASTER TO MASTER_LOG_FILE = 'binlog.000003', MASTER_LOG_POS = 500, MASTER_HEARTBEAT_PERIOD = 3.5",
        "START SLAVE",
    ]


@pytest.mark.parametrize(
    "using, mode, expected",
    [
        ("Current_Pos", "gtid", "MASTER_HEARTBEAT_PERIOD = 30.0, MASTER_USE_GTID = current_pos"),
        ("Slave_Pos", "gtid", "MASTER_HEARTBEAT_PERIOD = 30.0"),
        (
            "No",
            "position",
            "MASTER_LOG_FILE = 'binlog.000003', MASTER_LOG_POS = 500, MASTER_HEARTBEAT_PERIOD = 30.0, "
            "MASTER_USE_GTID = no",
        ),
    ],
)
def test_mariadb_restates_what_reset_turns_to_its_default(using, mode, expected):
    here = channel(using_gtid=using, mode=mode, receiver=STOPPED, applier=STOPPED, settings={"heartbeat_period": "30"})
    assert shown(MARIADB_1011, here)[1] == "CHANGE MASTER '' TO " + expected


THERE = {"receiver": STOPPED, "applier": STOPPED, "relay_space": 900, "settings": {"heartbeat_period": "3.5"}}
PLACE = "MASTER_LOG_FILE = 'binlog.000003', MASTER_LOG_POS = 500, MASTER_HEARTBEAT_PERIOD = 3.5"


@pytest.mark.parametrize(
    "flavour, changes, expected",
    [
        (MYSQL_56, {"mode": POSITION}, "CHANGE MASTER TO " + PLACE),
        (MYSQL_56, {}, "CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD = 3.5, MASTER_AUTO_POSITION = 1"),
        (MYSQL_56, {"mode": POSITION, "parallel": 4}, "RESET SLAVE"),
        (MYSQL_56, {"applier_fault": Fault(1594, "x")}, "CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD = 3.5, "
         "MASTER_AUTO_POSITION = 1"),
        (MYSQL_56, {"applier_fault": Fault(1872, "x")}, "RESET SLAVE"),
        (MYSQL_56, {"relay_space": 0}, "RESET SLAVE"),
        (MARIADB_1011, {"mode": POSITION, "using_gtid": "No", "parallel": 4},
         "CHANGE MASTER '' TO " + PLACE + ", MASTER_USE_GTID = no"),
        (MARIADB_1011, {"using_gtid": "Slave_Pos"},
         "CHANGE MASTER '' TO MASTER_HEARTBEAT_PERIOD = 3.5, MASTER_USE_GTID = slave_pos"),
        (MARIADB_1011, {"using_gtid": "Current_Pos"},
         "CHANGE MASTER '' TO MASTER_HEARTBEAT_PERIOD = 3.5, MASTER_USE_GTID = current_pos"),
        (MARIADB_1011, {"using_gtid": "Slave_Pos", "relay_space": 0}, "RESET SLAVE ''"),
        (MYSQL_97, {}, "RESET REPLICA FOR CHANNEL ''"),
    ],
)  # fmt: skip
def test_change_throws_away_where_reset_would_leave_a_moment_without_a_channel(flavour, changes, expected):
    made = shown(flavour, channel(**{**THERE, **changes}))
    assert made[0] == expected
    if expected.startswith("CHANGE"):
        assert [text.split()[0] for text in made] == ["CHANGE", "START"]


@pytest.mark.parametrize(
    "applier, receiver, fault, state, expected",
    [
        (STOPPED, "running", Fault(1594, "x"), None, {"applier", "receiver"}),
        (STOPPED, "running", None, None, {"receiver"}),
        (STOPPED, STOPPED, None, None, set()),
        (STOPPED, STOPPED, None, "started", {"applier", "receiver"}),
        ("running", "connecting", None, None, {"applier", "receiver"}),
        (STOPPED, STOPPED, Fault(1872, "x"), "stopped", set()),
    ],
)
def test_threads_that_somebody_stopped_stay_stopped(applier, receiver, fault, state, expected):
    here = channel(applier=applier, receiver=receiver, applier_fault=fault)
    assert refetch.wanted_threads(here, state, channel_plan.BOTH) == expected


def test_the_wait_is_for_reading_again_only_when_both_run():
    here = channel(applier=STOPPED)
    steps = refetch.steps(verbs(), server(here), here, frozenset(("receiver",)))
    assert steps[-1].wait == "receiver_running"
    assert refetch.steps(verbs(), server(here), replace(here, applier=STOPPED), channel_plan.BOTH)[-1].wait == (
        "relay_logs_read"
    )


@pytest.mark.parametrize(
    "flavour, verify, expected",
    [
        (MYSQL_97, 1, None),
        (MYSQL_56, 1, "MASTER_SSL_VERIFY_SERVER_CERT = 1"),
        (MARIADB_1011, 1, "MASTER_SSL_VERIFY_SERVER_CERT = 1"),
        (MARIADB_1011, 0, "MASTER_SSL_VERIFY_SERVER_CERT = 0"),
    ],
)
def test_verifying_the_sources_certificate_is_restated_where_reset_drops_it(flavour, verify, expected):
    here = channel(receiver=STOPPED, applier=STOPPED, settings={"ssl_verify_server_cert": verify})
    text = " ".join(shown(flavour, here))
    assert expected in text if expected else "VERIFY" not in text
