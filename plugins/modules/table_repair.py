#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: table_repair
short_description: Make the rows of named tables of a replica equal to the source's
version_added: 0.1.0
description:
  - Compares tables of a replica with its source row by row, at one point of the source's history, without locking
    either of them and while the source goes on writing (MySQL, MariaDB).
  - With O(state=healed) the rows that differ are written at that point. Rows that only the replica has are deleted,
    missing ones inserted, and different ones replaced, as exact row events through the server's own C(BINLOG)
    statement. Values of every type come out as they are on the source, triggers do not fire, rows that reference them
    are not touched, and nothing of it enters the replica's own binlog.
  - For what a statement left behind on one side (M(replicaops.mysql.mismatch_repair)), and for differences that
    M(replicaops.mysql.table_compare) found.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._source.members
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  tables:
    description: The tables, each as C(schema.table), C(schema.*), or C(all) for every table outside the system schemas.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(checked) compares and writes nothing.
      - V(healed) writes the rows that differ.
    type: str
    choices: [checked, healed]
    default: checked
  start_stopped:
    description:
      - Whether an applier that was found stopped may run up to the source's point, where it is stopped again.
      - Without it, and always when it stopped with an error, the tables are compared at the point at which it stands.
        The source's rows are walked back to that point by the images in its binlog, which needs row format with full
        images. Tables whose definition the source changed since are not decided.
    type: bool
    default: false
  create_missing:
    description:
      - Whether to make tables that the replica lacks, as the source defines them, with their triggers and their schema
        where that is missing, and to fill them. When a part of it fails, what was made is taken away again.
      - The account needs C(CREATE) for it and C(DROP) to take it away, which a repairer does not have otherwise, and
        what the server asks for foreign keys (C(REFERENCES)) and for triggers of others. Without C(CREATE)
        RV(undecided) has the reason.
    type: bool
    default: false
  pending:
    description:
      - Whether to take tables as well that transactions need which a broken replica has still to apply, and that it
        lacks or that have no primary key, as the applier would fail at these next. They are left out where they cannot
        be decided.
    type: bool
    default: false
  require_all:
    description:
      - Whether to write nothing when a table cannot be decided. Otherwise the others are written, and RV(undecided) has
        the reason.
    type: bool
    default: false
  max_rows:
    description: How many rows may differ. More are refused.
    type: int
    default: 100000
  chunk_rows:
    description: The largest range of rows that is read by one statement.
    type: int
    default: 10000
  show_rows:
    description:
      - What RV(different) shows. V(none) shows no contents, V(keys) the primary keys, V(full) both sides' values, and
        the row events in RV(queries).
    type: str
    choices: [none, keys, full]
    default: keys
notes:
  - An applier that runs is paused twice, for less than a second each time as a rule, and runs again afterwards. The
    receiver goes on. With O(record_dir) a note says so meanwhile, by which the next run, or role
    P(replicaops.mysql.repair#role), starts it again when this one is killed. In check mode nothing is paused, so that
    with an applier that runs only RV(selected) is told; use
    O(state=checked) to see the rows.
  - Tables on one side only, those whose columns differ by side, and those without a read view (such as MyISAM) which
    the source changes all the time are left as they are, and RV(undecided) tells why. The others are written
    nevertheless.
  - Tables without a primary key, or with one that is not of numbers, times, texts or bytes, are held in memory as a
    whole, up to 20000 rows. M(replicaops.mysql.replica_undo) does not put back rows of a table without a primary key;
    the record shows them.
  - Tables without transactions are written row by row. When that is cut off, run again.
  - When this is killed between making a table and filling it, the next run with the same O(record_dir) drops what is
    empty of it and makes it anew; M(replicaops.mysql.replica_channel) starts no applier before that.
  - Refused when servers replicate from this one, as the rows are kept out of its binlog; when the channel has filters;
    when a foreign key may have changed rows of other tables as well that are not named; when rows would reference some
    that are not there; and, before rows are overwritten or deleted, without O(record_dir).
  - While rows are written, C(super_read_only) is lowered and put back; C(read_only) stays.
  - Documents (C(JSON) of MySQL) are written as the server prints them. A date inside a document becomes a text.
  - The account needs on the replica C(BINLOG_ADMIN), C(SYSTEM_VARIABLES_ADMIN), C(CONNECTION_ADMIN) and
    C(REPLICATION_SLAVE_ADMIN) (MySQL 5.6 and 5.7 C(SUPER); MariaDB C(BINLOG ADMIN), C(BINLOG REPLAY),
    C(READ_ONLY ADMIN) and C(REPLICATION SLAVE ADMIN)) and C(SELECT); on the source C(REPLICATION SLAVE),
    C(REPLICATION CLIENT) and C(SELECT); and on both what it takes to see the state of replication.
seealso:
  - module: replicaops.mysql.table_compare
  - module: replicaops.mysql.row_repair
  - module: replicaops.mysql.replica_undo
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Show which rows of two tables differ
  replicaops.mysql.table_repair:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ vault_repairer_password }}"
    tables: [shop.orders, shop.customers]

