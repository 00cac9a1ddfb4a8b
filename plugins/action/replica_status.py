# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs `replica_status` in the task's own process where the module would run on the controller with the same Python.

To pack the module, to start Python and to compile what was packed takes many times as long as the look itself, for each
host anew. It is the same code with the same options, and it only reads. Whatever is unusual is left to the module.
"""

from __future__ import annotations

import contextlib
import json
import sys
import warnings
from typing import Any, Dict, Mapping, Optional, Set, Tuple

from ansible import constants as C
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import ReplicaError
from ansible_collections.replicaops.mysql.plugins.module_utils._masked_module import user_names, without_secrets
from ansible_collections.replicaops.mysql.plugins.module_utils._server import survey, unfinished
from ansible_collections.replicaops.mysql.plugins.modules import replica_status

try:
    from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder
except ImportError:  # No ansible-core promises them, and the module needs none of them.
    KNOWN_CORE = False
else:
    KNOWN_CORE = True

# What the module loads when it looks: loaded here, all tasks of a run share it.
PRELOADED = (survey, unfinished)

SPEC = _module.merge(_module.LOGIN_SPEC, replica_status.SPEC)


class ActionModule(ActionBase):
    """Runs the module as Ansible runs any other, or here."""

    _supports_async = True

    def run(self, tmp: None = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The result of the module."""
        variables = task_vars or {}
        checked = self._checked() if self._is_here(variables) else None
        if checked is None:
            return self._as_usual(task_vars)
        params, secrets = checked
        self._display.vvv("Running replica_status within the task", host=variables.get("inventory_hostname"))
        with warnings.catch_warnings(), contextlib.chdir(self._loader.get_basedir()):
            warnings.simplefilter("ignore")
            result = _outcome(params)
        if _shows_invocation(variables):
            result["invocation"] = {"module_args": without_secrets(params)}
        return _masked(_carried(result, Direction.MODULE_TO_CONTROLLER), secrets)

    def _as_usual(self, task_vars: Optional[Dict[str, Any]]) -> Dict[str, Any]:
        """The result of the module as Ansible runs any that has no action of its own."""
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.normal",
            task=self._task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result: Dict[str, Any] = action.run(task_vars=task_vars)
        return result

    def _is_here(self, variables: Mapping[str, Any]) -> bool:
        """Whether the module would run on this host, as this user, with this Python and this environment."""
        return (
            self._connection.ansible_name == "ansible.builtin.local"
            and self._connection.become is None
            and not self._task.delegate_to
            and not self._task.async_val
            and not any(self._task.environment or ())
            and KNOWN_CORE
            and _module.PYMYSQL_ERROR is None
            # Who keeps a module's files wants to see the module run, and a shell of one's own may set anything.
            and not C.DEFAULT_KEEP_REMOTE_FILES
            and {C.DEFAULT_EXECUTABLE, self._play_context.executable} == {"/bin/sh"}
            and sys.executable == self._interpreter(variables)
        )

    def _interpreter(self, variables: Mapping[str, Any]) -> Any:
        """The Python that runs this host's modules, as far as somebody has said which."""
        return self._templar.template(C.config.get_config_value("INTERPRETER_PYTHON", variables=variables))

    def _checked(self) -> Optional[Tuple[Dict[str, Any], Set[str]]]:
        """The options as the module gets them, and their secrets; None where there is anything to say about them."""
        given = _carried(self._task.args, Direction.CONTROLLER_TO_MODULE)
        found = ArgumentSpecValidator(SPEC).validate(given)
        if found.error_messages or found._deprecations or found._warnings:
            return None
        params = found.validated_parameters
        return params, set(found._no_log_values) - user_names(params)


def _outcome(params: Mapping[str, Any]) -> Dict[str, Any]:
    try:
        return replica_status.status(params)
    except ReplicaError as error:
        return {"failed": True, **_module.failure(error)}


def _carried(value: Any, direction: Direction) -> Any:
    """A value as it arrives from the controller at a module, or from a module at the controller."""
    text = json.dumps(value, cls=get_module_encoder("legacy", direction))
    return json.loads(text, cls=get_module_decoder("legacy", direction))


def _masked(result: Dict[str, Any], secrets: Set[str]) -> Dict[str, Any]:
    """A result without secrets; a truth value is never taken for one."""
    kept = {key: value for key, value in result.items() if value is None or isinstance(value, bool)}
    masked: Dict[str, Any] = remove_values(result, secrets)
    return {**masked, **kept}


def _shows_invocation(variables: Mapping[str, Any]) -> bool:
    """Whether results have the options; before ansible-core 2.21 they always have."""
    if C.config.get_configuration_definition("INJECT_INVOCATION") is None:
        return True
    return bool(C.config.get_config_value("INJECT_INVOCATION", variables=variables))
