# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode on every case of the matrix: it changes nothing, and names the very statements that then run.

Only with ``REPLICA_TEST_MATRIX=full``, or two of them with ``--flavour``: the matrix looks at some by default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List
from zlib import crc32

from integration.breaks import FLAVOURS
from integration.looking import footprint
from integration.matrix import Cell, Places, all_cells, contents, play
from integration.matrix_cases import troubles
from integration.playbook import Run
from integration.rehearsal import rehearsed
from integration.test_repair import result

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
FEW = ("duplicate_row", "table_missing")


def chosen(flavours: List[str]) -> List[Cell]:
    """Each case once on each flavour, quiet and with nothing below; its mode and format in turns."""
    every = [cell for cell in all_cells(flavours) if not cell.writer and not cell.below]
    found = []
    for name in troubles() if FULL else FEW:
        for flavour in flavours:
            mine = [cell for cell in every if (cell.trouble.name, cell.flavour) == (name, flavour)]
            found += mine[crc32((name + flavour).encode()) % len(mine) :][:1] if mine else []
    return sorted(found, key=lambda cell: cell.place)


def pytest_generate_tests(metafunc: Any) -> None:
    if "cell" in metafunc.fixturenames:
        asked = [name for given in metafunc.config.getoption("--flavour") for name in given.split(",") if name]
        cells = chosen([name for name in FLAVOURS if name in (asked or (FLAVOURS if FULL else ()))])
        metafunc.parametrize("cell", cells, ids=[cell.id for cell in cells])


def test_what_is_planned_is_what_runs(cell: Cell, places: Places, tmp_path: Path) -> None:
    stage = places.of(cell)
    stage.reset(cell.mode)
    stage.set_global(stage.source, "binlog_format", cell.format)
    stage.both("CREATE TABLE beside (id INT PRIMARY KEY)")
    cell.trouble.make(stage)

    def run(*more: str) -> Run:
        return play(stage, cell, tmp_path, *more)

    planned, done = rehearsed(run, lambda: [footprint(stage), contents(stage.replica)], tmp_path)
    first, ended = result(planned), result(done)
    if ended["applied"]:
        assert planned.code == 0 and first["steps"][0]["remedy"] == ended["applied"][0], (first, ended)
        assert first["steps"][0]["finding"] == ended["steps"][0]["finding"], (first, ended)
    else:
        # The verb in front of the reasons is another one.
        said, told = (line.partition(": ")[2] for line in (first["line"], ended["line"]))
        assert planned.code and done.code and said == told != "", (said, told)
