# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs playbooks and modules with forks of one process that has Ansible and the collection loaded.

A fourth of the processor time. It runs the code that the collection had when the process began. Modules run inside the
tasks' processes, unpacked; what is packed and sent as Ansible does it is run by `playbook.play_module`, the tests that
ask for it, those of the rulebook and of AWX, and the demo.
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
from typing import Any, Dict, Mapping, Sequence, Tuple

if __name__ != "__main__":
    from .playbook import LIMIT, Run, ansible_environment, read_run

# By default Ansible looks a thousand times a second whether a task has ended, which costs more than the tasks.
_POLL = 0.01


class Warm:
    """A process that runs playbooks and modules, one at a time."""

    def __init__(self) -> None:
        self._top = Path(tempfile.mkdtemp(prefix="replicaops-warm-"))
        (self._top / "results").touch()
        (self._top / "ansible.cfg").write_text("[defaults]\ninternal_poll_interval = %s\n" % _POLL, "utf-8")
        quick = {
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_ACTION_PLUGINS": str(Path(__file__).parent / "action"),
            "ANSIBLE_CONFIG": str(self._top / "ansible.cfg"),
        }
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=self._top, env=ansible_environment(self._top, self._top / "results", quick),
        )  # fmt: skip

    def run_playbook(
        self,
        playbook: str,
        inventory: Mapping[str, Any],
        arguments: Sequence[str] = (),
    ) -> Run:
        """Run a playbook of the collection as `playbook.run_playbook` does."""
        results, hosts = self._top / "results", self._top / "inventory.yml"
        results.write_text("", "utf-8")
        hosts.write_text(json.dumps(inventory), "utf-8")
        argv = ["ansible-playbook", "-i", str(hosts), *arguments, playbook]
        code, output, errors = self._run({"argv": argv})
        return read_run(code, output + errors, results)

    def run_module(self, module: str, arguments: str) -> Tuple[int, str, str]:
        """Run a module of the collection with its arguments as JSON; its code, its output and its errors."""
        return self._run({"module": module, "arguments": arguments})

    def _run(self, asked: Mapping[str, Any]) -> Tuple[int, str, str]:
        files = [self._top / "output", self._top / "errors"]
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self._process.stdin.write(json.dumps({**asked, "files": [str(file) for file in files], "limit": LIMIT}) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        output, errors = (file.read_text("utf-8", "replace") for file in files)
        return code, output, errors

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
    """Answer each line of the standard input, a play or a module, with the code that it ended with."""
    load()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(alone(asked))
        _pid, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def alone(asked: Dict[str, Any]) -> int:
    """Do what is asked in this process, which ends with it."""
    signal.alarm(int(asked["limit"]))
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in enumerate(asked["files"], 1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    try:
        code = module(asked) if "module" in asked else play(asked)
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # whatever it was, the caller is told
        traceback.print_exc()
        code = 250
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def play(asked: Dict[str, Any]) -> int:
    """Run a playbook."""
    from ansible.cli.playbook import PlaybookCLI

    warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already")
    return int(PlaybookCLI(asked["argv"]).run() or 0)


def module(asked: Dict[str, Any]) -> int:
    """Run a module, which prints its result and ends the process."""
    from ansible.module_utils import basic

    basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = asked["arguments"].encode(), "legacy"
    importlib.import_module("ansible_collections.replicaops.mysql.plugins.modules." + asked["module"]).main()
    return 0


if __name__ == "__main__":
    serve()
