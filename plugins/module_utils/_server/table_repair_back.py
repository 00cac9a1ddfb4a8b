# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the images that lead from a snapshot of the source back to the point at which a stopped applier stands."""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Sequence, Set

from .._core.binlog import layout as layouts
from .._core.binlog import row_bytes
from .._core.binlog.table_map import TableMap, TableName
from .._core.errors import ReplicaError
from .._core.row_repair_rows import Collector, Shape
from .._core.table_repair_back import Images
from .change import Target
from .row_repair_pending import Point
from .row_repair_tables import Table, Tables
from .table_repair_point import Meeting

MOVED = "something else moved the applier in the meantime"


class Past:
    """What is read of the source's binlog between the applied point and the snapshot's.

    :param here: tables that both sides have; ``there``: those that only the source has, as the source defines them.
    :param absent: names of the latter.
    :param bags: tables without a primary key, by name.
    """

    def __init__(
        self, aim: Target, at: Meeting, here: Tables, there: Tables, absent: Set[TableName],
        bags: Mapping[TableName, Table],
    ) -> None:  # fmt: skip
        self._aim, self._at, self._here, self._there = aim, at, here, there
        self._absent, self._bags = absent, bags
        self._wanted: Set[TableName] = set()
        self._all = False

    def read(self, wanted: Sequence[TableName], deadline: float) -> Images:
        """The images of these tables' rows.

        :param deadline: on the monotonic clock.
        :raises ReplicaError: the binlog cannot be read, or the applier is not where it was.
        """
        check_still(self._aim, self._at)
        self._wanted = set(wanted)
        # A foreign key changes rows without a word in the binlog, so that the rows it follows have to be seen.
        self._all = bool(self._here.risky(self._at.work) & self._wanted)
        images = Images(
            Collector(self._shape, self._here.spell), {name: table.listed for name, table in self._bags.items()}
        )
        point = Point(self._aim.connection, self._at.work.login, self._aim.server, self._aim.channel)
        for transaction in point.read(self._layout, self._at.point.coordinates, deadline, lambda stream: None):
            images.feed(transaction, point.has(transaction))
        return images

    def why(self, images: Images, name: TableName) -> str:
        """Why a table's rows cannot be walked back; '' when they can."""
        tables = self._there if name in self._absent else self._here
        unread = "" if name in self._bags else tables.silent.get(name, "")
        return unread or images.why(name) or self._cascades(images).get(name, "")

    def _cascades(self, images: Images) -> Dict[TableName, str]:
        return self._here.cascaded(images.moved) if self._all else {}

    def _tables(self, name: TableName) -> Tables:
        return self._there if name in self._absent else self._here

    def _layout(self, table: TableMap) -> Optional[row_bytes.KeepingLayout]:
        name = self._here.pair(table.schema, table.table)
        bag = self._bags.get(name)
        if bag is not None:
            found = layouts.from_schema(table, bag.shape.columns[: bag.listed], (), self._here.mariadb)
            return row_bytes.keeping(found, table.type_codes) if found is not None else None
        if name in self._wanted or self._all:
            return self._tables(name).layout(table)
        return None

    def _shape(self, name: TableName) -> Optional[Shape]:
        return self._tables(self._here.pair(*name)).shape(name)


def check_still(aim: Target, at: Meeting) -> None:
    """Raise ReplicaError when the applier does not stand any more where it stood when everything was looked at."""
    now = at.pause.look()
    if now.applier == "Yes" or now.executed != aim.channel.executed:
        raise ReplicaError("compare at the replica's applied point", at.pause.where, MOVED, "Run again.")
