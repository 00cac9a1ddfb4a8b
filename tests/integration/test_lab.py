# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: what it starts replicates, its compare sees what differs, and nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pymysql
import pytest
from lab import accounts, cleanup, faults, load
from lab.compare import compare
from lab.engine import LABEL, LabError, engine, remove_stale_pid_file
from lab.topology import Lab

TESTS = Path(__file__).resolve().parents[1]
SEED = [
    "CREATE DATABASE shop",
    "CREATE TABLE shop.item (id INT PRIMARY KEY, name VARCHAR(30) CHARACTER SET utf8, price DECIMAL(20,4), f FLOAT, "
    "raw VARBINARY(20))",
    "INSERT INTO shop.item VALUES (1, 'one', 1.5, 0.1, 0x00FF), (2, 'two', NULL, NULL, NULL), (-3, '', 0, 1e20, '')",
    "CREATE TABLE shop.log (n INT, note VARCHAR(20))",
    "INSERT INTO shop.log VALUES (1, 'a'), (1, 'a'), (NULL, NULL)",
    "CREATE VIEW shop.cheap AS SELECT id FROM shop.item WHERE price < 2",
]


def things(name: str) -> List[Any]:
    """Return the containers and networks that belong to a lab."""
    wanted = {"label": [LABEL + "=1", f"{cleanup.NAME_LABEL}={name}"]}
    return [*engine().api.containers(all=True, filters=wanted), *engine().api.networks(filters=wanted)]


def test_pair_replicates_and_compare_sees_what_differs(flavour: str) -> None:
    with Lab(flavour, seed=SEED) as lab:
        source, replica = lab.source, lab.replica
        assert compare(source, replica) == []
        faults.break_locally(replica, "UPDATE shop.item SET f = 0.10000001 WHERE id = 1")
        found = compare(source, replica)
        assert len(found) == 1 and "shop.item differs at id=1: f: 0.1" in found[0]
        faults.break_locally(
            replica, "UPDATE shop.item SET f = 0.1 WHERE id = 1", "DELETE FROM shop.log WHERE n = 1 LIMIT 1"
        )
        assert compare(source, replica) == ["row of shop.log only on source: n=1, note='a'"]
        faults.break_locally(replica, "INSERT INTO shop.log VALUES (1, 'a')", "ALTER TABLE shop.item ADD KEY (price)")
        found = compare(source, replica)
        assert len(found) == 1 and found[0].startswith("table shop.item is defined differently")
        faults.break_locally(replica, "ALTER TABLE shop.item DROP KEY price", "DROP VIEW shop.cheap")
        assert compare(source, replica) == ["view shop.cheap only on source"]
        name = lab.name
        assert len(things(name)) == 3
    assert things(name) == []


def test_position_mode_catches_up_after_a_kill(flavour: str) -> None:
    with Lab(flavour, gtid=False, seed=SEED) as lab, load.Writer(lab.source, rate=200) as writer:
        writer.wait_for(20)
        lab.replica.kill()
        assert not lab.replica.is_running()
        lab.replica.start()
        lab.replica.start_replica()
        writer.wait_for(60)
        committed = writer.stop()
        lab.wait_in_sync()
        assert compare(lab.source, lab.replica) == []
        assert lab.replica.value("SELECT COUNT(*) FROM load.w0") > 0 and committed >= 60


def test_faults_are_seen_by_the_server(flavour: str) -> None:
    with Lab(flavour, seed=SEED) as lab:
        words, replica = lab.flavour.words, lab.replica

        def stopped() -> bool:
            return str(lab.status(lab.links[0])[words.sql_running]) == "No"

        faults.cut_link(lab)
        lab.source.execute("INSERT INTO shop.log VALUES (2, 'while cut')")
        replica.wait_until(lambda: str(lab.status(lab.links[0])[words.io_running]) == "Connecting")
        assert compare(lab.source, replica) == ["row of shop.log only on source: n=2, note='while cut'"]
        faults.restore_link(lab)
        lab.wait_in_sync()
        with load.hold_reader(lab, "shop.log"):
            lab.source.execute("ALTER TABLE shop.log ADD more INT")
            load.wait_applier_blocked(replica)
        lab.wait_in_sync()
        faults.corrupt_relay_log(
            lab,
            lambda: lab.source.execute("INSERT INTO shop.log (n) VALUES (3)", "INSERT INTO shop.log (n) VALUES (4)"),
        )
        replica.wait_until(stopped)
        assert "Relay log read failure" in str(lab.status(lab.links[0])[words.sql_error])


def test_accounts_have_exactly_the_grants_of_the_table(flavour: str) -> None:
    with Lab(flavour, "single") as lab:
        server = lab.source
        for account in (accounts.OBSERVER, accounts.REPAIRER):
            with server.connect(account.user) as connection, connection.cursor() as cursor:
                cursor.execute("SHOW GRANTS")
                shown = " ".join(str(value) for row in cursor.fetchall() for value in row.values())
                for statement in accounts.grant_statements(lab.flavour, account):
                    for privilege in statement[len("GRANT ") : statement.index(" ON ")].split(", "):
                        assert privilege in shown, f"{account.user} lacks {privilege}: {shown}"
                with pytest.raises(pymysql.MySQLError) as refused:
                    cursor.execute("CREATE DATABASE not_allowed")
                assert refused.value.args[0] == 1044


def test_a_lab_of_a_dead_process_is_swept(flavour: str) -> None:
    """A process that starts a lab and is ended takes it along (SIGTERM), or the next lab does (SIGKILL)."""
    script = (
        f"from lab.topology import Lab\nwith Lab({flavour!r}, 'single') as lab:\n"
        "    print(lab.name, flush=True)\n    input()\n"
    )
    for number in (signal.SIGTERM, signal.SIGKILL):
        with subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=TESTS,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            name = process.stdout.readline().strip()
            assert len(things(name)) == 2
            process.send_signal(number)
            process.wait(60)
        if number is signal.SIGKILL:
            assert len(things(name)) == 2
            cleanup.sweep()
        assert things(name) == []


def test_a_server_that_cannot_start_is_reported_and_removed(flavour: str) -> None:
    lab = Lab(flavour, "single", options={"no_such_option_of_any_server": 1})
    with pytest.raises(LabError, match="no_such_option_of_any_server"):
        lab.up()
    assert things(lab.name) == []


def test_a_pid_file_that_a_killed_daemon_left_is_removed(tmp_path: Path) -> None:
    pid_file = tmp_path / "docker.pid"
    name = Path(f"/proc/{os.getpid()}/comm").read_text(encoding="utf-8").strip()
    pid_file.write_text(str(os.getpid()), encoding="utf-8")
    assert not remove_stale_pid_file(pid_file, name), "the daemon lives"
    assert remove_stale_pid_file(pid_file, "dockerd"), "the number belongs to another process now"
    assert not pid_file.exists()
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait(30)
    pid_file.write_text(str(ended.pid), encoding="utf-8")
    assert remove_stale_pid_file(pid_file, "dockerd") and not pid_file.exists()
