# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws docs/position-finding.svg, and fills the table of docs/position-finding.md, from one small history."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import List, NamedTuple, Sequence, Tuple

DOCS = Path(__file__).resolve().parents[2] / "docs"
PICTURE = DOCS / "position-finding.svg"
PAGE = DOCS / "position-finding.md"
TABLE = re.compile(r"(<!-- table: votes -->\n)(.*?)(<!-- end of table -->)", re.S)

TRANSACTIONS = (
    "insert row 4",
    "row 1: new to paid",
    "row 2: 0 to 10",
    "row 1: paid to new",
    "row 2: 10 to 20",
    "delete row 3",
)


class Witness(NamedTuple):
    """A row that the history changes.

    :ivar name: its key.
    :ivar images: what it is at each boundary.
    :ivar found: what it is on the replica.
    """

    name: str
    images: Tuple[str, ...]
    found: str

    def votes(self) -> List[int]:
        """The boundaries at which it looks as it does on the replica."""
        return [boundary for boundary, image in enumerate(self.images) if image == self.found]


WITNESSES = (
    Witness("row 4", ("-", "new", "new", "new", "new", "new", "new"), "new"),
    Witness("row 1", ("new", "new", "paid", "paid", "new", "new", "new"), "paid"),
    Witness("row 2", ("0", "0", "0", "10", "10", "20", "20"), "10"),
    Witness("row 3", ("new", "new", "new", "new", "new", "new", "-"), "new"),
)
_LEFT, _STEP, _TOP, _ROW = 230, 84, 96, 34
_STYLE = """
  .card { fill: #ffffff; } .ink { fill: #1b1f24; } .soft { fill: #57606a; } .line { stroke: #8c959f; }
  .yes { fill: #2da44e; } .no { fill: none; stroke: #8c959f; } .count { fill: #bc4c00; } .zero { stroke: #2da44e; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #161b22; } .ink { fill: #e6edf3; } .soft { fill: #9198a1; } .line { stroke: #6e7681; }
    .yes { fill: #3fb950; } .no { stroke: #6e7681; } .count { fill: #f0883e; } .zero { stroke: #3fb950; }
  }
  text { font: 14px sans-serif; }
"""


def counts(witnesses: Sequence[Witness] = WITNESSES) -> List[int]:
    """How many witnesses contradict each boundary."""
    return [
        sum(boundary not in one.votes() for one in witnesses) for boundary in range(len(TRANSACTIONS) + 1)
    ]  # fmt: skip


def picture() -> str:
    """The picture as SVG."""
    found = counts()
    width, base = _LEFT + _STEP * len(found) - 10, _TOP + _ROW * len(WITNESSES) + 120
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="t d">'
        % (width, base + 50),
        '<title id="t">The votes of four rows for seven boundaries</title>',
        '<desc id="d">%s</desc>' % escape(described()),
        "<style>%s</style>" % _STYLE,
        '<rect class="card" width="100%" height="100%" rx="8"/>',
        _text(16, 30, "the source's binlog:", "soft"),
    ]
    for place, what in enumerate(TRANSACTIONS):
        x = _x(place) + _STEP / 2
        lines.append(_text(x, 30 + 18 * (place % 2), what, "ink", "middle", 12))
        lines.append('<line class="line" x1="%g" y1="%d" x2="%g" y2="%d"/>' % (x, 54, x, _TOP - 26))
    lines.append(_text(16, _TOP - 8, "boundary", "soft"))
    lines += [_text(_x(boundary), _TOP - 8, str(boundary), "ink", "middle") for boundary in range(len(found))]
    for number, one in enumerate(WITNESSES):
        lines += _row(_TOP + _ROW * number, one)
    lines += _valley(base, found)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _row(y: int, one: Witness) -> List[str]:
    lines = [_text(16, y + 20, "%s on the replica: %s" % (one.name, one.found), "ink")]
    for boundary, image in enumerate(one.images):
        kind = "yes" if boundary in one.votes() else "no"
        lines.append(
            '<rect class="%s" x="%g" y="%d" width="%d" height="22" rx="4" fill-opacity="0.35"/>'
            % (kind, _x(boundary) - 34, y + 4, 68)
        )
        lines.append(_text(_x(boundary), y + 20, image, "ink", "middle"))
    return lines


def _valley(base: int, found: Sequence[int]) -> List[str]:
    lines = [
        _text(16, base - 60, "rows that contradict", "soft"),
        '<line class="line" x1="%g" y1="%d" x2="%g" y2="%d"/>' % (_x(0) - 34, base, _x(len(found) - 1) + 34, base),
    ]
    for boundary, number in enumerate(found):
        height = 26 * number
        lines.append(
            '<rect class="count" x="%g" y="%d" width="40" height="%d"/>' % (_x(boundary) - 20, base - height, height)
        )
        lines.append(_text(_x(boundary), base - height - 6, str(number), "ink", "middle"))
        if number == 0:
            lines.append(
                '<circle class="zero" cx="%g" cy="%d" r="13" fill="none" stroke-width="2.5"/>'
                % (_x(boundary), base - 11)
            )
            lines.append(_text(_x(boundary), base + 24, "the only boundary without one", "ink", "middle"))
    return lines


def _x(boundary: int) -> float:
    return _LEFT + _STEP * boundary


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start", size: int = 14) -> str:
    return '<text class="%s" x="%g" y="%g" text-anchor="%s" style="font-size:%dpx">%s</text>' % (
        kind, x, y, anchor, size, escape(text),
    )  # fmt: skip


def described() -> str:
    """What the picture shows, in words."""
    votes = "; ".join(
        "%s is %s on the replica and so votes for boundary %s"
        % (one.name, one.found, ", ".join(str(boundary) for boundary in one.votes()))
        for one in WITNESSES
    )
    return "%s. From boundary 0 to %d the rows that contradict are %s: boundary %d is the only one without any." % (
        votes, len(TRANSACTIONS), ", ".join(map(str, counts())), counts().index(0),
    )  # fmt: skip


def page() -> str:
    """The page with its table filled."""
    lines = [
        "| | on the replica | %s |" % " | ".join(map(str, range(len(TRANSACTIONS) + 1))),
        "|---|---|%s" % ("---|" * (len(TRANSACTIONS) + 1)),
    ]
    for one in WITNESSES:
        cells = ["**%s**" % image if place in one.votes() else image for place, image in enumerate(one.images)]
        lines.append("| %s | %s | %s |" % (one.name, one.found, " | ".join(cells)))
    lines.append("| rows that contradict | | %s |" % " | ".join(map(str, counts())))
    return TABLE.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[3], PAGE.read_text("utf-8"))


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
    PAGE.write_text(page(), "utf-8")
