# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One round of a comparison: pause the applier, open a read view on each side at one point, let the applier go on, read
both views, and take back what a later change may have caused."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from .._core import compare as words
from .._core import permit
from .._core.channel_plan import Verbs
from .._core.commit_point import CommitPoint
from .._core.compare import DEFINITION, Difference, TableOutcome
from .._core.compare_alter import alter
from .._core.compare_definition import differences
from .._core.compare_progress import Found, Pair
from .._core.compare_rows import BASE_TABLE, SEQUENCE, SNAPSHOT_ENGINES, STATIC_ENGINES, Table, comparable
from .._core.errors import ReplicaError, ServerError
from .._core.glance import row_of
from .._core.snapshot import Channel, Server
from .._core.touched import Touched
from . import compare_catalog as catalog
from . import snapshot_point, touched
from .applier_pause import MissedPointError, Pause, refuse_stopped
from .compare import TableReader
from .compare_side import Limits, Side, YieldedError, reason_of
from .connect import Connection, Login, connect
from .driver_errors import CONNECTION_LOST
from .probe import Probed, probe
from .reader import read_server

STATEMENT_SECONDS = 300.0
STOP_SECONDS = 60.0
VIEW_SECONDS = 60.0
# A point after which the source was written already is given up for another one so often.
QUIET_TRIES = 10
MISSED_TRIES = 3

LAG_POLL_SECONDS = 0.5

Select = Callable[[Connection, Probed, Dict[Pair, Table], Dict[Pair, Table], CommitPoint], List[Pair]]


@dataclass(frozen=True)
class Setting:
    """What all rounds of a comparison share.

    :param connection: to the replica, with what was probed of it.
    :param login: how to reach the source.
    :param max_lag: no rows are read while the replica is further behind than so many seconds; None: never wait.
    """

    connection: Connection
    probed: Probed
    replica: Server
    channel: Channel
    login: Login
    limits: Limits
    start_stopped: bool
    max_lag: Optional[int] = None

    def checked(self, source: Connection) -> Tuple[Probed, Server]:
        """What the server at the other end of a connection is.

        :raises IdentityError: it is not the channel's source.
        """
        probed = probe(source)
        server = read_server(source, probed, "source")
        permit.check_source(self.channel, server, self.replica)
        return probed, server

    def spare(self) -> None:
        """Wait while the replica is further behind than it may be, as long as there is time."""
        if self.max_lag is None:
            return
        dialect = self.probed.dialect
        while not self.limits.paused() and not self.limits.exceeded():
            row = row_of(self.connection.query(dialect.show_status), dialect, self.channel.name) or {}
            lag = row.get(dialect.columns["seconds_behind"])
            if lag is None or int(lag) <= self.max_lag:
                return
            time.sleep(LAG_POLL_SECONDS)


@dataclass
class _Plan:
    """A table on both sides while it is compared; None where a side has none."""

    pair: Pair
    source: Optional[Table]
    replica: Optional[Table]
    texts: Tuple[str, str] = ("", "")
    outcome: Optional[TableOutcome] = None

    @property
    def name(self) -> str:
        return "%s.%s" % self.pair

    @property
    def live(self) -> bool:
        """Whether a side has no read view of this table, so that it is read while the applier stands still."""
        return any(t is not None and not t.in_views for t in (self.source, self.replica))

    def suspect(self) -> bool:
        """Whether what was found may come from a change after the point."""
        if self.outcome is None:
            return False
        if self.live and self.source is not None and self.replica is not None:
            return self.outcome.decided
        return any(difference.what != words.ROWS for difference in self.outcome.differences)


def _definition(plan: _Plan) -> Tuple[Difference, ...]:
    """How a table's definition differs, and what would make it the source's."""
    own = differences(plan.texts[0], plan.texts[1])
    if own == ((), ()):
        return ()
    mend = alter(plan.pair[0], plan.pair[1], plan.texts[0], plan.texts[1])
    return (Difference(plan.name, DEFINITION, own[0], own[1], alter=mend.statements, refused=mend.refused),)


