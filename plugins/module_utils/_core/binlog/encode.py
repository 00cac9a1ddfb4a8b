# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds what the server's own BINLOG statement takes: a format description, a table map, rows events.

The statement applies row events exactly as a replica does, over a plain client connection. Source: reference manuals of
both engines, "BINLOG Statement" and "Binary log event structure"; measured on MySQL 5.6 and 9.7, MariaDB 10.11 and
11.8: the server finds a row to be deleted by its primary key only; a table map and its rows events must stand in one
statement, else nothing happens and success is reported.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Sequence, Tuple

from ..errors import RefusedError
from ..statement import Statement, qualified
from .format import FormatDescription, parse_format
from .header import BODY, CHECKSUM_SIZE, HEADER, TABLE_MAP, WRITE_ROWS
from .row_bytes import Parts
from .rows import STATEMENT_END
from .table_map import _METADATA_SIZE, TableMap, table_id_size

NO_FOREIGN_KEY_CHECKS = 2

WRITE = "write"
UPDATE = "update"
DELETE = "delete"

_TYPES_V1 = {WRITE: 23, UPDATE: 24, DELETE: 25}
_TYPES_V2 = {WRITE: 30, UPDATE: 31, DELETE: 32}
_NO_EXTRA = (2).to_bytes(2, "little")
# The type of the optional metadata that holds the sizes of vectors.
_DIMENSIONS = 13
# Of one rows event; several fit into a statement's limit, and a rolled back piece is small.
_MOST_BYTES = 1 << 20
# What the statement's words, the driver and the server put around it.
_AROUND = 4096


@dataclass(frozen=True)
class RowEvents(Statement):
    """A BINLOG statement.

    :param shown: what people see of it: it holds the contents of rows.
    """

    shown: str = ""

    def display(self) -> str:
        """The statement without the contents of rows."""
        return self.shown


@dataclass(frozen=True)
class Form:
    """How the events are written.

    :param event: the format description, with its checksum, which this event always has.
    :param description: what it says.
    """

    event: bytes
    description: FormatDescription


def form_of(event: bytes) -> Form:
    """The form of events without checksums, from a format description as a server streams it.

    :param event: whole, with its own checksum bytes.
    :raises BinlogError: it is none.
    """
    parse_format(event)
    body = event[: -1 - CHECKSUM_SIZE] + b"\0"
    changed = body + zlib.crc32(body).to_bytes(CHECKSUM_SIZE, "little")
    return Form(changed, parse_format(changed))


def format_statement(form: Form) -> RowEvents:
    """The statement that goes before all others of a session."""
    return _statement([form.event], "BINLOG '...' /* format description */", "tell the server the form of row events")


def table_map_event(table: TableMap, form: Form, server_id: int, table_id: int = 1) -> bytes:
    """A table map of these columns. Of the optional metadata the applier needs the sizes of vectors (MySQL 9.7)."""
    metadata = b"".join(
        meta.to_bytes(_METADATA_SIZE.get(code, 0), "little") for code, meta in zip(table.type_codes, table.metadata)
    )
    body = table_id.to_bytes(table_id_size(form.description.post_header_length(TABLE_MAP)), "little")
    body += table.flags.to_bytes(2, "little") + _name(table.schema) + _name(table.table)
    body += _packed(table.column_count) + table.type_codes + _packed(len(metadata)) + metadata + table.null_bits
    known = table.optional.dimensions if table.optional is not None else None
    sizes = b"".join(_packed(size) for size in known or () if size is not None)
    return _event(TABLE_MAP, body + (bytes((_DIMENSIONS,)) + _packed(len(sizes)) + sizes if sizes else b""), server_id)


def rows_event(
    kind: str, images: Sequence[bytes], columns: int, form: Form, last: bool, server_id: int, table_id: int = 1
) -> bytes:
    """An event that writes, changes or deletes rows, and neither checks nor follows foreign keys.

    :param kind: WRITE, UPDATE or DELETE.
    :param images: from `image`, complete; for an UPDATE the row before and after, one behind the other.
    :param columns: how many the table has.
    :param last: whether the statement's last event is this one.
    """
    mariadb = form.description.mariadb
    code = (_TYPES_V1 if mariadb else _TYPES_V2)[kind]
    flags = NO_FOREIGN_KEY_CHECKS | (STATEMENT_END if last else 0)
    size = table_id_size(form.description.post_header_length(code))
    body = table_id.to_bytes(size, "little") + flags.to_bytes(2, "little")
    body += _NO_EXTRA if code >= WRITE_ROWS else b""
    body += _packed(columns) + _all(columns) * (2 if kind == UPDATE else 1) + b"".join(images)
    return _event(code, body, server_id)


