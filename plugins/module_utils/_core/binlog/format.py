# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event that begins a binlog file (format description) and the one that names the next file (rotate)."""

from __future__ import annotations

from dataclasses import dataclass

from .header import BODY, CHECKSUM_SIZE, ROWS, TABLE_MAP, broken

# What servers say that do not list the type: those before the first row events with ids of 6 bytes did list it.
_USUAL_LENGTHS = {TABLE_MAP: 8}
_FIXED = 2 + 50 + 4 + 1


@dataclass(frozen=True)
class FormatDescription:
    """How the events of a file are written.

    :param checksum: every event of the file ends in 4 bytes of CRC32.
    :param post_header_lengths: fixed part of each type's body; the byte of type 1 comes first.
    :param server_version: as the server says it of itself.
    :param mariadb: written by MariaDB.
    :param created: seconds since 1970 at which a server began its first file after a start; 0 in any other file.
    """

    checksum: bool
    post_header_lengths: bytes
    server_version: str
    mariadb: bool
    created: int = 0

    def post_header_length(self, kind: int) -> int:
        """Length of the fixed part of an event type's body."""
        if kind <= len(self.post_header_lengths):
            return self.post_header_lengths[kind - 1]
        return _USUAL_LENGTHS.get(kind, 8 if kind in ROWS else 0)


# For decoding before a format description was seen, as in a unit test of one event.
MODERN = FormatDescription(False, b"", "", False)


def parse_format(event: bytes) -> FormatDescription:
    """The format description of a whole event *with* its checksum bytes, which this event has in any case.

    The algorithm stands in the 5th byte from the end, whether or not checksums are on (measured on MySQL 5.6 and 9.7,
    MariaDB 10.11 and 11.8). Raises BinlogError when it is cut off, or older than MySQL 5.6 and MariaDB 5.3.
    """
    if len(event) < BODY + _FIXED + 27 + 1 + CHECKSUM_SIZE:
        raise broken("a format description event has only %d bytes" % len(event))
    version = int.from_bytes(event[BODY : BODY + 2], "little")
    header_length = event[BODY + 56]
    algorithm = event[-1 - CHECKSUM_SIZE]
    if version != 4 or header_length != BODY or algorithm > 1:
        raise broken(
            "the format description says version %d, headers of %d bytes and checksum algorithm %d"
            % (version, header_length, algorithm)
        )
    server_version = event[BODY + 2 : BODY + 52].split(b"\0", 1)[0].decode("ascii", "backslashreplace")
    return FormatDescription(
        checksum=algorithm == 1,
        post_header_lengths=event[BODY + _FIXED : -1 - CHECKSUM_SIZE],
        server_version=server_version,
        mariadb="MariaDB" in server_version,
        created=int.from_bytes(event[BODY + 52 : BODY + 56], "little"),
    )


@dataclass(frozen=True)
class Rotate:
    """The file that comes next, and the position in it from which the stream goes on."""

    file: str
    position: int


def parse_rotate(data: bytes) -> Rotate:
    """The file that a rotate event names. Raises BinlogError when it names none."""
    name = data[BODY + 8 :]
    if not name or b"\0" in name or len(name) > 512:
        raise broken("a rotate event names no file")
    return Rotate(name.decode("utf-8", "backslashreplace"), int.from_bytes(data[BODY : BODY + 8], "little"))
