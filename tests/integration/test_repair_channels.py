# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two channels or connections of which one breaks: `repair` mends that one, and the other one never notices."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Dict, List, Set

import pymysql
import pytest
from integration.conftest import SEED, Pair
from integration.playbook import Run
from integration.rehearsal import rehearsed
from integration.test_repair import play, result
from lab.server import Server
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
MOVING = ("Seconds", "State", "Connect_Time", "Timestamp", "heartbeats", "Heartbeat", "_time", "Relay_Log_Space")


class Channels(Pair):
    """A replica of two sources; what tests of pairs call the source is that of the channel that breaks."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.flavour_name, self.mode = lab, lab.flavour.name, "gtid" if lab.gtid else "position"
        self.other.execute("CREATE DATABASE elsewhere", "CREATE TABLE elsewhere.t (id INT PRIMARY KEY)",
                           "INSERT INTO elsewhere.t VALUES (1)")  # fmt: skip
        lab.wait_in_sync()
        self.threads = self._threads()

    @property
    def other(self) -> Server:
        """The source of the channel that is well."""
        return self.lab.servers[self.lab.links[1].source]

    def _threads(self) -> Set[int]:
        """The threads of the channel that is well, found while the others stand still."""
        name = self.lab.links[0].channel
        self.replica.stop_replica(channel=name)
        found = self.appliers()
        self.replica.start_replica(channel=name)
        assert found
        return found

    def appliers(self) -> Set[int]:
        """The numbers of all threads of replication."""
        rows = self.replica.query("SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = 'system user'")
        return {int(row["id"]) for row in rows}

    def well_one(self) -> Dict[str, Any]:
        """The channel that is well: its settings, coordinates and rows."""
        row = self.lab.status(self.lab.links[1])
        # What counts for all channels is shown with each; the applied point of a running one with a delay.
        moving = (
            *MOVING,
            "Exec_",
            "Relay_Log_Pos",
            "Gtid_Slave_Pos",
            "Executed_Gtid_Set",
            "Slave_Transactional",
            "Slave_DDL",
            "Slave_Non",
        )
        return {
            "status": {name: value for name, value in row.items() if not any(part in name for part in moving)},
            "rows": self.replica.query("SELECT * FROM elsewhere.t ORDER BY id"),
        }

    def everything(self) -> List[Any]:
        """What a run which writes nothing must leave as it is."""
        still = []
        for link in self.lab.links:
            row = self.lab.status(link)
            # The points of a running channel are shown with a delay.
            moving = (*MOVING, "Exec_", "Relay_Log_Pos") if row[self.words.sql_running] == "Yes" else MOVING
            still.append({name: value for name, value in row.items() if not any(part in name for part in moving)})
        return [still, self.replica.coordinates(), self.replica.gtid_position(), sorted(self.appliers())]


def row_conflict(pair: Channels) -> None:
    pair.replica.execute_unlogged("INSERT INTO shop.t (id, v) VALUES (60, 'local')")
    pair.source.execute("INSERT INTO shop.t (id, v) VALUES (60, 'source')")


def definition(pair: Channels) -> None:
    statement = "ALTER TABLE shop.t ADD COLUMN more INT"
    pair.replica.execute_unlogged(statement)
    pair.source.execute(statement)


def mismatch(pair: Channels) -> None:
    pair.source.execute(
        "CREATE TABLE shop.m (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE = MyISAM",
        "INSERT INTO shop.m VALUES (4, 'old')",
    )
    pair.lab.wait_in_sync()
    pair.replica.execute_unlogged("DELETE FROM shop.m WHERE id = 4")
    with pair.source.connect("root") as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION binlog_format = STATEMENT")
        with contextlib.suppress(pymysql.MySQLError):
            cursor.execute("INSERT INTO shop.m VALUES (3, 'n'), (4, 'n'), (5, 'n')")


BREAKS = {
    "mismatch": (mismatch, "pass_mismatch"),
    "row": (row_conflict, "heal_failing"),
    "definition": (definition, "skip_present"),
}


@pytest.mark.parametrize("mode", ["gtid", "position"] if FULL else ["gtid"])
def test_only_the_channel_that_broke_is_touched(flavour: str, mode: str, tmp_path: Path) -> None:
    if flavour == "mysql-5.6":
        pytest.skip("MySQL 5.6 has one channel only")
    with Lab(flavour, "multi", gtid=mode == "gtid", seed=SEED) as lab:
        pair = Channels(lab)
        words, link = lab.flavour.words, lab.links[0]
        for name in BREAKS if FULL else ["mismatch"]:
            make, remedy = BREAKS[name]
            make(pair)
            lab.replica.wait_until(lambda: lab.status(link)[words.sql_running] == "No", what="the applier to stop")
            before = pair.well_one()

            def run(*more: str) -> Run:
                return play(pair, "repair", tmp_path, *more)

            done = rehearsed(run, pair.everything, tmp_path)[1] if FULL else run()
            ended = result(done)
            assert done.code == 0, (ended["line"], ended["applied"])
            assert set(ended["applied"]) == {remedy} and ended["proof"] == "rows_proven", ended
            assert {step["channel"] for step in ended["steps"]} == {link.channel}
            assert pair.well_one() == before
            assert pair.threads <= pair.appliers(), "a thread of the other channel was stopped"
            pair.other.execute("INSERT INTO elsewhere.t SELECT MAX(id) + 1 FROM elsewhere.t")
            lab.wait_in_sync()
            for table in ("shop.t", "elsewhere.t", *(["shop.m"] if name == "mismatch" else [])):
                source = pair.other if table.startswith("elsewhere") else lab.source
                select = "SELECT * FROM %s ORDER BY 1" % table
                assert lab.replica.query(select) == source.query(select), table
