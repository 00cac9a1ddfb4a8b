# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The failure matrix of the diagnosis: breaks on flavours in modes; resumable, and written up for the docs.

What has passed is kept in .cache/findings.json and not run again; ``--again`` starts from nothing. ``--capture`` writes
the unit tests' fixtures, one for each break and flavour. ``--page`` writes docs/test-matrix.md from these results and
from those that `make test-matrix` left.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

CHECKOUT = Path(__file__).resolve().parents[2]
for entry in (CHECKOUT / ".venv" / "collections", CHECKOUT / "tests"):
    sys.path.insert(0, str(entry))

import repair_matrix  # noqa: E402
from conflicts_matrix import RESULTS as CONFLICTS  # noqa: E402
from conflicts_matrix import section  # noqa: E402
from integration.breaks import FLAVOURS, MODES, Break, load  # noqa: E402
from integration.captures import path_of, write  # noqa: E402
from integration.running import Case, Stages, cases, run  # noqa: E402

JUNIT = CHECKOUT / ".venv" / "matrix"
RESULTS = CHECKOUT / ".cache" / "findings.json"
PAGE = CHECKOUT / "docs" / "test-matrix.md"
MARKS = {"passed": "yes", "failed": "**no**", "": "not run"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flavour", action="append", choices=FLAVOURS, help="only this flavour (may be given again)")
    parser.add_argument("--only", action="append", help="only this break (may be given again)")
    parser.add_argument("--shard", default="1/1", metavar="N/M", help="the Nth of M parts of each flavour")
    parser.add_argument("--once", action="store_true", help="each break in one mode, as `make test` does")
    parser.add_argument("--again", action="store_true", help="run what has passed already, too")
    parser.add_argument("--capture", action="store_true", help="write fixtures of the unit tests (with --once)")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page from the results")
    arguments = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if arguments.page:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page({**_from_junit(), **results}))
        outcomes = {**repair_matrix.from_junit(), **repair_matrix.kept()}
        if outcomes:
            repair_matrix.write_page(outcomes)
        return 0
    failed = _run(arguments, results)
    print("%d cases failed" % failed)
    return int(failed > 0)


def _from_junit() -> dict[str, Any]:
    """The results of test_findings that whole runs of the matrix left."""
    found: dict[str, Any] = {}
    for report in sorted(JUNIT.glob("*-test_findings.xml")):
        for case in ElementTree.parse(report).iter("testcase"):
            name = case.get("name", "").partition("[")[2].rstrip("]")
            broken = case.find("failure") is not None or case.find("error") is not None
            found[name] = {"result": "failed" if broken else "passed"}
    return found


def _chosen(arguments: argparse.Namespace, results: dict[str, Any]) -> list[Case]:
    part, parts = (int(number) for number in arguments.shard.split("/"))
    found = []
    for flavour in arguments.flavour or FLAVOURS:
        every = [case for case in cases(flavour, not arguments.once) if not arguments.only or case.broken.name in
                 arguments.only]  # fmt: skip
        mine = every[len(every) * (part - 1) // parts : len(every) * part // parts]
        found += [case for case in mine if arguments.again or not _done(arguments, results, case)]
    return found


def _done(arguments: argparse.Namespace, results: dict[str, Any], case: Case) -> bool:
    if arguments.capture:
        return path_of(case).exists()
    return bool(results.get(case.id, {}).get("result") == "passed")


def _run(arguments: argparse.Namespace, results: dict[str, Any]) -> int:
    stages, failed = Stages(), 0
    try:
        for case in _chosen(arguments, results):
            began = time.monotonic()
            try:
                stage = stages.of(case.flavour)
                seen, wrong = run(stage, case, keep=arguments.capture)
                if arguments.capture and not wrong and case.broken.code in seen.codes:
                    write(stage, case, seen)
            except Exception as error:  # whatever happens, the other cases are run
                wrong = ["%s: %s" % (type(error).__name__, error)]
                stages.spoilt()
            failed += bool(wrong)
            seconds = round(time.monotonic() - began, 1)
            results[case.id] = {"result": "failed" if wrong else "passed", "why": wrong, "seconds": seconds}
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True))
            print("%-6s %5.1f s  %s" % ("FAILED" if wrong else "ok", seconds, case.id), flush=True)
            for line in wrong:
                print("       " + line, flush=True)
    finally:
        stages.close()
    return failed


def page(results: dict[str, Any]) -> str:
    """The table of results in Markdown."""
    lines = [
        "# Failure matrix",
        "",
        "Every break that the tests make on real servers, and whether the diagnosis recognised it there. Written by",
        "`tests/tools/findings_matrix.py --page`. G: GTID, P: file and position; the number is that of parallel",
        "appliers; without them all four modes are meant. A dash: the break does not exist there.",
        "",
        "| break | finding | " + " | ".join(FLAVOURS) + " |",
        "|---|---|" + "---|" * len(FLAVOURS),
    ]
    for broken in load().values():
        cells = [_cell(results, broken, flavour) for flavour in FLAVOURS]
        lines.append("| %s | `%s` | %s |" % (broken.name, broken.code, " | ".join(cells)))
    conflicts = json.loads(CONFLICTS.read_text()) if CONFLICTS.exists() else {}
    return "\n".join([*lines, *(section(conflicts) if conflicts else [])]) + "\n"


def _cell(results: dict[str, Any], broken: Break, flavour: str) -> str:
    """What came of a break on a flavour: one word when all modes agree, else one for each."""
    parts = {
        "%s%d" % ("G" if mode[0] else "P", mode[1]): results.get(Case(flavour, mode, broken).id, {}).get("result", "")
        for mode in MODES
        if broken.exists(flavour, mode)
    }
    if len(set(parts.values())) == 1:
        word = MARKS[next(iter(parts.values()))]
        return word if len(parts) == len(MODES) else "%s (%s)" % (word, ", ".join(parts))
    return ", ".join("%s %s" % (mode, MARKS[result]) for mode, result in parts.items()) or "-"


if __name__ == "__main__":
    sys.exit(main())
