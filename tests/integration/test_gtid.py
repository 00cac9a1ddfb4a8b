# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GTID sets that disagree, through the gtid playbook: what each server has, and the repair that is right for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable, List

import pytest
from integration.conftest import SEED
from integration.playbook import Run, run_module, run_playbook
from integration.test_repair import host, result
from lab import faults
from lab.accounts import OBSERVER
from lab.compare import compare
from lab.server import Server
from lab.topology import Lab, Link

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
STRANGER = "33333333-aaaa-bbbb-cccc-000000000003"
LOST = (
    "INSERT INTO shop.t (id, v) VALUES (100, 'lost'), (101, 'too')",
    "UPDATE shop.t SET v = 'changed' WHERE id = 1",
    "DELETE FROM shop.t WHERE id = 101",
)
NEW = (
    "INSERT INTO shop.t (id, v) VALUES (200, 'new')",
    "INSERT INTO shop.t (id, v) VALUES (201, 'new')",
    "INSERT INTO shop.t (id, v) VALUES (202, 'new')",
    "INSERT INTO shop.t (id, v) VALUES (203, 'new')",
)


def gtid(lab: Lab, folder: Path, *more: str, playbook: str = "gtid", target: str = "", **variables: str) -> Run:
    """Run the playbook against a replica, with every server of the lab as a member."""
    hosts = {server.name: host(server) for server in lab.servers}
    given = {
        "target": target or lab.replica.name,
        "replica_members": [server.name for server in lab.servers],
        "repair_record_dir": str(folder),
        "repair_timeout": "60",
        **variables,
    }
    return run_playbook(
        "replicaops.mysql." + playbook, {"all": {"hosts": hosts}}, ["-vvv", "-e", json.dumps(given), *more]
    )


def picture(lab: Lab) -> List[Any]:
    """What must not change where nothing is done."""
    words, shown = lab.flavour.words, []
    for server in lab.servers:
        rows = [(row[words.io_running], row[words.sql_running]) for row in server.query(words.show_status)]
        shown.append((server.gtid_position(), server.coordinates(), rows))
    return shown


def same_sets(lab: Lab) -> bool:
    return len({server.gtid_position() for server in lab.servers}) == 1


def receiver_error(lab: Lab, replica: Server) -> None:
    words = lab.flavour.words
    replica.wait_until(
        lambda: "1236" in str((replica.replica_status() or {})[words.io_error]), what="the receiver to be turned away"
    )


def lost_tail(lab_of: Callable[..., Lab], flavour: str, topology: str = "pair", then: Any = ()) -> Lab:
    """A source that forgot its last transactions, and a replica that has them."""
    lab = lab_of(flavour, topology, gtid=True, seed=SEED)
    faults.lose_tail(lab, lambda: lab.source.execute(*LOST))
    if then:
        lab.source.execute(*then)
    return lab


full_matrix = pytest.mark.skipif(not FULL, reason="minutes of playbooks: only with REPLICA_TEST_MATRIX=full")


def settle(lab: Lab, folder: Path, applied: List[str], **switches: str) -> None:
    """Run the playbook once, see that all is well and what it did, and that a second run has nothing to do."""
    done = gtid(lab, folder / "done", **switches)
    assert done.code == 0 and result(done)["applied"] == applied, done.output
    assert result(done)["proof"] == "rows_proven", result(done)
    lab.source.execute("INSERT INTO shop.t (id, v) VALUES (300, 'after')", "DELETE FROM shop.t WHERE id = 300")
    lab.wait_all_in_sync()
    assert all(compare(lab.source, replica) == [] for replica in lab.replicas)
    assert same_sets(lab) or not lab.gtid
    if FULL:
        before = picture(lab)
        again = gtid(lab, folder / "again", **switches)
        assert again.code == 0 and result(again)["steps"] == [] and picture(lab) == before, again.output


