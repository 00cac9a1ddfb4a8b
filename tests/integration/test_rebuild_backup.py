# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica is built anew from a physical backup, on its own host, while its source is written to."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

import pytest
from integration.conftest import SEED
from integration.playbook import Run, run_playbook
from integration.test_rebuild import STUFF, only_full
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


@pytest.fixture(params=["gtid", "position"])
def lab(flavour: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Servers on hosts that have Python and mariadb-backup, as those of a user."""
    plain = FLAVOURS[flavour]
    if not plain.is_mariadb or plain.package is None:
        pytest.skip("mariadb-backup is for MariaDB")
    packages = (*plain.package.packages, "mariadb-backup", "python3-pymysql")
    name = flavour + "-backup"
    monkeypatch.setitem(FLAVOURS, name, replace(plain, name=name, package=replace(plain.package, packages=packages)))
    with Lab(name, gtid=request.param == "gtid", seed=SEED) as made:
        made.source.execute(*STUFF)
        made.wait_in_sync()
        yield made


def rebuild(server: Server, folder: Path, *more: str, **variables: Any) -> Run:
    """Run the playbook on the replica's own host."""
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
    return run_playbook("replicaops.mysql.rebuild", inventory, arguments, environment=environment)


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


@pytest.mark.parametrize("how", ["diverged", "empty"])
def test_a_replica_is_built_from_a_backup(lab: Lab, tmp_path: Path, how: str) -> None:
    if how == "empty":
        lab.replica.stop_replica()
        lab.replica.execute_unlogged("DROP DATABASE shop", "DROP DATABASE built")
    else:
        lab.replica.execute_unlogged("DELETE FROM built.child", "CREATE DATABASE only_here")
        lab.replica.execute("INSERT INTO built.parent VALUES (77)")
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


GONE = "while test -e /lab/pid; do sleep 0.05; done"


@pytest.mark.parametrize(
    "killed",
    [
        {"rebuild_backup_command": "kill -9 $PPID; sleep 1"},
        {"rebuild_stop_command": "%s; %s; kill -9 $PPID; sleep 1" % (STOP, GONE)},
        {"replica_restart_command": "kill -9 $PPID; sleep 1"},
    ],
)
def test_a_run_that_was_killed_is_run_again(lab: Lab, tmp_path: Path, killed: Any) -> None:
    back_up(lab)
    failed = rebuild(lab.replica, tmp_path, **{**MOST, **killed})
    assert failed.code != 0, failed.output
    down = "rebuild_backup_command" not in killed
    assert lab.replica.is_running() != down
    if down:
        # By a person who knows of nothing: it does not replicate, and says why.
        lab.replica.exec(START)
        lab.replica.wait_ready()
        faults.try_start_replica(lab.replica)
        words = lab.flavour.words
        lab.replica.wait_until(lambda: lab.status(lab.links[0])[words.io_running] == "No", what="the receiver to stop")
        assert "rebuild-unfinished" in str(lab.status(lab.links[0]))
        lab.replica.stop()
    with Writer(lab.source, rate=20) as writer:
        again = rebuild(lab.replica, tmp_path, **MOST)
        writer.wait_for(writer.committed + 5)
    assert again.code == 0, again.output
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
