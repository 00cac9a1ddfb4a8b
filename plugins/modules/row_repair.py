#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: row_repair
short_description: Make the rows that transactions of the source touched equal to the source's images of them
version_added: 0.1.0
description:
  - Reads named transactions from the source's binlog, and compares every row that they touch, on the replica, with the
    image that the row has to have by the binlog (MySQL, MariaDB).
  - With O(state=healed) the rows that differ are written, in one transaction, as exact row events through the server's
    own C(BINLOG) statement. Values of every type come out as they are on the source, triggers do not fire, rows that
    reference them are not touched, and nothing of it enters the replica's own binlog.
  - This makes a replica whole that holds some rows of later transactions and some of earlier ones, as one that was
    restarted at an old position. Give the range of transactions, then position the replica at the range's end.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._source.members
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  transactions:
    description:
      - The transactions of the source whose rows are compared. A range of coordinates, a set of GTIDs, or those that
        the replica has not applied yet.
    type: dict
    required: true
    suboptions:
      from:
        description: Where the first one begins in the source's binlog.
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
        description: Where the last one ends.
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
      gtid_set:
        description:
          - A set of GTIDs (MySQL), or GTIDs one by one with commas between them (MariaDB).
        type: str
      which:
        description:
          - V(failing) is the transaction that stopped the applier, with those before it that are not applied either.
          - V(pending) is all that the replica still has to apply, up to the end of the source's binlog, to the first
            change of a definition, to a transaction whose rows cannot be known, or to O(max_transactions).
          - The rows are made what these transactions expect, so that the applier applies them as usual, the image
            before the first of them. A row that is in their way, for it holds a unique value that one writes, or
            references a row that one deletes, or that one refers to and that is missing, becomes what the source has
            now, or what it was before the first transaction to come that changes it.
        type: str
        choices: [failing, pending]
  state:
    description:
      - V(checked) compares and changes nothing.
      - V(healed) writes the rows that differ.
    type: str
    choices: [checked, healed]
    default: checked
  point:
    description:
      - Which image a row has to have.
      - V(range_end) is what it is after the last of the named transactions, and after any later transaction that the
        replica has executed.
      - V(applied) is what it is at the point that the replica has applied by its own account, which may lie before,
        inside or behind the named transactions.
    type: str
    choices: [range_end, applied]
    default: range_end
  max_rows:
    description:
      - How many rows the transactions may touch. More are refused; with O(transactions.which=pending) the transactions
        after that are left for the next call.
    type: int
    default: 100000
  max_transactions:
    description: How many transactions O(transactions.which=pending) takes in one call.
    type: int
    default: 100000
  show_rows:
    description:
      - What RV(different) shows. V(none) shows no contents, V(keys) the primary keys, V(full) both sides' values, and
        the row events in RV(queries).
    type: str
    choices: [none, keys, full]
    default: keys
notes:
  - The applier of the channel must be stopped. The receiver may run, and the source may go on writing.
  - Nothing is written when it is not known of some touched rows what they have to be. This is so for tables without a
    primary key, with a definition that differs by side or that changes among the transactions, for partial images
    (C(binlog_row_image) other than V(FULL), partial JSON updates), for transactions logged as statements or not fully
    known, and for tables whose rows a foreign key may have changed without a word in the binlog. RV(undecided) tells.
  - Nothing that is written gets into the binlog. With O(transactions.which) the servers that replicate from this one
    are brought to the same images first, the lowest ones before those above them. Each must be reachable, by O(members)
    or at the address that it reports with the target's account, must replicate from here alone, and must have applied
    all that is in the binlog here. Where one cannot be looked at, and with named transactions, it is refused.
  - Refused as well when the channel has filters, and, before rows are overwritten or deleted, without O(record_dir).
  - Of named transactions foreign keys are not followed. When a row would reference one that is not there, all is
    rolled back and refused.
  - Rows that the transactions do not touch are not looked at. Compare those with M(replicaops.mysql.table_compare).
  - While rows are written, C(super_read_only) is lowered and put back; C(read_only) stays. A run that was killed in
    between left a record in O(record_dir), by which the next one puts it back.
  - The account needs on the replica C(BINLOG_ADMIN), C(SYSTEM_VARIABLES_ADMIN) and C(CONNECTION_ADMIN) (MySQL 5.6 and
    5.7 C(SUPER); MariaDB C(BINLOG ADMIN), C(BINLOG REPLAY) and C(READ_ONLY ADMIN)) and C(SELECT); on the source
    C(REPLICATION SLAVE) and C(SELECT); and on both what it takes to see the state of replication.
seealso:
  - module: replicaops.mysql.binlog_locate
  - module: replicaops.mysql.table_compare
  - module: replicaops.mysql.replica_undo
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Compare the rows that a stretch of the source's binlog touches
  replicaops.mysql.row_repair:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ vault_repairer_password }}"
    transactions:
      from: {file: binlog.000007, position: 1557}
      to: {file: binlog.000008, position: 90210}

- name: Make them what they are at the end of the stretch
  replicaops.mysql.row_repair:
    login_host: db2.example.com
    transactions:
      from: {file: binlog.000007, position: 1557}
      to: {file: binlog.000008, position: 90210}
    state: healed
    record_dir: /var/lib/replica-repair

