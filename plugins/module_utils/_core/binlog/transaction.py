# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transaction of a binlog is to everybody who reads one."""

from __future__ import annotations

from typing import NamedTuple, Tuple

from ..snapshot import Coordinates
from .query import QueryEvent
from .rows import RowChange
from .table_map import TableName

# How a transaction ends.
XID = "xid"
COMMIT = "commit"
DDL = "ddl"
XA = "xa"
ROLLBACK = "rollback"
INCIDENT = "incident"
UNFINISHED = "unfinished"


class Transaction(NamedTuple):
    """One transaction, or one statement that stands alone.

    :param file: the binlog file, the same for its first and its last event.
    :param first: offset of its first event (the GTID event where there is one).
    :param last: offset behind its last event: a replica that has executed it is at this position.
    :param gtid: ``uuid:5``, ``uuid:tag:5``, ``0-1-5``, or '' without one.
    :param ending: XID, COMMIT; DDL for any statement that stands alone; XA for a prepared transaction and for the
        statement that commits or rolls one back; ROLLBACK; INCIDENT; UNFINISHED when the next begins before its end.
    :param timestamp: seconds since 1970, of its first event.
    :param server_id: of the server that executed it first.
    :param thread_id: of the connection that executed it there; 0 where the binlog does not say (MariaDB before 11.5).
    :param tables: the tables that its row events are about, in the order of their appearance.
    :param changes: its rows, in order; empty when only transactions were asked for.
    :param statements: everything it holds as text but BEGIN, COMMIT and SAVEPOINT.
    :param undecoded: tables whose rows were left out, as their columns are not known.
    :param lossy: why ``changes`` and ``statements`` do not tell all that it does; '' when they do.
    :param xid: of a prepared XA transaction, as the statement that decides it spells it: ``X'78',X'',1``.
    """

    file: str
    first: int
    last: int
    gtid: str
    ending: str
    timestamp: int
    server_id: int
    thread_id: int
    tables: Tuple[TableName, ...] = ()
    changes: Tuple[RowChange, ...] = ()
    statements: Tuple[QueryEvent, ...] = ()
    undecoded: Tuple[TableName, ...] = ()
    lossy: str = ""
    xid: str = ""

    @property
    def start(self) -> Coordinates:
        """Where its first event begins: a replica at this position has not executed it."""
        return Coordinates(self.file, self.first)

    @property
    def end(self) -> Coordinates:
        """Where its last event ends: a replica at this position has executed it."""
        return Coordinates(self.file, self.last)
