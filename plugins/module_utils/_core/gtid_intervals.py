# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arithmetic on sets of transaction numbers.

*Runs* are the boundaries of a set in ascending order: ``(1, 4, 7, 8)`` holds 1, 2, 3 and 7. Each even place begins a
run, the odd one behind it is the first number that is not in it any more; no two are equal, so that equal sets have
equal runs. A replica that applied transactions out of order can have 100,000 of them: so they are flat, as a pair
for each run would be an object for each, and whole lists are sorted, sliced and compared where that does it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice
from operator import eq, lt

# From a number up to before another.
Interval = tuple[int, int]
Runs = tuple[int, ...]

# Above every number.
_NEVER = 1 << 65
_SINGLE = re.compile(r"(?<![\d-])(\d+)(?![\d-])", re.ASCII)
_TWICE = re.compile(r"\b(\d+)-\1\b", re.ASCII)
_NO_DIGITS = str.maketrans("", "", "0123456789")
_COMMAS = str.maketrans(":-", ",,")


def read(text: str, limit: int) -> Runs:
    """The runs of what is written as ``1-3:5:7-9``, in any order, of numbers from 1 up to below ``limit``.

    Empty when anything is wrong with one of them, or for another reason to look at them one by one, which can then say
    what.
    """
    separators = text.translate(_NO_DIGITS)
    if separators.strip(":-"):
        return ()
    alternating = "-:" * separators.count(":") + "-"
    if separators != alternating:
        text = _SINGLE.sub(r"\1-\1", text)
        if text.translate(_NO_DIGITS) != alternating:
            return ()
    try:
        numbers = json.loads("[%s]" % text.translate(_COMMAS))
    except ValueError:
        return ()
    starts, ends = numbers[::2], [last + 1 for last in numbers[1::2]]
    # As servers write them, in order and apart; or else.
    if numbers == sorted(numbers) and all(map(lt, ends, islice(starts, 1, None))):
        found = _woven(starts, ends)
    elif all(map(lt, starts, ends)):
        found = _joined(sorted(starts), sorted(ends))
    else:
        return ()
    return found if found[0] >= 1 and found[-1] <= limit else ()


def write(runs: Runs) -> str:
    """The form that ``read`` takes, as servers print it."""
    starts, lasts = runs[::2], [end - 1 for end in runs[1::2]]
    text = (":%d-%d" * len(starts) % _woven(starts, lasts))[1:]
    # The server prints a run of one number as that number.
    return _TWICE.sub(r"\1", text) if any(map(eq, starts, lasts)) else text


def merged(intervals: Iterable[Interval]) -> Runs:
    """Runs that hold the numbers of the given intervals, which may come in any order and overlap.

    Intervals without a number (end not above start) are dropped.
    """
    some = [interval for interval in intervals if interval[0] < interval[1]]
    return _joined(sorted(start for start, _end in some), sorted(end for _start, end in some)) if some else ()


def pairs(runs: Runs) -> Iterator[Interval]:
    """The runs one by one, each as the interval from its first number up to before the first behind it."""
    return zip(runs[::2], runs[1::2])


def union(left: Runs, right: Runs) -> Runs:
    """The numbers that are in either."""
    if not left or not right:
        return left or right
    return _joined(sorted(left[::2] + right[::2]), sorted(left[1::2] + right[1::2]))


def subtract(left: Runs, right: Runs) -> Runs:
    """The numbers of ``left`` that are not in ``right``."""
    result: list[int] = []
    add = result.append
    cuts = pairs((*right, _NEVER, _NEVER))
    cut_start, cut_end = next(cuts)
    for start, end in pairs(left):
        while cut_end <= start:
            cut_start, cut_end = next(cuts)
        while cut_start < end:
            if start < cut_start:
                add(start)
                add(cut_start)
            start = cut_end
            if cut_end >= end:
                # It may reach into the next run of ``left``, too.
                break
            cut_start, cut_end = next(cuts)
        if start < end:
            add(start)
            add(end)
    return tuple(result)


def intersect(left: Runs, right: Runs) -> Runs:
    """The numbers that are in both: those of ``left`` that are not in the gaps of ``right``."""
    return subtract(left, (0, *right, _NEVER))


def holes(runs: Runs) -> Runs:
    """The numbers from 1 to the highest of ``runs`` that are not in it."""
    return runs[1:-1] if runs[:1] == (1,) else (1, *runs[:-1]) if runs else ()


def holds(runs: Runs, number: int) -> bool:
    """Whether ``number`` is in ``runs``; found by bisection."""
    return bisect_right(runs, number) % 2 == 1


def count(runs: Runs) -> int:
    """How many numbers ``runs`` holds."""
    return sum(runs[1::2]) - sum(runs[::2])


def _joined(starts: Sequence[int], ends: Sequence[int]) -> Runs:
    """The runs of overlapping intervals of which all starts and all ends are given in order.

    Nothing is open behind an end when no more intervals began before it than have ended: when the next start is later.
    """
    later = starts[1:]
    apart = list(map(lt, ends, later))
    return _woven([starts[0], *compress(later, apart)], [*compress(ends, apart), ends[-1]])


def _woven(starts: Sequence[int], ends: Sequence[int]) -> Runs:
    numbers = [0] * (2 * len(starts))
    numbers[::2], numbers[1::2] = starts, ends
    return tuple(numbers)
