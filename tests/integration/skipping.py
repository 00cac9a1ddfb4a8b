# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair whose applier stops at rows, and what must not change when nothing is done about it."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

import pytest
from lab.topology import Lab

from .conftest import MODES
from .playbook import run_module
from .stage import DB, Stage

TABLES = (
    "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(40)) ENGINE=InnoDB",
    "CREATE TABLE keyed (id INT NOT NULL PRIMARY KEY, v VARCHAR(40), UNIQUE KEY kv (v)) ENGINE=InnoDB",
    "CREATE TABLE wide (a INT, b VARCHAR(20), n DECIMAL(20,5), x BLOB, d DATETIME(3), PRIMARY KEY (b, a))",
    "CREATE TABLE parted (id INT NOT NULL PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB PARTITION BY RANGE (id)"
    " (PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, NULL)",
    "INSERT INTO keyed VALUES (1, 'a'), (2, 'b'), (3, 'c')",
)
NEW_VALUES = "(1, 'k', 12.5, 0x00ff, '2026-01-02 03:04:05.678')"
_GENERATED = "CREATE TABLE made (id INT PRIMARY KEY, a INT, v INT %s (a + 1) VIRTUAL, s INT %s (a * 2) STORED)"


class Skipping(Stage):
    """A pair for replica_skip at errors about rows."""

    def begin(self, mode: str, workers: int = 1) -> None:
        """The pair in one mode, with the base tables on both."""
        self.reset((mode == "gtid", workers))
        self.replica.execute("SET GLOBAL %s = STRICT" % self.mode_name())
        self.both(*TABLES, self._generated())
        self.lab.wait_in_sync()

    def _generated(self) -> str:
        if self.flavour.name == "mysql-5.6":
            return "CREATE TABLE made (id INT PRIMARY KEY, a INT, v INT, s INT)"
        return _GENERATED % ("AS", "AS")

    def skip(self, environment: Optional[Mapping[str, str]] = None, **options: Any) -> Dict[str, Any]:
        """Run replica_skip against the replica, with its source named."""
        check = options.pop("check", False)
        options.setdefault("source", {"login_host": self.source.host, "login_port": self.source.port})
        return run_module("replica_skip", self.replica, options, check=check, environment=environment)

    def breaks(self, statements: Sequence[str], local: Sequence[str]) -> None:
        """Let one transaction of the source fail on the replica, which got local changes before."""
        self.stop("SQL_THREAD")
        with contextlib.closing(self.session(self.source)) as connection, connection.cursor() as cursor:
            for statement in ("BEGIN", *statements, "COMMIT"):
                cursor.execute(statement)
        self.on_replica(*local)
        self.received()
        self.start("SQL_THREAD")
        self.applier_error()

    def mode_name(self) -> str:
        """The variable that makes the applier idempotent."""
        return self.name("replica_exec_mode")

    def applies_idempotently(self) -> None:
        """Let the applier run in plain idempotent mode until it has caught up, then strictly again."""
        self.replica.execute("SET GLOBAL %s = IDEMPOTENT" % self.mode_name())
        try:
            self.start("SQL_THREAD")
            self.lab.wait_in_sync()
        finally:
            self.replica.execute("SET GLOBAL %s = STRICT" % self.mode_name())

    def nothing_left(self) -> None:
        """No counter and no mode of the module is left."""
        assert int(self.replica.value("SELECT @@GLOBAL.%s" % self.name("sql_replica_skip_counter"))) == 0
        assert self.replica.value("SELECT @@GLOBAL.%s" % self.mode_name()) == "STRICT"

    def picture(self) -> Dict[str, Any]:
        """What must not change when nothing is done."""
        moving = (
            "Seconds",
            "State",
            "Timestamp",
            "Space",
            "Connects",
            "Last_IO",
            "Time",
            "Retried",
            "Read_",
            "Received",
        )
        row = self.status()
        names = (
            "'read_only', 'slave_exec_mode', 'replica_exec_mode', 'sql_slave_skip_counter', 'sql_replica_skip_counter'"
        )
        tables = [str(row["n"]) for row in self.replica.query(
            "SELECT TABLE_NAME AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = '%s' ORDER BY 1" % DB
        )]  # fmt: skip
        return {
            "status": {name: value for name, value in row.items() if not any(part in name for part in moving)},
            "gtid": self.replica.gtid_position(),
            "binlog": self.replica.coordinates(),
            "variables": self.replica.query("SHOW GLOBAL VARIABLES WHERE Variable_name IN (%s)" % names),
            "rows": [self.replica.query("SELECT * FROM %s.`%s` ORDER BY 1" % (DB, name)) for name in tables],
        }


@pytest.fixture(scope="session", name="staged")
def one_stage(flavour: str) -> Iterator[Skipping]:
    """A pair per flavour."""
    with Lab(flavour, gtid=True) as lab:
        made = Skipping(lab)
        yield made
        made.let_go()


@pytest.fixture(scope="session", name="mode", params=MODES)
def one_mode(request: pytest.FixtureRequest) -> str:
    """The mode of replication; for the session, so that servers are restarted once for each and not for each test."""
    return str(request.param)


@pytest.fixture(name="stage")
def stage_in_order(mode: str, staged: Skipping) -> Skipping:
    """The pair in one mode, with the base tables on both."""
    staged.begin(mode)
    return staged
