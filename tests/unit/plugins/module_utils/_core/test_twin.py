# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import ddl, twin
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_reader import Name, UnknownStatement
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_tokens import tokenise
from hypothesis import given, settings
from hypothesis import strategies as some

TWIN = Name("d", "_replicaops_twin_7")
SQL = "`d`.`_replicaops_twin_7`"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE t ADD COLUMN c INT", "ALTER TABLE %s ADD COLUMN c INT"),
        ("ALTER TABLE /* t */ d.t -- x\n ADD c DECIMAL(5,2) DEFAULT 1.5, LOCK=NONE",
         "ALTER TABLE %s ADD c DECIMAL(5,2) DEFAULT 1.5"),
        ("ALTER TABLE `t` ADD `t` INT, DROP INDEX `d`", "ALTER TABLE %s ADD `t` INT, DROP INDEX `d`"),
        ("ALTER TABLE `a``.b` COMMENT 'd.t'", "ALTER TABLE %s COMMENT 'd.t'"),
        ("CREATE INDEX i ON d.t (v) ALGORITHM=INPLACE LOCK NONE COMMENT 'x'", "CREATE INDEX i ON %s (v) COMMENT 'x'"),
        ("CREATE UNIQUE INDEX i USING HASH ON t (v(3), w DESC)",
         "CREATE UNIQUE INDEX i USING HASH ON %s (v(3), w DESC)"),
        ("DROP INDEX `i` ON d.t ALGORITHM=INPLACE", "DROP INDEX `i` ON %s"),
        ("CREATE TABLE d.u (id int, data json)", "CREATE TEMPORARY TABLE %s (id int, data json)"),
        ("CREATE TABLE u LIKE t", "CREATE TEMPORARY TABLE %s LIKE `d`.`t`"),
        ("CREATE TABLE u (engine INT, period INT, next INT) ENGINE = InnoDB",
         "CREATE TEMPORARY TABLE %s (engine INT, period INT, next INT) ENGINE = InnoDB"),
        ("CREATE TABLE u (a INT, KEY (a), CONSTRAINT f FOREIGN KEY (a) REFERENCES t (id) ON DELETE CASCADE)",
         "CREATE TEMPORARY TABLE %s (a INT, KEY (a))"),
        ("ALTER TABLE t ADD engine INT, ADD FOREIGN KEY (engine) REFERENCES u (id), ENGINE InnoDB",
         "ALTER TABLE %s ADD engine INT, ENGINE InnoDB"),
    ],
)  # fmt: skip
def test_only_the_twin_is_named(sql, expected):
    assert twin.apply(ddl.parse(sql), TWIN, "d") == expected % SQL


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t ADD c INT REFERENCES u (id)",
        "ALTER TABLE t ADD c INT PARTITION BY HASH (id)",
        "ALTER TABLE t ENGINE=InnoDB REMOVE PARTITIONING",
        "ALTER TABLE t ENGINE=FEDERATED CONNECTION='mysql://u@h/d/t'",
        "ALTER TABLE t ENGINE=MERGE UNION=(a,b)",
        "ALTER TABLE t COMMENT='x' RENAME u",
        "ALTER TABLE t MODIFY c INT DEFAULT (NEXT VALUE FOR s)",
        "ALTER TABLE t MODIFY c INT DEFAULT nextval(s)",
        "ALTER TABLE t MODIFY c INT DEFAULT (SELECT 1)",
        "ALTER TABLE t MODIFY c INT DEFAULT (@x)",
        "ALTER TABLE t COMMENT 'x' DATA DIRECTORY '/tmp'",
        "CREATE TABLE u (a INT) DATA DIRECTORY='/tmp'",
        "CREATE TABLE u (a INT) TABLESPACE x",
        "CREATE TABLE u (a INT REFERENCES t (id), FOREIGN KEY (a) REFERENCES t (id))",
        "CREATE TABLE u (a INT) ENGINE=InnoDB TYPE=x",
        "ALTER TABLE t ENGINE=BLACKHOLE",
        "ALTER TABLE t COMMENT='x' ENGINE=CSV",
        "CREATE TABLE u (a INT) SELECT 1 AS a",
        "CREATE TABLE u (a INT) TABLE t",
        "CREATE TABLE u (a INT) VALUES ROW(1)",
        "CREATE TABLE u (a INT) ENGINE=CSV",
        "CREATE TABLE u (a INT) ENGINE FEDERATED",
        "CREATE TABLE u (a INT) START TRANSACTION",
        "CREATE TABLE u (a INT) WITH SYSTEM VERSIONING",
        "CREATE TABLE u (a INT DEFAULT (LOAD_FILE('/etc/passwd')))",
        "DROP INDEX i ON t COMMENT 'x'",
    ],
)
def test_what_could_reach_further_is_refused(sql):
    with pytest.raises(UnknownStatement):
        twin.apply(ddl.parse(sql), TWIN, "d")


def test_nothing_to_apply():
    assert twin.apply(ddl.parse("ALTER TABLE t DROP FOREIGN KEY f, LOCK=NONE"), TWIN, "d") is None
    assert twin.dropped_foreign_keys(ddl.parse("ALTER TABLE t DROP FOREIGN KEY f")) == ("f",)