- name: Let the applier get past its error, whatever local writes are in its way
  replicaops.mysql.row_repair:
    login_host: db2.example.com
    transactions: {which: failing}
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
      description: The row as it has to be, with O(show_rows=full).
      type: dict
      returned: always
    origin:
      description: >-
        The transaction in the replica's own binlog that wrote the row last; null when it is not there. Looked for with
        O(transactions.which) in the newest binlogs only.
      type: dict
      returned: always
      contains:
        change: {description: "V(write), V(update) or V(delete).", type: str, returned: always}
        gtid: {description: Its GTID; empty without one., type: str, returned: always}
        file: {description: The replica's binlog., type: str, returned: always}
        position: {description: Where it begins there., type: int, returned: always}
        time: {description: When it was written., type: str, returned: always}
        server_id: {description: The server that it was written on., type: int, returned: always}
        thread_id: {description: The connection; null where the binlog does not say., type: int, returned: always}
        local: {description: Whether that server is this replica., type: bool, returned: always}
different_count:
  description: How many rows differed.
  returned: success
  type: int
healed:
  description: How many rows were written, or would be in check mode.
  returned: success
  type: int
transactions:
  description: How many transactions were read whose rows were compared.
  returned: success
  type: int
left:
  description: Why not all transactions that are to be applied were taken; empty when they were.
  returned: success
  type: str
undecided:
  description: Of what it is not known what it has to be, and why, a sentence each.
  returned: success
  type: list
  elements: str
proof:
  description: >-
    V(rows_proven) when every touched row is now what it has to be, V(unproven) when some differ or are undecided, or
    when there was nothing to compare.
  returned: success
  type: str
point:
  description: The point of the source that the rows were compared with.
  returned: success
  type: str
bytes_read:
  description: How much of the source's binlog was read.
  returned: success
  type: int
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
below:
  description: The servers that replicate from this one, in the order in which they were written.
  returned: success
  type: list
  elements: dict
  contains:
    server: {description: Its address., type: str, returned: always}
    compared: {description: How many rows were compared there., type: int, returned: always}
    healed: {description: "How many were written, or would be in check mode.", type: int, returned: always}
    record: {description: Path of its undo record., type: str, returned: always}
    proof: {description: As RV(proof)., type: str, returned: always}
record:
  description: Path of the undo record; empty when none was written.
  returned: success
  type: str
records:
  description: Paths of the undo records of all servers that were written.
  returned: success
  type: list
  elements: str
"""

from dataclasses import replace
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module as glue
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair_report as report
from ansible_collections.replicaops.mysql.plugins.module_utils._core.remedies import RISKS
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change, row_repair

SPEC: Dict[str, Any] = {
    "transactions": {
        "type": "dict",
        "required": True,
        "options": {
            "from": glue.COORDINATES_SPEC,
            "to": glue.COORDINATES_SPEC,
            "gtid_set": {"type": "str"},
            "which": {"type": "str", "choices": ["failing", "pending"]},
        },
    },
    "state": {"type": "str", "choices": ["checked", "healed"], "default": "checked"},
    "point": {"type": "str", "choices": ["range_end", "applied"], "default": "range_end"},
    "max_rows": {"type": "int", "default": 100000},
    "max_transactions": {"type": "int", "default": 100000},
    "show_rows": {"type": "str", "choices": ["none", "keys", "full"], "default": "keys"},
}


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Compare the rows and write those that differ."""
    params = module.params
    given = params["transactions"]
    named = rules.transactions_named(given, given["gtid_set"], given["which"])
    wish = replace(
        named, state=params["state"], point=named.point if named.which else params["point"], show=params["show_rows"],
        max_rows=params["max_rows"], max_transactions=params["max_transactions"],
    )  # fmt: skip
    options = glue.change_options(module, "row_repair")
    if wish.state == rules.CHECKED:
        options = replace(options, check_mode=True)
    arguments = glue.target_arguments(module, "write rows", options)
    with change.target(*arguments, samples=1) as aim:
        members = glue.member_logins(params)
        done = row_repair.repair(aim, wish, options, lambda channel: glue.source_login(params, channel), members)
        return outcome(module, done, wish, aim.state_id)


def outcome(module: AnsibleModule, done: row_repair.Report, wish: rules.Wish, state: str) -> Dict[str, Any]:
    """The module's result."""
    healed = done.before.different if done.plan.steps else 0
    undecided = done.before.undecided
    said = [report.sentence(done.before, healed, module.check_mode, undecided, done.point)]
    said += report.traced(done.origins, done.traced, done.before.different)
    lower = [below(address, one) for address, one in done.below]
    said += report.of_below(lower, module.check_mode)
    plans = [done.plan, *(one.plan for _address, one in done.below)]
    return glue.result(
        module, any(plan.steps for plan in plans), " ".join(said), row_repair.all_queries(done),
        report.counts(done.before), report.counts(done.after), state, done.record,
        compared=done.before.rows, different=report.entries(done.before, wish.show, done.origins),
        different_count=done.before.different, healed=healed, undecided=undecided, proof=done.after.proof,
        point=done.point, bytes_read=done.bytes_read, risk=max((plan.risk for plan in plans), key=RISKS.index),
        loses=list(done.plan.loses), transactions=done.transactions, left=done.cut, below=lower,
        records=row_repair.all_records(done),
    )  # fmt: skip


def below(address: str, done: row_repair.Report) -> Dict[str, Any]:
    """What a result says of a server that replicates from the target."""
    healed = done.before.different if done.plan.steps else 0
    return {"server": address, "compared": done.before.rows, "healed": healed, "record": done.record,
            "proof": done.after.proof}  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = glue.merge(glue.CHANNEL_SPEC, glue.SOURCE_SPEC, glue.CHANGE_SPEC, glue.MEMBERS_SPEC, SPEC)
    glue.run(glue.build_module(spec), converge)


if __name__ == "__main__":
    main()
