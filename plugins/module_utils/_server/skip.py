# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passing one failing transaction: read it, ask whether its effect is there, pass it, see that it is passed."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from .._core import effect as questions
from .._core import skip_plan, skip_report
from .._core.effect import Verdict
from .._core.errors import ReplicaError, ServerError
from .._core.event_group import Failing
from .._core.gtid_mysql import Gtid
from .._core.permit import check_source
from .._core.plan import Plan
from .._core.skip_plan import Broken, Wish
from .._core.snapshot import Channel, Coordinates, Server
from .._core.sql_reader import Name, UnknownStatement
from .._core.statement import Statement
from .._core.table_definition import NOTHING_LATER
from . import effect, failing
from .change import Options, Outcome, Target, carry_out
from .connect import Connection, Login, connect
from .probe import probe
from .reader import read_server
from .sections import SOURCE
from .wait import POLL_SECONDS, glance

Entry = Dict[str, Any]

_LOOKS = 3
# The applier runs: the server refuses to change the counter (MySQL 5.6 and MariaDB; MySQL 8), which is being used up.
_RUNNING = (1198, 3017)
_UNDO = ("The transaction stays passed. What its statement wanted is told under details.",)


@dataclass(frozen=True)
class Passed:
    """One transaction that was passed, or would be in check mode.

    :param entry: what the result says about it.
    :param after: the channel afterwards; None in check mode.
    """

    entry: Entry
    queries: Tuple[str, ...]
    plan: Plan
    record: str = ""
    after: Optional[Channel] = None


class _Discreet(Target):
    """A target whose errors are masked, for records and results."""

    def read(self) -> Server:
        return _discreet(super().read())


def _discreet(server: Server) -> Server:
    return replace(server, channels=tuple(skip_report.masked(channel) for channel in server.channels))


def pass_one(
    aim: Target, wish: Wish, options: Options, source_login: Optional[Callable[[Channel], Login]] = None
) -> Optional[Passed]:
    """Pass the failing transaction; None when there is none.

    :param source_login: how to reach the source, when the caller says that it may be asked.
    :raises RefusedError: it must not be passed; nothing was written.
    :raises ReplicaError: a statement failed, or the applier did not go on; what was set is put back.
    """
    channel = aim.channel
    fault = skip_plan.broken(channel)
    if fault is None:
        return None
    skip_plan.check_allowed(wish, aim.server, channel, fault)
    with _source(aim, source_login) as source:
        found, following = failing.read(aim.connection, aim.probed, channel, fault, source)
        method = skip_plan.choose(wish, aim.server, channel, found)
        verdict = _verdict(aim, fault, found, following, source)
    skip_plan.check_effect(wish, aim.server, channel, fault, verdict)
    entry = skip_report.passed(found, fault, verdict, method)
    used = method == skip_plan.GTID and skip_plan.is_used("pass it", aim.server, found.group.gtid)
    summary = "Pass %s." % (entry["gtid"] or "it")
    plan = skip_plan.plan(method, aim.verbs, found, aim.state_id, verdict, summary, used)
    skip_plan.check_record(plan, options.record_dir, aim.server, channel)
    if options.check_mode:
        return Passed(entry, plan.queries(), plan)
    with _put_back(aim, method):
        outcome = _execute(aim, plan, options, found, fault, entry)
        after = _settled(aim, found, fault, options.timeout)
        _check_passed(aim, method, found)
    return Passed(entry, tuple(outcome.executed), plan, outcome.record, after)


@contextmanager
def _source(aim: Target, source_login: Optional[Callable[[Channel], Login]]) -> Iterator[Optional[Connection]]:
    """A connection to the channel's source, which is asked again who it is; None when it is not to be asked."""
    if source_login is None or aim.source is None or aim.source.server is None:
        yield None
        return
    with connect(source_login(aim.channel)) as connection:
        check_source(aim.channel, read_server(connection, probe(connection), SOURCE), aim.server)
        yield connection


def _verdict(
    aim: Target, fault: Broken, found: Failing, following: Tuple[Tuple[str, str], ...], source: Optional[Connection]
) -> Verdict:
    try:
        question = questions.question(fault.number, found.statement, found.schema)
        table: Optional[Name] = question.names()[0] if question.kind == questions.TWIN else None
    except UnknownStatement as error:
        return Verdict(("it cannot be verified: %s" % error,))
    later = questions.later(following, table) if table is not None else NOTHING_LATER
    return effect.judge(aim.connection.login, question, later, source)


