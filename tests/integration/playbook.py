# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules and playbooks as a user does, with ``ansible-playbook``, and gives their results back."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from lab.accounts import ACCOUNTS, REPAIRER, Account
from lab.server import Server

if TYPE_CHECKING:
    from .warm import Warm

CHECKOUT = Path(__file__).resolve().parents[2]
CALLBACKS = Path(__file__).resolve().parent / "callback"
LIMIT = 600
_FREE = threading.Lock()
_SHARED: List[Warm] = []


@dataclass(frozen=True)
class Task:
    """One task's result, as the playbook could register it."""

    name: str
    host: str
    outcome: str  # ok, failed, skipped, unreachable
    result: Dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What a run of ansible-playbook came to. ``output`` is everything it printed."""

    code: int
    output: str
    tasks: List[Task]


def assert_no_secret(output: str) -> None:
    """No password of the lab's accounts may be in an output."""
    for account in ACCOUNTS.values():
        assert account.password not in output, "the password of %s is in the output" % account.user


def login(server: Server, account: Account = REPAIRER) -> Dict[str, Any]:
    """The login options that lead to a server."""
    return {
        "login_host": server.host,
        "login_port": server.port,
        "login_user": account.user,
        "login_password": account.password,
    }


def collections_path(top: Path) -> Path:
    """A collections path below ``top`` that holds this checkout under its own name."""
    namespace = top / "collections" / "ansible_collections" / "replicaops"
    namespace.mkdir(parents=True, exist_ok=True)
    link = namespace / "mysql"
    if not link.exists():
        link.symlink_to(CHECKOUT, target_is_directory=True)
    return top / "collections"


def run_playbook(
    plays: Sequence[Mapping[str, Any]] | str,
    inventory: Optional[Mapping[str, Any]] = None,
    arguments: Sequence[str] = (),
    environment: Optional[Mapping[str, str]] = None,
    packed: bool = False,
) -> Run:
    """Run plays (as data), or a playbook by its path or collection name.

    :param inventory: as in a YAML inventory; only localhost by default.
    :param arguments: more arguments of the command, such as ``--check``.
    :param environment: more variables of the environment.
    :param packed: with a command of its own and modules that are packed for each task, which takes four times as long.
    """
    hosts = inventory or {"all": {"hosts": {"localhost": {}}}}
    top = Path(tempfile.mkdtemp(prefix="replicaops-play-"))
    try:
        playbook = plays if isinstance(plays, str) else str(top / "play.yml")
        if not isinstance(plays, str):
            Path(playbook).write_text(json.dumps(plays), encoding="utf-8")
        with _warm(packed or environment is not None) as warm:
            if warm is not None:
                return warm.run_playbook(playbook, hosts, arguments)
        (top / "inventory.yml").write_text(json.dumps(hosts), "utf-8")
        results = top / "results"
        results.touch()
        done = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(top / "inventory.yml"), *arguments,
             playbook],
            cwd=top, env=ansible_environment(top, results, environment), capture_output=True, text=True, timeout=LIMIT,
            check=False,
        )  # fmt: skip
        return read_run(done.returncode, done.stdout + done.stderr, results)
    finally:
        shutil.rmtree(top, ignore_errors=True)


@contextlib.contextmanager
def _warm(not_wanted: bool) -> Iterator[Optional[Warm]]:
    """The process of `warm` that all tests of this process share; None while it is at work, and where not wanted."""
    from .warm import Warm

    if not_wanted or os.environ.get("REPLICA_TEST_PACKED") or not _FREE.acquire(blocking=False):
        yield None
        return
    try:
        if not _SHARED:
            _SHARED.append(Warm())
            atexit.register(_SHARED[0].close)
        yield _SHARED[0]
    finally:
        _FREE.release()


def read_run(code: int, output: str, results: Path) -> Run:
    """A run from what it printed and from the tasks' results in a file; no secret may be in the output."""
    assert_no_secret(output)
    tasks = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return Run(code, output, [Task(task["task"], task["host"], task["outcome"], task["result"]) for task in tasks])


