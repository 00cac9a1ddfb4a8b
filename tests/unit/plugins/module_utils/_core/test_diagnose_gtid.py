# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings from what transactions do: harmless ones, numbers given away again, what another member can send."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import diagnose_gtid, diagnose_gtid_mariadb
from ansible_collections.replicaops.mysql.plugins.module_utils._core.case import Case
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose import PREDICATES
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_content import (
    CHANGE,
    COLLISION,
    HARMLESS,
    Content,
    Difference,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidBinlogState, GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import STOPPED, Fault, Peer
from unit.made import MARIADB_1011, U1, U2, channel, server

AHEAD = (
    "Got fatal error 1236 from source when reading data from binary log: 'Replica has more GTIDs than the source has'"
)
AHEAD_MARIADB = (
    "Got fatal error 1236 from master when reading data from binary log: 'Error: connecting slave requested to start"
    " from GTID 0-1-6, which is not in the master's binlog'"
)
OFF = {"receiver": STOPPED, "receiver_fault": Fault(13114, AHEAD)}


def content(gtid, kind=CHANGE):
    return Content(gtid, "b.1", 4, 0, 1, 0, ("shop.t",), 1, (), "x", "y", kind)


def differ(gtid):
    return Difference(gtid, COLLISION, content(gtid), content(gtid))


def case(executed, source, members=(), **details):
    given = {name: details.pop(name) for name in ("receiver", "receiver_fault", "retrieved") if name in details}
    now = server(channel(**given), executed=GtidSet.parse(executed), uuid=U2)
    above = Peer(
        "db1", server(executed=GtidSet.parse(source), purged=GtidSet.parse(details.pop("purged", "")), uuid=U1)
    )
    return Case(now, now.channels[0], above, (above, *members), confirmed=GtidSet.parse(executed), **details)


def codes(found):
    return [finding.code for finding in found]


def test_what_changes_nothing_is_told_apart():
    mine = "%s:1-3,%s:1-2" % (U1, U2)
    contents = {U2 + ":1": content(U2 + ":1", HARMLESS), U2 + ":2": content(U2 + ":2")}
    stray, harmless = diagnose_gtid.errant(case(mine, U1 + ":1-3", contents=contents))
    assert (stray.code, stray.evidence["named"]) == ("errant", U2 + ":2")
    assert stray.evidence["left"] == "%s:1-3,%s:1" % (U1, U2) and stray.evidence["tables"] == ["shop.t"]
    assert (harmless.code, harmless.evidence["named"]) == ("errant_harmless", U2 + ":1")


def test_a_lost_tail_is_part_of_a_collision():
    lost = case(U1 + ":1-6", U1 + ":1-4", differences=())
    assert codes(diagnose_gtid.errant(lost)) == ["lost_tail"] and codes(diagnose_gtid.collision(lost)) == []
    reused = replace(lost, differences=(differ(U1 + ":4"),))
    assert codes(diagnose_gtid.errant(reused)) == []
    (found,) = diagnose_gtid.collision(reused)
    assert (found.evidence["named"], found.evidence["collisions"]) == (U1 + ":4-6", U1 + ":4")
    assert found.evidence["left"] == U1 + ":1-3"


@pytest.mark.parametrize(
    ("details", "there"),
    [
        ({"compared": GtidSet.parse(U1 + ":1-3"), **OFF}, True),
        ({"compared": None, **OFF}, False),
        ({"compared": GtidSet(), **OFF, "differences": (differ(U1 + ":2"),)}, False),
        ({"compared": GtidSet()}, False),
    ],
)
def test_a_source_that_has_everything_again(details, there):
    assert codes(diagnose_gtid.source_caught_up(case(U1 + ":1-3", U1 + ":1-9", **details))) == (
        ["source_caught_up"] if there else []
    )
    assert codes(diagnose_gtid.source_caught_up(case(U1 + ":1-3", U1 + ":1-2", **details))) == []


def member(name, executed, purged=""):
    return Peer(name, server(executed=GtidSet.parse(executed), purged=GtidSet.parse(purged), uuid=U2))


def test_who_can_send_what_the_source_has_purged():
    lacking = {"executed": U1 + ":1-3", "source": U1 + ":1-20", "purged": U1 + ":1-9"}
    late, some, all_of_it = (
        member("late", U1 + ":1-20", U1 + ":1-5"),
        member("some", U1 + ":1-5"),
        member("all", U1 + ":1-15"),
    )
    (found,) = diagnose_gtid.purged(case(members=(late, some), **lacking))
    assert (found.evidence["donor"], found.evidence["fetch"]) == ("some", U1 + ":4-5")
    (found,) = diagnose_gtid.purged(case(members=(late, some, all_of_it), **lacking))
    assert (found.evidence["donor"], found.evidence["fetch"]) == ("all", U1 + ":4-9")
    (found,) = diagnose_gtid.purged(case(members=(late, Peer("gone", None, "no route")), **lacking))
    assert "donor" not in found.evidence


def mariadb(state, source, contents=(), position="0-1-6", **details):
    given = {name: details.pop(name) for name in ("receiver", "receiver_fault") if name in details}
    now = server(
        channel(**given), flavour=MARIADB_1011, executed=None, binlog_state=GtidBinlogState.parse(state, position),
        replica_position=GtidPosition.parse(position), server_id=2, uuid="",
    )  # fmt: skip
    there = GtidBinlogState.parse(source, source)
    above = Peer("db1", server(flavour=MARIADB_1011, executed=None, binlog_state=there, server_id=1, uuid=""))
    made = {gtid: content(gtid) for gtid in contents}
    return Case(now, now.channels[0], above, (above,), contents=made, **details)


def test_local_writes_of_mariadb_are_named_only_when_all_are_known():
    (found,) = diagnose_gtid_mariadb.local_writes(mariadb("0-1-3,0-2-5", "0-1-3", ["0-2-4", "0-2-5"], "0-1-3"))
    assert (found.evidence["named"], found.evidence["left"]) == ("0-2-4,0-2-5", "0-1-3")
    assert "roll_back" not in found.remedy_names() and "roll_back_reset" in found.remedy_names()
    (found,) = diagnose_gtid_mariadb.local_writes(mariadb("0-1-3,0-2-5", "0-1-3", [], "0-1-3"))
    assert "named" not in found.evidence
    assert not list(diagnose_gtid_mariadb.local_writes(mariadb("0-1-3,0-2-5", "0-1-3", allowed=("2",))))


def test_what_a_source_of_mariadb_lost():
    lost = mariadb("0-1-6", "0-1-4", ["0-1-5", "0-1-6"], left="0-1-4", receiver=STOPPED)
    (found,) = diagnose_gtid_mariadb.lost_or_collided(lost)
    assert (found.code, found.evidence["named"], found.evidence["left"]) == ("lost_tail", "0-1-5,0-1-6", "0-1-4")
    reused = replace(lost, differences=(differ("0-1-4"),))
    assert not [found for predicate in PREDICATES for found in predicate(reused) if found.code == "lost_tail"]
    (found,) = diagnose_gtid_mariadb.lost_or_collided(reused)
    assert (found.code, found.evidence["named"]) == ("gtid_collision", "0-1-4,0-1-5,0-1-6")
    (found,) = diagnose_gtid_mariadb.lost_or_collided(replace(reused, undone=("0-1-4", "0-1-5", "0-1-6", "0-1-7")))
    assert found.evidence["named"] == "0-1-4,0-1-5,0-1-6,0-1-7" and found.evidence["collisions"] == "0-1-4"
    running = mariadb("0-1-6", "0-1-4", ["0-1-5", "0-1-6"])
    assert not list(diagnose_gtid_mariadb.lost_or_collided(running))


def test_a_source_of_mariadb_that_has_everything_again():
    off = {"receiver": STOPPED, "receiver_fault": Fault(1236, AHEAD_MARIADB)}
    again = mariadb("0-1-6", "0-1-6", compared=GtidSet(), **off)
    (found,) = diagnose_gtid_mariadb.source_caught_up(again)
    assert found.remedy_names() == ("refetch", "resume")
    assert not list(diagnose_gtid_mariadb.source_caught_up(mariadb("0-1-6", "0-1-4", compared=GtidSet(), **off)))
    assert not list(diagnose_gtid_mariadb.source_caught_up(replace(again, compared=None)))
