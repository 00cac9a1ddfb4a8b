# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of rows and definitions that are not what a transaction needs."""

from __future__ import annotations

from lab import faults
from lab.accounts import DEFINER

from .pages import scene
from .session import Session

SHOP = (
    "CREATE DATABASE shop",
    "CREATE TABLE shop.orders (id INT PRIMARY KEY, state VARCHAR(20) NOT NULL)",
    "INSERT INTO shop.orders VALUES (1, 'new'), (2, 'new'), (3, 'new')",
)
# Where MySQL with workers says what Last_SQL_Error does not.
WORKER = (
    "SELECT LAST_ERROR_NUMBER, LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker"
    " WHERE LAST_ERROR_NUMBER <> 0"
)


@scene("../README", "mysql-9.7", seed=SHOP)
def readme(session: Session) -> None:
    session.lab.replica.execute_unlogged("ALTER TABLE shop.orders ADD COLUMN placed DATE")
    session.lab.source.execute(
        "ALTER TABLE shop.orders ADD COLUMN placed DATE", "INSERT INTO shop.orders VALUES (4, 'new', '2026-01-01')"
    )
    session.applier_stopped()
    session.part("diagnose")
    session.message("diagnose", "Say what is the case")
    session.part("repair")
    session.message("repair", "Say how it ended")
    session.equal()


@scene("failures/rows-that-differ", "mysql-9.7", seed=SHOP)
def rows_that_differ(session: Session) -> None:
    session.part("break")
    session.sql(
        "db2",
        "SET SESSION sql_log_bin = 0",
        "DELETE FROM shop.orders WHERE id = 2",
        "INSERT INTO shop.orders VALUES (4, 'test')",
    )
    session.sql(
        "db1",
        "BEGIN",
        "INSERT INTO shop.orders VALUES (4, 'new')",
        "UPDATE shop.orders SET state = 'paid' WHERE id IN (1, 2)",
        "COMMIT",
    )
    session.applier_stopped()
    session.status("db2")
    session.rows("db2", WORKER)
    session.part("diagnose")
    session.play("diagnose")
    session.part("plan")
    session.play("repair", "db2", "--check")
    session.part("repair")
    session.play("repair")
    session.rows("db2", "SELECT * FROM shop.orders")
    session.equal()


@scene("failures/missing-or-existing-objects", "mysql-9.7", seed=SHOP)
def missing_or_existing_objects(session: Session) -> None:
    session.part("break")
    session.sql("db2", "SET SESSION sql_log_bin = 0", "ALTER TABLE shop.orders ADD COLUMN note VARCHAR(100)")
    session.sql("db1", "ALTER TABLE shop.orders ADD COLUMN note VARCHAR(100)")
    session.applier_stopped()
    session.status("db2")
    session.part("diagnose")
    session.play("diagnose")
    session.part("repair")
    session.play("repair")
    session.equal()
    session.settled()
    session.part("differs")
    session.sql("db2", "SET SESSION sql_log_bin = 0", "CREATE INDEX by_state ON shop.orders (state, id)")
    session.sql("db1", "CREATE INDEX by_state ON shop.orders (state)")
    session.applier_stopped()
    session.play("repair", code=2)
    session.sql("db2", "SET SESSION sql_log_bin = 0", "DROP INDEX by_state ON shop.orders", "START REPLICA")
    session.equal()
    session.settled()
    session.part("missing")
    session.sql("db2", "SET SESSION sql_log_bin = 0", "DROP TABLE shop.orders")
    session.sql("db1", "UPDATE shop.orders SET state = 'sent' WHERE id = 3")
    session.applier_stopped()
    session.account = DEFINER
    session.play("repair")
    session.equal()


@scene("failures/definitions-that-differ", "mysql-5.6", gtid=False, seed=SHOP)
def definitions_that_differ(session: Session) -> None:
    session.account = DEFINER
    session.part("break")
    session.sql("db2", "SET SESSION sql_log_bin = 0", "ALTER TABLE shop.orders MODIFY state VARCHAR(10) NOT NULL")
    session.sql("db1", "INSERT INTO shop.orders VALUES (4, 'waiting for payment')")
    session.applier_stopped()
    session.status("db2")
    session.part("diagnose")
    session.play("repair", code=2)
    session.part("repair")
    session.play("repair", repair_alter_definitions="true")
    session.equal()


