# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a stretch of a source's binlog by SHOW BINLOG EVENTS, in pages.

Pages are short because MySQL 5.6 and MariaDB let no transaction commit while they answer one.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from .._core.errors import BadInputError, ReplicaError
from .._core.gtid_mariadb import GtidPosition, MariadbGtid
from .._core.gtid_mysql import Gtid, GtidError, GtidSet
from .._core.snapshot import Coordinates
from .._core.touched import Scan, Touched, advance, is_bookkeeping, never, whole_rows
from .connect import Connection
from .probe import Probed

PAGE = 1000
MAX_PAGE = 64 * PAGE
MAX_EVENTS = 2000000

Rows = List[Dict[str, Any]]


def touched(
    connection: Connection,
    start: Coordinates,
    stop: Coordinates,
    skip: Callable[[str], bool] = never,
    max_events: int = MAX_EVENTS,
) -> Touched:
    """Which tables the events after one point and up to another change.

    :param skip: says of a GTID whether its transaction is left out.
    :param max_events: more events than these make it "everything".
    :raises ServerError: a file is not there any more, or ``start`` is no beginning of an event.
    """
    scan = Scan()
    for rows in pages(connection, start, stop):
        scan = advance(scan, rows, skip)
        if scan.touched.everything:
            break
        if scan.events > max_events:
            return Touched(everything=True, why="more than %d events" % max_events)
    return scan.touched


def same_state(connection: Connection, one: Coordinates, other: Coordinates) -> bool:
    """Whether two points of a source's binlog are the same state: only the log's own bookkeeping lies between them.

    A point at the end of a file and the one at the beginning of the next are, for instance. Points of another server's
    binlog, or more than one page apart, are not.
    """
    if one == other:
        return True
    try:
        first, last = (one, other) if other.reached(one) else (other, one)
        if first.file != last.file and last.file not in names(connection):
            return False
        for number, rows in enumerate(pages(connection, first, last)):
            if number > 2 or not is_bookkeeping(rows):
                return False
    except (ReplicaError, ValueError):
        return False
    return True


def names(connection: Connection) -> List[str]:
    """The source's binlogs, oldest first."""
    return [str(row["Log_name"]) for row in connection.query("SHOW BINARY LOGS")]


def pages(connection: Connection, start: Coordinates, stop: Coordinates) -> Iterator[Rows]:
    """The events from one point up to another, page by page, across files."""
    wanted = [start.file]
    if start.file != stop.file:
        known = names(connection)
        if start.file not in known:
            raise ReplicaError(
                "read the binlog from %s" % start, connection.address, "that file is not there any more (purged)"
            )
        wanted = known[known.index(start.file) :]
        if stop.file not in wanted:
            raise ReplicaError("read the binlog up to %s" % stop, connection.address, "that file is not there")
        wanted = wanted[: wanted.index(stop.file) + 1]
    for name in wanted:
        begin = start.position if name == start.file else 4
        end = stop.position if name == stop.file else None
        yield from _pages_of_file(connection, name, begin, end)


def _pages_of_file(connection: Connection, name: str, begin: int, end: Optional[int]) -> Iterator[Rows]:
    limit = PAGE
    while end is None or begin < end:
        rows = connection.query("SHOW BINLOG EVENTS IN %s FROM %s LIMIT %s", (name, begin, limit))
        usable = whole_rows(rows, limit)
        if usable == 0 and rows:
            limit *= 2
            if limit > MAX_PAGE:
                raise ReplicaError("read the binlog", connection.address, "a transaction has too many events")
            continue
        yield _upto(rows[:usable], begin, end)
        if len(rows) < limit:
            return
        begin, limit = int(rows[usable]["Pos"]), PAGE


def _upto(rows: Rows, begin: int, end: Optional[int]) -> Rows:
    """The rows of events that begin before the end; what a compressed transaction holds goes with its payload."""
    if end is None:
        return rows
    kept: Rows = []
    packed = False
    for row in rows:
        inside = packed and row["Pos"] == row["End_log_pos"]
        if not inside and int(row["Pos"]) >= end:
            break
        packed = inside or str(row["Event_type"]).lower() == "transaction_payload"
        kept.append(row)
    return kept


def since(connection: Connection, probed: Probed, text: str, stop: Coordinates) -> Touched:
    """Which tables were changed after a point given by a person, up to another.

    :param text: ``file:position``, a GTID set (MySQL), or a GTID position (MariaDB).
    :raises BadInputError: it is none of them.
    """
    start = _as_coordinates(text)
    if start is not None:
        return touched(connection, start, stop)
    try:
        if probed.flavour.is_mariadb:
            return touched(connection, *_mariadb_start(connection, GtidPosition.parse(text), stop))
        return touched(connection, *_mysql_start(connection, GtidSet.parse(text), stop))
    except GtidError as error:
        raise BadInputError(
            "Option since cannot be read: %s" % error,
            advice="Give file:position, or a GTID set (on MariaDB a GTID position).",
        ) from None


def _as_coordinates(text: str) -> Optional[Coordinates]:
    file, position = text.strip().rpartition(":")[::2]
    if not file or not position.isdigit() or ":" in file or not file.rsplit(".", 1)[-1].isdigit():
        return None
    return Coordinates(file, int(position))


def _mysql_start(
    connection: Connection, done: GtidSet, stop: Coordinates
) -> Tuple[Coordinates, Coordinates, Callable[[str], bool]]:
    """From the last file whose earlier transactions are all in the set; those in the set are left out later on."""
    file = _file_before(connection, lambda text: done.contains(GtidSet.parse(text)), "previous_gtids", stop)
    return Coordinates(file, 4), stop, lambda gtid: Gtid.parse(gtid) in done


def _mariadb_start(
    connection: Connection, done: GtidPosition, stop: Coordinates
) -> Tuple[Coordinates, Coordinates, Callable[[str], bool]]:
    def earlier(text: str) -> bool:
        items = [item for item in text.strip("[]").split(",") if item.strip()]
        return all(done.covers(MariadbGtid.parse(item.strip())) for item in items)

    file = _file_before(connection, earlier, "gtid_list", stop)
    return Coordinates(file, 4), stop, lambda gtid: done.covers(MariadbGtid.parse(gtid))


def _file_before(connection: Connection, fits: Callable[[str], bool], event: str, stop: Coordinates) -> str:
    """The newest file that begins before anything which is not in the set.

    :raises ReplicaError: no file does: binlogs that are needed are purged.
    """
    known = names(connection)
    known = known[: known.index(stop.file) + 1] if stop.file in known else known
    for name in reversed(known):
        for row in connection.query("SHOW BINLOG EVENTS IN %s LIMIT 5", (name,)):
            if str(row["Event_type"]).lower() == event and fits(str(row["Info"] or "")):
                return name
    raise ReplicaError(
        "find the transactions after that point in the binlogs",
        connection.address,
        "no binlog that is left begins before them",
        "Name the tables with option tables instead.",
    )
