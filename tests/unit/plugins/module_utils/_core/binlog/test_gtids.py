# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GTID events and sets of both engines, real ones and what goes out to a server."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import gtids, header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import MariadbGtid
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from hypothesis import given
from hypothesis import strategies as st
from unit.binlogs import decoded, event, events, u64

U1 = "11111111-aaaa-bbbb-cccc-000000000001"
U2 = "22222222-aaaa-bbbb-cccc-000000000002"
intervals = st.lists(st.tuples(st.integers(1, 10**12), st.integers(1, 10**6)), min_size=1, max_size=5)
sets = st.dictionaries(
    st.tuples(st.sampled_from((U1, U2)), st.sampled_from(("", "app", "x" * 32))),
    intervals.map(lambda found: [(start, start + size) for start, size in found]),
    max_size=5,
).map(GtidSet.from_intervals)


def of_kind(name: str, kind: int) -> bytes:
    return next(data for found, _start, _end, data in events(name) if found == kind)


@given(sets)
def test_a_set_is_read_as_it_was_written(gtid_set: GtidSet) -> None:
    body = gtids.encode_gtid_set(gtid_set)
    assert gtids.parse_previous_gtids(event(header.PREVIOUS_GTIDS, body)[3]) == gtid_set


def test_a_set_without_tags_has_the_form_that_old_servers_know() -> None:
    assert gtids.encode_gtid_set(GtidSet.parse(U1 + ":1-5"))[:8] == u64(1)
    assert gtids.encode_gtid_set(GtidSet()) == u64(0)


@pytest.mark.parametrize("name", ["mysql-9.7", "mysql-5.6"])
def test_the_set_before_a_file_ends_where_its_first_transaction_begins(name: str) -> None:
    before = gtids.parse_previous_gtids(of_kind(name, header.PREVIOUS_GTIDS))
    first = decoded(name)[0].gtid
    assert first == "%s:%d" % (U1, before.last(U1) + 1)


def test_the_list_before_a_file_of_mariadb() -> None:
    assert gtids.parse_gtid_list(of_kind("mariadb-10.11", header.GTID_LIST)) == ()  # it is that server's first
    assert decoded("mariadb-10.11")[0].gtid == "0-1-1"
    body = struct.pack("<IIIQIIQ", 2 | 1 << 28, 0, 1, 7, 3, 4, 1 << 40)  # the upper bits are flags
    found = gtids.parse_gtid_list(event(header.GTID_LIST, body)[3])
    assert found == (MariadbGtid(0, 1, 7), MariadbGtid(3, 4, 1 << 40))


def test_mariadb_says_which_connection_wrote_only_in_newer_versions() -> None:
    threads = {
        name: {one.thread_id for one in decoded(name) if one.ending == "xid"}
        for name in ("mariadb-10.11", "mariadb-11.8")
    }
    assert threads["mariadb-10.11"] == {0} and 0 not in threads["mariadb-11.8"] and len(threads["mariadb-11.8"]) == 1


@pytest.mark.parametrize("size", range(0, 28))
def test_a_set_that_is_cut_off_is_an_error(size: int) -> None:
    body = gtids.encode_gtid_set(GtidSet.parse(U1 + ":1-5"))
    with pytest.raises(BinlogError):
        gtids.parse_previous_gtids(event(header.PREVIOUS_GTIDS, body[:size])[3])
    with pytest.raises(BinlogError):
        gtids.parse_gtid_list(event(header.GTID_LIST, b"\7\0\0\0" + bytes(size))[3])


def test_a_set_that_claims_more_than_there_is_costs_nothing() -> None:
    for body in (u64(1 << 40), u64(1) + bytes(16) + u64(1 << 60), u64(1) + bytes(16) + u64(1, 9, 3)):
        with pytest.raises(BinlogError):
            gtids.parse_previous_gtids(event(header.PREVIOUS_GTIDS, body)[3])


def test_a_tagged_gtid_with_its_fields_in_another_order_is_an_error() -> None:
    with pytest.raises(BinlogError, match="field 2 where field 0 belongs"):
        gtids.parse_tagged_gtid(event(header.GTID_TAGGED, bytes((0, 0, 0, 2 << 1)))[3])
