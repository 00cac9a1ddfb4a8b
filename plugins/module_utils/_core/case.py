# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one channel's findings are concluded from, shared by every predicate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Tuple

from .gtid_content import Content, Difference
from .gtid_mysql import GtidSet
from .lost_tail import Tail
from .snapshot import GTID, RUNNING, Channel, Peer, Server

STALL_SECONDS = 30


@dataclass(frozen=True)
class Lacking:
    """What a replica of MariaDB misses for good, as far as its source goes.

    :param after: its position.
    :param until: where the source's oldest binlog begins.
    :param donor: name of a member that has all between them; '' for none.
    """

    after: str
    until: str
    donor: str = ""


@dataclass(frozen=True)
class Case:
    """One channel with all that is known around it.

    :param server: the replica, at the last sample.
    :param channel: the channel, at the last sample.
    :param source: the channel's source, read after the replica; None when it was not asked.
    :param sources: every source of the server and every member, as far as they were asked (for errant transactions).
    :param earlier: the same channel at the first sample, when there were two.
    :param waited: seconds between the samples.
    :param allowed: UUIDs and tags whose local transactions are intended.
    :param confirmed: errant candidates that still stood when the source was read again; None when it was not.
    :param contents: what the transactions do that only this replica has, by GTID, as far as they were read.
    :param compared: what both have and was compared with the source, transaction by transaction; None when nothing was.
    :param differences: the GTIDs under which the two have something different.
    :param left: MariaDB: the position once what the source lacks or has otherwise is undone; '' when it is not known.
    :param lacking: MariaDB: what the source has purged and the replica has not applied.
    :param undone: MariaDB: these transactions, and those after them in their domain.
    :param tail: coordinates: what the source has lost, by both binlogs; None when these were not looked at.
    """

    server: Server
    channel: Channel
    source: Optional[Peer] = None
    sources: Tuple[Peer, ...] = ()
    earlier: Optional[Channel] = None
    waited: float = 0.0
    allowed: Tuple[str, ...] = ()
    confirmed: Optional[GtidSet] = None
    contents: Mapping[str, Content] = field(default_factory=dict)
    compared: Optional[GtidSet] = None
    differences: Tuple[Difference, ...] = ()
    left: str = ""
    undone: Tuple[str, ...] = ()
    lacking: Optional[Lacking] = None
    tail: Optional[Tail] = None

    @property
    def is_mariadb(self) -> bool:
        """True for MariaDB."""
        return self.server.flavour.is_mariadb

    @property
    def where(self) -> str:
        """The source's address, for summaries."""
        return "%s:%d" % (self.channel.source_host, self.channel.source_port)


def pending(server: Server, channel: Channel) -> Optional[bool]:
    """True when events that were fetched wait to be applied, False when none do, None when it cannot be known.

    With GTIDs the sets decide (coordinates lag behind while parallel appliers work); otherwise the coordinates.
    """
    if channel.mode == GTID and channel.retrieved is not None and server.executed is not None:
        return not (channel.retrieved - server.executed).is_empty
    if channel.read is None or channel.executed is None:
        return None
    try:
        return not channel.executed.reached(channel.read)
    except ValueError:
        return None


def at_rest(server: Server, channel: Channel) -> bool:
    """True when the applier runs without a fault and has nothing left to apply."""
    faulty = channel.applier_fault is not None or any(worker.fault for worker in channel.workers)
    return channel.applier == RUNNING and not faulty and pending(server, channel) is False
