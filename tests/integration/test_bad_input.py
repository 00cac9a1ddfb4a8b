# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input and runs that are cut short, as a user meets them: a clear error, nothing half-changed, nothing lost."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from integration.conftest import Pair
from integration.held import held
from integration.playbook import Run, run_module, run_playbook
from integration.test_repair import COLUMN, dropped, host, play, result, state, stops
from integration.test_replica_channel import backlog, corrupt
from lab import accounts, cleanup
from lab.accounts import REPAIRER, Account
from lab.compare import compare
from lab.images import ensure_image
from lab.server import Server

CLOSED = "13306"
NOWHERE = "no-such-server.invalid"
COMPARE: Tuple[str, Dict[str, Any]] = ("table_compare", {"tables": ["all"]})
LACKING = Account("lacking", "lacking-secret-4b17", "repairer")


def says(told: Dict[str, Any], code: str, *words: str) -> str:
    """The message of a failure of this kind; it must have these words."""
    assert told["failed"] and told.get("code") == code and not told.get("changed"), told
    for word in words:
        assert word in told["msg"], (word, told["msg"])
    return str(told["msg"])


def failures(run: Run) -> Dict[str, str]:
    """What each host's failed tasks said, the module's own code with it."""
    found: Dict[str, str] = {}
    for task in run.tasks:
        if task.outcome in ("failed", "unreachable"):
            found[task.host] = "%s %s: %s" % (
                found.get(task.host, ""), task.result.get("code", ""), task.result.get("msg", "")
            )  # fmt: skip
    return found


# -- wrong addresses, wrong servers, wrong channels ----------------------------------------------------------------


@pytest.mark.pairs("mariadb-11.8-gtid")
def test_every_wrong_server_is_told_apart_in_one_run(well: Pair, tmp_path: Path) -> None:
    here = host(well.replica)
    hosts = {
        "closed": {**here, "replica_login_port": CLOSED},
        "nowhere": {**here, "replica_login_host": NOWHERE},
        "not_a_replica": host(well.source),
        "unknown_channel": {**here, "replica_channel": "nobody"},
        "itself": {**here, "source_login_host": well.replica.host},
        "good": here,
    }
    given = {"target": "all", "repair_record_dir": str(tmp_path), "replica_same_server": "true"}
    before = state(well)
    run = run_playbook("replicaops.mysql.repair", {"all": {"hosts": hosts}}, ["-vvv", "-e", json.dumps(given)])
    assert run.code != 0 and "Traceback" not in run.output, run.output
    assert state(well) == before and not list(tmp_path.iterdir())
    told = failures(run)
    print(json.dumps(told, indent=1))
    address = "%s:%d" % (well.replica.host, well.replica.port)
    expected = {
        "closed": ("connect", "Could not connect to %s:%s" % (well.replica.host, CLOSED), "2003", "Check host"),
        "nowhere": ("connect", NOWHERE, "2005", "name service"),
        "unknown_channel": ("bad_input", "'nobody'", address),
        "itself": ("identity", address, "is the target itself", "Option source"),
    }
    for name, words in expected.items():
        assert all(word in told[name] for word in words), told[name]
    sums = [task for task in run.tasks if task.name.endswith("Sum up")]
    ended = {task.host: task.result["ansible_facts"]["repair_result"] for task in sums}
    assert ended["good"]["ok"] and ended["good"]["applied"] == []
    assert not ended["not_a_replica"]["ok"] and "no replication channel" in ended["not_a_replica"]["line"]
    for name in (*expected, "not_a_replica"):
        assert name in told["localhost"], told


