#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_channel
short_description: Start and stop a channel's threads, run it until a point, fetch its relay logs anew
version_added: 0.1.0
description:
  - Brings the threads of one replication channel into the wanted state (MySQL, MariaDB).
  - Can start the applier until a GTID set, coordinates or a GTID position is applied, and waits until that is so.
  - Can throw damaged or lost relay logs away and have them fetched again, after the source was asked whether it still
    has everything from the applied point on. The channel's settings, its delay among them, are the same afterwards.
  - STOP runs in a connection of its own with a deadline. A STOP that waits behind a lock is reported and ends the
    module.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  state:
    description:
      - Whether the threads run.
      - May be left out with O(refetch); then threads that ran, or stopped with an error, run afterwards, and threads
        that somebody stopped stay stopped.
    type: str
    choices: [started, stopped]
  threads:
    description:
      - Which threads O(state) is about.
      - By default V(both) when starting and V(applier) when stopping. With semi-synchronous replication a stopped
        receiver can make commits on the source wait, so stopping it is a decision of its own.
    type: str
    choices: [applier, receiver, both]
  until:
    description:
      - Start the applier until this point is applied, and wait for that. The applier is stopped afterwards.
      - An applier that has the point behind it already is left as it is.
      - On MariaDB a GTID position stops the receiver as well.
    type: dict
    suboptions:
      gtids:
        description: MySQL. The applier stops when this GTID set is applied.
        type: str
      source_log_file:
        description: The applier stops at this binlog of the source, at O(until.source_log_pos).
        type: str
      source_log_pos:
        description: The position in O(until.source_log_file).
        type: int
      gtid_position:
        description: MariaDB. Both threads stop when this GTID position is reached.
        type: str
  refetch:
    description:
      - Throw the relay logs away and fetch them again from the point that is applied.
      - A channel that runs without an error and is not stalled is left alone.
      - Refused when the source, which is asked first, could not send everything again, when parallel workers left gaps
        in position mode, when the applier has temporary tables open, and when XA transactions are prepared.
      - Whether XA transactions are prepared cannot be asked on MySQL 8 and later without C(XA_RECOVER_ADMIN). Then
        RV(msg) says so.
    type: bool
    default: false
  allow_unverified:
    description:
      - Throw the relay logs away although it is not known whether the source still has everything in them, for
        example because it could not be asked.
      - Transactions that exist only in the relay logs are lost then. Needs O(record_dir).
      - Never covers what is known to be missing on the source. That is refused and named, so that the relay logs can
        be copied first.
    type: bool
    default: false
notes:
  - Nothing that starts the applier is done while a skip counter waits, as a good transaction would be left out.
  - Without GTIDs the point from which relay logs are fetched again is known once the applier stands still. While it
    runs, check mode shows the point it has reached by then.
  - Relay logs are thrown away by C(CHANGE) on MySQL 5.6 and MariaDB, by C(RESET) elsewhere. Where relay logs are
    missing, and on MySQL 5.6 with parallel appliers, only C(RESET) works. MySQL 5.6 and MariaDB then have the channel's
    settings in memory only until the next statement. The undo record has them, all but the password.
  - The account needs C(REPLICATION_SLAVE_ADMIN) (MariaDB C(REPLICATION SLAVE ADMIN), MySQL 5.6 and 5.7 C(SUPER)), and
    C(REPLICATION CLIENT) and C(REPLICATION SLAVE) on the source for O(refetch).
seealso:
  - module: replicaops.mysql.replica_status
  - module: replicaops.mysql.replica_undo
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Stop the applier, leave the receiver up
  replicaops.mysql.replica_channel:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ vault_repairer_password }}"
    state: stopped

- name: Apply up to the backup's point and stay there
  replicaops.mysql.replica_channel:
    login_host: db2.example.com
    until:
      source_log_file: binlog.000042
      source_log_pos: 1234

- name: Fetch damaged relay logs again and start
  replicaops.mysql.replica_channel:
    login_host: db2.example.com
    refetch: true
    state: started
    record_dir: /var/lib/replica-repair
"""

RETURN = r"""
msg:
  description: What was done or would be done, in plain sentences.
  returned: always
  type: str
  sample: "Stop the applier of the replication channel."
