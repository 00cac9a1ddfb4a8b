# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binlog files that real servers wrote, decoded to transactions; and sequences of events of our own making."""

from __future__ import annotations

import struct
from collections import Counter
from typing import List

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.canonical import ABSENT
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import Intvar, Rand, UserVar
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import (
    COMMIT,
    DDL,
    INCIDENT,
    ROLLBACK,
    UNFINISHED,
    XA,
    XID,
    Event,
    RowChange,
    TableName,
    Transaction,
    transactions,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from unit import binlogs
from unit.binlogs import FILE, NAMES, decoded, event, events, shown, u64

UUID = "11111111-aaaa-bbbb-cccc-000000000001"
HAS_GTIDS = [name for name in NAMES if "anonymous" not in name]
GROUP_STARTS = {"Gtid", "Gtid_tagged_log_event", "Anonymous_Gtid"}


def changes_of(found: List[Transaction], table: str) -> List[RowChange]:
    return [change for one in found for change in one.changes if change.table == TableName("ev", table)]


def with_text(found: List[Transaction], begin: str) -> Transaction:
    (one,) = [one for one in found if any(said.text.startswith(begin) for said in one.statements)]
    return one


def test_there_is_a_file_of_every_flavour() -> None:
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_events_stand_where_the_server_says(name: str) -> None:
    theirs = {(start, end) for start, end, _kind in shown(name)}
    assert {(start, end) for _kind, start, end, _data in events(name)} == theirs


@pytest.mark.parametrize("name", NAMES)
def test_transactions_fill_the_file_without_gaps(name: str) -> None:
    found = decoded(name)
    assert len(found) > 20
    assert all(one.file == FILE for one in found)
    assert all(one.last == other.first for one, other in zip(found, found[1:]))
    assert found[0].start == Coordinates(FILE, found[0].first) and found[0].end == Coordinates(FILE, found[0].last)
    # Behind the last transaction stands the rotate event alone.
    assert [start for start, _end, kind in shown(name) if start >= found[-1].last and kind != "Rotate"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_transaction_begins_at_each_gtid_event(name: str) -> None:
    starts = [start for start, _end, kind in shown(name) if kind in GROUP_STARTS]
    found = decoded(name)
    if starts:
        assert [one.first for one in found] == starts
    else:
        assert name == "mysql-5.6-anonymous"
        assert [one.gtid for one in found] == [""] * len(found)


@pytest.mark.parametrize("name", HAS_GTIDS)
def test_gtids_count_up_and_tags_are_read(name: str) -> None:
    gtids = [one.gtid for one in decoded(name)]
    assert len(set(gtids)) == len(gtids)
    untagged = [gtid for gtid in gtids if gtid.count(":") < 2]
    numbers = [int(gtid.replace("-", ":").rsplit(":", 1)[1]) for gtid in untagged]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    expected = [UUID + ":tag_one:5", UUID + ":other:1"] if name == "mysql-9.7" else []
    assert [gtid for gtid in gtids if gtid not in untagged] == expected


@pytest.mark.parametrize("name", NAMES)
def test_transactions_alone_are_the_same_without_their_rows(name: str) -> None:
    def frame(one: Transaction) -> Transaction:
        return one._replace(changes=(), undecoded=())

    assert [frame(one) for one in decoded(name)] == decoded(name, rows=False)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_what_the_statements_wrote(name: str) -> None:
    found = decoded(name)
    rows = changes_of(found, "t")
    one = (1, 1, b"one", 2001, 1, 3, "1.500")
    two = (2, 2) + (None,) * 7
    assert [row.kind for row in rows[:5]] == ["write", "write", "update", "update", "delete"]
    assert rows[0].before is None and rows[0].after is not None
    assert rows[0].after[:7] == one and rows[0].after[7] == "2020-02-03 04:05:06.789" and rows[0].after[8] == b"b"
    assert rows[1].after == two
    assert rows[2].before == rows[0].after
    assert rows[2].after is not None and rows[2].after[:3] == (1, 11, b"one")
    assert rows[4].before == (2, 12) + (None,) * 7 and rows[4].after is None
    assert [row.after[1] for row in rows[5:7] if row.after] == [3, 5]  # what the savepoint undid is not there
    assert not any(row.partial for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_images_that_lack_columns_are_marked(name: str) -> None:
    minimal, noblob, full = [row for row in changes_of(decoded(name), "k") if row.kind == "update"]
    assert (minimal.before, minimal.after, minimal.partial) == ((1, ABSENT, ABSENT), (ABSENT, b"ax", ABSENT), True)
    assert (noblob.before, noblob.after, noblob.partial) == ((1, b"ax", ABSENT), (1, b"axx", ABSENT), True)
    assert (full.before, full.after, full.partial) == ((1, b"axx", b"b"), (1, b"axxx", b"b"), False)


@pytest.mark.parametrize("name", NAMES)
def test_statements_have_what_the_binlog_sets_for_them(name: str) -> None:
    found = decoded(name)
    (insert_id,) = with_text(found, "INSERT INTO ev.t (a) VALUES (100)").statements[0].context
    assert isinstance(insert_id, Intvar) and insert_id.kind == 2 and insert_id.value > 5
    (variable,) = with_text(found, "UPDATE ev.t SET a = @u").statements[0].context
    assert isinstance(variable, UserVar) and (variable.name, variable.value) == ("u", u64(7))
    (seeds,) = with_text(found, "UPDATE ev.t SET a = RAND()").statements[0].context
    assert isinstance(seeds, Rand)
    assert with_text(found, "TRUNCATE ev.k").ending == DDL
    assert with_text(found, "CREATE DATABASE ev").statements[0].schema == "ev"


@pytest.mark.parametrize("name", NAMES)
def test_load_data_and_separate_parts_of_xa_say_that_they_do_not_tell_all(name: str) -> None:
    found = decoded(name)
    assert "LOAD DATA" in with_text(found, "LOAD DATA").lossy
    lossy = Counter(one.ending for one in found if one.lossy)
    if name.startswith("mysql-5.6"):  # it writes XA transactions as if they were none
        assert lossy[XA] == 0
    else:
        assert lossy[XA] == 2
        assert with_text(found, "XA COMMIT").lossy
    others = [one.lossy for one in found if one.lossy and one.ending not in (XA,) and "LOAD DATA" not in one.lossy]
    assert others == []


@pytest.mark.parametrize("name", [name for name in NAMES if "9.7" in name])
def test_partial_updates_of_json_give_the_whole_document(name: str) -> None:
    write, first, second, minimal = changes_of(decoded(name), "j")
    assert first.before == write.after and second.before == first.after
    assert first.after is not None and second.after is not None
    assert first.after[1] == '{"a":1,"b":"short"}' and first.after[4] == '{"x":{"y":[9,2]}}'
    assert second.after[1] == '{"b":"short"}'
    assert (first.partial, second.partial) == (False, False)
    # The before image holds the key alone, so that the changed document cannot be known.
    assert minimal.before == (1,) + (ABSENT,) * 4 and minimal.after == (ABSENT,) * 5 and minimal.partial


@pytest.mark.parametrize("name", [name for name in NAMES if "9.7" in name])
def test_a_compressed_transaction_is_opened_or_says_that_it_was_not(name: str) -> None:
    opened, closed = decoded(name), list(transactions(events(name), binlogs.layout_for, file=FILE))
    differ = [(one, other) for one, other in zip(opened, closed) if one != other]
    ((one, other),) = differ
    assert [row.kind for row in one.changes] == ["write"] * 3 + ["update"] * 3 and not one.lossy
    assert (other.first, other.last, other.ending) == (one.first, one.last, one.ending)
    assert other.lossy == "it is compressed" and other.tables == ()


@pytest.mark.parametrize("name", [name for name in NAMES if "mariadb" in name])
def test_what_mariadb_compresses_is_opened(name: str) -> None:
    kinds = {kind for kind, _start, _end, _data in events(name)}
    assert {165, 166, 167, 168} <= kinds
    found = decoded(name)
    rows = changes_of(found, "t")[-4:]
    assert [row.kind for row in rows] == ["write", "write", "update", "delete"]
    assert rows[0].after is not None and rows[0].after[2] == b"v" * 80
    assert "a_column_with_a_long_name_11" in with_text(found, "CREATE TABLE ev.wide").statements[0].text


@pytest.mark.parametrize("name", ["mysql-5.6-anonymous", "mariadb-10.11", "mariadb-11.8"])
def test_of_a_mixed_transaction_that_was_rolled_back_the_rest_is_there(name: str) -> None:
    (both,) = [one for one in decoded(name) if [row.after for row in one.changes] == [(2, b"both")]]
    assert both.tables == (TableName("ev", "m"),) and both.ending == COMMIT and not both.lossy


# -- made by hand


def query(text: str, schema: bytes = b"d", **options: int) -> Event:
    body = struct.pack("<IIBHH", 77, 0, len(schema), 0, 0) + schema + b"\0" + text.encode()
    return event(header.QUERY, body, **options)


def told(*given: Event) -> List[Transaction]:
    return list(transactions(given, binlogs.layout_for, file="f.000001"))


def gtid(number: int) -> Event:
    return event(header.GTID, b"\1" + bytes.fromhex(UUID.replace("-", "")) + u64(number))


BEGIN, XID_EVENT = query("BEGIN"), event(header.XID, u64(9))


def test_a_savepoint_that_is_rolled_back_to_makes_the_rows_uncertain() -> None:
    (one,) = told(gtid(1), BEGIN, query("SAVEPOINT `a`"), query("ROLLBACK TO `a`"), XID_EVENT)
    assert "ROLLBACK TO" in one.lossy and one.statements == () and one.ending == XID


def test_a_rollback_of_statements_is_lossy_and_one_of_nothing_is_not() -> None:
    (one,) = told(gtid(1), BEGIN, query("INSERT INTO t VALUES (1)"), query("ROLLBACK"))
    assert one.ending == ROLLBACK and one.lossy
    (one,) = told(gtid(1), BEGIN, query("ROLLBACK"))
    assert one.ending == ROLLBACK and not one.lossy


def test_an_empty_transaction_and_one_without_a_gtid() -> None:
    first, second, third = told(gtid(1), BEGIN, query("COMMIT"), query("CREATE TABLE x (i INT)"), BEGIN, XID_EVENT)
    assert (first.gtid, first.ending, first.statements, first.thread_id) == (UUID + ":1", COMMIT, (), 77)
    assert (second.gtid, second.ending, second.statements[0].text) == ("", DDL, "CREATE TABLE x (i INT)")
    assert (third.gtid, third.ending) == ("", XID)


def test_a_statement_whose_text_ends_like_a_begin_is_none() -> None:
    (one,) = told(gtid(1), query("DROP TABLE t -- \0BEGIN"))
    assert one.ending == DDL and one.statements[0].text.startswith("DROP TABLE")


def test_a_transaction_that_another_one_interrupts_is_shown_as_unfinished() -> None:
    first, second = told(gtid(1), BEGIN, gtid(2), BEGIN, XID_EVENT)
    assert (first.gtid, first.ending) == (UUID + ":1", UNFINISHED) and first.lossy
    assert (second.gtid, second.ending, second.lossy) == (UUID + ":2", XID, "")


@pytest.mark.parametrize("end", ["stop", "rotate", "nothing"])
def test_a_transaction_that_was_never_written_to_its_end_is_left_out(end: str) -> None:
    rotate = event(header.ROTATE, u64(4) + b"f.000002")
    ending = {"stop": [event(header.STOP, b""), rotate], "rotate": [rotate], "nothing": []}[end]
    after = [query("CREATE TABLE x (i INT)")] if end != "nothing" else []
    found = told(gtid(1), BEGIN, *ending, *after)
    assert [(one.file, one.gtid, one.ending) for one in found] == [("f.000002", "", DDL)] * len(after)


def test_an_incident_is_named() -> None:
    (one,) = told(gtid(1), event(header.INCIDENT, b"\1\0\7LOST it"))
    assert one.ending == INCIDENT and "LOST it" in one.lossy


@pytest.mark.parametrize("kind", [header.XID, header.TABLE_MAP, header.WRITE_ROWS, header.XA_PREPARE])
def test_a_start_amid_a_transaction_is_an_error(kind: int) -> None:
    with pytest.raises(BinlogError, match="no transaction begins here") as raised:
        told(event(kind, bytes(20)))
    assert raised.value.context == {"file": "f.000001", "position": 4}
    assert raised.value.where == "f.000001:4"


def test_an_unknown_event_is_an_error_unless_its_writer_lets_it_be_passed_over() -> None:
    assert told(event(200, b"?", flags=header.IGNORABLE_FLAG), query("DROP TABLE t"))[0].ending == DDL
    with pytest.raises(BinlogError, match="unknown type 200"):
        told(event(200, b"?"))


def test_rows_of_a_table_that_no_event_describes_are_an_error() -> None:
    body = struct.pack("<IHHH", 5, 0, 1, 2) + b"\1\1\0\1"
    with pytest.raises(BinlogError, match="no event before it describes"):
        told(gtid(1), BEGIN, event(header.WRITE_ROWS, body))


def test_rows_of_a_table_whose_layout_is_not_known_are_named_and_not_decoded() -> None:
    found = list(transactions(events("mysql-9.7"), lambda table: None, file=FILE))
    kept = [one for one in found if one.undecoded]
    assert all(not one.changes for one in found) and len(kept) > 10
    assert kept[0].undecoded == (TableName("ev", "t"),)


def test_the_layout_is_asked_for_once_for_each_table_map() -> None:
    asked: List[str] = []

    def layout(table: binlogs.TableMap) -> object:
        asked.append(table.table)
        return binlogs.layout_for(table)

    list(transactions(events("mysql-9.7"), layout, decompress=binlogs.saved_payload("mysql-9.7"), file=FILE))  # type: ignore[arg-type]
    assert Counter(asked) == {"t": 2, "m": 1, "k": 1, "c": 1, "j": 1}  # t was altered once


def test_columns_that_become_known_later_are_used_from_then_on() -> None:
    whole = [one for one in decoded("mysql-9.7") if one.changes]
    asked: List[str] = []

    def late(table: binlogs.TableMap) -> object:
        asked.append(table.table)
        return binlogs.layout_for(table) if len(asked) > 2 else None

    found = list(transactions(events("mysql-9.7"), late, decompress=binlogs.saved_payload("mysql-9.7"), file=FILE))  # type: ignore[arg-type]
    known = [one for one in found if one.changes and not one.undecoded]
    first = whole.index(known[0])
    assert 0 < first <= 2 and [one.changes for one in known] == [one.changes for one in whole[first:]]
