# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What statements are taken to say of schemas, tables, columns, indexes and rows is what a real server had then."""

from __future__ import annotations

import os
import random
from typing import Callable, Dict, List, Set, Tuple

import pymysql
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.voting import Voting
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server import reader
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login, connect
from ansible_collections.replicaops.mysql.plugins.module_utils._server.locate_rows import Rows
from ansible_collections.replicaops.mysql.plugins.module_utils._server.locate_scan import Reader, deadline_in
from ansible_collections.replicaops.mysql.plugins.module_utils._server.locate_tables import Tables
from lab.accounts import ACCOUNTS
from lab.server import Server
from lab.topology import Lab

STATEMENTS = int(os.environ.get("REPLICA_LOCATE_DEFINITIONS", "60"))
SEED = int(os.environ.get("REPLICA_TEST_SEED", "1"))
NAMES, COLUMNS = ("t", "u", "v"), ("a", "b", "c", "d")
Things = Set[Tuple[str, ...]]


def _definition(rng: random.Random) -> str:
    """A random statement about one of three tables; many fail."""
    table, other = "d." + rng.choice(NAMES), "d." + rng.choice(NAMES)
    one, two, three = rng.choice(COLUMNS), rng.choice(COLUMNS), rng.choice(COLUMNS)
    clauses = (
        "ADD COLUMN %s INT" % one,
        "ADD COLUMN (%s INT, %s INT)" % (one, two),
        "ADD %s INT UNIQUE" % one,
        "DROP COLUMN %s" % one,
        "CHANGE %s %s BIGINT" % (one, two),
        "CHANGE COLUMN %s %s INT FIRST" % (one, one),
        "MODIFY %s INT AFTER %s" % (one, two),
        "MODIFY %s INT UNIQUE KEY" % one,
        "ADD INDEX %s (%s)" % (one, two),
        "ADD KEY (%s)" % one,
        "ADD UNIQUE %s (%s, %s)" % (one, two, three),
        "ADD UNIQUE (%s, %s)" % (one, two),
        "ADD CONSTRAINT %s UNIQUE (%s)" % (one, two),
        "ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES d.parent (id)" % (one, two),
        "ADD FOREIGN KEY (%s) REFERENCES d.parent (id)" % one,
        "DROP INDEX %s" % one,
        "DROP KEY `%s`" % one.upper(),
        "DROP FOREIGN KEY %s" % one,
        "DROP PRIMARY KEY, ADD PRIMARY KEY (id, %s)" % one,
        "DROP PRIMARY KEY, ADD PRIMARY KEY (id)",
        "ENGINE = InnoDB",
        "COMMENT = 'ADD COLUMN %s INT'" % one,
        "ALTER COLUMN %s SET DEFAULT 1" % one,
    )
    altered = ["ALTER TABLE %s %s" % (table, ", ".join(rng.sample(clauses, rng.choice((1, 1, 1, 2, 2, 3)))))] * 20
    return rng.choice(
        (
            *altered,
            "CREATE INDEX %s ON %s (%s)" % (one, table, two),
            "CREATE UNIQUE INDEX `%s` ON %s (%s, %s)" % (one, table, two, three),
            "DROP INDEX %s ON %s" % (one, table),
            "RENAME TABLE %s TO %s" % (table, other),
            "RENAME TABLE d.t TO d.x, d.u TO d.t, d.x TO d.u",
            "ALTER TABLE %s RENAME TO %s" % (table, other),
            "ALTER TABLE %s RENAME %s, ADD COLUMN %s INT" % (table, other, one),
            "CREATE TABLE %s LIKE %s" % (table, other),
            "CREATE TABLE %s (id INT PRIMARY KEY, %s INT, KEY (%s))" % (table, one, one),
            "CREATE TABLE IF NOT EXISTS %s (id INT PRIMARY KEY, %s INT UNIQUE)" % (table, one),
            "CREATE TABLE %s (id INT PRIMARY KEY) AS SELECT id FROM %s" % (table, other),
            "DROP TABLE IF EXISTS %s" % table,
            "DROP TABLE %s" % table,
            "TRUNCATE TABLE %s" % table,
            "INSERT INTO %s (id) VALUES (%d)" % (table, rng.randrange(3)),
            "DELETE FROM %s" % table,
            "CREATE DATABASE e",
            "DROP DATABASE e",
            "CREATE TABLE e.t (id INT PRIMARY KEY)",
            "RENAME TABLE %s TO e.u" % table,
            "RENAME TABLE e.u TO %s" % table,
        )
    )


