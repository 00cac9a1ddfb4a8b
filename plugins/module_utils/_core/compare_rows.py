# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that read a table in chunks by a key, and what follows from their answers.

A chunk is a range of keys, the last one open at its end, so that a row which only one side has lies in some chunk
wherever it is. Both servers compute the same digest of a chunk; only where the digests differ are rows fetched.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .compare_columns import Column, Key, key_literal, key_value, row_hash, value
from .statement import identifier, qualified

# A LIMIT keeps the server from merging the inner SELECT into the outer one, which would hash every row twice.
_ALL = "LIMIT 18446744073709551615"
# What a row without a hash adds to the sum: more than the hashes of all rows of a chunk together.
_FAILED = 10**40

KeyValues = Tuple[str, ...]

# What information_schema.TABLES calls them.
BASE_TABLE, SEQUENCE = "BASE TABLE", "SEQUENCE"

# Engines whose tables are part of a consistent read view.
SNAPSHOT_ENGINES = frozenset(("innodb", "rocksdb", "tokudb"))
# Engines without one, whose rows are the server's own and whose every change is in its binlog.
STATIC_ENGINES = frozenset(("myisam", "aria", "memory", "archive", "csv", "blackhole"))


@dataclass(frozen=True)
class Table:
    """A table as one server has it.

    :param kind: ``BASE TABLE``, ``VIEW``, ``SEQUENCE``, ``SYSTEM VERSIONED``, ...
    :param engine: ``InnoDB``.
    :param key: what its rows are read by; None when it has no suitable key.
    :param sha1: its rows can be hashed by SHA1.
    """

    schema: str
    name: str
    kind: str = BASE_TABLE
    engine: str = ""
    columns: Tuple[Column, ...] = ()
    key: Optional[Key] = None
    sha1: bool = False

    @property
    def in_views(self) -> bool:
        """Whether a consistent read view holds it: that of a sequence shows its newest value (measured on MariaDB)."""
        return self.kind.upper() != SEQUENCE and self.engine.lower() in SNAPSHOT_ENGINES

    @property
    def label(self) -> str:
        """``schema.name``."""
        return "%s.%s" % (self.schema, self.name)

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def key_columns(self) -> Tuple[Column, ...]:
        """The columns of the key, in its order; none without a key."""
        return tuple(self.column(name) for name in self.key.columns) if self.key else ()

    def unknown_types(self) -> Tuple[str, ...]:
        """The types of stored columns that cannot be compared."""
        return tuple(sorted({c.data_type for c in self.columns if not c.virtual and not c.kind}))


@dataclass(frozen=True)
class Digest:
    """What a server says of a chunk. ``failed`` rows had a value it could not hash: then nothing is proven."""

    rows: int
    failed: int
    total: int


def choose_key(columns: Sequence[Column], keys: Mapping[str, Sequence[Mapping[str, object]]]) -> Optional[Key]:
    """The key to read by: the primary key, else the unique key with the fewest columns.

    :param keys: by name, the rows of information_schema.STATISTICS in order; only unique keys.
    A key does not serve when a part is a prefix or an expression, may be NULL, or has a type whose order or equality
    cannot be written into a statement exactly (floating point, ENUM, SET, BIT).
    """
    by_name = {column.name: column for column in columns}
    fit: List[Key] = []
    for name, parts in keys.items():
        names = [str(part["COLUMN_NAME"] or "") for part in parts]
        found = [by_name.get(part) for part in names]
        if any(part["SUB_PART"] is not None for part in parts):
            continue
        if all(column is not None and column.orders and not column.nullable for column in found):
            fit.append(Key(name, tuple(names)))
    fit.sort(key=lambda key: (key.name != "PRIMARY", len(key.columns), key.name))
    return fit[0] if fit else None


def comparable(source: Table, replica: Table) -> bool:
    """Whether rows of both sides can be compared at all: the same columns of the same types in the same order."""
    return [c.shape() for c in source.columns if not c.virtual] == [c.shape() for c in replica.columns if not c.virtual]


def read_alike(source: Table, replica: Table) -> Tuple[Table, Table]:
    """Both tables with the source's key, and one hash; a replica without the key is read by the same columns.

    Neither has a key when its columns are not ordered alike on both sides: then ranges would not be the same rows.
    """
    sha1 = source.sha1 and replica.sha1
    source, replica = dataclasses.replace(source, sha1=sha1), dataclasses.replace(replica, sha1=sha1)
    if source.key is None:
        return source, dataclasses.replace(replica, key=None)
    for name in source.key.columns:
        mine, theirs = source.column(name), replica.column(name)
        if theirs.nullable or _collation(mine) != _collation(theirs):
            return dataclasses.replace(source, key=None), dataclasses.replace(replica, key=None)
    same = replica.key is not None and replica.key.columns == source.key.columns
    key = replica.key if same else Key("", source.key.columns)
    return source, dataclasses.replace(replica, key=key)


def _collation(column: Column) -> str:
    """MySQL 8.0.29 and later call the collations of utf8mb3 by that name, others utf8."""
    return column.collation.replace("utf8mb3_", "utf8_")


def boundary_statement(table: Table, after: Optional[KeyValues], rows: int, upto: Optional[KeyValues] = None) -> str:
    """The key of the row that ends a chunk of so many rows; no row when fewer are left, up to and including a key."""
    columns = table.key_columns()
    names = ", ".join(identifier(column.name) for column in columns)
    select = ", ".join("%s AS k%d" % (key_value(column), index) for index, column in enumerate(columns))
    where = key_condition(table, after, upto)
    return "SELECT %s FROM %s%s ORDER BY %s LIMIT %d, 1" % (select, _from(table), where, names, max(rows - 1, 0))


