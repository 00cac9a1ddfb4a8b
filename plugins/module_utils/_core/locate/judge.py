# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be concluded from a count, and what may not.

A single boundary is accepted only when

1. nothing contradicts it, and every other boundary of the stretch is contradicted;
2. rows that agree at it exclude the boundary before it and the one after it: what the last applied and the first
   missing transaction changed tells both apart. One row that agrees nowhere else will do, or all rows of all tables
   together, as far as the tables reach that were changed there (`sections`). That a row of another time contradicts is
   not enough: one that was written on the replica does too;
3. enough transactions before it are shown to be applied, where older ones were not looked at; likewise after it;
4. no XA transaction is prepared there (boundaries between which there are only transactions that the replica does not
   take from the source are one and the same: its own in a ring);
5. where the applier stopped at an error, it explains that error, and no transaction whose rows give no evidence lies
   between it and the first one that is missing for certain: what was applied again moved rows back without an error;
6. where several appliers may have left transactions out, none of these can be one that gives no evidence: each is
   shown by another that it keeps its order with (`order`).

In every other case the answer is wider or says that it cannot be told. That the source's rows and definitions are the
replica's at that boundary holds for all that gives evidence, whatever happened to the replica.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional, Set, Tuple

from .answer import BOUNDARY, NOWHERE, RANGE, UNDECIDED, Answer, Evidence
from .order import Order
from .sections import shows_applied, shows_missing
from .track import Track
from .voting import BARRIER, FIRST, LAST, OWN, STATED, UNCLEAR, WITHIN, WITNESS, Tally

FULL = "full"
WINDOW = "window"


@dataclass(frozen=True)
class Circumstances:
    """What is known besides the count.

    :param scope: ``full`` when everything from the recorded position to the end of the binlog was counted.
    :param complete_start: nothing can be before the first boundary (the source's history begins there).
    :param complete_end: the last boundary is the end of the source's binlog.
    :param recorded: the boundary of the recorded position; None when it is unknown or outside.
    :param failing: the number of the transaction that the applier stopped at; None without an error.
    :param prepared: XA transactions may be prepared on the replica; False when it is known that there are none.
    :param apart: how far apart two transactions can be of which the later one is applied and the earlier one is not.
    :param order: what is known of the order that they keep nevertheless; only asked where they can be apart.
    """

    scope: str = FULL
    complete_start: bool = False
    complete_end: bool = True
    recorded: Optional[int] = None
    failing: Optional[int] = None
    prepared: bool = True
    apart: int = 0
    order: Order = field(default_factory=Order)


Run = Tuple[int, int]

# So many transactions must be shown to be applied, and in a window also to be missing: values that come back can make a
# few rows agree at a boundary far from the true one, which the stretch does not hold.
NEEDED = 5


def runs(tally: Tally, prepared: bool = True) -> List[Run]:
    """The stretches of boundaries that nothing contradicts.

    :param prepared: see `Circumstances`: without any the replica is at none where one is prepared.
    """
    found: List[Run] = []
    for index, against in enumerate(tally.against):
        if against or (tally.flags[index] & WITHIN and not prepared):
            continue
        if found and found[-1][1] == index - 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found


def closest(tally: Tally) -> int:
    """The boundary with the most witnesses that agree, less those that contradict."""
    return max(range(len(tally.against)), key=lambda k: (tally.speaking[k] - 2 * tally.against[k], -tally.against[k]))


def judge(tally: Tally, track: Track, around: Circumstances) -> Answer:
    """The answer. NOWHERE is what a mixed state and an applied set look like from here."""
    free = runs(tally, around.prepared)
    if not any(flags & WITNESS for flags in tally.flags):
        evidence = evidence_of(tally, track, around, 0)
        return Answer(UNDECIDED, evidence, why="no transaction changed anything that the replica can be asked about")
    if not free:
        best = closest(tally)
        return Answer(
            NOWHERE,
            evidence_of(tally, track, around, best),
            closest=track.point(best, around.recorded),
            why="every boundary is contradicted by at least one row",
        )
    index = free[0][1] if _same(tally, free[0]) else free[0][0]
    why = _doubt(tally, around, free)
    if not why:
        return Answer(BOUNDARY, evidence_of(tally, track, around, index), boundary=track.point(index, around.recorded))
    first, last = _range(tally, free, around)
    return Answer(
        RANGE,
        evidence_of(tally, track, around, index),
        candidates=tuple((track.point(a, around.recorded), track.point(b, around.recorded)) for a, b in free),
        first=track.point(first, around.recorded),
        last=track.point(last, around.recorded),
        open_start=_thin_start(tally, around, first),
        open_end=_thin_end(tally, around, last),
        again=_again(tally, around, first),
        why=why,
    )


