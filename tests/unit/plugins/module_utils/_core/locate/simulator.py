# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source with a random history, and a replica that is somewhere in it: what is true is known for every boundary."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import QueryEvent
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.rows import RowChange
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transaction import Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.digest import digest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.feed import Feeder, View
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.objects import Object
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.track import Track
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.voting import Tally, Voting
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates

Row = Tuple[Any, ...]
SCHEMA = "d"
SIZE = 100
FILE = "binlog.000001"


@dataclass
class Table:
    """A table: the primary key is column ``id`` where there is one."""

    columns: List[str]
    keyed: bool = True
    child_of: str = ""
    trigger: bool = False
    rows: List[Row] = field(default_factory=list)
    indexes: List[str] = field(default_factory=list)

    def find(self, key: int) -> Optional[Row]:
        at = self.columns.index("id")
        return next((row for row in self.rows if row[at] == key), None)


State = Dict[str, Table]


class Source:
    """Makes transactions; ``states[k]`` is the truth after k of them."""

    def __init__(self, seed: int, count: int, kinds: Dict[str, int]) -> None:
        self.random = random.Random(seed)
        self.state: State = {
            "a": Table(["id", "n", "m"]),
            "b": Table(["id", "n", "m"]),
            "nokey": Table(["id", "n", "m"], keyed=False),
            "parent": Table(["id", "n", "m"]),
            "child": Table(["id", "pid", "m"], child_of="parent"),
            "watched": Table(["id", "n", "m"], trigger=True),
        }
        for table in self.state.values():
            for key in range(1, 5):
                table.rows.append((key, self.random.randrange(1, 5), 0))
        self.states: List[State] = [copy.deepcopy(self.state)]
        self.log: List[Transaction] = []
        self.serial = 100
        names, weights = list(kinds), list(kinds.values())
        for _number in range(count):
            self._changes: List[RowChange] = []
            self._texts: List[Tuple[str, int]] = []
            for _again in range(self.random.choice((1, 1, 2, 3))):
                if not self._texts:
                    getattr(self, "do_" + self.random.choices(names, weights)[0])()
            self._commit()

    def _commit(self) -> None:
        number = len(self.log)
        start = 4 + number * SIZE
        statements = tuple(
            QueryEvent(SCHEMA, text, start, start + SIZE, 0, 1, 1, error, b"") for text, error in self._texts
        )
        tables = tuple(dict.fromkeys(change.table for change in self._changes))
        ending = "ddl" if statements else "xid"
        self.log.append(
            Transaction(FILE, start, start + SIZE, "", ending, 0, 1, 1, tables, tuple(self._changes), statements)
        )
        self.states.append(copy.deepcopy(self.state))

    # -- what a transaction may do -------------------------------------------------------------------------------

    def _pick(self, *names: str) -> Optional[str]:
        known = [name for name in names or self.state if name in self.state]
        return self.random.choice(known) if known else None

    def _log(self, name: str, kind: str, before: Optional[Row], after: Optional[Row]) -> None:
        self._changes.append(RowChange(TableName(SCHEMA, name), kind, before, after, False))

    def _fresh(self) -> int:
        self.serial += 1
        return self.serial

    def _row(self, table: Table, key: int) -> Row:
        made = [self.random.choice((self._fresh(), self.random.randrange(3))) for _column in table.columns]
        made[table.columns.index("id")] = key
        if "pid" in table.columns:
            made[table.columns.index("pid")] = self.random.randrange(1, 6)
        return tuple(made)

    def do_clean_insert(self) -> None:
        self.do_insert("a", "b")

    def do_clean_update(self) -> None:
        self.do_update("a", "b")

    def do_clean_delete(self) -> None:
        self.do_delete("a", "b")

    def do_insert(self, *names: str) -> None:
        name = self._pick(*names)
        if name is None:
            return
        table = self.state[name]
        key = self.random.randrange(1, 12)
        if table.keyed and table.find(key) is not None:
            return
        row = self._row(table, key)
        table.rows.append(row)
        self._log(name, "write", None, row)

    def do_update(self, *names: str) -> None:
        name = self._pick(*names)
        if name is None or not self.state[name].rows:
            return
        table = self.state[name]
        at = self.random.randrange(len(table.rows))
        old = table.rows[at]
        new = list(old)
        column = self.random.randrange(len(new))
        if table.columns[column] == "id":
            key = self.random.randrange(1, 12)
            if name == "parent" or table.keyed and table.find(key) is not None:
                return
            new[column] = key
        else:
            # Small numbers toggle and come back; others are new.
            new[column] = self.random.choice((self._fresh(), self.random.randrange(3)))
        if names and tuple(new) == old:
            return
        table.rows[at] = tuple(new)
        self._log(name, "update", old, tuple(new))

    def do_delete(self, *names: str) -> None:
        name = self._pick(*names)
        if name is None or not self.state[name].rows:
            return
        table = self.state[name]
        old = table.rows.pop(self.random.randrange(len(table.rows)))
        self._log(name, "delete", old, None)
        if name == "parent" and "child" in self.state:
            child = self.state["child"]
            at = child.columns.index("pid")
            gone = old[table.columns.index("id")]
            child.rows = [row for row in child.rows if row[at] != gone]  # not in the binlog

    def do_revert(self) -> None:
        """Give a row an image that it had before."""
        name = self._pick("a", "b")
        if name is None:
            return
        table = self.state[name]
        past = [row for state in self.states if name in state for row in state[name].rows]
        past = [row for row in past if len(row) == len(table.columns)]
        if not past:
            return
        wanted = self.random.choice(past)
        key = wanted[table.columns.index("id")]
        now = table.find(key)
        if now == wanted or not isinstance(key, int):
            return
        if now is None:
            table.rows.append(wanted)
            self._log(name, "write", None, wanted)
        else:
            table.rows[table.rows.index(now)] = wanted
            self._log(name, "update", now, wanted)

    def _alone(self) -> bool:
        return not self._changes and not self._texts

    def _say(self, text: str, error: int = 0) -> None:
        self._texts.append((text, error))

    def do_truncate(self) -> None:
        name = self._pick("a", "b", "nokey", "child")
        if name is not None and self._alone():
            self.state[name].rows.clear()
            self._say("TRUNCATE TABLE %s" % name)

    def do_rename(self) -> None:
        name = self._pick("a", "b", "a2", "b2")
        if name is None or not self._alone():
            return
        new = name[0] if name.endswith("2") else name + "2"
        if new not in self.state:
            self.state[new] = self.state.pop(name)
            self._say(self.random.choice(("RENAME TABLE %s TO %s", "ALTER TABLE %s RENAME TO %s")) % (name, new))

    def do_swap(self) -> None:
        if "a" in self.state and "b" in self.state and self._alone():
            self.state["a"], self.state["b"] = self.state["b"], self.state["a"]
            self._say("RENAME TABLE a TO x, b TO a, x TO b")

    def do_drop(self) -> None:
        name = self._pick("a", "b", "new")
        if name is not None and self._alone():
            del self.state[name]
            self._say("DROP TABLE `%s` /* generated by server */" % name)

    def do_create(self) -> None:
        name = self.random.choice(("a", "b", "new"))
        if self._alone():
            guard = self.random.choice(("", "IF NOT EXISTS "))
            if name in self.state and not guard:
                return
            if name not in self.state:
                self.state[name] = Table(["id", "n", "m"])
            self._say("CREATE TABLE %s%s (id INT PRIMARY KEY, n INT, m INT)" % (guard, name))

    def do_alter(self) -> None:
        name = self._pick("a", "b", "child")
        if name is None or not self._alone():
            return
        table = self.state[name]
        choice = self.random.randrange(5)
        if choice == 0 and "extra" not in table.columns:
            table.columns.append("extra")
            table.rows = [row + (7,) for row in table.rows]
            self._say("ALTER TABLE %s ADD COLUMN extra INT NOT NULL DEFAULT 7" % name)
        elif choice == 1 and "extra" in table.columns:
            at = table.columns.index("extra")
            table.columns.remove("extra")
            table.rows = [row[:at] + row[at + 1 :] for row in table.rows]
            self._say("ALTER TABLE %s DROP COLUMN extra" % name)
        elif choice == 2:  # columns of the same type change places: nothing but the names tells
            table.columns[1], table.columns[2] = table.columns[2], table.columns[1]
            table.rows = [(row[0], row[2], row[1]) + row[3:] for row in table.rows]
            self._say("ALTER TABLE %s MODIFY COLUMN %s INT AFTER id" % (name, table.columns[1]))
        elif choice == 3 and "i" not in table.indexes:
            table.indexes.append("i")
            self._say(self.random.choice(("ALTER TABLE %s ADD INDEX i (m)", "CREATE INDEX i ON %s (m)")) % name)
        elif choice == 4:
            table.rows = [row[:2] + (1,) + row[3:] for row in table.rows]
            self._say("ALTER TABLE %s MODIFY COLUMN m INT UNSIGNED, FORCE" % name)

    def do_statement(self) -> None:
        """A statement in the binlog instead of its rows."""
        name = self._pick("a", "b")
        if name is None or not self._alone():
            return
        table = self.state[name]
        at = table.columns.index("n")
        table.rows = [row[:at] + (row[at] + 1,) + row[at + 1 :] for row in table.rows]
        self._say("UPDATE %s SET n = n + 1" % name)

    def do_nothing(self) -> None:
        if self._alone():
            self._say("FLUSH TABLES")


