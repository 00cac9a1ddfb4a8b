# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hint where the boundary is, from the first changes after some point: have they been applied or not?"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional

from .digest import NO_ROW
from .objects import Objects
from .voting import Key, Pair

ENOUGH = 20


class Probe:
    """Compares the changes of each key after a point with the replica; fed like a count. A hint is no proof.

    A row that is as it was before its first change has not reached the point; one that is as it was after a change has
    passed it. One that is like neither is far from it, and does not tell in which direction, unless it was inserted or
    deleted there.
    """

    def __init__(self) -> None:
        self.time = 0
        self.objects = Objects()
        self.silent: Dict[Pair, str] = {}
        self.wanted: Dict[Pair, Dict[int, Key]] = {}
        self.pending = 0
        self.missing = 0
        self.applied = 0
        # Keys that were inserted or deleted so far.
        self.telling = 0
        # What each key was before its first change, and after each one.
        self._seen: Dict[Pair, Dict[int, List[Any]]] = {}

    def transaction(self) -> int:
        """The next transaction begins."""
        self.time += 1
        return self.time

    def mark(self, flag: int) -> None:
        """Nothing to note here."""

    def change(self, table: Pair, key: int, lookup: Key, before: Any, after: Any) -> None:
        """A row changed."""
        if before == after:
            return
        seen = self._seen.setdefault(table, {})
        if key not in seen:
            seen[key] = [before]
            self.wanted.setdefault(table, {})[key] = lookup
            self.pending += 1
            self.telling += NO_ROW in (before, after)
        seen[key].append(after)

    def truncate(self, table: Pair) -> None:
        """All rows of a table went: nothing to tell by."""

    def barrier(
        self, tables: Optional[Iterable[Pair]] = None, schemas: Iterable[str] = (), defines: bool = False
    ) -> None:
        """Tables changed otherwise: nothing to tell by."""

    def settle(self, rows: Mapping[Pair, Mapping[int, Any]]) -> None:
        """Count what has passed the point, and what has not."""
        for table, seen in self._seen.items():
            found = rows.get(table)
            if found is None:
                continue
            for key, images in seen.items():
                row = found.get(key, NO_ROW)
                if row == images[0]:
                    self.missing += 1
                elif row in images or images[0] == NO_ROW:
                    self.applied += 1
                elif images[-1] == NO_ROW:
                    self.missing += 1
        self._seen.clear()
        self.wanted.clear()
        self.pending = 0

    def passed(self) -> Optional[bool]:
        """Whether the replica seems to be after the point; None when nothing tells."""
        if not self.missing and not self.applied:
            return None
        return self.applied > self.missing
