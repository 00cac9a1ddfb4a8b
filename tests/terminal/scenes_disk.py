# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of a full disk."""

from __future__ import annotations

from lab import faults

from .pages import scene
from .scenes_rows import SHOP, WORKER
from .session import Session

FILES = (*SHOP, "CREATE TABLE shop.files (id INT PRIMARY KEY, content MEDIUMBLOB NOT NULL)")
# Longer than what a relay log may still take of a page that is there already.
_UPLOAD = "INSERT INTO shop.files VALUES (%d, REPEAT('x', 8000000))"
STATUS = ("Replica_IO_State", "Replica_IO_Running", "Last_IO_Errno", "Replica_SQL_Running", "Last_SQL_Errno")


@scene("failures/full-disk", "mysql-9.7", seed=FILES, disk_size="400m")
def full_disk(session: Session) -> None:
    replica = session.lab.replica
    session.part("break")
    session.say("A backup on db2 leaves no room on its disk.")
    faults.fill_disk(replica)
    session.sql("db1", _UPLOAD % 1)
    replica.wait_until(
        lambda: (replica.replica_status() or {})["Replica_IO_State"] == "Waiting for disk space",
        what="the receiver to wait for room",
    )
    session.status("db2", *STATUS)
    session.part("diagnose")
    session.play("diagnose")
    session.part("waits")
    session.play("repair", code=2)
    session.say("The backup is removed. Within a minute the receiver goes on by itself.")
    faults.free_disk(replica)
    replica.wait_until("SELECT COUNT(*) FROM shop.files", 90, "the receiver to go on")
    session.settled()
    session.part("stops")
    replica.stop_replica("SQL_THREAD")
    session.lab.source.execute(_UPLOAD % 2)
    _file, end = session.lab.source.coordinates()
    replica.wait_until(
        lambda: (replica.replica_status() or {})["Read_Source_Log_Pos"] == end, what="all of it to be read"
    )
    faults.fill_disk(replica)
    replica.start_replica("SQL_THREAD")
    session.applier_stopped()
    session.rows("db2", WORKER)
    session.play("diagnose")
    faults.free_disk(replica)
    session.part("repair")
    session.play("repair")
    session.equal()
