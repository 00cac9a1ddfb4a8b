# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One round of applying or undoing transactions: read them, look what is in the way, plan, carry out.

One round is enough, but where a statement among the transactions defines a table: rows of it can be read and compared
only when that statement has run.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .._core import binlog_apply as rules
from .._core import binlog_apply_report as report
from .._core import binlog_apply_steps as steps
from .._core.binlog import encode
from .._core.binlog.table_map import TableName
from .._core.binlog_apply import Item, Wish
from .._core.binlog_apply_context import Collations
from .._core.binlog_apply_rows import Chains, Conflict, Part
from .._core.errors import RefusedError, ReplicaError, ServerError
from .._core.plan import Plan, Step
from .._core.row_repair_rows import ALL, Key, Shape, Values
from .._core.row_repair_steps import Look
from .._core.snapshot import Server
from .._core.statement import Statement, qualified
from .binlog_apply_keys import Neighbours
from .binlog_apply_scan import Named, Origin, Sight, read
from .binlog_apply_session import Session
from .change import Options, Target, carry_out
from .connect import Connection, connect
from .row_events import restored
from .row_repair_rows import rows
from .row_repair_tables import Table, without_transactions
from .row_repair_work import privileges, recorded_map

_COLLATIONS = (
    "SELECT ID AS n, CHARACTER_SET_NAME AS s, FULL_COLLATION_NAME AS c"
    " FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY",
    "SELECT ID AS n, CHARACTER_SET_NAME AS s, COLLATION_NAME AS c FROM information_schema.COLLATIONS",
)


