# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pauses the applier of a channel at an exact point and puts it back into the state it was found in.

Only the applier is stopped: a stopped receiver can make a semi-synchronous source hang at its next commit.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import Any, Dict, NoReturn, Optional

from .._core.channel_plan import APPLIER, Point, Verbs, until_text
from .._core.commit_point import CommitPoint, gtids_exact, gtids_reached
from .._core.errors import PrivilegeError, RefusedError, ReplicaError, ServerError
from .._core.glance import Glance, glance_from, row_of
from .._core.gtid_mysql import GtidSet
from .._core.plan import STOP, Step
from . import execute
from .connect import Connection, connect
from .probe import Probed
from .touched import same_state
from .wait import TimedOutError, glance, wait_for

POLL_SECONDS = 0.05
RESTART_SECONDS = 30.0


class MissedPointError(ReplicaError):
    """The applier stopped elsewhere than at the point: on MariaDB, rarely, a transaction behind it."""


class Pause:
    """The applier of one channel, stopped while the block runs and started again at its end when it ran before.

    :param by_gtid: MySQL with GTIDs on both sides: points are compared as sets, which need no coordinates.
    """

    def __init__(self, replica: Connection, probed: Probed, verbs: Verbs, by_gtid: bool, timeout: float) -> None:
        self._replica = replica
        self._probed = probed
        self._verbs = verbs
        self._by_gtid = by_gtid
        self._timeout = timeout
        self.ran = False
        self._handlers: Dict[int, Any] = {}

    @property
    def where(self) -> str:
        """The replica and channel, for messages."""
        return self._replica.address + (", channel '%s'" % self._verbs.name if self._verbs.name else "")

    def __enter__(self) -> Pause:
        self._refuse_until()
        self.ran = self.look().applier == "Yes"
        self._handlers = _on_signals(_end)
        try:
            if self.ran:
                self._stop()
        except PrivilegeError:
            # It runs as before.
            self._put_handlers_back()
            raise
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *details: object) -> None:
        _on_signals(signal.SIG_IGN)
        try:
            if self.ran:
                self._restore()
            elif self.look().applier == "Yes":
                self._stop()  # it was found stopped, and an error left it on its way to the point
        finally:
            self._put_handlers_back()

    def _put_handlers_back(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def look(self) -> Glance:
        """The channel's status now. Raises ReplicaError when the channel is gone."""
        return glance(self._replica, self._probed, self._verbs.name)

    def _refuse_until(self) -> None:
        """Refuse an applier that runs with somebody's UNTIL condition: it would be started again without it."""
        row = row_of(self._replica.query(self._probed.dialect.show_status), self._probed.dialect, self._verbs.name)
        condition = str((row or {}).get("Until_Condition") or "None")
        if row is None or condition == "None" or glance_from(row, self._probed.dialect).applier != "Yes":
            return
        file, position = str(row.get("Until_Log_File") or ""), row.get("Until_Log_Pos")
        condition += " %s:%s" % (file, position) if file else ""
        raise RefusedError(
            "pause the applier",
            self.where,
            "it runs with an UNTIL condition (%s), which it would lose" % condition,
            "Compare once it has stopped there; a comparison that was killed leaves such a condition, too.",
            {"until": condition},
        )

    def advance(self, source: Connection, point: CommitPoint, deadline: float) -> None:
        """Let the applier run up to the point and no further.

        :param source: a connection which is not the one that holds the read view.
        :param deadline: on the monotonic clock.
        :raises MissedPointError: the applier is not exactly there.
        :raises ReplicaError: the applier stopped with an error, or did not get there in time.
        """
        if not self.is_at(source, point):
            self._replica.execute(self._verbs.start(APPLIER, self._until(point)))
            self._wait_until(point, deadline)
            # It may have got there without seeing it: UNTIL is looked at when the next event comes.
            if self.look().applier == "Yes":
                self._stop()
        if not self.is_at(source, point):
            raise MissedPointError(
                "stop the applier exactly at %s" % point,
                self.where,
                "it stands at %s" % (self.look().executed or "an unknown point"),
                "Something else moved it; look at who else starts and stops it, then try again.",
            )

    def is_at(self, source: Connection, point: CommitPoint) -> bool:
        """Whether the applier is stopped at exactly that point of the source."""
        now = self.look()
        if now.applier == "Yes":
            return False
        if self._by_gtid:
            return gtids_exact(self.executed(), GtidSet.parse(point.gtids), self.executed(source))
        return now.executed is not None and same_state(source, now.executed, point.coordinates)

    def at_coordinates(self, point: CommitPoint) -> bool:
        """Whether the applier's coordinates are the end of the binlog at the point: it has all that was in it."""
        return self.look().executed == point.coordinates

    def executed(self, connection: Optional[Connection] = None) -> GtidSet:
        """The GTIDs that a server of MySQL has executed: the replica, or that of another connection."""
        row = (connection or self._replica).one("SELECT @@GLOBAL.gtid_executed AS executed") or {}
        return GtidSet.parse(str(row.get("executed") or ""))

    def _until(self, point: CommitPoint) -> str:
        if self._by_gtid:
            missing = GtidSet.parse(point.gtids).subtract(self.executed())
            return until_text(self._verbs, Point(gtids=missing))
        return until_text(self._verbs, Point(coordinates=point.coordinates))

    def _wait_until(self, point: CommitPoint, deadline: float) -> None:
        while True:
            now = self.look()
            if now.applier != "Yes":
                # Raises the error that stopped it, with the worker's cause; returns at once when there is none.
                wait_for("until_reached", self._replica, self._probed, self._verbs.name, 0)
                if now.applier_fault is not None:
                    raise ReplicaError("apply up to %s" % point, self.where, now.applier_fault.text)
                return
            if self._by_gtid and gtids_reached(self.executed(), GtidSet.parse(point.gtids)):
                return
            if not self._by_gtid and now.executed == point.coordinates:
                return
            if time.monotonic() > deadline:
                raise TimedOutError(
                    "compare at %s" % point,
                    self.where,
                    "the applier has only come to %s when the time was up (%s)"
                    % (now.executed or "an unknown point", now.applier_state or "no state"),
                    "Give a longer timeout, or compare when the replica lags less.",
                    {"lag": True},
                )
            time.sleep(POLL_SECONDS)

    def _stop(self) -> None:
        step = Step(self._verbs.stop(APPLIER), "applier_stopped", STOP)
        execute.run((step,), self._replica, self._probed, self._verbs.name, execute.Journal(), self._timeout)

    def _restore(self) -> None:
        """Start the applier without any UNTIL and see it run, over a new connection when the old one is broken."""
        try:
            self._start(self._replica)
        except execute.StopPendingError as error:
            raise self._not_restored(error) from error
        except ReplicaError:
            try:
                with connect(self._replica.login) as another:
                    self._start(another)
            except ReplicaError as error:
                raise self._not_restored(error) from error

    def _not_restored(self, error: ReplicaError) -> ReplicaError:
        return ReplicaError(
            "start the applier again, which ran before it was paused",
            self.where,
            str(error),
            "Run there, once it has stopped: %s" % self._verbs.start(APPLIER).display(),
        )

    def _start(self, connection: Connection) -> None:
        name = self._verbs.name
        # One that still runs has an UNTIL, or a STOP that is pending: both must be over before START means anything.
        if glance(connection, self._probed, name).applier == "Yes":
            step = Step(self._verbs.stop(APPLIER), "applier_stopped", STOP)
            execute.run((step,), connection, self._probed, name, execute.Journal(), self._timeout)
        try:
            connection.execute(self._verbs.start(APPLIER))
        except ServerError:
            if glance(connection, self._probed, name).applier != "Yes":
                raise
        wait_for("applier_running", connection, self._probed, name, RESTART_SECONDS)


def _end(number: int, _frame: object) -> NoReturn:
    """A job that is cancelled must not leave the applier stopped, so that its end is an exception."""
    raise SystemExit(128 + number)


def _on_signals(handler: Any) -> Dict[int, Any]:
    """Handle the signals that end a job in this way; the handlers that were there before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}


def refuse_stopped(pause: Pause, point: CommitPoint, until: str) -> RefusedError:
    """The refusal for an applier that was found stopped and would have to be started to be compared.

    :param until: the UNTIL condition that it was last started with; '' for none.
    """
    why = " by an UNTIL condition, as a comparison that was killed leaves it," if until else ""
    stands = pause.look().executed or "an unknown point"
    return RefusedError(
        "compare the tables",
        pause.where,
        "the applier is stopped%s at %s and the source is at %s" % (why, stands, point),
        "Start it, or set start_stopped to true to let it run up to the source's point and stop there again.",
        {"source_point": str(point)},
    )
