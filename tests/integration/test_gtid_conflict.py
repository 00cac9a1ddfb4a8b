# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two primaries that wrote to the same rows: whose write counts is for a person to say, and then both hold it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest
from integration.conftest import SEED
from integration.test_gtid import gtid, picture, same_sets
from integration.test_repair import result
from lab.compare import compare
from lab.server import Server
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
WINNERS = ("source", "replica")

pytestmark = pytest.mark.skipif(not FULL, reason="minutes of playbooks: only with REPLICA_TEST_MATRIX=full")


def stopped(lab: Lab, server: Server) -> None:
    """Wait until the applier has stopped at what the other server wrote."""
    words = lab.flavour.words

    def failed() -> bool:
        row = server.replica_status() or {}
        return row[words.sql_running] == "No" and int(row["Last_SQL_Errno"]) in (1062, 1032)

    server.wait_until(failed, what="the applier to stop at a row of the other server")


def conflict(lab: Lab) -> None:
    """Both write to the same rows while they are disconnected, and each something else as well."""
    left, right = lab.servers
    for server in lab.servers:
        server.stop_replica()
    for server, number in ((left, 600), (right, 700)):
        name = server.name
        server.execute(
            "INSERT INTO shop.t (id, v) VALUES (%d, 'before')" % number,
            "INSERT INTO shop.t (id, v) VALUES (500, '%s')" % name,
            "INSERT INTO shop.t (id, v) VALUES (%d, 'between')" % (number + 1),
            "INSERT INTO shop.t (id, v) VALUES (501, '%s'), (502, '%s')" % (name, name),
            "UPDATE shop.t SET v = 'after' WHERE id = %d" % number,
        )
    for server in lab.servers:
        server.start_replica()
    for server in lab.servers:
        stopped(lab, server)


def ring(lab_of: Callable[..., Lab], flavour: str, kind: str) -> Lab:
    """Two primaries: by GTIDs (MariaDB: a domain for each, or one for both) or by coordinates."""
    mariadb = flavour.startswith("mariadb")
    if kind == "one_domain" and not mariadb:
        pytest.skip("domains are MariaDB's")
    domain = {"gtid_domain_id": "0"} if kind == "one_domain" else {}
    return lab_of(
        flavour, "ring", gtid=kind != "position", seed=SEED, server_options={"left": domain, "right": domain}
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["gtid", "one_domain", "position"])
@pytest.mark.parametrize("winner", WINNERS)
def test_of_two_primaries_that_wrote_to_the_same_rows_one_wins(
    lab_of: Callable[..., Lab], flavour: str, winner: str, kind: str, tmp_path: Path
) -> None:
    lab = ring(lab_of, flavour, kind)
    conflict(lab)
    left, right = lab.servers
    before = picture(lab)
    for some in ({}, {"repair_winner": winner}):
        refused = gtid(lab, tmp_path / "refused", target=left.name, **some)
        assert refused.code != 0 and picture(lab) == before, refused.output
        assert "conflicting_writes" in result(refused)["line"], result(refused)
    asked = str(result(refused)["would_allow"])
    assert "repair_allow_source_write" in asked, asked
    switches = {"repair_winner": winner, "repair_allow_source_write": "true"}
    planned = gtid(lab, tmp_path / "refused", "--check", target=left.name, **switches)
    assert planned.code == 0 and picture(lab) == before and not (tmp_path / "refused").exists(), planned.output
    done = gtid(lab, tmp_path / "done", target=left.name, **switches)
    remedy = {"source": "roll_back_here", "replica": "roll_back_there"}[winner]
    assert done.code == 0 and result(done)["applied"] == [remedy, remedy], done.output
    for server in lab.servers:
        server.execute("INSERT INTO shop.t (v) VALUES ('later')")
        lab.wait_all_in_sync()
    assert compare(left, right) == []
    assert same_sets(lab) or kind == "position" or lab.flavour.is_mariadb
    rows = {row["id"]: row["v"] for row in left.query("SELECT id, v FROM shop.t WHERE id >= 500 ORDER BY id")}
    name = {"source": right.name, "replica": left.name}[winner]
    wanted = {500: name, 501: name, 502: name, 600: "after", 601: "between", 700: "after", 701: "between"}
    assert {number: rows.get(number) for number in wanted} == wanted
    before = picture(lab)
    again = gtid(lab, tmp_path / "again", target=left.name, **switches)
    assert again.code == 0 and result(again)["steps"] == [] and picture(lab) == before, again.output
