# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interval arithmetic against plain Python sets of numbers."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_intervals as runs_of
from hypothesis import given
from hypothesis import strategies as st

# Small numbers, so that intervals meet, touch, nest and overlap often.
intervals = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair))), max_size=12
)


def numbers(some):
    return {number for start, end in some for number in range(start, end)}


def is_normal(runs):
    return len(runs) % 2 == 0 and all(a < b for a, b in zip(runs, runs[1:]))


@pytest.mark.parametrize(
    ("given_intervals", "expected"),
    [
        ([], ()),
        ([(5, 5)], ()),
        ([(3, 1)], ()),
        ([(1, 4), (4, 6)], (1, 6)),
        ([(4, 6), (1, 3)], (1, 3, 4, 6)),
        ([(1, 10), (2, 3), (4, 5)], (1, 10)),
        ([(1, 3), (1, 5), (1, 3)], (1, 5)),
        ([(9, 9), (1, 2)], (1, 2)),
    ],
)
def test_merged(given_intervals, expected):
    assert runs_of.merged(given_intervals) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1-3", (1, 4)),
        ("5", (5, 6)),
        ("7-9:1-3:5:2-3", (1, 4, 5, 6, 7, 10)),
        ("1-99", (1, 100)),
        ("1-100", ()),
        ("100", ()),
        ("0-4", ()),
        ("4-3", ()),
        ("007", ()),
        ("1-2-3", ()),
        ("1-2-3:4", ()),
        ("1--3", ()),
        ("-3", ()),
        ("3-", ()),
        ("1::3", ()),
        ("", ()),
        ("1:a:3", ()),
        ("1e1", ()),
        ("1.5-2", ()),
        ("\u0661", ()),
        ("9" * 5000, ()),
    ],
)
def test_read_gives_the_runs_of_a_text_without_mistakes_and_nothing_of_any_other(text, expected):
    assert runs_of.read(text, 100) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((1, 10), (3, 5, 7, 8), (1, 3, 5, 7, 8, 10)),
        ((1, 3, 5, 7, 9, 12), (2, 10), (1, 2, 10, 12)),
        ((1, 10), (1, 10), ()),
        ((5, 6), (1, 5, 6, 9), (5, 6)),
        ((), (1, 2), ()),
        ((1, 2), (), (1, 2)),
    ],
)
def test_subtract(left, right, expected):
    assert runs_of.subtract(left, right) == expected


@given(intervals)
def test_merged_holds_the_same_numbers_in_normal_form(some):
    runs = runs_of.merged(some)
    assert is_normal(runs)
    assert numbers(runs_of.pairs(runs)) == numbers(some)
    assert runs_of.count(runs) == len(numbers(some))


@given(intervals, intervals)
def test_operations_are_those_of_sets(some, others):
    left, right = runs_of.merged(some), runs_of.merged(others)
    for operation, expected in (
        (runs_of.union, numbers(runs_of.pairs(left)) | numbers(runs_of.pairs(right))),
        (runs_of.subtract, numbers(runs_of.pairs(left)) - numbers(runs_of.pairs(right))),
        (runs_of.intersect, numbers(runs_of.pairs(left)) & numbers(runs_of.pairs(right))),
    ):
        result = operation(left, right)
        assert is_normal(result), operation
        assert numbers(runs_of.pairs(result)) == expected, operation


@given(intervals)
def test_what_is_written_is_read_again(some):
    runs = runs_of.merged(some)
    assert runs_of.read(runs_of.write(runs), 100) == runs
    singles = [str(first) if first + 1 == end else f"{first}-{end - 1}" for first, end in runs_of.pairs(runs)]
    assert runs_of.write(runs) == ":".join(singles)


@given(intervals)
def test_holes_are_the_numbers_missing_below_the_highest(some):
    runs = runs_of.merged(some)
    present = numbers(runs_of.pairs(runs))
    assert numbers(runs_of.pairs(runs_of.holes(runs))) == set(range(1, max(present, default=0))) - present
    assert is_normal(runs_of.holes(runs))


@given(intervals, st.integers(0, 60))
def test_holds_is_membership(some, number):
    assert runs_of.holds(runs_of.merged(some), number) == (number in numbers(some))
