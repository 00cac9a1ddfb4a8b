# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A physical backup, a program, a server or the disk gives out while a replica is built anew; it is run again."""

from __future__ import annotations

import struct
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest
from integration.backing_up import MOST, START, STOP, again, back_up, everything, hosts, rebuild
from integration.rebuilding import large, only_full
from lab import faults
from lab.server import Server
from lab.topology import Lab

pytestmark = [only_full, pytest.mark.engine("mariadb")]


@pytest.fixture
def one(flavour: str) -> Iterator[Lab]:
    """A pair, each flavour in another mode: for what is the same in both."""
    with hosts(flavour, flavour == "mariadb-10.11") as made:
        yield made


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
    # In the middle of a chunk, between two of them, and before each of the last two files.
    middle = found[len(found) // 2][0]
    last = list(dict.fromkeys(name for _at, name in found))[-2:]
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


def test_a_copy_that_has_no_room_is_refused_where_that_can_be_seen(flavour: str, tmp_path: Path) -> None:
    with hosts(flavour, flavour == "mariadb-11.8", disk_size="500m") as lab:
        # The replica has none of it, so that dropping what it has makes no room.
        lab.replica.stop_replica()
        large(lab.source)
        faults.fill_disk(lab.replica, 8 << 20)
        since, before = lab.source.coordinates(), everything(lab.replica)
        refused = rebuild(lab.replica, tmp_path, **{**MOST, "rebuild_method": "copy"})
        assert refused.code != 0 and "MB are free there, what is dropped takes" in refused.output, refused.output
        assert "Make room on the file system of its data directory" in refused.output
        assert everything(lab.replica) == before
        faults.free_disk(lab.replica)
        again(lab, tmp_path, since, rebuild_method="copy")


def test_a_disk_that_fills_up_when_the_server_is_stopped_leaves_it_running(flavour: str, tmp_path: Path) -> None:
    with hosts(flavour, flavour == "mariadb-10.11", disk_size="500m") as lab:
        back_up(lab)
        since = lab.source.coordinates()
        stop = "%s; %s; head -c 600000000 /dev/zero > /lab/filler; true" % (STOP, GONE)
        failed = rebuild(lab.replica, tmp_path, **MOST, rebuild_stop_command=stop)
        assert failed.code != 0 and "Could not take over the files of the channel" in failed.output, failed.output
        assert "No space left on device" in failed.output and "Run the rebuild again" in failed.output
        lab.replica.wait_ready()
        points_nowhere(lab)
        assert "rebuild" not in lab.replica.read("ls /lab").split()
        faults.free_disk(lab.replica)
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