@pytest.mark.pairs("mysql-9.7-position", "mariadb-10.11-position")
def test_modules_name_the_server_the_number_and_the_remedy(well: Pair, tmp_path: Path) -> None:
    before = state(well)
    change = {"record_dir": str(tmp_path)}
    address = "%s:%d" % (well.replica.host, well.replica.port)
    closed = run_module("replica_channel", well.replica, {"state": "stopped", "login_port": CLOSED, **change})
    says(closed, "connect", "Could not connect to %s:%s" % (well.replica.host, CLOSED), "2003", "Check host and port")
    nowhere = run_module("replica_skip", well.replica, {"errors": [1060], "login_host": NOWHERE, **change})
    says(nowhere, "connect", NOWHERE, "2005", "name service")
    for module, options in (("replica_status", {}), ("replica_skip", {"errors": [1060]})):
        says(run_module(module, well.replica, {**options, "login_host": ""}), "bad_input", "login_host", "no default")
    for module, options in (("replica_skip", {"errors": [1060]}), COMPARE):
        says(run_module(module, well.source, options), "bad_input", "not a replica", well.source.host, "login_host")
    for module, options in (("replica_status", {}), ("replica_skip", {"errors": [1060]}), COMPARE):
        unknown = run_module(module, well.replica, {**options, "channel": "nobody"})
        says(unknown, "bad_input", "'nobody'", address)
    garbage = run_module("replica_channel", well.replica, {"state": "stopped", "state_id": "garbage", **change})
    says(garbage, "state_moved", address, "planned for", "Diagnose again")
    looked = run_module("replica_status", well.source)
    assert not looked["failed"] and looked["verdict"] == "not_a_replica" and well.source.host in looked["msg"]
    assert state(well) == before and not list(tmp_path.iterdir())


@pytest.mark.pairs("mysql-9.7-gtid", "mysql-5.6-position", "mariadb-10.11-gtid")
def test_a_third_server_is_not_the_source(well: Pair, tmp_path: Path) -> None:
    with another_server(well) as other:
        before = state(well)
        for module, options in (("replica_status", {}), ("replica_channel", {"refetch": True}), COMPARE):
            wrong = run_module(module, well.replica, {**options, "source": {"login_host": other.host}})
            says(wrong, "identity", other.host, "replicates from", "proxy")
        assert state(well) == before


SAID = "{{ ansible_failed_result.msg }}"

BAD_VALUES: Tuple[Tuple[str, Dict[str, Any], Tuple[str, ...]], ...] = (
    ("repair", {"repair_max_risk": "foo"}, ("repair_max_risk", "foo", "replica_rows")),
    ("repair", {"repair_strategy": "foo"}, ("repair_strategy", "foo", "refetch")),
    ("repair", {"repair_timeout": "x"}, ("repair_timeout", "x", "int")),
    ("repair", {"repair_state_id": {"localhost": "garbage"}}, ("garbage", "Diagnose again")),
    ("repair", {"repair_start_stopped": "perhaps"}, ("repair_start_stopped", "perhaps")),
    ("skip", {"skip_errors": "abc"}, ("errors", "abc", "int")),
    ("skip", {"skip_errors": "1060", "skip_limit": "many"}, ("skip_limit", "many")),
    ("diagnose", {"diagnose_fail_on": "foo"}, ("diagnose_fail_on", "foo")),
)


@pytest.mark.pairs("mariadb-11.8-position")
def test_values_that_make_no_sense_are_refused(well: Pair, tmp_path: Path) -> None:
    tasks: List[Dict[str, Any]] = [
        {
            "name": "case %d" % number,
            "block": [{"ansible.builtin.include_role": {"name": "replicaops.mysql." + role}, "vars": values}],
            "rescue": [{"name": "refused %d" % number, "ansible.builtin.debug": {"msg": SAID}}],
        }
        for number, (role, values, _unused) in enumerate(BAD_VALUES)
    ]
    one = {"hosts": "all", "gather_facts": False, "tasks": tasks, "vars": {"repair_record_dir": str(tmp_path)}}
    before = state(well)
    run = run_playbook([one], {"all": {"hosts": {"localhost": host(well.replica)}}}, ["-vvv"])
    told = {task.name: str(task.result["msg"]) for task in run.tasks if task.name.startswith("refused")}
    print(json.dumps(told, indent=1))
    for number, (_unused, values, words) in enumerate(BAD_VALUES):
        text = told.get("refused %d" % number, "nothing")
        assert all(word in text for word in words), (values, text)
    assert state(well) == before and not list(tmp_path.iterdir())


