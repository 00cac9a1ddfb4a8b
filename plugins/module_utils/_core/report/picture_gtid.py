# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The GTID sets of a replica and its source as bars, one line for each UUID or domain."""

from __future__ import annotations

from math import log10
from typing import List, Sequence, Tuple

from .markup import Markup, element
from .runs import MEANINGS, Row, Stretch

WIDTH = 900
LINE = 58
BAR = 26
# Beyond these a picture tells less than the words below it.
MOST_ROWS = 12
MOST_STRETCHES = 40


def words(rows: Sequence[Row]) -> List[str]:
    """The picture in words, a line for each stretch: its text alternative."""
    return [
        "%s: %s: %s" % (row.origin, stretch.numbers, MEANINGS[stretch.meaning])
        for row in rows
        for stretch in row.stretches
    ]


def picture(rows: Sequence[Row], name: str) -> Markup:
    """The bars as SVG. Widths grow with the logarithm of the count, so that one errant transaction can be seen.

    :param name: tells this picture's parts from those of others on the page; letters, digits and dashes.
    """
    shown = rows[:MOST_ROWS]
    height = LINE * len(shown) + 4
    return element(
        "svg",
        element("title", "GTID sets of the replica and its source", id=name + "-title"),
        element("desc", ". ".join(words(shown)), id=name + "-words"),
        [_line(row, LINE * number) for number, row in enumerate(shown)],
        viewBox="0 0 %d %d" % (WIDTH, height),
        role="img",
        aria_labelledby="%s-title %s-words" % (name, name),
        class_="sets",
    )


def _line(row: Row, top: int) -> List[Markup]:
    parts = [element("text", row.origin, x=0, y=top + 20, class_="origin")]
    for stretch, left, width in _spread(row.stretches[:MOST_STRETCHES]):
        parts.append(
            element(
                "g",
                element("title", "%s: %s" % (stretch.numbers, MEANINGS[stretch.meaning])),
                element("rect", x="%.1f" % left, y=top + 26, width="%.1f" % width, height=BAR, rx=2,
                        class_="bar " + stretch.meaning),
                _label(stretch, left, width, top),
            )
        )  # fmt: skip
    return parts


def _label(stretch: Stretch, left: float, width: float, top: int) -> Markup:
    """The numbers inside the bar, where there is room for them."""
    if len(stretch.numbers) * 16 > width:
        return Markup("")
    return element("text", stretch.numbers, x="%.1f" % (left + width / 2), y=top + 44, class_="numbers")


def _spread(stretches: Sequence[Stretch]) -> List[Tuple[Stretch, float, float]]:
    """Each stretch with the left end and the width of its bar; together they are as wide as the picture."""
    weights = [1 + log10(stretch.last - stretch.first + 1) for stretch in stretches]
    scale = (WIDTH - 2.0 * max(len(stretches) - 1, 0)) / (sum(weights) or 1)
    placed, left = [], 0.0
    for stretch, weight in zip(stretches, weights):
        placed.append((stretch, left, weight * scale))
        left += weight * scale + 2
    return placed
