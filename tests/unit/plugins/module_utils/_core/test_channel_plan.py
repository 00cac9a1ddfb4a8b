# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, stopping and stopping at a point, as statements."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import channel_plan as plans
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    CONNECTING,
    POSITION,
    RUNNING,
    STOPPED,
    Coordinates,
)
from unit.made import MARIADB_1011, MYSQL_56, MYSQL_97, U1, channel, server, verbs

APPLIER, RECEIVER = frozenset((plans.APPLIER,)), frozenset((plans.RECEIVER,))


def shown(steps):
    return [step.statement.display() for step in steps]


@pytest.mark.parametrize(
    "flavour, name, expected",
    [
        (MYSQL_97, "", "START REPLICA FOR CHANNEL ''"),
        (MYSQL_97, "c1", "START REPLICA FOR CHANNEL 'c1'"),
        (MYSQL_56, "", "START SLAVE"),
        (MARIADB_1011, "", "START SLAVE ''"),
        (MARIADB_1011, "o'x", "START SLAVE 'o\\'x'"),
    ],
)
def test_start_names_the_channel_as_the_server_wants_it(flavour, name, expected):
    steps = plans.start_steps(verbs(flavour, name), channel(receiver=STOPPED, applier=STOPPED), plans.BOTH)
    assert shown(steps) == [expected]
    assert steps[0].wait == "receiver_running,applier_running"


@pytest.mark.parametrize(
    "receiver, applier, wanted, expected",
    [
        (RUNNING, RUNNING, plans.BOTH, []),
        (CONNECTING, RUNNING, plans.BOTH, []),
        (RUNNING, STOPPED, plans.BOTH, ["START REPLICA SQL_THREAD FOR CHANNEL ''"]),
        (STOPPED, RUNNING, plans.BOTH, ["START REPLICA IO_THREAD FOR CHANNEL ''"]),
        (STOPPED, STOPPED, APPLIER, ["START REPLICA SQL_THREAD FOR CHANNEL ''"]),
        (STOPPED, STOPPED, RECEIVER, ["START REPLICA IO_THREAD FOR CHANNEL ''"]),
    ],
)
def test_only_what_does_not_run_is_started(receiver, applier, wanted, expected):
    assert shown(plans.start_steps(verbs(), channel(receiver=receiver, applier=applier), wanted)) == expected


def test_the_applier_is_stopped_before_the_receiver_and_each_on_its_own():
    steps = plans.stop_steps(verbs(), channel(), plans.BOTH)
    assert shown(steps) == ["STOP REPLICA SQL_THREAD FOR CHANNEL ''", "STOP REPLICA IO_THREAD FOR CHANNEL ''"]
    assert all(step.session == "stop" for step in steps)
    assert plans.stop_steps(verbs(), channel(applier=STOPPED), APPLIER) == ()


@pytest.mark.parametrize(
    "word, state, expected",
    [
        (None, "started", plans.BOTH),
        (None, None, plans.BOTH),
        (None, "stopped", APPLIER),
        ("both", "stopped", plans.BOTH),
        ("receiver", "started", RECEIVER),
    ],
)
def test_stopping_means_the_applier_unless_said_otherwise(word, state, expected):
    assert plans.threads_of(word, state) == expected


def test_nothing_is_started_between_reset_and_change():
    reset, change = verbs().reset(), verbs().change([("SOURCE_LOG_FILE", "b.1")], "")
    assert not plans.may_restart([reset], [change, verbs().start()])
    assert plans.may_restart([reset, change], [verbs().start()])
    assert plans.may_restart([verbs().stop()], [reset, change])


def test_a_channel_without_its_position_is_warned_of():
    reset, change = verbs().reset(), verbs().change([("SOURCE_LOG_FILE", "b.1")], "")
    text = plans.warning_of_break([reset], [change, verbs().start()], "/r.json")
    assert "must not be started" in text and "/r.json" in text and change.display() in text
    assert plans.warning_of_break([reset, change], [verbs().start()], "") == ""


def test_change_quotes_values_and_leaves_keywords_bare():
    statement = verbs(MARIADB_1011, "c%1").change(
        [("MASTER_LOG_FILE", "b'1"), ("MASTER_LOG_POS", 4), ("MASTER_USE_GTID", plans.Keyword("no"))], ""
    )
    assert statement.display() == (
        "CHANGE MASTER 'c%1' TO MASTER_LOG_FILE = 'b\\'1', MASTER_LOG_POS = 4, MASTER_USE_GTID = no"
    )
    bare = verbs(MARIADB_1011, "c%1").change([("MASTER_USE_GTID", plans.Keyword("no"))], "")
    assert bare.sql == "CHANGE MASTER 'c%1' TO MASTER_USE_GTID = no" and bare.params == ()


@pytest.mark.parametrize(
    "option, flavour, expected",
    [
        ({"gtids": U1 + ":1-5"}, MYSQL_97, "SQL_AFTER_GTIDS = '%s:1-5'" % U1),
        (
            {"source_log_file": "b.000002", "source_log_pos": 4},
            MYSQL_97,
            "SOURCE_LOG_FILE = 'b.000002', SOURCE_LOG_POS = 4",
        ),
        (
            {"source_log_file": "b.000002", "source_log_pos": 4},
            MYSQL_56,
            "MASTER_LOG_FILE = 'b.000002', MASTER_LOG_POS = 4",
        ),
        ({"gtid_position": "0-1-7"}, MARIADB_1011, "master_gtid_pos = '0-1-7'"),
    ],
)
def test_until_in_the_servers_words(option, flavour, expected):
    where = channel(using_gtid="Slave_Pos")
    point = plans.point_from(option, server(where, flavour=flavour), where)
    assert plans.until_text(verbs(flavour), point) == expected


