# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs pt-table-checksum: looks at everything it needs first, gives it a place on the source, and clears that again."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Dict, Iterator, List, Sequence, Tuple

from .._core import checksum_tool as rules
from .._core import compare as words
from .._core import permit
from .._core.compare import Difference, TableOutcome
from .._core.compare_alter import alter
from .._core.compare_definition import differences
from .._core.compare_rows import comparable
from .._core.errors import BadInputError, RefusedError, ReplicaError, ServerError
from .._core.snapshot import RUNNING, Channel, Server
from .._core.statement import literal, qualified
from . import compare_catalog as catalog
from .checksum_call import ATTEMPTED, Execute, call, logins
from .connect import Connection, Login, connect
from .lock import advisory_lock
from .probe import probe
from .reader import read_server

UNKNOWN_DATABASE = (1008, 1049, 1146)
POLL_SECONDS = 0.2
# What the tool may take beyond its own time: it waits for the replica and for its statements to end.
GRACE_SECONDS = 60


@dataclass(frozen=True)
class Request:
    """What to check, and what is allowed.

    :param execute: runs a command.
    :param tables: each as ``schema.table``.
    :param tool: path of the tool; '' for the one on the PATH.
    :param schema: where it may work on the source.
    """

    execute: Execute
    tables: Sequence[str]
    tool: str
    schema: str
    slice_seconds: int
    max_lag: int
    chunk_seconds: float
    allow_source_write: bool
    others_ok: bool
    managed_ok: bool = False


@dataclass(frozen=True)
class Checked:
    """What a call came to. ``done`` is False when the rest is left to the next call."""

    done: bool
    outcomes: Tuple[TableOutcome, ...]
    status: int
    meaning: Tuple[str, ...]
    tables_done: int
    rows: int

    def progress(self, tables: int) -> Dict[str, int]:
        """How far it has come, of so many tables."""
        return {"tables_done": self.tables_done, "tables": tables, "rows": self.rows}

    def message(self, tables: int) -> str:
        """One line for people who wait."""
        so_far = (self.tables_done, words.plural(tables, "table"), words.plural(self.rows, "row"))
        return "Not finished: %d of %s compared so far, with %s read by pt-table-checksum." % so_far