def _again(tally: Tally, around: Circumstances, applied: int) -> bool:
    """Whether there are statements that write rows behind the transaction that comes next, and up to one applied.

    A few rows are enough to say so, unlike for a boundary: they keep remedies from what cannot be taken back.
    """
    if around.recorded is None:
        return False
    behind = tally.flags[max(around.recorded, 0) + 2 : applied + 1]
    return any(flags & (STATED | UNCLEAR | WITNESS) == STATED | UNCLEAR for flags in behind)


def _doubt(tally: Tally, around: Circumstances, free: List[Run]) -> str:
    """Why the stretches are no single boundary; '' when they are one."""
    (first, index), others = free[0], free[1:]
    if others:
        return "rows whose values come back agree at several boundaries"
    if not _same(tally, free[0]):
        return _between(tally, first, index)
    if first == 0 and not around.complete_start:
        return "nothing before the first transaction was looked at, so that the data may be older"
    if index == tally.transactions and not around.complete_end:
        return "nothing after the last transaction was looked at, so that the data may be newer"
    if around.prepared and tally.flags[index] & WITHIN:
        return "an XA transaction is prepared there and not decided"
    if first and not _shown_applied(tally, around, first):
        return "no row shows the last applied transaction and nothing else"
    if index < tally.transactions and not _shown_missing(tally, around, index):
        return "no row shows the first transaction that is missing and nothing else"
    if _thin_start(tally, around, index) or _thin_end(tally, around, index):
        return "too few transactions on one side of it are shown to be applied, or to be missing"
    return _moved(tally, around, index) or _left_out(tally, around, index)


def _between(tally: Tally, first: int, last: int) -> str:
    """Why transactions tell nothing."""
    why = "the transactions between the ends of the range changed nothing that the replica can be asked about"
    inside = tally.flags[first + 1 : last + 1]
    if any(flags & (STATED | UNCLEAR) == STATED | UNCLEAR for flags in inside):
        why += (
            ": some are statements (binlog_format STATEMENT or MIXED, or changed definitions), whose text does not"
            " show what they made of which rows"
        )
    return why


def _same(tally: Tally, run: Run) -> bool:
    """Whether the boundaries of a stretch are the same to the replica."""
    return all(tally.flags[time] & OWN for time in range(run[0] + 1, run[1] + 1))


def _moved(tally: Tally, around: Circumstances, index: int) -> str:
    """Why rows may have been moved back to a boundary by an applier that began too early; '' when they were not."""
    if around.failing is None:
        return ""
    if around.failing > index + 1:
        return "the transaction that the applier stopped at comes after the first one that is missing"
    if _surely_missing(tally, around, index) > index + 1:
        return (
            "the applier has been started since, which can move rows back, and transactions that seem to be missing"
            " also changed what gives no evidence"
        )
    return ""


def _surely_missing(tally: Tally, around: Circumstances, index: int) -> int:
    """The first transaction after a boundary that is missing even when rows were moved back.

    A row shows it that is as only a transaction after the recorded position made it, or that was never there. What is
    before that changes rows that give evidence only: these are right whatever happened, so that it counts as well.

    Transactions that are applied again leave a row as the last of them made it. So it does not matter what a barrier
    among them did, as long as the row is followed from one of these barriers on.
    """
    found = index + 1
    recorded = (around.failing or 1) - 1
    for time in range(index + 1, tally.transactions + 1):
        if tally.flags[time] & LAST and tally.since[time] > recorded >= tally.opened[time]:
            break
        if tally.flags[time] & UNCLEAR:
            found = time + 1
    return found