class Round:
    """What was read and planned at one time; nothing is written but by `carry_out`.

    :raises RefusedError: it must not be done.
    """

    def __init__(
        self, aim: Target, wish: Wish, origin: Origin, donor: Connection, known: Server, options: Options
    ) -> None:
        self.aim, self.wish, self.options = aim, wish, options
        self.connection = aim.connection
        self.sight = Sight(aim.connection, donor, aim.server)
        self.named: Named = read(origin, wish, known, aim.server, self.sight, options.timeout)
        self.donor = donor
        for item in self.named.items:
            if not item.executed:
                rules.check_item(wish, item, aim.server)
        told = all(item.transaction.gtid and not item.passed for item in self.named.items)
        self._gtids_tell = not wish.reverse and (told if wish.whole is None else wish.whole)
        self.chains = Chains(self._compared, latest=not self._gtids_tell)
        self.conflicts = self._judge()
        self.parts: Dict[int, Dict[TableName, Part]] = {}
        self.left: List[int] = []
        self.reached = len(self.named.items)
        self.rows = 0
        self._bare: Optional[Set[TableName]] = None
        self.plan = Plan(aim.state_id)
        if not self.conflicts:
            self._plan()
        self.later = self.reached < len(self.named.items)
        self.states = report.states_of(self.named.items, self.left, self.reached)
        self.before = report.states_of(self.named.items, self.left, 0)

    def done(self) -> Tuple[str, ...]:
        """The states when all has been carried out."""
        return report.states_of(self.named.items, self.left, len(self.named.items))

    def shapes(self) -> Dict[TableName, Shape]:
        """How the rows of the tables stand."""
        return {name: table.shape for name, table in self._tables().items()}

    def _tables(self) -> Dict[TableName, Table]:
        found = {name: self.sight.known(name) for name in self.chains.links}
        return {name: table for name, table in found.items() if table is not None}

    def _table(self, name: TableName) -> Table:
        found = self.sight.known(name)
        if found is None:
            raise ReplicaError(self.wish.attempt, self.aim.server.address, "%s.%s is not known" % name)
        return found

    def _compared(self, name: TableName) -> Tuple[int, ...]:
        return self._table(name).compared

    # -- what is in the way

    def _judge(self) -> List[Conflict]:
        found: List[Conflict] = []
        for number, item in enumerate(self.named.items):
            if item.executed:
                continue
            found += [Conflict(number, name, None, why) for name, why in sorted(item.useless.items())]
            self.chains.feed(number, item.changes)
        if found:
            return found
        for name, links in self.chains.links.items():
            found += self.chains.judge(name, rows(self.connection, self._table(name), list(links)))
        return sorted(found, key=lambda one: one.item)

    def refusal(self, later: bool) -> RefusedError:
        """The error for conflicts."""
        shown = report.conflicts(self.named.items, self.conflicts, self.shapes(), self.wish.show)
        texts = sorted({"%s: %s" % (one["table"], one["reason"]) for one in shown})
        return RefusedError(
            self.wish.attempt, self.aim.server.address,
            "%s in the way (%s)" % (report.counted(len(self.conflicts), "conflict"), "; ".join(texts[:5])),
            "Transactions before were done." if later else "Nothing was done. Heal these rows first, or name other"
            " transactions; on_conflict=list shows the conflicts without an error.",
            {"conflicts": shown, "changed": later},
        )  # fmt: skip

    # -- what is to be done

    def _plan(self) -> None:
        for number, item in enumerate(self.named.items):
            if item.executed:
                continue
            if item.deferred:
                self.reached = min(self.reached, number)
            self.parts[number] = self.chains.left(number, item.changes)
            if self._has_work(number, item):
                self.left.append(number)
        rules.check_order(self.wish, self.named.items, self.left, self.aim.server)
        todo = [number for number in self.left if number < self.reached]
        if not todo:
            return
        self._check_neighbours()
        self._check_record()
        made = list(self._steps(todo))
        names = sorted({"%s.%s" % name for number in todo for name in self.parts[number]})
        summary = report.summary(self.wish, self.named.items, [report.APPLIED] * len(todo), names)
        loses = ("What these rows hold now; the record keeps it.",) if self.rows else ()
        needed = privileges(self.aim.server)
        self.plan = Plan(
            self.aim.state_id, tuple(made), summary, "replica_rows", loses, needed, tuple(names)
        )  # fmt: skip

    def _has_work(self, number: int, item: Item) -> bool:
        if self.parts[number] or item.statements or item.deferred:
            return True
        # An empty transaction takes the GTID; MariaDB does not log one.
        return bool(not self.wish.reverse and item.transaction.gtid and not self.aim.server.flavour.is_mariadb)

    def _check_neighbours(self) -> None:
        broken = Neighbours(self.connection, self._tables(), self.chains.fates).broken()
        advice = "Name the transactions that wrote those rows as well, or compare both tables (table_compare)."
        if not broken and self.wish.reverse and not self._cascades_are_logged():
            silent = self.sight.strict.cascaded(self._moved())
            broken = "; ".join("%s.%s: %s" % (*name, why) for name, why in sorted(silent.items()))
            advice = "The inverse would not bring those rows back. Compare the tables (table_compare)."
        if broken:
            raise RefusedError(self.wish.attempt, self.aim.server.address, broken, advice)

    def _moved(self) -> Dict[TableName, Set[str]]:
        """What the transactions themselves removed, or changed, of rows that others may reference."""
        moved: Dict[TableName, Set[str]] = {}
        for item in self.named.items:
            for change in item.changes:
                # These are inverses: what has no row before is a row that the transaction deleted.
                columns = self._table(change.table).shape.columns
                if change.before is None:
                    moved.setdefault(change.table, set()).add(ALL)
                elif change.after is not None:
                    moved.setdefault(change.table, set()).update(
                        column.name.lower()
                        for column, old, new in zip(columns, change.before.values, change.after.values)
                        if old != new
                    )
        return moved

    def _cascades_are_logged(self) -> bool:
        row = self.donor.one("SHOW GLOBAL VARIABLES LIKE 'innodb_native_foreign_keys'")
        return row is not None and str(row["Value"]).upper() in ("OFF", "0")

    def _check_record(self) -> None:
        if self.options.record_dir:
            return
        fates = [fate for kept in self.chains.fates.values() for fate in kept.values()]
        if any(fate.now is not None and fate.now is not fate.end for fate in fates):
            raise RefusedError(
                self.wish.attempt, self.aim.server.address,
                "rows would be overwritten or deleted, and no record of them would be kept",
                "Set record_dir to a directory that outlives this run.",
            )  # fmt: skip

    def _steps(self, todo: Sequence[int]) -> Iterator[Step]:
        server = self.aim.server
        form = self.named.form
        if form is None:
            raise ReplicaError(self.wish.attempt, server.address, "the donor's format of events is not known")
        yield from steps.begin(self.wish, server, form)
        collations: Collations = {}
        for number in todo:
            item = self.named.items[number]
            try:
                if item.statements:
                    collations = collations or _collations(self.connection)
                    yield steps.statements(self.wish, item, server, collations)
                else:
                    yield self._rows(number, item, form)
            except ValueError as error:
                what = "transaction %s: %s" % (item.name, error)
                raise RefusedError(self.wish.attempt, server.address, what) from None
        yield from steps.end(self.wish, server)

    def _rows(self, number: int, item: Item, form: encode.Form) -> Step:
        parts = self.parts[number]
        if not parts:
            return steps.rows(self.wish, item, self.aim.server, (), (), (), False)
        names = ", ".join(qualified(*self._table(name).name) for name in parts)
        before = Look(
            "", shown="SELECT ... FROM %s LOCK IN SHARE MODE" % names, look=lambda: self._must_be(parts, True)
        )
        after = Look("", shown="SELECT ... FROM %s" % names, look=lambda: self._must_be(parts, False))
        packet = int(self.aim.server.variable("max_allowed_packet", "0") or 0) or 4 << 20
        writes: List[Statement] = []
        for name, part in parts.items():
            self.rows += len(part.writes)
            for one in encode.image_statements(
                self._table(name).map, part.writes, form, packet, item.transaction.server_id
            ):
                writes.append(replace(one, shown=one.sql) if self.wish.show == "full" else one)
        bare = any(self._table(name).name in self._without_transactions() for name in parts)
        return steps.rows(self.wish, item, self.aim.server, (before,), writes, (after,), bare)

    def _without_transactions(self) -> Set[TableName]:
        """Tables of engines that have no transactions."""
        if self._bare is None:
            names = [table.name for table in self._tables().values()]
            self._bare = without_transactions(self.connection, names)
        return self._bare

    def _must_be(self, parts: Mapping[TableName, Part], before: bool) -> None:
        for name, part in parts.items():
            table = self._table(name)
            wanted: Mapping[Key, Optional[Values]] = part.before if before else part.after
            found = rows(self.connection, table, list(wanted), locked=before)
            for key, values in wanted.items():
                have = found.get(key)
                same = values is have if values is None or have is None else all(
                    values[place] == have[place] for place in table.compared
                )  # fmt: skip
                if not same:
                    what = (
                        "are not what they were when this was planned" if before else "did not become what they had to"
                    )
                    raise ReplicaError(
                        self.wish.attempt, self.aim.server.address, "rows of %s.%s %s" % (*table.name, what),
                        "That transaction was rolled back; those before it are done. Look who writes on this server,"
                        " and run again.",
                    )  # fmt: skip

    # -- doing it

    def carry_out(self, options: Options) -> Tuple[List[str], str]:
        """Do it. Raises what `change.carry_out` raises; what was executed is in the error's context."""
        kept = self._recorded()
        details = {"direction": self.wish.direction, "rows" if self.wish.reverse else "rows_before": kept}
        with connect(self.aim.connection.login) as another:
            session = Session(another, options.timeout)
            self.connection = session
            with restored(session, self.aim.server):
                undo = () if self.wish.reverse else report.UNDO_FORWARD
                done = carry_out(replace(self.aim, connection=session), self.plan, options, undo, details)
        return done.executed, done.record

    def _recorded(self) -> Dict[str, object]:
        tables = self._tables()
        maps = {name: recorded_map(table) for name, table in tables.items()}
        form = self.named.form.event if self.named.form is not None else b""
        return report.record_rows(self.chains.fates, self.shapes(), form, maps)


def _collations(connection: Connection) -> Dict[int, Tuple[str, str]]:
    """Character set and name of each collation, by number."""
    found: Dict[int, Tuple[str, str]] = {}
    for sql in _COLLATIONS:
        with suppress(ServerError):
            for row in connection.query(sql):
                if row["n"] is not None and row["s"] is not None:
                    found.setdefault(int(row["n"]), (str(row["s"]), str(row["c"])))
    return found
