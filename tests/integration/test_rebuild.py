# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica is built anew while its source is written to: equal afterwards, whatever it was, wherever it broke off."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from integration.conftest import Pair
from integration.playbook import run_module
from integration.rebuilding import (
    FOUR,
    FULL,
    STUFF,
    codes,
    killed_in_the_middle,
    large,
    only_full,
    options,
    play,
    purge,
    rebuild,
)
from integration.test_repair import host, result, state
from lab import faults
from lab.accounts import REBUILDER, REPL
from lab.compare import compare
from lab.load import Writer
from lab.server import Server
from lab.topology import Lab


@pytest.fixture
def fresh(pair: Pair) -> Iterator[Pair]:
    """The shared pair in order, and without what these tests leave on both sides."""
    pair.renew_if_unwell()
    yield pair
    pair.source.execute(*("DROP DATABASE IF EXISTS `%s`" % name for name in ("built", "load", "many")))


def test_a_diverged_replica_is_built_anew_while_its_source_is_written_to(fresh: Pair, tmp_path: Path) -> None:
    fresh.source.execute(*STUFF)
    fresh.lab.wait_in_sync()
    fresh.replica.execute_unlogged("DELETE FROM built.child", "CREATE DATABASE only_here")
    fresh.replica.execute("INSERT INTO built.parent VALUES (77)")
    before, accounts = state(fresh), granted(fresh.replica)
    if FULL:
        planned = rebuild(fresh.replica, tmp_path, "--check")
        assert planned.code == 0, planned.output
    refused = rebuild(fresh.replica, tmp_path)
    assert refused.code != 0 and "Confirm it with -e repair_max_risk=rebuild" in refused.output
    assert "Lost: All data of built, only_here, shop here." in refused.output, refused.output
    assert "transactions that only this server has" in refused.output
    assert state(fresh) == before and not list(tmp_path.iterdir())
    with Writer(fresh.source, rate=50) as writer:
        writer.wait_for(20)
        built = rebuild(fresh.replica, tmp_path, repair_max_risk="rebuild")
        writer.wait_for(writer.committed + 5)
    assert built.code == 0 and "Built anew from source" in built.output, built.output
    assert "with all definitions, views, routines, triggers and events" in built.output
    fresh.lab.wait_in_sync()
    assert compare(fresh.source, fresh.replica) == []
    assert granted(fresh.replica) == accounts, "making routines gives nobody anything"
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".binlog", ".json"]
    kept = next(tmp_path.glob("*.binlog")).read_bytes()
    assert kept.startswith(b"\xfebin") and b"parent" in kept and b"child" not in kept
    (record,) = tmp_path.glob("*.json")
    assert json.loads(record.read_text())["outcome"] == "done"


def granted(server: Server) -> List[Any]:
    """The accounts of a server, and what anybody is granted on single routines."""
    columns = "User, Host, Db, Routine_name, Proc_priv"
    return [
        *server.query("SELECT User, Host FROM mysql.user ORDER BY User, Host"),
        *server.query("SELECT %s FROM mysql.procs_priv ORDER BY %s" % (columns, columns)),
    ]


@pytest.mark.pairs(*FOUR)
def test_an_account_that_may_not_make_all_is_told_before_anything_is_dropped(fresh: Pair, tmp_path: Path) -> None:
    fresh.replica.execute_unlogged("REVOKE EXECUTE, INDEX ON *.* FROM " + REBUILDER.sql)
    try:
        before = state(fresh)
        refused = rebuild(fresh.replica, tmp_path, repair_max_risk="rebuild", rebuild_method="copy")
        assert refused.code != 0 and "the account lacks INDEX, EXECUTE on *.* here" in refused.output, refused.output
        assert "GRANT INDEX, EXECUTE ON *.* to it" in refused.output
        assert state(fresh) == before and not list(tmp_path.iterdir())
    finally:
        fresh.replica.execute_unlogged("GRANT EXECUTE, INDEX ON *.* TO " + REBUILDER.sql)


