# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the witnesses that agree at a boundary say together about the others.

A value that comes back makes one row agree at several boundaries. The rows of a table between two barriers, and those
of all tables together, may still leave a single one: each other boundary is contradicted by some row. Only rows that
speak at the boundary and agree there are asked; what rows of another time say does not count here, since a row that
somebody wrote on the replica contradicts all that it can.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import accumulate
from typing import Dict, List, Sequence, Tuple

from .objects import Span


@dataclass(frozen=True)
class Section:
    """The votes of a table, or of an object, between two barriers.

    :param start: its first boundary; ``last``: its last one.
    :param initial: by how much the number of contradicting witnesses grows at boundaries, for those not changed before.
    :param times: boundaries at which that number changes; ``steps``: by how much, in parallel.
    :param cuts: boundaries at which all rows went: rows first seen after one say nothing about what was before.
    """

    start: int
    last: int
    initial: Dict[int, int]
    times: Sequence[int]
    steps: Sequence[int]
    cuts: Tuple[int, ...] = ()

    def reach(self, index: int) -> int:
        """The last boundary about which only witnesses that speak at ``index`` say something."""
        return min((cut - 1 for cut in self.cuts if cut > index), default=self.last)

    def against(self, first: int, last: int) -> List[int]:
        """How many witnesses contradict, at each boundary from ``first`` to ``last``, both in the section."""
        counts = [0] * (last - first + 2)
        for time, step in list(self.initial.items()) + list(zip(self.times, self.steps)):
            if time <= last:
                counts[max(time - first, 0)] += step
        return list(accumulate(counts[:-1]))


def of_object(spans: Sequence[Span], state: bool) -> List[Section]:
    """The votes of an object whose state on the replica is ``state``; each stretch in which it is known is one."""
    found: List[Section] = []
    for start, end, is_there in spans:
        if not found or found[-1].last != start - 1:
            found.append(Section(start, end, {start: int(is_there != state)}, (), ()))
            continue
        last = found[-1]
        step = 1 if is_there != state else -1
        found[-1] = Section(last.start, end, last.initial, (*last.times, start), (*last.steps, step))
    return found


def shows_applied(sections: Sequence[Section], index: int, before: int) -> bool:
    """Whether rows that agree at a boundary exclude the one before it, and all others before that.

    As far back as a table or object reaches that was changed in between.
    """
    if before < 0:
        return False
    inside = [found for found in sections if found.start <= before and index <= found.last]
    changed = [found for found in inside if found.against(before, before)[0]]
    if not changed:
        return False
    low = max(found.start for found in changed)
    return all(_total(inside, low, before, index))


def shows_missing(sections: Sequence[Section], index: int, after: int) -> bool:
    """Whether rows that agree at a boundary exclude the one after it, and all others after that.

    As far on as a table or object reaches that is changed in between.
    """
    inside = [found for found in sections if found.start <= index and after <= found.last]
    changed = [found for found in inside if found.reach(index) >= after and found.against(after, after)[0]]
    if not changed:
        return False
    high = min(found.last for found in changed)
    return all(_total(inside, after, high, index))


def _total(sections: Sequence[Section], first: int, last: int, index: int) -> array[int]:
    """How many of the witnesses that speak at ``index`` contradict, at each boundary from ``first`` to ``last``."""
    counts = array("q", bytes(8 * (last - first + 1)))
    for section in sections:
        low, high = max(first, section.start), min(last, section.reach(index))
        if low <= high:
            for at, number in enumerate(section.against(low, high), low - first):
                counts[at] += number
    return counts
