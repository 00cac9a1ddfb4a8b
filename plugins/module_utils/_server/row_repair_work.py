# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows that are compared with what they have to be, and the plan that writes those that differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Mapping, Sequence, Tuple

from .._core import row_repair_report as report
from .._core import row_repair_rows as wants
from .._core.binlog import encode
from .._core.binlog.row_bytes import Parts
from .._core.binlog.table_map import TableName
from .._core.errors import RefusedError, ReplicaError
from .._core.plan import Plan
from .._core.row_repair import Wish
from .._core.row_repair_report import Outcome
from .._core.row_repair_rows import Compared, Key, Shape, Wanted
from .._core.row_repair_steps import Look, rolled_back, transaction
from .._core.snapshot import Server
from .._core.statement import qualified
from .change import Options, Target
from .connect import Connection
from .row_repair_keys import orphans
from .row_repair_neighbours import Neighbours, Step, Steps, steps_of
from .row_repair_rows import rows
from .row_repair_scan import Scan
from .row_repair_tables import Table, Tables, without_transactions

_MOST_ROUNDS = 8


class Work:
    """What was found, on its way to the server."""

    def __init__(self, aim: Target, wish: Wish, tables: Tables, found: Scan, silent: Mapping[TableName, str]) -> None:
        self.aim, self.wish, self.tables, self.silent = aim, wish, tables, dict(silent)
        self.found, self.form = found, found.form
        self.everything = found.collector.everything
        self.wanted = {name: kept for name, kept in found.collector.rows.items() if kept and name not in silent}
        # Tables that are written and have no transactions; known with the plan.
        self.bare: Sequence[TableName] = ()
        self._check_number()

    def _check_number(self) -> None:
        count = sum(len(kept) for kept in self.wanted.values())
        if count > self.wish.max_rows:
            raise RefusedError(
                "compare the rows of %s" % self.aim.channel.label, self.aim.server.address,
                "the transactions touch %d rows, and option max_rows is %d" % (count, self.wish.max_rows),
                "Name fewer transactions, or allow more rows.",
            )  # fmt: skip

    def widen(self, around: Neighbours, changes: Steps) -> Outcome:
        """Take the rows in that are in the way of those that are written, and of those that the applier will write.

        The comparison with all of them.
        """
        steps: Dict[TableName, List[Step]] = {name: list(some) for name, some in changes.items()}
        first = self.compare(self.aim.connection)
        for name, (_shape, compared) in first.tables.items():
            steps.setdefault(name, []).extend(steps_of(compared.different))
        for turn in range(_MOST_ROUNDS):
            keys = around.find(steps, self.wanted)
            if not keys:
                return first if turn == 0 else self.compare(self.aim.connection)
            more = around.resolve(keys)
            for name, kept in more.items():
                self.wanted.setdefault(name, {}).update(kept)
            self.silent.update(around.silent)
            self.wanted = {name: kept for name, kept in self.wanted.items() if kept and name not in self.silent}
            self._check_number()
            differing = self._compared(self.aim.connection, more, False)
            steps = {name: steps_of(one.different) for name, (_shape, one) in differing.items() if one.different}
        self.everything = self.everything or "each row in the way leads to more of them"
        return self.compare(self.aim.connection)

    def compare(self, connection: Connection, locked: bool = False) -> Outcome:
        """The wanted rows and the replica's."""
        return Outcome(self._compared(connection, self.wanted, locked), self.silent, self.everything)

    def _compared(
        self, connection: Connection, wanted: Mapping[TableName, Mapping[Key, Wanted]], locked: bool
    ) -> Dict[TableName, Tuple[Shape, Compared]]:
        made: Dict[TableName, Tuple[Shape, Compared]] = {}
        for name, kept in wanted.items():
            if name in self.silent:
                continue
            table = self.tables.known[name]
            found = rows(connection, table, list(kept), locked)
            made[name] = table.shape, wants.compare(kept, found, table.compared)
        return made

    def check_decided(self, outcome: Outcome) -> None:
        """Refuse to write some rows while others are not known: the whole would be at no point at all."""
        if outcome.undecided:
            raise RefusedError(
                "write rows for %s" % self.aim.channel.label, self.aim.server.address,
                "for some of the touched rows it is not known what they have to be: %s"
                % "; ".join(outcome.undecided[:10]),
                "Compare whole tables (table_compare), or name transactions that do not touch them.",
                {"undecided": outcome.undecided},
            )  # fmt: skip

    def check_record(self, outcome: Outcome, options: Options) -> None:
        """Refuse to overwrite rows that nothing would be kept of."""
        if options.record_dir:
            return
        if self.aim.server.flag("super_read_only"):
            raise RefusedError(
                "write rows for %s" % self.aim.channel.label, self.aim.server.address,
                "super_read_only has to be lowered meanwhile, and no record would tell the next run to put it back",
                "Set record_dir to a directory that outlives this run.",
            )  # fmt: skip
        if any(one.have is not None for _shape, compared in outcome.tables.values() for one in compared.different):
            raise RefusedError(
                "write rows for %s" % self.aim.channel.label, self.aim.server.address,
                "rows would be overwritten or deleted, and no record of them would be kept",
                "Set record_dir to a directory that outlives this run.",
            )  # fmt: skip

    def plan(self, outcome: Outcome) -> Plan:
        """One transaction: rows that are to go and rows in other ones' places first, then all that are to be there."""
        if self.form is None:
            raise ReplicaError("write rows", self.aim.server.address, "the source's format of events is not known")
        statements: List[encode.RowEvents] = []
        for name, (_shape, compared) in sorted(outcome.tables.items()):
            changes = changes_of(compared)
            statements += encode.statements(
                self.tables.known[name].map, changes, self.form, self._packet(), self.aim.server.server_id or 1
            )
        if self.wish.show == "full":
            statements = [replace(one, shown=one.sql) for one in statements]
        written = sorted(name for name, (_shape, compared) in outcome.tables.items() if compared.different)
        names = [qualified(*name) for name in written]
        self.bare = sorted(without_transactions(self.aim.connection, written))
        before = Look(
            "", shown="SELECT ... FROM %s LOCK IN SHARE MODE" % ", ".join(names), look=lambda: self._must_be(outcome)
        )
        after = Look("", shown="SELECT ... FROM %s" % ", ".join(names), look=lambda: self._must_be_equal(outcome))
        summary = "Make %d rows of %s what the source's transactions made of them." % (
            outcome.different, ", ".join(names),
        )  # fmt: skip
        return Plan(
            self.aim.state_id,
            transaction(self.aim.server, self.form, statements, before, after, not self.bare),
            summary,
            "replica_rows",
            ("What these rows held on the replica; the record keeps it.",),
            privileges(self.aim.server),
            tuple("%s.%s" % name for name in written),
        )

    def _packet(self) -> int:
        return int(self.aim.server.variable("max_allowed_packet", "0") or 0) or 4 << 20

    def _must_be(self, outcome: Outcome) -> None:
        now = self.compare(self.aim.connection, locked=True)
        if _seen(now) != _seen(outcome):
            raise self._stopped("the rows are not what they were when the change was planned", "Nothing was written.")

    def _must_be_equal(self, planned: Outcome) -> None:
        now = self.compare(self.aim.connection)
        if now.different:
            raise self._stopped("%d rows did not become what they had to be" % now.different, rolled_back(self.bare))
        written = {self.tables.known[name]: found.different for name, (_shape, found) in planned.tables.items()}
        broken = orphans(self.aim.connection, written)
        if broken:
            raise RefusedError(
                "write rows for %s" % self.aim.channel.label, self.aim.server.address,
                "with the rows as they have to be, %s" % broken,
                rolled_back(self.bare) + " Those rows differ as well: compare both tables (table_compare).",
            )  # fmt: skip

    def _stopped(self, what: str, left: str) -> ReplicaError:
        return ReplicaError(
            "write rows for %s" % self.aim.channel.label, self.aim.server.address, what,
            left + " Look who writes on this server, and run again.",
        )  # fmt: skip

    def recorded(self, outcome: Outcome) -> Dict[str, object]:
        """The rows for the undo record."""
        maps = {name: recorded_map(self.tables.known[name]) for name in outcome.tables}
        return report.record_rows(outcome.tables, self.form.event if self.form is not None else b"", maps)


