# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads rows of the replica by their primary keys, in chunks, as the digests that votes are counted with."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._core.binlog import canonical
from .._core.binlog.columns_info import ColumnInfo
from .._core.errors import ServerError
from .._core.locate.digest import digest
from .._core.locate.feed import View
from .._core.locate.prints import Prints
from .._core.locate.voting import Key as Lookup
from .._core.locate.voting import Pair
from .._core.statement import identifier, qualified
from .connect import Connection
from .locate_tables import Tables

CHUNK = 1000
# Longer statements are split, whatever max_allowed_packet is.
_LONGEST = 512 * 1024
_TOO_LARGE = 1301

Image = Tuple[Any, ...]
Key = Tuple[object, ...]


class Rows:
    """Reads rows of the replica.

    :param tables: what the tables are like.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        # How tables are printed; None where they are not, and their rows are digested.
        self.prints: Dict[Pair, Optional[Prints]] = {}
        self.read = 0
        self.failed: Dict[Pair, str] = {}
        self._plans: Dict[Pair, Optional[_Plan]] = {}

    def digests(self, wanted: Mapping[Pair, Mapping[int, Lookup]]) -> Dict[Pair, Dict[int, int]]:
        """What stands for these rows, by what stands for their keys; a row that is not there has none.

        That is a print, or a digest for a table without prints. A table that cannot be read has no entry at all, and
        `failed` says why.
        """
        found: Dict[Pair, Dict[int, int]] = {}
        for pair, keys in wanted.items():
            images = self.images(pair, self._keys(pair, keys))
            prints = self.prints.get(pair)
            if images is not None and prints is not None:
                found[pair] = dict([prints.of_row(image) for _key, image in images])
            elif images is not None:
                found[pair] = {digest(key): digest(image) for key, image in images}
        return found

    def whole(self, wanted: Mapping[Pair, Mapping[int, Lookup]]) -> Dict[Pair, Dict[int, Image]]:
        """Like `digests`, with the images themselves."""
        found: Dict[Pair, Dict[int, Image]] = {}
        for pair, keys in wanted.items():
            images = self.images(pair, self._keys(pair, keys))
            prints = self.prints.get(pair)
            of_key = digest if prints is None else prints.of_key
            if images is not None:
                found[pair] = {of_key(key): image for key, image in images}
        return found

    def _keys(self, pair: Pair, wanted: Mapping[int, Lookup]) -> List[Key]:
        """The values of keys."""
        prints = self.prints.get(pair)
        return [
            prints.key_values(key) if prints is not None and isinstance(key, bytes) else tuple(key)
            for key in wanted.values()
        ]

    def images(self, pair: Pair, keys: Sequence[Key]) -> Optional[List[Tuple[Key, Image]]]:
        """Keys and compared columns of these rows; None when the table cannot be read."""
        plan = self._plan(pair)
        if plan is None:
            return None
        found: List[Tuple[Key, Image]] = []
        try:
            for condition in plan.conditions(keys):
                found.extend(self._select(plan, condition))
        except ValueError as error:
            self._fail(pair, str(error))
            return None
        except ServerError as error:
            if error.number in (0, 2006, 2013):
                raise
            self._fail(pair, str(error))
            return None
        return found

    def _fail(self, pair: Pair, why: str) -> None:
        self.failed.setdefault(pair, "the replica's rows could not be read: %s" % why)
        self._plans[pair] = None

    def _plan(self, pair: Pair) -> Optional[_Plan]:
        if pair not in self._plans:
            side = self.tables.side(pair)
            try:
                made = None if side is None else _Plan(self.tables.real(pair), side.columns, self.tables.view(pair))
            except ValueError as error:
                self._fail(pair, str(error))
                return None
            self._plans[pair] = made
        return self._plans[pair]

    def _select(self, plan: _Plan, condition: str) -> List[Tuple[Key, Image]]:
        connection = self.tables.replica
        rows = connection.query(plan.select + condition)
        if plan.long and _warned(connection) and any(number == _TOO_LARGE for number, _text in connection.warnings()):
            raise ValueError("a value is longer than max_allowed_packet")
        self.read += len(rows)
        return [plan.parsed(row) for row in rows]


class _Plan:
    """How the rows of one table are selected."""

    def __init__(self, name: Tuple[str, str], columns: Sequence[ColumnInfo], view: View) -> None:
        if view.compared is None:
            raise ValueError("the table's columns are not known")
        self.columns = columns
        self.key = view.key
        self.compared = view.compared
        self.long = any(column.length is None or column.length >= 1 << 20 for column in columns)
        self._parsers = [(("c%d" % at), canonical.parser(columns[at])) for at in self.compared]
        place = {at: number for number, at in enumerate(self.compared)}
        self._key_places = [place[at] for at in self.key]
        expressions = [
            "%s AS c%d" % (canonical.select_expression(columns[at], "t.%s" % identifier(columns[at].name)), at)
            for at in self.compared
        ]
        self.select = "SELECT %s FROM %s AS t WHERE " % (", ".join(expressions), qualified(*name))

    def parsed(self, row: Mapping[str, Any]) -> Tuple[Key, Image]:
        """Key and compared columns of a row."""
        image = tuple([parse(row[name]) for name, parse in self._parsers])
        return tuple([image[place] for place in self._key_places]), image

    def conditions(self, keys: Sequence[Key]) -> List[str]:
        """Conditions that select these keys, in chunks. Raises ValueError for a key that has no literal."""
        columns = [self.columns[at] for at in self.key]
        names = ["t." + identifier(column.name) for column in columns]
        single = len(columns) == 1
        parts: List[str] = []
        for key in keys:
            literals = [canonical.sql_literal(value, column) for value, column in zip(key, columns)]
            # A comparison of rows is not looked up by the key on MySQL 5.6; one of columns is.
            parts.append(
                literals[0] if single else "(%s)" % " AND ".join("%s = %s" % pair for pair in zip(names, literals))
            )
        made: List[str] = []
        for chunk in _chunks(parts):
            made.append("%s IN (%s)" % (names[0], ", ".join(chunk)) if single else " OR ".join(chunk))
        return made


def _chunks(parts: Sequence[str]) -> List[List[str]]:
    chunks: List[List[str]] = []
    size = _LONGEST
    for part in parts:
        if size + len(part) > _LONGEST or len(chunks[-1]) >= CHUNK:
            chunks.append([])
            size = 0
        chunks[-1].append(part)
        size += len(part) + 4
    return chunks


def _warned(connection: Connection) -> bool:
    result = getattr(connection.driver, "_result", None)
    return result is None or bool(getattr(result, "warning_count", 1))
