# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an exclusive or of CRC32 cannot see: two rows that have exchanged values of the same length."""

from __future__ import annotations

import shutil

import pytest
from integration.comparing import different, proof_schema
from integration.conftest import Pair
from integration.playbook import run_module
from integration.test_table_checksum import checksum
from lab.accounts import OBSERVER

pytestmark = pytest.mark.skipif(not shutil.which("pt-table-checksum"), reason="pt-table-checksum is not installed here")
TABLES = (
    "CREATE TABLE proof.swapped (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB",
    "INSERT INTO proof.swapped VALUES (1, 'left'), (2, 'same'), (3, 'rite')",
)


@pytest.mark.pairs("mysql-5.6-position", "mariadb-10.11-gtid", "mariadb-11.8-gtid")
def test_rows_that_exchanged_values_are_found_by_comparing_and_not_by_the_tool(well: Pair) -> None:
    with proof_schema(well.lab, *TABLES):
        well.replica.execute_unlogged("UPDATE proof.swapped SET v = IF(id = 1, 'rite', 'left') WHERE id <> 2")
        told = checksum(well, tables=["proof.swapped"])
        assert not told["failed"] and told["status"] == 0 and not different(told), told["msg"]
        well.lab.wait_in_sync()
        found = run_module("table_compare", well.replica, {"tables": ["proof.swapped"]}, source_account=OBSERVER)
        assert not found["failed"] and found["proof"] == "unproven", found["msg"]
        counts = different(found)["proof.swapped"][0]["counts"]
        assert counts == {"changed": 2, "missing": 0, "extra": 0}, found["msg"]
