# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two servers that replicate from each other: what neither can apply, and undoing it where the other replicates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_apply_below, diagnose_gtid
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog_apply import REVERSE, Wish
from ansible_collections.replicaops.mysql.plugins.module_utils._core.case import Case
from ansible_collections.replicaops.mysql.plugins.module_utils._core.choose import choose
from ansible_collections.replicaops.mysql.plugins.module_utils._core.choose_policy import Policy
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose_ring import (
    conflicting_by_position,
    conflicting_writes,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidBinlogState, GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    GTID,
    POSITION,
    RUNNING,
    STOPPED,
    Coordinates,
    Fault,
    Peer,
)
from unit.made import MARIADB_1011, MYSQL_56, U1, U2, channel, server

FAULT = (
    "Coordinator stopped because there were error(s) in the worker(s). The most recent failure being: Worker 1 failed"
    " executing transaction '%s' at source log b.000001, end_log_pos 500."
)


def stopped_at(gtid, source):
    return channel(applier=STOPPED, applier_fault=Fault(1062, FAULT % gtid), source_uuid=source)


def ring(here, there):
    """This server is U2, the other one U1."""
    now = server(here, executed=GtidSet.parse("%s:1-3,%s:1-5" % (U1, U2)), uuid=U2, server_id=2)
    other = server(there, executed=GtidSet.parse("%s:1-6,%s:1-3" % (U1, U2)), uuid=U1, server_id=1)
    above = Peer("db1", other)
    return Case(now, now.channels[0], above, (above,), confirmed=now.executed)


def test_both_stop_at_what_the_other_wrote():
    (found,) = conflicting_writes(ring(stopped_at(U1 + ":4", U1), stopped_at(U2 + ":4", U2)))
    assert (found.evidence["named"], found.evidence["there"]) == (U2 + ":4", U1 + ":4")
    assert found.remedy_names() == ("roll_back_here", "roll_back_there")


def test_the_other_one_is_waited_for():
    (found,) = conflicting_writes(ring(stopped_at(U1 + ":4", U1), channel(source_uuid=U2)))
    assert "named" not in found.evidence and found.remedy_names()[0] == "wait"


def test_without_a_way_back_it_is_no_conflict():
    pair = ring(stopped_at(U1 + ":4", U1), channel(source_uuid="%s" % "9" * 8))
    assert list(conflicting_writes(pair)) == []
    lonely = replace(pair, source=None)
    assert list(conflicting_writes(lonely)) == []


def test_in_a_ring_ones_own_writes_are_no_strangers():
    case = ring(stopped_at(U1 + ":4", U1), stopped_at(U2 + ":4", U2))
    assert list(diagnose_gtid.errant(case)) == []
    alone = ring(stopped_at(U1 + ":4", U1), channel(source_uuid="9" * 8))
    assert [found.code for found in diagnose_gtid.errant(alone)] == ["errant"]


@pytest.mark.parametrize(
    ("policy", "remedy", "gtids"),
    [
        (Policy(winner="source", allow_source_write=True), "roll_back_here", U2 + ":4"),
        (Policy(winner="replica", allow_source_write=True), "roll_back_there", U1 + ":4"),
        (Policy(winner="source"), "", ""),
        (Policy(allow_source_write=True), "", ""),
        (Policy(winner="source", allow_source_write=True, max_risk="none"), "", ""),
    ],
)
def test_a_person_says_who_wins(policy, remedy, gtids):
    (found,) = conflicting_writes(ring(stopped_at(U1 + ":4", U1), stopped_at(U2 + ":4", U2)))
    shown = {**found.as_dict(), "remedies": [{"name": name} for name in found.remedy_names()]}
    row = {"code": "duplicate_row", "channel": "", "severity": "error", "summary": "x", "evidence": {}, "remedies": []}
    choice = choose({"channel": "", "verdict": "broken", "mode": GTID}, [row, shown], policy)
    assert (choice.remedy, choice.arguments.get("gtids", "")) == (remedy, gtids)
    assert choice.action == ("apply" if remedy else "refused")


def lower(executed, applier=STOPPED, mode=GTID):
    there = channel(applier=applier, source_uuid=U2, source_server_id=2, mode=mode)
    return Peer("db1", server(there, executed=GtidSet.parse(executed), uuid=U1, server_id=1))


def none_has_them(*peers, below=("db1:3306 (server id 1)",)):
    here = server(channel(), executed=GtidSet.parse(U2 + ":1-5"), uuid=U2, server_id=2, replicas_below=below)
    wish = Wish(None, None, U2 + ":4", REVERSE)
    return binlog_apply_below.none_has_them(wish, here, peers)


def test_who_replicates_from_here_has_to_be_known_to_lack_them():
    assert none_has_them(lower(U2 + ":1-3"))
    assert not none_has_them()
    assert not none_has_them(lower(U2 + ":1-3"), below=("db1:3306 (server id 1)", "db3:3306 (server id 3)"))


@pytest.mark.parametrize(
    ("peer", "why"),
    [(lower(U2 + ":1-4"), "has applied"), (lower(U2 + ":1-3", "running"), "any moment")],
)
def test_who_has_them_or_may_get_them_stands_in_the_way(peer, why):
    with pytest.raises(RefusedError, match=why):
        none_has_them(peer)


