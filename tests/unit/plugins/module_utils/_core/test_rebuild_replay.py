# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a source's binlogs tell everything that it has, and can be replayed on a replica that keeps its accounts."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import rebuild_replay as replay
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import QueryEvent
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transaction import (
    DDL,
    INCIDENT,
    Transaction,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.rebuild_replay_accounts import (
    AccountChange,
    NotUnderstood,
    change_of,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import POSITION, Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_tokens import tokenise
from unit import made
from unit.made import MARIADB_1011, U1

HERE = replay.accounts_here([{"User": "root", "Host": "LOCALHOST"}, {"User": "dba", "Host": ""}])


def done(*texts, schema="", tables=(), gtid=U1 + ":1", at=100, **more):
    queries = tuple(QueryEvent(schema, text, at, at + 50, 0, 1, 1, 0, b"") for text in texts)
    names = tuple(TableName(*pair) for pair in tables)
    values = {"ending": DDL, "timestamp": 0, "server_id": 1, "thread_id": 1, **more}
    return Transaction("binlog.000001", at, at + 100, gtid, tables=names, statements=queries, **values)


def evidence(*transactions, gtids=True):
    found = replay.Evidence(gtids, HERE, 2)
    for one in transactions:
        found.add(one)
    return found


def against(*transactions, **options):
    return list(evidence(*transactions, **options).against)


SHOP = (done("CREATE DATABASE shop"), done("CREATE TABLE T (id INT)", schema="shop"))


def source(**changes):
    values = {"address": "db1:3306", "binlogs": (("binlog.000001", 500), ("binlog.000002", 100))}
    return made.server(**{**values, "purged": GtidSet(), **changes})


def test_a_source_that_has_everything_begins_at_its_first_binlog():
    assert replay.check_first(source(), made.channel(), None) == Coordinates("binlog.000001", 4)
    mariadb = source(flavour=MARIADB_1011, purged=None)
    assert replay.check_first(mariadb, made.channel(), GtidPosition()).file == "binlog.000001"


@pytest.mark.parametrize(
    ("server", "oldest", "expected"),
    [
        (source(binlogs=()), None, "cannot be listed"),
        (source(binlogs=(("binlog.000002", 9),)), None, "its oldest binlog is binlog.000002"),
        (source(binlogs=(("binlog", 9),)), None, "its oldest binlog is binlog"),
        (source(purged=GtidSet.parse(U1 + ":1-4")), None, "it has purged " + U1),
        (source(flavour=MARIADB_1011), None, "could not be read"),
        (source(flavour=MARIADB_1011), GtidPosition.parse("0-1-7"), "begins behind 0-1-7"),
    ],
)
def test_a_source_that_lacks_its_beginning_is_refused(server, oldest, expected):
    with pytest.raises(RefusedError, match=expected):
        replay.check_first(server, made.channel(), oldest)


def test_what_the_binlogs_make_is_all_that_the_source_has():
    found = evidence(*SHOP, done(tables=[("shop", "T")]), done("RENAME TABLE t TO u", schema="shop"))
    assert not found.against and found.transactions == 4
    assert replay.judge(found, "db1", {"shop": ["u", ""], "test": []}) == ("test",)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ({"shop": ["t", "later"]}, "table shop.later is made by no binlog"),
        ({"shop": ["t"], "old": [""]}, "schema old has something in it and is made by no binlog"),
    ],
)
def test_what_no_binlog_makes_is_named(objects, expected):
    with pytest.raises(RefusedError, match=expected):
        replay.judge(evidence(*SHOP), "db1", objects)


def test_many_reasons_are_cut_and_all_are_in_the_context():
    tables = ["t%d" % number for number in range(20)]
    with pytest.raises(RefusedError, match="and 12 more") as refused:
        replay.judge(evidence(*SHOP), "db1", {"shop": tables})
    assert len(refused.value.context["against"]) == 20


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (done(tables=[("shop", "other")]), "rows of shop.other are changed, which was not made before"),
        (done(tables=[("mysql", "user")]), "rows of mysql.user are changed, which is not dropped here"),
        (done("UPDATE user SET x = 1", schema="mysql"), "something in mysql is changed"),
        (done("DROP TABLE mysql.gone"), "something in mysql is changed"),
        (done("RENAME TABLE shop.other TO shop.v"), "shop.other is renamed, which was not made before"),
        (done("ALTER TABLE shop.other RENAME shop.v"), "shop.other is renamed, which was not made before"),
        (done("INSTALL PLUGIN x SONAME 'x.so'"), "INSTALL defines something outside"),
        (done("CREATE FUNCTION f RETURNS INT SONAME 'f.so'"), "CREATE FUNCTION ... SONAME defines"),
        (done("CREATE OR REPLACE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'h')"), "CREATE SERVER defines"),
        (done("CREATE TABLESPACE ts ADD DATAFILE 'x.ibd'"), "CREATE TABLESPACE defines"),
        (done(gtid=""), "a transaction has no GTID"),
        (done(ending=INCIDENT), "an incident"),
        (done("CREATE TABLE shop.u (id INT)", server_id=2), "was written by this server itself"),
        (done(lossy="compressed"), "cannot be read here (compressed)"),
        (done("GRANT SELECT ON *.* TO 'unfinished"), "a statement about accounts is not understood"),
    ],
)
def test_what_would_stop_the_applier_is_named(one, expected):
    (why,) = against(*SHOP, one)
    assert expected in why


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE server (id INT)",
        "CREATE INDEX i ON t (id)",
        "DROP TABLE IF EXISTS `nothing` /* generated by server */",
        "INSERT INTO t VALUES ('mysql.user')",
        "CREATE DEFINER=`root`@`localhost` VIEW v AS SELECT 1",
        "FLUSH PRIVILEGES",
        "SET @x = 1",
    ],
)
def test_what_can_be_replayed_is_not_held_back(text):
    assert against(*SHOP, done(text, schema="shop")) == []


