# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Python value for each stored value, the same from the binlog and from SELECT exactly when the stored are.

int for integers, BIT, YEAR, ENUM and SET (the number behind the member's name); str for DECIMAL, dates and times;
bytes for text (in the column's own character set), binary, spatial and vector values, UUIDs and addresses, and for
floating-point numbers, which are their bits; `Json` for JSON of MySQL; None for NULL. All are hashable.
"""

from __future__ import annotations

import re
import struct
from typing import Callable, Mapping, Optional

from .. import compare_columns
from .columns_info import ColumnInfo, Value
from .columns_json import Json, printed


class _Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


# A column that an image does not hold (binlog_row_image MINIMAL or NOBLOB). It is not NULL, which is None.
ABSENT = _Absent()

Parser = Callable[[Optional[bytes]], Value]

_BYTES = frozenset((compare_columns.TEXT, compare_columns.BINARY, compare_columns.OPAQUE))
_FIXED = frozenset(("uuid", "inet4", "inet6"))
_DECIMALS = frozenset(("decimal", "numeric"))
_FLOATS: Mapping[str, struct.Struct] = {
    "float": struct.Struct("<f"),
    "double": struct.Struct("<d"),
    "real": struct.Struct("<d"),
}
_DECIMAL = re.compile(r"(-?)0*([0-9]+(?:\.[0-9]+)?)")
_MEMBER = re.compile(r"'((?:[^']|'')*)'")
_MOST_SIGNED = (1 << 63) - 1
_TIME = re.compile(r"[0-9:. -]+")


def select_expression(column: ColumnInfo, quoted_name: str) -> str:
    """What to SELECT so that `parser` can make the canonical value of it: always a binary string, NULL for NULL.

    For a session with time_zone '+00:00' and an empty sql_mode. A value that does not fit into max_allowed_packet makes
    the statement fail with error 1690; the server's functions by themselves would make NULL of it.

    :param quoted_name: the column as the statement names it, quoted: `` `c` `` or `` t.`c` ``.
    :raises ValueError: for a type that is not known, or whose values SELECT does not tell apart.
    """
    found = _expression(column, _kind(column), quoted_name)
    if not compare_columns.Column(column.name, column.data_type).long:
        return found
    # Only where the value is there and its bytes are NULL is the sum computed, which no integer holds.
    sure = "CAST(18446744073709551615 + 1 + LENGTH(%s) AS BINARY)" % quoted_name
    return "COALESCE(%s, IF(%s IS NULL, NULL, %s))" % (found, quoted_name, sure)


def _expression(column: ColumnInfo, kind: str, quoted_name: str) -> str:
    if kind == compare_columns.OPAQUE:
        return "UNHEX(HEX(%s))" % quoted_name
    if kind in _BYTES or column.data_type in _FIXED:
        # The cast also tells the driver that these are bytes, whatever it thinks of the type.
        return "CAST(%s AS BINARY)" % quoted_name
    if kind == compare_columns.DOCUMENT:
        # MySQL 9.7 makes an empty text of a document that is too long.
        return "NULLIF(CAST(CONVERT(%s USING utf8mb4) AS BINARY), '')" % quoted_name
    if kind == compare_columns.FLOAT:
        return "CAST(CAST(%s AS CHAR) AS BINARY)" % compare_columns.exact(
            column.data_type, column.column_type, quoted_name
        )
    if kind == compare_columns.INDEX:
        # Not plus zero: that makes a DOUBLE of a SET, which has no room for 64 members.
        return "CAST(CAST(CAST(%s AS UNSIGNED) AS CHAR) AS BINARY)" % quoted_name
    if column.column_type.startswith("year(2)"):
        raise ValueError("two digits do not tell the values of a YEAR(2) apart")
    return "CAST(CAST(%s AS CHAR) AS BINARY)" % quoted_name


def parser(column: ColumnInfo) -> Parser:
    """The function that makes the canonical value of what `select_expression` gave.

    It raises ValueError, or BinlogError for JSON, when the text is not one that the server writes for this type.

    :raises ValueError: for a type that is not known.
    """
    kind = _kind(column)
    if kind in _BYTES or column.data_type in _FIXED:
        return _nullable(bytes)
    if kind == compare_columns.DOCUMENT:
        return _nullable(printed)
    if kind == compare_columns.FLOAT:
        form = _FLOATS[column.data_type]
        return _nullable(lambda text: form.pack(float(text)))
    if column.data_type in _DECIMALS:
        return _nullable(_decimal)
    if kind == compare_columns.TIME:
        return _nullable(lambda text: text.decode("ascii"))
    return _nullable(int)


def sql_literal(value: Value, column: ColumnInfo) -> str:
    """A literal equal to the value, by the column's own collation where it is text.

    :raises ValueError: for a value that no such column holds, or that is absent.
    """
    if value is None:
        return "NULL"
    kind = _kind(column)
    if isinstance(value, bytes):
        if kind == compare_columns.FLOAT:
            return repr(_FLOATS[column.data_type].unpack(value)[0])
        # The introducer gives the bytes back their character set; the column's collation then decides.
        introducer = "_%s " % column.charset if kind == compare_columns.TEXT and column.charset else ""
        return _fixed(value, column.data_type) or introducer + "X'%s'" % value.hex()
    if isinstance(value, Json):
        return "CAST(CONVERT(X'%s' USING utf8mb4) AS JSON)" % value.text.encode("utf-8").hex()
    if isinstance(value, int):
        return _members(value, column) if column.data_type == "set" and value > _MOST_SIGNED else "%d" % value
    if isinstance(value, str) and column.data_type in _DECIMALS and _DECIMAL.fullmatch(value):
        return value
    if isinstance(value, str) and kind == compare_columns.TIME and _TIME.fullmatch(value):
        return "'%s'" % value
    raise ValueError("not a value of a column of type %s: %r" % (column.data_type or "?", value))


def _kind(column: ColumnInfo) -> str:
    kind = compare_columns.Column(column.name, column.data_type).kind
    if not kind:
        raise ValueError("columns of type %s cannot be read" % (column.data_type or "?"))
    return kind


def _nullable(convert: Callable[[bytes], Value]) -> Parser:
    return lambda text: None if text is None else convert(text)


def _decimal(text: bytes) -> str:
    """As the decoder writes it: no zeros in front (ZEROFILL), no zero below zero."""
    match = _DECIMAL.fullmatch(text.decode("ascii"))
    if not match:
        raise ValueError("not a decimal: %r" % text)
    sign, digits = match.groups()
    return sign + digits if digits.strip("0.") else digits


def _members(value: int, column: ColumnInfo) -> str:
    """A SET by its members' names: MariaDB does not find one by a number beyond the signed ones."""
    names = _MEMBER.findall(column.column_type)
    if value >> len(names):
        raise ValueError("the members of the set are not known")
    return "'%s'" % ",".join(name for bit, name in enumerate(names) if value >> bit & 1)


def _fixed(value: bytes, data_type: str) -> str:
    """The text of an address or UUID of MariaDB, which it does not compare with bytes of every length."""
    if data_type == "inet4" and len(value) == 4:
        return "'%d.%d.%d.%d'" % tuple(value)
    if data_type == "inet6" and len(value) == 16:
        return "'%s'" % ":".join(value[start : start + 2].hex() for start in range(0, 16, 2))
    if data_type == "uuid" and len(value) == 16:
        text = value.hex()
        return "'%s'" % "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return ""
