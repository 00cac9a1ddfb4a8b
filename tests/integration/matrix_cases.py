# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The applier errors that `repair` is tried on, as one table: how each is made, and where it exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Sequence, Tuple

from .breaks import FLAVOURS, MODES, POSITION_MODES, ROWS, Break, load
from .conflicts import CONFLICTS, GENERATED, Conflict
from .mismatches import MISMATCHES, Mismatch
from .stage import DB, Mode, Stage

ROW, STATEMENT = "ROW", "STATEMENT"
FORMATS = (ROW, STATEMENT)


@dataclass(frozen=True)
class Trouble:
    """One way in which a transaction fails on a replica.

    :param name: unique.
    :param make: makes it, the source logging in the stage's format; returns when the applier has stopped.
    :param tables: those that a writer goes on writing meanwhile.
    :param formats: the formats in which it exists: a statement that finds no row to change fails nowhere.
    :param admin: the repair needs an account that may change definitions.
    """

    name: str
    make: Callable[[Stage], None]
    tables: Tuple[str, ...] = ("t",)
    flavours: Tuple[str, ...] = FLAVOURS
    modes: Tuple[Mode, ...] = MODES
    unlike: Tuple[Tuple[str, Mode], ...] = ()
    formats: Tuple[str, ...] = FORMATS
    admin: bool = False

    def exists(self, flavour: str, mode: Mode) -> bool:
        """True where it can be made."""
        return flavour in self.flavours and mode in self.modes and (flavour, mode) not in self.unlike


# The findings whose breaks are definitions, accounts and rows that a transaction meets in another form than it needs.
CODES = frozenset(
    "duplicate_row missing_row table_exists database_exists column_exists index_exists drop_target_missing"
    " dropped_table_missing dropped_database_missing table_missing database_missing column_missing routine_exists"
    " trigger_exists event_exists account_conflict column_type_differs column_count_differs"
    " foreign_key_failed".split()
)
# What needs images: as a statement it changes no row and fails nowhere, or with another error, or is a statement in any
# format.
_ONLY_ROWS = frozenset(
    "missing_row_update missing_row_delete upd1032 del1032 nopk1032 generated column_type_differs type1677".split()
)
_ONLY_STATEMENTS = frozenset(("column_count_differs",))
_DEFINES = frozenset(
    "table_missing table_missing_alter miss1146 database_missing column_type_differs type1677 column_count_differs"
    " column_missing other_error".split()
)


def _formats(name: str) -> Tuple[str, ...]:
    return (ROW,) if name in _ONLY_ROWS else (STATEMENT,) if name in _ONLY_STATEMENTS else FORMATS


def _of_break(broken: Break) -> Trouble:
    return Trouble(
        broken.name, broken.make, ("t", "child"), broken.flavours, broken.modes, broken.unlike, _formats(broken.name),
        broken.name in _DEFINES,
    )  # fmt: skip


def _of_conflict(conflict: Conflict) -> Trouble:
    def make(stage: Stage) -> None:
        conflict.prepare_on(stage.source)
        stage.lab.wait_in_sync()
        conflict.break_on(stage.replica)
        conflict.go_on(stage.source, str(stage.source.value("SELECT @@GLOBAL.binlog_format")))
        stage.applier_stopped()

    flavours = tuple(name for name in FLAVOURS if conflict is not GENERATED or name != "mysql-5.6")
    formats, admin = _formats(conflict.name), conflict.name in _DEFINES
    return Trouble(conflict.name, make, (conflict.name,), flavours, formats=formats, admin=admin)


def _of_mismatch(name: str, case: Mismatch) -> Trouble:
    return Trouble(name, case.make, ("m",), case.flavours, formats=(STATEMENT,), admin=name in _DEFINES)


def _defined(name: str, source: Sequence[str], local: Sequence[str], prepare: Sequence[str] = ()) -> Trouble:
    def make(stage: Stage) -> None:
        if prepare:
            stage.both(*prepare)
        stage.on_replica(*local)
        if stage.mariadb:
            stage.set_global(stage.replica, "slave_ddl_exec_mode", "STRICT")
        stage.fails(*source)

    return Trouble(name, make)


