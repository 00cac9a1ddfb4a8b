# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MySQL with GTIDs whose channel goes by coordinates: the sets tell what disagrees, the position what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List

import pytest
from integration.conftest import SEED
from integration.test_gtid import LOST, NEW, full_matrix, gtid, picture, receiver_error, same_sets, settle
from integration.test_repair import result
from lab import faults
from lab.compare import compare
from lab.topology import Lab

pytestmark = [pytest.mark.engine("mysql")]
ALLOWED = {"repair_max_risk": "replica_history", "repair_allow_source_write": "true"}


def go_on_at_the_end(lab: Lab) -> None:
    """Let the replica go on where the source's binlog ends now, by coordinates."""
    old = lab.flavour.version < (8, 0, 23)
    verb, word = ("CHANGE MASTER TO", "MASTER") if old else ("CHANGE REPLICATION SOURCE TO", "SOURCE")
    name, position = lab.source.coordinates()
    lab.replica.stop_replica()
    lab.replica.execute(f"{verb} {word}_AUTO_POSITION = 0, {word}_LOG_FILE = '{name}', {word}_LOG_POS = {position}")
    lab.replica.start_replica()
    faults.reconnect(lab)


@pytest.fixture
def lab(lab_of: Callable[..., Lab], flavour: str) -> Lab:
    """A pair with GTIDs, and coordinates in the channel."""
    made = lab_of(flavour, "pair", gtid=True, seed=SEED)
    made.source.execute("INSERT INTO shop.t (v) VALUES ('before')")
    made.wait_in_sync()
    go_on_at_the_end(made)
    return made


def rows(lab: Lab, winner: str = "source") -> Any:
    return (lab.replica if winner == "replica" else lab.source).query("SELECT * FROM shop.t ORDER BY id")


def refused(lab: Lab, folder: Path, code: str) -> None:
    """Nothing is done without a choice, which is asked for."""
    before = picture(lab)
    run = gtid(lab, folder / "refused")
    assert run.code != 0 and picture(lab) == before, run.output
    assert code in result(run)["line"] and "repair_winner=source" in str(result(run)["would_allow"]), result(run)


@full_matrix
@pytest.mark.parametrize(("winner", "applied"), [("replica", ["replay", "repoint"]), ("source", ["roll_back_reset"])])
def test_a_lost_tail_is_kept_or_undone_by_choice(lab: Lab, winner: str, applied: List[str], tmp_path: Path) -> None:
    faults.lose_tail(lab, lambda: lab.source.execute(*LOST))
    receiver_error(lab, lab.replica)
    wanted = rows(lab, winner)
    refused(lab, tmp_path, "lost_tail")
    settle(lab, tmp_path, applied, repair_winner=winner, **ALLOWED)
    assert rows(lab) == wanted


@full_matrix
def test_what_the_source_wrote_under_the_numbers_it_lost_is_kept(lab: Lab, tmp_path: Path) -> None:
    faults.lose_tail(lab, lambda: lab.source.execute(*LOST))
    receiver_error(lab, lab.replica)
    lab.source.execute(*NEW)
    wanted = rows(lab)
    refused(lab, tmp_path, "gtid_collision")
    settle(lab, tmp_path, ["roll_back_reset"], repair_winner="source", **ALLOWED)
    assert rows(lab) == wanted


@full_matrix
@pytest.mark.parametrize(("winner", "applied"), [("replica", ["replay"]), ("source", ["roll_back"])])
def test_local_writes_are_kept_or_undone_by_choice(lab: Lab, winner: str, applied: List[str], tmp_path: Path) -> None:
    lab.replica.execute(
        "UPDATE shop.t SET v = 'local' WHERE id = 1", "INSERT INTO shop.t (id, v) VALUES (1000, 'written here')"
    )
    wanted = rows(lab, winner)
    refused(lab, tmp_path, "errant")
    settle(lab, tmp_path, applied, repair_winner=winner, **ALLOWED)
    assert rows(lab) == wanted


def test_what_was_passed_over_by_hand_is_taken_from_the_source(lab: Lab, tmp_path: Path) -> None:
    lab.replica.stop_replica()
    lab.source.execute(
        "INSERT INTO shop.t (id, v) VALUES (400, 'passed over')", "UPDATE shop.t SET v = 'this too' WHERE id = 1"
    )
    go_on_at_the_end(lab)
    lab.source.execute("INSERT INTO shop.t (id, v) VALUES (401, 'applied')")
    lab.replica.wait_until(lambda: rows(lab, "replica")[-1]["id"] == 401, what="the transaction behind them")
    before = picture(lab)
    refused = gtid(lab, tmp_path / "refused", replica_members="")
    assert refused.code != 0 and picture(lab) == before, refused.output
    line = result(refused)["line"]
    assert "gtid_append: the applier runs" in line and "replica_members" in str(result(refused)["would_allow"]), line
    settle(lab, tmp_path, ["fetch"])


@full_matrix
def test_what_was_passed_over_and_put_in_by_hand_counts_as_executed(lab: Lab, tmp_path: Path) -> None:
    lab.replica.stop_replica()
    by_hand = "INSERT INTO shop.t (id, v) VALUES (400, 'passed over')"
    lab.source.execute(by_hand)
    lab.replica.execute_unlogged(by_hand)
    go_on_at_the_end(lab)
    lab.source.execute("INSERT INTO shop.t (id, v) VALUES (401, 'applied')")
    lab.replica.wait_until(lambda: rows(lab, "replica")[-1]["id"] == 401, what="the transaction behind it")
    done = gtid(lab, tmp_path, playbook="reposition")
    assert done.code == 0, done.output
    assert same_sets(lab) and compare(lab.source, lab.replica) == []


@full_matrix
def test_rows_that_are_there_already_are_made_what_the_source_expects(lab: Lab, tmp_path: Path) -> None:
    lab.replica.execute_unlogged("INSERT INTO shop.t (id, v) VALUES (500, 'mine')")
    lab.source.execute("INSERT INTO shop.t (id, v) VALUES (500, 'theirs')")
    words = lab.flavour.words
    lab.replica.wait_until(
        lambda: (lab.replica.replica_status() or {})[words.sql_running] == "No", what="the applier to stop"
    )
    settle(lab, tmp_path, ["heal_failing"])