def digest_statement(table: Table, after: Optional[KeyValues], upto: Optional[KeyValues]) -> str:
    """Count and digest of the rows after one key up to and including another (None: from the start, to the end)."""
    # An exact sum of 64 bits of every hash: unlike XOR it also tells apart how often a row is there. Failures go into
    # the same sum, so that each row is hashed once and no row is kept in a temporary table.
    return "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(COALESCE(%s, %d)), 0) AS CHAR) AS total FROM %s%s" % (
        "CAST(CONV(LEFT(%s, 16), 16, 10) AS UNSIGNED)" % row_hash(table.columns, table.sha1), _FAILED, _from(table),
        key_condition(table, after, upto),
    )  # fmt: skip


def digest(row: Mapping[str, object]) -> Digest:
    """The answer to `digest_statement`."""
    failed, total = divmod(int(str(row["total"])), _FAILED)
    return Digest(int(str(row["n"])), failed, total)


def rows_statement(table: Table, after: Optional[KeyValues], upto: Optional[KeyValues], limit: int) -> str:
    """Key and hash of every row of a chunk, in the order of the key."""
    columns = table.key_columns()
    select = ["%s AS k%d" % (key_value(column), index) for index, column in enumerate(columns)]
    select.append("%s AS h" % row_hash(table.columns, table.sha1))
    names = ", ".join(identifier(column.name) for column in columns)
    return "SELECT %s FROM %s%s ORDER BY %s LIMIT %d" % (
        ", ".join(select), _from(table), key_condition(table, after, upto), names, limit,
    )  # fmt: skip


def multiset_statement(table: Table, limit: int) -> str:
    """Every different hash of a table without a key, and how often it is there."""
    inner = "SELECT %s AS h FROM %s" % (row_hash(table.columns, table.sha1), _from(table))
    return "SELECT h, COUNT(*) AS n FROM (%s %s) AS x GROUP BY h LIMIT %d" % (inner, _ALL, limit)


def row_statement(table: Table, key: KeyValues, characters: int = 0) -> str:
    """One row's columns: a hash of each value, and with ``characters`` the value's first bytes as hexadecimal."""
    select = []
    for index, column in enumerate(table.columns):
        if not column.virtual:
            text = value(column)
            select.append("SHA2(%s, 256) AS h%d" % (text, index))
            if characters:
                select.append("HEX(SUBSTR(%s, 1, %d)) AS v%d" % (text, characters, index))
    pairs = [
        "%s = %s" % (identifier(column.name), key_literal(column, text))
        for column, text in zip(table.key_columns(), key)
    ]
    return "SELECT %s FROM %s WHERE %s" % (", ".join(select), _from(table), " AND ".join(pairs))


def count_statement(table: Table, limit: int) -> str:
    """How many rows a table has, counted no further than the limit."""
    return "SELECT COUNT(*) AS n FROM (SELECT 1 FROM %s LIMIT %d) AS x" % (qualified(table.schema, table.name), limit)


def _from(table: Table) -> str:
    hint = " FORCE INDEX (%s)" % identifier(table.key.name) if table.key and table.key.name else ""
    return qualified(table.schema, table.name) + hint


def key_condition(table: Table, after: Optional[KeyValues], upto: Optional[KeyValues]) -> str:
    """`` WHERE`` for the rows after one key up to and including another; nothing when both are None."""
    columns = table.key_columns()
    conditions = []
    if after is not None:
        conditions.append(_beyond(columns, after, ">", ">"))
    if upto is not None:
        conditions.append(_beyond(columns, upto, "<", "<="))
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _beyond(columns: Sequence[Column], key: KeyValues, strict: str, last: str) -> str:
    """A comparison of the whole key, written out: old servers read the whole index for a comparison of rows."""
    pairs = [(identifier(column.name), key_literal(column, text)) for column, text in zip(columns, key)]
    clauses = []
    for index, (name, text) in enumerate(pairs):
        operator = last if index == len(pairs) - 1 else strict
        equal = ["%s = %s" % pair for pair in pairs[:index]]
        clauses.append("(" + " AND ".join([*equal, "%s %s %s" % (name, operator, text)]) + ")")
    if len(pairs) == 1:
        return clauses[0]
    # The first column alone is what the optimiser turns into a range of the index.
    return "(%s %s= %s AND (%s))" % (pairs[0][0], strict, pairs[0][1], " OR ".join(clauses))


def keys_of(rows: Iterable[Mapping[str, object]], columns: int) -> Dict[KeyValues, str]:
    """Hash by key from the answer to `rows_statement`."""
    return {tuple(str(row["k%d" % at]) for at in range(columns)): str(row["h"]) for row in rows}


@dataclass(frozen=True)
class RowDifference:
    """One row that differs.

    :param what: ``missing`` (only the source has it), ``extra`` (only the replica has it) or ``changed``.
    """

    what: str
    key: KeyValues


def row_differences(source: Mapping[KeyValues, str], replica: Mapping[KeyValues, str]) -> List[RowDifference]:
    """The rows that differ between both sides of a chunk, in the order of the source, then the extra ones."""
    found = []
    for key, text in source.items():
        if key not in replica:
            found.append(RowDifference("missing", key))
        elif replica[key] != text:
            found.append(RowDifference("changed", key))
    return found + [RowDifference("extra", key) for key in replica if key not in source]


def multiset_differences(source: Mapping[str, int], replica: Mapping[str, int]) -> Tuple[int, int]:
    """How many rows only the source has and how many only the replica has, each counted as often as it is there."""
    missing = sum(max(count - replica.get(text, 0), 0) for text, count in source.items())
    extra = sum(max(count - source.get(text, 0), 0) for text, count in replica.items())
    return missing, extra
