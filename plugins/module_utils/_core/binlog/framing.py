# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts events together to transactions. One `Framer` reads one stream, an event at a time."""

from __future__ import annotations

import struct
from typing import Callable, Dict, Optional

from . import gtids, header, query
from .format import parse_format, parse_rotate
from .group import Group
from .header import BODY, HEADER, IGNORABLE_FLAG, broken
from .mapped import LayoutFor, Mapped
from .payload import Decompress, inner_events
from .rows import STATEMENT_END
from .transaction import COMMIT, DDL, INCIDENT, ROLLBACK, XA, XID, Transaction

Handler = Callable[[int, int, bytes], Optional[Transaction]]

# Some servers end a statement with an event of this table, which does not exist.
_NO_TABLE = frozenset((0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFF))

_SKIPPED = frozenset(
    (header.STOP, header.HEARTBEAT, header.HEARTBEAT_V2, header.PREVIOUS_GTIDS, header.GTID_LIST, header.IGNORABLE)
    + (header.ROWS_QUERY, header.ANNOTATE_ROWS, header.BINLOG_CHECKPOINT, header.START_ENCRYPTION)
    + (header.TRANSACTION_CONTEXT, header.VIEW_CHANGE)
)
_LOADS = frozenset(
    (header.LOAD, header.NEW_LOAD, header.CREATE_FILE, header.EXEC_LOAD, header.APPEND_BLOCK)
    + (header.BEGIN_LOAD_QUERY, header.DELETE_FILE)
)

_BEGIN = b"\0BEGIN"
_LOAD = "it holds LOAD DATA, whose file the binlog carries in pieces"
SEPARATE = "it is one part of an XA transaction, whose other part stands elsewhere"


