# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A point at which source and replica can be compared row by row and the replica may be written: the applier stands at
it, and the source shows it in a read view."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Callable, Iterator, Optional, Tuple

from .._core.commit_point import CommitPoint
from .._core.errors import RefusedError, ReplicaError
from .._core.gtid_mysql import Gtid, GtidSet
from .._core.permit import check_source
from .._core.snapshot import Coordinates, Server
from .._core.touched import Touched
from . import compare_catalog as catalog
from . import snapshot_point, touched
from .applier_pause import MissedPointError, Pause
from .change import Target
from .compare_side import Side
from .connect import Connection, Login, connect
from .probe import Probed, probe
from .reader import read_server
from .row_repair_pending import Point
from .sections import SOURCE

STATEMENT_SECONDS = 300.0
STOP_SECONDS = 60.0
VIEW_SECONDS = 60.0
# A point that a transaction may be missing from is given up for another one so often.
TRIES = 10


@dataclass
class Meeting:
    """Both sides at one point.

    :param work: a connection to the source for everything but the rows of the view.
    :param source: the source's rows at the point.
    :param point: in the source's history.
    :param behind: what the source changed between the replica's applied point and the point; None when the replica is
        at the point.
    :param until: where the source was when the tables without a read view had been read; None before.
    """

    pause: Pause
    work: Connection
    source: Side
    probed: Probed
    server: Server
    point: CommitPoint
    behind: Optional[Touched]
    _held: ExitStack
    until: Optional[CommitPoint] = None

    def release(self) -> None:
        """Let the applier go on, if it ran; the view stays."""
        self._held.close()

    def since(self, folds: bool, until: Optional[CommitPoint] = None) -> Touched:
        """What the source changed after the point, up to now or to an earlier point."""
        try:
            stop = until or snapshot_point.end(self.work, self.probed)
            found = touched.touched(self.work, self.point.coordinates, stop.coordinates)
            return found.folded() if folds else found
        except ReplicaError as error:
            return Touched(everything=True, why=str(error))


@contextmanager
def meeting(aim: Target, login: Login, start_stopped: bool, deadline: float, quiet: bool = False) -> Iterator[Meeting]:
    """Stop the applier, open a read view on the source, and let the applier run up to the view's point.

    The applier runs again at the end, or when it is released, if it ran before. One that was found stopped is left
    where it is, unless ``start_stopped``; then ``behind`` tells what the source changed since.

    :param deadline: on the monotonic clock.
    :param quiet: look for a point at which nobody has written the source since, as what has no read view is read there.
    :raises ReplicaError: the point was not reached, or the applier cannot be started again.
    """
    with ExitStack() as stack:
        work = stack.enter_context(connect(login))
        probed = probe(work)
        server = read_server(work, probed, SOURCE)
        check_source(aim.channel, server, aim.server)
        view = stack.enter_context(connect(login))
        view.set_deadline(STATEMENT_SECONDS)
        watch = None if snapshot_point.gives_locks_back(view, probed) else work
        by_gtid = not probed.flavour.is_mariadb and server.flag("gtid_mode") and aim.server.flag("gtid_mode")
        held = stack.enter_context(ExitStack())
        seconds = min(STOP_SECONDS, max(deadline - time.monotonic(), 1.0))
        pause = held.enter_context(Pause(aim.connection, aim.probed, aim.verbs, by_gtid, seconds))
        # With GTIDs that are counted at the commit (MySQL 5.7 and later) the replica's coordinates clear a doubt.
        counted = by_gtid and probed.flavour.version >= (5, 7, 0)

        def behind_of(point: CommitPoint) -> Touched:
            return _behind(aim, login, pause, work, point, by_gtid)

        point, behind = _meet(pause, work, view, probed, counted, start_stopped, deadline, quiet, behind_of)
        yield Meeting(pause, work, Side(view, True, watch), probed, server, point, behind, held)


def _meet(
    pause: Pause,
    work: Connection,
    view: Connection,
    probed: Probed,
    counted: bool,
    start_stopped: bool,
    deadline: float,
    quiet: bool,
    behind_of: Callable[[CommitPoint], Touched],
) -> Tuple[CommitPoint, Optional[Touched]]:
    for number in range(TRIES):
        left = min(VIEW_SECONDS, max(deadline - time.monotonic(), 1.0))
        point = snapshot_point.open_view(view, probed, left, 0.0 if counted and number < TRIES // 2 else left)
        behind: Optional[Touched] = None
        if pause.ran or start_stopped or pause.is_at(work, point):
            try:
                pause.advance(work, point, deadline)
            except MissedPointError:
                if number == TRIES - 1:
                    raise
                snapshot_point.close_view(view)
                continue
            if counted and point.doubtful and pause.at_coordinates(point):
                point = replace(point, doubtful=False)
        else:
            behind = behind_of(point)
        moved = quiet and number < TRIES - 1 and snapshot_point.end(work, probed).coordinates != point.coordinates
        if not point.doubtful and not moved:
            return point, behind
        snapshot_point.close_view(view)
    raise ReplicaError(
        "compare at a point of the source", work.address,
        "in %d tries a transaction was being committed each time" % TRIES,
        "Try again when there is less writing.",
    )  # fmt: skip


def _behind(aim: Target, login: Login, pause: Pause, work: Connection, point: CommitPoint, by_gtid: bool) -> Touched:
    """What the source changed since the point at which the stopped applier stands.

    An applier of MySQL that an error stopped shows the coordinates of its last checkpoint, up to 300 ms before the end
    of what it has applied (replica_checkpoint_period; measured on 9.7): that is left out.
    """
    at = pause.look().executed
    if at is None:
        raise RefusedError("compare rows", pause.where, "the applier is stopped, and where it stands is not known")
    applied = pause.executed() if by_gtid else GtidSet()

    def is_applied(text: str) -> bool:
        gtid = Gtid.parse_optional(text) if by_gtid else None
        return gtid is not None and gtid in applied

    if not by_gtid:
        with suppress(RefusedError):  # then it is not known how much later it is
            start = Point(aim.connection, login, aim.server, aim.channel).start
            at = start if isinstance(start, Coordinates) else at
    try:
        found = touched.touched(work, at, point.coordinates, is_applied)
        return found.folded() if catalog.folds_names(work) else found
    except ReplicaError as error:
        return Touched(everything=True, why=str(error))
