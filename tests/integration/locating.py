# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a replica's data to a known point of the source's history, and judges what is said of it."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from lab.topology import Lab

from .locate_history import Coordinates


def apply_until(lab: Lab, end: Coordinates) -> None:
    """Let the stopped replica apply up to a point, and stop it there."""
    words, replica, link = lab.flavour.words, lab.replica, lab.links[0]
    if end == lab.source.coordinates():  # without a next event the older servers do not stop
        replica.start_replica()
        lab.wait_in_sync()
    else:
        until = "UNTIL %s_LOG_FILE = '%s', %s_LOG_POS = %d" % (words.prefix, end[0], words.prefix, end[1])
        replica.start_replica(until)
        replica.wait_until(lambda: str(lab.status(link)[words.sql_running]) == "No", 60, "the applier to stop")
        row = lab.status(link)
        assert not row[words.sql_error], row[words.sql_error]
    replica.stop_replica()


def stopped(lab: Lab) -> Coordinates:
    """Stop the replica where it is in sync; the source's position."""
    lab.wait_in_sync()
    lab.replica.stop_replica()
    return lab.source.coordinates()


def go_on(lab: Lab, at: Coordinates) -> None:
    """Point the replica at a position, start it and let it apply everything."""
    lab.configure(lab.links[0], at)
    lab.replica.start_replica()
    lab.wait_in_sync()


def position(found: Dict[str, Any]) -> Tuple[str, int]:
    """Coordinates in a result."""
    return str(found["file"]), int(found["position"])


def checked(result: Dict[str, Any], true: Coordinates) -> str:
    """Whether the answer does no harm; its kind."""
    assert not result["failed"], result["msg"]
    if result["kind"] == "boundary":
        assert position(result["coordinates"]) == true, result["msg"]
    elif result["kind"] == "range":
        first, last = position(result["range"]["first"]), position(result["range"]["last"])
        assert first <= true <= last, result["msg"]
    else:
        assert result["kind"] == "undecided", result["msg"]
    return str(result["kind"])


def true_position(lab: Lab) -> Coordinates:
    """Where the stopped replica has applied up to, by its own account."""
    words, row = lab.flavour.words, lab.status(lab.links[0])
    return str(row[words.applied_file]), int(row[words.applied_pos])


# One of each kind of statement, the tenth being the last that is applied; the same as a person would try.
SEQUENCE = (
    "INSERT INTO d.t1 VALUES (3, 3, 'c'), (4, 4, 'd')",
    "CREATE TABLE d.t2 (id INT PRIMARY KEY, x INT) ENGINE=InnoDB",
    "INSERT INTO d.t2 VALUES (1, 1), (2, 2)",
    "ALTER TABLE d.t1 ADD COLUMN extra INT",
    "UPDATE d.cnt SET n = n + 1",
    "INSERT INTO d.t1 VALUES (5, 5, 'e', 5)",
    "CREATE INDEX ix ON d.t1 (n)",
    "UPDATE d.cnt SET n = n + 1 WHERE id = 2",
    "DELETE FROM d.t2 WHERE id = 1",
    "UPDATE d.cnt SET n = n + 10 WHERE id = 2",
    "INSERT INTO d.t2 VALUES (9, 9)",
    "DROP TABLE d.t2",
    "UPDATE d.cnt SET n = n + 1",
    "INSERT INTO d.t1 VALUES (6, 6, 'f', 6)",
    "UPDATE d.t1 SET v = 'z'",
)
TABLES = (
    "CREATE DATABASE d",
    "CREATE TABLE d.t1 (id INT PRIMARY KEY, n INT, v VARCHAR(30)) ENGINE=InnoDB",
    "CREATE TABLE d.cnt (id INT PRIMARY KEY, n INT) ENGINE=InnoDB",
    "INSERT INTO d.t1 VALUES (1, 1, 'a'), (2, 2, 'b')",
    "INSERT INTO d.cnt VALUES (1, 1), (2, 100)",
)


def ends_of(lab: Lab, statements: Sequence[str]) -> List[Coordinates]:
    """Where each of these statements ends in the source's binlog."""
    ends = []
    for sql in statements:
        lab.source.execute(sql)
        ends.append(lab.source.coordinates())
    return ends


def move_back(lab: Lab, number: int = 10) -> Tuple[Coordinates, List[Coordinates]]:
    """A replica whose data is at statement ``number`` of the sequence and whose recorded position is before it."""
    start = stopped(lab)
    ends = ends_of(lab, SEQUENCE)
    apply_until(lab, ends[number - 1])
    lab.configure(lab.links[0], start)
    return start, ends
