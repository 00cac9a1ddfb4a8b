# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import below
from ansible_collections.replicaops.mysql.plugins.module_utils._core.below import Place
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidBinlogState, GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates, Fault, Process
from unit import made

DUMP = Process(9, "repl", "db3:1", "", "Binlog Dump GTID", 1, "", "")
U3 = "11111111-aaaa-bbbb-cccc-000000000003"
END = Coordinates("binlog.000007", 900)


def lower(**changes):
    channel = made.channel(**{"source_uuid": made.U2, "source_server_id": 2, **changes})
    return made.server(channel, uuid=U3, server_id=3, address="db3:3306")


def test_where_each_of_them_is():
    known = ("db3:3307 (server id 3)", "unknown host (server id 4)", "db5:40312 (dump thread of repl)")
    found = below.places(made.server(replicas_below=known))
    assert found == (
        Place(known[0], "db3", 3307, 3), Place(known[1], server_id=4), Place(known[2]),
    )  # fmt: skip
    assert below.places(made.server(processes=(DUMP,))) == (Place("repl from db3:1"),)
    assert below.places(made.server()) == ()


@pytest.mark.parametrize("section", ["replicas", "processlist"])
def test_who_is_below_must_be_known(section):
    hidden = {section: Fault(1227, "Access denied; you need the PROCESS privilege")}
    with pytest.raises(RefusedError, match=r"cannot be known: [a-z]+ [(]Access denied"):
        below.check_known("do it", made.server(unreadable=hidden))
    # Without a binlog nothing can replicate from it.
    below.check_known("do it", made.server(unreadable=hidden, variables={"log_bin": "OFF"}))
    below.check_known("do it", made.server(unreadable={"binary_logs": Fault(1381, "")}))


def test_a_server_below_is_told_by_its_channel_and_not_by_its_address():
    upper = made.server()
    assert below.replicates(lower(), upper)
    assert not below.replicates(lower(source_uuid=made.U1), upper)
    assert not below.replicates(lower(source_uuid="", source_server_id=0), upper)
    old = made.server(flavour=made.MARIADB_1011)
    assert below.replicates(lower(source_uuid=""), old) and not below.replicates(lower(source_server_id=7), old)


def test_what_makes_its_rows_say_nothing():
    upper = made.server()
    assert below.obstacle(upper, lower()) == ""
    assert "filters" in below.obstacle(upper, lower(filters={"Replicate_Do_DB": "shop"}))
    two = made.server(*lower().channels, made.channel(name="other"))
    assert "other channels" in below.obstacle(upper, two)
    assert "does not log" in below.obstacle(made.server(variables={"log_slave_updates": "OFF"}), lower())


def test_it_has_applied_all_by_gtids():
    upper = made.server(executed=GtidSet.parse(made.U1 + ":1-5"))
    for text, wanted in ((":1-5", True), (":1-4", False)):
        there = made.server(*lower().channels, executed=GtidSet.parse(made.U1 + text))
        assert below.caught_up(upper, there) is wanted
    assert not below.caught_up(upper, lower())


def test_it_has_applied_all_by_mariadbs_positions():
    upper = made.server(flavour=made.MARIADB_1011, binlog_state=GtidBinlogState.parse("0-1-7,5-1-2"))
    for text, wanted in (("0-1-7,5-1-2", True), ("0-1-6,5-1-2", False), ("0-1-7", False)):
        there = made.server(*lower().channels, replica_position=GtidPosition.parse(text))
        assert below.caught_up(upper, there) is wanted
    disordered = made.server(flavour=made.MARIADB_1011, binlog_state=GtidBinlogState((), False))
    assert not below.caught_up(disordered, there)


@pytest.mark.parametrize(
    ("executed", "gaps", "wanted"),
    [(END, False, True), (Coordinates("binlog.000007", 899), False, False), (END, True, False), (None, False, False)],
)
def test_it_has_applied_all_by_coordinates(executed, gaps, wanted):
    there = lower(mode="position", executed=executed, position_gaps=gaps)
    assert below.caught_up(made.server(binlog_end=END), there) is wanted
    assert not below.caught_up(made.server(binlog_end=Coordinates("nonsense", 4)), there)


def test_one_whose_applier_has_stopped_applies_nothing_more():
    assert below.stopped(lower(applier="running")) == ""
    assert below.stopped(lower(applier="stopped", applier_fault=None)) == "its applier has stopped"
    fault = Fault(0, "Query caused\n different errors")
    told = below.stopped(lower(applier="stopped", applier_fault=fault))
    assert told == "its applier has stopped (Query caused different errors)"
