# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A brake says what to change to get past it."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._server.compare_side import Limits


@pytest.mark.parametrize("name", ["option max_rows", "variable repair_max_rows"])
def test_too_many_rows_name_the_option(name: str) -> None:
    assert name in Limits(0, float("inf")).exceeded()
    assert Limits(1, float("inf")).exceeded() == ""
