#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: change_master
short_description: Set from where and how a replica replicates
version_added: 0.1.0
description:
  - Makes the settings of one replication channel what the options say, in the words of the server (MySQL
    C(CHANGE REPLICATION SOURCE) and C(CHANGE MASTER), MariaDB C(CHANGE MASTER)).
  - Makes the channel where it is not there.
  - Reads what is set and changes only what differs. What is not given stays as it is. What the server would lose by the
    change, such as the heartbeat period or the coordinates, is given again in the same statement.
  - Stops only the threads that the server wants stopped, the receiver last, and starts those that ran before.
  - Closes the gaps of parallel workers first where the server takes no change otherwise (error 1802).
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._source_options
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  state:
    description:
      - Whether the channel is there.
      - V(absent) stops it and removes its settings, its relay logs and, without GTIDs, the point that is applied. Needs
        O(record_dir) then.
    type: str
    choices: [present, absent]
    default: present
  update_password:
    description:
      - When O(source_password) is set. V(on_create) sets it when the channel is made or its account changes.
      - V(always) sets it each time, as the present one cannot be read. The module then changes the channel each time.
    type: str
    choices: [on_create, always]
    default: on_create
  threads:
    description:
      - What becomes of threads that had to be stopped. V(found) starts those again that ran before.
      - V(started) starts both behind a change, also one that had stopped with an error. It changes nothing where the
        settings are as wanted already.
      - The threads of a new channel are left stopped; start them with M(replicaops.mysql.replica_channel).
    type: str
    choices: [found, started, stopped]
    default: found
  rewind:
    description:
      - Set O(source_log_file) and O(source_log_pos) also when the channel has applied beyond them. What is between is
        applied again then.
    type: bool
    default: false
  discard_gaps:
    description:
      - Where parallel workers stopped with gaps (MySQL), begin at O(source_log_file) and O(source_log_pos) without
        closing the gaps first, which is not possible while what stopped the applier is still there.
      - Only right when everything before the coordinates is applied and nothing behind them, as
        M(replicaops.mysql.binlog_locate) shows with a single boundary. The channel is reset for it and gets all its
        settings again, and the workers' records are lost. Needs O(record_dir), and the applier must be stopped.
    type: bool
    default: false
  allow_lost_tail:
    description:
      - Begin at O(source_log_file) and O(source_log_pos), with O(rewind), also where the source has lost what it sent
        behind them, as after a crash that cut its binlog off.
      - Only right when what it lost was applied to it or undone here (M(replicaops.mysql.binlog_apply)). What was
        fetched and is not applied, such as half a transaction, is thrown away.
    type: bool
    default: false
  allow_unverified:
    description:
      - Throw the relay logs away although it is not known whether the source still has everything in them.
      - Transactions that exist only in the relay logs are lost then. Needs O(record_dir).
      - Never covers what is known to be missing on the source.
    type: bool
    default: false
  allow_newer_source:
    description: Take a source of a later series than the replica's.
    type: bool
    default: false
notes:
  - CHANGE throws the relay logs away when both threads stand still, as MySQL 5.6 and MariaDB always want them. The
    source is asked first whether it still has everything from the applied point on, unless all that was fetched is
    applied.
  - When O(source_host) or O(source_port) changes, O(source) and its defaults mean the new source.
  - Refused are channels that change their source by themselves (C(SOURCE_CONNECTION_AUTO_FAILOVER)), open temporary
    tables and prepared XA transactions where relay logs would go, and a skip counter that waits.
  - The account needs C(REPLICATION_SLAVE_ADMIN) (MariaDB C(REPLICATION SLAVE ADMIN), MySQL 5.6 and 5.7 C(SUPER)),
    C(RELOAD) for V(absent) and O(discard_gaps), and C(REPLICATION CLIENT) and C(REPLICATION SLAVE) on the source.
seealso:
  - module: replicaops.mysql.replica_channel
  - module: replicaops.mysql.replica_status
  - module: replicaops.mysql.replica_undo
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Make the channel, by GTID and with TLS
  replicaops.mysql.change_master:
    login_host: db2.example.com
    source_host: db1.example.com
    source_user: repl
    source_password: "{{ vault_replication_password }}"
    auto_position: true
    source_ssl: true
    source_ssl_ca: /etc/mysql/ca.pem

- name: Stay an hour behind
  replicaops.mysql.change_master:
    login_host: db2.example.com
    source_delay: 3600

- name: Follow another source, all else as before
  replicaops.mysql.change_master:
    login_host: db2.example.com
    source_host: db3.example.com
    record_dir: /var/lib/replica-repair

- name: MariaDB, leave coordinates for GTIDs
  replicaops.mysql.change_master:
    login_host: db2.example.com
    use_gtid: slave_pos
"""

RETURN = r"""
msg:
  description: What was done or would be done, in plain sentences, with warnings.
  returned: always
  type: str
  sample: "Change source_delay of the replication channel."
