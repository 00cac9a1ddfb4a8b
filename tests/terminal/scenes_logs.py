# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of logs."""

from __future__ import annotations

from lab import faults

from .pages import scene
from .scenes_rows import SHOP
from .session import Session

WORK = (
    "INSERT INTO shop.orders VALUES (4, 'new')",
    "UPDATE shop.orders SET state = 'paid' WHERE id = 1",
    "DELETE FROM shop.orders WHERE id = 2",
)


@scene("failures/relay-log-damage", "mariadb-11.8", gtid=False, seed=SHOP)
def relay_log_damage(session: Session) -> None:
    session.part("break")
    session.say("The disk of db2 writes 40 bytes of the relay log wrongly, before these are applied:")
    faults.corrupt_relay_log(session.lab, lambda: session.sql("db1", *WORK))
    session.applier_stopped()
    session.status("db2")
    session.part("diagnose")
    session.play("diagnose")
    session.part("repair")
    session.play("repair")
    session.equal()


@scene("failures/purged-at-the-source", "mysql-9.7", seed=SHOP)
def purged_at_the_source(session: Session) -> None:
    def work() -> None:
        session.sql("db1", *WORK)
        session.keep_binlogs("db1")

    session.part("break")
    session.say("db2 is away for longer than db1 keeps its binlogs. A job copies each finished binlog to a directory.")
    faults.purge_needed(session.lab, work)
    session.receiver_stopped()
    session.status("db2")
    session.part("diagnose")
    session.play("repair", code=2)
    session.part("repair")
    session.play("repair", repair_binlog_archive=str(session.archive))
    session.equal()


@scene("failures/lost-tail-after-crash", "mysql-9.7", seed=SHOP)
def lost_tail_after_crash(session: Session) -> None:
    session.part("break")
    faults.lose_tail(session.lab, lambda: session.sql("db1", *WORK))
    session.say("db1, which runs with sync_binlog = 0, loses power and the end of its binlog; db2 has applied it.")
    session.lab.replica.stop_replica()
    session.lab.replica.start_replica()
    session.receiver_stopped()
    session.status("db2")
    for name in ("db1", "db2"):
        session.rows(name, "SELECT @@GLOBAL.gtid_executed")
    session.part("diagnose")
    session.play("repair", code=2)
    session.part("repair")
    session.play("repair", repair_winner="replica", repair_allow_source_write="true")
    for name in ("db1", "db2"):
        session.rows(name, "SELECT * FROM shop.orders")
    session.equal()
