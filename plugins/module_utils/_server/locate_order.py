# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What order the replica's appliers keep, and what of it the source's binlog tells of a stretch."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, Iterator, Optional, Tuple

from .._core.binlog.transactions import Event, transactions
from .._core.locate.order import Clock, Order, clock_of, schemas_of, waits_of
from .._core.locate.track import Track
from .._core.snapshot import GTID, Channel, Server
from . import zstd
from .locate_scan import Reader

# The default of slave_checkpoint_group: workers may be so many transactions apart.
_GROUP = 512

# Nothing limits how far domains are apart.
_ANY = 1 << 40

# Of longer stretches nothing is read: then nothing is known of their order.
_MOST = 200_000

SCHEMA = "schema"
CLOCK = "clock"
DOMAIN = "domain"


def apart(server: Server, channel: Optional[Channel], track: Track) -> int:
    """How far apart transactions may be applied out of order; 0 when commits keep the source's order.

    MariaDB's appliers commit in order within each domain, and without GTIDs in all (manual, parallel replication).
    """
    if channel is None:
        return 0
    if server.flavour.is_mariadb:
        several = channel.mode == GTID and channel.parallel > 0 and len(_domains(track, 1, len(track))) > 1
        return _ANY if several else 0
    if channel.parallel < 2 or any(server.flag(kind + "_preserve_commit_order") for kind in ("replica", "slave")):
        return 0
    found = server.variable("replica_checkpoint_group") or server.variable("slave_checkpoint_group")
    return int(found) if found.isdigit() else _GROUP


def kept(server: Server) -> str:
    """By what the appliers keep an order. MySQL 5.6 has no choice, and 8.4 and later none either, but another one."""
    if server.flavour.is_mariadb:
        return DOMAIN
    kind = server.variable("replica_parallel_type") or server.variable("slave_parallel_type")
    if kind:
        return SCHEMA if kind.upper() == "DATABASE" else CLOCK
    return SCHEMA if server.flavour.version < (5, 7) else CLOCK


def read(reader: Reader, server: Server, track: Track, first: int, last: int) -> Order:
    """What is known of the order of transactions ``first`` to ``last`` of a scan."""
    how = kept(server)
    if how == DOMAIN:
        return Order({time: frozenset((name,)) for time, name in _domains_of(track, first, last)})
    if first > last or last - first > _MOST:
        return Order()
    lanes: Dict[int, FrozenSet[str]] = {}
    clocks: Dict[int, Tuple[str, Clock]] = {}
    seen: Dict[int, Clock] = {}
    start = track.coordinates(first - 1)
    with reader.stream(start, track.coordinates(last)) as stream:
        made = transactions(
            _noting(stream, seen), lambda _table: None, rows=False, decompress=zstd.decompress, file=start.file
        )
        for time, transaction in enumerate(made, first):
            lanes[time] = schemas_of(transaction)
            clock = seen.pop(transaction.first, None)
            if clock is not None:
                clocks[time] = (transaction.file, clock)
    return Order(lanes) if how == SCHEMA else Order(waits=waits_of(clocks))


def _noting(events: Iterable[Event], seen: Dict[int, Clock]) -> Iterator[Event]:
    for event in events:
        clock = clock_of(event[0], event[3])
        if clock is not None:
            seen[event[1]] = clock
        yield event


def _domains(track: Track, first: int, last: int) -> FrozenSet[str]:
    return frozenset(name for _time, name in _domains_of(track, first, last))


def _domains_of(track: Track, first: int, last: int) -> Iterator[Tuple[int, str]]:
    for time in range(first, last + 1):
        gtid = track.gtid(time)
        if gtid:
            yield time, gtid.split("-", 1)[0]