changed_options:
  description: The options that differed.
  returned: success
  type: list
  elements: str
  sample: ["source_delay"]
queries:
  description: The statements in the order they ran, or would run in check mode; passwords masked. Never for execution.
  returned: always
  type: list
  elements: str
  sample: ["CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 3600 FOR CHANNEL ''"]
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
before:
  description: The channel before, in the shape of RV(replicaops.mysql.replica_status#module:channels). Empty for none.
  returned: success
  type: dict
after:
  description: The channel afterwards, read again; in check mode as it is expected to be; empty when it is removed.
  returned: success
  type: dict
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
  sample: bad_input
"""

from dataclasses import replace
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module, _source_spec
from ansible_collections.replicaops.mysql.plugins.module_utils._core import change_source, channel_wish, state
from ansible_collections.replicaops.mysql.plugins.module_utils._core import change_source_plan as plans
from ansible_collections.replicaops.mysql.plugins.module_utils._core.change_source_steps import resumed
from ansible_collections.replicaops.mysql.plugins.module_utils._core.channel_plan import Threads, running
from ansible_collections.replicaops.mysql.plugins.module_utils._core.plan import Plan
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Channel, Server
from ansible_collections.replicaops.mysql.plugins.module_utils._server import (
    change,
    source_words,
    worker_point,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change_source as reach
from ansible_collections.replicaops.mysql.plugins.module_utils._server.prepared import prepared

# Counters that move by themselves stay out of the diff.
SHOWN = ("source_host", "source_port", "source_user", "mode", "using_gtid", "delay", "receiver", "applier", "settings")


def around(
    aim: change.Target, wish: change_source.Wish, params: Dict[str, Any], now: Server, channel: Channel, runs: Threads
) -> change_source.Around:
    """What the plan is made from; the source is asked where the plan depends on it."""
    creating = now.channel(channel.name) is None
    found = change_source.Around(aim.verbs, aim.state_id, creating, runs)
    if not plans.needs_source(wish, now, channel, creating):
        return found
    mode = plans.mode_of(wish, now, channel, creating)
    aimed = replace(change_source.places(wish, channel), mode=mode)
    login = _module.source_login(params, aimed)
    elsewhere = (aimed.source_host, aimed.source_port) != (channel.source_host, channel.source_port)
    source, oldest = reach.ask(login, aimed, now, _module.source_is_named(params), elsewhere)
    user = str(wish.values.get("source_user") or channel.source_user)
    return replace(
        found,
        source=source,
        oldest=oldest,
        furthest=worker_point.furthest(aim.connection, aim.probed, channel.name),
        prepared=prepared(aim.connection),
        plugin=reach.login_plugin(login, user) if source.server is not None else None,
    )


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Give the channel its settings, or take it away."""
    params = module.params
    wish = _source_spec.wish(params)
    options = _module.change_options(module, "change_master")
    arguments = list(_module.target_arguments(module, change_source.ATTEMPT, options))
    if {"source_host", "source_port"} & set(wish.given):
        arguments[4] = None  # option source may mean another server than the channel's present source
    with reach.aim_at(*arguments) as (aim, creating):
        source_words.check_known(aim.connection, aim.probed, aim.verbs, wish.given)
        channel, runs = aim.channel, running(aim.channel)
        found = plans.decide(wish, aim.server, channel, around(aim, wish, params, aim.server, channel, runs))

        def again(server: Server) -> Plan:
            now = server.channel(channel.name) or channel
            late = plans.decide(wish, server, now, around(aim, wish, params, server, now, runs))
            return resumed(late.plan, aim.verbs, now, runs)

        plan, full, said = found.plan, state.channel_as_dict(channel), found.message
        before = {} if creating else full
        after, queries, record = before, list(plan.queries()), ""
        if module.check_mode and plan.steps:
            after = change_source.predicted(
                channel_wish.with_threads(full, found.end), channel, found.changes, found.mode
            )
            after = {} if wish.state == change_source.ABSENT else after
        elif plan.steps:
            insisting = replace(aim, connection=reach.Insisting(aim.connection))
            late = again if found.late else None
            outcome = change.carry_out(insisting, plan, options, plans.undo(wish, found, creating), again=late)
            left = outcome.after.channel(channel.name)
            after, queries, record = state.channel_as_dict(left) if left else {}, outcome.executed, outcome.record
            said = " ".join(part for part in (said, change_source.unfulfilled(wish, left)) if part)
        return _module.result(
            module, bool(plan.steps), said, queries, before, after, aim.state_id, record, SHOWN,
            changed_options=[difference.option.name for difference in found.changes],
            risk=plan.risk, loses=list(plan.loses),
        )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = _module.merge(_module.CHANNEL_SPEC, _module.SOURCE_SPEC, _module.CHANGE_SPEC, _source_spec.SPEC)
    _module.run(_module.build_module(spec), converge)


if __name__ == "__main__":
    main()
