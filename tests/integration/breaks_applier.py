# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks of the applier: transactions that the replica cannot apply."""

from __future__ import annotations

from .breaks import MARIADB, OTHER, ROWS, breaks, conflict
from .stage import DB, Stage

_COM_QUERY = 3

# fmt: off
conflict("duplicate_row", "duplicate_row", 1062, ["INSERT INTO t VALUES (2, 'source')"],
         ["INSERT INTO t VALUES (2, 'local')"], ROWS)
conflict("duplicate_row_secondary", "duplicate_row", 1062, ["INSERT INTO t VALUES (3, 'same')"],
         ["INSERT INTO t VALUES (2, 'same')"], [*ROWS, "CREATE UNIQUE INDEX v ON t (v)"])
conflict("missing_row_update", "missing_row", 1032, ["UPDATE t SET v = 'new' WHERE id = 1"],
         ["DELETE FROM t WHERE id = 1"], ROWS)
conflict("missing_row_delete", "missing_row", 1032, ["DELETE FROM t WHERE id = 1"],
         ["DELETE FROM t WHERE id = 1"], ROWS)
conflict("table_exists", "table_exists", 1050, ["CREATE TABLE u (id INT PRIMARY KEY)"],
         ["CREATE TABLE u (id INT PRIMARY KEY)"])
conflict("view_exists", "table_exists", 1050, ["CREATE VIEW w AS SELECT 1 AS one"],
         ["CREATE VIEW w AS SELECT 1 AS one"])
conflict("database_exists", "database_exists", 1007, ["CREATE DATABASE %s" % OTHER], ["CREATE DATABASE %s" % OTHER])
conflict("column_exists", "column_exists", 1060, ["ALTER TABLE t ADD COLUMN c INT"],
         ["ALTER TABLE t ADD COLUMN c INT"], ROWS)
conflict("index_exists", "index_exists", 1061, ["CREATE INDEX k ON t (v)"], ["CREATE INDEX k ON t (v)"], ROWS)
conflict("drop_target_missing", "drop_target_missing", 1091, ["ALTER TABLE t DROP COLUMN v"],
         ["ALTER TABLE t DROP COLUMN v"], ["CREATE TABLE t (id INT PRIMARY KEY, v INT, w INT)"])
conflict("dropped_table_missing", "dropped_table_missing", 1051, ["DROP TABLE t"], ["DROP TABLE t"], ROWS)
conflict("dropped_database_missing", "dropped_database_missing", 1008, ["DROP DATABASE %s" % OTHER],
         ["DROP DATABASE %s" % OTHER], ["CREATE DATABASE %s" % OTHER])
conflict("table_missing", "table_missing", 1146, ["INSERT INTO t VALUES (2, 'two')"], ["DROP TABLE t"], ROWS)
conflict("table_missing_alter", "table_missing", 1146, ["ALTER TABLE t ADD COLUMN c INT"], ["DROP TABLE t"], ROWS)
conflict("database_missing", "database_missing", 1049, ["CREATE TABLE %s.x (id INT PRIMARY KEY)" % OTHER],
         ["DROP DATABASE %s" % OTHER], ["CREATE DATABASE %s" % OTHER])
conflict("column_missing", "column_missing", 1054, ["ALTER TABLE t CHANGE v w INT"], ["ALTER TABLE t DROP COLUMN v"],
         ["CREATE TABLE t (id INT PRIMARY KEY, v INT, x INT)"])
conflict("routine_exists", "routine_exists", 1304, ["CREATE PROCEDURE p() SELECT 1"], ["CREATE PROCEDURE p() SELECT 1"])
conflict("trigger_exists", "trigger_exists", {"": 1359, "mysql-5.6": 1235},
         ["CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 'x'"],
         ["CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 'x'"], ROWS)
conflict("trigger_exists_differs", "trigger_exists", 1359,
         ["CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 'x'"],
         ["CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW SET NEW.v = 'y'"], ROWS)
