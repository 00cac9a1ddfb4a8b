# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gets an applier past a transaction that the source logged together with an error: read it, pass it, look again."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from .._core import mismatch as rules
from .._core import mismatch_names as names
from .._core import mismatch_plan as plans
from .._core import refetch, skip_plan
from .._core.binlog.transactions import Transaction, transactions
from .._core.errors import ReplicaError, ServerError
from .._core.gtid_mysql import GtidSet
from .._core.mismatch import Mismatch
from .._core.permit import check_prepared, check_source
from .._core.plan import Plan
from .._core.skip_plan import Broken
from .._core.snapshot import STOPPED, Channel, Coordinates, Server
from .._core.unfinished import OWES
from . import below, source_head, unfinished, zstd
from . import compare_catalog as catalog
from .below import Asked
from .binlog_stream import BinlogStream
from .change import Options, Outcome, Target, carry_out
from .connect import Login, connect
from .gtid_repair_inject import Writer
from .mismatch_names import known
from .passing import channel_now, discreet_target, settled
from .prepared import prepared
from .probe import probe
from .reader import read_server
from .sections import SOURCE

_RUNNING = (1198, 3017)
# Why nothing is passed where others replicate from, and what to do instead.
OTHER_RESULT = "they may have come to yet another result"
OTHER_ADVICE = "Detach those first, or build them anew from here afterwards."
UNDO = ("The transaction stays passed. What its statement was is told under details.",)


@dataclass(frozen=True)
class Report:
    """What came of it.

    :param entry: what the result says about the transaction; None when there was none to pass.
    :param finished: a run that was cut short was finished.
    :param after: the channel afterwards; as it was where nothing ran.
    """

    entry: Optional[Dict[str, Any]]
    plan: Plan
    queries: Tuple[str, ...]
    after: Channel
    record: str = ""
    finished: bool = False


def repair(
    aim: Target, options: Options, source_login: Callable[[Channel], Login], members: Sequence[Login] = ()
) -> Report:
    """Pass the transaction that stopped the applier, if the source logged it together with an error.

    :param members: the other servers of the topology. None of them may replicate from here.
    :raises RefusedError: it must not be passed, or it is no such transaction; nothing was written.
    :raises ReplicaError: a server does not answer, a statement failed, or the applier did not go on.
    """
    fault = skip_plan.broken(aim.channel)
    if fault is None:
        return _finish(aim, options)
    asked = Asked(tuple(members), "%s of %s" % (rules.ATTEMPT, aim.channel.label), options)
    below.check_none(asked, aim.server, OTHER_RESULT, OTHER_ADVICE)
    login = source_login(aim.channel)
    with connect(login) as source:
        known_source = read_server(source, probe(source), SOURCE)
        check_source(aim.channel, known_source, aim.server)
        found = _read(login, aim, fault, known_source, options.timeout)
        on_both = known(source, aim.connection)
        touched = names.touched(_texts(found.transaction), found.transaction.tables, on_both)
        _check_missing(login, aim, found, touched.tables, on_both, options.timeout)
    how = plans.method(aim.server, aim.channel, found)
    plans.check(how, aim.server, aim.channel, found)
    risk = _risk(aim, how, found, login)
    plan = plans.plan(how, aim.verbs, aim.server, aim.channel, found, aim.state_id, risk)
    skip_plan.check_record(plan, options.record_dir, aim.server, aim.channel)
    entry = rules.entry(found, how, ["%s.%s" % pair for pair in touched.tables], touched.unknown)
    if options.check_mode:
        return Report(entry, plan, plan.queries(), aim.channel)
    try:
        outcome = _execute(aim, plan, options, found, how, entry)
        end = found.transaction.end
        after = settled(aim, fault, end, None if plans.anew(how) else end, options.timeout)
    except ReplicaError as error:
        error.context.setdefault("passed", [entry])
        raise
    return Report(entry, plan, tuple(outcome.executed), after, outcome.record)


# -- what stopped the applier


def _read(login: Login, aim: Target, fault: Broken, source: Server, timeout: float) -> Mismatch:
    """The failing transaction, from the source's binlog: only there the error code can be seen."""
    is_it = rules.finder(aim.server, aim.channel, fault)
    certain: Optional[Transaction] = None
    possible: List[Transaction] = []
    start = _start(aim, fault, source)
    file = start.file if isinstance(start, Coordinates) else ""
    deadline = time.monotonic() + timeout
    # What was not fetched yet cannot have stopped the applier.
    stop = aim.channel.read if aim.channel.read is not None else source.binlog_end
    stream = BinlogStream(connect(login), start, stop_at=stop, deadline=deadline)
    with stream:
        done_ones = transactions(stream, lambda table: None, rows=False, decompress=zstd.decompress, file=file)
        for done in done_ones:
            answer = is_it(done)
            if answer:
                certain = done
                break
            if answer is None:
                possible.append(done)
    return rules.chosen(aim.server, aim.channel, fault, certain, possible)


