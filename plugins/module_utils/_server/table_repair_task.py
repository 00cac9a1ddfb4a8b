# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table that is to be compared: what both sides' definitions say of it, before any row is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import AbstractSet, List, Mapping, Optional, Set, Tuple

from .._core import row_repair_rows as wants
from .._core import table_repair as rules
from .._core import table_repair_make as make
from .._core.compare_rows import BASE_TABLE, SNAPSHOT_ENGINES, STATIC_ENGINES, comparable, read_alike
from .._core.compare_rows import Table as Compared
from .._core.errors import ServerError
from .._core.row_repair_rows import Key
from .._core.table_repair import HEALED, Wish
from .._core.table_repair_make import Making
from . import compare_catalog as catalog
from .change import Target
from .compare_side import YieldedError, reason_of
from .driver_errors import CONNECTION_LOST
from .row_repair_tables import Table, Tables
from .table_repair_bag import keyless
from .table_repair_make import making
from .table_repair_point import Meeting

Pair = Tuple[str, str]

_KEYED = "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.STATISTICS WHERE INDEX_NAME = 'PRIMARY'"


@dataclass
class Task:
    """A table on both sides.

    :param source, replica: for finding keys; ``table`` for reading and writing rows.
    :param rows: how many rows were compared.
    :param keys: of the rows that may differ.
    :param made: how it is made on the replica, which lacks it; None when it is there.
    :param why: why it is not decided; '' when it is.
    :param beside: nobody named it.
    """

    pair: Pair
    source: Optional[Compared] = None
    replica: Optional[Compared] = None
    table: Optional[Table] = None
    rows: int = 0
    keys: List[Key] = field(default_factory=list)
    made: Optional[Making] = None
    why: str = ""
    read: bool = False
    beside: bool = False

    @property
    def live(self) -> bool:
        """Whether a side has no read view of it."""
        return any(t is not None and not t.in_views for t in (self.source, self.replica))


class Preparer:
    """Reads definitions, at one point of the source.

    :param half: tables that are there, but empty, as a run was killed that was to fill them; they count as missing.
    :param here: tables that both sides have; ``there``: those that only the source has.
    """

    def __init__(self, aim: Target, wish: Wish, at: Meeting, half: AbstractSet[Pair] = frozenset()) -> None:
        self.aim, self.wish, self.at, self.half = aim, wish, at, half
        self.here = Tables(aim.connection, at.work, aim.server)
        self.there = Tables(at.work, at.work, aim.server)
        self.mine: Mapping[Pair, Compared] = catalog.tables(at.work)
        self.theirs: Mapping[Pair, Compared] = catalog.tables(aim.connection)

    def beside(self) -> List[Pair]:
        """The tables that transactions to come need, and that no row by row repair could help: missing, or keyless."""
        behind = self.at.behind
        if behind is None or behind.everything:
            return []
        keyed = {self.here.pair(str(row["s"]), str(row["t"])) for row in self.aim.connection.query(_KEYED)}
        return [
            pair
            for pair in sorted(self.mine)
            if behind.has(*pair) and not behind.redefined(*pair) and self.here.pair(*pair) not in keyed
        ]

    def prepare(self, task: Task) -> None:
        """Both sides' definitions; decides what needs no rows."""
        mine, theirs = self.mine.get(task.pair), self.theirs.get(task.pair)
        theirs = None if mine is not None and task.pair in self.half else theirs
        task.source = task.replica = task.table = task.made = None
        if mine is None or theirs is None:
            self._one_side(task, mine)
            return
        task.why = self._behind(task.pair) or _unfit(mine, {theirs.engine.lower()})
        if task.why:
            return
        try:
            task.source, task.replica = (
                catalog.describe(self.at.work, mine), catalog.describe(self.aim.connection, theirs),
            )  # fmt: skip
            if not comparable(task.source, task.replica):
                texts = catalog.definition(self.at.work, mine), catalog.definition(self.aim.connection, theirs)
                task.why = rules.unlike(*texts)
                return
            task.source, task.replica = read_alike(task.source, task.replica)
        except ServerError as error:
            task.why = reason(error)
            return
        self._rows_of(task, self.here, task.replica, task.source.unknown_types() + task.replica.unknown_types())

    def _behind(self, pair: Pair) -> str:
        """Why the definition of today is not that of the replica's applied point."""
        behind = self.at.behind
        if behind is None:
            return ""
        if behind.everything:
            return rules.AHEAD % behind.why
        return rules.REDEFINED if behind.redefined(*pair) else ""

    def _one_side(self, task: Task, mine: Optional[Compared]) -> None:
        text = catalog.definition(self.at.work, mine) if mine is not None else ""
        task.why = make.only_one(task.pair, mine is not None, text)
        if mine is None or mine.kind.upper() != "BASE TABLE" or not self.wish.create or self.wish.state != HEALED:
            return
        task.why = self._behind(task.pair) or _unfit(mine, set())
        if not task.why and self.at.behind is not None and self.at.behind.objects:
            task.why = make.OTHERS
        half = task.pair in self.half
        granted = catalog.visible(self.aim.connection)
        for needed in ("CREATE", *(("DROP",) if half else ())):
            if not task.why and not granted.table(needed, *task.pair):
                task.why = "the account %s may not make it (%s)" % (self.aim.connection.login.user, needed)
        if not task.why:
            try:
                task.source = catalog.describe(self.at.work, mine)
                task.made = replace(making(self.at.work, self.aim.connection, task.pair, text), half=half)
                self._rows_of(task, self.there, task.source, task.source.unknown_types())
            except (ServerError, ValueError) as error:
                task.why = reason(error) if isinstance(error, ServerError) else str(error)
        if task.why:
            task.why, task.made, task.table = "%s: %s" % (make.MISSING, task.why), None, None

    def _rows_of(self, task: Task, tables: Tables, described: Compared, unknown: Tuple[str, ...]) -> None:
        """How its rows are read and written."""
        task.table = tables.plain(*task.pair)
        if task.table is None and described.schema and tables.silent.get(tables.pair(*task.pair)) == wants.NO_KEY:
            self._keyless(task, described, tables)
        if task.why:
            return
        if unknown:
            task.why = "columns of type %s cannot be compared" % ", ".join(sorted(set(unknown)))
        elif task.table is None:
            task.why = tables.silent.get(tables.pair(*task.pair), "its rows cannot be written as row events")

    @staticmethod
    def _keyless(task: Task, described: Compared, tables: Tables) -> None:
        if tables.runs_triggers:
            task.why = "it has no primary key, and this server runs triggers for row events"
            return
        try:
            task.table = keyless(tables.replica, described, tables.mariadb)
        except ValueError as error:
            task.why = str(error)


def _unfit(mine: Compared, engines: Set[str]) -> str:
    """Why a table is none whose rows can be compared."""
    if mine.kind.upper() != BASE_TABLE or not engines | {mine.engine.lower()} <= SNAPSHOT_ENGINES | STATIC_ENGINES:
        return "it is a %s of engine %s" % (mine.kind.lower(), mine.engine or "none")
    return ""


def reason(error: ServerError) -> str:
    """Why a table could not be read. Raises the error when it is about more than this table."""
    if error.number == CONNECTION_LOST or isinstance(error, YieldedError):
        raise error
    return reason_of(error)
