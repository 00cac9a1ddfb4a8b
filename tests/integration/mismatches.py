# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that fail on the source after they changed something, and end in another way on the replica."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Tuple

import pymysql

from .breaks import FLAVOURS, MARIADB, load
from .stage import Stage


@dataclass(frozen=True)
class Mismatch:
    """One such statement.

    :param make: makes it, and returns when the applier has stopped.
    :param flavours: that log it with its error.
    :param did: what the replica did: ``succeeded``, ``failed`` or ``not_run``.
    :param error: the statement's error on the source.
    :param tables: those that it may have touched.
    """

    make: Callable[[Stage], None]
    did: str
    error: int
    tables: Tuple[str, ...] = ()
    flavours: Tuple[str, ...] = FLAVOURS


def _fails(stage: Stage, *statements: str) -> None:
    """Run statements on the source, the last of which fails there, and wait until the applier has stopped."""
    with stage.session(stage.source) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION binlog_format = STATEMENT")
        for statement in statements[:-1]:
            cursor.execute(statement)
        try:
            cursor.execute(statements[-1])
        except pymysql.MySQLError:
            stage.applier_stopped()
            return
    raise AssertionError("the statement did not fail: %s" % statements[-1])


def myisam_stmt(stage: Stage) -> None:
    """A multi-row INSERT that meets a duplicate at its second row; here there is none."""
    stage.both("CREATE TABLE m (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE = MyISAM", "INSERT INTO m VALUES (4, 'old')")
    stage.on_replica("DELETE FROM m WHERE id = 4")
    _fails(stage, "INSERT INTO m VALUES (3, 'new'), (4, 'new'), (5, 'new')")


def create_view(stage: Stage) -> None:
    stage.both("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE VIEW w AS SELECT id FROM t")
    stage.on_replica("DROP VIEW w")
    _fails(stage, "CREATE VIEW w AS SELECT id FROM t")


def drop_view(stage: Stage) -> None:
    stage.both("CREATE VIEW w1 AS SELECT 1 AS one")
    stage.on_replica("CREATE VIEW w2 AS SELECT 2 AS two")
    _fails(stage, "DROP VIEW w1, w2")


def drop_table(stage: Stage) -> None:
    stage.both("CREATE TABLE t (id INT PRIMARY KEY)")
    stage.on_replica("CREATE TABLE x (id INT PRIMARY KEY)")
    _fails(stage, "DROP TABLE t, x")


def drop_user(stage: Stage) -> None:
    stage.both("CREATE USER 'clerk'@'%' IDENTIFIED BY 'long-Secret-1'")
    stage.replica.execute_unlogged("CREATE USER 'temp'@'%' IDENTIFIED BY 'long-Secret-1'")
    _fails(stage, "DROP USER 'clerk'@'%', 'temp'@'%'")


def other_error(stage: Stage) -> None:
    """The statement fails on both sides, with different errors; on MySQL 5.6 only the replica's is shown."""
    stage.both(
        "CREATE TABLE m (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE = MyISAM", "INSERT INTO m VALUES (4, 'old')",
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE = InnoDB", "INSERT INTO t VALUES (1, 'one')",
    )  # fmt: skip
    stage.on_replica("DROP TABLE m")
    _fails(stage, "INSERT INTO m VALUES (3, 'new'), (4, 'new'), (5, 'new')")


def killed_myisam(stage: Stage) -> None:
    load()["partial_completion"].make(stage)


MISMATCHES: Dict[str, Mismatch] = {
    "myisam_stmt": Mismatch(myisam_stmt, "succeeded", 1062, ("shop.m",)),
    "create_view": Mismatch(create_view, "succeeded", 1050, ("shop.t",), ("mysql-5.6",)),
    "drop_view": Mismatch(drop_view, "succeeded", 0, (), ("mysql-5.6", *MARIADB)),
    "drop_table": Mismatch(drop_table, "succeeded", 1051, (), ("mysql-5.6",)),
    "drop_user": Mismatch(drop_user, "succeeded", 1396, (), ("mysql-5.6", *MARIADB)),
    "other_error": Mismatch(other_error, "failed", 1062, ("shop.m",)),
    "killed_myisam": Mismatch(killed_myisam, "not_run", 1317, ("shop.m",)),
}
