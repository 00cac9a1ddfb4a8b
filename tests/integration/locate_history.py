# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random transactions on a real source, of every kind that makes finding a position hard."""

from __future__ import annotations

import random
import re
from typing import Callable, Dict, List, Tuple

import pymysql
import pymysql.cursors
from lab.server import Server

Coordinates = Tuple[str, int]
Contents = Dict[str, Tuple[str, ...]]

ZONES = ("+00:00", "+05:30", "-08:00")

# Tables that give no evidence.
SILENT = re.compile(r"\bw\.(nokey|parent|child|audited|kept|moved|copied)\b")


def tables(server: Server, schema: str) -> List[str]:
    """What a history begins with."""
    vector = ", u UUID" if server.flavour.is_mariadb and server.flavour.version >= (10, 7) else ""
    json = "JSON" if server.flavour.is_mariadb or server.flavour.version >= (5, 7) else "TEXT"
    newer = server.flavour.is_mariadb or server.flavour.version >= (5, 7)
    computed = ", b INT AS (a * 2) STORED, c INT AS (a + 1) VIRTUAL" if newer else ""
    made = [
        "CREATE DATABASE w",
        "CREATE TABLE w.plain (id INT PRIMARY KEY, n INT, v VARCHAR(40), f DOUBLE, g FLOAT, d DECIMAL(12,3), "
        f"ts TIMESTAMP(3) NULL, dt DATETIME(6) NULL, e ENUM('a','b','c'), j {json}, b BLOB{vector}) ENGINE=InnoDB",
        "CREATE TABLE w.words (k VARCHAR(20) PRIMARY KEY, n INT) ENGINE=InnoDB",
        "CREATE TABLE w.two (a INT, b CHAR(5), n BIGINT UNSIGNED, PRIMARY KEY (a, b)) ENGINE=InnoDB",
        "CREATE TABLE w.nokey (n INT, v INT) ENGINE=InnoDB",
        "CREATE TABLE w.parent (id INT PRIMARY KEY, n INT) ENGINE=InnoDB",
        "CREATE TABLE w.child (id INT PRIMARY KEY, pid INT, n INT, FOREIGN KEY (pid) REFERENCES w.parent (id) "
        "ON DELETE CASCADE) ENGINE=InnoDB",
        "CREATE TABLE w.audited (id INT PRIMARY KEY, n INT) ENGINE=InnoDB",
        "CREATE TABLE w.audit (id INT AUTO_INCREMENT PRIMARY KEY, what INT) ENGINE=InnoDB",
        "CREATE TRIGGER w.log AFTER UPDATE ON w.audited FOR EACH ROW INSERT INTO w.audit (what) VALUES (NEW.n)",
        "CREATE TABLE w.places (id INT PRIMARY KEY, x INT, y INT) ENGINE=InnoDB",
        "CREATE TABLE w.kept (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES w.parent (id)) ENGINE=InnoDB",
        "CREATE TABLE w.moved (id INT PRIMARY KEY, pid INT, n INT, FOREIGN KEY (pid) REFERENCES w.parent (id) "
        "ON DELETE SET NULL ON UPDATE CASCADE) ENGINE=InnoDB",
        "CREATE TABLE w.latin (k VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_german1_ci PRIMARY KEY, "
        "s CHAR(6) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, n INT) ENGINE=InnoDB",
        "CREATE TABLE w.exact (k VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, b VARBINARY(8), n INT, "
        "PRIMARY KEY (k, b)) ENGINE=InnoDB",
        "CREATE TABLE w.times (ts TIMESTAMP PRIMARY KEY DEFAULT '2020-01-01 00:00:00', dt DATETIME, y YEAR, "
        "t TIME, f FLOAT, g DOUBLE) ENGINE=InnoDB",
        "CREATE TABLE w.switch (id INT PRIMARY KEY, s BIT(1), e ENUM('on','off')) ENGINE=InnoDB",
        "CREATE TABLE w.parts (id INT PRIMARY KEY, n INT) ENGINE=InnoDB PARTITION BY RANGE (id) "
        "(PARTITION p0 VALUES LESS THAN (8), PARTITION p1 VALUES LESS THAN MAXVALUE)",
        f"CREATE TABLE w.sums (id INT PRIMARY KEY, a INT{computed}) ENGINE=InnoDB",
        "CREATE TABLE w.turned (id INT PRIMARY KEY, x INT, y INT) ENGINE=InnoDB",
        "INSERT INTO w.turned (id) VALUES (1), (2)",
        "INSERT INTO w.parts VALUES (1, 1), (9, 9)",
        "INSERT INTO w.sums (id, a) VALUES (1, 1), (2, 2)",
        "INSERT INTO w.latin VALUES ('b', 'x', 1), ('\u00e4', 'X', 2)",
        "INSERT INTO w.switch VALUES (1, b'0', 'on'), (2, b'1', 'off'), (3, b'0', 'off')",
        "INSERT INTO w.plain (id, n, v, f, d) VALUES (1, 1, 'one', 0.1, 1.5), (2, 2, 'two', -0.0, 2.25)",
        "INSERT INTO w.words VALUES ('a', 1), ('B', 2)",
        "INSERT INTO w.two VALUES (1, 'x', 1), (1, 'y', 18446744073709551615)",
        "INSERT INTO w.nokey VALUES (1, 1), (2, 2)",
        "INSERT INTO w.parent VALUES (1, 1), (2, 2), (3, 3)",
        "INSERT INTO w.child VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)",
        "INSERT INTO w.audited VALUES (1, 1), (2, 2)",
        "INSERT INTO w.places VALUES (1, 10, 20), (2, 10, 20)",
    ]
    return [re.sub(r"\bw\b(?=\.|$)", schema, sql) for sql in made]


