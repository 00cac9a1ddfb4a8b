# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import program
from ansible_collections.replicaops.mysql.plugins.module_utils._core.ddl import parse

# Statement as logged, and SHOW CREATE of what it makes (MySQL 9.7 and 5.6, MariaDB 10.11).
SAME = [
    ("CREATE DEFINER=`root`@`%` PROCEDURE `d`.`p`()\nSELECT 1", "CREATE DEFINER=`root`@`%` PROCEDURE `p`()\nSELECT 1"),
    (
        "CREATE DEFINER=`root`@`%` FUNCTION `d`.`f`(a int) RETURNS int\n    DETERMINISTIC\nreturn a+1",
        "CREATE DEFINER=`root`@`%` FUNCTION `f`(a int) RETURNS int\n    DETERMINISTIC\nreturn a+1",
    ),
    (
        "CREATE DEFINER=`root`@`%` TRIGGER d.tr BEFORE INSERT ON d.t FOR EACH ROW SET NEW.v=1",
        "CREATE DEFINER=`root`@`%` TRIGGER `tr` BEFORE INSERT ON `t` FOR EACH ROW SET NEW.v=1",
    ),
    (
        "CREATE DEFINER=`root`@`%` EVENT d.e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "CREATE DEFINER=`root`@`%` EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2026-11-20 23:32:50'"
        " ON COMPLETION NOT PRESERVE DISABLE ON SLAVE DO SELECT 1",
    ),
    (
        "CREATE DEFINER=a@b EVENT e ON SCHEDULE AT '2030-01-01 00:00:00'"
        " ON COMPLETION PRESERVE COMMENT 'x' DO SELECT 1",
        "CREATE DEFINER=`a`@`b` EVENT `e` ON SCHEDULE AT '2030-01-01 00:00:00' ON COMPLETION PRESERVE"
        " DISABLE ON SLAVE COMMENT 'x' DO SELECT 1",
    ),
]


@pytest.mark.parametrize(("statement", "shown"), SAME)
def test_the_same(statement, shown):
    assert program.lacking(parse(statement), shown, "d") == ()


@pytest.mark.parametrize(
    ("case", "old", "new"),
    [
        (0, "SELECT 1", "SELECT 2"),
        (0, "root", "other"),
        (0, "`p`()", "`p`(a int)"),
        (1, "DETERMINISTIC", "NOT DETERMINISTIC"),
        (1, "RETURNS int", "RETURNS bigint"),
        (1, "return a+1", "return a+1; drop table x"),
        (2, "BEFORE", "AFTER"),
        (2, "ON `t`", "ON `u`"),
        (2, "NEW.v", "NEW.w"),
        (3, "1 DAY", "2 DAY"),
        (3, "SELECT 1", "SELECT 'x'"),
        (3, "NOT PRESERVE", "PRESERVE"),
        (3, "DISABLE ON SLAVE", "ENABLE"),
        (4, "2030", "2031"),
        (4, "'x'", "'y'"),
    ],
)
def test_differences(case, old, new):
    statement, shown = SAME[case]
    assert old in shown
    assert program.lacking(parse(statement), shown.replace(old, new), "d") != ()


def test_an_event_with_a_relative_time_is_unknown():
    sql = "CREATE DEFINER=a@b EVENT e ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 1 DAY DO SELECT 1"
    with pytest.raises(ValueError, match="counted from its making"):
        program.lacking(parse(sql), SAME[4][1], "d")


def test_strings_keep_their_case():
    statement = "CREATE DEFINER=a@b PROCEDURE p() SELECT 'X'"
    assert program.lacking(parse(statement), "create definer=`A`@b procedure `P`() select 'X' -- y", "d") == ()
    assert program.lacking(parse(statement), "CREATE DEFINER=a@b PROCEDURE p() SELECT 'x'", "d") != ()