def image(parts: Parts) -> bytes:
    """A complete row image out of the bytes of its values."""
    nulls = 0
    for place, part in enumerate(parts):
        if part is None:
            nulls |= 1 << place
    return nulls.to_bytes((len(parts) + 7) // 8, "little") + b"".join(part for part in parts if part is not None)


def statements(
    table: TableMap, changes: Sequence[Tuple[str, Parts]], form: Form, packet: int, server_id: int
) -> Iterator[RowEvents]:
    """The statements that write and delete rows of one table, in this order, each no longer than a packet.

    :param changes: WRITE or DELETE, and the image.
    :param packet: the server's max_allowed_packet.
    :raises RefusedError: a single row is longer.
    """
    return image_statements(table, ((kind, image(parts)) for kind, parts in changes), form, packet, server_id)


def image_statements(
    table: TableMap, changes: Iterable[Tuple[str, bytes]], form: Form, packet: int, server_id: int
) -> Iterator[RowEvents]:
    """The statements that carry out changes of one table, in this order, each no longer than a packet.

    :param changes: WRITE, UPDATE or DELETE, and the images as `rows_event` takes them.
    :param packet: the server's max_allowed_packet.
    :raises RefusedError: a single row is longer.
    """
    map_event = table_map_event(table, form, server_id)
    most = packet * 3 // 4 - packet // 64 - len(map_event) - _AROUND
    room = min(_MOST_BYTES, most)
    piece: List[Tuple[str, bytes]] = []
    size = 0
    for kind, data in changes:
        if len(data) > most:
            raise RefusedError(
                "write rows of %s.%s" % table.name,
                "",
                "a row of %d bytes does not fit into max_allowed_packet (%d)" % (len(data), packet),
                "Raise max_allowed_packet on that server.",
            )
        if piece and size + len(data) > room:
            yield _piece(table, map_event, piece, form, server_id)
            piece, size = [], 0
        piece.append((kind, data))
        size += len(data)
    if piece:
        yield _piece(table, map_event, piece, form, server_id)


def _piece(
    table: TableMap, map_event: bytes, piece: Sequence[Tuple[str, bytes]], form: Form, server_id: int
) -> RowEvents:
    runs: List[Tuple[str, List[bytes]]] = []
    for kind, data in piece:
        if not runs or runs[-1][0] != kind:
            runs.append((kind, []))
        runs[-1][1].append(data)
    events = [map_event]
    for number, (kind, images) in enumerate(runs, 1):
        events.append(rows_event(kind, images, table.column_count, form, number == len(runs), server_id))
    told = ", ".join("%s %d %s" % (kind, len(images), "row" if len(images) == 1 else "rows") for kind, images in runs)
    name = qualified(*table.name)
    return _statement(events, "BINLOG '...' /* %s of %s */" % (told, name), "%s of %s" % (told, name))


def _statement(events: Sequence[bytes], shown: str, purpose: str) -> RowEvents:
    text = "\n".join(base64.b64encode(event).decode("ascii") for event in events)
    return RowEvents(sql="BINLOG '%s'" % text, purpose=purpose, shown=shown)


def _event(code: int, body: bytes, server_id: int) -> bytes:
    # A position of 0 says that the event is of no file.
    return HEADER.pack(0, code, server_id, BODY + len(body), 0, 0) + body


def _name(name: str) -> bytes:
    data = name.encode("utf-8")
    return bytes((len(data),)) + data + b"\0"


def _packed(number: int) -> bytes:
    return bytes((number,)) if number < 251 else b"\xfc" + number.to_bytes(2, "little")


def _all(columns: int) -> bytes:
    """The bitmap of all columns; the bits behind the last are 1 as well, as servers write them."""
    return b"\xff" * ((columns + 7) // 8)
