# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions of the kinds that give no evidence, or end it, each in a history of its own."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import QueryEvent
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import RowChange
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transaction import Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate import answer as answers
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.answer import Answer
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.digest import digest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.feed import Feeder, View
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.judge import Circumstances, judge
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.objects import Object, State
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.own import Own, Without
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.track import Track
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.voting import FIRST, LAST, Tally, Voting
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates

Row = Tuple[int, int]
T = TableName("d", "t")
U = TableName("d", "u")


def write(table: TableName, *rows: Row) -> Tuple[RowChange, ...]:
    return tuple(RowChange(table, "write", None, row, False) for row in rows)


def update(table: TableName, old: Row, new: Row, partial: bool = False) -> Tuple[RowChange, ...]:
    return (RowChange(table, "update", old, new, partial),)


def transaction(changes: Sequence[RowChange] = (), text: str = "", **more: Any) -> Transaction:
    statements = (QueryEvent("d", text, 0, 0, 0, 1, 1, 0, b""),) if text else ()
    tables = tuple(dict.fromkeys(change.table for change in changes))
    made = Transaction("b.1", 0, 0, "", "ddl" if text else "xid", 0, 1, 1, tables, tuple(changes), statements)
    return made._replace(**more)


def look(
    log: List[Transaction],
    rows: Dict[str, List[Row]],
    views: Optional[Dict[str, View]] = None,
    passed: Sequence[int] = (),
    prepared: bool = True,
    present: Callable[[Object], State] = lambda thing: None,
) -> Tuple[Answer, Tally]:
    """Count a history against the replica's rows."""
    voting = Voting()
    known = views or {}
    own = Own(lambda pair: known.get(pair[1], View("", (0,))), lambda schema, name: (schema, name))
    for number in passed:
        own.take(log[number])
    feeder = Feeder(Without(voting, own), own.view, plain=True)
    track = Track(Coordinates("b.1", 0))
    for number, item in enumerate(log):
        start, end = Coordinates("b.1", number * 10), Coordinates("b.1", number * 10 + 10)
        if number in passed:
            feeder.pass_over()
        else:
            feeder.feed(item)
        track.add(start, end, "")
    found = {("d", name): {digest((row[0],)): digest(row) for row in table} for name, table in rows.items()}
    voting.settle(found)
    tally = voting.finish(lambda thing: own.present(thing, present))
    return judge(tally, track, Circumstances(complete_start=True, prepared=prepared)), tally


BEFORE = [transaction(write(T, (1, 1)))]
AFTER = [transaction(write(T, (9, 9))), transaction(write(T, (8, 8)))]


def test_plain_rows() -> None:
    """Two inserts applied, two missing."""
    answer, tally = look([*BEFORE, transaction(write(T, (2, 2))), *AFTER], {"t": [(1, 1), (2, 2)]})
    assert answer.kind == answers.BOUNDARY and answer.boundary is not None and answer.boundary.index == 2
    assert list(tally.against) == [2, 1, 0, 1, 2]
    assert answer.evidence.votes_for == 4


@pytest.mark.parametrize(
    "between",
    [
        transaction(text="FLUSH TABLES"),
        transaction(write(U, (1, 1))),
        transaction(text="UPDATE u SET a = 1"),
        transaction(update(T, (1, 1), (1, 5), partial=True)),
        transaction(lossy="something"),
        transaction(ending="incident"),
    ],
    ids=["flush", "no key", "statement", "partial", "lossy", "incident"],
)
def test_what_gives_no_evidence_makes_a_range(between: Transaction) -> None:
    """The transaction may be applied or not."""
    answer, _tally = look([*BEFORE, between, *AFTER], {"t": [(1, 1)], "u": []}, {"u": View("it has no primary key")})
    assert answer.kind == answers.RANGE and answer.first is not None and answer.last is not None
    assert answer.first.index <= 1 and answer.last.index >= 2
    assert answer.candidates[0][0].index <= 1


