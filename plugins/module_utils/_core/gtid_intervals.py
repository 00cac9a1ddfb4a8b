# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arithmetic on sorted runs of transaction numbers.

An interval is half-open: ``(4, 7)`` holds 4, 5 and 6. *Runs* are intervals in ascending order that neither overlap nor
touch. Every function here takes runs and returns runs (``merged`` makes them) and walks each input once: a replica that
applied transactions out of order can have 100,000 of them.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice
from operator import lt

Interval = tuple[int, int]
Runs = tuple[Interval, ...]

_SINGLE = re.compile(r"(?<![\d-])(\d+)(?![\d-])", re.ASCII)
_NO_DIGITS = str.maketrans("", "", "0123456789")


def read(text: str, limit: int) -> Runs:
    """The runs of what is written as ``1-3:5:7-9``, in any order, of numbers from 1 up to below ``limit``.

    Empty when anything is wrong with one of them, or for another reason to look at them one by one, which can then say
    what. No step is a loop in Python where they are in order, as servers write them: there can be 100,000.
    """
    separators = text.translate(_NO_DIGITS)
    if separators.strip(":-"):
        return ()
    pairs = "-:" * separators.count(":") + "-"
    if separators != pairs:
        text = _SINGLE.sub(r"\1-\1", text)
        if text.translate(_NO_DIGITS) != pairs:
            return ()
    try:
        numbers = json.loads("[%s]" % text.replace("-", ",").replace(":", ","))
    except ValueError:
        return ()
    starts, ends = numbers[::2], list(map((1).__add__, numbers[1::2]))
    if min(starts) < 1 or max(ends) > limit or not all(map(lt, starts, ends)):
        return ()
    intervals = zip(starts, ends)
    return tuple(intervals) if all(map(lt, ends, islice(starts, 1, None))) else merged(intervals)


def merged(intervals: Iterable[Interval]) -> Runs:
    """Runs that hold the numbers of the given intervals, which may come in any order and overlap.

    Intervals without a number (end not above start) are dropped.
    """
    result: list[Interval] = []
    current_start = current_end = 0
    for start, end in sorted(intervals):
        if end <= start:
            continue
        if start > current_end or not result:
            result.append((start, end))
            current_start, current_end = start, end
        elif end > current_end:
            result[-1] = (current_start, end)
            current_end = end
    return tuple(result)


def union(left: Runs, right: Runs) -> Runs:
    """The numbers that are in either. Sorting two sorted halves is one merge for Python's sort, so this is linear."""
    if not left or not right:
        return left or right
    return merged(left + right)


def subtract(left: Runs, right: Runs) -> Runs:
    """The numbers of ``left`` that are not in ``right``."""
    result: list[Interval] = []
    index, last = 0, len(right)
    for start, end in left:
        while index < last and right[index][1] <= start:
            index += 1
        while index < last and right[index][0] < end:
            cut_start, cut_end = right[index]
            if start < cut_start:
                result.append((start, cut_start))
            start = cut_end
            if cut_end >= end:
                # It may reach into the next run of ``left`` too.
                break
            index += 1
        if start < end:
            result.append((start, end))
    return tuple(result)


def intersect(left: Runs, right: Runs) -> Runs:
    """The numbers that are in both."""
    result: list[Interval] = []
    index, last = 0, len(right)
    for start, end in left:
        while index < last and right[index][1] <= start:
            index += 1
        while index < last and right[index][0] < end:
            other_start, other_end = right[index]
            result.append((max(start, other_start), min(end, other_end)))
            if other_end >= end:
                break
            index += 1
    return tuple(result)


def holes(runs: Runs) -> Runs:
    """The numbers from 1 to the highest of ``runs`` that are not in it."""
    missing: list[Interval] = []
    expected = 1
    for start, end in runs:
        if start > expected:
            missing.append((expected, start))
        expected = end
    return tuple(missing)


def holds(runs: Runs, number: int) -> bool:
    """Whether ``number`` is in ``runs``; found by bisection."""
    # (number + 1, 0) sorts before every run that starts above the number, and after all others.
    index = bisect_left(runs, (number + 1, 0)) - 1
    return index >= 0 and number < runs[index][1]


def count(runs: Runs) -> int:
    """How many numbers ``runs`` holds."""
    return sum(end - start for start, end in runs)