@pytest.mark.engine("mysql")
@pytest.mark.pairs("mysql-9.7-gtid")
def test_a_source_that_purges_nothing_by_itself_is_waited_for(fresh: Pair, tmp_path: Path) -> None:
    large(fresh.source)
    fresh.lab.wait_in_sync()
    kept = fresh.source.value("SELECT @@GLOBAL.binlog_expire_logs_seconds")
    fresh.source.execute("SET GLOBAL binlog_expire_logs_seconds = 1")
    try:
        refused = rebuild(fresh.replica, tmp_path, "--check", rebuild_method="copy")
        assert refused.code != 0 and "keeps its binlogs for 1 s only" in refused.output, refused.output
        fresh.source.execute("SET GLOBAL binlog_expire_logs_auto_purge = OFF")
        planned = rebuild(fresh.replica, tmp_path, "--check", rebuild_method="copy")
        assert planned.code == 0 and "keeps its binlogs until somebody purges them" in planned.output, planned.output
    finally:
        fresh.source.execute(
            "SET GLOBAL binlog_expire_logs_auto_purge = ON", "SET GLOBAL binlog_expire_logs_seconds = %s" % kept
        )


@only_full
@pytest.mark.pairs(*FOUR)
def test_a_repair_heals_what_was_purged_when_a_rebuild_is_allowed(fresh: Pair, tmp_path: Path) -> None:
    purge(fresh)
    before = state(fresh)
    refused = play("repair", fresh.replica, tmp_path)
    assert refused.code != 0 and "repair_max_risk=rebuild" in refused.output, refused.output
    planned = play("repair", fresh.replica, tmp_path, "--check", repair_max_risk="rebuild")
    assert planned.code == 0 and result(planned)["applied"] == ["rebuild"], planned.output
    assert "The method is copy: it needs only the two servers" in planned.output, planned.output
    assert "DROP DATABASE IF EXISTS `shop`" in planned.output and "Lost: All data of shop here." in planned.output
    gone = "Lost: The binlogs of this server." in planned.output
    assert gone == (fresh.gtid or fresh.is_mariadb), planned.output
    assert state(fresh) == before
    with Writer(fresh.source, rate=20):
        repaired = play("repair", fresh.replica, tmp_path, repair_max_risk="rebuild")
    assert repaired.code == 0, repaired.output
    assert (result(repaired)["applied"], result(repaired)["proof"]) == (["rebuild"], "fully_verified")
    fresh.lab.wait_in_sync()
    assert compare(fresh.source, fresh.replica) == []


@only_full
@pytest.mark.pairs(*FOUR)
@pytest.mark.parametrize("victim", ["donor", "replica", "module"])
def test_whatever_is_killed_in_the_middle_the_next_run_succeeds(fresh: Pair, tmp_path: Path, victim: str) -> None:
    large(fresh.source)
    fresh.lab.wait_in_sync()
    killed_in_the_middle(
        fresh, tmp_path, options(tmp_path), victim, lambda progress: int(progress.get("rows", 0)) >= 1000
    )
    # Started by itself or by a person, it does not replicate into half a copy.
    faults.try_start_replica(fresh.replica)
    fresh.replica.wait_until(
        lambda: fresh.status()[fresh.words.io_running] == "No", what="the receiver to stop at a binlog that is nowhere"
    )
    assert "rebuild_unfinished" in codes(fresh.replica)
    with Writer(fresh.source, rate=20) as writer:
        if victim == "donor":
            again = play("repair", fresh.replica, tmp_path, repair_max_risk="rebuild")
            assert again.code == 0 and result(again)["applied"] == ["rebuild"], again.output
        else:
            done = run_module("replica_rebuild", fresh.replica, options(tmp_path))
            assert not done["failed"], done
        writer.wait_for(writer.committed + 5)
    fresh.lab.wait_in_sync()
    assert compare(fresh.source, fresh.replica) == []
    assert "rebuild_unfinished" not in codes(fresh.replica)


