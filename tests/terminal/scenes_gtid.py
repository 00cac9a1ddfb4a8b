# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of gtid."""

from __future__ import annotations

from .pages import scene
from .scenes_rows import SHOP
from .session import Session

SETS = "SELECT @@GLOBAL.gtid_executed"


@scene("failures/gtid-holes-and-errant", "mysql-9.7", seed=SHOP)
def gtid_holes_and_errant(session: Session) -> None:
    session.part("hole")
    session.sql("db2", "SET SESSION sql_log_bin = 0", "INSERT INTO shop.orders VALUES (4, 'test')")
    session.sql("db1", "INSERT INTO shop.orders VALUES (4, 'new')")
    session.applier_stopped()
    session.say("Somebody removes the row that is in the way, and goes on behind the transaction that failed.")
    file, position = session.lab.source.coordinates()
    session.sql(
        "db2",
        "SET SESSION sql_log_bin = 0",
        "DELETE FROM shop.orders WHERE id = 4",
        "STOP REPLICA",
        "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 0, SOURCE_LOG_FILE = '%s', SOURCE_LOG_POS = %d"
        % (file, position),
        "START REPLICA",
    )
    session.sql("db1", "INSERT INTO shop.orders VALUES (5, 'new')")
    session.lab.replica.wait_until("SELECT COUNT(*) FROM shop.orders WHERE id = 5")
    session.passed()
    session.rows("db2", SETS)
    session.play("diagnose")
    session.part("fill")
    session.play("repair")
    session.rows("db2", SETS)
    session.equal()
    session.settled()
    session.part("errant")
    session.sql("db2", "INSERT INTO shop.orders VALUES (100, 'test')")
    session.rows("db2", SETS)
    session.play("repair", code=2)
    session.part("undo")
    session.play("repair", repair_winner="source", repair_allow_source_write="true")
    session.rows("db2", SETS)
    session.equal()


@scene("failures/two-primaries", "mysql-9.7", topology="ring", seed=SHOP)
def two_primaries(session: Session) -> None:
    session.part("break")
    session.say("The link between the two is down for a minute, and both are written to.")
    for server in session.lab.servers:
        server.stop_replica()
    session.sql("db1", "INSERT INTO shop.orders VALUES (4, 'from one')")
    session.sql("db2", "INSERT INTO shop.orders VALUES (4, 'from two')", "INSERT INTO shop.orders VALUES (5, 'new')")
    for server in session.lab.servers:
        server.start_replica()
    for name in ("db1", "db2"):
        session.applier_stopped(name)
        session.rows(name, SETS)
    session.part("diagnose")
    session.play("gtid", "db2", code=2)
    session.part("repair")
    session.play("gtid", "db2", repair_winner="source", repair_allow_source_write="true")
    session.rows("db1", "SELECT * FROM shop.orders WHERE id > 3")
    session.rows("db2", "SELECT * FROM shop.orders WHERE id > 3")
    session.equal()
