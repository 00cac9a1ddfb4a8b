# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What touched rows have to be, what is refused, what is told and kept of rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Sequence, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair_report as report
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair_rows as wants
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import encode
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.canonical import ABSENT
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import QueryEvent
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.row_bytes import Stored
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import RowChange
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import XID, Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_steps import Look, transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    POSITION,
    STOPPED,
    Coordinates,
    Fault,
)
from unit import binlogs, made

T, OTHER = TableName("d", "t"), TableName("d", "other")
COLUMNS = (ColumnInfo("id", data_type="int"), ColumnInfo("v", data_type="varchar", charset="utf8mb4"))
SHAPE = wants.Shape(bytes((3, 15)), COLUMNS, (0,))

Row = Optional[Tuple[Any, ...]]


def image(number: int, text: Any) -> Tuple[Any, ...]:
    if not isinstance(text, str):
        return number, text
    return number, Stored(text.encode(), bytes((len(text),)) + text.encode())


def change(before: Row, after: Row, table: TableName = T) -> RowChange:
    kind = "write" if before is None else "delete" if after is None else "update"
    return RowChange(table, kind, before and image(*before), after and image(*after), False)


def done(*changes: RowChange, statements: Sequence[str] = (), **others: Any) -> Transaction:
    said = tuple(QueryEvent("d", text, 4, 5, 0, 1, 1, 0, b"") for text in statements)
    tables = tuple(dict.fromkeys(one.table for one in changes))
    return Transaction("b.1", 4, 99, "", XID, 0, 1, 1, tables, tuple(changes), said, **others)


def collect(*transactions: Tuple[Transaction, bool, bool]) -> wants.Collector:
    collector = wants.Collector(lambda name: SHAPE if name == T else None)
    for one, named, counts in transactions:
        collector.feed(one, named, counts)
    return collector


def wanted(collector: wants.Collector) -> Dict[int, Any]:
    return {key[0]: one.values and one.values[1] for key, one in collector.rows[T].items()}


def test_the_last_image_counts() -> None:
    found = collect(
        (done(change(None, (1, "a")), change((2, "b"), (2, "c")), change((4, "x"), None)), True, True),
        (done(change((1, "a"), (1, "d")), change((2, "c"), None), change((3, "q"), (5, "q"))), True, True),
    )
    assert wanted(found) == {1: b"d", 2: None, 3: None, 4: None, 5: b"q"}
    assert found.rows[T][(4,)].known == (b"\4\0\0\0", b"\1x") and found.rows[T][(1,)].parts == (b"\1\0\0\0", b"\1d")
    assert found.moved[T] == {"v", "id", "*"} and found.transactions == 2


def test_transactions_that_were_not_named_matter_only_for_named_rows_and_when_executed() -> None:
    found = collect(
        (done(change((1, "a"), (1, "b"))), True, True),
        (done(change((1, "b"), (1, "c")), change((9, "x"), (9, "y"))), False, True),
        (done(change((1, "c"), (1, "d"))), False, False),
    )
    assert wanted(found) == {1: b"c"}


def test_at_the_applied_point_rows_are_what_they_were_before_what_is_to_come() -> None:
    found = collect(
        (done(change((1, "a"), (1, "b")), change((2, "a"), (2, "b"))), True, True),
        (done(change((1, "b"), (1, "c")), change(None, (3, "n")), change((4, "o"), (5, "o"))), True, False),
        (done(change((4, "z"), (4, "zz"))), True, False),
    )
    assert wanted(found) == {1: b"b", 2: b"b", 3: None, 4: b"o", 5: None}
    assert found.rows[T][(3,)].known == (b"\3\0\0\0", b"\1n")


def test_partial_images_leave_a_row_undecided_until_a_whole_one_comes() -> None:
    partial = (done(change((1, "a"), (1, ABSENT)), change((2, "a"), (2, ABSENT))), True, True)
    found = collect(partial, (done(change((2, "b"), (2, "c"))), True, True))
    assert found.rows[T][(1,)].why == wants.PARTIAL and found.rows[T][(2,)].why == ""
    compared = wants.compare(found.rows[T], {}, (0, 1))
    assert compared.rows == 1 and compared.undecided == {(1,): wants.PARTIAL}
    lacking = collect((done(RowChange(T, "update", (ABSENT, 1), (ABSENT, 2), True)), True, True))
    assert lacking.silent == {T: wants.PARTIAL}


