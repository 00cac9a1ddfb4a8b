# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Columns as information_schema describes them, and whether they are those of a table map."""

from __future__ import annotations

from typing import Any, FrozenSet, Mapping, Optional, Sequence

from .columns_info import ColumnInfo
from .optional_metadata import true_type
from .table_map import TableMap

# Rows of information_schema that `column_info` and `from_schema` take, by schema and table.
COLUMNS_QUERY = (
    "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_OCTET_LENGTH, CHARACTER_SET_NAME, COLLATION_NAME, EXTRA"
    " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION"
)
PRIMARY_KEY_QUERY = (
    "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    " AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX"
)

_CODES: Mapping[str, FrozenSet[int]] = {
    **{name: frozenset((code,)) for name, code in (("tinyint", 1), ("smallint", 2), ("mediumint", 9), ("int", 3))},
    **{name: frozenset((code,)) for name, code in (("bigint", 8), ("float", 4), ("double", 5), ("decimal", 246))},
    **{name: frozenset((code,)) for name, code in (("year", 13), ("bit", 16), ("json", 245), ("enum", 247))},
    "set": frozenset((248,)),
    "date": frozenset((10, 14)),
    "time": frozenset((11, 19)),
    "datetime": frozenset((12, 18)),
    "timestamp": frozenset((7, 17)),
    **{name: frozenset((254,)) for name in ("char", "binary", "uuid", "inet4", "inet6")},
    **{name: frozenset((15, 253, 141)) for name in ("varchar", "varbinary")},
    **{name: frozenset((249, 250, 251, 252, 140)) for name in "tinytext text mediumtext longtext".split()},
    **{name: frozenset((249, 250, 251, 252, 140)) for name in "tinyblob blob mediumblob longblob".split()},
    "vector": frozenset((15, 242)),
    **{
        name: frozenset((255,))
        for name in (
            "geometry point linestring polygon multipoint multilinestring multipolygon geometrycollection"
            " geomcollection"
        ).split()
    },
}


_SIZES: Mapping[str, int] = {
    **dict.fromkeys(("tinytext", "tinyblob"), 1),
    **dict.fromkeys(("text", "blob"), 2),
    **dict.fromkeys(("mediumtext", "mediumblob"), 3),
    **dict.fromkeys(("longtext", "longblob"), 4),
}
_LONG_CODES = frozenset((249, 250, 251, 252, 140))
_VARCHAR = 15

# What MySQL calls the primary key that it makes of its own accord, and which it can hide.
GENERATED_KEY = ColumnInfo(
    "my_row_id", unsigned=True, column_type="bigint unsigned", data_type="bigint", invisible=True
)


def column_info(row: Mapping[str, Any]) -> ColumnInfo:
    """A column from a row of `COLUMNS_QUERY`."""
    length, extra = row["CHARACTER_OCTET_LENGTH"], _text(row["EXTRA"]).upper()
    data_type, column_type = _text(row["DATA_TYPE"]).lower(), _text(row["COLUMN_TYPE"])
    return ColumnInfo(
        name=_text(row["COLUMN_NAME"]),
        unsigned=" unsigned" in column_type.lower(),
        charset=_text(row["CHARACTER_SET_NAME"]) or ("binary" if "binary" in data_type or "blob" in data_type else ""),
        collation=_text(row["COLLATION_NAME"]),
        length=None if length is None else int(length),
        column_type=column_type,
        data_type=data_type,
        generated=next((word for word in ("VIRTUAL", "STORED") if word in extra), ""),
        invisible="INVISIBLE" in extra,
    )


def misfit(table: TableMap, columns: Sequence[ColumnInfo]) -> str:
    """Why the columns cannot be the first ones of the table that the map describes; '' when they can."""
    if len(columns) > table.column_count:
        return "the binlog has %d columns, the table now has %d" % (table.column_count, len(columns))
    for number, column in enumerate(columns):
        if not fits(table, number, column):
            return "column %d is of type %d in the binlog, %s is now of type %s" % (
                number + 1,
                true_type(table.type_codes[number], table.metadata[number]),
                column.name,
                column.column_type or column.data_type,
            )
    return ""


def fits(table: TableMap, number: int, column: ColumnInfo) -> bool:
    """Whether a column of the map can be the one that is described, by its type and length."""
    metadata = table.metadata[number]
    code = true_type(table.type_codes[number], metadata)
    if code not in _CODES.get(column.data_type, ()):
        return False
    if code in _LONG_CODES:
        return metadata == _SIZES.get(column.data_type, metadata)
    return code != _VARCHAR or column.length is None or metadata == column.length


def _text(value: Optional[object]) -> str:
    if value is None:
        return ""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
