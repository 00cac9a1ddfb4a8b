# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every type of every server: what the binlog's row images decode to is what SELECT returned at that time.

Tables of random columns are written to, and after each statement the row is read again. Then the binlog is read, and
each image must hold exactly the values that were seen, by equality and by hash, as must a search by each key's value.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import pymysql
import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import canonical, layout
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.header import PARTIAL_UPDATE_ROWS
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import (
    Event,
    RowChange,
    transactions,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import ServerError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server.binlog_stream import BinlogStream
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import SESSION, connect
from integration.looking import login
from integration.random_tables import Kind, kinds_of
from lab.server import Server
from lab.topology import Lab

SEED = int(os.environ.get("REPLICA_TEST_SEED", "1"))
COLUMNS = 16
INSERTS, UPDATES, DELETES = 14, 8, 4
NOT_SEARCHED = frozenset(("json", "vector", "geometry", "point", "linestring", "polygon", "multipoint"))
SCHEMA = "spread"
OUT_OF_RANGE = 1690

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
        self.images = 0
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


def report(flavour: str, reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    """Say how much was compared."""
    values, layouts = sum(reader.types.values()), ", ".join("%s %d" % each for each in sorted(reader.layouts.items()))
    with capsys.disabled():
        print(
            "\n%s: %d images of %d tables equal to SELECT, %d values of %d types (seed %d; columns from %s)"
            % (flavour, reader.images, len(reader.left), values, len(reader.types), SEED, layouts)
        )


@pytest.mark.every_flavour
def test_decoded_images_are_what_select_returned(
    flavour: str, lab_of: Callable[..., Lab], capsys: pytest.CaptureFixture[str]
) -> None:
    reader = check(lab_of(flavour, "single", gtid=False), SEED, every_kind)
    report(flavour, reader, capsys)
    declared = {kind.declared.split("(")[0].split()[0].lower() for kind in reader.writer.kinds}
    assert len(reader.types) >= len(declared) - 1  # MariaDB's JSON is a longtext
    assert reader.images > 30 * len(reader.left)


@pytest.mark.every_flavour
def test_documents_of_all_shapes(flavour: str, lab_of: Callable[..., Lab], capsys: pytest.CaptureFixture[str]) -> None:
    lab = lab_of(flavour, "single", gtid=False)
    if lab.flavour.is_mariadb or lab.flavour.version < (5, 7):
        pytest.skip("%s has no JSON of its own" % flavour)

    def documents(writer: Writer) -> None:
        kinds = [kind for kind in writer.kinds if kind.name == "json"]
        for _unused in range(12):
            writer.make(kinds * 8)

    reader = check(lab, SEED, documents)
    report(flavour, reader, capsys)
    assert reader.types["json"] > 2000
    assert reader.formats["partial"] > 20 or not reader.writer.partial_json


@pytest.mark.every_flavour
def test_times_of_the_old_form(flavour: str, lab_of: Callable[..., Lab], capsys: pytest.CaptureFixture[str]) -> None:
    lab = lab_of(flavour, "single", gtid=False)
    if not lab.flavour.is_mariadb:
        pytest.skip("%s makes no times of the old form" % flavour)

    def times(writer: Writer) -> None:
        writer.run("SET GLOBAL mysql56_temporal_format = OFF")
        writer.bare = False
        kinds = [kind for kind in writer.kinds if kind.name in ("date", "time", "datetime", "timestamp")]
        for _unused in range(6):
            writer.make(kinds)

    reader = check(lab, SEED, times)
    report(flavour, reader, capsys)
    assert {"time", "datetime", "timestamp"} <= set(reader.types)
    assert all(
        "mariadb-5.3" in column.column_type
        for made in reader.writer.tables.values()
        for column in made.columns
        if column.data_type == "datetime"
    )


def images_of(lab: Lab, statements: Sequence[str], table: str) -> Tuple[layout.TableLayout, List[RowChange]]:
    """What these statements left in the binlog, by the columns that information_schema lists."""
    server = lab.source
    start = server.coordinates()
    server.execute("CREATE DATABASE IF NOT EXISTS %s" % SCHEMA, *statements)
    columns = [layout.column_info(row) for row in server.query(layout.COLUMNS_QUERY, (SCHEMA, table))]
    key = [str(row["COLUMN_NAME"]) for row in server.query(layout.PRIMARY_KEY_QUERY, (SCHEMA, table))]
    found: List[layout.TableLayout] = []

    def layout_for(described: TableMap) -> Optional[layout.TableLayout]:
        made = layout.from_schema(described, columns, key, lab.flavour.is_mariadb)
        found.extend([made] if made else [])
        return made

    with BinlogStream(connect(login(server, "root")), Coordinates(*start)) as stream:
        changes = [change for transaction in transactions(stream, layout_for) for change in transaction.changes]
    assert found and changes
    return found[0], changes


@pytest.mark.every_flavour
def test_columns_that_information_schema_does_not_list(flavour: str, lab_of: Callable[..., Lab]) -> None:
    lab = lab_of(flavour, "single", gtid=False)
    if lab.flavour.is_mariadb:
        statements = [
            "CREATE TABLE spread.v (a INT, t TEXT, UNIQUE (t)) WITH SYSTEM VERSIONING",
            "INSERT INTO spread.v VALUES (5, 'five')",
        ]
        found, changes = images_of(lab, statements, "v")
        assert (found.hidden, len(found.columns)) == (3, 5)
        assert changes[0].after is not None and changes[0].after[:2] == (5, b"five")
    elif lab.flavour.version >= (8, 1):
        statements = [
            "SET GLOBAL show_gipk_in_create_table_and_information_schema = OFF",
            "SET GLOBAL sql_generate_invisible_primary_key = ON",
        ]
        lab.source.execute(*statements)
        lab.source.close()
        statements = ["CREATE TABLE spread.g (a INT, INDEX ((a * 2)))", "INSERT INTO spread.g VALUES (5), (6)"]
        found, changes = images_of(lab, statements, "g")
        assert [column.name for column in found.columns] == ["my_row_id", "a"] and found.primary_key == (0,)
        assert [change.after for change in changes] == [(1, 5), (2, 6)]
    else:
        statements = ["CREATE TABLE spread.p (a INT)", "INSERT INTO spread.p VALUES (5)"]
        found, changes = images_of(lab, statements, "p")
        assert found.hidden == 0 and changes[0].after == (5,)


@pytest.mark.every_flavour
def test_a_value_that_is_too_long_for_the_server_is_an_error_and_never_null(
    flavour: str, lab_of: Callable[..., Lab]
) -> None:
    server = lab_of(flavour, "single", gtid=False).source
    json_type = "LONGTEXT" if server.flavour.is_mariadb or server.flavour.version < (5, 7) else "JSON"
    server.execute(
        "CREATE DATABASE big",
        "CREATE TABLE big.t (id INT PRIMARY KEY, b LONGBLOB, t LONGTEXT, j %s, g GEOMETRY)" % json_type,
        "INSERT INTO big.t VALUES (1, REPEAT('x', 90000), REPEAT('x', 90000), CONCAT('[\"', REPEAT('x', 90000), '\"]'),"
        " ST_GeomFromText(CONCAT('LINESTRING(', REPEAT('1 1,', 5000), '2 2)')))",
        "INSERT INTO big.t VALUES (2, NULL, NULL, NULL, NULL), (3, 'b', 't', '[]', ST_GeomFromText('POINT(1 1)'))",
    )
    columns = [layout.column_info(row) for row in server.query(layout.COLUMNS_QUERY, ("big", "t"))]
    ask = "SELECT %s AS v FROM big.t WHERE id = %d"
    expressions = [
        canonical.select_expression(column, "`%s`" % column.name) for column in columns if column.name != "id"
    ]
    whole = [server.value(ask % (expression, 1)) for expression in expressions]
    assert all(len(value) > 80000 for value in whole)
    server.execute("SET GLOBAL max_allowed_packet = 65536")
    with connect(login(server, "root")) as connection:
        refused = 0
        for expression, value in zip(expressions, whole):
            try:
                assert connection.query(ask % (expression, 1)) == [{"v": value}]
            except ServerError as error:
                refused += 1
                assert error.number == OUT_OF_RANGE
            assert connection.query(ask % (expression, 2)) == [{"v": None}]
            assert isinstance(connection.query(ask % (expression, 3))[0]["v"], bytes)
        # MySQL 5.6 and MySQL's casts to bytes hand everything out; MariaDB's functions and MySQL's JSON do not.
        assert refused or server.flavour.version < (5, 7)
