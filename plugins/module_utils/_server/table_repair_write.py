# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads rows of both sides by their keys and writes those of the replica that differ, as exact row events."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

from .._core import row_repair_report as report
from .._core import row_repair_rows as wants
from .._core import table_repair as rules
from .._core.binlog import encode, header
from .._core.binlog.encode import Form, form_of
from .._core.binlog.table_map import TableName
from .._core.errors import RefusedError, ReplicaError, ServerError
from .._core.plan import Plan, Step
from .._core.row_repair_report import Outcome
from .._core.row_repair_rows import Compared as ComparedRows
from .._core.row_repair_rows import Key, Shape, Values, Wanted
from .._core.row_repair_steps import Look, transaction
from .._core.snapshot import Coordinates
from .._core.statement import qualified
from .._core.table_repair import Wish
from .._core.table_repair_back import Images
from .binlog_stream import BinlogStream
from .change import Options, Target
from .compare_side import Side
from .connect import Connection, Login, connect
from .row_repair_keys import orphans
from .row_repair_rows import rows
from .row_repair_tables import Table
from .row_repair_work import changes_of, privileges, recorded_map
from .table_repair_bag import all_rows
from .table_repair_point import Meeting

Pair = Tuple[str, str]

_AROUND_ROWS = ("START TRANSACTION", "COMMIT")


@dataclass(frozen=True)
class Chosen:
    """A table whose rows are compared.

    :param table: as the replica has it, or will have it.
    :param keys: of the rows; those that lead back to the replica's point, and all of a table that is made, are added.
    :param live: a side has no transactions.
    :param absent: the replica lacks it.
    :param name: as both sides call it.
    """

    table: Table
    keys: Sequence[Key]
    live: bool
    absent: bool
    name: TableName