# What MySQL 5.6 and MariaDB say of the rows, shortened.
ROW = "Could not execute Write_rows event on table shop.t; Duplicate entry '500' for key 'PRIMARY', Error_code: 1062"
END = Coordinates("b.000002", 900)


def at(position, number=1062, text=ROW, applier=STOPPED, **details):
    fault = Fault(number, text) if number else None
    return channel(
        applier=applier, applier_fault=fault, executed=Coordinates("b.000002", position), source_uuid="",
        **{"mode": POSITION, **details},
    )  # fmt: skip


def by_position(here, there, flavour=MYSQL_56):
    """This server has id 2, the other one id 1."""
    here, there = replace(here, source_server_id=1), replace(there, source_server_id=2)
    now = server(here, flavour=flavour, uuid="", server_id=2, binlog_end=END)
    above = Peer("db1", server(there, flavour=flavour, uuid="", server_id=1, binlog_end=END))
    return Case(now, now.channels[0], above, (above,))


@pytest.mark.parametrize(("flavour", "mode"), [(MYSQL_56, POSITION), (MARIADB_1011, POSITION), (MARIADB_1011, GTID)])
def test_both_stop_at_a_row_of_the_other(flavour, mode):
    (found,) = conflicting_by_position(by_position(at(300, 1032, mode=mode), at(400, mode=mode), flavour))
    assert "b.000002:400" in found.evidence["named"] and "b.000002:300" in found.evidence["there"]
    shown = {**found.as_dict(), "remedies": [{"name": name} for name in found.remedy_names()]}
    for winner, remedy, errors in (("source", "roll_back_here", [1062]), ("replica", "roll_back_there", [1032])):
        policy = Policy(winner=winner, allow_source_write=True)
        choice = choose({"channel": "", "verdict": "broken", "mode": mode}, [shown], policy)
        assert (choice.remedy, choice.arguments["errors"]) == (remedy, errors)
        assert choice.arguments["tasks"] == "conflict_position"
        refused = choose({"channel": "", "verdict": "broken", "mode": mode}, [shown], replace(policy, winner=""))
        assert refused.action == "refused" and "repair_winner=%s" % winner in str(refused.would_allow)


def test_where_the_other_goes_on_it_is_waited_for_or_it_is_no_conflict():
    (found,) = conflicting_by_position(by_position(at(300), at(400, 0, applier=RUNNING)))
    assert "named" not in found.evidence and found.remedy_names()[0] == "wait"
    assert list(conflicting_by_position(by_position(at(300), at(900, 0, applier=RUNNING)))) == []


def test_what_is_not_about_rows_or_has_sets_is_judged_elsewhere():
    exists = "Error 'Table 't' already exists' on query. Default database: 'shop'. Query: 'CREATE TABLE t (a INT)'"
    assert list(conflicting_by_position(by_position(at(300, 1050, exists), at(400)))) == []
    assert list(conflicting_by_position(by_position(at(300, 0, applier=RUNNING), at(400)))) == []
    assert list(conflicting_by_position(by_position(at(300, mode=GTID), at(400, mode=GTID)))) == []
    assert list(conflicting_by_position(replace(by_position(at(300), at(400)), source=None))) == []


def who_has(peer, wish, flavour):
    here = server(flavour=flavour, uuid="", server_id=2, replicas_below=("db1:3306 (server id 1)",))
    return binlog_apply_below.none_has_them(wish, here, [peer])


def reader(flavour, there, **details):
    there = replace(there, source_server_id=2)
    return Peer("db1", server(there, flavour=flavour, uuid="", server_id=1, **details))


RANGE = Wish(Coordinates("b.000002", 400), Coordinates("b.000002", 500), "", REVERSE)
NAMED = Wish(None, None, "0-2-5", REVERSE)


def positions(slave, binlog):
    return {"replica_position": GtidPosition.parse(slave), "binlog_state": GtidBinlogState.parse(binlog)}


def test_coordinates_tell_who_lacks_them():
    assert who_has(reader(MYSQL_56, at(400)), RANGE, MYSQL_56)
    assert who_has(reader(MYSQL_56, at(350, parallel=4, position_gaps=False)), RANGE, MYSQL_56)
    assert who_has(reader(MARIADB_1011, at(0), **positions("0-2-4", "0-1-9,0-2-4")), NAMED, MARIADB_1011)


@pytest.mark.parametrize(
    ("peer", "wish", "why"),
    [
        (reader(MYSQL_56, at(401)), RANGE, "has applied up to"),
        (reader(MYSQL_56, at(400, 0, applier=RUNNING)), RANGE, "any moment"),
        (reader(MYSQL_56, at(350, parallel=4, position_gaps=True)), RANGE, "gaps"),
        (reader(MYSQL_56, at(350, mode=GTID)), RANGE, "not known"),
        (reader(MARIADB_1011, at(0), **positions("0-2-5", "0-1-9")), NAMED, "has applied 0-2-5"),
        (reader(MARIADB_1011, at(0), **positions("0-2-4", "0-1-9,0-2-6")), NAMED, "has applied 0-2-5"),
        (reader(MARIADB_1011, at(0)), NAMED, "cannot be read"),
    ],
)
def test_who_may_have_them_by_its_place_stands_in_the_way(peer, wish, why):
    with pytest.raises(RefusedError, match=why):
        who_has(peer, wish, MARIADB_1011 if wish is NAMED else MYSQL_56)
