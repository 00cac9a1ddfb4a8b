# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns the transactions of a binlog into votes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Protocol, Sequence, Set, Tuple

from ..binlog.framing import SEPARATE
from ..binlog.query import QueryEvent
from ..binlog.rows import RowChange
from ..binlog.table_map import TableName
from ..binlog.transaction import COMMIT, INCIDENT, ROLLBACK, UNFINISHED, XA, XID, Transaction
from .digest import NO_ROW, digest
from .meaning import Meaning, meaning
from .objects import Objects
from .printing import Printed
from .prints import Prints
from .usual import Usual
from .voting import OWN, STATED, UNCLEAR, WITHIN, Key, Pair

Image = Any
_WHOLE = frozenset((XID, COMMIT))


@dataclass(frozen=True)
class View:
    """How a table's rows are looked at.

    :param silent: why its rows are no evidence; '' when they are.
    :param key: the positions of the primary key's columns.
    :param compared: the positions of the columns that are compared; None for all.
    """

    silent: str = ""
    key: Tuple[int, ...] = ()
    compared: Optional[Tuple[int, ...]] = None

    def seen(self, image: Tuple[object, ...]) -> Tuple[object, ...]:
        """The compared columns of an image."""
        compared = self.compared
        if compared is None or (len(image) == len(compared) and compared[-1:] == (len(image) - 1,)):
            return image  # positions rise, so that these are all
        return tuple([image[at] for at in compared])


class Sink(Protocol):
    """What takes the changes: `voting.Voting`, `suspects.Suspects`, `probe.Probe`."""

    time: int
    objects: Objects
    silent: Dict[Pair, str]

    def transaction(self) -> int:
        """The next transaction begins."""

    def mark(self, flag: int) -> None:
        """Something about the current transaction."""

    def change(self, table: Pair, key: int, lookup: Key, before: Image, after: Image) -> None:
        """A row changed."""

    def truncate(self, table: Pair) -> None:
        """All rows of a table went."""

    def barrier(
        self, tables: Optional[Iterable[Pair]] = None, schemas: Iterable[str] = (), defines: bool = False
    ) -> None:
        """Tables changed in a way that images do not tell."""


