# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What transactions do to rows, what is done already, what is refused, and the session a statement runs in."""

from __future__ import annotations

import struct
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_apply as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_apply_context as context
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_apply_report as report
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_apply_rows as rows
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_apply_steps as steps
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import encode
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.canonical import ABSENT
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import (
    Intvar,
    QueryEvent,
    Rand,
    UserVar,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.row_bytes import Stored
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import RowChange
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import DDL, XID, Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import (
    BadInputError,
    IdentityError,
    RefusedError,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidBinlogState
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_rows import NO_KEY, PARTIAL, Shape
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import STOPPED, Coordinates, Fault
from ansible_collections.replicaops.mysql.plugins.module_utils._core.statement import Statement
from unit import made

T = TableName("d", "t")
COLUMNS = (ColumnInfo("id", data_type="int"), ColumnInfo("v", data_type="varchar", charset="utf8mb4"))
SHAPE = Shape(bytes((3, 15)), COLUMNS, (0,))
Row = Optional[Tuple[Any, ...]]
COLLATIONS = {8: ("latin1", "latin1_swedish_ci"), 45: ("utf8mb4", "utf8mb4_general_ci"), 63: ("binary", "binary")}


def image(row: Row) -> Optional[Tuple[Any, ...]]:
    if row is None:
        return None
    text = row[1]
    return row[0], Stored(text.encode(), bytes((len(text),)) + text.encode()) if isinstance(text, str) else text


def changes(*pairs: Tuple[Row, Row], reverse: bool = False) -> List[rows.Change]:
    """Changes of one transaction, given as rows before and after."""
    found = [RowChange(T, "", image(before), image(after), False) for before, after in pairs]
    given, useless = rows.changes_of(found, lambda name: SHAPE, lambda name: name, reverse)
    assert not useless
    return given


def judged(
    transactions: Sequence[List[rows.Change]], *found: Tuple[int, str], latest: bool = False
) -> Tuple[rows.Chains, List[rows.Conflict]]:
    chains = rows.Chains(lambda name: (0, 1), latest)
    for number, transaction in enumerate(transactions):
        chains.feed(number, transaction)
    return chains, chains.judge(T, {(key,): (key, text.encode()) for key, text in found})


def left(chains: rows.Chains, transactions: Sequence[List[rows.Change]]) -> List[List[str]]:
    """The kinds of what each transaction has left to do."""
    return [
        [write.kind for part in chains.left(number, each).values() for write in part.writes]
        for number, each in enumerate(transactions)
    ]


RUN = (
    [((1, "a"), (1, "b")), (None, (2, "n"))],
    [((1, "b"), (1, "c")), ((2, "n"), (3, "n"))],
    [((3, "n"), None)],
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([(1, "a")], [["update", "write"], ["update", "update"], ["delete"]]),
        ([(1, "b"), (2, "n")], [[], ["update", "update"], ["delete"]]),
        ([(1, "c"), (3, "n")], [["write"], ["delete"], ["delete"]]),
    ],
)
def test_what_is_done_already_is_left_out(found: List[Tuple[int, str]], expected: List[List[str]]) -> None:
    run = [changes(*pairs) for pairs in RUN]
    chains, conflicts = judged(run, *found)
    if (3, "n") in found:
        # Where rows alone tell, as much as possible counts as done: here all but the row that is to go.
        chains, conflicts = judged(run, *found, latest=True)
        expected = [[], [], ["delete"]]
    assert not conflicts and left(chains, run) == expected


def test_the_inverse_goes_backwards() -> None:
    run = [changes(*pairs, reverse=True) for pairs in reversed(RUN)]
    chains, conflicts = judged(run, (1, "c"))
    assert not conflicts and left(chains, run) == [["write"], ["update", "update"], ["delete", "update"]]
    part = chains.left(1, run[1])[T]
    assert part.before == {(3,): (3, b"n"), (2,): None, (1,): (1, b"c")}
    assert part.after == {(3,): None, (2,): (2, b"n"), (1,): (1, b"b")}
    # A row that came and went in the meantime need not come again.
    assert left(judged(run, (1, "c"), latest=True)[0], run) == [[], ["update"], ["update"]]
    done, conflicts = judged(run, (1, "a"), latest=True)
    assert not conflicts and left(done, run) == [[], [], []]


def test_a_row_at_neither_image_is_a_conflict() -> None:
    run = [changes(*pairs) for pairs in RUN]
    _chains, conflicts = judged(run, (1, "x"), (2, "mine"))
    assert [(one.key, one.have, one.expected, one.columns) for one in conflicts] == [
        ((1,), (1, b"x"), (1, b"a"), (1,)), ((2,), (2, b"mine"), None, ()),
    ]  # fmt: skip
    _chains, conflicts = judged([run[0], run[2]], (1, "a"))
    assert not conflicts
    _chains, conflicts = judged([changes(((1, "a"), (1, "b"))), changes(((1, "c"), (1, "d")))], (1, "a"))
    assert [one.why for one in conflicts] == [rows.BETWEEN]


def test_a_row_that_came_and_went_is_done_where_only_rows_tell() -> None:
    run = [changes((None, (1, "a"))), changes(((1, "a"), None))]
    assert left(judged(run)[0], run) == [["write"], ["delete"]]
    assert left(judged(run, latest=True)[0], run) == [[], []]


def test_the_bytes_of_an_update_are_both_images() -> None:
    run = [changes(((1, "a"), (2, "b")))]
    chains, _conflicts = judged(run, (1, "a"))
    (write,) = chains.left(0, run[0])[T].writes
    assert write == (encode.UPDATE, b"\0\x01\0\0\0\x01a" + b"\0\x02\0\0\0\x01b")


def test_rows_that_are_no_use() -> None:
    partial = RowChange(T, "update", image((1, "a")), (1, ABSENT), True)
    assert rows.changes_of([partial], lambda name: SHAPE, lambda name: name, False) == ([], {T: PARTIAL})
    assert rows.changes_of([partial], lambda name: None, lambda name: name, False) == ([], {T: NO_KEY})


# -- statements


def event(text: str, status: bytes = b"", error: int = 0, **others: Any) -> QueryEvent:
    return QueryEvent("d", text, 4, 5, 1000, 1, 1, error, status, others.get("context", ()))


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (a INT)",
        "/* who */ CREATE DEFINER=`u`@`%` TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
        "create or replace view v as select 1",
        "ALTER ONLINE TABLE t ADD KEY (a)",
        "DROP TABLE IF EXISTS `t` /* generated by server */",
        "TRUNCATE t",
        "RENAME TABLE a TO b",
        "INSERT INTO t SELECT 1",
        "DELETE FROM `t`",
        "ANALYZE TABLE t",
    ],
)
def test_statements_that_may_run_again(text: str) -> None:
    context.check(event(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("CREATE USER u", "users or roles"),
        ("DROP ROLE IF EXISTS r", "users or roles"),
        ("RENAME USER a TO b", "users or roles"),
        ("GRANT SELECT ON *.* TO u", "users or roles"),
        ("SET PASSWORD FOR u = 'x'", "users or roles"),
        ("CREATE TEMPORARY TABLE t (a INT)", "temporary table"),
        ("DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`", "temporary table"),
        ("XA COMMIT 'a'", "an XA statement"),
        ("LOAD DATA INFILE 'x' INTO TABLE t", "LOAD DATA"),
        ("INSTALL PLUGIN x SONAME 'y'", "unknown kind"),
        ("CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'h')", "unknown kind"),
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT CURRENT_USER", "who runs it"),
        ("", "unknown kind"),
    ],
)
def test_statements_that_may_not(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        context.check(event(text))


def test_a_statement_that_failed_on_its_server_may_not() -> None:
    with pytest.raises(ValueError, match="error 1317"):
        context.check(event("DELETE FROM t", error=1317))


def test_the_session_of_a_statement() -> None:
    status = b"\0" + struct.pack("<I", 1 << 14 | 1 << 26) + b"\x01" + struct.pack("<Q", 4)
    status += b"\x03" + struct.pack("<HH", 10, 3) + b"\x04" + struct.pack("<HHH", 8, 45, 63) + b"\x05\x06-05:00"
    status += b"\x07" + struct.pack("<H", 5) + b"\x0d" + (123456).to_bytes(3, "little")
    before = (
        Intvar(2, 7), Intvar(1, 6), Rand(1, 2), UserVar("a`b", "ä".encode(), 0, 45, False),
        UserVar("n", None, 0, 0, False), UserVar("i", (-3).to_bytes(8, "little", signed=True), 2, 63, False),
        UserVar("u", b"\xff" * 8, 2, 63, True), UserVar("r", struct.pack("<d", 1e100), 1, 63, False),
        UserVar("e", b"", 0, 63, False), UserVar("d", b"\x04\x02\x8c\x32", 4, 63, False),
    )  # fmt: skip
    found = context.session(event("INSERT", status, context=before), False, COLLATIONS)
    assert found == (
        "USE `d`",
        "SET TIMESTAMP = 1000.123456",
        "SET SESSION sql_auto_is_null = 1, foreign_key_checks = 0, unique_checks = 1, sql_mode = 4,"
        " auto_increment_increment = 10, auto_increment_offset = 3, character_set_client = 8,"
        " collation_connection = 45, collation_server = 63, time_zone = '-05:00', lc_time_names = 5",
        "SET INSERT_ID = 7",
        "SET LAST_INSERT_ID = 6",
        "SET rand_seed1 = 1, rand_seed2 = 2",
        "SET @`a``b` := _utf8mb4 0xc3a4 COLLATE utf8mb4_general_ci",
        "SET @`n` := NULL",
        "SET @`i` := -3",
        "SET @`u` := 18446744073709551615",
        "SET @`r` := 1e+100",
        "SET @`e` := _binary ''",
        "SET @`d` := 12.50",
    )


@pytest.mark.parametrize(
    ("status", "before", "why"),
    [
        (b"\xfa\0", (), "unknown status variable 250"),
        (b"\0" + struct.pack("<I", 1 << 3), (), "unknown flags"),
        (b"", (UserVar("x", b"a", 0, 999, False),), "collation 999"),
        (b"", (UserVar("x", b"a", 3, 45, False),), "unknown type"),
    ],
)
def test_a_session_that_cannot_be_restored(status: bytes, before: Tuple[Any, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        context.session(event("INSERT", status, context=before), False, COLLATIONS)


def test_the_flags_of_mariadb() -> None:
    status = b"\0" + struct.pack("<I", 1 << 15 | 1 << 28)
    assert context.session(event("DROP TABLE t", status), True, COLLATIONS)[-1] == (
        "SET SESSION sql_auto_is_null = 0, foreign_key_checks = 1, unique_checks = 1, check_constraint_checks = 0,"
        " explicit_defaults_for_timestamp = 0, sql_if_exists = 1"
    )


# -- rules

WISH = rules.Wish(None, None, made.U2 + ":1-3")
BACK = rules.Wish(None, None, made.U2 + ":1-3", rules.REVERSE)


def item(gtid: str = made.U2 + ":1", text: str = "", **others: Any) -> rules.Item:
    values: Dict[str, Any] = {"tables": () if text else (T,), "lossy": "", "ending": DDL if text else XID, **others}
    done = Transaction("b.1", 4, 99, gtid, values.pop("ending"), 0, 2, 1, **values)
    return rules.Item(done, statements=((event(text), text.encode()),) if text else ())


def test_the_options_that_name_transactions() -> None:
    start, stop = {"file": "b.000001", "position": 4}, {"file": "b.000002", "position": 9}
    found = rules.named({"from": start, "to": stop}, None)
    assert (found.start, found.stop) == (Coordinates("b.000001", 4), Coordinates("b.000002", 9))
    assert rules.named({}, "x:1").gtids == "x:1"
    for given, gtids in (
        ({}, None), ({}, ""), ({"from": start}, None), ({"from": start, "to": stop}, "x:1"),
        ({"from": stop, "to": start}, None), ({"from": start, "to": dict(stop, file="b")}, None),
    ):  # fmt: skip
        with pytest.raises(BadInputError):
            rules.named(given, gtids)


def test_what_gtids_tell_of_what_is_executed() -> None:
    server = made.server(executed=GtidSet.parse(made.U2 + ":1-2"))
    items = [item(made.U2 + ":%d" % number) for number in (1, 2, 3)]
    rules.note_executed(WISH, items, server)
    assert [one.executed for one in items] == [True, True, False]
    items = [item(made.U2 + ":1")]
    rules.note_executed(BACK, items, server)
    assert not items[0].executed
    assert str(rules.unexecuted(WISH, server)) == made.U2 + ":3"
    assert str(rules.unexecuted(BACK, server)) == made.U2 + ":1-3"


@pytest.mark.parametrize(
    ("state", "executed", "passed"),
    [
        ("0-1-50", [False, False], [False, False]),
        ("7-2-5", [True, False], [True, False]),
        ("7-2-6", [True, True], [True, True]),
        ("7-2-9", [False, False], [True, True]),
        ("7-3-9", [False, False], [True, True]),
    ],
)
def test_what_a_state_of_mariadb_tells(state: str, executed: List[bool], passed: List[bool]) -> None:
    server = made.server(flavour=made.MARIADB_1011, executed=None, binlog_state=GtidBinlogState.parse(state))
    items = [item("7-2-5"), item("7-2-6")]
    rules.note_executed(WISH, items, server)
    assert [one.executed for one in items] == executed and [one.passed for one in items] == passed
    if passed[1] and not executed[1]:
        with pytest.raises(RefusedError, match="7-2-6"):
            rules.check_order(WISH, items, [1], server)
    rules.check_order(WISH, items, [], server)


@pytest.mark.parametrize(
    ("wish", "one", "variables", "why"),
    [
        (BACK, item(text="DROP TABLE t"), {}, "no inverse"),
        (WISH, item(text="DROP TABLE t", tables=(T,)), {}, "both rows and a statement"),
        (WISH, item("", "DROP TABLE t"), {}, "without a GTID"),
        (WISH, item(text="GRANT ALL ON *.* TO u"), {}, "users or roles"),
        (WISH, item(lossy="it holds LOAD DATA"), {}, "LOAD DATA"),
        (WISH, item(ending="xa"), {}, "does not end in a commit"),
        (WISH, item(), {"gtid_mode": "OFF"}, "gtid_mode is OFF"),
        (WISH, item(""), {"gtid_mode": "ON"}, "has no GTID"),
    ],
)
def test_transactions_that_cannot_be_applied(
    wish: rules.Wish, one: rules.Item, variables: Dict[str, str], why: str
) -> None:
    server = made.server(variables={"gtid_mode": "ON", **variables})
    with pytest.raises(RefusedError, match=why):
        rules.check_item(wish, one, server)
    rules.check_item(WISH, item(), made.server(variables={"gtid_mode": "ON"}))


def test_servers_that_must_not_be_written() -> None:
    stopped = made.channel(applier=STOPPED)
    quiet = {"replicas_below": (), "processes": (), "unreadable": {}, "variables": {"log_bin": "ON"}}
    rules.check_target(WISH, made.server(stopped, **quiet), stopped, {})
    allowed = rules.Wish(None, None, "x", allow_source_write=True)
    rules.check_target(allowed, made.server(**{**quiet, "replicas_below": ("db3",)}), stopped, {})
    hidden = {"replicas": Fault(1227, "denied"), "processlist": Fault(1227, "denied")}
    for wish, server, binlog, why in (
        (WISH, made.server(made.channel(), **quiet), {}, "its applier runs"),
        (WISH, made.server(made.channel(applier=STOPPED, position_gaps=True), **quiet), {}, "gaps"),
        (WISH, made.server(made.channel(applier=STOPPED, filters={"do_db": "x"}), **quiet), {}, "filters"),
        (WISH, made.server(stopped, **quiet), {"Binlog_Ignore_DB": "x"}, "leaves schemas out"),
        (WISH, made.server(**quiet), {}, "it is not a replica"),
        (WISH, made.server(stopped, **{**quiet, "replicas_below": ("db3",)}), {}, "db3"),
        (WISH, made.server(stopped, **{**quiet, "unreadable": hidden}), {}, "cannot be known"),
        (BACK, made.server(stopped, **{**quiet, "replicas_below": ("db3",)}), {}, "db3"),
    ):
        with pytest.raises(RefusedError, match=why):
            rules.check_target(wish, server, stopped, binlog)


def test_donors() -> None:
    here = made.server()
    with pytest.raises(IdentityError):
        rules.check_donor(WISH, here, here)
    rules.check_donor(BACK, here, here)
    with pytest.raises(RefusedError, match="other engine"):
        rules.check_donor(BACK, here, made.server(flavour=made.MARIADB_1011))
    has = made.server(executed=GtidSet.parse(made.U2 + ":1-5"), purged=GtidSet.parse(made.U2 + ":1"))
    assert rules.named_of(WISH, has, GtidSet.parse(made.U2 + ":2-3")) == 2
    with pytest.raises(BadInputError, match="has not executed"):
        rules.named_of(WISH, has, GtidSet.parse(made.U2 + ":5-6"))
    with pytest.raises(RefusedError, match="purged"):
        rules.named_of(WISH, has, GtidSet.parse(made.U2 + ":1-2"))


# -- steps and words


def test_steps_of_rows() -> None:
    server, one = made.server(), item()
    look = Statement("LOOK")
    step = steps.rows(WISH, one, server, (look,), (Statement("BINLOG"),), (look,), False)
    gtid = "SET SESSION gtid_next = '%s:1'" % made.U2
    assert step.statement.display() == gtid + "; START TRANSACTION; LOOK; BINLOG; LOOK; COMMIT"
    step = steps.rows(WISH, one, server, (look,), (Statement("BINLOG"),), (look,), True)
    automatic = "SET SESSION gtid_next = 'AUTOMATIC'"
    assert step.statement.display() == "; ".join((automatic, "LOOK", gtid, "BINLOG", automatic, "LOOK"))
    with pytest.raises(ValueError, match="more than one"):
        steps.rows(WISH, one, server, (), (look, look), (), True)
    back = steps.rows(BACK, one, server, (), (Statement("BINLOG"),), (), False)
    assert back.statement.display() == "START TRANSACTION; BINLOG; COMMIT"
    maria = made.server(flavour=made.MARIADB_1011)
    text = steps.rows(WISH, item("7-2-5"), maria, (), (), (), False).statement.display()
    assert text.startswith("SET SESSION gtid_domain_id = 7, server_id = 2, gtid_seq_no = 5; START")


def test_statements_show_no_rows() -> None:
    server = made.server()
    shown = steps.statements(WISH, item(text="INSERT INTO t VALUES ('secret')"), server, COLLATIONS).statement.display()
    assert "secret" not in shown and "INSERT INTO t ..." in shown
    shown = steps.statements(WISH, item(text="CREATE TABLE t (a INT)"), server, COLLATIONS).statement.display()
    assert shown.endswith("gtid_next = '%s:1'; CREATE TABLE t (a INT)" % made.U2)
    assert "secret" not in str(report.transaction(item(text="INSERT INTO t VALUES ('secret')"), "done", "keys"))


def test_words() -> None:
    assert report.sentence(WISH, ["applied", "done"], 3, 0, False) == (
        "1 transaction with 3 rows was applied, 1 were before."
    )
    assert "2 transactions with 1 row would be undone." in report.sentence(BACK, ["applied"] * 2, 1, 0, True)
    assert "nothing was done" in report.sentence(WISH, ["waiting"], 0, 2, False)
    assert "already" in report.sentence(WISH, ["done"], 0, 0, False)
    assert report.states_of([item()] * 3, [1, 2], 2) == ("done", "applied", "waiting")


def test_conflicts_show_what_may_be_shown() -> None:
    conflict = rows.Conflict(0, T, (1,), "why", (1, b"mine"), (1, b"theirs"), (1,))
    (full,) = report.conflicts([item()], [conflict], {T: SHAPE}, "full")
    assert full["found"] == {"id": 1, "v": "mine"} and full["expected"] == {"id": 1, "v": "theirs"}
    (keys,) = report.conflicts([item()], [conflict], {T: SHAPE}, "keys")
    assert keys["key"] == {"id": 1} and keys["columns"] == ["v"] and "mine" not in str(keys)
    (none,) = report.conflicts([item()], [conflict], {T: SHAPE}, "none")
    assert none["key"] is None and none["difference"] == "changed"
