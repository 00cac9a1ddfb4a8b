#!/usr/bin/python
# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the position in the source's binlog that a replica's data is really at."""

from __future__ import annotations

DOCUMENTATION = r"""
module: binlog_locate
short_description: Find the position that the data of a MySQL or MariaDB replica is really at
version_added: 0.1.0
description:
  - Finds the boundary between two transactions of the source's binlog that a replica's data is at, from the rows
    themselves. For a replica whose data is ahead of its recorded position, whose position was lost, or which was
    restored from a backup without one.
  - Every row that the source's binlog changes is a witness. The binlog says what its image was at each boundary, and
    the replica's row equals some of these images. The answer is the boundary that no witness contradicts. Definitions
    of schemas, tables, columns and indexes are witnesses as well.
  - A single boundary is returned only when every other one is contradicted, when the last applied and the first missing
    transaction are each shown by rows that together agree nowhere else, and when five transactions before it are shown
    to be applied. Otherwise the answer is a
    range, an exact set of transactions, rows of several boundaries, rows that are at no boundary, or that it cannot be
    decided; and why.
  - Both servers are only read. The applier must be stopped; the source may go on writing.
author:
  - replicaops.mysql contributors (@replicaops)
options:
  start:
    description:
      - Where to begin in the source's binlog. By default the position, or the GTIDs, that the replica recorded.
      - C(file:position), a GTID set of what has been executed (on MariaDB a GTID position), or V(unknown) for all
        binlogs that the source has.
    type: str
  verify:
    description:
      - V(full) counts everything from the start to the end of the source's binlog.
      - V(window) finds the place by bisection and counts the transactions around it. What is outside of the window is
        not looked at, so that values that come back out there go unseen. When the window does not tell, everything is
        counted.
      - By default V(full) where the start is known, else V(window).
    type: str
    choices: [full, window]
  window:
    description: How many transactions on each side of the boundary a window has.
    type: int
    default: 500
  timeout:
    description: Seconds for all of it.
    type: int
    default: 3600
  show_rows:
    description:
      - How much is shown of rows that differ. Row contents may be personal data.
      - V(none) shows their number only, V(keys) the primary key, V(full) also the row on the replica and the one that
        it would have to be.
    type: str
    choices: [none, keys, full]
    default: keys
  show_limit:
    description: How many rows that differ are shown.
    type: int
    default: 100
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
attributes:
  action_group:
    description: Use C(group/replicaops.mysql.replica) in C(module_defaults) to set the login options of all modules.
    support: full
    membership:
      - replicaops.mysql.replica
  check_mode:
    description: Only reads, so that it does the same in check mode.
    support: full
  diff_mode:
    description: Changes nothing, so that there is nothing to show.
    support: none
  platform:
    description: Where the module runs; it talks to the servers over the network or a socket.
    platforms: posix
    support: full
notes:
  - Do not start the applier before the position is known. Updates that are applied again succeed without an error and
    move rows back.
  - The account needs SELECT, TRIGGER and EVENT on C(*.*) on the replica, and REPLICATION SLAVE, REPLICATION CLIENT
    (MariaDB BINLOG MONITOR) and SELECT on C(*.*) on the source.
  - Witnesses are rows of tables with a primary key, logged in ROW format with full images (binlog_row_image). Tables
    without a primary key, with cascading foreign keys, with a trigger on the replica or an event there that names them,
    with invisible columns or system versioning, that both sides define differently, and channels with replication
    filters give no evidence. The result lists them.
  - Changes of a table's definition and statements that write rows end what its earlier images say.
  - A statement (C(binlog_format=STATEMENT), or C(MIXED)) is no witness, whatever its text. What it did depends on the
    rows that it met, on defaults, conversions, triggers and functions. And an applier that was started too early has
    run statements such as C(SET n = n + 1) a second time without an error, which nothing in the binlog shows; so the
    right position alone would not make such a replica right. Definitions, and rows on both sides of the place, tell a
    position among statements; else the answer is a range, and a person, or a compare, has to decide. RV(range) says
    with C(runs_again) whether going on from the recorded position would run statements a second time for certain.
  - The rows of an XA transaction count where it is committed. Prepared ones on the replica have to be decided first.
  - In a ring the source's binlog also holds what the replica itself wrote. It has that at any time, so that rows which
    it wrote are no evidence.
  - Where the applier stopped at an error, or several appliers work without keeping the order of commits, transactions
    that give no evidence may have been applied beyond the position; then there is no single one either. What such
    appliers do in order nevertheless is used. Those of MySQL 5.6 keep the order within a schema, later ones let a
    transaction wait for those that it was logged to depend on, MariaDB's keep the order within a domain.
  - Rows are compared by their bytes, floating-point numbers by their bits, JSON by its decoded value.
  - A replica without a channel needs O(source.login_host), and begins at its own GTIDs or at O(start).
seealso:
  - module: replicaops.mysql.replica_status
  - module: replicaops.mysql.table_compare
"""

