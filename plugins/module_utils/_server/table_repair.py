# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares named tables of a replica with its source and writes the rows that differ; the source goes on writing.

First the keys of rows that differ are looked for in read views, with the applier running. Then the applier is paused,
those rows alone are read again on both sides at one point, and what still differs is written there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Callable, ContextManager, Dict, List, Sequence, Set, Tuple

from .._core import compare as words
from .._core import row_repair_rows as wants
from .._core import table_repair as rules
from .._core import table_repair_make as make
from .._core.binlog.table_map import TableName
from .._core.channel_plan import APPLIER
from .._core.errors import BadInputError, RefusedError, ReplicaError
from .._core.permit import check_skip_counter
from .._core.plan import Plan, Step
from .._core.row_repair import KEPT_OUT, attempt
from .._core.row_repair_report import Outcome
from .._core.snapshot import RUNNING, STOPPED, Channel
from .._core.table_repair import CHANGED, HEALED, Said, Wish
from .._core.table_repair_make import Making
from .._core.touched import Touched
from . import below
from . import compare_catalog as catalog
from . import table_repair_make as maker
from .below import Asked
from .change import Options, Target, carry_out
from .change import Outcome as Done
from .connect import Connection, Login, connect
from .row_events import writing
from .row_repair_tables import Tables
from .table_repair_back import Past
from .table_repair_find import find
from .table_repair_half import MADE, Left, close
from .table_repair_half import look as look_left
from .table_repair_killed import noted, started_again
from .table_repair_point import Meeting, meeting
from .table_repair_task import Preparer, Task
from .table_repair_write import Chosen, Writer
from .unfinished import settle

# A table without a read view that the source changes meanwhile is read again so often.
ROUNDS = 10

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


def repair(
    aim: Target, wish: Wish, options: Options, source_login: Callable[[Channel], Login], members: Sequence[Login] = ()
) -> Report:
    """Compare, and write what differs when that is asked for.

    :param members: the other servers of the topology. None of them may replicate from here.
    :raises RefusedError: it must not be compared or written; nothing was changed.
    :raises ReplicaError: a server does not answer, or rows are not what they were or were to become.
    """
    aim = started_again(aim, options)
    rules.check(wish, aim.server, aim.channel, options.timeout)
    if wish.state == HEALED:
        asked = Asked(tuple(members), attempt(aim.channel), options)
        below.check_none(asked, aim.server, KEPT_OUT, rules.BUILD_ANEW)
    starts = (Step(aim.verbs.start(APPLIER)),) if aim.channel.applier == RUNNING or wish.start_stopped else ()
    check_skip_counter(aim.server, aim.channel, starts, "compare the tables")
    _check_blocked(aim)
    work = _Work(aim, wish, options, source_login(aim.channel), look_left(aim, options))
    if options.check_mode and wish.state == HEALED and starts:
        return work.selection()
    with noted(aim, options):
        work.look()
        report = work.settle()
    if wish.state == HEALED and not options.check_mode and report.after.proof == rules.ROWS_PROVEN:
        close(work.left, aim)
        settle(options.record_dir, aim.server, aim.channel, report.selected)
    return report


def _check_blocked(aim: Target) -> None:
    if aim.channel.applier == RUNNING and aim.server.blockers:
        first = aim.server.blockers[0]
        raise RefusedError(
            "pause the applier", aim.server.address, "it waits for a %s lock of somebody" % first.kind,
            "Compare when it goes on; replica_status tells more about who blocks it.",
        )  # fmt: skip