class Round:
    """One comparison at one point.

    :param select: names the tables, once the point is known.
    :param whole: compare views, routines, triggers and events as well.
    :param begun: what earlier slices found in tables that they left in the middle; kept up to date. None when all is
        to be done at once.
    :param quiet: look for a point at which nobody has written the source since, as what has no read view is read there.
    """

    def __init__(
        self,
        setting: Setting,
        select: Select,
        whole: bool,
        begun: Optional[Dict[Pair, Found]] = None,
        quiet: bool = False,
    ) -> None:
        self._setting = setting
        self._select = select
        self._whole = whole
        self._begun = begun
        self._quiet = quiet
        self.point: Optional[CommitPoint] = None
        self.objects: Tuple[Difference, ...] = ()
        self._read_any = False

    def run(self) -> Dict[Pair, TableOutcome]:
        """Compare the tables that were selected; those that were read to their end.

        :raises ReplicaError: the point was not reached, or the applier cannot be started again.
        """
        own = self._setting
        with ExitStack() as stack:
            work = stack.enter_context(connect(own.login))
            probed, server = own.checked(work)
            view = stack.enter_context(connect(own.login))
            frozen = stack.enter_context(connect(own.connection.login))
            for connection in (view, frozen):
                connection.set_deadline(STATEMENT_SECONDS)
            watches = (
                None if snapshot_point.gives_locks_back(view, probed) else work,
                None if snapshot_point.gives_locks_back(frozen, own.probed) else own.connection,
            )
            pool = stack.enter_context(ThreadPoolExecutor(max_workers=1))
            verbs = Verbs(own.probed.dialect, own.replica.features.channels, own.channel.name)
            by_gtid = not probed.flavour.is_mariadb and server.flag("gtid_mode") and own.replica.flag("gtid_mode")
            with Pause(own.connection, own.probed, verbs, by_gtid, min(STOP_SECONDS, self._remaining())) as pause:
                point = self.point = self._meet(pause, work, view, probed, by_gtid)
                plans = self._plans(work, probed, point)
                objects = (catalog.objects(work), catalog.objects(own.connection)) if self._whole else None
                source = Side(view, True, watches[0])
                self._read_all(TableReader(source, Side(frozen, False), own.limits, pool), plans, live=True)
                # What is written from here on is in none of the tables that were read without a view.
                until = snapshot_point.end(work, probed) if any(plan.live for plan in plans) else None
                frozen.execute(snapshot_point.ISOLATION)
                frozen.execute(snapshot_point.START)
                if not pause.is_at(work, point):
                    raise ReplicaError(
                        "compare at %s" % point, pause.where, "something else started the applier in the meantime"
                    )
            replica = Side(frozen, True, watches[1])
            self._read_all(TableReader(source, replica, own.limits, pool, own.spare), plans, live=False)
            return self._settled(work, probed, (point, until), plans, objects)

    def _remaining(self) -> float:
        return max(self._setting.limits.deadline - time.monotonic(), 1.0)

    def _meet(self, pause: Pause, work: Connection, view: Connection, probed: Probed, by_gtid: bool) -> CommitPoint:
        """A read view on the source with the applier stopped at its point."""
        # With GTIDs that are counted at the commit (MySQL 5.7 and later) the replica's coordinates clear the doubt.
        counted = by_gtid and probed.flavour.version >= (5, 7, 0)
        quiet = 0.0 if counted else snapshot_point.QUIET_SECONDS
        tries, missed = QUIET_TRIES if self._quiet else 1, 0
        while True:
            point = snapshot_point.open_view(view, probed, min(VIEW_SECONDS, self._remaining()), quiet)
            if not pause.ran and not self._setting.start_stopped and not pause.is_at(work, point):
                raise refuse_stopped(pause, point, self._setting.channel.until)
            try:
                pause.advance(work, point, self._setting.limits.deadline)
                tries -= 1
                if not tries or snapshot_point.end(work, probed).coordinates == point.coordinates:
                    break
            except MissedPointError:
                missed += 1
                if missed > MISSED_TRIES:
                    raise
            snapshot_point.close_view(view)
        if counted and point.doubtful and pause.at_coordinates(point):
            return replace(point, doubtful=False)
        return point

    def _plans(self, work: Connection, probed: Probed, point: CommitPoint) -> List[_Plan]:
        mine, theirs = catalog.tables(work), catalog.tables(self._setting.connection)
        pairs = self._select(work, probed, mine, theirs, point)
        return [self._prepared(work, _Plan(pair, mine.get(pair), theirs.get(pair))) for pair in pairs]

    def _prepared(self, work: Connection, plan: _Plan) -> _Plan:
        """Both sides' definitions, read while the applier stands still; decides what needs no rows."""
        mine, theirs, replica = plan.source, plan.replica, self._setting.connection
        if mine is None or theirs is None:
            plan.outcome = self._one_sided(plan.name, mine is None)
            return plan
        try:
            plan.source, plan.replica = catalog.describe(work, mine), catalog.describe(replica, theirs)
            plan.texts = (catalog.definition(work, mine), catalog.definition(replica, theirs))
        except ServerError as error:
            if error.number == CONNECTION_LOST:
                raise
            plan.outcome = words.undecided(plan.name, reason_of(error))
            return plan
        if {mine.kind.upper(), theirs.kind.upper()} not in ({BASE_TABLE}, {SEQUENCE}):
            plan.outcome = words.undecided(plan.name, "it is a %s" % mine.kind.lower())
        elif not {mine.engine.lower(), theirs.engine.lower()} <= SNAPSHOT_ENGINES | STATIC_ENGINES:
            plan.outcome = words.undecided(plan.name, "its engine (%s) keeps rows elsewhere" % mine.engine)
        return plan

    def _one_sided(self, name: str, only_replica: bool) -> TableOutcome:
        if any(self._setting.channel.filters.values()):
            return words.undecided(name, "it is on one side only, and replication filters may be the reason")
        what = words.MISSING_ON_SOURCE if only_replica else words.MISSING_ON_REPLICA
        return TableOutcome(name, differences=(Difference(name, what),))

    def _read_all(self, reader: TableReader, plans: Sequence[_Plan], live: bool) -> None:
        for plan in plans:
            if plan.outcome is None and plan.live == live and plan.source and plan.replica:
                if self._read_any and self._setting.limits.paused():
                    return
                plan.outcome = self._read(reader, plan, plan.source, plan.replica)
                self._read_any = True

    def _read(self, reader: TableReader, plan: _Plan, source: Table, replica: Table) -> Optional[TableOutcome]:
        """Definition and rows of one table; None when it was left in the middle."""
        exceeded = self._setting.limits.exceeded()
        if exceeded:
            return words.undecided(plan.name, exceeded)
        found = _definition(plan)
        if not comparable(source, replica):
            if found:
                return TableOutcome(plan.name, method="definition only", differences=found)
            return words.undecided(plan.name, "its columns differ in a way that the definitions do not show")
        try:
            outcome = reader.compare(source, replica, self._found(plan))
            if outcome is None:
                return None
        except ServerError as error:
            outcome = words.undecided(plan.name, reason_of(error))
            if error.number == CONNECTION_LOST or isinstance(error, YieldedError):
                self._setting.limits.stopped = outcome.undecided  # a read view is gone, and the point with it
        if found and outcome.undecided:
            return replace(outcome, differences=found, undecided="")
        return replace(outcome, differences=found + outcome.differences)

    def _found(self, plan: _Plan) -> Optional[Found]:
        """What earlier slices found in a table, if it still looks as it did; None when it has to be read at once."""
        if self._begun is None or plan.live or plan.source is None:
            return None
        # The source's key decides what a chunk is, the definitions what a row is.
        looks = repr((plan.texts, plan.source.key))
        shape = hashlib.sha256(looks.encode("utf-8", "surrogatepass")).hexdigest()
        found = self._begun.get(plan.pair)
        if found is None or found.shape != shape:
            found = self._begun[plan.pair] = Found(shape=shape)
        return found

    def _settled(
        self,
        work: Connection,
        probed: Probed,
        reading: Tuple[CommitPoint, Optional[CommitPoint]],
        plans: Sequence[_Plan],
        own: Optional[Tuple[Dict[str, Optional[str]], Dict[str, Optional[str]]]],
    ) -> Dict[Pair, TableOutcome]:
        """The outcomes, less what a change on the source after the point may have caused.

        Definitions, and tables without a read view, were read after the point; the binlog tells what happened since.

        :param reading: the point, and where the source was when the tables without a view had been read.
        """
        point, until = reading
        objects, unknown = words.objects_differences(*own) if own else ((), ())
        suspects = [plan for plan in plans if plan.suspect()]
        live = [plan for plan in suspects if plan.live and plan.source]
        since = self._since(work, probed, point) if objects or len(live) < len(suspects) else Touched()
        meanwhile = self._since(work, probed, point, until) if live else Touched()
        for plan in suspects:
            seen = meanwhile if plan in live else since
            later = seen.has(*plan.pair) if plan in live else seen.redefined(*plan.pair)
            if later and plan.outcome is not None:
                reason = words.SOURCE_CHANGED + (": " + seen.why if seen.why else "")
                plan.outcome = words.in_doubt(plan.outcome, reason)
        if objects and (since.objects or since.everything or since.schemas):
            unknown += tuple(words.undecided(found.name, words.SOURCE_CHANGED) for found in objects)
            objects = ()
        self.objects = objects
        outcomes = {plan.pair: plan.outcome for plan in plans if plan.outcome is not None}
        if self._begun is not None:
            for pair in outcomes:
                self._begun.pop(pair, None)
        outcomes.update({("", outcome.name): outcome for outcome in unknown})
        return outcomes

    def _since(
        self, work: Connection, probed: Probed, point: CommitPoint, until: Optional[CommitPoint] = None
    ) -> Touched:
        try:
            stop = until or snapshot_point.end(work, probed)
            found = touched.touched(work, point.coordinates, stop.coordinates)
            folds = catalog.folds_names(work) or catalog.folds_names(self._setting.connection)
            return found.folded() if folds else found
        except ReplicaError as error:
            return Touched(everything=True, why=str(error))
