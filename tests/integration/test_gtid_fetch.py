# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the source has purged comes from archived binlogs, or on MariaDB from another member: exactly that, in order."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Callable

import pytest
from integration.conftest import SEED
from integration.test_gtid import LOST, gtid, picture, receiver_error, settle
from integration.test_repair import result
from lab import faults
from lab.server import DATA, Server
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
KEPT = (
    "CREATE TABLE shop.kept (id INT PRIMARY KEY, b VARBINARY(20), t TEXT CHARACTER SET utf8mb4, d DATETIME(3))"
    " ENGINE=InnoDB"
)
WORK = (
    *LOST,
    "INSERT INTO shop.kept VALUES (1, x'00ff0a0d27', 'gr\u00fc\u00df \U0001f600', '2026-01-02 03:04:05.678')",
    "INSERT INTO shop.kept VALUES (2, NULL, NULL, NULL)",
    "UPDATE shop.kept SET b = x'ff' WHERE id = 2",
)

pytestmark = pytest.mark.skipif(not FULL, reason="minutes of playbooks: only with REPLICA_TEST_MATRIX=full")


def archived(server: Server, folder: Path) -> None:
    """Copy all finished binlogs of a server into a directory, as a job does that archives them."""
    server.execute("FLUSH BINARY LOGS")
    folder.mkdir()
    names = [str(row["Log_name"]) for row in server.query("SHOW BINARY LOGS")]
    for name in names[:-1]:
        _code, text = server.exec("base64 -w0 %s/%s" % (DATA, name))
        (folder / name).write_bytes(base64.b64decode(text))
    (folder / "binlog.index").write_text("\n".join(names), encoding="utf-8")


def test_what_nobody_has_any_more_comes_from_archived_binlogs(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, "pair", gtid=True, seed=(*SEED, KEPT))
    archive, incomplete = tmp_path / "archive", tmp_path / "incomplete"

    def work() -> None:
        lab.source.execute("FLUSH BINARY LOGS", *WORK[:4], "FLUSH BINARY LOGS", *WORK[4:])
        archived(lab.source, archive)

    faults.purge_needed(lab, work)
    receiver_error(lab, lab.replica)
    incomplete.mkdir()
    files = sorted(archive.glob("*.[0-9]*"))
    for file in files[:-1]:
        (incomplete / file.name).write_bytes(file.read_bytes())
    before = picture(lab)
    refused = gtid(lab, tmp_path / "refused")
    assert refused.code != 0 and picture(lab) == before, refused.output
    assert "repair_binlog_archive" in str(result(refused)["would_allow"]), result(refused)
    # Its transactions are in no binlog that the rows could be compared with.
    assert "gtid_append" not in result(refused)["line"], result(refused)
    wrong = gtid(lab, tmp_path / "refused", repair_binlog_archive=str(incomplete), repair_max_risk="none")
    assert wrong.code != 0 and picture(lab) == before, wrong.output
    switches = {"repair_binlog_archive": str(archive), "repair_max_risk": "none"}
    planned = gtid(lab, tmp_path / "planned", "--check", **switches)
    assert planned.code == 0 and picture(lab) == before, planned.output
    settle(lab, tmp_path, ["fetch_archive"], **switches)
