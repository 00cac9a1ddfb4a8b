# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verify playbook: equal is proven slice by slice, every planted difference is found, nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

from integration.comparing import different, proof_schema, writers
from integration.conftest import Pair
from integration.playbook import Run
from integration.test_repair import play, state
from integration.test_table_compare_alter import run as run_statements

TABLES = [
    "CREATE TABLE proof.plain (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8) ENGINE=InnoDB",
    "INSERT INTO proof.plain VALUES (1, 'a'), (2, 'b'), (3, NULL), (4, 'd')",
    "CREATE TABLE proof.keyless (v INT) ENGINE=InnoDB",
    "INSERT INTO proof.keyless VALUES (1), (1), (2)",
    "CREATE TABLE proof.number (id INT PRIMARY KEY, f FLOAT, d DOUBLE) ENGINE=InnoDB",
    "INSERT INTO proof.number VALUES (1, 0.1, 0.1), (2, 1e30, -0.0)",
    "CREATE TABLE proof.text (id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET latin1) ENGINE=InnoDB",
    "INSERT INTO proof.text VALUES (1, 'x')",
    "CREATE TABLE proof.renamed (id INT PRIMARY KEY, old INT) ENGINE=InnoDB",
    "INSERT INTO proof.renamed VALUES (1, 1)",
]
WRITTEN = ["CREATE TABLE proof.w%d (id INT AUTO_INCREMENT PRIMARY KEY, v DOUBLE) ENGINE=InnoDB" % n for n in range(3)]
PLANTED = (
    "UPDATE proof.plain SET v = 'B' WHERE id = 2",
    "UPDATE proof.plain SET v = '' WHERE id = 3",
    "DELETE FROM proof.plain WHERE id = 4",
    "INSERT INTO proof.plain VALUES (5, 'e')",
    "DELETE FROM proof.keyless WHERE v = 1 LIMIT 1",
    "UPDATE proof.number SET d = 0.1 + 1e-17 + 2e-17 WHERE id = 1",
    "UPDATE proof.number SET f = f * 1.000001 WHERE id = 2",
    "ALTER TABLE proof.text MODIFY v VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin",
    "ALTER TABLE proof.renamed CHANGE old new INT",
)


def compared(run: Run) -> Dict[str, Any]:
    """The last slice's result."""
    return [task.result for task in run.tasks if task.name.endswith("Compare one slice")][-1]


def test_everything_is_proven_and_every_planted_difference_found(well: Pair, tmp_path: Path) -> None:
    names = ["proof.%s" % name for name in ("plain", "keyless", "number", "text", "renamed")]
    tables = json.dumps({"verify_tables": names})
    with proof_schema(well.lab, *TABLES, *WRITTEN):
        with writers(well.source):
            equal = play(well, "verify", tmp_path, "-e", tables, verify_depth="full", verify_slice="0")
            assert equal.code == 0, equal.output
            slices = [task for task in equal.tasks if task.name.endswith("Compare one slice")]
            assert len(slices) == len(names) and "Not finished: " in equal.output
            assert compared(equal)["proof"] == "rows_proven", compared(equal)["msg"]
            assert len(compared(equal)["compared"]) == len(names)
            well.replica.execute_unlogged(*PLANTED)
            planted = play(well, "verify", tmp_path, "-e", tables, verify_depth="full")
        assert planted.code != 0
        found = different(compared(planted))
        assert set(found) == set(names), found
        assert found["proof.plain"][0]["counts"] == {"changed": 2, "missing": 1, "extra": 1}
        assert found["proof.keyless"][0]["counts"]["missing"] == 1
        assert [entry["what"] for entry in found["proof.renamed"]] == ["definition"]
        assert [entry["what"] for entry in found["proof.text"]] == ["definition"]
        assert "proof.plain (rows: 2 changed" in planted.output
        assert "proof.renamed: its definition differs. On the replica, in one session:" in planted.output
        assert "ALTER TABLE `proof`.`renamed` CHANGE COLUMN `new` `old` int" in planted.output
        assert not list(tmp_path.iterdir())
        well.lab.wait_in_sync()
        before = state(well)
        checked = play(well, "verify", tmp_path, "--check", "-e", tables, verify_depth="full", verify_heal="true")
        assert checked.code == 0 and state(well) == before, checked.output
        with writers(well.source):
            healed = play(well, "verify", tmp_path, "-e", tables, verify_depth="full", verify_heal="true")
        assert healed.code != 0 and "Not healed: " in healed.output, healed.output
        assert compared(healed)["proof"] == "rows_proven", compared(healed)["msg"]
        equal_now = [entry["table"] for entry in compared(healed)["compared"]]
        assert equal_now == ["proof.keyless", "proof.number", "proof.plain"]
        well.lab.wait_in_sync()
        rest = play(well, "verify", tmp_path, "-e", tables, verify_depth="full")
        left = different(compared(rest))
        assert set(left) == {"proof.text", "proof.renamed"}, rest.output
        run_statements(well.replica, [statement for found in left.values() for statement in found[0]["alter"]])
        mended = play(well, "verify", tmp_path, "-e", tables, verify_depth="full")
        assert mended.code == 0 and compared(mended)["proof"] == "rows_proven", mended.output


def test_the_tables_of_an_incident_are_those_changed_since_its_record(well: Pair, tmp_path: Path) -> None:
    with proof_schema(well.lab, *TABLES):
        unknown = play(well, "verify", tmp_path)
        assert unknown.code != 0 and "it is not known where the incident begins" in unknown.output
        file, position = well.source.coordinates()
        address = "%s_%s" % (well.replica.host, well.replica.port)
        executed = {"executed": {"file": file, "position": position}}
        record = {"schema": 1, "before": {"channel": executed}}
        (tmp_path / ("2026-01-01T00_00_00-%s-default-replica_channel.json" % address)).write_text(json.dumps(record))
        well.source.execute("INSERT INTO proof.plain VALUES (6, 'f')")
        well.lab.wait_in_sync()
        before = state(well)
        run = play(well, "verify", tmp_path)
        assert run.code == 0, run.output
        assert [entry["table"] for entry in compared(run)["compared"]] == ["proof.plain"]
        assert state(well) == before
        well.replica.execute_unlogged("DELETE FROM proof.plain WHERE id IN (1, 6)")
        planted = play(well, "verify", tmp_path)
        assert planted.code != 0 and different(compared(planted))["proof.plain"][0]["counts"]["missing"] == 2
        healed = play(well, "verify", tmp_path, verify_since="%s:%s" % (file, position), verify_heal="true")
        assert healed.code == 0 and compared(healed)["proof"] == "rows_proven", healed.output
        checked = play(well, "verify", tmp_path, "--check", verify_since="%s:%s" % (file, position))
        assert checked.code == 0 and compared(checked)["selected"] == ["proof.plain"], checked.output
