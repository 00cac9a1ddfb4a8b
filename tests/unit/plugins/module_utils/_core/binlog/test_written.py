# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers that are written out for a table read what the others read, and are made of fixed words and numbers only."""

from __future__ import annotations

import ast
import re
import struct
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple
from unittest import mock

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import columns as types
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import images, runs, written
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_info import (
    DECODE_ERRORS,
    ColumnInfo,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_json import Json
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.format import MODERN
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.header import BODY
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import RowDecoder, kind_of
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import transactions
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from hypothesis import given, settings
from hypothesis import strategies as st
from unit import binlogs
from unit.column_forms import COLUMNS, ColumnForm, stored

WRITE, UPDATE, DELETE = 30, 31, 32
WORDS = frozenset(
    "make given read rows data pos end start value before after changes append startswith".split()
)  # fmt: skip


class Made(NamedTuple):
    """A table."""

    table: TableMap
    columns: List[ColumnInfo]
    decoders: List[Any]
    fields: Sequence[runs.Field]

    def decoder(self) -> RowDecoder:
        return RowDecoder(self.table, self.columns, self.decoders, MODERN, self.fields)


def made(forms: Sequence[ColumnForm], unsigned: Sequence[bool], name: str = "c") -> Made:
    codes, metadata = bytes([form[0] for form in forms]), tuple(form[1] for form in forms)
    table = TableMap(5, 0, name, name, codes, metadata, b"\xff" * (len(forms) // 8 + 1), None)
    columns = [ColumnInfo(name, unsigned=one, data_type=form[2]) for form, one in zip(forms, unsigned)]
    decoders = [types.column_decoder(form[0], form[1], column) for form, column in zip(forms, columns)]
    fields = runs.fields_of(table, columns, decoders)
    assert fields is not None
    return Made(table, columns, decoders, fields)


def image(forms: Sequence[ColumnForm], nulls: Sequence[bool], values: Sequence[bytes]) -> bytes:
    bits = sum(1 << number for number, null in enumerate(nulls) if null)
    parts = [stored(form, value) for form, null, value in zip(forms, nulls, values) if not null]
    return bits.to_bytes((len(forms) + 7) // 8, "little") + b"".join(parts)


def event(kind: int, count: int, rows: bytes) -> bytes:
    present = ((1 << count) - 1).to_bytes((count + 7) // 8, "little") * (2 if kind == UPDATE else 1)
    return bytes(BODY) + b"\5\0\0\0\0\0\1\0\2\0" + bytes((count,)) + present + rows


def outcome(decoder: RowDecoder, kind: int, data: bytes) -> Optional[str]:
    """The rows; None for an error: bytes that are no value are refused either way."""
    try:
        return repr(decoder.decode(kind, data))
    except (BinlogError, *DECODE_ERRORS):
        return None


class Drawn(NamedTuple):
    """A table, and events of it."""

    forms: List[ColumnForm]
    unsigned: List[bool]
    events: List[Tuple[int, bytes]]


@st.composite
def drawn_tables(draw: st.DrawFn) -> Drawn:
    forms = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=18))
    flags = st.lists(st.booleans(), min_size=len(forms), max_size=len(forms))
    # Most rows of a table have NULL in the same columns.
    patterns = st.sampled_from([draw(flags), draw(flags)])
    value = st.binary(max_size=30)
    values = st.lists(value, min_size=len(forms), max_size=len(forms))
    found: List[Tuple[int, bytes]] = []
    for _unused in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from((WRITE, UPDATE, DELETE)))
        before = draw(values)
        rows = b""
        for _row in range(draw(st.integers(1, 3))):
            rows += image(forms, draw(patterns), before)
            if kind == UPDATE:
                after = [draw(value) if draw(st.booleans()) else same for same in before]
                rows += image(forms, draw(patterns), after)
        found.append((kind, event(kind, len(forms), rows[: -draw(st.integers(0, 3)) or None])))
    return Drawn(forms, draw(flags), found)


@given(drawn_tables(), st.integers(0, 3))
@settings(deadline=None)
def test_written_readers_read_what_decoders_do(drawn: Drawn, often: int) -> None:
    table = made(drawn.forms, drawn.unsigned)
    slow = RowDecoder(table.table, table.columns, table.decoders, MODERN)
    with mock.patch.object(images, "OFTEN", often):
        quick = table.decoder()
    in_runs = table.decoder()
    for kind, data in drawn.events:
        expected = outcome(slow, kind, data)
        assert outcome(in_runs, kind, data) == expected
        assert outcome(quick, kind, data) == expected


@given(st.lists(st.sampled_from(COLUMNS), max_size=18), st.data())
@settings(deadline=None)
def test_the_source_has_no_other_words(forms: List[ColumnForm], data: st.DataObject) -> None:
    hostile = "x'); import os #"
    flags = data.draw(st.lists(st.booleans(), min_size=len(forms), max_size=len(forms)))
    table, sources = made(forms, flags, hostile), []

    def noting(source: str) -> Any:
        sources.append(source)
        return compiled(source)

    compiled = written._compiled
    with mock.patch.object(written, "_compiled", noting):
        written.written(table.fields, flags, 3)
        common = written.Common(table.fields, b"\0\0\0", flags, lambda data, pos: ((), pos))
        written.written_rows(tuple, table.table.name, hostile, common, common)
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            names = [getattr(node, part) for part in ("id", "arg", "attr", "name") if hasattr(node, part)]
            assert all(name in WORDS or re.fullmatch("[gvwmxyn][0-9]+", name) for name in names)
            if isinstance(node, ast.Constant):
                assert node.value is None or isinstance(node.value, (bool, int))
    assert len(sources) == 2


@pytest.fixture
def at_once() -> Iterator[None]:
    """Readers are written for the first row already."""
    with mock.patch.object(images, "OFTEN", 0):
        yield


def documents(note: bytes) -> bytes:
    return struct.pack("<I", len(note)) + note


def test_an_unchanged_document_is_one_object_in_both_images(at_once: None) -> None:
    table = made([(types.JSON, 4, "json", 4, 0), (types.TINY, 0, "tinyint", 0, 1)], [False, False])
    decoder = table.decoder()
    same, other, null = documents(b"\4\1"), documents(b"\4\2"), b"\1"
    rows = b"\0" + same + b"\1\0" + same + b"\2" + b"\0" + same + b"\2\0" + other + b"\3"
    rows += null + b"\3\0" + same + b"\4"
    for _again in range(3):
        first, second, third = decoder.decode(UPDATE, event(UPDATE, 2, rows))
    assert isinstance(first.before[0], Json) and first.after[0] is first.before[0]
    assert (str(second.before[0]), str(second.after[0])) == ("true", "false")
    assert third.before == (None, 3) and third.after == ("true", 4)


def test_readers_are_written_for_a_few_patterns_of_nulls_only(at_once: None) -> None:
    forms = [COLUMNS[0]] * 12
    decoder = made(forms, [False] * 12).decoder()
    with mock.patch.object(images, "written", wraps=written.written) as writing:
        for _again in range(2):
            for number in range(500):
                nulls = [bool(number >> bit & 1) for bit in range(12)]
                (row,) = decoder.decode(WRITE, event(WRITE, 12, image(forms, nulls, [b"\7"] * 12)))
                assert row == (row.table, kind_of(WRITE), None, tuple(None if null else 7 for null in nulls), False)
    assert writing.call_count == images.MOST_WRITTEN


def test_no_reader_is_written_for_very_many_columns(at_once: None) -> None:
    forms = [COLUMNS[0]] * 12
    data = event(WRITE, 12, image(forms, [False] * 12, [b"\7"] * 12))
    with mock.patch.object(images, "written", wraps=written.written) as writing:
        for most in (11, 12):
            with mock.patch.object(images, "MOST_COLUMNS", most):
                decoder = made(forms, [False] * 12).decoder()
                rows = [decoder.decode(WRITE, data)[0].after for _again in range(3)]
            assert rows == [(7,) * 12] * 3
            assert writing.called is (most == 12)


@pytest.mark.parametrize("name", binlogs.NAMES)
def test_binlogs_say_the_same_by_written_readers(name: str) -> None:
    def all_of(often: int) -> List[str]:
        with mock.patch.object(images, "OFTEN", often):
            events = binlogs.events(name)
            found = transactions(events, binlogs.layout_for, True, binlogs.saved_payload(name), binlogs.FILE)
            return [repr(one) for one in found]

    with mock.patch.object(images, "written", wraps=written.written) as writing:
        expected = all_of(1 << 30)
        assert not writing.called
        assert all_of(0) == expected == all_of(2)
        assert writing.called
