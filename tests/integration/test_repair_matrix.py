# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which definitions make a transaction fail on a replica, repaired by the playbook at its default risk.

In the end every row of every table is equal on both sides, or the playbook refused with its reason and nothing was
changed. By default a few cases run, each once, its flavour, mode, binlog format and writer chosen by its name;
``--flavour`` runs each case once, ``REPLICA_TEST_MATRIX=full`` runs every flavour in every mode, format and
with and without a writer.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Collection, Dict, Iterator, List
from zlib import crc32

import pytest
from integration.breaks import FLAVOURS, MODES, Break, Mode, load
from integration.looking import footprint
from integration.playbook import Run, run_playbook
from integration.running import Stages
from integration.stage import Stage
from integration.test_repair import host, queries, result
from lab.compare import compare
from lab.load import Writer

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
FORMATS = ("ROW", "STATEMENT")

# What no safe repair exists for at the default risk, and what the refusal has to say.
REFUSED: Dict[str, str] = {}

FEW = ("column_exists", "dropped_table_missing", "account_missing")


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix."""

    broken: Break
    flavour: str
    mode: Mode
    format: str
    writer: bool

    @property
    def id(self) -> str:
        gtid, workers = self.mode
        parts = (self.broken.name, self.flavour, "gtid" if gtid else "position", "%dw" % workers, self.format.lower())
        return "-".join([*parts, "writer" if self.writer else "quiet"])


def cells(flavours: List[str], full: bool, names: Collection[str]) -> List[Cell]:
    """The cells of flavours, those of one flavour and mode together.

    :param names: only these breaks; empty for all.
    """
    found: List[Cell] = []
    for broken in load().values():
        if names and broken.name not in names:
            continue
        every = [
            Cell(broken, flavour, mode, text, writer)
            for flavour in flavours
            for mode in MODES
            if broken.code in CODES and broken.exists(flavour, mode)
            for text in FORMATS
            for writer in (False, True)
        ]
        chosen = crc32(broken.name.encode()) % max(len(every), 1)
        found.extend(every if full else every[chosen : chosen + 1])
    return sorted(found, key=lambda cell: (FLAVOURS.index(cell.flavour), MODES.index(cell.mode)))


CODES = frozenset(
    "table_exists database_exists column_exists index_exists drop_target_missing dropped_table_missing"
    " dropped_database_missing table_missing database_missing column_missing routine_exists trigger_exists event_exists"
    " account_conflict column_type_differs column_count_differs foreign_key_failed".split()
)


def pytest_generate_tests(metafunc: Any) -> None:
    if "cell" in metafunc.fixturenames:
        asked = [name for given in metafunc.config.getoption("--flavour") for name in given.split(",") if name]
        every = cells([name for name in FLAVOURS if name in (asked or FLAVOURS)], FULL, () if FULL or asked else FEW)
        metafunc.parametrize("cell", every, ids=[cell.id for cell in every])


@pytest.fixture(scope="module")
def stages() -> Iterator[Stages]:
    made = Stages()
    yield made
    made.close()


def play(stage: Stage, folder: Path, *more: str) -> Run:
    inventory = {"all": {"hosts": {"replica": host(stage.replica)}}}
    given = {"target": "replica", "repair_record_dir": str(folder), "repair_timeout": "60"}
    return run_playbook("replicaops.mysql.repair", inventory, ["-vvv", "-e", json.dumps(given), *more])


def test_repair(cell: Cell, stages: Stages, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    stage = stages.of(cell.flavour)
    try:
        stage.reset(cell.mode)
        stage.set_global(stage.source, "binlog_format", cell.format)
        cell.broken.make(stage)
        before = footprint(stage)
        planned = play(stage, tmp_path, "--check", "--diff")
        assert footprint(stage) == before
        with Writer(stage.source, rate=20) if cell.writer else contextlib.nullcontext():
            repaired = play(stage, tmp_path)
        ended = result(repaired)
        record_property("outcome", ", ".join(sorted(set(ended["applied"]))) or "refused")
        if repaired.code:
            assert cell.broken.name in REFUSED, ended
            assert REFUSED[cell.broken.name] in ended["line"], ended["line"]
            assert ended["applied"] == [] and list(tmp_path.iterdir()) == []
            assert cell.writer or footprint(stage) == before
            return
        assert planned.code == 0, planned.output
        steps = result(planned)["steps"]
        assert queries(repaired)[: len(steps[0]["queries"])] == steps[0]["queries"]
        stage.lab.wait_in_sync()
        assert compare(stage.source, stage.replica) == []
        again = play(stage, tmp_path)
        assert again.code == 0 and result(again)["applied"] == [], again.output
    except Exception:
        stages.spoilt()
        raise
