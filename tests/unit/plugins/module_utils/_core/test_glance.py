# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions that are waited for."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import glance as looks
from ansible_collections.replicaops.mysql.plugins.module_utils._core.dialect import MARIADB, MASTER, SOURCE
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates, Fault

IDLE = "Replica has read all relay log; waiting for more updates"
HERE, THERE = Coordinates("binlog.000003", 500), Coordinates("binlog.000003", 900)


def glance(receiver="Yes", applier="Yes", state="", read=THERE, executed=HERE, **more):
    values = {"receiver_fault": None, "applier_fault": None, "delay_remaining": None, **more}
    return looks.Glance(receiver, applier, state, read, executed, **values)


def holds(name, now, count=1, first=HERE, beyond=None):
    return looks.CONDITIONS[name](looks.Watch(now, count, first, beyond))


@pytest.mark.parametrize(
    "now, count, expected",
    [
        (glance(), 1, False),
        (glance(executed=THERE), 2, True),
        (glance(state=IDLE), 2, False),
        (glance(state=IDLE, executed=THERE), 1, False),
        (glance(state=IDLE, executed=THERE), 2, True),
        (glance(), looks.SETTLED_LOOKS, True),
        (glance(delay_remaining=50), 1, True),
        (glance(applier="No"), 9, False),
        (glance(applier_fault=Fault(1062, "x")), 20, False),
    ],
)
def test_running_means_more_than_one_yes(now, count, expected):
    assert holds("applier_running", now, count) is expected


@pytest.mark.parametrize(
    "now, expected",
    [
        (glance(executed=THERE), True),
        (glance(executed=HERE), False),
        (glance(executed=None), False),
        (glance(state=IDLE, executed=THERE), True),
        (glance(state=IDLE, read=None), False),
        (glance(delay_remaining=5, executed=None), True),
        (glance(executed=THERE, receiver="Connecting"), False),
        (glance(executed=THERE, applier="No"), False),
    ],
)
def test_relay_logs_are_read_when_the_applier_is_past_where_it_was(now, expected):
    assert holds("relay_logs_read", now, beyond=HERE) is expected


def test_a_point_is_reached_by_stopping_or_by_being_there():
    name, until = looks.condition_of("until_reached=binlog.000003:900")
    assert (name, until) == ("until_reached", THERE)
    assert looks.condition_of("applier_stopped") == ("applier_stopped", None)

    def reached(now, until):
        return looks.CONDITIONS[name](looks.Watch(now, 1, until=until))

    assert reached(glance(executed=THERE), until) and not reached(glance(executed=HERE), until)
    assert not reached(glance(executed=None), until) and not reached(glance(executed=THERE), None)
    assert reached(glance(applier="No"), until)


def test_hopeless_is_only_what_has_stopped():
    fault = Fault(0, "an error with number 0")
    assert looks.fault_of("applier_running", glance(applier="No", applier_fault=fault)) == fault
    assert looks.fault_of("until_reached", glance(applier="No")) is None
    assert looks.fault_of("receiver_running", glance(receiver="Connecting", receiver_fault=fault)) is None
    assert looks.fault_of("relay_logs_read", glance(receiver="No", receiver_fault=fault)) == fault
    assert looks.fault_of("applier_stopped", glance(applier="No", applier_fault=fault)) is None


@pytest.mark.parametrize("dialect, words", [(SOURCE, ("Replica", "Source")), (MASTER, ("Slave", "Master"))])
def test_a_row_is_read_in_every_dialect(dialect, words):
    replica, source = words
    row = {
        replica + "_IO_Running": "Yes",
        replica + "_SQL_Running": "No",
        replica + "_SQL_Running_State": None,
        source + "_Log_File": "binlog.000003",
        "Read_%s_Log_Pos" % source: 900,
        "Relay_%s_Log_File" % source: "",
        "Exec_%s_Log_Pos" % source: 0,
        "Last_IO_Errno": 0,
        "Last_IO_Error": "",
        "Last_SQL_Errno": 0,
        "Last_SQL_Error": "Query caused different errors",
        "SQL_Remaining_Delay": None,
    }
    found = looks.glance_from(row, dialect)
    assert found.read == THERE and found.executed is None
    assert found.applier_fault == Fault(0, "Query caused different errors") and found.receiver_fault is None


def test_no_password_that_an_error_quotes_is_shown():
    text = "Error 'x' on query. Default database: ''. Query: 'CREATE USER a IDENTIFIED BY 'geheim''"
    row = {"Replica_IO_Running": "Yes", "Replica_SQL_Running": "No", "Last_SQL_Errno": 1396, "Last_SQL_Error": text}
    found = looks.glance_from(row, SOURCE)
    assert found.applier_fault.number == 1396 and "geheim" not in found.applier_fault.text


def test_the_row_of_a_channel():
    rows = [{"Connection_name": "c1"}, {"Connection_name": ""}]
    assert looks.row_of(rows, MARIADB, "c1") == rows[0] and looks.row_of(rows, MARIADB, "") == rows[1]
    assert looks.row_of([{"x": 1}], MASTER, "") == {"x": 1}
    assert looks.row_of([{"Channel_Name": "c1"}], SOURCE, "") is None
