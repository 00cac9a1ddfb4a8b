# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica is built anew from all binlogs of its source, or it is said why that cannot be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from integration.conftest import SEED, Pair
from integration.playbook import run_module
from integration.rebuilding import (
    FOUR,
    FULL,
    STUFF,
    by_others,
    codes,
    killed_in_the_middle,
    large,
    only_full,
    options,
    play,
    purge,
    rebuild,
    spoil,
)
from integration.test_repair import result, state
from lab import faults
from lab.compare import compare
from lab.load import Writer
from lab.server import DATA, Server
from lab.topology import Lab

APP = "'app'@'10.%'"
REPLAY = {"repair_max_risk": "rebuild", "rebuild_method": "replay"}


@pytest.fixture
def whole(pair: Pair) -> Iterator[Pair]:
    """The shared pair in order, with every binlog of its source; what these tests leave goes."""
    pair.renew_if_unwell()
    if not binlogs(pair)[0].endswith("000001"):
        pair.lab.down()
        pair.lab = pair._new()
    yield pair
    pair.source.execute(*("DROP DATABASE IF EXISTS `%s`" % name for name in ("built", "load")))


def binlogs(pair: Pair) -> list[str]:
    """The source's binlogs, oldest first."""
    return [str(row["Log_name"]) for row in pair.source.query("SHOW BINARY LOGS")]


def seen(pair: Pair) -> Dict[str, Any]:
    """The replica's state; the order in which MySQL lists its tables changes with its accounts."""
    return {name: sorted(map(str, value)) if name == "tables" else value for name, value in state(pair).items()}


def chosen(folder: Path) -> Dict[str, Any]:
    """The module's options."""
    return {**options(folder), "method": "replay"}


@pytest.mark.parametrize("how", ["diverged", *(["empty", "broken"] if FULL else [])])
def test_a_replica_replays_everything_while_its_source_is_written_to(whole: Pair, tmp_path: Path, how: str) -> None:
    whole.source.execute(*STUFF, "CREATE DATABASE IF NOT EXISTS built")
    whole.lab.wait_in_sync()
    spoil(whole.lab, how)
    before = state(whole)
    refused = rebuild(whole.replica, tmp_path, rebuild_method="replay")
    assert refused.code != 0 and "Confirm it with -e repair_max_risk=rebuild" in refused.output, refused.output
    assert "are to be replayed" in refused.output
    assert ("DROP DATABASE IF EXISTS `shop`" in refused.output) == (how != "empty")
    if FULL:
        planned = rebuild(whole.replica, tmp_path, "--check", rebuild_method="replay")
        assert planned.code == 0, planned.output
    assert state(whole) == before and not list(tmp_path.iterdir())
    whole.source.execute("FLUSH LOGS")
    since = whole.source.coordinates()
    with Writer(whole.source, rate=50) as writer:
        writer.wait_for(20)
        built = rebuild(whole.replica, tmp_path, **REPLAY)
        writer.wait_for(writer.committed + 5)
    assert built.code == 0 and "Built anew by replaying" in built.output, built.output
    assert "with all definitions, views, routines, triggers and events" in built.output
    whole.lab.wait_in_sync()
    assert compare(whole.source, whole.replica) == []
    assert not by_others(whole.source, since)
    assert not whole.errant() and "rebuild_unfinished" not in codes(whole.replica)
    assert len(list(tmp_path.glob("*.json"))) == 1 and (how == "empty" or list(tmp_path.glob("*.binlog")))