_RELEASE = (
    "INSERT INTO t (id, v) VALUES (10, 'ten'), (11, 'eleven')", "CREATE TABLE u (id INT PRIMARY KEY, v VARCHAR(20))",
    "INSERT INTO u VALUES (1, 'a'), (2, 'b')", "ALTER TABLE t ADD COLUMN n INT NOT NULL DEFAULT 0",
    "UPDATE t SET n = n + 10 WHERE id = 1", "CREATE INDEX by_v ON t (v)", "UPDATE t SET n = n + 100 WHERE id = 1",
    "DELETE FROM t WHERE id = 10", "INSERT INTO t VALUES (12, 'twelve', 0)", "UPDATE u SET v = 'bb' WHERE id = 2",
)  # fmt: skip
_BEYOND = ("UPDATE t SET n = n + 1000 WHERE id = 1", "INSERT INTO u VALUES (3, 'c')", "DELETE FROM u WHERE id = 1")


def _ahead(stage: Stage) -> None:
    """A replica whose data is ten transactions ahead of its recorded position, and which three more wait for."""
    stage.both(*ROWS)
    start = stage.source.coordinates()
    stage.both(*_RELEASE)
    stage.stop()
    stage.on_source(*_BEYOND)
    stage.lab.configure(stage.link, start)
    stage.start()
    stage.applier_stopped()


_EVENT = "EVENT e ON SCHEDULE EVERY 1 YEAR STARTS '2030-01-01 00:00:00'"
# A stored password of caching_sha2_password, salt and all, so that it is the same on both sides.
_STORED = "$A$005$" + "abcdefghijklmnopqrst" + "0123456789abcdefghijABCDEFGHIJ0123456789abc"
_MORE: Tuple[Trouble, ...] = (
    Trouble("ahead_of_position", _ahead, modes=POSITION_MODES),
    _defined("table_exists_differs", ["CREATE TABLE u (id INT PRIMARY KEY, v INT)"],
             ["CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (1)"]),
    _defined("table_exists_with_rows", ["CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (2)"],
             ["CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (1)"]),
    _defined("view_exists_differs", ["CREATE VIEW w AS SELECT id FROM t"], ["CREATE VIEW w AS SELECT v FROM t"], ROWS),
    _defined("event_exists_disabled", ["CREATE %s DO SELECT 1" % _EVENT],
             ["CREATE %s DISABLE ON SLAVE DO SELECT 1" % _EVENT]),
    _defined("routine_exists_differs", ["CREATE PROCEDURE p() SELECT 1"], ["CREATE PROCEDURE p() SELECT 2"]),
    _defined("index_exists_differs", ["CREATE INDEX k ON t (v)"], ["CREATE INDEX k ON t (v, id)"], ROWS),
    _defined("column_exists_differs", ["ALTER TABLE t ADD COLUMN c INT"], ["ALTER TABLE t ADD COLUMN c BIGINT"], ROWS),
    _defined("database_exists_differs", ["CREATE DATABASE %s_3 CHARACTER SET latin1" % DB],
             ["CREATE DATABASE %s_3 CHARACTER SET utf8" % DB]),
)  # fmt: skip


def _account_stored(stage: Stage) -> None:
    create = "CREATE USER 'clerk'@'%%' IDENTIFIED WITH 'caching_sha2_password' AS '%s'" % _STORED
    stage.on_replica(create)
    stage.fails(create)


def troubles() -> Dict[str, Trouble]:
    """The table, by name."""
    made: List[Trouble] = [_of_break(one) for one in load().values() if one.code in CODES]
    made += [_of_conflict(one) for one in (*CONFLICTS.values(), GENERATED)]
    made += [_of_mismatch(name, one) for name, one in MISMATCHES.items()]
    made += [*_MORE, Trouble("account_exists_stored", _account_stored, flavours=("mysql-9.7",))]
    found = {one.name: one for one in made}
    if len(found) != len(made):
        raise ValueError("two of them have one name")
    return found
