# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ALTER for definitions that differ: exact where nothing is lost, and refused with a reason where it may be."""

from __future__ import annotations

from typing import Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import compare_alter


def table(*lines: str, options: str = "ENGINE=InnoDB DEFAULT CHARSET=latin1") -> str:
    return "CREATE TABLE `t` (\n  %s\n) %s" % (",\n  ".join(lines), options)


KEY = ("`id` int(11) NOT NULL", "PRIMARY KEY (`id`)")


def clauses(source: str, replica: str) -> Tuple[str, ...]:
    found = compare_alter.alter("d", "t", source, replica)
    assert not found.refused, found.refused
    assert found.statements[:2] == (compare_alter.UNLOGGED, compare_alter.STRICT)
    return tuple(text.replace("ALTER TABLE `d`.`t` ", "") for text in found.statements[2:])


def refused(source: str, replica: str) -> str:
    found = compare_alter.alter("d", "t", source, replica)
    assert found.statements == () and found.refused
    return "; ".join(found.refused)


def test_equal_definitions_need_nothing() -> None:
    mine, theirs = table(*KEY), table(*KEY, options="ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=latin1")
    assert compare_alter.alter("d", "t", mine, theirs) == compare_alter.Alter()


def test_columns_are_added_moved_changed_and_renamed() -> None:
    assert clauses(table(KEY[0], "`a` int(11) DEFAULT NULL", KEY[1]), table(*KEY)) == (
        "ADD COLUMN `a` int(11) DEFAULT NULL AFTER `id`",
    )
    moved = clauses(table("`a` bigint(20)", "`b` date", *KEY), table("`b` date", "`a` int(11)", *KEY))
    assert moved == ("MODIFY COLUMN `a` bigint(20) FIRST",)
    renamed = clauses(table(KEY[0], "`old` int(11)", KEY[1]), table(KEY[0], "`new` int(11)", KEY[1]))
    assert renamed == ("CHANGE COLUMN `new` `old` int(11)",)


def test_keys_options_and_partitions() -> None:
    mine = table(*KEY, "KEY `k` (`id`,`a`)", "CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)")
    theirs = table(*KEY, "UNIQUE KEY `k` (`a`)", "CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `q` (`id`)")
    assert clauses(mine, theirs) == (
        "DROP FOREIGN KEY `f`",
        "DROP INDEX `k`, ADD KEY `k` (`id`,`a`)",
        "ADD CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `d`.`p` (`id`)",
    )
    parted = "ENGINE=MyISAM DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='it''s'"
    parted += "\n/*!50100 PARTITION BY HASH (id)\nPARTITIONS 3 */"
    assert clauses(table(*KEY, options=parted), table(*KEY)) == (
        "ENGINE=MyISAM, DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, COMMENT='it''s'",
        "PARTITION BY HASH (id) PARTITIONS 3",
    )
    assert clauses(table(*KEY), table(*KEY, options=parted))[0] == "REMOVE PARTITIONING"


def test_a_renamed_column_keeps_its_keys() -> None:
    mine = table(KEY[0], "`old` varchar(9)", KEY[1], "KEY `new` (`id`,`old`(3))")
    theirs = table(KEY[0], "`new` varchar(9)", KEY[1], "KEY `new` (`id`,`new`(3))")
    assert clauses(mine, theirs) == ("CHANGE COLUMN `new` `old` varchar(9)",)


def test_a_column_takes_the_tables_character_set_with_it() -> None:
    mine = table(KEY[0], "`v` varchar(9) DEFAULT NULL", KEY[1], options="ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")
    theirs = table(KEY[0], "`v` varchar(9) DEFAULT NULL", KEY[1])
    assert clauses(mine, theirs) == ("MODIFY COLUMN `v` varchar(9) DEFAULT NULL, DEFAULT CHARACTER SET utf8mb4",)
    assert "may not fit" in refused(theirs, mine)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bigint(20)", "int(11)"), ("int(11)", "bigint(20) unsigned"), ("int(11)", "decimal(20,0)"),
        ("varchar(9)", "varchar(10)"), ("varchar(9)", "text"), ("char(9)", "varchar(9)"), ("text", "longtext"),
        ("varchar(9) CHARACTER SET latin1 COLLATE latin1_bin", "varchar(9)"), ("varbinary(9)", "blob"),
        ("enum('a','b)')", "enum('b)','c','a')"), ("datetime", "datetime(3)"), ("date", "datetime"),
        ("float", "double"), ("decimal(9,2)", "decimal(12,3)"), ("bit(3)", "bit(64)"),
        ("int(11) DEFAULT NULL", "int(11) NOT NULL DEFAULT '5' COMMENT 'AS (x)'"), ("json", "json NOT NULL"),
    ],
)  # fmt: skip
def test_changes_that_keep_every_value_are_made(old: str, new: str) -> None:
    assert clauses(table(KEY[0], "`v` " + new, KEY[1]), table(KEY[0], "`v` " + old, KEY[1])) == (
        "MODIFY COLUMN `v` " + new,
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("varchar(10)", "varchar(9)"), ("varchar(9)", "char(9)"), ("text", "varchar(100)"), ("longtext", "text"),
        ("varchar(9) CHARACTER SET utf8mb4", "varchar(9)"), ("binary(3)", "binary(4)"), ("blob", "text"),
        ("enum('a','b')", "enum('a')"), ("datetime(3)", "datetime"), ("datetime", "date"), ("datetime", "timestamp"),
        ("double", "float"), ("double", "double(10,2)"), ("decimal(9,3)", "decimal(12,2)"), ("int(11)", "varchar(20)"),
        ("varchar(20)", "int(11)"), ("json", "text"), ("int(11)", "float"), ("int(11)", "enum('1')"),
        ("int(11) GENERATED ALWAYS AS (`id`) STORED", "int(11)"),
    ],
)  # fmt: skip
def test_changes_that_may_lose_something_are_refused(old: str, new: str) -> None:
    assert "column v" in refused(table(KEY[0], "`v` " + new, KEY[1]), table(KEY[0], "`v` " + old, KEY[1]))


def test_what_only_the_replica_has_is_never_dropped_with_its_values() -> None:
    assert "values would be lost" in refused(table(*KEY), table(KEY[0], "`v` int(11)", KEY[1]))
    computed = table(KEY[0], "`v` int(11) GENERATED ALWAYS AS (`id`) STORED", KEY[1])
    assert clauses(table(*KEY), computed) == ("DROP COLUMN `v`",)
    assert "may not keep" in refused(table(*KEY, options="ENGINE=BLACKHOLE DEFAULT CHARSET=latin1"), table(*KEY))
    versioned = table(*KEY, options="ENGINE=InnoDB DEFAULT CHARSET=latin1 WITH SYSTEM VERSIONING")
    assert "versions" in refused(table(*KEY), versioned)
    used = table(KEY[0], "`b` int(11)", KEY[1], "CONSTRAINT `c` CHECK (`b` > 0)")
    assert "an expression uses it" in refused(table(KEY[0], "`a` int(11)", KEY[1]), used)
