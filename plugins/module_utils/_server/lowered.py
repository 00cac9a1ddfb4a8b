# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts super_read_only back where a run was ended that had lowered it to write rows; its undo record tells.

Whoever holds the channel's lock knows that no other run is at work on it: a record that says so is of one that was
killed. Every changing module looks, because it is not known which of them comes next.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional

from .._core import record as schema
from .._core.snapshot import Server
from . import record as store
from .connect import Connection

PUT_BACK = "SET GLOBAL super_read_only = 1"
LOWER = "SET GLOBAL super_read_only = 0"

# A run that was killed is one of the last: those after it have put back what it had left.
_NEWEST = 20
_ENDED = "The run was ended before it was over; a later one put super_read_only back."


def put_back(
    connection: Connection, server: Server, channel: str, directory: Optional[str], check_mode: bool
) -> Server:
    """The server with super_read_only on again, if a run on this channel was ended that had lowered it.

    :param check_mode: nothing is done; the server as it would be.
    :raises ReplicaError: it cannot be put back.
    """
    paths = find(directory, server, channel)
    if not paths:
        return server
    if not check_mode:
        connection.execute(PUT_BACK)
    there = replace(server, variables={**server.variables, "super_read_only": "ON"})
    for path in () if check_mode else paths:
        store.replace(path, schema.finished(store.read(path), [PUT_BACK], there, _ENDED))
    return there


def find(directory: Optional[str], server: Server, channel: str) -> List[str]:
    """Paths of records of this server and channel that have no end, and whose run lowered super_read_only."""
    if not directory or server.flag("super_read_only") or not server.variable("super_read_only"):
        return []
    found = [path for path, record in store.newest(directory, _NEWEST) if _is_open(record, server, channel)]
    return found[::-1]


def _is_open(record: Dict[str, Any], server: Server, channel: str) -> bool:
    if record.get("outcome") != schema.RUNNING_OUTCOME or record.get("channel") not in (channel, None):
        return False
    before = ((record.get("before") or {}).get("server") or {}).get("variables") or {}
    on = str(before.get("super_read_only", "")).upper() in ("ON", "1")
    return on and (record.get("server") or {}).get("identity") == server.identity
