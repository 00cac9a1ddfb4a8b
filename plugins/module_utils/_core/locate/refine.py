# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a replica is at when it is at no boundary: an exact set of transactions, or rows of several boundaries."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Set, Tuple

from .answer import APPLIED_SET, MIXED, Answer
from .judge import LEFT_OUT, Circumstances, closest, unproven_after, unproven_before
from .second_look import SecondLook
from .track import Track
from .voting import OWN, STATED, UNCLEAR, WITHIN, WITNESS, Tally, Voting

# More changes than these are not looked at one by one.
MOST_CHANGES = 200000


def region(tally: Tally) -> Tuple[int, int]:
    """The boundaries among which the rows may be, where no witness ends: those around the least contradicted one."""
    if not tally.barriers and not tally.never:
        first, last = min(tally.earliest_end, tally.latest_start), max(tally.earliest_end, tally.latest_start)
        return max(first, 0), last
    best = closest(tally)
    first = max((time for time in tally.barriers if time <= best), default=0)
    last = min((time for time in tally.barriers if time > best), default=tally.transactions + 1) - 1
    return first, last


def refine(
    found: Answer,
    whole: Tally,
    part: Tally,
    start: int,
    again: SecondLook,
    voting: Voting,
    track: Track,
    around: Circumstances,
    parallel: bool,
) -> Answer:
    """The answer, made more exact where the rows of a region allow it.

    :param found: NOWHERE, from `judge.judge`.
    :param part: the count of the region alone, which begins at boundary ``start``.
    :param again: what counted the region; ``voting``: what counted everything.
    :param parallel: several appliers may have left transactions out; or GTIDs can name the ones applied.
    """
    if part.never or part.barriers:
        return found
    first, last = part.earliest_end, part.latest_start
    if first >= last or not _ends_there(whole, start + last):
        return found
    if any(whole.against[start + index] != part.against[index] for index in range(first, last + 1)):
        return found  # something outside of the region contradicts
    inside = range(first + 1, last + 1)
    verdicts = _in_order(again.verdicts(voting), around, start, inside)
    if around.apart:
        known = tuple(start + time for time, said in (verdicts or {}).items() if said == {True})
        others = tuple(start + time for time, said in (verdicts or {}).items() if said == {False})
        if unproven_before(whole, around, start + first, known) or unproven_after(whole, around, start + last, others):
            return replace(found, why=LEFT_OUT)
    applied = _applied(verdicts, part, inside)
    if applied is not None and not again.fits({*range(1, first + 1), *applied}):
        applied = None
    plain = not any(part.flags[time] & (UNCLEAR | STATED | WITHIN) for time in inside)
    ends = (track.point(start + first, around.recorded), track.point(start + last, around.recorded))
    numbers = () if applied is None else tuple(start + time for time in applied)
    if applied is not None and (parallel or not plain):
        return replace(
            found, kind=APPLIED_SET, first=ends[0], last=ends[1], applied=numbers, plain=plain,
            why="some transactions are missing and later ones are applied",
        )  # fmt: skip
    if not plain:
        return found
    return replace(
        found, kind=MIXED, first=ends[0], last=ends[1], applied=numbers,
        why="each row is as it was at some boundary of the range, but not all at the same one",
    )  # fmt: skip


def _ends_there(whole: Tally, last: int) -> bool:
    """Whether nothing unseen can be applied beyond a boundary: the next transaction tells all it does."""
    for flags in whole.flags[last + 1 :]:
        if flags & (WITNESS | UNCLEAR | STATED):  # else it changes nothing at all
            return flags & (WITNESS | UNCLEAR | STATED) == WITNESS
    return True


def _in_order(
    verdicts: Optional[Dict[int, Set[bool]]], around: Circumstances, start: int, inside: range
) -> Optional[Dict[int, Set[bool]]]:
    """The verdicts, with those of transactions that no row says anything of but others they are in order with."""
    if verdicts is None or not around.apart or not inside:
        return verdicts
    low, high = start + inside[0], start + inside[-1]
    shown = [start + time for time, said in verdicts.items() if True in said]
    lacking = [start + time for time, said in verdicts.items() if False in said]
    found = {time: set(said) for time, said in verdicts.items()}
    for state, times in (
        (True, around.order.applied(shown, low, high)),
        (False, around.order.missing(lacking, low, high)),
    ):
        for time in times:
            found.setdefault(time - start, set()).add(state)
    return found


def _applied(verdicts: Optional[Dict[int, Set[bool]]], part: Tally, inside: range) -> Optional[Tuple[int, ...]]:
    """The transactions in between that are applied; None unless each of them is wholly applied or wholly missing."""
    if verdicts is None:
        return None
    for time in inside:
        # What changes nothing at all may as well be applied later.
        if len(verdicts.get(time, ())) != 1 and part.flags[time] & ~OWN:
            return None
    return tuple(time for time in inside if True in verdicts.get(time, ()) or part.flags[time] & OWN)
