# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's modules within the task's own process, in place of packing and unpacking them for each task.

For many plays of which another test runs the packed kind: the same playbooks, arguments, module code and results.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json

from ansible.module_utils import basic
from ansible.module_utils.common.json import Direction, get_module_encoder
from ansible.plugins.action import ActionBase
from ansible.utils.vars import merge_hash

_PREFIX = "replicaops.mysql."
_PROFILE = "legacy"


class ActionModule(ActionBase):
    """What runs a module that has no action of its own: Ansible loads this in place of its own one of this name."""

    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        name, later = self._task.action, bool(self._task.async_val)
        if name.startswith(_PREFIX) and not later:
            return merge_hash(result, self._run_inside(name, task_vars))
        done = self._execute_module(task_vars=task_vars, wrap_async=later)
        if not later:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return merge_hash(result, done)

    def _run_inside(self, name, task_vars):
        given = dict(self._task.args)
        self._update_module_args(name, given, task_vars)
        encoder = get_module_encoder(_PROFILE, Direction.CONTROLLER_TO_MODULE)
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": given}, cls=encoder).encode()
        basic._ANSIBLE_PROFILE = _PROFILE
        module = importlib.import_module("ansible_collections.replicaops.mysql.plugins.modules." + name[len(_PREFIX) :])
        printed, code = io.StringIO(), 0
        try:
            with contextlib.redirect_stdout(printed):
                module.main()
        except SystemExit as ended:
            code = ended.code
        text = printed.getvalue()
        done = {"rc": code, "stdout": text, "stdout_lines": text.splitlines(), "stderr": "", "stderr_lines": []}
        parsed = self._parse_returned_data(done, _PROFILE)
        parsed.remove_internal_keys()
        return parsed.as_result_dict(for_round_trip=True)
