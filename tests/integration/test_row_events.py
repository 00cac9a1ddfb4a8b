# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Row images out of a source's binlog, written to a replica by BINLOG: every type of every server comes out exact."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import (
    canonical,
    encode,
    encode_values,
    header,
    layout,
    row_bytes,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import JSON
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap, parse_table_map
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import transactions
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_steps import Look, transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server import row_events
from ansible_collections.replicaops.mysql.plugins.module_utils._server.binlog_stream import BinlogStream
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import SESSION, connect
from ansible_collections.replicaops.mysql.plugins.module_utils._server.probe import probe
from ansible_collections.replicaops.mysql.plugins.module_utils._server.reader import read_server
from integration.looking import login
from integration.random_writes import SCHEMA, Made, Writer, every_kind
from lab.server import Server
from lab.topology import Lab

Parts = row_bytes.Parts
NOTHING = Look("", shown="look")
PACKET = 4 << 20
SEED = int(os.environ.get("REPLICA_TEST_SEED", "1"))


class FullWriter(Writer):
    """Writes complete images only."""

    def choose_format(self, made: Made) -> None:
        super().choose_format(made)
        made.full_images, made.bare = True, False
        self.run("SET SESSION binlog_row_image = FULL")
        if self.partial_json:
            self.run("SET SESSION binlog_row_value_options = ''")


class Images:
    """The last image of each key in a binlog, as bytes, and what it takes to write it."""

    def __init__(self, source: Server, start: Tuple[str, int], tables: Dict[str, Made], mariadb: bool) -> None:
        self.tables, self.mariadb = tables, mariadb
        self.form: Optional[encode.Form] = None
        self.maps: Dict[str, TableMap] = {}
        self.last: Dict[str, Dict[int, Optional[Parts]]] = {}
        self.known: Dict[str, Dict[int, Parts]] = {}
        with BinlogStream(connect(login(source, "root")), Coordinates(*start)) as stream:
            for done in transactions(self._noting(stream), self._layout, file=start[0]):
                assert not done.undecoded and not done.lossy, done
                for change in done.changes:
                    self._take(change)

    def _noting(self, stream: BinlogStream) -> Any:
        for event in stream:
            if event[0] == header.FORMAT_DESCRIPTION:
                self.form = encode.form_of(event[3])
            elif event[0] == header.TABLE_MAP and self.form is not None:
                table = parse_table_map(event[3], self.form.description)
                self.maps[table.table] = table
            yield event

    def _layout(self, table: TableMap) -> Optional[row_bytes.KeepingLayout]:
        made = self.tables[table.table]
        found = layout.from_schema(table, made.columns, made.key, self.mariadb)
        assert found is not None
        return row_bytes.keeping(found, table.type_codes)

    def _take(self, change: Any) -> None:
        name = change.table.name
        table = self.maps[name]
        columns = self.tables[name].columns
        place = [column.name for column in columns].index("id")
        for image in (change.before, change.after):
            if image is None:
                continue
            number = row_bytes.values(image)[place]
            parts = row_bytes.parts(image, table.type_codes, columns)
            assert parts is not None
            self.known.setdefault(name, {})[number] = parts
            self.last.setdefault(name, {})[number] = None if image is change.before else parts


def rows_of(server: Server, name: str, columns: Sequence[Any]) -> Dict[int, Tuple[Any, ...]]:
    """The canonical rows of a table by their id."""
    expressions = [canonical.select_expression(column, "`%s`" % column.name) for column in columns]
    with server.connect("root") as connection, connection.cursor() as cursor:
        cursor.execute(SESSION)
        cursor.execute("SELECT id AS k0, %s FROM %s.%s" % (
            ", ".join("%s AS c_%d" % pair for pair in zip(expressions, range(len(columns)))), SCHEMA, name
        ))  # fmt: skip
        return {
            int(row["k0"]): tuple(canonical.parser(column)(row["c_%d" % n]) for n, column in enumerate(columns))
            for row in cursor.fetchall()
        }


def spoil(replica: Server, made: Made) -> None:
    """Let the replica lack rows, have rows that are gone on the source, and have other values."""
    plain = [column.name for column in made.columns if not column.generated and column.name != "id"]
    names = ", ".join("`%s`" % name for name in plain)
    live = sorted(made.rows)
    gone = [number for number in range(1, 15) if number not in made.rows]
    statements = ["SET SESSION sql_log_bin = 0, sql_mode = ''"]
    for number in gone[:2]:
        statements.append("INSERT INTO %s (id, %s) SELECT %d, %s FROM %s WHERE id = %d"
                          % (made.name, names, number, names, made.name, live[0]))  # fmt: skip
    statements += ["DELETE FROM %s WHERE id = %d" % (made.name, number) for number in live[:3]]
    for number, other in zip(live[3:], reversed(live[3:])):
        if number != other:
            statements.append("REPLACE INTO %s (id, %s) SELECT %d, %s FROM %s WHERE id = %d"
                              % (made.name, names, number, names, made.name, other))  # fmt: skip
    with replica.connect("root") as connection, connection.cursor() as cursor:
        cursor.execute("USE " + SCHEMA)
        for statement in statements:
            cursor.execute(statement)


