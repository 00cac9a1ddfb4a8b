# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.statement import (
    MASK,
    Statement,
    identifier,
    literal,
    qualified,
)


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        (Statement("STOP REPLICA SQL_THREAD FOR CHANNEL ''"), "STOP REPLICA SQL_THREAD FOR CHANNEL ''"),
        (Statement("SET GLOBAL x = %s", (5,)), "SET GLOBAL x = 5"),
        (Statement("SELECT %s, '100%%'", ("a'b\\c",)), "SELECT 'a\\'b\\\\c', '100%'"),
        (Statement("SELECT %s", (b"\x00\xff",)), "SELECT 0x00ff"),
        (Statement("SELECT %s", (None,)), "SELECT NULL"),
        (Statement("LIKE '5%'"), "LIKE '5%'"),
    ],
)
def test_display(statement, shown):
    assert statement.display() == shown


def test_a_secret_is_masked_in_its_own_slot_only():
    statement = Statement("CHANGE MASTER TO MASTER_USER = %s, MASTER_PASSWORD = %s", ("repl", "repl"), frozenset([1]))
    assert statement.display() == "CHANGE MASTER TO MASTER_USER = 'repl', MASTER_PASSWORD = '%s'" % MASK
    assert statement.params == ("repl", "repl")


@pytest.mark.parametrize(("name", "quoted"), [("t", "`t`"), ("a`b", "`a``b`"), ("a.b", "`a.b`"), ("ä", "`ä`")])
def test_identifier(name, quoted):
    assert identifier(name) == quoted


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ValueError, match="not a name"):
        identifier(name)


def test_qualified():
    assert qualified("d.x", "t") == "`d.x`.`t`"


def test_literal_of_a_number_has_no_quotes():
    assert literal(1.5) == "1.5"