class _Work:
    """What is done, table by table."""

    def __init__(self, aim: Target, wish: Wish, options: Options, login: Login, left: Left) -> None:
        self.aim, self.wish, self.options, self.login, self.left = aim, wish, options, login, left
        self.deadline = time.monotonic() + options.timeout
        self.tasks: Dict[Pair, Task] = {}
        self.folds = False
        self.behind = False
        self.point = ""

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

    def _select(self, source: Connection) -> None:
        mine, theirs = catalog.tables(source), catalog.tables(self.aim.connection)
        pairs, unmatched = words.select(self.wish.tables, mine, theirs)
        if self.wish.whole:
            lacking = ["%s: neither the source nor the replica has it" % name for name in unmatched]
            rules.refuse_undecided(lacking, self.aim.server, self.aim.channel)
        if unmatched:
            raise BadInputError(
                "Neither the source nor the replica has %s, or the accounts may not see it" % ", ".join(unmatched),
                advice="Option tables takes schema.table, schema.* or all.",
            )
        self.folds = catalog.folds_names(source) or catalog.folds_names(self.aim.connection)
        for pair in (*pairs, *(one for one in self.left.tables if one in mine)):
            self.tasks.setdefault(pair, Task(pair))

    def _chosen(self) -> List[Task]:
        """The tables whose rows are to be told."""
        return [task for task in self.tasks.values() if task.table is not None and not task.why]

    # -- the keys of rows that may differ

    def look(self) -> None:
        """Find the keys, in as many rounds as tables without a read view need."""
        for number in range(ROUNDS):
            todo = [task for task in self.tasks.values() if not task.read and not task.why]
            if number and not todo:
                return
            with self._meeting() as at:
                self._select(at.work)
                preparer = Preparer(self.aim, self.wish, at, self.left.half)
                for pair in preparer.beside() if self.wish.pending else ():
                    self.tasks.setdefault(pair, Task(pair, beside=True))
                todo = [task for task in self.tasks.values() if not task.read and not task.why]
                for task in todo:
                    preparer.prepare(task)
                    task.read = task.made is not None
                find(self.aim, self.wish, at, [task for task in todo if not task.why and not task.read], self.deadline)
                since, meanwhile = at.since(self.folds), at.since(self.folds, at.until)
                self.point, self.behind = self._said_point(at), at.behind is not None
                for task in todo:
                    if meanwhile.has(*task.pair) if task.live else since.redefined(*task.pair):
                        task.read, task.keys, task.rows = False, [], 0
        for task in self.tasks.values():
            if not task.read and not task.why:
                task.why = CHANGED

    def _meeting(self) -> ContextManager[Meeting]:
        live = any(task.live for task in self.tasks.values())
        return meeting(self.aim, self.login, self.wish.start_stopped, self.deadline, live)

    @staticmethod
    def _said_point(at: Meeting) -> str:
        if at.behind is None:
            return str(at.point)
        return "%s, the replica's applied point" % (at.pause.look().executed or "an unknown point")

    # -- the rows at one point

    def settle(self) -> Report:
        """Read the rows of those keys at one point, and write what differs."""
        count = sum(len(task.keys) for task in self.tasks.values())
        if self.wish.state == HEALED:
            rules.refuse_many(count, self.wish, self.aim.server, self.aim.channel)
        if not any(task.keys or task.made or self.behind for task in self._chosen()):
            equal = self._decided(Writer.nothing(self._tables()))
            return self._report(equal, equal, Plan(self.aim.state_id))
        for number in range(ROUNDS):
            with self._meeting() as at:
                writer = self._writer(at)
                before = writer.compare(at.source)
                since = at.since(self.folds)
                changed = [task for task in self._chosen() if self._has_changed(task, since)]
                if changed and number < ROUNDS - 1:
                    continue
                for task in changed:
                    task.why = CHANGED
                    writer.leave_out(task.pair)
                before = writer.compare(at.source) if changed else before
                self.point = self._said_point(at)
                return self._finished(at, writer, before)
        raise ReplicaError("compare the tables", self.aim.server.address, CHANGED)

    @staticmethod
    def _has_changed(task: Task, since: Touched) -> bool:
        if task.made is not None and (since.objects or since.redefined(*task.pair)):
            return True
        if not task.keys and task.made is None:
            return False
        return since.has(*task.pair) if task.live else since.redefined(*task.pair)

    def _writer(self, at: Meeting) -> Writer:
        """The rows to compare, with what leads back to the replica's point where the source is further."""
        preparer = Preparer(self.aim, self.wish, at, self.left.half)
        for task in self._chosen():
            if task.made is not None or at.behind is not None:
                preparer.prepare(task)
        here, tasks = preparer.here, {preparer.here.pair(*task.pair): task for task in self._chosen()}
        images = None
        behind = at.behind
        if behind is not None and (any(behind.has(*one.pair) for one in tasks.values()) or here.risky(at.work)):
            absent: Set[TableName] = {name for name, task in tasks.items() if task.made is not None}
            bags = {name: task.table for name, task in tasks.items() if task.table and not task.table.shape.key}
            past = Past(self.aim, at, here, preparer.there, absent, bags)
            images = past.read(list(tasks), self.deadline)
            for name, task in tasks.items():
                task.why = past.why(images, name)
        chosen = {
            task.pair: Chosen(task.table, task.keys, task.live, task.made is not None, here.pair(*task.pair))
            for task in self._chosen()
            if task.table is not None
        }
        return Writer(self.aim, self.wish, chosen, images)

    def _tables(self) -> Dict[TableName, wants.Shape]:
        return {task.table.name: task.table.shape for task in self._chosen() if task.table is not None}

    def _said(self, outcome: Outcome) -> Said:
        numbers = {task.table.name: task.rows for task in self._chosen() if task.table is not None}
        undecided = {"%s.%s" % task.pair: task.why for task in self.tasks.values() if task.why and not task.beside}
        return Said(rules.with_rows(outcome, numbers), undecided)

    def _decided(self, outcome: Outcome) -> Said:
        said = self._said(outcome)
        if self.wish.whole:
            rules.refuse_undecided(said.reasons, self.aim.server, self.aim.channel)
        return said

    def _making(self) -> List[Making]:
        return [task.made for task in self._chosen() if task.made is not None]

    def _finished(self, at: Meeting, writer: Writer, found: Outcome) -> Report:
        before, making = self._decided(found), self._making()
        if self.wish.state != HEALED or not (found.different or making):
            return self._report(before, before, Plan(self.aim.state_id))
        rules.refuse_many(found.different, self.wish, self.aim.server, self.aim.channel)
        self._check_cascades(at, found)
        writer.check_record(found, self.options)
        still = replace(self.aim, channel=replace(self.aim.channel, applier=STOPPED))
        plan = self._plan(at, writer, found, making)
        if self.options.check_mode:
            return self._report(before, before, plan, plan.queries())
        kept: Dict[str, object] = {"rows": writer.recorded(found)} if found.different else {}
        if making:
            kept[MADE] = [list(one.pair) for one in making]
        done = self._carry_out(still, plan, making, kept)
        writer.made()
        after = self._said(writer.compare(at.source))
        created = tuple("%s.%s" % one.pair for one in making)
        return self._report(before, after, plan, done.executed, done.record, created)

    def _plan(self, at: Meeting, writer: Writer, found: Outcome, making: Sequence[Making]) -> Plan:
        plan = writer.plan(found, at, self.login) if found.different else Plan(self.aim.state_id)
        if not making:
            return plan
        names = ", ".join("%s.%s" % one.pair for one in making)
        return replace(
            plan, steps=(*maker.steps(self.aim, making), *plan.steps), risk="replica_rows",
            summary=("Make %s as the source defines it. %s" % (names, plan.summary)).strip(),
            privileges=("CREATE", *plan.privileges),
        )  # fmt: skip

    def _carry_out(self, still: Target, plan: Plan, making: Sequence[Making], details: Dict[str, object]) -> Done:
        with writing(still, True) as able:
            try:
                return carry_out(able, plan, self.options, make.undo(making), details)
            except ReplicaError as error:
                if not making:
                    raise
                raise maker.take_back(able.connection, self.aim, making, error) from error

    def _report(
        self, before: Said, after: Said, plan: Plan, queries: Sequence[str] = (), record: str = "",
        created: Tuple[str, ...] = (),
    ) -> Report:  # fmt: skip
        records = (record,) if record else ()
        return Report(before, after, self.point, plan, self._names(), tuple(queries), records, created)

    def _check_cascades(self, at: Meeting, found: Outcome) -> None:
        """Refuse to write rows whose children a foreign key may have changed as well, unless those are compared too.

        Rows of a table that is made have no children that could have followed them.
        """
        tables = Tables(self.aim.connection, at.work, self.aim.server)
        made = {tables.pair(*one.pair) for one in self._making()}
        moved = {tables.pair(*name): {wants.ALL} for name, (_shape, one) in found.tables.items() if one.different}
        moved = {name: columns for name, columns in moved.items() if name not in made}
        named: Set[Tuple[str, str]] = {tables.pair(*pair) for pair in self.tasks}
        others = sorted("%s.%s" % pair for pair in tables.cascaded(moved) if pair not in named)
        if others:
            raise RefusedError(
                "write rows for %s" % self.aim.channel.label, self.aim.server.address,
                "a foreign key may have changed rows of %s as well, which are not among the tables" % ", ".join(others),
                "Name those tables, too.", {"tables_beside": others},
            )  # fmt: skip