def plain_environment() -> Dict[str, str]:
    """The environment without what would change how Ansible runs."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "REPLICA_"))}


def ansible_environment(top: Path, results: Path, extra: Optional[Mapping[str, str]]) -> Dict[str, str]:
    """The environment in which playbooks run."""
    return {
        **plain_environment(),
        "ANSIBLE_COLLECTIONS_PATH": str(collections_path(top)),
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "results",
        "ANSIBLE_LOCAL_TEMP": str(top / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(top / "remote"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "REPLICAOPS_RESULTS": str(results),
        **(extra or {}),
    }


def run_module(
    module: str,
    server: Server,
    options: Optional[Mapping[str, Any]] = None,
    check: bool = False,
    diff: bool = True,
    account: Account = REPAIRER,
    source_account: Optional[Account] = None,
    environment: Optional[Mapping[str, str]] = None,
) -> Dict[str, Any]:
    """Run one module of the collection against a server as Ansible runs it on a target; its result.

    ``failed`` is always in the result; of a process that was killed there is also the ``signal``. No password of the
    lab may be in what the module prints.

    :param environment: more variables; PYTHONPATH is added to the module's own.
    """
    given = {**login(server, account), **_with_source(options, source_account)}
    arguments = {"ANSIBLE_MODULE_ARGS": {**given, "_ansible_check_mode": check, "_ansible_diff": diff}}
    code, output, errors = _module_process(module, json.dumps(arguments), environment)
    assert_no_secret(output + errors)
    if code < 0:
        return {"failed": True, "signal": -code}
    lines = output.strip().splitlines()
    assert lines and "Traceback" not in errors, output + errors
    result: Dict[str, Any] = json.loads(lines[-1])
    result["failed"] = bool(result.get("failed"))
    assert result["failed"] == (code != 0), output + errors
    return result


def _module_process(module: str, arguments: str, environment: Optional[Mapping[str, str]]) -> Tuple[int, str, str]:
    with _warm(environment is not None) as warm:
        if warm is not None:
            return warm.run_module(module, arguments)
    top = Path(tempfile.mkdtemp(prefix="replicaops-module-"))
    more = dict(environment or {})
    paths = os.pathsep.join(path for path in (more.pop("PYTHONPATH", ""), str(collections_path(top))) if path)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ansible_collections.replicaops.mysql.plugins.modules." + module],
            input=arguments, cwd=top, capture_output=True, text=True, timeout=LIMIT, check=False,
            env={**plain_environment(), **more, "PYTHONPATH": paths},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr
    finally:
        shutil.rmtree(top, ignore_errors=True)


@contextlib.contextmanager
def running_module(module: str, server: Server, options: Mapping[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """A module at work, as a process; it is ended with the block."""
    top = Path(tempfile.mkdtemp(prefix="replicaops-module-"))
    arguments = top / "arguments"
    arguments.touch(mode=0o600)
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**login(server), **options}}), encoding="utf-8")
    try:
        with arguments.open(encoding="utf-8") as standard_input, subprocess.Popen(
            [sys.executable, "-m", "ansible_collections.replicaops.mysql.plugins.modules." + module],
            stdin=standard_input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=top, text=True,
            env={**plain_environment(), "PYTHONPATH": str(collections_path(top))},
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()
    finally:
        shutil.rmtree(top, ignore_errors=True)


def play_module(
    module: str,
    server: Server,
    options: Optional[Mapping[str, Any]] = None,
    check: bool = False,
    diff: bool = True,
    account: Account = REPAIRER,
    source_account: Optional[Account] = None,
    by_environment: bool = False,
) -> Dict[str, Any]:
    """Like `run_module`, in a play at -vvv, with the login in ``module_defaults`` for the group.

    :param by_environment: the account comes from REPLICA_LOGIN_USER and REPLICA_LOGIN_PASSWORD instead.
    """
    defaults = login(server, account)
    environment = {}
    if by_environment:
        environment = {
            "REPLICA_LOGIN_USER": defaults.pop("login_user"),
            "REPLICA_LOGIN_PASSWORD": defaults.pop("login_password"),
        }
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "connection": "local",
        "vars": {"ansible_python_interpreter": sys.executable},
        "module_defaults": {"group/replicaops.mysql.replica": defaults},
        "tasks": [{"name": "the module", "replicaops.mysql." + module: _with_source(options, source_account)}],
    }
    arguments = ["-vvv", *(["--check"] if check else []), *(["--diff"] if diff else [])]
    run = run_playbook([play], arguments=arguments, environment=environment, packed=True)
    done = [task for task in run.tasks if task.name == "the module"]
    assert len(done) == 1, run.output
    result = dict(done[0].result)
    result["failed"] = done[0].outcome != "ok"
    assert "Traceback" not in run.output, run.output
    assert result["failed"] == (run.code != 0), run.output
    return result


def _with_source(options: Optional[Mapping[str, Any]], account: Optional[Account]) -> Dict[str, Any]:
    given = dict(options or {})
    if account is not None:
        given["source"] = {"login_user": account.user, "login_password": account.password}
    return given
