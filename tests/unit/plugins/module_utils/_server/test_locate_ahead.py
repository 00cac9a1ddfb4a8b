# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second process hands over all transactions in order, says when it could not, and never outlives the first."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from typing import Any, Callable, Iterable, Iterator, List, Union

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import WRITE, RowChange
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap, TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transaction import DDL, XID, Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.printing import Printed
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.usual import Usual
from ansible_collections.replicaops.mysql.plugins.module_utils._server import locate_batch
from ansible_collections.replicaops.mysql.plugins.module_utils._server.locate_ahead import Ahead
from ansible_collections.replicaops.mysql.plugins.module_utils._server.locate_batch import Batch, unpacked
from hypothesis import given
from hypothesis import strategies as st

NAMES = [TableName("s", "t%d" % number) for number in range(4)]
NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)
PRINTED = st.builds(Printed, st.sampled_from(NAMES), NUMBERS, st.binary(max_size=9), NUMBERS, NUMBERS)
DECODED = st.builds(
    RowChange, st.sampled_from(NAMES), st.just(WRITE), st.none(), st.tuples(st.integers(), st.text()), st.booleans()
)
TRANSACTIONS = st.builds(
    Transaction, st.sampled_from(["b.000001", "b.000002"]), st.integers(4, 1 << 40), st.integers(4, 1 << 40),
    st.sampled_from(["", "0-1-5", "uuid:9"]), st.sampled_from([XID, XID, XID, DDL]), st.integers(0, 1 << 31),
    st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 32) - 1), st.lists(st.sampled_from(NAMES)).map(tuple),
    st.lists(PRINTED | DECODED, max_size=4).map(tuple), st.just(()), st.just(()), st.sampled_from(["", "", "lossy"]),
    st.just(""),
)  # fmt: skip


def separate(items: Iterable[Union[Usual, Transaction]]) -> Iterator[Transaction]:
    """The transactions one by one."""
    for item in items:
        yield from item.transactions() if isinstance(item, Usual) else (item,)


def usual(number: int, changes: int = 1) -> Transaction:
    """A transaction of rows alone."""
    name = NAMES[number % 4]
    rows = tuple(Printed(name, number or 1, b"%d" % number, 0, at + 1) for at in range(changes))
    tables = (name,) if changes else ()
    return Transaction("b.000001", number, number + 1, "", XID, 1, 2, 3, tables, rows, (), (), "", "")


@given(st.lists(TRANSACTIONS))
def test_what_is_packed_comes_out_again(given_ones: List[Transaction]) -> None:
    batch = Batch()
    batch.tables.append(TableMap(1, 0, "s", "t", b"", (), b"", None))
    for one in given_ones:
        batch.add(one)
    tables, found = unpacked(batch.packed())
    assert list(separate(found)) == given_ones
    assert len(tables) == 1
    assert [list(part) for part in unpacked(batch.packed())] == [[], []]


@given(st.lists(st.integers(0, 3), max_size=30))
def test_usual_transactions_are_put_down_by_columns(counts: List[int]) -> None:
    batch = Batch()
    ones = [usual(number, count) for number, count in enumerate(counts)]
    for one in ones:
        batch.add(one)
    assert not any(isinstance(item, Transaction) for item in batch._items)
    found = list(separate(unpacked(batch.packed())[1]))
    assert found == ones
    assert all(isinstance(change, Printed) for one in found for change in one.changes)


def counting(count: int, then: Callable[[], Any] = lambda: None) -> Any:
    """What a second process reads."""

    def read(tables: List[TableMap], total: Callable[[int], None]) -> Iterator[Transaction]:
        for number in range(count):
            if number % 5 == 0:
                tables.append(TableMap(number, 0, "s", "t", b"", (), b"", None))
            yield usual(number)
        then()
        total(1234)

    return read


def test_everything_comes_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate_batch, "ENOUGH", 10)
    met: List[int] = []
    with Ahead(counting(1000), lambda table: met.append(table.table_id)) as ahead:
        assert list(separate(ahead)) == [usual(number) for number in range(1000)]
        assert ahead.complete and ahead.bytes_read == 1234
    assert met == list(range(0, 1000, 5))
    assert gone(ahead._pid)


def refuse() -> None:
    raise ValueError("nothing more")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(("end", "least"), [(refuse, 1), (die, 0)])
def test_it_is_told_when_not_all_came(monkeypatch: pytest.MonkeyPatch, end: Callable[[], None], least: int) -> None:
    monkeypatch.setattr(locate_batch, "ENOUGH", 10)
    with Ahead(counting(95, end), lambda table: None) as ahead:
        found = list(separate(ahead))
    assert found == [usual(number) for number in range(len(found))]
    assert len(found) in range(least, 96)
    assert not ahead.complete
    assert gone(ahead._pid)


def test_it_ends_when_nobody_wants_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate_batch, "ENOUGH", 10)
    with Ahead(counting(1 << 60), lambda table: None) as ahead:
        assert next(separate(ahead)) == usual(0)
    assert gone(ahead._pid)


def _forks(pipe: Any) -> None:
    """A first process that has a second one waiting for a server, and is killed."""
    waiting = counting(0, signal.pause)
    with Ahead(waiting, lambda table: None) as ahead:
        pipe.send(ahead._pid)
        list(ahead)


def test_it_does_not_outlive_the_first_process() -> None:
    ours, theirs = multiprocessing.Pipe()
    first = multiprocessing.get_context("fork").Process(target=_forks, args=(theirs,))
    first.start()
    pid = ours.recv()
    assert not gone(pid)
    first.kill()
    first.join()
    deadline = time.monotonic() + 20
    while not gone(pid) and time.monotonic() < deadline:
        os.sched_yield()
    assert gone(pid)


def gone(pid: int) -> bool:
    """Whether a process has ended; one that waits to be buried has."""
    with contextlib.suppress(OSError), open("/proc/%d/stat" % pid, encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    return True
