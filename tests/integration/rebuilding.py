# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of all methods share that build a replica anew: how it is run, and how it is cut short."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import pytest
from integration.conftest import Pair
from integration.playbook import Run, run_module, run_playbook, running_module
from integration.test_repair import host
from lab import faults
from lab.accounts import REBUILDER
from lab.server import Server
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
only_full = pytest.mark.skipif(not FULL, reason="with REPLICA_TEST_MATRIX=full")

# One of everything that a copy may spoil; made with a time zone and a character set of its own.
STUFF = (
    "CREATE DATABASE built CHARACTER SET latin1",
    "CREATE TABLE built.types (id BIGINT UNSIGNED PRIMARY KEY, a FLOAT, b DOUBLE, c DECIMAL(30,10), d CHAR(10),"
    " e VARCHAR(50) CHARACTER SET latin1, f TEXT CHARACTER SET utf8, g BLOB, h ENUM('x','y'), i SET('p','q','r'),"
    " j BIT(40), k DATE, l DATETIME(6), m TIMESTAMP NULL, n TIME(3), o YEAR, p VARBINARY(20), q GEOMETRY,"
    " r VARCHAR(20) CHARACTER SET utf16) ENGINE=InnoDB",
    "INSERT INTO built.types VALUES (1, 0.1, -0.0, 12345678901234567890.0123456789, 'ab ', '\u00e9\u00e0',"
    " 'a''b\\\\c\"\u20ac', X'00FF27225C0A0D1A', 'y', 'p,r', b'1010101', '2020-01-02', '2020-01-02 03:04:05.123456',"
    " '2020-06-02 03:04:05', '-100:01:02.5', 2020, X'0001', ST_GeomFromText('POINT(1 2)'), 'h\u00e9'),"
    " (18446744073709551615, 1e30, 1.7976931348623157e308, NULL, '', NULL, '', X'', 'x', '', 0, '0001-01-01', NULL,"
    " NULL, NULL, 0, '', NULL, '')",
    "CREATE TABLE built.keyless (a INT, b VARCHAR(10)) ENGINE=InnoDB",
    "INSERT INTO built.keyless VALUES (1, 'a'), (1, 'a'), (NULL, 'b')",
    "CREATE TABLE built.parent (id INT PRIMARY KEY) ENGINE=InnoDB",
    "CREATE TABLE built.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES built.parent (id)) ENGINE=InnoDB",
    "INSERT INTO built.parent VALUES (1), (2)",
    "INSERT INTO built.child VALUES (1, 1), (2, 2)",
    "CREATE TABLE built.`odd name` (`a``b` VARCHAR(20) PRIMARY KEY, c INT NOT NULL DEFAULT 7) ENGINE=InnoDB",
    "INSERT INTO built.`odd name` VALUES ('k1', 1), ('k2', 2)",
    "CREATE FUNCTION built.twice(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a * 2",
    "CREATE PROCEDURE built.p() SELECT 'gr\u00fcn'",
    "CREATE VIEW built.z_view AS SELECT id, built.twice(id) AS t FROM built.parent",
    "CREATE VIEW built.a_view AS SELECT * FROM built.z_view",
    "CREATE TRIGGER built.tr BEFORE INSERT ON built.keyless FOR EACH ROW SET NEW.a = NEW.a + 1",
    "CREATE EVENT built.ev ON SCHEDULE EVERY 1 DAY DO SELECT 1",
)
MANY = 16  # doublings
# Each engine and flavour, each mode twice: what is the same in both modes need not run eight times.
FOUR = ("mysql-9.7-gtid", "mysql-5.6-position", "mariadb-10.11-gtid", "mariadb-11.8-position")


def rebuild(server: Server, folder: Path, *more: str, **variables: Any) -> Run:
    """Run the playbook against a replica."""
    return play("rebuild", server, folder, *more, **variables)


