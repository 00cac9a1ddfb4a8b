# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source lost, by both binlogs of real pairs (tests/tools/capture_tails.py), and what becomes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.case import Case
from ansible_collections.replicaops.mysql.plugins.module_utils._core.choose import choose
from ansible_collections.replicaops.mysql.plugins.module_utils._core.choose_policy import Policy
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose_faults import receiver_faults
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose_tail import lost_by_position
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_content import Content
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.lost_tail import (
    Logged,
    Tail,
    behind_all,
    beyond,
    laid_beside,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    POSITION,
    RUNNING,
    STOPPED,
    Coordinates,
    Fault,
    Peer,
    Worker,
)
from unit.made import MARIADB_1011, MYSQL_56, channel, server

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "lost_tail"
FLAVOURS = sorted(path.stem for path in FIXTURES.glob("*.json"))
REFUSED = Fault(1236, "Got fatal error 1236 from master when reading data from binary log: 'Client requested master to"
                " start replication from position > file size'")  # fmt: skip
AMID = Fault(1236, "Got fatal error 1236 from master when reading data from binary log: 'bogus data in log event'")
BOTH = Policy("replica_history", allow_source_write=True)


def read(flavour, name):
    tuples = ("tables", "statements")
    return [
        Logged(
            Content(**{key: tuple(value) if key in tuples else value for key, value in one["content"].items()}),
            Coordinates(**one["end"]),
        )
        for one in json.loads((FIXTURES / (flavour + ".json")).read_text(encoding="utf-8"))[name]
    ]


def beside(flavour, name="source"):
    return laid_beside(read(flavour, "replica"), read(flavour, name), 2, 1)


def other_row(one, number):
    return replace(one, content=replace(one.content, digest="%064d" % number))


@pytest.fixture(params=FLAVOURS)
def flavour(request):
    return request.param


def test_there_are_fixtures_of_every_flavour():
    assert FLAVOURS == ["mariadb-10.11", "mariadb-11.8", "mysql-5.6", "mysql-9.7"]


def test_what_the_replica_has_behind_the_last_common_transaction_is_lost(flavour):
    tail, mine, theirs = beside(flavour), read(flavour, "replica"), read(flavour, "source")
    assert (tail.why, tail.newer, tail.others) == ("", (), ())
    assert [one.content.rows for one in tail.lost] == [2, 1, 1] and tail.lost == tuple(mine[-3:])
    assert tail.goes_on == theirs[-1].end and (tail.begin, tail.end) == (mine[-3].start, mine[-1].end)


def test_what_was_brought_back_to_the_source_is_lost_no_more(flavour):
    """It is younger there and has another digest of nothing: only its rows are the same."""
    tail = beside(flavour, "replayed_one")
    assert [one.content.rows for one in tail.lost] == [1, 1] and tail.newer == ()
    assert tail.goes_on == read(flavour, "replayed_one")[-1].end


def test_what_the_source_has_written_since_is_told_apart(flavour):
    tail = beside(flavour, "written_on")
    assert len(tail.lost) == 2 and len(tail.newer) == 4
    assert tail.goes_on == tail.newer[0].start or tail.goes_on.file == tail.newer[0].content.file


def test_nothing_is_lost_where_the_source_has_everything(flavour):
    mine = read(flavour, "replica")
    tail = laid_beside(mine, mine, 2, 1)
    assert (tail.lost, tail.newer, tail.goes_on) == ((), (), mine[-1].end)
    fewer = laid_beside(mine[:-2], mine, 2, 1)
    assert (fewer.lost, fewer.newer, fewer.goes_on) == ((), tuple(mine[-2:]), mine[-3].end)


def test_a_replica_that_logs_nothing_of_its_source_cannot_tell(flavour):
    assert "nothing of the source" in laid_beside([], read(flavour, "source"), 2, 1).why
    own = [replace(one, content=replace(one.content, server_id=2)) for one in read(flavour, "replica")]
    assert "nothing of the source" in laid_beside(own, read(flavour, "source"), 2, 1).why


def test_without_a_common_transaction_it_cannot_be_told(flavour):
    assert "no transaction in common" in laid_beside(read(flavour, "replica")[-3:], read(flavour, "source"), 2, 1).why


