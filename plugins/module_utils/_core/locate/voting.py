# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts, for every boundary of a stretch of binlog, the witnesses that the replica contradicts.

Boundary k is the state after the first k transactions of the stretch. Fed in the binlog's order; the replica's rows are
asked for in batches (`Voting.wanted`, `Voting.settle`), so that memory stays bounded by some 30 bytes a key.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from .digest import NO_ROW
from .key_table import AGREES, COUNT, ONCE, ROSE, SHARDS
from .objects import Object, Objects, Span, State, votes
from .sections import Section, of_object
from .segment import UNLOGGED, Ends, Segment
from .usual import Usual

Pair = Tuple[str, str]
# The values of a primary key, or their bytes (`prints.Prints.key_values`).
Key = Union[Tuple[object, ...], bytes]
# Segment, transaction, key, before, after, table. Key 0: all rows went (after is 1), or the segment ends.
Change = Tuple[Segment, int, int, int, int, Pair]

# What is known of a transaction, bits of `Tally.flags`.
WITNESS = 1  # it changed something that the replica can be asked about
FIRST = 2  # a witness began to agree with it, and agrees at no other stretch: it is applied
LAST = 4  # a witness ceased to agree with it, and agrees at no other stretch: it is not applied
BARRIER = 8  # witnesses of a table end here
UNCLEAR = 16  # it changed rows that give no evidence
STATED = 64  # it holds a statement
OWN = 128  # the replica does not take it from the source
NEVER_THERE = 0xFFFFFFFF
WITHIN = 32  # an XA transaction is prepared and not yet decided: no position of its own


@dataclass(frozen=True)
class Tally:
    """The count.

    :param transactions: how many there were; boundaries are 0 to this number.
    :param against: contradicting witnesses at each boundary.
    :param speaking: witnesses that say something at each boundary.
    :param flags: of each boundary's last transaction; index 0 is no transaction.
    :param never: keys that agree at no boundary, where no barrier took any away.
    :param latest_start: see `segment.Ends`; over all tables, only where there was no barrier.
    :param earliest_end: likewise.
    :param barriers: boundaries at which witnesses of some table end.
    :param silent: tables without evidence, and why.
    :param since: of each transaction marked `LAST` the latest boundary that led to an image which it changes, and
        which was at no other time; `NEVER_THERE` when no row was there before, only of tables without a barrier.
    :param opened: where the witnesses of that table begin, at a barrier or with the stretch (0).
    :param sections: the votes of each table and object between barriers; not all when there are too many.
    """

    transactions: int
    against: array[int]
    speaking: array[int]
    flags: bytearray
    never: int = 0
    latest_start: int = 0
    earliest_end: int = 0
    barriers: Tuple[int, ...] = ()
    silent: Mapping[Pair, str] = field(default_factory=dict)
    since: array[int] = field(default_factory=lambda: array("I"))
    opened: array[int] = field(default_factory=lambda: array("I"))
    sections: Tuple[Section, ...] = ()


_SHARD = SHARDS - 1

# Of sections that have ended so many steps are kept: a few dozen MiB.
_KEPT = 4_000_000


