# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answer to "where is this replica's data?", and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from .track import Point

# One boundary, and nothing speaks against it.
BOUNDARY = "boundary"
# One of several boundaries; the evidence does not tell which.
RANGE = "range"
# No boundary: parallel appliers left transactions out, and it is known which.
APPLIED_SET = "applied_set"
# No boundary, but each row is as it was at some boundary of a range: rows were moved back.
MIXED = "mixed"
# Some rows are as they never were: no position makes this replica right.
NOWHERE = "not_at_any_boundary"
# There is nothing to tell by.
UNDECIDED = "undecided"

KINDS = (BOUNDARY, RANGE, APPLIED_SET, MIXED, NOWHERE, UNDECIDED)


@dataclass(frozen=True)
class Row:
    """A row of a table by its key.

    :param images: what it is on the replica, what it would have to be; only when asked for.
    """

    table: str
    key: Tuple[Tuple[str, object], ...]
    images: Tuple[Tuple[str, Optional[Tuple[Tuple[str, object], ...]]], ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What the answer stands on.

    :param votes_for: witnesses that agree with the boundary (of a range: with its first candidate).
    :param votes_against: witnesses that do not.
    :param transactions: scanned, and how many of them changed nothing that the replica can be asked about.
    :param scope: ``full`` or ``window``.
    """

    votes_for: int
    votes_against: int
    transactions: int
    without_evidence: int
    scope: str
    first: Point
    last: Point


@dataclass(frozen=True)
class Answer:
    """The answer.

    :param kind: one of `KINDS`.
    :param boundary: the position, for BOUNDARY only.
    :param candidates: for RANGE, the first and last boundary of each stretch that nothing speaks against.
    :param first: for RANGE, MIXED and APPLIED_SET, where the range begins; ``last``: where it ends.
    :param open_start: the truth may also be before the first boundary that could be looked at; ``open_end``: after it.
    :param again: for RANGE, statements that write rows are applied for certain which an applier that goes on from the
        recorded position would run again.
    :param applied: for APPLIED_SET, the indexes of the transactions after ``first`` that are applied.
    :param plain: for APPLIED_SET, rows are all that the transactions in between changed.
    :param why: why it is not a single boundary, a sentence.
    :param closest: for NOWHERE, the boundary that the fewest rows speak against.
    """

    kind: str
    evidence: Evidence
    boundary: Optional[Point] = None
    candidates: Tuple[Tuple[Point, Point], ...] = ()
    first: Optional[Point] = None
    last: Optional[Point] = None
    open_start: bool = False
    open_end: bool = False
    again: bool = False
    applied: Tuple[int, ...] = ()
    plain: bool = False
    why: str = ""
    closest: Optional[Point] = None


def evidence_as_dict(evidence: Evidence) -> Dict[str, Any]:
    """For results."""
    return {
        "votes_for": evidence.votes_for,
        "votes_against": evidence.votes_against,
        "transactions": evidence.transactions,
        "transactions_without_evidence": evidence.without_evidence,
        "scope": evidence.scope,
        "first": evidence.first.as_dict(),
        "last": evidence.last.as_dict(),
    }