def canonical(state: State) -> Any:
    """A state such that two are equal exactly when their tables and rows are."""
    return {
        name: (tuple(table.columns), tuple(sorted(table.indexes)), tuple(sorted(map(repr, table.rows))))
        for name, table in state.items()
    }


class Replica:
    """Where the rows and definitions come from."""

    def __init__(self, state: State, metadata: bool) -> None:
        self.state = copy.deepcopy(state)
        self.metadata = metadata

    def view(self, pair: Tuple[str, str]) -> View:
        table = self.state.get(pair[1])
        if table is None:
            return View("the replica has no such table")
        if not table.keyed:
            return View("it has no primary key")
        if table.child_of:
            return View("a foreign key changes its rows")
        if table.trigger:
            return View("it has a trigger")
        return View("", (table.columns.index("id"),))

    def decodable(self, change: RowChange, columns: List[str]) -> bool:
        """Whether rows with these columns fit the replica's table, as far as the binlog tells."""
        table = self.state.get(change.table.name)
        if table is None:
            return True
        return table.columns == columns if self.metadata else len(table.columns) == len(columns)

    def present(self, thing: Object) -> Optional[bool]:
        kind, rest = thing[0], thing[2:]
        if kind == "schema":
            return True
        table = self.state.get(rest[0])
        if kind == "table":
            return table is not None
        if table is None:
            return None if kind == "rows" else False
        if kind == "rows":
            return bool(table.rows)
        return rest[1] in (table.columns if kind == "column" else table.indexes)


