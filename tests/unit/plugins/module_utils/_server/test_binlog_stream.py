# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream over a socket that a test feeds: offsets beyond 4 GiB, packets in pieces, errors, garbage."""

from __future__ import annotations

import socket
import struct
import threading
import zlib
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import (
    BadInputError,
    BinlogError,
    PrivilegeError,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server.binlog_stream import (
    BinlogStream,
    free_server_id,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from unit import binlogs

GIB4 = 1 << 32
FORMAT = struct.pack("<H50sIB", 4, b"9.7.4", 0, 19) + bytes(41)


class Driver:
    """What of a driver's connection the stream uses."""

    def __init__(self, ours: socket.socket) -> None:
        self._sock = ours
        self.commands: List[Tuple[int, bytes]] = []

    def _execute_command(self, command: int, payload: bytes) -> None:
        self.commands.append((command, payload))


class Fed:
    """A connection whose server says what the test gives it."""

    address = "db:3306"
    connection_id = 5

    def __init__(self, given_bytes: bytes, version: str = "9.7.4", piece: int = 1 << 16) -> None:
        ours, theirs = socket.socketpair()
        self.driver = Driver(ours)
        self.version = version
        self.statements: List[str] = []
        self._thread = threading.Thread(target=self._say, args=(theirs, given_bytes, piece), daemon=True)
        self._thread.start()

    @staticmethod
    def _say(theirs: socket.socket, given_bytes: bytes, piece: int) -> None:
        try:
            for place in range(0, len(given_bytes), piece):
                theirs.sendall(given_bytes[place : place + piece])
        except OSError:  # the stream had enough
            pass
        theirs.close()

    def one(self, statement: str) -> Dict[str, Any]:
        return {"version": self.version, "number": 1}

    def query(self, statement: str) -> List[Dict[str, Any]]:
        return [{"Server_Id": 2}]

    def execute(self, statement: str) -> int:
        self.statements.append(statement)
        return 0

    def close(self) -> None:
        self.driver._sock.close()


def packet(payload: bytes, number: int = 1) -> bytes:
    """A payload in as many packets as it takes."""
    pieces = []
    while True:
        pieces.append(struct.pack("<I", min(len(payload), 0xFFFFFF) | number << 24) + payload[:0xFFFFFF])
        if len(payload) < 0xFFFFFF:
            return b"".join(pieces)
        payload = payload[0xFFFFFF:]


def event(kind: int, body: bytes, end: Optional[int], flags: int = 0, checksum: bool = True) -> bytes:
    """An event as the server sends it; ``end`` None is 0."""
    size = header.BODY + len(body) + (4 if checksum else 0)
    data = header.HEADER.pack(1, kind, 1, size, (end or 0) & 0xFFFFFFFF, flags) + body
    return packet(b"\0" + data + (struct.pack("<I", zlib.crc32(data)) if checksum else b""))


def head(file: str = "binlog.000001", position: int = 4, created: bool = False) -> bytes:
    """What a server sends first: the file's name and its format."""
    rotate = event(header.ROTATE, struct.pack("<Q", position) + file.encode(), None, header.ARTIFICIAL_FLAG)
    return rotate + event(header.FORMAT_DESCRIPTION, FORMAT + b"\1", 4 + 122 if created else None)


END = packet(b"\xfe\0\0\2\0")


def opened(given_bytes: bytes, start: Any = None, piece: int = 1 << 16, **options: Any) -> BinlogStream:
    begin = Coordinates("binlog.000001", 4) if start is None else start
    return BinlogStream(Fed(given_bytes, piece=piece), begin, 77, timeout=10, **options)  # type: ignore[arg-type]


def read(given_bytes: bytes, start: Any = None, **options: Any) -> List[Tuple[int, int, int]]:
    return [found[:3] for found in opened(given_bytes, start, **options)]


def test_the_command_asks_for_file_and_position_and_announces_no_real_member() -> None:
    stream = opened(head() + END, Coordinates("binlog.000007", 1234))
    stream.close()
    ((command, payload),) = stream.connection.driver.commands
    assert (command, payload) == (0x12, struct.pack("<IHI", 1234, 1, 77) + b"binlog.000007")
    (statement,) = stream.connection.statements  # type: ignore[attr-defined]
    assert "@source_binlog_checksum = @@GLOBAL.binlog_checksum" in statement and "@replica_uuid" in statement


def test_a_gtid_set_is_sent_as_numbers() -> None:
    uuid = "11111111-aaaa-bbbb-cccc-000000000001"
    with opened(END, uuid + ":1-5") as stream:
        ((command, payload),) = stream.connection.driver.commands
    expected = b"\1" + bytes(7) + bytes.fromhex(uuid.replace("-", "")) + struct.pack("<Qqq", 1, 1, 6)
    assert (command, payload) == (0x1E, struct.pack("<HIIQI", 5, 77, 0, 4, 48) + expected)


def test_a_stream_that_cannot_begin_closes_its_connection() -> None:
    connection = Fed(END)
    with pytest.raises(BadInputError, match="no GTID set of MySQL"):
        BinlogStream(connection, "0-1-5", 77)  # type: ignore[arg-type]
    assert connection.driver._sock.fileno() == -1


@pytest.mark.parametrize("piece", [1, 7, 100, 1 << 16])
def test_packets_arrive_in_pieces_of_any_size(piece: int) -> None:
    begin = 4 + 122
    body = event(header.QUERY, b"x" * 50, begin + 73) + event(header.XID, b"y" * 8, begin + 73 + 31)
    found = read(head(created=True) + body + END, piece=piece)
    assert found == [
        (header.ROTATE, 4, 4),
        (header.FORMAT_DESCRIPTION, 4, begin),
        (header.QUERY, begin, begin + 73),
        (header.XID, begin + 73, begin + 104),
    ]


@pytest.mark.parametrize("piece", [7, 1 << 16])
@pytest.mark.parametrize("name", binlogs.NAMES[:3])
def test_events_of_some_types_alone(name: str, piece: int) -> None:
    """The same ones as among all, at the same offsets."""
    content = (binlogs.FOLDER / (name + ".binlog")).read_bytes()
    given_bytes = head(binlogs.FILE) + b"".join(
        packet(b"\0" + content[start:end], 1) for _kind, start, end, _data in binlogs.events(name)
    )
    given_bytes += END
    kinds = frozenset((header.XID, header.ROTATE, header.GTID, header.MARIADB_GTID))
    wanted = [event for event in opened(given_bytes, piece=piece) if event[0] in kinds]
    assert list(opened(given_bytes, piece=piece).only(kinds)) == wanted and len(wanted) > 2


@pytest.mark.parametrize("verify", [False, True])
def test_offsets_go_on_beyond_4_gib(verify: bool) -> None:
    start = GIB4 - 60
    events = b"".join(event(header.XID, b"12345678", start + 31 * number) for number in range(1, 5))
    found = read(head(position=start) + events + END, Coordinates("binlog.000001", start), verify=verify)
    assert found[2:] == [(header.XID, start + 31 * number, start + 31 * (number + 1)) for number in range(4)]


def test_a_start_beyond_4_gib_reads_the_file_from_its_beginning_and_passes_it_over() -> None:
    start = GIB4 + 31
    before = GIB4 - 31
    # The server sends 4 GiB less the last events; here a head leads there.
    events = event(header.XID, b"12345678", before + 31) + b"".join(
        event(header.XID, b"12345678", before + 31 * number) for number in (2, 3, 4)
    )
    stream = opened(head(position=before) + events + END, Coordinates("binlog.000001", start))
    assert stream.connection.driver.commands[0][1][:4] == struct.pack("<I", 4)
    kinds = [found[:3] for found in stream if found[0] == header.XID]
    assert kinds == [(header.XID, start, start + 31), (header.XID, start + 31, start + 62)]


def test_by_gtid_events_are_left_out_and_offsets_follow() -> None:
    events = event(header.XID, b"12345678", 1000) + event(header.XID, b"12345678", 1031)
    found = read(head(created=True) + events + END, "")
    assert found[2:] == [(header.XID, 969, 1000), (header.XID, 1000, 1031)]


def test_by_position_an_event_from_elsewhere_is_an_error() -> None:
    with pytest.raises(BinlogError, match="an event says that it begins at 4969"):
        read(head(created=True) + event(header.XID, b"12345678", 5000) + END)


def test_events_without_an_end_are_counted() -> None:
    begin = 4 + 122
    events = event(header.TABLE_MAP, b"12345678", None) + event(header.XID, b"12345678", begin + 62)
    assert read(head(created=True) + events + END)[2:] == [
        (header.TABLE_MAP, begin, begin + 31),
        (header.XID, begin + 31, begin + 62),
    ]


@pytest.mark.parametrize("extra", [-1, 0, 1, 0xFFFFFF])
def test_events_as_large_as_packets_and_larger(extra: int) -> None:
    begin = 4 + 122
    size = 0xFFFFFF - 1 + extra  # with the status byte the packet is full at extra 0
    body = bytes(range(256)) * ((size - 23) // 256 + 1)
    large = event(header.QUERY, body[: size - 23], begin + size)
    events = [*opened(head(created=True) + large + event(header.XID, b"12345678", begin + size + 31) + END)]
    assert [found[:3] for found in events[2:]] == [
        (header.QUERY, begin, begin + size),
        (header.XID, begin + size, begin + size + 31),
    ]
    assert events[2][3][header.BODY :] == body[: size - 23]


def test_the_next_file_is_followed_with_and_without_its_rotate_event() -> None:
    begin = 4 + 122
    last = event(header.ROTATE, struct.pack("<Q", 4) + b"binlog.000002", begin + 44)
    given_bytes = head(created=True) + last + head("binlog.000002", created=True) + head("binlog.000003") + END
    stream = opened(given_bytes)
    found = [(kind, start, end, stream.file) for kind, start, end, _data in stream]
    assert found[2] == (header.ROTATE, begin, begin + 44, "binlog.000002")
    assert [one[3] for one in found if one[0] == header.FORMAT_DESCRIPTION] == [
        "binlog.000001",
        "binlog.000002",
        "binlog.000003",
    ]


def test_a_stop_in_an_earlier_file_ends_the_stream_at_the_next() -> None:
    given_bytes = head(created=True) + head("binlog.000002", created=True) + END
    found = read(given_bytes, stop_at=Coordinates("binlog.000001", 5000))
    assert [one[0] for one in found] == [header.ROTATE, header.FORMAT_DESCRIPTION, header.ROTATE]


def test_a_checksum_that_does_not_match_is_found_when_asked_for() -> None:
    good = event(header.XID, b"12345678", 4 + 122 + 31)
    bad = good[:-6] + b"?" + good[-5:]
    assert len(read(head(created=True) + bad + END)) == 3
    with pytest.raises(BinlogError, match=r"does not match its checksum at binlog\.000001:126"):
        read(head(created=True) + bad + END, verify=True)


def test_an_error_packet_becomes_one_error_with_the_server_s_text() -> None:
    answer = packet(b"\xff\xd4\x04#HY000Could not find first log file name in binary log index file")
    with pytest.raises(BinlogError, match="SHOW BINARY LOGS") as raised:
        read(answer)
    assert raised.value.context == {"errno": 1236, "file": "binlog.000001", "position": 4}
    assert "1236 Could not find first log file name" in raised.value.message()
    denied = packet(b"\xff\xcb\x04#42000Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s)")
    with pytest.raises(PrivilegeError, match="Grant the account REPLICATION SLAVE"):
        read(denied)


def test_a_connection_that_ends_without_an_end_packet_is_an_error() -> None:
    with pytest.raises(BinlogError, match=r"the connection broke at binlog\.000001:126"):
        read(head(created=True))
    with pytest.raises(BinlogError, match="the connection broke"):
        read(head(created=True) + event(header.XID, b"12345678", 157)[:-3])


@settings(max_examples=150, deadline=None)
@given(junk=st.binary(max_size=200), after_head=st.booleans())
def test_garbage_is_an_error_or_nothing(junk: bytes, after_head: bool) -> None:
    try:
        read((head(created=True) if after_head else b"") + junk + END)
    except BinlogError as error:
        assert error.message()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_real_stream_with_changed_bytes_is_an_error_or_events(data: st.DataObject) -> None:
    whole = bytearray(head(created=False))
    for kind, _start, end, content in binlogs.events("mysql-9.7")[1:20]:
        whole += event(kind, content[header.BODY :], end)
    for _unused in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(whole) + END, Coordinates("binlog.000001", binlogs.events("mysql-9.7")[1][1]))
    except BinlogError as error:
        assert error.message()


def test_a_free_server_id_avoids_what_is_taken() -> None:
    connection = Fed(b"")
    assert free_server_id(connection, [3]) not in (1, 2, 3)  # type: ignore[arg-type]
    connection.close()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            thread.join(5)
    assert threading.active_count() <= before
