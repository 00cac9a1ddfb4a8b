# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image that each row touched by named transactions of a source has to have on the replica.

It is the last one that the replica's point includes: of the named transactions all count (or, aiming at the applied
point, those that the replica has executed), of the others only those that it has executed. A key that only
transactions touch which do not count has to be what it was before the first of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from . import touched_statement
from .binlog import row_bytes
from .binlog.canonical import ABSENT
from .binlog.columns_info import ColumnInfo, Value
from .binlog.row_bytes import Parts
from .binlog.rows import RowChange
from .binlog.table_map import TableName
from .binlog.transactions import ROLLBACK, Transaction

Key = Tuple[Value, ...]
Values = Tuple[Value, ...]

# Key, bytes where the image is complete, and values.
Read = Tuple[Key, Optional[Parts], Values]

ALL = "*"
NO_KEY = "it has no primary key"
PARTIAL = "the binlog holds only a part of its rows (binlog_row_image, or partial JSON updates)"

RANGE_END = "range_end"
APPLIED = "applied"


@dataclass(frozen=True)
class Shape:
    """How the rows of one table stand in the binlog.

    :param columns: in the order of the image.
    :param key: positions of the primary key's columns.
    """

    type_codes: bytes
    columns: Tuple[ColumnInfo, ...]
    key: Tuple[int, ...]


@dataclass
class Wanted:
    """What one row has to be.

    :param parts: its image; None when there must be no row.
    :param values: the canonical values of it.
    :param known: some complete image with this key, by which the row can be deleted.
    :param why: why it is not known what the row has to be; '' when it is.
    """

    parts: Optional[Parts] = None
    values: Optional[Values] = None
    known: Optional[Parts] = None
    why: str = ""


