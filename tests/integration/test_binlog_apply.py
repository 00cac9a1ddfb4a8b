# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""binlog_apply on real servers: transactions of one server are applied to another under their GTIDs, or undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import pytest
from integration.conftest import Pair
from integration.playbook import login, run_module
from lab.server import Server

Point = Tuple[str, int]


def apply(target: Server, donor: Server, check: bool = False, **options: Any) -> Dict[str, Any]:
    """Run the module on a server, with another (or itself) as the donor."""
    return run_module("binlog_apply", target, {"donor": login(donor), **options}, check=check)


def between(start: Point, end: Point) -> Dict[str, Any]:
    """Options that name the transactions between two points of the donor's binlog."""
    return {"from": {"file": start[0], "position": start[1]}, "to": {"file": end[0], "position": end[1]}}


def rows(server: Server, table: str = "shop.w") -> List[Any]:
    return server.query("SELECT * FROM %s ORDER BY 1" % table)


def trace(server: Server) -> Tuple[Any, ...]:
    """What a write into the server's own binlog would change."""
    return server.coordinates(), server.gtid_position()


def transaction(server: Server, *statements: str) -> None:
    """One transaction; on MariaDB in a domain of its own, as local writes of a replica should be."""
    with server.connect("root", autocommit=False) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def local(pair: Pair) -> List[str]:
    """What a session that writes on the replica sets before."""
    return ["SET SESSION gtid_domain_id = 7"] if pair.is_mariadb else []


def errant(pair: Pair, *transactions: Sequence[str]) -> str:
    """Write these transactions on the replica; their GTIDs."""
    before = _executed(pair)
    for statements in transactions:
        transaction(pair.replica, *local(pair), *statements)
    if pair.is_mariadb:
        last = next(
            part for part in pair.replica.value("SELECT @@GLOBAL.gtid_binlog_pos").split(",") if part[:2] == "7-"
        )
        domain, server, number = last.split("-")
        count = len(transactions)
        return ",".join("%s-%s-%d" % (domain, server, int(number) - count + n) for n in range(1, count + 1))
    return str(pair.replica.value("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, %s)", (before,))).replace("\n", "")


def _executed(pair: Pair) -> Any:
    return None if pair.is_mariadb else pair.replica.value("SELECT @@GLOBAL.gtid_executed")


@pytest.fixture(name="work")
def work_table(well: Pair) -> Iterator[Pair]:
    """The pair with a table of its own; new servers come after it, as the tests leave transactions of the replica."""
    well.source.execute(
        "CREATE TABLE shop.w (id INT PRIMARY KEY, v VARCHAR(40), n INT, UNIQUE KEY (n)) ENGINE=InnoDB",
        "INSERT INTO shop.w VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3), (4, 'four', 4)",
    )
    well.lab.wait_in_sync()
    yield well
    row = well.status()
    if row[well.words.sql_running] != "Yes" and not row[well.words.sql_error]:
        well.replica.start_replica()
    for server in (well.source, well.replica):
        server.execute_unlogged("SET foreign_key_checks = 0", "DROP TABLE IF EXISTS shop.child, shop.w, shop.parent")


WRITES = (
    ("UPDATE shop.w SET v = 'uno' WHERE id = 1", "INSERT INTO shop.w VALUES (10, 'ten', 10)"),
    (
        "DELETE FROM shop.w WHERE id = 2",
        "UPDATE shop.w SET n = 33 WHERE id = 3",
        "UPDATE shop.w SET id = 5 WHERE id = 4",
    ),
    ("UPDATE shop.w SET v = 'UNO', n = 3 WHERE id = 1",),
)


@pytest.mark.modes("gtid")
@pytest.mark.every_flavour
def test_errant_transactions_are_replayed_on_the_source(work: Pair, tmp_path: Path) -> None:
    gtids = errant(work, *WRITES)
    options = {"gtids": gtids, "record_dir": str(tmp_path), "allow_source_write": True}
    before, old = trace(work.source), rows(work.source)
    refused = apply(work.source, work.replica, gtids=gtids, record_dir=str(tmp_path))
    assert refused["failed"] and refused["code"] == "refused" and "allow_source_write" in refused["msg"], refused
    plan = apply(work.source, work.replica, check=True, **options)
    assert plan["changed"] and not plan["executed"] and not list(tmp_path.iterdir()), plan
    assert [one["state"] for one in plan["transactions"]] == ["applied"] * 3 and plan["rows"] == 6, plan
    assert trace(work.source) == before and rows(work.source) == old
    done = apply(work.source, work.replica, **options)
    assert not done["failed"] and done["changed"] and done["queries"] == plan["queries"], done
    assert "uno" not in json.dumps(done)
    assert rows(work.source) == rows(work.replica)
    work.wait_same()
    if work.is_mariadb:
        assert gtids.split(",")[-1] in work.source.value("SELECT @@GLOBAL.gtid_binlog_pos")
    else:
        assert work.source.value("SELECT @@GLOBAL.gtid_executed") == work.replica.value("SELECT @@GLOBAL.gtid_executed")
    after = trace(work.source)
    again = apply(work.source, work.replica, **options)
    assert not again["failed"] and not again["changed"] and again["queries"] == [], again
    assert trace(work.source) == after


@pytest.mark.modes("gtid")
@pytest.mark.every_flavour
def test_errant_transactions_are_rolled_back_on_the_replica(work: Pair, tmp_path: Path) -> None:
    gtids = errant(work, *WRITES)
    work.replica.stop_replica("SQL_THREAD")
    before = trace(work.replica)
    options = {"gtids": gtids, "record_dir": str(tmp_path), "direction": "reverse"}
    plan = run_module("binlog_apply", work.replica, options, check=True)
    assert plan["changed"] and rows(work.replica) != rows(work.source), plan
    done = run_module("binlog_apply", work.replica, options)
    assert not done["failed"] and done["changed"] and done["queries"] == plan["queries"], done
    assert rows(work.replica) == rows(work.source) and trace(work.replica) == before
    again = run_module("binlog_apply", work.replica, options)
    assert not again["failed"] and not again["changed"] and [t["state"] for t in again["transactions"]] == ["done"] * 3
    kept = json.loads(Path(done["record"]).read_text(encoding="utf-8"))["details"]["rows"]["tables"][0]["rows"]
    assert {row["key"]["id"]: row["before"] for row in kept}[1] == {"id": 1, "v": "UNO", "n": 3}
    work.replica.start_replica()
    work.wait_same()
