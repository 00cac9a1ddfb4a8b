#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_exec_mode
short_description: Set how the applier meets row conflicts, without a restart
version_added: 0.1.0
description:
  - Sets C(replica_exec_mode) (MySQL before 8.0.26 and MariaDB C(slave_exec_mode)) of the running server.
  - The mode holds for all channels until the server restarts. The role P(replicaops.mysql.error_policy#role) keeps it
    in an option file, with a reason and a last day.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  exec_mode:
    description:
      - V(STRICT) stops the applier at every conflict.
      - V(IDEMPOTENT) lets conflicts of row events pass without a word, and loses data where an UPDATE meets a missing
        row or a conflict is on a key other than the primary one. Refused while more than one applier runs.
    type: str
    choices: [STRICT, IDEMPOTENT]
    required: true
notes:
  - An applier that runs takes the mode up at its next row event. One that has stopped is not started.
  - O(timeout) is not used.
  - The account needs C(SYSTEM_VARIABLES_ADMIN) (MariaDB C(REPLICATION SLAVE ADMIN), MySQL 5.6 and 5.7 C(SUPER)).
seealso:
  - module: replicaops.mysql.row_repair
  - module: replicaops.mysql.replica_undo
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Stop at every conflict again
  replicaops.mysql.replica_exec_mode:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ vault_repairer_password }}"
    exec_mode: STRICT
"""

RETURN = r"""
msg:
  description: What was done or would be done.
  returned: always
  type: str
  sample: Set replica_exec_mode to STRICT, until the server restarts.
queries:
  description: The statements that ran, or would run in check mode. Never for execution again.
  returned: always
  type: list
  elements: str
  sample: ["SET GLOBAL replica_exec_mode = 'STRICT'"]
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
before:
  description: Name and value of the variable before.
  returned: success
  type: dict
  sample: {"variable": "replica_exec_mode", "exec_mode": "IDEMPOTENT"}
after:
  description: The same afterwards, read again; in check mode as it is expected to be.
  returned: success
  type: dict
  sample: {"variable": "replica_exec_mode", "exec_mode": "STRICT"}
risk:
  description: What the change puts at risk, V(none) or V(replica_rows).
  returned: success
  type: str
loses:
  description: What may be lost, a sentence each.
  returned: success
  type: list
  elements: str
state_id:
  description: The state that the change was computed from.
  returned: success
  type: str
record:
  description: Path of the undo record; empty when none was written.
  returned: always
  type: str
code:
  description: Kind of failure, for programs.
  returned: failure
  type: str
  sample: refused
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from ansible_collections.replicaops.mysql.plugins.module_utils._core.exec_mode import mode_as_dict
from ansible_collections.replicaops.mysql.plugins.module_utils._server import exec_mode

SPEC: Dict[str, Any] = {"exec_mode": {"type": "str", "choices": ["STRICT", "IDEMPOTENT"], "required": True}}


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Bring the mode about."""
    wanted = module.params["exec_mode"]
    options = _module.change_options(module, "replica_exec_mode")
    server, variable, plan, outcome = exec_mode.converge(_module.login_from(module.params), wanted, options)
    return _module.result(
        module, bool(plan.steps), plan.summary, outcome.executed,
        mode_as_dict(server, variable), mode_as_dict(outcome.after, variable, wanted if module.check_mode else None),
        plan.state_id, outcome.record, risk=plan.risk, loses=list(plan.loses),
    )  # fmt: skip


def main() -> None:
    """Run the module."""
    _module.run(_module.build_module(_module.merge(_module.CHANGE_SPEC, SPEC)), converge)


if __name__ == "__main__":
    main()
