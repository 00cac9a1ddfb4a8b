# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparing the rows that a source's transactions touched with the replica's, and writing those that differ."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Mapping, Tuple

from .._core import row_repair as rules
from .._core import row_repair_rows as wants
from .._core.binlog.table_map import TableName
from .._core.permit import check_source
from .._core.plan import Plan
from .._core.row_repair import HEALED, Wish
from .._core.row_repair_report import Outcome
from .._core.row_repair_rows import Key
from .._core.snapshot import Channel, Server
from . import row_repair_pending as pending
from . import row_repair_unfinished as unfinished
from .change import Options, Target, carry_out
from .connect import Connection, Login, connect
from .probe import probe
from .reader import read_server
from .row_events import writing
from .row_repair_neighbours import Neighbours, deadline
from .row_repair_origin import Tracer
from .row_repair_scan import Scan, scan
from .row_repair_tables import Tables
from .row_repair_work import Work
from .sections import SOURCE
from .worker_point import furthest


@dataclass(frozen=True)
class Report:
    """What came of it.

    :param before: what was compared before anything was written; ``after``: afterwards, the same where nothing was.
    :param point: the point of the source that the rows were compared with, for people.
    :param origins: who wrote the rows that differ, as far as the replica's binlog tells; ``traced``: how far it does.
    :param transactions: how many were read, and ``cut`` why not all that are to be applied.
    """

    before: Outcome
    after: Outcome
    point: str
    plan: Plan
    queries: Tuple[str, ...] = ()
    record: str = ""
    bytes_read: int = 0
    executed: bool = False
    origins: Mapping[Tuple[TableName, Key], Mapping[str, Any]] = field(default_factory=dict)
    traced: str = ""
    transactions: int = 0
    cut: str = ""


def repair(aim: Target, wish: Wish, options: Options, source_login: Callable[[Channel], Login]) -> Report:
    """Compare, and write what differs when that is asked for.

    :raises RefusedError: it must not be compared or written; nothing was changed.
    :raises ReplicaError: a server does not answer, or rows are not what they were or were to become; nothing was kept.
    """
    rules.check(wish, aim.server, aim.channel, furthest(aim.connection, aim.probed, aim.channel.name))
    left = unfinished.lowered(options.record_dir, aim.server)
    if left:
        aim = replace(aim, server=replace(aim.server, variables={**aim.server.variables, "super_read_only": "ON"}))
    login = source_login(aim.channel)
    with connect(login) as source:
        known = read_server(source, probe(source), SOURCE)
        check_source(aim.channel, known, aim.server)
        tables = Tables(aim.connection, source, aim.server)
        if wish.which:
            work, before = _pending(aim, wish, source, known, tables, options)
        else:
            found = scan(login, wish, tables, aim.server, aim.channel, known, options.timeout)
            work = Work(aim, wish, tables, found, _silent(tables, found))
            before = work.compare(aim.connection)
    done = _written(work, before, options, bool(left))
    if left and done.executed:
        unfinished.close(left, aim.read())
    return done


def _pending(
    aim: Target, wish: Wish, source: Connection, known: Server, tables: Tables, options: Options
) -> Tuple[Work, Outcome]:
    """The rows that transactions to come touch, and those that are in their way."""
    point = pending.Point(aim.connection, source.login, aim.server, aim.channel)
    found = pending.scan(point, wish, tables, known, options.timeout)
    collector = found.collector
    silent = {**collector.silent, **{name: why for name, why in tables.silent.items() if name in collector.rows}}
    work = Work(aim, wish, tables, found, silent)
    around = Neighbours(aim.connection, source, tables, point, deadline(options.timeout))
    return work, work.widen(around, collector.changes)


def _written(work: Work, before: Outcome, options: Options, lowered: bool) -> Report:
    """Write what differs when that is asked for, and put back what an earlier run had lowered."""
    aim, wish, found = work.aim, work.wish, work.found
    nothing = Report(before, before, _point(wish, found), Plan(aim.state_id), bytes_read=found.bytes_read)
    nothing = replace(nothing, transactions=found.collector.transactions, cut=found.cut)
    if wish.state == HEALED:
        work.check_decided(before)
    if before.different and wish.which:
        tracer = Tracer(aim, work.tables, {name: one.different for name, (_shape, one) in before.tables.items()})
        nothing = replace(nothing, origins=tracer.trace(), traced=tracer.note)
    if wish.state != HEALED or not (before.different or lowered):
        return nothing
    work.check_record(before, options)
    plan = work.plan(before) if before.different else work.only_put_back()
    if options.check_mode:
        return replace(nothing, plan=plan, queries=plan.queries())
    with writing(aim, True) as able:
        done = carry_out(able, plan, options, (), {"rows": work.recorded(before)} if before.different else None)
    return replace(
        nothing, after=work.compare(aim.connection), plan=plan, queries=tuple(done.executed), record=done.record,
        executed=True,
    )  # fmt: skip


def _silent(tables: Tables, found: Scan) -> Dict[TableName, str]:
    """Why nothing is known of a table's rows; only tables that the named transactions touch."""
    collector = found.collector
    silent = dict(collector.silent)
    for name in list(silent):
        silent[name] = tables.silent.get(name, silent[name])
    silent.update((name, why) for name, why in tables.silent.items() if name in collector.rows)
    moved = {**collector.moved, **{name: {wants.ALL} for name in silent}}
    silent.update((name, why) for name, why in tables.cascaded(moved).items())
    return silent


def _point(wish: Wish, found: Scan) -> str:
    if wish.which:
        return "what the %d transactions to be applied up to %s expect" % (found.collector.transactions, found.end)
    if wish.point == wants.APPLIED:
        return "the source at the replica's applied point"
    return "the source at %s" % found.end
