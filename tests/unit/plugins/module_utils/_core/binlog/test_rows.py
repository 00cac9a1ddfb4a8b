# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Row images made by hand: all kinds of events, any pattern of NULLs and missing columns, partial updates, damage."""

from __future__ import annotations

import struct
import zlib
from typing import Any, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.canonical import ABSENT
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo, column_decoder
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_json import Json
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.format import MODERN, FormatDescription
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import RowDecoder, kind_of
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap, TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from hypothesis import given
from hypothesis import strategies as st
from unit.binlogs import event

TINY, SHORT, LONG, LONGLONG, VARCHAR, JSON = 1, 2, 3, 8, 15, 245
FORMS = {TINY: "b", SHORT: "h", LONG: "i", LONGLONG: "q"}
TABLE = TableName("d", "t")

Row = Sequence[Any]


def decoder(codes: Sequence[int], unsigned: Sequence[int] = (), form: FormatDescription = MODERN) -> RowDecoder:
    """The decoder of a table of these types; ``unsigned`` are positions."""
    metadata = tuple({VARCHAR: 20, JSON: 4}.get(code, 0) for code in codes)
    table = TableMap(5, 0, "d", "t", bytes(codes), metadata, b"\xff" * 9, None)
    columns = [ColumnInfo("c%d" % number, unsigned=number in unsigned) for number in range(len(codes))]
    decoders = [column_decoder(code, meta, column) for code, meta, column in zip(codes, metadata, columns)]
    return RowDecoder(table, columns, decoders, form)


