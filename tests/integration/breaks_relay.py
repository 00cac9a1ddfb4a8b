# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks of relay logs and binlogs as files: damaged, deleted, purged, lost at their end."""

from __future__ import annotations

from lab import faults

from .breaks import GTID_MODES, MARIADB, MYSQL, POSITION_MODES, ROWS, Ask, breaks
from .stage import Stage


def _fetched_only(stage: Stage) -> None:
    """Three transactions are in the relay log and are not applied; the applier is stopped."""
    stage.both(*ROWS)
    stage.stop("SQL_THREAD")
    stage.on_source(
        "INSERT INTO t VALUES (11, REPEAT('a', 20))",
        "INSERT INTO t VALUES (12, REPEAT('b', 20))",
        "INSERT INTO t VALUES (13, REPEAT('c', 20))",
    )
    stage.received()


def _spoil(where: str, text: str) -> str:
    """A command that overwrites what follows the text in a file."""
    return 'f=%s; at=$(grep -abo %s $f | tail -1 | cut -d: -f1); [ -n "$at" ] || exit 9;' % (where, text) + (
        " head -c 40 /dev/zero | tr '\\0' '\\377' | dd of=$f bs=1 seek=$((at - 20)) conv=notrunc 2> /dev/null"
    )


@breaks("relay_log_unreadable", errors={"": 1594, "mysql-9.7": 13121})
def relay_log_unreadable(stage: Stage) -> None:
    """Forty bytes of the relay log are overwritten where the applier is to read next."""
    _fetched_only(stage)
    stage.replica.exec(_spoil("$(ls /lab/data/relay.0* | tail -1)", "bbbbbbbbbbbbbbbbbbbb"))
    stage.start("SQL_THREAD")
    stage.applier_error()


def _delete_relay_logs(stage: Stage) -> None:
    _fetched_only(stage)
    stage.stop()
    stage.replica.stop()
    stage.replica.exec("rm -f /lab/data/relay.0*")
    stage.replica.start()
    stage.start(refused=True)


@breaks("relay_log_missing", errors={"mysql-5.6": 1872, "mysql-9.7": 13124}, flavours=MYSQL)
def relay_log_missing(stage: Stage) -> None:
    """The relay log files are deleted while the server is down."""
    _delete_relay_logs(stage)
    stage.applier_error()


@breaks("relay_log_missing", flavours=MARIADB)
def relay_log_missing_silent(stage: Stage) -> None:
    """The same on MariaDB, whose status shows two stopped threads and no error at all."""
    _delete_relay_logs(stage)


@breaks("stopped_applier")
def stopped_by_restart(stage: Stage) -> None:
    """The server was started anew and the channel was not; its relay logs are whole."""
    _fetched_only(stage)
    stage.replica.restart()


@breaks("applier_stalled", flavours=("mysql-9.7",), ask=Ask(samples=2))
def applier_stalled(stage: Stage) -> None:
    """After the failed start, a restart with relay_log_recovery: both threads run and nothing is applied."""
    _delete_relay_logs(stage)
    stage.replica.restart(relay_log_recovery=1)
    stage.start()
    stage.running()
    stage.on_source("INSERT INTO t VALUES (14, 'd')")
    stage.received()


def _purge(stage: Stage, rotate: bool = True) -> None:
    if rotate:
        stage.rotate()
    if stage.source.query("SHOW VARIABLES LIKE 'slave_connections_needed_for_purge'"):
        stage.set_global(stage.source, "slave_connections_needed_for_purge", "0")
    stage.source.wait_until(lambda: not stage.source.dump_threads(), what="the dump threads to end")
    faults.purge_binlogs(stage.source, flush=False)


@breaks("purged_on_source", errors={"": 1236, "mysql-9.7": 13114})
def purged_on_source(stage: Stage) -> None:
    """The source purges its binlogs while the replica is away."""
    stage.both(*ROWS)
    stage.stop()
    stage.end_dumps()
    stage.on_source("INSERT INTO t VALUES (2, 'two')")
    _purge(stage)
    stage.start()
    stage.receiver_error()


