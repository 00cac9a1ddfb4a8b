# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Binlogs in a directory: which files they are, in which order, and which transactions their events belong to."""

from __future__ import annotations

import re
from typing import Iterable, List, Optional

from . import header
from .gtids import parse_gtid, parse_mariadb_gtid, parse_tagged_gtid
from .header import ARTIFICIAL_FLAG, HEADER
from .transactions import Event

# These belong to a file, not to a transaction.
HEADS = frozenset(
    (header.ROTATE, header.STOP, header.FORMAT_DESCRIPTION, header.PREVIOUS_GTIDS, header.GTID_LIST,
     header.BINLOG_CHECKPOINT)
)  # fmt: skip
_NAME = re.compile(r"^(?P<base>.+)\.(?P<number>\d{6,})$")


def in_order(names: Iterable[str]) -> List[str]:
    """The binlogs among the names of a directory, oldest first; what is not called like one is left out.

    :raises ValueError: there are none, or those of several servers.
    """
    found = [match for match in map(_NAME.match, names) if match is not None]
    bases = sorted({match.group("base") for match in found})
    if not found:
        raise ValueError("holds no binlogs (files whose names end in a number of six digits)")
    if len(bases) > 1:
        raise ValueError("holds binlogs of different names (%s)" % ", ".join(bases[:5]))
    return [match.group(0) for match in sorted(found, key=lambda match: int(match.group("number")))]


def gtid_of(event: Event) -> Optional[str]:
    """The GTID of the transaction that an event begins; '' where it has none; None where it begins none."""
    kind, _start, _end, data = event
    if kind == header.GTID:
        return parse_gtid(data)
    if kind == header.GTID_TAGGED:
        return parse_tagged_gtid(data)
    if kind == header.MARIADB_GTID:
        return parse_mariadb_gtid(data, header.parse_header(data).server_id).gtid
    return "" if kind == header.ANONYMOUS_GTID else None


def rotate_to(name: str) -> bytes:
    """What a server sends before the first event of a file: an event that names it."""
    body = (4).to_bytes(8, "little") + name.encode("utf-8", "backslashreplace")
    return HEADER.pack(0, header.ROTATE, 0, HEADER.size + len(body), 0, ARTIFICIAL_FLAG) + body
