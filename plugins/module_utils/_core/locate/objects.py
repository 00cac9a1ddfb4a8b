# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Votes of definitions: which schemas, tables, columns and indexes exist at which boundary.

An object is a tuple: ``("schema", s)``, ``("table", s, t)``, ``("column", s, t, c)``, ``("index", s, t, i)``, and
``("rows", s, t)`` which exists while the table has rows. The state at a boundary is True, False, or None for "not
known", which votes for nothing.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Optional, Set, Tuple

Object = Tuple[str, ...]
State = Optional[bool]

# First boundary, last boundary, state.
Span = Tuple[int, int, bool]


class Objects:
    """Histories of objects, from what definition statements say of before and after."""

    def __init__(self) -> None:
        self._known: Dict[Object, List[Tuple[int, State]]] = {}
        self._floors: Dict[Tuple[str, ...], int] = {}
        self._void: Set[Object] = set()
        # Tables whose rows were changed last by which transaction: they were there.
        self._alive: Dict[Tuple[str, ...], int] = {}

    def touched(self, time: int, table: Tuple[str, str]) -> None:
        """Transaction ``time`` changed rows of a table."""
        self._alive[table] = time
        if self._known:
            self.rows_changed(time, table)

    def see(self, time: int, thing: Object, before: State, after: State) -> None:
        """Transaction ``time`` led from one state to the other."""
        history = self._known.get(thing)
        if history is None:
            floor = max((self._floors.get(thing[1 : end + 1], 0) for end in range(len(thing))), default=0)
            history = self._known[thing] = [(floor, before)]
        since, last = history[-1]
        if last is None and since < time:
            # Nothing said anything since then, so that it was then as it was just before.
            if before is None and thing[0] == "table" and self._alive.get(thing[1:], 0) > since:
                before = True
            history[-1], last = (since, before), before
        if before is not None and last is not None and last != before:
            self._void.add(thing)
        history.append((time, after))

    def forget(self, time: int, container: Tuple[str, ...] = ()) -> None:
        """From transaction ``time`` on nothing is known of what is inside: ``()`` everything, ``(s,)``, ``(s, t)``.

        What was seen of it in the same transaction stays known.
        """
        size = len(container)
        self._floors[container] = time
        for thing, history in self._known.items():
            if thing[1 : size + 1] == container and len(thing) > size + 1 and history[-1][0] != time:
                history.append((time, None))

    def rows_changed(self, time: int, container: Tuple[str, ...]) -> None:
        """Transaction ``time`` changed rows in ``(s, t)``, ``(s,)`` or ``()``: whether there are any is not known."""
        for thing in [("rows",) + container] if len(container) == 2 else list(self._known):
            history = self._known.get(thing)
            inside = thing[0] == "rows" and thing[1 : len(container) + 1] == container
            if history and inside and history[-1][1] is not None:
                history.append((time, None))

    def made(self, boundary: int) -> Set[Tuple[str, str]]:
        """The tables of which the last thing that was said, at a boundary or before it, is that they are there."""
        return {
            (thing[1], thing[2])
            for thing, history in self._known.items()
            if thing[0] == "table" and history[-1][1] and 0 < history[-1][0] <= boundary
        }

    def changed_after(self, boundary: int) -> Set[Tuple[str, str]]:
        """The tables that a statement changed after a boundary: an index counts as well."""
        return {
            (thing[1], thing[2])
            for thing, history in self._known.items()
            if len(thing) > 2 and thing[0] != "rows" and history[-1][0] > boundary
        }

    def spans(self, last: int) -> Iterator[Tuple[Object, List[Span]]]:
        """Every object that can be relied on, with the stretches in which its state is known."""
        for thing, history in self._known.items():
            if thing in self._void:
                continue
            found: List[Span] = []
            for number, (start, state) in enumerate(history):
                end = history[number + 1][0] - 1 if number + 1 < len(history) else last
                if state is None or end < start:
                    continue
                if found and found[-1][2] == state and found[-1][1] == start - 1:
                    found[-1] = (found[-1][0], end, state)
                else:
                    found.append((start, end, state))
            yield thing, found


def votes(objects: Objects, last: int, present: Callable[[Object], State]) -> Iterator[Tuple[List[Span], bool]]:
    """The stretches of each object whose state on the replica is known, and that state."""
    for thing, spans in objects.spans(last):
        state = present(thing)
        if state is not None and spans:
            yield spans, state


def against(
    objects: Objects, last: int, boundary: int, present: Callable[[Object], State]
) -> List[Tuple[Object, bool]]:
    """The objects that contradict a boundary, and whether they are there at it on the source.

    :param last: the last boundary; ``present``: see `votes`.
    """
    found = []
    for thing, spans in objects.spans(last):
        here = [is_there for start, end, is_there in spans if start <= boundary <= end]
        if here and present(thing) not in (None, here[0]):
            found.append((thing, here[0]))
    return sorted(found)
