# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a search notes of events beside the transactions that they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from .._core.binlog import gtids, header
from .._core.binlog.whole import Whole
from .._core.gtid_mariadb import GtidPosition
from .._core.locate.track import Track
from .binlog_stream import BinlogStream


@dataclass
class Scan:
    """Where a stretch was read from, and what was met there.

    :param track: its boundaries.
    :param recorded: the boundary of the recorded position, as far as it is told by GTIDs.
    :param own: it holds transactions that the replica does not take from the source, of which more was learned: what
        was counted does not hold.
    """

    track: Track
    recorded: Optional[int] = None
    bytes_read: int = 0
    decoding: bool = True
    own: bool = False
    passed: bool = field(default=False, repr=False)


# What can stand before the first transaction of a file.
_HEADS = frozenset(
    (header.ROTATE, header.FORMAT_DESCRIPTION, header.PREVIOUS_GTIDS, header.GTID_LIST, header.BINLOG_CHECKPOINT)
    + (header.START_ENCRYPTION, header.HEARTBEAT, header.HEARTBEAT_V2, header.STOP, header.IGNORABLE)
)  # fmt: skip


def _mariadb_gtid(data: bytes) -> str:
    return gtids.parse_mariadb_gtid(data, header.HEADER.unpack_from(data)[2]).gtid


# What ends a transaction, and what begins one and says its GTID.
ENDS = frozenset((header.XID, header.TRANSACTION_PAYLOAD))
NAMES: Dict[int, Callable[[bytes], str]] = {
    header.GTID: gtids.parse_gtid,
    header.GTID_TAGGED: gtids.parse_tagged_gtid,
    header.MARIADB_GTID: _mariadb_gtid,
}
SKIMMED = ENDS.union(NAMES, (header.ROTATE, header.PREVIOUS_GTIDS, header.GTID_LIST))


def note_base(scan: Scan, kind: int, data: bytes) -> None:
    """Note what had been executed at the head of the first file."""
    if scan.track.base is not None:
        return
    if kind == header.PREVIOUS_GTIDS:
        scan.track.base = gtids.parse_previous_gtids(data)
    elif kind == header.GTID_LIST:
        newest = {gtid.domain: gtid for gtid in gtids.parse_gtid_list(data)}
        scan.track.base = GtidPosition(tuple(newest.values()))


class Noting:
    """The events of a stream; what had been executed at the head of the first file is noted on the way."""

    def __init__(self, stream: BinlogStream, scan: Scan) -> None:
        self._stream, self._scan = stream, scan

    def together(self, whole: Whole) -> Iterator[Tuple[int, int, int, Any]]:
        """See `transactions.Packets`."""
        events = self._stream.together(whole)
        for event in events:
            if event[0] not in _HEADS:
                yield event
                break
            note_base(self._scan, event[0], event[3])
            yield event
        yield from events
