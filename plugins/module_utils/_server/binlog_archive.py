# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of archived binlogs as a stream of events, in the place of a server that still has them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import BinaryIO, Callable, Iterator, List, Optional, Tuple

from .._core.binlog import archive as rules
from .._core.binlog import header
from .._core.binlog.format import parse_format
from .._core.binlog.gtids import executed_before
from .._core.binlog.header import BODY, CHECKSUM_SIZE
from .._core.binlog.transactions import Event
from .._core.errors import BadInputError, BinlogError
from .._core.gtid_mariadb import MariadbGtid
from .._core.gtid_mysql import GtidSet
from .._core.snapshot import Coordinates, Server

_MAGIC = b"\xfebin"
_ENCRYPTED = b"\xfdbin"
_ATTEMPT = "read archived binlogs"
_LONGEST_EVENT = (1 << 30) + (1 << 24)


@dataclass(frozen=True)
class Archive:
    """A directory and the binlogs in it, oldest first."""

    directory: str
    files: Tuple[str, ...]

    def path(self, name: str) -> str:
        """Where a file is."""
        return os.path.join(self.directory, name)


def opened(directory: str) -> Archive:
    """The binlogs of a directory.

    :raises BadInputError: it cannot be read, holds none, or those of several servers.
    """
    try:
        found = rules.in_order(os.listdir(directory))
    except OSError as error:
        raise BadInputError("The archive %s cannot be read: %s" % (directory, error.strerror)) from None
    except ValueError as error:
        raise BadInputError(
            "The archive %s %s" % (directory, error), advice="Name a directory that holds the binlogs of one server."
        ) from None
    return Archive(directory, tuple(found))


class ArchiveStream:
    """The events of archived binlogs, as `BinlogStream` hands out those of a server.

    :param start: where to begin; '' for the beginning of the oldest file.
    :param wanted: of transactions with a GTID only those of which this is true.
    :param deadline: end with an error at this value of ``time.monotonic()``.
    """

    def __init__(
        self,
        archive: Archive,
        start: Optional[Coordinates] = None,
        wanted: Optional[Callable[[str], bool]] = None,
        deadline: Optional[float] = None,
    ) -> None:
        self.archive, self.wanted, self.deadline = archive, wanted, deadline
        self.start = start or Coordinates(archive.files[0], 4)
        self.file = self.start.file
        self.bytes_read = 0
        if self.file not in archive.files:
            raise BadInputError("The archive %s has no file %s" % (archive.directory, self.file))

    def __enter__(self) -> ArchiveStream:
        return self

    def __exit__(self, *details: object) -> None:
        return None

    def __iter__(self) -> Iterator[Event]:
        """The events.

        :raises BinlogError: a file is encrypted, damaged, or cannot be read, or the deadline passed.
        """
        for name in self.archive.files[self.archive.files.index(self.file) :]:
            self.file = name
            yield header.ROTATE, 4, 4, rules.rotate_to(name)
            yield from self._wanted(self._events(name, self.start.position if name == self.start.file else 4))

    def _wanted(self, events: Iterator[Event]) -> Iterator[Event]:
        """Without the events of transactions that nobody asks for, which may be of tables that nobody knows."""
        passing = False
        for event in events:
            gtid = rules.gtid_of(event) if self.wanted is not None else None
            if gtid is not None and self.wanted is not None:
                passing = not self.wanted(gtid)
            if not passing or event[0] in rules.HEADS:
                yield event

    def _events(self, name: str, position: int) -> Iterator[Event]:
        path = self.archive.path(name)
        try:
            with open(path, "rb") as stream:
                yield from self._of(stream, name, position)
        except OSError as error:
            raise BinlogError(_ATTEMPT, path, error.strerror or str(error)) from None

    def _of(self, stream: BinaryIO, name: str, position: int) -> Iterator[Event]:
        magic = stream.read(4)
        if magic == _ENCRYPTED:
            raise self._error(name, 0, "it is encrypted", "Read it from a server that has its key.")
        if magic != _MAGIC:
            raise self._error(name, 0, "it is no binlog", "")
        offset, checksum, last = 4, 0, name == self.archive.files[-1]
        while True:
            head = stream.read(BODY)
            size = header.parse_header(head).size if len(head) == BODY else 0
            if not head or (last and len(head) < BODY):
                return
            if not BODY <= size <= _LONGEST_EVENT:
                raise self._error(name, offset, "an event says it has %d bytes" % size, "")
            data = head + stream.read(size - BODY)
            self.bytes_read += len(data)
            if len(data) < size:
                if last:  # the archive was made while the server wrote the file
                    return
                raise self._error(name, offset, "it is cut off", "Copy the file into the archive once more.")
            self._check_time(name, offset)
            kind, start, offset = data[4], offset, offset + size
            if kind == header.FORMAT_DESCRIPTION:
                checksum = CHECKSUM_SIZE if parse_format(data).checksum else 0
            elif checksum:
                data = data[:-checksum]
            if kind == header.START_ENCRYPTION:
                raise self._error(name, start, "it is encrypted", "Read it from a server that has its key.")
            if start >= position or kind == header.FORMAT_DESCRIPTION:
                yield kind, start, offset, data

    def _check_time(self, name: str, offset: int) -> None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise self._error(name, offset, "the time for it was over", "Allow more time.")

    def _error(self, name: str, offset: int, answer: str, advice: str) -> BinlogError:
        where = "%s:%d" % (self.archive.path(name), offset)
        return BinlogError(_ATTEMPT, where, answer, advice, {"file": name, "position": offset})


def before(archive: Archive, name: str) -> Tuple[Optional[GtidSet], Tuple[MariadbGtid, ...]]:
    """What was executed before a file: a set (MySQL; None without GTIDs), or the last GTIDs (MariaDB)."""
    return executed_before(ArchiveStream(Archive(archive.directory, (name,))))


def first_with(archive: Archive, wanted: GtidSet) -> Coordinates:
    """The head of the newest file before which none of these transactions stands (MySQL)."""
    for name in reversed(archive.files):
        known = before(archive, name)[0]
        if known is not None and not known & wanted:
            return Coordinates(name, 4)
    return Coordinates(archive.files[0], 4)


def as_donor(archive: Archive, target: Server) -> Server:
    """The archive as a server, as far as a donor is asked for anything: its files and its sets."""
    sizes = tuple((name, os.path.getsize(archive.path(name))) for name in archive.files)
    purged = executed = None
    if not target.flavour.is_mariadb:
        purged = before(archive, archive.files[0])[0]
        newest = before(archive, archive.files[-1])[0]
        if newest is not None:
            executed = newest | GtidSet.parse(",".join(_gtids(archive, archive.files[-1])))
    return replace(
        target, address="the archive " + archive.directory, uuid="", server_id=0, port=0, hostname="",
        datadir=archive.directory, executed=executed, purged=purged, replica_position=None, binlog_state=None,
        binlog_end=None, binlogs=sizes, channels=(), replicas_below=(), processes=(),
    )  # fmt: skip


def _gtids(archive: Archive, name: str) -> List[str]:
    stream = ArchiveStream(Archive(archive.directory, (name,)))
    return [gtid for gtid in map(rules.gtid_of, stream) if gtid]
