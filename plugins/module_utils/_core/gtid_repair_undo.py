# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a repair of GTID sets can be put back: a position that nothing has gone past, and a history left empty.

GTIDs that were added to a MySQL server stay, as only a reset takes them away.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple

from .gtid_mariadb import GtidPosition
from .gtid_mysql import GtidError
from .gtid_repair import RESET
from .snapshot import Server
from .statement import Statement


def statements(record: Mapping[str, Any], server: Server, done: List[str]) -> Tuple[Statement, ...]:
    """The statements that put back what a record of `gtid_repair` altered; none for any other record.

    :param done: gets a sentence for each.
    """
    details = record.get("details") or {}
    if record.get("module") != "gtid_repair" or "method" not in details:
        return ()
    if server.flavour.is_mariadb:
        return _position(details, server, done)
    before = (record["before"]["server"] or {}).get("executed")
    emptied = details["method"] == RESET and server.executed is not None and server.executed.is_empty
    if not emptied or not before:
        return ()
    done.append("gtid_executed: %s instead of nothing" % before)
    return (Statement("SET GLOBAL gtid_purged = %s", (str(before),), purpose="put the GTID history back"),)


def _position(details: Mapping[str, Any], server: Server, done: List[str]) -> Tuple[Statement, ...]:
    """MariaDB: the position from before, while nothing was applied since; it is one value for all connections."""
    try:
        before, moved = (GtidPosition.parse(str(details.get(name))) for name in ("position_before", "position"))
    except GtidError:
        return ()
    if server.replica_position != moved or before == moved or len(server.channels) != 1:
        return ()
    done.append("gtid_slave_pos: %s instead of %s" % (before or "nothing", moved))
    return (Statement("SET GLOBAL gtid_slave_pos = %s", (str(before),), purpose="put gtid_slave_pos back"),)