def _left_out(tally: Tally, around: Circumstances, index: int) -> str:
    """Why a transaction may have been left out, or applied too early; '' when none was."""
    if not around.apart or not (unproven_before(tally, around, index) or unproven_after(tally, around, index)):
        return ""
    return LEFT_OUT


LEFT_OUT = (
    "several appliers work without keeping the order of commits, so that a transaction that gives no evidence"
    " may have been left out or applied early"
)


def unproven_before(tally: Tally, around: Circumstances, index: int, shown: Tuple[int, ...] = ()) -> Set[int]:
    """The transactions up to a boundary which no row shows to be applied, themselves or by one they are in order with.

    :param shown: others that are known to be applied, after it too.
    """
    low = max(index - around.apart, 0) + 1
    marked = [time for time in range(low, index + 1) if tally.flags[time] & FIRST]
    found = around.order.applied((*marked, *shown), low, max((index, *shown)))
    return {time for time in range(low, index + 1) if tally.flags[time] & (UNCLEAR | BARRIER)} - found


def unproven_after(tally: Tally, around: Circumstances, index: int, shown: Tuple[int, ...] = ()) -> Set[int]:
    """The transactions after a boundary which no row shows to be missing, themselves or by one they are in order with.

    :param shown: others that are known to be missing, before it too.
    """
    high = min(index + around.apart, tally.transactions)
    marked = [time for time in range(index + 1, high + 1) if tally.flags[time] & LAST]
    found = around.order.missing((*marked, *shown), min((index + 1, *shown)), high)
    return {time for time in range(index + 1, high + 1) if tally.flags[time] & (UNCLEAR | BARRIER)} - found


def _shown_applied(tally: Tally, around: Circumstances, index: int) -> bool:
    """Whether rows show that the boundary before ``index`` is not the one; it may be some transactions before it."""
    before = index - 1
    while before and tally.flags[before] & WITHIN and not around.prepared:
        before -= 1
    marked = any(tally.flags[time] & FIRST for time in range(before + 1, index + 1))
    return marked or shows_applied(tally.sections, index, before)


def _shown_missing(tally: Tally, around: Circumstances, index: int) -> bool:
    """Whether rows show that the boundary after ``index`` is not the one; it may be some transactions after it."""
    after = index + 1
    while after < tally.transactions and tally.flags[after] & WITHIN and not around.prepared:
        after += 1
    marked = any(tally.flags[time] & LAST for time in range(index + 1, after + 1))
    return marked or shows_missing(tally.sections, index, after)


def _thin_start(tally: Tally, around: Circumstances, index: int) -> bool:
    """Whether the truth may lie before the stretch, as too few of its transactions are shown to be applied."""
    return not around.complete_start and sum(1 for f in tally.flags[1 : index + 1] if f & FIRST) < NEEDED


def _thin_end(tally: Tally, around: Circumstances, index: int) -> bool:
    """Whether the truth may lie behind the stretch, as too few of its transactions are shown to be missing."""
    return not around.complete_end and sum(1 for f in tally.flags[index + 1 :] if f & LAST) < NEEDED


def _range(tally: Tally, free: List[Run], around: Circumstances) -> Run:
    """The boundaries between the nearest transactions that are shown beyond doubt to be applied and missing."""
    first, last = free[0][0], free[-1][1]
    if first and not _shown_applied(tally, around, first):
        first -= 1
        while first and not tally.flags[first] & FIRST:
            first -= 1
    if last < tally.transactions and not _shown_missing(tally, around, last):
        last += 1
        while last < tally.transactions and not tally.flags[last + 1] & LAST:
            last += 1
    if around.failing is not None:
        last = max(last, _surely_missing(tally, around, last) - 1)
    return first, last


def evidence_of(tally: Tally, track: Track, around: Circumstances, index: int) -> Evidence:
    """What was counted at a boundary."""
    against = tally.against[index]
    return Evidence(
        votes_for=tally.speaking[index] - against,
        votes_against=against,
        transactions=tally.transactions,
        without_evidence=sum(1 for flags in tally.flags[1:] if not flags & WITNESS),
        scope=around.scope,
        first=track.point(0, around.recorded),
        last=track.point(tally.transactions, around.recorded),
    )