@pytest.mark.parametrize(
    "option, flavour, using",
    [
        ({}, MYSQL_97, ""),
        ({"gtids": "x", "gtid_position": "0-1-1"}, MYSQL_97, ""),
        ({"source_log_file": "b.000001"}, MYSQL_97, ""),
        ({"source_log_pos": 4, "gtids": U1 + ":1"}, MYSQL_97, ""),
        ({"source_log_file": "binlog", "source_log_pos": 4}, MYSQL_97, ""),
        ({"gtids": "not a set"}, MYSQL_97, ""),
        ({"gtids": U1 + ":1"}, MARIADB_1011, "Slave_Pos"),
        ({"gtid_position": "0-1-1"}, MYSQL_97, ""),
        ({"gtid_position": "0-1-1"}, MARIADB_1011, "No"),
        ({"gtid_position": "0-1"}, MARIADB_1011, "Slave_Pos"),
    ],
)
def test_a_point_that_makes_no_sense_is_refused(option, flavour, using):
    where = channel(using_gtid=using)
    with pytest.raises(BadInputError):
        plans.point_from(option, server(where, flavour=flavour), where)


def test_reached_by_set_coordinates_and_position():
    here = channel(mode=POSITION)
    replica = server(here, executed=GtidSet.parse(U1 + ":1-5"), replica_position=GtidPosition.parse("0-1-5,1-1-9"))
    assert plans.reached(replica, here, plans.Point(gtids=GtidSet.parse(U1 + ":2-5")))
    assert not plans.reached(replica, here, plans.Point(gtids=GtidSet.parse(U1 + ":2-6")))
    assert plans.reached(replica, here, plans.Point(coordinates=Coordinates("binlog.000003", 500)))
    assert not plans.reached(replica, here, plans.Point(coordinates=Coordinates("binlog.000010", 4)))
    assert plans.reached(replica, here, plans.Point(position=GtidPosition.parse("0-1-5")))
    assert not plans.reached(replica, here, plans.Point(position=GtidPosition.parse("0-1-6,1-1-2")))
    assert not plans.reached(server(here), here, plans.Point(gtids=GtidSet.parse(U1 + ":1")))


def test_until_stops_a_running_applier_first_and_leaves_the_receiver_up():
    here = channel()
    point = plans.Point(gtids=GtidSet.parse(U1 + ":1-9"))
    replica = server(here, executed=GtidSet.parse(U1 + ":1-5"))
    assert shown(plans.until_steps(verbs(), replica, here, point)) == [
        "STOP REPLICA SQL_THREAD FOR CHANNEL ''",
        "START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS = '%s:1-9' FOR CHANNEL ''" % U1,
    ]


def test_coordinates_are_waited_for_and_the_applier_is_stopped_there():
    here = channel(mode=POSITION, applier=STOPPED)
    point = plans.Point(coordinates=Coordinates("binlog.000003", 800))
    steps = plans.until_steps(verbs(MYSQL_56), server(here, flavour=MYSQL_56), here, point)
    assert shown(steps) == [
        "START SLAVE SQL_THREAD UNTIL MASTER_LOG_FILE = 'binlog.000003', MASTER_LOG_POS = 800",
        "STOP SLAVE SQL_THREAD",
    ]
    assert [step.wait for step in steps] == ["until_reached=binlog.000003:800", "applier_stopped"]


def test_mariadb_stops_both_threads_for_a_gtid_position():
    here = channel(using_gtid="Slave_Pos")
    point = plans.Point(position=GtidPosition.parse("0-1-9"))
    replica = server(here, flavour=MARIADB_1011, replica_position=GtidPosition.parse("0-1-5"))
    assert shown(plans.until_steps(verbs(MARIADB_1011), replica, here, point)) == [
        "STOP SLAVE '' SQL_THREAD",
        "STOP SLAVE '' IO_THREAD",
        "START SLAVE '' UNTIL master_gtid_pos = '0-1-9'",
    ]


@pytest.mark.parametrize(
    "query, expected",
    [
        ("START REPLICA FOR CHANNEL ''", ("START", plans.BOTH)),
        ("START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS = 'x' FOR CHANNEL 'IO_THREAD'", ("START", APPLIER)),
        ("START REPLICA FOR CHANNEL ' IO_THREAD '", ("START", plans.BOTH)),
        ("STOP SLAVE 'o\\'x IO_THREAD' SQL_THREAD", ("STOP", APPLIER)),
        ("STOP SLAVE IO_THREAD", ("STOP", RECEIVER)),
        ("RESET SLAVE", ("RESET", frozenset())),
        ("START TRANSACTION", ("START", frozenset())),
        ("", ("", frozenset())),
    ],
)
def test_a_statement_tells_which_threads_it_is_about(query, expected):
    assert plans.acts_on(query) == expected
