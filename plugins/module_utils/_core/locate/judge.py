# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be concluded from a count, and what may not.

A single boundary is accepted only when nothing contradicts it, both neighbours are contradicted, the transactions on
both sides each hold a witness that agrees nowhere else, and the failing transaction is explained by it. In every other
case the answer is wider or says that it cannot be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

from .answer import BOUNDARY, NOWHERE, RANGE, UNDECIDED, Answer, Evidence
from .track import Track
from .voting import FIRST, LAST, UNCLEAR, WITHIN, WITNESS, Tally

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
    """

    scope: str = FULL
    complete_start: bool = False
    complete_end: bool = True
    recorded: Optional[int] = None
    failing: Optional[int] = None


Run = Tuple[int, int]

# So many transactions must be shown to be applied, and in a window also to be missing: values that come back can make a
# few rows agree at a boundary far from the true one, which the stretch does not hold.
NEEDED = 5


def runs(tally: Tally) -> List[Run]:
    """The stretches of boundaries that nothing contradicts."""
    found: List[Run] = []
    for index, against in enumerate(tally.against):
        if against:
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
    free = runs(tally)
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
    index = free[0][0]
    why = _doubt(tally, around, free)
    if not why:
        return Answer(BOUNDARY, evidence_of(tally, track, around, index), boundary=track.point(index, around.recorded))
    first, last = _range(tally, free, around.failing is not None)
    return Answer(
        RANGE,
        evidence_of(tally, track, around, index),
        candidates=tuple((track.point(a, around.recorded), track.point(b, around.recorded)) for a, b in free),
        first=track.point(first, around.recorded),
        last=track.point(last, around.recorded),
        open_start=_thin_start(tally, around, first),
        open_end=_thin_end(tally, around, last),
        why=why,
    )


def _doubt(tally: Tally, around: Circumstances, free: List[Run]) -> str:
    """Why the stretches are no single boundary; '' when they are one."""
    (index, last), others = free[0], free[1:]
    if others:
        return "rows whose values come back agree at several boundaries"
    if last != index:
        return "the transactions between the ends of the range changed nothing that the replica can be asked about"
    if index == 0 and not around.complete_start:
        return "nothing before the first transaction was looked at, so that the data may be older"
    if index == tally.transactions and not around.complete_end:
        return "nothing after the last transaction was looked at, so that the data may be newer"
    if tally.flags[index] & WITHIN:
        return "an XA transaction is prepared there and not decided"
    if index and not tally.flags[index] & FIRST:
        return "no row shows the last applied transaction and nothing else"
    if index < tally.transactions and not tally.flags[index + 1] & LAST:
        return "no row shows the first transaction that is missing and nothing else"
    if _thin_start(tally, around, index) or _thin_end(tally, around, index):
        return "too few transactions on one side of it are shown to be applied, or to be missing"
    if around.failing is not None and index < tally.transactions and tally.flags[index + 1] & UNCLEAR:
        # Applied again from an older position, updates move rows back without an error.
        return (
            "the applier has been started since, which can move rows back, and the first transaction that seems to be"
            " missing also changed what gives no evidence"
        )
    if around.failing is not None and around.failing > index + 1:
        return "the transaction that the applier stopped at comes after the first one that is missing"
    return ""


def _thin_start(tally: Tally, around: Circumstances, index: int) -> bool:
    """Whether the truth may lie before the stretch, as too few of its transactions are shown to be applied."""
    return not around.complete_start and sum(1 for f in tally.flags[1 : index + 1] if f & FIRST) < NEEDED


def _thin_end(tally: Tally, around: Circumstances, index: int) -> bool:
    """Whether the truth may lie behind the stretch, as too few of its transactions are shown to be missing."""
    return not around.complete_end and sum(1 for f in tally.flags[index + 1 :] if f & LAST) < NEEDED


def _range(tally: Tally, free: List[Run], restarted: bool) -> Run:
    """The boundaries between the nearest transactions that are shown beyond doubt to be applied and missing."""
    wrong = UNCLEAR | LAST if restarted else LAST
    first, last = free[0][0], free[-1][1]
    while first and not tally.flags[first] & FIRST:
        first -= 1
    while last < tally.transactions and tally.flags[last + 1] & wrong != LAST:
        last += 1
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
