# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the newest undo record of a channel, and what the run that wrote it left to do."""

from __future__ import annotations

from typing import Any, Dict, Optional

from .._core import unfinished as rules
from .._core.snapshot import Channel, Server
from . import record as store

# So many records are looked into, the newest first: a killed run is among the last ones.
_MOST = 50


def look(directory: Optional[str], server: Server, channel: Channel) -> Optional[Dict[str, Any]]:
    """What the last run on this channel left to do when it was killed, with its ``record``; None for nothing."""
    for path, record in store.newest(directory, _MOST):
        if rules.is_of(record, server, channel):
            found = rules.unfinished(record, server, channel)
            return None if found is None else {**found, "record": path}
    return None
