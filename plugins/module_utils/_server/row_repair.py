# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparing the rows that a source's transactions touched with the replica's, and writing those that differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Mapping, Sequence, Tuple

from .._core import row_repair as rules
from .._core import row_repair_report as report
from .._core import row_repair_rows as wants
from .._core.binlog import encode
from .._core.binlog.row_bytes import Parts
from .._core.binlog.table_map import TableName
from .._core.errors import RefusedError, ReplicaError
from .._core.permit import check_source
from .._core.plan import Plan
from .._core.row_repair import HEALED, Wish
from .._core.row_repair_report import Outcome
from .._core.row_repair_rows import Compared, Shape
from .._core.row_repair_steps import Look, transaction
from .._core.snapshot import Channel, Server
from .._core.statement import qualified
from .change import Options, Target, carry_out
from .connect import Connection, Login, connect
from .probe import probe
from .reader import read_server
from .row_events import writing
from .row_repair_keys import orphans
from .row_repair_rows import rows
from .row_repair_scan import Scan, scan
from .row_repair_tables import Table, Tables
from .sections import SOURCE
from .worker_point import furthest


@dataclass(frozen=True)
class Report:
    """What came of it.

    :param before: what was compared before anything was written; ``after``: afterwards, the same where nothing was.
    :param point: the point of the source that the rows were compared with, for people.
    """

    before: Outcome
    after: Outcome
    point: str
    plan: Plan
    queries: Tuple[str, ...] = ()
    record: str = ""
    bytes_read: int = 0


def repair(aim: Target, wish: Wish, options: Options, source_login: Callable[[Channel], Login]) -> Report:
    """Compare, and write what differs when that is asked for.

    :raises RefusedError: it must not be compared or written; nothing was changed.
    :raises ReplicaError: a server does not answer, or rows are not what they were or were to become; nothing was kept.
    """
    rules.check(wish, aim.server, aim.channel, furthest(aim.connection, aim.probed, aim.channel.name))
    login = source_login(aim.channel)
    with connect(login) as source:
        known = read_server(source, probe(source), SOURCE)
        check_source(aim.channel, known, aim.server)
        tables = Tables(aim.connection, source, aim.server)
        found = scan(login, wish, tables, aim.server, aim.channel, known, options.timeout)
        silent = _silent(tables, found)
    work = _Work(aim, wish, tables, found, silent)
    before = work.compare(aim.connection)
    point = _point(wish, found)
    nothing = Plan(aim.state_id)
    if wish.state != HEALED or not before.different:
        if wish.state == HEALED:
            work.check_decided(before)
        return Report(before, before, point, nothing, bytes_read=found.bytes_read)
    work.check_decided(before)
    work.check_record(before, options)
    plan = work.plan(before)
    if options.check_mode:
        return Report(before, before, point, plan, plan.queries(), bytes_read=found.bytes_read)
    with writing(aim, True) as able:
        done = carry_out(able, plan, options, (), {"rows": work.recorded(before)})
    return Report(
        before, work.compare(aim.connection), point, plan, tuple(done.executed), done.record, found.bytes_read
    )


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
    if wish.point == wants.APPLIED:
        return "the source at the replica's applied point"
    return "the source at %s" % found.end


