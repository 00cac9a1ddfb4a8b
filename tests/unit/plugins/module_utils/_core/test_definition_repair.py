# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement that makes columns the same, what it may lose, and how values are tried before it runs."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import definition_repair as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core.definition_repair import Alteration
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_steps import Look
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import RUNNING, STOPPED
from unit import made

WANTED = (
    "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `a``b` varchar(20) DEFAULT NULL,\n  `n` int,\n  PRIMARY KEY (`id`)\n)"
)
HAVE = (
    "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `a``b` date DEFAULT NULL,\n  `x` int,\n"
    "  `g` int GENERATED ALWAYS AS ((`id` + 1)) STORED,\n  PRIMARY KEY (`id`)\n)"
)


def test_the_statement_and_what_it_may_lose() -> None:
    one = Alteration("s", "t", HAVE, WANTED)
    assert one.statement == (
        "ALTER TABLE `s`.`t` DROP COLUMN `x`, DROP COLUMN `g`, MODIFY COLUMN `a``b` varchar(20) DEFAULT NULL,"
        " ADD COLUMN `n` int AFTER `a``b`"
    )
    assert one.dropped == ("`x`",), "a generated column has no values of its own"
    assert one.retyped == ("`a``b`",) and not one.reordered
    assert not Alteration("s", "t", WANTED, WANTED).statement
    turned = WANTED.replace("  `id` int NOT NULL,\n", "").replace("  `n` int,\n", "  `n` int,\n  `id` int NOT NULL,\n")
    assert Alteration("s", "t", turned, WANTED).reordered


def test_the_plan_leaves_nothing_behind_in_the_session() -> None:
    one = Alteration("s", "t", HAVE, WANTED)
    look = Look("", shown="SHOW CREATE TABLE `s`.`t`")
    plan = rules.plan([one], made.server(variables={"super_read_only": "ON"}), "id", [look], [look])
    queries = plan.queries()
    assert queries[0] == "SET SESSION sql_log_bin = 0" and queries[-1] == "SET SESSION sql_log_bin = 1"
    assert queries.index("SET GLOBAL super_read_only = 0") < queries.index("SET GLOBAL super_read_only = 1")
    strict = next(place for place, query in enumerate(queries) if "STRICT_ALL_TABLES" in query)
    assert strict < queries.index(one.statement) < queries.index("SET SESSION sql_mode = ''")
    assert plan.touches == ("s.t",) and HAVE in rules.undo([one])[0]


def test_values_are_tried_in_a_temporary_table() -> None:
    assert rules.trial("s", "date", "int") == (
        "CREATE TEMPORARY TABLE `s`.`replicaops_trial` (o date NULL, n int NULL, b date NULL)"
    )
    insert, back, count = rules.filling("s", "t", "`v`", 10)
    assert (
        insert.endswith("SELECT `v`, `v` FROM `s`.`t` LIMIT 11") and back.endswith("SET b = n") and "o <=> b" in count
    )
    row = {"COLUMN_TYPE": "varchar(5)", "CHARACTER_SET_NAME": "latin1", "COLLATION_NAME": "latin1_bin"}
    assert rules.type_of(row) == "varchar(5) CHARACTER SET latin1 COLLATE latin1_bin"
    assert rules.unquoted("`a``b`") == "a`b"


def test_what_must_not_be_altered_is_refused() -> None:
    for tables in ((), ("t",), ("s.*",)):
        with pytest.raises(BadInputError):
            rules.pairs(tables)
    assert rules.pairs(("s.t.u",)) == [("s", "t.u")]
    server = made.server()
    with pytest.raises(RefusedError, match="applier runs"):
        rules.check(server, made.channel(applier=RUNNING))
    rules.check(server, made.channel(applier=STOPPED))


def test_it_is_said_what_would_be_or_was_done() -> None:
    one = Alteration("s", "t", HAVE, WANTED)
    assert "Set state to altered" in rules.said([one], rules.CHECKED, False)
    assert rules.said([one], rules.ALTERED, True).startswith("Altered s.t: ALTER TABLE")
    assert "are those of the source" in rules.said([], rules.ALTERED, False)
