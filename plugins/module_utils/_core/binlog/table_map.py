# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Table map events: which table the row events that follow are about, and how its columns are stored.

Source: reference manual of MySQL, "binlog_row_metadata"; measured on MySQL 5.6 and 9.7, MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Tuple

from . import optional_metadata
from .format import FormatDescription
from .header import BODY, TABLE_MAP, broken
from .optional_metadata import OptionalMetadata
from .packed import packed_integer

# How many bytes of metadata a column has: MySQL's type codes, and MariaDB's 140 and 141 (compressed columns).
_METADATA_SIZE = {
    4: 1,  # FLOAT
    5: 1,  # DOUBLE
    15: 2,  # VARCHAR
    16: 2,  # BIT
    17: 1,  # TIMESTAMP with fractions
    18: 1,  # DATETIME with fractions
    19: 1,  # TIME with fractions
    140: 1,  # compressed BLOB of MariaDB
    141: 2,  # compressed VARCHAR of MariaDB
    242: 1,  # VECTOR
    245: 1,  # JSON
    246: 2,  # DECIMAL
    247: 2,  # ENUM
    248: 2,  # SET
    249: 1,  # TINYBLOB
    250: 1,  # MEDIUMBLOB
    251: 1,  # LONGBLOB
    252: 1,  # BLOB
    253: 2,  # VAR_STRING
    254: 2,  # STRING, and ENUM and SET in disguise
    255: 1,  # GEOMETRY
}
TYPED_ARRAY = 20


class TableName(NamedTuple):
    """A table, by its schema and its own name."""

    schema: str
    name: str


@dataclass(frozen=True)
class TableMap:
    """One table as the rows events after it refer to it.

    :param type_codes: one byte a column, as stored (ENUM and SET stand there as 254, their true type in the metadata).
    :param metadata: a number for each column: its metadata bytes read as little endian, 0 for a column without any.
        DECIMAL: precision + (scale << 8). BIT: bits + (whole bytes << 8). STRING (254): first byte (true type and two
        bits of the length) + (length << 8). VARCHAR: length in bytes. BLOB and the like: bytes of the length prefix.
        TIME, DATETIME, TIMESTAMP: digits of the fraction.
    :param null_bits: bitmap of the columns that may be NULL, least significant bit first.
    """

    table_id: int
    flags: int
    schema: str
    table: str
    type_codes: bytes
    metadata: Tuple[int, ...]
    null_bits: bytes
    optional: Optional[OptionalMetadata]

    @property
    def name(self) -> TableName:
        """The table's name."""
        return TableName(self.schema, self.table)

    @property
    def column_count(self) -> int:
        """How many columns the table has."""
        return len(self.type_codes)

    def nullable(self, column: int) -> bool:
        """Whether the column may be NULL."""
        return bool(self.null_bits[column >> 3] >> (column & 7) & 1)


def table_id_size(post_header_length: int) -> int:
    """Bytes of a table id: 4 in the first servers with row events, 6 ever since."""
    return 4 if post_header_length == 6 else 6


def parse_table_map(data: bytes, form: FormatDescription) -> TableMap:
    """The table map of an event. Raises BinlogError when it is cut off or contradicts itself."""
    try:
        return _parse(data, form)
    except (IndexError, ValueError) as error:
        raise broken("a table map event makes no sense (%s)" % error) from None


def _parse(data: bytes, form: FormatDescription) -> TableMap:
    size = table_id_size(form.post_header_length(TABLE_MAP))
    pos = BODY + size
    table_id = int.from_bytes(data[BODY:pos], "little")
    flags = int.from_bytes(data[pos : pos + 2], "little")
    schema, pos = _name(data, pos + 2)
    table, pos = _name(data, pos)
    count, pos = packed_integer(data, pos)
    type_codes = data[pos : pos + count]
    pos += count
    length, pos = packed_integer(data, pos)
    metadata, end = _column_metadata(data, pos, type_codes)
    if end != pos + length:
        raise ValueError("column metadata of %d bytes where %d are announced" % (end - pos, length))
    null_size = (count + 7) // 8
    null_bits = data[end : end + null_size]
    pos = end + null_size
    if len(type_codes) != count or pos > len(data):
        raise ValueError("it ends within its columns")
    optional = None
    if pos < len(data):
        optional = optional_metadata.parse(data, pos, type_codes, metadata, form.mariadb)
    return TableMap(table_id, flags, schema, table, type_codes, tuple(metadata), null_bits, optional)


def _name(data: bytes, pos: int) -> Tuple[str, int]:
    end = pos + 1 + data[pos]
    if data[end]:
        raise ValueError("a name does not end where it should")
    return data[pos + 1 : end].decode("utf-8", "backslashreplace"), end + 1


def _column_metadata(data: bytes, pos: int, type_codes: bytes) -> Tuple[List[int], int]:
    metadata: List[int] = []
    for code in type_codes:
        if code == TYPED_ARRAY:
            # An array of a functional index: the type of its items, then that type's own metadata.
            size = 1 + _METADATA_SIZE.get(data[pos], 0)
        else:
            size = _METADATA_SIZE.get(code, 0)
        metadata.append(int.from_bytes(data[pos : pos + size], "little"))
        pos += size
    return metadata, pos