class _Work:
    """What was found, on its way to the server."""

    def __init__(self, aim: Target, wish: Wish, tables: Tables, found: Scan, silent: Mapping[TableName, str]) -> None:
        self.aim, self.wish, self.tables, self.silent = aim, wish, tables, silent
        self.form = found.form
        self.everything = found.collector.everything
        self.wanted = {name: kept for name, kept in found.collector.rows.items() if kept and name not in silent}
        count = sum(len(kept) for kept in self.wanted.values())
        if count > wish.max_rows:
            raise RefusedError(
                "compare the rows of %s" % aim.channel.label, aim.server.address,
                "the transactions touch %d rows, and option max_rows is %d" % (count, wish.max_rows),
                "Name fewer transactions, or allow more rows.",
            )  # fmt: skip

    def compare(self, connection: Connection, locked: bool = False) -> Outcome:
        """The wanted rows and the replica's."""
        made: Dict[TableName, Tuple[Shape, Compared]] = {}
        for name, kept in self.wanted.items():
            table = self.tables.known[name]
            found = rows(connection, table, list(kept), locked)
            made[name] = table.shape, wants.compare(kept, found, table.compared)
        return Outcome(made, self.silent, self.everything)

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
            changes = _changes(compared)
            statements += encode.statements(
                self.tables.known[name].map, changes, self.form, self._packet(), self.aim.server.server_id or 1
            )
        if self.wish.show == "full":
            statements = [replace(one, shown=one.sql) for one in statements]
        names = sorted(qualified(*name) for name, (_shape, compared) in outcome.tables.items() if compared.different)
        before = Look(
            "", shown="SELECT ... FROM %s LOCK IN SHARE MODE" % ", ".join(names), look=lambda: self._must_be(outcome)
        )
        after = Look("", shown="SELECT ... FROM %s" % ", ".join(names), look=lambda: self._must_be_equal(outcome))
        summary = "Make %d rows of %s what the source's transactions made of them." % (
            outcome.different, ", ".join(names),
        )  # fmt: skip
        return Plan(
            self.aim.state_id,
            transaction(self.aim.server, self.form, statements, before, after),
            summary,
            "replica_rows",
            ("What these rows held on the replica; the record keeps it.",),
            _privileges(self.aim.server),
            tuple("%s.%s" % name for name, (_shape, compared) in sorted(outcome.tables.items()) if compared.different),
        )

    def _packet(self) -> int:
        return int(self.aim.server.variable("max_allowed_packet", "0") or 0) or 4 << 20

    def _must_be(self, outcome: Outcome) -> None:
        now = self.compare(self.aim.connection, locked=True)
        if _seen(now) != _seen(outcome):
            raise self._stopped("the rows are not what they were when the change was planned")

    def _must_be_equal(self, planned: Outcome) -> None:
        now = self.compare(self.aim.connection)
        if now.different:
            raise self._stopped("%d rows did not become what they had to be" % now.different)
        written = {self.tables.known[name]: found.different for name, (_shape, found) in planned.tables.items()}
        broken = orphans(self.aim.connection, written)
        if broken:
            raise RefusedError(
                "write rows for %s" % self.aim.channel.label, self.aim.server.address,
                "with the rows as they have to be, %s" % broken,
                "The transaction was rolled back. Those rows differ as well: compare both tables (table_compare).",
            )  # fmt: skip

    def _stopped(self, what: str) -> ReplicaError:
        return ReplicaError(
            "write rows for %s" % self.aim.channel.label, self.aim.server.address, what,
            "The transaction was rolled back. Look who writes on this server, and run again.",
        )  # fmt: skip

    def recorded(self, outcome: Outcome) -> Dict[str, object]:
        """The rows for the undo record."""
        maps = {name: _map(self.tables.known[name]) for name in outcome.tables}
        return report.record_rows(outcome.tables, self.form.event if self.form is not None else b"", maps)


def _changes(compared: Compared) -> List[Tuple[str, Parts]]:
    deletes = [(encode.DELETE, one.wanted.known) for one in compared.different if one.have is not None]
    writes = [(encode.WRITE, one.wanted.parts) for one in compared.different]
    return [(kind, parts) for kind, parts in (*deletes, *writes) if parts is not None]


def _seen(outcome: Outcome) -> Dict[TableName, Sequence[object]]:
    return {
        name: [(one.key, one.have, one.wanted.values) for one in compared.different]
        for name, (_shape, compared) in outcome.tables.items()
    }


def _map(table: Table) -> Dict[str, object]:
    optional = table.map.optional
    return {
        "type_codes": table.map.type_codes.hex(),
        "metadata": list(table.map.metadata),
        "null_bits": table.map.null_bits.hex(),
        "dimensions": list(optional.dimensions) if optional is not None and optional.dimensions is not None else None,
    }


def _privileges(server: Server) -> Tuple[str, ...]:
    if server.flavour.is_mariadb:
        return ("BINLOG ADMIN", "BINLOG REPLAY", "READ_ONLY ADMIN")
    if server.flavour.version < (8, 0):
        return ("SUPER",)
    return ("BINLOG_ADMIN", "SYSTEM_VARIABLES_ADMIN", "CONNECTION_ADMIN")
