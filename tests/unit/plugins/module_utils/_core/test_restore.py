# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a record is put back, and what is not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import record, restore
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, IdentityError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.plan import Plan, Step
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    POSITION,
    RUNNING,
    STOPPED,
    Coordinates,
    Fault,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.statement import Statement
from unit.made import MARIADB_1011, MYSQL_56, MYSQL_97, U1, channel, server, verbs

TIME = "20261120T233000.000001Z"


REFETCH = ("STOP SLAVE SQL_THREAD", "STOP SLAVE IO_THREAD", "RESET SLAVE", "CHANGE MASTER TO X = 1", "START SLAVE")


def made(before, after=None, undo=(), error="", queries=()):
    """A record of a change from one server to another, through JSON as on the disk."""
    plan = Plan("s", tuple(Step(Statement(query)) for query in queries))
    found = record.build("replica_channel", before, before.channels[0], plan, TIME, undo)
    if after is not None:
        found = record.finished(found, ["STOP"], after, error)
    return record.check(json.loads(json.dumps(found)), "x")


def put_back(written, now, flavour=MYSQL_97):
    return restore.restoration(verbs(flavour), written, now, now.channels[0], "s")


def shown(found):
    return [step.statement.display() for step in found.plan.steps]


def test_threads_that_ran_run_again_and_the_second_time_nothing_is_left():
    running, stopped = server(channel()), server(channel(applier=STOPPED))
    found = put_back(made(running, stopped), stopped)
    assert shown(found) == ["START REPLICA SQL_THREAD FOR CHANNEL ''"]
    assert found.restored == ("the applier runs again",)
    assert put_back(made(running, stopped), running).plan.steps == ()


def test_a_thread_that_was_stopped_is_stopped_again_unless_by_an_error():
    by_hand = server(channel(applier=STOPPED))
    assert shown(put_back(made(by_hand, server(channel())), server(channel()))) == [
        "STOP REPLICA SQL_THREAD FOR CHANNEL ''"
    ]
    by_error = server(channel(applier=STOPPED, applier_fault=Fault(1062, "Duplicate")))
    found = put_back(made(by_error, server(channel())), server(channel()))
    assert found.plan.steps == () and "left running" in found.not_restorable[0]


def test_what_somebody_changed_since_is_left():
    before, after = server(channel(settings={"delay": 60})), server(channel(settings={}))
    later = server(channel(settings={"delay": 5}))
    found = put_back(made(before, after), later)
    assert found.plan.steps == () and "changed again since" in " ".join(found.not_restorable)


def test_what_the_change_did_not_touch_is_left_silently():
    both = server(channel(settings={"delay": 60}), variables={"read_only": "ON"})
    later = server(channel(settings={"delay": 5}), variables={"read_only": "OFF"})
    found = put_back(made(both, both), later)
    assert found.plan.steps == () and found.not_restorable == ()


def test_the_delay_is_put_back_with_the_threads_stopped_and_started():
    before, after = server(channel(settings={"delay": 60})), server(channel(settings={"delay": 0}))
    found = put_back(made(before, after), after)
    assert found.changes and shown(found) == [
        "STOP REPLICA SQL_THREAD FOR CHANNEL ''",
        "STOP REPLICA IO_THREAD FOR CHANNEL ''",
        "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 60 FOR CHANNEL ''",
        "START REPLICA FOR CHANNEL ''",
    ]


@pytest.mark.parametrize(
    "flavour, expected",
    [
        (MYSQL_56, "CHANGE MASTER TO MASTER_LOG_FILE = 'binlog.000003', MASTER_LOG_POS = 500"),
        (
            MARIADB_1011,
            "CHANGE MASTER '' TO MASTER_USE_GTID = no, MASTER_LOG_FILE = 'binlog.000003', MASTER_LOG_POS = 500",
        ),
    ],
)
def test_coordinates_lost_between_reset_and_change_are_put_back(flavour, expected):
    using = {"use_gtid": "no"} if flavour is MARIADB_1011 else {}
    lost = {"use_gtid": "slave_pos"} if flavour is MARIADB_1011 else {}
    before = server(channel(mode=POSITION, settings=using), flavour=flavour)
    gone = channel(mode=POSITION, settings=lost, executed=None, receiver=STOPPED, applier=STOPPED)
    now = server(gone, flavour=flavour)
    for written in (made(before, queries=REFETCH), made(before, now, error="it broke")):
        found = put_back(written, now, flavour)
        assert shown(found)[0] == expected and found.changes
        assert shown(found)[1].startswith("START SLAVE")
        assert restore.lost_point(written, gone) == Coordinates("binlog.000003", 500)
    assert restore.lost_point(made(before, queries=REFETCH), channel(mode=POSITION)) is None


