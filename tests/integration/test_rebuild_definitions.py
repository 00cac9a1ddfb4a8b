# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy makes whatever a server can hold, whoever it belongs to; what cannot be made again is told before."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List, Sequence

import pytest
from integration.conftest import Pair
from integration.playbook import run_module
from integration.rebuilding import FOUR, options, rebuild
from integration.test_repair import state
from lab.compare import compare
from lab.server import Server

COMMON = (
    "CREATE DATABASE held CHARACTER SET utf8mb4",
    "CREATE TABLE held.parts (id INT, d DATE, PRIMARY KEY (id, d)) ENGINE=InnoDB"
    " PARTITION BY RANGE (YEAR(d)) (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "INSERT INTO held.parts VALUES (1, '1999-01-01'), (2, '2020-01-01')",
    "CREATE TABLE held.words (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT, FULLTEXT KEY k (t)) ENGINE=InnoDB"
    " AUTO_INCREMENT=500",
    "INSERT INTO held.words (t) VALUES ('hello world'), (NULL)",
    "CREATE TABLE held.sets (a VARCHAR(20) CHARACTER SET ucs2, b VARCHAR(20) CHARACTER SET sjis, c BINARY(5),"
    " d VARCHAR(10) COLLATE utf8mb4_bin PRIMARY KEY, e TIME,"
    " f TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)"
    " ENGINE=InnoDB ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8",
    "INSERT INTO held.sets (a, b, c, d, e) VALUES ('\u00e9\u4e2d', '\u30a2\\\\', X'0061', '\U0001f600', '838:59:59')",
    "CREATE TABLE held.`we``ird n\u00e4me %s` (`c%s` INT PRIMARY KEY, `d%(x)s` INT) ENGINE=InnoDB COMMENT 'it''s 100%'",
    "INSERT INTO held.`we``ird n\u00e4me %s` VALUES (1, 2)",
    "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
    "CREATE PROCEDURE held.ansi(IN \"x y\" INT) BEGIN SELECT 'a' || 'b' AS \"q\"; END",
    "CREATE FUNCTION held.both(a INT) RETURNS VARCHAR(20) DETERMINISTIC NO SQL RETURN 'a' || a",
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
    "CREATE TABLE held.zero (id INT AUTO_INCREMENT PRIMARY KEY, d DATETIME NOT NULL, e DATE) ENGINE=InnoDB",
    "INSERT INTO held.zero VALUES (0, '0000-00-00', '2020-00-00'), (5, '2020-01-01', NULL)",
    "SET SESSION sql_mode = DEFAULT",
    "CREATE EVENT held.once ON SCHEDULE AT '2037-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE"
    " COMMENT 'ON COMPLETION PRESERVE ENABLE' DO SELECT 1",
    "CREATE EVENT held.often ON SCHEDULE EVERY 1 HOUR STARTS '2036-01-01 00:00:00' DO SELECT 1",
)
# Of an account that is dropped on the replica, and of one that never was anywhere.
OWNED = (
    "CREATE USER app@'%' IDENTIFIED BY 'Secret-7d40'",
    "GRANT SELECT, EXECUTE ON *.* TO app@'%'",
    "CREATE TABLE held.t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB",
    "INSERT INTO held.t VALUES (1, 2)",
    "CREATE DEFINER=app@'%' FUNCTION held.f(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a + 1",
    "CREATE DEFINER=app@'%' VIEW held.z1 AS SELECT id, held.f(n) AS m FROM held.t",
    "CREATE VIEW held.a2 AS SELECT id, m FROM held.z1 WITH CHECK OPTION",
    "CREATE SQL SECURITY INVOKER VIEW held.m3 AS SELECT held.f(id) AS x FROM held.a2",
    "CREATE DEFINER=nobody@nowhere VIEW held.orphan AS SELECT 1 AS one",
    "CREATE DEFINER=nobody@nowhere PROCEDURE held.orphan() SELECT 1",
    "CREATE DEFINER=nobody@nowhere TRIGGER held.first BEFORE UPDATE ON held.t FOR EACH ROW SET NEW.n = OLD.n + 1",
)
MORE: Dict[str, Sequence[str]] = {
    "mysql-5.6": (
        "CREATE TABLE held.fractions (id INT PRIMARY KEY, a TIMESTAMP(3) NULL, b TIME(6), c DATETIME(2)) ENGINE=InnoDB",
        "INSERT INTO held.fractions VALUES (1, '2020-01-01 00:00:00.123', '1:2:3.5', '2020-01-01 00:00:00.55')",
    ),
    "mysql-9.7": (
        "CREATE TABLE held.made (id INT PRIMARY KEY, a INT, b INT AS (a * 2) VIRTUAL, c INT AS (a + 1) STORED,"
        " d INT DEFAULT 4 INVISIBLE, e JSON, f GEOMETRY NOT NULL SRID 4326, g VECTOR(3), CHECK (a < 100),"
        " KEY ((a + b)), KEY c (c) INVISIBLE, SPATIAL KEY (f), KEY j ((CAST(e->'$.k' AS UNSIGNED ARRAY))))",
        'INSERT INTO held.made (id, a, e, f, g) VALUES (1, 5, \'{"k": [1, 2], "x": 1.0, "y": 1e100}\','
        " ST_GeomFromText('POINT(10 20)', 4326), TO_VECTOR('[1,2,3]'))",
        "CREATE TABLE held.computed (id INT PRIMARY KEY, u VARCHAR(40) DEFAULT (UUID())) ENGINE=InnoDB",
        "INSERT INTO held.computed (id) VALUES (1)",
        "SET SESSION sql_generate_invisible_primary_key = 1",
        "CREATE TABLE held.keyed (a INT) ENGINE=InnoDB",
        "INSERT INTO held.keyed VALUES (4), (5)",
        "SET SESSION sql_generate_invisible_primary_key = 0",
    ),
    "mariadb": (
        "CREATE SEQUENCE held.s START WITH 100 INCREMENT BY 5 CACHE 10",
        "DO NEXTVAL(held.s)",
        "CREATE TABLE held.counted (id INT PRIMARY KEY, n INT DEFAULT NEXTVAL(held.s)) ENGINE=InnoDB",
        "INSERT INTO held.counted (id) VALUES (1)",
        "CREATE TABLE held.made (id INT PRIMARY KEY, a INT, b INT AS (a * 2) VIRTUAL, c INT AS (a + 1) PERSISTENT,"
        " d INT DEFAULT 4 INVISIBLE, e JSON, f UUID, g INET6, CHECK (a < 100), KEY (c)) ENGINE=InnoDB",
        "INSERT INTO held.made (id, a, e, f, g)"
        " VALUES (1, 5, '{\"a\": 1}', '123e4567-e89b-12d3-a456-426655440000', '::1')",
        "CREATE TABLE held.packed (id INT PRIMARY KEY, t TEXT COMPRESSED) ENGINE=InnoDB PAGE_COMPRESSED=1",
        "INSERT INTO held.packed VALUES (1, REPEAT('a', 5000))",
        "SET SESSION sql_mode = 'ORACLE'",
        "CREATE PACKAGE held.pkg AS FUNCTION f1 RETURN INT; END",
        "CREATE PACKAGE BODY held.pkg AS FUNCTION f1 RETURN INT AS BEGIN RETURN 3; END; END",
        "SET SESSION sql_mode = DEFAULT",
    ),
}


