#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_skip
short_description: Pass a failing transaction whose effect is verified to be present
version_added: 0.1.0
description:
  - Gets an applier past the exact transaction it stopped at (MySQL, MariaDB), and starts it again.
  - By default only when the whole effect of the failing statement is verified to be present on the replica, so that
    nothing is lost. A statement of which one clause is present and another is not is refused.
  - Passes errors about definitions and accounts, which are 1007 (database exists), 1050 (table exists), 1051 (unknown
    table), 1060 (duplicate column), 1061 (duplicate key name), 1091 (column or key to drop is missing), 1304 (routine
    exists), 1359 (trigger exists; on MySQL 5.6 also 1235), 1396 (account operation failed) and 1537 (event exists).
  - Errors about rows (1062, 1032 and the like) are refused with the reason.
  - Without a current error nothing is done. A skip on a healthy replica would eat a good transaction.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
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
      - V(counter) sets the skip counter to 1 (MySQL without GTIDs, MariaDB).
      - V(auto) takes the one that works. MySQL 8 and later accept the counter in GTID mode and ignore it.
    type: str
    choices: [auto, counter, gtid]
    default: auto
  limit:
    description:
      - How many failing transactions may be passed, one after another. Each is read and verified anew.
      - When a later one must not be passed, the module ends there and says so.
    type: int
    default: 1
  only_if_effect_present:
    description:
      - Whether to pass a transaction only when everything its statement wants is there already.
      - With V(false) the statement may be given up knowingly. RV(passed) shows it, and O(record_dir) is needed.
    type: bool
    default: true
notes:
  - The effect of a statement about a table is shown by the server itself on a temporary table made like the real one,
    in a session of its own that does not log. This takes no GTID, writes nothing to the binlog, is allowed under
    C(read_only) and C(super_read_only), and is done in check mode too. The statement never runs against the real table.
  - Foreign keys are compared with the text of C(SHOW CREATE TABLE), as a temporary table has none.
  - Statements are refused whose effect this cannot show, for example with partitions, FULLTEXT keys in InnoDB,
    executable comments or double quotes.
  - A definition is no proof of values. A CREATE TABLE is refused when the table holds rows, an added column whose
    default is not a literal when the table holds rows, and a statement that drops and makes the same column always.
    Where a column was added or converted RV(passed[].evidence) says that the values were not compared; compare them
    afterwards (M(replicaops.mysql.table_compare)). The grants of accounts are not compared either.
  - Refused when servers replicate from this one, as they would not get the transaction either, and when that cannot be
    known because the account may not list them.
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
  description: The transactions that were passed, or would be.
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
      description: The file it was read from, a relay log or the source's binlog.
      type: str
      returned: always
    log_position:
      description: Where it begins in that file.
      type: int
      returned: always
    error:
      description: The error's number.
      type: int
      returned: always
    error_text:
      description: The error's text, with passwords masked.
      type: str
      returned: always
    database:
      description: The statement's default database.
      type: str
      returned: always
    statement:
      description: The statement, with passwords masked. Never for execution.
      type: str
      returned: always
    effect:
      description: V(present), or V(not_verified) when it was given up.
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
      description: The statement that was given up; null when its effect is present.
      type: str
      returned: always
    method:
      description: How it was passed, V(gtid) or V(counter).
      type: str
      returned: always
not_passed:
  description: Why the module ended before O(limit) although the applier has another error; empty otherwise.
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
  description: What was put at risk, V(none), V(replica_rows), or V(replica_history) when a statement was given up.
  returned: success
  type: str
loses:
  description: What is lost, a sentence each.
  returned: success
  type: list
  elements: str
records:
  description: Paths of the undo records, one for each transaction.
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

from dataclasses import replace
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module as glue
from ansible_collections.replicaops.mysql.plugins.module_utils._core import skip_plan, skip_report
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.remedies import RISKS
from ansible_collections.replicaops.mysql.plugins.module_utils._core.skip_plan import Wish
from ansible_collections.replicaops.mysql.plugins.module_utils._core.state import channel_as_dict
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change, skip

SPEC: Dict[str, Any] = {
    "errors": {"type": "list", "elements": "int", "required": True},
    "method": {"type": "str", "choices": ["auto", "counter", "gtid"], "default": "auto"},
    "limit": {"type": "int", "default": 1},
    "only_if_effect_present": {"type": "bool", "default": True},
}

SHOWN = ("applier", "applier_error", "executed", "executed_gtids", "skip_counter")


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Get the applier past the failing transactions."""
    params = module.params
    names = ("method", "limit", "only_if_effect_present")
    wish = Wish(tuple(params["errors"]), *(params[name] for name in names))
    skip_plan.check_options(wish)
    options = glue.change_options(module, "replica_skip")
    source = (lambda channel: glue.source_login(params, channel)) if params["source"] is not None else None
    rounds: List[skip.Passed] = []
    before: Dict[str, Any] = {}
    last, state, not_passed = None, "", ""
    while len(rounds) < (1 if module.check_mode else wish.limit):
        named = glue.target_arguments(module, "pass a failing transaction", options)
        with change.target(*named, samples=1 if rounds else 2) as aim:
            last = skip_report.masked(aim.channel)
            if not rounds:
                before, state = channel_as_dict(last), aim.state_id
            try:
                passed = skip.pass_one(aim, wish, options, source)
            except RefusedError as error:
                if not rounds:
                    raise
                not_passed = str(error)
                break
        if passed is None:
            break
        rounds.append(passed)
        last = passed.after or last
        options = replace(options, state_id=None, written_at=glue.now())
    return outcome(module, rounds, before, last, state, not_passed)


def outcome(
    module: AnsibleModule, rounds: List[skip.Passed], before: Dict[str, Any], last: Any, state: str, not_passed: str
) -> Dict[str, Any]:
    """The result of all rounds."""
    entries = [passed.entry for passed in rounds]
    msg = skip_report.sentence(entries, last, module.check_mode) if rounds else skip_report.nothing(last)
    queries = [query for passed in rounds for query in passed.queries]
    records = [passed.record for passed in rounds if passed.record]
    risks = [passed.plan.risk for passed in rounds]
    return glue.result(
        module, bool(rounds), msg, queries, before, channel_as_dict(last), state, records[0] if records else "", SHOWN,
        passed=entries, not_passed=not_passed, records=records, risk=max(risks, default="none", key=RISKS.index),
        loses=[what for passed in rounds for what in passed.plan.loses],
    )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = glue.merge(glue.CHANNEL_SPEC, glue.SOURCE_SPEC, glue.CHANGE_SPEC, SPEC)
    glue.run(glue.build_module(spec), converge)


if __name__ == "__main__":
    main()
