# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Row conflicts as data: what both servers have, what was done on the replica alone, what the source then does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from lab.server import Server

HEALED = "healed"
REFUSED = "refused"

KEYED = ("CREATE TABLE {t} (id INT PRIMARY KEY, v VARCHAR(20), n INT NOT NULL DEFAULT 0) ENGINE=InnoDB",)
UNIQUE = (
    "CREATE TABLE {t} (id INT PRIMARY KEY, v VARCHAR(20), n INT NOT NULL DEFAULT 0, UNIQUE KEY (v)) ENGINE=InnoDB",
)
ROWS = ("INSERT INTO {t} VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",)
FAMILY = (
    *KEYED,
    "CREATE TABLE {t}_child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES {t} (id)) ENGINE=InnoDB",
    *ROWS,
    "INSERT INTO {t}_child VALUES (3, 3)",
)


@dataclass(frozen=True)
class Conflict:
    """One conflict.

    ``{t}`` stands for its table in every statement.

    :param prepare: what both servers have.
    :param local: what was done on the replica alone.
    :param transactions: of the source, each a list of statements.
    :param outcome: HEALED, or REFUSED where no safe repair by rows exists.
    :param why: what the refusal says.
    :param mend: what a person does on the replica then.
    """

    name: str
    prepare: Tuple[str, ...]
    local: Tuple[str, ...]
    transactions: Tuple[Tuple[str, ...], ...]
    outcome: str = HEALED
    why: str = ""
    mend: Tuple[str, ...] = ()

    def told(self, statements: Sequence[str]) -> List[str]:
        """The statements with the table's name in place."""
        return [statement.replace("{t}", "shop." + self.name) for statement in statements]

    def prepare_on(self, server: Server) -> None:
        """Make what both have."""
        server.execute(*self.told(self.prepare))

    def break_on(self, server: Server) -> None:
        """Do what was done on the replica alone, and is in no binlog."""
        server.execute_unlogged(*self.told(self.local))

    def mend_on(self, server: Server) -> None:
        """Do what a person does where it was refused."""
        server.execute_unlogged(*self.told(self.mend))

    def go_on(self, server: Server, binlog_format: str = "ROW") -> None:
        """Commit the transactions on the source."""
        with server.connect("root", autocommit=False) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION binlog_format = '%s'" % binlog_format)
            for transaction in self.transactions:
                for statement in self.told(transaction):
                    cursor.execute(statement)
                connection.commit()


