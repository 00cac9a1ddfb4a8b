#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: definition_repair
short_description: Give tables of a replica the columns that they have on the source
version_added: 0.1.0
description:
  - Compares the columns of named tables of a replica, whose applier has stopped, with those on its source, and shows
    the exact C(ALTER TABLE) that makes them the same (MySQL, MariaDB).
  - With O(state=altered) the statement runs. It is kept out of the replica's own binlog.
  - For an applier that stopped because a column cannot be converted (1677, on MySQL 9.7 13146), or is missing (1054,
    1136). The rows may differ as well; M(replicaops.mysql.table_repair) makes them equal afterwards.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._source.members
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  tables:
    description: The tables, each as C(schema.table).
    type: list
    elements: str
    required: true
  state:
    description:
      - V(checked) shows the statements and writes nothing.
      - V(altered) runs them.
    type: str
    choices: [checked, altered]
    default: checked
  max_rows:
    description: How many rows a table may have whose columns get another type, as their values are tried before.
    type: int
    default: 100000
notes:
  - Nothing is lost without a word. Values of a column that gets another type are put into that type and back in a
    temporary table, and the table is refused when one does not come back as it was. So is a table of which a column
    would be dropped that holds anything but C(NULL). The statement itself runs in strict mode, so that it fails and
    changes nothing where a value does not fit.
  - Refused when the source defines the table anew behind the point that the replica has applied, as how it was there
    is not known; and when servers replicate from this one. Keys are left as they are.
  - The undo record has the definition as it was.
  - The account needs on the replica C(ALTER), C(CREATE) and C(INSERT), which a repairer does not have otherwise (see
    the definer in the documentation of accounts), C(CREATE TEMPORARY TABLES), and what M(replicaops.mysql.row_repair)
    needs.
seealso:
  - module: replicaops.mysql.table_repair
  - module: replicaops.mysql.row_repair
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Show what would make the columns the same
  replicaops.mysql.definition_repair:
    login_host: db2.example.com
    login_user: definer
    login_password: "{{ vault_definer_password }}"
    tables: [shop.orders]

- name: Make them the same
  replicaops.mysql.definition_repair:
    login_host: db2.example.com
    tables: [shop.orders]
    state: altered
    record_dir: /var/lib/replica-repair
"""

RETURN = r"""
msg:
  description: What differed and what was done, in a few sentences.
  returned: always
  type: str
queries:
  description: The statements in the order they ran, or would run in check mode. Never for execution again.
  returned: always
  type: list
  elements: str
  sample: ["SET SESSION sql_log_bin = 0", "ALTER TABLE `shop`.`t` MODIFY COLUMN `v` varchar(20) DEFAULT NULL"]
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
statements:
  description: The C(ALTER TABLE) of each table whose columns differ, in any state.
  returned: success
  type: list
  elements: str
before:
  description: The tables whose columns differed, and their definitions.
  returned: success
  type: dict
after:
  description: The same afterwards; in check mode as they would be.
  returned: success
  type: dict
risk:
  description: What was put at risk, V(none) or V(replica_rows).
  returned: success
  type: str
loses:
  description: What is lost, a sentence each.
  returned: success
  type: list
  elements: str
state_id:
  description: The state that the change was made for.
  returned: success
  type: str
record:
  description: Path of the undo record; empty when none was written.
  returned: success
  type: str
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module as glue
from ansible_collections.replicaops.mysql.plugins.module_utils._core import definition_repair as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change, definition_repair

SPEC: Dict[str, Any] = {
    "tables": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["checked", "altered"], "default": "checked"},
    "max_rows": {"type": "int", "default": 100000},
}


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Compare the columns and alter what differs."""
    params = module.params
    wish = rules.Wish(tuple(params["tables"]), params["state"], params["max_rows"])
    options = glue.change_options(module, "definition_repair")
    with change.target(*glue.target_arguments(module, "alter tables", options), samples=1) as aim:
        members = glue.member_logins(params)
        done = definition_repair.repair(aim, wish, options, lambda channel: glue.source_login(params, channel), members)
        had = {one.label: one.have for one in done.found}
        altered = {one.label: one.wanted for one in done.found} if done.plan.steps else had
        return glue.result(
            module, bool(done.plan.steps), rules.said(done.found, wish.state, done.executed), list(done.queries), had,
            altered, aim.state_id, done.record, statements=[one.statement for one in done.found], risk=done.plan.risk,
            loses=list(done.plan.loses),
        )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = glue.merge(glue.CHANNEL_SPEC, glue.SOURCE_SPEC, glue.CHANGE_SPEC, glue.MEMBERS_SPEC, SPEC)
    glue.run(glue.build_module(spec), converge)


if __name__ == "__main__":
    main()
