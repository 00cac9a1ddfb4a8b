# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done about a failing transaction: read it, look at the replica, choose the method, decide how many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .._core import effect as questions
from .._core import skip_method, skip_plan, skip_report
from .._core import skip_rows as rows
from .._core.effect import Verdict
from .._core.errors import RefusedError, ServerError
from .._core.event_group import Failing, countable
from .._core.row_repair import executed
from .._core.skip_plan import COUNTER, GTID, IDEMPOTENT, Broken, Wish
from .._core.skip_rows import Looked, Queued
from .._core.skip_steps import Run
from .._core.snapshot import Coordinates
from .._core.sql_reader import Name, UnknownStatement
from .._core.table_definition import NOTHING_LATER
from . import effect, failing, skip_queue
from .change import Target
from .connect import Connection, Login
from .skip_queue import Queue

Entry = Dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What is to be done.

    :param found: the failing transaction.
    :param run: it, and those that are dealt with together with it.
    :param entries: what a result says about each of them, and ``kept`` what the record says, with all rows.
    :param held: rows that are written over, for the record.
    :param again: looks once more and raises RefusedError when it would be decided otherwise.
    :param more: why it ends before the limit; '' when nothing has to be said.
    """

    found: Failing
    method: str
    run: Run
    entries: Tuple[Entry, ...]
    kept: Tuple[Entry, ...]
    held: Tuple[Entry, ...] = ()
    again: Callable[[], None] = lambda: None
    more: str = ""


def decide(
    aim: Target,
    wish: Wish,
    fault: Broken,
    source: Optional[Connection],
    login: Optional[Login],
    left: int,
    timeout: float,
    lowers: Sequence[Target] = (),
) -> Case:
    """What is to be done about the failing transaction.

    :param source: a connection to the channel's source, and ``login`` how to make another; None when it is not asked.
    :param left: what an own run that was killed left in the skip counter.
    :param lowers: the servers that replicate from here, which must have the effect as well.
    :raises RefusedError: it must not be passed, or that cannot be known.
    :raises ReplicaError: a server does not answer.
    """
    has = executed(aim.server, aim.channel)
    nowhere = Coordinates("", 0)
    by_domain = skip_method.by_domain(aim.server, aim.channel)
    located = failing.locate(
        aim.connection, aim.probed, aim.channel, fault, source, lambda gtid: by_domain and has(gtid, nowhere)
    )  # fmt: skip
    group, following, first = located
    method = skip_method.choose(wish, aim.server, aim.channel, Failing(group, "", "", first), left)
    if fault.number in questions.SUPPORTED:
        found = failing.statement(aim.connection, aim.channel, fault, located)
        made = _of_statement(aim, wish, fault, found, following, method, source)
        for lower in lowers:
            verdict = _verdict(lower, fault, found, following, source)
            skip_plan.check_below(aim.server, aim.channel, lower.server, verdict.lacking)
        return made
    if source is None or login is None:
        raise skip_queue.no_source(aim, fault.number)
    skip_method.check_filters(wish, aim.server, aim.channel)
    count = None if method == IDEMPOTENT and wish.until == skip_plan.CAUGHT_UP else wish.limit
    queue = skip_queue.read(aim, source, login, group, count, timeout)
    looked = skip_queue.look(aim.connection, queue)
    return _Rows(aim, wish, fault, Failing(group, "", "", first), method, queue, looked, lowers).case()


# -- one statement


def _of_statement(
    aim: Target,
    wish: Wish,
    fault: Broken,
    found: Failing,
    following: Tuple[Tuple[str, str], ...],
    method: str,
    source: Optional[Connection],
) -> Case:
    verdict = _verdict(aim, fault, found, following, source)
    skip_plan.check_effect(wish, aim.server, aim.channel, fault, verdict)
    entry = skip_report.passed(found, fault, verdict, method)
    used = method == GTID and skip_method.is_used("pass it", aim.server, found.group.gtid)
    lost = () if verdict.present else ("the statement %s" % entry["given_up"],)
    end = Coordinates(found.group.source_file, found.group.source_end) if found.group.source_file else None
    run = Run((found.group.gtid,) if found.group.gtid else (), end, found.first, used=used, lost=lost)
    return Case(found, method, run, (entry,), (entry,))


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


# -- rows


class _Rows:
    """Decides about transactions of rows."""

    def __init__(
        self, aim: Target, wish: Wish, fault: Broken, found: Failing, method: str, queue: Queue, looked: Looked,
        lowers: Sequence[Target] = (),
    ) -> None:  # fmt: skip
        self.lowers = lowers
        self.aim, self.wish, self.fault, self.found = aim, wish, fault, found
        self.method, self.queue, self.looked = method, queue, looked
        self.events: List[int] = []
        self.more = queue.more

    def case(self) -> Case:
        """What is to be done. Raises RefusedError."""
        run = self._run()
        for lower in self.lowers:
            skip_queue.check_alike(lower, self.queue)
        self._check_below(run)
        shown = self._entries(run, self.wish.show)
        kept = self._entries(run, "full", 1 << 62)
        pending = [one for one in run if not one.executed]
        gtids = tuple(one.transaction.gtid for one in pending if one.transaction.gtid)
        used = self.method == GTID and skip_method.is_used("pass it", self.aim.server, gtids[0])
        events = sum(self.events[: len(run) - 1]) + 1 if self.method == COUNTER else 1
        lost = () if self.method == IDEMPOTENT else skip_report.lost(shown)
        return Case(
            self.found, self.method,
            Run(gtids, run[-1].transaction.end, self.found.first, events, used, lost),
            tuple(shown), tuple(kept), tuple(self._held(run)), self._again, self.more,
        )  # fmt: skip

    def _entries(self, run: Sequence[Queued], show: str, room: int = 1000) -> List[Entry]:
        queue = self.queue
        return skip_report.of_rows(
            run, self.looked, queue.columns, queue.shape, self.fault, self.method, show, room
        )  # fmt: skip

    def _held(self, run: Sequence[Queued]) -> List[Entry]:
        if self.method != IDEMPOTENT:
            return []
        return skip_report.held(rows.overwritten(run, self.looked), self.queue.columns, self.queue.shape)

    def _run(self) -> Sequence[Queued]:
        items: Sequence[Queued] = self.queue.items
        if self.method == GTID and skip_method.is_used("pass it", self.aim.server, self.found.group.gtid):
            return items[:1]  # an own run that was killed has passed it; only the start is left
        if self.method == COUNTER:
            items = self._countable(items)
        if self.method == IDEMPOTENT:
            return items[: self._safe(items)]
        if not self.wish.proven:
            return items[: rows.failing(items, self.looked, self.wish.errors)]
        number = rows.present(items, self.looked, self.wish.errors)
        if not number:
            raise self._not_present(items)
        return items[:number]

    def _safe(self, items: Sequence[Queued]) -> int:
        number, why = rows.safe(items, self.looked, skip_queue.around(self.aim.connection, self.queue))
        if not number:
            raise RefusedError(
                "apply the failing transaction of %s over what is there" % self.aim.channel.label,
                self.aim.server.address, "idempotent mode would not make it right: %s" % why,
                "Heal the rows instead (row_repair), which writes each of them as the source has it.",
                {"error": self.fault.number, "lacking": [why]},
            )  # fmt: skip
        self.more = why or self.more
        return number

    def _countable(self, items: Sequence[Queued]) -> Sequence[Queued]:
        """The transactions of which the relay log says how many events the skip counter has to count."""
        start = Coordinates(self.found.group.log, self.found.group.position)
        if len(items) < 2:
            return items
        try:
            groups = failing.following(self.aim.connection, self.aim.probed, self.aim.channel, start, len(items))
        except ServerError:
            groups = []
        number = 1
        for one, group in zip(items, groups):
            same = (one.transaction.gtid, one.transaction.last & 0xFFFFFFFF) == (group.gtid, group.source_end)
            if one.executed or not same:
                break
            self.events.append(len(group.ends))
            number = len(self.events)
            if not countable(group):
                break  # it can be the last one, whose events are not counted
        return items[: max(number, 1)]

    def _not_present(self, items: Sequence[Queued]) -> RefusedError:
        first = items[0]
        lacking = [first.why] if first.why else skip_report.differing(rows.compared(items[:1], self.looked)[0])
        shown = skip_report.of_rows(
            items[:1], self.looked, self.queue.columns, self.queue.shape, self.fault, self.method, self.wish.show
        )
        return RefusedError(
            "pass the failing transaction of %s" % self.aim.channel.label, self.aim.server.address,
            "what the transaction wants is not proven to be there: %s" % "; ".join(lacking),
            "Heal the rows (row_repair) and start the applier; where the replica's data is ahead, a higher limit lets"
            " later transactions be looked at together with it; or give it up (only_if_effect_present=false).",
            {"error": self.fault.number, "lacking": lacking, "transaction": shown[0] if shown else {}},
        )  # fmt: skip

    def _check_below(self, run: Sequence[Queued]) -> None:
        """Refuse unless the servers below hold the rows as the last of the transactions leaves them."""
        for lower in self.lowers:
            looked = skip_queue.look(lower.connection, self.queue)
            found = [one for part in rows.compared(run, looked) for one in part]
            skip_plan.check_below(self.aim.server, self.aim.channel, lower.server, skip_report.differing(found))

    def _again(self) -> None:
        if skip_queue.look(self.aim.connection, self.queue) != self.looked:
            raise RefusedError(
                "pass the failing transaction of %s" % self.aim.channel.label, self.aim.server.address,
                "the rows that it touches have changed since they were looked at",
                "Somebody writes on this server: find out who, then run again.",
            )  # fmt: skip
        self._check_below(self._run())


def passed_of(case: Case, reached: Optional[Coordinates]) -> Case:
    """The case with those transactions alone that the applier is past: the skip counter may have passed fewer."""
    if reached is None or case.method not in (COUNTER, IDEMPOTENT) or len(case.entries) < 2:
        return case
    past = [
        number for number, entry in enumerate(case.entries, 1)
        if reached.reached(Coordinates(entry["file"], entry["end_position"]))
    ]  # fmt: skip
    number = max(past, default=1)
    return replace(case, entries=case.entries[:number], kept=case.kept[:number])