def count(source: Source, replica: Replica, batch: int = 7, plain: bool = False) -> Tuple[Tally, Track]:
    """Feed the whole history and count."""
    voting = Voting()
    track = feed(voting, source, replica, batch=batch, plain=plain)
    return voting.finish(replica.present), track


def feed(
    sink: Any,
    source: Source,
    replica: Replica,
    start: int = 0,
    stop: Optional[int] = None,
    batch: int = 7,
    plain: bool = False,
) -> Track:
    """Feed the history between two boundaries to a sink that needs rows."""
    feeder = Feeder(sink, replica.view, plain=plain)
    track = Track(Coordinates(FILE, 4 + start * SIZE))
    for number, transaction in enumerate(source.log[start:stop], start):
        before = source.states[number]
        changes, undecoded = [], []
        for change in transaction.changes:
            if replica.decodable(change, before[change.table.name].columns):
                changes.append(change)
            else:
                undecoded.append(change.table)
        feeder.feed(transaction._replace(changes=tuple(changes), undecoded=tuple(undecoded)))
        track.add(transaction.start, transaction.end, transaction.gtid)
        if sink.pending >= batch:
            settle(sink, replica)
    settle(sink, replica)
    return track


def settle(voting: Any, replica: Replica) -> None:
    rows: Dict[Tuple[str, str], Dict[int, int]] = {}
    for pair in voting.wanted:
        table = replica.state.get(pair[1])
        if table is not None:
            at = table.columns.index("id")
            rows[pair] = {digest((row[at],)): digest(row) for row in table.rows}
    voting.settle(rows)


def locally(rng: random.Random, state: State) -> None:
    """Somebody writes on the replica: values that were never on the source."""
    for _number in range(rng.randrange(1, 3)):
        name = rng.choice(sorted(state))
        table = state[name]
        if not table.rows:
            continue
        at = rng.randrange(len(table.rows))
        row = list(table.rows[at])
        row[len(row) - 1 if table.columns[-1] != "id" else 1] = -1 - rng.randrange(10**9)
        table.rows[at] = tuple(row)
