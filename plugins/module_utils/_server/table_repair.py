# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares named tables of a replica with its source and writes the rows that differ; the source goes on writing.

First the keys of rows that differ are looked for in read views, with the applier running. Then the applier is paused,
those rows alone are read again on both sides at one point, and what still differs is written there.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from .._core import compare as words
from .._core import row_repair_rows as wants
from .._core import table_repair as rules
from .._core.binlog.table_map import TableName
from .._core.channel_plan import APPLIER
from .._core.compare import SNAPSHOT_ENGINES, STATIC_ENGINES
from .._core.compare_rows import Table as Compared
from .._core.compare_rows import common_key, comparable
from .._core.errors import BadInputError, RefusedError, ReplicaError, ServerError
from .._core.permit import check_skip_counter
from .._core.plan import Plan, Step
from .._core.row_repair import check_leaf
from .._core.row_repair_report import Outcome
from .._core.row_repair_rows import Key
from .._core.snapshot import RUNNING, STOPPED, Channel
from .._core.table_repair import HEALED, Said, Wish
from .._core.touched import Touched
from . import compare_catalog as catalog
from . import snapshot_point
from .change import Options, Target, carry_out
from .compare_side import Side, YieldedError, reason_of
from .connect import Connection, Login, connect
from .driver_errors import CONNECTION_LOST
from .row_events import writing
from .row_repair_tables import Table, Tables
from .table_repair_bag import all_rows, keyless
from .table_repair_keys import KeyReader
from .table_repair_point import STATEMENT_SECONDS, Meeting, meeting
from .table_repair_write import Writer

# A table without a read view that the source changes meanwhile is read again so often.
ROUNDS = 4
CHANGED = "it was changed on the source while it was compared; run again when there is less writing"
AHEAD = (
    "the source changed it after the point at which the stopped applier stands; start the applier, or set start_stopped"
)

Pair = Tuple[str, str]


@dataclass(frozen=True)
class Report:
    """What came of it.

    :param before: what was found; ``after`` the same when nothing was written.
    :param point: of the source, for people; '' when nothing was read.
    :param selected: the tables that were, or would be, compared.
    :param created: those that were missing and were made.
    """

    before: Said
    after: Said
    point: str
    plan: Plan
    selected: Tuple[str, ...]
    queries: Tuple[str, ...] = ()
    records: Tuple[str, ...] = ()
    created: Tuple[str, ...] = ()


@dataclass
class _Task:
    """A table on both sides.

    :param source, replica: for finding keys; ``table`` for reading and writing rows.
    :param rows: how many rows were compared.
    :param keys: of the rows that may differ.
    :param create: the statement that makes it on the replica; '' when it is there.
    :param why: why it is not decided; '' when it is.
    """

    pair: Pair
    source: Optional[Compared] = None
    replica: Optional[Compared] = None
    table: Optional[Table] = None
    rows: int = 0
    keys: List[Key] = field(default_factory=list)
    create: str = ""
    why: str = ""
    read: bool = False

    @property
    def live(self) -> bool:
        """Whether a side has no read view of it."""
        return any(t is not None and t.engine.lower() not in SNAPSHOT_ENGINES for t in (self.source, self.replica))


def repair(aim: Target, wish: Wish, options: Options, source_login: Callable[[Channel], Login]) -> Report:
    """Compare, and write what differs when that is asked for.

    :raises RefusedError: it must not be compared or written; nothing was changed.
    :raises ReplicaError: a server does not answer, or rows are not what they were or were to become.
    """
    rules.check(wish, aim.server, aim.channel, options.timeout)
    if wish.state == HEALED:
        check_leaf(aim.server, aim.channel)
    starts = (Step(aim.verbs.start(APPLIER)),) if aim.channel.applier == RUNNING or wish.start_stopped else ()
    check_skip_counter(aim.server, aim.channel, starts, "compare the tables")
    _check_blocked(aim)
    work = _Work(aim, wish, options, source_login(aim.channel))
    if options.check_mode and wish.state == HEALED and starts:
        return work.selection()
    work.look()
    return work.settle()


def _check_blocked(aim: Target) -> None:
    if aim.channel.applier == RUNNING and aim.server.blockers:
        first = aim.server.blockers[0]
        raise RefusedError(
            "pause the applier", aim.server.address, "it waits for a %s lock of somebody" % first.kind,
            "Compare when it goes on; replica_status tells more about who blocks it.",
        )  # fmt: skip


