# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ALTER that table_compare shows for a definition that differs: it is run, and makes it the source's."""

from __future__ import annotations

import re
from typing import Any, Dict, Tuple

import pymysql
import pytest
from integration.comparing import compare, different, proof_schema
from integration.conftest import Pair
from lab.server import Server

# What the source has, and what is done to the replica's table: name, columns, options, statements on the replica.
CASES: Tuple[Tuple[str, str, str, Tuple[str, ...]], ...] = (
    ("renamed", "id INT PRIMARY KEY, old INT, KEY k (old, id)", "", ("CHANGE old `ne``w` INT",)),
    ("added", "id INT PRIMARY KEY, a DATE NOT NULL, b VARCHAR(9) NOT NULL DEFAULT 'it''s'", "", ("DROP a, DROP b",)),
    ("moved", "a INT, b INT, c INT, d INT, id INT PRIMARY KEY", "", ("MODIFY a INT AFTER d, MODIFY c INT FIRST",)),
    ("mixed", "a INT, b INT, c BIGINT, d INT, e INT NOT NULL, id INT AUTO_INCREMENT PRIMARY KEY", "",
     ("DROP b, MODIFY c INT FIRST, MODIFY e BIGINT NULL AFTER d",)),
    ("narrow", "id INT PRIMARY KEY, v INT", "", ("MODIFY v BIGINT",)),
    ("wide", "id INT PRIMARY KEY, v BIGINT UNSIGNED NOT NULL DEFAULT 7", "", ("MODIFY v INT",)),
    ("collation", "id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET latin1", "",
     ("MODIFY v VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin",)),
    ("charset", "id INT PRIMARY KEY, v VARCHAR(9), w CHAR(3) CHARACTER SET ascii",
     "CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
     ("DEFAULT CHARSET=latin1, MODIFY v VARCHAR(9) CHARACTER SET latin1",)),
    ("defaults", "id INT PRIMARY KEY, v TIMESTAMP NULL DEFAULT '2020-01-01 00:00:00', w ENUM('a','b,)') DEFAULT 'a'",
     "",
     ("MODIFY v TIMESTAMP NULL, MODIFY w ENUM('b,)','a')",)),
    ("key", "id INT PRIMARY KEY, v INT NOT NULL, UNIQUE KEY u (v), KEY k (v, id)", "",
     ("DROP PRIMARY KEY, DROP KEY u, DROP KEY k, ADD KEY k (v), ADD UNIQUE KEY other (v)",)),
    ("engine", "id INT PRIMARY KEY, v INT", "ENGINE=MyISAM COMMENT='it''s'", ("ENGINE=InnoDB COMMENT=''",)),
    ("parted", "id INT PRIMARY KEY, v INT", "PARTITION BY HASH (id) PARTITIONS 3", ("REMOVE PARTITIONING",)),
    ("unparted", "id INT PRIMARY KEY, v INT", "", ("PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN MAXVALUE)",)),
    ("reparted", "id INT NOT NULL, v INT, PRIMARY KEY (id, v)", "PARTITION BY HASH (v) PARTITIONS 2",
     ("PARTITION BY HASH (id) PARTITIONS 5", "DROP PRIMARY KEY, ADD PRIMARY KEY (id)")),
)  # fmt: skip
REFUSED: Tuple[Tuple[str, str, str, str], ...] = (
    ("extra", "id INT PRIMARY KEY", "ADD v INT", "its values would be lost"),
    ("rounded", "id INT PRIMARY KEY, v DECIMAL(9,2)", "MODIFY v DECIMAL(9,4)", "decimal(9,4)"),
    ("shorter", "id INT PRIMARY KEY, v VARCHAR(5)", "MODIFY v VARCHAR(9)", "varchar(9)"),
)


def create(server: Server, name: str) -> str:
    text = str(server.query("SHOW CREATE TABLE proof.%s" % name)[0]["Create Table"])
    # MySQL 9.7 shows the character set as well, where a collation was given by itself.
    return re.sub(r" AUTO_INCREMENT=\d+| CHARACTER SET (\w+)(?= COLLATE \1_)", "", text)


