# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Until when a needed binlog is kept."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import binlog_expiry as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates


def source(**variables):
    return SimpleNamespace(
        binlogs=(("b.000007", 9), ("b.000008", 9)), variable=lambda name, default="": variables.get(name, default)
    )


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"binlog_expire_logs_seconds": "3600"}, 4600),
        ({"expire_logs_days": "1"}, 87400),
        ({"expire_logs_days": "0.5", "binlog_expire_logs_seconds": "0"}, 44200),
        ({"binlog_expire_logs_seconds": "0", "expire_logs_days": "0"}, None),
        ({}, None),
        ({"binlog_expire_logs_seconds": "3600", "binlog_expire_logs_auto_purge": "OFF"}, None),
        ({"binlog_expire_logs_seconds": "3600", "binlog_expire_logs_auto_purge": "ON"}, 4600),
    ],
)
def test_a_file_expires_so_long_after_its_last_write(variables, wanted):
    assert rules.expires(source(**variables), 1000) == wanted
    assert rules.expires(source(**variables), None) is None


def test_the_file_that_is_needed():
    channel = SimpleNamespace(executed=Coordinates("b.000007", 4))
    assert rules.oldest(channel, source()) == "b.000007"
    assert rules.oldest(SimpleNamespace(executed=Coordinates("b.000001", 4)), source()) is None
    assert rules.oldest(SimpleNamespace(executed=None), source()) is None
    assert (rules.after("b.000007", source()), rules.after("b.000008", source())) == ("b.000008", None)


def test_it_is_told():
    assert (
        rules.Needed("db2", "db1", "b.1", 1000, False).told().endswith("may be purged from 1970-01-01 00:16:40 UTC on")
    )
    assert rules.Needed("db2", "db1", "b.1", None, True).told().endswith("which is still written")
    assert "left to a person" in rules.Needed("db2", "db1", "b.1", None, False).told()


@pytest.mark.parametrize(
    ("expires", "size", "refused"),
    [
        (1120, 0, ""),
        (1119, 0, "119 s from now, and a repair with what is behind it may take 60 s"),
        (1139, 10 * rules.SLOW_BYTES, "139 s from now, and a repair with what is behind it may take 70 s"),
        (1140, 10 * rules.SLOW_BYTES, ""),
        (900, 0, "0 s from now"),
        (None, 1 << 40, ""),
    ],
)
def test_a_repair_has_half_of_the_time_that_is_left(expires, size, refused):
    needed = rules.Needed("db2", "db1", "b.1", expires, False, size, 1000)
    assert refused in needed.too_late() and bool(needed.too_late()) is bool(refused)
    assert rules.Needed("db2", "db1", "b.1", expires, False, size, None).too_late() == ""


def test_the_clock_and_what_is_behind_a_file():
    assert rules.clock(SimpleNamespace(now="1970-01-02T00:00:01")) == 86401
    assert rules.clock(SimpleNamespace(now="1970-01-02 00:00:01.5")) == 86401
    assert rules.clock(SimpleNamespace(now="")) is None
    assert (rules.size_from("b.000007", source()), rules.size_from("b.000008", source())) == (18, 9)