@only_full
@pytest.mark.pairs(*FOUR)
def test_accounts_that_are_here_are_named_and_those_that_are_not_come(whole: Pair, tmp_path: Path) -> None:
    whole.source.execute(
        "CREATE USER %s IDENTIFIED BY 'old-one-7g'" % APP,
        "GRANT SELECT ON shop.* TO %s" % APP,
        "CREATE USER 'gone'@'%'",
        "SET PASSWORD FOR %s = %s" % (APP, "'new-one-8h'" if whole.flavour_name == "mysql-9.7" else "PASSWORD('new')"),
        "RENAME USER 'gone'@'%' TO 'other'@'%'",
        "DROP USER 'other'@'%'",
    )
    whole.lab.wait_in_sync()
    before = seen(whole)
    refused = run_module("replica_rebuild", whole.replica, chosen(tmp_path))
    assert refused["failed"] and refused["code"] == "refused", refused
    assert "makes the account %s, which exists here" % APP in refused["msg"] and "sql_log_bin = 0" in refused["msg"]
    assert seen(whole) == before
    whole.replica.execute_unlogged("DROP USER %s" % APP)
    with Writer(whole.source, rate=20):
        done = run_module("replica_rebuild", whole.replica, chosen(tmp_path))
    assert not done["failed"], done
    whole.lab.wait_in_sync()
    assert compare(whole.source, whole.replica) == []
    stored = "SHOW GRANTS FOR %s" % APP
    assert whole.source.query(stored) == whole.replica.query(stored)
    whole.source.execute("DROP USER %s" % APP)


@only_full
@pytest.mark.pairs(*FOUR)
def test_what_the_binlogs_do_not_tell_is_named(whole: Pair, tmp_path: Path) -> None:
    """Each time nothing is changed, and the message says what is missing."""

    def refusal() -> str:
        before = seen(whole)
        refused = run_module("replica_rebuild", whole.replica, chosen(tmp_path))
        assert refused["failed"] and refused["code"] == "refused" and seen(whole) == before, refused
        assert not list(tmp_path.glob("*.json"))
        return str(refused["msg"])

    whole.source.execute_unlogged("CREATE DATABASE secret", "CREATE TABLE secret.t (id INT PRIMARY KEY)")
    assert "schema secret has something in it and is made by no binlog" in refusal()
    whole.source.execute_unlogged("DROP TABLE secret.t", "CREATE TABLE shop.unlogged (id INT PRIMARY KEY)")
    assert "table shop.unlogged is made by no binlog" in refusal()
    whole.source.execute_unlogged("DROP TABLE shop.unlogged")
    planned = run_module("replica_rebuild", whole.replica, chosen(tmp_path), check=True)
    assert not planned["failed"] and any("CREATE DATABASE `secret`" in query for query in planned["queries"]), planned
    named = run_module("replica_rebuild", whole.replica, {**chosen(tmp_path), "donor": "nobody"}, check=True)
    assert named["failed"] and "There is no donor" in named["msg"], named
    whole.replica.stop_replica()  # or its receiver meets what follows, at some moment
    whole.source.execute(whole.words.reset_binlog)
    whole.source.execute("CREATE DATABASE IF NOT EXISTS shop", "INSERT INTO shop.t (v) VALUES ('after the reset')")
    assert "shop.t" in refusal()
    faults.purge_binlogs(whole.source)
    assert "does not have every binlog from its beginning" in refusal()


@only_full
@pytest.mark.pairs(*FOUR)
def test_an_applier_that_stops_half_way_is_named_and_a_copy_helps(whole: Pair, tmp_path: Path) -> None:
    whole.source.execute_unlogged("INSERT INTO shop.t VALUES (500, 'nobody sees it')")
    whole.replica.execute_unlogged("INSERT INTO shop.t VALUES (500, 'nobody sees it')")
    whole.source.execute("DELETE FROM shop.t WHERE id = 500")
    whole.lab.wait_in_sync()
    failed = run_module("replica_rebuild", whole.replica, chosen(tmp_path))
    assert failed["failed"] and "the applier stopped with error 10" in failed["msg"], failed
    assert "has begun to replay" in failed["msg"] and failed["changed"], failed
    assert "rebuild_unfinished" not in codes(whole.replica)
    (record,) = tmp_path.glob("*.json")
    assert json.loads(record.read_text())["outcome"] != "done"
    healed = play("rebuild", whole.replica, tmp_path, repair_max_risk="rebuild")
    assert healed.code == 0, healed.output
    assert compare(whole.source, whole.replica) == []
    faults.purge_binlogs(whole.source)  # no other test can replay these


