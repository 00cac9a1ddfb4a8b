# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs playbooks with forks of one process that has Ansible and the collection loaded: a fourth of the processor time.

For hundreds of plays. It runs the code that the collection had when the process began, so begin a new one afterwards.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

if __name__ != "__main__":
    from .playbook import LIMIT, Run, _environment, read_run

# By default Ansible looks a thousand times a second whether a task has ended, which costs more than the tasks. And
# reading the system's certificates, which none of the plays needs, costs more than the connection.
_POLL = 0.01


class Warm:
    """A process that runs playbooks."""

    def __init__(self) -> None:
        self._top = Path(tempfile.mkdtemp(prefix="replicaops-warm-"))
        (self._top / "results").touch()
        (self._top / "ansible.cfg").write_text("[defaults]\ninternal_poll_interval = %s\n" % _POLL, "utf-8")
        quick = {
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_ACTION_PLUGINS": str(Path(__file__).parent / "action"),
            "ANSIBLE_CONFIG": str(self._top / "ansible.cfg"),
            "SSL_CERT_FILE": os.devnull,
        }
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=self._top, env=_environment(self._top, self._top / "results", quick),
        )  # fmt: skip

    def run_playbook(
        self,
        playbook: str,
        inventory: Mapping[str, Any],
        arguments: Sequence[str] = (),
        environment: Optional[Mapping[str, str]] = None,
    ) -> Run:
        """Run a playbook of the collection as `playbook.run_playbook` does."""
        results, output, hosts = (self._top / name for name in ("results", "output", "inventory.yml"))
        results.write_text("", "utf-8")
        hosts.write_text(json.dumps(inventory), "utf-8")
        argv = ["ansible-playbook", "-i", str(hosts), *arguments, playbook]
        asked = {"argv": argv, "output": str(output), "environment": dict(environment or {}), "limit": LIMIT}
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return read_run(int(self._process.stdout.readline()), output.read_text("utf-8"), results)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        shutil.rmtree(self._top, ignore_errors=True)


def load() -> None:
    """Load what every play needs."""
    from ansible.cli import playbook  # noqa: F401
    from ansible.plugins import loader

    loader.init_plugin_loader()
    package = "ansible_collections.replicaops.mysql.plugins."
    for path in (Path(__file__).resolve().parents[2] / "plugins" / "modules").glob("[a-z]*.py"):
        importlib.import_module(package + "modules." + path.stem)
    importlib.import_module(package + "filter.repair")


def serve() -> None:
    """Answer each line of the standard input, a play, with the code that it ended with."""
    load()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(play(asked))
        _pid, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def play(asked: Dict[str, Any]) -> int:
    """Run one play in this process, which ends with it."""
    from ansible.cli.playbook import PlaybookCLI

    warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already")
    signal.alarm(int(asked["limit"]))
    os.setsid()
    os.environ.update(asked["environment"])
    file = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    try:
        code = PlaybookCLI(asked["argv"]).run()
    except BaseException:  # whatever it was, the caller is told
        traceback.print_exc()
        code = 250
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code or 0)


if __name__ == "__main__":
    serve()
