# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick search over several binlog files ends at the true position."""

from __future__ import annotations

import random
from typing import Callable, List

import pytest
from lab.server import Server
from lab.topology import Lab

from .locating import apply_until, position, stopped
from .playbook import run_module

FILES, PER_FILE, WINDOW = 6, 240, 60
TABLE = "CREATE TABLE w.t (id INT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL, v VARCHAR(60) NOT NULL, d DECIMAL(9,2))"


def write(server: Server, rng: random.Random) -> List[tuple]:  # type: ignore[type-arg]
    """Small transactions over several files, rows changed again and again, few inserted; where each one ends."""
    ends = []
    with server.connect("root") as connection, connection.cursor() as cursor:
        for _file in range(FILES):
            for number in range(PER_FILE):
                if number % 10:
                    cursor.execute("UPDATE w.t SET n = n + 1, v = SHA2(n, 224) WHERE id = %d" % rng.randrange(1, 201))
                else:
                    cursor.execute("INSERT INTO w.t (n, v, d) VALUES (1, 'new', %d.25)" % number)
                if number % 40 == 39:
                    ends.append(server.coordinates())
            cursor.execute("FLUSH BINARY LOGS")
    return ends


@pytest.mark.every_engine
@pytest.mark.parametrize("gtid", [False, True])
def test_the_quick_search_ends_at_the_true_position(lab_of: Callable[..., Lab], flavour: str, gtid: bool) -> None:
    """Wherever the replica is, and however often its rows were changed since."""
    seed = ["CREATE DATABASE w", TABLE] + ["INSERT INTO w.t (n, v, d) VALUES (0, 'seed', -0.5)"] * 200
    lab = lab_of(flavour, gtid=gtid, seed=seed)
    begin = stopped(lab)
    rng = random.Random(5)
    ends = write(lab.source, rng)
    for true in (ends[9], ends[rng.randrange(20, 33)]):
        apply_until(lab, true)
        asked = {"start": "%s:%d" % begin, "verify": "window", "window": WINDOW}
        result = run_module("binlog_locate", lab.replica, asked)
        assert result["kind"] == "boundary" and position(result["coordinates"]) == true, result["msg"]
        # Where the window does not tell enough, everything is counted.
        assert result["evidence"]["scope"] == "full" or result["evidence"]["transactions"] <= 3 * WINDOW
        whole = run_module("binlog_locate", lab.replica, dict(asked, verify="full"))
        assert position(whole["coordinates"]) == true
        assert result["gtid_set"] == whole["gtid_set"] and bool(result["gtid_set"]) == (gtid or lab.flavour.is_mariadb)