class _Work:
    """What is done, table by table."""

    def __init__(self, aim: Target, wish: Wish, options: Options, login: Login) -> None:
        self.aim, self.wish, self.options, self.login = aim, wish, options, login
        self.deadline = time.monotonic() + options.timeout
        self.tasks: Dict[Pair, _Task] = {}
        self.folds = False
        self.point = ""
        self.planned: List[str] = []
        self.created: List[str] = []
        self.queries: List[str] = []
        self.records: List[str] = []

    # -- which tables

    def selection(self) -> Report:
        """Only which tables it would be about: check mode pauses no applier."""
        with connect(self.login) as source:
            self._select(source)
        plan = Plan(self.aim.state_id, summary="Compare %s and make the rows equal." % ", ".join(self._names()))
        nothing = Said(Outcome({}, {}), {})
        return Report(nothing, nothing, "", plan, self._names())

    def _names(self) -> Tuple[str, ...]:
        return tuple(sorted("%s.%s" % pair for pair in self.tasks))

    def _select(self, source: Connection) -> Tuple[Dict[Pair, Compared], Dict[Pair, Compared]]:
        mine, theirs = catalog.tables(source), catalog.tables(self.aim.connection)
        pairs, unmatched = words.select(self.wish.tables, mine, theirs)
        if unmatched:
            raise BadInputError(
                "Neither the source nor the replica has %s, or the accounts may not see it" % ", ".join(unmatched),
                advice="Option tables takes schema.table, schema.* or all.",
            )
        self.folds = catalog.folds_names(source) or catalog.folds_names(self.aim.connection)
        for pair in pairs:
            self.tasks.setdefault(pair, _Task(pair))
        return mine, theirs

    # -- the keys of rows that may differ

    def look(self) -> None:
        """Find the keys, in as many rounds as tables without a read view need."""
        for number in range(ROUNDS):
            todo = [task for task in self.tasks.values() if not task.read and not task.why]
            if number and not todo:
                return
            with meeting(self.aim, self.login, self.wish.start_stopped, self.deadline) as at:
                mine, theirs = self._select(at.work)
                todo = [task for task in self.tasks.values() if not task.read and not task.why]
                tables = Tables(self.aim.connection, at.work, self.aim.server)
                for task in todo:
                    self._prepare(at, task, mine.get(task.pair), theirs.get(task.pair), tables)
                self._create(at, [task for task in todo if task.create], mine, tables)
                self._find(at, [task for task in todo if not task.why])
        for task in self.tasks.values():
            if not task.read and not task.why:
                task.why = CHANGED

    def _prepare(
        self, at: Meeting, task: _Task, mine: Optional[Compared], theirs: Optional[Compared], tables: Tables
    ) -> None:
        """Both sides' definitions; decides what needs no rows."""
        if mine is None or theirs is None:
            text = catalog.definition(at.work, mine) if mine is not None else ""
            task.why = rules.only_one(task.pair, mine is not None, text)
            if (
                mine is not None
                and mine.kind.upper() == "BASE TABLE"
                and self.wish.create
                and self.wish.state == HEALED
            ):
                self._plan_creation(at, task, text)
            return
        if at.behind is not None and at.behind.has(*task.pair):
            task.why = AHEAD
            return
        engines = {mine.engine.lower(), theirs.engine.lower()}
        if mine.kind.upper() != "BASE TABLE" or not engines <= SNAPSHOT_ENGINES | STATIC_ENGINES:
            task.why = "it is a %s of engine %s" % (mine.kind.lower(), mine.engine or "none")
            return
        try:
            task.source, task.replica = catalog.describe(at.work, mine), catalog.describe(self.aim.connection, theirs)
            if not comparable(task.source, task.replica):
                texts = catalog.definition(at.work, mine), catalog.definition(self.aim.connection, theirs)
                task.why = rules.unlike(*texts)
                return
            task.source, task.replica = common_key(task.source, task.replica)
            task.table = tables.plain(*task.pair)
        except ServerError as error:
            task.why = _reason(error)
            return
        unknown = task.source.unknown_types() + task.replica.unknown_types()
        if task.table is None and task.replica.schema and tables.silent.get(tables.pair(*task.pair)) == wants.NO_KEY:
            self._prepare_keyless(task, task.replica, tables)
        if task.why:
            return
        if unknown:
            task.why = "columns of type %s cannot be compared" % ", ".join(sorted(set(unknown)))
        elif task.table is None:
            task.why = tables.silent.get(tables.pair(*task.pair), "its rows cannot be written as row events")

    def _prepare_keyless(self, task: _Task, described: Compared, tables: Tables) -> None:
        if tables.runs_triggers:
            task.why = "it has no primary key, and this server runs triggers for row events"
            return
        try:
            task.table = keyless(self.aim.connection, described, tables.mariadb)
        except ValueError as error:
            task.why = str(error)

    def _plan_creation(self, at: Meeting, task: _Task, text: str) -> None:
        if at.behind is not None and at.behind.has(*task.pair):
            task.why = AHEAD
            return
        try:
            task.create, task.why = rules.creation(task.pair, text), "it is missing on the replica and would be created"
        except ValueError as error:
            task.why = str(error)

    def _create(self, at: Meeting, todo: Sequence[_Task], mine: Mapping[Pair, Compared], tables: Tables) -> None:
        """Make the tables that are missing, while the applier stands still, unless the source changed them since."""
        since = at.since(self.folds) if todo else Touched()
        todo = [task for task in todo if not since.redefined(*task.pair)]
        if not todo or self.options.check_mode:
            self.planned = [task.create for task in todo]
            return
        names = ["%s.%s" % task.pair for task in todo]
        plan = rules.creating([task.create for task in todo], self.aim.server, self.aim.state_id, names)
        undo = ["Tables that were made stay: %s." % ", ".join(names)]
        still = replace(self.aim, channel=replace(self.aim.channel, applier=STOPPED))
        # Before the record of the rows in every listing.
        options = replace(self.options, written_at=self.options.written_at.replace("Z", "0Z"))
        try:
            with writing(still, True) as able:
                done = carry_out(able, plan, options, undo)
        except ServerError as error:
            for task in todo:
                task.why += ": error %d: %s" % (error.number, error.answer)
            return
        finally:
            with suppress(ServerError):
                self.aim.connection.execute("SET SESSION foreign_key_checks = 1")
        self.created, self.queries = names, [*self.queries, *done.executed]
        self.records += [done.record] if done.record else []
        theirs = catalog.tables(self.aim.connection)
        for task in todo:
            task.why = task.create = ""
            self._prepare(at, task, mine.get(task.pair), theirs.get(task.pair), tables)

    def _find(self, at: Meeting, todo: Sequence[_Task]) -> None:
        with ThreadPoolExecutor(max_workers=1) as pool, connect(self.aim.connection.login) as frozen:
            frozen.set_deadline(STATEMENT_SECONDS)
            watch = None if snapshot_point.gives_locks_back(frozen, self.aim.probed) else self.aim.connection
            for task in todo:
                if task.live:
                    self._keys(at.source, Side(frozen, False), task, pool)
            frozen.execute(snapshot_point.ISOLATION)
            frozen.execute(snapshot_point.START)
            if at.behind is None and not at.pause.is_at(at.work, at.point):
                raise ReplicaError(
                    "compare at %s" % at.point, at.pause.where, "something else started the applier in the meantime"
                )
            at.release()
            for task in todo:
                if not task.live:
                    self._keys(at.source, Side(frozen, True, watch), task, pool)
        since = at.since(self.folds)
        self.point = str(at.point)
        for task in todo:
            if since.has(*task.pair) if task.live else since.redefined(*task.pair):
                task.read, task.keys, task.rows = False, [], 0

    def _keys(self, source: Side, replica: Side, task: _Task, pool: ThreadPoolExecutor) -> None:
        if task.source is None or task.replica is None or task.table is None:
            return
        # A table without a view is read beside the view of the others.
        reader = KeyReader(
            replace(source, view=source.view and not task.live), replica, pool, self.wish.chunk, self.wish.max_rows,
            self.deadline,
        )  # fmt: skip
        columns = [task.table.shape.columns[place] for place in task.table.shape.key]
        try:
            if not columns or task.source.key is None or task.source.key.name != "PRIMARY":
                self._keys_of_all(source, replica, task, task.table)
                return
            found = reader.find(task.source, task.replica)
            task.rows, task.why, task.read = found.rows, found.failed, True
            task.keys = [rules.key_of(key, columns) for key in found.keys]
        except (ServerError, ValueError) as error:
            task.why = _reason(error) if isinstance(error, ServerError) else str(error)

    def _keys_of_all(self, source: Side, replica: Side, task: _Task, table: Table) -> None:
        """Read all rows of both sides; without a primary key an empty key stands for the whole table."""
        mine = all_rows(source, replace(table, name=TableName(*task.pair)))
        theirs = all_rows(replica, table)
        unlike = (Counter(mine) - Counter(theirs)) + (Counter(theirs) - Counter(mine))
        keys = {tuple(values[place] for place in table.shape.key) for values in unlike}
        task.rows, task.keys, task.read = len(mine), list(keys), True

    # -- the rows at one point

    def settle(self) -> Report:
        """Read the rows of those keys at one point, and write what differs."""
        self._check_many()
        if not any(task.keys and not task.why for task in self.tasks.values()):
            equal = self._said(Writer(self.aim, self.wish, self._chosen(), set()).nothing())
            return self._report(equal, equal, Plan(self.aim.state_id))
        for number in range(ROUNDS):
            with meeting(self.aim, self.login, self.wish.start_stopped, self.deadline) as at:
                writer = self._writer(at)
                before = writer.compare(at.source)
                since = at.since(self.folds)
                changed = self._changed(since, at.behind)
                if changed and number < ROUNDS - 1:
                    continue
                for pair in changed:
                    self.tasks[pair].why = CHANGED
                    writer.leave_out(pair)
                before = writer.compare(at.source) if changed else before
                self.point = str(at.point)
                return self._finished(at, writer, before)
        raise ReplicaError("compare the tables", self.aim.server.address, CHANGED)

    def _check_many(self) -> None:
        count = sum(len(task.keys) for task in self.tasks.values())
        if self.wish.state == HEALED:
            rules.refuse_many(count, self.wish, self.aim.server, self.aim.channel)

    def _changed(self, since: Touched, behind: Optional[Touched]) -> List[Pair]:
        found = []
        for task in self.tasks.values():
            if task.why or not task.keys:
                continue
            later = since.has(*task.pair) if task.live else since.redefined(*task.pair)
            if later or (behind is not None and behind.has(*task.pair)):
                found.append(task.pair)
        return found

    def _writer(self, at: Meeting) -> Writer:
        chosen = self._chosen()
        return Writer(self.aim, self.wish, chosen, {pair for pair in chosen if self.tasks[pair].live})

    def _chosen(self) -> Dict[Pair, Tuple[Table, Sequence[Key]]]:
        return {
            task.pair: (task.table, task.keys)
            for task in self.tasks.values()
            if task.table is not None and not task.why
        }

    def _said(self, outcome: Outcome) -> Said:
        numbers = {
            task.table.name: task.rows for task in self.tasks.values() if task.table is not None and not task.why
        }
        undecided = {"%s.%s" % task.pair: task.why for task in self.tasks.values() if task.why}
        return Said(rules.with_rows(outcome, numbers), undecided)

    def _finished(self, at: Meeting, writer: Writer, found: Outcome) -> Report:
        before = self._said(found)
        nothing = Plan(self.aim.state_id)
        if self.wish.state != HEALED or not found.different:
            return self._report(before, before, nothing)
        self._check_cascades(at, found)
        writer.check_record(found, self.options)
        still = replace(self.aim, channel=replace(self.aim.channel, applier=STOPPED))
        plan = writer.plan(found, at, self.login)
        if self.options.check_mode:
            return self._report(before, before, plan, plan.queries())
        with writing(still, True) as able:
            done = carry_out(able, plan, self.options, (), {"rows": writer.recorded(found)})
        after = self._said(writer.compare(at.source))
        return self._report(before, after, plan, done.executed, done.record)

    def _report(self, before: Said, after: Said, plan: Plan, queries: Sequence[str] = (), record: str = "") -> Report:
        ran = (*self.planned, *self.queries, *queries)
        records = (*self.records, *([record] if record else []))
        created = tuple(self.created)
        return Report(before, after, self.point, plan, self._names(), ran, records, created)

    def _check_cascades(self, at: Meeting, found: Outcome) -> None:
        """Refuse to write rows whose children a foreign key may have changed as well, unless those are compared too."""
        tables = Tables(self.aim.connection, at.work, self.aim.server)
        moved = {tables.pair(*name): {wants.ALL} for name, (_shape, one) in found.tables.items() if one.different}
        named: Set[Tuple[str, str]] = {tables.pair(*pair) for pair in self.tasks}
        others = sorted("%s.%s" % pair for pair in tables.cascaded(moved) if pair not in named)
        if others:
            raise RefusedError(
                "write rows for %s" % self.aim.channel.label, self.aim.server.address,
                "a foreign key may have changed rows of %s as well, which are not among the tables" % ", ".join(others),
                "Name those tables, too.", {"tables_beside": others},
            )  # fmt: skip


def _reason(error: ServerError) -> str:
    if error.number == CONNECTION_LOST or isinstance(error, YieldedError):
        raise error
    return reason_of(error)
