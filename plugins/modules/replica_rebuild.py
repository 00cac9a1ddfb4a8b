#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_rebuild
short_description: Build a MySQL or MariaDB replica anew from another server
version_added: 0.1.0
description:
  - Drops everything of a replica outside the system schemas, copies all of it from a donor, and lets the replica
    replicate from exactly the point of the copy (MySQL, MariaDB). Writers go on writing all the time.
  - The copy goes over the module's own connections from the donor to the replica, without a file and without client
    programs. It is read in one consistent read view, whose point is known, in small chunks that hold no locks.
  - The channel's settings, its password among them, the server's settings and its accounts stay as they are.
  - Before anything is dropped, the donor is looked at and the whole definition of its data is read. Transactions that
    only this replica has are named, and kept as a binlog file beside the undo record.
  - While it is under way the channel points at a binlog that no source has, so that a server which is started in the
    middle stops with an error. A run that was cut short is simply run again.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._source.members
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  method:
    description:
      - V(auto) takes the first that nothing speaks against of V(copy), V(replay), and of V(clone) and V(backup) where
        O(source_password) or O(backup_command) is given. The result says which it is and what speaks against those
        before it.
      - V(copy) copies definitions and rows, which works everywhere.
      - V(clone) uses MySQL's clone plugin (MySQL 8 and later, both servers of one series). It is faster, and brings the
        donor's accounts and everything else in its system schemas. The server restarts. O(source_password) is needed.
      - V(replay) lets the channel begin at the beginning of the source's binlogs and apply all of them. Only for a
        source that still has every one since it had no data. All of them are read first; they have to make every schema
        and every table that the source has, and nothing in them may be about an account that the replica has. The
        module ends when the replica has caught up.
      - V(backup) puts a physical backup of mariadb-backup in the place of the replica's data (MariaDB), and brings the
        accounts and all else in the system schemas of the server that was backed up. The module has to run on the
        replica's host, as root. It needs O(backup_command), O(backup_dir), O(stop_command) and O(restart_command).
    type: str
    choices: [auto, copy, clone, replay, backup]
    default: auto
  another_method:
    description: Whether another method may be taken, in the order of V(auto), where the one of O(method) is refused.
    type: bool
    default: false
  source_password:
    description: With V(clone), the password of the channel's account. A clone loses it.
    type: str
  restart_command:
    description:
      - With V(clone), the command that starts a server which nobody supervises, run by a shell where the module runs.
      - A server that is supervised restarts by itself. Without this option somebody has to start another one.
      - With V(backup), the command that starts the server.
    type: str
  restart_timeout:
    description: With V(clone) and V(backup), seconds to wait for the server after its restart, and for it to stop.
    type: int
    default: 600
  stop_command:
    description: With V(backup), the command that stops the server, run by a shell where the module runs.
    type: str
  backup_command:
    description:
      - With V(backup), a command that prints a backup made by C(mariadb-backup --stream=xbstream), run by a shell where
        the module runs. It may read a file, or fetch the backup from another host.
    type: str
  backup_dir:
    description:
      - With V(backup), the directory in which the backup is received and the replaced data is kept until the replica
        replicates. On the file system of the data directory, and not inside it. It is made when it is not there.
    type: path
  donor:
    description:
      - Whom to copy from. The name of one of O(members), V(source) for the source of the channel, or V(auto) for the
        first of the members that replicates well from the same source, and the source when there is none. With
        V(replay) it is the source.
      - A member can be the donor only where the channel replicates by GTIDs.
    type: str
    default: auto
  progress_file:
    description:
      - File where the module runs that gets the progress as JSON about once a second, for somebody who polls it. Its
        C(line) is for people.
    type: path
notes:
  - Needs O(record_dir), except in check mode.
  - Refused when servers replicate from this one, when it has several channels or filters, when the donor has tables
    without a read view (MyISAM, Aria, MEMORY and others) or with system versioning, when O(source) has to keep its
    binlogs for longer, and when C(max_allowed_packet) is smaller than the donor's.
  - On MySQL a moment without commits is looked for on the donor. Where there is none within seconds, a global read lock
    holds writing up for the length of three statements; it is given up after a second, and needs C(RELOAD) there.
  - Accounts, roles and what else is in the system schemas are not copied, but with V(clone) replaced.
  - For V(clone) the plugin has to be active on the donor, and its account needs C(BACKUP_ADMIN) there, and
    C(CLONE_ADMIN) and C(PERSIST_RO_VARIABLES_ADMIN) on the replica. The replica reaches the donor at the address at
    which this module does. While the server restarts, C(skip_replica_start) is persisted, so that channels that came
    with the clone never start.
  - With parallel writers on this server itself nothing protects it. Take it out of service first.
seealso:
  - module: replicaops.mysql.table_compare
  - module: replicaops.mysql.change_master
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Look at what would be lost, and at who would be the donor
  replicaops.mysql.replica_rebuild:
    login_host: db2.example.com
    login_user: rebuilder
    login_password: "{{ vault_rebuilder_password }}"
    record_dir: /var/lib/replica-repair
  check_mode: true

- name: Build it anew
  replicaops.mysql.replica_rebuild:
    login_host: db2.example.com
    login_user: rebuilder
    login_password: "{{ vault_rebuilder_password }}"
    record_dir: /var/lib/replica-repair
    progress_file: /var/lib/replica-repair/db2.progress
  async: 86400
  poll: 0