@pytest.mark.pairs("mysql-5.6-gtid")
def test_a_limit_that_leaves_out_the_controller_is_refused(well: Pair, tmp_path: Path) -> None:
    before = state(well)
    for playbook in ("repair", "diagnose"):
        limited = play(well, playbook, tmp_path, "--limit", "replica")
        assert limited.code != 0 and "The limit replica leaves out localhost" in limited.output, limited.output
    assert state(well) == before and not list(tmp_path.iterdir())
    allowed = play(well, "diagnose", tmp_path, "--limit", "replica,localhost")
    assert allowed.code == 0, allowed.output


@contextlib.contextmanager
def another_server(pair: Pair) -> Iterator[Server]:
    """A third server on the pair's network, which has nothing to do with the two."""
    lab, around = pair.lab, pair.replica.host.rpartition(".")
    assert lab.network is not None
    other = Server(lab.flavour, 7, "other", "%s.%d" % (around[0], int(around[2]) + 1))
    try:
        other.create(ensure_image(lab.flavour), lab.network, cleanup.labels(lab.name, False))
        other.start()
        yield other
    finally:
        other.close()
        if other.container is not None:
            other.container.remove(force=True)


# -- an account that lacks one privilege ---------------------------------------------------------------------------


@contextlib.contextmanager
def lacking(pair: Pair, privilege: str) -> Iterator[Account]:
    """An account on the replica with everything a repairer needs but for one privilege."""
    flavour = pair.lab.flavour
    table = accounts._table()
    names = [entry.name for entry in table.needed_privileges(flavour.engine, (*flavour.version, 99), "repairer")]
    names.remove(privilege)
    pair.replica.execute_unlogged(
        "CREATE USER %s IDENTIFIED BY '%s'" % (LACKING.sql, LACKING.password),
        "GRANT %s ON *.* TO %s" % (", ".join(names), LACKING.sql),
    )
    try:
        yield LACKING
    finally:
        pair.replica.execute_unlogged("DROP USER %s" % LACKING.sql)


def as_account(pair: Pair, account: Account, module: str, **options: Any) -> Dict[str, Any]:
    """Run a module with this account on the replica and the usual one on the source."""
    told = run_module(module, pair.replica, options, account=account, source_account=REPAIRER)
    assert account.password not in json.dumps(told)
    return told


def starter(pair: Pair) -> str:
    """The privilege without which no thread can be started."""
    if pair.is_mariadb:
        # Before 11.0 SUPER has it, too.
        return "SUPER" if pair.lab.flavour.version < (11, 0) else "REPLICATION SLAVE ADMIN"
    return "SUPER" if pair.lab.flavour.version < (8, 0) else "REPLICATION_SLAVE_ADMIN"


@pytest.mark.modes("position")
def test_a_missing_privilege_is_named_and_the_threads_run_as_before(well: Pair, tmp_path: Path) -> None:
    privilege = starter(well)
    if privilege != "SUPER" or not well.is_mariadb:
        with lacking(well, privilege) as account:
            before = state(well)
            refused = as_account(well, account, "replica_channel", state="stopped", record_dir=str(tmp_path))
            number = "1045" if well.flavour_name == "mysql-5.6" else "1227"
            says(refused, "privilege", "Grant the account %s." % privilege, number, well.replica.host)
            assert state(well) == before
    well.wait_same()


