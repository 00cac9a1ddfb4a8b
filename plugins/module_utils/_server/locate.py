# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The search for the boundary that a replica's data is at. Reads both servers and changes neither."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, List, Optional, Tuple, Union

from .._core import permit
from .._core.errors import BinlogError, PrivilegeError, RefusedError, ReplicaError, ServerError, StateMovedError
from .._core.gtid_mariadb import GtidPosition
from .._core.gtid_mysql import GtidSet
from .._core.locate import answer as answers
from .._core.locate import refine as refinement
from .._core.locate.answer import Answer
from .._core.locate.judge import FULL, WINDOW, Circumstances, judge
from .._core.locate.objects import Object, against
from .._core.locate.report import DivergedRow, Report
from .._core.locate.second_look import SecondLook
from .._core.locate.suspects import Suspects
from .._core.locate.track import Track
from .._core.locate.voting import Tally, Voting
from .._core.snapshot import GTID, STOPPED, Channel, Coordinates, Server
from . import locate_begin, locate_order, locate_window, reader
from .connect import Connection, Login, connect
from .locate_begin import Begin
from .locate_rows import Rows
from .locate_scan import Reader, Scan, deadline_in
from .locate_tables import Tables


@dataclass(frozen=True)
class Request:
    """What to look for.

    :param login: the replica.
    :param source_login: makes the login of the source, from the channel when there is one.
    :param start: option ``start``; None for the recorded position.
    :param verify: FULL, WINDOW, or None for full where the start is known.
    :param window: transactions on each side of the boundary that a window verifies.
    :param show: ``none``, ``keys`` or ``full``.
    :param shown: how many rows are listed.
    """

    login: Login
    source_login: Callable[[Optional[Channel]], Login]
    source_named: bool = False
    channel: Optional[str] = None
    start: Optional[str] = None
    verify: Optional[str] = None
    window: int = 500
    show: str = "keys"
    shown: int = 100
    timeout: float = 3600.0


def locate(request: Request) -> Report:
    """Find the boundary.

    :raises RefusedError: the applier is running, or a prepared XA transaction hides rows.
    :raises PrivilegeError: an account may not read what is needed; the message names the privilege.
    :raises BinlogError: the binlog is off, purged, damaged, or the connection broke while it was read.
    :raises IdentityError: the source reached is not the channel's.
    """
    with connect(request.login) as replica:
        server = reader.read_server(replica)
        channel = _channel(server, request)
        prepared = _check_replica(replica, server, channel)
        login = request.source_login(channel)
        with connect(login) as connection:
            source = reader.read_server(connection, role="source")
            _check_source(source, server, channel)
            search = Search(request, replica, connection, login, server, source, channel, prepared)
            report = search.report()
        _check_unmoved(replica, server, channel)
    return report


def _channel(server: Server, request: Request) -> Optional[Channel]:
    if not server.channels and request.channel is None and request.source_named:
        return None  # a restored server without a channel
    return permit.pick_channel(server, request.channel)


def _check_replica(connection: Connection, server: Server, channel: Optional[Channel]) -> bool:
    """Whether there may be prepared XA transactions: not when the account may see that there are none."""
    if channel is not None and channel.applier != STOPPED:
        raise RefusedError(
            "find the position of %s" % channel.label,
            server.address,
            "its applier is running, so that the rows change while they are read",
            "Stop the applier (replica_channel with state stopped, threads applier); the receiver may go on.",
        )
    try:
        prepared = connection.query("XA RECOVER")
    except (PrivilegeError, ServerError) as error:
        if isinstance(error, ServerError) and error.number in (0, 2006, 2013):
            raise
        return True
    if prepared:
        raise RefusedError(
            "find the position",
            server.address,
            "%d XA transactions are prepared there, whose rows cannot be seen" % len(prepared),
            "Commit or roll them back first (XA RECOVER lists them).",
        )
    return False


