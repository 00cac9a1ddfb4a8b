# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server's binlog as a stream of events, over a PyMySQL connection.

The socket is read in large pieces and packets are cut out of them here: the driver's own reader costs several times
as much for each event. Source: reference manuals, "COM_BINLOG_DUMP"; measured on MySQL 5.6 and 9.7, MariaDB 10.11 and
11.8.
"""

from __future__ import annotations

import contextlib
import struct
import time
import zlib
from typing import Any, Container, Iterator, List, Optional, Tuple

from .._core.binlog import header
from .._core.binlog.format import parse_format, parse_rotate
from .._core.binlog.header import ARTIFICIAL_FLAG, BODY, CHECKSUM_SIZE
from .._core.binlog.transactions import WHOLE, Event
from .._core.binlog.whole import BEGINNINGS, FULL_PACKET, LEAD, LOW, Whole
from .._core.errors import BinlogError
from .._core.snapshot import Coordinates
from . import binlog_request
from .binlog_request import Start, free_server_id
from .connect import Connection

__all__ = ["BinlogStream", "free_server_id"]

# A packet's length and number, its status byte, and of the event's header: type, size, end, flags.
_PACKET = struct.Struct("<IB4xB4xIIH")
_HEAD = LEAD
_TYPE = _HEAD + 4
_FULL_PACKET = FULL_PACKET
_CHUNK = 1 << 18
_ENDED = 0xFE
_REFUSED = 0xFF
_LOW = LOW
_BACKWARDS = 1 << 31
_HEAD_END = 1024
# No event is larger: max_allowed_packet is 1 GiB at most, and the server allows itself a little more for a header.
_LONGEST_EVENT = (1 << 30) + (1 << 24)
_NEVER = 1 << 64
# Of these alone a server sends some that are not in its file, marked by an end of 0.
_HEADS = frozenset((header.ROTATE, header.FORMAT_DESCRIPTION, header.START_ENCRYPTION))
_SPECIAL = frozenset((header.ROTATE, header.FORMAT_DESCRIPTION, header.HEARTBEAT, header.HEARTBEAT_V2))


class BinlogStream:
    """The events of a server's binlogs from a point on, through all files that follow.

    Iterate over it: ``(type, start, end, data)``, where ``data`` is the event's header and body without its checksum
    (a format description keeps its own) and the offsets are counted here, as the server's wrap at 4 GiB. Events that
    the server makes for the stream (rotate, heartbeat) have the same start and end. A context manager; it uses the
    connection up and closes it.

    :param connection: not used for anything else.
    :param start: coordinates, or the GTID set (MariaDB: position) whose transactions are not wanted; '' is none.
    :param server_id: None takes a free one. Never a member's id: that member's dump thread would end.
    :param blocking: at the end wait for more; heartbeats are handed out, so that the caller can look at other things.
    :param stop_at: end before the first event that begins there or later.
    :param verify: check each event's checksum, where it has one.
    :param timeout: seconds in which the server must send something.
    :param deadline: end the whole stream with an error at this value of ``time.monotonic()``.
    :param heartbeat: seconds of silence after which a blocking server shows that it lives.
    :raises BadInputError: the GTID set does not have this engine's form.
    :raises ServerError: the server does not answer.
    """

    def __init__(
        self,
        connection: Connection,
        start: Start,
        server_id: Optional[int] = None,
        blocking: bool = False,
        stop_at: Optional[Coordinates] = None,
        verify: bool = False,
        timeout: float = 60.0,
        deadline: Optional[float] = None,
        heartbeat: float = 2.0,
    ) -> None:
        self.connection = connection
        self.stop_at, self.verify, self.timeout, self.deadline = stop_at, verify, timeout, deadline
        self.bytes_read = 0
        self._by_gtid = isinstance(start, str)
        try:
            self.mariadb = binlog_request.is_mariadb(connection)
            self.server_id = free_server_id(connection) if server_id is None else server_id
            begin = binlog_request.send(connection, start, self.server_id, blocking, heartbeat, self.mariadb)
        except BaseException:
            connection.close()  # nobody has this stream, and so nobody would
            raise
        self.file, self._offset = begin.file, begin.position
        # Where the command has no room for the position, the beginning of the file comes as well and is passed over.
        self._unwanted = start.position if isinstance(start, Coordinates) and start != begin else 0
        self._checksum = 0
        self._limit = self._limit_of(begin.file)
        self._socket = connection.driver._sock
        self._socket.settimeout(timeout)
        self._ended = False

    @property
    def position(self) -> Coordinates:
        """Where the stream is: behind the last event that was handed out."""
        return Coordinates(self.file, self._offset)

    def __enter__(self) -> BinlogStream:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; what the server still has to say is not waited for."""
        self._ended = True
        with contextlib.suppress(OSError):
            self._socket.close()
        self.connection.close()

    def __iter__(self) -> Iterator[Event]:
        """The events.

        :raises BinlogError: the server refused or ended the stream (1236 with its text), the connection broke or went
            silent, the deadline passed, or what came is no stream of events. The message says what to do.
        :raises PrivilegeError: the account lacks REPLICATION SLAVE.
        """
        # Not a generator around another one, which would cost as much as a tenth of the whole for each event.
        return self._events()

    def only(self, kinds: Container[int]) -> Iterator[Event]:
        """Like iterating, with events of these types alone: the others are passed over by their headers."""
        return self._events(kinds)

    def together(self, whole: Whole) -> Iterator[Tuple[int, int, int, Any]]:
        """Like iterating; where ``whole`` makes transactions of events, a list of these stands in their place."""
        return self._events(None, whole)

    def _events(
        self, wanted: Optional[Container[int]] = None, whole: Optional[Whole] = None
    ) -> Iterator[Tuple[int, int, int, Any]]:
        """The usual event is cut out of the buffer here, everything else in `_next`."""
        unpack, shortest, special, plain = _PACKET.unpack_from, _PACKET.size, _SPECIAL, not self.verify
        buffer, pos, size = b"", 0, 0
        try:
            while not self._ended:
                offset, checksum = self._offset, self._checksum
                # What has to be looked at more closely goes the long way, too.
                limit = self._limit if plain and not self._unwanted else 0
                while size - pos >= shortest:
                    if whole is not None and limit and buffer[pos + _TYPE] in BEGINNINGS:
                        done = whole(buffer, pos, size, offset, checksum, limit)
                        if done is not None:
                            start = offset
                            batch, pos, offset = done
                            self._offset = offset
                            yield WHOLE, start, offset, batch
                            continue
                    word, status, kind, event_size, end, flags = unpack(buffer, pos)
                    after = pos + _HEAD + event_size
                    if status or word & _FULL_PACKET != event_size + 1 or after > size:
                        break
                    start = offset
                    offset += event_size
                    if offset & _LOW != end and end or offset > limit or kind in special or flags & ARTIFICIAL_FLAG:
                        break
                    if wanted is not None and kind not in wanted:
                        pos, self._offset = after, offset
                        continue
                    data = buffer[pos + _HEAD : after - checksum]
                    pos, self._offset = after, offset
                    yield kind, start, offset, data
                event, buffer, pos = self._next(buffer, pos)
                size = len(buffer)
                if event is not None and (wanted is None or event[0] in wanted):
                    yield event
        finally:
            self.close()

    # -- one packet

    def _next(self, buffer: bytes, pos: int) -> Tuple[Optional[Event], bytes, int]:
        """Whatever comes next, however long it takes; with the buffer and the offset behind it."""
        if self._ended or self._offset >= self._limit:
            self._ended = True
            return None, buffer, pos
        buffer, pos = self._filled(buffer, pos, _HEAD)
        length = int.from_bytes(buffer[pos : pos + 3], "little")
        buffer, pos = self._filled(buffer, pos, 4 + length)
        packet = buffer[pos + 4 : pos + 4 + length]
        pos += 4 + length
        if length == _FULL_PACKET:
            packet, buffer, pos = self._joined(packet, buffer, pos)
        status = packet[0] if packet else 0
        if status == _REFUSED:
            raise binlog_request.refusal(self.connection, packet, self.position)
        if status == _ENDED and len(packet) < _HEAD + 4:
            self._ended = True
            return None, buffer, pos
        if status or len(packet) <= BODY:
            raise binlog_request.garbled(self.connection, "a packet holds no event", self.position)
        return self._event(packet[1:]), buffer, pos

    def _joined(self, packet: bytes, buffer: bytes, pos: int) -> Tuple[bytes, bytes, int]:
        """An event of 16 MiB or more, which comes in several packets."""
        pieces: List[bytes] = [packet]
        total, length = len(packet), _FULL_PACKET
        while length == _FULL_PACKET:
            buffer, pos = self._filled(buffer, pos, 4)
            length = int.from_bytes(buffer[pos : pos + 3], "little")
            total += length
            if total > _LONGEST_EVENT:
                raise binlog_request.garbled(self.connection, "an event is larger than 1 GiB", self.position)
            buffer, pos = self._filled(buffer, pos, 4 + length)
            pieces.append(buffer[pos + 4 : pos + 4 + length])
            pos += 4 + length
        return b"".join(pieces), buffer, pos

    def _event(self, data: bytes) -> Optional[Event]:
        """An event of any kind; None when it is not wanted."""
        head = header.parse_header(data)
        if head.size != len(data):
            raise binlog_request.garbled(
                self.connection, "an event of %d bytes says it has %d" % (len(data), head.size), self.position
            )
        if head.type in (header.HEARTBEAT, header.HEARTBEAT_V2):
            if head.end:
                self._skip_to(head.end, heartbeat=True)
            return head.type, self._offset, self._offset, data[: len(data) - self._checksum]
        made_for_us = bool(head.flags & ARTIFICIAL_FLAG or (not head.end and head.type in _HEADS))
        # MariaDB 11.8 writes 0 into the events between the GTID and the end of a transaction.
        if not made_for_us and head.end:
            self._skip_to((head.end - head.size) & _LOW)
        start = self._offset
        if start >= self._limit:
            self._ended = True
            return None
        end = start if made_for_us else start + head.size
        data = self._without_checksum(head.type, data, made_for_us, start)
        self._offset = end
        if head.type == header.ROTATE:
            self._enter(data)
        elif self._unwanted > start and head.type != header.FORMAT_DESCRIPTION:
            return None
        return head.type, start, end, data

    def _without_checksum(self, kind: int, data: bytes, made_for_us: bool, start: int) -> bytes:
        if kind == header.FORMAT_DESCRIPTION:
            self._checksum = CHECKSUM_SIZE if parse_format(data).checksum else 0
            if self.verify and self._checksum:
                self._check(data, start)
            return data
        if kind == header.ROTATE and made_for_us:
            # Before the first format description nothing says whether it has one. A name ends in digits.
            return data[:-CHECKSUM_SIZE] if _sound(data) else data
        if not self._checksum:
            return data
        if self.verify:
            self._check(data, start)
        return data[:-CHECKSUM_SIZE]

    def _check(self, data: bytes, start: int) -> None:
        if not _sound(data):
            at = Coordinates(self.file, start)
            raise binlog_request.garbled(self.connection, "an event does not match its checksum", at)

    # -- where we are

    def _skip_to(self, low: int, heartbeat: bool = False) -> None:
        """Take the lower 32 bits of where the server is. It leaves out what was not asked for (by GTID)."""
        distance = (low - self._offset) & _LOW
        if not distance or (heartbeat and distance >= _BACKWARDS):
            return
        # What MariaDB writes about encryption at the head of a file is not for readers.
        if not (self._by_gtid or heartbeat or self._offset + distance < _HEAD_END):
            what = "an event says that it begins at %d" % (self._offset + distance)
            raise binlog_request.garbled(self.connection, what, self.position)
        self._offset += distance

    def _enter(self, data: bytes) -> None:
        """A rotate event: the next file begins."""
        rotate = parse_rotate(data)
        if rotate.file != self.file:
            self._unwanted = 0
        self.file, self._offset = rotate.file, rotate.position
        self._limit = self._limit_of(rotate.file)

    def _limit_of(self, file: str) -> int:
        stop = self.stop_at
        if stop is None or not file:
            return _NEVER
        if file == stop.file:
            return stop.position
        try:
            return 0 if Coordinates(file, 0).reached(Coordinates(stop.file, 0)) else _NEVER
        except ValueError:
            return _NEVER

    # -- the socket

    def _filled(self, buffer: bytes, pos: int, need: int) -> Tuple[bytes, int]:
        """The buffer with so many bytes behind the offset, read from the server where they are missing."""
        have = len(buffer) - pos
        if have >= need:
            return buffer, pos
        pieces = [buffer[pos:]]
        while have < need:
            piece = self._received()
            pieces.append(piece)
            have += len(piece)
        return b"".join(pieces), 0

    def _received(self) -> bytes:
        try:
            if self.deadline is not None:
                left = self.deadline - time.monotonic()
                if left <= 0:
                    raise self._late()
                self._socket.settimeout(min(left, self.timeout))
            piece: bytes = self._socket.recv(_CHUNK)
        except OSError as error:
            if self.deadline is not None and time.monotonic() >= self.deadline:
                raise self._late() from None
            raise binlog_request.cut(self.connection, str(error), self.position) from None
        if not piece:
            raise binlog_request.cut(self.connection, "closed by the other side", self.position)
        self.bytes_read += len(piece)
        return piece

    def _late(self) -> BinlogError:
        return BinlogError(
            "read the binlog",
            self.connection.address,
            "the time for it was over at %s" % binlog_request.place(self.position),
            "Allow more time, or start later in the binlog.",
            {"file": self.file, "position": self._offset},
        )


def _sound(data: bytes) -> bool:
    """Whether an event ends in the checksum of what goes before."""
    body = data[:-CHECKSUM_SIZE]
    return zlib.crc32(body) == int.from_bytes(data[-CHECKSUM_SIZE:], "little")
