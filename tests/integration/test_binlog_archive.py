# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""binlog_apply with a directory of archived binlogs in the place of a server that still has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.conftest import Pair
from integration.playbook import run_module
from integration.test_binlog_apply import errant
from integration.test_gtid_fetch import archived
from integration.work_table import trace
from lab.compare import compare

WRITES = (
    (
        "INSERT INTO shop.t (id, v) VALUES (90001, 'a''\\\\b'), (90002, NULL)",
        "UPDATE shop.t SET v = 'x' WHERE id = 90002",
    ),
    ("INSERT INTO shop.t (id, v) VALUES (90003, 'gr\u00fc\u00df')",),
    ("DELETE FROM shop.t WHERE id = 90003",),
)


@pytest.mark.modes("gtid")
@pytest.mark.every_engine
def test_transactions_come_out_of_archived_binlogs(well: Pair, tmp_path: Path) -> None:
    gtids = errant(well, *WRITES)
    archive = tmp_path / "archive"
    archived(well.replica, archive)
    newest = sorted(archive.glob("*.[0-9]*"))[-1]
    named = {"gtids": gtids}
    if well.is_mariadb:
        domain, server, first = gtids.split(",", maxsplit=1)[0].split("-")
        before = "%s-%s-%d" % (domain, server, int(first) - 1) if int(first) > 1 else ""
        named = {"after": before, "until": gtids.rsplit(",", maxsplit=1)[-1]}
    options = {**named, "archive": str(archive), "record_dir": str(tmp_path / "records"), "allow_source_write": True}
    old = trace(well.source)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / newest.name).write_bytes(b"\xfdbin" + newest.read_bytes()[4:])
    refused = run_module("binlog_apply", well.source, {**options, "archive": str(broken)})
    assert refused["failed"] and "encrypted" in refused["msg"] and trace(well.source) == old, refused
    plan = run_module("binlog_apply", well.source, options, check=True)
    assert plan["changed"] and plan["rows"] == 5 and trace(well.source) == old, plan
    done = run_module("binlog_apply", well.source, options)
    assert not done["failed"] and done["queries"] == plan["queries"], done
    well.wait_same()
    assert compare(well.source, well.replica) == []
    again = run_module("binlog_apply", well.source, options)
    assert not again["failed"] and not again["changed"], again
