# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks for the keys of the rows that may differ, table by table, in read views of both sides."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Sequence

from .._core import table_repair as rules
from .._core.binlog.table_map import TableName
from .._core.errors import ReplicaError, ServerError
from .._core.table_repair import Wish
from . import snapshot_point
from .change import Target
from .compare_side import Side
from .connect import connect
from .row_repair_tables import Table
from .table_repair_bag import all_rows
from .table_repair_keys import KeyReader
from .table_repair_point import STATEMENT_SECONDS, Meeting
from .table_repair_task import Task, reason


def find(aim: Target, wish: Wish, at: Meeting, todo: Sequence[Task], deadline: float) -> None:
    """Find the keys of these tables' rows; the applier goes on once both sides have a view.

    :param deadline: on the monotonic clock.
    :raises ReplicaError: something else started the applier.
    """
    with ThreadPoolExecutor(max_workers=1) as pool, connect(aim.connection.login) as frozen:
        frozen.set_deadline(STATEMENT_SECONDS)
        watch = None if snapshot_point.gives_locks_back(frozen, aim.probed) else aim.connection
        finder = _Finder(wish, pool, deadline)
        for task in todo:
            if task.live:
                finder.keys(at.source, Side(frozen, False), task)
        if any(task.live for task in todo):
            at.until = snapshot_point.end(at.work, at.probed)
        frozen.execute(snapshot_point.ISOLATION)
        frozen.execute(snapshot_point.START)
        if at.behind is None and not at.pause.is_at(at.work, at.point):
            raise ReplicaError(
                "compare at %s" % at.point, at.pause.where, "something else started the applier in the meantime"
            )
        at.release()
        for task in todo:
            if not task.live:
                finder.keys(at.source, Side(frozen, True, watch), task)


class _Finder:
    def __init__(self, wish: Wish, pool: ThreadPoolExecutor, deadline: float) -> None:
        self._wish, self._pool, self._deadline = wish, pool, deadline

    def keys(self, source: Side, replica: Side, task: Task) -> None:
        """The keys of one table, or why they cannot be read."""
        if task.source is None or task.replica is None or task.table is None:
            return
        # A table without a view is read beside the view of the others.
        mine = replace(source, view=source.view and not task.live)
        columns = [task.table.shape.columns[place] for place in task.table.shape.key]
        try:
            if not columns or task.source.key is None or task.source.key.name != "PRIMARY":
                self._of_all(mine, replica, task, task.table)
                return
            reader = KeyReader(mine, replica, self._pool, self._wish.chunk, self._wish.max_rows, self._deadline)
            found = reader.find(task.source, task.replica)
            task.rows, task.why, task.read = found.rows, found.failed, True
            task.keys = [rules.key_of(key, columns) for key in found.keys]
        except (ServerError, ValueError) as error:
            task.why = reason(error) if isinstance(error, ServerError) else str(error)

    @staticmethod
    def _of_all(source: Side, replica: Side, task: Task, table: Table) -> None:
        """Read all rows of both sides; without a primary key an empty key stands for the whole table."""
        mine = all_rows(source, replace(table, name=TableName(*task.pair)))
        theirs = all_rows(replica, table)
        unlike = (Counter(mine) - Counter(theirs)) + (Counter(theirs) - Counter(mine))
        keys = {tuple(values[place] for place in table.shape.key) for values in unlike}
        task.rows, task.keys, task.read = len(mine), list(keys), True
