# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A comparison in slices loses nothing between them."""

from __future__ import annotations

import json

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import compare
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare import Difference, TableOutcome, undecided
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare_progress import (
    MOMENTS,
    ROUNDS,
    Found,
    Progress,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare_rows import RowDifference
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError

EQUAL = TableOutcome("d.a", rows=10, chunks=1, method="primary key")
ROWS = Difference("d.b", compare.ROWS, counts={"changed": 1}, rows=({"what": "changed", "key": {"id": "1"}},))
DIFFERS = TableOutcome("d.b", 5, 1, "primary key", (ROWS, Difference("d.b", compare.DEFINITION, ("x",), ("y",))))
PAIRS = [("d", "a"), ("d", "b"), ("d", "c"), ("d", "e")]


def begun() -> Progress:
    found = Found(rows=100, chunks=2, after=("7", "k'\u00e9"), shape="s", complete=False)
    found.add([RowDifference("extra", ("1", "x")), RowDifference("missing", ("2", "y"))], keep=1)
    return Progress(
        "key",
        {("d", "a"): EQUAL, ("d", "b"): DIFFERS, ("", "view d.v"): undecided("view d.v", "hidden")},
        {("d", "e"): found},
        {("d", "b"): 2},
        (Difference("view d.w", compare.MISSING_ON_REPLICA),),
        3,
    )


def test_what_is_kept_in_a_file_comes_back_as_it_was() -> None:
    assert Progress.from_text(begun().as_text(), "key", "f") == begun()
    assert begun().begun[("d", "e")].counts == {"missing": 1, "extra": 1, "changed": 0}
    assert len(begun().begun[("d", "e")].differences) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", begun().as_text()[:-9], json.dumps({"schema": 1, "key": "key"})]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="somewhere"):
        Progress.from_text(text, "key", "somewhere")


def test_the_progress_of_another_comparison_is_refused() -> None:
    with pytest.raises(BadInputError, match="another comparison"):
        Progress.from_text(begun().as_text(), "other key", "f")


def test_a_table_that_was_begun_comes_first_and_one_in_doubt_last() -> None:
    assert begun().left(PAIRS) == [("d", "e"), ("d", "c"), ("d", "b")]


def test_rows_that_differ_at_a_doubtful_point_are_read_again_and_believed_in_the_end() -> None:
    progress = Progress()
    for tries in range(1, ROUNDS):
        progress.add({("d", "b"): DIFFERS, ("d", "a"): EQUAL}, doubtful=True)
        assert progress.again == {("d", "b"): tries}
    progress.add({("d", "b"): DIFFERS}, doubtful=True)
    assert progress.again == {} and progress.left(PAIRS[:2]) == []
    sure = Progress()
    sure.add({("d", "b"): DIFFERS}, doubtful=False)
    assert sure.left([("d", "b")]) == []


def test_people_who_wait_are_told_how_far_it_is() -> None:
    assert begun().summary(PAIRS) == {"tables_done": 1, "tables": 4, "rows": 115, "different": 1}
    assert begun().message(PAIRS) == (
        "Not finished: 1 of 4 tables compared so far, with 115 rows read, now in d.e; 1 differs."
    )


def test_a_table_that_is_written_while_it_is_read_is_read_again_some_times() -> None:
    progress = Progress()
    written = undecided("d.b", compare.SOURCE_CHANGED + ": the statement INSERT")
    hidden = undecided("d.c", "hidden")
    for tries in range(1, MOMENTS):
        progress.add({("d", "b"): written, ("d", "c"): hidden, ("", "d.v"): written}, doubtful=False)
        assert progress.again == {("d", "b"): tries}
    progress.add({("d", "b"): written}, doubtful=False)
    assert progress.again == {} and progress.left(PAIRS[1:3]) == []
