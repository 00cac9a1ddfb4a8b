# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a later snapshot are walked back by the images in between, by key or by count."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_info import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import DELETE, UPDATE, WRITE, RowChange
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import XID, Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_rows import Collector, Shape
from ansible_collections.replicaops.mysql.plugins.module_utils._core.table_repair_back import UNFIT, Images

KEYED, BAG = TableName("s", "keyed"), TableName("s", "bag")
COLUMNS = (ColumnInfo("id", data_type="int"), ColumnInfo("n", data_type="int"))
Row = Optional[Tuple[int, int]]


def images() -> Images:
    def shape(name: TableName) -> Optional[Shape]:
        return Shape(b"\x03\x03", COLUMNS, (0,)) if name == KEYED else None

    return Images(Collector(shape), {BAG: 2})


def transaction(*changes: Tuple[TableName, Row, Row], **more: Any) -> Transaction:
    rows = tuple(
        RowChange(table, WRITE if before is None else DELETE if after is None else UPDATE, before, after, False)
        for table, before, after in changes
    )
    tables = tuple(dict.fromkeys(table for table, _before, _after in changes))
    return Transaction("b.1", 4, 9, "", XID, 0, 1, 0, tables, rows, **more)


def test_a_row_was_what_its_first_image_says() -> None:
    found = images()
    found.feed(transaction((KEYED, (1, 1), (1, 2)), (KEYED, (1, 2), (1, 3)), (KEYED, None, (4, 4))), False)
    found.feed(transaction((KEYED, (2, 2), None), (KEYED, (5, 5), (6, 5))), False)
    found.feed(transaction((KEYED, (3, 3), (3, 30))), True)
    now = {(1,): (1, 3), (3,): (3, 30), (4,): (4, 4), (6,): (6, 5), (9,): (9, 9)}
    assert found.why(KEYED) == ""
    assert found.rows(KEYED, now) == {(1,): (1, 1), (2,): (2, 2), (3,): (3, 30), (5,): (5, 5), (9,): (9, 9)}
    assert set(found.keys(KEYED)) == {(1,), (2,), (4,), (5,), (6,)}


def test_of_equal_rows_the_number_counts() -> None:
    found = images()
    found.feed(transaction((BAG, (1, 1), (1, 2)), (BAG, None, (7, 7)), (BAG, (3, 3), None)), False)
    found.feed(transaction((BAG, None, (8, 8))), True)
    assert found.why(BAG) == ""
    assert sorted(found.bag(BAG, [(1, 2), (1, 1), (7, 7), (7, 7), (8, 8)])) == [(1, 1), (1, 1), (3, 3), (7, 7), (8, 8)]
    with pytest.raises(ValueError, match=UNFIT):
        found.bag(BAG, [(1, 1)])


def test_what_is_not_fully_known_is_not_walked_back() -> None:
    found = images()
    found.feed(transaction((BAG, None, (1, 1)), (KEYED, None, (1, 1)), lossy="it was cut"), False)
    assert "it was cut" in found.why(BAG) and "it was cut" in found.why(KEYED)
