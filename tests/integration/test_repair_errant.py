# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions that only the replica has, through the repair playbook: kept or undone by choice, else left alone."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from integration.conftest import Pair
from integration.test_repair import dropped, play, queries, result, state
from lab.compare import compare

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
WINNERS = ("source", "replica")
LOCAL = (
    "UPDATE shop.t SET v = 'local' WHERE id = 1",
    "INSERT INTO shop.t (id, v) VALUES (1000, 'written here'), (1001, 'and this')",
    "DELETE FROM shop.t WHERE id = 2",
)


def sets(pair: Pair) -> bool:
    """Whether both servers have executed the same transactions."""
    values = [str(server.value("SELECT @@GLOBAL.gtid_executed")) for server in (pair.source, pair.replica)]
    return values[0] == values[1]


@pytest.mark.modes("gtid")
@pytest.mark.engine("mysql")
def test_errant_transactions_are_kept_or_undone_by_choice(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        well.write(3)
        well.lab.wait_in_sync()
        for winner in WINNERS if FULL else (WINNERS[zlib.crc32(well.flavour_name.encode()) % 2],):
            wanted = well.source.query("SELECT * FROM shop.t ORDER BY id")
            well.replica.execute(*LOCAL)
            if winner == "replica":
                wanted = well.replica.query("SELECT * FROM shop.t ORDER BY id")
            before, old = state(well), well.source.coordinates()
            switches = {"repair_winner": winner, "repair_allow_source_write": "true"}
            planned = play(well, "repair", tmp_path / "refused", "--check", **switches)
            assert planned.code == 0 and state(well) == before and well.source.coordinates() == old, planned.output
            refused = play(well, "repair", tmp_path / "refused", repair_allow_source_write="true")
            assert refused.code != 0 and state(well) == before and well.source.coordinates() == old, refused.output
            assert "repair_winner" in result(refused)["line"] and "direction=reverse" in result(refused)["line"]
            assert not (tmp_path / "refused").exists()
            done = play(well, "repair", tmp_path / winner, **switches)
            assert done.code == 0, done.output
            assert result(done)["applied"] == ["roll_back" if winner == "source" else "replay"], result(done)
            assert result(done)["proof"] == "rows_proven" and any("BINLOG" in query for query in queries(done))
            assert list((tmp_path / winner).iterdir())
            well.lab.wait_in_sync()
            assert compare(well.source, well.replica) == [] and sets(well)
            assert well.source.query("SELECT * FROM shop.t ORDER BY id") == wanted
            again = play(well, "repair", tmp_path / "again", **switches)
            assert again.code == 0 and result(again)["steps"] == [], again.output
