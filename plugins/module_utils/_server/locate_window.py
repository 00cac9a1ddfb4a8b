# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick search: the file by bisection over the files' heads, the place in it by bisection, then a window.

Bisection is a hint. What is answered comes from the window alone, which is counted like everything else; where it does
not tell, everything is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, Optional

from .._core.gtid_mariadb import GtidPosition
from .._core.gtid_mysql import GtidSet
from .._core.locate import answer as answers
from .._core.locate.judge import WINDOW
from .._core.locate.probe import ENOUGH, Probe
from .._core.locate.report import Report
from .._core.locate.track import Base, Track
from .._core.snapshot import Coordinates
from .touched import names

if TYPE_CHECKING:
    from .locate import Search

# A probe looks at no more transactions than these.
_PROBED = 400


def search(found: Search) -> Optional[Report]:
    """What the window tells; None when it does not tell enough and everything has to be counted."""
    files = names(found.connection)
    first = files.index(found.begin.head.file)
    last = files.index(found.end.file)
    files = files[first : last + 1]
    number = _last_passed(len(files), lambda at: _passed(found, Coordinates(files[at], 4)))
    wanted = found.request.window
    track = _skimmed(found, files, number, number)
    # The place need not be known better than this: so much more is counted.
    step = max(wanted // 2, 1)
    place = step * _last_passed(len(track) // step + 1, lambda at: _passed(found, track.coordinates(at * step)))
    low, high = number, number
    if place < wanted and low:
        low -= 1
    if place + step + wanted > len(track) and high + 1 < len(files):
        high += 1
    if (low, high) != (number, number):
        at = track.coordinates(place)
        track = _skimmed(found, files, low, high)
        place = track.index_at(at) or 0
    start, stop = max(place - wanted, 0), min(place + step + wanted, len(track))
    end = found.end if stop == len(track) and high + 1 == len(files) else track.coordinates(stop)
    report = found.stretch(track.coordinates(start), end, None, WINDOW, _base(track, start))
    if report.answer.kind == answers.BOUNDARY:
        return report
    if report.answer.kind == answers.RANGE and not (report.answer.open_start or report.answer.open_end):
        return report
    return None


def _skimmed(found: Search, files: List[str], low: int, high: int) -> Track:
    """The transactions of some files, found by the headers of their events."""
    stop = found.end if high + 1 == len(files) else Coordinates(files[high + 1], 4)
    return found.reader.skim(Coordinates(files[low], 4), stop).track


def _base(track: Track, index: int) -> Base:
    if track.base is None:
        return None
    text = track.gtids(index)
    return GtidPosition.parse(text) if isinstance(track.base, GtidPosition) else GtidSet.parse(text)


def _last_passed(count: int, passed: Callable[[int], Optional[bool]]) -> int:
    """The last of ``count`` places that seems to be passed; 0 when none does. What does not tell counts as passed."""
    low, high = 0, max(count - 1, 0)
    while low < high:
        middle = (low + high + 1) // 2
        if passed(middle) is False:
            high = middle - 1
        else:
            low = middle
    return low


def _passed(found: Search, start: Coordinates) -> Optional[bool]:
    """Whether the replica seems to be after a point."""
    probe = Probe()
    found.reader.run(probe, start, found.end, enough=lambda sink: sink.time >= _PROBED or probe.telling >= ENOUGH)
    return probe.passed()