def _things(server: Server) -> Things:
    """Everything that is there now, as `Objects` names it."""

    def rows(columns: str, place: str) -> List[Tuple[str, ...]]:
        told = server.query(
            "SELECT CONCAT_WS('.', %s) AS x FROM information_schema.%s WHERE TABLE_SCHEMA IN ('d', 'e')"
            % (columns, place)
        )
        return [tuple(str(row["x"]).split(".")) for row in told]

    names = "TABLE_SCHEMA, TABLE_NAME"
    tables = rows(names, "TABLES")
    found: Things = {("table", *table) for table in tables}
    found |= {("column", *thing) for thing in rows(names + ", LOWER(COLUMN_NAME)", "COLUMNS")}
    found |= {("index", *thing) for thing in rows(names + ", LOWER(INDEX_NAME)", "STATISTICS")}
    found |= {("rows", *table) for table in tables if server.query("SELECT 1 AS x FROM `%s`.`%s` LIMIT 1" % table)}
    schemas = server.query("SELECT SCHEMA_NAME AS s FROM information_schema.SCHEMATA")
    return found | {("schema", str(row["s"])) for row in schemas}


def test_what_definitions_say(lab_of: Callable[..., Lab], flavour: str) -> None:
    server = lab_of(flavour, "single", gtid=False).source
    server.execute("CREATE DATABASE d", "CREATE TABLE d.parent (id INT PRIMARY KEY)")
    server.execute("CREATE TABLE d.t (id INT PRIMARY KEY, a INT)", "INSERT INTO d.t VALUES (1, 1)")
    rng, start = random.Random(SEED), server.coordinates()
    truth: Dict[Tuple[str, int], Tuple[Things, str]] = {start: (_things(server), "")}
    last = start
    while len(truth) <= STATEMENTS:
        sql = _definition(rng)
        try:
            server.execute(sql)
        except pymysql.MySQLError:
            continue
        now = server.coordinates()
        if now != last:
            truth[now], last = (_things(server), sql), now
    login = Login(host=server.host, port=server.port, user="root", password=ACCOUNTS["root"].password)
    with connect(login) as one, connect(login) as two:
        tables = Tables(one, two, reader.read_server(one), None)
        read, voting = Reader(login, tables, Rows(tables), deadline_in(120)), Voting()
        track = read.run(voting, Coordinates(*start), Coordinates(*last)).track
    places = [(track.coordinates(k).file, track.coordinates(k).position) for k in range(voting.time + 1)]
    assert [place for place in truth if place not in places] == [] and len(places) == len(truth)
    wrong, said = [], 0
    for thing, spans in voting.objects.spans(voting.time):
        for first, end, there in spans:
            said += end - first + 1
            odd = [k for k in range(first, end + 1) if (thing in truth[places[k]][0]) != there]
            if odd:
                around = [truth[places[k]][1] for k in range(max(first - 1, 0), min(end + 2, voting.time + 1))]
                wrong.append("%s is said to be %s from %d to %d: %s; %s" % (thing, there, first, end, odd[:5], around))
    print("%s: %d statements, %d things said, %d wrong" % (flavour, len(truth) - 1, said, len(wrong)))
    assert not wrong, "\n".join(wrong[:5])
    assert said > STATEMENTS
