# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparing the rows that a source's transactions touched with the replica's, and writing those that differ."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

from .._core import below as core_below
from .._core import row_repair as rules
from .._core import row_repair_rows as wants
from .._core.binlog.table_map import TableName
from .._core.errors import RefusedError, ReplicaError
from .._core.permit import check_source
from .._core.plan import Plan
from .._core.row_repair import HEALED, Wish
from .._core.row_repair_report import Outcome
from .._core.row_repair_rows import Key
from .._core.snapshot import Channel, Server
from . import below
from . import row_repair_pending as pending
from .below import Asked
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
    :param below: the same of each server that replicates from this one, with its address, in the order of writing.
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
    below: Tuple[Tuple[str, Report], ...] = ()


@dataclass(frozen=True)
class _Job:
    """What is to be done on one server."""

    work: Work
    before: Outcome


def repair(
    aim: Target, wish: Wish, options: Options, source_login: Callable[[Channel], Login], members: Sequence[Login] = ()
) -> Report:
    """Compare, and write what differs when that is asked for.

    Where others replicate from here, those that transactions to come are healed for get the same images first, leaves
    before what is above them; then each of them finds what it expects when it gets these transactions from here.

    :param members: the other servers of the topology.
    :raises RefusedError: it must not be compared or written; nothing was changed.
    :raises ReplicaError: a server does not answer, or rows are not what they were or were to become; nothing was kept.
    """
    rules.check(wish, aim.server, aim.channel, furthest(aim.connection, aim.probed, aim.channel.name))
    asked = Asked(tuple(members), rules.attempt(aim.channel), options)
    login = source_login(aim.channel)
    with _lowers(aim, wish, asked) as lowers, connect(login) as source:
        known = read_server(source, probe(source), SOURCE)
        check_source(aim.channel, known, aim.server)
        jobs = _jobs(aim, wish, options, source, known, lowers)
        if wish.state == HEALED:
            for job in jobs:
                job.work.check_decided(job.before)
                if job.before.different:
                    job.work.check_record(job.before, options)
        return _all_written(jobs, options)


@contextmanager
def _lowers(aim: Target, wish: Wish, asked: Asked) -> Iterator[Tuple[Target, ...]]:
    if wish.state != HEALED:
        yield ()
    elif wish.which:
        with below.servers(aim, asked) as lowers:
            yield lowers
    else:
        below.check_none(asked, aim.server, rules.KEPT_OUT, rules.HEAL_FIRST)
        yield ()


def _jobs(
    aim: Target, wish: Wish, options: Options, source: Connection, known: Server, lowers: Sequence[Target]
) -> List[_Job]:
    """What is to be done on each server, this one last."""
    if not wish.which:
        tables = Tables(aim.connection, source, aim.server)
        found = scan(source.login, wish, tables, aim.server, aim.channel, known, options.timeout)
        work = Work(aim, wish, tables, found, _silent(tables, found))
        return [_Job(work, work.compare(aim.connection))]
    point = pending.Point(aim.connection, source.login, aim.server, aim.channel)
    jobs: List[_Job] = []
    for one in (aim, *lowers):
        jobs.append(_Job(*_pending(one, wish, source, known, point, options)))
    whole = jobs[0].work.found.collector.transactions
    for job in jobs[1:]:
        if job.work.found.collector.transactions != whole:
            raise _not_alike(aim, job.work)
    return [*jobs[1:], jobs[0]]


def _not_alike(aim: Target, work: Work) -> RefusedError:
    return core_below.refused(
        rules.attempt(aim.channel), aim.server, [work.aim.server.address],
        "there the rows of fewer of these transactions can be known: %s" % work.found.cut,
        "Make its definitions equal first.",
    )  # fmt: skip


def _pending(
    aim: Target, wish: Wish, source: Connection, known: Server, point: pending.Point, options: Options
) -> Tuple[Work, Outcome]:
    """The rows that transactions to come touch, and those that are in their way."""
    tables = Tables(aim.connection, source, aim.server)
    found = pending.scan(point, wish, tables, known, options.timeout)
    collector = found.collector
    silent = {**collector.silent, **{name: why for name, why in tables.silent.items() if name in collector.rows}}
    work = Work(aim, wish, tables, found, silent)
    around = Neighbours(aim.connection, source, tables, point, deadline(options.timeout))
    return work, work.widen(around, collector.changes)


def _all_written(jobs: Sequence[_Job], options: Options) -> Report:
    """Write on each server in turn; the report of the last one, with those of the others."""
    done: List[Tuple[str, Report]] = []
    try:
        for job in jobs:
            done.append((job.work.aim.server.address, _written(job.work, job.before, options)))
    except ReplicaError as error:
        if any(one.executed for _address, one in done):
            said = Report(jobs[-1].before, jobs[-1].before, "", Plan(""), below=tuple(done))
            queries = [*all_queries(said), *error.context.get("queries", [])]
            records = [*all_records(said), *filter(None, [error.context.get("record", "")])]
            error.context.update(changed=True, rolled_back=False, executed=True, queries=queries, records=records)
        raise
    return replace(done[-1][1], below=tuple(done[:-1]))


def all_queries(done: Report) -> List[str]:
    """The statements on every server, in their order; those on servers below say where."""
    lower = ["/* on %s */ %s" % (address, query) for address, one in done.below for query in one.queries]
    return [*lower, *done.queries]


def all_records(done: Report) -> List[str]:
    """The paths of all undo records."""
    return [one.record for one in (*(one for _address, one in done.below), done) if one.record]


def _written(work: Work, before: Outcome, options: Options) -> Report:
    """Write what differs when that is asked for."""
    aim, wish, found = work.aim, work.wish, work.found
    nothing = Report(before, before, _point(wish, found), Plan(aim.state_id), bytes_read=found.bytes_read)
    nothing = replace(nothing, transactions=found.collector.transactions, cut=found.cut)
    if before.different and wish.which:
        tracer = Tracer(aim, work.tables, {name: one.different for name, (_shape, one) in before.tables.items()})
        nothing = replace(nothing, origins=tracer.trace(), traced=tracer.note)
    if wish.state != HEALED or not before.different:
        return nothing
    plan = work.plan(before)
    if options.check_mode:
        return replace(nothing, plan=plan, queries=plan.queries())
    with writing(aim, True) as able:
        done = carry_out(able, plan, options, (), {"rows": work.recorded(before)})
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
