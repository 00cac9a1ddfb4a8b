# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds a replica anew from another server's rows: look, keep, turn the channel away, empty, copy, point, start."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .._core import rebuild as rules
from .._core import rebuild_backup as backup_rules
from .._core import rebuild_objects as kinds
from .._core import record as schema
from .._core.commit_point import CommitPoint
from .._core.errors import RefusedError, ReplicaError, ServerError
from .._core.nowhere import NOWHERE, is_unfinished
from .._core.plan import Plan, Step
from .._core.rebuild import ATTEMPT
from .._core.snapshot import Server
from .._core.statement import Statement
from . import rebuild_catalog as catalog
from . import rebuild_keep, row_events
from . import record as store
from .change import Options, Target
from .change_source import Insisting
from .connect import STATEMENT_SECONDS as START_SECONDS
from .connect import Connection, Login, connect
from .execute import Journal, run
from .probe import Probed
from .reader import read_server
from .rebuild_backup import Backup
from .rebuild_clone import Clone
from .rebuild_copy import STATEMENT_SECONDS, Copy, Done
from .rebuild_donor import Donor, ask
from .rebuild_look import accounts, tables
from .rebuild_ready import Finder, Ready, Wish, plan
from .rebuild_replay import Replay
from .rebuild_view import PATIENCE, open_with_definitions
from .snapshot_point import close_view

NOT_COMPLETE = (
    "The replica is not complete: its channel is stopped and points at %s, which no source has. Run the rebuild again."
    % NOWHERE.file
)
COPIED = "All was copied, and the channel is at the point of the copy, but it does not run as it should: diagnose it."
REPLAYING = (
    "The replica was emptied and has begun to replay the source's binlogs, so that it shows an earlier state of the "
    "data. It goes on by itself where nothing has stopped it. Diagnose it, or run the rebuild again, which begins anew."
)

Told = Callable[[Dict[str, Any]], None]


@dataclass
class Report:
    """What came of it."""

    plan: Plan
    method: str
    donor: str
    notes: Tuple[str, ...]
    own: Tuple[str, ...] = ()
    point: Optional[CommitPoint] = None
    tables: Dict[str, int] = field(default_factory=dict)
    executed: List[str] = field(default_factory=list)
    after: Optional[Server] = None
    record: str = ""
    kept: str = ""
    message: str = ""


