# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain whose middle breaks: the leaf is healed first, or what cannot be checked there is a reason to refuse."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from integration.conflicts import CONFLICTS
from integration.conftest import SEED, Pair
from integration.playbook import run_module
from integration.test_repair import play, result, state
from lab import faults
from lab.accounts import DEFINER, REPAIRER
from lab.compare import compare
from lab.server import Server
from lab.topology import Lab, Link

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
MODES = ("gtid", "position")
HEALED: Dict[str, Any] = {"transactions": {"which": "failing"}, "state": "healed"}
COLUMN = "ALTER TABLE shop.t ADD COLUMN later INT"


class Chain(Pair):
    """Source, middle and leaf; what tests of pairs call the replica is the middle."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.flavour_name, self.mode = lab, lab.flavour.name, "gtid" if lab.gtid else "position"

    @property
    def leaf(self) -> Server:
        """The server below."""
        return self.lab.server("leaf")

    def breaks(self, name: str) -> None:
        """Let the middle stop at a row conflict that is not below."""
        conflict = CONFLICTS[name]
        conflict.prepare_on(self.source)
        self.lab.wait_all_in_sync()
        conflict.break_on(self.replica)
        conflict.go_on(self.source)
        self.stops()

    def stops(self) -> None:
        """Wait until the middle's applier stands still."""
        self.replica.wait_until(lambda: self.status()[self.words.sql_running] == "No", what="the applier to stop")

    def picture(self) -> List[Any]:
        """Everything of the middle and of the leaf that a run which writes nothing must leave as it is."""
        leaf = self.leaf
        tables = [str(row["t"]) for row in leaf.query(
            "SELECT TABLE_NAME AS t FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop' ORDER BY 1"
        )]  # fmt: skip
        rows = [leaf.query("SELECT * FROM shop.`%s` ORDER BY 1" % name) for name in tables]
        return [state(self), leaf.coordinates(), leaf.gtid_position(), rows]

    def all_equal(self) -> None:
        """Everything arrives below, and all three servers hold the same."""
        self.lab.wait_all_in_sync()
        assert compare(self.source, self.replica) == []
        assert compare(self.source, self.leaf) == []


def chain(lab_of: Callable[..., Lab], flavour: str, mode: str) -> Chain:
    return Chain(lab_of(flavour, "chain", gtid=mode == "gtid", seed=SEED))


def skip(made: Chain, **options: Any) -> Dict[str, Any]:
    """Run replica_skip against the middle, with its source named."""
    check = options.pop("check", False)
    options.setdefault("source", {"login_host": made.source.host, "login_port": made.source.port})
    return run_module("replica_skip", made.replica, options, check=check)


in_full = pytest.mark.skipif(not FULL, reason="only with REPLICA_TEST_MATRIX=full")


@pytest.mark.parametrize("mode", MODES if FULL else MODES[:1])
def test_the_leaf_is_healed_first_and_then_the_middle(
    flavour: str, mode: str, lab_of: Callable[..., Lab], tmp_path: Path
) -> None:
    made = chain(lab_of, flavour, mode)
    made.breaks("mixed")
    # The leaf lacks a row that the middle has, and has one of its own.
    made.leaf.execute_unlogged("DELETE FROM shop.mixed WHERE id = 2", "INSERT INTO shop.mixed VALUES (9, 'leaf', 9)")
    before = made.picture()
    planned = run_module("row_repair", made.replica, {**HEALED, "record_dir": str(tmp_path)}, check=True)
    assert made.picture() == before and not list(tmp_path.iterdir())
    done = play(made, "repair", tmp_path)
    assert done.code == 0, done.output
    ended = result(done)
    assert ended["applied"] == ["heal_failing"] and ended["proof"] == "rows_proven", ended
    ran = list(ended["steps"][0]["queries"])
    assert ran[:-1] == planned["queries"] and ran[-1].startswith("START"), "the applier is started by another module"
    below = [query for query in ran if query.startswith("/* on %s:" % made.leaf.host)]
    assert any("BINLOG" in query for query in below) and ran[: len(below)] == below
    made.all_equal()
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(tmp_path.glob("*row_repair.json"))]
    assert len({record["server"]["identity"] for record in records}) == 2, "each server has its own undo record"