def test_without_gtids_a_transaction_needs_none():
    assert against(*SHOP, done(gtid=""), gtids=False) == []
    assert not replay.needs_gtids(made.channel(mode=POSITION), source())


def change(text):
    return change_of(text, tokenise(text, executable=True))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("CREATE USER 'a'@'Host', b IDENTIFIED WITH 'x' AS 'y' REQUIRE NONE", ("'a'@'host'", "'b'@'%'")),
        ("CREATE ROLE r", ("'r'@'%'",)),
        ("GRANT SELECT (x, y), INSERT ON *.* TO a@localhost WITH GRANT OPTION", ("'a'@'localhost'",)),
        ("GRANT r1, r2 TO 'a'@'%', 'b'@'%'", ("'a'@'%'", "'b'@'%'")),
        ("REVOKE ALL ON shop.* FROM 'a'@'%'", ("'a'@'%'",)),
        ("SET PASSWORD FOR 'a'@'%' = 'x'", ("'a'@'%'",)),
        ("SET DEFAULT ROLE r TO 'a'@'%'", ("'a'@'%'",)),
        ("DROP USER IF EXISTS 'a'@'%'", ("'a'@'%'",)),
        ("/* app */ ALTER USER 'a'@'%' ACCOUNT LOCK", ("'a'@'%'",)),
        ("RENAME USER a TO b, c TO 'd'@'h'", ("'a'@'%'", "'c'@'%'")),
    ],
)
def test_which_accounts_a_statement_is_about(text, names):
    assert change(text).names == names


def test_other_statements_are_about_no_account():
    assert change("CREATE TABLE user (id INT)") is None
    assert change("SET @grant = 1") is None


@pytest.mark.parametrize(
    "text", ["GRANT SELECT ON *.*", "RENAME USER a, b", "SET PASSWORD = 'x'", "DROP USER CURRENT_USER"]
)
def test_what_cannot_be_read_about_accounts_is_an_error(text):
    with pytest.raises(NotUnderstood):
        change(text)


def test_only_accounts_that_the_binlogs_make_are_replayed():
    life = (
        done("CREATE USER 'a'@'%' IDENTIFIED BY 'x'"), done("GRANT SELECT ON *.* TO 'a'@'%'"),
        done("RENAME USER 'a'@'%' TO 'b'@'%'"), done("DROP USER 'b'@'%'"), done("DROP USER IF EXISTS 'b'@'%'"),
        done("GRANT SELECT ON *.* TO 'c'@'%' IDENTIFIED BY 'x'"), done("SET PASSWORD FOR 'c'@'%' = 'y'"),
    )  # fmt: skip
    assert against(*life) == []
    assert against(*life, done("DROP USER 'a'@'%'")) == [
        "a statement drops the account 'a'@'%', which was not made before"
    ]
    assert against(done("CREATE USER IF NOT EXISTS root@localhost")) == [
        "a statement makes the account 'root'@'localhost', which exists here"
    ]
    assert against(done("RENAME USER x TO dba")) == [
        "a statement changes the account 'x'@'%', which was not made before",
        "a statement changes the account 'dba'@'%', which exists here",
    ]
    with pytest.raises(RefusedError, match="sql_log_bin = 0"):
        replay.judge(evidence(done("DROP USER dba")), "db1", {})


def test_an_account_has_one_name():
    assert AccountChange.label("a", "LocalHost") == "'a'@'localhost'" and AccountChange.label("r", "") == "'r'@'%'"


def test_expiry_is_told_and_refused():
    first = Coordinates("binlog.000001", 4)
    assert replay.check_expiry(first, 100, None) == ""
    assert "binlog.000001 in 200 s" in replay.check_expiry(first, 100, 200)
    with pytest.raises(RefusedError, match="in 199 s"):
        replay.check_expiry(first, 100, 199)
    with pytest.raises(RefusedError, match="at any moment"):
        replay.check_expiry(first, 0, -5)


def test_how_far_it_is():
    binlogs = (("binlog.000001", 4_000_000), ("binlog.000002", 2_000_000))
    point = Coordinates("binlog.000002", 1_000_000)
    assert replay.behind(binlogs, point) == 1_000_000 and replay.behind(binlogs, None) == 6_000_000
    told = replay.progress(10, point, binlogs)
    assert told["line"] == "replaying: 5.0 of 6.0 MB of binlogs in 10 s, now binlog.000002:1000000, about 2 s left"
    assert "left" not in replay.progress(10, None, binlogs)["line"]
    assert replay.reached(point, None) and replay.reached(point, Coordinates("binlog.000001", 9))
    assert not replay.reached(Coordinates("", 4), point) and not replay.reached(None, point)
    assert replay.is_near(made.channel(), 10) and not replay.is_near(made.channel(), 2 << 20)
    assert replay.is_near(made.channel(delay=60), 2 << 20)
