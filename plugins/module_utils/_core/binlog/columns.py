# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decoders of column values, one closure for each column, chosen once for each table.

A decoder takes the event's bytes and an offset and returns the canonical value (see `canonical`) and the offset behind
it. NULL and absent values have no bytes and never come here. The formats were measured on MySQL 5.6 and 9.7 and MariaDB
10.11 and 11.8. Type codes and their metadata are those of the table map event.
"""

from __future__ import annotations

from typing import Callable, Mapping

from . import columns_json, columns_number, columns_text, columns_time, columns_time_old
from .columns_info import DECODE_ERRORS, ColumnInfo, Decoder, Value

__all__ = ["DECODE_ERRORS", "ColumnInfo", "Decoder", "Value", "column_decoder", "described"]

TINY, SHORT, LONG, LONGLONG, INT24, YEAR, BIT, NEWDECIMAL = 1, 2, 3, 8, 9, 13, 16, 246
FLOAT, DOUBLE = 4, 5
TIMESTAMP, DATE, TIME, DATETIME, NEWDATE, TIMESTAMP2, DATETIME2, TIME2 = 7, 10, 11, 12, 14, 17, 18, 19
VARCHAR, COMPRESSED_BLOB, COMPRESSED_VARCHAR, VECTOR, JSON, ENUM, SET = 15, 140, 141, 242, 245, 247, 248
TINY_BLOB, MEDIUM_BLOB, LONG_BLOB, BLOB, VAR_STRING, STRING, GEOMETRY = 249, 250, 251, 252, 253, 254, 255

BINARY = "binary"
# MariaDB keeps the values of these types in as many bytes, without the zeros at the end.
FIXED_TYPES: Mapping[str, int] = {"uuid": 16, "inet6": 16, "inet4": 4}

_BLOBS = frozenset((TINY_BLOB, MEDIUM_BLOB, LONG_BLOB, BLOB, COMPRESSED_BLOB))
_BLOB_PREFIXES = {1: "tiny", 3: "medium", 4: "long"}
_TYPE_NAMES: Mapping[int, str] = {
    **{TINY: "tinyint", SHORT: "smallint", INT24: "mediumint", LONG: "int", LONGLONG: "bigint", NEWDECIMAL: "decimal"},
    **{FLOAT: "float", DOUBLE: "double", YEAR: "year", BIT: "bit", DATE: "date", NEWDATE: "date", TIME: "time"},
    **{DATETIME: "datetime", TIMESTAMP: "timestamp", TIME2: "time", DATETIME2: "datetime", TIMESTAMP2: "timestamp"},
    **{VARCHAR: "varchar", VAR_STRING: "varchar", COMPRESSED_VARCHAR: "varchar", STRING: "char", ENUM: "enum"},
    **{SET: "set", JSON: "json", GEOMETRY: "geometry", VECTOR: "vector"},
}

Maker = Callable[[int, ColumnInfo], Decoder]


def column_decoder(type_code: int, metadata: int, column: ColumnInfo) -> Decoder:
    """The decoder of one column: (buffer, offset) to (value, offset behind it).

    It raises `DECODE_ERRORS` for damaged bytes. A value that is cut off by the end of the buffer can come out short
    without an error; the offset is then beyond the end, which the caller has to check after each row.

    :param type_code: of the table map.
    :param metadata: of the table map, its bytes as one little-endian number.
    :param column: what else is known: whether a number is unsigned, whether CHAR holds bytes.
    :raises ValueError: for a type or metadata that is not known.
    """
    maker = _MAKERS.get(type_code)
    if maker is None:
        raise ValueError("column type %d is not known" % type_code)
    return maker(metadata, column)


def described(name: str, type_code: int, metadata: int, binary: bool) -> ColumnInfo:
    """A column of which only the table map is known.

    :param binary: whether its collation is that of bytes.
    """
    code = string_type(metadata) if type_code == STRING else type_code
    if code in _BLOBS:
        data_type = _BLOB_PREFIXES.get(metadata, "") + ("blob" if binary else "text")
    else:
        data_type = _TYPE_NAMES.get(code, "")
        if code in (VARCHAR, COMPRESSED_VARCHAR, VAR_STRING, STRING) and binary:
            data_type = data_type.replace("char", "binary")
    return ColumnInfo(name, data_type=data_type, charset=BINARY if binary else "")


def string_type(metadata: int) -> int:
    """The type behind type code STRING: ENUM and SET travel under that code."""
    first = metadata & 0xFF
    return first if first in (ENUM, SET) else STRING


def string_length(metadata: int) -> int:
    """The longest value of a CHAR in bytes: beyond 255, two bits of it stand, turned, in the type's byte."""
    return (metadata & 0x30 ^ 0x30) << 4 | metadata >> 8


