# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica is built anew from a physical backup, on its own host, while its source is written to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest
from integration.backing_up import MOST, back_up, everything, hosts, rebuild
from integration.rebuilding import by_others, only_full, spoil
from integration.test_repair import result
from lab import faults
from lab.compare import compare
from lab.load import Writer
from lab.topology import Lab

pytestmark = [only_full, pytest.mark.engine("mariadb")]


@pytest.fixture(params=["gtid", "position"])
def lab(flavour: str, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A pair in each mode."""
    with hosts(flavour, request.param == "gtid") as made:
        yield made


@pytest.mark.parametrize("how", ["diverged", "empty", "broken"])
def test_a_replica_is_built_from_a_backup(lab: Lab, tmp_path: Path, how: str) -> None:
    spoil(lab, how)
    since = lab.source.coordinates()
    with Writer(lab.source, rate=50) as writer:
        writer.wait_for(20)
        back_up(lab)
        writer.wait_for(writer.committed + 20)
        before = everything(lab.replica)
        refused = rebuild(lab.replica, tmp_path, rebuild_method="backup")
        assert refused.code != 0 and "Confirm it with -e repair_max_risk=rebuild" in refused.output, refused.output
        planned = rebuild(lab.replica, tmp_path, "--check", rebuild_method="backup")
        assert planned.code == 0 and "is received in /lab/rebuild" in planned.output, planned.output
        if how == "empty":
            assert everything(lab.replica) == before
        built = rebuild(lab.replica, tmp_path, **MOST)
        writer.wait_for(writer.committed + 5)
    assert built.code == 0 and "Built anew from a backup" in built.output, built.output
    assert "with all definitions, views, routines, triggers and events" in built.output
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
    assert lab.replica.exec("test -e /lab/rebuild", check=False)[0] == 1
    assert len(list(tmp_path.glob("*.json"))) == 1
    assert not by_others(lab.source, since)


def test_a_backup_that_is_of_no_use_is_refused_before_anything_is_changed(lab: Lab, tmp_path: Path) -> None:
    back_up(lab)
    lab.source.execute("INSERT INTO shop.t (v) VALUES ('behind the backup')")
    lab.wait_in_sync()
    before = everything(lab.replica)

    def refusal(**variables: Any) -> str:
        failed = rebuild(lab.replica, tmp_path, **{**MOST, **variables})
        assert failed.code != 0 and everything(lab.replica) == before, failed.output
        return failed.output

    assert "backup_command ended with 3" in refusal(rebuild_backup_command="head -c 5 /lab/nothing; exit 3")
    assert "Could not prepare the backup" in refusal(rebuild_backup_command="true")
    assert "is not on the file system" in refusal(rebuild_backup_dir="/dev/shm/rebuild")
    assert "inside the data directory" in refusal(rebuild_backup_dir="/lab/data/rebuild")
    assert "needs stop_command" in refusal(rebuild_stop_command="")
    faults.purge_binlogs(lab.source)
    assert "Take a new backup" in refusal()


def test_a_repair_heals_what_was_purged_with_a_backup(lab: Lab, tmp_path: Path) -> None:
    faults.purge_needed(lab, lambda: lab.source.execute("INSERT INTO shop.t (v) VALUES ('purged')"))
    words = lab.flavour.words
    lab.replica.wait_until(lambda: lab.status(lab.links[0])[words.io_error], what="the receiver's error")
    back_up(lab)
    since = lab.source.coordinates()
    with Writer(lab.source, rate=20) as writer:
        repaired = rebuild(lab.replica, tmp_path, playbook="repair", **MOST)
        writer.wait_for(writer.committed + 5)
    assert repaired.code == 0 and "The method is backup, as asked for." in repaired.output, repaired.output
    assert (result(repaired)["applied"], result(repaired)["proof"]) == (["rebuild"], "fully_verified")
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == [] and not by_others(lab.source, since)