@only_full
@pytest.mark.pairs(*FOUR)
@pytest.mark.parametrize("victim", ["donor", "replica", "module"])
def test_whatever_is_killed_in_the_middle_the_next_run_succeeds(whole: Pair, tmp_path: Path, victim: str) -> None:
    whole.source.execute(*STUFF)
    # The applier takes a while for this statement, so that it can be met in the middle; the source does not.
    with whole.source.connect("root") as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION binlog_format = 'STATEMENT'")
        slow = "IF(@@GLOBAL.server_id = 1, 0, SLEEP(4)) = 0"
        cursor.execute("INSERT INTO shop.t (v) SELECT 'slow' FROM shop.t WHERE id = 1 AND %s" % slow)
    whole.lab.wait_in_sync()
    since = whole.source.coordinates()
    told = killed_in_the_middle(
        whole, tmp_path, {**chosen(tmp_path), "timeout": 5}, victim, lambda progress: progress["stage"] == "replaying"
    )
    assert told is None or "has begun to replay" in told["msg"], told
    with Writer(whole.source, rate=20) as writer:
        again = rebuild(whole.replica, tmp_path, **REPLAY)
        assert again.code == 0 and "Built anew by replaying" in again.output, again.output
        writer.wait_for(writer.committed + 5)
    whole.lab.wait_in_sync()
    assert compare(whole.source, whole.replica) == [] and not by_others(whole.source, since)


@pytest.mark.pairs(*FOUR)
def test_a_repair_takes_another_method_where_the_source_has_purged_its_beginning(whole: Pair, tmp_path: Path) -> None:
    purge(whole)
    why = "the source does not have every binlog from its beginning on"
    before = state(whole)
    if FULL:
        refused = rebuild(whole.replica, tmp_path, **REPLAY)
        assert refused.code != 0 and why in refused.output and "Use method: copy." in refused.output, refused.output
        planned = play("repair", whole.replica, tmp_path, "--check", **REPLAY)
        assert planned.code == 0 and "Not replay: %s" % why in planned.output, planned.output
        assert state(whole) == before and not list(tmp_path.iterdir())
    since = whole.source.coordinates()
    with Writer(whole.source, rate=20) as writer:
        repaired = play("repair", whole.replica, tmp_path, **REPLAY)
        writer.wait_for(writer.committed + 5)
    assert repaired.code == 0, repaired.output
    assert "The method is copy: it needs only the two servers" in repaired.output, repaired.output
    assert "Not replay: %s" % why in repaired.output and "DROP DATABASE IF EXISTS `shop`" in repaired.output
    assert (result(repaired)["applied"], result(repaired)["proof"]) == (["rebuild"], "fully_verified")
    whole.lab.wait_in_sync()
    assert compare(whole.source, whole.replica) == [] and not by_others(whole.source, since)


@only_full
@pytest.mark.pairs(*FOUR)
def test_what_cannot_be_copied_is_replayed_unless_a_copy_was_asked_for(whole: Pair, tmp_path: Path) -> None:
    whole.source.execute("CREATE TABLE shop.old (id INT PRIMARY KEY) ENGINE=MyISAM", "INSERT INTO shop.old VALUES (1)")
    whole.lab.wait_in_sync()
    asked = run_module("replica_rebuild", whole.replica, {**options(tmp_path), "method": "copy"}, check=True)
    assert asked["failed"] and "shop.old is of engine MyISAM" in asked["msg"], asked
    found = run_module("replica_rebuild", whole.replica, options(tmp_path), check=True)
    assert found["method"] == "replay" and "Not copy: shop.old is of engine MyISAM" in found["notes"][0], found
    faults.purge_binlogs(whole.source)
    none = run_module("replica_rebuild", whole.replica, options(tmp_path), check=True)
    assert none["code"] == "refused" and "no method can do it: not copy: shop.old" in none["msg"], none
    assert "not replay: the source does not have every binlog" in none["msg"], none
    whole.source.execute("DROP TABLE shop.old")


