# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether threads stand still because a run of this collection was killed before it started them again.

A thread that is stopped without an error is somebody's decision (RULES 8), unless the newest record of its channel says
otherwise: nobody finished that run, the threads were to run at its end, and the channel is where the run was to bring
it, or where it was before. Then nothing but that run's own START is missing.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Sequence, Set, Tuple

from .channel_plan import APPLIER, RECEIVER, acts_on
from .gtid_mariadb import GtidPosition
from .gtid_mysql import GtidError, GtidSet
from .record import RUNNING_OUTCOME, coordinates_from
from .snapshot import POSITION, STOPPED, Channel, Coordinates, Server

# Modules whose plans end with the threads that are to run.
MODULES = ("change_master", "gtid_repair", "replica_channel")
# Pauses the applier while it compares, and lets it run up to points; a note of that is its record meanwhile.
PAUSING = "table_repair"

# In the details of a record: the tables whose rows the change leaves different, until they are made equal.
OWES = "owes"

_SETS = re.compile(r"SET GLOBAL (gtid_purged|gtid_slave_pos) = '([^']*)'")
_PLACE = re.compile(r"_LOG_FILE = '([^']+)'.*_LOG_POS = (\d+)", re.S)


def is_of(record: Mapping[str, Any], server: Server, channel: Channel) -> bool:
    """Whether a record is of this channel of this server."""
    identity = (record.get("server") or {}).get("identity")
    return bool(identity == server.identity and (record.get("channel") or "") == channel.name)


def owed(record: Mapping[str, Any], server: Server, channel: Channel) -> Tuple[str, ...]:
    """The tables that a record of this channel says are still to be made equal."""
    details = record.get("details") or {}
    return tuple(details.get(OWES) or ()) if is_of(record, server, channel) else ()


def paid(record: Mapping[str, Any], tables: Sequence[str]) -> Dict[str, Any]:
    """The record, when these tables are equal."""
    details = record["details"]
    left = [table for table in details[OWES] if table not in tables]
    return {**record, "details": {**details, OWES: left}}


def unfinished(record: Mapping[str, Any], server: Server, channel: Channel) -> Optional[Dict[str, Any]]:
    """What is left to do of the run that a record is of; None when nothing is, or when that cannot be told.

    :param record: the newest one of this channel.
    :returns: ``remedy``: ``start`` where only that is missing, else the one that finds the position anew, for a run
        that was killed before its CHANGE or amid its GTIDs; ``start``: the coordinates to look from, where the channel
        has none any more; ``threads``: those that stand still.
    """
    if record.get("outcome") != RUNNING_OUTCOME or record.get("module") not in (*MODULES, PAUSING):
        return None
    before = (record.get("before") or {}).get("channel") or {}
    pausing = record["module"] == PAUSING
    if not is_of(record, server, channel) or channel.mode != before.get("mode") or (channel.until and not pausing):
        return None
    queries = [str(query) for query in (record.get("plan") or {}).get("queries") or ()]
    threads = ((RECEIVER, channel.receiver), (APPLIER, channel.applier))
    stopped = {name for name, state in threads if state == STOPPED}
    if not stopped or not stopped <= _started(queries):
        return None
    found: Dict[str, Any] = {"module": record["module"], "threads": sorted(stopped), "start": "", "remedy": "start"}
    if pausing:
        return found
    if record["module"] == "gtid_repair":
        return found if _counted(queries, server) else {**found, "remedy": "gtid_append"}
    place, was = _place(queries), coordinates_from(before.get("executed"))
    if channel.mode != POSITION or channel.executed == (place or was):
        return found
    if was is not None and place is not None and channel.executed in (None, was):
        return {**found, "remedy": "reposition", "start": str(was)}
    return None


def _counted(queries: Sequence[str], server: Server) -> bool:
    """Whether what a plan lets count as executed does, in one statement (empty transactions are looked at anew)."""
    values = [match.group(2) for match in map(_SETS.match, queries) if match is not None]
    if len(values) != 1:
        return False
    try:
        if server.flavour.is_mariadb:
            return server.replica_position == GtidPosition.parse(values[0])
        return server.executed is not None and server.executed.contains(GtidSet.parse(values[0].lstrip("+")))
    except GtidError:
        return False


def _started(queries: Sequence[str]) -> Set[str]:
    """The threads that run when all of a plan has run."""
    found: Set[str] = set()
    for query in queries:
        verb, threads = acts_on(query)
        if verb == "START" and " UNTIL " not in query:
            found |= threads
        elif verb == "STOP":
            found -= threads
    return found


def _place(queries: Sequence[str]) -> Optional[Coordinates]:
    """Where a plan's CHANGE leads."""
    places = [match for match in map(_PLACE.search, queries) if match is not None]
    return Coordinates(places[-1].group(1), int(places[-1].group(2))) if places else None