"""

RETURN = r"""
msg:
  description: What was done or would be done, in plain sentences.
  returned: always
  type: str
  sample: >-
    Built anew from source (db1:3306): 2,000,104 rows in 12 tables, replicating from binlog.000007:1234.
method:
  description: The method that was taken or would be.
  returned: success
  type: str
  sample: copy
donor:
  description: Name of the donor.
  returned: success
  type: str
  sample: source
notes:
  description: Why this method and this donor, how much is to be copied, how long the source keeps its binlogs.
  returned: success
  type: list
  elements: str
only_here:
  description: Transactions that only this replica has, by GTID or place in its binlog.
  returned: success
  type: list
  elements: str
  sample: ["11111111-aaaa-bbbb-cccc-000000000002:1"]
kept:
  description: Path of the binlog file in which these were kept, for mysqlbinlog or mariadb-binlog; empty when none.
  returned: always
  type: str
loses:
  description: What is lost, a sentence each.
  returned: success
  type: list
  elements: str
risk:
  description: What the change puts at risk, always V(rebuild).
  returned: success
  type: str
point:
  description: The point of the copy, in the donor's binlog. Empty in check mode.
  returned: success
  type: dict
  sample: {"source_log_file": "binlog.000007", "source_log_pos": 1234, "gtids": "", "exact": true}
tables:
  description: How many rows were copied into each table.
  returned: success
  type: dict
  sample: {"shop.orders": 1204000}
queries:
  description: The statements in the order they ran, or would run in check mode, without those that carry the copy.
  returned: always
  type: list
  elements: str
executed:
  description: Whether the statements ran.
  returned: success
  type: bool
before:
  description: The channel before, in the shape of RV(replicaops.mysql.replica_status#module:channels).
  returned: success
  type: dict
after:
  description: The channel afterwards, read again; in check mode as it is.
  returned: success
  type: dict
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

import os
from typing import Any, Dict, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from ansible_collections.replicaops.mysql.plugins.module_utils._core import state
from ansible_collections.replicaops.mysql.plugins.module_utils._core.rebuild import ATTEMPT, intended
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change, rebuild, rebuild_backup
from ansible_collections.replicaops.mysql.plugins.module_utils._server.rebuild_ready import Wish
from ansible_collections.replicaops.mysql.plugins.module_utils._server.rebuild_tell import Teller
from ansible_collections.replicaops.mysql.plugins.module_utils._server.rebuild_way import Way

SHOWN = ("receiver", "applier", "receiver_error", "applier_error", "mode", "using_gtid", "delay", "settings")


def build(module: AnsibleModule) -> Dict[str, Any]:
    """Build the replica anew, and tell whoever polls that it has ended, however it ended."""
    path = module.params["progress_file"]
    teller = Teller(os.path.abspath(path) if path and not module.check_mode else "")
    try:
        return converge(module, teller)
    finally:
        teller.end("It has ended.")


def converge(module: AnsibleModule, teller: Teller) -> Dict[str, Any]:
    """Build it, or say what would be done."""
    params = dict(module.params)
    params["source"] = params["source"] or {}
    options = _module.change_options(module, "replica_rebuild")
    restart = params["restart_command"] or ""

    def execute(command: str) -> Tuple[int, str, str]:
        code, output, errors = module.run_command(command, use_unsafe_shell=True)
        return int(code), str(output), str(errors)

    way = Way(
        params["source_password"] or "", restart, params["restart_timeout"], execute, params["stop_command"] or "",
        params["backup_command"] or "", params["backup_dir"] or "",
    )  # fmt: skip
    target = _module.target_arguments(module, ATTEMPT, options, params)
    members = tuple(_module.member_logins(params))
    # A server that a run has left stopped, while it exchanged files, is started whatever the method is now.
    left = rebuild_backup.go_on(way, target[0]) if way.directory and not module.check_mode else {}
    wish = Wish(params["donor"], members, params["method"], way, left, params["another_method"])
    with change.target(*target, samples=1) as aim:
        login = _module.source_login(params, aim.channel)
        report = rebuild.Rebuild(aim, wish, options, login, teller).run()
        if left and report.executed:
            rebuild_backup.clear(way)
        before = after = state.channel_as_dict(aim.channel)
        if report.after is not None:
            after = state.channel_as_dict(report.after.channel(aim.channel.name) or intended(aim.channel, {}))
        queries = report.executed or list(report.plan.queries())
        return _module.result(
            module, True, report.message, queries, before, after, aim.state_id, report.record, SHOWN,
            method=report.method, donor=report.donor, notes=list(report.notes), only_here=list(report.own),
            kept=report.kept, loses=list(report.plan.loses), risk=report.plan.risk, tables=report.tables,
            point=report.point.as_dict() if report.point else {},
        )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = {
        "method": {"type": "str", "choices": ["auto", "copy", "clone", "replay", "backup"], "default": "auto"},
        "another_method": {"type": "bool", "default": False},
        "source_password": {"type": "str", "no_log": True},
        "restart_command": {"type": "str"},
        "restart_timeout": {"type": "int", "default": 600},
        "stop_command": {"type": "str"},
        "backup_command": {"type": "str"},
        "backup_dir": {"type": "path"},
        "donor": {"type": "str", "default": "auto"},
        "progress_file": {"type": "path"},
    }
    specs = (_module.CHANNEL_SPEC, _module.SOURCE_SPEC, _module.MEMBERS_SPEC, _module.CHANGE_SPEC, spec)
    _module.run(_module.build_module(_module.merge(*specs)), build)


if __name__ == "__main__":
    main()
