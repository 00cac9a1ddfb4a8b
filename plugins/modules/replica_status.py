#!/usr/bin/python
# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell why a replica is broken."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_status
short_description: Tell why a MySQL or MariaDB replica is broken, with evidence and remedies
version_added: 0.1.0
description:
  - Reads a replica, and its source and the other members when they are given, and reports a verdict for each
    replication channel, with findings, their evidence, and the remedies for each, least destructive first.
  - Changes nothing. One task does all the reading for one server.
  - What cannot be known is C(unknown), never guessed.
author:
  - replicaops.mysql contributors (@replicaops)
options:
  channel:
    description: Look at this channel only. By default every channel (MariaDB calls them connections) is looked at.
  samples:
    description:
      - V(1) reads once. V(2) reads again, for up to 30 seconds, when the first sample leaves it possible that the
        applier is stalled. An applier that moves, waits or works is recognised without waiting.
    type: int
    default: 2
  compare_transactions:
    description:
      - How many of the newest transactions that the source numbered are compared with the source's, one by one, to see
        whether both have the same under their numbers. Both binlogs are read for it, on MariaDB the newest 64 MiB of
        them. It needs GTIDs.
      - With V(0) that is done only where the source is known to have lost transactions.
    type: int
    default: 0
  allowed_local:
    description: UUIDs and GTID tags whose local transactions are intended, so that they are not called errant.
    type: list
    elements: str
    default: []
  record_dir:
    description:
      - Where changing modules keep their undo records. With it C(unfinished) of a channel says what the last of them
        had left to do when it was killed, and C(owed) which tables earlier changes left with other rows that
        nobody has made equal since.
    type: path
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._source.members
  - replicaops.mysql._attributes.read_only
attributes:
  action:
    description: Has an action plugin, so that some of it can run on the controller.
    support: full
    details:
      - With a local connection, without C(become), C(environment), C(async) and C(delegate_to), and where
        C(ansible_python_interpreter) is the Python that runs Ansible, the same code runs within the task, which takes
        a fraction of the time. It writes no line to the system's log then.
      - In every other case the module is sent and run as any other, as with C(ANSIBLE_KEEP_REMOTE_FILES).
seealso:
  - module: replicaops.mysql.replica_channel
  - module: replicaops.mysql.replica_skip
  - module: replicaops.mysql.table_compare
"""

EXAMPLES = r"""
- name: Ask why the replica is broken
  replicaops.mysql.replica_status:
    login_host: db2.example.com
    login_user: observer
    login_password: "{{ observer_password }}"
    source: {}
  register: status

- name: Show it
  ansible.builtin.debug:
    var: status.msg
"""

RETURN = r"""
msg:
  description: The verdict, what it is concluded from, and the least destructive repair, as a short paragraph.
  returned: always
  type: str
  sample: >-
    db2:3306 (MySQL 9.7.4): replication from db1:3306 is broken. The applier stopped at
    11111111-aaaa-bbbb-cccc-000000000001:6 with error 1060: Duplicate column name 'c'. ...
verdict:
  description:
    - The worst verdict of all channels looked at.
    - One of C(healthy), C(behind), C(broken), C(blocked), C(stalled), C(diverged), C(stopped), C(unknown),
      C(not_a_replica).
  returned: always
  type: str
  sample: broken
severity:
  description: The gravest severity of all findings, one of C(info), C(warning), C(error).
  returned: always
  type: str
  sample: error
state_id:
  description:
    - What a repair plan is bound to. It changes when something that a repair depends on changes, not with lag or time.
    - Covers every channel looked at; each entry of RV(channels) has one of its own.
  returned: always
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
server:
  description: The server itself, in the same shape for every flavour and version.
  returned: always
  type: dict
  sample: {"address": "db2:3306", "flavour": "mysql", "version": "9.7.4", "server_id": 2}
channels:
  description: Every channel looked at, in the same shape for every flavour and version, with its C(verdict)
    and C(state_id), and with O(record_dir) C(unfinished) and C(owed). One that is to be repaired has with O(source)
    C(needs), which says what is the oldest binlog of the source that it needs and when that may be purged.
  returned: always
  type: list
  elements: dict
  sample: [{"channel": "", "mode": "gtid", "receiver": "running", "applier": "stopped", "verdict": "broken"}]
