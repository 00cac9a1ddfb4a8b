# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hard way to make a GTID set exact: the binlogs go, and what is to be left is set anew. When it is refused.

The server takes RESET while channels run and while others read its binlog (measured on MySQL 9.7), so nothing but
these checks stands between it and a broken topology.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

from . import refetch
from .errors import RefusedError
from .gtid_mysql import GtidSet, describe
from .gtid_repair import RESET, attempt
from .gtid_repair_around import Around, below
from .permit import check_temporary_tables
from .snapshot import GTID, POSITION, STOPPED, Channel, Server


def check(server: Server, channel: Channel, wanted: GtidSet, around: Around, again: bool = False) -> None:
    """Refuse a reset that would break others or this server.

    :param wanted: the set that is to be left.
    :param again: what is executed and not in it is meant to come from the source again.
    :raises RefusedError: somebody reads its binlog or replicates from it, also in a ring; it has several channels;
        temporary tables are open; or the source could not send what is not in the set.
    """
    what = attempt(RESET)
    check_temporary_tables(server, what)
    check_readers(server, around)
    if not again:
        check_still(server, channel, wanted, around)
    if len(server.channels) > 1:
        names = ", ".join("'%s'" % other.name for other in server.channels)
        raise RefusedError(
            what, server.address, "it has several channels (%s), all of which would begin anew" % names,
            "Reset it by hand with every channel stopped, or build the replica anew.",
        )  # fmt: skip
    if not channel.source_host or (again and channel.mode == POSITION):
        return  # by coordinates it comes from where these are set to
    after = replace(channel, retrieved=GtidSet()) if channel.mode == GTID else channel
    found = refetch.evidence(replace(server, executed=wanted), after, around.source, around.oldest)
    if not found.proven:
        raise RefusedError(
            what, server.address, "; ".join(found.lost) or found.unknown,
            "Afterwards the source must be able to send everything that is not in gtids.",
            {"loses": list(found.lost), "unknown": found.unknown},
        )  # fmt: skip


def is_done(server: Server, wanted: GtidSet, around: Around) -> bool:
    """Whether the history begins at the set already, and all that was executed since is the source's."""
    executed = server.executed or GtidSet()
    if executed == wanted:
        return True
    source = around.source.server if around.source is not None else None
    known = source.executed if source is not None else None
    return server.purged == wanted and known is not None and known.contains(executed - wanted)


def check_readers(server: Server, around: Around) -> None:
    """Refuse while anybody needs this server's binlogs.

    :raises RefusedError: with their names.
    """
    readers = below(server, around)
    if readers:
        raise RefusedError(
            attempt(RESET), server.address, "its binlogs are read by %s, and they would be gone" % ", ".join(readers),
            "Use method inject or append, or let those replicate from elsewhere first.",
            {"replicas_below": list(readers)},
        )  # fmt: skip


def check_still(server: Server, channel: Channel, wanted: GtidSet, around: Around) -> None:
    """Refuse while the set may still grow: what is applied and not in the new set is applied again.

    :raises RefusedError: the applier runs, and has applied what the source has and the set has not.
    """
    source = around.source.server if around.source is not None else None
    repeated = ((server.executed or GtidSet()) - wanted) & ((source.executed if source else None) or GtidSet())
    if repeated and channel.applier != STOPPED:
        raise RefusedError(
            attempt(RESET), server.address,
            "%s is applied here and not in gtids, so the source would send it again" % describe(repeated),
            "Stop the applier first (replica_channel), then name exactly what is to be left.",
            {"repeated": str(repeated)},
        )  # fmt: skip


def check_unmoved(before: GtidSet, now: Server) -> None:
    """Refuse when something was executed since the set was decided on.

    :raises RefusedError: it would be applied again, or be lost from the history.
    """
    more = (now.executed or GtidSet()) - before
    if more:
        raise RefusedError(
            attempt(RESET), now.address, "%s was executed while the reset was on its way" % describe(more),
            "Stop what writes there, and the applier, and name exactly what is to be left.", {"more": str(more)},
        )  # fmt: skip


def check_position(server: Server, channel: Channel, around: Around) -> None:
    """MariaDB: refuse a position from which the source cannot send.

    :param server: as it will be.
    :raises RefusedError: it cannot, or that is not known.
    """
    found = refetch.evidence(server, replace(channel, io_position=None), around.source, around.oldest)
    if channel.mode == GTID and not found.proven:
        raise RefusedError(
            attempt(RESET), server.address, "; ".join(found.lost) or found.unknown, "Correct gtids.",
            {"loses": list(found.lost), "unknown": found.unknown},
        )  # fmt: skip


def loses(server: Server, wanted: GtidSet) -> Tuple[str, ...]:
    """What is gone afterwards, a sentence each."""
    gone = (server.executed or GtidSet()) - wanted
    told = ["the binlogs of %s" % server.address]
    if gone:
        told.append("that %s was executed here: it may be applied again" % describe(gone))
    return tuple(told)


def strays(server: Server, around: Around) -> bool:
    """MariaDB: whether the server's binlog holds what its source does not have, which only a reset takes away."""
    source = around.source.server if around.source is not None else None
    state = source.binlog_state if source is not None else None
    mine = server.binlog_state.gtids if server.binlog_state is not None else ()
    return state is not None and any(state.contains(gtid) is False for gtid in mine)