queries:
  description: The statements in the order they ran, or would run in check mode. Never for execution again.
  returned: always
  type: list
  elements: str
  sample: ["STOP REPLICA SQL_THREAD FOR CHANNEL ''"]
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
before:
  description: The channel before, in the shape of RV(replicaops.mysql.replica_status#module:channels).
  returned: success
  type: dict
after:
  description: The channel afterwards, read again; in check mode as it is expected to be.
  returned: success
  type: dict
threads:
  description: State of both threads afterwards.
  returned: success
  type: dict
  sample: {"receiver": "running", "applier": "stopped"}
pending:
  description: Threads whose STOP waits behind a lock; the module fails then with RV(code=stop_pending).
  returned: always
  type: list
  elements: str
  sample: []
risk:
  description: What the change puts at risk, V(none) or V(replica_history).
  returned: success
  type: str
loses:
  description: What is lost, or may be lost, a sentence each.
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
  sample: stop_pending
"""

from dataclasses import replace
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from ansible_collections.replicaops.mysql.plugins.module_utils._core import channel_wish, refetch, state
from ansible_collections.replicaops.mysql.plugins.module_utils._core.plan import Plan
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Channel, Server
from ansible_collections.replicaops.mysql.plugins.module_utils._server import (
    change,
    source_head,
    table_repair_half,
    worker_point,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._server.prepared import prepared

SPEC: Dict[str, Any] = {
    "state": {"type": "str", "choices": ["started", "stopped"]},
    "threads": {"type": "str", "choices": ["applier", "receiver", "both"]},
    "until": {
        "type": "dict",
        "options": {
            "gtids": {"type": "str"},
            "source_log_file": {"type": "str"},
            "source_log_pos": {"type": "int"},
            "gtid_position": {"type": "str"},
        },
    },
    "refetch": {"type": "bool", "default": False},
    "allow_unverified": {"type": "bool", "default": False},
}

# Counters that move by themselves stay out of the diff.
SHOWN = ("receiver", "applier", "receiver_error", "applier_error", "until", "delay", "mode", "using_gtid", "settings")

UNDO = (
    "The relay logs are thrown away: what was in them is fetched again from the source.",
    "On MySQL 5.6 and MariaDB a RESET leaves the channel's settings in the server's memory only, until CHANGE or START "
    "writes them.",
)


def around(aim: change.Target, params: Dict[str, Any], server: Server, channel: Channel) -> channel_wish.Around:
    """What the plan is made from; the source is asked when relay logs are to be fetched from it."""
    found = channel_wish.Around(aim.verbs, aim.state_id, aim.verdict)
    if not params["refetch"]:
        return found
    login, named = _module.source_login(params, channel), _module.source_is_named(params)
    source, oldest = source_head.ask(login, channel, server, named)
    furthest = worker_point.furthest(aim.connection, aim.probed, channel.name)
    return replace(found, source=source, oldest=oldest, furthest=furthest, prepared=prepared(aim.connection))


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Bring the channel where it is wanted."""
    params = module.params
    wish = channel_wish.Wish(
        params["state"], params["threads"], params["until"], params["refetch"], params["allow_unverified"]
    )
    channel_wish.check_options(wish)
    options = _module.change_options(module, "replica_channel")
    samples = 2 if wish.refetch or options.state_id else 1
    with change.target(*_module.target_arguments(module, wish.attempt, options), samples=samples) as aim:
        channel = aim.channel
        plan = channel_wish.plan(wish, aim.server, channel, around(aim, params, aim.server, channel))
        table_repair_half.check_start(aim, options, plan.steps, wish.attempt)

        def again(server: Server) -> Plan:
            now = server.channel(channel.name) or channel
            end = refetch.wanted_threads(channel, wish.state, wish.which)
            return channel_wish.refetch_plan(wish, server, now, around(aim, params, server, now), end)

        before = state.channel_as_dict(channel)
        after, queries, record = before, list(plan.queries()), ""
        if module.check_mode and plan.steps:
            after = channel_wish.predicted(wish, channel, before)
        elif plan.steps:
            late = again if wish.refetch and channel_wish.moves(channel) else None
            outcome = change.carry_out(aim, plan, options, UNDO if wish.refetch else (), again=late)
            found = outcome.after.channel(channel.name) or channel
            after, queries, record = state.channel_as_dict(found), outcome.executed, outcome.record
            channel_wish.verify(wish, outcome.after, found, queries, record)
        return _module.result(
            module, bool(plan.steps), plan.summary, queries, before, after, aim.state_id, record, SHOWN,
            threads={"receiver": after["receiver"], "applier": after["applier"]},
            pending=[], risk=plan.risk, loses=list(plan.loses),
        )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = _module.merge(_module.CHANNEL_SPEC, _module.SOURCE_SPEC, _module.CHANGE_SPEC, SPEC)
    rules: Dict[str, Any] = {
        "mutually_exclusive": [("until", "refetch")],
        "required_one_of": [("state", "refetch", "until")],
    }
    _module.run(_module.build_module(spec, **rules), converge)


if __name__ == "__main__":
    main()
