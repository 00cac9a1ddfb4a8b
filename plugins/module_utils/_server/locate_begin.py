# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a search begins: the recorded position, one that was given, or the oldest binlog."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional, Union

from .._core.errors import BadInputError, BinlogError, ReplicaError
from .._core.gtid_mariadb import GtidPosition
from .._core.gtid_mysql import GtidError, GtidSet
from .._core.snapshot import GTID, Channel, Coordinates, Server
from .connect import Connection
from .touched import names

UNKNOWN = "unknown"
HEAD = 4
# What is decoded before the recorded position, so that older data is noticed, and where that is too little.
_BEFORE = 1 << 20
_SHORT = 1 << 16
_HEAD_EVENTS = 5

Recorded = Union[Coordinates, GtidSet, GtidPosition, None]

_COORDINATES = re.compile(r"([^:\s]+\.\d+):(\d+)")


@dataclass(frozen=True)
class Begin:
    """Where a stretch begins.

    :param head: the head of a binlog file.
    :param decode_from: rows before it are not looked at; None for all.
    :param recorded: what is recorded or was given; None when it is unknown.
    :param oldest: there is no older binlog.
    """

    head: Coordinates
    decode_from: Optional[Coordinates]
    recorded: Recorded
    oldest: bool


def recorded_of(server: Server, channel: Optional[Channel], text: Optional[str]) -> Recorded:
    """The position to begin at, from option ``start`` or from what the replica recorded.

    :raises BadInputError: the option is neither coordinates nor a GTID set of this engine.
    """
    if text == UNKNOWN:
        return None
    if text:
        return _parsed(text, server.flavour.is_mariadb)
    if channel is None or channel.mode == GTID:
        if server.flavour.is_mariadb:
            return server.replica_position if server.replica_position and channel else None
        return server.executed if channel is not None or server.executed else None
    return channel.executed


def _parsed(text: str, mariadb: bool) -> Recorded:
    match = _COORDINATES.fullmatch(text.strip())
    if match:
        return Coordinates(match.group(1), int(match.group(2)))
    try:
        return GtidPosition.parse(text) if mariadb else GtidSet.parse(text)
    except GtidError as error:
        raise BadInputError(
            "Option start cannot be read: %s" % error,
            advice="Give file:position, a GTID set (on MariaDB a GTID position), or 'unknown'.",
        ) from None


def begin(source: Connection, recorded: Recorded) -> Begin:
    """Where to begin.

    :raises BinlogError: what would be needed is not there any more.
    """
    files = names(source)
    if not files:
        raise BinlogError("read the binlog", source.address, "there is none", _OFF)
    if recorded is None:
        return Begin(Coordinates(files[0], HEAD), None, None, True)
    if isinstance(recorded, Coordinates):
        return _by_coordinates(source, files, recorded)
    number = _by_gtids(source, files, recorded)
    number = max(number - 1, 0)
    return Begin(Coordinates(files[number], HEAD), None, recorded, number == 0)


_OFF = "The source must write a binlog (log_bin); without it nothing tells where the replica's data is."


def _by_coordinates(source: Connection, files: List[str], recorded: Coordinates) -> Begin:
    if recorded.file not in files:
        raise _purged(source, files, "the position %s" % recorded)
    number = files.index(recorded.file)
    if recorded.position <= _SHORT and number:
        return Begin(Coordinates(files[number - 1], HEAD), None, recorded, number == 1)
    before = recorded.position - _BEFORE
    decode_from = Coordinates(recorded.file, before) if before > _SHORT else None
    return Begin(Coordinates(recorded.file, HEAD), decode_from, recorded, number == 0)


def _by_gtids(source: Connection, files: List[str], recorded: Union[GtidSet, GtidPosition]) -> int:
    """The newest file before which there is nothing that the recorded set lacks."""
    low, high = 0, len(files) - 1
    if not _before(source, files[0], recorded):
        raise _purged(source, files, "the GTID set %s" % (str(recorded) or "''"))
    while low < high:
        middle = (low + high + 1) // 2
        if _before(source, files[middle], recorded):
            low = middle
        else:
            high = middle - 1
    return low


def _before(source: Connection, file: str, recorded: Union[GtidSet, GtidPosition]) -> bool:
    """Whether everything before a file is in the recorded set."""
    for row in source.query("SHOW BINLOG EVENTS IN %s LIMIT " + str(_HEAD_EVENTS), (file,)):
        kind, info = str(row["Event_type"]).lower(), str(row["Info"] or "").strip()
        if kind == "previous_gtids" and isinstance(recorded, GtidSet):
            return recorded.contains(GtidSet.parse(info))
        if kind == "gtid_list" and isinstance(recorded, GtidPosition):
            newest = {}
            for item in info.strip("[]").split(","):
                if item.strip():
                    gtid = GtidPosition.parse(item).gtids[0]
                    newest[gtid.domain] = gtid
            return all(recorded.covers(gtid) for gtid in newest.values())
    raise ReplicaError(
        "find where the GTIDs in binlog %s begin" % file, source.address, "its head does not say", "Give coordinates."
    )


def _purged(source: Connection, files: List[str], what: str) -> BinlogError:
    return BinlogError(
        "begin at %s" % what,
        source.address,
        "the source has purged the binlog that it needs; its oldest is %s" % files[0],
        "Set start to 'unknown' to search the binlogs that are left, give a later start, or rebuild the replica.",
        {"errno": 1236, "oldest": files[0]},
    )
