# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_tokens import SqlError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.table_definition import (
    Later,
    lacking_after_alter,
    lacking_after_create,
    parse,
)

# As the servers print them (MySQL 9.7, MariaDB 10.11).
BASE = [
    "  `id` int NOT NULL AUTO_INCREMENT",
    "  `v` int DEFAULT '3'",
    "  PRIMARY KEY (`id`)",
    "  KEY `kv` (`v`)",
]
TAIL = ") ENGINE=InnoDB AUTO_INCREMENT=17 DEFAULT CHARSET=latin1 COMMENT='tt, (x'"


def table(*lines, tail=TAIL, name="t"):
    return parse("CREATE TABLE `%s` (\n%s\n%s" % (name, ",\n".join(lines), tail))


def with_lines(*lines):
    """The base table with columns and keys in their places."""
    columns = [line for line in lines if line.startswith("  `")]
    keys = [line for line in lines if not line.startswith("  `")]
    return table(*BASE[:2], *columns, *BASE[2:], *keys)


C = "  `c` int DEFAULT NULL"
D = "  `d` int DEFAULT NULL"
KC = "  KEY `kc` (`c`)"


def test_parts():
    found = table(
        *BASE,
        "  UNIQUE KEY `a,b` (`v`,`id`) COMMENT ')'",
        "  CONSTRAINT `f1` FOREIGN KEY (`v`) REFERENCES `t` (`id`)",
        "  CONSTRAINT `positive` CHECK ((`id` > 0))",
        tail=TAIL + "\n/*!50100 PARTITION BY HASH (`id`)\nPARTITIONS 2 */",
    )
    assert found.names() == ("id", "v")
    assert sorted(found.keys) == ["PRIMARY", "a,b", "kv"]
    assert list(found.foreign_keys) == ["f1"]
    assert found.checks == ("CHECK ( ( `id` > 0 ) )",)
    assert found.options == "ENGINE = InnoDB DEFAULT CHARSET = latin1 COMMENT = 'tt, (x'"
    assert found.partitions.startswith("/*!50100 PARTITION BY")
    assert found.engine == "INNODB"
    assert table(*BASE, tail=TAIL + "\n PARTITION BY HASH (`id`)\nPARTITIONS 2").options == found.options


@pytest.mark.parametrize("text", ["", "CREATE VIEW `v` AS SELECT 1", "CREATE TABLE `t` (", "CREATE VIEW v (a)"])
def test_what_is_no_table(text):
    with pytest.raises(SqlError):
        parse(text)


def test_added_column_present():
    assert lacking_after_alter(with_lines(), with_lines(C), with_lines(C)) == ()


@pytest.mark.parametrize(
    ("after", "real", "word"),
    [
        (with_lines(C), with_lines(), "column c is not there"),
        (with_lines(C), with_lines("  `c` bigint DEFAULT NULL"), "column c is bigint"),
        (with_lines(C, KC), with_lines(C), "key kc is not there"),
        (with_lines(C, KC), with_lines(C, "  KEY `kc` (`c`,`v`)"), "key kc is"),
        (with_lines(C, KC), with_lines(C, "  UNIQUE KEY `kc` (`c`)"), "key kc is"),
        (table(*BASE, tail=TAIL.replace("tt", "uu")), with_lines(), "table options"),
        (table(*BASE, tail=TAIL.replace("InnoDB", "MyISAM")), with_lines(), "table options"),
        (table(BASE[0], BASE[2]), with_lines(), "column v is still there"),
        (table(*BASE[:3]), with_lines(), "key kv is still there"),
        (table(BASE[0], "  `v` bigint DEFAULT '3'", *BASE[2:]), with_lines(), "column v is int"),
        (with_lines("  CONSTRAINT `x` CHECK ((`v` > 0))"), with_lines(), "constraint"),
    ],
)
def test_what_is_lacking(after, real, word):
    found = lacking_after_alter(with_lines(), after, real)
    assert any(word in phrase for phrase in found), found


def test_dropped_column_absent():
    assert lacking_after_alter(with_lines(C), with_lines(), with_lines()) == ()


def test_column_elsewhere_is_refused_unless_a_later_statement_put_the_other_behind_it():
    before, after, real = with_lines(D), with_lines(D, C), with_lines(C, D)
    assert "order" in lacking_after_alter(before, after, real)[0]
    assert lacking_after_alter(before, after, real, Later(frozenset(("d",)))) == ()


def test_what_our_own_taking_away_lost_is_not_asked_for():
    # Dropping column c from the copy took key kc with it; the statement only makes the column.
    assert lacking_after_alter(with_lines(), with_lines(C), with_lines(C, KC)) == ()


def test_names_of_columns_have_no_case_and_counters_do_not_count():
    real = table(*BASE[:2], "  `C` int DEFAULT NULL", *BASE[2:], tail=TAIL.replace("17", "99"))
    assert lacking_after_alter(with_lines(), with_lines(C), real) == ()


def test_unique_keys_without_a_primary_key_keep_their_order():
    one = ["  `a` int NOT NULL", "  `b` int NOT NULL"]
    ka, kb = "  UNIQUE KEY `ka` (`a`)", "  UNIQUE KEY `kb` (`b`)"
    assert "order" in lacking_after_create(table(*one, ka, kb), table(*one, kb, ka))[0]
    assert lacking_after_create(table(*BASE, ka, kb), table(*BASE, kb, ka)) == ()


@pytest.mark.parametrize(
    ("real", "word"),
    [
        (with_lines(C), "more columns: c"),
        (with_lines("  KEY `x` (`v`)"), "more keys: x"),
        (table(BASE[1], BASE[0], *BASE[2:]), "order"),
        (table(*BASE[:3]), "key kv is not there"),
        (table(*BASE, tail=TAIL.replace("latin1", "utf8mb4")), "table options"),
        (table(*BASE, "  CONSTRAINT `x` CHECK ((`v` > 0))"), "CHECK constraints"),
        (table(*BASE, "  CONSTRAINT `f` FOREIGN KEY (`v`) REFERENCES `t` (`id`)"), "numbers of foreign keys"),
        (table(*BASE, tail=TAIL + " PARTITION BY HASH (`id`)"), "partitions"),
    ],
)
def test_a_created_table_must_be_equal(real, word):
    found = lacking_after_create(with_lines(), real)
    assert any(word in phrase for phrase in found), found


def test_a_created_table_that_later_statements_changed():
    later = Later(frozenset(("c",)), frozenset(("kc",)))
    assert lacking_after_create(with_lines(), with_lines(C, KC), later) == ()
    assert lacking_after_create(with_lines(), with_lines()) == ()


def test_the_key_that_a_foreign_key_brings_along():
    foreign = "  CONSTRAINT `f` FOREIGN KEY (`w`) REFERENCES `t` (`id`)"
    columns = [*BASE[:2], "  `w` int DEFAULT NULL", *BASE[2:]]
    made, real = table(*columns), table(*columns, "  KEY `f` (`w`)", foreign)
    assert lacking_after_create(made, real, referring=[("w",)]) == ()
    assert lacking_after_create(made, table(*columns, "  UNIQUE KEY `f` (`w`)", foreign), referring=[("w",)]) != ()
    assert lacking_after_create(made, table(*columns, "  KEY `f` (`w`,`v`)", foreign), referring=[("w",)]) != ()
    assert lacking_after_create(made, real) != ()