# fmt: off
CONFLICTS: Dict[str, Conflict] = {conflict.name: conflict for conflict in (
    Conflict("dup1062", KEYED + ROWS, ("INSERT INTO {t} VALUES (9, 'local', 9)",),
             (("INSERT INTO {t} VALUES (9, 'source', 9)",),)),
    Conflict("dup1062_multi", KEYED + ROWS, ("INSERT INTO {t} VALUES (9, 'local', 9)",),
             (("INSERT INTO {t} VALUES (8, 'x', 8), (9, 'source', 9), (10, 'y', 10)",
               "UPDATE {t} SET v = 'z' WHERE id = 1"),)),
    Conflict("dup1062_unique", UNIQUE + ROWS, ("INSERT INTO {t} VALUES (7, 'new', 7)",),
             (("INSERT INTO {t} VALUES (9, 'new', 9)",),)),
    Conflict("dup1062_unique_shared", UNIQUE + ROWS, ("UPDATE {t} SET v = 'new' WHERE id = 3",),
             (("INSERT INTO {t} VALUES (9, 'new', 9)",),)),
    Conflict("dup1062_unique_later", UNIQUE + ROWS, ("UPDATE {t} SET v = 'new' WHERE id = 3",),
             (("INSERT INTO {t} VALUES (9, 'new', 9)",), ("UPDATE {t} SET v = 'later' WHERE id = 3",),
              ("DELETE FROM {t} WHERE id = 2",))),
    Conflict("upd1032", KEYED + ROWS, ("DELETE FROM {t} WHERE id = 1",),
             (("UPDATE {t} SET v = 'new' WHERE id = 1",),)),
    Conflict("del1032", KEYED + ROWS, ("DELETE FROM {t} WHERE id = 1",), (("DELETE FROM {t} WHERE id = 1",),)),
    Conflict("partial", KEYED + ROWS,
             ("INSERT INTO {t} VALUES (5, 'local', 5)", "UPDATE {t} SET n = 50 WHERE id = 2"),
             (("INSERT INTO {t} VALUES (4, 'four', 4), (5, 'five', 5), (6, 'six', 6)",
               "UPDATE {t} SET n = n + 1 WHERE id = 2"),)),
    Conflict("mixed", KEYED + ROWS, ("INSERT INTO {t} VALUES (9, 'local', 9)", "DELETE FROM {t} WHERE id = 2"),
             (("INSERT INTO {t} VALUES (9, 'source', 9)", "UPDATE {t} SET v = 'kept' WHERE id = 2"),)),
    Conflict("parent_missing", FAMILY, ("SET foreign_key_checks = 0", "DELETE FROM {t} WHERE id = 1"),
             (("INSERT INTO {t}_child VALUES (1, 1)",), ("UPDATE {t} SET n = 11 WHERE id = 1",))),
    Conflict("parent_gone_since", FAMILY, ("SET foreign_key_checks = 0", "DELETE FROM {t} WHERE id = 1"),
             (("INSERT INTO {t}_child VALUES (1, 1)",), ("DELETE FROM {t}_child WHERE id = 1",),
              ("DELETE FROM {t} WHERE id = 1",))),
    Conflict("child_surplus", FAMILY, ("INSERT INTO {t}_child VALUES (5, 1)",), (("DELETE FROM {t} WHERE id = 1",),)),
    Conflict("triggers", (*KEYED, "CREATE TABLE {t}_log (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))",
                          "CREATE TRIGGER {t}_written AFTER INSERT ON {t} FOR EACH ROW"
                          " INSERT INTO {t}_log (v) VALUES (NEW.v)", *ROWS),
             ("INSERT INTO {t} VALUES (9, 'local', 9)", "DELETE FROM {t}_log WHERE v = 'local'"),
             (("INSERT INTO {t} VALUES (9, 'source', 9)",),)),
    Conflict("partitions", ("CREATE TABLE {t} (id INT PRIMARY KEY, v VARCHAR(20), n INT NOT NULL DEFAULT 0)"
                            " PARTITION BY HASH (id) PARTITIONS 3", *ROWS),
             ("INSERT INTO {t} VALUES (9, 'local', 9)", "DELETE FROM {t} WHERE id = 2"),
             (("INSERT INTO {t} VALUES (9, 'source', 9)", "UPDATE {t} SET v = 'kept' WHERE id = 2"),)),
    Conflict("nopk1032", ("CREATE TABLE {t} (id INT, v VARCHAR(20), n INT NOT NULL DEFAULT 0)", *ROWS, *ROWS),
             ("DELETE FROM {t} WHERE id = 1",), (("UPDATE {t} SET v = 'new' WHERE id = 1",),),
             REFUSED, "no primary key", ("INSERT INTO {t} VALUES (1, 'a', 1), (1, 'a', 1)",)),
    Conflict("miss1146", KEYED + ROWS, ("DROP TABLE {t}",), (("INSERT INTO {t} VALUES (9, 'source', 9)",),),
             REFUSED, "no such table", KEYED + ROWS),
    Conflict("type1677", KEYED + ROWS, ("UPDATE {t} SET v = NULL", "ALTER TABLE {t} MODIFY v DATE"),
             (("INSERT INTO {t} VALUES (9, 'source', 9)",),), REFUSED, "ALTER TABLE",
             ("ALTER TABLE {t} MODIFY v VARCHAR(20)", "DELETE FROM {t}", *ROWS)),
)}
# fmt: on
# MySQL 5.6 has no generated columns.
GENERATED = Conflict(
    "generated",
    (
        "CREATE TABLE {t} (id INT PRIMARY KEY, v VARCHAR(20), n INT NOT NULL DEFAULT 0,"
        " w VARCHAR(30) AS (CONCAT(v, '!')) STORED, x INT AS (n * 2) VIRTUAL, UNIQUE KEY (w)) ENGINE=InnoDB",
        "INSERT INTO {t} (id, v, n) VALUES (1, 'a', 1), (2, 'b', 2)",
    ),
    ("INSERT INTO {t} (id, v, n) VALUES (7, 'new', 7)", "DELETE FROM {t} WHERE id = 2"),
    (("INSERT INTO {t} (id, v, n) VALUES (9, 'new', 9)", "UPDATE {t} SET n = 3 WHERE id = 2"),),
)  # fmt: skip
HEALABLE: Tuple[str, ...] = tuple(name for name, conflict in CONFLICTS.items() if conflict.outcome == HEALED)