@in_full
@pytest.mark.parametrize("mode", MODES)
def test_what_the_middle_wrote_is_below_as_well_and_goes_from_both(
    flavour: str, mode: str, lab_of: Callable[..., Lab], tmp_path: Path
) -> None:
    made = chain(lab_of, flavour, mode)
    made.source.execute("CREATE TABLE shop.logged (id INT PRIMARY KEY, v VARCHAR(20))")
    made.lab.wait_all_in_sync()
    made.replica.execute("INSERT INTO shop.logged VALUES (5, 'by hand')")
    made.lab.wait_in_sync(made.leaf)
    made.source.execute("INSERT INTO shop.logged VALUES (4, 'a'), (5, 'source'), (6, 'b')")
    made.stops()
    done = run_module("row_repair", made.replica, {**HEALED, "record_dir": str(tmp_path)})
    assert not done["failed"] and [one["healed"] for one in done["below"]] == [1], done
    assert len(done["records"]) == 2 and done["record"] == done["records"][-1]
    made.replica.start_replica("SQL_THREAD")
    made.all_equal()


@in_full
@pytest.mark.parametrize("mode", MODES)
def test_in_a_ring_of_three_nothing_is_healed_until_a_chain_is_left(
    flavour: str, mode: str, lab_of: Callable[..., Lab], tmp_path: Path
) -> None:
    made = chain(lab_of, flavour, mode)
    first = made.source
    made.lab.configure(Link(0, 2), made.leaf.coordinates())
    first.start_replica()
    made.breaks("mixed")
    before = state(made)
    healing = {**HEALED, "record_dir": str(tmp_path)}
    refused = run_module("row_repair", made.replica, healing)
    assert refused["failed"] and refused["code"] == "refused" and "(a ring)" in refused["msg"], refused
    assert "so that a chain is left" in refused["msg"] and "reachable" not in refused["msg"]
    assert state(made) == before and not list(tmp_path.iterdir())
    first.stop_replica()
    first.execute(first.replica_sql("RESET", "ALL"))
    for row in made.leaf.query("SELECT ID AS n FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'"):
        made.leaf.execute("KILL %d" % row["n"])
    done = run_module("row_repair", made.replica, healing)
    assert not done["failed"] and done["changed"], done
    made.replica.start_replica("SQL_THREAD")
    made.all_equal()


OBSTACLES = ("it is down", "it is behind", "it filters", "no account")


@pytest.mark.parametrize("obstacle", OBSTACLES if FULL else OBSTACLES[:1])
def test_one_that_cannot_be_checked_is_a_reason_to_refuse(
    flavour: str, obstacle: str, lab_of: Callable[..., Lab], tmp_path: Path
) -> None:
    made = chain(lab_of, flavour, MODES[len(obstacle) % 2])
    made.breaks("mixed")
    leaf, members = made.leaf, []
    if obstacle == "it is down":
        # Nothing is connected any more, so only the members tell.
        members = [{"name": "leaf", "login_host": leaf.host, "login_port": leaf.port}]
        leaf.stop()
    if obstacle == "it is behind":
        leaf.stop_replica("SQL_THREAD")
        made.replica.execute("CREATE TABLE shop.local_only (id INT PRIMARY KEY)")
    if obstacle == "it filters":
        leaf.stop_replica("SQL_THREAD")
        if flavour == "mysql-5.6":
            pytest.skip("MySQL 5.6 takes filters at its start only")
        leaf.execute(
            "SET GLOBAL replicate_ignore_table = 'shop.other'" if made.is_mariadb
            else "CHANGE REPLICATION FILTER REPLICATE_IGNORE_TABLE = (shop.other)"
        )  # fmt: skip
        leaf.start_replica("SQL_THREAD")
    if obstacle == "no account":
        leaf.execute_unlogged("DROP USER %s" % REPAIRER.sql)
    before = state(made)
    options = {"record_dir": str(tmp_path), "members": members}
    healing = {**HEALED, **options}
    refusals = [run_module("row_repair", made.replica, healing), skip(made, errors=[1062, 1032], **options)]
    if FULL:
        refusals += [
            run_module("row_repair", made.replica, healing, check=True),
            skip(made, errors=[1062, 1032], method="idempotent", **options),
            skip(made, errors=[1062, 1032], only_if_effect_present=False, **options),
            run_module("mismatch_repair", made.replica, options),
        ]
    for refused in refusals:
        assert refused["failed"] and refused["code"] == "refused" and refused["replicas_below"], refused
        assert not refused.get("changed") and ("leaf" in refused["msg"] or leaf.host in refused["msg"]), refused
    assert state(made) == before and not list(tmp_path.iterdir())


