#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gtid_repair
short_description: Make the GTID sets of source and replica agree
version_added: 0.1.0
description:
  - Lets transactions whose changes are known to be here count as executed (MySQL, MariaDB). Fills holes, gets a replica
    past binlogs that its source has purged, and makes errant transactions of harmless content known everywhere.
  - Adds GTIDs and never rows. A GTID without its change is a promise that the change is there, so it takes
    O(record_dir), and it is refused when another server would lose the change by it.
  - Also tells what the GTID sets of the members show, which are errant and lost transactions, holes and collisions.
    A candidate counts only if the servers above still lack it when they are read once more.
  - The applier of the channel is stopped while the set changes, and runs again if it ran before or stopped at one of
    the transactions. A receiver that stopped because the source had purged what it needs is started.
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
      - V(append) adds to C(gtid_purged) (MySQL 8 and later), or moves C(gtid_slave_pos) (MariaDB, where all connections
        stop for a moment and every domain is written again). It takes no time for millions of transactions. It is not
        in the binlog, so it is refused on a server that others replicate from.
      - V(inject) writes empty transactions under exactly these GTIDs (MySQL). They are in the binlog and reach
        everything below. What is executed already is left out, so that a run that was cut short is finished by the
        next.
      - V(reset) throws the binlogs away and leaves exactly O(gtids) as executed. It is refused when somebody reads
        these binlogs, and when the source could not send everything else.
      - V(auto) appends where that is allowed, else injects. It never resets.
    type: str
    choices: [auto, append, inject, reset]
    default: auto
  gtids:
    description:
      - The transactions. A GTID set on MySQL, with tags too, a position per domain on MariaDB.
      - By default what the source has purged and this server neither has nor has fetched, less what another member can
        still send. On MariaDB the position at the head of the source's oldest binlog.
      - Needed for O(method=reset).
    type: str
  max_transactions:
    description: How many empty transactions may be written.
    type: int
    default: 10000
  allow_withheld:
    description:
      - Whether to go on although the source or a member has not executed the transactions, or was not asked, so that it
        would never get the changes from this server. Without it the module fails and says who loses what.
      - Needed to write empty transactions for errant ones on a source.
    type: bool
    default: false
  fetch_again:
    description:
      - For O(method=reset) on MySQL, whether what O(gtids) leaves out although it is executed here is meant to come
        from the source again, as after a source gave the numbers away a second time. The rows have to be undone before.
    type: bool
    default: false
  allowed_local:
    description: UUIDs and tags (MariaDB server ids) of intended local transactions, which are not errant.
    type: list
    elements: str
    default: []
notes:
  - Whether the changes are here is not looked at. Compare the tables before or afterwards
    (M(replicaops.mysql.table_compare)).
  - A server without a channel can be given empty transactions too, as the first source of a topology.
  - With auto position, a hole whose transaction the source still has is better fetched again. The order matters where a
    channel goes by coordinates. Fill the hole first, then turn auto position on.
  - Equal sets do not prove equal rows. After a source lost transactions and gave their numbers away again, no
    arithmetic shows the collision on MySQL. RV(collisions) is about MariaDB.
  - MySQL 5.6 and 5.7 cannot add to C(gtid_purged), so V(append) is refused there.
  - The account needs C(SYSTEM_VARIABLES_ADMIN) and C(REPLICATION_SLAVE_ADMIN) (MySQL 5.6 and 5.7 C(SUPER); MariaDB
    C(REPLICATION SLAVE ADMIN)), C(RELOAD) for V(reset), and C(TRANSACTION_GTID_TAG) for tagged GTIDs.
seealso:
  - module: replicaops.mysql.replica_status
  - module: replicaops.mysql.replica_skip
  - module: replicaops.mysql.table_compare
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Get past binlogs that the source has purged, the data being known to be here
  replicaops.mysql.gtid_repair:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ vault_repairer_password }}"
    record_dir: /var/lib/replica-repair

- name: Fill a hole by empty transactions
  replicaops.mysql.gtid_repair:
    login_host: db2.example.com
    method: inject
    gtids: 11111111-aaaa-bbbb-cccc-000000000001:3
    members:
      - name: db3
        login_host: db3.example.com
    record_dir: /var/lib/replica-repair

- name: Only show what the sets of the members say
  replicaops.mysql.gtid_repair:
    login_host: db2.example.com
    record_dir: /var/lib/replica-repair
  check_mode: true
"""

RETURN = r"""
msg:
  description: What was added or would be, and who is knowingly left without it.
  returned: always
  type: str
  sample: "Appended 2 transactions of 11111111-aaaa-bbbb-cccc-000000000001: 4-5. ..."
queries:
  description:
    - The statements in the order they ran, or would run in check mode. Never for execution again.
    - Of many empty transactions those of the first are shown, and the GTIDs that they are repeated for.
  returned: always
  type: list
  elements: str
  sample: ["SET GLOBAL gtid_purged = '+11111111-aaaa-bbbb-cccc-000000000001:4-5'"]
