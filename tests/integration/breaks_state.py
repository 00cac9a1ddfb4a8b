# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""States that are no error: stopped, delayed, blocked, busy or behind, and settings that explain missing rows."""

from __future__ import annotations

from .breaks import MARIADB, MYSQL, POSITION_MODES, ROWS, Ask, breaks
from .stage import DB, Stage

_SLOW = "UPDATE t SET v = IF(@@hostname = 'replica' AND SLEEP(20), 'slow', 'slow') WHERE id = 1"


@breaks("stopped_applier")
def stopped_applier(stage: Stage) -> None:
    """Somebody stopped the applier."""
    stage.both(*ROWS)
    stage.stop("SQL_THREAD")


@breaks("stopped_receiver")
def stopped_receiver(stage: Stage) -> None:
    """Somebody stopped the receiver."""
    stage.both(*ROWS)
    stage.stop("IO_THREAD")


@breaks("stopped_at_until")
def stopped_at_until(stage: Stage) -> None:
    """The applier was started until a point and has reached it."""
    stage.both(*ROWS)
    stage.stop("SQL_THREAD")
    stage.on_source("INSERT INTO t VALUES (2, 'two')")
    file, position = stage.source.coordinates()
    stage.on_source("INSERT INTO t VALUES (3, 'three')")
    stage.received()
    word = stage.words.prefix
    stage.start("SQL_THREAD UNTIL %s_LOG_FILE = '%s', %s_LOG_POS = %d" % (word, file, word, position))
    stage.applier_stopped()


@breaks("delayed", verdict="healthy")
def delayed(stage: Stage) -> None:
    """A channel that applies an hour later, with something to apply."""
    stage.both(*ROWS)
    stage.stop()
    stage.change(SOURCE_DELAY=3600)
    stage.start()
    stage.running()
    stage.on_source("INSERT INTO t VALUES (2, 'two')")
    stage.received()
    stage.applier_state("Waiting until (MASTER|SOURCE)_DELAY")


@breaks("applier_blocked")
def blocked_by_metadata(stage: Stage) -> None:
    """An ALTER waits behind a reader."""
    stage.both(*ROWS)
    stage.holding(stage.replica, "SELECT * FROM t")
    stage.on_source("ALTER TABLE t ADD COLUMN c INT")
    stage.applier_state("Waiting for table metadata lock")


@breaks("applier_blocked")
def blocked_by_row(stage: Stage) -> None:
    """An UPDATE waits for a row that a local transaction holds."""
    stage.both(*ROWS)
    stage.holding(stage.replica, "SET sql_log_bin = 0", "UPDATE t SET v = 'held' WHERE id = 1")
    stage.on_source("UPDATE t SET v = 'new' WHERE id = 1")
    stage.row_lock_wait()


@breaks("applier_blocked")
def blocked_by_global_lock(stage: Stage) -> None:
    """A backup holds the global read lock."""
    stage.both(*ROWS)
    stage.holding(stage.replica, "FLUSH TABLES WITH READ LOCK")
    stage.on_source("INSERT INTO t VALUES (2, 'two')")
    stage.applier_state("Waiting for (global read|commit|backup) lock|waiting for handler commit")


@breaks("applier_busy")
def applier_busy(stage: Stage) -> None:
    """A statement that takes long on the replica alone."""
    stage.both(*ROWS)
    stage.on_source("SET SESSION binlog_format = STATEMENT", _SLOW)
    stage.applier_state("User sleep")


# MySQL 5.6 and MariaDB do not tell which tables an applier has open.
@breaks("missing_primary_key", verdict="blocked", flavours=("mysql-9.7",))
def missing_primary_key(stage: Stage) -> None:
    """Row changes of a table without a key, held up by a local session at its last row."""
    stage.both("CREATE TABLE n (a INT, b INT)", "INSERT INTO n VALUES (1, 0), (2, 0), (3, 0)")
    stage.holding(
        stage.replica,
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SELECT * FROM n WHERE a = 3 FOR UPDATE",
    )
    stage.on_source("UPDATE n SET b = b + 1")
    stage.row_lock_wait()


@breaks("behind", passing=True, instead=("applier_busy",), flavours=MYSQL)
def behind(stage: Stage) -> None:
    """A backlog of small transactions."""
    stage.both(*ROWS)
    stage.stop("SQL_THREAD")
    stage.on_source(*["INSERT INTO t VALUES (%d, 'b')" % number for number in range(100, 3100)])
    stage.received()
    stage.start("SQL_THREAD")


