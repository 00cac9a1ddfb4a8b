# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection that transactions are applied over, or undone."""

from __future__ import annotations

from typing import Sequence

from .._core.binlog_apply_steps import Apply
from .._core.errors import ReplicaError
from .._core.row_repair_steps import Look
from .._core.statement import Value
from .connect import Connection, Query, connect


class Session(Connection):
    """A connection of its own that also carries out `Look` and `Apply`."""

    def __init__(self, base: Connection, seconds: float) -> None:
        super().__init__(base.login, base.driver)
        self.seconds = max(seconds, base.statement_seconds)
        self.set_deadline(self.seconds)

    def execute(self, statement: Query, params: Sequence[Value] = ()) -> int:
        """Run a statement. Raises what `Connection.execute` and a look raise."""
        if isinstance(statement, Look):
            statement.look()
            return 0
        if not isinstance(statement, Apply):
            return super().execute(statement, params)
        try:
            self._apply(statement)
        except ReplicaError as error:
            error.context.setdefault("transaction", statement.purpose.split(" ", 1)[-1])
            raise
        return 0

    def _apply(self, statement: Apply) -> None:
        if not statement.alone:
            for part in statement.parts:
                self.execute(part)
            return
        with connect(self.login) as another:
            another.set_deadline(self.seconds)
            for part in statement.parts:
                another.execute(part)
