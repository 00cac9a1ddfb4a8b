# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passing failing transactions: ask whether their effect is there, pass them, see that exactly they are passed."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Tuple

from .._core import gtid_repair_mariadb as mariadb
from .._core import refetch, skip_method, skip_plan, skip_report, skip_steps
from .._core.channel_plan import running
from .._core.errors import RefusedError, ReplicaError, ServerError
from .._core.gtid_mysql import GtidSet
from .._core.permit import check_prepared, check_source, check_temporary_tables
from .._core.plan import Plan
from .._core.skip_plan import COUNTER, GTID, IDEMPOTENT, POSITION, Broken, Wish
from .._core.snapshot import Channel, Coordinates, Server
from .._core.statement import Statement
from . import below, source_head
from .below import Asked
from .change import Options, Outcome, Target, carry_out
from .connect import Connection, Login, connect
from .gtid_repair_inject import Writer
from .passing import discreet_target, no_effect, settled
from .prepared import prepared
from .probe import probe
from .reader import read_server
from .sections import SOURCE
from .skip_case import Case, decide, passed_of

Entry = Dict[str, Any]

# The applier runs: the server refuses to change the counter (MySQL 5.6 and MariaDB; MySQL 8), which is being used up.
_RUNNING = (1198, 3017)
_UNDO = ("The transactions stay passed. What they wanted is told under details.",)
_UNDO_ROWS = ("The rows stay as the source has them. What they were before is told under details.",)


@dataclass(frozen=True)
class Passed:
    """Transactions that were passed together, or would be in check mode.

    :param entries: what the result says about each.
    :param after: the channel afterwards; None in check mode.
    :param more: why no more of them were; '' when nothing has to be said.
    """

    entries: Tuple[Entry, ...]
    queries: Tuple[str, ...]
    plan: Plan
    record: str = ""
    after: Optional[Channel] = None
    more: str = ""


def pass_some(
    aim: Target,
    wish: Wish,
    options: Options,
    source_login: Optional[Callable[[Channel], Login]] = None,
    left: int = 0,
    members: Sequence[Login] = (),
) -> Optional[Passed]:
    """Pass the failing transaction and those behind it that may be passed with it; None when none fails.

    :param source_login: how to reach the source, when the caller says that it may be asked.
    :param left: what an own run that was killed left in the skip counter.
    :param members: the other servers of the topology. What replicates from here must have the effect as well.
    :raises RefusedError: it must not be passed; nothing was written.
    :raises ReplicaError: a statement failed, or the applier did not go on; what was set is put back.
    """
    channel = aim.channel
    fault = skip_plan.broken(channel)
    if fault is None:
        return None
    skip_plan.check_allowed(wish, aim.server, channel, fault)
    asked = Asked(tuple(members), "pass the failing transaction of %s" % channel.label, options)
    if not wish.proven or wish.method == IDEMPOTENT:
        below.check_none(asked, aim.server, skip_plan.WITHOUT, skip_plan.REPAIR_THOSE, channel.source_server_id)
        return _pass(aim, wish, options, fault, source_login, left, ())
    with below.servers(aim, asked) as lowers:
        return _pass(aim, wish, options, fault, source_login, left, lowers)


def _pass(
    aim: Target, wish: Wish, options: Options, fault: Broken, source_login: Optional[Callable[[Channel], Login]],
    left: int, lowers: Sequence[Target],
) -> Passed:  # fmt: skip
    with _source(aim, source_login) as source:
        login = source_login(aim.channel) if source is not None and source_login is not None else None
        case = decide(aim, wish, fault, source, login, left, options.timeout, lowers)
        if case.method == POSITION:
            _check_moving(aim, source)
    summary = "Pass %s." % skip_report.name(case.entries[0])
    plan = skip_steps.plan(case.method, aim.verbs, case.run, aim.server, aim.channel, aim.state_id, summary)
    skip_plan.check_record(plan, options.record_dir, aim.server, aim.channel)
    if options.check_mode:
        return Passed(case.entries, plan.queries(), plan, more=case.more)
    with _put_back(aim, case.method):
        outcome = _execute(aim, plan, options, case, fault)
        group = case.found.group
        first = Coordinates(group.source_file, group.source_end) if group.source_file else None
        after = settled(aim, fault, first, None if case.method == POSITION else case.run.end, options.timeout)
        _check_passed(aim, case)
    done = passed_of(case, after.executed)
    return Passed(done.entries, tuple(outcome.executed), plan, outcome.record, after, case.more)


@contextmanager
def _source(aim: Target, source_login: Optional[Callable[[Channel], Login]]) -> Iterator[Optional[Connection]]:
    """A connection to the channel's source, which is asked again who it is; None when it is not to be asked."""
    if source_login is None or aim.source is None or aim.source.server is None:
        yield None
        return
    with connect(source_login(aim.channel)) as connection:
        check_source(aim.channel, read_server(connection, probe(connection), SOURCE), aim.server)
        yield connection


def _check_moving(aim: Target, source: Optional[Connection]) -> None:
    """A later position throws the relay logs away: the source must have everything behind it.

    :raises RefusedError: that is not known, or temporary tables or XA transactions would be lost with them.
    """
    what = "go on behind the failing transaction of %s" % aim.channel.label
    known = aim.source.server if aim.source is not None else None
    oldest = None
    if source is not None and known is not None and skip_method.by_domain(aim.server, aim.channel):
        oldest = source_head.oldest_position(source, known)
    found = refetch.evidence(aim.server, aim.channel, aim.source, oldest)
    if not found.proven:
        raise RefusedError(
            what, aim.server.address,
            "the relay logs would be thrown away, and the source may not have all of it: %s"
            % (found.unknown or "; ".join(found.lost)),
            "Set option source, or pass it with another method.",
        )  # fmt: skip
    check_temporary_tables(aim.server, what)
    check_prepared(aim.server, prepared(aim.connection), what)


