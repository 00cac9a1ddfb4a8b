# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of row conflicts: each kind on each flavour in each mode, healed or refused, written up for the docs.

All that can be healed are made at once and healed in one call, the others one after the other; afterwards every row of
every table is compared. Results are kept in .cache/conflicts.json; ``--page`` puts them into docs/test-matrix.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
for entry in (CHECKOUT / ".venv" / "collections", CHECKOUT / "tests"):
    sys.path.insert(0, str(entry))

from integration.breaks import FLAVOURS  # noqa: E402
from integration.conflicts import CONFLICTS, GENERATED, HEALABLE, HEALED, Conflict  # noqa: E402
from integration.playbook import run_module  # noqa: E402
from lab.compare import compare  # noqa: E402
from lab.topology import Lab  # noqa: E402

SEED = ("CREATE DATABASE shop",)
PAGE = CHECKOUT / "docs" / "test-matrix.md"
RESULTS = CHECKOUT / ".cache" / "conflicts.json"
SETTINGS = ((True, 4), (True, 1), (False, 4), (False, 1))
STATEMENT = "partial, STATEMENT"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flavour", action="append", choices=FLAVOURS, help="only this flavour (may be given again)")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page's part from the results")
    arguments = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if arguments.page:
        above = PAGE.read_text().partition("\n## Row conflicts\n")[0].rstrip("\n")
        PAGE.write_text("\n".join([above, *section(results)]) + "\n")
        return 0
    for flavour in arguments.flavour or FLAVOURS:
        for gtid, workers in SETTINGS:
            mode = "%s%d" % ("G" if gtid else "P", workers)
            with Lab(flavour, gtid=gtid, workers=workers, seed=SEED) as lab:
                for name, found in Run(lab).all().items():
                    results["%s %s %s" % (name, flavour, mode)] = found
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True))
            mine = {name: found for name, found in results.items() if name.endswith("%s %s" % (flavour, mode))}
            print(flavour, mode, sorted(set(mine.values())), flush=True)
    return int(any(found not in (HEALED, "refused") for found in results.values()))


class Run:
    """All conflicts on one pair."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.words = lab, lab.flavour.words

    def stopped(self) -> None:
        self.lab.replica.wait_until(
            lambda: self.lab.status(self.lab.links[0])[self.words.sql_running] == "No", what="the applier to stop"
        )

    def heal(self, which: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            options = {"transactions": {"which": which}, "state": "healed", "record_dir": folder}
            return run_module("row_repair", self.lab.replica, options)

    def all(self) -> dict[str, str]:
        found = {name: self.refused(CONFLICTS[name], "ROW") for name in CONFLICTS if name not in HEALABLE}
        found[STATEMENT] = self.refused(CONFLICTS["partial"], "STATEMENT")
        conflicts = [CONFLICTS[name] for name in HEALABLE if name != "partial"]
        if self.lab.flavour.name != "mysql-5.6":
            conflicts.append(GENERATED)
        return {**found, **self.healed([CONFLICTS["partial"]]), **self.healed(conflicts)}

    def made(self, conflicts: list[Conflict], binlog_format: str = "ROW") -> None:
        for conflict in conflicts:
            self.lab.source.execute(*["DROP TABLE IF EXISTS " + name for name in conflict.told(["{t}_child", "{t}"])])
            conflict.prepare_on(self.lab.source)
        self.lab.wait_in_sync()
        for conflict in conflicts:
            conflict.break_on(self.lab.replica)
        for conflict in conflicts:
            conflict.go_on(self.lab.source, binlog_format)
        self.stopped()

    def refused(self, conflict: Conflict, binlog_format: str) -> str:
        self.made([conflict], binlog_format)
        done = self.heal("failing")
        mend = conflict.told(conflict.mend or ("DELETE FROM {t} WHERE id = 5", "UPDATE {t} SET n = 2 WHERE id = 2"))
        self.lab.replica.execute_unlogged(*mend)
        self.lab.replica.start_replica("SQL_THREAD")
        self.lab.wait_in_sync()
        equal = compare(self.lab.source, self.lab.replica) == []
        return "refused" if done.get("code") == "refused" and equal else "failed: %s" % done.get("msg")

    def healed(self, conflicts: list[Conflict]) -> dict[str, str]:
        self.made(conflicts)
        done = self.heal("pending")
        if done["failed"]:
            return {conflict.name: "failed: %s" % done["msg"] for conflict in conflicts}
        self.lab.replica.start_replica("SQL_THREAD")
        self.lab.wait_in_sync()
        wrong = compare(self.lab.source, self.lab.replica, limit=1000)
        return {
            conflict.name: "differs" if any("shop.%s " % conflict.name in line for line in wrong) else HEALED
            for conflict in conflicts
        }


def section(results: dict[str, Any]) -> list[str]:
    """The lines of the page."""
    lines = [
        "",
        "## Row conflicts",
        "",
        "What `row_repair` makes of each kind of conflict, with the modes in which it did (letters as above).",
        "Healed: the applier applied everything afterwards, and every row of every table was equal. Refused: nothing",
        "was changed, and the reason was said. In ROW format where nothing else is said. Written by",
        "`tests/tools/conflicts_matrix.py`.",
        "",
        "| conflict | " + " | ".join(FLAVOURS) + " |",
        "|---|" + "---|" * len(FLAVOURS),
    ]
    for name in [*CONFLICTS, GENERATED.name, STATEMENT]:
        cells = []
        for flavour in FLAVOURS:
            words: dict[str, list[str]] = {}
            for gtid, workers in SETTINGS:
                mode = "%s%d" % ("G" if gtid else "P", workers)
                word = str(results.get("%s %s %s" % (name, flavour, mode), "")).partition(":")[0]
                if word:
                    words.setdefault(word, []).append(mode)
            told = [word if len(modes) == len(SETTINGS) else "%s (%s)" % (word, ", ".join(modes))
                    for word, modes in words.items()]  # fmt: skip
            cells.append("; ".join(told) or "-")
        lines.append("| %s | %s |" % (name, " | ".join(cells)))
    return lines


if __name__ == "__main__":
    sys.exit(main())
