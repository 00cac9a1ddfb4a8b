# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and channels made by hand for unit tests: in order unless the test says otherwise."""

from __future__ import annotations

from typing import Any

from ansible_collections.replicaops.mysql.plugins.module_utils._core import dialect as dialects
from ansible_collections.replicaops.mysql.plugins.module_utils._core.channel_plan import Verbs
from ansible_collections.replicaops.mysql.plugins.module_utils._core.flavour import MARIADB, MYSQL, Features, Flavour
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    GTID,
    RUNNING,
    Channel,
    Coordinates,
    Server,
)

U1 = "11111111-aaaa-bbbb-cccc-000000000001"
U2 = "11111111-aaaa-bbbb-cccc-000000000002"

MYSQL_97 = Flavour(MYSQL, (9, 7, 0), "9.7.0")
MYSQL_56 = Flavour(MYSQL, (5, 6, 51), "5.6.51-log")
MARIADB_1011 = Flavour(MARIADB, (10, 11, 6), "10.11.6-MariaDB")

NEW = Features(True, True, True, True, True, True)
OLD = Features(gtid_mode=True)
MARIA = Features(channels=True)


def verbs(flavour: Flavour = MYSQL_97, name: str = "") -> Verbs:
    """The statements of a channel on a flavour."""
    features = {MYSQL_97: NEW, MYSQL_56: OLD, MARIADB_1011: MARIA}[flavour]
    return Verbs(dialects.choose(flavour, features), features.channels, name)


def channel(**changes: Any) -> Channel:
    """A channel that runs in GTID mode."""
    values: dict[str, Any] = {
        "name": "",
        "source_host": "db1",
        "source_port": 3306,
        "source_user": "repl",
        "source_uuid": U1,
        "source_server_id": 1,
        "mode": GTID,
        "receiver": RUNNING,
        "applier": RUNNING,
        "receiver_state": "",
        "applier_state": "",
        "receiver_fault": None,
        "applier_fault": None,
        "read": Coordinates("binlog.000003", 900),
        "executed": Coordinates("binlog.000003", 500),
        "relay": Coordinates("relay.000002", 300),
        "position_gaps": False,
    }
    return Channel(**{**values, **changes})


def server(*channels: Channel, flavour: Flavour = MYSQL_97, **changes: Any) -> Server:
    """A server, by default the replica db2."""
    features = {MYSQL_97: NEW, MYSQL_56: OLD, MARIADB_1011: MARIA}[flavour]
    values: dict[str, Any] = {
        "flavour": flavour,
        "features": features,
        "address": "db2:3306",
        "uuid": "" if flavour.is_mariadb else U2,
        "server_id": 2,
        "port": 3306,
        "hostname": "db2",
        "datadir": "/data",
        "variables": {},
        "status": {},
        "executed": None,
        "purged": None,
        "replica_position": None,
        "binlog_state": None,
        "binlog_end": None,
        "binlogs": (),
        "channels": tuple(channels),
        "replicas_below": (),
        "processes": (),
        "blockers": (),
        "open_transactions": (),
        "cluster": "",
        "managed": "",
        "unreadable": {},
        "read_at": 0.0,
    }
    return Server(**{**values, **changes})
