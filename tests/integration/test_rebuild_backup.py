# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica is built anew from a physical backup, on its own host, while its source is written to."""

from __future__ import annotations

import json
import struct
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest
from integration.conftest import SEED
from integration.playbook import Run, run_playbook
from integration.rebuilding import STUFF, by_others, only_full, spoil
from integration.test_repair import result
from lab import faults
from lab.accounts import ADMIN, REBUILDER
from lab.compare import compare
from lab.flavours import FLAVOURS
from lab.load import Writer
from lab.server import Server
from lab.topology import Lab

PLUGINS = Path(__file__).resolve().parent / "connection"
BACKUP = (
    "mariadb-backup --backup --stream=xbstream --user=%s --password=%s --host=%%s --datadir=/lab/data"
    " --target-dir=/lab/tmp/backup > /lab/full.xb 2> /lab/backup.log || { tail -n 5 /lab/backup.log; exit 1; }"
    % (ADMIN.user, ADMIN.password)
)
STOP = "kill -TERM $(cat /lab/pid)"
START = "cd /lab/data && setsid mariadbd --defaults-file=/lab/my.cnf --user=mysql > /lab/output.log 2>&1 < /dev/null &"
MOST = {"rebuild_method": "backup", "repair_max_risk": "rebuild"}

pytestmark = [only_full, pytest.mark.engine("mariadb")]


@contextmanager
def hosts(flavour: str, gtid: bool, **more: Any) -> Iterator[Lab]:
    """Servers on hosts that have Python and mariadb-backup, as those of a user."""
    plain = FLAVOURS[flavour]
    if not plain.is_mariadb or plain.package is None:
        pytest.skip("mariadb-backup is for MariaDB")
    packages = (*plain.package.packages, "mariadb-backup", "python3-pymysql")
    name = flavour + "-backup"
    with pytest.MonkeyPatch.context() as patch:
        equipped = replace(plain, name=name, package=replace(plain.package, packages=packages))
        patch.setitem(FLAVOURS, name, equipped)
        with Lab(name, gtid=gtid, seed=SEED, **more) as made:
            made.source.execute(*STUFF)
            made.wait_in_sync()
            yield made


