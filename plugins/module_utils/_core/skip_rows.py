# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what a run of transactions does to rows is there already, decided by all of their rows at once.

A row counts as present when it is what the last transaction of the run leaves: a row that is absent, or equal in every
column that is stored. Where a later transaction of the run changes a row again, only the last image counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Callable, Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from . import account_statement
from .binlog import row_bytes
from .binlog.canonical import ABSENT
from .binlog.columns_info import ColumnInfo
from .binlog.rows import DELETE, UPDATE, WRITE, RowChange
from .binlog.table_map import TableName
from .binlog.transactions import COMMIT, XID, Transaction
from .row_repair_rows import ALL, NO_KEY, PARTIAL, Key, Shape, Values

DUPLICATE = 1062
MISSING = 1032

Keyed = Tuple[Key, Values]


class Row(NamedTuple):
    """One row change, with the keys of its images."""

    table: TableName
    kind: str
    before: Optional[Keyed]
    after: Optional[Keyed]


@dataclass(frozen=True)
class Queued:
    """A transaction that the applier has still to take.

    :param why: why it is not known what its rows have to be; '' when it is.
    :param executed: another worker has applied it already.
    """

    transaction: Transaction
    rows: Tuple[Row, ...] = ()
    why: str = ""
    executed: bool = False


@dataclass(frozen=True)
class Looked:
    """The rows of the replica in the places of all keys that the transactions touch.

    :param compared: positions of the columns that count, by table.
    """

    found: Mapping[TableName, Mapping[Key, Values]] = field(default_factory=dict)
    compared: Mapping[TableName, Sequence[int]] = field(default_factory=dict)

    def row(self, table: TableName, key: Key) -> Optional[Values]:
        """The row; None when there is none."""
        return self.found.get(table, {}).get(key)

    def same(self, table: TableName, have: Optional[Values], wanted: Optional[Values]) -> bool:
        """Whether two rows are equal in all that counts; None is no row."""
        if have is None or wanted is None:
            return have is wanted
        return all(have[place] == wanted[place] for place in self.compared[table])


def queued(
    transaction: Transaction,
    shape: Callable[[TableName], Optional[Shape]],
    name: Callable[[TableName], TableName],
    silent: Mapping[TableName, str],
    executed: bool = False,
) -> Queued:
    """A transaction with its rows by their keys.

    :param shape: how the rows of a table stand in the binlog; None when they are no use.
    :param name: a table's name as it is called here.
    :param silent: why the rows of a table are no use.
    """
    rows: List[Row] = []
    why = _not_rows(transaction)
    for change in transaction.changes:
        table = name(change.table)
        known = shape(change.table)
        if known is None or not known.key:
            why = why or "%s.%s: %s" % (*table, silent.get(table, NO_KEY))
            continue
        images = [_keyed(image, known) for image in (change.before, change.after)]
        if change.partial or any(image is not None and ABSENT in image[0] for image in images):
            why = why or "%s.%s: %s" % (*table, PARTIAL)
            continue
        rows.append(Row(table, change.kind, images[0], images[1]))
    for other in transaction.undecoded:
        why = why or "%s.%s: %s" % (*name(other), silent.get(name(other), "its rows cannot be read"))
    return Queued(transaction, tuple(rows), why, executed)


def _not_rows(transaction: Transaction) -> str:
    if transaction.lossy:
        return transaction.lossy
    if transaction.statements:
        text = " ".join(account_statement.masked(transaction.statements[0].text).split())
        return "it holds a statement, which does not say what it changes: %s" % text[:200]
    if transaction.ending not in (XID, COMMIT):
        return "it is no plain transaction (%s)" % transaction.ending
    return "" if transaction.changes or transaction.undecoded else "it holds nothing"


def _keyed(image: Optional[Sequence[object]], shape: Shape) -> Optional[Keyed]:
    if image is None:
        return None
    values = row_bytes.values(image)
    return tuple(values[place] for place in shape.key), values


def keys(queue: Sequence[Queued]) -> Dict[TableName, Set[Key]]:
    """All keys that the transactions touch, by table."""
    found: Dict[TableName, Set[Key]] = {}
    for one in queue:
        for row in one.rows:
            found.setdefault(row.table, set()).update(image[0] for image in (row.before, row.after) if image)
    return found


def images(row: Row) -> Iterator[Tuple[Key, Optional[Values]]]:
    """What a row change leaves at its keys; None is no row."""
    if row.before is not None and (row.after is None or row.after[0] != row.before[0]):
        yield row.before[0], None
    if row.after is not None:
        yield row.after


def moved(one: Queued, columns: Mapping[TableName, Sequence[ColumnInfo]]) -> Dict[TableName, Set[str]]:
    """The columns that a transaction's updates changed, by table, and ALL after a delete: what foreign keys follow."""
    found: Dict[TableName, Set[str]] = {}
    for row in one.rows:
        if row.after is None:
            found.setdefault(row.table, set()).add(ALL)
        elif row.before is not None:
            pairs = zip(columns[row.table], row.before[1], row.after[1])
            found.setdefault(row.table, set()).update(column.name.lower() for column, a, b in pairs if a != b)
    return found


def stopped_by(one: Queued, looked: Looked) -> int:
    """The error that the applier would stop at with the replica's rows as they are; 0 when none can be foreseen.

    Duplicates in other unique keys than the primary one are not foreseen.
    """
    own: Dict[Tuple[TableName, Key], Optional[Values]] = {}
    for row in one.rows:
        table = row.table

        def there(key: Key, table: TableName = table) -> bool:
            place = (table, key)
            return (own[place] if place in own else looked.row(table, key)) is not None

        if row.before is not None and not there(row.before[0]):
            return MISSING
        new = row.after is not None and (row.before is None or row.before[0] != row.after[0])
        if new and row.after is not None and there(row.after[0]):
            return DUPLICATE
        own.update(((table, key), values) for key, values in images(row))
    return 0


