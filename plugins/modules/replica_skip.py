#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_skip
short_description: Pass failing transactions whose effect is verified to be present
version_added: 0.1.0
description:
  - Gets an applier past the exact transaction it stopped at (MySQL, MariaDB), and starts it again.
  - By default only when the whole effect of the failing transaction is verified to be present on the replica, so that
    nothing is lost. A transaction of which one part is present and another is not is refused.
  - Passes errors about definitions and accounts, which are 1007 (database exists), 1050 (table exists), 1051 (unknown
    table), 1060 (duplicate column), 1061 (duplicate key name), 1091 (column or key to drop is missing), 1304 (routine
    exists), 1359 (trigger exists; on MySQL 5.6 also 1235), 1396 (account operation failed) and 1537 (event exists).
  - Passes errors about rows, 1062 (duplicate) and 1032 (missing), when every row that the whole transaction touches is
    on the replica as the transaction leaves it. This is decided from the row images in the source's binlog, never by
    the first error alone. Other errors about rows and columns can only be given up knowingly.
  - Without a current error nothing is done. A skip on a healthy replica would eat a good transaction.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
  - replicaops.mysql._source.members
  - replicaops.mysql._record
  - replicaops.mysql._attributes
options:
  errors:
    description:
      - Numbers of the errors whose transactions may be passed. Any other error is left alone and is a failure.
      - There is no default.
    type: list
    elements: int
    required: true
  method:
    description:
      - V(gtid) commits an empty transaction under exactly the failing GTID (MySQL in GTID mode).
      - V(counter) sets the skip counter to exactly the number of events to be passed (MySQL without GTIDs, MariaDB).
      - V(position) lets the channel go on behind the transaction, by C(gtid_slave_pos) (MariaDB with GTIDs, where all
        connections that share it stand still for that moment) or by the source's coordinates (without GTIDs). The
        relay logs are fetched again, so that the source must have everything behind that point.
      - V(idempotent) passes nothing. It applies transactions of rows over what is there, in the server's idempotent
        mode, only where each of their rows comes out right that way, and turns strict mode on again whatever happens.
      - V(auto) takes V(gtid), V(counter) or V(position), the one that works. MySQL 8 and later accept the counter in
        GTID mode and ignore it; MariaDB refuses it with parallel appliers and several GTID domains (error 1966).
    type: str
    choices: [auto, counter, gtid, position, idempotent]
    default: auto
  limit:
    description:
      - How many failing transactions may be passed. Each is read and verified.
      - Consecutive transactions of rows are decided about and passed together, as the last of them leaves the rows.
        So a replica whose data is ahead of its position needs a limit that reaches to where the data is.
      - When a later one must not be passed, the module ends there and says so. Once O(timeout) has passed it begins no
        other round.
      - In check mode it plans one round. What fails behind it is known only when that is passed.
    type: int
    default: 1
  only_if_effect_present:
    description:
      - Whether to pass a transaction only when everything it wants is there already.
      - With V(false) it may be given up knowingly. RV(passed) shows what, and O(record_dir) is needed. Of several
        only those are given up that would stop the applier with one of O(errors).
    type: bool
    default: true
  idempotent_until:
    description:
      - How far O(method=idempotent) goes. V(transaction) is up to the end of the last of O(limit) transactions,
        V(caught_up) up to the end of the source's binlog as it is now. Both end before the first transaction that
        idempotent mode would not make right.
    type: str
    choices: [transaction, caught_up]
    default: transaction
  show_rows:
    description:
      - What results show of rows, V(none), their V(keys), or the V(full) images. Undo records hold all of it.
    type: str
    choices: [none, keys, full]
    default: keys
notes:
  - The effect of a statement about a table is shown by the server itself on a temporary table made like the real one,
    in a session of its own that does not log. This takes no GTID, writes nothing to the binlog, is allowed under
    C(read_only) and C(super_read_only), and is done in check mode too. The statement never runs against the real table.
  - Foreign keys are compared with the text of C(SHOW CREATE TABLE), as a temporary table has none.
  - Statements are refused whose effect this cannot show, for example with partitions, FULLTEXT keys in InnoDB,
    executable comments or double quotes.
  - Errors about rows need O(source) and row images that are complete (C(binlog_row_image=FULL)), and tables with a
    primary key that both sides define alike. What a statement, an XA transaction or a foreign key changes without row
    images is never taken for present.
  - For O(method=idempotent) each event must be a write whose sole conflict is the primary key, a delete, or an update
    whose row is what it was on the source, and no other channel may run. O(record_dir) is needed. When a run is killed
    while the mode is on, the next run with the same O(record_dir) turns strict mode on again and starts what was
    stopped; M(replicaops.mysql.replica_status) reports the mode meanwhile, and M(replicaops.mysql.replica_undo) with
    the record turns it off as well.
  - A definition is no proof of values. A CREATE TABLE is refused when the table holds rows, an added column whose
    default is not a literal when the table holds rows, and a statement that drops and makes the same column always.
    Where a column was added or converted RV(passed[].evidence) says that the values were not compared; compare them
    afterwards (M(replicaops.mysql.table_compare)). The grants of accounts are not compared either.
  - Refused when servers replicate from this one, as they would not get the transaction either, and when that cannot be
    known because the account may not list them. The channel's own source may, in a ring, where a transaction is given
    up knowingly.
  - The account needs C(REPLICATION_SLAVE_ADMIN), C(SYSTEM_VARIABLES_ADMIN) and C(REPLICATION SLAVE) (MySQL 5.6 and 5.7
    C(SUPER) and C(REPLICATION SLAVE); MariaDB C(REPLICATION SLAVE ADMIN), C(REPLICATION MASTER ADMIN),
    C(SLAVE MONITOR), C(BINLOG ADMIN), and C(SUPER) for the skip counter), C(CREATE TEMPORARY TABLES), and what it takes
    to see definitions and accounts, C(SELECT), C(TRIGGER), C(EVENT) and C(SHOW_ROUTINE). A transaction with a tagged
    GTID needs C(TRANSACTION_GTID_TAG).