def _check_source(source: Server, server: Server, channel: Optional[Channel]) -> None:
    if channel is not None:
        permit.check_source(channel, source, server)
    elif source.identity == server.identity and source.server_id == server.server_id:
        raise RefusedError("find the position", server.address, "option source leads to the replica itself")
    refused = source.unreadable.get("binlog_status")
    if refused is not None:
        raise PrivilegeError(
            refused.number,
            "read the source's binlog status",
            source.address,
            refused.text,
            "The account needs REPLICATION CLIENT (MariaDB: BINLOG MONITOR) and REPLICATION SLAVE on the source.",
        )
    if source.binlog_end is None:
        raise BinlogError(
            "read the binlog",
            source.address,
            "it has none (log_bin is off)",
            "Without the source's binlog nothing tells where the replica's data is; compare or rebuild instead.",
        )


def _check_unmoved(connection: Connection, before: Server, channel: Optional[Channel]) -> None:
    """Raises StateMovedError when the applier has run in the meantime."""
    if channel is None:
        return
    now = reader.read_server(connection)
    again = now.channel(channel.name)
    if (
        again is None
        or again.applier != STOPPED
        or again.executed != channel.executed
        or now.executed != before.executed
    ):
        raise StateMovedError(
            "say where %s is" % channel.label,
            before.address,
            "it has moved while its rows were read",
            "Stop the applier and whatever starts it, then look again.",
        )


def _ignored(server: Server, channel: Optional[Channel]) -> Tuple[int, ...]:
    """The servers whose transactions the replica leaves out: itself, and those it was told to ignore."""
    own = () if server.flag("replicate_same_server_id") else (server.server_id,)
    told = str(channel.settings.get("ignore_server_ids", "")) if channel is not None else ""
    return own + tuple(int(number) for number in told.replace(",", " ").split() if number.isdigit())


