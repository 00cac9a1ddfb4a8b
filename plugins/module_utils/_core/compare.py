# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a comparison of two servers found, and the words for it, which claim no more than was compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

ROWS_PROVEN = "rows_proven"
FULLY_VERIFIED = "fully_verified"
UNPROVEN = "unproven"

DEFINITION = "definition"
ROWS = "rows"
MISSING_ON_REPLICA = "missing_on_replica"
MISSING_ON_SOURCE = "missing_on_source"
# Why a table cannot be told of that is written all the time and of which there is no read view.
SOURCE_CHANGED = "it was changed on the source after the point"


@dataclass(frozen=True)
class Difference:
    """One way in which a table, view or other object differs.

    :param source, replica: lines of the definition that only that side has.
    :param counts: rows ``missing`` on the replica, ``extra`` there, and ``changed``.
    :param rows: the first of them, as far as they may be shown.
    :param complete: whether ``counts`` are of the whole table.
    :param alter: statements for the replica that make the definition the source's.
    :param refused: why there are none.
    """

    name: str
    what: str
    source: Tuple[str, ...] = ()
    replica: Tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    rows: Tuple[Mapping[str, Any], ...] = ()
    complete: bool = True
    alter: Tuple[str, ...] = ()
    refused: Tuple[str, ...] = ()

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        shape: Dict[str, Any] = {"table": self.name, "what": self.what}
        if self.what == ROWS:
            shape.update(counts=dict(self.counts), rows=[dict(row) for row in self.rows], complete=self.complete)
        elif self.what == DEFINITION:
            shape.update(source=list(self.source), replica=list(self.replica))
            shape.update(alter=list(self.alter), refused=list(self.refused))
        return shape

    def brief(self) -> str:
        """For the message: ``1 row changed, 2 missing on the replica``."""
        if self.what == ROWS:
            words = {"changed": "changed", "missing": "missing on the replica", "extra": "only on the replica"}
            parts = ["%s %s" % (grouped(self.counts[key]), words[key]) for key in words if self.counts.get(key)]
            return "rows%s: %s" % ("" if self.complete else ", at least", ", ".join(parts) or "differ")
        words = {
            DEFINITION: "the definition differs",
            MISSING_ON_REPLICA: "missing on the replica",
            MISSING_ON_SOURCE: "only on the replica",
        }
        return words[self.what]


@dataclass(frozen=True)
class TableOutcome:
    """What became of one table.

    :param rows: rows read on the source.
    :param chunks: in how many ranges they were read.
    :param method: what they were read by.
    :param undecided: why it is neither equal nor different; '' when it is one of both.
    """

    name: str
    rows: int = 0
    chunks: int = 0
    method: str = ""
    differences: Tuple[Difference, ...] = ()
    undecided: str = ""

    @property
    def decided(self) -> bool:
        """Whether definition and all rows were compared."""
        return not self.undecided

    @property
    def equal(self) -> bool:
        """Whether it was compared and nothing differs."""
        return self.decided and not self.differences


def undecided(name: str, reason: str) -> TableOutcome:
    """The outcome of a table that was not compared."""
    return TableOutcome(name, undecided=reason)


def in_doubt(outcome: TableOutcome, reason: str) -> TableOutcome:
    """The outcome taken back: what was found may come from a change after the point."""
    return replace(outcome, differences=(), undecided=reason)


def objects_differences(
    source: Mapping[str, Optional[str]], replica: Mapping[str, Optional[str]]
) -> Tuple[Tuple[Difference, ...], Tuple[TableOutcome, ...]]:
    """Differences between the views, routines, triggers and events of both sides, and those that cannot be told."""
    found: List[Difference] = []
    unknown: List[TableOutcome] = []
    for name in sorted(set(source) | set(replica)):
        if name not in replica:
            found.append(Difference(name, MISSING_ON_REPLICA))
        elif name not in source:
            found.append(Difference(name, MISSING_ON_SOURCE))
        elif source[name] is None or replica[name] is None:
            unknown.append(undecided(name, "the account may not read its definition"))
        elif source[name] != replica[name]:
            found.append(Difference(name, DEFINITION, (str(source[name]),), (str(replica[name]),)))
    return tuple(found), tuple(unknown)


