# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hint where a replica is, however far it is from where it is looked for."""

from __future__ import annotations

from typing import Dict, Optional

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.digest import NO_ROW
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.probe import Probe

TABLE = ("d", "t")


def hint(rows: Dict[int, int], *changes: tuple) -> Optional[bool]:  # type: ignore[type-arg]
    probe = Probe()
    for key, before, after in changes:
        probe.transaction()
        probe.change(TABLE, key, (key,), before, after)
    assert probe.pending == len({change[0] for change in changes})
    probe.settle({TABLE: rows})
    return probe.passed()


@pytest.mark.parametrize(
    ("row", "passed"), [(5, False), (6, True), (7, True), (4, None), (NO_ROW, None)],
    ids=["before", "between", "after", "elsewhere", "gone"],
)  # fmt: skip
def test_updates_tell_only_near_by(row: int, passed: Optional[bool]) -> None:
    """A row like none of its images may be older as well as newer."""
    assert hint({1: row} if row else {}, (1, 5, 6), (1, 6, 7)) is passed


@pytest.mark.parametrize(("row", "passed"), [(NO_ROW, False), (6, True), (99, True)])
def test_inserts_tell_from_afar(row: int, passed: bool) -> None:
    """A row that is not there yet, and one that was changed long after."""
    assert hint({1: row} if row else {}, (1, NO_ROW, 6)) is passed


@pytest.mark.parametrize(("row", "passed"), [(NO_ROW, True), (6, False), (3, False)])
def test_deletes_tell_from_afar(row: int, passed: bool) -> None:
    """A row that is not there any more, and one that is as it was long before."""
    assert hint({1: row} if row else {}, (1, 6, NO_ROW)) is passed


def test_the_more_decide() -> None:
    """Rows that were inserted decide over one that looks otherwise by chance."""
    assert hint({1: 7, 2: 5, 3: 9}, (1, NO_ROW, 6), (3, NO_ROW, 6), (2, 5, 6)) is True


def test_a_table_that_cannot_be_read_tells_nothing() -> None:
    probe = Probe()
    probe.transaction()
    probe.change(TABLE, 1, (1,), NO_ROW, 5)
    probe.settle({})
    assert probe.passed() is None