conflict("event_exists", "event_exists", 1537, ["CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO SELECT 1"],
         ["CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO SELECT 1"])
conflict("account_exists", "account_conflict", 1396, ["CREATE USER 'clerk'@'%' IDENTIFIED BY 'long-Secret-1'"],
         ["CREATE USER 'clerk'@'%' IDENTIFIED BY 'long-Secret-1'"])
conflict("account_missing", "account_conflict", 1396, ["DROP USER 'clerk'@'%'"], ["DROP USER 'clerk'@'%'"],
         ["CREATE USER 'clerk'@'%' IDENTIFIED BY 'long-Secret-1'"])
conflict("column_type_differs", "column_type_differs", {"": 1677, "mysql-9.7": 13146},
         ["INSERT INTO t VALUES (2, 'two')"], ["DELETE FROM t", "ALTER TABLE t MODIFY v DATE"], ROWS)
conflict("column_count_differs", "column_count_differs", 1136,
         ["SET SESSION binlog_format = STATEMENT", "INSERT INTO t VALUES (2, 'two')"],
         ["ALTER TABLE t ADD COLUMN c INT"], ROWS)
_MISMATCH = (
    ["SET SESSION binlog_format = STATEMENT", "CALL collide()"],
    ["DELETE FROM m WHERE id = 4"],
    ["CREATE TABLE m (id INT PRIMARY KEY, v INT) ENGINE = MyISAM", "INSERT INTO m VALUES (4, 4)",
     "CREATE PROCEDURE collide() BEGIN DECLARE CONTINUE HANDLER FOR 1062 BEGIN END;"
     " INSERT INTO m VALUES (3, 3), (4, 44); END"],
)
# With workers MySQL 5.6 keeps an error without a number to itself: only the coordinator's complaint is left.
_HIDDEN = (("mysql-5.6", (True, 4)), ("mysql-5.6", (False, 4)))
conflict("error_mismatch", "error_mismatch", {"": 0, "mysql-9.7": 13113}, *_MISMATCH, unlike=_HIDDEN)
conflict("error_hidden", "applier_error", 1756, *_MISMATCH, flavours=("mysql-5.6",), modes=((True, 4), (False, 4)))
conflict("foreign_key_failed", "foreign_key_failed", 1452, ["INSERT INTO child VALUES (1, 1)"],
         ["DELETE FROM t WHERE id = 1"],
         [*ROWS, "CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES t (id))"])
conflict("foreign_key_parent", "foreign_key_failed", 1451, ["DELETE FROM t WHERE id = 1"],
         ["INSERT INTO child VALUES (1, 1)"],
         [*ROWS, "CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES t (id))"])
conflict("routine_missing", "applier_error", 1305, ["DROP PROCEDURE p"], ["DROP PROCEDURE p"],
         ["CREATE PROCEDURE p() SELECT 1"])


# fmt: on


@breaks("partial_completion", errors={"": 1317, "mysql-9.7": 3001})
def partial_completion(stage: Stage) -> None:
    """A MyISAM statement is killed after its first row: at the second it sleeps."""
    stage.both("CREATE TABLE m (id INT PRIMARY KEY, v INT) ENGINE = MyISAM", "INSERT INTO m VALUES (1, 1), (2, 2)")
    victim = stage.holding(stage.source, "SET SESSION binlog_format = STATEMENT", "SET autocommit = 1")
    before = stage.source.gtid_position() if stage.gtid else ""
    number = stage.send(victim, _COM_QUERY, "UPDATE m SET v = v + 10 WHERE id = 1 OR SLEEP(60) = 1")
    stage.source.wait_until(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %d AND STATE = 'User sleep'" % number
    )
    stage.source.execute("KILL QUERY %d" % number)
    stage.applier_stopped()
    if stage.gtid:
        stage.failing = stage.given(before)