@pytest.mark.pairs("mysql-9.7-position")
def test_a_privilege_missed_half_way_is_named_and_the_threads_run_as_before(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica("IO_THREAD")
    with lacking(well, "RELOAD") as account:
        before = well.status()
        refused = as_account(well, account, "replica_channel", refetch=True, state="started", record_dir=str(tmp_path))
        assert refused["failed"] and refused["code"] == "privilege" and "1227" in refused["msg"], refused
        assert "Grant the account RELOAD." in refused["msg"] and well.replica.host in refused["msg"]
        after = well.status()
        for name in (well.words.sql_running, well.words.io_running, well.words.applied_file, "SQL_Delay"):
            assert after[name] == before[name]
    well.replica.start_replica("IO_THREAD")
    well.wait_same()


@pytest.mark.modes("gtid")
def test_a_skip_without_its_privileges_names_them(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        well.replica.execute_unlogged(COLUMN)
        well.source.execute(COLUMN)
        stops(well)
        privileges = ["CREATE TEMPORARY TABLES"]
        if well.is_mariadb or well.lab.flavour.version < (8, 0):
            privileges.append("SUPER")
        for privilege in privileges:
            with lacking(well, privilege) as account:
                before = state(well)
                refused = as_account(well, account, "replica_skip", errors=[1060], record_dir=str(tmp_path))
                print(privilege, json.dumps(refused, indent=1))
                assert refused["failed"] and privilege in refused["msg"], refused
                assert {**state(well), "binlog": ()} == {**before, "binlog": ()}


# -- two repairs at once -------------------------------------------------------------------------------------------


@pytest.mark.pairs("mariadb-10.11-gtid")
def test_a_second_repair_names_the_first_and_leaves_everything(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica()

    def first(environment: Dict[str, str]) -> Dict[str, Any]:
        return run_module("replica_channel", well.replica, {"state": "started"}, environment=environment)

    with held(tmp_path / "hold", "START ", first) as running:
        before = state(well)
        second = play(well, "repair", tmp_path / "records", repair_start_stopped="true")
        assert second.code != 0 and state(well) == before, second.output
        line = result(second)["line"]
        for word in ("another repair is at work", "of %s from" % REPAIRER.user, well.replica.host, "Wait until"):
            assert word in line, line
        assert not (tmp_path / "records").exists()
        busy = run_module("replica_channel", well.replica, {"state": "started"})
        says(busy, "busy", "connection %d of %s" % (busy["holder_connection_id"], REPAIRER.user), well.replica.host)
        assert not running.release()["failed"]
    well.wait_same()


# -- the server, or the module, is killed in the middle ------------------------------------------------------------


def refetched(pair: Pair, folder: Path) -> Any:
    """Work that fetches relay logs anew."""

    def work(environment: Dict[str, str]) -> Dict[str, Any]:
        options = {"refetch": True, "state": "started", "record_dir": str(folder)}
        return run_module("replica_channel", pair.replica, options, environment=environment)

    return work


def passed(pair: Pair, folder: Path) -> Any:
    """Work that passes a failing transaction."""

    def work(environment: Dict[str, str]) -> Dict[str, Any]:
        options = {"errors": [1060], "record_dir": str(folder)}
        return run_module("replica_skip", pair.replica, options, environment=environment)

    return work


def records(folder: Path) -> List[Dict[str, Any]]:
    """The undo records in a folder, oldest first."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def broken_relay_log(pair: Pair) -> None:
    backlog(pair)
    corrupt(pair)
    pair.replica.start_replica("SQL_THREAD")
    stops(pair)


def broken_definition(pair: Pair) -> None:
    pair.replica.execute_unlogged(COLUMN)
    pair.source.execute(COLUMN)
    pair.write(3)
    stops(pair)


def middle(pair: Pair) -> str:
    """The statement before which a refetch is in its worst moment: by position, when RESET has dropped the point.

    MySQL 5.6 and MariaDB would have lost the whole channel then; there CHANGE does both at once.
    """
    return "CHANGE " if pair.flavour_name == "mysql-9.7" and not pair.gtid else "START "


def lost(told: Dict[str, Any], pair: Pair) -> None:
    """What a module must say when its server went away."""
    assert told["failed"] and told["code"] in ("server", "connect"), told
    assert "Could not " in told["msg"] and "%s:%d" % (pair.replica.host, pair.replica.port) in told["msg"], told
    assert "error log" in told["msg"] or "that the server runs" in told["msg"], told


def healed(pair: Pair, folder: Path, *remedies: str) -> None:
    """A repair by the playbook ends with equal rows, by these remedies."""
    done = play(pair, "repair", folder, repair_start_stopped="true")
    assert done.code == 0, result(done)
    assert result(done)["applied"] == list(remedies), result(done)
    pair.lab.wait_in_sync()
    assert compare(pair.source, pair.replica) == []


@pytest.mark.pairs("mysql-9.7-position", "mysql-5.6-position", "mariadb-10.11-position", "mariadb-11.8-gtid")
def test_a_server_killed_in_the_middle_of_a_refetch(well: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    with dropped(well):
        broken_relay_log(well)
        with held(tmp_path / "hold", middle(well), refetched(well, folder)) as running:
            well.replica.kill()
            told = running.release()
        lost(told, well)
        record = records(folder)[0]
        assert record["outcome"] == "failed" and record["executed"] and record["before"]["channel"]["executed"]
        well.replica.start()
        put_back(well, folder)
        healed(well, folder, "start")


def put_back(pair: Pair, folder: Path) -> None:
    """Where the coordinates are gone nothing starts without them; the undo record still has them."""
    if middle(pair) != "CHANGE ":
        row = pair.status()
        assert row[pair.words.sql_running] == "No" and row[pair.words.applied_file], row
        return
    refused = play(pair, "repair", folder, repair_start_stopped="true")
    assert refused.code != 0 and result(refused)["applied"] == [], result(refused)
    assert "undo playbook" in result(refused)["line"], result(refused)
    row = pair.status()
    assert (row[pair.words.sql_running], row[pair.words.applied_file]) == ("No", "")
    undone = run_module("replica_undo", pair.replica, {"record": str(next(folder.glob("*.json")))})
    assert not undone["failed"] and any("coordinates" in text for text in undone["restored"]), undone


@pytest.mark.pairs("mysql-9.7-gtid", "mysql-5.6-position")
def test_a_server_killed_in_the_middle_of_a_skip(well: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    with dropped(well):
        broken_definition(well)
        with held(tmp_path / "hold", "START ", passed(well, folder)) as running:
            well.replica.kill()
            told = running.release()
        lost(told, well)
        assert records(folder)[0]["outcome"] == "failed"
        well.replica.start()
        # Where an empty transaction was committed it is there after the crash; the counter is lost with the server.
        healed(well, folder, *(["start"] if well.flavour_name == "mysql-9.7" else ["start", "skip_present"]))


@pytest.mark.pairs("mysql-9.7-gtid", "mysql-5.6-position", "mariadb-11.8-position")
def test_a_module_killed_in_the_middle_of_a_skip(well: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    with dropped(well):
        broken_definition(well)
        with held(tmp_path / "hold", "START ", passed(well, folder)) as running:
            assert running.kill() == {"failed": True, "signal": signal.SIGKILL}
        assert records(folder)[0]["outcome"] == "running"
        again = passed(well, tmp_path / "again")({})
        assert not again["failed"] and len(again["passed"]) == 1, again
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []
        assert not passed(well, tmp_path / "again")({})["changed"]


@pytest.mark.pairs("mysql-9.7-position", "mysql-5.6-position", "mariadb-11.8-position")
def test_a_module_killed_in_the_middle_of_a_refetch(well: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    with dropped(well):
        broken_relay_log(well)
        with held(tmp_path / "hold", middle(well), refetched(well, folder)) as running:
            assert running.kill() == {"failed": True, "signal": signal.SIGKILL}
        record = next(folder.glob("*.json"))
        assert records(folder)[0]["outcome"] == "running"
        again = refetched(well, tmp_path / "again")({})
        if middle(well) == "CHANGE ":
            says(again, "refused", "are not known", "undo", well.replica.host)
            undone = run_module("replica_undo", well.replica, {"record": str(record)})
            assert not undone["failed"] and any("coordinates" in text for text in undone["restored"]), undone
            again = refetched(well, tmp_path / "again")({})
        assert not again["failed"], again
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []
