# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction that is being read from a binlog."""

from __future__ import annotations

import struct
from typing import Dict, List, Optional, Tuple

from .header import broken
from .query import Context, QueryEvent
from .rows import RowChange
from .table_map import TableName
from .transaction import UNFINISHED, Transaction

# Time and server id of an event's header.
_unpack_origin = struct.Struct("<IxI").unpack_from


class Group:
    """Collects what belongs to one transaction, from `begin` to `finish`."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.open = False
        self.begun = self.alone = False
        self._first = self._timestamp = self._server_id = self.thread = 0
        self._gtid = self.lossy = ""
        self.tables: Dict[TableName, None] = {}
        self.changes: List[RowChange] = []
        self.statements: List[QueryEvent] = []
        self.undecoded: Dict[TableName, None] = {}
        self.context: Tuple[Context, ...] = ()

    def begin(self, start: int, data: bytes, gtid: str = "") -> Optional[Transaction]:
        """A new transaction begins with this event; the one before, if it has not ended."""
        unfinished = self.flush(start) if self.open else None
        # What was handed out is not used again; the rest is empty in nearly all transactions.
        self._timestamp, self._server_id = _unpack_origin(data)
        self._first, self._gtid, self.lossy, self.thread = start, gtid, "", 0
        self.begun = self.alone = False
        self.tables, self.changes, self.context = {}, [], ()
        if self.statements:
            self.statements = []
        if self.undecoded:
            self.undecoded = {}
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
