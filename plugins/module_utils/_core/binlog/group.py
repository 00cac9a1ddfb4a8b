# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction that is being read from a binlog."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from .header import HEADER, broken
from .query import Context, QueryEvent
from .rows import RowChange
from .table_map import TableName
from .transaction import UNFINISHED, Transaction


class Group:
    """Collects what belongs to one transaction, from `begin` to `finish`."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.open = False
        self.begun = self.alone = False
        self._reset(0, 0, 0, "")

    def _reset(self, start: int, timestamp: int, server_id: int, gtid: str) -> None:
        self._first, self._timestamp, self._server_id, self._gtid = start, timestamp, server_id, gtid
        self.begun = self.alone = False
        self.thread = 0
        self.tables: Dict[TableName, None] = {}
        self.changes: List[RowChange] = []
        self.statements: List[QueryEvent] = []
        self.undecoded: Dict[TableName, None] = {}
        self.context: Tuple[Context, ...] = ()
        self.lossy = ""

    def begin(self, start: int, data: bytes, gtid: str = "") -> Optional[Transaction]:
        """A new transaction begins with this event; the one before, if it has not ended."""
        unfinished = self.flush(start) if self.open else None
        timestamp, _type, server_id, _size, _end, _flags = HEADER.unpack_from(data)
        self._reset(start, timestamp, server_id, gtid)
        self.open = True
        return unfinished

    def finish(self, ending: str, end: int) -> Transaction:
        """The open transaction ends at this offset."""
        self.open = False
        fields = (
            self.file,
            self._first,
            end,
            self._gtid,
            ending,
            self._timestamp,
            self._server_id,
            self.thread,
            tuple(self.tables),
            tuple(self.changes),
            tuple(self.statements) if self.statements else (),
            tuple(self.undecoded) if self.undecoded else (),
            self.lossy,
            "",
        )
        # What the NamedTuple's own constructor does, without a call in between.
        return tuple.__new__(Transaction, fields)

    def flush(self, end: int) -> Optional[Transaction]:
        """The transaction that is open although another one begins at ``end``."""
        if not self.open:
            return None
        self.lossy = self.lossy or "the binlog goes on with another transaction before the end of this one"
        return self.finish(UNFINISHED, end)

    def must_be_open(self) -> None:
        """Raises BinlogError when no transaction is open."""
        if not self.open:
            raise broken("there are rows or an end of a transaction that has not begun: no transaction begins here")

    def loses(self, why: str) -> None:
        """Note that the transaction does more than its rows and statements tell."""
        self.lossy = self.lossy or why
