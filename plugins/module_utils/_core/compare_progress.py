# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a comparison has come, so that it can be done in slices of time and taken up again where it was left.

Every chunk of rows is compared at a point of its own, and what was compared once is not compared again, except for
tables in which rows differ at a point that was in doubt.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .compare import ROWS, SOURCE_CHANGED, Difference, TableOutcome, plural
from .compare_rows import KeyValues, RowDifference
from .errors import BadInputError

SCHEMA = 1
# A table that differs at a point in doubt is compared so often; a difference that stays is one.
ROUNDS = 4
# A table without a read view is compared so often until nobody writes it meanwhile.
MOMENTS = 10

Pair = Tuple[str, str]


@dataclass
class Found:
    """What was found so far in one table.

    :param after: the key up to which its rows are compared; None before the first chunk.
    :param shape: what the table looked like on both sides; one that looks different now is begun anew.
    """

    rows: int = 0
    chunks: int = 0
    counts: Dict[str, int] = field(default_factory=lambda: {"missing": 0, "extra": 0, "changed": 0})
    differences: List[RowDifference] = field(default_factory=list)
    complete: bool = True
    after: Optional[KeyValues] = None
    shape: str = ""

    @property
    def any(self) -> bool:
        """Whether a row differs."""
        return not self.complete or any(self.counts.values())

    def add(self, differences: Iterable[RowDifference], keep: int) -> None:
        """Count rows that differ, and keep the first ones."""
        for difference in differences:
            self.counts[difference.what] += 1
            if len(self.differences) < keep:
                self.differences.append(difference)

    def as_dict(self) -> Dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, part: Mapping[str, Any]) -> Found:
        """Out of JSON. Raises KeyError and TypeError for anything else."""
        rows = [RowDifference(entry["what"], tuple(entry["key"])) for entry in part["differences"]]
        after = None if part["after"] is None else tuple(part["after"])
        return cls(**{**part, "differences": rows, "after": after})


@dataclass
class Progress:
    """How far a comparison has come.

    :param key: what is compared, as text; a comparison of something else cannot be taken up.
    :param outcomes: of the tables that were read to their end.
    :param begun: what was found in a table that was left in the middle.
    :param again: the tables that differ at a point in doubt, or were written while they were read, with how often they
        were compared.
    :param objects: differences of views, routines, triggers and events; None before they were compared.
    """

    key: str = ""
    outcomes: Dict[Pair, TableOutcome] = field(default_factory=dict)
    begun: Dict[Pair, Found] = field(default_factory=dict)
    again: Dict[Pair, int] = field(default_factory=dict)
    objects: Optional[Tuple[Difference, ...]] = None
    slices: int = 0

    @property
    def rows(self) -> int:
        """Rows read on the source so far."""
        return sum(outcome.rows for outcome in self.outcomes.values()) + sum(f.rows for f in self.begun.values())

    def left(self, pairs: Sequence[Pair]) -> List[Pair]:
        """Of the tables that are wanted those that are still to be read: the ones that were begun come first."""
        unread = [pair for pair in pairs if pair not in self.outcomes]
        unread.sort(key=lambda pair: pair not in self.begun)
        return unread + [pair for pair in self.again if pair not in unread]

    def add(self, found: Mapping[Pair, TableOutcome], doubtful: bool) -> None:
        """Keep what a round found.

        :param doubtful: whether a transaction may be missing from what the round read on the source.
        """
        for pair, outcome in found.items():
            self.outcomes[pair] = outcome
            tries = self.again.pop(pair, 0) + 1
            differs = any(difference.what == ROWS for difference in outcome.differences)
            written = bool(pair[0]) and outcome.undecided.startswith(SOURCE_CHANGED)
            if (doubtful and differs and tries < ROUNDS) or (written and tries < MOMENTS):
                self.again[pair] = tries

    def summary(self, pairs: Sequence[Pair]) -> Dict[str, int]:
        """Tables and rows so far, for people who wait."""
        done = len([pair for pair in pairs if pair in self.outcomes and pair not in self.again])
        different = len([outcome for outcome in self.outcomes.values() if outcome.differences])
        return {"tables_done": done, "tables": len(pairs), "rows": self.rows, "different": different}

    def message(self, pairs: Sequence[Pair]) -> str:
        """One line for people who wait."""
        so_far = self.summary(pairs)
        at = ["%s.%s" % pair for pair in self.begun][:1]
        return "Not finished: %d of %s compared so far, with %s read%s; %s differ%s." % (
            so_far["tables_done"], plural(so_far["tables"], "table"), plural(so_far["rows"], "row"),
            ", now in %s" % at[0] if at else "", so_far["different"] or "none", "s" if so_far["different"] == 1 else "",
        )  # fmt: skip

    def as_text(self) -> str:
        """As JSON, for a file."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "key": self.key,
                "outcomes": [[*pair, asdict(outcome)] for pair, outcome in self.outcomes.items()],
                "begun": [[*pair, found.as_dict()] for pair, found in self.begun.items()],
                "again": [[*pair, tries] for pair, tries in self.again.items()],
                "objects": None if self.objects is None else [asdict(found) for found in self.objects],
                "slices": self.slices,
            }
        )

    @classmethod
    def from_text(cls, text: str, key: str, where: str) -> Progress:
        """Out of a file.

        :param key: what is to be compared now.
        :param where: the file, for messages.
        :raises BadInputError: it is of another comparison, or none at all.
        """
        try:
            data = json.loads(text)
            same = data["schema"] == SCHEMA and data["key"] == key
            own = cls(
                key,
                {(part[0], part[1]): _outcome(part[2]) for part in data["outcomes"]},
                {(part[0], part[1]): Found.from_dict(part[2]) for part in data["begun"]},
                {(part[0], part[1]): int(part[2]) for part in data["again"]},
                None if data["objects"] is None else tuple(_difference(part) for part in data["objects"]),
                int(data["slices"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BadInputError("%s does not hold the progress of a comparison (%s)" % (where, error)) from None
        if not same:
            raise BadInputError(
                "%s holds the progress of another comparison" % where,
                advice="Name another file, or remove it to begin anew.",
            )
        return own


def _difference(part: Mapping[str, Any]) -> Difference:
    lists = ("source", "replica", "rows", "alter", "refused")
    return Difference(**{**part, **{name: tuple(part.get(name, ())) for name in lists}})


def _outcome(part: Mapping[str, Any]) -> TableOutcome:
    return TableOutcome(**{**part, "differences": tuple(_difference(entry) for entry in part["differences"])})
