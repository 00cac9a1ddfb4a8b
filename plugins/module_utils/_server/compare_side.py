# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One side of a comparison: a connection that reads in a view without standing in anybody's way; and the brakes."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from .._core.errors import ServerError
from .connect import Connection
from .snapshot_point import close_view, is_waited_for

WAITED_FOR = (
    "a statement on the server waited for the read view's metadata locks; with the privilege BINLOG ADMIN the view "
    "would hold none"
)
BEYOND_MAX_ROWS = "more rows than option max_rows allows; give it more (in role repair, variable repair_max_rows)"


@dataclass
class Limits:
    """The brakes of a comparison, shared by all of its tables.

    :param rows: how many more rows may be read on the source.
    :param deadline: on the monotonic clock.
    :param chunk: the largest chunk, in rows.
    :param stopped: why everything has to end, whatever the other brakes say.
    :param until: on the monotonic clock, when this slice of the work ends; None when all is done at once.
    :param show: ``none``, ``keys`` or ``full``.
    :param shown: how many differing rows of a table are shown.
    """

    rows: int
    deadline: float
    chunk: int = 100000
    show: str = "keys"
    shown: int = 20
    stopped: str = ""
    until: Optional[float] = None

    def paused(self) -> bool:
        """Whether the rest is left to a later slice."""
        return self.until is not None and time.monotonic() > min(self.until, self.deadline)

    def exceeded(self) -> str:
        """Why no more may be read; '' while it may."""
        if self.stopped:
            return self.stopped
        if self.rows <= 0:
            return BEYOND_MAX_ROWS
        return "the time was up" if self.until is None and time.monotonic() > self.deadline else ""


class YieldedError(ServerError):
    """A read view was given up, because somebody waited for the metadata locks that it held."""


@dataclass(frozen=True)
class Side:
    """A connection for reading rows. In a read view every answer gives its metadata locks back at once, so that DDL
    of others never waits for us longer than one statement.

    :param watch: another connection to the server, when the locks cannot be given back: somebody who waits for them
        is looked for there after every statement, and ends the view.
    """

    connection: Connection
    view: bool
    watch: Optional[Connection] = None

    def ask(self, statement: str) -> List[Dict[str, Any]]:
        """All rows of the answer.

        :raises YieldedError: the view was given up for somebody else's sake.
        :raises ServerError: the statement failed.
        """
        found = self._ask(statement)
        if self.view and self.watch is not None and is_waited_for(self.watch):
            close_view(self.connection)
            raise YieldedError(0, "read in a view", self.connection.address, WAITED_FOR)
        return found

    def _ask(self, statement: str) -> List[Dict[str, Any]]:
        if not self.view:
            return self.connection.query(statement)
        self.connection.execute("SAVEPOINT chunk")
        try:
            return self.connection.query(statement)
        finally:
            with suppress(ServerError):  # after an error, that one is the one to show
                self.connection.execute("ROLLBACK TO SAVEPOINT chunk")


def reason_of(error: ServerError) -> str:
    """Why a table could not be compared, from the error that reading it ended with."""
    if isinstance(error, YieldedError):
        return error.answer
    if error.number in (1412, 1146, 1054, 1176):
        return "its definition was changed while it was compared (error %d)" % error.number
    if error.number in (1205, 3572, 1969, 3024):
        return "somebody holds a lock on it (error %d)" % error.number
    return "error %d: %s" % (error.number, error.answer)
