# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints: two images have the same one exactly when they decode to the same values, however they are made."""

from __future__ import annotations

import itertools
import random
import struct
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo, column_decoder
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.format import MODERN
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import RowChange
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.storage import storage
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.printing import Printed, PrintingLayout
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.prints import Prints, prints_for
from hypothesis import given
from hypothesis import strategies as st
from unit.plugins.module_utils._core.binlog.test_rows import image, rows_event

SHORT, LONG, LONGLONG, VARCHAR, JSON = 2, 3, 8, 15, 245


def made(codes: Sequence[int], key: Sequence[int], left_out: Sequence[int] = ()) -> Tuple[TableMap, Prints, Any]:
    """A table of these types, its prints, and what decodes its rows."""
    metadata = tuple({VARCHAR: 20, JSON: 4}.get(code, 0) for code in codes)
    table = TableMap(5, 0, "d", "t", bytes(codes), metadata, b"\xff" * 9, None)
    columns = tuple(ColumnInfo("c%d" % number) for number in range(len(codes)))
    decoders = tuple(column_decoder(code, meta, column) for code, meta, column in zip(codes, metadata, columns))
    compared = [number for number in range(len(codes)) if number not in left_out]
    prints = prints_for(table, columns, decoders, key, compared)
    assert prints is not None
    return table, prints, PrintingLayout(columns, decoders, prints).row_decoder(table, MODERN)


def document(text: bytes, spare: bytes = b"") -> bytes:
    """A JSON document that is a string, and bytes behind it that mean nothing."""
    return b"\x0c" + bytes((len(text),)) + text + spare


TABLES: Dict[str, Tuple[Tuple[int, ...], Tuple[int, ...], Tuple[int, ...]]] = {
    "whole": ((LONG, SHORT, VARCHAR, LONG), (0,), ()),
    "two_keys": ((LONG, SHORT, VARCHAR, VARCHAR), (0, 1), ()),
    "keys_turned": ((LONG, SHORT, VARCHAR), (1, 0), ()),
    "key_behind": ((VARCHAR, LONG, VARCHAR), (1,), ()),
    "text_key": ((VARCHAR, LONG, VARCHAR), (0,), ()),
    "document_last": ((LONGLONG, VARCHAR, JSON), (0,), ()),
    "document_within": ((LONG, JSON, VARCHAR), (0,), ()),
    "left_out": ((LONG, SHORT, VARCHAR, JSON), (0,), (1,)),
    "left_out_last": ((LONG, VARCHAR, VARCHAR), (0,), (2,)),
}


def rows_of(name: str) -> List[Tuple[Any, ...]]:
    """Rows that differ in little."""
    codes, key, _left_out = TABLES[name]
    few: Dict[int, List[Any]] = {
        VARCHAR: [b"", b"a", b"aa", None],
        JSON: [document(b"a"), document(b"b"), document(b"a", b"\0left"), None],
    }
    choices = [
        [value for value in few.get(code, [0, 1, -1, None]) if value is not None or number not in key]
        for number, code in enumerate(codes)
    ]
    return list(itertools.product(*choices))


@pytest.mark.parametrize("name", sorted(TABLES))
def test_prints_tell_apart_what_values_tell_apart(name: str) -> None:
    """All pairs of rows: from the binlog's bytes, and from values as the replica gives them."""
    codes, key, left_out = TABLES[name]
    _table, prints, decoder = made(codes, key, left_out)
    seen: Dict[Any, int] = {}
    keys: Dict[Any, int] = {}
    for row in rows_of(name):
        data = image(codes, row)
        values, _end = decoder.images(b"\xff").read(data, 0)
        lookup, found, end = prints.print(b"xx" + data + b"yy", 2)
        assert end == 2 + len(data)
        compared = tuple(repr(values[at]) for at in prints.compared)
        wanted = tuple(values[at] for at in key)
        assert prints.key_values(lookup) == wanted
        assert prints.of_row([values[at] for at in prints.compared]) == (prints.of_key(wanted), found)
        assert seen.setdefault(compared, found) == found
        assert keys.setdefault(wanted, prints.of_key(wanted)) == prints.of_key(wanted)
    assert len(set(seen.values())) == len(seen) and 0 not in seen.values()
    assert len(set(keys.values())) == len(keys) and 0 not in keys.values()


