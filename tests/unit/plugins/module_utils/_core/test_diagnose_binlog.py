# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which GTID sets show that the server's own binlogs lack transactions, and which ordinary ones do not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose_binlog import binlog_incomplete
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from unit.made import MARIADB_1011, MYSQL_56, MYSQL_97, U1, channel, server


def seen(executed, purged, flavour=MYSQL_97):
    sets = {"executed": GtidSet.parse(executed), "purged": GtidSet.parse(purged)}
    now = server(channel(), flavour=flavour, **sets)
    case = SimpleNamespace(server=now, channel=now.channels[0], is_mariadb=flavour.is_mariadb)
    return [finding.evidence["transactions"] for finding in binlog_incomplete(case)]


@pytest.mark.parametrize(
    "executed, purged, lacking",
    [
        (":1-40", ":6-15", ":6-15"),
        (":1-40", ":6-15:20-22", ":6-15"),  # a few before the others may be concurrent commits
        (":1-90000", ":1-8:50000-60000", ":50000-60000"),
    ],
)
def test_added_in_the_middle(executed, purged, lacking):
    assert seen(U1 + executed, U1 + purged) == [U1 + lacking]


@pytest.mark.parametrize(
    "executed, purged",
    [
        (":1-40", ""),
        (":1-40", ":1-15"),  # binlogs were purged, or it was built from a backup
        (":1-40", ":1-15:17"),  # concurrent commits around the end of a file
        (":1-40:1000001-1000009", ":1-8:1000001-1000005"),  # numbers handed out in blocks
        (":1-40", ":1-40"),
    ],
)
def test_ordinary_servers(executed, purged):
    assert seen(U1 + executed, U1 + purged if purged else "") == []


def test_where_sets_tell_nothing():
    assert seen(U1 + ":1-40", U1 + ":6-15", MYSQL_56) == []
    assert seen(U1 + ":1-40", U1 + ":6-15", MARIADB_1011) == []