@pytest.mark.parametrize(
    ("number", "name", "sql", "expected"),
    [
        (1060, "c", "ALTER TABLE t ADD c INT", "ALTER TABLE %s DROP COLUMN `c`"),
        (1061, "k`", "ALTER TABLE t ADD KEY x (c)", "ALTER TABLE %s DROP INDEX `k```"),
        (1061, "PRIMARY", "ALTER TABLE t ADD KEY x (c)", "ALTER TABLE %s DROP PRIMARY KEY"),
        (1091, "C", "ALTER TABLE t DROP c", "ALTER TABLE %s ADD COLUMN `C` INT"),
        (1091, "i", "DROP INDEX i ON t",
         "ALTER TABLE %s ADD COLUMN `_replicaops_dummy_e66c3671` INT, ADD INDEX `i` (`_replicaops_dummy_e66c3671`)"),
        (1091, "PRIMARY", "ALTER TABLE t DROP PRIMARY KEY",
         "ALTER TABLE %s ADD COLUMN `_replicaops_dummy_1745ea86` INT NOT NULL PRIMARY KEY"),
    ],
)  # fmt: skip
def test_taking_away(number, name, sql, expected):
    assert twin.take_away(number, name, ddl.parse(sql), TWIN) == (expected % SQL,)


def test_nothing_is_made_that_the_statement_does_not_drop():
    with pytest.raises(UnknownStatement):
        twin.take_away(1091, "x", ddl.parse("ALTER TABLE t DROP y"), TWIN)


def test_a_twin_from_the_definition_has_no_partitions_and_foreign_keys():
    text = (
        "CREATE TABLE `p` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`),\n  FULLTEXT KEY `x` (`a`),\n"
        "  CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `t` (`id`)\n) ENGINE=InnoDB COMMENT='PARTITION BY'\n"
    )
    expected = "CREATE TEMPORARY TABLE %s (`id` int NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB COMMENT='PARTITION BY'"
    for tail in ("/*!50100 PARTITION BY HASH (`id`)\nPARTITIONS 2 */", " PARTITION BY HASH (`id`)\nPARTITIONS 2"):
        assert twin.create_from(text + tail, TWIN) == expected % SQL


def test_every_text_names_no_table_but_the_twin():
    made = twin.apply(ddl.parse("ALTER TABLE `d`.`real` ADD `x` INT COMMENT 'real'"), TWIN, "d")
    assert "real" not in [token.value for token in tokenise(made) if token.kind != "string"]


def test_modes():
    assert twin.session_mode("STRICT_TRANS_TABLES,ANSI_QUOTES,NO_ZERO_DATE") == "STRICT_TRANS_TABLES,NO_ZERO_DATE"
    with pytest.raises(UnknownStatement):
        twin.session_mode("PIPES_AS_CONCAT,ORACLE")


PIECES = some.sampled_from(
    ["ADD", "COLUMN", "DROP", "INDEX", "KEY", "MODIFY", "RENAME", "TO", "EXCHANGE", "PARTITION", "WITH", "TABLE",
     "real", "`real`", "d", ".", ",", ";", "(", ")", "=", "c", "INT", "'real'", "/* real */",
     "/*! RENAME real */", "-- x\n",
     "#\n", "ENGINE", "InnoDB", "MERGE", "UNION", "REFERENCES", "SELECT", "FROM", "CONSTRAINT", "FOREIGN", "`a``b`",
     '"real"', "'", "`", "\\", "@x", "\t", "\x0b", "LIKE", "DATA", "DIRECTORY", "FORCE", "ALGORITHM", "LOCK"]
)  # fmt: skip
HEADS = some.sampled_from(
    [
        "ALTER TABLE real ADD c INT ",
        "ALTER TABLE `d`.`real` ",
        "CREATE INDEX i ON real (c) ",
        "CREATE TABLE real (c INT ",
        "CREATE TABLE real (c INT) ",
        "DROP INDEX i ON real ",
    ]
)


@settings(max_examples=500)
@given(HEADS, some.lists(PIECES, max_size=12), some.sampled_from([" ", ""]))
def test_no_statement_can_reach_the_real_table(head, pieces, gap):
    sql = head + gap.join(pieces)
    try:
        made = twin.apply(ddl.parse(sql), TWIN, "d")
    except UnknownStatement:
        return
    if made is None:
        return
    tokens = tokenise(made)
    words = [token.upper for token in tokens]
    heads = [["ALTER", "TABLE"], ["CREATE", "TEMPORARY", "TABLE"], ["CREATE", "INDEX"], ["DROP", "INDEX"]]
    assert any(words[: len(start)] == start for start in heads)
    assert sum(token.value == TWIN.name for token in tokens) == 1
    assert not {";", "RENAME", "PARTITION", "REFERENCES", "SELECT", "UNION"} & set(words)
    assert words.count("TABLE") <= 1
    if "LIKE" not in words:
        # What is called like the real table can only be a column or a key: nothing before the twin's name is.
        before = tokens[: [token.value for token in tokens].index(TWIN.name)]
        assert "real" not in [token.value for token in before]
