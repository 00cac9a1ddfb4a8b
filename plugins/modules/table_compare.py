#!/usr/bin/python
# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove that a replica's tables equal the source's."""

from __future__ import annotations

DOCUMENTATION = r"""
module: table_compare
short_description: Prove that tables of a MySQL or MariaDB replica equal those of its source
version_added: 0.1.0
description:
  - Compares definitions and rows of tables on a replica and its source at exactly the same point of the source's
    history, by digests of their bytes, while the source keeps writing. Nothing is locked on the source.
  - The applier of the channel is paused for a moment. With the applier stopped, a read view is opened on the source at
    a known point, the applier runs until exactly that point, a read view is opened on the replica, and the applier is
    started again. Both views are then read in chunks; the receiver is never stopped.
  - Tables whose engine has no read view (MyISAM, Aria, MEMORY and others), and sequences, are read while the applier
    stands still, and count only when the source's binlog shows no later change to them.
  - What cannot be told with certainty is listed as undecided, and makes the result C(unproven).
author:
  - replicaops.mysql contributors (@replicaops)
options:
  tables:
    description:
      - Tables to compare, each C(schema.table), C(schema.*), or V(all) for every table outside the system schemas.
      - With V(all), schemas, views, routines, triggers and events are compared as well.
      - An account sees only tables for which it has privileges. Both accounts need SELECT on them, on C(*.*) with
        V(all) and O(since), and TRIGGER, EVENT and SHOW VIEW on C(*.*) with V(all). What that leaves open is undecided.
      - The replica's account must be allowed to stop and start the applier, as a repairer is.
    type: list
    elements: str
    default: []
  since:
    description:
      - Compare every table that the source changed after this point of its history, besides those in O(tables).
      - Either C(file:position) in the source's binlog, or a GTID set (on MariaDB, a GTID position).
      - Tables with a foreign key from or to such a table are compared as well.
      - A statement or event that cannot be tied to a table makes it every table.
    type: str
  max_rows:
    description: Read no more rows than this on the source. Tables beyond it are undecided.
    type: int
    default: 1000000
  chunk_rows:
    description: Largest number of rows that one statement reads. Chunks start smaller and follow the server's speed.
    type: int
    default: 100000
  timeout:
    description: Seconds for all of it. What is not compared by then is undecided, or with O(slice) left to the next.
    type: int
    default: 300
  slice:
    description:
      - Seconds of work for one call. When they are over, RV(done) is false, and the next call goes on from there.
      - Each slice is compared at a point of its own. The applier is paused for a moment in each.
      - Without it, all is compared in one call.
    type: int
  progress_file:
    description:
      - Where a comparison in slices keeps how far it has come, on the host where the module runs. Needed with O(slice).
      - A comparison that was interrupted goes on where the last slice ended. The file is removed when all is done.
      - It holds the keys of rows that differ, and can be read by its owner only.
    type: path
  max_lag:
    description:
      - Wait before each chunk of rows while the replica is further behind than so many seconds.
      - Without it, never wait.
    type: int
  start_stopped:
    description:
      - What to do when the applier is found stopped and is not at the source's point.
      - V(false) refuses. V(true) lets it run up to the point; it stays stopped there afterwards.
    type: bool
    default: false
  managed_ok:
    description: Whether to pause the applier of a server that an orchestrator or a managed service looks after.
    type: bool
    default: false
  show_rows:
    description:
      - How much of a differing row the result shows. Row contents may be personal data.
      - V(none) shows counts only, V(keys) the key and the names of the differing columns, V(full) also the values.
    type: str
    choices: [none, keys, full]
    default: keys
  show_limit:
    description: How many differing rows of each table the result shows.
    type: int
    default: 20
  fail_on_difference:
    description: Whether the module fails when the result is C(unproven).
    type: bool
    default: false
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
    description: Stops and compares nothing; returns the tables that would be compared, and the statements.
    support: full
  diff_mode:
    description: Changes nothing, so that there is nothing to show.
    support: none
  platform:
    description: Where the module runs; it talks to the servers over the network or a socket.
    platforms: posix
    support: full
notes:
  - C(changed) is always false, because the applier ends in the state it was found in. It is paused for the time that
    takes, usually less than a second, longer with tables without a read view, with many tables, and with a lag.
  - A module that is ended by SIGTERM, SIGHUP or SIGINT starts the applier again; one that is ended by SIGKILL while the
    applier is paused leaves it stopped, or running with an UNTIL condition.
  - An applier that runs with an UNTIL condition is refused, because it would lose the condition.
  - A read view stays open on both servers for as long as the comparison takes; they keep old row versions for so long.
  - The view gives its metadata locks back after every statement, so that DDL of others does not wait for it. MariaDB
    does that only for an account with the privilege BINLOG ADMIN. Without it, a comparison gives up as soon as somebody
    waits, and what was not compared by then is undecided.
  - Set aside in definitions are the next AUTO_INCREMENT value, row format and other storage options, display widths of
    integers and the order of keys. Virtual columns are not read.
  - Tables without a primary key or a unique key of NOT NULL columns are compared as a whole, up to 200000 rows.
  - On MySQL with coordinates, and on MySQL 5.6, a transaction being committed at the moment of the view may be in
    the binlog and not in the view. A moment without commits is looked for; without one, differing tables are compared
    again at other points, and RV(point.exact) is false.
  - Only the server's own channel is paused. Tables that another channel, or a local session, writes may differ.
seealso:
  - module: replicaops.mysql.replica_status
"""

