# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What named transactions do to each row, one after the other, and how much of it a server has done already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from .binlog import encode, row_bytes
from .binlog.canonical import ABSENT
from .binlog.row_bytes import Parts
from .binlog.rows import RowChange
from .binlog.table_map import TableName
from .row_repair_rows import NO_KEY, PARTIAL, Key, Shape, Values

NEITHER = "the row is neither what the transaction found nor what it made of it"
BETWEEN = "a transaction that is not named changed the row in between"


class Image(NamedTuple):
    """One row: its key, its bytes and its values."""

    key: Key
    parts: Parts
    values: Values


class Change(NamedTuple):
    """What is to become of one row; None where there is no row."""

    table: TableName
    before: Optional[Image]
    after: Optional[Image]


class Link(NamedTuple):
    """One step of a row's life: in which transaction, by which of its changes, from what to what."""

    item: int
    change: int
    before: Optional[Image]
    after: Optional[Image]


class Write(NamedTuple):
    """What is left to be done for one change: ``kind`` and the images of `encode.rows_event`."""

    kind: str
    data: bytes


@dataclass(frozen=True)
class Conflict:
    """A row, or a table, that keeps the transactions from being applied.

    :param item: number of the transaction.
    :param key: None when the whole table is meant.
    :param have: the row as it is, None when there is none; ``expected``: as the transaction has to find it.
    :param columns: positions of the columns in which they differ.
    """

    item: int
    table: TableName
    key: Optional[Key]
    why: str
    have: Optional[Values] = None
    expected: Optional[Values] = None
    columns: Tuple[int, ...] = ()


@dataclass(frozen=True)
class Fate:
    """What becomes of one row in the whole run.

    :param now: the row as it is, by the transactions' images; ``end``: as it is to be.
    :param known: some image with this key.
    """

    now: Optional[Image]
    end: Optional[Image]
    known: Image


@dataclass
class Part:
    """What one transaction has left to do in one table.

    :param before: the values of its rows by key as they have to be before, and ``after`` afterwards; None for no row.
    """

    writes: List[Write] = field(default_factory=list)
    before: Dict[Key, Optional[Values]] = field(default_factory=dict)
    after: Dict[Key, Optional[Values]] = field(default_factory=dict)


def changes_of(
    rows: Sequence[RowChange],
    shape: Callable[[TableName], Optional[Shape]],
    spell: Callable[[TableName], TableName],
    reverse: bool,
) -> Tuple[List[Change], Dict[TableName, str]]:
    """The changes of a transaction, or their exact inverse, and why those of some tables are no use.

    :param shape: of a table; None when its rows are not to be read.
    :param spell: a table's name as it is called here.
    """  # fmt: skip
    made: List[Change] = []
    useless: Dict[TableName, str] = {}
    for row in rows:
        known = shape(row.table)
        table = spell(row.table)
        if known is None or not known.key:
            useless.setdefault(table, NO_KEY)
            continue
        before, after = image(row.before, known), image(row.after, known)
        if (before is None) != (row.before is None) or (after is None) != (row.after is None):
            useless.setdefault(table, PARTIAL)
            continue
        made.append(Change(table, after, before) if reverse else Change(table, before, after))
    return (made[::-1] if reverse else made), useless


def image(found: Optional[Sequence[object]], shape: Shape) -> Optional[Image]:
    """A complete image; None when there is none, or when columns of it are missing."""
    if found is None:
        return None
    parts = row_bytes.parts(found, shape.type_codes, shape.columns)
    if parts is None:
        return None
    values = row_bytes.values(found)
    key = tuple(values[place] for place in shape.key)
    return None if any(value is ABSENT for value in key) else Image(key, parts, values)