def test_definitions_statements_and_unknown_transactions_leave_tables_undecided() -> None:
    write = (done(change(None, (1, "a"))), True, True)
    assert not collect((done(statements=["ALTER TABLE t ADD c INT"]), True, True), write).silent
    assert "definition" in collect(write, (done(statements=["TRUNCATE TABLE t"]), True, True)).silent[T]
    assert T in collect(write, (done(statements=["DROP DATABASE d"]), False, True)).silent
    assert not collect(write, (done(statements=["TRUNCATE TABLE t"]), False, False)).silent
    assert not collect(write, (done(statements=["DROP TABLE elsewhere"]), True, True)).silent
    assert "UPDATE t" in collect((done(statements=["UPDATE t SET v = 1"]), True, True)).everything
    assert T in collect((done(change(None, (1, "a")), lossy="why"), True, True)).silent
    assert "why" in collect((done(lossy="why"), True, True)).everything
    assert collect((done(change(None, (1, "a"), OTHER)), True, True)).silent == {OTHER: wants.NO_KEY}
    assert OTHER in collect((done(undecoded=(OTHER,)), True, True)).silent


def compared() -> wants.Compared:
    found = collect((done(*(change(None, (n, "a")) for n in (1, 2, 3)), change((4, "x"), None)), True, True))
    have = {(1,): (1, b"a"), (2,): (2, b"B"), (4,): (4, b"x")}
    return wants.compare(found.rows[T], have, (0, 1))


def test_rows_are_equal_changed_missing_or_surplus() -> None:
    outcome = report.Outcome({T: (SHAPE, compared())}, {})
    shown = {one["key"]["id"]: (one["difference"], one["columns"]) for one in report.entries(outcome, "keys")}
    assert shown == {2: ("changed", ["v"]), 3: ("missing", []), 4: ("surplus", [])}
    assert outcome.rows == 4 and outcome.different == 3 and outcome.proof == report.UNPROVEN
    assert report.counts(outcome) == {"d.t": 3}
    assert wants.compare(collect((done(change(None, (1, "a"))), True, True)).rows[T], {(1,): (1, b"q")}, (0,)).rows == 1


def test_what_is_shown_of_rows() -> None:
    outcome = report.Outcome({T: (SHAPE, compared())}, {})
    assert all(one["key"] is None for one in report.entries(outcome, "none"))
    assert all(one["replica"] is None and one["source"] is None for one in report.entries(outcome, "keys"))
    full = report.entries(outcome, "full")
    assert full[0]["replica"] == {"id": 2, "v": "B"} and full[0]["source"] == {"id": 2, "v": "a"}
    assert report.shown(b"\xff", ColumnInfo("b", data_type="blob", charset="binary")) == "0xff"
    assert report.shown(b"\0\0\x80?", ColumnInfo("f", data_type="float")) == "1.0"


def test_nothing_is_proven_by_nothing_and_by_what_is_not_known() -> None:
    assert report.Outcome({}, {}).proof == report.UNPROVEN
    equal = wants.compare(collect((done(change(None, (1, "a"))), True, True)).rows[T], {(1,): (1, b"a")}, (0, 1))
    assert report.Outcome({T: (SHAPE, equal)}, {}).proof == report.PROVEN
    assert report.Outcome({T: (SHAPE, equal)}, {OTHER: "why"}).undecided == ["d.other: why"]
    assert report.Outcome({T: (SHAPE, equal)}, {OTHER: "why"}).proof == report.UNPROVEN
    assert report.Outcome({T: (SHAPE, equal)}, {}, "all").proof == report.UNPROVEN


def test_the_record_keeps_rows_as_they_were() -> None:
    maps = {T: {"metadata": [0, 40]}}
    kept = report.record_rows({T: (SHAPE, compared())}, b"\1", maps)["tables"][0]["rows"]
    assert [row["before_image"] for row in kept] == [["02000000", "0142"], None, ["04000000", "0178"]]
    assert [row["after"] for row in kept] == [["02000000", "0161"], ["03000000", "0161"], None]
    assert [row["before"] for row in kept] == [{"id": 2, "v": "B"}, None, {"id": 4, "v": "x"}]


A, B = Coordinates("b.000001", 4), Coordinates("b.000001", 90)