def is_padded(column: ColumnInfo) -> bool:
    """Whether a CHAR holds bytes of a fixed length, of which the zeros at the end are not stored."""
    return column.data_type in FIXED_TYPES or BINARY in (column.charset, column.data_type)


def _integer(form: str) -> Maker:
    signed, unsigned = columns_number.fixed("<" + form), columns_number.fixed("<" + form.upper())
    return lambda metadata, column: unsigned if column.unsigned else signed


def _medium(metadata: int, column: ColumnInfo) -> Decoder:
    return columns_number.wide(3, signed=not column.unsigned)


def _decimal(metadata: int, column: ColumnInfo) -> Decoder:
    return columns_number.decimal(metadata & 0xFF, metadata >> 8)


def _bit(metadata: int, column: ColumnInfo) -> Decoder:
    return columns_number.wide((metadata >> 8) + (1 if metadata & 0xFF else 0), big=True)


def _choice(metadata: int, column: ColumnInfo) -> Decoder:
    size = metadata >> 8
    if not 0 < size <= 8:
        raise ValueError("an enum or set of %d bytes" % size)
    return columns_number.wide(size)


def _string(metadata: int, column: ColumnInfo) -> Decoder:
    if string_type(metadata) != STRING:
        return _choice(metadata, column)
    length = string_length(metadata)
    if is_padded(column):
        return columns_text.padded(length)
    return columns_text.varchar(length)


def _old(make: Callable[[int], Decoder]) -> Maker:
    return lambda metadata, column: make(columns_time_old.digits_of(column.column_type))


def _constant(decoder: Decoder) -> Maker:
    return lambda metadata, column: decoder


def _by_metadata(make: Callable[[int], Decoder]) -> Maker:
    return lambda metadata, column: make(metadata)


_MAKERS: Mapping[int, Maker] = {
    TINY: _integer("b"),
    SHORT: _integer("h"),
    INT24: _medium,
    LONG: _integer("i"),
    LONGLONG: _integer("q"),
    FLOAT: _constant(columns_number.raw(4)),
    DOUBLE: _constant(columns_number.raw(8)),
    NEWDECIMAL: _decimal,
    YEAR: _constant(columns_number.year),
    BIT: _bit,
    ENUM: _choice,
    SET: _choice,
    DATE: _constant(columns_time.new_date),
    NEWDATE: _constant(columns_time.new_date),
    TIME: _old(columns_time_old.old_time),
    DATETIME: _old(columns_time_old.old_datetime),
    TIMESTAMP: _old(columns_time_old.old_timestamp),
    TIME2: _by_metadata(columns_time.time2),
    DATETIME2: _by_metadata(columns_time.datetime2),
    TIMESTAMP2: _by_metadata(columns_time.timestamp2),
    STRING: _string,
    VARCHAR: _by_metadata(columns_text.varchar),
    VAR_STRING: _by_metadata(columns_text.varchar),
    COMPRESSED_VARCHAR: lambda metadata, column: columns_text.converted(
        columns_text.varchar(metadata), columns_text.decompress
    ),
    COMPRESSED_BLOB: lambda metadata, column: columns_text.converted(
        columns_text.blob(metadata), columns_text.decompress
    ),
    JSON: _by_metadata(columns_json.stored),
}
_MAKERS = {
    **_MAKERS,
    **{code: _by_metadata(columns_text.blob) for code in (TINY_BLOB, BLOB, MEDIUM_BLOB, LONG_BLOB, GEOMETRY, VECTOR)},
}