class Collector:
    """Takes transactions in the order of the binlog.

    ``moved`` has for each table the names of the columns that updates changed, in lower case, and ALL after a delete:
    what a foreign key may have followed.

    :param shape: of a table, by name; None when its rows are not to be read, for which the caller has a reason.
    :param spell: how the servers compare names of schemas and tables.
    :param steps: keep in ``changes`` each change of a row that does not count: its values before and after.
    """

    def __init__(
        self, shape: Callable[[TableName], Optional[Shape]], spell: Callable[[str], str] = str, steps: bool = False
    ) -> None:
        self._shape = shape
        self._spell = spell
        self._steps = steps
        self.changes: Dict[TableName, List[Tuple[Optional[Values], Optional[Values]]]] = {}
        self.rows: Dict[TableName, Dict[Key, Wanted]] = {}
        self.silent: Dict[TableName, str] = {}
        self.moved: Dict[TableName, Set[str]] = {}
        self.everything = ""
        self.transactions = 0

    def feed(self, transaction: Transaction, named: bool, counts: bool) -> None:
        """Take one transaction.

        :param named: the keys that it touches are wanted.
        :param counts: the wanted state includes it.
        """
        if named:
            self.transactions += 1
        if transaction.lossy or transaction.ending == ROLLBACK:
            self._lossy(transaction, named or counts)
        if named or counts:
            for statement in transaction.statements:
                self._statement(statement.text, statement.schema)
        for table in transaction.undecoded:
            if named:
                self.silent.setdefault(self.name(table), "its rows cannot be read")
        for change in transaction.changes:
            self._change(change, named, counts)

    def count(self) -> int:
        """How many rows are wanted by now."""
        return sum(map(len, self.rows.values()))

    def name(self, table: TableName) -> TableName:
        """A table's name as it is called here."""
        return TableName(self._spell(table.schema), self._spell(table.name))

    def _lossy(self, transaction: Transaction, matters: bool) -> None:
        if not matters:
            return
        why = transaction.lossy or "a transaction that was rolled back changed tables without transactions"
        at = "%s:%d" % (transaction.file, transaction.first)
        if not transaction.tables:
            self.everything = self.everything or "the transaction at %s is not fully known: %s" % (at, why)
        for table in transaction.tables:
            self.silent.setdefault(self.name(table), "the transaction at %s is not fully known: %s" % (at, why))

    def _statement(self, text: str, schema: str) -> None:
        """A definition, or a statement that writes rows: what was seen of its tables before is worth nothing."""
        found = touched_statement.effect(text, schema)
        if found.everything:
            self.everything = self.everything or "%s changes rows, and the binlog does not show which" % found.why
        said = " ".join(text.split())[:80]
        names = {TableName(self._spell(one), self._spell(other)) for one, other in found.tables}
        schemas = {self._spell(name) for name in found.schemas}
        for table in self.rows:
            if table in names or table.schema in schemas:
                self.silent.setdefault(table, "its definition changes after rows of it were written: %s" % said)

    def _change(self, change: RowChange, named: bool, counts: bool) -> None:
        table = self.name(change.table)
        shape = self._shape(change.table)
        if shape is None or not shape.key:
            if named:
                self.silent.setdefault(table, NO_KEY)
            return
        rows = self.rows.setdefault(table, {})
        before, after = self._image(table, change.before, shape), self._image(table, change.after, shape)
        self._note_moved(table, shape, before, after)
        if counts:
            if before is not None:
                self._put(rows, before[0], Wanted(None, None, before[1]), named)
            if after is not None:
                found = Wanted(after[1], after[2], after[1], "" if after[1] is not None else PARTIAL)
                self._put(rows, after[0], found, named)
            return
        if self._steps:
            pair = (before[2] if before is not None else None, after[2] if after is not None else None)
            self.changes.setdefault(table, []).append(pair)
        if named and before is not None and before[0] not in rows:
            rows[before[0]] = Wanted(before[1], before[2], before[1], "" if before[1] is not None else PARTIAL)
        if named and after is not None and after[0] not in rows:
            rows[after[0]] = Wanted(None, None, after[1])

    def _note_moved(self, table: TableName, shape: Shape, before: Optional[Read], after: Optional[Read]) -> None:
        moved = self.moved.setdefault(table, set())
        if after is None:
            moved.add(ALL)
        elif before is not None:
            moved.update(
                column.name.lower() for column, old, new in zip(shape.columns, before[2], after[2]) if old != new
            )

    def _image(self, table: TableName, image: Optional[Sequence[Value]], shape: Shape) -> Optional[Read]:
        if image is None:
            return None
        values = row_bytes.values(image)
        key = tuple(values[place] for place in shape.key)
        if any(value is ABSENT for value in key):
            # The key of an after image that does not hold it is that of the before image; nothing is guessed here.
            self.silent.setdefault(table, PARTIAL)
            return None
        return key, row_bytes.parts(image, shape.type_codes, shape.columns), values

    @staticmethod
    def _put(rows: Dict[Key, Wanted], key: Key, wanted: Wanted, named: bool) -> None:
        earlier = rows.get(key)
        if earlier is None and not named:
            return
        if wanted.known is None and earlier is not None:
            wanted.known = earlier.known
        rows[key] = wanted


@dataclass(frozen=True)
class Difference:
    """A row that is not what it has to be.

    :param have: the replica's values of it; None when there is no row.
    :param columns: positions of the columns that differ; () when there is a row on one side only.
    """

    key: Key
    have: Optional[Values]
    wanted: Wanted
    columns: Tuple[int, ...] = ()


@dataclass(frozen=True)
class Compared:
    """The outcome for one table."""

    rows: int
    different: Tuple[Difference, ...]
    undecided: Mapping[Key, str]


def compare(wanted: Mapping[Key, Wanted], found: Mapping[Key, Values], compared: Sequence[int]) -> Compared:
    """Compare the wanted rows of one table with those of the replica.

    :param found: the row in the place of each key; nothing for a key without a row.
    :param compared: positions of the columns that count.
    """
    different: List[Difference] = []
    undecided: Dict[Key, str] = {}
    for key, one in wanted.items():
        have = found.get(key)
        if one.why:
            undecided[key] = one.why
        elif one.values is None:
            if have is not None:
                different.append(Difference(key, have, one))
        elif have is None:
            different.append(Difference(key, None, one))
        else:
            columns = tuple(place for place in compared if have[place] != one.values[place])
            if columns:
                different.append(Difference(key, have, one, columns))
    lacking = [one.key for one in different if one.have is not None and one.wanted.known is None]
    undecided.update(dict.fromkeys(lacking, PARTIAL))
    kept = tuple(one for one in different if one.key not in undecided)
    return Compared(len(wanted) - len(undecided), kept, undecided)
