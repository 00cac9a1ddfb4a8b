#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: binlog_apply
short_description: Apply named transactions of another server, or roll them back
version_added: 0.1.0
description:
  - Takes named transactions out of the binlog of a server that has them (the donor) and applies them to this server
    under their original GTIDs, or rolls them back by their exact inverse, newest first (MySQL, MariaDB).
  - Rows are written as row events through the server's own C(BINLOG) statement, so that values of every type come out
    as they were. Triggers do not fire and foreign keys are not followed.
  - Before anything is written, every row has to be what the transactions expect to find. Else the list of conflicts
    comes back and nothing is done. A row that is what a transaction made of it already counts as done.
  - One transaction is applied at a time, as a whole. A run that was cut short is finished by the next.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source.members
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  donor:
    description:
      - The server whose binlog has the transactions.
      - The account and the TLS files are those of the target where they are not given.
      - Needed for V(forward), where there is no O(archive). For V(reverse) the default is this server itself.
    type: dict
    suboptions:
      login_host:
        description: Host name or address.
        type: str
      login_port:
        description: TCP port.
        type: int
      login_unix_socket:
        description: Path of a Unix socket, in the place of host and port.
        type: path
      login_user:
        description: Name of the account.
        type: str
      login_password:
        description: Its password.
        type: str
      config_file:
        description: Option file with a C([client]) section.
        type: path
      ca_cert:
        description: Certificate of the authority that signed the server's certificate.
        type: path
      client_cert:
        description: Certificate of the account.
        type: path
      client_key:
        description: Key of that certificate.
        type: path
      check_hostname:
        description: Whether the server's certificate has to be issued for its host name.
        type: bool
  archive:
    description:
      - A directory with the archived binlogs of one server, on the host where the module runs, in the place of
        O(donor). Its files are called as the server called them, and are not encrypted or compressed.
      - The tables have to be defined here as they were when these binlogs were written.
    type: path
  gtids:
    description:
      - The transactions. A GTID set, with tags too (MySQL), or GTIDs one by one with commas between them (MariaDB).
      - Either this, or O(from) and O(to), or O(after) and O(until).
    type: str
  after:
    description:
      - MariaDB, a position such as C(gtid_slave_pos). All transactions behind it are meant, up to O(until).
    type: str
  until:
    description: The position at which these end. The last transaction of each domain must be there.
    type: str
  from:
    description: Where the first transaction begins in the donor's binlog.
    type: dict
    suboptions:
      file:
        description: Name of the binlog.
        type: str
        required: true
      position:
        description: Position in it. A transaction must begin there.
        type: int
        required: true
  to:
    description: Where the last transaction ends.
    type: dict
    suboptions:
      file:
        description: Name of the binlog.
        type: str
        required: true
      position:
        description: Position in it. A transaction must end there.
        type: int
        required: true
  direction:
    description:
      - V(forward) applies the transactions in their order and writes them to the binlog, so that the servers below get
        them too. Transactions whose GTIDs are executed here are left out.
      - V(reverse) undoes them, newest first, and keeps that out of the binlog.
    type: str
    choices: [forward, reverse]
    default: forward
  on_conflict:
    description:
      - V(fail) fails when there are conflicts. V(list) returns them without failing. Nothing is done in either case.
    type: str
    choices: [fail, list]
    default: fail
  max_transactions:
    description: How many transactions may be named. More are refused.
    type: int
    default: 10000
  max_rows:
    description: How many row changes they may have. More are refused.
    type: int
    default: 100000
  allow_source_write:
    description:
      - Whether to write on a server that is no replica, or that others replicate from. They get the change too.
    type: bool
    default: false
  whole:
    description:
      - What becomes of a row that the transactions change and change back. With V(true) it is written again, so that
        the transactions stand in the binlog as they were, which is right where they have not been applied. With
        V(false) it counts as done, and on MySQL rows alone tell what has been applied, not GTIDs. Nothing is written
        under a number that is executed.
      - By default it is written where GTIDs tell that this has not been done. No effect on V(reverse).
    type: bool
  show_rows:
    description:
      - What RV(conflicts) shows. V(none) shows no contents, V(keys) the primary keys, V(full) all values, and the row
        events in RV(queries).
    type: str
    choices: [none, keys, full]
    default: keys
