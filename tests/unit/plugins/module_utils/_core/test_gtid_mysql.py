# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GTID sets: the text forms one by one, the arithmetic against plain Python sets of (uuid, tag, number)."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import (
    NUMBER_END,
    Gtid,
    GtidError,
    GtidSet,
    describe,
)
from hypothesis import given
from hypothesis import strategies as st

U1 = "11111111-aaaa-bbbb-cccc-000000000001"
U2 = "22222222-aaaa-bbbb-cccc-000000000002"
U3 = "33333333-aaaa-bbbb-cccc-000000000003"

# Few keys and small numbers, so that two sets meet often. Intervals are (first, last), both included.
keys = st.tuples(st.sampled_from([U1, U2, U3]), st.sampled_from(["", "app", "zz_9", "_a"]))
spans = st.tuples(st.integers(1, 30), st.integers(0, 9)).map(lambda pair: (pair[0], sum(pair)))
contents = st.lists(st.tuples(keys, spans), max_size=12)


def naive(some):
    return {(uuid, tag, number) for (uuid, tag), (first, last) in some for number in range(first, last + 1)}


def build(some):
    return GtidSet.parse(write(some))


def write(some):
    """One item for each interval, in the given order: legal, but nothing like the normal form."""
    return ",".join(f"{uuid}:{tag}:{a}-{b}" if tag else f"{uuid}:{a}-{b}" for (uuid, tag), (a, b) in some)


def model(gtid_set):
    return {
        (uuid, tag, number)
        for (uuid, tag), runs in gtid_set.intervals().items()
        for start, end in runs
        for number in range(start, end)
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n ", ""),
        (",, ,", ""),
        (f"{U1}:5", f"{U1}:5"),
        (f"{U1}:5-5", f"{U1}:5"),
        (f"{U1}:1-3:5-6,\n{U2}:1", f"{U1}:1-3:5-6,{U2}:1"),
        (f"{U2}:1,{U1}:1", f"{U1}:1,{U2}:1"),
        (f"{U1.upper()}:1-3,{U1}:4", f"{U1}:1-4"),
        (f"{U1}:7-9:1-3:2-5:6", f"{U1}:1-9"),
        (f" {U1} : 1 - 3 :\n5 , ", f"{U1}:1-3:5"),
        (f"{U1}:1-3:app:1-2:zz_9:1", f"{U1}:1-3:app:1-2:zz_9:1"),
        (f"{U1}:Zz_9:1:APP:1-2,{U1}:1-3", f"{U1}:1-3:app:1-2:zz_9:1"),
        (f"{U1}:app:1-2:4,{U1}:app:3", f"{U1}:app:1-4"),
        (f"{U1}: app : 2", f"{U1}:app:2"),
        (f"{U1}:{'t' * 32}:1", f"{U1}:{'t' * 32}:1"),
        (f"{U1}:007", f"{U1}:7"),
        (f"{U1}:9223372036854775806", f"{U1}:9223372036854775806"),
    ],
)
def test_parse_takes_every_form_and_prints_the_servers(text, expected):
    assert str(GtidSet.parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "blames"),
    [
        (f"{U1}:0", "'0'"),
        (f"{U1}:0-4", "'0-4'"),
        (f"{U1}:5-3", "'5-3'"),
        (f"{U1}:9223372036854775807", "9223372036854775807"),
        (f"{U1}:1-{NUMBER_END}", str(NUMBER_END)),
        (f"{U1}:{'9' * 5000}", "999"),
        (f"{U1}:-3", "'-3'"),
        (f"{U1}:1-", "'1-'"),
        (f"{U1}:1-2-3", "'1-2-3'"),
        (f"{U1}:+1", "'+1'"),
        (f"{U1}:1_0", "'1_0'"),
        (f"{U1}:1 2", "'1 2'"),
        (f"{U1}:1.5", "'1.5'"),
        (f"{U1}:\u0661", U1),
        (f"{U1}:\u212a:1", U1),
        (U1, "''"),
        (f"{U1}:", "''"),
        (f"{U1}::1", "''"),
        (f"{U1}:1:", "''"),
        (f"{U1}:1::2", "''"),
        (f"{U1}:app", "app"),
        (f"{U1}:1:app", "app"),
        (f"{U1}:app:b:1", "'b'"),
        (f"{U1}:9abc:1", "'9abc'"),
        (f"{U1}:a-b:1", "'a-b'"),
        (f"{U1}:{'t' * 33}:1", "ttt"),
        (f"{U1};1", U1),
        (f"{U1}:1;{U2}:1", U2),
        (f"{U1}:1 {U2}:1", U2),
        ("x:1", "'x'"),
        (":1", "''"),
        ("1-3", "'1-3'"),
        (f"{U1[:-1]}:1", U1[:-1]),
        (f"{U1.replace('-', '')}:1", "11111111aaaa"),
        (f"+{U1}:1", f"+{U1}"),
        ("0-1-5", "0-1-5"),
        ("ANONYMOUS", "ANONYMOUS"),
    ],
)
def test_parse_refuses_anything_else_and_quotes_it(text, blames):
    with pytest.raises(GtidError) as caught:
        GtidSet.parse(text)
    assert blames in str(caught.value)
    assert len(str(caught.value)) < 250