def test_events_give_changes() -> None:
    """Inserts, deletes, updates, and an update of the key, which is two changes."""
    codes, key, _left_out = TABLES["whole"]
    _table, prints, decoder = made(codes, key)
    one, two, other = (1, 2, b"x", None), (1, 3, b"x", 5), (7, 3, b"x", 5)
    parts = [image(codes, row) for row in (one, two, other)]
    print_of = [prints.print(part, 0)[1] for part in parts]
    keys = [prints.of_key((row[0],)) for row in (one, two, other)]
    written = decoder.decode(30, rows_event(30, 4, b"\x0f", parts[0] + parts[2]))
    assert [change[1:] for change in written] == [
        (keys[0], struct.pack("<i", 1), 0, print_of[0]),
        (keys[2], struct.pack("<i", 7), 0, print_of[2]),
    ]
    deleted = decoder.decode(32, rows_event(32, 4, b"\x0f", parts[1]))
    assert [change[3:] for change in deleted] == [(print_of[1], 0)]
    updated = decoder.decode(31, rows_event(31, 4, b"\x0f\x0f", parts[0] + parts[1] + parts[1] + parts[2]))
    assert [(change.key, change.before, change.after) for change in updated] == [
        (keys[0], print_of[0], print_of[1]),
        (keys[1], print_of[1], 0),
        (keys[2], 0, print_of[2]),
    ]
    assert all(isinstance(change, Printed) for change in written + deleted + updated)
    partial = decoder.decode(31, rows_event(31, 4, b"\x01\x02", b"\0" + struct.pack("<i", 1) + b"\0\5\0"))
    assert isinstance(partial[0], RowChange) and partial[0].partial


@given(st.integers(0, 200), st.integers(0, 255))
def test_damage_is_an_error_and_no_print(place: int, byte: int) -> None:
    """Cut off anywhere, or with a wrong byte: an error that `transactions` knows, or a print of something else."""
    codes, key, _left_out = TABLES["document_within"]
    _table, _prints, decoder = made(codes, key)
    data = rows_event(31, 3, b"\x07\x07", 2 * image(codes, (1, document(b"abc"), b"x" * 9)))
    whole = decoder.decode(31, data)
    with pytest.raises((BinlogError, IndexError, ValueError, struct.error)):
        assert not decoder.decode(31, data[: place % len(data)])
        raise BinlogError("decode", "", "cut off before its first row, which is an event without rows")
    changed = bytearray(data)
    changed[place % len(data)] = byte
    try:
        found = decoder.decode(31, bytes(changed))
    except (BinlogError, IndexError, ValueError, struct.error):
        return
    assert found == whole or bytes(changed) != data


def test_what_has_no_prints() -> None:
    """Tables without a key, with a key that has to be decoded, or of an unknown type."""
    for codes, key in (((LONG, VARCHAR), ()), ((JSON, LONG), (0,)), ((LONG, 12), (0,))):
        metadata = tuple({VARCHAR: 20, JSON: 4}.get(code, 0) for code in codes)
        table = TableMap(5, 0, "d", "t", bytes(codes), metadata, b"\xff", None)
        columns = [ColumnInfo("c%d" % number) for number in range(len(codes))]
        decoders = [column_decoder(code, meta, column) for code, meta, column in zip(codes, metadata, columns)]
        assert prints_for(table, columns, decoders, key, range(len(codes))) is None


