# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random transactions over every type of column, forward and reverse: the original rows come back, byte for byte."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any, Callable, Dict, List

from integration.playbook import login, run_module
from integration.random_writes import Made
from integration.test_row_events import FullWriter
from lab.compare import compare
from lab.server import Server
from lab.topology import Lab

SEED = int(os.environ.get("REPLICA_TEST_SEED", "1"))
FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
NEIGHBOURS = (
    "CREATE TABLE parent (id INT PRIMARY KEY, name VARCHAR(30) NOT NULL UNIQUE) ENGINE=InnoDB CHARSET=utf8mb4",
    "CREATE TABLE child (id INT PRIMARY KEY, p INT, n VARCHAR(30), FOREIGN KEY (p) REFERENCES parent (id),"
    " FOREIGN KEY (n) REFERENCES parent (name)) ENGINE=InnoDB CHARSET=utf8mb4",
    "CREATE TABLE seen (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(60)) ENGINE=InnoDB",
    "CREATE TRIGGER notes AFTER INSERT ON child FOR EACH ROW INSERT INTO seen (what) VALUES (NEW.n)",
    "CREATE TRIGGER moves AFTER UPDATE ON parent FOR EACH ROW INSERT INTO seen (what) VALUES (OLD.name)",
)


class Transactions(FullWriter):
    """Writes transactions of several statements over tables that are there."""

    def prepare(self) -> None:
        """Make the tables: some of every kind of column, or all in the full matrix."""
        kinds = list(self.kinds)
        self.source.shuffle(kinds)
        for start in range(0, len(kinds) if FULL else 48, 16):
            self.make(kinds[start : start + 16])
        for statement in NEIGHBOURS:
            self.run(statement)
        for number in range(1, 9):
            self.run("INSERT INTO parent VALUES (%s, %s)", number, "näme %d" % number)

    def one(self, number: int) -> None:
        """A random transaction."""
        chosen = self.source.choice([*self.tables.values()] * 2 + [None])
        self.run("SET SESSION binlog_row_image = FULL")
        if chosen is not None and self.is_myisam(chosen):
            self.statement(chosen, number)
            return
        self.run("START TRANSACTION")
        for _unused in range(self.source.randrange(1, 5)):
            safe = [one for one in self.tables.values() if not self.is_myisam(one)]
            if safe:
                self.statement(self.source.choice(safe), number)
            if not safe or self.source.random() < 0.4:
                self.neighbour(number)
        self.run("COMMIT")

    def is_myisam(self, made: Made) -> bool:
        sql = "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"
        return str(self.run(sql, made.name)[0][0]).upper() == "MYISAM"

    def statement(self, made: Made, number: int) -> None:
        """Write, change, move or delete rows of a table."""
        kind = self.source.random()
        names = ", ".join("c%d" % n for n in range(len(made.kinds)))
        if kind < 0.35:
            values = ", ".join(str(self.value(one)) for one in made.kinds)
            identity = 1000 + self.source.randrange(10**6)
            self.run("REPLACE INTO %s (id, %s) VALUES (%d, %s)" % (made.name, names, identity, values))
        elif kind < 0.7:
            chosen = self.source.sample(range(len(made.kinds)), self.source.randrange(1, len(made.kinds) + 1))
            changes = ", ".join("c%d = %s" % (n, self.update(n, made.kinds[n])) for n in chosen)
            self.run("UPDATE %s SET %s ORDER BY RAND() LIMIT %d" % (made.name, changes, self.source.randrange(1, 4)))
        elif kind < 0.85:
            self.run("UPDATE %s SET id = id + %d ORDER BY id DESC LIMIT 1" % (made.name, 2000000 + number))
        else:
            self.run("DELETE FROM %s ORDER BY RAND() LIMIT 1" % made.name)

    def neighbour(self, number: int) -> None:
        """Write to the tables with foreign keys and triggers."""
        identity = self.source.randrange(1, 9)
        self.run("INSERT IGNORE INTO child SELECT %s, id, name FROM parent WHERE id = %s", number, identity)
        self.run(
            "UPDATE parent SET name = CONCAT(name, '✓') WHERE id = %s AND NOT EXISTS"
            " (SELECT 1 FROM child WHERE n = parent.name)", self.source.randrange(1, 9),
        )  # fmt: skip
        if self.source.random() < 0.3:
            self.run("DELETE FROM child ORDER BY id LIMIT 1")


def apply(target: Server, donor: Server, directory: Path, **options: Any) -> Dict[str, Any]:
    options = {"record_dir": str(directory), "max_rows": 200000, "timeout": 300, **options}
    return run_module("binlog_apply", target, {"donor": login(donor), **options})


def contents(server: Server) -> Dict[str, List[Any]]:
    """Every row of every table, as the server prints it in hexadecimal."""
    found: Dict[str, List[Any]] = {}
    tables = server.query("SELECT TABLE_NAME AS t FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'spread'")
    for table in [str(row["t"]) for row in tables]:
        columns = server.query(
            "SELECT COLUMN_NAME AS c FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'spread' AND TABLE_NAME = %s"
            " ORDER BY ORDINAL_POSITION", (table,),
        )  # fmt: skip
        names = ", ".join("HEX(`%s`) AS `%s`" % (row["c"], row["c"]) for row in columns)
        found[table] = server.query("SELECT %s FROM spread.%s ORDER BY spread.%s.id" % (names, table, table))
    return found


def test_forward_and_reverse_give_the_original_rows(flavour: str, lab_of: Callable[..., Lab], tmp_path: Path) -> None:
    lab = lab_of(flavour, "pair", gtid=bool(SEED % 2))
    mariadb = lab.flavour.is_mariadb
    random.seed(SEED)
    writer = Transactions(lab.source, mariadb, lab.flavour.version, SEED)
    writer.prepare()
    lab.wait_in_sync()
    lab.replica.stop_replica()
    before = contents(lab.replica)
    start = lab.source.coordinates()
    for number in range(1, 400 if FULL else 60):
        writer.one(number)
    end = lab.source.coordinates()
    span = {"from": {"file": start[0], "position": start[1]}, "to": {"file": end[0], "position": end[1]}}
    done = apply(lab.replica, lab.source, tmp_path, **span)
    assert not done["failed"] and done["changed"] and done["rows"] > 60, done.get("msg")
    after = contents(lab.source)
    assert contents(lab.replica) == after and after != before
    assert not compare(lab.source, lab.replica)
    again = apply(lab.replica, lab.source, tmp_path, **span)
    assert not again["failed"] and not again["changed"], again
    point = lab.replica.coordinates(), lab.replica.gtid_position()
    back = apply(lab.replica, lab.source, tmp_path, direction="reverse", **span)
    assert not back["failed"] and back["changed"], back
    assert contents(lab.replica) == before
    assert (lab.replica.coordinates(), lab.replica.gtid_position()) == point
    again = apply(lab.replica, lab.source, tmp_path, direction="reverse", **span)
    assert not again["failed"] and not again["changed"], again
