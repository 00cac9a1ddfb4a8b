# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which a transaction fails on a replica, repaired by the playbook at its default risk.

In the end every row of every table is equal on all servers, or the playbook refused with its reason and nothing was
changed. By default each case runs once, so that each pair of settings is met; ``--flavour`` runs a choice in which each
case meets the flavour, and ``REPLICA_TEST_MATRIX=full`` every cell, or the part that ``REPLICA_TEST_PART=N/M`` names.
"""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path
from typing import Any, Callable, List, Set

import pytest
from integration.breaks import FLAVOURS, ROWS
from integration.matrix import Cell, Places, all_cells, once_each, pairwise, play, run
from integration.matrix_cases import troubles
from integration.matrix_page import section
from integration.matrix_refused import REFUSALS
from integration.test_repair import result
from lab.compare import compare

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
PART, PARTS = (int(number) for number in os.environ.get("REPLICA_TEST_PART", "1/1").split("/"))


def _chosen(flavours: List[str]) -> List[Cell]:
    if FULL:
        every = all_cells(flavours)
        return every[len(every) * (PART - 1) // PARTS : len(every) * PART // PARTS]
    return pairwise(flavours) if len(flavours) < len(FLAVOURS) else once_each()


def pytest_generate_tests(metafunc: Any) -> None:
    if "cell" in metafunc.fixturenames:
        asked = [name for given in metafunc.config.getoption("--flavour") for name in given.split(",") if name]
        cells = _chosen([name for name in FLAVOURS if name in (asked or FLAVOURS)])
        metafunc.parametrize("cell", cells, ids=[cell.id for cell in cells])


def test_each_case_meets_each_flavour_and_each_refusal_is_of_a_case() -> None:
    chosen = {(cell.trouble.name, cell.flavour) for cell in pairwise()}
    assert chosen == {(cell.trouble.name, cell.flavour) for cell in all_cells()}
    assert {name for one in REFUSALS for name in one.names} <= set(troubles())


def test_each_case_runs_once_and_each_pair_of_settings_is_met() -> None:
    def pairs(cells: List[Cell]) -> Set[object]:
        return {pair for cell in cells for pair in combinations((("flavour", cell.flavour), *cell.settings), 2)}

    chosen = once_each()
    assert sorted(cell.trouble.name for cell in chosen) == sorted({cell.trouble.name for cell in all_cells()})
    assert pairs(chosen) == pairs(all_cells())


def test_outcomes_of_one_case_on_one_flavour_are_counted_and_failures_stand_out() -> None:
    wanted = ("column_exists", "mysql-9.7", "ROW", False)
    cells = [cell for cell in all_cells() if (cell.trouble.name, cell.flavour, cell.format, cell.below) == wanted]
    outcomes = ["skip_present", "skip_present", "refused: it is late"]
    results = {cell.id: {"ok": True, "outcome": outcome} for cell, outcome in zip(cells, outcomes)}
    results[cells[3].id] = {"ok": False, "outcome": "NOT EQUAL"}
    lines = section(results)
    assert "| column_exists | **failed** (1); A (1); skip_present (2) |  |  |  |" in lines, lines
    assert "- **A**: it is late" in lines
    assert any("4 of %d cells" % len(all_cells()) in line for line in lines)


@pytest.mark.skipif(not FULL or PART > 1, reason="belongs to the first part of the full matrix")
def test_what_more_failures_than_rounds_end_in(flavour: str, places: Places, tmp_path: Path) -> None:
    cell = Cell(troubles()["column_exists"], flavour, (True, 1), "ROW")
    stage = places.of(cell)
    stage.reset(cell.mode)
    stage.both(*ROWS)
    made = ["ALTER TABLE t ADD COLUMN c INT", "CREATE INDEX k ON t (v)", "CREATE PROCEDURE p() SELECT 1",
            "CREATE INDEX l ON t (c)"]  # fmt: skip
    stage.on_replica(*made)
    stage.fails(*made)
    first = play(stage, cell, tmp_path, "-e", "repair_max_rounds=2")
    ended = result(first)
    assert first.code and ended["applied"] == ["skip_present"] * 2, first.output
    assert "2 rounds" in ended["headline"] and "repair_max_rounds is 2" in ended["headline"], ended
    # The last of them needs the last round, and what that one left is looked at.
    second = play(stage, cell, tmp_path, "-e", "repair_max_rounds=2")
    assert second.code == 0 and result(second)["applied"] == ["skip_present"] * 2, second.output
    stage.lab.wait_in_sync()
    assert compare(stage.source, stage.replica) == []


def test_repair(
    cell: Cell,
    places: Places,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    try:
        outcome = run(places.of(cell), cell, tmp_path, thorough=FULL)
    except AssertionError:
        record_property("outcome", "FAILED")
        raise
    except Exception:
        record_property("outcome", "FAILED")
        places.close()
        raise
    record_property("outcome", outcome)