def changes_of(compared: Compared) -> List[Tuple[str, Parts]]:
    """Rows that are to go, and those in other ones' places, first; then all that are to be there."""
    deletes = [(encode.DELETE, one.wanted.known) for one in compared.different if one.have is not None]
    writes = [(encode.WRITE, one.wanted.parts) for one in compared.different]
    return [(kind, parts) for kind, parts in (*deletes, *writes) if parts is not None]


def _seen(outcome: Outcome) -> Dict[TableName, Sequence[object]]:
    return {
        name: [(one.key, one.have, one.wanted.values) for one in compared.different]
        for name, (_shape, compared) in outcome.tables.items()
    }


def recorded_map(table: Table) -> Dict[str, object]:
    """What an undo record keeps of a table map."""
    optional = table.map.optional
    return {
        "type_codes": table.map.type_codes.hex(),
        "metadata": list(table.map.metadata),
        "null_bits": table.map.null_bits.hex(),
        "dimensions": list(optional.dimensions) if optional is not None and optional.dimensions is not None else None,
    }


def privileges(server: Server) -> Tuple[str, ...]:
    """What an account needs to write row events."""
    if server.flavour.is_mariadb:
        return ("BINLOG ADMIN", "BINLOG REPLAY", "READ_ONLY ADMIN")
    if server.flavour.version < (8, 0):
        return ("SUPER",)
    return ("BINLOG_ADMIN", "SYSTEM_VARIABLES_ADMIN", "CONNECTION_ADMIN")
