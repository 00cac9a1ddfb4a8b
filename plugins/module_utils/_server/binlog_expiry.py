# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Until when a source keeps the oldest binlog that a replica still needs."""

from __future__ import annotations

from typing import Optional

from .._core import binlog_expiry as rules
from .._core.binlog import header
from .._core.binlog_expiry import Needed
from .._core.errors import ReplicaError
from .._core.snapshot import Channel, Coordinates, Server
from .binlog_stream import BinlogStream
from .connect import Login, connect

_HEAD = 4


def needed(replica: str, channel: Channel, name: str, source: Server, login: Login) -> Optional[Needed]:
    """The oldest binlog of the source that a channel needs, and when it may be purged; None where nothing tells.

    :param replica: what to call the replica, and ``name`` the source.
    """
    file = rules.oldest(channel, source)
    if file is None:
        return None
    following = rules.after(file, source)
    written_until = begun(login, following) if following else None
    expires = rules.expires(source, written_until)
    size, clock = rules.size_from(file, source), rules.clock(source)
    return Needed(replica, name, file, expires, following is None, size, clock)


def begun(login: Login, file: str) -> Optional[int]:
    """When a binlog was begun, in seconds since 1970: then the one before it was written last."""
    try:
        with BinlogStream(connect(login), Coordinates(file, _HEAD)) as stream:
            for kind, _start, _end, data in stream:
                if kind == header.FORMAT_DESCRIPTION:
                    return header.parse_header(data).timestamp or None
    except ReplicaError:
        return None
    return None
