# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads one table on both sides in chunks and says whether its rows are equal."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, TypeVar

from .._core import compare_rows as rows
from .._core.compare import ROWS, Difference, TableOutcome, undecided
from .._core.compare_columns import key_shown
from .._core.compare_progress import Found
from .._core.compare_rows import Digest, KeyValues, RowDifference, Table
from .compare_side import BEYOND_MAX_ROWS, Limits, Side

FIRST_CHUNK = 1000
SMALLEST_CHUNK = 10
# A chunk aims at taking no longer than this on the source; statements there stay short.
CHUNK_SECONDS = 1.0
# Without a key every row is hashed by one statement on each side, and a table this large is not read that way.
WITHOUT_KEY = 200000
# Where a chunk differs, so many rows of it are looked at one by one at once.
PIECE = 10000
# So many differing rows of a table are found one by one; later chunks are only told apart.
MOST_ROWS = 1000
SHOWN_BYTES = 200

Answer = TypeVar("Answer")


class TableReader:
    """Compares tables between two sides; both read at the same time.

    :param breathe: called before every chunk; it may wait, to spare the servers.
    """

    def __init__(
        self,
        source: Side,
        replica: Side,
        limits: Limits,
        pool: ThreadPoolExecutor,
        breathe: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = source
        self._replica = replica
        self._limits = limits
        self._pool = pool
        self._breathe = breathe

    def compare(self, source: Table, replica: Table, found: Optional[Found] = None) -> Optional[TableOutcome]:
        """Compare the rows of one table whose columns are the same on both sides.

        :param found: what was found in it before, to go on from there; with it the table may be left in the middle.
        :returns: None when it was left in the middle; ``found`` then says where.
        :raises ServerError: a side's connection broke; other errors make the table undecided.
        """
        unknown = source.unknown_types() + replica.unknown_types()
        if unknown:
            return undecided(source.label, "columns of type %s cannot be compared" % ", ".join(sorted(set(unknown))))
        source, replica = rows.read_alike(source, replica)
        if source.key is None:
            return self._without_key(source, replica)
        return self._by_key(source, replica, found or Found(), found is not None)

    def _both(self, first: Callable[[], Answer], second: Callable[[], Answer]) -> Tuple[Answer, Answer]:
        """The answers of the source and the replica, asked at the same time; the first error of either."""
        other = self._pool.submit(second)
        try:
            mine = first()
        except BaseException:
            other.exception()  # nobody may use that connection before it has its answer
            raise
        return mine, other.result()

    def _digests(
        self, pair: Tuple[Table, Table], after: Optional[KeyValues], upto: Optional[KeyValues]
    ) -> Tuple[Digest, Digest]:
        statements = [rows.digest_statement(table, after, upto) for table in pair]
        mine, theirs = self._both(
            lambda: self._source.ask(statements[0]), lambda: self._replica.ask(statements[1])
        )  # fmt: skip
        return rows.digest(mine[0]), rows.digest(theirs[0])

    def _by_key(self, source: Table, replica: Table, found: Found, divisible: bool) -> Optional[TableOutcome]:
        method = "primary key" if source.key and source.key.name == "PRIMARY" else "unique key"
        size = min(FIRST_CHUNK, self._limits.chunk)
        while True:
            self._breathe()
            after = found.after
            exceeded = self._limits.exceeded()
            if exceeded:
                return self._outcome(source, replica, found, method, exceeded)
            size_now = min(size, self._limits.rows)
            ending = self._source.ask(rows.boundary_statement(source, after, size_now))
            upto = self._key(source, ending[0]) if ending else None
            began = time.monotonic()
            mine, theirs = self._digests((source, replica), after, upto)
            took = time.monotonic() - began
            found.rows, found.chunks = found.rows + mine.rows, found.chunks + 1
            self._limits.rows -= mine.rows
            if mine.failed or theirs.failed:
                return undecided(source.label, "a value is longer than max_allowed_packet lets the server hash")
            if mine != theirs:
                self._list(found, (source, replica), (after, upto), (mine, theirs))
            if upto is None:
                return self._outcome(source, replica, found, method, "")
            found.after = upto
            if divisible and self._limits.paused():
                return None
            if took < CHUNK_SECONDS / 4:
                size = min(size * 2, self._limits.chunk)
            elif took > CHUNK_SECONDS:
                size = max(size // 2, SMALLEST_CHUNK)

    def _list(
        self,
        found: Found,
        pair: Tuple[Table, Table],
        bounds: Tuple[Optional[KeyValues], Optional[KeyValues]],
        digests: Tuple[Digest, Digest],
    ) -> None:
        """Find the differing rows of a chunk; a large one is told apart by pieces first, as rows are kept in memory."""
        size = min(self._limits.chunk, PIECE)
        if max(digest.rows for digest in digests) <= 2 * size or len(found.differences) >= MOST_ROWS:
            self._list_piece(found, pair, bounds, digests, 2 * size)
            return
        after = bounds[0]
        while True:
            ending = self._source.ask(rows.boundary_statement(pair[0], after, size, bounds[1]))
            upto = self._key(pair[0], ending[0]) if ending else bounds[1]
            own = self._digests(pair, after, upto)
            if own[0] != own[1]:
                self._list_piece(found, pair, (after, upto), own, 2 * size)
            if not ending:
                return
            after = upto

    def _list_piece(
        self,
        found: Found,
        pair: Tuple[Table, Table],
        bounds: Tuple[Optional[KeyValues], Optional[KeyValues]],
        digests: Tuple[Digest, Digest],
        limit: int,
    ) -> None:
        """Find the differing rows of a range, unless there are too many already or in it."""
        if len(found.differences) >= MOST_ROWS or max(digest.rows for digest in digests) > limit:
            found.complete = False
            found.counts["missing"] += max(digests[0].rows - digests[1].rows, 0)
            found.counts["extra"] += max(digests[1].rows - digests[0].rows, 0)
            return
        statements = [rows.rows_statement(table, bounds[0], bounds[1], limit) for table in pair]
        width = len(pair[0].key_columns())
        mine, theirs = self._both(
            lambda: self._source.ask(statements[0]), lambda: self._replica.ask(statements[1])
        )  # fmt: skip
        found.add(rows.row_differences(rows.keys_of(mine, width), rows.keys_of(theirs, width)), MOST_ROWS)

    @staticmethod
    def _key(table: Table, row: Mapping[str, Any]) -> KeyValues:
        return tuple(str(row["k%d" % at]) for at in range(len(table.key_columns())))

    def _without_key(self, source: Table, replica: Table) -> TableOutcome:
        """A table without a usable key as a bag of rows."""
        limit = min(WITHOUT_KEY, self._limits.rows)
        counts = self._both(
            lambda: self._source.ask(rows.count_statement(source, limit + 1)),
            lambda: self._replica.ask(rows.count_statement(replica, limit + 1)),
        )
        numbers = [int(answer[0]["n"]) for answer in counts]
        if max(numbers) > limit:
            keyless = "no primary or unique key, and more than %d rows" % limit
            return undecided(source.label, keyless if limit == WITHOUT_KEY else BEYOND_MAX_ROWS)
        mine, theirs = self._digests((source, replica), None, None)
        self._limits.rows -= mine.rows
        if mine.failed or theirs.failed:
            return undecided(source.label, "a value is longer than max_allowed_packet lets the server hash")
        found = Found(mine.rows, 1)
        if mine != theirs:
            bags = self._both(
                lambda: self._source.ask(rows.multiset_statement(source, limit + 1)),
                lambda: self._replica.ask(rows.multiset_statement(replica, limit + 1)),
            )
            sides = [{str(row["h"]): int(row["n"]) for row in answer} for answer in bags]
            found.counts["missing"], found.counts["extra"] = rows.multiset_differences(sides[0], sides[1])
        return self._outcome(source, replica, found, "all rows at once", "")

    def _outcome(self, source: Table, replica: Table, found: Found, method: str, stopped: str) -> TableOutcome:
        differences: Tuple[Difference, ...] = ()
        if found.any:
            shown = tuple(self._shown(source, replica, row) for row in found.differences[: self._limits.shown])
            kept = shown if self._limits.show != "none" else ()
            differences = (
                Difference(source.label, ROWS, counts=found.counts, rows=kept, complete=found.complete and not stopped),
            )
        reason = "" if differences else stopped
        return TableOutcome(source.label, found.rows, found.chunks, method, differences, reason)

    def _shown(self, source: Table, replica: Table, difference: RowDifference) -> Dict[str, Any]:
        """A differing row for the result: its key, and for a changed one the columns that differ."""
        columns = source.key_columns()
        shape: Dict[str, Any] = {
            "what": difference.what,
            "key": {column.name: key_shown(column, text) for column, text in zip(columns, difference.key)},
        }
        full = self._limits.show == "full"
        if self._limits.show == "none" or (difference.what != "changed" and not full):
            return shape
        characters = SHOWN_BYTES if full else 0
        sides = [
            side.ask(rows.row_statement(table, difference.key, characters))
            for side, table in ((self._source, source), (self._replica, replica))
        ]
        one, other = (answer[0] if answer else {} for answer in sides)
        indexes = [at for at, column in enumerate(source.columns) if not column.virtual]
        differing = [at for at in indexes if one.get("h%d" % at) != other.get("h%d" % at)]
        if difference.what == "changed":
            shape["columns"] = [source.columns[at].name for at in differing]
        if full:
            for name, answer in (("source", one), ("replica", other)):
                values = {source.columns[at].name: _readable(answer.get("v%d" % at)) for at in differing}
                shape[name] = values if answer else None
        return shape


def _readable(text: Any) -> Optional[str]:
    """A value's first bytes for people: as text where they are that, else in hexadecimal."""
    if text is None:
        return None
    raw = bytes.fromhex(str(text))
    try:
        shown = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "0x" + str(text)
    return shown if shown.isprintable() else "0x" + str(text)
