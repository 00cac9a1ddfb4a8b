# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks of GTID sets and positions: gaps, holes, local writes."""

from __future__ import annotations

import re

import pymysql

from .breaks import GTID_MODES, MARIADB, MYSQL, ROWS, Ask, breaks
from .stage import DB, Stage


def _local_write(stage: Stage) -> None:
    """Somebody writes on the replica and the write enters its binlog."""
    stage.both(*ROWS)
    with stage.session(stage.replica) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE local_1 (id INT PRIMARY KEY)")


@breaks("errant", modes=GTID_MODES)
def errant(stage: Stage) -> None:
    """A local write."""
    _local_write(stage)


@breaks("allowed_local", flavours=MYSQL, modes=GTID_MODES, verdict="healthy", ask=Ask(allowed=("{replica}",)))
def allowed_local(stage: Stage) -> None:
    """A local write that the caller says is intended."""
    _local_write(stage)


@breaks("errant", name="errant_tagged", flavours=("mysql-9.7",), modes=GTID_MODES)
def errant_tagged(stage: Stage) -> None:
    """A local write with a tag."""
    stage.both(*ROWS)
    with stage.session(stage.replica) as connection, connection.cursor() as cursor:
        cursor.execute("SET gtid_next = 'AUTOMATIC:app'")
        cursor.execute("CREATE TABLE local_1 (id INT PRIMARY KEY)")


@breaks("gtid_diverged", errors={"": 1236}, flavours=MARIADB, modes=GTID_MODES)
def gtid_diverged(stage: Stage) -> None:
    """A replica that asks by its current position asks for its own write."""
    stage.both(*ROWS)
    stage.stop()
    stage.change(MASTER_USE_GTID="current_pos")
    with stage.session(stage.replica) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE local_1 (id INT PRIMARY KEY)")
    stage.on_source("INSERT INTO t VALUES (2, 'two')", "INSERT INTO t VALUES (3, 'three')")
    stage.start()
    stage.receiver_error()


@breaks("replica_ahead", name="position_ahead", errors={"": 1236}, flavours=MARIADB, modes=GTID_MODES)
def position_ahead(stage: Stage) -> None:
    """gtid_slave_pos names a transaction that the source has not written yet."""
    stage.both(*ROWS)
    stage.stop()
    stage.replica.execute("SET GLOBAL gtid_slave_pos = '0-1-500'")
    stage.start()
    stage.receiver_error()


@breaks("gtid_hole", flavours=MYSQL, modes=GTID_MODES)
def gtid_hole(stage: Stage) -> None:
    """A failed transaction is passed by going to a later position."""
    stage.both(*ROWS)
    stage.on_replica("INSERT INTO t VALUES (2, 'local')")
    stage.fails("INSERT INTO t VALUES (2, 'source')")
    file, position = stage.source.coordinates()
    stage.stop()
    elsewhere = {"SOURCE_AUTO_POSITION": 0, "SOURCE_LOG_FILE": file, "SOURCE_LOG_POS": position}
    try:
        stage.change(**elsewhere)
    except pymysql.MySQLError as error:
        # MySQL 5.6 sees a gap when parallel appliers stopped before they noted how far they were.
        if error.args[0] != 1802 or stage.new_words:
            raise
        _close_gaps(stage)
        stage.change(**elsewhere)
    stage.start()
    stage.running()
    last = stage.on_source("INSERT INTO t VALUES (3, 'three')")
    stage.replica.wait_until("SELECT GTID_SUBSET('%s', @@GLOBAL.gtid_executed)" % last)
    stage.at_rest()


@breaks("binlog_incomplete", flavours=("mysql-9.7",), modes=GTID_MODES, verdict="healthy")
def binlog_incomplete(stage: Stage) -> None:
    """Transactions are added to gtid_purged although the binlog has one before them."""
    stage.both(*ROWS)
    other = str(stage.source.value("SELECT UUID()"))
    _empty(stage, "%s:1" % other)
    stage.replica.wait_until("SELECT GTID_SUBSET('%s:1', @@GLOBAL.gtid_executed)" % other)
    stage.stop()
    _empty(stage, *("%s:%d" % (other, number) for number in range(2, 6)))
    stage.replica.execute("SET GLOBAL gtid_purged = '+%s:2-5'" % other)
    stage.start()
    stage.at_rest()


def _empty(stage: Stage, *gtids: str) -> None:
    with stage.session(stage.source) as connection, connection.cursor() as cursor:
        for gtid in gtids:
            for statement in ("SET gtid_next = '%s'" % gtid, "BEGIN", "COMMIT"):
                cursor.execute(statement)
        cursor.execute("SET gtid_next = 'AUTOMATIC'")


def _held_row(stage: Stage) -> None:
    """One of four workers waits for a row that a session holds; the others have gone on."""
    names = ["%s_%d" % (DB, number) for number in range(4)]
    stage.both(
        *["CREATE DATABASE %s" % name for name in names],
        *["CREATE TABLE %s.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)" % name for name in names],
        *["INSERT INTO %s.t VALUES (1, 1)" % name for name in names],
    )
    stage.stop()
    if stage.new_words:
        stage.set_global(stage.replica, "replica_preserve_commit_order", "OFF")
    else:
        # MySQL 5.6 keeps the workers' positions in files unless it is told otherwise, out of everybody's sight.
        stage.set_global(stage.replica, "relay_log_info_repository", "'TABLE'")
    stage.set_global(stage.replica, "innodb_lock_wait_timeout", "3" if stage.notes.get("fail") else "40")
    stage.set_global(stage.replica, "replica_transaction_retries", "0")
    stage.start()
    stage.running()
    # A coordinator that has seen no transaction finish yet does not know what it may hand out beside the first.
    stage.both("INSERT INTO %s.t VALUES (9, 9)" % names[1])
    stage.notes["keeper"] = stage.holding(
        stage.replica, "SET sql_log_bin = 0", "UPDATE %s.t SET v = -1 WHERE id = 1" % names[0]
    )
    given = stage.together(*["UPDATE %s.t SET v = 2 WHERE id = 1" % name for name in names])
    stage.failing = re.sub(r"(:\d+)-\d+$", r"\1", given)
    stage.replica.wait_until(
        "SELECT MIN(v) > 1 FROM (%s) AS rows_there"
        % " UNION ALL ".join("SELECT v FROM %s.t WHERE id = 1" % name for name in names[1:]),
        what="the other workers",
    )


@breaks("gtid_gap", flavours=MYSQL, modes=((True, 4),), verdict="blocked")
def gtid_gap(stage: Stage) -> None:
    """Later transactions are applied while an earlier one waits for a lock."""
    _held_row(stage)


@breaks("position_gap", flavours=MYSQL, modes=((False, 4),), verdict="broken")
def position_gap(stage: Stage) -> None:
    """The same without GTIDs, and the waiting worker gives up."""
    stage.notes["fail"] = True
    if not stage.new_words:
        stage.later(lambda: _close_gaps(stage))
    _held_row(stage)
    stage.applier_error()


def _close_gaps(stage: Stage) -> None:
    """MySQL 5.6 takes no CHANGE MASTER before (1802), not even after RESET SLAVE ALL."""
    stage.start("SQL_THREAD UNTIL SQL_AFTER_MTS_GAPS")
    stage.applier_stopped()
