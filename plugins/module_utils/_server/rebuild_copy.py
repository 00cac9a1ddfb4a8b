# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries definitions and rows from a donor's read view to a replica, one table after the other."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from .._core import rebuild_objects as kinds
from .._core import rebuild_rows as rows
from .._core.compare_columns import Column
from .._core.compare_rows import KeyValues, Table
from .._core.errors import ReplicaError, ServerError
from .._core.rebuild_objects import Definition
from .._core.statement import identifier, qualified
from . import compare_catalog
from . import rebuild_catalog as catalog
from .connect import Connection

# A chunk aims at this much time on the donor, and at no more than so many bytes.
CHUNK_SECONDS = 0.5
CHUNK_BYTES = 8 << 20
FIRST, SMALLEST, LARGEST = 1000, 10, 50000
# One INSERT; larger ones gain nothing.
STATEMENT_BYTES = 1 << 20
STATEMENT_SECONDS = 3600.0

# Values of these columns are computed; nothing else may be written there (manual: "Generated Columns").
_COMPUTED = (
    "SELECT COLUMN_NAME AS n FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND"
    " (EXTRA LIKE '%%VIRTUAL%%' OR EXTRA LIKE '%%STORED%%' OR EXTRA LIKE '%%PERSISTENT%%')"
)
# What a repeated try may help against: a view of a view that is not there yet.
_MISSING = (1146, 1356, 1305, 4091)
# ENUM's own "no such value", which is a value all the same.
_TRUNCATED = 1265

Chunk = List[Tuple[Any, ...]]
Tell = Callable[["Done"], None]


@dataclass
class Done:
    """How far it has come."""

    tables: int = 0
    of: int = 0
    rows: int = 0
    bytes: int = 0
    table: str = ""
    numbers: Dict[str, int] = field(default_factory=dict)