class Run:
    """The tool on one replica's channel."""

    def __init__(
        self, connection: Connection, replica: Server, channel: Channel, source: Connection, server: Server,
        request: Request,
    ) -> None:  # fmt: skip
        self._connection, self._replica, self._channel = connection, replica, channel
        self._source, self._server, self._request = source, server, request
        self._settled: Dict[rules.Pair, TableOutcome] = {}
        self.tool = ""
        self.version: Tuple[int, ...] = ()

    def check(self) -> None:
        """Look at everything that has to be right before the tool may write.

        :raises ReplicaError: the tool is not there or cannot run here, or something on the servers forbids it.
        """
        self.tool = self._found()
        old = probe(self._source).dialect.show_source_status.upper().startswith("SHOW MASTER")
        mariadb = self._server.flavour.is_mariadb
        said = call(self._request.execute, [self.tool, "--version"], os.path.devnull, 60)
        self.version = rules.version(said.out + said.err)
        why = rules.unfit(self.version, old, mariadb, self._channel.name)
        if not why and self._channel.applier != RUNNING:
            why = "the applier of the replica does not run, and the tool would wait for it"
        if not why and any(self._channel.filters.values()):
            why = "the channel has replication filters, and what the tool writes may not arrive"
        if not why and any(self._server.variable(name) for name in ("binlog_do_db", "binlog_ignore_db")):
            why = "the source's binlog leaves out schemas"
        if not why and self._replica.replicas_below:
            below = ", ".join(self._replica.replicas_below)
            why = "servers replicate from the replica (%s), and get rows there instead of the statements" % below
        if why:
            raise RefusedError(ATTEMPTED, self._connection.address, why, "verify_method own needs none of this.")
        others = self._server.replicas_below
        if len(others) > 1 and not self._request.others_ok:
            raise RefusedError(
                ATTEMPTED, self._source.address,
                "other servers replicate from it too (%s), and one that lacks a table would stop" % ", ".join(others),
                "Set others_ok (in the verify role verify_pt_others_ok) when all of them have these tables.",
            )  # fmt: skip
        if not self._request.allow_source_write:
            raise RefusedError(
                ATTEMPTED, self._source.address, "it writes on the source, and that is not allowed",
                "Set allow_source_write (in playbooks repair_allow_source_write), or use verify_method own.",
            )  # fmt: skip
        self._check_account()

    def _check_account(self) -> None:
        needed = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "PROCESS")
        lacking = catalog.visible(self._source).lacking(needed, catalog.SYSTEM_SCHEMAS)
        if lacking:
            raise RefusedError(
                ATTEMPTED, self._source.address, "the account lacks %s on *.*" % ", ".join(lacking),
                "Give the source option an account that has them.",
            )  # fmt: skip

    def _found(self) -> str:
        given = self._request.tool
        tool = shutil.which(given or "pt-table-checksum")
        if not tool:
            raise BadInputError(
                "%s is not on the host where the module runs" % (given or "pt-table-checksum"),
                advice="Install percona-toolkit there, name the tool's path, or use verify_method own.",
            )
        return tool

    def prepare(self) -> List[rules.Pair]:
        """The tables that the tool may be given; the others are settled: one that the replica lacks would stop it."""
        mine, theirs = catalog.tables(self._source), catalog.tables(self._connection)
        left = []
        for pair in words.select(self._request.tables, mine, theirs)[0]:
            label, here, there = "%s.%s" % pair, mine.get(pair), theirs.get(pair)
            if here is None or there is None:
                what = words.MISSING_ON_SOURCE if here is None else words.MISSING_ON_REPLICA
                self._settled[pair] = TableOutcome(label, differences=(Difference(label, what),))
                continue
            here, there = catalog.describe(self._source, here), catalog.describe(self._connection, there)
            texts = [catalog.definition(side, here) for side in (self._source, self._connection)]
            own = differences(texts[0], texts[1])
            if own != ((), ()):
                mend = alter(pair[0], pair[1], texts[0], texts[1])
                found = Difference(label, words.DEFINITION, own[0], own[1], alter=mend.statements, refused=mend.refused)
                self._settled[pair] = TableOutcome(label, method="definition only", differences=(found,))
            elif not comparable(here, there) or here.kind.upper() != "BASE TABLE":
                self._settled[pair] = words.undecided(label, "it is no table that pt-table-checksum can be given")
            elif rules.unsafe(pair):
                self._settled[pair] = words.undecided(label, "pt-table-checksum cannot be given a table of that name")
            else:
                left.append(pair)
        return left

    def queries(self) -> List[str]:
        """What runs, for check mode: the statements on the source and the command."""
        return [*rules.preparing(self._request.schema), " ".join(self._command("LOGIN", "EMPTY", self.prepare())),
                rules.clearing(self._request.schema)]  # fmt: skip

    def _command(self, login: str, empty: str, pairs: Sequence[rules.Pair]) -> List[str]:
        own = self._request
        at = self._source.login
        where = rules.dsn(at.host, at.port, at.unix_socket or "", login)
        return [self.tool, *rules.arguments(
            where, own.schema, pairs, empty, own.slice_seconds, own.max_lag, own.chunk_seconds, self._channel.name,
        )]  # fmt: skip

    def run(self) -> Checked:
        """Run the tool for one slice; when all is done, clear its place on the source.

        :raises ReplicaError: the tool failed; the place on the source is cleared then as well.
        """
        pairs = self.prepare()
        with advisory_lock(self._connection, self._channel.name), advisory_lock(self._source, self._channel.name):
            try:
                checked = self._run(pairs) if pairs else Checked(True, (), 0, (), 0, 0)
            except BaseException:
                self.clear()
                raise
            if checked.done:
                self.clear()
        outcomes = {outcome.name: outcome for outcome in (*checked.outcomes, *self._settled.values())}
        return replace(
            checked, outcomes=tuple(outcomes[name] for name in sorted(outcomes)),
            tables_done=checked.tables_done + len(self._settled),
        )  # fmt: skip

    def _run(self, pairs: Sequence[rules.Pair]) -> Checked:
        self._make_room()
        began = time.monotonic()
        with logins(self._source.login, self._connection.login) as (mine, theirs, empty):
            at = self._connection.login
            where = rules.dsn(at.host, at.port, at.unix_socket or "", theirs)
            table = qualified(self._request.schema, rules.DSNS)
            self._source.execute("REPLACE INTO %s VALUES (1, NULL, %s)" % (table, literal(where)))
            limit = self._request.slice_seconds + GRACE_SECONDS
            done = call(self._request.execute, self._command(mine, empty, pairs), os.path.dirname(empty), limit)
        took = time.monotonic() - began
        if rules.failed(done.status):
            why = rules.complaint(done.err) or "; ".join(rules.meaning(done.status))
            raise ReplicaError(ATTEMPTED, self._source.address, why, "", {"status": done.status})
        here = self._arrived()
        ended = [pair for pair in pairs if pair in here and here[pair].ended]
        reasons = rules.skipped(done.out)
        over = len(ended) == len(pairs) or took < self._request.slice_seconds
        why = "pt-table-checksum left it out" + (": %s" % rules.complaint(done.err) if done.err.strip() else "")
        outcomes = tuple(rules.outcome(pair, here, reasons, why) for pair in pairs) if over else ()
        rows = sum(found.rows for found in here.values())
        return Checked(over, outcomes, done.status, rules.meaning(done.status), len(ended), rows)

    def _make_room(self) -> None:
        """The schema on the source, or the one of an earlier slice.

        :raises RefusedError: there is a schema of that name with something else in it.
        """
        schema = self._request.schema
        rows = self._source.query(
            "SELECT TABLE_NAME AS t FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s", (schema,)
        )
        others = sorted({str(row["t"]) for row in rows} - {rules.CHECKSUMS, rules.DSNS})
        if others:
            raise RefusedError(
                ATTEMPTED, self._source.address, "schema %s holds something else (%s)" % (schema, ", ".join(others)),
                "Give option schema a name that is free.",
            )  # fmt: skip
        if rules.DSNS not in {str(row["t"]) for row in rows}:
            with suppress(ServerError):
                self._source.execute(rules.clearing(schema))
            for statement in rules.preparing(schema):
                self._source.execute(statement)

    def _arrived(self) -> Dict[rules.Pair, rules.Found]:
        """The replica's results, once it has executed all that the tool wrote.

        :raises ReplicaError: it does not within a minute.
        """
        deadline = time.monotonic() + GRACE_SECONDS
        table = qualified(self._request.schema, rules.CHECKSUMS)
        count = "SELECT COUNT(*) AS n, COUNT(master_cnt) AS m FROM %s" % table
        wanted = self._source.one(count)
        while True:
            with suppress(ServerError):
                if self._connection.one(count) == wanted:
                    statement = rules.results_statement(self._request.schema)
                    return rules.found(self._connection.query(statement))
            if time.monotonic() > deadline:
                raise ReplicaError(
                    ATTEMPTED, self._connection.address, "the replica does not come to its last checksum"
                )
            time.sleep(POLL_SECONDS)

    def clear(self) -> bool:
        """Take away what the tool and we made on the source; whether there was something."""
        try:
            self._source.execute(rules.clearing(self._request.schema))
        except ServerError as error:
            if error.number not in UNKNOWN_DATABASE:
                raise
            return False
        return True


@contextmanager
def opened(connection: Connection, replica: Server, channel: Channel, login: Login, request: Request) -> Iterator[Run]:
    """The tool's run with a connection to the source.

    :raises IdentityError: the login does not lead to the channel's source.
    """
    with ExitStack() as stack:
        source = stack.enter_context(connect(login))
        server = read_server(source, probe(source), "source")
        permit.check_source(channel, server, replica)
        permit.check_writable(server, None, ATTEMPTED, request.managed_ok)
        yield Run(connection, replica, channel, source, server, request)