class Chains:
    """The life of every row that the transactions touch, in the order in which they are applied.

    :param compared: the positions of a table's columns that count.
    :param latest: take as much for done as a row's state allows; else as little. Where GTIDs tell what is done, a row
        that was changed and changed back is written again, as the transactions say; where only rows tell, it is done.
    """

    def __init__(self, compared: Callable[[TableName], Sequence[int]], latest: bool) -> None:
        self._compared = compared
        self._latest = latest
        self.links: Dict[TableName, Dict[Key, List[Link]]] = {}
        self._changes: Dict[Tuple[int, int], Change] = {}
        self._done: Set[Tuple[int, int, Key]] = set()
        self.fates: Dict[TableName, Dict[Key, Fate]] = {}
        self.count = 0

    def feed(self, item: int, changes: Sequence[Change]) -> None:
        """Take the next transaction."""
        for number, change in enumerate(changes):
            self.count += 1
            self._changes[item, number] = change
            before, after = change.before, change.after
            if before is not None and after is not None and before.key != after.key:
                self._link(change.table, before.key, Link(item, number, before, None))
                self._link(change.table, after.key, Link(item, number, None, after))
            else:
                one = before or after
                if one is not None:
                    self._link(change.table, one.key, Link(item, number, before, after))

    def _link(self, table: TableName, key: Key, link: Link) -> None:
        self.links.setdefault(table, {}).setdefault(key, []).append(link)

    def judge(self, table: TableName, found: Mapping[Key, Values]) -> List[Conflict]:
        """Compare the rows of one table with what the transactions expect; what is in the way of them.

        :param found: the rows that the server has.
        """
        conflicts: List[Conflict] = []
        for key, links in self.links.get(table, {}).items():
            conflict = self._judge(table, key, links, found.get(key))
            if conflict is not None:
                conflicts.append(conflict)
        return conflicts

    def _judge(self, table: TableName, key: Key, links: List[Link], have: Optional[Values]) -> Optional[Conflict]:
        for one, other in zip(links, links[1:]):
            if not self._same(table, _values(one.after), _values(other.before)):
                return self._conflict(other.item, table, key, BETWEEN, _values(one.after), _values(other.before))
        states = [links[0].before, *(link.after for link in links)]
        fitting = [place for place, state in enumerate(states) if self._same(table, have, _values(state))]
        if not fitting:
            return self._conflict(links[0].item, table, key, NEITHER, have, _values(states[0]))
        done = fitting[-1] if self._latest else fitting[0]
        self._done.update((link.item, link.change, key) for link in links[:done])
        known = next(state for state in reversed(states) if state is not None)
        self.fates.setdefault(table, {})[key] = Fate(states[done], states[-1], known)
        return None

    def _conflict(
        self, item: int, table: TableName, key: Key, why: str, have: Optional[Values], expected: Optional[Values]
    ) -> Conflict:
        columns: Tuple[int, ...] = ()
        if have is not None and expected is not None:
            columns = tuple(place for place in self._compared(table) if have[place] != expected[place])
        return Conflict(item, table, key, why, have, expected, columns)

    def _same(self, table: TableName, one: Optional[Values], other: Optional[Values]) -> bool:
        if one is None or other is None:
            return one is other
        return all(one[place] == other[place] for place in self._compared(table))

    def left(self, item: int, changes: Sequence[Change]) -> Dict[TableName, Part]:
        """What a transaction has left to do, by table; after `judge` found no conflict."""
        parts: Dict[TableName, Part] = {}
        for number, change in enumerate(changes):
            before = change.before if not self._is_done(item, number, change.before) else None
            after = change.after if not self._is_done(item, number, change.after) else None
            if before is None and after is None:
                continue
            part = parts.setdefault(change.table, Part())
            part.writes.append(_write(before, after))
            # A row that changes its key is two rows: one goes and one comes.
            if before is not None:
                part.before.setdefault(before.key, before.values)
                part.after[before.key] = None
            if after is not None:
                part.before.setdefault(after.key, None)
                part.after[after.key] = after.values
        return parts

    def _is_done(self, item: int, number: int, found: Optional[Image]) -> bool:
        return found is not None and (item, number, found.key) in self._done


def _write(before: Optional[Image], after: Optional[Image]) -> Write:
    if before is None:
        return Write(encode.WRITE, encode.image(after.parts if after is not None else ()))
    if after is None:
        return Write(encode.DELETE, encode.image(before.parts))
    return Write(encode.UPDATE, encode.image(before.parts) + encode.image(after.parts))


def _values(found: Optional[Image]) -> Optional[Values]:
    return None if found is None else found.values