class Writer:
    """The rows of some keys.

    :param chosen: by table of the source.
    :param images: what leads back from the source's rows to the replica's point; None when the source is there.
    """

    def __init__(self, aim: Target, wish: Wish, chosen: Mapping[Pair, Chosen], images: Optional[Images] = None) -> None:
        self.aim, self.wish, self.images = aim, wish, images
        self.chosen = dict(chosen)
        self.known = {one.table.name: one.table for one in self.chosen.values()}
        self.form: Optional[Form] = None
        self.wanted: Dict[TableName, Dict[Key, Wanted]] = {}
        self.bags: Dict[TableName, List[Values]] = {}

    @staticmethod
    def nothing(tables: Mapping[TableName, Shape]) -> Outcome:
        """The outcome for tables of which no row may differ."""
        return Outcome({name: (shape, ComparedRows(0, (), {})) for name, shape in tables.items()}, {})

    def leave_out(self, pair: Pair) -> None:
        """Forget a table."""
        self.chosen.pop(pair, None)

    def made(self) -> None:
        """The tables that the replica lacked are there now."""
        self.chosen = {pair: replace(one, absent=False) for pair, one in self.chosen.items()}

    def compare(self, source: Side) -> Outcome:
        """The rows of the source's view, as they were at the replica's point, and the replica's."""
        found: Dict[TableName, Tuple[Shape, ComparedRows]] = {}
        for pair, one in self.chosen.items():
            table = one.table
            side = replace(source, view=source.view and not one.live)
            there = replace(table, name=TableName(*pair))
            if not table.shape.key:
                found[table.name] = table.shape, self._bag(side, there, one)
                continue
            mine, keys = self._source_rows(side, there, one)
            theirs = {} if one.absent or not keys else rows(self.aim.connection, table, keys)
            self.wanted[table.name] = rules.wanted(keys, mine, theirs, table.shape, table.map.metadata)
            found[table.name] = table.shape, wants.compare(self.wanted[table.name], theirs, table.compared)
        return Outcome(found, {})

    def _bag(self, source: Side, there: Table, one: Chosen) -> ComparedRows:
        """A table without a primary key as a whole."""
        if not (one.keys or one.absent or self.images is not None):
            return ComparedRows(0, (), {})
        try:
            mine = all_rows(source, there, self._most(one))
            self.bags[one.table.name] = self.images.bag(one.name, mine) if self.images is not None else mine
            return self._bag_again(one)
        except ValueError as error:
            return ComparedRows(0, (), {(): str(error)})

    def _bag_again(self, one: Chosen) -> ComparedRows:
        table = one.table
        theirs = [] if one.absent else all_rows(Side(self.aim.connection, False), table, self._most(one))
        return rules.bag(self.bags[table.name], theirs, table.shape, table.map.metadata)

    def _most(self, one: Chosen) -> int:
        """How many rows are held at once: of a table that is made no more than may be written."""
        return max(self.wish.max_rows, rules.WITHOUT_ORDER) if one.absent else rules.WITHOUT_ORDER

    def _source_rows(self, source: Side, table: Table, one: Chosen) -> Tuple[Dict[Key, Values], List[Key]]:
        """The source's rows, and the keys to compare."""
        if one.absent:
            every = all_rows(source, table, self._most(one))
            found = {tuple(values[place] for place in table.shape.key): values for values in every}
            keys: Set[Key] = set()
        else:
            keys = set(one.keys)
            found = self._rows(source, table, sorted(keys, key=repr)) if keys else {}
        if self.images is not None:
            keys |= set(self.images.keys(one.name))
            found = self.images.rows(one.name, found)
        return found, sorted(keys | set(found), key=repr)

    @staticmethod
    def _rows(source: Side, table: Table, keys: Sequence[Key]) -> Dict[Key, Values]:
        connection = source.connection
        if not source.view:
            return rows(connection, table, keys)
        connection.execute("SAVEPOINT chunk")
        try:
            return rows(connection, table, keys)
        finally:
            with suppress(ServerError):  # after an error, that one is the one to show
                connection.execute("ROLLBACK TO SAVEPOINT chunk")

    def again(self, connection: Connection, names: Set[TableName], locked: bool) -> Outcome:
        """The replica's rows as they are now, beside what they have to be."""
        found: Dict[TableName, Tuple[Shape, ComparedRows]] = {}
        for one in self.chosen.values():
            table = one.table
            if table.name in names and table.name in self.bags:
                found[table.name] = table.shape, self._bag_again(replace(one, absent=False))
            elif table.name in names and table.name in self.wanted:
                wanted = self.wanted[table.name]
                theirs = rows(connection, table, list(wanted), locked) if wanted else {}
                found[table.name] = table.shape, wants.compare(wanted, theirs, table.compared)
        return Outcome(found, {})

    def check_record(self, outcome: Outcome, options: Options) -> None:
        """Refuse to overwrite rows that nothing would be kept of."""
        if options.record_dir:
            return
        if any(one.have is not None for _shape, compared in outcome.tables.values() for one in compared.different):
            raise RefusedError(
                "write rows for %s" % self.aim.channel.label, self.aim.server.address,
                "rows would be overwritten or deleted, and no record of them would be kept",
                "Set record_dir to a directory that outlives this run.",
            )  # fmt: skip

    def plan(self, outcome: Outcome, at: Meeting, login: Login) -> Plan:
        """All tables with transactions in one, the others one by one."""
        self.form = self._form(at, login)
        different = {name for name, (_shape, compared) in outcome.tables.items() if compared.different}
        live = {one.table.name for one in self.chosen.values() if one.live}
        steps: List[Step] = []
        if different - live:
            steps += self._steps(outcome, different - live, True)
        for name in sorted(different & live):
            steps += self._steps(outcome, {name}, False)
        names = ", ".join(qualified(*name) for name in sorted(different))
        return Plan(
            self.aim.state_id,
            tuple(steps),
            "Make %d rows of %s what they are on the source." % (outcome.different, names),
            "replica_rows",
            ("What these rows held on the replica; the record keeps it.",),
            privileges(self.aim.server),
            tuple("%s.%s" % name for name in sorted(different)),
        )

    def _form(self, at: Meeting, login: Login) -> Form:
        start = Coordinates(at.point.coordinates.file, 4)
        with BinlogStream(connect(login), start) as stream:
            for kind, _start, _end, data in stream:
                if kind == header.FORMAT_DESCRIPTION:
                    return form_of(data)
        raise ReplicaError("write rows", at.work.address, "the source's format of events is not known")

    def _steps(self, outcome: Outcome, names: Set[TableName], transactional: bool) -> Tuple[Step, ...]:
        statements: List[encode.RowEvents] = []
        packet = int(self.aim.server.variable("max_allowed_packet", "0") or 0) or 4 << 20
        form = self.form
        if form is None:
            raise ReplicaError("write rows", self.aim.server.address, "the source's format of events is not known")
        for name in sorted(names):
            changes = changes_of(outcome.tables[name][1])
            statements += encode.statements(self.known[name].map, changes, form, packet, self.aim.server.server_id or 1)
        if self.wish.show == "full":
            statements = [replace(one, shown=one.sql) for one in statements]
        told = ", ".join(qualified(*name) for name in sorted(names))
        before = Look(
            "", shown="SELECT ... FROM %s LOCK IN SHARE MODE" % told,
            look=lambda: self._must_be(outcome, names, transactional),
        )  # fmt: skip
        after = Look(
            "", shown="SELECT ... FROM %s" % told, look=lambda: self._must_be_equal(outcome, names, transactional)
        )
        steps = transaction(self.aim.server, form, statements, before, after, transactional)
        if transactional:
            return steps
        return tuple(step for step in steps if step.statement.sql not in _AROUND_ROWS)

    def _must_be(self, planned: Outcome, names: Set[TableName], transactional: bool) -> None:
        now = self.again(self.aim.connection, names, True)
        if any(_seen(now, name) != _seen(planned, name) for name in names):
            raise self._stopped("the rows are not what they were when the change was planned", transactional)

    def _must_be_equal(self, planned: Outcome, names: Set[TableName], transactional: bool) -> None:
        now = self.again(self.aim.connection, names, False)
        if now.different:
            raise self._stopped("%d rows did not become what they had to be" % now.different, transactional)
        written = {self.known[name]: planned.tables[name][1].different for name in names - set(self.bags)}
        broken = orphans(self.aim.connection, written) if transactional else ""
        if broken:
            raise RefusedError(
                "write rows for %s" % self.aim.channel.label, self.aim.server.address,
                "with the rows as they are on the source, %s" % broken,
                "The transaction was rolled back. Name the other table, too.",
            )  # fmt: skip

    def _stopped(self, what: str, transactional: bool) -> ReplicaError:
        kept = "The transaction was rolled back."
        if not transactional:
            kept = "The table has no transactions: what was written stays, and the undo record has what was there."
        return ReplicaError(
            "write rows for %s" % self.aim.channel.label, self.aim.server.address, what,
            kept + " Look who writes on this server, and run again.",
        )  # fmt: skip

    def recorded(self, outcome: Outcome) -> Dict[str, object]:
        """The rows for the undo record."""
        maps = {name: recorded_map(self.known[name]) for name in outcome.tables}
        return report.record_rows(outcome.tables, self.form.event if self.form is not None else b"", maps)


def _seen(outcome: Outcome, name: TableName) -> object:
    return Counter((one.have, one.wanted.values) for one in outcome.tables[name][1].different)
