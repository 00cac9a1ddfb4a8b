# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes random tables and notes what SELECT returns, and compares the row images of the binlog with that."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import pymysql
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import canonical, layout
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.header import PARTIAL_UPDATE_ROWS
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import (
    Event,
    RowChange,
    transactions,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.digest import NO_ROW
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.printing import Printed, PrintingLayout
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.prints import Prints, prints_for
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server.binlog_stream import BinlogStream
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import SESSION, connect
from integration.looking import login
from integration.random_tables import Kind, kinds_of
from lab.server import Server
from lab.topology import Lab

COLUMNS = 16
INSERTS, UPDATES, DELETES = 14, 8, 4
NOT_SEARCHED = frozenset(("json", "vector", "geometry", "point", "linestring", "polygon", "multipoint"))
SCHEMA = "spread"

Image = Tuple[Any, ...]


@dataclass
class Made:
    """A table that was written to: what it is made of and what its rows were."""

    name: str
    kinds: Tuple[Kind, ...]
    columns: Tuple[ColumnInfo, ...]
    key: Tuple[str, ...]
    rows: Dict[int, Image] = field(default_factory=dict)
    changes: List[Tuple[str, Optional[Image], Optional[Image]]] = field(default_factory=list)
    bare: bool = False  # decode by the binlog's own metadata alone
    full_images: bool = True


class Writer:
    """Writes random tables on a server and notes what SELECT returns after each statement."""

    def __init__(self, server: Server, mariadb: bool, version: Tuple[int, int], seed: int) -> None:
        self.server, self.mariadb, self.version = server, mariadb, version
        self.source = random.Random(seed)
        self.connection = server.connect("root", cursorclass=pymysql.cursors.Cursor)
        self.run(SESSION)
        self.run("CREATE DATABASE IF NOT EXISTS %s" % SCHEMA)
        self.run("USE %s" % SCHEMA)
        self.tables: Dict[str, Made] = {}
        charsets = {str(row["Charset"]): int(row["Maxlen"]) for row in server.query("SHOW CHARACTER SET")}
        self.kinds = kinds_of(mariadb, version, charsets)
        self.metadata = bool(server.query("SHOW VARIABLES LIKE 'binlog_row_metadata'"))
        self.partial_json = bool(server.query("SHOW VARIABLES LIKE 'binlog_row_value_options'"))
        self.collations = collations(server)
        self.bare = True  # whether the binlog's metadata tells enough

    def run(self, sql: str, *params: Any) -> Sequence[Tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return cursor.fetchall() or ()

    def make(self, kinds: Sequence[Kind]) -> None:
        """Tables of all these kinds: as many as it takes, since a row has its limits."""
        name = "t%d" % len(self.tables)
        columns = [
            "c%d %s%s" % (n, kind.declared, "" if kind.nullable else " NOT NULL") for n, kind in enumerate(kinds)
        ]
        columns.insert(self.source.randrange(len(columns) + 1), "id INT NOT NULL")
        columns += self.extra_columns()
        for tried in self.source.sample(("InnoDB", "MyISAM"), 2):
            try:
                self.run("CREATE TABLE %s (%s, PRIMARY KEY (id)) ENGINE=%s" % (name, ", ".join(columns), tried))
            except pymysql.err.Error as error:
                if error.args[0] not in (1118, 1101, 139, 1178):
                    raise
                continue
            self.write(self.described(name, kinds))
            return
        assert len(kinds) > 1, columns
        self.make(kinds[: len(kinds) // 2])
        self.make(kinds[len(kinds) // 2 :])

    def extra_columns(self) -> List[str]:
        """Generated and invisible columns, where the server has them."""
        if self.version < (5, 7):
            return []
        extra = ["g1 INT AS (id + 1) VIRTUAL", "g2 VARCHAR(20) AS (CONCAT('x', id)) STORED"]
        if self.mariadb or self.version >= (8, 1):
            extra.append("i1 INT DEFAULT 7 INVISIBLE")
        return [column for column in extra if self.source.random() < 0.4]

    def described(self, name: str, kinds: Sequence[Kind]) -> Made:
        rows = self.server.query(layout.COLUMNS_QUERY, (SCHEMA, name))
        key = self.server.query(layout.PRIMARY_KEY_QUERY, (SCHEMA, name))
        made = Made(
            name,
            tuple(kinds),
            tuple(layout.column_info(row) for row in rows),
            tuple(str(row["COLUMN_NAME"]) for row in key),
        )
        self.tables[name] = made
        return made

    def choose_format(self, made: Made) -> None:
        """How the server writes this table's rows."""
        if self.metadata:
            level = self.source.choice(("FULL", "MINIMAL"))
            self.run("SET GLOBAL binlog_row_metadata = %s" % level)
            made.bare = level == "FULL" and self.bare and self.source.random() < 0.5
        image = self.source.choice(("FULL", "FULL", "FULL", "MINIMAL", "NOBLOB"))
        made.full_images = image == "FULL"
        self.run("SET SESSION binlog_row_image = %s" % image)
        if self.partial_json:
            self.run("SET SESSION binlog_row_value_options = '%s'" % self.source.choice(("", "PARTIAL_JSON")))

    def write(self, made: Made) -> None:
        self.choose_format(made)
        for number in range(1, INSERTS + 1):
            values = ", ".join("%s" % self.value(kind) for kind in made.kinds)
            names = ", ".join("c%d" % n for n in range(len(made.kinds)))
            self.run("INSERT INTO %s (id, %s) VALUES (%d, %s)" % (made.name, names, number, values))
            self.note(made, number)
        for number in self.source.sample(sorted(made.rows), UPDATES):
            count = self.source.randrange(1, len(made.kinds) + 1)
            chosen = self.source.sample(range(len(made.kinds)), count)
            changes = ["c%d = %s" % (n, self.update(n, made.kinds[n])) for n in chosen]
            self.run("UPDATE %s SET %s WHERE id = %d" % (made.name, ", ".join(changes), number))
            self.note(made, number)
        for number in self.source.sample(sorted(made.rows), DELETES):
            self.run("DELETE FROM %s WHERE id = %d" % (made.name, number))
            self.note(made, number)

    def value(self, kind: Kind) -> str:
        return "NULL" if kind.nullable and self.source.random() < 0.1 else kind.values(self.source)

    def update(self, number: int, kind: Kind) -> str:
        """A new value, or for JSON a change that the server may write as a difference."""
        if kind.name != "json" or self.source.random() < 0.3:
            return self.value(kind)
        change = self.source.choice(
            (
                "JSON_SET(c%d, '$.k0', 'a longer text', '$.\"new é\"', JSON_ARRAY(1, 2.5))",
                "JSON_REMOVE(c%d, '$[1]', '$.k1')",
                "JSON_ARRAY_INSERT(c%d, '$[0]', CAST('{\"a\": [1]}' AS JSON))",
                "JSON_REPLACE(c%d, '$[0]', 'x', '$.key7', 5, '$.long', 'short')",
            )
        )
        return change % number

    def note(self, made: Made, number: int) -> None:
        """Read the row and keep what changed."""
        expressions = [canonical.select_expression(column, "`%s`" % column.name) for column in made.columns]
        found = self.run("SELECT %s FROM %s WHERE id = %d" % (", ".join(expressions), made.name, number))
        before, after = made.rows.get(number), None
        if found:
            after = tuple(canonical.parser(column)(cell) for column, cell in zip(made.columns, found[0]))
            made.rows[number] = after
        else:
            del made.rows[number]
        if before != after:
            made.changes.append(("write" if before is None else "update" if found else "delete", before, after))

    def search(self, made: Made, number: int, image: Image) -> List[str]:
        """The columns by whose value the row is not found."""
        wanted = [
            (column, "`%s` = %s" % (column.name, canonical.sql_literal(value, column)))
            for column, value in zip(made.columns, image)
            if value is not None and column.data_type not in NOT_SEARCHED and "geom" not in column.data_type
            and not column.data_type.startswith("multi")
        ]  # fmt: skip
        where = "SELECT COUNT(*) FROM %s WHERE id = %d AND " % (made.name, number)
        if self.run(where + " AND ".join(condition for _column, condition in wanted))[0][0] == 1:
            return []
        return [condition[:200] for column, condition in wanted if self.run(where + condition)[0][0] != 1]


def collations(server: Server) -> Dict[int, Tuple[str, str]]:
    """Character set and name of every collation, by number."""
    rows = server.query("SELECT ID, CHARACTER_SET_NAME AS cs, COLLATION_NAME AS n FROM information_schema.COLLATIONS")
    return {int(row["ID"]): (str(row["cs"]), str(row["n"])) for row in rows if row["ID"] is not None}


class Reader:
    """Compares the images of a binlog with what a writer noted."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.left = {name: list(made.changes) for name, made in writer.tables.items()}
        self.types: Counter[str] = Counter()
        self.wrong: List[str] = []
        self.images = self.prints = 0
        self.layouts: Counter[str] = Counter()
        self.formats: Counter[str] = Counter()

    def counted(self, stream: Iterable[Event]) -> Iterator[Event]:
        """The events as they come; those with partial updates of documents are counted."""
        for event in stream:
            self.formats["partial"] += event[0] == PARTIAL_UPDATE_ROWS
            yield event

    def layout_for(self, table: TableMap) -> Optional[layout.TableLayout]:
        made = self.writer.tables.get(table.table)
        if made is None:
            return None
        known, numbers = ((), {}) if made.bare else (made.columns, self.writer.collations)
        found = layout.from_metadata(table, known, numbers)
        if found is None:
            found = layout.from_schema(table, made.columns, made.key, self.writer.mariadb, numbers)
            assert found is not None, layout.misfit(table, made.columns)
        assert [column.name for column in found.columns] == [column.name for column in made.columns]
        if found.primary_key:
            assert tuple(found.columns[place].name for place in found.primary_key) == made.key
        self.layouts[found.names_from + (" alone" if made.bare else "")] += 1
        return found

    def take(self, change: RowChange) -> None:
        made = self.writer.tables[change.table.name]
        kind, before, after = self.left[made.name].pop(0)
        assert change.kind == kind, (made.name, change.kind, kind)
        for found, wanted in ((change.before, before), (change.after, after)):
            assert (found is None) == (wanted is None), (made.name, change)
            if found is not None and wanted is not None:
                self.compare(made, found, wanted)

    def printing(self, table: TableMap) -> Optional[Any]:
        """A layout whose images come as prints, where the bytes of this table's rows can be told apart."""
        found = self.layout_for(table)
        if found is None:
            return None
        made = self.writer.tables[table.table]
        key = [[column.name for column in found.columns].index(name) for name in made.key]
        compared = [place for place, column in enumerate(made.columns) if not column.generated]
        prints = prints_for(table, found.columns, found.decoders, key, compared)
        return found if prints is None else PrintingLayout(found.columns, found.decoders, prints)

    def take_print(self, change: Any, prints: Prints) -> None:
        """A change as prints must be that of the rows which SELECT returned."""
        made = self.writer.tables[change.table.name]
        _kind, before, after = self.left[made.name].pop(0)
        for found, wanted in ((change.before, before), (change.after, after)):
            if wanted is None:
                assert found == NO_ROW, (made.name, change)
                continue
            self.prints += 1
            if prints.of_row([wanted[place] for place in prints.compared]) != (change.key, found):
                self.wrong.append("%s: the print of %.300r" % (made.name, wanted))

    def compare(self, made: Made, found: Image, wanted: Image) -> None:
        assert len(found) == len(wanted)
        self.images += 1
        for column, ours, theirs in zip(made.columns, found, wanted):
            if ours is canonical.ABSENT:
                assert not made.full_images, (made.name, column)
                continue
            self.types[column.data_type] += 1
            if ours != theirs or theirs != ours or hash(ours) != hash(theirs):
                place = "%s.%s %s %s" % (made.name, column.name, column.column_type, column.charset)
                self.wrong.append("%s: binlog %.300r, SELECT %.300r" % (place, ours, theirs))


def check_prints(server: Server, start: Tuple[str, int], reader: Reader) -> None:
    """Read the binlog again by the bytes of its images."""
    reader.left = {name: list(made.changes) for name, made in reader.writer.tables.items()}
    known: Dict[str, Any] = {}

    def layout_for(table: TableMap) -> Optional[Any]:
        known[table.table] = reader.printing(table)
        return known[table.table]

    with BinlogStream(connect(login(server, "root")), Coordinates(*start)) as stream:
        for transaction in transactions(stream, layout_for, file=start[0]):
            for change in transaction.changes:
                if isinstance(change, Printed):
                    reader.take_print(change, known[change.table.name].prints)
                else:  # an image that lacks columns, a partial update, or a table without prints
                    reader.left[change.table.name].pop(0)


def check(lab: Lab, seed: int, arrange: Callable[[Writer], None]) -> Reader:
    """Write what ``arrange`` wants, read the binlog, and compare."""
    server, flavour = lab.source, lab.flavour
    writer = Writer(server, flavour.is_mariadb, flavour.version, seed)
    start = server.coordinates()
    arrange(writer)
    reader = Reader(writer)
    with BinlogStream(connect(login(server, "root")), Coordinates(*start), verify=True) as stream:
        for transaction in transactions(reader.counted(stream), reader.layout_for, file=start[0]):
            assert not transaction.undecoded and not transaction.lossy, transaction
            for change in transaction.changes:
                reader.take(change)
    missed = {name: len(left) for name, left in reader.left.items() if left}
    check_prints(server, start, reader)
    for made in writer.tables.values():
        for number, image in made.rows.items():
            reader.wrong += ["%s: not found by %s" % (made.name, what) for what in writer.search(made, number, image)]
    assert not reader.wrong, "%d wrong:\n%s" % (len(reader.wrong), "\n".join(reader.wrong[:40]))
    assert not missed, missed
    return reader


def every_kind(writer: Writer) -> None:
    kinds = list(writer.kinds)
    writer.source.shuffle(kinds)
    for start in range(0, len(kinds), COLUMNS):
        writer.make(kinds[start : start + COLUMNS])
