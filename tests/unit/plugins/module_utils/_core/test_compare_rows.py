# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading tables in chunks: the ranges cover every key once, and differences are counted exactly."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from typing import List, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import compare_columns, compare_rows
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare_columns import Column, Key
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare_rows import Table
from hypothesis import given
from hypothesis import strategies as st

INT = {"data_type": "int", "column_type": "int", "nullable": False}


def text_column(name: str = "c", **options: object) -> Column:
    given = {"data_type": "varchar", "column_type": "varchar(9)", "length": 36, "charset": "utf8mb4", "nullable": False}
    return Column(name, **{**given, **options})  # type: ignore[arg-type]


def int_table(width: int) -> Table:
    columns = tuple(Column("k%d" % at, **INT) for at in range(width))  # type: ignore[arg-type]
    return Table("d", "t", columns=columns, key=Key("PRIMARY", tuple(column.name for column in columns)))


@given(
    st.integers(1, 3).flatmap(
        lambda width: st.tuples(
            st.sets(st.tuples(*[st.integers(-3, 3)] * width), max_size=40),
            st.lists(st.tuples(*[st.integers(-3, 3)] * width), max_size=4),
        )
    )
)
def test_chunks_cover_every_key_exactly_once(case: Tuple[List[Tuple[int, ...]], List[Tuple[int, ...]]]) -> None:
    keys, cuts = case
    width = len(cuts[0]) if cuts else len(next(iter(keys), (0,)))
    table = int_table(width)
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        check_chunks(database, table, keys, cuts)


def check_chunks(
    database: sqlite3.Connection, table: Table, keys: list[tuple[int, ...]], cuts: list[tuple[int, ...]]
) -> None:
    width = len(table.key_columns())
    database.execute("CREATE TABLE t (%s)" % ", ".join("k%d" % at for at in range(width)))
    database.executemany("INSERT INTO t VALUES (%s)" % ", ".join("?" * width), list(keys))
    bounds = [None, *(tuple(map(str, cut)) for cut in sorted(set(cuts))), None]
    seen: Counter[Tuple[int, ...]] = Counter()
    for after, upto in zip(bounds, bounds[1:]):
        where = compare_rows.key_condition(table, after, upto)
        rows = database.execute("SELECT * FROM t" + where).fetchall()
        seen.update(rows)
        low = None if after is None else tuple(map(int, after))
        high = None if upto is None else tuple(map(int, upto))
        assert all((low is None or row > low) and (high is None or row <= high) for row in rows)
    assert seen == Counter(keys)


hashes = st.dictionaries(st.tuples(st.integers(0, 9).map(str)), st.sampled_from("abc"), max_size=8)


@given(hashes, hashes)
def test_row_differences_are_what_makes_one_side_into_the_other(
    source: dict[Tuple[str], str], replica: dict[Tuple[str], str]
) -> None:
    found = compare_rows.row_differences(source, replica)
    repaired = dict(replica)
    for difference in found:
        if difference.what == "extra":
            del repaired[difference.key]
        else:
            assert (difference.what == "missing") == (difference.key not in replica)
            repaired[difference.key] = source[difference.key]
    assert repaired == source
    assert len(found) == len({difference.key for difference in found})


bags = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5))


@given(bags, bags)
def test_multiset_differences_count_repeated_rows(source: dict[str, int], replica: dict[str, int]) -> None:
    missing, extra = compare_rows.multiset_differences(source, replica)
    assert missing == sum((Counter(source) - Counter(replica)).values())
    assert extra == sum((Counter(replica) - Counter(source)).values())


def parts(*names: str) -> list[dict[str, object]]:
    return [{"COLUMN_NAME": name, "SUB_PART": None} for name in names]


def test_the_primary_key_is_preferred_then_the_shortest() -> None:
    columns = [Column(name, **INT) for name in "abc"]  # type: ignore[arg-type]
    keys = {"u2": parts("a", "b"), "u1": parts("c"), "PRIMARY": parts("a", "b", "c")}
    assert compare_rows.choose_key(columns, keys) == Key("PRIMARY", ("a", "b", "c"))
    del keys["PRIMARY"]
    assert compare_rows.choose_key(columns, keys) == Key("u1", ("c",))


@pytest.mark.parametrize(
    ("column", "part"),
    [
        (Column("a", "int", nullable=True), {"COLUMN_NAME": "a", "SUB_PART": None}),
        (Column("a", "double", nullable=False), {"COLUMN_NAME": "a", "SUB_PART": None}),
        (Column("a", "enum", nullable=False), {"COLUMN_NAME": "a", "SUB_PART": None}),
        (Column("a", "bit", nullable=False), {"COLUMN_NAME": "a", "SUB_PART": None}),
        (text_column("a"), {"COLUMN_NAME": "a", "SUB_PART": 3}),
        (Column("a", "int", nullable=False), {"COLUMN_NAME": None, "SUB_PART": None}),
    ],
)
def test_some_keys_do_not_serve(column: Column, part: dict[str, object]) -> None:
    assert compare_rows.choose_key([column], {"PRIMARY": [part]}) is None


def test_key_columns_of_another_collation_make_ranges_impossible() -> None:
    source = Table("d", "t", columns=(text_column(collation="utf8mb4_bin"),), key=Key("PRIMARY", ("c",)))
    replica = Table("d", "t", columns=(text_column(collation="utf8mb4_unicode_ci"),), key=Key("PRIMARY", ("c",)))
    assert [table.key for table in compare_rows.read_alike(source, replica)] == [None, None]