@breaks("will_be_purged", verdict="stopped", flavours=MYSQL, modes=GTID_MODES)
def will_be_purged(stage: Stage) -> None:
    """The source purges what the replica has fetched and not applied."""
    _fetched_only(stage)
    stage.stop("IO_THREAD")
    stage.end_dumps()
    _purge(stage)


@breaks("will_be_purged", name="will_be_purged_position", verdict="stopped", modes=POSITION_MODES)
def will_be_purged_position(stage: Stage) -> None:
    """The same in position mode, with the receiver already in the newer file."""
    _fetched_only(stage)
    stage.rotate()
    stage.received()
    stage.stop("IO_THREAD")
    stage.end_dumps()
    _purge(stage, rotate=False)


def _lose_tail(stage: Stage) -> None:
    """The source forgets its last three transactions, which the replica has applied."""
    stage.both(*ROWS)
    stage.stop()
    stage.source.stop()
    stage.source.save()
    stage.source.start()
    stage.start()
    stage.running()
    stage.both(*["INSERT INTO t VALUES (%d, 'lost')" % number for number in (21, 22, 23)])
    stage.source.kill()
    stage.source.restore()
    stage.source.start()
    stage.stop()
    stage.start()


@breaks("replica_ahead", errors={"": 1236, "mysql-9.7": 13114}, modes=GTID_MODES)
def replica_ahead(stage: Stage) -> None:
    """A crash makes the source lose the end of its binlog, which the replica has applied already."""
    _lose_tail(stage)
    stage.receiver_error()


@breaks("lost_tail", flavours=MYSQL, modes=GTID_MODES)
def lost_tail(stage: Stage) -> None:
    """The same as the GTID sets show it, before the receiver is started again."""
    _lose_tail(stage)
    stage.receiver_error()
    stage.stop()


@breaks("position_beyond_source", errors={"": 1236, "mysql-9.7": 13114}, verdict="broken", modes=POSITION_MODES)
def position_beyond_source(stage: Stage) -> None:
    """The replica asks for a position behind the end of the source's last binlog, which has lost nothing."""
    stage.both(*ROWS)
    stage.stop()
    file, position = stage.source.coordinates()
    stage.change(SOURCE_LOG_FILE=file, SOURCE_LOG_POS=position + 5000)
    stage.start()
    stage.receiver_error()


@breaks("source_binlog_unreadable", errors={"": 1236, "mysql-9.7": 13114})
def source_binlog_unreadable(stage: Stage) -> None:
    """The source's own binlog is damaged, and the source looks at the checksums of what it sends."""
    stage.set_global(stage.source, "source_verify_checksum", "ON")
    _damaged_source(stage)


@breaks("relay_log_write_failed", errors={"": 1595, "mysql-9.7": 13122})
def relay_log_write_failed(stage: Stage) -> None:
    """The source's own binlog is damaged, which only the receiver notices."""
    _damaged_source(stage)


def _damaged_source(stage: Stage) -> None:
    stage.both(*ROWS)
    stage.stop()
    stage.end_dumps()
    stage.on_source("INSERT INTO t VALUES (2, REPEAT('a', 20))", "INSERT INTO t VALUES (3, REPEAT('b', 20))")
    stage.rotate()
    stage.source.exec(_spoil("/lab/data/binlog.000001", "aaaaaaaaaaaaaaaaaaaa"))
    stage.start("IO_THREAD")
    stage.receiver_error()


# On MySQL 5.6 and MariaDB even SHOW SLAVE STATUS waits then, until there is room again.
@breaks("disk_full", name="disk_full_receiver", flavours=("mysql-9.7",), modes=GTID_MODES)
def disk_full_receiver(stage: Stage) -> None:
    """The replica's file system is full while the relay log must grow."""
    stage.both("CREATE TABLE b (id INT PRIMARY KEY AUTO_INCREMENT, v MEDIUMBLOB)")
    stage.stop("SQL_THREAD")
    stage.fill(stage.replica, keep_kib=200)
    stage.on_source(*["INSERT INTO b (v) VALUES (REPEAT('x', 500000))"] * 4)
    stage.replica.wait_until(
        lambda: stage.status()["Replica_IO_State"] == "Waiting for disk space", what="the receiver to wait for room"
    )
