# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All transactions between two positions of MariaDB."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_apply_between as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import MariadbGtid


def gtids(*texts: str) -> list[MariadbGtid]:
    return [MariadbGtid.parse(text) for text in texts]


def test_what_is_behind_one_position_and_not_behind_the_other() -> None:
    wanted = rules.wanted(rules.between("0-1-4,2-1-9", "0-3-7,1-1-2,2-1-9"))
    named = ["0-1-4", "0-1-5", "0-3-7", "0-1-8", "1-1-1", "1-1-2", "1-1-3", "2-1-9", "3-1-1"]
    assert [name for name in named if wanted(name)] == ["0-1-5", "0-3-7", "1-1-1", "1-1-2"]


@pytest.mark.parametrize(("after", "until"), [("0-1-4", "0-1-4"), ("0-1-5", "0-1-4"), ("x", "0-1-1"), ("", "")])
def test_nothing_between_them_is_refused(after: str, until: str) -> None:
    with pytest.raises(BadInputError):
        rules.between(after, until)


def test_files_have_to_go_back_to_the_first_and_reach_to_the_last() -> None:
    wish = rules.between("0-1-4", "0-1-7")
    assert rules.goes_back_far_enough(wish, gtids("0-1-4", "5-1-100"))
    assert not rules.goes_back_far_enough(wish, gtids("0-2-5"))
    rules.check_reached(wish, ["0-1-5", "0-1-7"], "db3")
    with pytest.raises(BadInputError, match="db3 does not have 0-1-7"):
        rules.check_reached(wish, ["0-1-5", "0-1-6"], "db3")
