# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data ahead of the position where statements are in the binlog: nothing is run a second time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, List

import pytest
from integration.test_repair import result
from integration.test_reposition import ahead, moved_back, play, sql_running
from lab.topology import Lab

# One transaction each but for SET. The counter is changed by statements only, on both sides of the place.
BEFORE = (
    "INSERT INTO t1 VALUES (10, 'ten')",
    "SET SESSION binlog_format = 'STATEMENT'",
    "UPDATE cnt SET n = n + 10 WHERE id = 1",
    "SET SESSION binlog_format = 'ROW'",
    "INSERT INTO t1 VALUES (11, 'eleven')",
    "UPDATE t1 SET v = 'uno' WHERE id = 1",
)
AFTER = (
    "INSERT INTO t1 VALUES (12, 'twelve')",
    "SET SESSION binlog_format = 'STATEMENT'",
    "UPDATE cnt SET n = n * 2 WHERE id = 1",
    "SET SESSION binlog_format = 'ROW'",
    "DELETE FROM t1 WHERE id = 2",
)


def _state(lab: Lab) -> List[object]:
    words = lab.flavour.words
    found = [lab.status(lab.links[0])[name] for name in (words.applied_file, words.applied_pos, words.sql_running)]
    return [*found, lab.replica.query("SELECT * FROM shop.cnt"), lab.replica.query("SELECT * FROM shop.t1")]


@pytest.mark.skipif(os.environ.get("REPLICA_TEST_MATRIX") != "full", reason="part of the full matrix")
def test_no_statement_runs_a_second_time(lab_of: Callable[..., Lab], flavour: str, tmp_path: Path) -> None:
    """Where the position cannot be told, no other remedy lets the applier go on from the old one."""
    lab = lab_of(flavour, gtid=False)
    moved_back(lab, BEFORE, AFTER)
    before = _state(lab)
    refused = play(lab, "repair", tmp_path)
    assert refused.code != 0 and result(refused)["applied"] == [], refused.output
    assert "run a second time" in refused.output, result(refused)
    assert _state(lab) == before and not list(tmp_path.iterdir())


def test_statements_alone_are_no_position(lab_of: Callable[..., Lab], flavour: str, tmp_path: Path) -> None:
    lab = lab_of(flavour, gtid=False, binlog_format="STATEMENT")
    ahead(lab)
    lab.replica.start_replica()
    lab.replica.wait_until(lambda: sql_running(lab) == "No", what="the applier to meet what is there already")
    before = _state(lab)
    refused = play(lab, "repair", tmp_path, repair_strategy="reposition")
    assert refused.code != 0 and result(refused)["applied"] == [], refused.output
    assert "somewhere between" in refused.output and "statements" in result(refused)["line"], result(refused)
    assert _state(lab) == before and not list(tmp_path.iterdir())