def test_gtid_error_is_a_value_error():
    assert issubclass(GtidError, ValueError)


@given(contents)
def test_text_forms_round_trip(some):
    gtid_set = build(some)
    assert model(gtid_set) == naive(some)
    assert GtidSet.parse(str(gtid_set)) == gtid_set
    assert str(GtidSet.parse(str(gtid_set))) == str(gtid_set)
    assert GtidSet.parse(str(gtid_set).upper().replace(",", ",\n")) == gtid_set


@given(contents, st.randoms(use_true_random=False))
def test_equal_content_is_equal_however_it_was_written(some, random):
    shuffled = list(some)
    random.shuffle(shuffled)
    one, other = build(some), build(shuffled)
    assert one == other
    assert hash(one) == hash(other)
    assert str(one) == str(other)


@given(contents, contents)
def test_arithmetic_is_that_of_sets(some, others):
    left, right = build(some), build(others)
    a, b = naive(some), naive(others)
    assert model(left | right) == a | b
    assert model(left - right) == a - b
    assert model(left & right) == a & b
    assert (left >= right) == (a >= b)
    assert (left <= right) == (a <= b)
    assert left.contains(right) == (a >= b)
    assert left.isdisjoint(right) == a.isdisjoint(b)
    assert (left == right) == (a == b)


@given(contents, contents)
def test_results_are_in_normal_form(some, others):
    left, right = build(some), build(others)
    for result in (left | right, left - right, left & right, left.holes()):
        assert GtidSet.from_intervals(result.intervals()) == result
        assert all(runs for runs in result.intervals().values())


@given(contents)
def test_questions_about_one_set(some):
    gtid_set, expected = build(some), naive(some)
    assert gtid_set.count() == len(expected)
    assert gtid_set.is_empty == (not expected)
    assert bool(gtid_set) == bool(expected)
    assert gtid_set.uuids() == tuple(sorted({uuid for uuid, _tag, _number in expected}))
    listed = list(gtid_set.gtids(1000))
    assert listed == sorted(listed)
    assert {(g.uuid, g.tag, g.number) for g in listed} == expected
    assert GtidSet.from_gtids(listed) == gtid_set
    assert all(gtid in gtid_set for gtid in listed)
    by_key = {}
    for uuid, tag, number in expected:
        by_key.setdefault((uuid, tag), set()).add(number)
    for (uuid, tag), numbers in by_key.items():
        assert gtid_set.last(uuid, tag) == max(numbers)
        assert Gtid(uuid, tag, max(numbers) + 1) not in gtid_set
    missing = {(u, t, n) for (u, t), numbers in by_key.items() for n in set(range(1, max(numbers))) - numbers}
    assert model(gtid_set.holes()) == missing


@given(contents, st.sets(st.sampled_from([U1, U2, U3])), st.sets(st.sampled_from(["", "app", "zz_9"])))
def test_parts_of_a_set(some, uuids, tags):
    gtid_set, expected = build(some), naive(some)
    assert model(gtid_set.restricted(uuids)) == {gtid for gtid in expected if gtid[0] in uuids}
    assert model(gtid_set.without(uuids, tags)) == {g for g in expected if g[0] not in uuids and g[1] not in tags}
    assert gtid_set.restricted(uuids) | gtid_set.without(uuids) == gtid_set


def test_a_tag_is_another_sequence_of_numbers():
    both = GtidSet.parse(f"{U1}:1-3:app:1-2")
    assert str(both - GtidSet.parse(f"{U1}:app:1")) == f"{U1}:1-3:app:2"
    assert (GtidSet.parse(f"{U1}:1-3") >= GtidSet.parse(f"{U1}:app:1")) is False
    assert Gtid.parse(f"{U1}:app:3") not in both
    assert both.last(U1) == 3
    assert both.last(U1.upper(), "APP") == 2
    assert both.last(U1, "other") == both.last(U2) == 0


def test_holes_start_at_one_for_each_tag():
    gtid_set = GtidSet.parse(f"{U1}:2-3:6:app:4,{U2}:1-9")
    assert str(gtid_set.holes()) == f"{U1}:1:4-5:app:1-3"


def test_large_numbers_cost_nothing():
    full = GtidSet.parse(f"{U1}:1-{NUMBER_END - 1},{U2}:1-{NUMBER_END - 1}")
    assert full.count() == 2 * (NUMBER_END - 1)
    assert [str(gtid) for gtid in full.gtids(2)] == [f"{U1}:1", f"{U1}:2"]
    assert str(full - GtidSet.parse(f"{U1}:5")) == f"{U1}:1-4:6-{NUMBER_END - 1},{U2}:1-{NUMBER_END - 1}"


