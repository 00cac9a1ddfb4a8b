# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import event_group
from ansible_collections.replicaops.mysql.plugins.module_utils._core.event_group import (
    error_end,
    find,
    groups,
    is_the_quoted_one,
    only_statement,
    split_use,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_reader import UnknownStatement

U = "11111111-aaaa-bbbb-cccc-000000000001"


def rows(*events, log="relay.000002", start=4):
    """Rows of SHOW RELAYLOG EVENTS: type, end position in the source's file, text."""
    return [
        {"Log_name": log, "Pos": start + 100 * n, "Event_type": kind, "Server_id": 1, "End_log_pos": end, "Info": info}
        for n, (kind, end, info) in enumerate(events)
    ]


FRAME = [("Format_desc", 0, "Server ver: 9.7.4-2"), ("Rotate", 0, "binlog.000007;pos=4"), ("Previous_gtids", 0, "")]
MYSQL = rows(
    *FRAME,
    ("Gtid", 1079, f"SET @@SESSION.GTID_NEXT= '{U}:3'"),
    ("Query", 1150, "BEGIN"),
    ("Table_map", 1200, "table_id: 85 (d.t)"),
    ("Write_rows", 1250, "table_id: 85 flags: STMT_END_F"),
    ("Xid", 1281, "COMMIT /* xid=17 */"),
    ("Gtid_tagged_log_event", 1300, f"SET @@SESSION.GTID_NEXT= '{U}:app:4'"),
    ("Query", 1400, "use `d`; ALTER TABLE t ADD c INT -- x /* xid=19 */"),
    ("Rotate", 0, "relay.000003;pos=4"),
)
MARIADB = rows(
    ("Gtid", 648, "BEGIN GTID 0-1-3"),
    ("Annotate_rows", 699, "INSERT INTO d.t VALUES (1,1)"),
    ("Table_map", 741, "table_id: 18 (d.t)"),
    ("Write_rows_v1", 783, "table_id: 18 flags: STMT_END_F"),
    ("Xid", 814, "COMMIT /* xid=18 */"),
    ("Gtid", 856, "GTID 0-1-4"),
    ("Query", 989, "use `a``b`; ALTER TABLE t ADD c INT"),
)
PLAIN = rows(  # MySQL 5.6 without GTIDs
    ("Query", 629, "use `d`; ALTER TABLE t ADD c INT"),
    ("Query", 700, "BEGIN"),
    ("Intvar", 730, "INSERT_ID=4"),
    ("Query", 800, "use `d`; INSERT INTO t VALUES (1)"),
    ("Query", 830, "COMMIT"),
    ("Query", 900, "BEGIN"),
    ("Table_map", 950, "table_id: 1 (d.t)"),
    ("Write_rows", 990, "table_id: 1"),
    ("Xid", 1020, "COMMIT /* xid=1 */"),
    ("Query", 1100, "CREATE DATABASE x"),
)


def test_mysql():
    found = groups(MYSQL, "binlog.000006")
    assert [(g.gtid, g.source_file, g.source_end, g.position) for g in found] == [
        (f"{U}:3", "binlog.000007", 1281, 304),
        (f"{U}:app:4", "binlog.000007", 1400, 804),
    ]
    assert found[1].after == 1004
    assert only_statement(found[1]) == ("ALTER TABLE t ADD c INT -- x", "d")


def test_mariadb():
    found = groups(MARIADB, "binlog.000001")
    assert [(g.gtid, g.source_end) for g in found] == [("0-1-3", 814), ("0-1-4", 989)]
    assert only_statement(found[1]) == ("ALTER TABLE t ADD c INT", "a`b")


def test_without_gtid_events():
    found = groups(PLAIN, "binlog.000001")
    expected = [(4, 629, 1), (104, 830, 4), (504, 1020, 4), (904, 1100, 1)]
    assert [(g.position, g.source_end, len(g.events)) for g in found] == expected
    assert only_statement(found[3]) == ("CREATE DATABASE x", "")


@pytest.mark.parametrize("group", [groups(MYSQL)[0], groups(MARIADB)[0], groups(PLAIN)[1], groups(PLAIN)[2]])
def test_more_than_one_statement_is_refused(group):
    with pytest.raises(UnknownStatement, match="more than one statement"):
        only_statement(group)


@pytest.mark.parametrize(
    "events",
    [
        [("Intvar", 1, "INSERT_ID=1"), ("Query", 2, "ALTER TABLE t ADD c INT")],
        [("User var", 1, "@x=1"), ("Query", 2, "ALTER TABLE t ADD c INT")],
        [("Gtid", 1, "GTID 0-1-4"), ("Query", 2, "CREATE TABLE t (a INT)"), ("Table_map", 3, "")],
        [("Gtid", 1, f"SET @@SESSION.GTID_NEXT= '{U}:4'"), ("Transaction_payload", 3, "compression='ZSTD'")],
        [("Gtid", 1, f"SET @@SESSION.GTID_NEXT= '{U}:4'")],
        [("Gtid", 1, "BEGIN GTID 0-1-4")],
        [("Query", 1, "BEGIN")],
    ],
)
def test_what_is_not_one_statement(events):
    with pytest.raises(UnknownStatement):
        only_statement(groups(rows(*events))[0])


def test_find():
    found = groups(MYSQL, "binlog.000007")
    assert find(found, f"{U.upper()}:APP:4", "") == 1
    assert find(found, f"{U}:4", "end_log_pos 1400") is None
    assert find(found, "", "at source log binlog.000007, end_log_pos 1400; Error") == 1
    assert find(found, "", "at source log binlog.000008, end_log_pos 1400; Error") is None
    assert find(found, "", "at source log , end_log_pos 1400; Error") == 1
    assert find(found, "", "Error 'x'") == 0
    assert find([], "", "Error 'x'") is None


def test_anonymous_has_no_gtid():
    found = groups(rows(("Anonymous_Gtid", 1, "SET @@SESSION.GTID_NEXT= 'ANONYMOUS'"), ("Query", 2, "DROP TABLE `u`")))
    assert found[0].gtid == ""


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ("use `d`; DROP TABLE `u` /* generated */ /* xid=26 */", ("d", "DROP TABLE `u` /* generated */")),
        ("CREATE DATABASE dd", ("", "CREATE DATABASE dd")),
        ("use `d`; use `e`; x", ("d", "use `e`; x")),
    ],
)
def test_split_use(info, expected):
    assert split_use(info) == expected


