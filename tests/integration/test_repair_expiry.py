# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repair is not begun while the source may purge what the replica needs before it would be over."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.conftest import Pair
from integration.test_repair import play, queries, result, state, stops
from lab import faults
from lab.compare import compare


@pytest.mark.every_engine
def test_a_source_that_keeps_its_binlogs_for_seconds_only(well: Pair, tmp_path: Path) -> None:
    source = well.source
    seconds = well.flavour_name != "mysql-5.6"
    variable = "binlog_expire_logs_seconds" if seconds else "expire_logs_days"
    kept = source.value(f"SELECT @@GLOBAL.{variable}")
    needed = source.coordinates()[0]
    well.replica.execute_unlogged("INSERT INTO shop.t (id, v) VALUES (900001, 'mine')")
    source.execute("INSERT INTO shop.t (id, v) VALUES (900001, 'theirs')")
    faults.rotate_binlog(source)
    stops(well)
    source.execute(f"SET GLOBAL {variable} = 1")
    try:
        before = state(well)
        planned = play(well, "repair", tmp_path, "--check")
        told = f"needs the binlogs of {source.host}:{source.port} from {needed} on; it may be purged from "
        assert told in planned.output, planned.output
        # MySQL 5.6 counts in days, and one is enough.
        assert (planned.code == 0) is not seconds, planned.output
        if seconds:
            refused = play(well, "repair", tmp_path)
            assert refused.code != 0 and "let the source keep its binlogs for longer first" in refused.output
            assert queries(refused) == [] and result(refused)["applied"] == []
        assert state(well) == before and not list(tmp_path.iterdir())
    finally:
        source.execute(f"SET GLOBAL {variable} = {kept}")
    repaired = play(well, "repair", tmp_path)
    assert repaired.code == 0 and result(repaired)["proof"] == "rows_proven", repaired.output
    said = [str(task.result["msg"]) for task in repaired.tasks if task.name.endswith("Say what comes next")]
    first, second, *rest = [text.partition(" needs the binlogs of ")[2] for text in said]
    assert first and not second and first not in rest, said
    well.lab.wait_in_sync()
    assert compare(source, well.replica) == []