seealso:
  - module: replicaops.mysql.replica_status
  - module: replicaops.mysql.replica_channel
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Pass definitions that the replica has already
  replicaops.mysql.replica_skip:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ vault_repairer_password }}"
    errors: [1050, 1060, 1061]
    limit: 20
    record_dir: /var/lib/replica-repair

- name: Pass a run of duplicate rows that are there already, in one go
  replicaops.mysql.replica_skip:
    login_host: db2.example.com
    errors: [1062]
    limit: 1000
    source: {}
    record_dir: /var/lib/replica-repair

- name: Apply what is queued over what is there, as far as that makes it right
  replicaops.mysql.replica_skip:
    login_host: db2.example.com
    errors: [1062, 1032]
    method: idempotent
    idempotent_until: caught_up
    source: {}
    record_dir: /var/lib/replica-repair

- name: Only show whether the failing statement could be passed
  replicaops.mysql.replica_skip:
    login_host: db2.example.com
    errors: [1091]
  check_mode: true
"""

RETURN = r"""
msg:
  description: What was passed or would be, why that loses nothing, and how the applier is now.
  returned: always
  type: str
  sample: "Passed 11111111-aaaa-bbbb-cccc-000000000001:4 (error 1060); its effect is present: ... The applier runs."
queries:
  description: The statements in the order they ran, or would run in check mode. Never for execution again.
  returned: always
  type: list
  elements: str
  sample: ["SET GLOBAL sql_replica_skip_counter = 1", "START REPLICA SQL_THREAD FOR CHANNEL ''"]
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
passed:
  description: The transactions that were passed, or applied over what is there, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    gtid:
      description: The GTID; null without one.
      type: str
      returned: always
    file:
      description: The source's binlog it is from.
      type: str
      returned: always
    end_position:
      description: Where it ends in that binlog.
      type: int
      returned: always
    log:
      description: The file it was read from, a relay log, or for rows the source's binlog.
      type: str
      returned: always
    log_position:
      description: Where it begins in that file.
      type: int
      returned: always
    error:
      description: The error's number; behind the first transaction the one that was foreseen, 0 for none.
      type: int
      returned: always
    error_text:
      description: The error's text, with passwords masked; behind the first transaction empty.
      type: str
      returned: always
    database:
      description: The statement's default database.
      type: str
      returned: always
    statement:
      description: The statement, with passwords masked; empty for row changes. Never for execution.
      type: str
      returned: always
    rows:
      description: The row changes, no more than 1000 in all. The undo record has every one.
      type: list
      elements: dict
      returned: always
      contains:
        table:
          description: Schema and name.
          type: str
          returned: always
        change:
          description: V(write), V(update) or V(delete).
          type: str
          returned: always
        key:
          description: The primary key; null with O(show_rows=none), or when it is not known.
          type: dict
          returned: always
        before:
          description: The row before, with O(show_rows=full).
          type: dict
          returned: always
        after:
          description: The row after, with O(show_rows=full).
          type: dict
          returned: always
        present:
          description: Whether the replica has it as these transactions leave it.
          type: bool
          returned: always
    effect:
      description: V(present), V(not_verified) when it was given up, or V(applied) by O(method=idempotent).
      type: str
      returned: always
    evidence:
      description: What was looked at and found.
      type: list
      elements: str
      returned: always
    lacking:
      description: What is not there, or why it cannot be known.
      type: list
      elements: str
      returned: always
    given_up:
      description: The statement or the number of row changes that were given up; null when none was.
      type: str
      returned: always
    method:
      description: How it was passed, one of O(method).
      type: str
      returned: always
not_passed:
  description: Why no more transactions were passed or applied; empty when nothing has to be said.
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
  description: What was put at risk, V(none), V(replica_rows), or V(replica_history) when changes were given up.
  returned: success
  type: str
loses:
  description: What is lost, a sentence each.
  returned: success
  type: list
  elements: str
records:
  description: Paths of the undo records, one for each round.
  returned: success
  type: list
  elements: str
error:
  description: The number of the error that was not passed.
  returned: when refused
  type: int
state_id:
  description: The state that the change was made for.
  returned: success
  type: str
