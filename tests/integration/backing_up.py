# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share that build a replica anew from a physical backup: hosts with the programs, and runs there."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest
from integration.conftest import SEED
from integration.playbook import Run, run_playbook
from integration.rebuilding import STUFF, by_others
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
