# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A comparison from beginning to end: which tables, one round or a few, and the report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from .._core import compare as words
from .._core import compare_scope as scope
from .._core.channel_plan import APPLIER, Verbs
from .._core.commit_point import CommitPoint
from .._core.compare import Report
from .._core.compare_progress import Pair, Progress
from .._core.compare_rows import Table
from .._core.errors import BadInputError, RefusedError
from .._core.permit import check_skip_counter
from .._core.plan import Step
from .._core.snapshot import RUNNING, Channel, Server
from . import compare_catalog as catalog
from . import snapshot_point, touched
from .compare_round import Round, Select, Setting
from .compare_side import Limits
from .connect import Connection, Login, connect
from .lock import advisory_lock
from .probe import Probed, probe


@dataclass(frozen=True)
class Request:
    """What to compare.

    :param tables: ``schema.table``, ``schema.*`` or ``all``; empty with ``since``.
    :param since: a point in the source's binlog: the tables changed after it are compared.
    :param start_stopped: an applier that was found stopped may run up to the source's point.
    :param slice_seconds: how long one call works before it leaves the rest to the next; None: until all is done.
    :param max_lag: rows are read only while the replica is at most so many seconds behind.
    """

    tables: Tuple[str, ...] = ()
    since: str = ""
    start_stopped: bool = False
    max_rows: int = 1000000
    chunk: int = 100000
    timeout: float = 300.0
    show: str = "keys"
    shown: int = 20
    slice_seconds: Optional[int] = None
    max_lag: Optional[int] = None

    @property
    def whole(self) -> bool:
        """Whether everything is compared, views, routines, triggers and events as well."""
        return "all" in self.tables


