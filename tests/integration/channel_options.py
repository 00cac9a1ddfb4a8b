# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a channel that a server shows, read without the collection: where it reads from and how."""

from __future__ import annotations

from typing import Any, Dict

from lab.server import Server

# Columns of the status row, without the word for the source at their beginning.
_STATUS = (
    "Host", "Port", "User", "Bind", "Connect_Retry", "Retry_Count", "SQL_Delay", "Auto_Position", "Using_Gtid",
    "Slave_heartbeat_period", "Replicate_Ignore_Server_Ids", "Replicate_Do_Domain_Ids", "Replicate_Ignore_Domain_Ids",
    "TLS_Version", "public_key_path", "Network_Namespace",
)  # fmt: skip
_MOVING = ("Number_of_lines", "Master_log_name", "Master_log_pos", "User_password", "Uuid")


def options_of(server: Server, channel: str = "") -> Dict[str, str]:
    """The options by the names under which the server shows them."""
    row = server.replica_status(channel)
    assert row is not None, "%s has no channel %r" % (server.name, channel)
    found = {name: value for name, value in row.items() if _plain(name) in _STATUS or "SSL" in name or "Get_" in name}
    if server.flavour.is_mariadb:
        return _texts(found)
    if server.flavour.version >= (5, 7):
        for table in ("replication_connection_configuration", "replication_applier_configuration"):
            statement = "SELECT * FROM performance_schema.%s WHERE CHANNEL_NAME = %%s" % table
            found.update(server.query(statement, (channel,))[0])
    else:
        found["heartbeat"] = server.query("SHOW GLOBAL STATUS LIKE 'Slave_heartbeat_period'")[0]["Value"]
        for stored in server.query("SELECT * FROM mysql.slave_master_info"):
            found.update({name: value for name, value in stored.items() if name not in _MOVING})
    return _texts(found)


def _plain(name: str) -> str:
    for word in ("Master_", "Source_"):
        name = name.replace(word, "")
    return name


def _texts(found: Dict[str, Any]) -> Dict[str, str]:
    return {name: str(value) for name, value in sorted(found.items())}


def differing(before: Dict[str, str], after: Dict[str, str]) -> Dict[str, str]:
    """What is not as before."""
    return {name: after.get(name, "") for name in {*before, *after} if before.get(name) != after.get(name)}
