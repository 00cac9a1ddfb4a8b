# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that bring every kind of event into a server's binlog, and the fixtures made of them.

``PYTHONPATH=.venv/collections:tests python tests/integration/binlog_scenario.py`` writes the fixtures of the unit
tests anew.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import transactions
from ansible_collections.replicaops.mysql.plugins.module_utils._server import zstd
from lab.server import Server
from lab.topology import Lab
from unit import binlogs

FIXTURES = Path(__file__).resolve().parents[1] / "unit" / "fixtures" / "binlog"
UUID = "11111111-aaaa-bbbb-cccc-000000000001"

_ROWS = (
    "CREATE DATABASE ev",
    "CREATE TABLE ev.t (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, a BIGINT, v VARCHAR(90), y YEAR,"
    " e ENUM('a', 'b'), s SET('x', 'y'), d DECIMAL(10, 3), m TIMESTAMP(3) NULL, b BLOB)",
    "INSERT INTO ev.t (a, v, y, e, s, d, m, b)"
    " VALUES (1, 'one', 2001, 'a', 'x,y', 1.5, '2020-02-03 04:05:06.789', 'b'),"
    " (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "UPDATE ev.t SET a = a + 10",
    "DELETE FROM ev.t WHERE id = 2",
    "BEGIN",
    "INSERT INTO ev.t (a) VALUES (3)",
    "SAVEPOINT sp",
    "INSERT INTO ev.t (a) VALUES (4)",
    "ROLLBACK TO sp",
    "INSERT INTO ev.t (a) VALUES (5)",
    "COMMIT",
    "CREATE TABLE ev.m (id INT PRIMARY KEY, v TEXT) ENGINE=MyISAM",
    "INSERT INTO ev.m VALUES (1, 'no transaction')",
    "ALTER TABLE ev.t ADD COLUMN z INT",
    "CREATE TABLE ev.k (id INT PRIMARY KEY, v VARCHAR(10), w TEXT)",
    "INSERT INTO ev.k VALUES (1, 'a', 'b')",
    "SET SESSION binlog_row_image = 'MINIMAL'",
    "UPDATE ev.k SET v = 'ax'",
    "SET SESSION binlog_row_image = 'NOBLOB'",
    "UPDATE ev.k SET v = 'axx'",
    "SET SESSION binlog_row_image = 'FULL'",
    "UPDATE ev.k SET v = 'axxx'",
)
_STATEMENTS = (
    "SET SESSION binlog_format = 'STATEMENT'",
    "INSERT INTO ev.t (a) VALUES (100)",
    "SET @u = 7",
    "UPDATE ev.t SET a = @u WHERE id = 1",
    "UPDATE ev.t SET a = RAND() * 100 WHERE id = 1",
    "LOAD DATA INFILE '/tmp/ev.txt' INTO TABLE ev.k (id)",
    "SET SESSION binlog_format = 'ROW'",
)
_XA = (
    "XA START 'x1'",
    "INSERT INTO ev.t (a) VALUES (200)",
    "XA END 'x1'",
    "XA PREPARE 'x1'",
    "XA COMMIT 'x1'",
    "XA START 'x2'",
    "INSERT INTO ev.t (a) VALUES (201)",
    "XA END 'x2'",
    "XA COMMIT 'x2' ONE PHASE",
)
_JSON = (
    "CREATE TABLE ev.j (id INT PRIMARY KEY, a JSON, b JSON, n INT, c JSON)",
    "INSERT INTO ev.j VALUES"
    """ (1, '{"a": 1, "b": "a long string to be replaced"}', '[1, 2]', 1, '{"x": {"y": [1, 2]}}')""",
    "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'",
    "UPDATE ev.j SET c = JSON_SET(c, '$.x.y[0]', 9), a = JSON_SET(a, '$.b', 'short')",
    "UPDATE ev.j SET a = JSON_REMOVE(a, '$.a')",
    "SET SESSION binlog_row_image = 'MINIMAL'",
    "UPDATE ev.j SET c = JSON_SET(c, '$.x.y[1]', 8)",
    "SET SESSION binlog_row_image = 'FULL'",
    "SET SESSION binlog_row_value_options = ''",
)
_COMPRESSED = (
    "SET SESSION binlog_transaction_compression = ON",
    "BEGIN",
    "INSERT INTO ev.t (a, v) VALUES (1, REPEAT('v', 80)), (2, REPEAT('v', 80)), (3, REPEAT('v', 80))",
    "UPDATE ev.t SET d = 2.25 WHERE v LIKE 'vvv%'",
    "COMMIT",
    "SET SESSION binlog_transaction_compression = OFF",
)
_TAGS = (
    "SET gtid_next = '%s:tag_one:5'" % UUID,
    "INSERT INTO ev.t (a) VALUES (77)",
    "SET gtid_next = 'AUTOMATIC:other'",
    "INSERT INTO ev.t (a) VALUES (78)",
    "SET gtid_next = 'AUTOMATIC'",
)
_MARIADB_COMPRESSED = (
    "SET GLOBAL log_bin_compress = 1",
    "SET GLOBAL log_bin_compress_min_len = 10",
    "INSERT INTO ev.t (a, v) VALUES (1, REPEAT('v', 80)), (2, REPEAT('w', 80))",
    "UPDATE ev.t SET d = 2.25 WHERE v LIKE 'vvv%'",
    "DELETE FROM ev.t WHERE v LIKE 'www%'",
    "CREATE TABLE ev.wide (" + ", ".join("a_column_with_a_long_name_%d INT" % n for n in range(12)) + ")",
    "SET GLOBAL log_bin_compress = 0",
)


