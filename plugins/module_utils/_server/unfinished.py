# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What earlier runs left to do on a channel, by their undo records: the newest one, and tables to be made equal."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, Sequence, Set, Tuple

from .._core import unfinished as rules
from .._core.snapshot import Channel, Server
from . import record as store

# So many records are looked into, the newest first: a killed run is among the last ones.
_MOST = 50


def look(directory: Optional[str], server: Server, channel: Channel) -> Optional[Dict[str, Any]]:
    """What the last run on this channel left to do when it was killed, with its ``record``; None for nothing."""
    for path, record in of_channel(directory, server, channel):
        found = rules.unfinished(record, server, channel)
        return None if found is None else {**found, "record": path}
    return None


def look_at_all(
    directory: Optional[str], server: Server, channel: Channel
) -> Tuple[Optional[Dict[str, Any]], Tuple[str, ...]]:
    """As `look`, and the tables whose rows earlier runs left different and nobody has made equal since.

    :returns: the tables as ``schema.table``; each record is read once, as those with many rows are large.
    """
    found: Optional[Dict[str, Any]] = None
    tables: Set[str] = set()
    for number, (path, record) in enumerate(of_channel(directory, server, channel)):
        told = rules.unfinished(record, server, channel) if number == 0 else None
        found = found if told is None else {**told, "record": path}
        tables.update(rules.owed(record, server, channel))
    return found, tuple(sorted(tables))


def of_channel(
    directory: Optional[str], server: Server, channel: Channel, module: str = ""
) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """The records of a channel with their paths, the newest first.

    :param module: those of this module alone; of every one without.
    """
    return (item for item in store.newest(directory, _MOST, module) if rules.is_of(item[1], server, channel))


def settle(directory: Optional[str], server: Server, channel: Channel, tables: Sequence[str]) -> None:
    """Take tables that are equal now off the records that owe them.

    :raises ReplicaError: a record cannot be written.
    """
    for path, record in of_channel(directory, server, channel):
        if set(tables).intersection(rules.owed(record, server, channel)):
            store.replace(path, rules.paid(record, tables))
