# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A count of a short stretch that keeps every change, to tell which of its transactions are applied."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Set, Tuple

from .key_table import AGREES, COUNT, ONCE
from .segment import Segment
from .voting import Change, Pair, Voting


class SecondLook(Voting):
    """Like `Voting`, over a part of what was counted before.

    :param most: keep so many changes; with more of them `verdicts` says nothing.
    """

    def __init__(self, most: int, differing: Optional[Mapping[Pair, str]] = None) -> None:
        super().__init__(differing)
        self._most = most
        self._remembered: List[Change] = []

    def settle(self, rows: Mapping[Pair, Mapping[int, int]]) -> None:
        """Count what is waiting, and keep it."""
        if self._most:
            self._remembered.extend(item for item in self._queue if item[2])
            if len(self._remembered) > self._most:
                self._most = 0
        super().settle(rows)

    def verdicts(self, whole: Voting) -> Optional[Dict[int, Set[bool]]]:
        """For each transaction what its rows say of whether it is applied, after `finish`; None for too many of them.

        Only keys that agree in one stretch say anything.

        :param whole: the count of everything, of which this one counted a part.
        """
        if not self._most:
            return None
        found: Dict[int, Set[bool]] = {}
        for segment, time, key, _before, _after, table in self._remembered:
            if not whole.once(table, key):
                continue
            shard, at, new = segment.keys.place(key)
            bits = shard.bits[at]
            if new or segment.void or bits & COUNT != ONCE:
                continue
            if time <= shard.starts[at]:
                found.setdefault(time, set()).add(True)
            elif not bits & AGREES and time > shard.ends[at]:
                found.setdefault(time, set()).add(False)
        return found

    def fits(self, applied: Set[int]) -> bool:
        """Whether every row is as these transactions of the stretch, and no others, would have left it."""
        images: Dict[Tuple[int, int], Tuple[Segment, int]] = {}
        for segment, time, key, before, after, _table in self._remembered:
            place = (segment.number, key)
            now = images[place][1] if place in images else before
            if time in applied and now != before:
                return False
            images[place] = (segment, after if time in applied else now)
        for (_number, key), (segment, image) in images.items():
            shard, at, new = segment.keys.place(key)
            if not segment.void and (new or shard.rows[at] != image):
                return False
        return True
