# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of one transaction that writes row events on a server, and leaves no trace in the server's own binlog."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Iterable, List, Sequence, Tuple

from .binlog.encode import Form, RowEvents, format_statement
from .binlog.table_map import TableName
from .plan import Step
from .snapshot import Server
from .statement import LATER, NEVER, Statement

GTID_AUTOMATIC = "SET SESSION gtid_next = 'AUTOMATIC'"


@dataclass(frozen=True)
class Look(Statement):
    """A look at rows within the transaction, which raises an error when they are not as they have to be.

    :param shown: what people see of it.
    :param look: is called in the place of executing a statement.
    """

    shown: str = ""
    look: Callable[[], None] = lambda: None

    def display(self) -> str:
        """What is looked at."""
        return self.shown


def transaction(
    server: Server, form: Form, rows: Sequence[RowEvents], before: Look, after: Look, whole: bool = True
) -> Tuple[Step, ...]:
    """The steps in order. `_server.row_events.restored` has to be around them: it puts the session back on failure.

    After a format description the session's GTID_NEXT is undetermined, and the next statement would fail with 1782
    (measured on MySQL with gtid_mode=ON). While super_read_only is on, BINLOG is refused with 1290 (MySQL 9.7);
    read_only stays as it is.

    :param before: looks whether the rows are what the changes were made for, and locks them.
    :param after: looks whether they are what they were to become; only then they are committed.
    :param whole: all tables have transactions, so that nothing is left when one of the steps before COMMIT fails.
    """
    lowered = server.flag("super_read_only")
    steps: List[Statement] = [Statement("SET SESSION sql_log_bin = 0", purpose="keep the rows out of the binlog")]
    if lowered:
        steps.append(Statement("SET GLOBAL super_read_only = 0", purpose="let BINLOG write rows"))
    steps.append(format_statement(form))
    if not server.flavour.is_mariadb:
        steps.append(Statement(GTID_AUTOMATIC, purpose="take no GTID of another transaction"))
    steps += [Statement("START TRANSACTION"), before]
    steps = [replace(one, taken_back=LATER) for one in steps]
    steps += [replace(one, taken_back=LATER if whole else NEVER) for one in (*rows, after)]
    steps.append(Statement("COMMIT"))
    if lowered:
        steps.append(Statement("SET GLOBAL super_read_only = 1", purpose="put super_read_only back"))
    steps.append(Statement("SET SESSION sql_log_bin = 1", purpose="log again"))
    return tuple(Step(statement) for statement in steps)


def rolled_back(bare: Iterable[TableName]) -> str:
    """What became of the rows when a look behind them fails.

    :param bare: the tables among them that have no transactions.
    """
    names = ", ".join("%s.%s" % name for name in sorted(bare))
    if not names:
        return "The transaction was rolled back."
    return "All but what was written to %s was rolled back, as there are no transactions." % names
