# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are read in runs are those that the columns' decoders give one by one."""

from __future__ import annotations

import struct
from typing import Any, List, Optional, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import columns as types
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import runs
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_info import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.runs import Field, field, reader
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import transactions
from hypothesis import given
from hypothesis import strategies as st
from unit import binlogs
from unit.column_forms import COLUMNS, stored


def one_by_one(decoders: List[Any], nulls: List[bool], data: bytes, pos: int) -> Tuple[Tuple[Any, ...], int]:
    values: List[Any] = []
    for decode, null in zip(decoders, nulls):
        value = None
        if not null:
            value, pos = decode(data, pos)
        values.append(value)
    return tuple(values), pos


def outcome(function: Any, *arguments: Any) -> Optional[Tuple[str, int]]:
    """What it returns; None for an error: bytes that are no value are refused either way."""
    try:
        values, end = function(*arguments)
        return repr(values), end
    except (struct.error, IndexError, ValueError, KeyError, OverflowError):
        return None


@given(st.lists(st.tuples(st.sampled_from(COLUMNS), st.booleans(), st.booleans(), st.binary(max_size=30)), max_size=12))
def test_runs_read_what_decoders_do(drawn: List[Tuple[Tuple[int, int, str, int, int], bool, bool, bytes]]) -> None:
    fields: List[Field] = []
    decoders: List[Any] = []
    body = b""
    for (code, metadata, data_type, prefix, size), unsigned, null, value in drawn:
        column = ColumnInfo("c", unsigned=unsigned, data_type=data_type)
        decoders.append(types.column_decoder(code, metadata, column))
        found = field(code, metadata, column, decoders[-1])
        assert found is not None
        fields.append(found)
        if not null:
            body += stored((code, metadata, data_type, prefix, size), value)
    nulls = [one[2] for one in drawn]
    skip = (len(drawn) + 7) // 8
    data = bytes(skip) + body
    assert outcome(reader(fields, nulls, skip), data, 0) == outcome(one_by_one, decoders, nulls, data, skip)


@pytest.mark.parametrize("digits", range(7))
@pytest.mark.parametrize("code", [types.DATETIME2, types.TIMESTAMP2])
def test_zero_is_no_time_unless_a_fraction_follows(code: int, digits: int) -> None:
    column = ColumnInfo("c", data_type="datetime" if code == types.DATETIME2 else "timestamp")
    decode = types.column_decoder(code, digits, column)
    found = field(code, digits, column, decode)
    assert found is not None
    head = b"\x80\0\0\0\0" if code == types.DATETIME2 else bytes(4)
    for fraction in (0, 10, 10):
        data = head + fraction.to_bytes((digits + 1) // 2, "big") if digits else head
        assert reader([found], [False], 0)(data, 0) == ((decode(data, 0)[0],), len(data))


def test_what_does_not_repeat_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_MOST_VALUES", 3)
    monkeypatch.setattr(runs, "_MOST_IN_VAIN", 4)
    known = runs.Known(lambda data: data.decode())
    sizes = []
    for number in range(20):
        assert known[b"%d" % number] == known[b"%d" % number] == str(number)
        sizes.append(len(known))
    assert max(sizes) == 3 and sizes.count(3) > 3 and min(sizes[3:]) < 3


@pytest.mark.parametrize("precision, scale", [(12, 2), (9, 1), (19, 1), (22, 4), (10, 9), (4, 4), (30, 2), (6, 0)])
@given(data=st.data())
def test_decimals_of_all_sizes(precision: int, scale: int, data: st.DataObject) -> None:
    metadata, column = precision | scale << 8, ColumnInfo("c", data_type="decimal")
    decode = types.column_decoder(types.NEWDECIMAL, metadata, column)
    found = field(types.NEWDECIMAL, metadata, column, decode)
    assert found is not None
    stored = data.draw(st.binary(min_size=struct.calcsize(found.form), max_size=struct.calcsize(found.form)))
    assert outcome(reader([found], [False], 0), stored, 0) == outcome(one_by_one, [decode], [False], stored, 0)


def test_a_long_length_of_three_bytes_is_left_to_the_decoder() -> None:
    column = ColumnInfo("c", data_type="mediumblob")
    assert field(types.BLOB, 3, column, types.column_decoder(types.BLOB, 3, column)) is None


@pytest.mark.parametrize("name", binlogs.NAMES)
def test_binlogs_say_the_same_in_runs(name: str) -> None:
    read_in_runs = []

    def slowly(table: TableMap) -> binlogs.Bare:
        found = binlogs.layout_for(table)
        read_in_runs.append(found.fields is not None)
        return binlogs.Bare(found.columns, found.decoders)

    def all_of(layout_for: Any) -> List[str]:
        events = binlogs.events(name)
        return [repr(one) for one in transactions(events, layout_for, True, binlogs.saved_payload(name), binlogs.FILE)]

    assert all_of(binlogs.layout_for) == all_of(slowly)
    assert any(read_in_runs)
