# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GTID arithmetic and text forms against the servers' own: what they compute, print, accept and refuse."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Optional

import pymysql
import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import (
    GtidBinlogState,
    GtidPosition,
    MariadbGtid,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import (
    NUMBER_END,
    Gtid,
    GtidError,
    GtidSet,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from lab.flavours import BUILDABLE, FLAVOURS
from lab.server import Server
from lab.topology import Lab

U1 = "11111111-aaaa-bbbb-cccc-000000000001"
U2 = "22222222-aaaa-bbbb-cccc-000000000002"
U3 = "f3333333-aaaa-bbbb-cccc-000000000003"

on_mysql = pytest.mark.engine("mysql")
on_mariadb = pytest.mark.engine("mariadb")
properties = settings(max_examples=200, deadline=None)
slow_properties = settings(max_examples=40, deadline=None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("engine")
    assert marker is not None, "a test here says which engine it is for"
    asked = [name for given in metafunc.config.getoption("--flavour") for name in given.split(",") if name]
    names = [name for name in asked or BUILDABLE if FLAVOURS[name].engine in marker.args]
    metafunc.parametrize("server", names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Lab(request.param, "single") as lab:
        yield lab.source


def has_tags(server: Server) -> bool:
    return server.flavour.version >= (8, 3)


# -- MySQL ----------------------------------------------------------------------------------------------------------

# One written interval: UUID, tag, first and last number, and whether it is written with spaces and in upper case.
pieces = st.tuples(
    st.sampled_from([U1, U2, U3]),
    st.sampled_from(["", "", "app", "zz_9", "_a", "a_", "a0", "aa", "b"]),
    st.one_of(st.integers(1, 30), st.integers(NUMBER_END - 30, NUMBER_END - 11)),
    st.integers(0, 9),
    st.booleans(),
)
texts = st.lists(pieces, max_size=14)


def write(written: list[tuple[str, str, int, int, bool]], with_tags: bool) -> str:
    items = []
    for uuid, tag, first, more, odd in written:
        item = f"{uuid}:{tag}" if tag and with_tags else uuid
        item += f":{first}-{first + more}" if more else f":{first}"
        items.append(item.upper().replace(":", " :\n") + "\t" if odd else item)
    return ",".join(items)


def one_line(text: Any) -> str:
    return str(text).replace("\n", "")


@on_mysql
@properties
@given(texts, texts)
def test_arithmetic_and_format_are_the_servers(server: Server, some: Any, others: Any) -> None:
    a, b = write(some, has_tags(server)), write(others, has_tags(server))
    row = server.query(
        "SELECT GTID_SUBTRACT(%(a)s, '') AS printed, GTID_SUBTRACT(%(a)s, %(b)s) AS less,"
        " GTID_SUBTRACT(CONCAT(%(a)s, ',', %(b)s), '') AS both_of,"
        " GTID_SUBTRACT(%(a)s, GTID_SUBTRACT(%(a)s, %(b)s)) AS common,"
        " GTID_SUBSET(%(a)s, %(b)s) AS inside, GTID_SUBSET(%(b)s, %(a)s) AS around",
        {"a": a, "b": b},
    )[0]
    left, right = GtidSet.parse(a), GtidSet.parse(b)
    assert str(left) == one_line(row["printed"])
    assert str(left - right) == one_line(row["less"])
    assert str(left | right) == one_line(row["both_of"])
    assert str(left & right) == one_line(row["common"])
    assert (left <= right) == bool(row["inside"])
    assert (left >= right) == bool(row["around"])
    assert GtidSet.parse(row["both_of"]) == left | right


@on_mysql
@properties
@given(texts)
def test_holes_are_what_the_server_misses_below_the_highest(server: Server, some: Any) -> None:
    text = write(some, has_tags(server))
    gtid_set = GtidSet.parse(text)
    full = GtidSet.from_intervals({key: [(1, runs[-1][1])] for key, runs in gtid_set.intervals().items()})
    missing = server.value("SELECT GTID_SUBTRACT(%s, %s)", (str(full), text))
    assert str(gtid_set.holes()) == one_line(missing)


# What a server takes and the collection refuses, as it reads as less than the writer may have meant.
LENIENT = [U1, f"{U1}:5-3", f"{U1}:1-0", f"{U1}:1,{U2}"]
ALSO_LENIENT = {
    "mysql-9.7": [f"{U1}:app", f"{U1}:1:app", f"{U1}:app:b:1", U1.replace("-", "") + ":1", "{" + U1 + "}:1"],
    "mysql-5.6": [f"{U1}:1-", f"{U1}:+1", f"{U1}:1-,{U2}:1"],
}
BOTH_TAKE = ["", ",", " , ,\n", f"{U1}:007", f"{U1}: 1 - 3 :\v5\f", f"\t{U1.upper()} :1,\r\n{U2}:2,{U1}:2",
             f"{U1}:{NUMBER_END - 1}", f"{U1}:1-{NUMBER_END - 1}", f"{U1}:5:1-2:4:3"]  # fmt: skip
TAGGED_TAKEN = [f"{U1}:app:1", f"{U1}: Zz_9 : 2-3:1", f"{U1}:{'t' * 32}:1", f"{U1}:1:app:1:2-3:zz:4,{U1}:5:app:9"]
BOTH_REFUSE = [f"{U1}:", f"{U1}:0", f"{U1}:0-3", f"{U1}::1", f"{U1}:1:", f"{U1}:1::2", f"{U1}:1 2", f"{U1}:-1",
               f"{U1}:1-2-3", f"{U1}:{NUMBER_END}", f"{U1}:1-{NUMBER_END}", f"{U1}:{2**64}", f"{U1}:{'t' * 33}:1",
               f"{U1}:9a:1", f"{U1}:a-b:1", f"+{U1}:1", f"{U1}:1 {U2}:1", f"{U1}:1;{U2}:1", f"{U1[:-1]}:1",
               f"{U1}:1,ANONYMOUS", "ANONYMOUS", "0-1-5", ":1", "1-3", f"{U1}:1.5", f"{U1}:1_0"]  # fmt: skip


def servers_reading(server: Server, text: str) -> Optional[str]:
    """What the server makes of a text; None when it calls it malformed (1772)."""
    try:
        return one_line(server.value("SELECT GTID_SUBTRACT(%s, '')", (text,)))
    except pymysql.MySQLError as error:
        assert error.args[0] == 1772, error
        return None


def our_reading(text: str) -> Optional[str]:
    try:
        return str(GtidSet.parse(text))
    except GtidError:
        return None


@on_mysql
def test_texts_are_taken_and_refused_as_the_server_does(server: Server) -> None:
    for text in BOTH_TAKE + (TAGGED_TAKEN if has_tags(server) else []):
        assert our_reading(text) is not None, text
        assert our_reading(text) == servers_reading(server, text), text
    for text in BOTH_REFUSE:
        assert servers_reading(server, text) is None, text
        assert our_reading(text) is None, text


@on_mysql
def test_only_the_known_texts_are_refused_where_the_server_is_lenient(server: Server) -> None:
    for text in LENIENT + ALSO_LENIENT.get(server.flavour.name, []):
        assert servers_reading(server, text) is not None, text
        assert our_reading(text) is None, text


@on_mysql
def test_executed_transactions_appear_in_the_set_as_written(server: Server) -> None:
    gtids = [Gtid(U2, "", 7), Gtid(U2, "", 5), Gtid(U3, "", NUMBER_END - 1), Gtid(U2, "", 6)]
    if has_tags(server):
        gtids += [Gtid(U2, "zz_9", 3), Gtid(U2, "app", 1), Gtid(U1, "app", 2)]
    with server.connect("root") as connection, connection.cursor() as cursor:
        for gtid in gtids:
            cursor.execute("SET gtid_next = %s", (str(gtid),))
            cursor.execute("BEGIN")
            cursor.execute("COMMIT")
        cursor.execute("SET gtid_next = 'AUTOMATIC'")
    printed = server.value("SELECT @@GLOBAL.gtid_executed")
    executed = GtidSet.parse(printed)
    assert str(executed) == one_line(printed)
    assert executed >= GtidSet.from_gtids(gtids)
    assert all(gtid in executed for gtid in gtids)
    assert executed.restricted([U2]) == GtidSet.from_gtids(g for g in gtids if g.uuid == U2)


# -- MariaDB --------------------------------------------------------------------------------------------------------

domains = st.one_of(st.integers(0, 3), st.sampled_from([9, 10, 255, 256, 300, 2**32 - 1]))
sequences = st.one_of(st.integers(0, 9), st.integers(2**64 - 3, 2**64 - 1))
position_lists = st.dictionaries(domains, st.tuples(st.integers(1, 4), sequences), max_size=8).flatmap(
    lambda entries: st.permutations([MariadbGtid(domain, *rest) for domain, rest in entries.items()])
)
state_lists = st.dictionaries(st.tuples(domains, st.integers(1, 4)), sequences, max_size=20).flatmap(
    lambda entries: st.permutations([MariadbGtid(*key, sequence) for key, sequence in entries.items()])
)


def listed(gtids: list[MariadbGtid], separator: str = ",") -> str:
    return separator.join(map(str, gtids))


@on_mariadb
@properties
@given(position_lists, st.sampled_from([",", ", ", ",\n"]))
def test_positions_are_printed_as_the_server_does(server: Server, gtids: Any, separator: str) -> None:
    text = listed(gtids, separator)
    server.query("SET GLOBAL gtid_slave_pos = %s", (text,))
    printed = server.value("SELECT @@GLOBAL.gtid_slave_pos")
    assert str(GtidPosition.parse(text)) == printed
    assert GtidPosition.parse(printed) == GtidPosition(tuple(gtids))


@on_mariadb
@pytest.mark.parametrize(
    ("text", "number"),
    [("0-1-5,", 1941), ("0-1", 1941), ("x", 1941), ("4294967296-1-1", 1941), ("0-4294967296-1", 1941),
     (f"0-1-{2**64}", 1941), ("0-1-5 7-1-1", 1941), ("0-1-5,0-2-6", 1943), ("0-1-5,0-1-5", 1943)],
)  # fmt: skip
def test_positions_are_refused_as_the_server_does(server: Server, text: str, number: int) -> None:
    with pytest.raises(pymysql.MySQLError) as caught:
        server.query("SET GLOBAL gtid_slave_pos = %s", (text,))
    assert caught.value.args[0] == number
    with pytest.raises(GtidError):
        GtidPosition.parse(text)


@on_mariadb
@slow_properties
@given(state_lists)
def test_binlog_states_are_read_as_the_server_does(server: Server, gtids: Any) -> None:
    server.execute("RESET MASTER")
    server.query("SET GLOBAL gtid_binlog_state = %s", (listed(gtids),))
    row = server.query("SELECT @@GLOBAL.gtid_binlog_pos AS position, @@GLOBAL.gtid_binlog_state AS state")[0]
    state = GtidBinlogState.parse(row["state"], row["position"])
    # What we wrote is in the order of writing; what the server prints of many entries is not.
    assert state == GtidBinlogState(tuple(gtids))
    assert str(state.position()) == row["position"]
    alone = GtidBinlogState.parse(row["state"])
    assert alone == state or not alone.ordered
    server.execute("RESET MASTER")
    server.query("SET GLOBAL gtid_binlog_state = %s", (str(state),))
    assert server.value("SELECT @@GLOBAL.gtid_binlog_pos") == row["position"]


# Two domains and three servers write; the numbers of each server only rise, those of two servers come in any order.
histories = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 3), st.integers(1, 4)), max_size=7)
# Each history has domains of its own: RESET MASTER would do as well, but takes a second after every write (10.11).
fresh_domains = itertools.count(1000, 10)


@on_mariadb
@slow_properties
@given(histories)
def test_answers_about_a_history_are_never_wrong(server: Server, steps: Any) -> None:
    server.execute("CREATE DATABASE IF NOT EXISTS history", "CREATE TABLE IF NOT EXISTS history.t (a INT)")
    base = next(fresh_domains)
    logged: list[MariadbGtid] = []
    expected = GtidPosition()
    last: dict[tuple[int, int], int] = {}
    with server.connect("root") as connection, connection.cursor() as cursor:
        for domain, server_id, step in steps:
            sequence = last[base + domain, server_id] = last.get((base + domain, server_id), 0) + step
            cursor.execute(
                "SET SESSION gtid_domain_id = %s, SESSION server_id = %s, SESSION gtid_seq_no = %s",
                (base + domain, server_id, sequence),
            )
            cursor.execute("INSERT INTO history.t VALUES (1)")
            logged.append(MariadbGtid(base + domain, server_id, sequence))
            expected = expected.advance(logged[-1])
    row = server.query("SELECT @@GLOBAL.gtid_binlog_pos AS position, @@GLOBAL.gtid_binlog_state AS state")[0]
    state = GtidBinlogState.parse(row["state"], row["position"])
    position = GtidPosition.parse(row["position"])
    assert state.position() == position
    assert position.without(set(position.domains()) - {base, base + 1}) == expected
    for domain, server_id, sequence in itertools.product(range(base, base + 3), range(1, 5), range(1, 30)):
        gtid = MariadbGtid(domain, server_id, sequence)
        for answer in (position.contains(gtid), state.contains(gtid)):
            assert answer is None or answer == (gtid in logged), gtid
    assert all(state.contains(MariadbGtid(*key, sequence)) for key, sequence in last.items())
    assert all(position.contains(gtid) and position.covers(gtid) for gtid in expected.gtids)