def _execute(aim: Target, plan: Plan, options: Options, found: Failing, fault: Broken, entry: Entry) -> Outcome:
    """Carry out the plan, with a last look at the applier right before the first write."""

    def again(now: Server) -> Plan:
        there = now.channel(aim.channel.name) or aim.channel
        if found.first or entry["method"] == skip_plan.GTID:
            skip_plan.check_still(skip_report.discreet(fault), now, there)
        else:
            skip_plan.check_at(found, now, there)
        return plan

    safe = _Discreet(
        aim.connection, aim.probed, _discreet(aim.server), skip_report.masked(aim.channel), aim.source, aim.state_id,
        aim.verdict, aim.verbs,
    )  # fmt: skip
    return carry_out(safe, plan, options, _UNDO, {"passed": [entry]}, again)


@contextmanager
def _put_back(aim: Target, method: str) -> Iterator[None]:
    """On failure the skip counter is 0 again; GTID_NEXT and the default connection are put back in any case.

    :raises ReplicaError: the counter could not be put back, even over a new connection; the message has the statement.
    """
    try:
        yield
    except BaseException as error:
        if method == skip_plan.COUNTER:
            _reset_counter(aim, error)
        raise
    finally:
        statements = ["SET SESSION default_master_connection = ''"] if aim.verbs.mariadb else []
        if method == skip_plan.GTID:
            statements = ["ROLLBACK", "SET SESSION gtid_next = 'AUTOMATIC'"]
        for statement in statements:
            try:
                aim.connection.execute(statement)
            except ServerError:
                aim.connection.close()


def _reset_counter(aim: Target, cause: BaseException) -> None:
    """Take back the counter that would pass the next transaction, whoever starts the applier."""
    statements = skip_plan.reset_counter(aim.verbs)
    with suppress(ServerError):
        _reset(aim.connection, statements)
        return
    # What broke may be this connection, also by a signal that came while it waited for an answer.
    aim.connection.close()
    try:
        with connect(aim.connection.login) as another:
            _reset(another, statements)
    except ReplicaError as error:
        left = ServerError(
            int(error.context.get("errno", 0)),
            "put the skip counter back to 0",
            "%s, %s" % (aim.server.address, aim.channel.label),
            str(error),
            "It would pass the next transaction. Run there before anything starts the applier: %s. First failed: %s"
            % ("; ".join(statement.display() for statement in statements), cause),
        )
        left.context.update({**getattr(cause, "context", {}), "changed": True})
        raise left from cause


def _reset(connection: Connection, statements: Tuple[Statement, ...]) -> None:
    try:
        for statement in statements:
            connection.execute(statement)
    except ServerError as error:
        if error.number not in _RUNNING:
            raise


def _settled(aim: Target, found: Failing, fault: Broken, timeout: float) -> Channel:
    """Wait until the applier is past the transaction and either runs or shows the next error; the channel then.

    :raises ReplicaError: it stands at the same transaction, or time is up.
    """
    deadline = time.monotonic() + timeout
    looks = 0
    while True:
        now = glance(aim.connection, aim.probed, aim.channel.name)
        looks = looks + 1 if now.applier == "Yes" else 0
        # An empty transaction that is committed will be passed, also where the coordinates are not known.
        beyond = _beyond(now.executed, found) or not found.group.source_file
        if beyond and (looks >= _LOOKS or now.applier != "Yes"):
            return _channel(aim)
        if now.applier != "Yes" and now.applier_fault is not None:
            channel = _channel(aim)
            stopped = skip_plan.broken(channel)
            if stopped is None or stopped != skip_report.discreet(fault):
                return channel
            raise _no_effect(aim, "the applier stops at the same transaction again")
        if time.monotonic() > deadline:
            raise _no_effect(aim, "after %g s the applier is still before its end (at %s)" % (timeout, now.executed))
        time.sleep(POLL_SECONDS)


def _channel(aim: Target) -> Channel:
    server = _discreet(read_server(aim.connection, aim.probed))
    return server.channel(aim.channel.name) or aim.channel


def _beyond(executed: Optional[Coordinates], found: Failing) -> bool:
    file = found.group.source_file
    if executed is None or not file:
        return False
    try:
        return executed.reached(Coordinates(file, found.group.source_end))
    except ValueError:
        return False


def _check_passed(aim: Target, method: str, found: Failing) -> None:
    """Be sure that this transaction counts as passed, and that nothing is left that would pass another one."""
    server = read_server(aim.connection, aim.probed)
    channel = server.channel(aim.channel.name)
    if method == skip_plan.GTID:
        if server.executed is None or Gtid.parse(found.group.gtid) not in server.executed:
            raise _no_effect(aim, "%s is not in gtid_executed" % found.group.gtid)
        return
    left = server.variable(aim.probed.dialect.skip_counter, "0")
    if left not in ("", "0") or (channel is not None and channel.skip_counter):
        raise _no_effect(aim, "the skip counter is not used up (%s)" % left)


def _no_effect(aim: Target, what: str) -> ReplicaError:
    return ReplicaError(
        "see the transaction passed",
        "%s, %s" % (aim.server.address, aim.channel.label),
        what,
        "Diagnose the channel with replica_status.",
        {"changed": True},
    )