@in_full
@pytest.mark.parametrize("mode", MODES)
def test_a_definition_is_passed_only_when_it_is_below_as_well(
    flavour: str, mode: str, lab_of: Callable[..., Lab], tmp_path: Path
) -> None:
    made = chain(lab_of, flavour, mode)
    made.replica.execute_unlogged(COLUMN)
    made.source.execute(COLUMN)
    made.stops()
    before = made.picture()
    for options in ({}, {"only_if_effect_present": False, "record_dir": str(tmp_path)}):
        refused = skip(made, errors=[1060], **options)
        assert refused["failed"] and refused["code"] == "refused" and made.leaf.host in refused["msg"], refused
    assert made.picture() == before and not list(tmp_path.iterdir())
    left = play(made, "repair", tmp_path)
    assert left.code != 0 and made.leaf.host in result(left)["line"], left.output
    assert made.picture() == before
    made.leaf.execute_unlogged(COLUMN)
    planned = skip(made, errors=[1060], check=True)
    done = skip(made, errors=[1060])
    assert not done["failed"] and done["queries"] == planned["queries"], done
    made.source.execute("INSERT INTO shop.t (id, v, later) VALUES (77, 'x', 1)")
    made.all_equal()


@in_full
@pytest.mark.parametrize("method", ["auto", "position"])
@pytest.mark.parametrize("mode", MODES)
def test_rows_are_passed_only_when_they_are_below_as_well(
    flavour: str, mode: str, method: str, lab_of: Callable[..., Lab]
) -> None:
    if method == "position" and mode == "gtid" and not flavour.startswith("mariadb"):
        pytest.skip("a position would leave a hole")
    made = chain(lab_of, flavour, mode)
    rows = "INSERT INTO shop.t (id, v) VALUES (50, 'a'), (51, 'b')"
    made.replica.execute_unlogged(rows)
    made.source.execute(rows)
    made.stops()
    before = made.picture()
    refused = skip(made, errors=[1062], method=method)
    assert refused["failed"] and refused["code"] == "refused" and "2 rows of shop.t missing" in refused["msg"], refused
    assert made.leaf.host in refused["msg"] and made.picture() == before
    made.leaf.execute_unlogged(rows)
    done = skip(made, errors=[1062], method=method)
    assert not done["failed"], done
    made.source.execute("INSERT INTO shop.t (id, v) VALUES (77, 'x')")
    made.all_equal()


# What is done on the middle alone, what then fails there, and why it must not be mended.
TABLES = {
    "heal_table": (["DROP TABLE shop.t"], "INSERT INTO shop.t (v) VALUES ('new')", "rows are kept out of its binlog"),
    "alter_definition": (
        ["UPDATE shop.t SET v = NULL", "ALTER TABLE shop.t MODIFY v DATE"],
        "INSERT INTO shop.t (v) VALUES ('new')", "statement is kept out of its binlog",
    ),
}  # fmt: skip
MODULES: Dict[str, Any] = {
    "heal_table": ("table_repair", {"state": "healed", "create_missing": True, "pending": True, "require_all": True}),
    "alter_definition": ("definition_repair", {"state": "altered"}),
}


@in_full
@pytest.mark.parametrize("remedy", TABLES)
def test_whole_tables_are_left_alone_where_anything_replicates_from_here(
    flavour: str, remedy: str, lab_of: Callable[..., Lab], tmp_path: Path
) -> None:
    local, then, why = TABLES[remedy]
    made = chain(lab_of, flavour, MODES[len(remedy) % 2])
    made.replica.execute_unlogged(*local)
    made.source.execute(then)
    made.stops()
    before = made.picture()
    account = {"replica_login_user": DEFINER.user, "replica_login_password": DEFINER.password}
    done = play(made, "repair", tmp_path, repair_alter_definitions="true", **account)
    assert done.code != 0 and result(done)["applied"] == [], done.output
    told = result(done)["line"]
    assert why in told and made.leaf.host in told and "build them anew from here afterwards" in told, told
    assert made.picture() == before and not list(tmp_path.iterdir())
    # Nothing is connected any more, so that only the members tell.
    made.leaf.stop_replica()
    faults.kill_dump_threads(made.replica)
    made.replica.wait_until(lambda: not made.replica.dump_threads(), what="nothing to be connected any more")
    module, options = MODULES[remedy]
    before = made.picture()
    given = {**options, "tables": ["shop.t"], "record_dir": str(tmp_path)}
    given["members"] = [{"name": "leaf", "login_host": made.leaf.host, "login_port": made.leaf.port}]
    for check in (True, False):
        refused = run_module(module, made.replica, given, check=check, account=DEFINER)
        assert refused["failed"] and refused["code"] == "refused" and "member leaf" in refused["msg"], refused
    assert made.picture() == before and not list(tmp_path.iterdir())