class Voting:
    """The count in progress."""

    def __init__(self, differing: Optional[Mapping[Pair, str]] = None) -> None:
        """Begin a count.

        :param differing: tables that are defined otherwise on the source and the replica today, and how: their rows
            count only before the last change of the definition in this stretch, which may be the reason.
        """
        self.time = 0
        self.objects = Objects()
        self.wanted: Dict[Pair, Dict[int, Key]] = {}
        self.pending = 0
        self.silent: Dict[Pair, str] = {}
        self._segments: Dict[Pair, Segment] = {}
        self._floors: Dict[Pair, int] = {}
        self._floor = 0
        self._opened_so_far = 0
        self._queue: List[Change] = []
        # Where the queue holds the current transaction's changes, by segment and key: noted up to a place, when it is
        # known that there are several.
        self._here: Dict[Tuple[int, int], int] = {}
        self._begun = self._noted = 0
        self._flags = bytearray(1)
        self._against = array("i")
        self._speaking = array("i")
        self._ends = Ends(0, -1, 0)
        self._barriers: List[int] = []
        self._differing = dict(differing or {})
        self._defined: Dict[Pair, int] = {}
        self._held: List[Tuple[Segment, int, Pair]] = []
        self._sections: List[Section] = []
        self._since = array("I")
        self._followed = array("I")
        self._kept = 0
        self._cuts: Dict[int, List[int]] = {}

    def defined_until(self, boundary: int) -> List[Pair]:
        """The tables whose definition changed in this stretch, and not after a boundary."""
        changed = {table for table, time in self._defined.items() if 0 < time <= boundary}
        made = {table for table in self.objects.made(boundary) if self._defined.get(table, 0) <= boundary}
        return sorted((changed | made) - self.objects.changed_after(boundary))

    def transaction(self) -> int:
        """Begin the next transaction; its number, which is that of the boundary it leads to."""
        self.time += 1
        self._flags.append(0)
        self._begun = self._noted = len(self._queue)
        if self._here:
            self._here.clear()
        return self.time

    def mark(self, flag: int) -> None:
        """Note something about the current transaction."""
        self._flags[self.time] |= flag

    def change(self, table: Pair, key: int, lookup: Key, before: int, after: int) -> None:
        """A row changed in the current transaction.

        :param key: digest of the key's values, ``lookup``.
        :param before: digest of the image before, `NO_ROW` when there was no row; ``after`` likewise.
        """
        segment = self._segments.get(table)
        if segment is None:
            segment = self._segments[table] = self._opened(table)
        queue = self._queue
        if len(queue) != self._begun and self._again(segment, key, before, after, table):
            return
        if before == after:
            self.mark(UNCLEAR)  # it tells nothing, and yet fails when it is applied to a row that is gone
        queue.append((segment, self.time, key, before, after, table))
        self.pending += 1
        # As `KeyTable.__contains__`, without the calls.
        shard = segment.keys.shards[key & _SHARD]
        keys, mask = shard.keys, shard.mask
        at = key >> 8 & mask
        found = keys[at]
        while found != key and found:
            at = at + 1 & mask
            found = keys[at]
        if not found:
            wanted = self.wanted.get(table)
            if wanted is None:
                wanted = self.wanted[table] = {}
            wanted[key] = lookup

    def together(self, tables: Sequence[Pair], usual: Usual) -> None:
        """Count transactions at once, as `transaction`, `Objects.touched` and `change` do one by one.

        :param tables: what ``usual.names`` are called here.
        """
        if usual.counts.count(1) != len(usual.counts):
            self._one_by_one(tables, usual)
            return
        places, time = usual.places, self.time
        parts = []
        for place, table in enumerate(tables):
            segment = self._segments.get(table)
            if segment is None:
                segment = self._segments[table] = self._opened(table)
            parts.append((segment, segment.keys.shards, table, self.wanted.get(table, {})))
            # What is between these two says nothing new of the table.
            self.objects.touched(time + 1 + places.index(place), table)
            self.objects.touched(time + len(places) - places[::-1].index(place), table)
        self._flags.extend(bytes(len(places)))
        flags, append = self._flags, self._queue.append
        for place, key, lookup, before, after in zip(places, usual.keys, usual.lookups, usual.befores, usual.afters):
            time += 1
            segment, shards, table, wanted = parts[place]
            if before == after:
                flags[time] |= UNCLEAR
            append((segment, time, key, before, after, table))
            # As `change`, with what is the same for all rows of a table asked for once.
            shard = shards[key & _SHARD]
            keys, mask = shard.keys, shard.mask
            at = key >> 8 & mask
            found = keys[at]
            while found != key and found:
                at = at + 1 & mask
                found = keys[at]
            if not found:
                wanted[key] = lookup
        self.wanted.update({table: wanted for _segment, _shards, table, wanted in parts if wanted})
        self.time = time
        self.pending += len(places)
        self._here.clear()
        self._begun = self._noted = len(self._queue)

    def _one_by_one(self, tables: Sequence[Pair], usual: Usual) -> None:
        """As `together`, of transactions with any number of rows."""
        rows = zip(usual.places, usual.keys, usual.lookups, usual.befores, usual.afters)
        for count in usual.counts:
            time = self.transaction()
            for place, key, lookup, before, after in islice(rows, count):
                self.objects.touched(time, tables[place])
                self.change(tables[place], key, lookup, before, after)

    def _again(self, segment: Segment, key: int, before: int, after: int, table: Pair) -> bool:
        """Whether the current transaction has changed the key before; only what is there at its end counts."""
        here, queue = self._here, self._queue
        for place in range(self._noted, len(queue)):
            here[queue[place][0].number, queue[place][2]] = place
        self._noted = len(queue)
        known = here.get((segment.number, key))
        if known is None:
            return False
        earlier = queue[known]
        if earlier[4] != before:
            segment.void = UNLOGGED
        queue[known] = (segment, self.time, key, earlier[3], after, table)
        if earlier[3] == after:
            self.mark(UNCLEAR)
        return True

    def _opened(self, table: Pair) -> Segment:
        self._opened_so_far += 1
        return Segment(max(self._floor, self._floors.get(table, 0)), self._opened_so_far)

    def truncate(self, table: Pair) -> None:
        """The current transaction removed all rows of a table."""
        self._flags[self.time] |= BARRIER
        self._barriers.append(self.time)
        self._floors[table] = self.time
        segment = self._segments.get(table)
        if segment is not None:
            self._queue.append((segment, self.time, 0, NO_ROW, 1, table))
        self.objects.see(self.time, ("rows",) + table, None, False)

    def barrier(
        self, tables: Optional[Iterable[Pair]] = None, schemas: Iterable[str] = (), defines: bool = False
    ) -> None:
        """The current transaction changed tables in a way that their rows' images do not tell.

        :param tables: None for every table.
        :param schemas: every table of these.
        :param defines: their definitions are changed.
        """
        self._flags[self.time] |= BARRIER
        self._barriers.append(self.time)
        if tables is None:
            self._floor = self.time
            self.objects.rows_changed(self.time, ())
            for table in list(self._segments):
                self._close(table, defines)
            return
        inside = set(schemas)
        for name in inside:
            self.objects.rows_changed(self.time, (name,))
        for table in [name for name in self._segments if name[0] in inside]:
            self._close(table, defines)
        for table in tables:
            self._close(table, defines)

    def _close(self, table: Pair, defines: bool) -> None:
        self._floors[table] = self.time
        if defines:
            self._defined[table] = self.time
        self.objects.rows_changed(self.time, table)
        segment = self._segments.pop(table, None)
        if segment is not None:
            self._queue.append((segment, self.time, 0, NO_ROW, NO_ROW, table))

    def settle(self, rows: Mapping[Pair, Mapping[int, int]]) -> None:
        """Count what is waiting.

        :param rows: digests of the replica's rows for every key in ``wanted``; a key without an entry has no row.
            A table without an entry could not be read: it gives no evidence.
        """
        nothing: Mapping[int, int] = {}
        for segment, time, key, before, after, table in self._queue:
            if segment.void:
                self._flags[time] |= UNCLEAR
            elif key:
                found = rows.get(table, nothing)
                if found is nothing and table not in rows and key not in segment.keys:
                    segment.void = self.silent.get(table) or "the replica's rows could not be read"
                    self._flags[time] |= UNCLEAR
                    continue
                segment.change(time, key, before, after, found.get(key, NO_ROW))
            elif after:
                segment.truncate(time)
                self._cuts.setdefault(segment.number, []).append(time)
            elif table in self._differing:
                self._held.append((segment, time - 1, table))
            else:
                self._count(segment, time - 1, table)
        for segment in self._segments.values():
            if segment.void:
                segment.drop()
        self._queue.clear()
        self._here.clear()
        self._begun = self._noted = 0
        self.wanted.clear()
        self.pending = 0

    def _make_room(self) -> None:
        """A place for each boundary, and one behind them."""
        for numbers in (self._against, self._speaking):
            numbers.frombytes(bytes(numbers.itemsize * (self.time + 2 - len(numbers))))

    def _count(self, segment: Segment, last: int, table: Pair) -> None:
        """Add a segment that ends at boundary ``last`` to the whole."""
        if segment.void:
            self.silent.setdefault(table, segment.void)
            for time in segment.times:
                self._flags[time] |= UNCLEAR
            return
        self._make_room()
        against, flags = self._against, self._flags
        total = 0
        for floor, number in segment.initial.items():
            against[floor] += number
            total += number
        for time, step in zip(segment.times, segment.steps):
            against[time] += step
            total += step
            flags[time] |= WITNESS
        against[last + 1] -= total
        self._speaking[segment.start] += len(segment.keys)
        self._speaking[last + 1] -= len(segment.keys)
        self._mark(segment)
        self._keep(segment, last)
        ends = segment.ends(last)
        self._ends.never += ends.never
        self._ends.latest_start = max(self._ends.latest_start, ends.latest_start)
        if last == self.time:
            self._ends.earliest_end = min(self._ends.earliest_end, ends.earliest_end)

    def _mark(self, segment: Segment) -> None:
        """Note the transactions that one row of a segment shows to be applied, or to be missing."""
        flags = self._flags
        # Else a TRUNCATE inside may have moved rows as well.
        plain = segment.number not in self._cuts
        if plain:
            self._extend()
        for shard, at in segment.keys.slots():
            bits = shard.bits[at]
            if bits & COUNT == ONCE:
                if bits & ROSE:
                    flags[shard.starts[at]] |= FIRST
                if not bits & AGREES:
                    flags[shard.ends[at] + 1] |= LAST
                    if plain and bits & ROSE:
                        self._note_since(shard.ends[at] + 1, shard.starts[at], segment.start)
                    elif plain and not segment.start and not shard.rows[at]:
                        self._note_since(shard.ends[at] + 1, NEVER_THERE, 0)

    def _extend(self) -> None:
        """A place for each transaction."""
        for numbers in (self._since, self._followed):
            numbers.frombytes(bytes(numbers.itemsize * (self.time + 1 - len(numbers))))

    def _note_since(self, time: int, since: int, opened: int) -> None:
        """Keep, of what shows that a transaction is missing, what began first, and of that the latest."""
        if (not self._since[time], -opened, since) > (False, -self._followed[time], self._since[time]):
            self._since[time], self._followed[time] = since, opened

    def _keep(self, segment: Segment, last: int) -> None:
        self._kept += 0 if last == self.time else len(segment.times)
        if self._kept <= _KEPT or last == self.time:
            cuts = tuple(self._cuts.get(segment.number, ()))
            self._sections.append(Section(segment.start, last, segment.initial, segment.times, segment.steps, cuts))

    def finish(self, present: Callable[[Object], State]) -> Tally:
        """The count, when everything has been fed and settled.

        :param present: whether the replica has an object; None when that is not known.
        """
        self._ends.earliest_end = self.time
        self._make_room()
        self._extend()
        for segment, last, table in self._held:
            if last >= self._defined.get(table, 0):
                segment.void = segment.void or self._differing[table]
            self._count(segment, last, table)
        for table, segment in self._segments.items():
            segment.void = segment.void or self._differing.get(table, "")
            self._count(segment, self.time, table)
        for spans, state in votes(self.objects, self.time, present):
            self._count_object(spans, state)
        self._against = array("i", islice(accumulate(self._against), self.time + 1))
        self._speaking = array("i", islice(accumulate(self._speaking), self.time + 1))
        return Tally(
            self.time,
            self._against,
            self._speaking,
            self._flags,
            self._ends.never,
            self._ends.latest_start,
            self._ends.earliest_end,
            tuple(self._barriers),
            dict(self.silent),
            self._since,
            self._followed,
            tuple(self._sections),
        )

    def once(self, table: Pair, key: int) -> bool:
        """Whether a key agrees in one stretch only, of everything counted since the last barrier of its table."""
        segment = self._segments.get(table)
        if segment is None or segment.void or key not in segment.keys:
            return False
        shard, at, _new = segment.keys.place(key)
        return shard.bits[at] & COUNT == ONCE

    def _count_object(self, spans: List[Span], state: bool) -> None:
        agreeing = [span for span in spans if span[2] == state]
        self._sections.extend(of_object(spans, state))
        for number, (start, end, is_there) in enumerate(spans):
            self._speaking[start] += 1
            self._speaking[end + 1] -= 1
            if is_there != state:
                self._against[start] += 1
                self._against[end + 1] -= 1
            if number and spans[number - 1][1] == start - 1:
                self._flags[start] |= WITNESS
                if len(agreeing) == 1:
                    self._flags[start] |= FIRST if is_there == state else LAST
            elif start and not agreeing:
                # IF [NOT] EXISTS tells nothing of before: still it left what the replica does not have.
                self._flags[start] |= WITNESS | LAST