def test_from_intervals_normalises_and_refuses():
    made = GtidSet.from_intervals({(U1.upper(), "App"): [(4, 6), (1, 4)], (U1, "app"): [(9, 10)], (U2, ""): []})
    assert str(made) == f"{U1}:app:1-5:9"
    assert made.intervals() == {(U1, "app"): ((1, 6), (9, 10))}
    for bad in ({("x", ""): [(1, 2)]}, {(U1, "9"): [(1, 2)]}, {(U1, ""): [(0, 2)]}, {(U1, ""): [(2, 2)]}):
        with pytest.raises(GtidError):
            GtidSet.from_intervals(bad)
    with pytest.raises(GtidError):
        GtidSet.from_intervals({(U1, ""): [(1, NUMBER_END + 1)]})


def test_a_set_cannot_be_changed():
    gtid_set = GtidSet.parse(f"{U1}:1")
    with pytest.raises(AttributeError):
        gtid_set.parts = ()
    gtid_set.intervals().clear()
    assert str(gtid_set) == f"{U1}:1"


def test_a_single_string_is_not_a_list_of_uuids():
    gtid_set = GtidSet.parse(f"{U1}:1")
    with pytest.raises(GtidError):
        gtid_set.restricted(U1)
    with pytest.raises(GtidError):
        gtid_set.without(U1)


def test_100000_intervals_survive_every_operation():
    odd = GtidSet.from_intervals({(U1, ""): [(n, n + 1) for n in range(1, 200001, 2)]})
    even = odd.holes()
    assert odd.count() == 100000
    assert GtidSet.parse(str(odd)) == odd
    assert str(odd | even) == f"{U1}:1-199999"
    assert odd - even == odd
    assert odd.isdisjoint(even)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{U1}:5", Gtid(U1, "", 5)),
        (f" {U1.upper()} : 5\n", Gtid(U1, "", 5)),
        (f"{U1}:App:5", Gtid(U1, "app", 5)),
    ],
)
def test_gtid_parse(text, expected):
    gtid = Gtid.parse(text)
    assert gtid == expected
    assert Gtid.parse(str(gtid)) == gtid
    assert str(GtidSet.from_gtid(gtid)) == str(gtid)
    assert gtid in GtidSet.from_gtid(gtid)


@pytest.mark.parametrize(
    "text",
    ["", "x", U1, f"{U1}:", f"{U1}:0", f"{U1}:1-2", f"{U1}::1", f"{U1}:1:2", f"{U1}:a:b:1", f"{U1}:a", f"{U1}:-1",
     f"{U1}:{NUMBER_END}", f"{U1}:{'9' * 5000}", f"{U1}:\u0661", "0-1-5", "ANONYMOUS", f"{U1}:1,{U1}:2"],
)  # fmt: skip
def test_gtid_parse_refuses_anything_else(text):
    with pytest.raises(GtidError):
        Gtid.parse(text)


@pytest.mark.parametrize("text", [None, "", " ", "ANONYMOUS", "anonymous", "NOT_YET_DETERMINED"])
def test_no_gtid(text):
    assert Gtid.parse_optional(text) is None


def test_parse_optional_with_a_gtid_or_garbage():
    assert Gtid.parse_optional(f"{U1}:app:3") == Gtid(U1, "app", 3)
    with pytest.raises(GtidError):
        Gtid.parse_optional("AUTOMATIC")


@pytest.mark.parametrize("fields", [("x", "", 1), (U1, "9", 1), (U1, "", 0), (U1, "", NUMBER_END)])
def test_gtid_refuses_bad_fields(fields):
    with pytest.raises(GtidError):
        Gtid(*fields)


def test_gtid_normalises_its_fields():
    assert Gtid(U1.upper(), "APP", 1) == Gtid(U1, "app", 1)
    assert len({Gtid(U1.upper(), "", 1), Gtid(U1, "", 1)}) == 1


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("", 5, "no transactions"),
        (f"{U1}:7", 5, f"1 transaction of {U1}: 7"),
        (f"{U1}:4-6", 5, f"3 transactions of {U1}: 4-6"),
        (f"{U1}:4-6:9:app:1", 5, f"4 transactions of {U1}: 4-6, 9; 1 transaction of {U1} with tag app: 1"),
        (f"{U1}:1:3:5:7", 3, f"4 transactions of {U1}: 1, 3, 5 and 1 more interval"),
        (f"{U1}:1:3:5,{U2}:1-2", 1, f"3 transactions of {U1}: 1 and 2 more intervals; 2 more transactions"),
        (f"{U1}:1:3,{U2}:1:3", 3, f"2 transactions of {U1}: 1, 3; 2 transactions of {U2}: 1 and 1 more interval"),
        (f"{U1}:1,{U2}:1", 1, f"1 transaction of {U1}: 1; 1 more transaction"),
        (f"{U1}:1:3", 0, f"2 transactions of {U1}: 1 and 1 more interval"),
    ],
)
def test_describe(text, limit, expected):
    assert describe(GtidSet.parse(text), limit) == expected