@pytest.mark.parametrize("winner", [pytest.param("replica", marks=full_matrix), "source"])
def test_a_lost_tail_is_kept_or_undone_by_choice(
    lab_of: Callable[..., Lab], flavour: str, winner: str, tmp_path: Path
) -> None:
    lab = lost_tail(lab_of, flavour)
    receiver_error(lab, lab.replica)
    wanted = (lab.replica if winner == "replica" else lab.source).query("SELECT * FROM shop.t ORDER BY id")
    switches = {"repair_winner": winner, "repair_max_risk": "replica_history", "repair_allow_source_write": "true"}
    if FULL:
        before = picture(lab)
        refused = gtid(lab, tmp_path / "refused")
        assert refused.code != 0 and picture(lab) == before, refused.output
        asked = str(result(refused)["would_allow"])
        assert "repair_winner=replica" in asked and "repair_winner=source" in asked
        planned = gtid(lab, tmp_path / "refused", "--check", **switches)
        assert planned.code == 0 and picture(lab) == before and not (tmp_path / "refused").exists(), planned.output
    settle(lab, tmp_path, ["replay", "refetch"] if winner == "replica" else ["roll_back_reset"], **switches)
    assert lab.source.query("SELECT * FROM shop.t ORDER BY id") == wanted


@full_matrix
@pytest.mark.parametrize("written", [1, 4], ids=["some", "all"])
def test_numbers_that_were_given_away_again_are_found_and_their_transactions_undone(
    lab_of: Callable[..., Lab], flavour: str, written: int, tmp_path: Path
) -> None:
    lab = lost_tail(lab_of, flavour, then=NEW[:written])
    if written == len(NEW):
        # Nothing is wrong to be seen: the error went away when the source had as many transactions again.
        lab.replica.stop_replica()
        lab.replica.start_replica()
        lab.wait_in_sync()
        assert same_sets(lab) and compare(lab.source, lab.replica) != []
    else:
        receiver_error(lab, lab.replica)
    wanted = lab.source.query("SELECT * FROM shop.t ORDER BY id")
    before = picture(lab)
    for some in ({}, {"repair_winner": "replica", "repair_allow_source_write": "true"}):
        refused = gtid(lab, tmp_path / "refused", **some)
        assert refused.code != 0 and picture(lab) == before, refused.output
        assert "gtid_collision" in result(refused)["line"], result(refused)
    settle(lab, tmp_path, ["roll_back_reset"], repair_winner="source", repair_max_risk="replica_history")
    assert lab.source.query("SELECT * FROM shop.t ORDER BY id") == wanted


@full_matrix
@pytest.mark.parametrize("strict", [False, True], ids=["silent", "strict"])
def test_local_writes_on_a_replica_of_mariadb_are_undone(
    lab_of: Callable[..., Lab], flavour: str, strict: bool, tmp_path: Path
) -> None:
    if not flavour.startswith("mariadb"):
        pytest.skip("sets of MySQL: test_repair_errant.py")
    lab = lab_of(flavour, "pair", gtid=True, seed=SEED)
    lab.replica.execute(*LOST)
    if strict:
        lab.replica.execute("SET GLOBAL gtid_strict_mode = 1")
        lab.source.execute(NEW[0])
        lab.replica.wait_until(lambda: "1950" in str((lab.replica.replica_status() or {})["Last_SQL_Errno"]))
    wanted = lab.source.query("SELECT * FROM shop.t ORDER BY id")
    before = picture(lab)
    refused = gtid(lab, tmp_path / "refused")
    assert refused.code != 0 and picture(lab) == before, refused.output
    settle(lab, tmp_path, ["roll_back_reset"], repair_winner="source", repair_max_risk="replica_history")
    assert lab.source.query("SELECT * FROM shop.t ORDER BY id") == wanted


