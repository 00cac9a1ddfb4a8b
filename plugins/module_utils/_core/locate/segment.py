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
from typing import Dict

from .digest import NO_ROW
from .key_table import AGREES, COUNT, OFTEN, ONCE, ROSE, KeyTable, Shard

_SHORT = 0xFFFFFFFF

UNLOGGED = "rows changed in a way that the binlog does not show"


def _short(image: int) -> int:
    return (image & _SHORT) or 1 if image != NO_ROW else 0


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

    def change(self, time: int, key: int, before: int, after: int, row: int) -> None:
        """Count one change of a key by transaction ``time``, which leads to the boundary of the same number.

        :param before: digest of the image before it, `NO_ROW` for an insert.
        :param after: digest of the image after it, `NO_ROW` for a delete.
        :param row: digest of the replica's row, for a key that is new here.
        """
        shard, at, new = self.keys.place(key)
        if new:
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
        else:
            row = shard.rows[at]
            agrees = bool(shard.bits[at] & AGREES)
            if shard.images[at] != _short(before):
                self.void = UNLOGGED
        if not self._move(shard, at, time, agrees, after == row) and before != after:
            self._step(time, 0)
        shard.images[at] = _short(after)

    def _move(self, shard: Shard, at: int, time: int, agrees: bool, now: bool) -> bool:
        """Count a key that begins or ends to agree; whether it does."""
        if agrees == now:
            return False
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
        return True

    def truncate(self, time: int) -> None:
        """Count the removal of all rows by transaction ``time``; what a key was before is not known for the others."""
        for shard, at in self.keys.slots():
            if shard.images[at]:
                self._move(shard, at, time, bool(shard.bits[at] & AGREES), shard.rows[at] == NO_ROW)
                shard.images[at] = 0
        self._floor = time

    def _step(self, time: int, by: int) -> None:
        times = self.times
        if times and times[-1] == time:
            self.steps[-1] += by
        else:
            times.append(time)
            self.steps.append(by)

    def drop(self) -> None:
        """Free what a segment holds that counts for nothing."""
        self.keys = KeyTable()
        self.initial.clear()
        self.times, self.steps = array("I"), array("i")

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