gtid:
  description: The server's GTID sets or positions, as text.
  returned: always
  type: dict
  sample: {"mode": "ON", "executed": "11111111-aaaa-bbbb-cccc-000000000001:1-5", "purged": ""}
sources:
  description:
    - What was read of the source of every channel looked at, as far as it was asked.
    - Each has C(channel), C(name), C(gtid) in the shape of RV(gtid), and C(reason) when it could not be read.
  returned: always
  type: list
  elements: dict
  sample: [{"channel": "", "name": "db1:3306", "gtid": {"executed": "11111111-aaaa-bbbb-cccc-000000000001:1-6"}}]
findings:
  description:
    - What is the case, the gravest first.
    - Each has C(code), C(severity), C(channel), C(summary), C(meaning), C(evidence) and ranked C(remedies).
  returned: always
  type: list
  elements: dict
  sample:
    - code: column_exists
      severity: error
      channel: ""
      summary: The applier stopped at 11111111-aaaa-bbbb-cccc-000000000001:6 with error 1060.
report:
  description: The diagnosis as lines for a terminal.
  returned: always
  type: list
  elements: str
  sample: ["  error column_exists: The applier stopped at 11111111-aaaa-bbbb-cccc-000000000001:6 with error 1060."]
raw:
  description: The rows about replication as the server returned them, by section.
  returned: always
  type: dict
  sample: {"replica_status": [{"Replica_IO_Running": "Yes"}]}
"""

from typing import Any, Dict, Mapping

from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from ansible_collections.replicaops.mysql.plugins.module_utils._core import account_statement, narrate, state

# Rows that hold no statement of an application: the process list is left out, whose statements hold row contents.
RAW = (
    "replica_status", "gtid", "workers", "coordinators", "connections", "applier_configuration", "applier_filters",
    "global_filters", "relay_info", "worker_positions", "binlog_status", "binary_logs", "replicas",
)  # fmt: skip


SPEC = _module.merge(
    _module.CHANNEL_SPEC,
    _module.SOURCE_SPEC,
    _module.MEMBERS_SPEC,
    {
        "samples": {"type": "int", "default": 2},
        "compare_transactions": {"type": "int", "default": 0},
        "allowed_local": {"type": "list", "elements": "str", "default": []},
        "record_dir": {"type": "path"},
    },
)


def status(params: Mapping[str, Any]) -> Dict[str, Any]:
    """Look at the replica and describe what was found: the result of the module, of its checked options."""
    from ansible_collections.replicaops.mysql.plugins.module_utils._server import survey, unfinished

    diagnosis, raw = survey.survey(survey.request_from(params, _module.member_logins(params)))
    return {
        "changed": False,
        "msg": narrate.message(diagnosis),
        "verdict": diagnosis.verdict,
        "severity": diagnosis.severity,
        "state_id": diagnosis.state_id,
        "server": state.server_as_dict(diagnosis.server),
        "channels": [
            {
                **state.channel_as_dict(found.channel),
                "verdict": found.verdict,
                "state_id": found.state_id,
                "unfinished": left,
                "owed": list(owed),
                "needs": {**found.needs.as_dict(), "told": found.needs.told(), "too_late": found.needs.too_late()}
                if found.needs
                else None,
            }
            for found in diagnosis.channels
            for left, owed in [unfinished.look_at_all(params["record_dir"], diagnosis.server, found.channel)]
        ],
        "gtid": state.gtid_as_dict(diagnosis.server),
        "sources": [
            state.source_as_dict(found.channel.name, found.case.source)
            for found in diagnosis.channels
            if found.case.source is not None
        ],
        "report": narrate.report(diagnosis),
        "findings": [finding.as_dict() for finding in diagnosis.findings],
        "raw": {
            name: [account_statement.masked_row(row) for row in raw["sections"][name]["rows"]]
            for name in RAW
            if name in raw["sections"]
        },
    }


def main() -> None:
    """Entry point."""
    _module.run(_module.build_module(SPEC), lambda module: status(module.params))


if __name__ == "__main__":
    main()
