# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of applier errors: each broken on a real pair and repaired by the playbook; resumable, with a page.

Outcomes are kept in .cache/repair.json, and those that are good are not run again; ``--again`` runs them, too.
``--page`` writes their part of docs/test-matrix.md from them and from what `make test-matrix` left.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

CHECKOUT = Path(__file__).resolve().parents[2]
for entry in (CHECKOUT / ".venv" / "collections", CHECKOUT / "tests"):
    sys.path.insert(0, str(entry))

from integration.breaks import FLAVOURS  # noqa: E402
from integration.matrix import Cell, Places, all_cells, pairwise, run  # noqa: E402
from integration.matrix_page import TITLE, section  # noqa: E402

RESULTS = CHECKOUT / ".cache" / "repair.json"
JUNIT = CHECKOUT / ".venv" / "matrix"
PAGE = CHECKOUT / "docs" / "test-matrix.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flavour", action="append", choices=FLAVOURS, help="only this flavour (may be given again)")
    parser.add_argument("--only", action="append", default=[], help="only this case (may be given again)")
    parser.add_argument("--every", action="store_true", help="every cell, not the pairwise choice")
    parser.add_argument("--thorough", action="store_true", help="with check mode before and a second run afterwards")
    parser.add_argument("--shard", default="1/1", metavar="N/M", help="the Nth of M parts")
    parser.add_argument("--again", action="store_true", help="run what was good before, too")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page's part from the outcomes")
    arguments = parser.parse_args()
    if arguments.page:
        write_page({**from_junit(), **kept()})
        return 0
    choice = all_cells if arguments.every else pairwise
    cells = choice(arguments.flavour or FLAVOURS)
    cells = [cell for cell in cells if not arguments.only or cell.trouble.name in arguments.only]
    part, parts = (int(number) for number in arguments.shard.split("/"))
    cells = cells[len(cells) * (part - 1) // parts : len(cells) * part // parts]
    if not arguments.again:
        cells = [cell for cell in cells if not kept().get(cell.id, {}).get("ok")]
    return run_all(cells, arguments.thorough)


def kept() -> dict[str, Any]:
    """What earlier runs came to."""
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return found


def keep(cell: Cell, result: dict[str, Any]) -> None:
    """Put an outcome beside those of earlier runs, and of runs of other flavours at the same time."""
    RESULTS.parent.mkdir(exist_ok=True)
    with open(RESULTS.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        written = RESULTS.with_suffix(".new")
        written.write_text(json.dumps({**kept(), cell.id: result}, indent=1, sort_keys=True))
        written.replace(RESULTS)


def run_all(cells: list[Cell], thorough: bool) -> int:
    """Run cells, keep each outcome at once, and say at the end how many ended how."""
    places, words = Places(), Counter[str]()
    try:
        for number, cell in enumerate(cells, 1):
            began = time.monotonic()
            ok, outcome = run_one(places, cell, thorough)
            seconds = round(time.monotonic() - began, 1)
            keep(cell, {"ok": ok, "outcome": outcome, "seconds": seconds})
            words[outcome if ok else "FAILED"] += 1
            print("%3d/%d %-6s %5.1f s  %s: %s" % (number, len(cells), "ok" if ok else "FAILED", seconds, cell.id,
                                                   outcome), flush=True)  # fmt: skip
    finally:
        places.close()
    for word, count in words.most_common():
        print("%5d %s" % (count, word))
    return int(words["FAILED"] > 0)


def run_one(places: Places, cell: Cell, thorough: bool) -> tuple[bool, str]:
    """Whether a cell ended as it should, and how."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return True, run(places.of(cell), cell, Path(folder), thorough)
        except AssertionError as error:
            return False, str(error).splitlines()[0] if str(error) else "an assertion failed"
        except Exception as error:  # whatever happens, the other cells are run
            places.close()
            return False, "%s: %s" % (type(error).__name__, error)


def from_junit() -> dict[str, Any]:
    """The outcomes that whole runs of the matrix left."""
    found: dict[str, Any] = {}
    for report in sorted(JUNIT.glob("*-test_repair_matrix*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):
            name = case.get("name", "").partition("[")[2].rstrip("]")
            broken = case.find("failure") is not None or case.find("error") is not None
            told = [one.get("value", "") for one in case.iter("property") if one.get("name") == "outcome"]
            if name:
                found[name] = {"ok": not broken, "outcome": told[0] if told else "failed"}
    return found


def write_page(results: dict[str, Any]) -> None:
    """Put the section in place of the one that the page has, or before its last one."""
    before, title, rest = PAGE.read_text().partition("\n## %s\n" % TITLE)
    if not title:
        before, title, rest = before.partition("\n## Row conflicts\n")
        rest = title + rest
    after = rest[rest.index("\n## ") :] if "\n## " in rest else ""
    PAGE.write_text(before.rstrip("\n") + "\n\n" + "\n".join(section(results)) + "\n" + after)


if __name__ == "__main__":
    sys.exit(main())