executed:
  description: Whether the statements ran. False in check mode and when nothing had to be done.
  returned: success
  type: bool
method:
  description: The method that was used, or would be.
  returned: success
  type: str
  sample: append
appended:
  description: What was appended, or would be; empty when nothing was.
  returned: success
  type: str
injected:
  description: What empty transactions were written for, or would be; empty when nothing was.
  returned: success
  type: str
errant:
  description: Transactions that no server above a member has, and that are not intended.
  returned: success
  type: list
  elements: dict
  sample: [{"server": "db2.example.com:3306", "gtids": "22222222-aaaa-bbbb-cccc-000000000002:1-3"}]
holes:
  description: Transactions below the newest one that a member will never get by itself. MySQL.
  returned: success
  type: list
  elements: dict
lost:
  description: Transactions numbered by a server above that it does not have (any more).
  returned: success
  type: list
  elements: dict
collisions:
  description: MariaDB. Transactions of one domain and number by different servers.
  returned: success
  type: list
  elements: dict
unknown:
  description: What the sets could not tell and why, a sentence each.
  returned: success
  type: list
  elements: str
before:
  description: The server's GTID sets and positions, and the channel's threads.
  returned: success
  type: dict
after:
  description: The same afterwards, read again; in check mode as expected.
  returned: success
  type: dict
risk:
  description: What is put at risk, V(none) or V(replica_history).
  returned: success
  type: str
loses:
  description: What is lost, or would be at a promotion, a sentence each.
  returned: success
  type: list
  elements: str
state_id:
  description: The state that the change was computed from.
  returned: success
  type: str
record:
  description: Path of the undo record; empty when none was written.
  returned: success
  type: str
withheld:
  description: Who would be left without the changes, a sentence each.
  returned: when refused for that
  type: list
  elements: str
code:
  description: Kind of failure, for programs.
  returned: failure
  type: str
  sample: refused
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module as glue
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_repair as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_repair_plan as plans
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_repair_report as report
from ansible_collections.replicaops.mysql.plugins.module_utils._server import gtid_repair

SPEC: Dict[str, Any] = {
    "method": {"type": "str", "choices": list(rules.METHODS), "default": rules.AUTO},
    "gtids": {"type": "str"},
    "max_transactions": {"type": "int", "default": 10000},
    "allow_withheld": {"type": "bool", "default": False},
    "fetch_again": {"type": "bool", "default": False},
    "allowed_local": {"type": "list", "elements": "str", "default": []},
}


def converge(module: AnsibleModule) -> Dict[str, Any]:
    """Make the sets agree."""
    params = module.params
    names = ("method", "gtids", "max_transactions", "allow_withheld", "fetch_again")
    wish = rules.Wish(**{name: params[name] for name in names}, allowed_local=tuple(params["allowed_local"]))
    rules.check_options(wish)
    options = glue.change_options(module, "gtid_repair")
    asked = gtid_repair.Asked(
        lambda channel: glue.source_login(params, channel),
        glue.source_is_named(params),
        tuple(glue.member_logins(params)),
    )
    with gtid_repair.aim_at(*glue.target_arguments(module, rules.attempt(wish.method), options)) as aim:
        around = gtid_repair.look(aim, asked)
        found = gtid_repair.verdict(aim, asked, around, wish)
        planned = plans.plan(wish, aim.verbs, aim.server, aim.channel, around, aim.state_id, params["record_dir"])
        gtid_repair.check_last(aim, planned)
        before = report.picture(aim.server, aim.channel)
        after, queries, record = plans.predicted(planned, before), list(planned.plan.queries()), ""
        if planned.plan.steps and not module.check_mode:
            outcome, planned = gtid_repair.run(aim, wish, planned, around, options)
            after = report.picture(outcome.after, outcome.after.channel(aim.channel.name) or aim.channel)
            queries, record = outcome.executed, outcome.record
        msg = report.sentence(planned.method, planned.count, planned.note, module.check_mode, planned.told)
        return glue.result(
            module, bool(planned.plan.steps), msg, queries, before, after, aim.state_id, record, None,
            method=planned.method, risk=planned.plan.risk, loses=list(planned.plan.loses),
            appended=planned.gtids if planned.method == rules.APPEND else "",
            injected=planned.gtids if planned.method == rules.INJECT else "", **found.as_dict(),
        )  # fmt: skip


def main() -> None:
    """Run the module."""
    spec = glue.merge(glue.CHANNEL_SPEC, glue.SOURCE_SPEC, glue.MEMBERS_SPEC, glue.CHANGE_SPEC, SPEC)
    glue.run(glue.build_module(spec), converge)


if __name__ == "__main__":
    main()
