#!/usr/bin/python

# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: table_checksum
short_description: Compare a replica's tables with its source's by pt-table-checksum
version_added: 0.1.0
description:
  - Runs C(pt-table-checksum) of the Percona Toolkit, found on the host where the module runs, on tables of a replica
    (MySQL before 8.4, MariaDB; newer servers with a newer tool), and returns what it found table by table.
  - The tool writes on the source, in C(STATEMENT) format, and every server that replicates from the source executes
    what it writes. M(replicaops.mysql.table_compare) proves more and writes nothing; this is for those who want the
    tool that they know.
  - Everything that it needs is looked at first. Tables that are on one side only, or whose definitions differ, are
    reported and not given to it, because its statements would stop the replica.
extends_documentation_fragment:
  - replicaops.mysql._connection
  - replicaops.mysql._channel
  - replicaops.mysql._source
options:
  tables:
    description: Tables to compare, each C(schema.table), C(schema.*), or V(all).
    type: list
    elements: str
    default: []
  since:
    description: Compare every table that the source changed after this point, C(file:position) or a GTID set.
    type: str
  state:
    description:
      - V(compared) runs the tool.
      - V(absent) takes away what an interrupted run left on the source.
    type: str
    choices: [compared, absent]
    default: compared
  allow_source_write:
    description: The tool writes on the source. Without this it is refused.
    type: bool
    default: false
  others_ok:
    description: Whether other servers replicate from the source that have all of these tables.
    type: bool
    default: false
  tool:
    description: Path of the tool; by default the one on the PATH.
    type: path
  schema:
    description: A schema that is made on the source for the tool, and dropped at the end.
    type: str
    default: replicaops_checksum
  slice:
    description: Seconds of work for one call. When they are over, RV(done) is false, and the next call goes on.
    type: int
    default: 30
  max_lag:
    description: The tool waits while the replica is further behind than so many seconds.
    type: int
    default: 1
  chunk_seconds:
    description: How long one of the tool's statements shall take on the source.
    type: float
    default: 0.5
  managed_ok:
    description: Whether to write on servers that an orchestrator or a managed service looks after.
    type: bool
    default: false
  fail_on_difference:
    description: Whether the module fails when the result is C(unproven).
    type: bool
    default: false
attributes:
  action_group:
    description: Use C(group/replicaops.mysql.replica) in C(module_defaults) to set the login options of all modules.
    support: full
    membership:
      - replicaops.mysql.replica
  check_mode:
    description: Looks at everything the tool needs, runs nothing, and returns the statements and the command.
    support: full
  diff_mode:
    description: Nothing stays changed, so that there is nothing to show.
    support: none
  platform:
    description: Where the module runs; the tool talks to the servers over the network or a socket.
    platforms: posix
    support: full
notes:
  - Refused when the tool is not there or too old for the server, when the applier does not run, with replication
    filters, when servers replicate from the replica, and, without O(others_ok), when others replicate from the source.
  - C(changed) is always false, because what was made on the source is dropped again. Its binlog grows by it.
  - The account on the source writes there; what it needs is in docs/accounts.md, under C(checksummer).
  - The tool compares sums of 32 bits, and floating-point numbers as the server prints them.
seealso:
  - module: replicaops.mysql.table_compare
  - name: pt-table-checksum
    description: The tool's manual.
    link: https://docs.percona.com/percona-toolkit/pt-table-checksum.html
author:
  - replicaops.mysql contributors (@replicaops)
"""

EXAMPLES = r"""
- name: Compare a schema by pt-table-checksum
  replicaops.mysql.table_checksum:
    login_host: db2.example.com
    login_user: admin
    login_password: "{{ vault_admin_password }}"
    tables: [shop.*]
    allow_source_write: true
    slice: 3600
"""

RETURN = r"""
msg:
  description: What was compared and what came out, in a few sentences.
  returned: always
  type: str
proof:
  description: C(rows_proven) when every table asked for is equal by the tool, C(unproven) in every other case.
  returned: success, when compared
  type: str
  sample: rows_proven
done:
  description: Whether all was compared.
  returned: success, when compared
  type: bool
progress:
  description: How far it has come.
  returned: success, when compared
  type: dict
  sample: {"tables_done": 12, "tables": 40, "rows": 1204000}
compared:
  description: Tables that were compared to the end, as M(replicaops.mysql.table_compare) returns them.
  returned: success, when compared
  type: list
  elements: dict
  sample: [{"table": "shop.orders", "rows": 1000, "chunks": 1, "method": "pt-table-checksum", "equal": true}]
