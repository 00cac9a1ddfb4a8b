#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mismatch_repair
short_description: Pass a transaction that the source logged together with an error
version_added: 0.1.0
description:
  - A statement that fails on the source after it has changed something that cannot be rolled back is logged together
    with its error. A replica that comes to another result stops, with "Query caused different errors", or, when the
    statement was killed on the source, with "Query partially completed".
  - Gets the applier past exactly that transaction and starts it again (MySQL, MariaDB). An empty transaction alone
    never does, because leaving a statement out ends without an error, too.
  - The transaction is read from the source's binlog first. One that was logged without an error is refused.
  - The rows that the statement left behind on one side are not touched. RV(passed) names its tables; make them equal
    with M(replicaops.mysql.table_repair).
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._source.members
  - replicaops.mysql._record
  - replicaops.mysql._attributes
notes:
  - With GTIDs (MySQL) the transaction's GTID is made to count as executed, unless it does already, and the relay logs
    are fetched again from the source, which is asked first whether it still has everything.
  - Without GTIDs, and on MariaDB, the skip counter passes it, after a look whether the applier stands right before it.
  - A run that was cut off between throwing the relay logs away and the start is finished by the next one with the same
    O(record_dir).
  - O(record_dir) is needed, because what the source did before its error is given up until the tables are made equal.
  - Refused when servers replicate from this one, as they may have come to yet another result.
  - The account needs C(REPLICATION_SLAVE_ADMIN), C(SYSTEM_VARIABLES_ADMIN), C(RELOAD) and C(REPLICATION SLAVE) (MySQL
    5.6 and 5.7 C(SUPER), C(RELOAD) and C(REPLICATION SLAVE); MariaDB C(REPLICATION SLAVE ADMIN) and C(SUPER) for the
    skip counter), and on the source C(REPLICATION SLAVE), C(REPLICATION CLIENT) and C(SELECT).
seealso:
  - module: replicaops.mysql.table_repair
  - module: replicaops.mysql.replica_skip
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Pass a transaction that source and replica disagree about
  replicaops.mysql.mismatch_repair:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ vault_repairer_password }}"
    record_dir: /var/lib/replica-repair
  register: passed

- name: Make the rows equal that it left on one side
  replicaops.mysql.table_repair:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ vault_repairer_password }}"
    tables: "{{ passed.tables }}"
    state: healed
    record_dir: /var/lib/replica-repair
  when: passed.tables | length > 0
"""

RETURN = r"""
msg:
  description: What was passed, what source and replica made of it, and what is left to do.
  returned: always
  type: str
  sample: >-
    Passed 11111111-aaaa-bbbb-cccc-000000000001:6: on the source its statement ended with error 1062, here it succeeded.
    Rows of shop.m may differ now: make them equal (table_repair).
queries:
  description: The statements in the order they ran, or would run in check mode. Never for execution again.
  returned: always
  type: list
  elements: str
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
passed:
  description: The transaction that was passed, or would be; empty when there was none.
  returned: success, or failure after it was passed
  type: list
  elements: dict
  contains:
    gtid:
      description: Its GTID; null without one.
      type: str
      returned: always
    file:
      description: The source's binlog that it is in.
      type: str
      returned: always
    position:
      description: Where it begins there.
      type: int
      returned: always
    end_position:
      description: Where it ends there.
      type: int
      returned: always
    error:
      description: The number that the applier showed; 0 where it showed none with the text.
      type: int
      returned: always
    error_text:
      description: The text that the applier showed, with passwords masked.
      type: str
      returned: always
    statements:
      description: Its statements, each with C(statement), C(database), and C(source_error), how it ended on the source.
      type: list
      elements: dict
      returned: always
    replica:
      description: What the replica did, V(succeeded), V(failed), V(not_run), or V(unknown).
      type: str
      returned: always
    replica_error:
      description: The error it failed with; 0 for none, or when it is not known.
      type: int
      returned: always
    method:
      description: How it was passed, V(gtid), V(position), V(counter) or V(gtid_slave_pos).
      type: str
      returned: always
    tables:
      description: The tables that it may have touched, on either side.
      type: list
      elements: str
      returned: always
    tables_unknown:
      description: Why it may have touched others; empty when it did not.
      type: str
      returned: always
tables:
  description: The tables whose rows may differ now.
  returned: success
  type: list
  elements: str
  sample: [shop.m]
tables_unknown:
  description: Why other tables may differ as well; empty when that is not so.
  returned: success
  type: str
before:
  description: The channel before, in the shape of RV(replicaops.mysql.replica_status#module:channels).
  returned: success
  type: dict
after:
  description: The channel afterwards, read again; in check mode as it was.
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
from ansible_collections.replicaops.mysql.plugins.module_utils._core import mismatch as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core import skip_report
from ansible_collections.replicaops.mysql.plugins.module_utils._core.state import channel_as_dict
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change, mismatch

SHOWN = ("receiver", "applier", "applier_error", "executed", "executed_gtids", "skip_counter")


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Get the applier past the transaction."""
    params = module.params
    options = glue.change_options(module, "mismatch_repair")
    arguments = glue.target_arguments(module, "pass a failing transaction", options)
    with change.target(*arguments, samples=1) as aim:
        members = glue.member_logins(params)
        done = mismatch.repair(aim, options, lambda channel: glue.source_login(params, channel), members)
        return outcome(module, done, skip_report.masked(aim.channel), aim.state_id)


def outcome(module: AnsibleModule, done: mismatch.Report, before: Any, state: str) -> Dict[str, Any]:
    """The module's result."""
    entry = done.entry or {}
    msg = rules.message(done.entry, done.finished, module.check_mode, before)
    return glue.result(
        module, bool(done.queries), msg, list(done.queries), channel_as_dict(before),
        channel_as_dict(skip_report.masked(done.after)), state, done.record, SHOWN,
        passed=[entry] if entry else [], tables=entry.get("tables", []),
        tables_unknown=entry.get("tables_unknown", ""), risk=done.plan.risk, loses=list(done.plan.loses),
    )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = glue.merge(glue.CHANNEL_SPEC, glue.SOURCE_SPEC, glue.CHANGE_SPEC, glue.MEMBERS_SPEC)
    glue.run(glue.build_module(spec), converge)


if __name__ == "__main__":
    main()
