# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When replica_status runs within the task, what of its options is checked there, and what is masked."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

if sys.version_info < (3, 11):
    pytest.skip("no ansible-core that this collection supports runs on this Python", allow_module_level=True)
pytest.importorskip("ansible")

from ansible import constants as C
from ansible_collections.replicaops.mysql.plugins.action import replica_status as action
from ansible_collections.replicaops.mysql.plugins.module_utils import _module


class Templar:
    """Stands in for Ansible's: templates one expression."""

    def template(self, value):
        return sys.executable if value == "{{ ansible_playbook_python }}" else value


def made(connection=None, task=None, shell="/bin/sh"):
    connection = {"ansible_name": "ansible.builtin.local", "become": None, **(connection or {})}
    task = {"delegate_to": None, "async_val": 0, "environment": [{}, None], "args": {}, **(task or {})}
    play = SimpleNamespace(executable=shell)
    return action.ActionModule(SimpleNamespace(**task), SimpleNamespace(**connection), play, None, Templar())


PYTHON = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    monkeypatch.setattr(_module, "PYMYSQL_ERROR", None)


def test_a_local_look_with_the_controllers_python_is_within_the_task():
    assert made()._is_here(PYTHON)
    assert made()._is_here({"ansible_python_interpreter": sys.executable})


@pytest.mark.parametrize(
    "given",
    [
        {"connection": {"ansible_name": "ansible.builtin.ssh"}},
        {"connection": {"ansible_name": "a.collection.local"}},
        {"connection": {"become": object()}},
        {"task": {"delegate_to": "db2"}},
        {"task": {"async_val": 60}},
        {"task": {"environment": [{}, {"HTTP_PROXY": "x"}]}},
        {"task": {"environment": "{{ proxy }}"}},
        {"shell": "/opt/sh"},
    ],
)
def test_everything_else_about_a_task_is_for_the_module(given):
    assert not made(**given)._is_here(PYTHON)


@pytest.mark.parametrize("python", [None, "", "auto", "auto_silent", "/usr/bin/another", sys.executable + " -E"])
def test_another_python_is_for_the_module(python):
    assert not made()._is_here({} if python is None else {"ansible_python_interpreter": python})


def test_kept_files_another_shell_and_no_library_are_for_the_module(monkeypatch):
    for where, name, value in ((C, "DEFAULT_KEEP_REMOTE_FILES", True), (C, "DEFAULT_EXECUTABLE", "/opt/sh"),
                               (_module, "PYMYSQL_ERROR", "Traceback"), (action, "KNOWN_CORE", False)):  # fmt: skip
        with monkeypatch.context() as other:
            other.setattr(where, name, value)
            assert not made()._is_here(PYTHON), name
    assert made()._is_here(PYTHON)


def test_options_are_checked_as_by_the_module():
    given = {"login_host": "db2", "login_port": "3307", "login_password": "hidden", "allowed_local": "a,b"}
    params, secrets = made(task={"args": {**given, "source": {}}})._checked()
    assert (params["login_port"], params["allowed_local"], params["samples"]) == (3307, ["a", "b"], 2)
    assert params["source"]["login_host"] is None and secrets == {"hidden"}


def test_the_account_comes_from_the_environment_and_its_password_is_a_secret(monkeypatch):
    monkeypatch.setenv("REPLICA_LOGIN_PASSWORD", "from there")
    params, secrets = made(task={"args": {"login_host": "db2"}})._checked()
    assert params["login_password"] == "from there" and secrets == {"from there"}


def test_passwords_of_the_source_and_of_members_are_secrets():
    given = {"source": {"login_password": "s1"}, "members": [{"name": "db3", "login_password": "m1"}]}
    assert made(task={"args": given})._checked()[1] == {"s1", "m1"}


def test_the_name_of_a_user_is_no_secret():
    given = {"login_user": "root", "login_password": "root", "source": {"login_user": "repl", "login_password": "x"}}
    assert made(task={"args": {"login_host": "db2", **given}})._checked()[1] == {"x"}


@pytest.mark.parametrize("wrong", [{"samples": "many"}, {"no_such": 1}, {"members": [{"login_host": "db3"}]}])
def test_wrong_options_are_for_the_module_to_say(wrong):
    assert made(task={"args": {"login_host": "db2", **wrong}})._checked() is None


def test_secrets_are_masked_wherever_they_are_but_truth_is_kept():
    result = {"msg": "as hidden", "changed": False, "channels": [{"name": "hidden"}], "failed": True, "code": None}
    masked = action._masked(result, {"hidden", "True", "False", "None"})
    assert "hidden" not in repr(masked)
    assert (masked["changed"], masked["failed"], masked["code"]) == (False, True, None)


def test_what_a_result_holds_arrives_as_from_a_module():
    carried = action._carried({"a": (1, 2), 3: "x"}, action.Direction.MODULE_TO_CONTROLLER)
    assert carried == {"a": [1, 2], "3": "x"}