def test_a_history_with_a_gap_is_void() -> None:
    """A row that changed without a trace (a cascade) silences its table."""
    log = [
        transaction(write(U, (1, 1))),
        transaction(update(T, (1, 1), (1, 2))),
        transaction(update(T, (1, 3), (1, 4))),
        transaction(write(U, (2, 2))),
    ]
    _answer, tally = look(log, {"t": [(1, 2)], "u": [(1, 1)]})
    assert "does not show" in tally.silent["d", "t"]
    assert list(tally.against) == [1, 0, 0, 0, 1]


def test_a_key_changed_twice_in_one_transaction() -> None:
    """Only what is there at its end counts."""
    both = transaction((*update(T, (1, 1), (1, 2)), *update(T, (1, 2), (1, 3))))
    _answer, tally = look([both, transaction(update(T, (1, 3), (1, 2)))], {"t": [(1, 2)]})
    assert list(tally.against) == [1, 1, 0]


def test_a_toggled_row_votes_for_every_time() -> None:
    """The row is the same after the first and the third change."""
    log = [
        transaction(update(T, (1, 0), (1, 1))),
        transaction(update(T, (1, 1), (1, 0))),
        transaction(update(T, (1, 0), (1, 1))),
    ]
    answer, tally = look(log, {"t": [(1, 1)]})
    assert list(tally.against) == [1, 0, 1, 0]
    assert answer.kind == answers.RANGE and len(answer.candidates) == 2


def test_transactions_of_the_replica_itself() -> None:
    """In a ring the replica has its own transactions at any time: what they touch tells nothing, other rows do."""
    log = [
        *BEFORE,
        transaction(write(T, (3, 1))),
        transaction(update(T, (1, 1), (1, 2))),
        transaction(write(T, (5, 1))),
        transaction(write(U, (1, 1))),
        transaction(write(U, (2, 2))),
    ]
    # Its own update is there long before it comes back, and it has changed the row again since.
    for number in range(len(log)):
        rows = {"t": [(1, 7), *([(3, 1)] if number > 1 else []), *([(5, 1)] if number > 3 else [])]}
        rows["u"] = [(1, 1)] if number > 4 else []
        answer, tally = look(log, rows, passed=(2,))
        assert tally.against[number] == 0
        if number in (2, 3):  # the same to the replica
            assert answer.boundary is not None and answer.boundary.index == 3
        elif number > 1:
            assert answer.boundary is not None and answer.boundary.index == number
        else:
            assert answer.kind == answers.RANGE and answer.last is not None and answer.last.index == 1


def test_a_definition_of_the_replica_itself() -> None:
    """Its table was there before the statement came back: nothing is said of it."""
    log = [*BEFORE, transaction(text="DROP TABLE u"), transaction(text="CREATE TABLE u (a INT)"), *AFTER]
    answer, tally = look(log, {"t": [(1, 1)], "u": []}, passed=(2,))
    assert tally.against[1] == tally.against[2] == 0 and answer.kind == answers.RANGE


def test_an_xa_transaction_is_indivisible() -> None:
    """Between its two parts there is no position; its rows count for nothing."""
    log = [
        *BEFORE,
        transaction(write(U, (1, 1)), ending="xa", lossy="one part of an XA transaction"),
        transaction(write(T, (2, 2))),
        transaction(text="XA COMMIT X'31',X'',1", ending="xa", lossy="one part of an XA transaction"),
        *AFTER,
    ]
    answer, _tally = look(log, {"t": [(1, 1), (2, 2)], "u": []})
    assert answer.kind == answers.RANGE and answer.first is not None and answer.last is not None
    assert answer.first.index <= 3 and answer.last.index >= 4


def test_the_rows_of_an_xa_transaction_appear_when_it_is_committed() -> None:
    """It is told by its name; a replica that has none prepared is at no boundary where one is."""
    lossy = "it is one part of an XA transaction, whose other part stands elsewhere"
    log = [
        *BEFORE,
        transaction(write(U, (1, 1)), ending="xa", lossy=lossy, xid="X'31',X'',1"),
        transaction(write(T, (2, 2))),
        transaction(write(U, (5, 5)), ending="xa", lossy=lossy, xid="X'32',X'',1"),
        transaction(text="XA COMMIT X'31',X'',1", ending="xa", lossy=lossy),
        transaction(text="XA COMMIT x'32',x'',1", ending="xa", lossy=lossy),
        *AFTER,
    ]
    before = {"t": [(1, 1)], "u": []}
    answer, _tally = look(log, before, prepared=False)
    assert answer.boundary is not None and answer.boundary.index == 1
    after = {"t": [(1, 1), (2, 2)], "u": [(1, 1), (5, 5)]}
    answer, _tally = look(log, after, prepared=False)
    assert answer.boundary is not None and answer.boundary.index == 6
    answer, _tally = look(log, before)
    assert answer.kind == answers.RANGE and answer.last is not None and answer.last.index == 2
    answer, tally = look(log[2:], after, prepared=False)  # what was prepared before is not known
    assert tally.against[-1] == 2 and answer.kind == answers.RANGE


