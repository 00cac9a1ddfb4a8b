# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB positions and binlog states: text forms, and what a position can and cannot tell."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import (
    AHEAD,
    BEHIND,
    DIVERGED,
    EQUAL,
    GtidBinlogState,
    GtidPosition,
    MariadbGtid,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidError
from hypothesis import given
from hypothesis import strategies as st

gtids = st.builds(MariadbGtid, st.integers(0, 4), st.integers(1, 3), st.integers(0, 9))
positions = st.dictionaries(st.integers(0, 4), st.tuples(st.integers(1, 3), st.integers(0, 9))).map(
    lambda by_domain: GtidPosition(tuple(MariadbGtid(domain, *rest) for domain, rest in by_domain.items()))
)
states = st.dictionaries(st.tuples(st.integers(0, 4), st.integers(1, 4)), st.integers(0, 9), max_size=14).flatmap(
    lambda entries: st.permutations([MariadbGtid(*key, sequence) for key, sequence in entries.items()])
)


def gtid(text):
    return MariadbGtid.parse(text)


def position(text):
    return GtidPosition.parse(text)


@pytest.mark.parametrize("text", ["0-1-5", "0-0-0", "4294967295-4294967295-18446744073709551615"])
def test_gtid_round_trip(text):
    assert str(gtid(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "0", "0-1", "0-1-", "0-1-2-3", "a-1-2", "0-1-x", "-1-1-2", "0--1-2", "0-1-+2", "0 -1-2", "0-1-1_0",
     "0-1-\u0661", "4294967296-1-1", "0-4294967296-1", "0-1-18446744073709551616", "0-1-" + "9" * 5000,
     "11111111-aaaa-bbbb-cccc-000000000001:5", "ANONYMOUS"],
)  # fmt: skip
def test_gtid_refuses_anything_else(text):
    with pytest.raises(GtidError) as caught:
        gtid(text)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("fields", [(-1, 1, 1), (0, -1, 1), (0, 1, -1), (2**32, 1, 1), (0, 2**32, 1), (0, 1, 2**64)])
def test_gtid_refuses_fields_out_of_range(fields):
    with pytest.raises(GtidError):
        MariadbGtid(*fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n", ""),
        ("0-1-5", "0-1-5"),
        ("7-2-9,0-1-5", "0-1-5,7-2-9"),
        (" 10-1-1 ,\n9-1-1 ", "9-1-1,10-1-1"),
    ],
)
def test_position_text(text, expected):
    assert str(position(text)) == expected


@pytest.mark.parametrize("text", ["0-1-5,0-2-6", "0-1-5,0-1-5", "0-1-5,", ",", "0-1-5;7-2-9", "0-1-5 7-2-9"])
def test_position_refuses(text):
    with pytest.raises(GtidError):
        position(text)


@given(positions)
def test_position_round_trip(some):
    assert position(str(some)) == some
    assert hash(position(str(some))) == hash(some)
    assert some.domains() == tuple(sorted(g.domain for g in some.gtids))
    assert some.is_empty == (not some) == (str(some) == "")


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("", "", {}),
        ("0-1-5", "0-1-5", {0: EQUAL}),
        ("0-1-4", "0-1-5", {0: BEHIND}),
        ("0-1-6", "0-1-5", {0: AHEAD}),
        ("0-2-4", "0-1-5", {0: BEHIND}),
        ("0-2-5", "0-1-5", {0: DIVERGED}),
        ("", "0-1-5", {0: BEHIND}),
        ("0-1-5,3-1-1,9-1-1", "3-1-2,9-1-1", {0: AHEAD, 3: BEHIND, 9: EQUAL}),
    ],
)
def test_compare(mine, theirs, expected):
    assert position(mine).compare(position(theirs)) == expected


@given(positions, positions)
def test_compare_is_antisymmetric(mine, theirs):
    mirror = {EQUAL: EQUAL, BEHIND: AHEAD, AHEAD: BEHIND, DIVERGED: DIVERGED}
    assert mine.compare(theirs) == {domain: mirror[order] for domain, order in theirs.compare(mine).items()}
    assert (mine == theirs) == (set(mine.compare(theirs).values()) <= {EQUAL})


@pytest.mark.parametrize(
    ("at", "asked", "covers", "contains"),
    [
        ("0-1-5", "0-1-5", True, True),
        ("0-1-5", "0-1-6", False, False),
        ("0-1-5", "0-1-4", True, None),  # passed, perhaps by skipping it
        ("0-1-5", "0-2-4", True, None),
        ("0-1-5", "0-2-5", False, None),  # the same number of two servers
        ("0-1-5", "0-2-6", False, None),  # may stand before it where strict mode is off
        ("0-1-5", "1-1-1", False, False),
        ("", "0-1-1", False, False),
    ],
)
def test_covers_and_contains(at, asked, covers, contains):
    assert position(at).covers(gtid(asked)) is covers
    assert position(at).contains(gtid(asked)) is contains


@given(positions, gtids)
def test_contains_never_contradicts_covers(some, asked):
    if some.contains(asked) is not None:
        assert some.contains(asked) == some.covers(asked)


@given(positions, gtids)
def test_advance_replaces_one_domain(some, step):
    after = some.advance(step)
    assert after.get(step.domain) == step
    assert after.without([step.domain]) == some.without([step.domain])
    assert after.contains(step) is True