def test_a_replica_without_the_index_is_read_without_it() -> None:
    column = text_column(collation="utf8_bin", charset="utf8")
    other = text_column(collation="utf8mb3_bin", charset="utf8mb3")
    source = Table("d", "t", columns=(column,), key=Key("PRIMARY", ("c",)))
    mine, theirs = compare_rows.read_alike(source, Table("d", "t", columns=(other,)))
    assert mine.key == Key("PRIMARY", ("c",))
    assert "FORCE INDEX (`PRIMARY`)" in compare_rows.digest_statement(mine, None, None)
    assert "FORCE INDEX" not in compare_rows.digest_statement(theirs, None, None)
    assert compare_rows.comparable(mine, theirs)


@pytest.mark.parametrize(
    ("mine", "theirs", "function"),
    [(True, True, "SHA1("), (True, False, "SHA2("), (False, True, "SHA2("), (False, False, "SHA2(")],
)
def test_both_sides_are_hashed_by_what_both_have(mine: bool, theirs: bool, function: str) -> None:
    pair = (Table("d", "t", columns=(Column("a", "int"),), sha1=sha1) for sha1 in (mine, theirs))
    for table in compare_rows.read_alike(*pair):
        assert function in compare_rows.digest_statement(table, None, None)
        assert function in compare_rows.multiset_statement(table, 1)


@pytest.mark.parametrize(
    ("version", "there"),
    [("5.6.51-log", True), ("9.5.0", True), ("9.6.0", False), ("9.7.4", False), ("5.5.5-10.11.19-MariaDB-log", True)],
)
def test_versions_that_have_sha1(version: str, there: bool) -> None:
    assert compare_columns.has_sha1(version) is there


def test_tables_are_comparable_by_names_types_and_character_sets() -> None:
    table = int_table(2)
    renamed = Table("d", "t", columns=(table.columns[1], table.columns[0]))
    assert not compare_rows.comparable(table, renamed)
    wide = Table("d", "t", columns=(Column("k0", "int", "int(11)", nullable=False), table.columns[1]))
    assert compare_rows.comparable(table, wide)
    virtual = Table("d", "t", columns=(*table.columns, Column("v", "int", virtual=True)))
    assert compare_rows.comparable(table, virtual)
    latin = Table("d", "t", columns=(text_column(charset="latin1"),))
    assert not compare_rows.comparable(Table("d", "t", columns=(text_column(),)), latin)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (Column("a", "int"), "1 OR 1=1"),
        (Column("a", "int"), ""),
        (Column("a", "datetime"), "' OR 1"),
        (Column("a", "datetime"), ""),
        (text_column(), "xyz"),
        (text_column(), "'"),
    ],
)
def test_nothing_but_a_key_value_becomes_a_literal(column: Column, text: str) -> None:
    with pytest.raises(ValueError):
        compare_columns.key_literal(column, text)


@pytest.mark.parametrize(
    ("column", "text", "literal", "shown"),
    [
        (Column("a", "bigint"), "-5", "-5", "-5"),
        (Column("a", "decimal"), "-1.250", "-1.250", "-1.250"),
        (Column("a", "datetime"), "2020-01-01 00:00:00.000001", "'2020-01-01 00:00:00.000001'",
         "2020-01-01 00:00:00.000001"),
        (Column("a", "inet6"), "::ffff:1", "'::ffff:1'", "::ffff:1"),
        (text_column(), "C3A9", "_utf8mb4 X'C3A9'", "é"),
        (text_column(), "", "_utf8mb4 X''", ""),
        (text_column(), "FF", "_utf8mb4 X'FF'", "0xFF"),
        (text_column(charset="latin1"), "E9", "_latin1 X'E9'", "é"),
        (Column("a", "varbinary"), "0041", "X'0041'", "0x0041"),
    ],
)  # fmt: skip
def test_key_literals(column: Column, text: str, literal: str, shown: str) -> None:
    assert compare_columns.key_literal(column, text) == literal
    assert compare_columns.key_shown(column, text) == shown


def test_unknown_types_are_named_and_never_hashed() -> None:
    table = Table("d", "t", columns=(Column("a", "int"), Column("b", "xmltype"), Column("c", "odd", virtual=True)))
    assert table.unknown_types() == ("xmltype",)
    with pytest.raises(ValueError):
        compare_columns.value(Column("b", "xmltype"))


def test_long_values_are_hashed_and_virtual_columns_left_out() -> None:
    columns = [Column("a", "int"), Column("b", "longtext"), Column("v", "int", virtual=True)]
    text = compare_columns.row_hash(columns, False)
    assert "SHA2(CAST(`b` AS BINARY), 256)" in text
    assert "`v`" not in text
    assert "IFNULL(`a`, 'N'), ','" in text


@pytest.mark.parametrize(
    ("given_type", "expected"),
    [("int(11)", "int"), ("bigint(20) unsigned", "bigint unsigned"), ("varchar(9)", "varchar(9)"),
     ("int(5) unsigned zerofill", "int unsigned zerofill"), ("year(4)", "year"), ("int", "int")],
)  # fmt: skip
def test_display_widths_are_set_aside(given_type: str, expected: str) -> None:
    assert compare_columns.without_width(given_type) == expected
