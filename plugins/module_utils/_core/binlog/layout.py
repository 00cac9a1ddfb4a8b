# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is needed to decode a table's rows: its columns in the binlog's order, a decoder for each, its primary key.

Names come from the binlog itself where the server writes them (binlog_row_metadata=FULL), else from today's schema:
then rows from before the table's last change of definition may be misnamed, which ``names_from`` tells.

All columns are in the image, generated and invisible ones too, VIRTUAL ones with the value that they had (measured on
MySQL 9.7 and MariaDB 11.8). Some have columns that information_schema never lists, always behind the others:
MariaDB's system versioning (two times) and its unique keys over long columns (a number each). MySQL lists its generated
primary key only while show_gipk_in_create_table_and_information_schema is on; it comes first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .columns import ColumnInfo, Decoder, column_decoder, described
from .columns_schema import COLUMNS_QUERY, GENERATED_KEY, PRIMARY_KEY_QUERY, column_info, fits, misfit
from .optional_metadata import OptionalMetadata
from .runs import Field, fields_of
from .table_map import TableMap

__all__ = [
    "COLUMNS_QUERY",
    "METADATA",
    "PRIMARY_KEY_QUERY",
    "SCHEMA",
    "TableLayout",
    "column_info",
    "from_metadata",
    "from_schema",
    "misfit",
]

METADATA = "metadata"
SCHEMA = "schema"

_BINARY_COLLATION = 63
_LONGLONG = 8
# What MariaDB adds behind the columns it lists: numbers (hashes of unique keys) and the two times of a version.
_HIDDEN = frozenset((_LONGLONG, 17))

Collations = Mapping[int, Tuple[str, str]]


@dataclass(frozen=True)
class TableLayout:
    """How the rows of one table are decoded.

    :param columns: in the order of the image.
    :param decoders: one for each column.
    :param primary_key: positions of its columns, in the key's order; () without a primary key, or one not known.
    :param names_from: ``metadata`` or ``schema``.
    :param hidden: so many columns at the end are not listed by information_schema; their names are ''.
    :param fields: how the columns are read together; None when one of them cannot be.
    """

    columns: Tuple[ColumnInfo, ...]
    decoders: Tuple[Decoder, ...]
    primary_key: Tuple[int, ...] = ()
    names_from: str = SCHEMA
    hidden: int = 0
    fields: Optional[Tuple[Field, ...]] = field(default=None, compare=False)

    def position(self, name: str) -> Optional[int]:
        """Where a column stands, by its name in any case; None when the table has none of that name."""
        return self.positions().get(name.lower())

    def positions(self) -> Dict[str, int]:
        """Where each named column stands, by its name in lower case."""
        return {column.name.lower(): number for number, column in enumerate(self.columns) if column.name}


def from_metadata(
    table: TableMap, schema: Sequence[ColumnInfo] = (), collations: Optional[Collations] = None
) -> Optional[TableLayout]:
    """The layout from what the binlog says itself; None when it does not name the columns.

    :param schema: the table's columns today. A column of the same name and type adds what the binlog does not say:
        whether MariaDB stores an old time with a fraction, or bytes are a UUID.
    :param collations: character set and name of each collation, by its number.
    """
    optional = table.optional
    if optional is None or optional.names is None:
        return None
    known = {column.name: column for column in schema}
    columns: List[ColumnInfo] = []
    for number, name in enumerate(optional.names):
        column = known.get(name)
        if column is None or not fits(table, number, column):
            binary = _collation(optional, number) == _BINARY_COLLATION
            column = described(name, table.type_codes[number], table.metadata[number], binary)
        column = _completed(column, optional, number, collations or {})
        if optional.visible is not None:
            column = replace(column, invisible=not optional.visible[number])
        columns.append(column)
    return _layout(table, columns, optional.primary_key, METADATA, 0)


def from_schema(
    table: TableMap,
    schema: Sequence[ColumnInfo],
    primary_key: Sequence[str] = (),
    mariadb: bool = False,
    collations: Optional[Collations] = None,
) -> Optional[TableLayout]:
    """The layout by the table's columns today; None when they cannot be those of the binlog (`misfit` says why).

    :param schema: from `COLUMNS_QUERY`, all of them, in order.
    :param primary_key: from `PRIMARY_KEY_QUERY`.
    :param mariadb: whether the server is one that adds unlisted columns at the end, or one at the beginning.
    """
    columns, key = list(schema), tuple(primary_key)
    missing = table.column_count - len(columns)
    hidden = 0
    if missing and mariadb and set(table.type_codes[len(columns) :]) <= _HIDDEN:
        hidden = missing
    elif missing == 1 and not mariadb and not key and table.type_codes[0] == _LONGLONG:
        columns.insert(0, GENERATED_KEY)
        key = (GENERATED_KEY.name,)
    elif missing:
        return None
    if misfit(table, columns):
        return None
    for number in range(len(columns), table.column_count):
        columns.append(described("", table.type_codes[number], table.metadata[number], False))
    if table.optional is not None:
        optional = table.optional
        columns = [_completed(column, optional, number, collations or {}) for number, column in enumerate(columns)]
    places = {column.name.lower(): number for number, column in enumerate(columns)}
    if any(name.lower() not in places for name in key):
        return None
    return _layout(table, columns, tuple(places[name.lower()] for name in key), SCHEMA, hidden)


def _layout(
    table: TableMap, columns: Sequence[ColumnInfo], primary_key: Tuple[int, ...], names_from: str, hidden: int
) -> Optional[TableLayout]:
    try:
        decoders = tuple(
            column_decoder(code, metadata, column)
            for code, metadata, column in zip(table.type_codes, table.metadata, columns)
        )
    except ValueError:
        return None
    return TableLayout(tuple(columns), decoders, primary_key, names_from, hidden, fields_of(table, columns, decoders))


def _collation(optional: OptionalMetadata, number: int) -> Optional[int]:
    return optional.collations[number] if optional.collations is not None else None


def _completed(column: ColumnInfo, optional: OptionalMetadata, number: int, collations: Collations) -> ColumnInfo:
    """The column with what the binlog says of it: that was true when the row was written."""
    unsigned = optional.unsigned[number] if optional.unsigned is not None else None
    if unsigned is not None and unsigned != column.unsigned:
        column = replace(column, unsigned=unsigned)
    collation = _collation(optional, number)
    if collation == _BINARY_COLLATION:
        return replace(column, charset="binary", collation="binary")
    if collation is not None and collation in collations:
        charset, name = collations[collation]
        return replace(column, charset=charset, collation=name)
    return column
