# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rows are not as they were at a given boundary; fed like a count, in memory bounded by the rows that differ."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from .digest import NO_ROW
from .objects import Objects
from .voting import Key, Pair

# A table and a key's digest.
Place = Tuple[Pair, int]


class Suspects:
    """Collects the rows that differ from their image at boundary ``target``."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.time = 0
        self.objects = Objects()
        self.silent: Dict[Pair, str] = {}
        self.wanted: Dict[Pair, Dict[int, Key]] = {}
        self.pending = 0
        self._images: Dict[Place, Tuple[Key, Any]] = {}
        self._unsettled: Set[Place] = set()
        self._ended: Set[Pair] = set()
        self._all_ended = False

    def transaction(self) -> int:
        """Begin the next transaction."""
        self.time += 1
        return self.time

    def mark(self, flag: int) -> None:
        """Nothing to note here."""

    def change(self, table: Pair, key: int, lookup: Key, before: Any, after: Any) -> None:
        """A row changed; see `voting.Voting.change`."""
        if self._all_ended or table in self._ended:
            return
        place = (table, key)
        if self.time <= self.target:
            self._images[place] = (lookup, after)
        elif place not in self._images:
            self._images[place] = (lookup, before)
        else:
            return
        if place not in self._unsettled:
            self._unsettled.add(place)
            self.wanted.setdefault(table, {})[key] = lookup
            self.pending += 1

    def truncate(self, table: Pair) -> None:
        """All rows of a table went."""
        for place, (lookup, _image) in list(self._images.items()):
            if place[0] == table and self.time <= self.target:
                self._images[place] = (lookup, NO_ROW)
        if self.time > self.target:
            self._ended.add(table)

    def barrier(
        self, tables: Optional[Iterable[Pair]] = None, schemas: Iterable[str] = (), defines: bool = False
    ) -> None:
        """Tables changed in a way that images do not tell; see `voting.Voting.barrier`."""
        inside, names = set(schemas), None if tables is None else set(tables)
        if self.time > self.target:
            self._all_ended = self._all_ended or names is None
            self._ended |= names or set()
            self._ended |= {place[0] for place in self._images if place[0][0] in inside}
            return
        for place in list(self._images):
            if names is None or place[0] in names or place[0][0] in inside:
                del self._images[place]

    def settle(self, rows: Mapping[Pair, Mapping[int, Any]]) -> None:
        """Drop what is as it should be; see `voting.Voting.settle`."""
        for place in self._unsettled:
            held = self._images.get(place)
            found = rows.get(place[0])
            if held is not None and (found is None or found.get(place[1], NO_ROW) == held[1]):
                del self._images[place]
        self._unsettled.clear()
        self.wanted.clear()
        self.pending = 0

    def rows(self) -> List[Tuple[Pair, Tuple[object, ...], Any]]:
        """The rows that differ with the image (or its digest) that they should have, by their names and keys."""
        found = [(table, tuple(lookup), image) for (table, _key), (lookup, image) in self._images.items()]
        return sorted(found, key=lambda row: repr(row[:2]))
