# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A point in a source's history, and what tells whether a read view shows exactly that point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping

from .gtid_mysql import GtidSet
from .snapshot import Coordinates

# Threads in these states of the process list are in no commit: they wait for work.
_IDLE_COMMANDS = frozenset(("sleep", "binlog dump", "binlog dump gtid", "daemon"))
_IDLE_STATES = re.compile(
    r"has read all relay log|\Awaiting for an event from coordinator|\Awaiting for (source|master) to send event"
    r"|\Awaiting for work from sql thread|\Awaiting on empty queue|\Aconnecting to (source|master)"
    r"|\Areconnecting after|\Awaiting to reconnect",
    re.I,
)
_DUMP = re.compile(r"\Abinlog dump", re.I)


@dataclass(frozen=True)
class CommitPoint:
    """Where in the source's history a read view stands.

    :param coordinates: the end of the source's binlog at that point.
    :param gtids: MySQL: what was executed then; '' without GTIDs. MariaDB: the GTID position.
    :param doubtful: a transaction may be in the binlog up to here and yet not in the view (see `is_quiet`).
    """

    coordinates: Coordinates
    gtids: str = ""
    doubtful: bool = False

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        return {
            "source_log_file": self.coordinates.file,
            "source_log_pos": self.coordinates.position,
            "gtids": self.gtids,
            "exact": not self.doubtful,
        }

    def __str__(self) -> str:
        """For messages."""
        return str(self.coordinates)


def is_quiet(processes: Iterable[Mapping[str, object]], own: int) -> bool:
    """Whether no thread can be in the middle of a commit, from rows with ID, USER, COMMAND and STATE.

    MySQL writes a transaction into the binlog before the storage engine commits it; in between it is part of the
    binlog's end and not of a new read view. A thread in that moment is not asleep. Without a dump thread in the list,
    the replica's own is hidden from us, and so may be the others: then nothing is known.
    """
    dump = False
    for row in processes:
        command, state = str(row["COMMAND"] or ""), str(row["STATE"] or "")
        dump = dump or bool(_DUMP.match(command))
        if int(str(row["ID"])) == own or command.lower() in _IDLE_COMMANDS or _IDLE_STATES.search(state):
            continue
        return False
    return dump


def gtids_reached(executed: GtidSet, point: GtidSet) -> bool:
    """Whether a replica has executed everything up to the point."""
    return executed.contains(point)


def gtids_exact(executed: GtidSet, point: GtidSet, source_now: GtidSet) -> bool:
    """Whether a replica is at the point exactly: everything up to it and nothing that the source wrote after it.

    What only the replica has (its own transactions) is no progress past the point.
    """
    return executed.contains(point) and executed.subtract(point).isdisjoint(source_now)
