# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions in the source's binlog that a replica does not take from there: its own, in a ring.

They stand in the source's binlog some time after the replica made them, and the replica may have changed the same rows
again. So what they touch tells nothing about a boundary, before them as little as after them. A history is therefore
counted twice when it holds any: first to know what they touch, then without that.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Set, Tuple

from ..binlog.transaction import Transaction
from .digest import digest
from .feed import Sink, View
from .meaning import meaning
from .objects import Object, Objects, State
from .printing import Printed
from .prints import Prints
from .voting import UNCLEAR, Key, Pair

WRITTEN = "the replica has written to it by itself, in a way that tells no rows"

# More rows than these are not remembered one by one.
MOST = 500_000


class Own:
    """What such transactions touch.

    :param views: see `feed.Feeder`; ``spell`` likewise.
    """

    def __init__(self, views: Callable[[Pair], View], spell: Callable[[str, str], Pair]) -> None:
        self._views, self._spell = views, spell
        self.keys: Dict[Pair, Set[int]] = {}
        self.tables: Set[Pair] = set()
        self.schemas: Set[str] = set()
        self.everything = False
        self.size = 0

    def take(self, transaction: Transaction, prints: Optional[Mapping[Pair, Optional[Prints]]] = None) -> None:
        """Remember what a transaction touches.

        :param prints: see `feed.Feeder`.
        """
        for statement in transaction.statements:
            told = meaning(statement.text, statement.schema, plain=False)
            objects = [thing[1:3] for thing, _before, _after in told.seen if len(thing) > 2]
            named = set(told.tables or ()) | ({told.truncated} if told.truncated else set()) | set(objects)
            self._silence(self._spell(*pair) for pair in named if len(pair) == 2)
            self.schemas |= {self._spell(name, "")[0] for name in told.schemas}
            self.everything = self.everything or told.tables is None
        names = {self._spell(name.schema, name.name) for name in transaction.tables}
        if transaction.lossy or transaction.statements:
            self._silence(names)
        else:
            self._silence(self._spell(name.schema, name.name) for name in transaction.undecoded)
        for change in transaction.changes:
            pair = self._spell(change.table.schema, change.table.name)
            self._change(pair, change, (prints or {}).get(pair))
        self.size = (
            sum(map(len, self.keys.values())) + len(self.tables) + len(self.schemas) + int(self.everything)
        )  # fmt: skip

    def _change(self, pair: Pair, change: Any, prints: Optional[Prints]) -> None:
        view = self._views(pair)
        if pair in self.tables or view.silent:
            return
        found = self.keys.setdefault(pair, set())
        printed = isinstance(change, Printed)
        if len(found) > MOST or (not printed and change.partial):
            self._silence((pair,))
            return
        if printed:
            found.add(change.key)
            return
        of_key = digest if prints is None else prints.of_key
        for image in (change.before, change.after):
            if image is not None:
                found.add(of_key(tuple([image[at] for at in view.key])))

    def _silence(self, pairs: Iterable[Tuple[str, ...]]) -> None:
        for pair in pairs:
            self.tables.add((pair[0], pair[1]))

    def view(self, pair: Pair) -> View:
        """How a table's rows are looked at when what is touched tells nothing."""
        view = self._views(pair)
        if not view.silent and (self.everything or pair in self.tables or pair[0] in self.schemas):
            return View(WRITTEN)
        return view

    def present(self, thing: Object, present: Callable[[Object], State]) -> State:
        """Whether the replica has an object; None where that tells nothing."""
        if self.everything or thing[1] in self.schemas:
            return None
        pair = (thing[1], thing[2]) if len(thing) > 2 else None
        if pair in self.tables or (thing[0] == "rows" and pair in self.keys):
            return None
        return present(thing)


class Without:
    """A count (`feed.Sink`) that rows which such transactions touch do not reach."""

    def __init__(self, sink: Sink, own: Own) -> None:
        self._sink, self._keys = sink, own.keys

    @property
    def time(self) -> int:
        """See `feed.Sink`."""
        return self._sink.time

    @property
    def objects(self) -> Objects:
        """See `feed.Sink`."""
        return self._sink.objects

    @property
    def silent(self) -> Dict[Pair, str]:
        """See `feed.Sink`."""
        return self._sink.silent

    def transaction(self) -> int:
        """See `feed.Sink`."""
        return self._sink.transaction()

    def mark(self, flag: int) -> None:
        """See `feed.Sink`."""
        self._sink.mark(flag)

    def change(self, table: Pair, key: int, lookup: Key, before: Any, after: Any) -> None:
        """See `feed.Sink`."""
        if key in self._keys.get(table, ()):
            self._sink.mark(UNCLEAR)
        else:
            self._sink.change(table, key, lookup, before, after)

    def truncate(self, table: Pair) -> None:
        """See `feed.Sink`."""
        self._sink.truncate(table)

    def barrier(
        self, tables: Optional[Iterable[Pair]] = None, schemas: Iterable[str] = (), defines: bool = False
    ) -> None:
        """See `feed.Sink`."""
        self._sink.barrier(tables, schemas, defines)
