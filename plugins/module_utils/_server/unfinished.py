# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What earlier runs left to do on a channel, by their undo records: the newest one, and tables to be made equal."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple

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


def owed(directory: Optional[str], server: Server, channel: Channel) -> Tuple[str, ...]:
    """The tables whose rows earlier runs left different and nobody has made equal since, as ``schema.table``."""
    found = [rules.owed(record, server, channel) for _path, record in store.newest(directory, _MOST)]
    return tuple(sorted({table for tables in found for table in tables}))


def settle(directory: Optional[str], server: Server, channel: Channel, tables: Sequence[str]) -> None:
    """Take tables that are equal now off the records that owe them.

    :raises ReplicaError: a record cannot be written.
    """
    for path, record in store.newest(directory, _MOST):
        if set(tables).intersection(rules.owed(record, server, channel)):
            store.replace(path, rules.paid(record, tables))
