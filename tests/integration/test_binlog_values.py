# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every type of every server: what the binlog's row images decode to is what SELECT returned at that time.

Tables of random columns are written to, and after each statement the row is read again. Then the binlog is read, and
each image must hold exactly the values that were seen, by equality and by hash, as must a search by each key's value.
Readers of rows are written out for a table (`binlog.written`) when it has shown a few, so that both kinds are tried.
"""

from __future__ import annotations

import os
from typing import Callable, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import canonical, images, layout
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import (
    RowChange,
    transactions,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import ServerError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server.binlog_stream import BinlogStream
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import connect
from integration.looking import login
from integration.random_writes import SCHEMA, Reader, Writer, check, every_kind
from lab.topology import Lab

SEED = int(os.environ.get("REPLICA_TEST_SEED", "1"))
OUT_OF_RANGE = 1690


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write readers out for what comes four times."""
    monkeypatch.setattr(images, "OFTEN", 3)


def report(flavour: str, reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    """Say how much was compared."""
    values, layouts = sum(reader.types.values()), ", ".join("%s %d" % each for each in sorted(reader.layouts.items()))
    with capsys.disabled():
        print(
            "\n%s: %d images of %d tables equal to SELECT, %d values of %d types, %d by their bytes (seed %d;"
            " columns from %s)"
            % (flavour, reader.images, len(reader.left), values, len(reader.types), reader.prints, SEED, layouts)
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
    assert reader.prints > 10 * len(reader.left)


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
