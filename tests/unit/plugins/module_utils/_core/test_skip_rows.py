# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import skip_report
from ansible_collections.replicaops.mysql.plugins.module_utils._core import skip_rows as rows
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_info import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import RowChange
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transaction import Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_rows import Shape
from ansible_collections.replicaops.mysql.plugins.module_utils._core.skip_plan import Broken

T = TableName("d", "t")
COLUMNS = (ColumnInfo("id", "int", "int"), ColumnInfo("v", "int", "int"))
SHAPE = Shape(b"\x03\x03", COLUMNS, (0,))


def transaction(*changes, **fields):
    made = Transaction("b.000001", 4, 100, "", "xid", 0, 1, 0, (T,), tuple(changes))
    return made._replace(**fields)


def write(*image):
    return RowChange(T, "write", None, image, False)


def delete(*image):
    return RowChange(T, "delete", image, None, False)


def update(before, after):
    return RowChange(T, "update", before, after, False)


def queue(*transactions):
    return [rows.queued(transaction(*one), lambda name: SHAPE, lambda name: name, {}) for one in transactions]


def replica(*images):
    return rows.Looked({T: {(image[0],): image for image in images}}, {T: (0, 1)})


@pytest.mark.parametrize(
    ("transactions", "have", "count"),
    [
        ([[write(1, 1)]], [(1, 1)], 1),
        ([[write(1, 1)]], [(1, 2)], 0),
        ([[write(1, 1), write(2, 2)]], [(1, 1)], 0),
        ([[delete(1, 1)]], [], 1),
        ([[update((1, 1), (2, 1))]], [(2, 1)], 1),
        ([[update((1, 1), (2, 1))]], [(1, 1), (2, 1)], 0),
        # What comes behind the last conflict is left to the applier.
        ([[write(1, 1)], [update((1, 1), (1, 2))]], [(1, 2)], 0),
        ([[write(1, 1)], [update((1, 1), (1, 2))], [write(2, 2)]], [(1, 2), (2, 2)], 3),
        ([[write(1, 1)], [write(2, 2)], [write(3, 3)]], [(1, 1), (2, 2)], 2),
        ([[write(1, 1)], [delete(5, 5)]], [(1, 1)], 1),
    ],
)
def test_what_is_present(transactions, have, count):
    assert rows.present(queue(*transactions), replica(*have), [1062]) == count


def test_nothing_behind_an_unknown_transaction_is_present():
    unknown = rows.Queued(transaction(), (), "a statement")
    assert rows.present([*queue([write(1, 1)]), unknown, *queue([write(2, 2)])], replica((1, 1), (2, 2)), [1062]) == 1
    assert rows.present([unknown], replica(), [1062]) == 0


def test_those_that_would_fail_are_given_up_and_no_other():
    some = queue([write(1, 1)], [write(2, 1)], [write(3, 3)], [write(4, 4)])
    assert rows.failing(some, replica((1, 9), (2, 9), (4, 9)), [1062]) == 2
    assert rows.failing(some, replica((1, 9), (2, 9), (4, 9)), [1032]) == 1


@pytest.mark.parametrize(
    ("changes", "have", "error"),
    [
        ([write(1, 1)], [(1, 5)], 1062),
        ([write(1, 1)], [], 0),
        ([delete(1, 1)], [], 1032),
        ([update((1, 1), (1, 2))], [], 1032),
        ([update((1, 1), (2, 1))], [(1, 1), (2, 2)], 1062),
        ([write(1, 1), update((1, 1), (1, 2)), delete(1, 2)], [], 0),
        ([delete(1, 1), write(1, 2)], [(1, 1)], 0),
    ],
)
def test_the_error_is_foreseen(changes, have, error):
    assert rows.stopped_by(queue(changes)[0], replica(*have)) == error