def _start(aim: Target, fault: Broken, source: Server) -> Any:
    """Where to begin reading: at the applied coordinates, else behind what is executed, else at the oldest binlog."""
    if aim.channel.executed is not None:
        return aim.channel.executed
    if aim.server.executed is not None and fault.gtid:
        return str(aim.server.executed.subtract(GtidSet.parse(fault.gtid)))
    if not source.binlogs:
        raise ReplicaError("read the failing transaction", source.address, "its binlogs cannot be listed")
    return Coordinates(source.binlogs[0][0], 4)


def _texts(done: Transaction) -> List[Tuple[str, str]]:
    return [(one.text, one.schema) for one in done.statements]


def _check_missing(
    login: Login, aim: Target, found: Mismatch, tables: Sequence[names.Pair], on_both: names.Known, timeout: float
) -> None:
    """Refuse when the applier would stop at the next statement for a table that is not here and then cannot be made.

    :raises RefusedError: there is such a statement in the source's binlog.
    """
    missing = set(tables).difference(catalog.tables(aim.connection))
    if not missing:
        return
    start = found.transaction.end
    stream = BinlogStream(connect(login), start, deadline=time.monotonic() + timeout)
    with stream:
        later = transactions(stream, lambda table: None, rows=False, decompress=zstd.decompress, file=start.file)
        for done in later:
            needed = missing.intersection(names.touched(_texts(done), (), on_both).tables)
            if needed:
                raise rules.needs_missing(aim.server, aim.channel, done, sorted(needed)[0])


def _risk(aim: Target, how: str, found: Mismatch, login: Login) -> str:
    """The risk of throwing the relay logs away, after the source was asked whether it still has everything."""
    if not plans.anew(how):
        return "none"
    channel = plans.behind(aim.channel, how, found)
    source, oldest = source_head.ask(login, channel, aim.server, True)
    risk = refetch.check(aim.server, channel, refetch.evidence(aim.server, channel, source, oldest), False)
    check_prepared(aim.server, prepared(aim.connection), refetch.ATTEMPT)
    return risk


# -- passing it


def _execute(aim: Target, plan: Plan, options: Options, found: Mismatch, how: str, entry: Dict[str, Any]) -> Outcome:
    """Carry out the plan; before the skip counter is set, look once more where the applier stands."""

    def again(now: Server) -> Plan:
        there = now.channel(aim.channel.name) or aim.channel
        plans.check_at(now, there, found)
        return plan

    details = {"passed": [entry], "finish": plans.finishing(plan.steps), OWES: entry["tables"]}
    with Writer(aim.connection, options.timeout) as writer, _put_back(aim, how):
        safe = discreet_target(aim, writer)
        return carry_out(safe, plan, options, UNDO, details, again if how == plans.COUNTER else None)


@contextmanager
def _put_back(aim: Target, how: str) -> Iterator[None]:
    """On failure the skip counter is 0 again, so that nobody's start passes another transaction."""
    try:
        yield
    except BaseException:
        if how == plans.COUNTER:
            with suppress(ReplicaError), connect(aim.connection.login) as another:
                for statement in plans.counter(aim.verbs, 0, "pass no transaction"):
                    another.execute(statement)
        raise
    finally:
        if aim.verbs.mariadb:
            with suppress(ServerError):
                aim.connection.execute("SET SESSION default_master_connection = ''")


# -- a run that was cut short


def _finish(aim: Target, options: Options) -> Report:
    """Start a channel again that a run left between its RESET and its START; nothing where there was none."""
    nothing = Report(None, Plan(aim.state_id), (), aim.channel)
    if aim.channel.applier != STOPPED or not options.record_dir:
        return nothing
    kept = unfinished.of_channel(options.record_dir, aim.server, aim.channel, options.module)
    path, record = next(kept, ("", None))
    if record is None or not plans.cut_short(record, aim.server, aim.channel):
        return nothing
    plan = plans.finish(record, aim.verbs, aim.channel, aim.state_id)
    entry = dict((record["details"].get("passed") or [{}])[0])
    if options.check_mode:
        return Report(entry, plan, plan.queries(), aim.channel, finished=True)
    details = {"finishes": path, "passed": [entry], "finish": record["details"]["finish"]}
    outcome = carry_out(aim, plan, options, UNDO, details)
    return Report(entry, plan, tuple(outcome.executed), channel_now(aim), outcome.record, True)
