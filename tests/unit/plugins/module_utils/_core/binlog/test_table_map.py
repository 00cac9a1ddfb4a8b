# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table maps of real servers, and the metadata that they carry beyond the types."""

from __future__ import annotations

from typing import List

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.format import MODERN
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.optional_metadata import (
    OptionalMetadata,
    parse,
    true_type,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import (
    TableMap,
    TableName,
    parse_table_map,
    table_id_size,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from unit.binlogs import NAMES, event, events

TINY, FLOAT, VARCHAR, BLOB, STRING, GEOMETRY, VECTOR, LONG = 1, 4, 15, 252, 254, 255, 242, 3
ENUM, SET, CHAR = 247 | 1 << 8, 248 | 1 << 8, 254 | 40 << 8


def maps(name: str, table: str) -> List[TableMap]:
    found = [parse_table_map(data, MODERN) for kind, _start, _end, data in events(name) if kind == header.TABLE_MAP]
    return [one for one in found if one.table == table]


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_every_flavour(name: str) -> None:
    first = maps(name, "t")[0]
    assert first.name == TableName("ev", "t") and first.column_count == 9
    # INT, BIGINT, VARCHAR, YEAR, ENUM and SET as STRING, DECIMAL, TIMESTAMP with fractions, BLOB
    assert list(first.type_codes) == [3, 8, 15, 13, 254, 254, 246, 17, 252]
    assert first.metadata[6:] == (10 | 3 << 8, 3, 2) and first.metadata[2] in (90, 270, 360)
    assert [true_type(254, first.metadata[place]) for place in (4, 5)] == [247, 248]
    assert [first.nullable(number) for number in range(9)] == [False] + [True] * 8


@pytest.mark.parametrize("name", [name for name in NAMES if "5.6" not in name])
def test_full_metadata_names_and_describes_the_columns(name: str) -> None:
    first = maps(name, "t")[0].optional
    assert first is not None
    assert first.names == tuple("id a v y e s d m b".split())
    unsigned = first.unsigned or ()
    assert (unsigned[0], unsigned[1], unsigned[2], unsigned[6]) == (True, False, None, False)
    assert unsigned[3] is True  # YEAR
    assert first.values == (None,) * 4 + ((b"a", b"b"), (b"x", b"y")) + (None,) * 3
    assert first.primary_key == (0,) and first.primary_key_prefixes == (0,) and first.unknown == ()
    collations = first.collations or ()
    assert collations[8] == 63 and collations[2] not in (None, 63) and collations[4] == collations[5] == collations[2]
    assert [collations[place] for place in (0, 1, 3, 6, 7)] == [None] * 5


def test_mysql_5_6_has_no_metadata() -> None:
    assert maps("mysql-5.6", "t")[0].optional is None


def item(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value))) + value


def read(data: bytes, codes: List[int], metadata: List[int], mariadb: bool = False) -> OptionalMetadata:
    return parse(data, 0, bytes(codes), metadata, mariadb)


def test_items_are_spread_over_the_columns_they_concern() -> None:
    codes = [TINY, VARCHAR, STRING, STRING, STRING, GEOMETRY, VECTOR, FLOAT, BLOB]
    text = b"\x21\x02\x3f\x03\x3f"  # by default 33; the third and the fourth of them, the vector too, are bytes
    metadata = [0, 40, ENUM, SET, CHAR, 4, 4, 4, 2]
    data = (
        item(1, b"\x40")
        + item(2, text)
        + item(10, b"\x08\x01\x09")
        + item(5, b"\x02\x01x\x01y")
        + item(6, b"\x01\x01e")
        + item(7, b"\x03")
        + item(9, b"\x01\x05\x04\x00")
        + item(12, b"\xbf\x80")
        + item(13, b"\xfc\x00\x01")
    )
    found = read(data, codes, metadata)
    assert found.unsigned == (False, None, None, None, None, None, None, True, None)
    assert found.collations == (None, 0x21, 8, 9, 0x21, None, 0x3F, None, 0x3F)
    assert found.values == (None, None, (b"e",), (b"x", b"y"), None, None, None, None, None)
    assert found.geometry_types is not None and found.geometry_types[5] == 3
    assert (found.primary_key, found.primary_key_prefixes) == ((1, 4), (5, 0))
    assert found.visible == (True, False) + (True,) * 7
    assert found.dimensions is not None and found.dimensions[6] == 256
    assert found.names is None


def test_a_collation_for_each_column_and_a_simple_key() -> None:
    found = read(item(3, b"\x21\xfc\xff\x00") + item(11, b"\x08") + item(8, b"\x01\x00"), [15, 252, 254], [1, 2, SET])
    assert found.collations == (0x21, 0xFF, 8)
    assert (found.primary_key, found.primary_key_prefixes) == ((1, 0), (0, 0))


def test_metadata_that_is_not_known_is_passed_over_and_named() -> None:
    found = read(item(77, b"whatever") + item(4, b"\x01i") + item(200, b""), [LONG], [0])
    assert found.names == ("i",) and found.unknown == (77, 200)


def test_metadata_about_other_columns_than_expected_is_left_out_and_named() -> None:
    found = read(item(4, b"\x01a\x01b") + item(1, b"\x80"), [LONG], [0])
    assert (found.names, found.unsigned, found.unknown) == (None, (True,), (4,))
    assert read(item(2, b"\x21\x05\x3f"), [BLOB], [2]).unknown == (2,)


@pytest.mark.parametrize(("mariadb", "code"), [(True, GEOMETRY), (False, VECTOR)])
def test_each_engine_has_a_type_of_its_own_among_the_texts(mariadb: bool, code: int) -> None:
    for data in (item(3, b"\x3f\x08"), item(2, b"\x08\x00\x3f")):
        assert read(data, [code, VARCHAR], [4, 9], mariadb).collations == (63, 8)
        assert read(data, [code, VARCHAR], [4, 9], not mariadb).collations in (None, (None, 63))


@pytest.mark.parametrize(
    "data",
    [
        item(8, b"\x05"),  # a key of a column that is not there
        item(1, b""),
        item(12, b""),
        item(4, b"\x05a"),
        b"\x04\x09",
    ],
)
def test_metadata_that_contradicts_the_columns_is_an_error(data: bytes) -> None:
    table = b"\5\0\0\0\0\0\1\0\1d\0\1t\0\1\3\0\0"
    assert parse_table_map(event(header.TABLE_MAP, table)[3], MODERN).column_count == 1
    with pytest.raises(BinlogError, match="table map event makes no sense"):
        parse_table_map(event(header.TABLE_MAP, table + data)[3], MODERN)


@pytest.mark.parametrize(
    "table", [b"\5\0\0\0\0\0\1\0\1d?\1t\0\1\3\0\0", b"\5\0\0\0\0\0\1\0\1d\0\1t\0\1\3\1\0\0", b"\5"]
)
def test_a_table_map_with_wrong_lengths_is_an_error(table: bytes) -> None:
    with pytest.raises(BinlogError):
        parse_table_map(event(header.TABLE_MAP, table)[3], MODERN)


def test_table_ids_had_four_bytes_once() -> None:
    assert (table_id_size(6), table_id_size(8), table_id_size(10)) == (4, 6, 6)