def run(server: Server, statements: Any) -> None:
    """As a person runs them: in one session."""
    with server.connect("root") as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def planted(pair: Pair) -> Dict[str, Any]:
    """What is found after the replica's tables were changed."""
    for name, _unused, _unused, changes in CASES:
        pair.replica.execute_unlogged(*["ALTER TABLE proof.%s %s" % (name, change) for change in changes])
    for name, _unused, change, _unused in REFUSED:
        pair.replica.execute_unlogged("ALTER TABLE proof.%s %s" % (name, change))
    return compare(pair.replica)


def test_each_alter_makes_the_definition_the_sources_and_keeps_the_rows(well: Pair) -> None:
    tables = ["CREATE TABLE proof.%s (%s) %s" % (name, columns, options) for name, columns, options, _unused in CASES]
    tables += ["CREATE TABLE proof.%s (%s)" % (name, columns) for name, columns, _unused, _unused in REFUSED]
    rows = ["INSERT INTO proof.%s (id) VALUES (1), (2)" % name for name in ("collation", "extra", "moved", "renamed")]
    rows += ["INSERT INTO proof.reparted VALUES (1, 1), (2, 2)", "INSERT INTO proof.narrow VALUES (1, 5)"]
    parent = [
        "CREATE TABLE proof.parent (id INT PRIMARY KEY) ENGINE=InnoDB",
        "CREATE TABLE proof.child (id INT PRIMARY KEY, p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES proof.parent (id)"
        " ON DELETE CASCADE) ENGINE=InnoDB",
    ]
    with proof_schema(well.lab, "SET SESSION sql_mode = ''", *tables, *rows, *parent):
        well.replica.execute_unlogged(
            "ALTER TABLE proof.child DROP FOREIGN KEY f",
            "ALTER TABLE proof.child ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES proof.parent (id)",
            "ALTER TABLE proof.child DROP KEY f, ADD KEY g (p)",
        )
        found = different(planted(well))
        names = [name for name, _unused, _unused, _unused in CASES] + ["child"]
        for name in names:
            entry = found["proof." + name][0]
            assert entry["what"] == "definition" and entry["alter"], entry
            position = well.replica.coordinates()
            run(well.replica, entry["alter"])
            assert (
                create(well.replica, name).split(" AUTO_INC")[0] == create(well.source, name).split(" AUTO_INC")[0]
            ), entry["alter"]
            assert well.replica.coordinates() == position
        for name, _unused, _unused, why in REFUSED:
            entry = found["proof." + name][0]
            assert entry["alter"] == [] and why in " ".join(entry["refused"]), entry
        rest = different(compare(well.replica))
        assert set(rest) == {"proof." + name for name, _unused, _unused, _unused in REFUSED}, rest


def test_the_server_refuses_in_the_shown_session_what_does_not_fit(well: Pair) -> None:
    tables = ("CREATE TABLE proof.%s (id INT PRIMARY KEY, v INT%s) ENGINE=InnoDB" % (name, more) for name, more in (
        ("number", ""), ("filled", " NOT NULL"), ("unsigned", " UNSIGNED")))  # fmt: skip
    with proof_schema(well.lab, *tables):
        well.replica.execute_unlogged(
            "ALTER TABLE proof.number MODIFY v BIGINT", "INSERT INTO proof.number VALUES (1, 1 << 40)",
            "ALTER TABLE proof.filled MODIFY v INT NULL", "INSERT INTO proof.filled VALUES (1, NULL)",
            "ALTER TABLE proof.unsigned MODIFY v INT", "INSERT INTO proof.unsigned VALUES (1, -1)",
        )  # fmt: skip
        found = different(compare(well.replica))
        for name, value in (("number", 1 << 40), ("filled", None), ("unsigned", -1)):
            with pytest.raises(pymysql.MySQLError):
                run(well.replica, found["proof." + name][0]["alter"])
            assert well.replica.value("SELECT v FROM proof.%s" % name) == value
