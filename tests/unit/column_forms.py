# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns of all forms in which a binlog stores values that are read in runs."""

from __future__ import annotations

from typing import Tuple

from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import columns as types

ColumnForm = Tuple[int, int, str, int, int]

# Type code, metadata, data type, and whether a length of so many bytes goes before the value, else its size.
COLUMNS: Tuple[ColumnForm, ...] = (
    (types.TINY, 0, "tinyint", 0, 1),
    (types.SHORT, 0, "smallint", 0, 2),
    (types.INT24, 0, "mediumint", 0, 3),
    (types.LONG, 0, "int", 0, 4),
    (types.LONGLONG, 0, "bigint", 0, 8),
    (types.FLOAT, 4, "float", 0, 4),
    (types.DOUBLE, 8, "double", 0, 8),
    (types.YEAR, 0, "year", 0, 1),
    (types.DATE, 0, "date", 0, 3),
    (types.BIT, 3 | 1 << 8, "bit", 0, 2),
    (types.STRING, types.ENUM | 2 << 8, "enum", 0, 2),
    (types.STRING, types.SET | 3 << 8, "set", 0, 3),
    (types.NEWDECIMAL, 12 | 2 << 8, "decimal", 0, 6),
    (types.NEWDECIMAL, 30 | 10 << 8, "decimal", 0, 14),
    (types.DATETIME2, 0, "datetime", 0, 5),
    (types.DATETIME2, 3, "datetime", 0, 7),
    (types.DATETIME2, 6, "datetime", 0, 8),
    (types.TIMESTAMP2, 0, "timestamp", 0, 4),
    (types.TIMESTAMP2, 2, "timestamp", 0, 5),
    (types.TIMESTAMP2, 5, "timestamp", 0, 7),
    (types.TIME2, 3, "time", 0, 5),
    (types.STRING, types.STRING | 20 << 8, "char", 1, 0),
    (types.STRING, types.STRING | 20 << 8, "binary", 1, 0),
    (types.VARCHAR, 100, "varchar", 1, 0),
    (types.VARCHAR, 400, "varchar", 2, 0),
    (types.BLOB, 2, "text", 2, 0),
    (types.BLOB, 4, "longblob", 4, 0),
    (types.JSON, 4, "json", 4, 0),
)


def stored(form: ColumnForm, value: bytes) -> bytes:
    """Any bytes as a value of a column."""
    _code, _metadata, data_type, prefix, size = form
    if data_type == "json":
        value = b"\x04\x01"
    return len(value).to_bytes(prefix, "little") + value if prefix else value.ljust(size, b"\x80")[:size]