@breaks("behind", name="behind_half", verdict="broken", flavours=MARIADB)
def behind_half(stage: Stage) -> None:
    """Half a transaction: its row is too large for the receiver, so the applier waits for the rest."""
    stage.both("CREATE TABLE b (id INT PRIMARY KEY, v MEDIUMBLOB)")
    stage.stop()
    stage.set_global(stage.replica, "replica_max_allowed_packet", "1048576")
    stage.start()
    stage.on_source("INSERT INTO b VALUES (1, REPEAT('x', 1400000))")
    stage.receiver_error()


@breaks("filters", verdict="healthy")
def filters(stage: Stage) -> None:
    """A database is left out."""
    stage.both(*ROWS)
    if stage.new_words:
        stage.stop("SQL_THREAD")
        stage.replica.execute("CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = (%s_other)" % DB)
        stage.later(lambda: stage.replica.execute("CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = ()"))
        stage.later(lambda: stage.stop("SQL_THREAD"))
        stage.start("SQL_THREAD")
    elif stage.mariadb:
        stage.stop()
        stage.set_global(stage.replica, "replicate_ignore_db", "'%s_other'" % DB)
        stage.start()
    else:
        stage.replica.restart(replicate_ignore_db=DB + "_other")
        stage.start()
    stage.running()


@breaks("skip_settings", verdict="healthy")
def skip_settings(stage: Stage) -> None:
    """Errors are skipped by an option."""
    stage.both(*ROWS)
    stage.replica.restart(replica_skip_errors="1062")
    stage.start()
    stage.running()


@breaks("skip_pending", verdict="stopped", flavours=("mysql-9.7", "mysql-5.6"), modes=POSITION_MODES)
def skip_pending(stage: Stage) -> None:
    """A skip counter is set and waits."""
    stage.both(*ROWS)
    stage.stop()
    stage.set_global(stage.replica, "sql_replica_skip_counter", "1")


@breaks("skip_pending", name="skip_pending_gtid", verdict="stopped", flavours=MARIADB)
def skip_pending_gtid(stage: Stage) -> None:
    """The same on MariaDB, where a skip counter works with GTIDs too."""
    skip_pending(stage)


@breaks("idempotent", verdict="healthy")
def idempotent(stage: Stage) -> None:
    """The applier passes over missing and duplicate rows."""
    stage.both(*ROWS)
    stage.set_global(stage.replica, "replica_exec_mode", "IDEMPOTENT")


@breaks("unreadable", verdict="healthy", ask=Ask(user="clerk"))
def unreadable(stage: Stage) -> None:
    """An account that may see the status and little else."""
    stage.both(*ROWS)
    right = "SLAVE MONITOR" if stage.mariadb else "REPLICATION CLIENT"
    stage.both("CREATE USER 'clerk'@'%' IDENTIFIED BY 'long-Secret-1'", "GRANT %s ON *.* TO 'clerk'@'%%'" % right)


@breaks("not_a_replica", ask=Ask(at="source", source=False))
def not_a_replica(stage: Stage) -> None:
    """The source itself is looked at."""
    stage.both(*ROWS)


@breaks("cluster_member", flavours=("mysql-9.7",), modes=((True, 4), (True, 1)), verdict="stopped")
def cluster_member(stage: Stage) -> None:
    """The replica is the only member of a replication group."""
    stage.both(*ROWS)
    stage.stop()
    # A member that leaves its group stays read-only.
    stage.later(lambda: stage.replica.execute("SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"))
    stage.replica.execute("INSTALL PLUGIN group_replication SONAME 'group_replication.so'")
    stage.later(lambda: stage.replica.execute("UNINSTALL PLUGIN group_replication"))
    stage.later(lambda: stage.replica.execute("STOP GROUP_REPLICATION"))
    stage.replica.execute(
        "SET GLOBAL group_replication_group_name = 'aaaaaaaa-1111-2222-3333-444444444444'",
        "SET GLOBAL group_replication_local_address = '%s:33061'" % stage.replica.host,
        "SET GLOBAL group_replication_group_seeds = '%s:33061'" % stage.replica.host,
        "SET GLOBAL group_replication_ip_allowlist = '%s/28'" % stage.replica.host,
        "SET GLOBAL group_replication_bootstrap_group = ON",
        "START GROUP_REPLICATION USER = 'repl', PASSWORD = 'repl-secret-7d40'",
        "SET GLOBAL group_replication_bootstrap_group = OFF",
    )