CHAR, DECIMAL, DATETIME, TIMESTAMP, TIME, DATE, YEAR, BIT, BLOB, MEDIUM = 254, 246, 18, 17, 19, 10, 13, 16, 252, 9
COLUMNS: Dict[str, Tuple[int, int, ColumnInfo, List[Any]]] = {
    "tinyint": (1, 0, ColumnInfo("c"), [0, -128, 127]),
    "bigint unsigned": (LONGLONG, 0, ColumnInfo("c", unsigned=True), [0, 2**64 - 1]),
    "mediumint": (MEDIUM, 0, ColumnInfo("c"), [-(2**23), 2**23 - 1, 5]),
    "decimal(12,2)": (DECIMAL, 12 | 2 << 8, ColumnInfo("c"), ["0.00", "-0.01", "1234567890.12", "-9999999999.99"]),
    "decimal(9,9)": (DECIMAL, 9 | 9 << 8, ColumnInfo("c"), ["0.000000000", "0.123456789", "-0.000000001"]),
    "decimal(65,30)": (
        DECIMAL,
        65 | 30 << 8,
        ColumnInfo("c"),
        ["1." + "0" * 29 + "1", "-" + "9" * 35 + ".%030d" % 1],
    ),
    "decimal(20,0)": (DECIMAL, 20, ColumnInfo("c"), ["0", "-1", "12345678901234567890"]),
    "char(3)": (CHAR, 0xFE | 12 << 8, ColumnInfo("c", charset="utf8mb4"), [b"", b"abc", b"\xc3\xa9"]),
    "binary(4)": (
        CHAR,
        0xFE | 4 << 8,
        ColumnInfo("c", charset="binary"),
        [b"ab\0\0", b"\0\0\0\0", b"abcd", b"\0a\0\0"],
    ),
    "datetime": (DATETIME, 0, ColumnInfo("c"), ["0000-00-00 00:00:00", "2026-01-31 23:59:59"]),
    "datetime(3)": (DATETIME, 3, ColumnInfo("c"), ["2026-01-31 23:59:59.123", "9999-12-31 00:00:00.000"]),
    "datetime(6)": (DATETIME, 6, ColumnInfo("c"), ["2026-01-31 23:59:59.000001"]),
    "timestamp(1)": (TIMESTAMP, 1, ColumnInfo("c"), ["0000-00-00 00:00:00.0", "1970-01-01 00:00:01.9"]),
    "timestamp(6)": (TIMESTAMP, 6, ColumnInfo("c"), ["2038-01-19 03:14:07.999999"]),
    "time(5)": (TIME, 5, ColumnInfo("c"), ["-838:59:59.00000", "-00:00:00.00001", "12:00:00.12345"]),
    "time": (TIME, 0, ColumnInfo("c"), ["838:59:59", "-00:00:01"]),
    "date": (DATE, 0, ColumnInfo("c"), ["0000-00-00", "2026-02-28"]),
    "year": (YEAR, 0, ColumnInfo("c"), [0, 1901, 2155]),
    "bit(9)": (BIT, 1 | 1 << 8, ColumnInfo("c"), [0, 511]),
    "enum": (CHAR, 247 | 1 << 8, ColumnInfo("c", data_type="enum"), [0, 3]),
    "set": (CHAR, 248 | 8 << 8, ColumnInfo("c", data_type="set"), [0, 2**64 - 1]),
    "varchar(300)": (VARCHAR, 300, ColumnInfo("c"), [b"", b"x" * 300]),
    "blob": (BLOB, 3, ColumnInfo("c"), [b"", b"\0\xff"]),
    "double": (5, 0, ColumnInfo("c"), [struct.pack("<d", -0.0), struct.pack("<d", 1e300)]),
}


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_storage_is_what_the_decoder_reads(name: str) -> None:
    """Each value's bytes decode to the value, and are as long as is said."""
    code, metadata, column, values = COLUMNS[name]
    found = storage(code, metadata, column)
    assert found is not None and found.encode is not None
    decode = column_decoder(code, metadata, column)
    for value in values:
        data = found.encode(value)
        assert decode(data, 0) == (value, len(data))
        assert len(data) == (found.size or found.prefix + int.from_bytes(data[: found.prefix], "little"))


def test_random_decimals_and_times() -> None:
    """Every length of both sides of the point, and times over centuries."""
    rng = random.Random(3)
    for _again in range(400):
        precision = rng.randrange(1, 66)
        scale = rng.randrange(0, min(precision, 30) + 1)
        whole = str(rng.randrange(10 ** (precision - scale)) if precision > scale else 0)
        fraction = "".join(rng.choice("0123456789") for _digit in range(scale))
        text = whole + ("." + fraction if scale else "")
        if text.strip("0."):
            text = rng.choice(("", "-")) + text
        check(DECIMAL, precision | scale << 8, text)
        digits = rng.randrange(7)
        part = "." + "%0*d" % (digits, rng.randrange(10**digits)) if digits else ""
        moment = "%04d-%02d-%02d %02d:%02d:%02d" % (
            rng.randrange(1971, 2038), rng.randrange(1, 13), rng.randrange(1, 29),
            rng.randrange(24), rng.randrange(60), rng.randrange(60),
        )  # fmt: skip
        for code in (DATETIME, TIMESTAMP):
            check(code, digits, moment + part)


def check(code: int, metadata: int, value: Optional[str]) -> None:
    column = ColumnInfo("c")
    found = storage(code, metadata, column)
    assert found is not None and found.encode is not None
    data = found.encode(value)
    assert column_decoder(code, metadata, column)(data, 0) == (value, len(data))