class Feeder:
    """Feeds one transaction after the other to a count.

    :param views: how a table is looked at, by schema and name as the binlog spells them.
    :param plain: see `meaning.meaning`.
    :param folds: schemas and tables are spelled the same in any case.
    :param stand_for: what stands for an image; None for its print, or its digest where its table has none.
    :param prints: the prints of tables; keys are given by them.
    :param spelled_out: hand out the values of each key, not its bytes.
    """

    def __init__(
        self,
        voting: Sink,
        views: Callable[[Pair], View],
        plain: bool = False,
        folds: bool = False,
        stand_for: Optional[Callable[[Sequence[object]], Image]] = None,
        prints: Optional[Mapping[Pair, Optional[Prints]]] = None,
        spelled_out: bool = False,
    ) -> None:
        self.voting = voting
        self._stand_for = stand_for
        self._prints: Mapping[Pair, Optional[Prints]] = {} if prints is None else prints
        self._spelled_out = spelled_out
        self._views = views
        self._plain = plain
        self._folds = folds
        self._prepared: Dict[str, Tuple[Optional[Transaction], Set[Pair]]] = {}
        self._open = 0
        self._temporary: Set[Pair] = set()
        self._known: Dict[TableName, Tuple[Pair, View]] = {}

    def spell(self, schema: str, table: str) -> Pair:
        """A table as it is called here."""
        return (schema.casefold(), table.casefold()) if self._folds else (schema, table)

    def feed(self, transaction: Transaction) -> None:
        """Count one transaction."""
        voting = self.voting
        voting.transaction()
        if transaction.ending in _WHOLE and not (transaction.statements or transaction.lossy or transaction.undecoded):
            self._plain_rows(transaction)
            return
        tables = {self.spell(name.schema, name.name) for name in transaction.tables}
        ends: Set[Pair] = set()
        if transaction.statements:
            voting.mark(STATED)
        for statement in transaction.statements:
            ends |= self._statement(statement)
        if transaction.ending == XA:
            self._separate(transaction, tables)
            return
        if transaction.lossy or transaction.ending in (INCIDENT, UNFINISHED):
            voting.barrier(tables or None)
            voting.mark(UNCLEAR)
            return
        if transaction.ending == ROLLBACK:
            ends |= tables
        self._rows(transaction, tables, ends)
        if self._open:
            voting.mark(WITHIN)

    def together(self, usual: Usual) -> bool:
        """Count these transactions at once; False when they have to be fed one by one, and nothing was done."""
        count: Optional[Callable[[Sequence[Pair], Usual], None]] = getattr(self.voting, "together", None)
        if count is None or self._open or self._spelled_out:
            return False
        looked_at = [self._looked_at(name) for name in usual.names]
        if any(view.silent for _pair, view in looked_at):
            return False
        count([pair for pair, _view in looked_at], usual)
        return True

    def _rows(self, transaction: Transaction, tables: Set[Pair], ends: Set[Pair]) -> None:
        """Count rows that appear now.

        :param ends: tables whose images are no evidence in this transaction.
        """
        voting = self.voting
        for pair in tables:
            voting.objects.touched(voting.time, pair)
        for name in transaction.undecoded:
            pair = self.spell(name.schema, name.name)
            voting.silent.setdefault(
                pair, self._views(pair).silent or "some of its rows have other columns than the replica's table"
            )
            voting.mark(UNCLEAR)
        self._changes(transaction, ends)

    def _plain_rows(self, transaction: Transaction) -> None:
        """Count a transaction of rows alone, as nearly all are."""
        voting, known = self.voting, self._known
        for name in transaction.tables:
            voting.objects.touched(voting.time, (known.get(name) or self._looked_at(name))[0])
        self._changes(transaction, set())
        if self._open:
            voting.mark(WITHIN)

    def _changes(self, transaction: Transaction, ends: Set[Pair]) -> None:
        voting, known, spelled_out = self.voting, self._known, self._spelled_out
        changes: Tuple[Any, ...] = transaction.changes
        for change in changes:
            if not isinstance(change, Printed):
                self._change(change, ends)
                continue
            name, key, lookup, before, after = change
            pair, view = known.get(name) or self._looked_at(name)
            if pair in ends:
                continue
            if view.silent:
                voting.silent.setdefault(pair, view.silent)
                voting.mark(UNCLEAR)
            else:
                voting.change(pair, key, self._spelled(pair, lookup) if spelled_out else lookup, before, after)
        if ends:
            voting.barrier(ends)
            voting.mark(UNCLEAR)

    def _spelled(self, pair: Pair, lookup: bytes) -> Key:
        prints = self._prints.get(pair)
        return lookup if prints is None else prints.key_values(lookup)

    def pass_over(self) -> None:
        """Count a transaction that the replica does not take from here (`own`)."""
        self.voting.transaction()
        self.voting.mark(OWN)

    def _separate(self, transaction: Transaction, tables: Set[Pair]) -> None:
        """One part of an XA transaction: its rows appear with the statement that commits it, which names none."""
        verb, xid = _decision(transaction)
        self._open = max(self._open + (-1 if verb else 1), 0)
        held, names = self._prepared.pop(xid, (None, set()))
        if not verb and transaction.xid:
            self._prepared[transaction.xid] = (transaction, tables)
        elif verb == "COMMIT" and held is not None and held.lossy == SEPARATE and not held.statements:
            self._rows(held, names, set())
        else:
            self.voting.barrier(names or None)
            self.voting.mark(UNCLEAR)
        if self._open:
            self.voting.mark(WITHIN)

    def _looked_at(self, name: TableName) -> Tuple[Pair, View]:
        found = self._known.get(name)
        if found is None:
            pair = self.spell(name.schema, name.name)
            found = self._known[name] = (pair, self._views(pair))
        return found

    def _change(self, change: RowChange, ends: Set[Pair]) -> None:
        name, _kind, old, new, partial = change
        pair, view = self._looked_at(name)
        if pair in ends:
            return
        if view.silent:
            self.voting.silent.setdefault(pair, view.silent)
            self.voting.mark(UNCLEAR)
            return
        if partial:
            self.voting.silent.setdefault(pair, "an image does not hold every column (binlog_row_image)")
            ends.add(pair)
            return
        prints = self._prints.get(pair)
        of_image, of_key = (digest, digest) if prints is None else (prints.of_values, prints.of_key)
        stand_for = self._stand_for or of_image
        old_key = None if old is None else tuple([old[at] for at in view.key])
        new_key = None if new is None else tuple([new[at] for at in view.key])
        before = NO_ROW if old is None else stand_for(view.seen(old))
        after = NO_ROW if new is None else stand_for(view.seen(new))
        if old_key == new_key or old_key is None or new_key is None:
            key = old_key if new_key is None else new_key
            if key is not None:
                self.voting.change(pair, of_key(key), key, before, after)
            return
        self.voting.change(pair, of_key(old_key), old_key, before, NO_ROW)
        self.voting.change(pair, of_key(new_key), new_key, NO_ROW, after)

    def _statement(self, statement: QueryEvent) -> Set[Pair]:
        """Count a statement; the tables whose row images in the same transaction cannot be used."""
        voting = self.voting
        told = meaning(statement.text, statement.schema, self._plain, bool(statement.error_code))
        if told.temporary is not None:
            self._temporary.add(self.spell(*told.temporary))
        named = set(told.tables or ()) | ({told.truncated} if told.truncated else set())
        named |= {(thing[1], thing[2]) for thing, _before, _after in told.seen if thing[0] == "table"}
        if self._temporary.intersection(self.spell(*pair) for pair in named):
            # It may be about the temporary table, or about the other one: then it tells nothing.
            told = replace(told, tables=frozenset(named), truncated=None, seen=(), forgotten=tuple(named))
        self._end(told)
        if told.truncated is not None:
            voting.truncate(self.spell(*told.truncated))
        time, objects = voting.time, voting.objects
        for thing, before, after in told.seen:
            objects.see(time, (thing[0],) + self._thing(thing[1:]), before, after)
        for container in told.forgotten:
            objects.forget(time, self._thing(container))
        makes = any(thing[0] == "table" and after for thing, _before, after in told.seen)
        return set() if makes or not told.tables else {self.spell(*pair) for pair in told.tables}

    def _end(self, told: Meaning) -> None:
        if told.tables is None:
            self.voting.barrier(defines=not told.writes)
            self.voting.mark(UNCLEAR)
        elif told.tables or told.schemas:
            schemas = [name.casefold() if self._folds else name for name in told.schemas]
            self.voting.barrier([self.spell(*pair) for pair in told.tables], schemas, defines=not told.writes)

    def _thing(self, names: Tuple[str, ...]) -> Tuple[str, ...]:
        """Names of a schema and a table, and what follows them."""
        return tuple(n.casefold() for n in names[:2]) + names[2:] if self._folds else names


def _decision(transaction: Transaction) -> Tuple[str, str]:
    """COMMIT or ROLLBACK of an XA transaction, and which one it is about; '' for what is only prepared."""
    for statement in transaction.statements:
        words = statement.text.split(None, 2)
        if len(words) == 3 and words[0].upper() == "XA" and words[1].upper() in ("COMMIT", "ROLLBACK"):
            hexadecimal = "".join(words[2].split()).lower()
            return words[1].upper(), hexadecimal.replace("x'", "X'")
    return "", ""
