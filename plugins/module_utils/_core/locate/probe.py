# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hint where the boundary is, from the first changes after some point: have they been applied or not?"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional

from .digest import NO_ROW
from .objects import Objects
from .voting import Key, Pair

ENOUGH = 60


class Probe:
    """Compares the first change of each key after a point with the replica; fed like a count. A hint is no proof."""

    def __init__(self) -> None:
        self.time = 0
        self.objects = Objects()
        self.silent: Dict[Pair, str] = {}
        self.wanted: Dict[Pair, Dict[int, Key]] = {}
        self.pending = 0
        self.missing = 0
        self.applied = 0
        self._firsts: Dict[Pair, Dict[int, int]] = {}

    def transaction(self) -> int:
        """The next transaction begins."""
        self.time += 1
        return self.time

    def mark(self, flag: int) -> None:
        """Nothing to note here."""

    def change(self, table: Pair, key: int, lookup: Key, before: Any, after: Any) -> None:
        """A row changed; only the first change of a key says whether the point has been passed."""
        firsts = self._firsts.setdefault(table, {})
        if key not in firsts and before != after:
            firsts[key] = before
            self.wanted.setdefault(table, {})[key] = lookup
            self.pending += 1

    def truncate(self, table: Pair) -> None:
        """All rows of a table went: nothing to tell by."""

    def barrier(
        self, tables: Optional[Iterable[Pair]] = None, schemas: Iterable[str] = (), defines: bool = False
    ) -> None:
        """Tables changed otherwise: nothing to tell by."""

    def settle(self, rows: Mapping[Pair, Mapping[int, int]]) -> None:
        """Count what is as it was before the change, and what is not."""
        for table, firsts in self._firsts.items():
            found = rows.get(table)
            if found is None:
                continue
            for key, before in firsts.items():
                if found.get(key, NO_ROW) == before:
                    self.missing += 1
                else:
                    self.applied += 1
        self._firsts.clear()
        self.wanted.clear()
        self.pending = 0

    def passed(self) -> Optional[bool]:
        """Whether the replica seems to be after the point; None when nothing tells."""
        if not self.missing and not self.applied:
            return None
        return self.applied > self.missing
