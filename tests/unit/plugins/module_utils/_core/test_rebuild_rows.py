# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as literals, and the definitions that a replica gets."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import rebuild_objects as objects
from ansible_collections.replicaops.mysql.plugins.module_utils._core import rebuild_rows as rows
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare_columns import Column, Key
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare_rows import Table
from ansible_collections.replicaops.mysql.plugins.module_utils._core.rebuild_objects import Definition

ID = Column("id", "int", "int", nullable=False)
TEXT = Column("a`b", "varchar", "varchar(9)", 36, "utf8mb4")
KEYED = Table("shop", "t", engine="InnoDB", columns=(ID, TEXT), key=Key("PRIMARY", ("id",)))


@pytest.mark.parametrize(
    ("kind", "cell", "expected"),
    [
        ("number", "-12.50", b"-12.50"),
        ("index", "18446744073709551615", b"18446744073709551615"),
        ("float", "-0", b"'-0'"),
        ("time", "0000-00-00 00:00:00", b"'0000-00-00 00:00:00'"),
        ("text", b"a'b\\c\x00", b"_binary'a\\'b\\\\c\\0'"),
        ("binary", b"\xff\x1a", b"_binary'\xff\x1a'"),
        ("opaque", "00FF", b"X'00FF'"),
        ("document", b'{"a": "\\""}', b'\'{"a": "\\\\""}\''),
        ("text", None, b"NULL"),
        ("text", b"", b"_binary''"),
    ],
)
def test_a_literal_gives_the_same_value_again(kind, cell, expected):
    assert rows.literal(kind, cell) == expected


def test_an_unknown_kind_is_no_value():
    with pytest.raises(ValueError, match="no literal"):
        rows.literal("", b"x")


def test_rows_are_read_behind_a_key_and_written_by_name():
    statement = rows.select(KEYED, (ID, TEXT), ("7",), 100)
    assert statement.endswith("FROM `shop`.`t` FORCE INDEX (`PRIMARY`) WHERE (`id` > 7) ORDER BY `id` LIMIT 100")
    assert statement.startswith("SELECT CAST(`id` AS CHAR) AS c0, ")
    assert rows.insert_head(KEYED, (ID, TEXT)) == b"INSERT INTO `shop`.`t` (`id`, `a``b`) VALUES "


def test_a_table_without_a_key_is_read_as_a_whole():
    table = Table("shop", "t", columns=(TEXT,))
    assert rows.select(table, (TEXT,), None, 0).endswith(" AS c0 FROM `shop`.`t`")


def test_statements_are_no_longer_than_allowed_but_hold_one_row_at_least():
    made = [rows.row(("number",), (str(number),)) for number in (1, 22, 333)]
    assert list(rows.statements(b"I ", made, 11)) == [(b"I (1),(22)", 2), (b"I (333)", 1)]
    assert [count for _sql, count in rows.statements(b"I ", made, 1)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("state", "expected"),
    [("ENABLE", "DISABLE ON REPLICA"), ("DISABLE", "DISABLE"), ("DISABLE ON SLAVE", "DISABLE ON SLAVE")],
)
def test_an_event_never_runs_on_a_replica(state, expected):
    text = "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01' ON COMPLETION NOT PRESERVE %s DO SELECT 1"
    made = objects.on_replica(Definition(objects.EVENT, "shop", "e", text % state), old_words=False)
    assert made.text == text % expected


def test_other_words_are_left_alone():
    view = Definition(objects.VIEW, "shop", "v", "CREATE VIEW v AS SELECT 'ON COMPLETION PRESERVE ENABLE'")
    assert objects.on_replica(view, True) is view


def test_a_program_is_made_with_its_own_context_and_a_table_with_none():
    trigger = Definition(objects.TRIGGER, "shop", "tr", "", {"sql_mode": "ANSI", "character_set_client": "latin1"})
    assert objects.session(trigger) == (
        "SET SESSION sql_mode = 'ANSI', time_zone = '+00:00', character_set_client = 'latin1'"
    )
    assert "NO_AUTO_VALUE_ON_ZERO" in objects.session(Definition(objects.TABLE, "shop", "t", ""))


def test_definitions_differ_but_for_the_next_number():
    def table(text):
        return Definition(objects.TABLE, "shop", "t", text)

    assert objects.differing((table("x AUTO_INCREMENT=5 y"),), (table("x AUTO_INCREMENT=9 y"),)) == ()
    assert objects.differing((table("x"),), (table("y"),)) == ("table shop.t",)
    assert objects.differing((table("x"),), ()) == ("table shop.t",)


# As SHOW CREATE of MySQL 5.6 and MariaDB 10.11 gives them, the last in the sql_mode that it was made with.
@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (
            objects.VIEW,
            "CREATE ALGORITHM=UNDEFINED DEFINER=`a``b`@`%` SQL SECURITY DEFINER VIEW `v` AS select ' DEFINER=`x`@`y`'",
            "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select ' DEFINER=`x`@`y`'",
        ),
        (objects.FUNCTION, "CREATE DEFINER=`role` FUNCTION `f`() RETURNS int", "CREATE FUNCTION `f`() RETURNS int"),
        (objects.FUNCTION, 'CREATE DEFINER="a"@"%" FUNCTION "f"() RETURNS int', 'CREATE FUNCTION "f"() RETURNS int'),
    ],
)
def test_a_definition_of_whoever_makes_it(kind: str, text: str, expected: str) -> None:
    assert objects.of_maker(Definition(kind, "shop", "x", text)).text == expected


def test_a_view_takes_the_place_of_one_that_is_there() -> None:
    view = Definition(objects.VIEW, "shop", "v", "CREATE VIEW `v` AS select 'CREATE x'")
    assert objects.instead(view).text == "CREATE OR REPLACE VIEW `v` AS select 'CREATE x'"