def test_advance_may_go_to_a_lower_number():
    assert str(position("0-2-5,1-1-1").advance(gtid("0-1-4"))) == "0-1-4,1-1-1"


def test_merge_takes_the_further_of_each_domain():
    assert str(position("0-1-5,1-1-9").merge(position("0-2-7,1-1-3,2-1-1"))) == "0-2-7,1-1-9,2-1-1"
    with pytest.raises(GtidError, match="domain 0: 0-1-5 and 0-2-5"):
        position("0-1-5").merge(position("0-2-5"))


@given(positions, positions)
def test_merge_is_never_behind_either(mine, theirs):
    if DIVERGED in mine.compare(theirs).values():
        with pytest.raises(GtidError):
            mine.merge(theirs)
        return
    merged = mine.merge(theirs)
    assert merged == theirs.merge(mine)
    assert set(merged.domains()) == set(mine.domains()) | set(theirs.domains())
    assert all(merged.covers(g) for g in mine.gtids + theirs.gtids)
    assert all(g in mine.gtids + theirs.gtids for g in merged.gtids)


def test_without_domains():
    assert str(position("0-1-5,1-1-9,2-1-1").without([0, 2, 7])) == "1-1-9"


def test_state_keeps_the_newest_of_each_domain_last():
    state = GtidBinlogState.parse("5-1-2,0-2-6,0-1-7")
    assert str(state) == "0-2-6,0-1-7,5-1-2"
    assert state.position() == position("0-1-7,5-1-2")
    # The higher number is not the newer transaction: the order of the text decides.
    assert GtidBinlogState.parse("0-2-5,0-1-4").position() == position("0-1-4")


MANY = "0-2-9,0-1-8,1-1-1,2-1-1,3-1-1,4-1-1,5-1-1,6-1-1,7-1-1"


def test_the_order_of_ten_entries_is_the_servers_sort_and_means_nothing():
    nine, ten = GtidBinlogState.parse(MANY), GtidBinlogState.parse(MANY + ",8-1-1")
    assert nine.ordered
    assert nine.position().get(0) == gtid("0-1-8")
    assert not ten.ordered
    with pytest.raises(GtidError, match="newest"):
        ten.position()
    assert ten == GtidBinlogState.parse("0-1-8,0-2-9,8-1-1," + MANY[12:])
    assert ten.contains(gtid("0-2-9")) is True
    one_server_each = MANY[6:] + ",8-1-1,9-3-1,10-1-1"
    assert GtidBinlogState.parse(one_server_each).position() == position(one_server_each)


def test_the_position_read_with_the_state_tells_the_order():
    at = "0-2-9," + MANY[12:]
    state = GtidBinlogState.parse(MANY + ",8-1-1", at + ",8-1-1")
    assert state.ordered
    assert state.position() == position(at + ",8-1-1")
    assert str(state).startswith("0-1-8,0-2-9,1-1-1,")
    # The position was read a moment before: its server has gone on since.
    assert str(GtidBinlogState.parse("0-1-8,0-2-9", "0-1-7").position()) == "0-1-8"
    # A domain without a position keeps the order of the text, as it was written after the position was read.
    assert str(GtidBinlogState.parse("0-1-8,5-1-1", "0-1-8").position()) == "0-1-8,5-1-1"
    with pytest.raises(GtidError, match="0-3-1"):
        GtidBinlogState.parse("0-1-8,0-2-9", "0-3-1")


@given(states, st.randoms(use_true_random=False))
def test_the_position_restores_what_sorting_lost(entries, random):
    state = GtidBinlogState(tuple(entries))
    shuffled = [str(g) for g in entries]
    random.shuffle(shuffled)
    assert GtidBinlogState.parse(",".join(shuffled), str(state.position())) == state


@pytest.mark.parametrize("text", ["0-1-5,0-1-6", "0-1-5,", "x"])
def test_state_refuses(text):
    with pytest.raises(GtidError):
        GtidBinlogState.parse(text)


@given(states)
def test_state_round_trip(entries):
    state = GtidBinlogState(tuple(entries))
    assert GtidBinlogState.parse(str(state), str(state.position())) == state
    assert set(state.gtids) == set(entries)
    newest = {g.domain: g for g in entries}
    assert state.position().gtids == tuple(newest[domain] for domain in sorted(newest))
    assert state.is_empty == (not state) == (not entries)


@given(states)
def test_state_by_server(entries):
    state = GtidBinlogState(tuple(entries))
    by_server = state.position_of_servers()
    assert {g for p in by_server.values() for g in p.gtids} == set(entries)
    assert all(g.server_id == server_id for server_id, p in by_server.items() for g in p.gtids)
    assert set(state.foreign(1)) == {g for g in entries if g.server_id != 1}


def test_order_within_a_domain_matters_only_for_the_last():
    assert GtidBinlogState.parse("0-1-1,0-2-2,0-3-3") == GtidBinlogState.parse("0-2-2,0-1-1,0-3-3")
    assert GtidBinlogState.parse("0-1-1,0-2-2") != GtidBinlogState.parse("0-2-2,0-1-1")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("0-2-6", True),
        ("0-2-5", None),
        ("0-2-7", False),
        ("0-1-7", True),
        ("0-3-1", False),
        ("5-2-1", False),
        ("9-1-1", False),
    ],
)
def test_state_contains(asked, expected):
    assert GtidBinlogState.parse("5-1-2,0-2-6,0-1-7").contains(gtid(asked)) is expected
