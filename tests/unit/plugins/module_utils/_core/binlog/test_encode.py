# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Row images out of real binlogs keep every byte, and the events built of them say what they were built from."""

from __future__ import annotations

import base64
from typing import Any, List, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import encode, encode_values, row_bytes
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo, column_decoder
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.format import parse_format
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.header import BODY, TABLE_MAP, parse_header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import RowDecoder
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap, parse_table_map
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import transactions
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from hypothesis import given
from hypothesis import strategies as st
from unit import binlogs

INT, VARCHAR, DECIMAL, DATETIME, TIMESTAMP, TIME, YEAR = 3, 15, 246, 18, 17, 19, 13
COLUMNS = (ColumnInfo("id"), ColumnInfo("v", charset="utf8"))
TABLE = TableMap(77, 1, "d", "t", bytes((INT, VARCHAR)), (0, 300), b"\x02", None)


def form(name: str) -> encode.Form:
    return encode.form_of(binlogs.events(name)[0][3])


def row(number: int, text: Any) -> Tuple[Any, ...]:
    return number.to_bytes(4, "little"), None if text is None else len(text).to_bytes(2, "little") + text


def events_of(statement: encode.RowEvents) -> List[bytes]:
    assert statement.sql.startswith("BINLOG '") and statement.sql.endswith("'")
    return [base64.b64decode(part) for part in statement.sql[8:-1].split("\n")]


@pytest.mark.parametrize("name", binlogs.NAMES)
def test_images_keep_every_byte(name: str) -> None:
    seen = 0

    def layout_for(table: TableMap) -> Any:
        layout = binlogs.layout_for(table)
        tables[table.name] = table, layout
        return row_bytes.keeping(layout, table.type_codes)

    tables: Any = {}
    for done in transactions(binlogs.events(name), layout_for, file=binlogs.FILE):
        for change in done.changes:
            table, layout = tables[change.table]
            for image in (change.before, change.after):
                parts = None if image is None else row_bytes.parts(image, table.type_codes, layout.columns)
                if image is None or parts is None:
                    continue
                seen += 1
                decoder = RowDecoder(table, layout.columns, layout.decoders, form(name).description)
                again, end = decoder.images(b"\xff" * 16).read(encode.image(parts), 0)
                assert again == row_bytes.values(image) and end == len(encode.image(parts))
                _same_when_encoded(row_bytes.values(image), parts, table, layout.columns)
    assert seen > 10


def _same_when_encoded(values: Any, parts: Any, table: TableMap, columns: Any) -> None:
    for value, part, code, metadata, column in zip(values, parts, table.type_codes, table.metadata, columns):
        if value is not None and code not in (140, 141, 245):
            assert encode_values.encode(value, code, metadata, column) == part, (column, value)


@pytest.mark.parametrize("name", binlogs.NAMES)
def test_a_statement_holds_the_table_and_all_of_its_rows(name: str) -> None:
    changes = [(encode.DELETE, row(1, b"a")), (encode.DELETE, row(2, None)), (encode.WRITE, row(1, b"x" * 280))]
    (statement,) = encode.statements(TABLE, changes, form(name), 1 << 22, 9)
    table_map, deletes, writes = events_of(statement)
    assert statement.display() == "BINLOG '...' /* delete 2 rows, write 1 row of `d`.`t` */"
    described = parse_table_map(table_map, form(name).description)
    assert described.name == TABLE.name and described.metadata == TABLE.metadata and described.nullable(1)
    decoders = [column_decoder(code, meta, c) for code, meta, c in zip(TABLE.type_codes, TABLE.metadata, COLUMNS)]
    reader = RowDecoder(described, COLUMNS, decoders, form(name).description)
    found = [reader.decode(parse_header(data).type, data) for data in (deletes, writes)]
    assert [(c.kind, c.before or c.after) for part in found for c in part] == [
        ("delete", (1, b"a")), ("delete", (2, None)), ("write", (1, b"x" * 280)),
    ]  # fmt: skip
    flags = [int.from_bytes(data[BODY + 6 : BODY + 8], "little") for data in (deletes, writes)]
    assert flags == [2, 3]
    assert parse_header(table_map).type == TABLE_MAP and all(parse_header(e).server_id == 9 for e in (deletes, writes))
    assert len({data[BODY : BODY + 6] for data in (table_map, deletes, writes)}) == 1


