# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plain idempotent mode loses without a word, and `repair` does not."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

import pytest
from integration.breaks import MODES
from integration.matrix import contents
from integration.playbook import Run, run_playbook
from integration.running import Stages, named
from integration.stage import Mode, Stage
from integration.test_repair import host, result
from lab.compare import compare

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"


@dataclass(frozen=True)
class Lossy:
    """A transaction whose first error idempotent mode makes right, and which has more in it.

    :param without: the flavours where it cannot be made, or idempotent mode does not lose anything.
    :param unlogged: what is done on the source alone before.
    :param refused: why a repair leaves everything as it is, where it does not go.
    """

    prepare: Tuple[str, ...]
    local: Tuple[str, ...]
    statements: Tuple[str, ...]
    without: Tuple[str, ...] = ()
    unlogged: Tuple[str, ...] = ()
    refused: str = ""

    def make(self, stage: Stage) -> None:
        """Stop the replica at the transaction."""
        stage.both(*self.prepare)
        stage.on_replica(*self.local)
        stage.source.execute_unlogged(*self.unlogged)
        stage.fails("BEGIN", *self.statements, "COMMIT")


_FAMILY = (
    "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE = InnoDB",
    "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES t (id) ON DELETE CASCADE)"
    " ENGINE = InnoDB",
    "INSERT INTO t VALUES (1, 'one'), (2, 'two')", "INSERT INTO child VALUES (20, 2), (21, 2)",
)  # fmt: skip
_WRITE_NINE, _CHANGE_TWO = "INSERT INTO t (id, v) VALUES (9, 'source')", "UPDATE t SET v = 'kept' WHERE id = 2"
_LOCAL = ("INSERT INTO t (id, v) VALUES (9, 'local')", "DELETE FROM t WHERE id = 2")
_ROWS = "INSERT INTO t (id, v) VALUES (1, 'one'), (2, 'two')"

CASES = {
    "mixed": Lossy(("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))", _ROWS), _LOCAL, (_WRITE_NINE, _CHANGE_TWO)),
    "parent_missing": Lossy(
        _FAMILY, ("SET foreign_key_checks = 0", "DELETE FROM t WHERE id = 1"),
        ("INSERT INTO child VALUES (10, 1)", "UPDATE t SET v = 'changed' WHERE id = 1"),
    ),
    # The parent is written anew on the source alone; putting it in place of the replica's takes the children away.
    # Until the transaction they were without a parent on the source, and such rows are not made here.
    "children_of_a_parent_that_is_written_over": Lossy(
        _FAMILY, (),
        ("INSERT INTO t VALUES (2, 'anew')",),
        ("mysql-9.7",),
        ("SET foreign_key_checks = 0", "DELETE FROM shop.t WHERE id = 2"),
        "rows of shop.child reference rows of shop.t that are not there",
    ),
    "trigger": Lossy(
        ("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))", "CREATE TABLE total (id INT PRIMARY KEY, n INT)",
         "INSERT INTO total VALUES (1, 0)",
         "CREATE TRIGGER counted AFTER INSERT ON t FOR EACH ROW UPDATE total SET n = n + 1 WHERE id = 1", _ROWS),
        ("INSERT INTO t VALUES (9, 'local')", "DELETE FROM total"), (_WRITE_NINE,),
    ),
    "generated_column": Lossy(
        ("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), w VARCHAR(30) AS (CONCAT(v, '!')) STORED,"
         " x VARCHAR(30) AS (UPPER(v)) VIRTUAL, UNIQUE KEY (w))", _ROWS),
        _LOCAL, (_WRITE_NINE, _CHANGE_TWO), ("mysql-5.6",),
    ),
    "partitions": Lossy(
        ("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) PARTITION BY RANGE (id)"
         " (PARTITION low VALUES LESS THAN (5), PARTITION high VALUES LESS THAN MAXVALUE)", _ROWS),
        _LOCAL, (_WRITE_NINE, _CHANGE_TWO),
    ),
}  # fmt: skip


def plain(stage: Stage) -> None:
    """Let the applier run in idempotent mode until it has caught up, as people do by hand."""
    stage.set_global(stage.replica, "replica_exec_mode", "IDEMPOTENT")
    stage.start("SQL_THREAD")
    stage.lab.wait_in_sync()


def play(stage: Stage, folder: Path) -> Run:
    """Repair the replica."""
    given = {"target": "replica", "repair_record_dir": str(folder), "repair_timeout": "60"}
    inventory = {"all": {"hosts": {"replica": host(stage.replica)}}}
    return run_playbook("replicaops.mysql.repair", inventory, ["-e", json.dumps(given)])


@pytest.mark.skipif(not FULL, reason="only with REPLICA_TEST_MATRIX=full")
@pytest.mark.parametrize("mode", MODES, ids=named)
@pytest.mark.parametrize("name", CASES)
def test_what_plain_idempotent_mode_loses_is_there_after_a_repair(
    flavour: str, stages: Stages, name: str, mode: Mode, tmp_path: Path
) -> None:
    case, stage = CASES[name], stages.of(flavour)
    if flavour in case.without:
        pytest.skip("not to be made here, or nothing is lost")
    stage.reset(mode)
    case.make(stage)
    plain(stage)
    assert compare(stage.source, stage.replica) != [], "nothing is lost here: the case proves nothing"
    stage.reset(mode)
    case.make(stage)
    before = contents(stage.replica)
    done = play(stage, tmp_path)
    if case.refused:
        assert done.code and case.refused in done.output, done.output
        assert contents(stage.replica) == before
        return
    assert done.code == 0 and result(done)["proof"] == "rows_proven", done.output
    stage.lab.wait_in_sync()
    assert compare(stage.source, stage.replica) == []
