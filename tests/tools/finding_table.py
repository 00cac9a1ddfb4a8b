# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/findings.md from the table of findings, the table of remedies and what real servers answered."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / ".venv" / "collections"), str(CHECKOUT / "tests")]

from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding_types import TYPES  # noqa: E402
from ansible_collections.replicaops.mysql.plugins.module_utils._core.remedies import REMEDIES  # noqa: E402
from unit.judging import judged  # noqa: E402

FIXTURES = CHECKOUT / "tests" / "unit" / "fixtures" / "findings"
PAGE = CHECKOUT / "docs" / "findings.md"
FLAVOURS = {
    "mysql-9.7": "MySQL 9.7",
    "mysql-5.6": "MySQL 5.6",
    "mariadb-10.11": "MariaDB 10.11",
    "mariadb-11.8": "MariaDB 11.8",
}
_TEXT = 110

Shown = dict[str, dict[str, list[tuple[Any, str]]]]


def evidence() -> Shown:
    """What fixtures show: code -> flavour -> number and text of the error, or no number and the summary."""
    shown: Shown = {}
    for flavour in FLAVOURS:
        for path in sorted((FIXTURES / flavour).glob("*.json")):
            fixture = json.loads(path.read_text())
            for found in judged(fixture).findings:
                number, text = found.evidence.get("errno"), str(found.evidence.get("error") or found.summary)
                cells = shown.setdefault(found.code, {}).setdefault(flavour, [])
                if found.code == fixture["code"] and number not in [known for known, _text in cells]:
                    cells.append((number, text))
    return shown


def page() -> str:
    """The page in Markdown."""
    shown = evidence()
    lines = [
        "# Findings",
        "",
        "Every finding that `replica_status` can report, generated from the code that decides and from what real",
        "servers answered while they were broken. Remedies stand least destructive first, each with what it puts at",
        "risk. The same by number and by text, with a page for each kind: [what now](broken.md).",
        "",
        "| finding | severity | verdict | meaning | remedies |",
        "|---|---|---|---|---|",
    ]
    for kind in TYPES.values():
        verdict = kind.verdict if kind.verdict != "healthy" else "-"
        row = ("[`%s`](#%s)" % (kind.code, kind.code), kind.severity, verdict, kind.meaning, _remedies(kind.remedies))
        lines.append("| %s |" % " | ".join(row))
    lines += ["", "## As servers show them", ""]
    for kind in TYPES.values():
        lines += ["### %s" % kind.code, ""]
        flavours = shown.get(kind.code, {})
        if not flavours:
            lines += ["Not reproduced on a real server: %s." % kind.not_reproduced, ""]
            continue
        lines += ["| server | number | text |", "|---|---|---|"]
        for flavour, name in FLAVOURS.items():
            if flavour in flavours:
                lines += [_shown(name, number, text) for number, text in flavours[flavour] or [(None, "")]]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _shown(name: str, number: Any, text: str) -> str:
    if number is None:
        return "| %s | - | no error; %s |" % (name, _short(text) if text else "beside other findings")
    return "| %s | %d | %s |" % (name, number, _short(text))


def _short(text: str) -> str:
    line = " ".join(text.split())
    line = line if len(line) <= _TEXT else line[: _TEXT - 3].rstrip() + "..."
    return "`%s`" % line.replace("`", "'").replace("|", "\\|")


def _remedies(names: tuple[str, ...]) -> str:
    return ", ".join("%s: %s" % (name, REMEDIES[name].risk) for name in names) or "-"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
