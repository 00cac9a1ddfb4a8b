# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binlog files that real servers wrote, as events (``tests/integration/binlog_scenario.py`` makes them)."""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import layout, runs
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import column_decoder, described
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.format import parse_format
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.header import FORMAT_DESCRIPTION, HEADER
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import (
    Event,
    Transaction,
    transactions,
)

FOLDER = Path(__file__).resolve().parent / "fixtures" / "binlog"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.binlog")))
FILE = "binlog.000002"
MAGIC = b"\xfebin"


def event(kind: int, body: bytes, flags: int = 0, start: int = 4, timestamp: int = 1, server_id: int = 1) -> Event:
    """An event of our own making, without checksum."""
    end = start + HEADER.size + len(body)
    return kind, start, end, HEADER.pack(timestamp, kind, server_id, end - start, end, flags) + body


def cut(content: bytes) -> List[Event]:
    """The events of a binlog file."""
    assert content[:4] == MAGIC
    found: List[Event] = []
    pos, checksum = 4, 0
    while pos < len(content):
        _time, kind, _server, size, _end, _flags = HEADER.unpack_from(content, pos)
        data = content[pos : pos + size]
        if kind == FORMAT_DESCRIPTION:
            checksum = 4 if parse_format(data).checksum else 0
        elif checksum:
            data = data[:-checksum]
        found.append((kind, pos, pos + size, data))
        pos += size
    return found


@lru_cache
def events(name: str) -> Tuple[Event, ...]:
    """The events of a fixture."""
    return tuple(cut((FOLDER / (name + ".binlog")).read_bytes()))


def shown(name: str) -> List[Tuple[int, int, str]]:
    """What the server itself said of a fixture's file: offset, end and type of each event."""
    rows = json.loads((FOLDER / (name + ".json")).read_text(encoding="utf-8"))
    # MariaDB 11.8 shows 0 as the end of some events; they end where the next one begins.
    ends = [row[0] for row in rows[1:]] + [0]
    # MySQL shows the events inside a compressed transaction, too, at its end.
    return [(start, end or after, kind) for (start, end, kind), after in zip(rows, ends) if start != end]


class Bare(NamedTuple):
    """A layout of which nothing but the table map is known."""

    columns: Sequence[Any]
    decoders: Sequence[Any]
    fields: Optional[Sequence[Any]] = None


def layout_for(table: TableMap) -> Any:
    """The layout that the table map's own metadata gives, else a bare one."""
    known = layout.from_metadata(table, {})
    if known is not None:
        return known
    pairs = list(zip(table.type_codes, table.metadata))
    columns = [described("c%d" % number, code, meta, False) for number, (code, meta) in enumerate(pairs)]
    decoders = [column_decoder(code, meta, column) for (code, meta), column in zip(pairs, columns)]
    return Bare(columns, decoders, runs.fields_of(table, columns, decoders))


def saved_payload(name: str) -> Callable[[bytes, int], bytes]:
    """In place of zstd, which not every Python has: the content of the only compressed transaction of a fixture."""
    path = FOLDER / (name + ".payload")
    return lambda data, size: path.read_bytes()[:size] if path.exists() else b""


def decoded(name: str, rows: bool = True, given: Optional[Sequence[Event]] = None) -> List[Transaction]:
    """The transactions of a fixture, or of events of one."""
    found = events(name) if given is None else given
    return list(transactions(found, layout_for, rows=rows, decompress=saved_payload(name), file=FILE))


def u64(*numbers: int) -> bytes:
    """Numbers of 8 bytes each."""
    return struct.pack("<%dQ" % len(numbers), *numbers)