notes:
  - The appliers of all channels of this server must be stopped, except in check mode. Applications may go on writing;
    a row that somebody changes meanwhile ends the run before the transaction that needs it.
  - Definitions and other statements are applied forward only, each in a session like the one it ran in, and never
    without a GTID. Refused are statements about users, roles, temporary tables and XA transactions, C(LOAD DATA),
    statements that failed on their server, those whose context is not fully known, and transactions of both rows and
    statements. Rolling back refuses all statements.
  - Rows of a table that a statement among the transactions defines are compared when that statement has run. A conflict
    there ends the run in the middle, and the error says so.
  - Rows of tables without a primary key, and rows of which the binlog holds only a part (C(binlog_row_image) other than
    V(FULL), partial JSON updates), are conflicts.
  - Refused when a foreign key would be broken, and rolling back when rows may have been changed by a foreign key
    without a word in the binlog (MySQL 5.6 to 9.5, MariaDB).
  - Nothing is rolled back where servers replicate from this one, as they would keep the rows. The exception is that all
    of them are among O(members), have executed none of the transactions, as their GTIDs or coordinates tell, and their
    appliers stand still, as when two servers that replicate from each other cannot apply what the other wrote.
  - On MariaDB a GTID cannot be written behind a higher number of its domain.
  - The place of a channel that goes by coordinates or by C(gtid_slave_pos) is not moved. It would fetch the same
    transactions from its source again.
  - The account needs C(BINLOG_ADMIN), C(SYSTEM_VARIABLES_ADMIN) and C(CONNECTION_ADMIN) (MySQL 5.6 and 5.7 C(SUPER);
    MariaDB C(BINLOG ADMIN), C(BINLOG REPLAY) and C(READ_ONLY ADMIN)), C(SELECT), what it takes to see the state of
    replication, C(TRANSACTION_GTID_TAG) for tagged GTIDs, and for statements what these need; on the donor
    C(REPLICATION SLAVE), C(REPLICATION CLIENT) (MariaDB C(BINLOG MONITOR)) and C(SELECT).
seealso:
  - module: replicaops.mysql.gtid_repair
  - module: replicaops.mysql.row_repair
  - module: replicaops.mysql.replica_undo
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Replay errant transactions of a replica on the source
  replicaops.mysql.binlog_apply:
    login_host: db1.example.com
    login_user: repairer
    login_password: "{{ vault_repairer_password }}"
    donor:
      login_host: db2.example.com
    gtids: 22222222-aaaa-bbbb-cccc-000000000002:1-3
    allow_source_write: true
    record_dir: /var/lib/replica-repair

- name: Or roll them back on the replica
  replicaops.mysql.binlog_apply:
    login_host: db2.example.com
    gtids: 22222222-aaaa-bbbb-cccc-000000000002:1-3
    direction: reverse
    record_dir: /var/lib/replica-repair
"""

RETURN = r"""
msg:
  description: What was done, in a few sentences.
  returned: always
  type: str
queries:
  description:
    - The statements in the order they ran, one entry for each transaction, or would run in check mode; without the
      contents of rows unless O(show_rows=full). Never for execution again.
  returned: always
  type: list
  elements: str
  sample: ["SET SESSION gtid_next = '...:3'; START TRANSACTION; BINLOG '...' /* write 2 rows of `shop`.`t` */; COMMIT"]
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
rolled_back:
  description: That nothing is left of what ran, as it was rolled back; RV(queries) has it all the same.
  returned: failure after statements ran
  type: bool
transactions:
  description: The transactions in the order in which they are applied or undone, without those executed by their GTID.
  returned: success
  type: list
  elements: dict
  contains:
    gtid:
      description: Its GTID; empty without one.
      type: str
      returned: always
    file:
      description: Binlog of the donor.
      type: str
      returned: always
    start:
      description: Where it begins there.
      type: int
      returned: always
    end:
      description: Where it ends there.
      type: int
      returned: always
    timestamp:
      description: When it was executed first, in seconds since 1970.
      type: int
      returned: always
    server_id:
      description: Of the server that executed it first.
      type: int
      returned: always
    thread_id:
      description: Of the connection that executed it there; 0 where the binlog does not say.
      type: int
      returned: always
    tables:
      description: The tables whose rows it changes.
      type: list
      elements: str
      returned: always
    rows:
      description: How many rows it changes.
      type: int
      returned: always
    statements:
      description: Its statements; only the beginning of those that may hold contents of rows.
      type: list
      elements: str
      returned: always
    state:
      description: >-
        V(applied), which in check mode means would be; V(done) before; or V(waiting) for what cannot be planned before
        a statement among the transactions has run, or for conflicts to be settled.
      type: str
      returned: always