- name: Make them equal
  replicaops.mysql.table_repair:
    login_host: db2.example.com
    tables: [shop.orders, shop.customers]
    state: healed
    record_dir: /var/lib/replica-repair
"""

RETURN = r"""
msg:
  description: What was compared and what came out, in a few sentences.
  returned: always
  type: str
queries:
  description:
    - The statements in the order they ran, or would run in check mode; without the contents of rows unless
      O(show_rows=full). Never for execution again.
  returned: always
  type: list
  elements: str
  sample: ["SET SESSION sql_log_bin = 0", "BINLOG '...' /* delete 3 rows, write 5 rows of `shop`.`t` */"]
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
rolled_back:
  description: That nothing is left of what ran, as it was rolled back; RV(queries) has it all the same.
  returned: failure after statements ran
  type: bool
selected:
  description: The tables that were asked for.
  returned: success
  type: list
  elements: str
compared:
  description: How many rows were compared.
  returned: success
  type: int
different:
  description: The rows that differed before anything was written, the first thousand.
  returned: success
  type: list
  elements: dict
  contains:
    table:
      description: Schema and table.
      type: str
      returned: always
    key:
      description: Columns of the primary key and their values; null with O(show_rows=none).
      type: dict
      returned: always
    difference:
      description: V(missing) on the replica, V(surplus) there, or V(changed).
      type: str
      returned: always
    columns:
      description: Names of the columns that differ.
      type: list
      elements: str
      returned: always
    replica:
      description: The row on the replica, with O(show_rows=full).
      type: dict
      returned: always
    source:
      description: The row on the source, with O(show_rows=full).
      type: dict
      returned: always
different_count:
  description: How many rows differed.
  returned: success
  type: int
healed:
  description: How many rows were written, or would be in check mode.
  returned: success
  type: int
created:
  description: The tables that were missing on the replica and were made.
  returned: success
  type: list
  elements: str
records:
  description: Paths of the undo records.
  returned: success
  type: list
  elements: str
undecided:
  description: Of what it is not known whether it is equal, and why, a sentence each.
  returned: success
  type: list
  elements: str
proof:
  description: >-
    V(rows_proven) when every row of the tables is equal now, V(unproven) when some differ or are undecided, or when
    there was nothing to compare.
  returned: success
  type: str
point:
  description: The point of the source's history at which they were compared last.
  returned: success
  type: str
before:
  description: How many rows of each table differed.
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
  description: Path of the first undo record; empty when none was written.
  returned: success
  type: str
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module as glue
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair_report as report
from ansible_collections.replicaops.mysql.plugins.module_utils._core import table_repair as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change, table_repair

SPEC: Dict[str, Any] = {
    "tables": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["checked", "healed"], "default": "checked"},
    "start_stopped": {"type": "bool", "default": False},
    "create_missing": {"type": "bool", "default": False},
    "pending": {"type": "bool", "default": False},
    "require_all": {"type": "bool", "default": False},
    "max_rows": {"type": "int", "default": 100000},
    "chunk_rows": {"type": "int", "default": 10000},
    "show_rows": {"type": "str", "choices": ["none", "keys", "full"], "default": "keys"},
}


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Compare the tables and write the rows that differ."""
    params = module.params
    wish = rules.Wish(
        tuple(params["tables"]), params["state"], params["start_stopped"], params["create_missing"],
        params["max_rows"], max(params["chunk_rows"], 1), params["show_rows"], params["require_all"], params["pending"],
    )  # fmt: skip
    options = glue.change_options(module, "table_repair")
    arguments = glue.target_arguments(module, "write rows", options)
    with change.target(*arguments, samples=1) as aim:
        members = glue.member_logins(params)
        done = table_repair.repair(aim, wish, options, lambda channel: glue.source_login(params, channel), members)
        return outcome(module, done, wish, aim.state_id)


def outcome(module: AnsibleModule, done: table_repair.Report, wish: rules.Wish, state: str) -> Dict[str, Any]:
    """The module's result."""
    found = done.before.outcome
    healed = found.different if done.plan.steps else 0
    msg = rules.sentence(done.before, healed, module.check_mode, done.point) if done.point else done.plan.summary
    return glue.result(
        module, bool(healed or done.queries), msg, list(done.queries), report.counts(found),
        report.counts(done.after.outcome), state, done.records[0] if done.records else "", compared=found.rows,
        different=report.entries(found, wish.show), different_count=found.different, healed=healed,
        created=list(done.created), undecided=done.after.reasons, proof=done.after.proof, point=done.point,
        selected=list(done.selected), risk=done.plan.risk, loses=list(done.plan.loses), records=list(done.records),
    )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = glue.merge(glue.CHANNEL_SPEC, glue.SOURCE_SPEC, glue.CHANGE_SPEC, glue.MEMBERS_SPEC, SPEC)
    glue.run(glue.build_module(spec), converge)


if __name__ == "__main__":
    main()