EXAMPLES = r"""
- name: Prove that two schemas are equal
  replicaops.mysql.table_compare:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ repairer_password }}"
    tables: [shop.*, stock.*]
  register: compared

- name: Compare what was changed since an incident, and stop when it is not equal
  replicaops.mysql.table_compare:
    login_host: db2.example.com
    login_user: repairer
    login_password: "{{ repairer_password }}"
    since: binlog.000042:4
    fail_on_difference: true
"""

RETURN = r"""
msg:
  description: What was proven and what was not, in a few plain sentences.
  returned: always
  type: str
  sample: >-
    Proven: 1,204 rows in 3 tables are equal on db1:3306 and db2:3306 at binlog.000003:1234. The rest of the server was
    not compared.
proof:
  description:
    - C(rows_proven) when every table asked for is equal, C(fully_verified) when that is every table and all other
      definitions outside the system schemas, C(unproven) in every other case.
  returned: success, or failure because of a difference
  type: str
  sample: rows_proven
done:
  description: Whether all was compared. Only false with O(slice).
  returned: success, when compared
  type: bool
  sample: true
progress:
  description: How far it has come.
  returned: success, when compared
  type: dict
  sample: {"tables_done": 12, "tables": 40, "rows": 1204000, "different": 0}
compared:
  description: Tables whose definition and rows were compared to the end, whether they are equal or not.
  returned: success
  type: list
  elements: dict
  sample: [{"table": "shop.orders", "rows": 1000, "chunks": 1, "method": "primary key", "equal": true}]
different:
  description:
    - What differs, and how. C(what) is C(definition), C(rows), C(missing_on_replica) or C(missing_on_source).
    - With a definition come the lines that only one side has, and in C(alter) the statements that give the replica's
      table the source's definition, for one session on the replica. They are none where values may be lost, or
      where nobody can know what becomes of them; then C(refused) says why.
  returned: success
  type: list
  elements: dict
  sample:
    - table: shop.orders
      what: rows
      counts: {"changed": 1, "missing": 0, "extra": 0}
      rows: [{"what": "changed", "key": {"id": "7"}, "columns": ["price"]}]
      complete: true
undecided:
  description: What could not be compared, and why.
  returned: success
  type: list
  elements: dict
  sample: [{"table": "shop.log", "reason": "no primary or unique key, and more than 200000 rows"}]
point:
  description: Where in the source's history both sides were compared.
  returned: success, when compared
  type: dict
  contains:
    source_log_file:
      description: Binlog of the source.
      type: str
      returned: always
      sample: binlog.000003
    source_log_pos:
      description: Position in it.
      type: int
      returned: always
      sample: 1234
    gtids:
      description: What the source had executed at that point; on MariaDB its GTID position. Empty without GTIDs.
      type: str
      returned: always
      sample: 11111111-aaaa-bbbb-cccc-000000000001:1-5
    exact:
      description: False when a transaction that was being committed may be missing from what was read on the source.
      type: bool
      returned: always
      sample: true
selected:
  description: The tables that would be compared.
  returned: in check mode
  type: list
  elements: str
  sample: [shop.orders]
queries:
  description: The statements that would pause the applier.
  returned: in check mode
  type: list
  elements: str
  sample: ["STOP REPLICA SQL_THREAD FOR CHANNEL ''"]
"""

