#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gtid_compare
short_description: Tell how the GTID sets of a topology's members differ
version_added: 0.1.0
description:
  - Reads a server, its source and the other members, and tells for each of them, by who numbered the transactions, what
    it is behind with, lacks for good, has alone, or has otherwise than its source (MySQL, MariaDB). Changes nothing.
  - What only one server has counts only if the servers above it still lack it when they are read once more. What needs
    a server that was not read is unknown.
  - Equal sets do not prove equal rows. After a source lost transactions in a crash and gave their numbers away again,
    only the transactions themselves show it, so they are read from both binlogs and compared.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._source.members
  - replicaops.mysql._attributes.read_only
options:
  name:
    description: What to call this server in the table. By default its address.
    type: str
  allowed_local:
    description: UUIDs and tags (MariaDB server ids) of intended local transactions.
    type: list
    elements: str
    default: []
  compare_transactions:
    description:
      - How many of the newest transactions of each server that numbered some are compared one by one between each
        replica and its source. On MariaDB those in the newest 64 MiB of its binlogs. V(0) compares none.
    type: int
    default: 10000
notes:
  - The account needs C(REPLICATION CLIENT) and C(REPLICATION SLAVE) on all servers.
seealso:
  - module: replicaops.mysql.gtid_repair
  - module: replicaops.mysql.binlog_apply
  - module: replicaops.mysql.table_compare
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Tell what every server has
  replicaops.mysql.gtid_compare:
    login_host: db2.example.com
    login_user: observer
    login_password: "{{ vault_observer_password }}"
    members:
      - name: db3
        login_host: db3.example.com
  register: compared

- name: Show it
  ansible.builtin.debug:
    var: compared.report
"""

RETURN = r"""
msg:
  description: All of it in a sentence or two.
  returned: always
  type: str
  sample: The members agree, but for what is on its way.
report:
  description: The table as lines.
  returned: success
  type: list
  elements: str
agree:
  description:
    - Whether nothing disagrees, and nothing is unknown or undecided. V(false) where nothing disagrees means that it
      cannot be told, and RV(msg) says of what.
  returned: success
  type: bool
rows:
  description: The table as data.
  returned: success
  type: list
  elements: dict
  contains:
    server:
      description: The member.
      type: str
      returned: always
    origin:
      description: UUID of the server that numbered the transactions, on MariaDB the domain. Empty for all of them.
      type: str
      returned: always
    state:
      description: >-
        V(in step), V(behind), V(gap), V(hole), V(purged), V(errant), V(harmless), V(lost), V(collision), V(emptied),
        V(undecided) when two servers logged them in forms that cannot be compared, V(allowed) or V(unknown).
      type: str
      returned: always
    gtids:
      description: The transactions.
      type: str
      returned: always
    shown:
      description: What the first of them do, as far as it was read.
      type: list
      elements: str
      returned: always
unknown:
  description: What could not be told and why, a sentence each.
  returned: success
  type: list
  elements: str
needs:
  description:
    - For each replica the oldest binlog of its source that it still needs, and from when on the source may purge it,
      in seconds since 1970; null for never by itself, or not known.
  returned: success
  type: list
  elements: dict
  sample: [{"server": "db2", "source": "db1", "file": "binlog.000007", "expires": 1795340000}]
code:
  description: Kind of failure, for programs.
  returned: failure
  type: str
  sample: bad_input
"""

from dataclasses import replace
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module as glue
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_members as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._server import gtid_compare

SPEC: Dict[str, Any] = {
    "name": {"type": "str"},
    "allowed_local": {"type": "list", "elements": "str", "default": []},
    "compare_transactions": {"type": "int", "default": 10000},
}


def look(module: AnsibleModule) -> Dict[str, Any]:
    """Compare the members."""
    params = module.params
    login = glue.login_from(params)
    found = gtid_compare.compare(
        gtid_compare.Asked(
            login=replace(login, name=params["name"] or login.address),
            channel=params["channel"],
            source_login=lambda channel: glue.source_login(params, channel),
            source_named=glue.source_is_named(params),
            members=tuple(glue.member_logins(params)),
            allowed=tuple(params["allowed_local"]),
            compare=params["compare_transactions"],
        )
    )
    return {
        "changed": False,
        "msg": rules.sentence(found.rows, found.unknown),
        "report": rules.report(found.rows, found.names, found.unknown) + [one.told() for one in found.needs],
        "agree": rules.agree(found.rows, found.unknown),
        "rows": [row.as_dict() for row in found.rows],
        "unknown": list(found.unknown),
        "needs": [one.as_dict() for one in found.needs],
    }


def main() -> None:
    """Run the module."""
    glue.run(glue.build_module(glue.merge(glue.CHANNEL_SPEC, glue.SOURCE_SPEC, glue.MEMBERS_SPEC, SPEC)), look)


if __name__ == "__main__":
    main()