def test_coordinates_that_somebody_else_lost_are_not_put_back():
    before = server(channel(mode=POSITION))
    gone = channel(mode=POSITION, executed=None, receiver=STOPPED, applier=STOPPED)
    for written in (made(before, queries=REFETCH[:1]), made(before, server(channel(mode=POSITION, applier=STOPPED)))):
        found = put_back(written, server(gone))
        assert not found.changes and "not by this change" in " ".join(found.not_restorable), found
        assert restore.lost_point(written, gone) is None


def test_coordinates_never_move_backwards():
    before = server(channel(mode=POSITION))
    now = server(channel(mode=POSITION, executed=Coordinates("binlog.000004", 4)))
    found = put_back(made(before, now), now)
    assert found.plan.steps == () and "stays applied" in found.not_restorable[0]


def test_variables_are_put_back_only_where_the_change_left_them():
    before = server(channel(), variables={"replica_exec_mode": "STRICT", "super_read_only": "ON", "read_only": "ON"})
    changed = {"replica_exec_mode": "IDEMPOTENT", "super_read_only": "OFF"}
    after = server(channel(), variables={**before.variables, **changed})
    now = replace(after, variables={**after.variables, "read_only": "OFF"})
    found = put_back(made(before, after), now)
    assert shown(found) == ["SET GLOBAL replica_exec_mode = 'STRICT'"]


@pytest.mark.parametrize(
    "name, old, new",
    [("read_only", "ON", "OFF"), ("super_read_only", "ON", "OFF"), ("sql_replica_skip_counter", "1", "0")],
)
def test_what_could_open_a_server_or_eat_a_transaction_is_only_named(name, old, new):
    before, after = server(channel(), variables={name: old}), server(channel(), variables={name: new})
    found = put_back(made(before, after), after)
    assert found.plan.steps == () and name in found.not_restorable[0]
    found = put_back(made(before, queries=["SET GLOBAL %s = 1" % name]), after)
    assert found.plan.steps == () and name in found.not_restorable[0]


def test_a_record_without_an_end_puts_back_only_what_its_statements_could_change():
    values = {"settings": {"delay": 60}, "applier": STOPPED, "receiver": STOPPED}
    before = server(channel(**values), variables={"replica_exec_mode": "IDEMPOTENT", "read_only": "ON"})
    now = server(channel(settings={"delay": 0}), variables={"replica_exec_mode": "STRICT", "read_only": "OFF"})
    found = put_back(made(before, queries=["START REPLICA SQL_THREAD FOR CHANNEL ''"]), now)
    assert shown(found) == ["STOP REPLICA SQL_THREAD FOR CHANNEL ''"] and found.not_restorable == ()
    found = put_back(made(before, queries=["SET GLOBAL replica_exec_mode = 'STRICT'"]), now)
    assert shown(found) == ["SET GLOBAL replica_exec_mode = 'IDEMPOTENT'"]
    found = put_back(made(before, queries=REFETCH), now)
    assert any("SOURCE_DELAY = 60" in query for query in shown(found)) and len(found.restored) == 3, found


def test_verifying_the_sources_certificate_is_put_back():
    before = server(channel(settings={"ssl_verify_server_cert": 1}), flavour=MYSQL_56)
    now = server(channel(settings={"ssl_verify_server_cert": 0}), flavour=MYSQL_56)
    found = put_back(made(before, queries=REFETCH), now, MYSQL_56)
    assert "CHANGE MASTER TO MASTER_SSL_VERIFY_SERVER_CERT = 1" in shown(found)