def _execute(aim: Target, plan: Plan, options: Options, case: Case, fault: Broken) -> Outcome:
    """Carry out the plan, with a last look at the applier and the rows right before the first write."""

    # Where the applier stands in the relay log matters only to what goes on from there.
    anywhere = case.method in (GTID, IDEMPOTENT) or skip_method.by_domain(aim.server, aim.channel)

    def again(now: Server) -> Plan:
        there = now.channel(aim.channel.name) or aim.channel
        if case.run.first or (anywhere and case.method != COUNTER):
            skip_plan.check_still(skip_report.discreet(fault), now, there)
        else:
            skip_plan.check_at(case.found, now, there)
        case.again()
        if case.method == POSITION and now.replica_position != aim.server.replica_position:
            here = replace(aim.server, replica_position=now.replica_position)
            return skip_steps.plan(case.method, aim.verbs, case.run, here, aim.channel, aim.state_id, plan.summary)
        return plan

    with Writer(aim.connection, options.timeout) as writer:
        safe = discreet_target(aim, writer)
        details = {"passed": list(case.kept), "rows_before": list(case.held)}
        if case.method != IDEMPOTENT:
            return carry_out(safe, plan, options, _UNDO, details, again)
        # Its STOP is not the first statement, so that the last look comes before all of them.
        again(safe.read())
        return carry_out(safe, plan, options, _UNDO_ROWS, details)


@contextmanager
def _put_back(aim: Target, method: str) -> Iterator[None]:
    """On failure the skip counter is 0 and the mode is strict again; what belongs to the session is so in any case.

    :raises ReplicaError: it could not be put back, even over a new connection; the message has the statement.
    """
    try:
        yield
    except BaseException as error:
        if method == COUNTER:
            _reset(aim, error, skip_steps.reset_counter(aim.verbs), "the skip counter", "pass the next transaction")
        if method == IDEMPOTENT:
            strict = (skip_steps.exec_mode(aim.verbs, skip_steps.STRICT),)
            _reset(aim, error, strict, "strict mode", "let duplicate and missing rows pass without a word")
        if method == POSITION:
            _start_others(aim)
        raise
    finally:
        statements = ["SET SESSION default_master_connection = ''"] if aim.verbs.mariadb else []
        if method == GTID:
            statements = ["ROLLBACK", "SET SESSION gtid_next = 'AUTOMATIC'"]
        for statement in statements:
            try:
                aim.connection.execute(statement)
            except ServerError:
                aim.connection.close()


def _reset(aim: Target, cause: BaseException, statements: Tuple[Statement, ...], what: str, danger: str) -> None:
    """Take back what would let the applier pass changes, whoever starts it."""
    with suppress(ServerError):
        _reset_over(aim.connection, statements)
        return
    # What broke may be this connection, also by a signal that came while it waited for an answer.
    aim.connection.close()
    try:
        with connect(aim.connection.login) as another:
            _reset_over(another, statements)
    except ReplicaError as error:
        left = ServerError(
            int(error.context.get("errno", 0)),
            "put %s back" % what + (" to 0" if "counter" in what else ""),
            "%s, %s" % (aim.server.address, aim.channel.label),
            str(error),
            "It would %s. Run there before anything starts the applier: %s. First failed: %s"
            % (danger, "; ".join(statement.display() for statement in statements), cause),
        )
        left.context.update({**getattr(cause, "context", {}), "changed": True})
        raise left from cause


def _reset_over(connection: Connection, statements: Tuple[Statement, ...]) -> None:
    try:
        for statement in statements:
            connection.execute(statement)
    except ServerError as error:
        if error.number not in _RUNNING:
            raise


def _start_others(aim: Target) -> None:
    """Start the other connections again that were stopped. Errors here must not hide the first one."""
    others = [other for other in aim.server.channels if other.name != aim.channel.name and running(other)]
    if not others or not aim.verbs.mariadb:
        return
    with suppress(ReplicaError), connect(aim.connection.login) as connection:
        now = read_server(connection, aim.probed)
        for other in others:
            there = now.channel(other.name)
            for step in mariadb.missing(aim.verbs, other, there) if there is not None else ():
                connection.execute(step.statement)


def _check_passed(aim: Target, case: Case) -> None:
    """Be sure that these transactions count as passed, and that nothing is left that would pass another one."""
    server = read_server(aim.connection, aim.probed)
    channel = server.channel(aim.channel.name)
    if case.method == GTID:
        missing = GtidSet.parse(",".join(case.run.gtids)) - (server.executed or GtidSet())
        if not missing.is_empty:
            raise no_effect(aim, "%s is not in gtid_executed" % missing)
        return
    if case.method == POSITION and skip_method.by_domain(aim.server, aim.channel):
        here, wanted = server.replica_position, skip_steps.position_behind(aim.server, case.run)
        if here is None or not all(here.covers(gtid) for gtid in wanted.gtids):
            raise no_effect(aim, "gtid_slave_pos is %s and not %s" % (here, wanted))
    if case.method == IDEMPOTENT and server.variable(aim.probed.dialect.exec_mode).upper() != skip_steps.STRICT:
        raise no_effect(aim, "%s is not STRICT" % aim.probed.dialect.exec_mode)
    left = server.variable(aim.probed.dialect.skip_counter, "0")
    if left not in ("", "0") or (channel is not None and channel.skip_counter):
        raise no_effect(aim, "the skip counter is not used up (%s)" % left)