@only_full
@pytest.mark.pairs(*FOUR)
def test_a_repair_replays_where_a_rebuild_was_left_half_way(whole: Pair, tmp_path: Path) -> None:
    """Somebody's transaction ends it in the middle; the channel stops with 1236 then, and the repair begins anew."""
    whole.source.execute(*STUFF)
    whole.lab.wait_in_sync()
    with whole.replica.connect("root", autocommit=False) as blocker, blocker.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM shop.t")
        failed = rebuild(whole.replica, tmp_path, **REPLAY)
    assert failed.code != 0 and "Run the rebuild again" in failed.output, failed.output
    faults.try_start_replica(whole.replica)
    whole.replica.wait_until(lambda: whole.status()[whole.words.io_running] == "No", what="the receiver to stop")
    assert "rebuild_unfinished" in codes(whole.replica)
    since = whole.source.coordinates()
    with Writer(whole.source, rate=20) as writer:
        repaired = play("repair", whole.replica, tmp_path, **REPLAY)
        writer.wait_for(writer.committed + 5)
    assert repaired.code == 0 and "The method is replay, as asked for." in repaired.output, repaired.output
    assert (result(repaired)["applied"], result(repaired)["proof"]) == (["rebuild"], "fully_verified")
    whole.lab.wait_in_sync()
    assert compare(whole.source, whole.replica) == [] and not by_others(whole.source, since)


def without_holes(server: Server) -> None:
    """Write InnoDB's files in full, as most file systems do: on a full disk a write into a hole ends the server."""
    server.stop()
    each = "test -f $f && cp -p --sparse=never $f $f.full && mv $f.full $f"
    server.exec("cd %s && for f in ib* undo* aria*; do %s; done; true" % (DATA, each))
    server.start()


@only_full
@pytest.mark.parametrize("what", ["logs", "rows"])
def test_a_full_disk_is_noticed_while_it_replays(flavour: str, tmp_path: Path, what: str) -> None:
    """Where only logs grow, threads wait for room without an error; where tables do, the applier or the server ends.

    Which of both comes first is a race between the threads: behind the logs a table, or a temporary file of a large
    transaction, may find no room, too.
    """
    with Lab(flavour, gtid=flavour in ("mysql-9.7", "mariadb-10.11"), seed=SEED, disk_size="400m") as lab:
        lab.replica.stop_replica()
        without_holes(lab.replica)
        if what == "rows":
            large(lab.source)
        else:
            lab.source.execute("CREATE TABLE shop.u (id INT PRIMARY KEY, v VARCHAR(1000)) ENGINE=InnoDB")
            lab.source.execute(*("INSERT INTO shop.u VALUES (%d, REPEAT('x', 1000))" % number for number in range(100)))
            lab.source.execute(*("UPDATE shop.u SET v = REPEAT('%s', 1000)" % "ab"[number % 2] for number in range(80)))
        since = lab.source.coordinates()
        faults.fill_disk(lab.replica, 6 << 20)
        with Writer(lab.source, rate=20) as writer:
            failed = rebuild(lab.replica, tmp_path, **REPLAY, repair_slice="5")
            assert failed.code != 0 and "run the rebuild again" in failed.output, failed.output
            waits = "its disk is full" in failed.output
            no_room = "Make room there" in failed.output
            assert no_room or (what == "rows" and "full disk ends a server" in failed.output), failed.output
            if what == "logs" and waits:
                assert "Nothing has moved for" in failed.output or "It has not said for" in failed.output
            faults.free_disk(lab.replica)
            if not lab.replica.is_running():
                lab.replica.start()
            # Threads that wait look again every 60 seconds; until then some servers do not show their status.
            lab.replica.wait_until(lab.replica.replica_status, 120, "the status")
            again = rebuild(lab.replica, tmp_path, **REPLAY, repair_timeout="120")
            assert again.code == 0 and "Built anew by replaying" in again.output, again.output
            writer.wait_for(writer.committed + 5)
        lab.wait_in_sync()
        assert compare(lab.source, lab.replica) == [] and not by_others(lab.source, since)