EXAMPLES = r"""
- name: Find where the data of a stopped replica is
  replicaops.mysql.binlog_locate:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ repairer_password }}"
  register: located

- name: Search all binlogs for the position of a restored backup
  replicaops.mysql.binlog_locate:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ repairer_password }}"
    source:
      login_host: db1.example.com
    start: unknown
"""

RETURN = r"""
msg:
  description: What was found, in a few plain sentences.
  returned: always
  type: str
  sample: >-
    The replica's data is at binlog.000003:1234, 10 transactions after the recorded position. Evidence: 31 witnesses
    agree, 0 contradict; 1 of 15 transactions scanned (full) gave none.
kind:
  description:
    - C(boundary) is a single position. C(range) is one of several. C(applied_set) is no position, but it is known which
      transactions are applied. C(mixed) is no position; each row is as it was at some boundary of a range, and becomes
      whole when every row is brought to the range's end. C(not_at_any_boundary) has rows that were never like that.
      C(undecided) has no evidence, or definitions that differ.
  returned: success
  type: str
  sample: boundary
coordinates:
  description: The position, with C(file) and C(position); none unless RV(kind) is C(boundary).
  returned: success
  type: dict
  sample: {"file": "binlog.000003", "position": 1234}
gtid_set:
  description: What has been executed at that position, or the applied set; on MariaDB the GTID position. Empty without.
  returned: success
  type: str
  sample: 11111111-aaaa-bbbb-cccc-000000000001:1-15
gtids_to_append:
  description: What the replica's own set of executed GTIDs lacks of RV(gtid_set) (MySQL).
  returned: success
  type: str
  sample: 11111111-aaaa-bbbb-cccc-000000000001:6-15
recorded:
  description: Where the search began, as recorded or given; none when it was unknown.
  returned: success
  type: str
  sample: binlog.000003:157
transactions_after_recorded:
  description: How many transactions the position is after the recorded one; negative when it is before it.
  returned: success
  type: int
  sample: 10
range:
  description: With C(range), its ends, the candidates in it, and the transactions between the ends.
  returned: success
  type: dict
  sample: {"first": {"file": "binlog.000003", "position": 1234}, "open_start": false, "open_end": false}
applied:
  description: With C(applied_set), what is applied between the boundary before which all is, and the one after which
    nothing is, and what is missing. With C(mixed), the same where it can be told. C(rows_only) says that rows are all
    that the transactions in between changed, so that M(replicaops.mysql.row_repair) can make them whole.
  returned: success
  type: dict
  sample: {"applied": [{"file": "binlog.000003", "position": 1100, "gtid": ""}], "missing": []}
mixed:
  description: With C(mixed), the ends of the range and the rows that are not as they have to be at its end.
  returned: success
  type: dict
  sample: {"rows": [{"table": "shop.t", "key": {"id": 7}}], "rows_count": 1}
diverged:
  description: With C(not_at_any_boundary), the closest boundary, and the rows and definitions that contradict it.
  returned: success
  type: dict
  sample: {"rows": [{"table": "shop.t", "key": {"id": 7}}], "rows_count": 1, "definitions": []}
evidence:
  description: How many witnesses agree and contradict, how many transactions gave none, what was scanned, why the
    answer is not a single boundary, and the tables without evidence.
  returned: success
  type: dict
  sample: {"votes_for": 31, "votes_against": 0, "transactions": 15, "transactions_without_evidence": 1, "scope": "full"}
bytes_read:
  description: Bytes of binlog read from the source.
  returned: success
  type: int
  sample: 4711
rows_read:
  description: Rows read from the replica.
  returned: success
  type: int
  sample: 31
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module


def locate(module: AnsibleModule) -> Dict[str, Any]:
    """Find the position and describe it."""
    from ansible_collections.replicaops.mysql.plugins.module_utils._server import locate as search

    params = module.params
    request = search.Request(
        login=_module.login_from(params),
        source_login=lambda channel: _module.source_login(params, channel),
        source_named=_module.source_is_named(params),
        channel=params["channel"],
        start=params["start"],
        verify=params["verify"],
        window=max(params["window"], 1),
        show=params["show_rows"],
        shown=max(params["show_limit"], 0),
        timeout=params["timeout"],
    )
    return search.locate(request).as_dict()


def main() -> None:
    """Entry point."""
    spec = _module.merge(
        _module.CHANNEL_SPEC,
        _module.SOURCE_SPEC,
        {
            "start": {"type": "str"},
            "verify": {"type": "str", "choices": ["full", "window"]},
            "window": {"type": "int", "default": 500},
            "timeout": {"type": "int", "default": 3600},
            "show_rows": {"type": "str", "choices": ["none", "keys", "full"], "default": "keys"},
            "show_limit": {"type": "int", "default": 100},
        },
    )
    _module.run(_module.build_module(spec), locate)


if __name__ == "__main__":
    main()