@pytest.fixture(params=["gtid", "position"])
def lab(flavour: str, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A pair in each mode."""
    with hosts(flavour, request.param == "gtid") as made:
        yield made


@pytest.fixture
def one(flavour: str) -> Iterator[Lab]:
    """A pair, each flavour in another mode: for what is the same in both."""
    with hosts(flavour, flavour == "mariadb-10.11") as made:
        yield made


def rebuild(server: Server, folder: Path, *more: str, playbook: str = "rebuild", **variables: Any) -> Run:
    """Run a playbook on the replica's own host."""
    assert server.container is not None
    host = {
        "ansible_connection": "lab",
        "ansible_host": server.container.name,
        "ansible_python_interpreter": "/usr/bin/python3",
        "replica_login_host": server.host,
        "replica_login_port": "3306",
        "replica_login_user": REBUILDER.user,
        "replica_login_password": REBUILDER.password,
        "replica_restart_command": START,
    }
    given = {
        "target": "replica",
        "repair_record_dir": str(folder),
        "repair_timeout": "60",
        "rebuild_stop_command": STOP,
        "rebuild_backup_command": "cat /lab/full.xb",
        "rebuild_backup_dir": "/lab/rebuild",
        **variables,
    }
    environment = {"ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS)}
    inventory = {"all": {"hosts": {"replica": host}}}
    arguments = ["-e", json.dumps(given), *more]
    return run_playbook("replicaops.mysql." + playbook, inventory, arguments, environment=environment)


def back_up(lab: Lab) -> None:
    """Take a backup of the source and bring it to the replica's host."""
    lab.source.exec(BACKUP % lab.source.host)
    names = [server.container.name for server in (lab.source, lab.replica) if server.container is not None]
    carry = "docker exec %s cat /lab/full.xb | docker exec -i %s sh -c 'cat > /lab/full.xb'" % (names[0], names[1])
    subprocess.run(["bash", "-o", "pipefail", "-c", carry], check=True)


def everything(server: Server) -> str:
    """What a run that changes nothing must leave: the files of the host, the channel and what is in the server."""
    files = server.read("cd /lab && find . -maxdepth 2 -not -name 'ib_*' -not -name 'relay*' | sort")
    variables = server.query("SELECT @@GLOBAL.gtid_slave_pos, @@GLOBAL.gtid_binlog_state, @@GLOBAL.read_only")
    schemas = server.query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 1")
    return repr((files, variables, schemas, server.coordinates()))


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


def again(lab: Lab, folder: Path, since: Tuple[str, int], **variables: Any) -> None:
    """Run it again with nothing in its way: it succeeds, and nobody but the writers wrote to the source."""
    with Writer(lab.source, rate=20) as writer:
        done = rebuild(lab.replica, folder, **{**MOST, **variables})
        writer.wait_for(writer.committed + 5)
    assert done.code == 0, done.output
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
    assert not by_others(lab.source, since)
    assert lab.replica.exec("test -e /lab/rebuild", check=False)[0] == 1


GONE = "while test -e /lab/pid; do sleep 0.05; done"
KILL = "kill -9 $PPID; sleep 1"


def down_and_started_by_a_person(lab: Lab) -> None:
    """The server is stopped. By somebody who knows of nothing: it does not replicate, and says why."""
    assert not lab.replica.is_running()
    lab.replica.exec(START)
    lab.replica.wait_ready()
    points_nowhere(lab)
    lab.replica.stop()


def points_nowhere(lab: Lab) -> None:
    """Its receiver stops where nothing is, whoever starts it."""
    faults.try_start_replica(lab.replica)
    words = lab.flavour.words
    lab.replica.wait_until(lambda: lab.status(lab.links[0])[words.io_running] == "No", what="the receiver to stop")
    assert "rebuild-unfinished" in str(lab.status(lab.links[0]))


@pytest.mark.parametrize(
    "killed",
    [
        {"rebuild_backup_command": KILL},
        {"rebuild_stop_command": "%s; %s; %s" % (STOP, GONE, KILL)},
        {"replica_restart_command": KILL},
    ],
)
def test_a_run_that_was_killed_is_run_again(one: Lab, tmp_path: Path, killed: Any) -> None:
    back_up(one)
    since = one.source.coordinates()
    failed = rebuild(one.replica, tmp_path, **{**MOST, **killed})
    assert failed.code != 0, failed.output
    if "rebuild_backup_command" in killed:
        assert one.replica.is_running()
    else:
        down_and_started_by_a_person(one)
    again(one, tmp_path, since)


# The real program is ended when it has begun to bring the files to one point.
KILLED = """#!/bin/sh
case "$*" in *--prepare*) ;; *) exec /usr/bin/mariadb-backup "$@" ;; esac
mkfifo /tmp/said
/usr/bin/mariadb-backup "$@" > /tmp/said 2>&1 &
while read -r line; do
  echo "$line" >&2
  case "$line" in *"for recovery"*) kill -9 $! ;; esac
done < /tmp/said
wait $!
"""


def test_a_prepare_that_was_killed_changes_nothing(one: Lab, tmp_path: Path) -> None:
    back_up(one)
    since, before = one.source.coordinates(), everything(one.replica)
    one.replica.exec(["sh", "-c", 'printf %s "$1" > /usr/local/bin/mariadb-backup', "sh", KILLED])
    one.replica.exec("chmod 755 /usr/local/bin/mariadb-backup")
    failed = rebuild(one.replica, tmp_path, **MOST)
    assert failed.code != 0 and "Could not prepare the backup" in failed.output, failed.output
    assert "was killed" in failed.output or "code 137" in failed.output or "code -9" in failed.output, failed.output
    assert everything(one.replica) == before
    one.replica.exec("rm /usr/local/bin/mariadb-backup")
    again(one, tmp_path, since)


def chunks(stream: bytes) -> Iterator[Tuple[int, str]]:
    """Where each chunk of an xbstream begins, and of which file it is."""
    at = 0
    while at < len(stream):
        magic, _flags, kind, length = struct.unpack_from("<8sB1sI", stream, at)
        assert magic == b"XBSTCK01"
        name = stream[at + 14 : at + 14 + length].decode()
        yield at, name
        at += 14 + length
        if kind != b"E":
            (size,) = struct.unpack_from("<Q", stream, at)
            at += 20 + size


def test_a_stream_that_was_cut_short_is_refused(one: Lab, tmp_path: Path) -> None:
    back_up(one)
    since, before = one.source.coordinates(), everything(one.replica)
    assert one.replica.container is not None
    command = ["docker", "exec", one.replica.container.name, "cat", "/lab/full.xb"]
    found = list(chunks(subprocess.run(command, check=True, capture_output=True).stdout))
    # In the middle of a chunk, between two of them, and before each of the last files.
    middle = found[len(found) // 2][0]
    last = list(dict.fromkeys(name for _at, name in found))[-4:]
    cuts = [middle + 20, middle, *(min(at for at, name in found if name == wanted) for wanted in last)]
    for cut in sorted(set(cuts)):
        failed = rebuild(one.replica, tmp_path, **MOST, rebuild_backup_command="head -c %d /lab/full.xb" % cut)
        assert failed.code != 0 and everything(one.replica) == before, (cut, failed.output)
        assert "the backup" in failed.output and "Traceback" not in failed.output, failed.output
    again(one, tmp_path, since)


def test_a_full_disk_ends_it_before_anything_is_changed(flavour: str, tmp_path: Path) -> None:
    with hosts(flavour, flavour == "mariadb-11.8", disk_size="500m") as lab:
        back_up(lab)
        since, before = lab.source.coordinates(), everything(lab.replica)
        faults.fill_disk(lab.replica, 16 << 20)
        failed = rebuild(lab.replica, tmp_path, **MOST)
        assert failed.code != 0 and "Could not receive the backup" in failed.output, failed.output
        assert "No space left on device" in failed.output, failed.output
        faults.free_disk(lab.replica)
        assert everything(lab.replica) == before
        again(lab, tmp_path, since)


ANSWERS = "python3 -c 'import socket; socket.create_connection((\"%s\", 3306), 2)'"
# Waits until somebody who saw the mark has ended a server.
ENDED = "touch /lab/mark; while " + ANSWERS + "; do :; done"


@contextmanager
def killing(lab: Lab, victim: Server) -> Iterator[None]:
    """Kill a server when the replica's host says that it is time."""

    def kill() -> None:
        lab.replica.wait_until(lambda: lab.replica.read("ls /lab/mark 2> /dev/null"), 120, "the mark")
        victim.kill()

    watcher = threading.Thread(target=kill)
    watcher.start()
    try:
        yield
    finally:
        watcher.join()
        lab.replica.exec("rm -f /lab/mark")


@pytest.mark.parametrize("victim", ["source", "replica"])
def test_a_server_that_is_killed_while_the_backup_comes(one: Lab, tmp_path: Path, victim: str) -> None:
    back_up(one)
    server = getattr(one, victim)
    since, files = one.source.coordinates(), one.replica.read("ls /lab; ls -d /lab/data/*/")
    with killing(one, server):
        command = "cat /lab/full.xb; " + ENDED % server.host
        failed = rebuild(one.replica, tmp_path, **MOST, rebuild_backup_command=command)
    assert failed.code != 0 and server.host in failed.output and "Traceback" not in failed.output, failed.output
    server.start()
    assert one.replica.read("ls /lab; ls -d /lab/data/*/") == files
    again(one, tmp_path, since)


@pytest.mark.parametrize("victim", ["source", "replica"])
def test_a_server_that_is_killed_when_the_backup_is_in_its_place(one: Lab, tmp_path: Path, victim: str) -> None:
    back_up(one)
    server = getattr(one, victim)
    since = one.source.coordinates()
    with killing(one, server):
        up = START + " until %s; do sleep 0.1; done; " % ANSWERS % server.host
        command = up + ENDED % server.host
        failed = rebuild(one.replica, tmp_path, **MOST, replica_restart_command=command, rebuild_restart_timeout="3")
    assert failed.code != 0 and "Run the rebuild again" in failed.output, failed.output
    if victim == "source":
        server.start()
        one.replica.wait_ready()
        points_nowhere(one)
    else:
        down_and_started_by_a_person(one)
    again(one, tmp_path, since)


def test_an_exchange_that_cannot_go_on_leaves_no_server_that_starts(one: Lab, tmp_path: Path) -> None:
    """Half of the files are moved when something is in the way."""
    one.source.execute("CREATE DATABASE zz", "CREATE TABLE zz.t (id INT PRIMARY KEY)")
    one.wait_in_sync()
    back_up(one)
    since = one.source.coordinates()
    block = "cat /lab/full.xb; mkdir -p /lab/rebuild/old/zz/in_the_way"
    failed = rebuild(one.replica, tmp_path, **MOST, rebuild_backup_command=block)
    assert failed.code != 0 and "Run again, which goes on with it" in failed.output, failed.output
    half = one.replica.read("cd /lab && find data rebuild | sort")
    assert "rebuild/old/mysql/" in half and "data/zz/" in half
    one.replica.exec(START)
    one.replica.wait_until(lambda: "Permission denied" in one.replica.error_log(), what="its refusal")
    assert not one.replica.is_running() and one.replica.read("cd /lab && find data rebuild | sort") == half
    stuck = rebuild(one.replica, tmp_path, **MOST)
    assert stuck.code != 0 and "in_the_way" not in stuck.output and "zz" in stuck.output, stuck.output
    one.replica.exec("rm -r /lab/rebuild/old/zz")
    again(one, tmp_path, since)


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