@full_matrix
def test_errant_transactions_that_change_nothing_raise_no_alarm(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    if flavour.startswith("mariadb"):
        pytest.skip("sets are MySQL's")
    lab = lab_of(flavour, "pair", gtid=True, seed=SEED)
    lab.replica.execute("ANALYZE TABLE shop.t", "FLUSH STATUS", "OPTIMIZE TABLE shop.t")
    lab.replica.execute("SET gtid_next = '%s:1'" % STRANGER, "BEGIN", "COMMIT", "SET gtid_next = 'AUTOMATIC'")
    before = picture(lab)
    quiet = gtid(lab, tmp_path / "quiet")
    assert quiet.code == 0 and result(quiet)["steps"] == [] and picture(lab) == before, quiet.output
    assert "and they change nothing" in quiet.output and "harmless" in quiet.output
    done = gtid(lab, tmp_path / "done", repair_allow_source_write="true")
    assert done.code == 0 and result(done)["applied"] == ["inject_harmless"], done.output
    lab.wait_all_in_sync()
    assert same_sets(lab) and compare(lab.source, lab.replica) == []
    lab.replica.execute("ANALYZE TABLE shop.t", "CREATE DATABASE stray")
    loud = gtid(lab, tmp_path / "loud")
    assert loud.code != 0 and "CREATE DATABASE stray" in loud.output and same_sets(lab) is False, loud.output
    assert not result(loud)["ok"] and "repair_winner=source" in str(result(loud)["would_allow"]), result(loud)


@full_matrix
def test_what_the_source_has_purged_comes_from_another_member(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, "fan", gtid=True, seed=SEED)
    behind, donor = lab.servers[1:]

    def work() -> None:
        lab.source.execute(*LOST)
        lab.wait_in_sync(donor)
        donor.stop_replica()
        faults.kill_dump_threads(lab.source, donor)

    faults.purge_needed(lab, work, behind)
    donor.start_replica()
    receiver_error(lab, behind)
    running = lab.flavour.words.io_running
    donor.wait_until(lambda: (donor.replica_status() or {})[running] == "Yes", what="the donor's receiver to connect")
    before = picture(lab)
    alone = gtid(lab, tmp_path / "alone", replica_members="")
    assert alone.code != 0 and "no server in" in result(alone)["line"] and picture(lab) == before, alone.output
    planned = gtid(lab, tmp_path / "planned", "--check", repair_max_risk="none")
    assert planned.code == 0 and picture(lab) == before, planned.output
    settle(lab, tmp_path, ["fetch"], repair_max_risk="none")


@full_matrix
@pytest.mark.parametrize("winner", ["replica", "source"])
def test_a_crashed_source_comes_back_as_a_replica_with_transactions_that_nobody_has(
    lab_of: Callable[..., Lab], flavour: str, winner: str, tmp_path: Path
) -> None:
    if flavour.startswith("mariadb"):
        pytest.skip("its own transactions stand in the way of the new source's: test_local_writes_on_a_replica")
    lab = lab_of(flavour, "pair", gtid=True, seed=SEED)
    old, new = lab.servers
    new.stop_replica()
    old.execute(*LOST)
    new.execute(new.replica_sql("RESET", "ALL"))
    new.execute(NEW[0])
    lab.configure(Link(0, 1), new.coordinates())
    old.start_replica()
    old.wait_until(lambda: old.value("SELECT COUNT(*) FROM shop.t WHERE id = 200"), what="the new source's row")
    wanted = (old if winner == "replica" else new).query("SELECT * FROM shop.t ORDER BY id")
    before = picture(lab)
    refused = gtid(lab, tmp_path / "refused", target=old.name)
    assert refused.code != 0 and picture(lab) == before and "2 rows of shop.t" in refused.output, refused.output
    switches = {"replica": {"repair_allow_source_write": "true"}, "source": {"repair_max_risk": "replica_history"}}
    done = gtid(lab, tmp_path / "done", target=old.name, repair_winner=winner, **switches[winner])
    assert done.code == 0, done.output
    assert result(done)["applied"] == [{"replica": "replay", "source": "roll_back_reset"}[winner]], result(done)
    new.execute("INSERT INTO shop.t (id, v) VALUES (300, 'after')", "DELETE FROM shop.t WHERE id = 300")
    old.wait_until(lambda: old.gtid_position() == new.gtid_position(), what="equal sets")
    assert compare(new, old) == [] and new.query("SELECT * FROM shop.t ORDER BY id") == wanted


@pytest.mark.parametrize("form", ["binlog_row_image = MINIMAL", "binlog_format = STATEMENT"])
def test_what_two_servers_logged_in_two_forms_is_undecided(lab_of: Callable[..., Lab], flavour: str, form: str) -> None:
    lab = lab_of(flavour, "pair", gtid=True, seed=SEED)
    with lab.source.connect("root") as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION " + form)
        cursor.execute("UPDATE shop.t SET v = 'short' WHERE id = 1")
        connection.commit()
    lab.wait_all_in_sync()
    options = {"source": {"login_user": OBSERVER.user, "login_password": OBSERVER.password}}
    found = run_module("gtid_compare", lab.replica, options, account=OBSERVER)
    # MySQL 8 and later tell by the time of the first commit that both are one.
    told = flavour == "mysql-9.7"
    assert not found["failed"] and found["agree"] is told, found
    assert {row["state"] for row in found["rows"]} == {"in step", *(() if told else ("undecided",))}, found["rows"]
    said = "The members agree" if told else "logged in two forms that cannot be compared"
    assert said in found["msg"] and ("The members agree" in found["msg"]) is told, found["msg"]