def statements(server: Server) -> Tuple[str, ...]:
    """All statements of the scenario, for this server."""
    mariadb, version = server.flavour.is_mariadb, server.flavour.version
    gtid = not mariadb and str(server.value("SELECT @@GLOBAL.gtid_mode")) == "ON"
    made = _ROWS
    if mariadb or not gtid:
        made += ("BEGIN", "INSERT INTO ev.t (a) VALUES (6)", "INSERT INTO ev.m VALUES (2, 'both')", "ROLLBACK")
    made += _STATEMENTS + _XA
    if not gtid or version >= (8, 0):
        made += ("CREATE TABLE ev.c SELECT * FROM ev.k",)
    if not mariadb:
        made += ("SET SESSION binlog_rows_query_log_events = 1",)
    made += ("INSERT INTO ev.k (id) VALUES (5)", "TRUNCATE ev.k")
    if version >= (8, 0) and not mariadb:
        made += _JSON + _COMPRESSED + (_TAGS if gtid else ())
    return made + (_MARIADB_COMPRESSED if mariadb else ()) + ("DROP DATABASE ev",)


def run(server: Server) -> str:
    """Run the scenario in a binlog file of its own; that file's name."""
    with server.connect("root") as connection, connection.cursor() as cursor:
        server.exec(["sh", "-c", "printf '9\\n' > /tmp/ev.txt && chmod 644 /tmp/ev.txt"])
        cursor.execute("FLUSH BINARY LOGS")
        file = server.coordinates()[0]
        for statement in statements(server):
            cursor.execute(statement)
        cursor.execute("FLUSH BINARY LOGS")
    return file


def shown(server: Server, file: str) -> List[Tuple[int, int, str, str]]:
    """What the server says of a file: (offset, end, type, info) of each event."""
    rows = server.query("SHOW BINLOG EVENTS IN '%s'" % file)
    return [(int(row["Pos"]), int(row["End_log_pos"]), str(row["Event_type"]), str(row["Info"])) for row in rows]


def full_metadata(flavour: str) -> Dict[str, Any]:
    """Options that let the binlog itself name columns, where the server can."""
    return {} if flavour == "mysql-5.6" else {"binlog_row_metadata": "FULL"}


def _write_payload(name: str) -> None:
    """What the file's compressed transaction holds, for tests where there is no zstd."""

    def saved(data: bytes, size: int) -> bytes:
        content = zstd.decompress(data, size)
        (FIXTURES / (name + ".payload")).write_bytes(content)
        return content

    list(transactions(binlogs.events(name), binlogs.layout_for, decompress=saved, file=binlogs.FILE))


def _write_fixtures() -> None:
    cases: Sequence[Tuple[str, str, bool, Dict[str, Any]]] = (
        ("mysql-9.7", "mysql-9.7", True, {}),
        ("mysql-9.7-anonymous", "mysql-9.7", False, {"binlog_checksum": "NONE"}),
        ("mysql-5.6", "mysql-5.6", True, {}),
        ("mysql-5.6-anonymous", "mysql-5.6", False, {"binlog_checksum": "NONE", "log_bin_use_v1_row_events": "1"}),
        ("mariadb-10.11", "mariadb-10.11", True, {}),
        ("mariadb-11.8", "mariadb-11.8", True, {"binlog_checksum": "NONE"}),
    )
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for name, flavour, gtid, options in cases:
        with Lab(flavour, "single", gtid=gtid, options={**full_metadata(flavour), **options}) as lab:
            file = run(lab.source)
            content = lab.source.read("base64 /lab/data/" + file)
            (FIXTURES / (name + ".binlog")).write_bytes(base64.b64decode(content))
            _write_payload(name)
            events = [event[:3] for event in shown(lab.source, file)]
            (FIXTURES / (name + ".json")).write_text(json.dumps(events) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(_write_fixtures())