def test_another_order_or_a_gap_is_not_guessed_around(flavour):
    mine, theirs = read(flavour, "replica"), read(flavour, "source")
    swapped = [*mine[:2], mine[3], mine[2], *mine[4:]]
    assert laid_beside(swapped, theirs, 2, 1).why
    less = [mine[0], *mine[2:]]
    assert "another order, or not all" in laid_beside(less, theirs, 2, 1).why
    changed = [*mine[:2], other_row(mine[2], 1), *mine[3:]]
    assert "another order, or not all" in laid_beside(changed, theirs, 2, 1).why


def test_equal_transactions_do_not_anchor(flavour):
    """The same rows over and over: which of them is which cannot be known, and where one is missing nothing is."""
    mine, theirs = read(flavour, "replica"), read(flavour, "source")
    again = [replace(mine[3], end=Coordinates("binlog.000001", 9000 + number)) for number in range(3)]
    tail = laid_beside([*mine[:4], *again], [*theirs, *again[:1]], 2, 1)
    assert tail.why == "" and len(tail.lost) == 2
    assert laid_beside(again, again[:2], 2, 1).why


def test_ones_own_writes_are_none_of_the_source_but_are_in_the_way(flavour):
    mine, theirs = read(flavour, "replica"), read(flavour, "source")
    local = other_row(replace(mine[-1], content=replace(mine[-1].content, server_id=2)), 7)
    tail = laid_beside([*mine[:-1], local, mine[-1]], theirs, 2, 1)
    assert len(tail.lost) == 3 and tail.others == (local,)
    behind = laid_beside([*mine, local], theirs, 2, 1)
    assert len(behind.lost) == 3 and behind.others == ()


def test_a_binlog_that_the_source_has_not_begun_is_lost_too():
    source = server(binlogs=(("binlog.000001", 900), ("binlog.000002", 158)))
    for file, behind in (("binlog.000003", True), ("binlog.000002", False), ("binlog.000001", False), ("odd", False)):
        assert behind_all(channel(mode=POSITION, read=Coordinates(file, 400)), source) is behind
    assert not behind_all(channel(mode=POSITION, read=None, executed=None), source)


def test_what_only_a_relay_log_holds_is_counted():
    """As MySQL 9.7 shows one: the end of an event is the one in the source's binlog."""
    rows = [
        ("Format_desc", 127, "Server ver: 9.7.4"),
        ("Rotate", 0, "binlog.000001;pos=4"),
        ("Query", 308, "BEGIN"),
        ("Write_rows", 417, "table_id: 83"),
        ("Xid", 448, "COMMIT /* xid=14 */"),
        ("Rotate", 0, "binlog.000002;pos=4"),
        ("Query", 190, "BEGIN"),
        ("Query", 250, "use `shop`; INSERT INTO t VALUES (1)"),
        ("Xid", 300, "COMMIT /* xid=15 */"),
        ("Query", 500, "use `shop`; DROP TABLE t"),
    ]
    shown = [{"Event_type": kind, "End_log_pos": end, "Info": info} for kind, end, info in rows]
    assert beyond(shown, {"binlog.000001": 448, "binlog.000002": 158}) == 2
    assert beyond(shown, {"binlog.000001": 448, "binlog.000002": 500}) == 0


def case(flavour, tail, fault=REFUSED, **details):
    here = Coordinates("binlog.000002", 1033)
    one = channel(**{"mode": POSITION, "receiver": STOPPED, "receiver_fault": fault, "read": here, "executed": here,
                     **details})  # fmt: skip
    maria = flavour.startswith("mariadb")
    now = server(one, flavour=MARIADB_1011 if maria else MYSQL_56,
                 replica_position=GtidPosition.parse("0-1-7") if maria else None)  # fmt: skip
    return Case(now, one, Peer("db1", now), tail=tail)


def chosen(found, policy):
    status = {"channel": "", "verdict": "diverged", "mode": POSITION, "executed": {"file": "binlog.000002"}}
    return choose(status, [one.as_dict() for one in found], policy)