@scene("failures/source-logged-an-error", "mysql-9.7", seed=SHOP)
def source_logged_an_error(session: Session) -> None:
    session.lab.source.execute(
        "CREATE TABLE shop.hits (id INT PRIMARY KEY, page VARCHAR(20)) ENGINE = MyISAM",
        "INSERT INTO shop.hits VALUES (4, 'old')",
    )
    session.settled()
    session.part("break")
    session.sql("db2", "SET SESSION sql_log_bin = 0", "DELETE FROM shop.hits WHERE id = 4")
    session.sql(
        "db1",
        "SET SESSION binlog_format = STATEMENT",
        "INSERT INTO shop.hits VALUES (3, 'new'), (4, 'new'), (5, 'new')",
        "SELECT GROUP_CONCAT(id) FROM shop.hits",
    )
    session.applier_stopped()
    session.rows("db2", WORKER)
    session.part("diagnose")
    session.play("diagnose")
    session.part("repair")
    session.play("repair")
    session.rows("db2", "SELECT * FROM shop.hits")
    session.equal()


RELEASE = (
    "INSERT INTO shop.orders VALUES (4, 'new')",
    "UPDATE shop.orders SET state = 'paid' WHERE id = 1",
    "ALTER TABLE shop.orders ADD COLUMN total INT NOT NULL DEFAULT 0",
    "UPDATE shop.orders SET total = total + 10 WHERE id = 2",
    "DELETE FROM shop.orders WHERE id = 3",
)


@scene("failures/data-ahead-of-position", "mariadb-10.11", gtid=False, seed=SHOP)
def data_ahead_of_position(session: Session) -> None:
    faults.save_relay_info(session.lab.replica)
    session.part("break")
    session.status("db2", "Relay_Master_Log_File", "Exec_Master_Log_Pos")
    session.sql("db1", *RELEASE)
    session.lab.wait_in_sync()
    session.status("db2", "Relay_Master_Log_File", "Exec_Master_Log_Pos")
    faults.restore_relay_info(session.lab.replica)
    session.say("db2 loses power, and comes back with the relay-log.info of some minutes ago.")
    session.sql("db1", "UPDATE shop.orders SET total = total + 10 WHERE id = 2")
    session.sql("db2", "START SLAVE")
    session.applier_stopped()
    session.status("db2", "Relay_Master_Log_File", "Exec_Master_Log_Pos", "Last_SQL_Errno", "Last_SQL_Error")
    session.part("diagnose")
    session.play("diagnose")
    session.part("plan")
    session.play("repair", "db2", "--check")
    session.part("repair")
    session.play("repair")
    session.equal()


@scene("undo", "mysql-9.7", seed=SHOP)
def undo(session: Session) -> None:
    session.part("heal")
    session.sql("db2", "SET SESSION sql_log_bin = 0", "UPDATE shop.orders SET state = 'lost' WHERE id = 2")
    session.play("verify", verify_depth="full", verify_heal="true")
    session.rows("db2", "SELECT * FROM shop.orders WHERE id = 2")
    session.part("running")
    session.play("undo")
    session.part("undo")
    session.sql("db2", "STOP REPLICA SQL_THREAD")
    session.play("undo", "db2", "--check")
    session.play("undo")
    session.rows("db2", "SELECT * FROM shop.orders WHERE id = 2")
    session.part("since")
    session.sql("db2", "START REPLICA SQL_THREAD")
    session.play("verify", verify_depth="full", verify_heal="true")
    session.sql("db1", "UPDATE shop.orders SET state = 'sent' WHERE id = 2")
    session.lab.wait_in_sync()
    session.sql("db2", "STOP REPLICA SQL_THREAD")
    session.play("undo")
    session.sql("db2", "START REPLICA SQL_THREAD")
    session.equal()
