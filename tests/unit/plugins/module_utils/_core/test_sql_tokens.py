# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_tokens import (
    SqlError,
    certain,
    depth_split,
    plain,
    tokenise,
)


def texts(sql, **how):
    return [token.text for token in tokenise(sql, **how)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE t ADD c INT", ["ALTER", "TABLE", "t", "ADD", "c", "INT"]),
        ("a.b.`c.d`", ["a", ".", "b", ".", "`c.d`"]),
        ("`a``b` 'it''s' 'a\\'b'", ["`a``b`", "'it''s'", "'a\\'b'"]),
        ("a/* x */b -- y\n# z\nc--1 --", ["a", "b", "c", "-", "-", "1"]),
        ("/* x ' */ a /*+ hint */", ["a"]),
        ("\tA\r\n\x0bB\x0cC", ["A", "B", "C"]),
        ("t\u00e4st\u00a0x 1abc $x", ["t\u00e4st\u00a0x", "1abc", "$x"]),
        ("'u'@'%'", ["'u'", "@", "'%'"]),
        ("'/* no comment */' `-- none`", ["'/* no comment */'", "`-- none`"]),
    ],
)
def test_texts(sql, expected):
    assert texts(sql) == expected


@pytest.mark.parametrize(
    "sql",
    ["'open", "`open", '"open', "/* open", "a \x00 b", "a \x1a b", "/*! x */", "/*!50100 x */", "/*M! x */", "'a\\'"],
)
def test_what_cannot_be_cut_is_refused(sql):
    with pytest.raises(SqlError):
        tokenise(sql)


def test_executable_comments_can_be_kept_whole():
    assert texts("a /*!50100 PARTITION BY 'x' */ b", executable=True) == ["a", "/*!50100 PARTITION BY 'x' */", "b"]


@pytest.mark.parametrize(
    "sql",
    [
        'ALTER TABLE t COMMENT "x"',
        "ALTER TABLE t COMMENT 'a\\'b'",
        "ALTER TABLE t COMMENT 'a\\', ADD c INT COMMENT 'b'",
        "ALTER TABLE t ADD c INT; DROP TABLE t",
        "ALTER TABLE t ADD c INT;;",
    ],
)
def test_what_depends_on_the_sql_mode_is_not_certain(sql):
    with pytest.raises(SqlError):
        certain(sql)


def test_what_is_certain():
    assert [token.text for token in certain("ALTER TABLE t COMMENT 'a\\nb''c';")][-1] == "'a\\nb''c'"


def test_values():
    values = [token.value for token in tokenise("`a``b` 'it''s' 'n\\n\\0\\%' \"q\"\"\" Word")]
    assert values == ["a`b", "it's", "n\n\x00%", 'q"', "Word"]


def test_a_quoted_name_is_no_keyword():
    assert [token.upper for token in tokenise("drop `drop` 'drop'")] == ["DROP", "", ""]


def test_split_outside_parentheses():
    parts = depth_split(tokenise("a(1,2), b, (c, d)"))
    assert ["".join(token.text for token in part) for part in parts] == ["a(1,2)", "b", "(c,d)"]
    for sql in ("a(1", "a)1"):
        with pytest.raises(SqlError):
            depth_split(tokenise(sql))


def test_plain_sets_case_and_backticks_aside_but_not_strings():
    assert plain(tokenise("SELECT `A`, 'x'")) == plain(tokenise("select a , 'x' -- y"))
    assert plain(tokenise("'x'")) != plain(tokenise("'X'"))
    assert plain(tokenise("'a'")) != plain(tokenise("a"))