def contents(server: Server, schema: str) -> Contents:
    """All rows of a schema, by table; with the names of the columns, in their order."""
    found: Contents = {}
    with server.connect("root", cursorclass=pymysql.cursors.Cursor) as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute("SHOW TABLES FROM %s" % schema)
        for (table,) in list(cursor.fetchall()):
            cursor.execute("SELECT * FROM %s.%s" % (schema, table))
            names = ",".join(column[0] for column in cursor.description or ())
            found[str(table)] = tuple(sorted(["%s %r" % (names, row) for row in cursor.fetchall()]))
    return found


class History:
    """Runs random transactions and notes where each one ends.

    :param seed: the same seed makes the same statements.
    :param keep: note the rows after each of them as well (``states``).
    :param definitions: how many of them change a definition.
    :param plain: leave out what tells nothing: foreign keys, triggers, tables without a key, and what one statement
        of a transaction does and the next takes back.
    :param updates: so many of them, at the beginning, only update rows: they can be applied once more without an error.
    """

    def __init__(
        self,
        server: Server,
        seed: int,
        schema: str,
        keep: bool = False,
        definitions: float = 0.15,
        plain: bool = False,
        updates: int = 0,
    ) -> None:
        self.schema = schema
        self.server = server
        self.keep = keep
        self.definitions = definitions
        self.plain = plain
        self.updates = updates
        self.states: List[Contents] = []
        self.random = random.Random(seed)
        self.serial = seed * 100000
        self.ends: List[Coordinates] = []
        self.statements: List[str] = []

    def run(self, count: int) -> List[Coordinates]:
        """Run until there are ``count`` transactions; where each ends."""
        connection = self.server.connect("root", autocommit=False)
        try:
            last = self.server.coordinates()
            while len(self.ends) < count:
                self._transaction(connection)
                now = self.server.coordinates()
                if now != last:
                    self.ends.append(now)
                    if self.keep:
                        self.states.append(contents(self.server, self.schema))
                    last = now
        finally:
            connection.close()
        return self.ends

    def _transaction(self, connection: pymysql.connections.Connection) -> None:
        definition = self.random.random() < self.definitions
        many = 1 if self.plain else self.random.choice((1, 1, 2, 4))
        made = [self._definition()] if definition else [self._rows() for _n in range(many)]
        if self._left_out(made):
            return
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = %s", (self.random.choice(ZONES),))
            try:
                for sql in made:
                    cursor.execute(re.sub(r"\bw\.", self.schema + ".", sql))
                connection.commit()
            except pymysql.MySQLError:  # a key that is taken, a table that is gone: then there is no transaction
                connection.rollback()
                return
        self.statements.extend(made)

    def _left_out(self, made: List[str]) -> bool:
        if len(self.ends) < self.updates and any(not sql.startswith("UPDATE ") for sql in made):
            return True
        return self.plain and any(SILENT.search(sql) for sql in made)

    def _fresh(self) -> int:
        self.serial += 1
        return self.serial

    def _number(self) -> int:
        return self.random.choice((self._fresh(), self.random.randrange(3), -1, -2))

    def _id(self) -> int:
        return self.random.randrange(1, 15)

    def _rows(self) -> str:
        choices: List[Callable[[], str]] = [
            lambda: "INSERT INTO w.plain (id, n, v, f, g, d, ts, dt, e, j, b) VALUES (%d, %d, 'v%d', %r, %r, %s, "
            "NOW(3), '2026-01-02 03:04:05.678901', 'b', '{\"k\": [%d, 1.5]}', X'00FF')"
            % (self._id(), self._number(), self._fresh(), self.random.random(), self.random.random(),
               self.random.randrange(-500, 500) / 8, self._fresh()),
            lambda: "UPDATE w.plain SET n = %d WHERE id = %d" % (self._number(), self._id()),
            lambda: "UPDATE w.plain SET n = n + 1",
            lambda: "UPDATE w.plain SET f = f * 1.1, g = g + 0.1, ts = NOW(3) WHERE id = %d" % self._id(),
            lambda: "UPDATE w.plain SET e = '%s' WHERE id = %d" % (self.random.choice("abc"), self._id()),
            lambda: "UPDATE w.plain SET v = IF(v = 'on', 'off', 'on') WHERE id = %d" % self._id(),
            lambda: "DELETE FROM w.plain WHERE id = %d" % self._id(),
            lambda: "UPDATE w.plain SET id = id + 20 WHERE id = %d" % self._id(),
            lambda: "INSERT INTO w.words VALUES ('%s', %d)" % (self.random.choice("aAbBcCdDeE"), self._number()),
            lambda: "UPDATE w.words SET k = IF(BINARY k = UPPER(k), LOWER(k), UPPER(k)) WHERE k = '%s'"
            % self.random.choice("abcde"),
            lambda: "DELETE FROM w.words WHERE k = '%s'" % self.random.choice("abcde"),
            lambda: "REPLACE INTO w.two VALUES (%d, '%s', %d)"
            % (self.random.randrange(3), self.random.choice("xyz"), abs(self._number())),
            lambda: "INSERT INTO w.nokey VALUES (%d, %d)" % (self._number(), self._number()),
            lambda: "DELETE FROM w.parent WHERE id = %d" % self.random.randrange(1, 9),
            lambda: "INSERT INTO w.parent VALUES (%d, %d)" % (self.random.randrange(1, 9), self._number()),
            lambda: "INSERT INTO w.child VALUES (%d, %d, %d)"
            % (self._id(), self.random.randrange(1, 9), self._number()),
            lambda: "UPDATE w.audited SET n = %d WHERE id = %d" % (self._number(), self.random.randrange(1, 3)),
            lambda: "UPDATE w.places SET x = %d WHERE id = %d" % (self._number(), self.random.randrange(1, 3)),
            lambda: "INSERT INTO w.made VALUES (%d, %d)" % (self._id(), self._number()),
            lambda: "INSERT INTO w.kept VALUES (%d, %d)" % (self._id(), self.random.randrange(1, 9)),
            lambda: "DELETE FROM w.kept WHERE id = %d" % self._id(),
            lambda: "INSERT INTO w.moved VALUES (%d, %d, %d)"
            % (self._id(), self.random.randrange(1, 9), self._number()),
            lambda: "UPDATE w.parent SET id = id + 40 WHERE id = %d" % self.random.randrange(1, 9),
            lambda: "REPLACE INTO w.latin VALUES ('%s', '%s', %d)"
            % (self.random.choice("aA\u00e4\u00c4\u00dfs"), self.random.choice("xX\u00e9e"), self._number()),
            lambda: "INSERT INTO w.exact VALUES ('%s', X'%02X00', %d) ON DUPLICATE KEY UPDATE n = VALUES(n)"
            % (self.random.choice(("a", "A", "a ", "\u00e4")), self.random.randrange(3), self._number()),
            lambda: "DELETE FROM w.exact WHERE n < %d" % self.random.randrange(2),
            lambda: "REPLACE INTO w.times VALUES ('2026-03-29 0%d:30:00', NOW(), %d, '-%d:00:01', %r, %r)"
            % (self.random.randrange(1, 6), self.random.randrange(2000, 2004), self.random.randrange(800),
               self.random.choice((0.1, 1e-30, 16777217.0, -0.0)), self.random.choice((0.1, 1e300, -0.0, 0.1 + 0.2))),
            lambda: "UPDATE w.times SET ts = ts + INTERVAL 10 HOUR, f = f / 3 WHERE y = %d"
            % self.random.randrange(2000, 2004),
            lambda: "UPDATE w.switch SET s = s ^ b'1', e = IF(e = 'on', 'off', 'on') WHERE id = %d"
            % self.random.randrange(1, 4),
            lambda: "UPDATE w.switch SET s = b'0', e = 'on'",
            lambda: "REPLACE INTO w.turned (id, x) VALUES (%d, %d)" % (self._id(), self._number()),
            lambda: "INSERT INTO w.turned (id) VALUES (%d)" % self._id(),
            lambda: "UPDATE w.turned SET x = NULL, y = x WHERE id = %d" % self._id(),
            lambda: "UPDATE w.nokey SET v = %d WHERE n = %d" % (self._number(), self._number()),
            lambda: "DELETE FROM w.nokey WHERE n < 0 LIMIT 1",
            lambda: "UPDATE w.plain p JOIN w.two t ON p.id = t.a SET p.n = t.n, t.n = %d" % abs(self._number()),
            lambda: "DELETE FROM w.words",
            lambda: "UPDATE w.switch SET e = IF(e = 'on', 'off', 'on')",
            lambda: "REPLACE INTO w.parts VALUES (%d, %d)" % (self._id(), self._number()),
            lambda: "UPDATE w.parts SET id = IF(id < 8, id + 8, id - 8) WHERE id = %d" % self._id(),
            lambda: "REPLACE INTO w.sums (id, a) VALUES (%d, %d)" % (self._id(), self._number()),
            lambda: "UPDATE w.sums SET a = a + 1 WHERE id = %d" % self.random.randrange(1, 3),
            lambda: "INSERT INTO w.copied VALUES (%d, 'x', 5)" % self._id(),
            self._reverted,
        ]  # fmt: skip
        return self.random.choice(choices)()

    def _reverted(self) -> str:
        """Give a row of a table what it had before."""
        row = self.random.randrange(1, 3)
        return self.random.choice(
            (
                "UPDATE w.plain SET n = %d, v = 'one', f = 0.1, g = NULL, ts = NULL WHERE id = %d" % (row, row),
                "REPLACE INTO w.two VALUES (1, 'x', 1)",
                "UPDATE w.places SET x = 10, y = 20 WHERE id = %d" % row,
            )
        )

    def _definition(self) -> str:
        return self.random.choice(
            (
                "TRUNCATE TABLE w.words",
                "TRUNCATE TABLE w.two",
                "RENAME TABLE w.places TO w.places2",
                "RENAME TABLE w.places2 TO w.places",
                "ALTER TABLE w.words RENAME TO w.words2",
                "ALTER TABLE w.words2 RENAME TO w.words",
                "CREATE TABLE w.made (id INT PRIMARY KEY, n INT)",
                "CREATE TABLE IF NOT EXISTS w.made (id INT PRIMARY KEY, n INT)",
                "DROP TABLE IF EXISTS w.made",
                "ALTER TABLE w.plain ADD COLUMN c%d INT" % self.random.randrange(3),
                "ALTER TABLE w.plain DROP COLUMN c%d" % self.random.randrange(3),
                "ALTER TABLE w.places MODIFY COLUMN y INT AFTER id",
                "ALTER TABLE w.places MODIFY COLUMN x INT AFTER id",
                "CREATE INDEX i%d ON w.plain (n)" % self.random.randrange(3),
                "DROP INDEX i%d ON w.plain" % self.random.randrange(3),
                "ALTER TABLE w.two ENGINE = InnoDB",
                "TRUNCATE TABLE w.times",
                "RENAME TABLE w.latin TO w.exchange, w.latin2 TO w.latin, w.exchange TO w.latin2",
                "CREATE TABLE w.latin2 LIKE w.latin",
                "DROP TABLE w.latin2",
                "ALTER TABLE w.switch MODIFY COLUMN e ENUM('on','off') AFTER id",
                "ALTER TABLE w.switch MODIFY COLUMN s BIT(1) AFTER id",
                "ALTER TABLE w.places CHANGE COLUMN x y INT, CHANGE COLUMN y x INT",
                "ALTER TABLE w.turned MODIFY COLUMN id INT NOT NULL %s"
                % self.random.choice(("FIRST", "AFTER x", "AFTER y")),
                "ALTER TABLE w.words CONVERT TO CHARACTER SET latin1 COLLATE latin1_bin",
                "ALTER TABLE w.words CONVERT TO CHARACTER SET latin1 COLLATE latin1_swedish_ci",
                "ALTER TABLE w.plain MODIFY COLUMN n %s" % self.random.choice(("INT", "BIGINT")),
                "ALTER TABLE w.two DROP PRIMARY KEY, ADD PRIMARY KEY (b, a)",
                "ALTER TABLE w.two DROP PRIMARY KEY, ADD PRIMARY KEY (a, b)",
                "CREATE TABLE w.copied AS SELECT * FROM w.two",
                "DROP TABLE w.copied",
                "ALTER TABLE w.parts TRUNCATE PARTITION p%d" % self.random.randrange(2),
                "DROP TRIGGER w.log",
                "CREATE TRIGGER w.log AFTER UPDATE ON w.audited FOR EACH ROW INSERT INTO w.audit (what) VALUES (NEW.n)",
                "FLUSH TABLES",
                "ANALYZE TABLE w.plain",
            )
        )
