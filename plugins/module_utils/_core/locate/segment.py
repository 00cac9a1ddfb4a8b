# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The votes of one table's rows between two barriers.

For one key the binlog gives the images v0 (before its first change), v1 ... vm. The replica's row equals some of them:
the key votes for the boundaries at which its image is that one, and contradicts all others of this segment. Outside
of its segment it says nothing. A vote is therefore a set of intervals: absence and toggled values come back.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Dict, Tuple

from .digest import NO_ROW
from .key_table import AGREES, COUNT, OFTEN, ONCE, ROSE, SHARDS, KeyTable, Shard

_SHORT = 0xFFFFFFFF
_SHARD = SHARDS - 1

UNLOGGED = "rows changed in a way that the binlog does not show"


@dataclass
class Ends:
    """What the keys of a segment say about the ends of a range; boundaries.

    Of the first interval in which each key agrees:

    :param latest_start: the latest beginning: from here on every key has agreed once.
    :param earliest_end: the earliest end: up to here no key has ceased to agree.
    :param never: keys that agree nowhere in the segment.
    """

    latest_start: int = 0
    earliest_end: int = -1
    never: int = 0


class Segment:
    """Counts the votes of one table from boundary ``start`` on, until it is closed by a barrier or by the end."""

    def __init__(self, start: int, number: int = 0) -> None:
        self.start = start
        self.number = number  # tells it from every other one of the same count
        self.void = ""
        self.keys = KeyTable()
        self._floor = start  # what a key was before its first change here holds from this boundary on
        # Keys that contradict from a boundary on before they were changed; then changes of the number of contradicting
        # keys, in parallel: at which boundary, by how much.
        self.initial: Dict[int, int] = {}
        self.times = array("I")
        self.steps = array("i")
        self._newest = -1  # the last of the times

    def change(self, time: int, key: int, before: int, after: int, row: int) -> None:
        """Count one change of a key by transaction ``time``, which leads to the boundary of the same number.

        :param before: digest of the image before it, `NO_ROW` for an insert.
        :param after: digest of the image after it, `NO_ROW` for a delete.
        :param row: digest of the replica's row, for a key that is new here.
        """
        shards = self.keys.shards
        shard = shards[key & _SHARD]
        keys, mask = shard.keys, shard.mask
        at = key >> 8 & mask
        found = keys[at]
        while found != key and found:
            at = at + 1 & mask
            found = keys[at]
        if found:
            row = shard.rows[at]
            agrees = shard.bits[at] & AGREES > 0
            if shard.images[at] != (before and (before & _SHORT or 1)):
                self.void = UNLOGGED
        else:
            shard, at, _new = self.keys.place(key)
            agrees, before = self._first(shard, at, time, before, after, row)
        if agrees != (after == row):
            self._move(shard, at, time, agrees)
        elif before != after and self._newest != time:
            self._newest = time
            self.times.append(time)
            self.steps.append(0)
        shard.images[at] = after and (after & _SHORT or 1)

    def _first(self, shard: Shard, at: int, time: int, before: int, after: int, row: int) -> Tuple[bool, int]:
        """Enter a key; whether it agreed before the change, and what it was then."""
        shard.rows[at] = row
        agrees = before == row
        if self._floor == time:
            agrees = after == row
            self._step(time, 0 if agrees else 1)
            before = after
        elif not agrees:
            self.initial[self._floor] = self.initial.get(self._floor, 0) + 1
        if agrees:
            shard.bits[at] = AGREES | ONCE
            shard.starts[at] = self._floor
        return agrees, before

    def _move(self, shard: Shard, at: int, time: int, agrees: bool) -> None:
        """Count a key that begins to agree, or ends to."""
        if agrees:
            if shard.bits[at] & COUNT == ONCE:
                shard.ends[at] = time - 1
            shard.bits[at] &= ~AGREES
            if shard.starts[at] == time and shard.bits[at] == ONCE | ROSE:
                shard.bits[at] = 0  # it agreed within this transaction only, which is at no boundary
        else:
            first = not shard.bits[at] & COUNT
            if first:
                shard.starts[at] = time
            shard.bits[at] = AGREES | (ONCE | ROSE if first else OFTEN)
        self._step(time, 1 if agrees else -1)

    def truncate(self, time: int) -> None:
        """Count the removal of all rows by transaction ``time``; what a key was before is not known for the others."""
        for shard, at in self.keys.slots():
            if shard.images[at]:
                agrees = shard.bits[at] & AGREES > 0
                if agrees != (shard.rows[at] == NO_ROW):
                    self._move(shard, at, time, agrees)
                shard.images[at] = 0
        self._floor = time

    def _step(self, time: int, by: int) -> None:
        if self._newest == time:
            self.steps[-1] += by
        else:
            self._newest = time
            self.times.append(time)
            self.steps.append(by)

    def drop(self) -> None:
        """Free what a segment holds that counts for nothing."""
        self.keys = KeyTable()
        self.initial.clear()
        self.times, self.steps, self._newest = array("I"), array("i"), -1

    def ends(self, last: int) -> Ends:
        """What the keys say about the ends of a range.

        :param last: the last boundary of the segment.
        """
        found = Ends(self.start, last)
        for shard, at in self.keys.slots():
            bits = shard.bits[at]
            if not bits & COUNT:
                found.never += 1
                continue
            found.latest_start = max(found.latest_start, shard.starts[at])
            if bits & (COUNT | AGREES) != ONCE | AGREES:
                found.earliest_end = min(found.earliest_end, shard.ends[at])
        return found
