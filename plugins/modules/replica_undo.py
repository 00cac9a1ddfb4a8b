#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_undo
short_description: Put back what an undo record holds
version_added: 0.1.0
description:
  - Reads an undo record that another module of this collection wrote, and puts back what that module changed and nobody
    changed since. Channel options and delay, coordinates that were lost between RESET and CHANGE, MariaDB's
    C(gtid_slave_pos) when it was lost, C(replica_exec_mode), and whether the threads run.
  - Of a record without an end, as a killed run leaves it, only what the statements of that run could have changed.
  - What was applied, passed or written in the meantime is never taken back. GTIDs do not move backwards, and
    coordinates only while nothing was applied from where the change had set them. All that is not put back is named
    with its reason.
  - C(read_only), C(super_read_only) and the skip counter are named but never set, as the server may have been promoted
    since, and a counter would leave out a good transaction.
  - Refused when the record is of another server, when a skip counter waits and the applier would be started, and when
    options are to be put back while XA transactions are prepared.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._source
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  record:
    description: Path of the undo record, where the module runs.
    type: path
    required: true
notes:
  - CHANGE throws relay logs away. When options are put back, the source is asked first whether it still has everything
    from the applied point on, with O(source) or with the account of the target.
seealso:
  - module: replicaops.mysql.replica_channel
  - module: replicaops.mysql.replica_skip
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Look at what would be put back
  replicaops.mysql.replica_undo:
    login_host: db2.example.com
    record: /var/lib/replica-repair/20261120T233722.275215Z-db2_3306-default-replica_channel.json
  check_mode: true
  diff: true
"""

RETURN = r"""
msg:
  description: What was put back, in plain sentences.
  returned: always
  type: str
restored:
  description: What was put back, or would be in check mode, a sentence each.
  returned: success
  type: list
  elements: str
  sample: ["channel option delay: 3600 instead of 0"]
not_restorable:
  description: What is not put back, with the reason, a sentence each.
  returned: success
  type: list
  elements: str
  sample: ["The relay logs are thrown away: what was in them is fetched again from the source."]
queries:
  description: The statements in the order they ran, or would run in check mode. Never for execution again.
  returned: always
  type: list
  elements: str
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
rolled_back:
  description: That nothing is left of what ran, as it was rolled back; RV(queries) has it all the same.
  returned: failure after statements ran
  type: bool
before:
  description: The channel before, in the shape of RV(replicaops.mysql.replica_status#module:channels).
  returned: success
  type: dict
after:
  description: The channel afterwards, read again; in check mode as it is now.
  returned: success
  type: dict
state_id:
  description: The state that the change was computed from.
  returned: success
  type: str
record:
  description: Path of the undo record of this change; empty when none was written.
  returned: always
  type: str
code:
  description: Kind of failure, for programs.
  returned: failure
  type: str
  sample: identity
"""

from dataclasses import replace
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from ansible_collections.replicaops.mysql.plugins.module_utils._core import (
    channel_wish,
    permit,
    refetch,
    restore,
    state,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._server import (
    change,
    row_events,
    row_repair_undo,
    source_head,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._server import record as records
from ansible_collections.replicaops.mysql.plugins.module_utils._server.prepared import prepared

ATTEMPT = "put back what a record holds"
SHOWN = ("receiver", "applier", "executed", "delay", "using_gtid", "settings")


def check_source(aim: change.Target, params: Dict[str, Any], record: Dict[str, Any]) -> str:
    """Refuse a CHANGE when the source could not send again what the relay logs hold; what has to be said about it."""
    channel = replace(aim.channel, executed=restore.lost_point(record, aim.channel) or aim.channel.executed)
    login, named = _module.source_login(params, channel), _module.source_is_named(params)
    source, oldest = source_head.ask(login, channel, aim.server, named)
    refetch.check(aim.server, channel, refetch.evidence(aim.server, channel, source, oldest), False)
    return permit.check_prepared(aim.server, prepared(aim.connection), refetch.ATTEMPT)


def put_back(module: AnsibleModule) -> Dict[str, Any]:
    """Put back what can be put back."""
    params = dict(module.params)
    record = records.read(params["record"])
    options = _module.change_options(module, "replica_undo")
    params["channel"] = record["channel"]
    arguments = _module.target_arguments(module, ATTEMPT, options, params)
    with change.target(*arguments) as aim:
        restore.check_identity(record, aim.server)
        rows = row_repair_undo.plan(aim, record)
        found = restore.with_rows(
            restore.restoration(aim.verbs, record, aim.server, aim.channel, aim.state_id),
            rows.steps, rows.restored, rows.left,
        )  # fmt: skip
        permit.check_skip_counter(aim.server, aim.channel, found.plan.steps, ATTEMPT)
        said = restore.message(found, module.check_mode)
        if found.changes:
            said = (said + " " + check_source(aim, params, record)).strip()
        before = state.channel_as_dict(aim.channel)
        after, queries, path = before, list(found.plan.queries()), ""
        if found.plan.steps and not module.check_mode:
            with row_events.writing(aim, bool(rows.steps)) as able:
                outcome = change.carry_out(able, found.plan, options, details={"undoes": params["record"]})
            now = outcome.after.channel(aim.channel.name) or aim.channel
            after, queries, path = state.channel_as_dict(now), outcome.executed, outcome.record
        elif found.plan.steps:
            after = channel_wish.with_threads(before, found.end)
        return _module.result(
            module, bool(found.plan.steps), said, queries, before, after, aim.state_id, path, SHOWN,
            restored=list(found.restored), not_restorable=list(found.not_restorable),
        )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = {"record": {"type": "path", "required": True}}
    _module.run(_module.build_module(_module.merge(_module.SOURCE_SPEC, _module.CHANGE_SPEC, spec)), put_back)


if __name__ == "__main__":
    main()
