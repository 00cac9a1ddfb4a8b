# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import column_values, ddl
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_reader import UnknownStatement
from ansible_collections.replicaops.mysql.plugins.module_utils._core.table_definition import parse


@pytest.mark.parametrize(
    "definition",
    [
        "int DEFAULT NULL",
        "int NOT NULL",
        "int DEFAULT '3' COMMENT 'DEFAULT now()'",
        "decimal(5,2) DEFAULT 1.50",
        "int(11) DEFAULT -1",
        "int DEFAULT 1 /*!80023 INVISIBLE */",
        "bit(1) DEFAULT b'1'",
        "binary(2) DEFAULT 0x3100",
        "varchar(9) CHARACTER SET latin1 DEFAULT 'x' CHECK (`c` <> '')",
        "int GENERATED ALWAYS AS (`a` + 1) VIRTUAL",
    ],
)
def test_the_same_value_everywhere(definition):
    assert column_values.is_fixed(definition)


@pytest.mark.parametrize(
    "definition",
    [
        "timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP",
        "datetime DEFAULT current_timestamp()",
        "varchar(36) DEFAULT (uuid())",
        "varchar(36) DEFAULT uuid()",
        "varchar(36) DEFAULT (cast(now() as char(36)))",
        "varchar(36) DEFAULT uuid() CHECK (cast(`c` as char(1)) <> '')",
        "int DEFAULT (1 + 2)",
        "int DEFAULT 1 + 2",
        "int DEFAULT nextval(`s`)",
        "int DEFAULT `other`",
        "bigint NOT NULL AUTO_INCREMENT",
        "timestamp NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP",
        "timestamp(6) GENERATED ALWAYS AS ROW START",
    ],
)
def test_values_that_may_differ(definition):
    assert not column_values.is_fixed(definition)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("ALTER TABLE t ADD c DATETIME DEFAULT now()", True),
        ("ALTER TABLE t ADD COLUMN (`C` DATETIME DEFAULT now(), d INT, KEY (d))", True),
        ("ALTER TABLE t MODIFY c DATETIME DEFAULT now()", False),
        ("ALTER TABLE t ADD d INT", False),
        ("ALTER TABLE t ADD KEY c (d)", False),
    ],
)
def test_only_added_columns_get_new_values(sql, found):
    after = parse("CREATE TABLE `t` (\n  `d` int,\n  `c` datetime DEFAULT current_timestamp()\n) ENGINE=InnoDB")
    assert bool(column_values.unlike(ddl.parse(sql), after)) is found


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t DROP c, ADD c INT",
        "ALTER TABLE t DROP COLUMN `C`, ADD COLUMN (c INT, d INT)",
        "ALTER TABLE t DROP COLUMN a, ADD d INT, CHANGE COLUMN b a INT",
        "ALTER TABLE t CHANGE a b INT, CHANGE b a INT, ADD c INT",
    ],
)
def test_a_column_that_is_dropped_and_made_again(sql):
    with pytest.raises(UnknownStatement, match="drops and makes"):
        column_values.check_kept(ddl.parse(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t CHANGE a A BIGINT, ADD c INT",
        "ALTER TABLE t DROP b, ADD UNIQUE b (a)",
        "ALTER TABLE t DROP a, ADD b INT",
        "DROP INDEX a ON t",
    ],
)
def test_columns_that_are_not_replaced(sql):
    column_values.check_kept(ddl.parse(sql))


def test_when_values_are_touched():
    def table(column, options="ENGINE=InnoDB"):
        return parse("CREATE TABLE `t` (\n  `a` int,\n  %s\n) %s" % (column, options))

    bare = table("`b` int")
    assert column_values.touches(bare, table("`b` bigint"))
    assert column_values.touches(bare, table("`b` int", "ENGINE=InnoDB DEFAULT CHARSET=latin1"))
    assert not column_values.touches(bare, table("`b` int,\n  KEY `b` (`b`)"))