@pytest.mark.parametrize("name", binlogs.NAMES)
def test_the_form_has_no_checksums(name: str) -> None:
    (event,) = events_of(encode.format_statement(form(name)))
    assert not parse_format(event).checksum and parse_format(event).mariadb == ("mariadb" in name)


@given(st.lists(st.integers(0, 1500), min_size=1, max_size=60), st.sampled_from((8192, 16384, 65536)))
def test_no_statement_is_longer_than_a_packet(sizes: List[int], packet: int) -> None:
    changes = [(encode.WRITE, row(number, b"x" * size)) for number, size in enumerate(sizes)]
    written = list(encode.statements(TABLE, changes, form("mysql-9.7"), packet, 1))
    assert all(len(statement.sql) < packet for statement in written)
    images = b"".join(encode.image(parts) for _kind, parts in changes)
    begin = BODY + 10 + 2
    held = b"".join(event[begin:] for statement in written for event in events_of(statement)[1:])
    assert held == images
    for statement in written:
        assert [event[BODY + 6] & 1 for event in events_of(statement)[1:]] == [1]


def test_a_row_that_fits_into_no_packet_is_refused() -> None:
    with pytest.raises(RefusedError, match="max_allowed_packet"):
        list(encode.statements(TABLE, [(encode.WRITE, row(1, b"x" * 9000))], form("mysql-9.7"), 8192, 1))


DIGITS = st.integers(1, 65).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, min(p, 30))))


@given(DIGITS, st.data())
def test_decimals(shape: Tuple[int, int], data: st.DataObject) -> None:
    precision, scale = shape
    number = data.draw(st.integers(-(10**precision) + 1, 10**precision - 1))
    text = str(abs(number)).rjust(scale + 1, "0")
    value = ("-" if number < 0 else "") + (text[:-scale] + "." + text[-scale:] if scale else text)
    metadata = precision | scale << 8
    encoded = encode_values.encode(value, DECIMAL, metadata, ColumnInfo("d"))
    assert column_decoder(DECIMAL, metadata, ColumnInfo("d"))(encoded, 0) == (value, len(encoded))


@given(st.datetimes(), st.integers(0, 6))
def test_dates_and_times(moment: Any, digits: int) -> None:
    fraction = "." + ("%06d" % moment.microsecond)[:digits] if digits else ""
    text = "%04d-%s" % (moment.year, moment.strftime("%m-%d %H:%M:%S")) + fraction
    codes = (DATETIME, TIMESTAMP) if 1970 < moment.year < 2106 else (DATETIME,)
    for code in codes:
        data = encode_values.encode(text, code, digits, ColumnInfo("m"))
        assert column_decoder(code, digits, ColumnInfo("m"))(data, 0)[0] == text
    for sign in ("", "-"):
        clock = sign + text[11:]
        if clock.strip("-0:.") or not sign:
            data = encode_values.encode(clock, TIME, digits, ColumnInfo("m"))
            assert column_decoder(TIME, digits, ColumnInfo("m"))(data, 0)[0] == clock


@pytest.mark.parametrize(
    ("value", "code", "metadata"),
    [("x", DECIMAL, 10), ("1.5", DECIMAL, 10), (1 << 40, INT, 0), ("2020", DATETIME, 0), (1700, YEAR, 0), ({}, 245, 4)],
)
def test_what_is_no_value_of_the_column_is_an_error(value: Any, code: int, metadata: int) -> None:
    with pytest.raises(ValueError, match=r"c|type"):
        encode_values.encode(value, code, metadata, ColumnInfo("c"))
