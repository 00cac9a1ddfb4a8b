# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which transactions are still to be applied, what ends a run of them, and how a table map is made without a binlog."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional, Sequence

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair_map as maps
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair_pending as pending
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import layout as layouts
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import QueryEvent
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import (
    DDL,
    INCIDENT,
    XA,
    XID,
    Transaction,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_alter import alter
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_rows import APPLIED, Shape
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    GTID,
    POSITION,
    STOPPED,
    Coordinates,
    Fault,
    Worker,
)
from unit import made

TEXT = "Could not execute Write_rows event on table d.t; Duplicate entry '9'; the event's %s log %s, end_log_pos %d"


def one(first: int = 100, last: int = 200, gtid: str = "", ending: str = XID, **more: Any) -> Transaction:
    return Transaction("binlog.000001", first, last, gtid, ending, 0, 1, 0, **more)


def query(text: str, schema: str = "d") -> QueryEvent:
    return QueryEvent(schema, text, 4, 5, 0, 1, 1, 0, b"")


def end(position: int) -> Coordinates:
    return Coordinates("binlog.000001", position)


def test_which_transactions_are_asked_for_instead_of_named() -> None:
    wish = rules.transactions_named({}, None, pending.PENDING)
    assert (wish.which, wish.point, wish.start, wish.gtids) == ("pending", APPLIED, None, "")
    with pytest.raises(BadInputError, match="which and names"):
        rules.transactions_named({}, "0-1-5", pending.FAILING)


@pytest.mark.parametrize("words", [("source", "binlog.000001"), ("master", "binlog.000001")])
def test_the_failing_one_is_where_the_error_says(words: Sequence[str]) -> None:
    fault = Fault(1062, TEXT % (*words, 150))
    channel = made.channel(mode=POSITION, applier=STOPPED, applier_fault=fault)
    found = pending.failing(made.server(), channel)
    assert found.point == end(150)
    assert found.is_it(one(100, 200)) and not found.is_it(one(200, 300)) and not found.is_it(one(10, 100))


WORKER = "Worker 3 failed executing transaction '' at master log %s, end_log_pos 1080; "


@pytest.mark.parametrize(
    ("head", "reads", "point"),
    [
        (WORKER % "binlog.000001", "binlog.000002", end(1080)),
        (WORKER % "", "binlog.000001", end(1080)),
        ("", "binlog.000001", end(1080)),
        (WORKER % "", "binlog.000002", None),
    ],
)
def test_a_worker_of_5_6_may_call_the_log_first(head: str, reads: str, point: Optional[Coordinates]) -> None:
    fault = Fault(1062, head + TEXT % ("master", "FIRST", 1080))
    at = {"executed": end(900), "read": Coordinates(reads, 4000)}
    channel = made.channel(mode=POSITION, applier=STOPPED, applier_fault=fault, **at)
    assert pending.failing(made.server(), channel).point == point


def test_the_failing_one_has_the_gtid_that_its_worker_names() -> None:
    uuid = "11111111-aaaa-bbbb-cccc-000000000001"
    worker = Worker(1, False, Fault(1062, TEXT % ("source", "binlog.000001", 150)), uuid + ":7")
    channel = made.channel(mode=GTID, applier=STOPPED, workers=(worker,))
    found = pending.failing(made.server(), channel)
    assert found.gtid == uuid + ":7" and found.is_it(one(gtid=uuid + ":7")) and not found.is_it(one(gtid=uuid + ":6"))


def test_the_failing_one_is_the_first_where_nothing_tells() -> None:
    # MariaDB 11.8 shows an end of 0.
    channel = made.channel(mode=POSITION, applier=STOPPED, applier_fault=Fault(1062, TEXT % ("master", "b.000001", 0)))
    assert pending.failing(made.server(), channel) == pending.Failing()
    assert pending.Failing().is_it(one())


def test_without_an_error_nothing_is_failing() -> None:
    with pytest.raises(RefusedError, match="no failing transaction"):
        pending.failing(made.server(), made.channel(applier=STOPPED, applier_fault=None, workers=()))


@pytest.mark.parametrize(
    ("transaction", "why"),
    [
        (one(), ""),
        (one(ending=XA), "XA"),
        (one(ending=INCIDENT), "lacks"),
        (one(lossy="compressed"), "not fully known"),
        (one(ending=DDL, statements=(query("ALTER TABLE t ADD COLUMN c INT", "d"),)), "changes a definition"),
        (one(statements=(query("UPDATE t SET v = 1", "d"),)), "logged as a statement"),
        (one(ending=DDL, statements=(query("FLUSH TABLES", "d"),)), ""),
        (one(ending=DDL, statements=(query("CREATE USER u", "d"),)), ""),
    ],
)
def test_what_ends_a_run_that_rows_can_be_told_of(transaction: Transaction, why: str) -> None:
    found = pending.unhealable(transaction)
    assert (why in found) if why else found == ""


