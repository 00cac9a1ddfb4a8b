# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tables binlog events touch: never fewer than they do."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import touched_statement
from ansible_collections.replicaops.mysql.plugins.module_utils._core.touched import (
    Scan,
    Touched,
    advance,
    gtid_of,
    is_bookkeeping,
    splits,
    whole_rows,
)

UUID = "11111111-aaaa-bbbb-cccc-000000000001"


def events(*pairs: Tuple[str, str]) -> List[Dict[str, Any]]:
    """Rows of SHOW BINLOG EVENTS, one after the other."""
    return [
        {"Event_type": kind, "Info": info, "Pos": 100 * at, "End_log_pos": 100 * at + 100}
        for at, (kind, info) in enumerate(pairs)
    ]


def touched(*pairs: Tuple[str, str], **options: Any) -> Touched:
    return advance(Scan(), events(*pairs), **options).touched


def test_row_events_name_their_tables() -> None:
    found = touched(
        ("Gtid", "SET @@SESSION.GTID_NEXT= '%s:3'" % UUID),
        ("Query", "BEGIN"),
        ("Rows_query", "# insert into t"),
        ("Table_map", "table_id: 85 (t.d)"),
        ("Table_map", "table_id: 86 (t.a.b)"),
        ("Write_rows", "table_id: 85 flags: STMT_END_F USE_SQL_FOREIGN_KEY_F"),
        ("Xid", "COMMIT /* xid=8 */"),
    )
    assert found.tables == {("t", "d"), ("t", "a.b"), ("t.a", "b")}
    assert found.has("t", "d")
    assert not found.has("t", "e")
    assert not found.redefined("t", "d")


@pytest.mark.parametrize(
    "kind",
    ["Format_desc", "Previous_gtids", "Rotate", "Stop", "Gtid_list", "Binlog_checkpoint", "Xid", "XA_prepare", "RAND",
     "Intvar", "User var", "Annotate_rows", "Write_rows_v1", "Update_rows_partial", "Delete_rows_compressed_v1"],
)  # fmt: skip
def test_events_that_name_no_table_are_harmless(kind: str) -> None:
    assert touched((kind, "")) == Touched()


@pytest.mark.parametrize("kind", ["Begin_load_query", "Execute_load_query", "Incident", "Something_new"])
def test_events_that_cannot_be_told_are_everything(kind: str) -> None:
    found = touched((kind, ""))
    assert found.everything
    assert found.has("any", "table")
    assert kind in found.why


def test_an_unreadable_table_map_is_everything() -> None:
    assert touched(("Table_map", "table_id: 1")).everything
    assert touched(("Table_map", "table_id: 1 (nodot)")).everything


def test_a_compressed_transaction_counts_by_its_events_or_is_everything() -> None:
    payload = ("Transaction_payload", "compression='ZSTD', decompressed_size=279 bytes")
    table = ("Table_map", "table_id: 85 (t.d)")
    assert touched(payload, ("Query", "BEGIN"), table, ("Xid", "COMMIT")).tables == {("t", "d")}
    assert touched(payload, ("Gtid", "SET @@SESSION.GTID_NEXT= '%s:4'" % UUID)).everything
    assert touched(payload).everything


def test_transactions_can_be_left_out_by_their_gtid() -> None:
    rows = [
        ("Gtid", "SET @@SESSION.GTID_NEXT= '%s:3'" % UUID),
        ("Table_map", "table_id: 1 (t.old)"),
        ("Transaction_payload", ""),
        ("Gtid_tagged_log_event", "SET @@SESSION.GTID_NEXT= '%s:tag:1'" % UUID),
        ("Table_map", "table_id: 1 (t.tagged)"),
        ("Gtid", "BEGIN GTID 0-1-5"),
        ("Table_map", "table_id: 1 (t.domain)"),
        ("Anonymous_Gtid", "SET @@SESSION.GTID_NEXT= 'ANONYMOUS'"),
        ("Table_map", "table_id: 1 (t.anonymous)"),
    ]
    found = touched(*rows, skip=lambda gtid: gtid in (UUID + ":3", "0-1-5"))
    assert found.tables == {("t", "tagged"), ("t", "anonymous")}
    assert not found.everything


def test_a_scan_goes_on_where_the_page_ended() -> None:
    rows = events(
        ("Gtid", "GTID 0-1-5"), ("Query", "use `t`; create table a (i int)"), ("Gtid", "GTID 0-1-6"),
        ("Query", "use `t`; create table b (i int)"),
    )  # fmt: skip
    whole = advance(Scan(), rows, lambda gtid: gtid == "0-1-5")
    for cut in range(len(rows)):
        first = advance(Scan(), rows[:cut], lambda gtid: gtid == "0-1-5")
        assert advance(first, rows[cut:], lambda gtid: gtid == "0-1-5") == whole
    assert whole.touched.defined == {("t", "b")}


@pytest.mark.parametrize(
    ("kind", "info", "expected"),
    [
        ("Gtid", "SET @@SESSION.GTID_NEXT= '%s:158'" % UUID, UUID + ":158"),
        ("Gtid", "XA START X'78',X'',1 GTID 0-1-10", "0-1-10"),
        ("Gtid", "BEGIN GTID 0-1-4 cid=12", "0-1-4"),
        ("Anonymous_Gtid", "SET @@SESSION.GTID_NEXT= 'ANONYMOUS'", ""),
        ("Query", "BEGIN", None),
    ],
)
def test_gtid_of(kind: str, info: str, expected: str) -> None:
    assert gtid_of(kind, info) == expected