class Copy:
    """One copy.

    :param view: the donor's connection with the open view.
    :param reader: another connection to the donor.
    :param target: the replica's connection; its session writes no binlog.
    :param old_words: the replica says SLAVE.
    :param tell: called after every chunk.
    """

    def __init__(self, view: Connection, reader: Connection, target: Connection, old_words: bool, tell: Tell) -> None:
        self.view, self.reader, self.target = view, reader, target
        self.old_words, self.tell = old_words, tell
        self.done = Done()
        row = target.one("SELECT @@GLOBAL.max_allowed_packet AS n") or {"n": 1 << 20}
        self.packet = int(row["n"])

    def fill(
        self, definitions: Sequence[Definition], found: Dict[Tuple[str, str], Table], tell: Callable[[str], None]
    ) -> None:
        """Make everything and copy all rows.

        :param found: the tables that have rows.
        :param tell: gets a line about what comes next.
        :raises ReplicaError: something cannot be made or copied exactly.
        """
        of = {kind: [one for one in definitions if one.kind == kind] for kind in kinds.KINDS}
        # The default of a column may be the next number of a sequence.
        stored = [*of[kinds.SEQUENCE], *of[kinds.TABLE]]
        self.done.of = len(stored)
        self._make_all(of[kinds.SCHEMA])
        for definition in stored:
            table = found.get((definition.schema, definition.name))
            self.make(definition)
            if table is not None:
                self.table(definition, table)
        tell("making views, routines, triggers and events")
        for kind in (kinds.PROCEDURE, kinds.PACKAGE, kinds.PACKAGE_BODY):
            self._make_all(of[kind])
        self._functions_and_views(of[kinds.FUNCTION], of[kinds.VIEW])
        self._make_all([*of[kinds.TRIGGER], *of[kinds.EVENT]])

    def _make_all(self, wanted: Sequence[Definition]) -> None:
        for definition in wanted:
            self.make(definition)

    def _functions_and_views(self, functions: Sequence[Definition], views: Sequence[Definition]) -> None:
        """Make functions, which need no view to be made, and views.

        A view cannot be made on a function or view whose definer is not there (1449, measured on all four flavours) or
        lacks a privilege. So all of them are our own first, and get their definers while what they stand on is ours.
        """
        self._make_all([kinds.of_maker(one) for one in functions] if views else functions)
        for view in reversed(self._make_views(views)):
            self.make(kinds.instead(view))
        for function in functions if views else ():
            self.target.execute("DROP FUNCTION %s" % qualified(function.schema, function.name))
            self.make(function)

    def _make_views(self, views: Sequence[Definition]) -> List[Definition]:
        """Make our own views in whatever order their references allow; that order."""
        made: List[Definition] = []
        left = list(views)
        while left:
            failed: List[Tuple[Definition, ServerError]] = []
            for view in left:
                try:
                    self.make(kinds.of_maker(view))
                    made.append(view)
                except ServerError as error:
                    if error.number not in _MISSING:
                        raise
                    failed.append((view, error))
            if len(failed) == len(left):
                raise failed[0][1]
            left = [view for view, _error in failed]
        return made

    def make(self, definition: Definition) -> None:
        """Make one object. Raises ServerError with its name."""
        made = kinds.on_replica(definition, self.old_words)
        self.target.execute(kinds.session(made))
        if made.kind != kinds.SCHEMA:
            self.target.execute("USE %s" % identifier(made.schema))
        charset = made.context.get("character_set_client", "utf8mb4")
        try:
            text = made.text.encode(_codec(charset))
        except (UnicodeEncodeError, LookupError) as error:
            raise ReplicaError("make %s" % made.label, self.target.address, str(error)) from None
        try:
            self.target.send(text, "make %s" % made.label)
        finally:
            self.target.execute(kinds.BACK)

    def table(self, definition: Definition, table: Table) -> None:
        """All rows of a table that was just made.

        :param table: without columns; they are read here.
        :raises ReplicaError: the definition is another one by now, a value does not arrive as it was, or a server
            does not answer.
        """
        described = compare_catalog.describe(self.reader, table)
        where = (table.schema, table.name)
        computed = {str(row["n"]) for row in self.reader.query(_COMPUTED, where)}
        columns = [column for column in described.columns if column.name not in computed]
        self.done.table = table.label
        counted = 0
        if columns:
            head = rows.insert_head(described, columns)
            width = len(described.key_columns())
            lenient = any(column.data_type == "enum" for column in columns)
            self.target.execute(kinds.FOR_ROWS)
            for chunk in self._chunks(described, columns):
                self._write(head, [column.kind for column in columns], chunk, width, lenient)
                counted += len(chunk)
        now = catalog.one(self.reader, definition)
        if kinds.differing((definition,), (now,)):
            raise ReplicaError(
                "copy table %s" % table.label, self.reader.address, "its definition was changed while it was copied",
                "Run again.",
            )  # fmt: skip
        self.done.numbers[table.label] = counted
        self.done.tables += 1
        self.tell(self.done)

    def _write(self, head: bytes, kind: Sequence[str], chunk: Chunk, width: int, lenient: bool) -> None:
        made = [rows.row(kind, cells[width:]) for cells in chunk]
        limit = min(STATEMENT_BYTES, self.packet // 2)
        what = "write rows of %s" % self.done.table
        self.target.execute("START TRANSACTION")
        for statement, count in rows.statements(head, made, limit):
            if self.target.send(statement, what):
                self._check_warnings(what, lenient)
            self.done.rows += count
            self.done.bytes += len(statement)
        self.target.execute("COMMIT")
        self.tell(self.done)

    def _check_warnings(self, what: str, lenient: bool) -> None:
        for number, text in self.target.warnings():
            if not (lenient and number == _TRUNCATED):
                raise ServerError(
                    number, what, self.target.address, "%d %s" % (number, text),
                    "The value would not be what it is on the donor.",
                )  # fmt: skip

    def _chunks(self, table: Table, columns: Sequence[Column]) -> Iterator[Chunk]:
        """The rows; the next ones are read while the caller writes these."""
        if table.key is None:
            yield from self._whole(table, columns)
            return
        width, size = len(table.key_columns()), FIRST
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead: Optional[Future[Tuple[Chunk, float]]] = pool.submit(self._read, table, columns, None, size)
            while ahead is not None:
                chunk, took = ahead.result()
                ahead = None
                if len(chunk) == size:
                    size = _next_size(size, took, chunk)
                    after: KeyValues = tuple(str(cell) for cell in chunk[-1][:width])
                    ahead = pool.submit(self._read, table, columns, after, size)
                if chunk:
                    yield chunk

    def _read(
        self, table: Table, columns: Sequence[Column], after: Optional[KeyValues], size: int
    ) -> Tuple[Chunk, float]:
        began = time.monotonic()
        statement = rows.select(table, columns, after, size)
        self.view.execute("SAVEPOINT chunk")
        try:
            found = self.view.tuples(statement, "read rows of %s" % table.label)
        finally:
            with suppress(ServerError):  # after an error, that one is the one to show
                self.view.execute("ROLLBACK TO SAVEPOINT chunk")
        return found, time.monotonic() - began

    def _whole(self, table: Table, columns: Sequence[Column]) -> Iterator[Chunk]:
        self.view.execute("SAVEPOINT chunk")
        yield from self.view.pieces(rows.select(table, columns, None, 0), "read rows of %s" % table.label, FIRST)
        self.view.execute("ROLLBACK TO SAVEPOINT chunk")


def _next_size(size: int, took: float, chunk: Chunk) -> int:
    heavy = sum(len(cell) for cell in chunk[-1] if isinstance(cell, (str, bytes))) * size > CHUNK_BYTES
    if heavy or took > CHUNK_SECONDS * 2:
        return max(size // 2, SMALLEST)
    return min(size * 2, LARGEST) if took < CHUNK_SECONDS / 2 else size


def _codec(charset: str) -> str:
    """Python's name of a character set of the server's in which statements can be written."""
    names = {"utf8": "utf-8", "utf8mb3": "utf-8", "utf8mb4": "utf-8", "latin1": "cp1252", "binary": "utf-8"}
    return names.get(charset, charset)