class Framer(Group):
    """The transaction that is being read, and what the events of a file refer to.

    :param layout_for: the columns of a table, None when they are not known (yet: it is asked again).
    :param rows: decode the rows; else only find transactions, statements and tables.
    :param decompress: for compressed transactions; without it they stay closed, and their ``lossy`` says so.
    :param file: the binlog file, for events that no rotate event goes before.
    """

    def __init__(self, layout_for: LayoutFor, rows: bool, decompress: Optional[Decompress], file: str) -> None:
        super().__init__(file)
        self.decompress, self.rows = decompress, rows
        self.mapped = Mapped(layout_for, rows)
        self.handlers: Dict[int, Handler] = self._handlers()

    def _handlers(self) -> Dict[int, Handler]:
        made: Dict[int, Handler] = dict.fromkeys(_SKIPPED, self._skip)
        made.update(dict.fromkeys(_LOADS, self._load))
        made.update(dict.fromkeys(header.ROWS, self._skip_rows))
        if self.rows:
            made.update({kind: self._rows_of(kind) for kind in header.ROWS})
        made.update(
            {
                header.FORMAT_DESCRIPTION: self._format,
                header.ROTATE: self._rotate,
                header.GTID: lambda start, _end, data: self.begin(start, data, gtids.parse_gtid(data)),
                header.ANONYMOUS_GTID: lambda start, _end, data: self.begin(start, data),
                header.GTID_TAGGED: lambda start, _end, data: self.begin(start, data, gtids.parse_tagged_gtid(data)),
                header.MARIADB_GTID: self._mariadb_gtid,
                header.QUERY: self._plain_query,
                header.QUERY_COMPRESSED: lambda start, end, data: self._query(
                    start, end, data, query.statement_bytes(data, compressed=True)
                ),
                header.EXECUTE_LOAD_QUERY: self._execute_load,
                header.INTVAR: lambda start, _end, data: self._before_statement(start, data, query.parse_intvar(data)),
                header.RAND: lambda start, _end, data: self._before_statement(start, data, query.parse_rand(data)),
                header.USER_VAR: lambda start, _end, data: self._before_statement(
                    start, data, query.parse_user_var(data)
                ),
                header.TABLE_MAP: self._table_map,
                header.XID: self._xid,
                header.XA_PREPARE: self._xa_prepare,
                header.INCIDENT: self._incident,
                header.TRANSACTION_PAYLOAD: self._payload,
            }
        )
        return made

    def other(self, kind: int, data: bytes) -> None:
        """An event of a type without a handler: passed over when its writer allows that.

        :raises BinlogError: its writer does not.
        """
        if not header.parse_header(data).flags & IGNORABLE_FLAG:
            raise broken("an event has the unknown type %d" % kind)

    # -- files

    def _format(self, _start: int, _end: int, data: bytes) -> None:
        self.mapped.begin(parse_format(data))
        # A transaction without an end was never committed: the server died while it wrote it.
        self.open = False

    def _rotate(self, _start: int, _end: int, data: bytes) -> None:
        self.open = False
        self.file = parse_rotate(data).file

    def _skip(self, _start: int, _end: int, _data: bytes) -> None:
        return None

    # -- beginnings, endings and statements

    def _mariadb_gtid(self, start: int, _end: int, data: bytes) -> Optional[Transaction]:
        event = gtids.parse_mariadb_gtid(data, HEADER.unpack_from(data)[2])
        unfinished = self.begin(start, data, event.gtid)
        self.alone = bool(event.flags & gtids.STANDALONE)
        self.begun = not self.alone
        self.thread = event.thread_id
        if event.flags & (gtids.PREPARED_XA | gtids.COMPLETED_XA):
            self.loses(SEPARATE)
        if event.more_flags & (gtids.START_ALTER | gtids.ROLLBACK_ALTER):
            self.loses("it is the beginning or the undoing of an ALTER that is logged in two phases")
        return unfinished

    def _plain_query(self, start: int, end: int, data: bytes) -> Optional[Transaction]:
        if data.endswith(_BEGIN) and self.open and not self.begun and not self.alone and query.is_begin(data):
            self.begun = True
            self.thread = int.from_bytes(data[BODY : BODY + 4], "little")
            return None
        return self._query(start, end, data, query.statement_bytes(data))

    def _query(self, start: int, end: int, data: bytes, text: bytes) -> Optional[Transaction]:
        if text == b"BEGIN":
            return self._query_begin(start, data)
        if not self.open:
            self.begin(start, data)
        if not self.begun:
            return self._statement_alone(start, end, data, text)
        word = text[:12].upper() if text[:1] in b"CRSXcrsx" else b""
        if word == b"COMMIT":
            return self.finish(COMMIT, end)
        if word == b"ROLLBACK":
            return self._rolled_back(end)
        if word.startswith((b"SAVEPOINT", b"XA ")):
            return None
        if word.startswith(b"ROLLBACK TO"):
            # Changes of tables without transactions stay, the others go; the log does not say which are which.
            self.loses("it is rolled back in part (ROLLBACK TO SAVEPOINT)")
            return None
        self.statements.append(self._parsed(start, end, data, text))
        return None

    def _query_begin(self, start: int, data: bytes) -> Optional[Transaction]:
        unfinished = self.begin(start, data) if not self.open or self.begun or self.alone else None
        self.begun = True
        self.thread = int.from_bytes(data[BODY : BODY + 4], "little")
        return unfinished

    def _statement_alone(self, start: int, end: int, data: bytes, text: bytes) -> Optional[Transaction]:
        event = self._parsed(start, end, data, text)
        self.thread = event.thread_id
        if text[:3].upper() != b"XA ":
            self.statements.append(event)
            return self.finish(DDL, end)
        self.loses(SEPARATE)
        if text[3:8].upper() in (b"START", b"BEGIN"):
            self.begun = True
            return None
        self.statements.append(event)
        return self.finish(XA, end)

    def _parsed(self, start: int, end: int, data: bytes, text: bytes) -> query.QueryEvent:
        context, self.context = self.context, ()
        return query.parse_query(data, start, end, text, context)

    def _rolled_back(self, end: int) -> Transaction:
        if self.tables or self.statements:
            self.loses("it is rolled back at its end, which undoes all but the tables without transactions")
        return self.finish(ROLLBACK, end)

    def _xid(self, _start: int, end: int, _data: bytes) -> Transaction:
        if not self.open:
            self.must_be_open()
        return self.finish(XID, end)

    def _xa_prepare(self, _start: int, end: int, data: bytes) -> Transaction:
        self.must_be_open()
        if data[BODY]:  # prepared and committed in one
            self.lossy = "" if self.lossy == SEPARATE else self.lossy
            return self.finish(XID, end)
        self.loses(SEPARATE)
        return self.finish(XA, end)._replace(xid=_xid(data))

    def _incident(self, start: int, end: int, data: bytes) -> Transaction:
        if not self.open:
            self.begin(start, data)
        message = data[BODY + 3 :].decode("utf-8", "backslashreplace")
        self.loses("the server lost events that belong here (incident: %s)" % (message or "no details"))
        return self.finish(INCIDENT, end)

    # -- what stands beside statements

    def _before_statement(self, start: int, data: bytes, value: query.Context) -> None:
        if not self.open:
            self.begin(start, data)
        self.context += (value,)

    def _load(self, start: int, _end: int, data: bytes) -> None:
        if not self.open:
            self.begin(start, data)
        self.loses(_LOAD)

    def _execute_load(self, start: int, end: int, data: bytes) -> Optional[Transaction]:
        self._load(start, end, data)
        text = query.load_statement_bytes(data)
        context, self.context = self.context, ()
        self.statements.append(query.parse_query(data, start, end, text, context, query.LOAD_EXTRA))
        return None if self.begun else self.finish(DDL, end)

    # -- rows

    def _table_map(self, _start: int, _end: int, data: bytes) -> None:
        if not self.open:
            self.must_be_open()
        self.tables[self.mapped.table(data, BODY, len(data))[0]] = None

    def _rows_of(self, kind: int) -> Handler:
        """The handler of rows events of a type."""

        def handle(_start: int, end: int, data: bytes) -> Optional[Transaction]:
            if not self.open:
                self.must_be_open()
            known = self.mapped.by_id.get(data[BODY : self.mapped.id_end])
            if known is None:
                self._no_table(data)
            elif known[1] is None:
                self.undecoded[known[0]] = None
            else:
                self.changes += known[1].decode(kind, data)
            return self._rows_alone(end, data) if self.alone else None

        return handle

    def _skip_rows(self, _start: int, end: int, data: bytes) -> Optional[Transaction]:
        if not self.open:
            self.must_be_open()
        return self._rows_alone(end, data) if self.alone else None

    def _rows_alone(self, end: int, data: bytes) -> Optional[Transaction]:
        return self.finish(COMMIT, end) if data[self.mapped.id_end] & STATEMENT_END else None

    def _no_table(self, data: bytes) -> None:
        number = int.from_bytes(data[BODY : self.mapped.id_end], "little")
        if number not in _NO_TABLE:
            raise broken("a rows event is about the table number %d, which no event before it describes" % number)

    def _payload(self, start: int, end: int, data: bytes) -> Optional[Transaction]:
        self.must_be_open()
        if self.decompress is None:
            self.loses("it is compressed")
            return self.finish(XID, end)
        for kind, inner in inner_events(data, self.decompress):
            handler = self.handlers.get(kind)
            if handler is None or kind in (header.FORMAT_DESCRIPTION, header.ROTATE, header.TRANSACTION_PAYLOAD):
                raise broken("an event of type %d stands in a compressed transaction" % kind)
            done = handler(start, end, inner)
            if done is not None:
                return done
        raise broken("a compressed transaction does not end")


def _xid(data: bytes) -> str:
    """The transaction's name in an event that prepares it. Measured on MySQL 9.7, MariaDB 10.11 and 11.8."""
    kind, first, second = struct.unpack_from("<iii", data, BODY + 1)
    name = data[BODY + 13 : BODY + 13 + first + second]
    return "X'%s',X'%s',%d" % (name[:first].hex(), name[first:].hex(), kind)