def part(point: Coordinates) -> Dict[str, Any]:
    return {"file": point.file, "position": point.position}


def test_what_names_transactions() -> None:
    assert rules.transactions_named({"from": part(A), "to": part(B)}, None) == rules.Wish(A, B)
    assert rules.transactions_named({}, "0-1-2").gtids == "0-1-2"
    wrong: Sequence[Tuple[Dict[str, Any], Optional[str]]] = (
        ({}, None),
        ({"from": part(A)}, ""),
        ({"from": part(A), "to": part(B)}, "0-1-2"),
        ({"from": part(B), "to": part(A)}, None),
        ({"from": part(A), "to": part(A)}, None),
    )
    for given, gtids in wrong:
        with pytest.raises(BadInputError):
            rules.transactions_named(given, gtids)
    assert rules.named_gtids("0-1-2, 0-1-4", True)("0-1-4") and not rules.named_gtids("0-1-2", True)("0-1-3")
    assert rules.named_gtids(made.U1 + ":2-3", False)(made.U1 + ":3")
    assert rules.number_named(made.U1 + ":2-3", False) == 2 and rules.number_named("0-1-2,0-1-2", True) == 1
    for text, mariadb in (("x", True), ("x", False)):
        with pytest.raises(BadInputError):
            rules.named_gtids(text, mariadb)


def test_what_has_been_executed() -> None:
    channel = made.channel(executed=B, mode=POSITION)
    ask = rules.executed(made.server(channel), channel)
    assert ask("", A) and ask("", B) and not ask("", Coordinates("b.000001", 91))
    by_set = rules.executed(made.server(channel, executed=GtidSet.parse(made.U1 + ":1-5")), channel)
    assert by_set(made.U1 + ":5", Coordinates("b.000009", 4)) and not by_set(made.U1 + ":6", A)
    place = made.server(flavour=made.MARIADB_1011, replica_position=GtidPosition.parse("0-1-5"))
    assert rules.executed(place, made.channel())("0-1-5", Coordinates("b.000009", 4))
    assert not rules.executed(place, made.channel())("0-1-6", A)
    assert rules.executed(place, channel)("0-1-6", A)


def test_what_is_refused_before_anything_is_read() -> None:
    stopped = made.channel(applier=STOPPED)
    wish = rules.Wish(A, B, state=rules.HEALED)
    rules.check(wish, made.server(stopped), stopped)
    cases = (
        (made.channel(), {}, "applier runs"),
        (replace(stopped, position_gaps=True), {}, "gaps"),
        (replace(stopped, filters={"replicate_do_db": "d"}), {}, "filters"),
        (stopped, {"replicas_below": ("db3:3306",)}, "db3"),
        (stopped, {"unreadable": {"processlist": Fault(1227, "denied")}}, "cannot be known"),
    )
    for channel, changes, why in cases:
        with pytest.raises(RefusedError, match=why):
            rules.check(wish, made.server(channel, **changes), channel)
    below = made.server(stopped, replicas_below=("db3:3306",))
    rules.check(replace(wish, state=rules.CHECKED), below, stopped)
    rules.check(wish, replace(below, variables={"log_bin": "OFF"}), stopped)


@pytest.mark.parametrize("super_read_only", [True, False])
def test_the_steps_of_a_write(super_read_only: bool) -> None:
    form = encode.form_of(binlogs.events("mysql-9.7")[0][3])
    server = made.server(variables={"super_read_only": "ON" if super_read_only else "OFF"})
    rows = [encode.RowEvents("BINLOG ''", shown="rows")]
    steps = transaction(server, form, rows, Look("", shown="before"), Look("", shown="after"))
    said = [step.statement.display() for step in steps if "super_read_only" not in step.statement.sql]
    assert said == [
        "SET SESSION sql_log_bin = 0", "BINLOG '...' /* format description */", "SET SESSION gtid_next = 'AUTOMATIC'",
        "START TRANSACTION", "before", "rows", "after", "COMMIT", "SET SESSION sql_log_bin = 1",
    ]  # fmt: skip
    assert len(steps) == len(said) + 2 * super_read_only
    maria = transaction(made.server(flavour=made.MARIADB_1011), form, rows, Look(""), Look(""))
    assert not any("gtid_next" in step.statement.sql for step in maria)