def bits(numbers: Sequence[int], size: int) -> bytes:
    return sum(1 << number for number in numbers).to_bytes((size + 7) // 8, "little")


def image(codes: Sequence[int], row: Row, unsigned: Sequence[int] = ()) -> bytes:
    """A row as the binlog stores it; ABSENT columns are left out."""
    present = [number for number, value in enumerate(row) if value is not ABSENT]
    nulls = [bit for bit, number in enumerate(present) if row[number] is None]
    data = bits(nulls, len(present))
    for number in present:
        value, code = row[number], codes[number]
        if value is None:
            continue
        if code == VARCHAR:
            data += bytes((len(value),)) + value
        elif code == JSON:
            data += struct.pack("<I", len(value)) + value
        else:
            data += struct.pack("<" + (FORMS[code].upper() if number in unsigned else FORMS[code]), value)
    return data


def present(rows: Sequence[Row], size: int) -> bytes:
    return bits([number for number in range(size) if rows[0][number] is not ABSENT], size)


def rows_event(kind: int, size: int, bitmaps: bytes, images: bytes) -> bytes:
    head = (
        b"\5\0\0\0\0\0\1\0" + (b"\2\0" if kind in (30, 31, 32, 39, 169, 170, 171) else b"") + bytes((size,)) + bitmaps
    )
    if kind >= 166:
        images = b"\x84" + struct.pack(">I", len(images)) + zlib.compress(images)
    return event(kind, head + images)[3]


def single(kind: int, codes: Sequence[int], rows: Sequence[Row], unsigned: Sequence[int] = ()) -> bytes:
    images = b"".join(image(codes, row, unsigned) for row in rows)
    return rows_event(kind, len(codes), present(rows, len(codes)), images)


def values_of(code: int, unsigned: bool) -> st.SearchStrategy[Any]:
    if code == VARCHAR:
        return st.binary(max_size=20)
    width = 8 * struct.calcsize(FORMS[code])
    return st.integers(0, 2**width - 1) if unsigned else st.integers(-(2 ** (width - 1)), 2 ** (width - 1) - 1)


@st.composite
def tables(draw: st.DrawFn) -> Tuple[List[int], List[int], List[Row]]:
    codes = draw(st.lists(st.sampled_from((TINY, SHORT, LONG, LONGLONG, VARCHAR)), min_size=1, max_size=11))
    unsigned = [number for number in range(len(codes)) if draw(st.booleans())]
    missing = [number for number in range(1, len(codes)) if draw(st.integers(0, 9)) == 0]
    cells = [
        st.just(ABSENT) if number in missing else st.none() | values_of(code, number in unsigned)
        for number, code in enumerate(codes)
    ]
    return codes, unsigned, draw(st.lists(st.tuples(*cells), min_size=1, max_size=5))


@given(tables(), st.sampled_from((20, 22, 23, 25, 30, 32, 166, 168, 169, 171)))
def test_written_and_deleted_rows_of_any_table(table: Tuple[List[int], List[int], List[Row]], kind: int) -> None:
    codes, unsigned, rows = table
    found = decoder(codes, unsigned).decode(kind, single(kind, codes, rows, unsigned))
    partial = ABSENT in rows[0]
    expected = [(None, row) if kind_of(kind) == "write" else (row, None) for row in rows]
    assert [(change.before, change.after) for change in found] == expected
    assert {(change.table, change.kind, change.partial) for change in found} == {(TABLE, kind_of(kind), partial)}


@given(tables(), st.sampled_from((21, 24, 31, 167, 170)))
def test_updated_rows_of_any_table(table: Tuple[List[int], List[int], List[Row]], kind: int) -> None:
    codes, unsigned, rows = table
    full = [tuple(None if value is ABSENT else value for value in row) for row in rows]
    bitmaps = present(full, len(codes)) + present(rows, len(codes))
    images = b"".join(image(codes, one, unsigned) + image(codes, two, unsigned) for one, two in zip(full, rows))
    found = decoder(codes, unsigned).decode(kind, rows_event(kind, len(codes), bitmaps, images))
    assert [(change.before, change.after) for change in found] == list(zip(full, rows))
    assert {(change.kind, change.partial) for change in found} == {("update", ABSENT in rows[0])}


@given(tables(), st.integers(1, 9))
def test_an_event_that_is_cut_off_is_an_error(table: Tuple[List[int], List[int], List[Row]], size: int) -> None:
    codes, unsigned, rows = table
    data = single(30, codes, rows[:1], unsigned)
    with pytest.raises((BinlogError, struct.error, IndexError, ValueError)):
        # An event without any row is sound.
        cut = data[:-size]
        if decoder(codes, unsigned).decode(30, cut) == []:
            raise IndexError


def test_one_decoder_reads_events_of_different_kinds_and_columns() -> None:
    codes = [LONG, VARCHAR]
    one = decoder(codes)
    for _unused in range(2):
        assert one.decode(30, single(30, codes, [(1, b"a")]))[0].after == (1, b"a")
        assert one.decode(32, single(32, codes, [(1, ABSENT)]))[0].before == (1, ABSENT)
        assert one.decode(30, single(30, codes, [(ABSENT, None)]))[0].after == (ABSENT, None)


def test_an_extra_header_is_passed_over() -> None:
    data = b"\5\0\0\0\0\0\1\0\6\0what\1\1" + image([TINY], (7,))
    assert decoder([TINY]).decode(30, event(30, data)[3])[0].after == (7,)


def test_table_ids_of_four_bytes() -> None:
    form = FormatDescription(False, bytes(22) + b"\6\6\6", "5.1", False)
    data = event(23, b"\5\0\0\0\1\0\1\1" + image([TINY], (7,)))[3]
    assert decoder([TINY], form=form).decode(23, data)[0].after == (7,)


@pytest.mark.parametrize(
    ("bitmaps", "images", "words"),
    [
        (b"\0", b"\1\2\3", "without columns"),
        (b"\1", image([TINY], (7,)) + b"\0", "unpack"),
        (b"", b"", "ends within its columns"),
    ],
)
def test_events_that_make_no_sense(bitmaps: bytes, images: bytes, words: str) -> None:
    with pytest.raises((BinlogError, struct.error)) as raised:
        decoder([TINY]).decode(30, rows_event(30, 1, bitmaps, images))
    assert words in str(raised.value)


def test_another_number_of_columns_than_the_table_has_is_an_error() -> None:
    with pytest.raises(BinlogError, match=r"3 columns of the 1 of d\.t"):
        decoder([TINY]).decode(30, rows_event(30, 3, b"\7", b"\0\1\1\1"))
    with pytest.raises(BinlogError, match="columns are known"):
        RowDecoder(decoder([TINY]).table, [], [], MODERN)


# -- partial updates of JSON documents. ``{"a": 1}`` and the number 2 in the server's binary form.

DOCUMENT = b"\0\1\0\x0c\0\x0b\0\1\0\5\1\0a"
TWO = b"\5\2\0"
REPLACE_A = b"\0\3$.a\3" + TWO


def partial(options: int, part: bytes, nulls: bytes, values: bytes, before: Optional[bytes] = DOCUMENT) -> List[Any]:
    codes = [LONG, JSON, JSON]
    first = (1, ABSENT if before is None else before, None)
    after = bytes((options,)) + part + nulls + values
    bitmaps = present([first], 3) + b"\7"
    return decoder(codes).decode(39, rows_event(39, 3, bitmaps, image(codes, first) + after))


def test_a_partial_update_is_applied_to_the_document_before() -> None:
    change = b"\1\0\0\0" + struct.pack("<I", len(REPLACE_A)) + REPLACE_A
    (row,) = partial(1, b"\1", b"\4", change)
    assert row.before == (1, Json(DOCUMENT), None) and row.before[1] == '{"a":1}'
    assert row.after == (1, '{"a":2}', None) and not row.partial


def test_without_the_document_before_the_one_after_is_absent() -> None:
    change = b"\1\0\0\0" + struct.pack("<I", len(REPLACE_A)) + REPLACE_A
    (row,) = partial(1, b"\1", b"\4", change, before=None)
    assert row.after == (1, ABSENT, None) and row.partial


def test_whole_documents_stand_beside_partial_ones() -> None:
    whole = b"\1\0\0\0" + struct.pack("<I", len(DOCUMENT)) + DOCUMENT
    assert partial(0, b"", b"\4", whole)[0].after == (1, '{"a":1}', None)
    assert partial(1, b"\2", b"\4", whole)[0].after == (1, '{"a":1}', None)


@pytest.mark.parametrize("change", [b"\0\3$.b\3" + TWO, b"\7\3$.a\3" + TWO, b"\0\3$.a\3\5", b"\0\x30$.a", b"\2\2$a"])
def test_a_change_that_does_not_fit_its_document_is_an_error(change: bytes) -> None:
    with pytest.raises(BinlogError):
        partial(1, b"\1", b"\4", b"\1\0\0\0" + struct.pack("<I", len(change)) + change)


def test_a_partial_update_that_is_cut_off_is_an_error() -> None:
    change = b"\1\0\0\0" + struct.pack("<I", len(REPLACE_A)) + REPLACE_A
    for size in range(1, len(change) + 2):
        with pytest.raises((BinlogError, struct.error, IndexError, ValueError)):
            partial(1, b"\1", b"\4", change[:-size])