class Search:
    """One search, with what it needs."""

    def __init__(
        self,
        request: Request,
        replica: Connection,
        connection: Connection,
        login: Login,
        server: Server,
        source: Server,
        channel: Optional[Channel],
        prepared: bool = True,
    ) -> None:
        self.request, self.server, self.source, self.channel = request, server, source, channel
        self.prepared = prepared
        if source.binlog_end is None:
            raise ValueError("the source has no binlog")
        # Fixed now: the source may go on writing.
        self.end: Coordinates = source.binlog_end
        recorded = locate_begin.recorded_of(server, channel, request.start)
        self.begin: Begin = locate_begin.begin(connection, recorded)
        self.tables = Tables(replica, connection, server, channel)
        self.rows = Rows(self.tables)
        known = recorded if isinstance(recorded, (GtidSet, GtidPosition)) else None
        self.reader = Reader(
            login, self.tables, self.rows, deadline_in(request.timeout), known, _ignored(server, channel)
        )
        self.connection = connection

    def report(self) -> Report:
        """Search, and say what was found."""
        verify = self.request.verify or (WINDOW if self.begin.recorded is None else FULL)
        found: Optional[Report] = None
        if verify == WINDOW:
            found = locate_window.search(self)
        return found if found is not None else self.full()

    def full(self) -> Report:
        """Count everything from the beginning to the end of the binlog."""
        begin = self.begin
        return self.stretch(begin.head, self.end, begin.decode_from, FULL)

    def stretch(
        self,
        start: Coordinates,
        stop: Coordinates,
        decode_from: Optional[Coordinates],
        scope: str,
        base: Union[GtidSet, GtidPosition, None] = None,
    ) -> Report:
        """Count a stretch and judge it."""
        voting = Voting(self.tables.differing())
        scan = self.reader.run(voting, start, stop, decode_from, base)
        if scan.own:
            voting = Voting(self.tables.differing())
            scan = self.reader.run(voting, start, stop, decode_from, base)
        tally = voting.finish(self.reader.present)
        around = self.circumstances(scan, scope, stop)
        found, around = self._ordered(judge(tally, scan.track, around), tally, scan.track, around)
        if found.kind == answers.NOWHERE:
            found = self._refined(found, voting, tally, scan.track, around)
        found = self._defined(found, voting)
        rows, count = self._rows(found, scan.track, stop)
        return Report(
            answer=found,
            track=scan.track,
            recorded=self.begin.recorded,
            executed=self.server.executed,
            silent={"%s.%s" % pair: why for pair, why in sorted(tally.silent.items())},
            rows=tuple(rows),
            rows_count=count,
            definitions=self._against(found, voting),
            bytes_read=self.reader.bytes_read,
            rows_read=self.rows.read,
            mariadb=self.server.flavour.is_mariadb,
        )

    def _defined(self, found: Answer, voting: Voting) -> Answer:
        """That an object is there does not say that it is the same one: definitions must be equal as well."""
        if found.boundary is None:
            return found
        differing = self.tables.unlike(voting.defined_until(found.boundary.index))
        if not differing:
            return found
        why = "all rows agree with %s, but the definition of %s, changed before it and not after it, differs"
        why %= (found.boundary.coordinates, ", ".join(differing))
        return replace(found, kind=answers.UNDECIDED, boundary=None, why=why)

    def _against(self, found: Answer, voting: Voting) -> Tuple[Tuple[Object, bool], ...]:
        """The definitions that contradict the closest boundary."""
        if found.closest is None:
            return ()
        return tuple(against(voting.objects, voting.time, found.closest.index, self.reader.present))

    def circumstances(self, scan: Scan, scope: str, stop: Coordinates) -> Circumstances:
        """What is known besides the count."""
        recorded = scan.recorded
        if isinstance(self.begin.recorded, Coordinates):
            recorded = scan.track.index_at(self.begin.recorded)
        empty = isinstance(scan.track.base, (GtidSet, GtidPosition)) and not scan.track.base
        gtids = bool(len(scan.track) and scan.track.gtid(1))
        failing = None
        if self.channel is not None and self.channel.applier_fault is not None and recorded is not None:
            failing = recorded + 1
        return Circumstances(
            scope=scope,
            complete_start=empty and gtids,
            complete_end=stop == self.end,
            recorded=recorded,
            failing=failing,
            prepared=self.prepared,
            apart=locate_order.apart(self.server, self.channel, scan.track),
        )

    def _ordered(
        self, found: Answer, tally: Tally, track: Track, around: Circumstances
    ) -> Tuple[Answer, Circumstances]:
        """The answer with what is known of the order that several appliers keep, where that may decide."""
        if not around.apart or found.kind not in (answers.RANGE, answers.NOWHERE):
            return found, around
        first, last = refinement.region(tally)
        if found.first is not None and found.last is not None:
            first, last = found.first.index, found.last.index
        low, high = max(first - around.apart, 0) + 1, min(last + around.apart, len(track))
        around = replace(around, order=locate_order.read(self.reader, self.server, track, low, high))
        return judge(tally, track, around), around

    def _refined(self, found: Answer, whole: Voting, tally: Tally, track: Track, around: Circumstances) -> Answer:
        """A mixed state or an applied set, where it is one."""
        first, last = refinement.region(tally)
        if first >= last:
            return found
        again = SecondLook(refinement.MOST_CHANGES, self.tables.differing())
        self.reader.run(again, track.coordinates(first), track.coordinates(last))
        part = again.finish(self.reader.present)
        parallel = self.channel is not None and (self.channel.parallel > 1 or self.channel.mode == GTID)
        return refinement.refine(found, tally, part, first, again, whole, track, around, parallel)

    def _rows(self, found: Answer, track: Track, stop: Coordinates) -> Tuple[List[DivergedRow], int]:
        """The rows that are not as they should be: at the end of a mixed range, or at the closest boundary."""
        target = found.last if found.kind == answers.MIXED else found.closest if found.kind == answers.NOWHERE else None
        if target is None:
            return [], 0
        whole = self.request.show == "full"
        suspects = Suspects(target.index)
        self.reader.run(suspects, track.coordinates(0), stop, whole=whole)
        rows = suspects.rows()
        shown = [
            self._row(table, key, image, whole)
            for table, key, image in rows[: self.request.shown if self.request.show != "none" else 0]
        ]
        return shown, len(rows)

    def _row(self, table: Tuple[str, str], key: Tuple[object, ...], image: object, whole: bool) -> DivergedRow:
        side = self.tables.side(table)
        view = self.tables.view(table)
        if side is None or view.compared is None:
            raise ReplicaError("read %s.%s" % table, self.server.address, "it is not there any more")
        columns = tuple(side.columns[at] for at in view.compared)
        keys = tuple(side.columns[at] for at in view.key)
        row = DivergedRow("%s.%s" % self.tables.real(table), keys, key, columns)
        if not whole:
            return row
        now = self.rows.images(table, [key])
        return replace(
            row,
            complete=True,
            found=now[0][1] if now else None,
            wanted=image if isinstance(image, tuple) else None,
        )
