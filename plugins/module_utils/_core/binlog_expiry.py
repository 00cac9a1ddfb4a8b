# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which binlog of its source a replica still needs, and when the source may purge it.

Manuals: "binlog_expire_logs_seconds", "expire_logs_days". A file expires so long after it was written to last, which is
when the next one was begun; it goes at the next rotation or start.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Dict, Optional

from .snapshot import Channel, Server

_DAY = 86400
# What a repair surely does not exceed: the time for itself, and the pace of an applier that is behind.
REPAIR_SECONDS = 60
SLOW_BYTES = 2 << 20


@dataclass(frozen=True)
class Needed:
    """The oldest binlog that a replica needs.

    :param expires: seconds since 1970 from which on it may be purged; None for never by itself, or not known.
    :param newest: the source still writes it.
    :param size: bytes from its beginning to the source's end.
    :param now: the source's clock, in seconds since 1970.
    """

    replica: str
    source: str
    file: str
    expires: Optional[int]
    newest: bool
    size: int = 0
    now: Optional[int] = None

    def told(self) -> str:
        """For people."""
        text = "%s needs the binlogs of %s from %s on" % (self.replica, self.source, self.file)
        if self.newest:
            return text + ", which is still written"
        if self.expires is None:
            return text + "; when it is purged is not known, or left to a person"
        return "%s; it may be purged from %s UTC on" % (text, datetime(1970, 1, 1) + timedelta(seconds=self.expires))

    def too_late(self) -> str:
        """Why no repair is begun: it may take more than half of the time that is left; empty when it does not."""
        seconds = REPAIR_SECONDS + self.size // SLOW_BYTES
        if self.expires is None or self.now is None or 2 * seconds <= self.expires - self.now:
            return ""
        left = max(self.expires - self.now, 0)
        return (
            "%s, %d s from now, and a repair with what is behind it may take %d s: let the source keep its binlogs for"
            " longer first (binlog_expire_logs_seconds, expire_logs_days)" % (self.told(), left, seconds)
        )

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        return {"server": self.replica, "source": self.source, "file": self.file, "expires": self.expires}


def oldest(channel: Channel, source: Server) -> Optional[str]:
    """The file of the source that holds what is applied next; None when the source has no file of that name."""
    names = [name for name, _size in source.binlogs]
    if channel.executed is not None and channel.executed.file in names:
        return channel.executed.file
    return None


def size_from(file: str, source: Server) -> int:
    """The bytes of a file and all behind it."""
    names = [name for name, _size in source.binlogs]
    return sum(size for _name, size in source.binlogs[names.index(file) :])


def clock(source: Server) -> Optional[int]:
    """The source's clock in seconds since 1970; None when it was not read."""
    if not source.now:
        return None
    return (datetime.fromisoformat(source.now[:19]) - datetime(1970, 1, 1)) // timedelta(seconds=1)


def after(file: str, source: Server) -> Optional[str]:
    """The file behind one; None for the newest."""
    names = [name for name, _size in source.binlogs]
    place = names.index(file) + 1
    return names[place] if place < len(names) else None


def expires(source: Server, written_until: Optional[int]) -> Optional[int]:
    """From when on a file may be purged; None for never by itself, or not known.

    :param written_until: when it was written to last.
    """
    keep = kept_seconds(source)
    return None if written_until is None or not keep else written_until + keep


def kept_seconds(source: Server) -> int:
    """For how long the source keeps binlogs; 0 when for ever.

    With binlog_expire_logs_auto_purge off MySQL purges none by itself, whatever the times say (manual).
    """
    if source.variable("binlog_expire_logs_auto_purge", "ON").upper() in ("OFF", "0"):
        return 0
    return _seconds(source.variable("binlog_expire_logs_seconds")) or _seconds(
        source.variable("expire_logs_days"), _DAY
    )


def _seconds(value: str, unit: int = 1) -> int:
    try:
        return int(float(value) * unit)
    except ValueError:
        return 0
