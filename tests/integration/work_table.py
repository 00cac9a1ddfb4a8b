# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of its own for tests of row changes: in the shared pair, and gone with the test."""

from __future__ import annotations

from typing import Any, Iterator, List, Tuple

import pytest
from integration.conftest import Pair
from lab.server import Server


def rows(server: Server, table: str = "shop.w") -> List[Any]:
    return server.query("SELECT * FROM %s ORDER BY 1" % table)


def trace(server: Server) -> Tuple[Any, ...]:
    """What a write into the server's own binlog would change."""
    return server.coordinates(), server.gtid_position()


@pytest.fixture(name="work")
def table_of_its_own(well: Pair) -> Iterator[Pair]:
    """The pair with a table of its own, which goes with the test."""
    well.source.execute(
        "CREATE TABLE shop.w (id INT PRIMARY KEY, v VARCHAR(40), n INT, UNIQUE KEY (n)) ENGINE=InnoDB",
        "INSERT INTO shop.w VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3), (4, 'four', 4)",
    )
    well.lab.wait_in_sync()
    yield well
    put_away(well, "DROP TABLE IF EXISTS shop.child, shop.w, shop.m, shop.parent")


def put_away(well: Pair, *statements: str) -> None:
    """Start an applier that a test has stopped, and drop on both sides what it made."""
    row = well.status()
    if row[well.words.sql_running] != "Yes" and not row[well.words.sql_error]:
        well.replica.start_replica()
    for server in (well.source, well.replica):
        server.execute_unlogged("SET foreign_key_checks = 0", *statements)