record:
  description: Path of the first undo record; empty when none was written.
  returned: success
  type: str
"""

import time
from dataclasses import replace
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module as glue
from ansible_collections.replicaops.mysql.plugins.module_utils._core import skip_plan, skip_report
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError, ReplicaError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.remedies import RISKS
from ansible_collections.replicaops.mysql.plugins.module_utils._core.skip_plan import Wish
from ansible_collections.replicaops.mysql.plugins.module_utils._core.state import channel_as_dict
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change, skip, skip_left

SPEC: Dict[str, Any] = {
    "errors": {"type": "list", "elements": "int", "required": True},
    "method": {"type": "str", "choices": ["auto", "counter", "gtid", "position", "idempotent"], "default": "auto"},
    "limit": {"type": "int", "default": 1},
    "only_if_effect_present": {"type": "bool", "default": True},
    "idempotent_until": {"type": "str", "choices": ["transaction", "caught_up"], "default": "transaction"},
    "show_rows": {"type": "str", "choices": ["none", "keys", "full"], "default": "keys"},
}

SHOWN = ("applier", "applier_error", "executed", "executed_gtids", "skip_counter")
NAMES = ("method", "limit", "only_if_effect_present", "idempotent_until", "show_rows")


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Get the applier past the failing transactions."""
    wish = Wish(tuple(module.params["errors"]), *(module.params[name] for name in NAMES))
    skip_plan.check_options(wish)
    rounds: List[skip.Passed] = []
    try:
        return one_after_the_other(module, wish, rounds)
    except ReplicaError as error:
        if rounds:
            done = told(rounds)
            queries = [*done["queries"], *error.context.get("queries", [])]
            records = [*done["records"], *([error.context["record"]] if error.context.get("record") else [])]
            error.context.update(changed=True, executed=True, queries=queries, records=records, passed=done["passed"])
        raise


def one_after_the_other(module: AnsibleModule, wish: Wish, rounds: List[skip.Passed]) -> Dict[str, Any]:
    """The module's result; ``rounds`` is kept up to date, so that it is right whatever ends it."""
    params = module.params
    options = glue.change_options(module, "replica_skip")
    source = (lambda channel: glue.source_login(params, channel)) if params["source"] is not None else None
    members = glue.member_logins(params)
    before: Dict[str, Any] = {}
    last, state, not_passed, left, room = None, "", "", skip_left.Left(), wish.limit
    deadline = time.monotonic() + options.timeout
    while room > 0:
        if rounds and time.monotonic() > deadline:
            not_passed = "after %d s no other round was begun" % options.timeout
            break
        with change.target(
            *glue.target_arguments(module, "pass a failing transaction", options), samples=1 if before else 2
        ) as aim:
            last = skip_report.masked(aim.channel)
            if not before:
                before, state, left = channel_as_dict(last), aim.state_id, skip_left.finish(aim, options)
                options = replace(options, state_id=None)
                if left.queries and module.check_mode:
                    break  # what is to be done then depends on what that brings about
                if left.queries:
                    continue
            try:
                passed = skip.pass_some(aim, replace(wish, limit=room), options, source, left.counter, members)
            except RefusedError as error:
                if not rounds:
                    raise
                not_passed = str(error)
                break
        if passed is None:
            break
        rounds.append(passed)
        last, not_passed = passed.after or last, passed.more
        room = 0 if module.check_mode or params["method"] == "idempotent" else room - len(passed.entries)
        options = replace(options, state_id=None, written_at=glue.now())
    return outcome(module, rounds, before, last, state, not_passed, left)


def told(rounds: List[skip.Passed]) -> Dict[str, List[Any]]:
    """What the rounds came to, one after the other."""
    return {
        "passed": [entry for passed in rounds for entry in passed.entries],
        "queries": [query for passed in rounds for query in passed.queries],
        "records": [passed.record for passed in rounds if passed.record],
    }


def outcome(
    module: AnsibleModule, rounds: List[skip.Passed], before: Dict[str, Any], last: Any, state: str, not_passed: str,
    left: skip_left.Left,
) -> Dict[str, Any]:  # fmt: skip
    """The result of all rounds."""
    done = told(rounds)
    msg = skip_report.finished(left.queries, module.check_mode)
    if rounds:
        msg += skip_report.sentence(done["passed"], last, module.check_mode)
    elif not (left.queries and module.check_mode):
        msg += skip_report.nothing(last)
    queries, records = [*left.queries, *done["queries"]], done["records"]
    risks = [passed.plan.risk for passed in rounds]
    return glue.result(
        module, bool(queries), msg, queries, before, channel_as_dict(last), state, records[0] if records else "", SHOWN,
        passed=done["passed"], not_passed=not_passed, records=records, risk=max(risks, default="none", key=RISKS.index),
        loses=[what for passed in rounds for what in passed.plan.loses],
    )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = glue.merge(glue.CHANNEL_SPEC, glue.SOURCE_SPEC, glue.CHANGE_SPEC, glue.MEMBERS_SPEC, SPEC)
    glue.run(glue.build_module(spec), converge)


if __name__ == "__main__":
    main()