def present(queue: Sequence[Queued], looked: Looked, errors: Sequence[int]) -> int:
    """How many of the transactions, from the first on, may be passed because all they do together is there.

    The first one is the failing one. The last of them would stop the applier at one of the errors as well: what comes
    behind it is left to the applier.
    """
    off: Set[Tuple[TableName, Key]] = set()
    best = 0
    for number, one in enumerate(queue, 1):
        if one.why:
            break
        for row in one.rows:
            for key, wanted in images(row):
                if looked.same(row.table, looked.row(row.table, key), wanted):
                    off.discard((row.table, key))
                else:
                    off.add((row.table, key))
        if not off and not one.executed and (number == 1 or stopped_by(one, looked) in errors):
            best = number
    return best


def failing(queue: Sequence[Queued], looked: Looked, errors: Sequence[int]) -> int:
    """How many of the transactions, from the first on, would each stop the applier at one of the errors."""
    count = min(1, len(queue))
    while count < len(queue):
        one = queue[count]
        if not one.executed and (one.why or stopped_by(one, looked) not in errors):
            break
        count += 1
    while count > 1 and queue[count - 1].executed:
        count -= 1
    return count


@dataclass(frozen=True)
class Found:
    """A row of the run and whether the replica has it as the run leaves it.

    :param number: which of its transaction's rows it is.
    :param have: the replica's row; None when there is none.
    """

    number: int
    row: Row
    key: Key
    wanted: Optional[Values]
    have: Optional[Values]
    present: bool


def compared(queue: Sequence[Queued], looked: Looked) -> List[List[Found]]:
    """For each transaction its rows, compared with what the last transaction of all leaves there."""
    last: Dict[Tuple[TableName, Key], Optional[Values]] = {}
    for one in queue:
        for row in one.rows:
            last.update(((row.table, key), values) for key, values in images(row))
    made: List[List[Found]] = []
    for one in queue:
        rows: List[Found] = []
        for number, row in enumerate(one.rows):
            for key, _unused in images(row):
                wanted, have = last[row.table, key], looked.row(row.table, key)
                rows.append(Found(number, row, key, wanted, have, looked.same(row.table, have, wanted)))
        made.append(rows)
    return made


@dataclass(frozen=True)
class Around:
    """What stands beside the rows and could suffer when they are applied over what is there.

    :param referenced: tables that foreign keys refer to.
    :param taken: written rows whose other unique keys some other row has.
    """

    referenced: FrozenSet[TableName] = frozenset()
    taken: FrozenSet[Tuple[TableName, Key]] = frozenset()


def safe(queue: Sequence[Queued], looked: Looked, around: Around) -> Tuple[int, str]:
    """How many of the transactions, from the first on, idempotent mode makes right, and why not the next one.

    Each event is a write whose sole conflict is the primary key, in a table that no foreign key refers to, a delete,
    or an update whose row is what it was on the source. Anything else idempotent mode passes over without a word, or
    takes other rows away for it (seen on MySQL 9.7, 5.6 and MariaDB 10.11).
    """
    state: Dict[Tuple[TableName, Key], Optional[Values]] = {}
    for number, one in enumerate(queue):
        why = one.why
        ahead = dict(state) if not why else {}
        for row in () if why else one.rows:
            why = why or ("" if one.executed else _unsafe(row, looked, around, ahead))
            ahead.update(((row.table, key), values) for key, values in images(row))
        if why:
            return number, why
        state = ahead
    return len(queue), ""


def _unsafe(row: Row, looked: Looked, around: Around, state: Mapping[Tuple[TableName, Key], Optional[Values]]) -> str:
    def now(key: Key) -> Optional[Values]:
        place = (row.table, key)
        return state[place] if place in state else looked.row(row.table, key)

    name = "%s.%s" % row.table
    if row.kind == UPDATE and row.before is not None and row.after is not None:
        here = now(row.before[0])
        if here is None:
            return "it updates a row of %s that is missing, which would be dropped without a word" % name
        if not looked.same(row.table, here, row.before[1]):
            return "it updates a row of %s that is not what it was on the source" % name
        if row.after[0] != row.before[0] and now(row.after[0]) is not None:
            return "it gives a row of %s a key that another row has" % name
    if row.kind == WRITE and row.after is not None and now(row.after[0]) is not None and row.table in around.referenced:
        return "it writes over a row of %s, which foreign keys refer to: rows there might be taken away with it" % name
    if row.kind != DELETE and row.after is not None and (row.table, row.after[0]) in around.taken:
        return "another row of %s has the same unique key, and would be deleted" % name
    return ""


def overwritten(queue: Sequence[Queued], looked: Looked) -> List[Found]:
    """The rows that the replica has now and that applying the transactions over them changes."""
    found = {(one.row.table, one.key): one for rows in compared(queue, looked) for one in rows}
    return [one for one in found.values() if one.have is not None and not one.present]


def until_statement(queue: Sequence[Queued]) -> Sequence[Queued]:
    """The transactions up to and with the first whose rows are not known: nothing behind it can be decided."""
    for number, one in enumerate(queue, 1):
        if one.why:
            return queue[:number]
    return queue


def with_reason(one: Queued, why: str) -> Queued:
    """The transaction, of which it is not known what its rows have to be."""
    return replace(one, why=one.why or why)


__all__ = ["ALL", "Around", "Found", "Looked", "Queued", "Row", "RowChange", "queued"]
