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


@dataclass(frozen=True)
class Needed:
    """The oldest binlog that a replica needs.

    :param expires: seconds since 1970 from which on it may be purged; None for never by itself, or not known.
    :param newest: the source still writes it.
    """

    replica: str
    source: str
    file: str
    expires: Optional[int]
    newest: bool

    def told(self) -> str:
        """For people."""
        text = "%s needs the binlogs of %s from %s on" % (self.replica, self.source, self.file)
        if self.newest:
            return text + ", which is still written"
        if self.expires is None:
            return text + "; when it is purged is not known, or left to a person"
        return "%s; it may be purged from %s UTC on" % (text, datetime(1970, 1, 1) + timedelta(seconds=self.expires))

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        return {"server": self.replica, "source": self.source, "file": self.file, "expires": self.expires}


def oldest(channel: Channel, source: Server) -> Optional[str]:
    """The file of the source that holds what is applied next; None when the source has no file of that name."""
    names = [name for name, _size in source.binlogs]
    if channel.executed is not None and channel.executed.file in names:
        return channel.executed.file
    return None


def after(file: str, source: Server) -> Optional[str]:
    """The file behind one; None for the newest."""
    names = [name for name, _size in source.binlogs]
    place = names.index(file) + 1
    return names[place] if place < len(names) else None


def expires(source: Server, written_until: Optional[int]) -> Optional[int]:
    """From when on a file may be purged; None for never by itself, or not known.

    :param written_until: when it was written to last.
    """
    keep = _seconds(source.variable("binlog_expire_logs_seconds")) or _seconds(
        source.variable("expire_logs_days"), _DAY
    )
    return None if written_until is None or not keep else written_until + keep


def _seconds(value: str, unit: int = 1) -> int:
    try:
        return int(float(value) * unit)
    except ValueError:
        return 0
