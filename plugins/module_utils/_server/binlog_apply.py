# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applying named transactions of another server, or undoing them, one transaction at a time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Iterator, List, Mapping, Optional, Sequence, Tuple

from .._core import binlog_apply as rules
from .._core.binlog.table_map import TableName
from .._core.binlog_apply import LIST, Item, Wish
from .._core.binlog_apply_rows import Conflict
from .._core.errors import ReplicaError
from .._core.plan import Plan
from .._core.row_repair_rows import Shape
from .._core.snapshot import STOPPED, Server
from . import binlog_apply_below
from .binlog_apply_round import Round
from .binlog_apply_scan import Origin
from .binlog_archive import Archive, as_donor
from .change import Options, Target
from .connect import Connection, Login, connect
from .probe import probe
from .reader import read_server
from .sections import SOURCE


@dataclass(frozen=True)
class Report:
    """What came of it.

    :param before: the state of each transaction before, ``states`` afterwards.
    :param rows: how many rows were written, or would be.
    :param note: what has to be done before, in check mode.
    :param later: the plan is not whole: rows of tables that a statement defines are planned when that has run.
    """

    items: Tuple[Item, ...]
    before: Tuple[str, ...]
    states: Tuple[str, ...]
    conflicts: Tuple[Conflict, ...]
    shapes: Mapping[TableName, Shape]
    plan: Plan
    rows: int = 0
    queries: Tuple[str, ...] = ()
    record: str = ""
    bytes_read: int = 0
    later: bool = False
    note: str = ""


def apply(aim: Target, wish: Wish, options: Options, origin: Origin, members: Tuple[Login, ...] = ()) -> Report:
    """Apply the transactions, or undo them.

    :param origin: the login of the donor, or archived binlogs.
    :param members: the other servers, with their names.
    :raises RefusedError: it must not be done; nothing was changed by this round.
    :raises ReplicaError: a server does not answer, or a transaction failed; those before it are done.
    """
    rules.check_target(
        wish,
        aim.server,
        aim.channel,
        aim.connection.one(aim.probed.dialect.show_source_status) or {},
        options.check_mode,
        binlog_apply_below.none_has_them(wish, aim.server, members),
    )
    with _donor(aim, origin) as (donor, known):
        rules.check_donor(wish, aim.server, known)
        first: Optional[Round] = None
        queries: List[str] = []
        records: List[str] = []
        rows_done, bytes_read, number = 0, 0, 0
        while True:
            here = aim if first is None else replace(aim, server=aim.read())
            with _told_before(queries, records):
                now = Round(here, wish, origin, donor, known, options)
                bytes_read += now.named.bytes_read
                first = first or now
                if now.conflicts and (wish.on_conflict != LIST or now is not first):
                    raise now.refusal(now is not first)
                if now.conflicts or options.check_mode or not now.plan.steps:
                    break
                number += 1
                done = now.carry_out(replace(options, written_at=_stamp(options, number)))
            queries += done[0]
            records += [done[1]] if done[1] else []
            rows_done += now.rows
            if not now.later:
                break
    return Report(
        tuple(first.named.items), first.before, first.states if options.check_mode or first.conflicts else first.done(),
        tuple(first.conflicts), first.shapes(), first.plan, rows_done or first.rows,
        tuple(queries) or first.plan.queries(), records[0] if records else "", bytes_read, first.later, _note(aim),
    )  # fmt: skip


@contextmanager
def _told_before(queries: Sequence[str], records: Sequence[str]) -> Iterator[None]:
    """An error of a later round tells as well what those before it have done."""
    try:
        yield
    except ReplicaError as error:
        if queries:
            context = error.context
            own = [context["record"]] if context.get("record") else []
            every = [*queries, *context.get("queries", [])]
            context.update(changed=True, rolled_back=False, executed=True, queries=every, records=[*records, *own])
        raise


@contextmanager
def _donor(aim: Target, origin: Origin) -> Iterator[Tuple[Connection, Server]]:
    """A connection that tells how the tables are defined where the transactions come from, and what is there.

    Archived binlogs tell nothing of definitions: the target's own have to fit.
    """
    if isinstance(origin, Archive):
        yield aim.connection, as_donor(origin, aim.server)
        return
    with connect(origin) as connection:
        yield connection, read_server(connection, probe(connection), SOURCE)


def _note(aim: Target) -> str:
    running = [channel.label for channel in aim.server.channels if channel.applier != STOPPED]
    return "The applier of %s runs and has to be stopped before." % " and ".join(running) if running else ""


def _stamp(options: Options, number: int) -> str:
    return options.written_at if number == 1 else "%s-%d" % (options.written_at, number)
