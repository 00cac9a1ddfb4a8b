# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the ends of the binlogs of a source and its replica, to tell what the source has lost (coordinates)."""

from __future__ import annotations

import time
from collections import deque
from typing import Deque, Dict, List, Mapping

from .._core import gtid_content as rules
from .._core.binlog.transaction import UNFINISHED
from .._core.binlog.transactions import transactions
from .._core.errors import ReplicaError
from .._core.lost_tail import Logged, Tail, beyond, laid_beside
from .._core.snapshot import Channel, Coordinates, Server
from . import zstd
from .binlog_stream import BinlogStream
from .connect import Login, connect
from .gtid_content import newest_files, noting

SECONDS = 60.0
MOST_BYTES = 32 << 20
MOST_TRANSACTIONS = 50000
MOST_EVENTS = 100000
_HEAD = 4


def tail(here: Server, channel: Channel, login: Login, there: Server, other: Login) -> Tail:
    """What the source has lost of what the replica has.

    :param here: the replica, and ``there`` its source, as they were read before; what came since is looked at too.
    :returns: with ``why`` when it cannot be told; a binlog that cannot be read is such a reason.
    """
    try:
        mine = _newest(here, login, 1)
        # After a crash a source begins a new file, so that what both have is in the one before.
        theirs = _newest(there, other, 2)
    except ReplicaError as error:
        return Tail(why=str(error))
    found = laid_beside(mine, theirs, here.server_id, there.server_id)
    held = _held(channel, login, dict(there.binlogs)) if found.why else 0
    if not held or channel.relay is None:
        return found
    return Tail(
        why="%s; its relay log %s holds %d transaction%s that the source lacks: keep a copy of that file"
        % (found.why, channel.relay.file, held, "s"[: held != 1])
    )


def _held(channel: Channel, login: Login, sizes: Mapping[str, int]) -> int:
    """How many transactions of the present relay log the source does not have; 0 where that cannot be asked."""
    if channel.relay is None or channel.name:
        return 0
    try:
        with connect(login) as connection:
            rows = connection.query("SHOW RELAYLOG EVENTS IN %s LIMIT " + str(MOST_EVENTS), (channel.relay.file,))
    except ReplicaError:
        return 0
    return beyond(rows, sizes)


def _newest(server: Server, login: Login, files: int) -> List[Logged]:
    """The transactions of the newest binlogs, of so many at least. Raises ReplicaError."""
    names = newest_files(server.binlogs, MOST_BYTES, files)
    if not names:
        return []
    found: Deque[Logged] = deque(maxlen=MOST_TRANSACTIONS)
    origins: Dict[str, int] = {}
    begin, deadline = Coordinates(names[0], _HEAD), time.monotonic() + SECONDS
    with BinlogStream(connect(login), begin, deadline=deadline) as stream:
        for done in transactions(noting(stream, origins), rules.plain_layout, True, zstd.decompress, begin.file):
            if done.ending != UNFINISHED:
                found.append(Logged(rules.content(done, origins.get(done.gtid, 0)), done.end))
            origins.clear()
    return list(found)
