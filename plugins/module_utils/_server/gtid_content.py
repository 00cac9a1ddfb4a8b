# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads named transactions from a server's binlogs, to tell what they do and whether another server has the same."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from .._core import gtid_content as rules
from .._core.binlog import header
from .._core.binlog.gtids import parse_gtid, parse_gtid_list
from .._core.binlog.transactions import Event, transactions
from .._core.errors import BinlogError
from .._core.gtid_content import Content, Difference
from .._core.gtid_mariadb import MariadbGtid
from .._core.gtid_mysql import GtidSet
from .._core.snapshot import Coordinates, Server
from . import zstd
from .binlog_stream import BinlogStream
from .connect import Login, connect

SECONDS = 60.0
RECENT_BYTES = 64 << 20


@dataclass(frozen=True)
class Compared:
    """What came of comparing what two servers have under the same GTIDs.

    :param gtids: the transactions that were compared.
    :param left: those that both count as executed and that were not compared, as they are older than was asked for or
        a binlog of them is gone.
    """

    gtids: GtidSet
    left: GtidSet
    found: Tuple[Difference, ...]


def read(login: Login, server: Server, gtids: GtidSet, seconds: float = SECONDS) -> Dict[str, Content]:
    """What the transactions of a set do, by GTID; without those that the server has purged or never executed (MySQL).

    :param server: as it was read before; what it executed since is not looked at.
    :raises ReplicaError: the binlog cannot be read.
    """
    executed = server.executed or GtidSet()
    wanted = (gtids & executed) - (server.purged or GtidSet())
    if not wanted:
        return {}
    names = frozenset(str(one) for one in wanted.gtids(wanted.count()))
    try:
        return _read(login, server, str(executed - wanted), names.__contains__, len(names), seconds, True)
    except BinlogError as error:
        if not error.context.get("file"):
            raise
        # A row that the binlog alone does not tell how to read: then times and tables have to do.
        return _read(login, server, str(executed - wanted), names.__contains__, len(names), seconds, False)


def _read(
    login: Login, server: Server, begin: str, wanted: Callable[[str], bool], count: int, seconds: float, rows: bool
) -> Dict[str, Content]:
    found: Dict[str, Content] = {}
    origins: Dict[str, int] = {}
    deadline = time.monotonic() + seconds
    with BinlogStream(connect(login), begin, stop_at=server.binlog_end, deadline=deadline) as stream:
        for done in transactions(noting(stream, origins), rules.plain_layout, rows, zstd.decompress):
            if done.gtid and wanted(done.gtid):
                found[done.gtid] = rules.content(done, origins.get(done.gtid, 0), rows)
                if len(found) == count:
                    break
            origins.clear()
    return found


def noting(stream: BinlogStream, origins: Dict[str, int]) -> Iterator[Event]:
    """The events of a stream; when each transaction was committed first is kept by its GTID, which may be ''."""
    for event in stream:
        if event[0] in (header.GTID, header.ANONYMOUS_GTID):
            name = parse_gtid(event[3]) if event[0] == header.GTID else ""
            origins[name] = rules.origin(event[3])
        yield event


def newest_files(binlogs: Sequence[Tuple[str, int]], most: int, least: int = 1) -> List[str]:
    """The newest of a server's binlogs, oldest first: no more bytes than ``most``, but so many files at least."""
    found: List[str] = []
    for name, size in reversed(binlogs):
        most -= size
        if most < 0 and len(found) >= least:
            break
        found.insert(0, name)
    return found


@dataclass(frozen=True)
class Recent:
    """What the newest binlogs of a server of MariaDB hold.

    :param contents: by GTID, in the order of the binlog.
    :param head: the last transaction of each server and domain before them.
    """

    contents: Dict[str, Content]
    head: Tuple[MariadbGtid, ...]


def recent(login: Login, server: Server, most: int = RECENT_BYTES, seconds: float = SECONDS) -> Recent:
    """What the newest binlogs hold, so many bytes of them, but one at least (MariaDB).

    :raises ReplicaError: a binlog cannot be read.
    """
    files = newest_files(server.binlogs, most)
    if not files:
        return Recent({}, ())
    head: List[MariadbGtid] = []
    found: Dict[str, Content] = {}
    begin = Coordinates(files[0], 4)
    deadline = time.monotonic() + seconds
    with BinlogStream(connect(login), begin, stop_at=server.binlog_end, deadline=deadline) as stream:
        for done in transactions(_heading(stream, head), rules.plain_layout, True, zstd.decompress, begin.file):
            if done.gtid:
                found[done.gtid] = rules.content(done)
    return Recent(found, tuple(head))


def _heading(stream: BinlogStream, head: List[MariadbGtid]) -> Iterator[Event]:
    first = True
    for event in stream:
        if first and event[0] == header.GTID_LIST:
            head += parse_gtid_list(event[3])
            first = False
        yield event


def compare(here: Server, login: Login, there: Server, other: Login, gtids: GtidSet, most: int) -> Compared:
    """Compare what two servers have under the GTIDs of a set that both have executed; the newest of them (MySQL).

    :param most: so many of each server that numbered them.
    :raises ReplicaError: a binlog cannot be read.
    """
    none = GtidSet()
    both = gtids & (here.executed or none) & (there.executed or none)
    kept = both - (here.purged or none) - (there.purged or none)
    chosen = rules.newest(kept, most)
    mine, theirs = read(login, here, chosen), read(other, there, chosen)
    seen = GtidSet.parse(",".join(gtid for gtid in mine if gtid in theirs))
    return Compared(seen, both - seen, rules.differences(mine, theirs))


def described(login: Login, server: Server, gtids: GtidSet, most: int) -> Optional[Dict[str, Content]]:
    """What at most so many transactions do; None when they are more.

    :raises ReplicaError: the binlog cannot be read.
    """
    return read(login, server, gtids) if gtids.count() <= most else None