@breaks("lock_wait_exhausted", errors={"": 1205})
def lock_wait_exhausted(stage: Stage) -> None:
    """A local session holds the row longer than the applier may wait, and it may try once only."""
    stage.both(*ROWS)
    stage.stop("SQL_THREAD")
    stage.set_global(stage.replica, "innodb_lock_wait_timeout", "1")
    stage.set_global(stage.replica, "replica_transaction_retries", "0")
    stage.start("SQL_THREAD")
    stage.holding(stage.replica, "SET sql_log_bin = 0", "UPDATE t SET v = 'held' WHERE id = 1")
    stage.fails("UPDATE t SET v = 'new' WHERE id = 1")


@breaks("gtid_out_of_order", errors={"": 1950}, flavours=MARIADB)
def gtid_out_of_order(stage: Stage) -> None:
    """MariaDB's strict mode meets a number that a local write has taken."""
    stage.set_global(stage.replica, "gtid_strict_mode", "1")
    with stage.session(stage.replica) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE local_1 (id INT PRIMARY KEY)")
        cursor.execute("CREATE TABLE local_2 (id INT PRIMARY KEY)")
        cursor.execute("CREATE TABLE local_3 (id INT PRIMARY KEY)")
    stage.fails("CREATE TABLE t (id INT PRIMARY KEY)")


@breaks("applier_privilege_missing", errors={"": 1142}, flavours=("mysql-9.7",))
def applier_privilege_missing(stage: Stage) -> None:
    """The channel applies as an account that may write nothing."""
    stage.both(*ROWS)
    stage.replica.execute_unlogged(
        "CREATE USER 'applier'@'%' IDENTIFIED BY 'long-Secret-1'",
        "GRANT REPLICATION_APPLIER, SESSION_VARIABLES_ADMIN ON *.* TO 'applier'@'%'",
    )
    stage.stop()
    stage.replica.execute("CHANGE REPLICATION SOURCE TO PRIVILEGE_CHECKS_USER = 'applier'@'%'")
    stage.start()
    stage.fails("INSERT INTO t VALUES (2, 'two')")


@breaks("unknown_collation", errors={"": 1273})
def unknown_collation(stage: Stage) -> None:
    """The source has a collation of its own, as a newer server would."""
    folder = "/usr/share/mysql/charsets /usr/share/mariadb/charsets /usr/local/mysql/share/charsets"
    stage.source.exec(
        "for d in %s; do [ -f $d/Index.xml ] && [ ! -d /lab/charsets ] && cp -rL $d /lab/charsets; done;"
        ' sed -i \'s|</charsets>|<charset name="utf8mb4"><collation name="utf8mb4_lab_ci" id="1024">'
        "<rules><reset>a</reset><i>b</i></rules></collation></charset>&|' /lab/charsets/Index.xml;"
        " grep -c utf8mb4_lab_ci /lab/charsets/Index.xml" % folder
    )
    stage.source.restart(character_sets_dir="/lab/charsets")
    # Without its collation MySQL 5.6 would end at the table's removal.
    stage.later(lambda: stage.source.execute_unlogged("DROP TABLE IF EXISTS %s.t" % DB))
    stage.fails("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)) CHARACTER SET utf8mb4 COLLATE utf8mb4_lab_ci")


# On MySQL 5.6 and MariaDB the whole server ends when InnoDB finds no room.
@breaks("disk_full", name="disk_full_applier", errors={"": 3}, flavours=("mysql-9.7",))
def disk_full_applier(stage: Stage) -> None:
    """The replica's file system is full while a table must grow."""
    stage.both("CREATE TABLE b (id INT PRIMARY KEY AUTO_INCREMENT, v LONGBLOB)")
    stage.stop("SQL_THREAD")
    stage.on_source(*["INSERT INTO b (v) VALUES (REPEAT('x', 4000000))"] * 6)
    stage.received()
    stage.fill(stage.replica, keep_kib=9000)
    stage.start("SQL_THREAD")
    stage.applier_stopped()
