# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts of tables: from the binlog's own metadata, or from today's schema when it can be the same table."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import layout
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.optional_metadata import OptionalMetadata
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap


def table(types: Sequence[int], metadata: Sequence[int], optional: Optional[OptionalMetadata] = None) -> TableMap:
    return TableMap(1, 0, "s", "t", bytes(types), tuple(metadata), b"\xff", optional)


def row(name: str, data_type: str, column_type: str = "", **other: Any) -> Dict[str, Any]:
    """A row of information_schema."""
    found = {"COLUMN_NAME": name, "DATA_TYPE": data_type, "COLUMN_TYPE": column_type or data_type, "EXTRA": ""}
    found.update(CHARACTER_OCTET_LENGTH=None, CHARACTER_SET_NAME=None, COLLATION_NAME=None)
    return {**found, **other}


INT = layout.column_info(row("id", "int", "int(10) unsigned"))
TEXT = layout.column_info(row("t", "text", CHARACTER_SET_NAME="latin1", COLLATION_NAME="latin1_bin"))
BYTES = layout.column_info(row("b", "binary", "binary(3)", CHARACTER_OCTET_LENGTH=3))


def test_a_column_of_information_schema() -> None:
    assert (INT.name, INT.unsigned, INT.data_type, INT.length) == ("id", True, "int", None)
    assert (TEXT.charset, TEXT.collation, BYTES.charset, BYTES.length) == ("latin1", "latin1_bin", "binary", 3)
    made = layout.column_info(row("g", "int", EXTRA="VIRTUAL GENERATED INVISIBLE"))
    assert (made.generated, made.invisible) == ("VIRTUAL", True)
    assert layout.column_info(row("g", "int", EXTRA="STORED GENERATED")).generated == "STORED"
    assert layout.column_info(row("c", "char", b"char(3)")).column_type == "char(3)"  # type: ignore[arg-type]


def test_from_schema() -> None:
    found = layout.from_schema(table((3, 252, 254), (0, 2, 254 | 3 << 8)), (INT, TEXT, BYTES), ("b", "ID"))
    assert found is not None
    assert (found.names_from, found.primary_key, found.hidden) == (layout.SCHEMA, (2, 0), 0)
    assert found.positions() == {"id": 0, "t": 1, "b": 2} and found.position("B") == 2 and found.position("x") is None
    assert found.decoders[0](b"\xff\xff\xff\xff", 0) == (2**32 - 1, 4)
    assert found.decoders[2](b"\x01a", 0) == (b"a\0\0", 2)


@pytest.mark.parametrize(
    ("types", "metadata", "reason"),
    [
        ((3,), (0,), "1 columns, the table now has 2"),
        ((3, 15), (0, 10), "column 2 is of type 15"),
        ((8, 252), (0, 2), "column 1 is of type 8"),
        ((3, 252), (0, 3), "column 2 is of type 252 in the binlog, t is now of type text"),
        ((3, 254), (0, 247 | 1 << 8), "column 2 is of type 247"),
    ],
)
def test_a_table_that_has_changed_since(types: Sequence[int], metadata: Sequence[int], reason: str) -> None:
    described = table(types, metadata)
    assert layout.from_schema(described, (INT, TEXT)) is None
    assert reason in layout.misfit(described, (INT, TEXT))


def test_a_varchar_of_another_length_is_another_column() -> None:
    described = layout.column_info(row("v", "varchar", "varchar(10)", CHARACTER_OCTET_LENGTH=40))
    assert layout.from_schema(table((15,), (40,)), (described,)) is not None
    assert layout.from_schema(table((15,), (44,)), (described,)) is None


def test_columns_that_are_not_listed() -> None:
    versioned = table((3, 17, 17, 8), (0, 6, 6, 0))
    found = layout.from_schema(versioned, (INT,), mariadb=True)
    assert found is not None and found.hidden == 3 and [column.name for column in found.columns] == ["id", "", "", ""]
    assert found.positions() == {"id": 0}
    assert layout.from_schema(versioned, (INT,)) is None
    assert layout.from_schema(table((3, 3), (0, 0)), (INT,), mariadb=True) is None
    keyed = layout.from_schema(table((8, 3), (0, 0)), (INT,))
    assert keyed is not None and keyed.columns[0].name == "my_row_id" and keyed.primary_key == (0,)
    assert layout.from_schema(table((8, 3), (0, 0)), (INT,), ("id",)) is None


def test_a_key_of_columns_that_are_not_there() -> None:
    assert layout.from_schema(table((3,), (0,)), (INT,), ("other",)) is None


def test_the_binlogs_own_word_comes_before_todays_schema() -> None:
    optional = OptionalMetadata(unsigned=(False, None), collations=(None, 63))
    blob = layout.column_info(row("b", "blob"))
    found = layout.from_schema(table((3, 252), (0, 2), optional), (INT, blob))
    assert found is not None
    assert found.decoders[0](b"\xff\xff\xff\xff", 0) == (-1, 4) and found.columns[1].charset == "binary"


def test_from_metadata() -> None:
    optional = OptionalMetadata(
        unsigned=(True, None, None, None),
        collations=(None, 8, 63, 46),
        names=("id", "t", "b", "v"),
        primary_key=(2,),
        visible=(True, True, False, True),
    )
    described = table((3, 252, 254, 15), (0, 2, 254 | 3 << 8, 40), optional)
    found = layout.from_metadata(described, (), {8: ("latin1", "latin1_swedish_ci")})
    assert found is not None and found.names_from == layout.METADATA and found.primary_key == (2,)
    assert [column.name for column in found.columns] == ["id", "t", "b", "v"]
    assert [column.data_type for column in found.columns] == ["int", "text", "binary", "varchar"]
    assert [column.charset for column in found.columns] == ["", "latin1", "binary", ""]
    assert [column.invisible for column in found.columns] == [False, False, True, False]
    assert found.decoders[0](b"\xff\xff\xff\xff", 0)[0] == 2**32 - 1
    assert found.decoders[2](b"\x00", 0)[0] == bytes(3)


def test_metadata_without_names_is_not_enough() -> None:
    assert layout.from_metadata(table((3,), (0,))) is None
    assert layout.from_metadata(table((3,), (0,), OptionalMetadata(unsigned=(True,)))) is None


def test_todays_schema_adds_what_the_binlog_does_not_say() -> None:
    old = ColumnInfo("d", column_type="datetime(3) /* mariadb-5.3 */", data_type="datetime")
    described = table((12,), (0,), OptionalMetadata(names=("d",)))
    found = layout.from_metadata(described, (old,))
    assert found is not None and found.decoders[0](bytes(7), 0) == ("0000-00-00 00:00:00.000", 7)
    other = ColumnInfo("d", column_type="int", data_type="int", unsigned=True)
    alone = layout.from_metadata(described, (other,))
    assert alone is not None and alone.columns[0].data_type == "datetime"
    assert alone.decoders[0](bytes(8), 0) == ("0000-00-00 00:00:00", 8)


def test_a_type_that_is_not_known() -> None:
    assert layout.from_metadata(table((200,), (0,), OptionalMetadata(names=("x",)))) is None
    assert layout.from_schema(table((200,), (0,)), (ColumnInfo("x", data_type="rainbow"),)) is None