def test_bookkeeping_alone_is_one_state() -> None:
    assert is_bookkeeping(events(("Rotate", ""), ("Format_desc", ""), ("Previous_gtids", "")))
    assert not is_bookkeeping(events(("Rotate", ""), ("Gtid", "")))


def test_a_full_page_leaves_its_last_row_and_never_ends_in_a_payload() -> None:
    rows = events(("Gtid", ""), ("Query", "BEGIN"), ("Xid", ""))
    assert whole_rows(rows, 10) == 3
    assert whole_rows(rows, 3) == 2
    packed = [
        *rows,
        *({"Event_type": "Query", "Info": "BEGIN", "Pos": 400, "End_log_pos": 400} for _unused in range(3)),
    ]
    assert whole_rows(packed, len(packed)) == 2
    assert whole_rows(packed[3:], 3) == 0


def test_splits() -> None:
    assert splits("a.b.c") == [("a", "b.c"), ("a.b", "c")]
    assert splits(".b") == []


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("create table `a.b` (i int)", [("d", "a.b")]),
        ("CREATE TABLE IF NOT EXISTS other.t LIKE t2", [("other", "t")]),
        ("create or replace table t (i int)", [("d", "t")]),
        ("CREATE TABLE `e` (\n  `i` int NOT NULL\n) START TRANSACTION", [("d", "e")]),
        ("CREATE TEMPORARY TABLE x (i int)", [("d", "x")]),
        ("DROP TABLE IF EXISTS `t`.`x`,`y` /* generated by server */", [("t", "x"), ("d", "y")]),
        ("TRUNCATE TABLE t", [("d", "t")]),
        ("truncate `we``ird`", [("d", "we`ird")]),
        ("ALTER TABLE t ADD COLUMN c INT /* xid=7 */", [("d", "t")]),
        ("ALTER TABLE t RENAME TO e.u, ADD i INT", [("d", "t"), ("e", "u")]),
        ("ALTER TABLE t RENAME COLUMN a TO b", [("d", "t")]),
        ("ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u", [("d", "t"), ("d", "u")]),
        ("RENAME TABLE a TO b, e.c TO e.f", [("d", "a"), ("d", "b"), ("e", "c"), ("e", "f")]),
        ("create unique index i on t (a)", [("d", "t")]),
        ("DROP INDEX i ON e.t", [("e", "t")]),
        ("/*!50100 CREATE TABLE */ t (i int)", [("d", "t")]),
        ("/* from app */ -- and more\nDROP TABLE t", [("d", "t")]),
        ("create sequence sq", [("d", "sq")]),
    ],
)
def test_definitions_name_their_tables(statement: str, tables: List[Tuple[str, str]]) -> None:
    effect = touched_statement.effect(statement, "d")
    assert not effect.everything, effect.why
    assert sorted(effect.tables) == sorted(tables)


@pytest.mark.parametrize(
    "statement",
    ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT `a`", "XA START X'78',X'',1", "XA COMMIT X'78',X'',1", "FLUSH LOGS",
     "ANALYZE TABLE t", "GRANT ALL ON *.* TO a", "CREATE USER a", "DROP USER IF EXISTS a", "RENAME USER a TO b",
     "SET PASSWORD FOR a = 'x'", "ALTER USER a ACCOUNT LOCK", ""],
)  # fmt: skip
def test_these_change_no_table(statement: str) -> None:
    assert touched_statement.effect(statement, "d") == touched_statement.NOTHING


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO t VALUES (1)", "update t set a = 1", "DELETE FROM t", "REPLACE INTO t SELECT 1", "CALL p()",
     "LOAD DATA INFILE 'x' INTO TABLE t", "SELECT f()", "WITH a AS (SELECT 1) UPDATE t SET b = 1", "DO f()",
     "SET STATEMENT max_statement_time=1 FOR DELETE FROM t", "HANDLER t OPEN", "CREATE SOMETHING NEW t",
     "CREATE TABLE m (i int) ENGINE=MERGE UNION=(a,b)", "(((", "INSERT", "ALTER TABLE"],
)  # fmt: skip
def test_what_writes_rows_or_is_not_known_is_everything(statement: str) -> None:
    effect = touched_statement.effect(statement, "d")
    assert effect.everything
    assert effect.why


def test_without_a_default_schema_a_bare_name_is_everything() -> None:
    assert touched_statement.effect("CREATE TABLE t (i int)", "").everything
    assert touched(("Query", "DROP TABLE t")).everything


def test_schemas_and_objects() -> None:
    found = touched(
        ("Query", "DROP DATABASE `old`"),
        ("Query", "use `d`; CREATE DEFINER=`root`@`%` PROCEDURE p() SELECT 1"),
    )
    assert found.schemas == {"old"}
    assert found.objects
    assert found.has("old", "any") and found.redefined("old", "any")
    assert not found.has("d", "any")
    assert touched_statement.effect("ALTER DATABASE CHARACTER SET = utf8", "d").schemas