import os
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from ansible_collections.replicaops.mysql.plugins.module_utils._core import permit
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare import UNPROVEN
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare_progress import Progress


def compare(module: AnsibleModule) -> Dict[str, Any]:
    """Compare what was asked for and describe what was found."""
    from ansible_collections.replicaops.mysql.plugins.module_utils._server import compare_progress as files
    from ansible_collections.replicaops.mysql.plugins.module_utils._server import compare_run, connect, reader

    params = module.params
    request = compare_run.Request(
        tables=tuple(params["tables"]),
        since=params["since"] or "",
        start_stopped=params["start_stopped"],
        max_rows=params["max_rows"],
        chunk=max(params["chunk_rows"], 1),
        timeout=params["timeout"],
        show=params["show_rows"],
        shown=params["show_limit"],
        slice_seconds=params["slice"],
        max_lag=params["max_lag"],
    )
    path = os.path.abspath(params["progress_file"]) if params["progress_file"] else ""
    with connect.connect(_module.login_from(params)) as connection:
        replica = reader.read_server(connection)
        channel = permit.pick_channel(replica, params["channel"])
        permit.check_writable(replica, channel, "pause the applier", params["managed_ok"])
        run = compare_run.Run(connection, replica, channel, _module.source_login(params, channel), request)
        if module.check_mode:
            selected = run.selected()
            message = "Would compare %d tables of %s." % (len(selected), connection.address)
            return {"changed": False, "msg": message, "selected": selected, "queries": run.queries()}
        progress = files.load(path, run.key()) if path else Progress(run.key())
        done = run.compare(progress)
    if path:
        files.forget(path) if done else files.save(path, progress)
    report = run.report(progress)
    outcome = {**report.as_dict(), "changed": False, "point": run.point.as_dict() if run.point else {}}
    outcome.update(done=done, progress=run.so_far(progress))
    if not done:
        outcome.update(msg=run.message_so_far(progress), proof=UNPROVEN)
    elif params["fail_on_difference"] and report.unproven:
        module.fail_json(**outcome)
    return outcome


def main() -> None:
    """Entry point."""
    spec = _module.merge(
        _module.CHANNEL_SPEC,
        _module.SOURCE_SPEC,
        {
            "tables": {"type": "list", "elements": "str", "default": []},
            "since": {"type": "str"},
            "max_rows": {"type": "int", "default": 1000000},
            "chunk_rows": {"type": "int", "default": 100000},
            "timeout": {"type": "int", "default": 300},
            "slice": {"type": "int"},
            "progress_file": {"type": "path"},
            "max_lag": {"type": "int"},
            "start_stopped": {"type": "bool", "default": False},
            "managed_ok": {"type": "bool", "default": False},
            "show_rows": {"type": "str", "choices": ["none", "keys", "full"], "default": "keys"},
            "show_limit": {"type": "int", "default": 20},
            "fail_on_difference": {"type": "bool", "default": False},
        },
    )
    rules = {"required_one_of": [["tables", "since"]], "required_by": {"slice": "progress_file"}}
    _module.run(_module.build_module(spec, **rules), compare)


if __name__ == "__main__":
    main()