def play(name: str, server: Server, folder: Path, *more: str, **variables: Any) -> Run:
    """Run a playbook with the rebuilder's account."""
    mine = {"replica_login_user": REBUILDER.user, "replica_login_password": REBUILDER.password}
    given = {"target": "replica", "repair_record_dir": str(folder), "repair_timeout": "60", **variables}
    inventory = {"all": {"hosts": {"replica": {**host(server), **mine}}}}
    return run_playbook("replicaops.mysql." + name, inventory, ["-e", json.dumps(given), *more])


def large(server: Server, doublings: int = MANY) -> None:
    """A table that takes a moment to copy."""
    server.execute(
        "CREATE DATABASE many",
        "CREATE TABLE many.t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(200)) ENGINE=InnoDB",
        "INSERT INTO many.t (v) VALUES (REPEAT('x', 200))",
        *["INSERT INTO many.t (v) SELECT v FROM many.t"] * doublings,
    )


def options(folder: Path) -> Dict[str, Any]:
    """The module's options."""
    login = {"login_user": REBUILDER.user, "login_password": REBUILDER.password}
    return {"record_dir": str(folder), "progress_file": str(folder / "progress"), **login}


def codes(server: Server) -> List[str]:
    """What diagnosis finds."""
    found = run_module("replica_status", server, {"samples": 1, "source": {}})
    return [finding["code"] for finding in found["findings"]]


def purge(pair: Pair) -> None:
    """Let the source purge what the replica has not got yet."""
    faults.purge_needed(pair.lab, lambda: pair.write(5))
    words = pair.words
    pair.replica.wait_until(
        lambda: pair.status()[words.io_running] == "No" and pair.status()[words.io_error], what="the receiver's error"
    )


def spoil(lab: Lab, how: str) -> None:
    """Bring the replica into a state from which nothing of it can be kept: ``empty``, ``diverged`` or ``broken``."""
    if how == "empty":
        lab.replica.stop_replica()
        lab.replica.execute_unlogged("DROP DATABASE shop", "DROP DATABASE built")
        return
    lab.replica.execute_unlogged("DELETE FROM built.child", "CREATE DATABASE only_here")
    lab.replica.execute("INSERT INTO built.parent VALUES (77)")
    if how == "broken":
        lab.source.execute("INSERT INTO built.parent VALUES (77)")
        words = lab.flavour.words
        lab.replica.wait_until(lambda: lab.status(lab.links[0])[words.sql_running] == "No", what="the applier's error")


def by_others(server: Server, since: Tuple[str, int]) -> List[str]:
    """What was written to a server's binlogs since a point by anybody else than the tests' writers."""
    found = []
    for name in (str(row["Log_name"]) for row in server.query("SHOW BINARY LOGS")):
        if name >= since[0]:
            place = " FROM %d" % since[1] if name == since[0] else ""
            events = server.query("SHOW BINLOG EVENTS IN '%s'%s" % (name, place))
            found += [str(row["Info"]) for row in events if row["Event_type"] in ("Query", "Table_map")]
    return [info for info in found if info not in ("BEGIN", "COMMIT") and "load" not in info]


def killed_in_the_middle(
    pair: Pair, folder: Path, chosen: Mapping[str, Any], victim: str, reached: Callable[[Dict[str, Any]], bool]
) -> Optional[Dict[str, Any]]:
    """Begin to build the replica anew and kill somebody in the middle; a killed server is started again.

    :param chosen: the module's options.
    :param victim: ``donor`` (the source), ``replica``, or ``module``.
    :param reached: tells by its progress whether the module is where it is to be met.
    :returns: what the module said; None where it was killed itself.
    """
    path = folder / "progress"
    with running_module("replica_rebuild", pair.replica, chosen) as process:

        def far_enough() -> bool:
            assert process.poll() is None, process.communicate()
            return path.exists() and reached(json.loads(path.read_text()))

        pair.replica.wait_until(far_enough, 120, "the rebuild to be in the middle")
        server = pair.source if victim == "donor" else pair.replica
        if victim == "module":
            process.kill()
        else:
            server.kill()
        output, _errors = process.communicate(timeout=120)
    if victim == "module":
        return None
    server.start()
    told: Dict[str, Any] = json.loads(output)
    assert told["failed"] and "run the rebuild again" in told["msg"].lower(), told
    return told
