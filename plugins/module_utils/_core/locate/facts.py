# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a table's rows are no evidence of a position, and whether both sides define it alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, Optional, Sequence, Tuple

from ..binlog.columns_info import ColumnInfo
from ..compare_columns import Column, without_width
from .voting import Pair

NO_TABLE = "the replica has no such table"
NOT_BASE = "it is not a plain table on the replica"
NO_KEY = "it has no primary key"
ODD_KEY = "its primary key is one that rows cannot be found by"
CASCADE = "a foreign key may change its rows without a trace in the binlog"
TRIGGER = "it has a trigger on the replica"
EVENT = "an event on the replica may write to it"
FILTER = "a replication filter may leave it out"
INVISIBLE = "it has invisible columns"
UNREADABLE = "the account may not read it"
DIFFERS = "source and replica define its columns differently"

_FINDS = frozenset(("number", "time", "text", "binary", "index"))


@dataclass(frozen=True)
class Side:
    """A table as one server has it.

    :param kind: ``BASE TABLE``, ``VIEW``, ``SYSTEM VERSIONED``...
    :param key: the primary key's columns; ``prefixed`` when only a prefix of one counts.
    """

    kind: str
    columns: Tuple[ColumnInfo, ...]
    key: Tuple[str, ...]
    prefixed: bool = False

    def shape(self) -> Tuple[Tuple[str, ...], ...]:
        """What has to be the same on both sides."""
        return tuple(
            (
                c.name.lower(),
                c.data_type,
                without_width(c.column_type),
                _plain(c.charset),
                _plain(c.collation),
                c.generated,
            )
            for c in self.columns
        )


@dataclass(frozen=True)
class Around:
    """What stands around the tables of a replica.

    :param cascading: children of foreign keys that change or delete rows, on either side.
    :param triggered: tables with a trigger on the replica.
    :param event_texts: bodies of the events that run on the replica.
    :param filtered: the channel has replication filters.
    """

    cascading: FrozenSet[Pair] = frozenset()
    triggered: FrozenSet[Pair] = frozenset()
    event_texts: Tuple[str, ...] = ()
    filtered: bool = False


def silence(pair: Pair, side: Optional[Side], around: Around) -> str:
    """Why the rows of a table are no evidence; '' when they are.

    :param side: the table on the replica; None when there is none.
    """
    if around.filtered:
        return FILTER
    if side is None:
        return NO_TABLE
    if side.kind != "BASE TABLE":
        return NOT_BASE
    if pair in around.cascading:
        return CASCADE
    if pair in around.triggered:
        return TRIGGER
    if any(may_name(text, pair[1]) for text in around.event_texts):
        return EVENT
    if any(column.invisible for column in side.columns):
        return INVISIBLE
    return _key_silence(side)


def _key_silence(side: Side) -> str:
    if not side.key:
        return NO_KEY
    columns = {column.name.lower(): column for column in side.columns}
    for name in side.key:
        column = columns.get(name.lower())
        if column is None or side.prefixed or column.generated:
            return ODD_KEY
        if Column(column.name, column.data_type).kind not in _FINDS:
            return ODD_KEY
    return ""


def may_name(text: str, table: str) -> bool:
    """Whether a program may write to a table: it names it, or calls something that is not looked into."""
    if re.search(r"\b(?:CALL|EXECUTE)\b", text, re.I):
        return True
    return re.search(r"(?<![\w$])%s(?![\w$])" % re.escape(table), text, re.I) is not None


def positions(side: Side) -> Tuple[Tuple[int, ...], Tuple[int, ...]]:
    """Positions of the primary key's columns, and of those that are compared: what is computed is left out."""
    places = {column.name.lower(): at for at, column in enumerate(side.columns)}
    compared = tuple(at for at, column in enumerate(side.columns) if not column.generated)
    return tuple(places[name.lower()] for name in side.key), compared


def same_columns(found: Sequence[ColumnInfo], side: Side, named: bool) -> bool:
    """Whether rows with these columns (from the binlog) are rows of the replica's table.

    :param named: the binlog names its columns.
    """
    if len(found) < len(side.columns):
        return False
    for mine, its in zip(found, side.columns):
        if named and mine.name.lower() != its.name.lower():
            return False
        if mine.unsigned != its.unsigned or _plain(mine.charset) != _plain(its.charset):
            return False
        if mine.collation and its.collation and _plain(mine.collation) != _plain(its.collation):
            return False
    return True


def _plain(name: str) -> str:
    """A character set or collation under one of its names."""
    return name.replace("utf8mb3", "utf8")