class Rebuild:
    """One run.

    :param aim: the replica with its lock held.
    :param source_login: how to reach the source of the channel.
    :param told: gets the progress.
    """

    def __init__(self, aim: Target, wish: Wish, options: Options, source_login: Login, told: Told) -> None:
        self.aim, self.wish, self.options, self.told = aim, wish, options, told
        self.source_login = source_login
        self.left = _left_by_another(aim.connection) or (wish.left if is_unfinished(aim.channel) else {})
        self.channel = rules.intended(aim.channel, self.left)
        self.began = time.monotonic()
        self.journal = Journal()
        self.total = 0
        self.state = NOT_COMPLETE

    def run(self) -> Report:
        """Build it, or in check mode say what would be done.

        :raises RefusedError: a rule forbids it; nothing was changed.
        :raises ReplicaError: it failed. Context ``changed`` says whether the replica is empty or half full by now;
            its channel then points where nothing is.
        """
        rules.check_target(self.aim.server, self.channel)
        members = tuple(ask(login) for login in self.wish.members)
        source = self.aim.source
        if source is None or source.server is None:
            raise ReplicaError(
                ATTEMPT, self.aim.server.address, source.reason if source else "the source was not asked",
                "The source must be known to be able to send what comes behind the copy. Give a login with source.",
            )  # fmt: skip
        theirs = source.server
        if members:
            # After them, so that what they have applied meanwhile is not taken for their own.
            with connect(self.source_login) as connection:
                theirs = read_server(connection, role="source")
        ready = self._finder().find(members, theirs)
        self.total = ready.rows
        with ready.reader:
            gtids = rules.own_gtids(self.aim.server, theirs, members)
            own = rebuild_keep.is_own(self.aim.server, theirs, gtids)
            found = self._own(own) if gtids is None or gtids else ()
            planned = plan(self.aim, self.channel, ready, self.wish.way, found)
            report = Report(planned, ready.method, ready.donor.chosen.name, ready.notes, found)
            report.message = " ".join(("Would build the replica anew.", *ready.notes))
            if self.options.check_mode:
                return report
            if not self.options.record_dir:
                raise RefusedError(
                    ATTEMPT, self.aim.server.address, "no record of what is lost would be kept",
                    "Set record_dir to a directory that outlives this run.",
                )  # fmt: skip

            self._carry_out(ready, own, report)
        return report

    # -- before anything is changed

    def _finder(self) -> Finder:
        aim, channel, way = self.aim, self.channel, self.wish.way

        def clone(donor: Donor) -> Clone:
            may_start = partial(self._check_start, donor)
            return Clone(aim, channel, donor.login, way, self.journal, self._tell, may_start)

        def backup() -> Backup:
            return Backup(aim, channel, self.source_login, way, self.journal, self._tell)

        def replay(donor: Donor) -> Replay:
            return Replay(aim, channel, donor.login, self.told)

        return Finder(aim, channel, self.wish, self.source_login, clone, backup, replay, self._tell)

    def _own(self, own: rebuild_keep.Own) -> Tuple[str, ...]:
        return rebuild_keep.find(self.aim.connection.login, self.aim.server, own)

    # -- the change

    def _carry_out(self, ready: Ready, own: rebuild_keep.Own, report: Report) -> None:
        directory = self.options.record_dir or ""
        aim = self.aim
        undo = ["What was dropped cannot be put back from this record.", *report.notes]
        details = {"only_here": list(report.own), "donor": str(ready.donor.chosen), "method": ready.method}
        record = schema.build(
            self.options.module, aim.server, aim.channel, report.plan, self.options.written_at, undo, details
        )
        report.record = store.write(directory, record)
        if report.own:
            report.kept = report.record[: -len(".json")] + ".binlog"
            self._tell("keeping transactions that only this server has")
            rebuild_keep.find(aim.connection.login, aim.server, own, report.kept)
            record["details"]["kept"] = report.kept
            store.replace(report.record, record)
        try:
            self._build(ready, report)
        except BaseException as error:
            self._failed(report, record, error)
            raise
        report.executed = self.journal.executed
        with connect(aim.connection.login) as fresh:
            report.after = read_server(fresh, aim.probed)
        store.replace(report.record, schema.finished(record, self.journal.executed, report.after))

    def _build(self, ready: Ready, report: Report) -> None:
        if ready.clone is not None:
            self._cloned(ready.donor, ready.clone, report)
        elif ready.replay is not None:
            self._replayed(ready.donor, ready.replay, report)
        elif ready.backup is not None:
            self._from_backup(ready.backup, report)
        else:
            self._copy(ready.donor, ready.reader, ready.probed, report)

    def _failed(self, report: Report, record: Dict[str, Any], error: BaseException) -> None:
        with suppress(ReplicaError):
            text = str(error) or type(error).__name__
            store.replace(report.record, schema.finished(record, self.journal.executed, None, text))
        if isinstance(error, ReplicaError):
            error.context.update(
                changed=bool(self.journal.ran), queries=self.journal.executed, executed=bool(self.journal.ran),
                record=report.record, kept=report.kept,
            )  # fmt: skip
            if self.journal.ran:
                error.context["warning_of_break"] = self.state

    def _cloned(self, donor: Donor, clone: Clone, report: Report) -> None:
        self._tell("turning the channel away")
        target = Insisting(self.aim.connection)
        if self.aim.server.flag("super_read_only"):
            self._do(target, "SET GLOBAL super_read_only = 0")
        self._steps(target, rules.turn_away(self.aim.verbs, self.aim.server, self.aim.channel))
        report.point = clone.run(self.options.timeout)
        report.message = "Cloned from %s, replicating from %s%s. The accounts here are the donor's now." % (
            donor.chosen, report.point, " (%s)" % report.point.gtids if report.point.gtids else "",
        )  # fmt: skip

    def _copy(self, donor: Donor, reader: Connection, probed: Probed, report: Report) -> None:
        aim = self.aim
        with ExitStack() as stack:
            view = stack.enter_context(connect(donor.login))
            self._tell("opening a read view on the donor")
            point, definitions, locked = open_with_definitions(view, reader, probed)
            stack.callback(close_view, view)
            for connection in (view, reader):
                connection.set_deadline(STATEMENT_SECONDS)
            target = Insisting(aim.connection)
            target.set_deadline(STATEMENT_SECONDS)
            stack.enter_context(row_events.restored(target, aim.server))
            target.execute(PATIENCE)
            self._empty(target)
            copy = Copy(view, reader, target, probed.dialect.name != "source", self._tell_rows)
            copy.fill(definitions, tables(reader), self._tell)
            close_view(view)
            self._start(target, donor, point, COPIED)
        report.point, report.tables = point, copy.done.numbers
        report.message = " ".join(
            filter(None, (rules.message(str(donor.chosen), copy.done.numbers, point, locked), accounts(reader, target)))
        )

    def _replayed(self, donor: Donor, replay: Replay, report: Report) -> None:
        target = Insisting(self.aim.connection)
        with row_events.restored(target, self.aim.server):
            target.set_deadline(STATEMENT_SECONDS)
            self._empty(target)
            replay.make_schemas(target)
            # What waits for the threads is what watches them, so that none of it waits without a word.
            self._start(target, donor, replay.point, REPLAYING, wait=False)
        report.point = replay.point
        report.message = replay.wait(self.options.timeout)

    def _from_backup(self, backup: Backup, report: Report) -> None:
        began = time.monotonic()
        point = report.point = backup.receive()
        self._tell("turning the channel away")
        try:
            away = rules.turn_away(self.aim.verbs, self.aim.server, self.aim.channel)
            self._steps(Insisting(self.aim.connection), away)
        except BaseException:
            backup.exchange.remove()
            raise
        backup.put(self._kept())
        self._tell("starting replication")
        backup.finish(point, self._kept(), self.options.timeout)
        report.message = backup_rules.message(point, backup.size, time.monotonic() - began)

    def _kept(self) -> Dict[str, Any]:
        """What a later run has to know of the channel, should this one be ended."""
        return {"mode": self.channel.mode, "using_gtid": self.channel.using_gtid, "began": self.options.written_at}

    def _empty(self, target: Insisting) -> None:
        """From the first statement on, the server says that it is not complete, and cannot replicate."""
        aim, server = self.aim, self.aim.server
        self._tell("emptying the replica")
        if server.flag("super_read_only"):
            self._do(target, "SET GLOBAL super_read_only = 0")
        self._steps(target, rules.turn_away(aim.verbs, server, aim.channel))
        target.execute("SET SESSION sql_log_bin = 0")
        for name, value in kinds.LENIENT.items():
            if target.query("SHOW SESSION VARIABLES LIKE %s", (name.replace("_", "\\_"),)):
                target.execute("SET SESSION %s = %d" % (name, value))
        for statement in rules.marker(json.dumps(self._kept())):
            target.execute(statement)
        for name in catalog.schemas(target):
            self._do(target, kinds.drop_schema(name))

    def _check_start(self, donor: Donor, point: CommitPoint) -> None:
        with connect(self.source_login) as connection:
            now = read_server(connection, role="source")
        rules.check_source_has(now, self.channel, point, donor.is_source)

    def _start(self, target: Insisting, donor: Donor, point: CommitPoint, state: str, wait: bool = True) -> None:
        aim = self.aim
        self._tell("starting replication")
        self._check_start(donor, point)
        server = aim.read()
        channel = server.channel(aim.channel.name) or aim.channel
        steps = (
            *rules.history(aim.verbs, server, point),
            *rules.point_at(aim.verbs, server, self.channel, channel, point),
        )
        self._steps(target, steps)
        self._do(target, kinds.drop_schema(rules.MARKER_SCHEMA))
        self.state = state
        # A status statement hangs where a thread waits for room on a full disk.
        target.set_deadline(START_SECONDS)
        steps = rules.starts(aim.verbs, self.channel)
        self._steps(target, steps if wait else [replace(step, wait="") for step in steps])

    def _do(self, target: Connection, sql: str) -> None:
        statement = Statement(sql)
        target.execute(statement)
        self.journal.ran.append(statement)

    def _steps(self, target: Insisting, steps: Sequence[Step]) -> None:
        run(steps, target, self.aim.probed, self.aim.channel.name, self.journal, self.options.timeout)

    # -- progress

    def _tell(self, stage: str) -> None:
        self.told(rules.progress(stage, time.monotonic() - self.began, self.total))

    def _tell_rows(self, done: Done) -> None:
        numbers = {"tables": done.tables, "of": done.of, "rows": done.rows, "bytes": done.bytes, "table": done.table}
        self.told(rules.progress("copying", time.monotonic() - self.began, self.total, **numbers))


def _left_by_another(connection: Connection) -> Dict[str, Any]:
    """What a rebuild that did not end left in its table; empty when there was none."""
    try:
        row = connection.one("SELECT it_is FROM `%s`.`%s`" % (rules.MARKER_SCHEMA, rules.MARKER_TABLE))
    except ServerError as error:
        if error.number in (1049, 1146):
            return {}
        raise
    found: Dict[str, Any] = json.loads(str(row["it_is"])) if row else {}
    return found
