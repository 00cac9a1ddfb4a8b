# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who wrote a row: the last transaction in the replica's own binlog that changed it, if it made it what it is."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from .._core.binlog import layout as layouts
from .._core.binlog.table_map import TableMap, TableName
from .._core.binlog.transactions import Transaction, transactions
from .._core.errors import ReplicaError
from .._core.row_repair_report import MOST_SHOWN
from .._core.row_repair_rows import Difference, Key, Values
from .._core.snapshot import Coordinates
from . import zstd
from .binlog_stream import BinlogStream
from .change import Target
from .connect import connect
from .row_repair_tables import Tables, side

_MOST_BYTES = 32 << 20
_SECONDS = 3.0
_HEAD = 4

Origin = Dict[str, Any]
Origins = Dict[Tuple[TableName, Key], Origin]


class Tracer:
    """Looks through the newest binlogs of the replica, the newest first, for the last change of some rows.

    ``note`` says how far was looked.
    """

    def __init__(self, aim: Target, tables: Tables, different: Mapping[TableName, Sequence[Difference]]) -> None:
        self.aim, self.tables = aim, tables
        self.wanted: Dict[Tuple[TableName, Key], Optional[Values]] = {
            (name, one.key): one.have for name, some in different.items() for one in some[:MOST_SHOWN]
        }
        self.found: Origins = {}
        self.note = ""
        self._layouts: Dict[Tuple[TableName, bytes], Optional[layouts.TableLayout]] = {}

    def trace(self) -> Origins:
        """The origin of each row that was found: GTID, place, time, server id and thread."""
        server = self.aim.server
        if server.variable("log_bin", "ON").upper() in ("OFF", "0"):
            self.note = "the replica writes no binlog"
            return {}
        names = server.binlogs or ((server.binlog_end.file, 0),) if server.binlog_end else ()
        limit, left = time.monotonic() + _SECONDS, _MOST_BYTES
        for name, size in reversed(names):
            if not self.wanted or (left < size and left < _MOST_BYTES) or time.monotonic() > limit:
                break
            left -= size
            try:
                self._file(name, limit)
            except ReplicaError as error:
                self.note = "the replica's binlog could be read in part only: %s" % error
                break
            self.note = "looked at the replica's binlogs from %s on" % name
        return self.found

    def _file(self, name: str, limit: float) -> None:
        here: Origins = {}
        end = self.aim.server.binlog_end
        start = Coordinates(name, _HEAD)
        stop = end if end is not None and end.file == name else None
        with BinlogStream(connect(self.aim.connection.login), start, stop_at=stop, deadline=limit) as stream:
            for done in transactions(stream, self._layout, decompress=zstd.decompress, file=name):
                if done.file != name:
                    break
                self._take(done, here)
        self.found.update((key, origin) for key, origin in here.items() if origin)
        for key in here:
            del self.wanted[key]

    def _take(self, done: Transaction, here: Origins) -> None:
        for change in done.changes:
            name = self.tables.pair(change.table.schema, change.table.name)
            shape = self.tables.shape(change.table)
            if shape is None:
                continue
            for image in (change.before, change.after):
                key = tuple(image[place] for place in shape.key) if image is not None else ()
                if image is not None and (name, key) in self.wanted:
                    made = change.after if image is change.after else None
                    same = _same(made, self.wanted[(name, key)])
                    here[(name, key)] = _origin(done, change.kind, self.aim.server.server_id) if same else {}

    def _layout(self, table: TableMap) -> Optional[layouts.TableLayout]:
        name = self.tables.pair(table.schema, table.table)
        known = self.tables.known.get(name)
        if known is None or not any(pair == name for pair, _key in self.wanted):
            return None
        at = name, table.type_codes
        if at not in self._layouts:
            columns, key = side(self.aim.connection, *known.name)
            self._layouts[at] = layouts.from_schema(table, columns, key, self.tables.mariadb)
        return self._layouts[at]


def _same(made: Optional[Values], have: Optional[Values]) -> bool:
    """Whether the last change that is logged made the row what it is: a later one may have been kept out of the log."""
    if made is None or have is None:
        return made is None and have is None
    return made[: len(have)] == have


def _origin(done: Transaction, kind: str, own: int) -> Origin:
    return {
        "change": kind,
        "gtid": done.gtid,
        "file": done.file,
        "position": done.first,
        "time": datetime.fromtimestamp(done.timestamp, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "server_id": done.server_id,
        "thread_id": done.thread_id or None,
        "local": done.server_id == own,
    }
