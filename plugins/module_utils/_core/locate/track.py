# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each boundary of a scanned stretch is: its coordinates and its GTIDs, in 16 bytes a transaction."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from ..gtid_mariadb import GtidPosition, MariadbGtid
from ..gtid_mysql import Gtid, GtidSet
from ..snapshot import Coordinates

Base = Union[GtidSet, GtidPosition, None]

_BITS = 48
_LOW = (1 << _BITS) - 1


@dataclass(frozen=True)
class Point:
    """A boundary between two transactions.

    :param index: how many transactions of the scanned stretch are before it.
    :param coordinates: where a replica at this boundary goes on reading.
    :param gtids: what has been executed there: a GTID set, on MariaDB a GTID position; '' without GTIDs.
    :param after: how many transactions after the recorded position it is (before it: negative); None when unknown.
    """

    index: int
    coordinates: Coordinates
    gtids: str = ""
    after: Optional[int] = None

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        return {
            "file": self.coordinates.file,
            "position": self.coordinates.position,
            "gtid_set": self.gtids,
            "transactions_after_recorded": self.after,
        }


class Track:
    """The boundaries of a stretch, in order.

    :param start: the first boundary.
    :param base: what had been executed there; None when that is not known.
    """

    def __init__(self, start: Coordinates, base: Base = None) -> None:
        self.base = base
        self._files: List[str] = [start.file]
        self._ends = array("Q", (start.position,))
        # Where a transaction begins that does not begin where the one before it ends.
        self._starts: Dict[int, int] = {0: start.position}
        self._origins: List[Tuple[Any, ...]] = []
        self._numbers: Dict[Tuple[Any, ...], int] = {}
        self._heads: Dict[str, int] = {}
        self._gtids = array("Q", (0,))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, start: Coordinates, end: Coordinates, gtid: str) -> None:
        """The next transaction."""
        self.append(end.file, start.position, end.position, gtid)

    def append(self, file: str, first: int, last: int, gtid: str) -> None:
        """The next transaction: its file, and the offsets of its beginning and its end."""
        if file != self._files[-1]:
            self._files.append(file)
        place = (len(self._files) - 1) << _BITS
        if place | first != self._ends[-1]:
            self._starts[len(self._ends)] = place | first
        self._ends.append(place | last)
        self._gtids.append(self._packed(gtid) if gtid else 0)

    def extend(self, file: str, firsts: Sequence[int], lasts: Sequence[int], gtids: Sequence[str]) -> None:
        """The next transactions, all of one file, as `append`."""
        if file != self._files[-1]:
            self._files.append(file)
        place, count = (len(self._files) - 1) << _BITS, len(self._ends)
        ends = [place | last for last in lasts]
        for at, (first, before) in enumerate(zip(firsts, [self._ends[-1], *ends])):
            if place | first != before:
                self._starts[count + at] = place | first
        self._ends.extend(ends)
        packed = self._packed
        self._gtids.extend([packed(gtid) if gtid else 0 for gtid in gtids])

    def _packed(self, text: str) -> int:
        # Most transactions are of few servers: all but the number is read once for each of these.
        head = text[: max(text.rfind(":"), text.rfind("-")) + 1]
        known = self._heads.get(head)
        if known is None:
            packed = self._read(text)
            self._heads[head] = packed & ~_LOW
            return packed
        return known | int(text[len(head) :]) & _LOW

    def _read(self, text: str) -> int:
        if self._is_mariadb(text):
            found = MariadbGtid.parse(text)
            origin: Tuple[Any, ...] = (found.domain, found.server_id)
            number = found.sequence
        else:
            gtid = Gtid.parse(text)
            origin, number = (gtid.uuid, gtid.tag), gtid.number
        place = self._numbers.get(origin)
        if place is None:
            place = self._numbers[origin] = len(self._origins) + 1
            self._origins.append(origin)
        return place << _BITS | number & _LOW

    @staticmethod
    def _is_mariadb(text: str) -> bool:
        return ":" not in text

    def coordinates(self, index: int) -> Coordinates:
        """Where a boundary is."""
        packed = self._ends[index]
        return Coordinates(self._files[packed >> _BITS], packed & _LOW)

    def start(self, index: int) -> Coordinates:
        """Where the first event of transaction ``index`` (from 1) begins."""
        packed = self._starts[index] if index in self._starts else self._ends[index - 1]
        return Coordinates(self._files[packed >> _BITS], packed & _LOW)

    def gtid(self, index: int) -> str:
        """The GTID of transaction ``index``; '' without one."""
        packed = self._gtids[index]
        if not packed:
            return ""
        origin, number = self._origins[(packed >> _BITS) - 1], packed & _LOW
        if isinstance(origin[0], int):
            return str(MariadbGtid(origin[0], origin[1], number))
        return str(Gtid(origin[0], origin[1], number))

    def gtids(self, index: int) -> str:
        """What had been executed at a boundary; '' when the beginning is not known."""
        if self.base is None:
            return ""
        if isinstance(self.base, GtidPosition):
            position = self.base
            last: Dict[int, MariadbGtid] = {}
            for number in range(1, index + 1):
                packed = self._gtids[number]
                if packed:
                    origin = self._origins[(packed >> _BITS) - 1]
                    last[origin[0]] = MariadbGtid(origin[0], origin[1], packed & _LOW)
            for gtid in last.values():
                position = position.advance(gtid)
            return str(position)
        return str(self.base | self.gtid_set(range(1, index + 1)))

    def gtid_set(self, indexes: Any) -> GtidSet:
        """The GTIDs of some transactions (MySQL)."""
        runs: Dict[Tuple[Any, ...], List[Tuple[int, int]]] = {}
        for number in indexes:
            packed = self._gtids[number]
            if not packed:
                continue
            found = runs.setdefault(self._origins[(packed >> _BITS) - 1], [])
            value = packed & _LOW
            if found and found[-1][1] == value:
                found[-1] = (found[-1][0], value + 1)
            else:
                found.append((value, value + 1))
        return GtidSet.from_intervals({(key[0], key[1]): items for key, items in runs.items()})

    def index_at(self, point: Coordinates) -> Optional[int]:
        """How many transactions end at or before these coordinates; None when they are before the stretch.

        The head of a file names the same boundary as the end of the file before it.
        """
        if not point.reached(self.coordinates(0)):
            return None
        wanted = point.key()[0]
        file = sum(1 for name in self._files if Coordinates(name, 0).key()[0] <= wanted) - 1
        position = point.position if Coordinates(self._files[file], 0).key()[0] == wanted else _LOW
        return bisect_right(self._ends, file << _BITS | position) - 1

    def point(self, index: int, recorded: Optional[int] = None) -> Point:
        """A boundary for people and results."""
        return Point(index, self.coordinates(index), self.gtids(index), None if recorded is None else index - recorded)
