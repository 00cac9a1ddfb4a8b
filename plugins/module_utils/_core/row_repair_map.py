# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table map for a table that no binlog is at hand of, from its columns in information_schema.

Source: reference manual of MySQL, "Binary log event structure", and what `binlog.table_map` reads; measured on MySQL
5.6 and 9.7, MariaDB 10.11 and 11.8 by writing rows with the result.
"""

from __future__ import annotations

import re
from typing import Mapping, Optional, Sequence, Tuple

from .binlog.columns_info import ColumnInfo
from .binlog.encode_values import encode
from .binlog.optional_metadata import OptionalMetadata
from .binlog.row_bytes import Parts
from .binlog.table_map import TableMap
from .row_repair_rows import Shape, Values

_STRING, _ENUM, _SET, _JSON, _VECTOR = 254, 247, 248, 245, 242
# Its length in four bytes, the type "literal", and the literal null.
_NULL_DOCUMENT = b"\x02\0\0\0\x04\0"
_PLAIN: Mapping[str, Tuple[int, int]] = {
    "tinyint": (1, 0),
    "smallint": (2, 0),
    "mediumint": (9, 0),
    "int": (3, 0),
    "bigint": (8, 0),
    "year": (13, 0),
    "date": (10, 0),
    "float": (4, 4),
    "double": (5, 8),
    "json": (245, 4),
    **{"%s%s" % (size, kind): (252, length) for kind in ("blob", "text")
       for size, length in (("tiny", 1), ("", 2), ("medium", 3), ("long", 4))},
    **dict.fromkeys(("geometry point linestring polygon multipoint multilinestring multipolygon geometrycollection"
                     " geomcollection").split(), (255, 4)),
}  # fmt: skip
_FRACTIONS: Mapping[str, int] = {"time": 19, "datetime": 18, "timestamp": 17}
_FIXED: Mapping[str, int] = {"uuid": 16, "inet6": 16, "inet4": 4}
_NUMBERS = re.compile(r"\((\d+)(?:,(\d+))?\)")
_MEMBER = re.compile(r"'(?:[^']|'')*'")


def made(
    schema: str, name: str, columns: Sequence[ColumnInfo], nullable: Sequence[bool], mariadb: bool = False
) -> TableMap:
    """The table map.

    :param columns: all of them, in order.
    :param mariadb: the server stores vectors as texts of bytes.
    :raises ValueError: it is not known how a column stands in the binlog.
    """
    kinds = [_kind(column, mariadb) for column in columns]
    nulls = 0
    for place, may in enumerate(nullable):
        nulls |= int(may) << place
    size = (len(columns) + 7) // 8
    codes = bytes(code for code, _metadata in kinds)
    metadata = tuple(metadata for _code, metadata in kinds)
    return TableMap(1, 1, schema, name, codes, metadata, nulls.to_bytes(size, "little"), _vectors(codes, columns))


def _vectors(codes: bytes, columns: Sequence[ColumnInfo]) -> Optional[OptionalMetadata]:
    """The sizes of vectors, which the applier of MySQL 9.7 needs."""
    if _VECTOR not in codes:
        return None
    sizes = [_NUMBERS.search(column.column_type) for column in columns]
    dimensions = (int(found.group(1)) if code == _VECTOR and found else None for code, found in zip(codes, sizes))
    return OptionalMetadata(dimensions=tuple(dimensions))


def _kind(column: ColumnInfo, mariadb: bool) -> Tuple[int, int]:
    kind, text = column.data_type, column.column_type
    if "compressed" in text.lower():
        raise ValueError("column %s is compressed" % column.name)
    if kind in _PLAIN:
        return _PLAIN[kind]
    found = _NUMBERS.search(text)
    first = int(found.group(1)) if found else 0
    if kind in _FRACTIONS:
        return _FRACTIONS[kind], first
    if kind == "decimal" and found:
        return 246, first + (int(found.group(2) or 0) << 8)
    if kind == "vector":
        return (15, 4 * first) if mariadb else (_VECTOR, 4)
    if kind == "bit":
        return 16, first % 8 + (first // 8 << 8)
    if kind in ("enum", "set"):
        return _choice(kind, len(_MEMBER.findall(text)))
    length = _FIXED.get(kind, column.length or 0)
    if kind in ("char", "binary") or kind in _FIXED:
        return _STRING, (_STRING ^ (length & 0x300) >> 4) + ((length & 0xFF) << 8)
    if kind in ("varchar", "varbinary"):
        return 15, length
    raise ValueError("column %s is of type %s" % (column.name, text or kind))


def _choice(kind: str, members: int) -> Tuple[int, int]:
    if kind == "enum":
        return _STRING, _ENUM + ((1 if members < 256 else 2) << 8)
    size = (members + 7) // 8
    return _STRING, _SET + ((size if size <= 4 else 8) << 8)


def encoded(values: Values, shape: Shape, metadata: Sequence[int]) -> Parts:
    """A row's values as the bytes of a row image.

    :raises ValueError: a value has no encoder (documents of MySQL), or columns are not known.
    """
    if len(values) < len(shape.columns):
        raise ValueError("it has columns that cannot be read")
    return tuple(
        None if value is None else encode(value, code, meta, column)
        for value, code, meta, column in zip(values, shape.type_codes, metadata, shape.columns)
    )


def by_key(values: Values, shape: Shape, metadata: Sequence[int]) -> Parts:
    """An image by which a row is found to be deleted: the server compares nothing but the primary key.

    :raises ValueError: as `encoded`, but documents do not matter.
    """
    plain = tuple(None if code == _JSON else value for code, value in zip(shape.type_codes, values))
    parts = encoded((*plain, *values[len(plain) :]), shape, metadata)
    return tuple(
        _NULL_DOCUMENT if code == _JSON and value is not None else part
        for code, value, part in zip(shape.type_codes, values, parts)
    )
