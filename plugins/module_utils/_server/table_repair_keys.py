# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the keys of the rows that differ between two sides of a table: both servers hash it in chunks, and only where
the hashes differ the rows of the chunk are told apart one by one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from .._core import compare_rows as statements
from .._core.compare_rows import KeyValues, Table
from .compare_side import Side

FIRST_CHUNK = 1000
SMALLEST_CHUNK = 10
CHUNK_SECONDS = 1.0


@dataclass
class Keys:
    """What was found.

    :param rows: read on the source.
    :param keys: of the rows that differ, as `compare_rows` writes them.
    :param failed: why the rest could not be told apart; '' when all was read.
    """

    rows: int = 0
    keys: List[KeyValues] = field(default_factory=list)
    failed: str = ""


class KeyReader:
    """Reads both sides at the same time.

    :param chunk: the largest chunk, in rows.
    :param most: after so many keys the rest is not looked at.
    :param deadline: on the monotonic clock.
    """

    def __init__(
        self, source: Side, replica: Side, pool: ThreadPoolExecutor, chunk: int, most: int, deadline: float
    ) -> None:
        self._sides = (source, replica)
        self._pool = pool
        self._chunk, self._most, self._deadline = chunk, most, deadline

    def find(self, source: Table, replica: Table) -> Keys:
        """The keys of a table that is read by the same key on both sides.

        :raises ServerError: a statement failed.
        """
        found = Keys()
        after: Optional[KeyValues] = None
        size = min(FIRST_CHUNK, self._chunk)
        while not found.failed:
            if time.monotonic() > self._deadline:
                found.failed = "the time was up"
                break
            ending = self._sides[0].ask(statements.boundary_statement(source, after, size))
            upto = tuple(str(ending[0]["k%d" % at]) for at in range(len(source.key_columns()))) if ending else None
            began = time.monotonic()
            mine, theirs = self._both(
                statements.digest_statement(source, after, upto), statements.digest_statement(replica, after, upto)
            )
            took = time.monotonic() - began
            one, other = statements.digest(mine[0]), statements.digest(theirs[0])
            found.rows += one.rows
            if one.failed or other.failed:
                found.failed = "a value is longer than max_allowed_packet lets the server hash"
            elif one != other:
                self._tell_apart(found, source, replica, after, upto, max(one.rows, other.rows))
            if upto is None:
                break
            after = upto
            if took < CHUNK_SECONDS / 4:
                size = min(size * 2, self._chunk)
            elif took > CHUNK_SECONDS:
                size = max(size // 2, SMALLEST_CHUNK)
        return found

    def _tell_apart(
        self, found: Keys, source: Table, replica: Table, after: Optional[KeyValues], upto: Optional[KeyValues],
        rows: int,
    ) -> None:  # fmt: skip
        width = len(source.key_columns())
        mine, theirs = self._both(
            statements.rows_statement(source, after, upto, rows + 1),
            statements.rows_statement(replica, after, upto, rows + 1),
        )
        differing = statements.row_differences(statements.keys_of(mine, width), statements.keys_of(theirs, width))
        found.keys += [difference.key for difference in differing]
        if len(found.keys) > self._most:
            found.failed = "more than %d rows differ (option max_rows)" % self._most

    def _both(self, first: str, second: str) -> Tuple[List[Dict[str, Any]], List[Dict[str, Any]]]:
        """The answers of source and replica, asked at the same time; the first error of either."""
        other = self._pool.submit(self._sides[1].ask, second)
        try:
            mine = self._sides[0].ask(first)
        except BaseException:
            other.exception()  # nobody may use that connection before it has its answer
            raise
        return mine, other.result()