different:
  description:
    - What differs, as M(replicaops.mysql.table_compare) returns it. Of rows the tool knows only in which ranges some
      differ, so that C(counts) of RV(different) are the least there can be, and no keys are shown.
  returned: success, when compared
  type: list
  elements: dict
undecided:
  description: What could not be compared, and why.
  returned: success, when compared
  type: list
  elements: dict
status:
  description: The tool's exit status.
  returned: success, when compared
  type: int
  sample: 16
meaning:
  description: What the exit status says, a phrase for each bit.
  returned: success, when compared
  type: list
  elements: str
  sample: ["rows differ"]
version:
  description: The tool's version.
  returned: success
  type: str
  sample: 3.2.1
selected:
  description: The tables that would be compared.
  returned: in check mode
  type: list
  elements: str
queries:
  description: The statements and the command, less the names of the files with the accounts.
  returned: in check mode
  type: list
  elements: str
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from ansible_collections.replicaops.mysql.plugins.module_utils._core import permit
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare import UNPROVEN, Report

SPEC: Dict[str, Any] = {
    "tables": {"type": "list", "elements": "str", "default": []},
    "since": {"type": "str"},
    "state": {"type": "str", "choices": ["compared", "absent"], "default": "compared"},
    "allow_source_write": {"type": "bool", "default": False},
    "others_ok": {"type": "bool", "default": False},
    "tool": {"type": "path"},
    "schema": {"type": "str", "default": "replicaops_checksum"},
    "slice": {"type": "int", "default": 30},
    "max_lag": {"type": "int", "default": 1},
    "chunk_seconds": {"type": "float", "default": 0.5},
    "managed_ok": {"type": "bool", "default": False},
    "fail_on_difference": {"type": "bool", "default": False},
}


def checksum(module: AnsibleModule) -> Dict[str, Any]:
    """Run the tool for one slice and describe what it found."""
    from ansible_collections.replicaops.mysql.plugins.module_utils._server import checksum_tool, compare_run, connect
    from ansible_collections.replicaops.mysql.plugins.module_utils._server.reader import read_server

    params = module.params
    with connect.connect(_module.login_from(params)) as connection:
        replica = read_server(connection)
        channel = permit.pick_channel(replica, params["channel"])
        permit.check_writable(replica, channel, checksum_tool.ATTEMPTED, params["managed_ok"])
        login = _module.source_login(params, channel)
        wanted = compare_run.Request(tuple(params["tables"]), params["since"] or "")
        selected = compare_run.Run(connection, replica, channel, login, wanted).selected() if _asked(params) else []
        request = checksum_tool.Request(
            lambda command, environment: module.run_command(list(command), environ_update=dict(environment)), selected,
            params["tool"] or "", params["schema"], max(params["slice"], 1), params["max_lag"],
            params["chunk_seconds"], params["allow_source_write"], params["others_ok"], params["managed_ok"],
        )  # fmt: skip
        with checksum_tool.opened(connection, replica, channel, login, request) as run:
            if params["state"] == "absent":
                gone = not module.check_mode and run.clear()
                return {"changed": gone, "msg": "Taken away." if gone else "There was nothing to take away."}
            run.check()
            version = ".".join(str(part) for part in run.version)
            if module.check_mode:
                message = "Would compare %d tables of %s." % (len(selected), connection.address)
                return {
                    "changed": False, "msg": message, "selected": selected, "queries": run.queries(),
                    "version": version,
                }  # fmt: skip
            done = run.run()
        at = "the end of a run of pt-table-checksum %s" % version
        report = Report(login.address, connection.address, at, done.outcomes)
    outcome = {**report.as_dict(), "changed": False, "version": version, "done": done.done, "status": done.status}
    outcome.update(meaning=list(done.meaning), progress=done.progress(len(selected)))
    if not done.done:
        outcome.update(msg=done.message(len(selected)), proof=UNPROVEN)
    elif params["fail_on_difference"] and report.unproven:
        module.fail_json(**outcome)
    return outcome


def _asked(params: Dict[str, Any]) -> bool:
    return params["state"] == "compared"


def main() -> None:
    """Entry point."""
    spec = _module.merge(_module.CHANNEL_SPEC, _module.SOURCE_SPEC, SPEC)
    rules = {"required_if": [["state", "compared", ["tables", "since"], True]]}
    _module.run(_module.build_module(spec, **rules), checksum)


if __name__ == "__main__":
    main()
