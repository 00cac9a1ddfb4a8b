# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a physical backup stands, and whether the source can send what comes behind it."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import rebuild_backup as backup
from ansible_collections.replicaops.mysql.plugins.module_utils._core.commit_point import CommitPoint
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidBinlogState, GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import POSITION, Coordinates
from unit import made
from unit.made import MARIADB_1011, MYSQL_56

SERVER = made.server(flavour=MARIADB_1011)
SOURCE = made.server(flavour=MARIADB_1011, address="db1:3306", binlog_state=GtidBinlogState.parse("0-1-90"))
POINT = CommitPoint(Coordinates("binlog.000003", 1234), "0-1-55")
OLDEST = GtidPosition.parse("0-1-50")


def test_the_point_stands_in_the_backups_own_metadata():
    assert backup.point_of("binlog.000003\t1234\t0-1-55\n") == POINT
    assert backup.point_of("binlog.000003\t4\n").gtids == ""


@pytest.mark.parametrize("text", ["", "\n", "binlog.000003", "binlog.000003\tx\t0-1-5"])
def test_metadata_without_a_point_is_refused(text):
    with pytest.raises(RefusedError, match="where in a binlog"):
        backup.point_of(text)


def test_a_backup_of_another_series_is_refused():
    backup.check_version("name = \nserver_version = 10.11.6-MariaDB-log\n", SERVER)
    with pytest.raises(RefusedError, match=r"it is of MariaDB 11\.8"):
        backup.check_version("server_version = 11.8.2-MariaDB", SERVER)
    with pytest.raises(RefusedError, match="unknown version"):
        backup.check_version("", SERVER)


def test_what_is_missing_is_named():
    backup.check(SERVER, {"backup_command": "cat x"})
    with pytest.raises(BadInputError, match="needs stop_command, backup_dir"):
        backup.check(SERVER, {"stop_command": "", "backup_command": "cat x", "backup_dir": ""})
    with pytest.raises(BadInputError, match="is for MariaDB"):
        backup.check(made.server(flavour=MYSQL_56), {})


def test_a_point_that_the_source_knows_and_still_has_is_good():
    backup.check_point(SOURCE, made.channel(), POINT, "", OLDEST)
    backup.check_point(SOURCE, made.channel(), POINT, "", GtidPosition())
    backup.check_point(SOURCE, made.channel(mode=POSITION), POINT, "0-1-55", None)


@pytest.mark.parametrize(
    ("point", "oldest", "expected"),
    [
        ("0-1-49", OLDEST, "has purged what comes behind 0-1-49"),
        ("", OLDEST, "has purged what comes behind"),
        ("0-1-91", OLDEST, "does not have 0-1-91"),
        ("0-7-55", OLDEST, "does not have 0-7-55"),
        ("0-1-55", None, "could not be read"),
        ("nonsense", OLDEST, "nonsense"),
    ],
)
def test_a_point_of_no_use_is_refused(point, oldest, expected):
    with pytest.raises(RefusedError, match=expected):
        backup.check_point(SOURCE, made.channel(), CommitPoint(POINT.coordinates, point), "", oldest)


@pytest.mark.parametrize("there", ["", "0-1-54"])
def test_coordinates_of_another_server_are_recognised(there):
    with pytest.raises(RefusedError, match="of another server, or too old"):
        backup.check_point(SOURCE, made.channel(mode=POSITION), POINT, there, None)


def test_the_channels_files_are_kept_and_no_others():
    files = ["ibdata1", "master.info", "multi-master.info", "master-c1.info", "relay-log.info", "relay-log-c1.info",
             "relay.000001", "relay.index", "relay-c1.000002", "binlog.000001", "relay", "mysql", "relayed.000001",
             "aria_log_control", "xtrabackup_info"]  # fmt: skip
    variables = {"relay_log_info_file": "relay-log.info", "relay_log_basename": "/var/lib/mysql/relay"}
    assert set(backup.kept(files, variables)) == {
        "master.info", "multi-master.info", "master-c1.info", "relay-log.info", "relay-log-c1.info", "relay.000001",
        "relay.index", "relay-c1.000002",
    }  # fmt: skip
    assert backup.kept(["relay-log.info", "x.000001"], {}) == ("relay-log.info",)
