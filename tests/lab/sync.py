# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a replica has applied all that its source had at some moment, and what a server has written since one."""

from __future__ import annotations

from typing import Any, Dict

from .server import Server


def target(source: Server, gtid: bool) -> Any:
    """Return the end of a source's binlog: GTIDs, or coordinates."""
    return source.gtid_position() if gtid else source.coordinates()


def applied(replica: Server, channel: str, wanted: Any, gtid: bool) -> bool:
    """Tell whether a channel has applied everything up to a ``target``."""
    words = replica.flavour.words
    if gtid and replica.flavour.is_mariadb:
        have = positions(str(replica.value("SELECT CONCAT(@@GLOBAL.gtid_current_pos, ',', @@GLOBAL.gtid_slave_pos)")))
        return all(have.get(domain, 0) >= number for domain, number in positions(wanted).items())
    if gtid:
        return bool(replica.value("SELECT GTID_SUBSET(%s, @@GLOBAL.gtid_executed)", (wanted,)))
    row = replica.replica_status(channel)
    return row is not None and bool((str(row[words.applied_file]), int(row[words.applied_pos])) >= wanted)


def since(server: Server, before: str) -> str:
    """Return the GTIDs of what was written on a server since a ``gtid_position``; on MariaDB one by one."""
    if not server.flavour.is_mariadb:
        return str(server.value("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, %s)", (before,))).replace("\n", "")
    old = positions(before)
    return ",".join(
        f"{domain}-{server.server_id}-{number}"
        for domain, last in positions(server.gtid_position()).items()
        for number in range(old.get(domain, 0) + 1, last + 1)
    )


def positions(text: str) -> Dict[int, int]:
    """Parse MariaDB GTID positions into the highest number per domain."""
    found: Dict[int, int] = {}
    for item in filter(None, text.split(",")):
        domain, _unused, number = item.strip().split("-")
        found[int(domain)] = max(int(number), found.get(int(domain), 0))
    return found


def worker_errors(server: Server) -> str:
    """Return the errors of MySQL's parallel workers, which the status row does not have; empty without any."""
    if server.flavour.is_mariadb or server.flavour.version < (5, 7):
        return ""
    rows = server.query(
        "SELECT LAST_ERROR_MESSAGE AS text FROM "
        "performance_schema.replication_applier_status_by_worker WHERE LAST_ERROR_NUMBER <> 0"
    )
    return "".join(f"; {row['text']}" for row in rows)