class Run:
    """One comparison between a replica's channel and its source.

    :param connection: to the replica, whose advisory lock it holds.
    :param login: how to reach the source.
    """

    def __init__(
        self, connection: Connection, replica: Server, channel: Channel, login: Login, request: Request
    ) -> None:
        limits = Limits(
            request.max_rows, time.monotonic() + request.timeout, request.chunk, request.show, request.shown
        )
        if request.slice_seconds is not None:
            limits.until = time.monotonic() + request.slice_seconds
        self._request = request
        self._setting = Setting(
            connection, probe(connection), replica, channel, login, limits, request.start_stopped, request.max_lag
        )
        self._pairs: List[Pair] = []
        self.point: Optional[CommitPoint] = None
        self._note = ""
        self._unseen: Dict[Pair, str] = {}

    def selected(self) -> List[str]:
        """The tables that would be compared, for check mode. Reads only.

        :raises ReplicaError: the source is not the channel's, or a table that was named does not exist.
        """
        with connect(self._setting.login) as source:
            probed = self._setting.checked(source)[0]
            mine, theirs = catalog.tables(source), catalog.tables(self._setting.connection)
            pairs = self._select(source, probed, mine, theirs, snapshot_point.end(source, probed))
            pairs += [pair for pair in self._unseen if pair[0] and pair not in pairs]
            return sorted("%s.%s" % pair for pair in pairs)

    def queries(self) -> List[str]:
        """What runs on the replica to pause the applier, for check mode."""
        channel, features = self._setting.channel, self._setting.replica.features
        verbs = Verbs(self._setting.probed.dialect, features.channels, channel.name)
        if channel.applier != RUNNING:
            return []
        start = verbs.start(APPLIER).display()
        return [verbs.stop(APPLIER).display(), verbs.start(APPLIER, "(the source's point)").display(), start]

    def key(self) -> str:
        """What is compared, as text: a comparison is taken up only by one of the same."""
        request, own = self._request, self._setting
        parts = [own.replica.identity, own.channel.name, request.since, *sorted(request.tables)]
        return "\n".join(str(part) for part in parts)

    def compare(self, progress: Progress) -> bool:
        """Compare what is left, and leave the applier as it was found.

        :param progress: how far earlier slices have come; kept up to date.
        :returns: whether all is done; False when the slice's time was up before.
        :raises ReplicaError: no common point was reached, or a connection broke before anything was compared.
        """
        self._refuse_delay()
        self._refuse_blocked()
        self._refuse_counter()
        limits = self._setting.limits
        limits.rows -= progress.rows
        divisible = limits.until is not None
        with advisory_lock(self._setting.connection, self._setting.channel.name):
            while True:
                whole = self._request.whole and progress.objects is None
                begun, again = progress.begun if divisible else None, bool(progress.again)
                now = Round(self._setting, self._left(progress), whole, begun, again)
                found = now.run()
                self.point = now.point
                progress.add(found, bool(now.point and now.point.doubtful))
                if whole:
                    progress.objects = now.objects
                progress.slices += 1
                if not progress.left(self._pairs):
                    break
                if limits.paused():
                    return False
                if limits.exceeded():
                    break
        self._leave_out(progress)
        return True

    def report(self, progress: Progress) -> Report:
        """What all slices found together."""
        outcomes = {pair: progress.outcomes[pair] for pair in sorted(progress.outcomes)}
        at = str(self.point) if progress.slices == 1 else "%d points up to %s" % (progress.slices, self.point)
        return Report(
            self._setting.login.address,
            self._setting.connection.address,
            at,
            tuple(outcomes.values()),
            self._request.whole,
            progress.objects or (),
            self._note,
            self._request.since,
        )

    def so_far(self, progress: Progress) -> Dict[str, int]:
        """Tables and rows that are done, for people who wait."""
        return progress.summary(self._pairs)

    def message_so_far(self, progress: Progress) -> str:
        """One line for people who wait."""
        return progress.message(self._pairs)

    def _left(self, progress: Progress) -> Select:
        """Names the tables that are still to be read, once the point is known."""

        def left(
            source: Connection,
            probed: Probed,
            mine: Dict[Pair, Table],
            theirs: Dict[Pair, Table],
            point: CommitPoint,
        ) -> List[Pair]:
            if not self._pairs:
                self._pairs = self._select(source, probed, mine, theirs, point)
            return progress.left(self._pairs)

        return left

    def _leave_out(self, progress: Progress) -> None:
        """Note what cannot be told of for want of privileges."""
        for pair, reason in self._unseen.items():
            progress.outcomes[pair] = words.undecided("%s.%s" % pair if pair[0] else pair[1], reason)
        if ("", "all") in self._unseen:
            # What one account cannot see is not missing.
            progress.objects = tuple(found for found in progress.objects or () if found.what == words.DEFINITION)

    def _select(
        self,
        source: Connection,
        probed: Probed,
        mine: Dict[Pair, Table],
        theirs: Dict[Pair, Table],
        stop: CommitPoint,
    ) -> List[Pair]:
        """The tables that the request means at a point; notes what cannot be told of for want of privileges.

        :raises BadInputError: one was named that neither side has.
        """
        replica = self._setting.connection
        pairs, unmatched = words.select(self._request.tables, mine, theirs)
        if unmatched:
            raise BadInputError(
                "Neither the source nor the replica has %s, or the accounts may not see it" % ", ".join(unmatched),
                advice="Option tables takes schema.table, schema.* or all.",
            )
        if self._request.since:
            found = touched.since(source, probed, self._request.since, stop.coordinates)
            if catalog.folds_names(source) or catalog.folds_names(replica):
                found = found.folded()
            if found.everything:
                self._note = "Option since means every table here, because of %s." % found.why
            known = (*mine, *theirs)
            keys = [] if found.everything else catalog.foreign_keys(source) + catalog.foreign_keys(replica)
            pairs += [pair for pair in scope.changed(found, known, keys) if pair not in pairs]
            self._unseen.update(dict.fromkeys(scope.hidden(found, known, catalog.SYSTEM_SCHEMAS), scope.HIDDEN))
        if len(self._setting.replica.channels) > 1:
            pairs = scope.of_this_source(pairs, mine, self._request.tables)
        sides = [(server.address, catalog.visible(server)) for server in (source, replica)]
        request = self._request
        self._unseen.update(scope.unseen(request.tables, request.since, pairs, sides, catalog.SYSTEM_SCHEMAS))
        return [pair for pair in pairs if pair not in self._unseen]

    def _refuse_delay(self) -> None:
        """Refuse a replica whose configured delay is longer than the timeout; a delay is never shortened."""
        delay = self._setting.channel.delay
        if delay and delay >= self._request.timeout:
            raise RefusedError(
                "compare the tables",
                self._setting.connection.address,
                "the replica is delayed by %d s, longer than the timeout of %g s" % (delay, self._request.timeout),
                "Give a timeout longer than the delay: the comparison waits until the replica is at the point.",
                {"delay": delay},
            )

    def _refuse_blocked(self) -> None:
        """Refuse while the applier waits for somebody's lock: a STOP would hang and take effect later by itself."""
        blockers = self._setting.replica.blockers
        if self._setting.channel.applier == RUNNING and blockers:
            first = blockers[0]
            who = "connection %d of %s" % (first.process.number, first.process.user) if first.process else "somebody"
            raise RefusedError(
                "compare the tables",
                self._setting.connection.address,
                "the applier waits for a %s lock that %s holds" % (first.kind, who),
                "Compare when it goes on; replica_status tells more about who blocks it.",
                {"blocker": first.process.number if first.process else 0},
            )

    def _refuse_counter(self) -> None:
        """Refuse to run an applier up to the point while a skip counter waits: it would leave a transaction out."""
        channel, replica = self._setting.channel, self._setting.replica
        verbs = Verbs(self._setting.probed.dialect, replica.features.channels, channel.name)
        check_skip_counter(replica, channel, (Step(verbs.start(APPLIER)),), "compare the tables")