conflicts:
  description: What is in the way, the first thousand; also in a failure.
  returned: success
  type: list
  elements: dict
  contains:
    transaction:
      description: GTID of the transaction, or its coordinates.
      type: str
      returned: always
    table:
      description: Schema and table.
      type: str
      returned: always
    key:
      description: Columns of the primary key and their values; null for a whole table and with O(show_rows=none).
      type: dict
      returned: always
    difference:
      description: V(missing), V(surplus) or V(changed); V(unknown) for a whole table.
      type: str
      returned: always
    columns:
      description: Names of the columns that differ.
      type: list
      elements: str
      returned: always
    reason:
      description: Why this is in the way.
      type: str
      returned: always
    found:
      description: The row as it is, with O(show_rows=full).
      type: dict
      returned: always
    expected:
      description: The row as the transaction has to find it, with O(show_rows=full).
      type: dict
      returned: always
conflict_count:
  description: How many there are.
  returned: success
  type: int
rows:
  description: How many rows were written, or would be in check mode.
  returned: success
  type: int
bytes_read:
  description: How much of the donor's binlog was read.
  returned: success
  type: int
before:
  description: How many transactions were to be done and how many done.
  returned: success
  type: dict
after:
  description: The same afterwards; in check mode as it was.
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
records:
  description: Paths of the undo records of all that was done before it failed.
  returned: failure after transactions that definitions had to come before
  type: list
  elements: str
"""

from dataclasses import replace
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module as glue
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_apply as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_apply_report as report
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog_apply_between import between
from ansible_collections.replicaops.mysql.plugins.module_utils._server import binlog_apply, gtid_repair
from ansible_collections.replicaops.mysql.plugins.module_utils._server.binlog_archive import opened

SPEC: Dict[str, Any] = {
    "donor": glue.SOURCE_SPEC["source"],
    "archive": {"type": "path"},
    "gtids": {"type": "str"},
    "after": {"type": "str"},
    "until": {"type": "str"},
    "from": glue.COORDINATES_SPEC,
    "to": glue.COORDINATES_SPEC,
    "direction": {"type": "str", "choices": ["forward", "reverse"], "default": "forward"},
    "on_conflict": {"type": "str", "choices": ["fail", "list"], "default": "fail"},
    "max_transactions": {"type": "int", "default": 10000},
    "max_rows": {"type": "int", "default": 100000},
    "allow_source_write": {"type": "bool", "default": False},
    "whole": {"type": "bool"},
    "show_rows": {"type": "str", "choices": ["none", "keys", "full"], "default": "keys"},
}

EXCLUSIVE = [("donor", "archive"), ("until", "gtids"), ("until", "from"), ("until", "to")]


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Apply the transactions, or undo them."""
    params = module.params
    wish = replace(
        between(params["after"] or "", params["until"]) if params["until"] else rules.named(params, params["gtids"]),
        direction=params["direction"], on_conflict=params["on_conflict"], show=params["show_rows"],
        max_transactions=params["max_transactions"], max_rows=params["max_rows"],
        allow_source_write=params["allow_source_write"], whole=params["whole"],
    )  # fmt: skip
    donor = opened(params["archive"]) if params["archive"] else glue.donor_login(params, wish.reverse)
    options = glue.change_options(module, "binlog_apply")
    login = glue.login_from(params)
    with gtid_repair.aim_at(login, params["channel"], wish.attempt, options) as aim:
        done = binlog_apply.apply(aim, wish, options, donor, tuple(glue.member_logins(params)))
        return outcome(module, done, wish, aim.state_id)


def outcome(module: AnsibleModule, done: binlog_apply.Report, wish: rules.Wish, state: str) -> Dict[str, Any]:
    """The module's result."""
    changed = bool(done.plan.steps) and not done.conflicts
    before, after = report.counts(done.before), report.counts(done.before if module.check_mode else done.states)
    msg = report.sentence(wish, done.states, done.rows, len(done.conflicts), module.check_mode)
    if changed and done.note:
        msg += " " + done.note
    return glue.result(
        module, changed, msg, list(done.queries) if changed else [], before, after, state, done.record,
        transactions=[report.transaction(*pair, wish.show) for pair in zip(done.items, done.states)],
        conflicts=report.conflicts(done.items, done.conflicts, done.shapes, wish.show),
        conflict_count=len(done.conflicts), rows=done.rows if changed else 0, bytes_read=done.bytes_read,
        risk=done.plan.risk, loses=list(done.plan.loses),
    )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = glue.merge(glue.CHANNEL_SPEC, glue.MEMBERS_SPEC, glue.CHANGE_SPEC, SPEC)
    glue.run(glue.build_module(spec, mutually_exclusive=EXCLUSIVE), converge)


if __name__ == "__main__":
    main()