def test_a_person_chooses_and_each_choice_is_named_by_coordinates(flavour):
    tail = beside(flavour)
    found = list(lost_by_position(case(flavour, tail)))
    assert [one.code for one in found] == ["lost_tail"] and "2 rows of shop.t" in found[0].evidence["shown"][0]
    refused = chosen(found, BOTH)
    assert refused.action == "refused" and len(refused.would_allow) >= 2
    back = "roll_back_reset" if flavour.startswith("mariadb") else "roll_back_lost"
    for winner, remedy in (("source", back), ("replica", "replay")):
        choice = chosen(found, replace(BOTH, winner=winner))
        assert (choice.action, choice.remedy) == ("apply", remedy)
        assert choice.arguments["begin"] == {"file": tail.begin.file, "position": tail.begin.position}
        assert choice.arguments["tasks"] == "tail" and choice.arguments["point"]["position"] == tail.goes_on.position
    if flavour.startswith("mariadb"):
        assert found[0].evidence["left"] == "0-1-4"


def test_after_the_source_wrote_on_nothing_is_replayed(flavour):
    for fault in (REFUSED, AMID):
        found = list(lost_by_position(case(flavour, beside(flavour, "written_on"), fault)))
        assert [one.code for one in found] == ["gtid_collision"] and "replay" not in found[0].remedy_names()
        assert chosen(found, replace(BOTH, winner="replica")).action == "refused"
        assert chosen(found, replace(BOTH, winner="source")).remedy.startswith("roll_back_")


def test_an_applier_that_has_not_applied_all_is_waited_for():
    tail, late = beside("mysql-5.6"), {"read": Coordinates("binlog.000002", 2000)}
    found = list(lost_by_position(case("mysql-5.6", tail, applier=RUNNING, **late)))
    assert chosen(found, replace(BOTH, winner="source")).action == "wait"
    halted = list(lost_by_position(case("mysql-5.6", tail, applier=STOPPED, **late)))
    refused = chosen(halted, replace(BOTH, winner="source"))
    assert refused.action == "refused" and "still to apply what was fetched" in refused.reason


def test_half_a_transaction_is_not_waited_for():
    """Measured on MySQL 9.7: a source that crashes while it sends leaves the applier so."""
    half = {"read": Coordinates("binlog.000002", 1241), "applier": RUNNING,
            "applier_state": "Replica has read all relay log; waiting for more updates"}  # fmt: skip
    worker = Worker(1, True, None, "ANONYMOUS", "Waiting for an event from Coordinator")
    busy = replace(worker, state="Applying batch of row changes (write)")
    for details, action in (
        ({"parallel": 1, "workers": (worker,)}, "apply"),
        ({"parallel": 0}, "apply"),
        ({"parallel": 1, "workers": (busy,)}, "wait"),
        ({"parallel": 4, "workers": (worker,)}, "wait"),
    ):
        found = list(lost_by_position(case("mysql-9.7", beside("mysql-9.7"), **half, **details)))
        assert chosen(found, replace(BOTH, winner="source")).action == action, details


def test_what_others_wrote_between_is_not_undone_with_it():
    tail = replace(beside("mysql-9.7"), others=beside("mysql-9.7").lost[:1])
    refused = chosen(list(lost_by_position(case("mysql-9.7", tail))), replace(BOTH, winner="source"))
    assert refused.action == "refused" and "others wrote between them" in refused.reason


def test_where_nothing_is_lost_it_goes_on_behind_what_both_have():
    tail = Tail(goes_on=Coordinates("binlog.000001", 900))
    found = list(lost_by_position(case("mysql-9.7", tail)))
    choice = chosen(found, Policy("none"))
    assert (choice.action, choice.remedy) == ("apply", "repoint") and choice.arguments["point"]["position"] == 900
    assert list(lost_by_position(case("mysql-9.7", tail, AMID))) == []


def test_where_it_cannot_be_told_nothing_is_tried_but_a_rebuild():
    found = list(receiver_faults(case("mysql-9.7", Tail(why="its own binlogs hold nothing of the source"))))
    for winner in ("", "source", "replica"):
        refused = chosen(found, replace(BOTH, winner=winner))
        assert refused.action == "refused" and "hold nothing of the source" in refused.reason
        assert "repair_max_risk=rebuild" in refused.would_allow
    assert list(lost_by_position(case("mysql-9.7", Tail(why="x")))) == []
    assert list(lost_by_position(case("mysql-9.7", None))) == []
