# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcomes of the matrix of applier errors as a table in Markdown."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from .breaks import FLAVOURS
from .matrix import all_cells, pairwise

TITLE = "Applier errors"
REFUSED = "refused: "
# The parts of the table: format, and whether a third server is below.
_PARTS = (
    ("In ROW format", ("ROW", False)),
    ("In STATEMENT format", ("STATEMENT", False)),
    ("With a third server below", ("", True)),
)


def section(results: Mapping[str, Mapping[str, Any]]) -> List[str]:
    """The lines of the page.

    :param results: of cells by their id, each with ``ok`` and ``outcome``.
    """
    reasons = sorted({str(one["outcome"])[len(REFUSED) :] for one in results.values()
                      if one["ok"] and str(one["outcome"]).startswith(REFUSED)})  # fmt: skip
    every, chosen, run = {one.id for one in all_cells()}, {one.id for one in pairwise()}, set(results)
    lines = [
        "## %s" % TITLE,
        "",
        "What `ansible-playbook replicaops.mysql.repair` makes of each at its default risk. A remedy: the applier went",
        "on, and every row of every table was equal on all servers. A letter: refused, for the reason below, and",
        "nothing was changed. In brackets the number of cells that ended so where there are several: GTID or file and",
        "position, 1 or 4 appliers, with or without a writer on the same tables. Empty: no outcome yet; a dash: it",
        "does not exist there. Cases without any outcome are left out.",
        "",
        "%d of %d cells have been run so far, among them %d of the %d in which each case meets each flavour and each"
        % (len(run & every), len(every), len(run & chosen), len(chosen)),
        "two settings meet; %d did not end as they must." % len([one for one in run & every if not results[one]["ok"]]),
        "Written by `tests/tools/repair_matrix.py --page`.",
    ]
    for title, (text, below) in _PARTS:
        lines += ["", "### %s" % title, "", "| case | " + " | ".join(FLAVOURS) + " |", "|---|" + "---|" * len(FLAVOURS)]
        lines += _rows(results, reasons, text, below)
    if reasons:
        lines += ["", "Refused because:", ""]
        lines += ["- **%s**: %s" % (_letter(number), reason) for number, reason in enumerate(reasons)]
    return lines


def _letter(number: int) -> str:
    return chr(ord("A") + number)


def _rows(results: Mapping[str, Mapping[str, Any]], reasons: Sequence[str], text: str, below: bool) -> List[str]:
    table: Dict[str, Dict[str, List[str]]] = {}
    for cell in all_cells():
        if cell.below != below or (text and cell.format != text):
            continue
        row = table.setdefault(cell.trouble.name, {})
        outcomes = row.setdefault(cell.flavour, [])
        if cell.id in results:
            outcomes.append(_word(results[cell.id], reasons))
    return [
        "| %s | %s |" % (name, " | ".join(_told(row[flavour]) if flavour in row else "-" for flavour in FLAVOURS))
        for name, row in table.items()
        if any(row.values())
    ]


def _word(result: Mapping[str, Any], reasons: Sequence[str]) -> str:
    outcome = str(result["outcome"])
    if not result["ok"]:
        return "**failed**"
    return _letter(reasons.index(outcome[len(REFUSED) :])) if outcome.startswith(REFUSED) else outcome


def _told(words: Sequence[str]) -> str:
    counted = sorted({word: words.count(word) for word in words}.items())
    return "; ".join(word if len(words) == 1 else "%s (%d)" % (word, count) for word, count in counted)