@pytest.mark.parametrize(
    ("changes", "have", "around", "why"),
    [
        ([write(1, 1)], [(1, 5)], rows.Around(), ""),
        ([delete(1, 1)], [], rows.Around(), ""),
        ([update((1, 1), (1, 2))], [(1, 1)], rows.Around(), ""),
        ([write(1, 1), update((1, 1), (1, 2))], [(1, 5)], rows.Around(), ""),
        ([write(1, 1), update((2, 1), (2, 2))], [(1, 5)], rows.Around(), "missing"),
        ([update((1, 1), (1, 2))], [(1, 7)], rows.Around(), "not what it was"),
        ([update((1, 1), (2, 1))], [(1, 1), (2, 2)], rows.Around(), "a key that another row has"),
        ([write(1, 1)], [(1, 5)], rows.Around(frozenset((T,))), "refer to"),
        ([write(1, 1)], [], rows.Around(frozenset((T,))), ""),
        ([write(1, 1)], [], rows.Around(frozenset(), frozenset(((T, (1,)),))), "same unique key"),
    ],
)
def test_what_idempotent_mode_makes_right(changes, have, around, why):
    number, said = rows.safe(queue(changes), replica(*have), around)
    assert number == (0 if why else 1)
    assert why in said


def test_idempotent_mode_ends_before_what_it_would_not_make_right():
    some = queue([write(1, 1)], [update((1, 1), (1, 2))], [update((3, 1), (3, 2))])
    assert rows.safe(some, replica((1, 5)), rows.Around())[0] == 2
    assert [(one.key, one.have) for one in rows.overwritten(some[:2], replica((1, 5)))] == [((1,), (1, 5))]


def test_what_is_not_known():
    name = {"shape": lambda table: SHAPE, "name": lambda table: table, "silent": {}}
    assert "rolled back" in rows.queued(transaction(write(1, 1), lossy="it is rolled back"), **name).why
    assert rows.queued(transaction(), **name).why == "it holds nothing"
    assert rows.queued(transaction(write(1, 1), ending="xa"), **name).why == "it is no plain transaction (xa)"
    partial = RowChange(T, "write", None, (1, 1), True)
    assert "d.t" in rows.queued(transaction(partial), **name).why
    hidden = rows.queued(transaction(undecoded=(T,)), lambda table: None, lambda table: table, {T: "no key"})
    assert hidden.why == "d.t: no key"


FAULT = Broken(1062, "Duplicate entry '1' for key 'PRIMARY'", "")


def entries(show, have=((1, 1),), room=1000):
    some = queue([write(1, 1), write(2, 2)])
    return skip_report.of_rows(
        some, replica(*have), {T: COLUMNS}, lambda name: SHAPE, FAULT, "counter", show, room
    )  # fmt: skip


def test_entries_show_what_may_be_shown():
    (entry,) = entries("keys")
    assert [row["key"] for row in entry["rows"]] == [{"id": 1}, {"id": 2}]
    assert [row["present"] for row in entry["rows"]] == [True, False]
    assert entry["given_up"] == "2 row changes in d.t"
    assert entry["rows"][0]["after"] is None
    assert entries("none")[0]["rows"][0]["key"] is None
    assert entries("full")[0]["rows"][1]["after"] == {"id": 2, "v": 2}
    assert len(entries("full", room=1)[0]["rows"]) == 1
    (there,) = entries("keys", ((1, 1), (2, 2)))
    assert (there["effect"], there["given_up"], there["error"]) == ("present", None, 1062)


def test_what_is_lost_is_summed_up():
    (entry,) = entries("keys")
    assert skip_report.lost([entry]) == ("2 row changes in d.t, of the transaction that ends at b.000001:100",)
    assert skip_report.lost([entry] * 9)[0].startswith("the changes of 9 transactions")
    assert skip_report.lost(entries("keys", ((1, 1), (2, 2)))) == ()


def test_how_rows_differ():
    found = rows.compared(queue([write(1, 1), write(2, 2), delete(3, 3)]), replica((2, 5), (3, 3)))
    assert skip_report.differing(found[0]) == [
        "1 rows of d.t different", "1 rows of d.t missing", "1 rows of d.t there still"
    ]  # fmt: skip
