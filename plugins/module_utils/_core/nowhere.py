# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a channel points while its replica is built anew: a binlog that stands for nothing."""

from __future__ import annotations

from .snapshot import Channel, Coordinates

# No server has a binlog of that name: a channel that points there stops with error 1236.
NOWHERE = Coordinates("rebuild-unfinished.000001", 4)


def is_unfinished(channel: Channel) -> bool:
    """Whether the channel points where only a rebuild that has not ended lets it point."""
    return any(point is not None and point.file == NOWHERE.file for point in (channel.read, channel.executed))