@dataclass(frozen=True)
class Report:
    """All that a comparison found.

    :param whole: whether every table outside the system schemas was asked for, and the other objects as well.
    :param objects: differences of views, routines, triggers and events (only with ``whole``).
    :param note: a sentence for the end of the message.
    :param since: the point after which changed tables were looked for; '' when they were named.
    """

    source: str
    replica: str
    point: str
    outcomes: Tuple[TableOutcome, ...]
    whole: bool = False
    objects: Tuple[Difference, ...] = ()
    note: str = ""
    since: str = ""

    @property
    def different(self) -> Tuple[Difference, ...]:
        """Every difference, of tables first."""
        return tuple(found for outcome in self.outcomes for found in outcome.differences) + self.objects

    @property
    def undecided(self) -> Tuple[TableOutcome, ...]:
        """What could not be told."""
        return tuple(outcome for outcome in self.outcomes if not outcome.decided)

    @property
    def compared(self) -> Tuple[TableOutcome, ...]:
        """The tables whose definition and rows were compared to the end, equal or not."""
        return tuple(outcome for outcome in self.outcomes if outcome.decided)

    @property
    def proof(self) -> str:
        """``unproven`` as soon as one thing differs or is not known, or when nothing was compared."""
        if self.different or self.undecided or not (self.compared or self.whole):
            return UNPROVEN
        return FULLY_VERIFIED if self.whole else ROWS_PROVEN

    @property
    def unproven(self) -> bool:
        """Whether something differs or is not known."""
        return self.proof == UNPROVEN

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        return {
            "msg": self.message(),
            "proof": self.proof,
            "compared": [
                {"table": o.name, "rows": o.rows, "chunks": o.chunks, "method": o.method, "equal": o.equal}
                for o in self.compared
            ],
            "different": [found.as_dict() for found in self.different],
            "undecided": [{"table": o.name, "reason": o.undecided} for o in self.undecided],
        }

    def message(self) -> str:
        """A few plain sentences: what was proven, where, and what was not compared."""
        return (self._verdict() + " " + self.note).strip()

    def _verdict(self) -> str:
        done = "%s in %s" % (plural(sum(o.rows for o in self.compared), "row"), plural(len(self.compared), "table"))
        at = "%s and %s at %s" % (self.source, self.replica, self.point)
        if self.proof == FULLY_VERIFIED:
            return (
                "Proven: %s are equal on %s, with all definitions, views, routines, triggers and events. "
                "Accounts and other server settings were not compared." % (done, at)
            )
        if self.proof == ROWS_PROVEN:
            return "Proven: %s are equal on %s. The rest of the server was not compared." % (done, at)
        parts = ["Not proven on %s." % at]
        if self.different:
            parts.append("Different: %s." % _listed(_briefs(self.different)))
        if self.undecided:
            parts.append("Not decided: %s." % _listed("%s (%s)" % (o.name, o.undecided) for o in self.undecided))
        equal = [outcome for outcome in self.compared if outcome.equal]
        if equal:
            rows = plural(sum(outcome.rows for outcome in equal), "row")
            parts.append("Equal: %s in %s." % (rows, plural(len(equal), "table")))
        if not self.outcomes and not self.different:
            nothing = "No table was changed since %s." % self.since if self.since else "No table was named that exists."
            parts.append(nothing)
        return " ".join(parts)


def _briefs(found: Iterable[Difference]) -> List[str]:
    """``shop.orders (the definition differs; rows: 1 changed)``, one for each table."""
    by_name: Dict[str, List[str]] = {}
    for difference in found:
        by_name.setdefault(difference.name, []).append(difference.brief())
    return ["%s (%s)" % (name, "; ".join(briefs)) for name, briefs in by_name.items()]


def _listed(texts: Iterable[str], limit: int = 5) -> str:
    items = list(texts)
    more = "" if len(items) <= limit else ", and %d more" % (len(items) - limit)
    return ", ".join(items[:limit]) + more


def plural(number: int, noun: str) -> str:
    """``1 row``, ``1,204 rows``."""
    return "%s %s%s" % (grouped(number), noun, "" if number == 1 else "s")


def grouped(number: int) -> str:
    """``1,204``."""
    return format(number, ",")


def select(
    wanted: Sequence[str], source: Iterable[Tuple[str, str]], replica: Iterable[Tuple[str, str]]
) -> Tuple[List[Tuple[str, str]], List[str]]:
    """The tables that a person's list means, in a stable order, and the entries that mean none.

    :param wanted: ``schema.table``, ``schema.*`` or ``all``. Names with dots are found in every way they can be read.
    """
    known = sorted(set(source) | set(replica))
    chosen: List[Tuple[str, str]] = []
    unmatched: List[str] = []
    for entry in wanted:
        if entry == "all":
            found = known
        elif entry.endswith(".*"):
            found = [pair for pair in known if pair[0] == entry[:-2]]
        else:
            found = [pair for pair in known if "%s.%s" % pair == entry]
        if not found and entry != "all":
            unmatched.append(entry)
        chosen.extend(pair for pair in found if pair not in chosen)
    return chosen, unmatched