@only_full
def test_a_full_disk_ends_it_with_a_clear_error(flavour: str, tmp_path: Path) -> None:
    with Lab(flavour, disk_size="400m") as lab:
        # The replica has none of it, so that dropping what it has makes no room.
        lab.replica.stop_replica()
        large(lab.source)
        faults.fill_disk(lab.replica, 8 << 20)
        failed = run_module("replica_rebuild", lab.replica, options(tmp_path))
        assert failed["failed"] and "Run the rebuild again" in failed["msg"], failed
        assert "rebuild_unfinished" in codes(lab.replica)
        faults.free_disk(lab.replica)
        done = run_module("replica_rebuild", lab.replica, options(tmp_path))
        assert not done["failed"], done
        lab.wait_in_sync()
        assert compare(lab.source, lab.replica) == []


@only_full
def test_a_replica_is_the_donor_where_it_can_be_and_a_server_with_others_below_is_refused(
    flavour: str, tmp_path: Path
) -> None:
    with Lab(flavour, "fan", gtid=True) as lab:
        lab.source.execute(*STUFF)
        lab.wait_all_in_sync()
        other = {**host(lab.replicas[1]), "name": "twin"}
        member = {"name": "twin", "login_host": other["replica_login_host"], "login_port": 3306}
        chosen = {**options(tmp_path), "members": [member]}
        refused = run_module("replica_rebuild", lab.source, chosen)
        assert refused["failed"], refused
        with Writer(lab.source, rate=20):
            done = run_module("replica_rebuild", lab.replica, chosen)
        assert not done["failed"] and done["donor"] == "twin", done
        lab.wait_all_in_sync()
        assert compare(lab.source, lab.replica) == []
        lab.replicas[1].stop_replica()
        done = run_module("replica_rebuild", lab.replica, chosen, check=True)
        assert done["donor"] == "source" and "does not replicate" in done["msg"], done
        wanted = run_module("replica_rebuild", lab.replica, {**chosen, "donor": "twin"}, check=True)
        assert wanted["failed"] and wanted["code"] == "refused", wanted
    with Lab(flavour, "chain", gtid=True) as lab:
        refused = run_module("replica_rebuild", lab.replica, options(tmp_path), check=True)
        assert refused["failed"] and "servers replicate from it" in refused["msg"], refused


@contextmanager
def supervised(server: Server) -> Iterator[None]:
    """Start a server again whenever it has ended, as a person would who watches it."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            if not server.is_running():
                server.start()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


@only_full
@pytest.mark.engine("mysql")
@pytest.mark.pairs("mysql-9.7-gtid", "mysql-9.7-position")
def test_a_replica_is_cloned_and_keeps_its_channel_and_its_identity(fresh: Pair, tmp_path: Path) -> None:
    fresh.source.execute(*STUFF)
    fresh.lab.wait_in_sync()
    fresh.replica.execute_unlogged("DELETE FROM built.child")
    chosen = {**options(tmp_path), "method": "clone", "source_password": REPL.password}
    refused = run_module("replica_rebuild", fresh.replica, chosen)
    assert refused["failed"] and "INSTALL PLUGIN clone" in refused["msg"], refused
    fresh.source.execute("INSTALL PLUGIN clone SONAME 'mysql_clone.so'")
    try:
        lacking = run_module("replica_rebuild", fresh.replica, {**options(tmp_path), "method": "clone"})
        assert lacking["failed"] and "source_password" in lacking["msg"], lacking
        before, was = state(fresh), fresh.replica.value("SELECT @@server_uuid")
        planned = run_module("replica_rebuild", fresh.replica, chosen, check=True)
        assert planned["changed"] and not planned["failed"] and state(fresh) == before, planned
        with Writer(fresh.source, rate=20) as writer, supervised(fresh.replica):
            done = run_module("replica_rebuild", fresh.replica, chosen)
            assert not done["failed"], done
            writer.wait_for(writer.committed + 5)
        fresh.lab.wait_in_sync()
        assert compare(fresh.source, fresh.replica) == []
        assert fresh.replica.value("SELECT @@server_uuid") == was
        assert fresh.replica.query("SELECT * FROM performance_schema.persisted_variables") == []
        assert done["after"]["settings"] == done["before"]["settings"]
    finally:
        fresh.source.execute("UNINSTALL PLUGIN clone")
        fresh.replica.execute_unlogged("UNINSTALL PLUGIN clone")
