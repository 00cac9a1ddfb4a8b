# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of a receiver that does not get in."""

from __future__ import annotations

from .pages import scene
from .scenes_rows import SHOP
from .session import Session

_REFUSED = 2061


@scene("failures/receiver-cannot-connect", "mysql-9.7", seed=SHOP)
def receiver_cannot_connect(session: Session) -> None:
    session.part("break")
    session.lab.replica.stop_replica()
    session.sql("db2", "CHANGE REPLICATION SOURCE TO SOURCE_SSL = 0, GET_SOURCE_PUBLIC_KEY = 0", "START REPLICA")
    session.sql("db1", "INSERT INTO shop.orders VALUES (4, 'new')")
    session.settled()
    session.status("db2")
    session.say("It runs, as db1 remembers the account. Some weeks later db1 is started again.")
    session.lab.source.restart()
    session.sql("db1", "INSERT INTO shop.orders VALUES (5, 'new')")
    session.lab.replica.wait_until(
        lambda: (session.lab.replica.replica_status() or {})["Last_IO_Errno"] == _REFUSED,
        what="db1 to refuse the account",
    )
    session.status("db2")
    session.part("diagnose")
    session.play("diagnose")
    session.part("repair")
    session.play("repair", code=2)
    session.sql(
        "db2",
        "STOP REPLICA IO_THREAD",
        "CHANGE REPLICATION SOURCE TO GET_SOURCE_PUBLIC_KEY = 1",
        "START REPLICA IO_THREAD",
    )
    session.play("verify", verify_depth="full", verify_tables="shop.orders")
    session.equal()