def test_rows_of_all_tables_together() -> None:
    """Each row comes back as it was, but only at one boundary all of them are so."""
    log = [
        transaction(update(T, (1, 0), (1, 1))),
        transaction(update(U, (1, 0), (1, 1))),
        transaction(update(T, (1, 1), (1, 0))),
        transaction(update(U, (1, 1), (1, 0))),
        transaction(update(T, (1, 0), (1, 1))),
        transaction(write(U, (2, 2))),
    ]
    for number, (one, two) in enumerate(((0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (1, 0), (1, 0))):
        rows = {"t": [(1, one)], "u": [(1, two), *([(2, 2)] if number == 6 else [])]}
        answer, _tally = look(log, rows)
        if number in (2, 3, 6):
            assert answer.boundary is not None and answer.boundary.index == number
        else:
            assert answer.kind == answers.RANGE


def test_a_row_of_another_time_is_not_enough() -> None:
    """Written on the replica it contradicts every boundary before a barrier, and none after it."""
    log = [
        transaction(write(U, (1, 1))),
        transaction(update(T, (1, 0), (1, 1))),
        transaction(write(U, (2, 2))),
        transaction(text="ALTER TABLE t FORCE"),
        transaction(write(U, (3, 3))),
    ]
    answer, tally = look(log, {"t": [(1, 7)], "u": [(1, 1), (2, 2)]})
    assert [k for k, number in enumerate(tally.against) if not number] == [4]
    assert answer.kind == answers.RANGE


def test_a_guarded_statement_about_a_table_whose_rows_were_changed() -> None:
    """It was there before, so that making it does nothing, and dropping it shows."""
    log = [
        *BEFORE,
        transaction(write(U, (1, 1))),
        transaction(text="CREATE TABLE IF NOT EXISTS u (a INT PRIMARY KEY, b INT)"),
        transaction(update(U, (1, 1), (1, 2))),
        transaction(text="DROP TABLE IF EXISTS u"),
        *AFTER,
    ]
    for there, number in ((True, 4), (False, 5)):
        rows = {"t": [(1, 1)], **({"u": [(1, 2)]} if there else {})}
        answer, tally = look(log, rows, present=lambda thing, there=there: there if thing[0] == "table" else None)
        assert [k for k, count in enumerate(tally.against) if not count] == [number]
        assert answer.boundary is not None and answer.boundary.index == number


def test_a_guarded_statement_whose_result_is_not_here_is_missing() -> None:
    """What was there before it is not told; that it is not applied is."""
    log = [*BEFORE, transaction(text="CREATE TABLE IF NOT EXISTS u (a INT PRIMARY KEY, b INT)"), *AFTER]
    for there in (False, True):
        _answer, tally = look(log, {"t": [(1, 1)]}, present=lambda thing, there=there: there)
        made = tally.flags[len(BEFORE) + 1]
        assert bool(made & LAST) is not there and not made & FIRST


def test_a_rolled_back_transaction_ends_images() -> None:
    """Its rows stay in tables without transactions and go in others."""
    log = [*BEFORE, transaction(write(T, (3, 3)), ending="rollback"), *AFTER]
    _answer, tally = look(log, {"t": [(1, 1), (3, 3)]})
    assert tally.against[2] == 0


def test_a_temporary_table_hides_another() -> None:
    """A statement about the name says nothing any more."""
    log = [transaction(text="CREATE TEMPORARY TABLE t (a INT)"), transaction(text="DROP TABLE t"), *AFTER]
    _answer, tally = look(log, {"t": []})
    assert list(tally.against) == [0, 0, 0, 1, 2]