@pytest.fixture
def held(pair: Pair) -> Iterator[Pair]:
    """The shared pair with all of it."""
    pair.renew_if_unwell()
    name = pair.lab.flavour.name
    in_one_session(pair.source, [*COMMON, *OWNED, *MORE["mariadb" if pair.lab.flavour.is_mariadb else name]])
    pair.lab.wait_in_sync()
    yield pair
    pair.source.execute("DROP DATABASE held", "DROP USER app@'%'")
    pair.lab.wait_in_sync()


def in_one_session(server: Server, statements: List[str]) -> None:
    """Run them so that what one sets holds for the next."""
    with server.connect("root") as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.pairs(*FOUR)
def test_a_copy_makes_everything_for_accounts_that_are_not_there_as_well(held: Pair, tmp_path: Path) -> None:
    held.replica.execute_unlogged("DROP USER app@'%'")
    done = run_module("replica_rebuild", held.replica, {**options(tmp_path), "method": "copy"})
    assert not done["failed"], done
    assert "'app'@'%'" in done["msg"], "an account that is missing is named"
    held.replica.execute_unlogged("CREATE USER app@'%' IDENTIFIED BY 'Secret-7d40'", "GRANT ALL ON *.* TO app@'%'")
    held.lab.wait_in_sync()
    assert compare(held.source, held.replica) == []
    whole = run_module("table_compare", held.replica, {"tables": ["all"], "source": {}})
    assert whole["proof"] == "fully_verified", whole["msg"]


GONE = (
    "CREATE DATABASE gone",
    "CREATE TABLE gone.t (id INT PRIMARY KEY, c INT) ENGINE=InnoDB",
    "CREATE FUNCTION gone.f(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a + 1",
    "CREATE DATABASE away",
    "CREATE TABLE away.t (id INT) ENGINE=InnoDB",
    "CREATE VIEW gone.of_column AS SELECT c FROM gone.t",
    "CREATE VIEW gone.of_function AS SELECT gone.f(1) AS x",
    "CREATE VIEW gone.of_schema AS SELECT id FROM away.t",
    "CREATE VIEW gone.well AS SELECT id FROM gone.t",
    "ALTER TABLE gone.t DROP COLUMN c",
    "DROP FUNCTION gone.f",
    "DROP DATABASE away",
)


@pytest.mark.pairs(*FOUR)
def test_views_that_stand_on_nothing_are_told_before_anything_is_dropped(pair: Pair, tmp_path: Path) -> None:
    pair.renew_if_unwell()
    pair.source.execute(*GONE)
    try:
        pair.lab.wait_in_sync()
        before = state(pair)
        refused = rebuild(pair.replica, tmp_path, repair_max_risk="rebuild", rebuild_method="copy")
        assert refused.code != 0 and "cannot be made again: " in refused.output, refused.output
        for name in ("of_column", "of_function", "of_schema"):
            assert "gone.%s (" % name in refused.output, refused.output
        assert "gone.well" not in refused.output
        assert state(pair) == before and not list(tmp_path.iterdir())
    finally:
        pair.source.execute("DROP DATABASE gone")
