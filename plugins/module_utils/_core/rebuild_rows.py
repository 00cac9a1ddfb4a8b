# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that carry rows from one server to another without changing a bit of them.

A value is read in the form that `compare_columns` compares it in, and written as a literal that gives the same stored
value again: text and blobs as bytes, floating-point numbers with every digit, ENUM, SET and BIT as numbers.
"""

from __future__ import annotations

from typing import Iterator, List, Optional, Sequence, Tuple

from .compare_columns import BINARY, DOCUMENT, FLOAT, INDEX, NUMBER, OPAQUE, TEXT, TIME, Column, key_value, value
from .compare_rows import KeyValues, Table, key_condition
from .statement import identifier, qualified

Cell = Optional[object]


def select(table: Table, columns: Sequence[Column], after: Optional[KeyValues], rows: int) -> str:
    """The next rows of a table: first the key's values as `key_value` gives them, then those of the columns.

    :param after: the key behind which to go on; None from the start.
    :param rows: how many at most. A table without a key is read as a whole.
    """
    keys = table.key_columns()
    shown = [key_value(column) for column in keys] + [value(column) for column in columns]
    listed = ", ".join("%s AS c%d" % (sql, at) for at, sql in enumerate(shown)) or "1 AS c0"
    text = "SELECT %s FROM %s" % (listed, qualified(table.schema, table.name))
    if table.key is None:
        return text
    hint = " FORCE INDEX (%s)" % identifier(table.key.name) if table.key.name else ""
    order = ", ".join(identifier(column.name) for column in keys)
    return "%s%s%s ORDER BY %s LIMIT %d" % (text, hint, key_condition(table, after, None), order, rows)


def insert_head(table: Table, columns: Sequence[Column]) -> bytes:
    """``INSERT INTO ... VALUES`` up to the first row."""
    names = ", ".join(identifier(column.name) for column in columns)
    return ("INSERT INTO %s (%s) VALUES " % (qualified(table.schema, table.name), names)).encode("utf-8")


def literal(kind: str, cell: Cell) -> bytes:
    """The literal for a value as `select` returned it.

    A FLOAT is quoted because the parser makes 0 of -0; a JSON text needs its character set; the rest is plain.
    """
    if cell is None:
        return b"NULL"
    raw = bytes(cell) if isinstance(cell, (bytes, bytearray)) else str(cell).encode("utf-8")
    if kind in (NUMBER, INDEX):
        return raw
    if kind == OPAQUE:
        return b"X'" + raw + b"'"
    quoted = b"'" + raw.replace(b"\\", b"\\\\").replace(b"'", b"\\'").replace(b"\x00", b"\\0") + b"'"
    if kind in (TEXT, BINARY):
        return b"_binary" + quoted
    if kind in (FLOAT, TIME, DOCUMENT):
        return quoted
    raise ValueError("no literal for %r" % kind)


def row(kinds: Sequence[str], cells: Sequence[Cell]) -> bytes:
    """One row in brackets."""
    return b"(" + b",".join(map(literal, kinds, cells)) + b")"


def statements(head: bytes, rows: Sequence[bytes], limit: int) -> Iterator[Tuple[bytes, int]]:
    """INSERT statements of no more than so many bytes (one row at least), each with the number of its rows."""
    batch: List[bytes] = []
    size = len(head)
    for one in rows:
        if batch and size + len(one) + 1 > limit:
            yield head + b",".join(batch), len(batch)
            batch, size = [], len(head)
        batch.append(one)
        size += len(one) + 1
    if batch:
        yield head + b",".join(batch), len(batch)