def healing(images: Images, name: str, found: Dict[int, Any], made: Made) -> List[Tuple[str, Parts]]:
    """Deletes and writes that make the replica's rows the last images."""
    deletes: List[Tuple[str, Parts]] = []
    writes: List[Tuple[str, Parts]] = []
    for number, wanted in images.last[name].items():
        if found.get(number) == made.rows.get(number):
            continue
        if number in found:
            deletes.append((encode.DELETE, images.known[name][number]))
        if wanted is not None:
            writes.append((encode.WRITE, wanted))
    return deletes + writes


def trace(replica: Server) -> Tuple[Any, ...]:
    """What a write into the server's own binlog would change."""
    return replica.coordinates(), replica.gtid_position()


def encoded(replica: Server, images: Images, name: str, made: Made) -> List[str]:
    """Write every row anew from its values alone (documents from the binlog); what then is not as it was."""
    table, form = images.maps[name], images.form
    changes: List[Tuple[str, Parts]] = []
    assert form is not None
    for number, row in made.rows.items():
        parts = images.last[name][number]
        assert parts is not None
        changes.append((encode.DELETE, parts))
        made_anew = tuple(
            part if value is None or code == JSON else encode_values.encode(value, code, metadata, column)
            for part, value, code, metadata, column in zip(parts, row, table.type_codes, table.metadata, made.columns)
        )
        changes.append((encode.WRITE, made_anew + parts[len(row) :]))
    with connect(login(replica, "repairer")) as connection:
        server = read_server(connection, probe(connection))
        pieces = list(encode.statements(table, changes, form, PACKET, 1))
        row_events.write(connection, server, transaction(server, form, pieces, NOTHING, NOTHING))
    now = rows_of(replica, name, made.columns)
    return [
        "encoded %s %d %s %s: %.200r, not %.200r" % (name, number, column.name, column.column_type, have, want)
        for number, row in made.rows.items()
        for column, have, want in zip(made.columns, now[number], row)
        if have != want
    ]


@pytest.mark.every_flavour
def test_rows_of_every_type_are_written_exactly(
    flavour: str, lab_of: Callable[..., Lab], capsys: pytest.CaptureFixture[str]
) -> None:
    lab = lab_of(flavour, "pair", gtid=SEED % 2 == 1)
    mariadb = lab.flavour.is_mariadb
    writer = FullWriter(lab.source, mariadb, lab.flavour.version, SEED)
    start = lab.source.coordinates()
    every_kind(writer)
    lab.wait_in_sync()
    lab.replica.stop_replica()
    images = Images(lab.source, start, writer.tables, mariadb)
    before, written, wrong = trace(lab.replica), 0, []
    for name, made in writer.tables.items():
        spoil(lab.replica, made)
        found = rows_of(lab.replica, name, made.columns)
        changes = healing(images, name, found, made)
        table = images.maps[name]
        assert images.form is not None
        assert len(changes) > 5, (name, len(changes))
        with connect(login(lab.replica, "repairer")) as connection:
            server = read_server(connection, probe(connection))
            pieces = list(encode.statements(table, changes, images.form, PACKET, 1))
            row_events.write(connection, server, transaction(server, images.form, pieces, NOTHING, NOTHING))
        written += len(changes)
        now = rows_of(lab.replica, name, made.columns)
        for number in sorted(set(now) | set(made.rows)):
            for place, column in enumerate(made.columns):
                have, want = (side[number][place] if number in side else "no row" for side in (now, made.rows))
                if have != want:
                    wrong.append("%s %d %s %s: %.200r, not %.200r"
                                 % (name, number, column.name, column.column_type, have, want))  # fmt: skip
        wrong += encoded(lab.replica, images, name, made)
    assert not wrong, "%d wrong:\n%s" % (len(wrong), "\n".join(wrong[:30]))
    assert trace(lab.replica) == before
    with capsys.disabled():
        print(
            "\n%s: %d row events of %d tables written exactly (seed %d)" % (flavour, written, len(writer.tables), SEED)
        )
