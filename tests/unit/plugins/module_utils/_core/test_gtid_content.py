# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What transactions do, and when one number stands for two of them."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_content as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import QueryEvent
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transaction import Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import (
    GtidBinlogState,
    GtidPosition,
    MariadbGtid,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet

UUID = "11111111-aaaa-bbbb-cccc-000000000001"
ONE = UUID + ":1"


def statement(text):
    return QueryEvent("shop", text, 0, 0, 0, 1, 1, 0, b"")


def transaction(*texts, **details):
    given = {"file": "binlog.000001", "first": 4, "last": 9, "gtid": ONE, "ending": "ddl", "timestamp": 1000}
    return Transaction(
        **{**given, "server_id": 1, "thread_id": 1, "statements": tuple(map(statement, texts)), **details}
    )


def made(*texts, origin=0, **details):
    return rules.content(transaction(*texts, **details), origin)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        ((), rules.EMPTY),
        (("ANALYZE TABLE t",), rules.HARMLESS),
        (("flush privileges", "/* why */ OPTIMIZE TABLE t"), rules.HARMLESS),
        (("-- a note\nFLUSH STATUS",), rules.HARMLESS),
        (("FLUSH STATUS", "DROP TABLE t"), rules.CHANGE),
        (("REPAIR TABLE t",), rules.CHANGE),
        (("ANALYZED",), rules.CHANGE),
    ],
)
def test_what_changes_nothing(texts, kind):
    assert made(*texts).kind == kind


def test_rows_and_what_cannot_be_read_are_changes():
    assert made(tables=(TableName("shop", "t"),)).kind == rules.CHANGE
    unread = made(lossy="it is compressed")
    assert (unread.kind, unread.rows, unread.digest) == (rules.CHANGE, -1, "")


def test_only_what_is_known_to_be_harmless_counts():
    contents = {ONE: made("FLUSH STATUS"), UUID + ":2": made("DROP TABLE t", gtid=UUID + ":2")}
    assert str(rules.harmless(contents, GtidSet.parse(UUID + ":1-3"))) == ONE


def test_it_is_told_when_and_what():
    assert made("DROP TABLE shop.t").told() == ONE + " at 1970-01-01 00:16:40 UTC by server id 1: DROP TABLE shop.t"
    assert made().told().endswith("an empty transaction")
    assert "an unknown number of rows of shop.t" in made(tables=(TableName("shop", "t"),), undecoded=(1,)).told()


@pytest.mark.parametrize(
    ("mine", "theirs", "kind"),
    [
        (made("DROP TABLE a"), made("DROP TABLE a", timestamp=2000), ""),
        (made("DROP TABLE a", origin=5), made("DROP TABLE  a", origin=5), ""),
        (made("DROP TABLE a", origin=5), made("DROP TABLE b", origin=6), rules.COLLISION),
        (made("DROP TABLE a"), made("DROP TABLE b"), rules.COLLISION),
        (made("DROP TABLE a"), made("DROP TABLE b", timestamp=2000), rules.COLLISION),
        (made("DROP TABLE a"), made("DROP TABLE b", server_id=2), rules.COLLISION),
        (made("DROP TABLE a"), made(), rules.EMPTIED),
        (made(lossy="x"), made("DROP TABLE a"), rules.UNDECIDED),
        (made(lossy="x"), made(lossy="x", tables=(TableName("shop", "t"),)), rules.COLLISION),
        (made("UPDATE t SET v = 1"), made(tables=(TableName("shop", "t"),)), rules.UNDECIDED),
        (made("UPDATE t SET v = 1"), made(tables=(TableName("shop", "t"),), timestamp=2000), rules.COLLISION),
        (replace(made("DROP TABLE a"), form="1"), replace(made("DROP TABLE b"), form="2"), rules.UNDECIDED),
    ],
)
def test_one_number_two_transactions(mine, theirs, kind):
    found = rules.differences({ONE: mine}, {ONE: theirs})
    assert [one.kind for one in found] == ([kind] if kind else [])
    assert str(rules.collided(found)) == (ONE if kind == rules.COLLISION else "")
    assert rules.differences({ONE: mine}, {}) == ()


def event(here, first=None, kind=2):
    data = bytes(19 + 25) + bytes([kind]) + bytes(16)
    marked = here | (1 << 55) if first is not None else here
    return data + marked.to_bytes(7, "little") + (b"" if first is None else first.to_bytes(7, "little"))


def test_the_time_of_the_first_commit():
    assert rules.origin(event(1234)) == 1234
    assert rules.origin(event(1234, 1000)) == 1000
    assert rules.origin(event(1234, kind=0)) == 0
    assert rules.origin(struct.pack("<19sB", b"", 0)) == 0


def test_the_newest_of_each_server_and_tag():
    given = GtidSet.parse(UUID + ":1-5:8-9:app:1-3")
    assert str(rules.newest(given, 3)) == UUID + ":5:8-9:app:1-3"
    assert rules.newest(given, 100) == given


def test_whether_what_was_compared_reaches_the_end():
    common = GtidSet.parse(UUID + ":1-9:app:1-3")
    assert rules.reaches(GtidSet.parse(UUID + ":5-9:app:3"), common)
    assert not rules.reaches(GtidSet.parse(UUID + ":1-8:app:3"), common)
    assert not rules.reaches(GtidSet(), GtidSet())
    state = GtidBinlogState.parse("0-1-4", "0-1-4")
    ahead, behind = GtidPosition.parse("0-1-6"), GtidPosition.parse("0-1-3")
    assert rules.meets(ahead, state, ["0-1-3", "0-1-4"], ["0-1-4"])
    assert not rules.meets(ahead, state, ["0-1-3"], ["0-1-4"])
    assert rules.meets(behind, state, ["0-1-3"], ["0-1-3", "0-1-4"])
    assert not rules.meets(behind, state, [], ["0-1-3"])
    assert not rules.meets(GtidPosition(), state, [], []) and not rules.meets(behind, None, [], [])


def mariadb(*texts):
    return [MariadbGtid.parse(text) for text in texts]


def test_what_only_a_mariadb_replica_has():
    mine = dict.fromkeys(("0-1-3", "0-1-4", "0-2-5", "7-1-1"))
    states = [GtidBinlogState.parse("0-1-3,7-1-1", "0-1-3,7-1-1")]
    assert rules.only_here(mine, mariadb("0-1-2"), states) == ["0-1-4", "0-2-5"]
    assert rules.only_here(mine, mariadb("0-2-1"), states) == []


def test_a_position_has_no_gaps_so_all_that_follows_is_undone():
    order = ["0-1-3", "7-1-1", "0-1-4", "7-1-2", "0-2-5"]
    assert rules.from_the_first(order, ["0-1-4"]) == ["0-1-4", "0-2-5"]
    assert rules.from_the_first(order, []) == []


def test_where_a_position_goes_back_to():
    order = ["0-1-3", "7-1-1", "0-1-4", "0-1-5"]
    position = GtidPosition.parse("0-1-5,7-1-1")
    assert str(rules.position_before(order, (), ["0-1-4", "0-1-5"], position)) == "0-1-3,7-1-1"
    assert str(rules.position_before(order, mariadb("0-1-1", "0-2-2"), ["0-1-3"], position)) == "0-2-2,7-1-1"
    assert rules.position_before(order, (), ["0-1-3"], position) is None
    assert rules.position_before(order, (), [], position) == position