def test_the_point_of_a_running_applier_is_the_one_where_it_was_stopped():
    before = server(channel(mode=POSITION))
    stood = channel(mode=POSITION, applier=STOPPED, executed=Coordinates("binlog.000003", 700))
    written = record.with_final(made(before), Plan("s", (Step(Statement("RESET SLAVE")),)), stood)
    gone = channel(mode=POSITION, executed=None, receiver=STOPPED, applier=STOPPED)
    assert restore.lost_point(written, gone) == stood.executed


def test_a_lost_gtid_slave_pos_is_put_back_and_an_advanced_one_is_not():
    before = server(channel(), flavour=MARIADB_1011, replica_position=GtidPosition.parse("0-1-5"))
    empty = server(channel(), flavour=MARIADB_1011, replica_position=GtidPosition.parse(""))
    assert "SET GLOBAL gtid_slave_pos = '0-1-5'" in shown(put_back(made(before, empty), empty, MARIADB_1011))
    stopped = made(before, queries=["STOP SLAVE '' SQL_THREAD"])
    assert not [query for query in shown(put_back(stopped, empty, MARIADB_1011)) if "gtid_slave_pos" in query]
    ahead = server(channel(), flavour=MARIADB_1011, replica_position=GtidPosition.parse("0-1-9"))
    found = put_back(made(before, ahead), ahead, MARIADB_1011)
    assert found.plan.steps == () and "0-1-9" in found.not_restorable[0]


def test_gtids_stay_and_lost_ones_are_named():
    before = server(channel(), executed=GtidSet.parse(U1 + ":1-5"))
    more = server(channel(), executed=GtidSet.parse(U1 + ":1-7"))
    assert "stay in gtid_executed" in put_back(made(before, more), more).not_restorable[0]
    less = server(channel(), executed=GtidSet.parse(U1 + ":1-3"))
    assert U1 + ":4-5" in put_back(made(before, less), less).not_restorable[0]


def test_a_new_source_is_not_put_back_without_its_password():
    before, after = server(channel(settings={"host": "db1"})), server(channel(settings={"host": "db3"}))
    found = put_back(made(before, after), after)
    assert found.plan.steps == () and "password" in found.not_restorable[0]


def test_what_the_module_said_about_undoing_comes_first():
    here = server(channel())
    assert put_back(made(here, here, ["The relay logs are gone."]), here).not_restorable == (
        "The relay logs are gone.",
    )


def test_a_record_of_another_server_is_refused():
    written = made(server(channel()))
    restore.check_identity(written, server(channel()))
    with pytest.raises(IdentityError):
        restore.check_identity(written, server(channel(), uuid=U1))
    with pytest.raises(IdentityError):
        restore.check_identity(written, server(channel(), server_id=9))


def test_the_name_of_the_file_is_in_the_order_of_time_and_safe():
    name = record.file_name(made(server(channel(name="c/1 ü"), address="[::1]:3306")))
    assert name == TIME + "-1_3306-c_1-replica_channel.json"


@pytest.mark.parametrize("data", [None, [], {}, {"schema": "1"}, {"schema": 2}, {"schema": 1, "module": "x"}])
def test_what_is_no_record_is_refused(data):
    with pytest.raises(BadInputError):
        record.check(data, "file")


def test_a_record_holds_what_was_and_how_it_ended():
    before = server(channel(applier=RUNNING, filters={"replicate_do_db": "a"}), executed=GtidSet.parse(U1 + ":1-5"))
    written = made(before)
    assert written["outcome"] == "running" and written["after"] is None
    assert written["before"]["server"]["executed"] == U1 + ":1-5"
    assert written["before"]["channel"]["executed"] == {"file": "binlog.000003", "position": 500}
    assert written["before"]["channel"]["filters"] == {"replicate_do_db": "a"}
    ended = record.finished(written, ["STOP"], None, "it broke")
    assert ended["outcome"] == "failed" and ended["error"] == "it broke" and ended["executed"] == ["STOP"]
    assert "assword" not in json.dumps(ended)