def test_error_texts():
    text = "Worker 1 failed executing transaction 'ANONYMOUS' at source log , end_log_pos 2447; Error 'x' on query."
    assert error_end(text) == ("", 2447)
    assert error_end("at master log binlog.000001, end_log_pos 852; Error") == ("binlog.000001", 852)
    assert error_end("end_log_pos 7") == ("", 7)
    assert error_end("end_log_pos 0") == ("", None)
    assert error_end("Error 'x' on query.") == ("", None)


@pytest.mark.parametrize(
    ("quoted", "same"),
    [
        ("ALTER TABLE t ADD c INT COMMENT 'it''s'", True),
        ("ALTER TABLE t ADD c INT COMM", True),
        ("ALTER  TABLE\nt ADD c INT COMMENT 'it''s'", True),
        ("ALTER TABLE t ADD d INT", False),
        ("ALTER TABLE t ADD c INT COMMENT '********'", True),
        ("CREATE USER ********", False),
    ],
)
def test_the_statement_must_be_the_quoted_one(quoted, same):
    statement = "ALTER TABLE t ADD c INT COMMENT 'it''s'"
    text = "Error 'Duplicate' on query. Default database: 'd'. Query: '%s'" % quoted
    assert is_the_quoted_one(statement, text) is same
    assert is_the_quoted_one(statement, "Error without a statement")


@pytest.mark.parametrize(
    ("quoted", "same"),
    [
        ("CREATE USER 'a'@'%' IDENTIFIED BY PASSWORD '********'", True),
        ("CREATE USER 'a'@'%' IDENTIFIED BY PASSWORD '********', 'b'@'%' IDENTIFIED BY PASSWORD '********'", True),
        ("CREATE USER ********", True),
        ("CREATE USER 'a'@'%' IDENTIFIED BY PASSWORD '********', 'c'@'%' IDENTIFIED BY PASSWORD '********'", False),
        ("CREATE USER 'c'@'%' IDENTIFIED BY PASSWORD '********'", False),
        ("DROP USER ********", False),
    ],
)
def test_what_stands_around_masked_secrets_is_compared(quoted, same):
    statement = "CREATE USER 'a'@'%' IDENTIFIED BY PASSWORD '*AB', 'b'@'%' IDENTIFIED BY PASSWORD '*CD'"
    text = "Error 'Operation CREATE USER failed' on query. Default database: ''. Query: '%s'" % quoted
    assert is_the_quoted_one(statement, text) is same


def _group(gtid, end, *kinds, ends=(), table="d.t"):
    events = tuple((kind, "table_id: 7 (%s)" % table if kind == "Table_map" else "x") for kind in kinds)
    return event_group.Group("relay.000001", 4, 0, "b.000001", end, gtid, events, ends)


def test_an_error_names_the_end_of_one_event_of_the_transaction():
    found = [_group("", 100, ends=(20, 60, 100)), _group("", 200, ends=(120, 160, 200))]
    text = "Could not execute Write_rows event on table d.t; x; the event's master log b.000001, end_log_pos 160"
    assert event_group.find(found, "", text) == 1
    assert event_group.find(found, "", text.replace("160", "170")) is None


def test_the_first_that_is_not_executed_of_the_domain_that_has_the_table():
    found = [
        _group("0-1-4", 100, "Table_map"),
        _group("7-1-1", 200, "Table_map", table="d.u"),
        _group("0-1-5", 300, "Table_map"),
    ]
    text = "Could not execute Write_rows_v1 event on table d.u; Duplicate entry; end_log_pos 0"
    assert event_group.find(found, "", text) == 1
    assert event_group.find(found, "", text, lambda gtid: gtid == "7-1-1") == 0
    assert event_group.find(found, "", text.replace("d.u", "d.x")) is None
    assert event_group.find(found, "", text, lambda gtid: gtid in ("0-1-4", "7-1-1")) == 2


def test_what_the_counter_counts_is_known_of_plain_events_only():
    assert event_group.countable(_group("", 1, "Query", "Table_map", "Write_rows", "Update_rows_v1", "Xid"))
    assert event_group.countable(_group("", 1, "Query", "Annotate_rows", "Table_map", "Delete_rows_v1", "Xid"))
    assert not event_group.countable(_group("", 1, "Transaction_payload", "Query", "Xid"))