def test_what_a_transaction_does_that_no_image_shows() -> None:
    table = TableName("d", "t")
    assert "TRUNCATE" in pending.touches(one(ending=DDL, statements=(query("TRUNCATE T", "D"),)), str.lower, table)
    assert pending.touches(one(ending=DDL, statements=(query("TRUNCATE other", "d"),)), str, table) == ""
    assert pending.touches(one(statements=(query("DELETE FROM x", "d"),)), str, table)
    assert pending.touches(one(lossy="cut", tables=(TableName("d", "other"),)), str, table) == ""
    assert pending.touches(one(lossy="cut"), str, table)


def record(last: int, number: int, *bits: int) -> pending.WorkerRecord:
    return pending.WorkerRecord(end(last), number, frozenset(bits))


def test_what_parallel_workers_applied_above_the_mark() -> None:
    ends = [end(position) for position in (200, 300, 400, 500, 600)]
    assert pending.done_above(end(100), [], ends) == frozenset()
    # Two workers; the transaction that ends at 300 is the one that failed.
    found = pending.done_above(end(100), [record(400, 2, 0, 2), record(500, 3, 3)], ends)
    assert found == {str(end(position)) for position in (200, 400, 500)}
    # The bits count from an earlier checkpoint than the mark.
    assert pending.done_above(end(100), [record(300, 11, 10, 11)], ends) == {str(end(200)), str(end(300))}
    # A worker that was not seen above the mark tells nothing.
    assert pending.done_above(end(300), [record(300, 11, 10, 11)], ends[2:]) == frozenset()


def test_records_of_workers_are_read_bit_by_bit() -> None:
    rows = [
        {"Master_log_name": "binlog.000001", "Master_log_pos": 1978, "Checkpoint_seqno": 9,
         "Checkpoint_group_bitmap": "0302"},
        {"Master_log_name": "", "Master_log_pos": 0, "Checkpoint_seqno": 0, "Checkpoint_group_bitmap": "00"},
    ]  # fmt: skip
    assert pending.worker_records(rows) == (record(1978, 9, 0, 1, 9),)


COLUMNS = (
    ColumnInfo("id", data_type="int", column_type="int"),
    ColumnInfo("v", data_type="varchar", column_type="varchar(20)", length=80, charset="utf8mb4"),
    ColumnInfo("c", data_type="char", column_type="char(200)", length=800, charset="utf8mb4"),
    ColumnInfo("d", data_type="decimal", column_type="decimal(10,2)"),
    ColumnInfo("e", data_type="enum", column_type="enum('a','b')"),
    ColumnInfo("s", data_type="set", column_type="set('a','b')"),
    ColumnInfo("b", data_type="bit", column_type="bit(11)"),
    ColumnInfo("t", data_type="datetime", column_type="datetime(3)"),
    ColumnInfo("x", data_type="mediumtext", column_type="mediumtext", length=16777215, charset="utf8mb4"),
    ColumnInfo("j", data_type="json", column_type="json"),
)
VALUES = (7, "ü".encode(), b"abc", "12.50", 2, 3, 1025, "2026-01-02 03:04:05.678", b"long", None)


def test_a_table_map_is_made_and_rows_are_written_by_it() -> None:
    table = maps.made("d", "t", COLUMNS, [False, *[True] * 9])
    layout = layouts.from_schema(table, COLUMNS, ["id"])
    assert layout is not None and table.nullable(1) and not table.nullable(0)
    shape = Shape(table.type_codes, layout.columns, layout.primary_key)
    parts = maps.encoded(VALUES, shape, table.metadata)
    read = tuple(None if part is None else decode(part, 0)[0] for part, decode in zip(parts, layout.decoders))
    assert read == VALUES


def test_a_row_with_a_document_can_be_deleted_though_it_cannot_be_written() -> None:
    table = maps.made("d", "t", COLUMNS, [False, *[True] * 9])
    shape = Shape(table.type_codes, COLUMNS, (0,))
    row = (*VALUES[:-1], b'{"a": 1}')
    with pytest.raises(ValueError, match="cannot be encoded"):
        maps.encoded(row, shape, table.metadata)
    assert maps.by_key(row, shape, table.metadata)[-1] == b"\x02\0\0\0\x04\0"
    with pytest.raises(ValueError, match="cannot be read"):
        maps.encoded(row[:-1], shape, table.metadata)


@pytest.mark.parametrize("kind", ["sometype", "varchar /*!100301 COMPRESSED*/"])
def test_columns_whose_form_is_not_known_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="column v"):
        maps.made("d", "t", [replace(COLUMNS[1], data_type=kind.split()[0], column_type=kind)], [True])


def test_the_alter_that_makes_two_definitions_equal() -> None:
    have = "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `v` date DEFAULT NULL,\n  `z` int,\n  PRIMARY KEY (`id`)\n)"
    wanted = "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `n` int,\n  `v` varchar(20),\n  PRIMARY KEY (`id`)\n)"
    assert alter("d", "t", have, wanted) == (
        "ALTER TABLE `d`.`t` DROP COLUMN `z`, ADD COLUMN `n` int AFTER `id`, MODIFY COLUMN `v` varchar(20)"
    )
    assert alter("d", "t", have, have) == ""
