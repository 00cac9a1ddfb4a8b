# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as there, given what a server answers: a definition is no proof of the rows behind it."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import column_values, effect
from ansible_collections.replicaops.mysql.plugins.module_utils._core.account_statement import native_hash
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import ServerError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_reader import Name, UnknownStatement
from ansible_collections.replicaops.mysql.plugins.module_utils._core.table_definition import NOTHING_LATER, parse
from ansible_collections.replicaops.mysql.plugins.module_utils._server import effect as asking
from ansible_collections.replicaops.mysql.plugins.module_utils._server import effect_named

TABLE, TWIN = Name("d", "t"), Name("d", "_replicaops_twin_7")


class Session:
    """A server with one table, whose twin is altered as the test says.

    :param made: the twin's definitions: before and after each change.
    :param rows: whether the table holds any.
    """

    def __init__(self, *made, rows=False, user=None):
        self.made = list(made)
        self.rows = rows
        self.user = user
        self.errors = [ServerError(1060, "run it", "db2", "Duplicate column name 'c'")]

    def one(self, statement, params=()):
        if statement.startswith("SHOW CREATE TABLE"):
            return {"Create Table": self.made[0] if len(self.made) == 1 else self.made.pop(0)}
        if "mysql.user" in statement:
            return self.user
        return {"one": 1} if self.rows else None

    def execute(self, statement, params=()):
        if "ADD" in statement and self.errors:
            raise self.errors.pop()
        return 0


def table(*columns):
    return "CREATE TABLE `t` (\n%s\n) ENGINE=InnoDB" % ",\n".join("  %s" % column for column in ("`a` int", *columns))


def altered(sql, column, rows):
    question = effect.question(1060, sql, "d")
    session = Session(table(column), table(), table(column), rows=rows)
    return asking._altered(session, question, TABLE, parse(table(column)), TWIN, NOTHING_LATER)


def test_an_added_column_with_a_literal_default_is_there_and_its_values_are_not_compared():
    verdict = altered("ALTER TABLE t ADD c INT DEFAULT 3", "`c` int DEFAULT '3'", True)
    assert verdict.present and column_values.NOT_COMPARED in verdict.evidence


@pytest.mark.parametrize("default", ["CURRENT_TIMESTAMP", "current_timestamp()", "(now() + interval 1 day)"])
def test_an_added_column_with_another_default_is_there_in_an_empty_table_only(default):
    sql, column = "ALTER TABLE t ADD c DATETIME DEFAULT CURRENT_TIMESTAMP", "`c` datetime DEFAULT %s" % default
    assert altered(sql, column, False).present
    (lacking,) = altered(sql, column, True).lacking
    assert "column c" in lacking and "cannot be known" in lacking


def test_a_column_that_is_dropped_and_made_again_is_never_there():
    with pytest.raises(UnknownStatement, match="drops and makes"):
        altered("ALTER TABLE t DROP a, ADD a INT, ADD c INT", "`c` int", False)


@pytest.mark.parametrize("rows", [True, False])
def test_a_table_that_is_there_must_be_empty(rows):
    question = effect.question(1050, "CREATE TABLE t (a INT)", "d")
    verdict = asking._created(Session(table(), rows=rows), question, TABLE, parse(table()), TWIN, NOTHING_LATER)
    assert verdict.present is not rows
    assert not rows or ("empty the table" in verdict.lacking[0] and "compare" in verdict.lacking[0])


def test_grants_are_not_compared():
    question = effect.question(1396, "CREATE USER 'u'@'h' IDENTIFIED BY 'x'", "")
    user = {"plugin": "mysql_native_password", "authentication_string": native_hash("x")}
    verdict = effect_named.accounts_there(Session(user=user), question, NOTHING_LATER, None)
    assert verdict.present and "its grants were not compared" in verdict.evidence


class Views:
    """A server with one view, or none."""

    address = "db"

    def __init__(self, definition=""):
        self.definition = definition

    def one(self, statement, params=()):
        if not self.definition:
            raise ServerError(1146, "run it", "db", "Table 'd.v' doesn't exist")
        return {"Create View": self.definition, "character_set_client": "utf8", "collation_connection": "utf8_bin"}


VIEW = "CREATE VIEW `v` AS select 1 AS `one`"


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [(VIEW, VIEW, ""), (VIEW, VIEW + " from dual", "it is another one"), (VIEW, "", "not on the source any more")],
)
def test_a_view_is_there_when_the_source_has_the_same(mine, theirs, said):
    question = effect.question(1050, "CREATE VIEW v AS SELECT 1 AS one", "d")
    verdict = effect_named.view(Views(mine), question, NOTHING_LATER, Views(theirs))
    assert verdict.present == (not said) and said in " ".join(verdict.lacking), verdict
    if said and theirs:
        assert mine in " ".join(verdict.lacking) and "DROP VIEW `d`.`v`" in " ".join(verdict.lacking), verdict


def test_without_the_source_nothing_is_known_of_a_view():
    question = effect.question(1050, "CREATE VIEW v AS SELECT 1 AS one", "d")
    with pytest.raises(UnknownStatement, match="set option source"):
        effect_named.view(Views(VIEW), question, NOTHING_LATER, None)


class Events:
    """A server with one event of a replica, which begins at a time."""

    address = "db"

    def __init__(self, starts):
        self.starts = starts

    def one(self, statement, params=()):
        text = "CREATE DEFINER=`a`@`b` EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '%s' ON COMPLETION NOT PRESERVE%s"
        return {"Create Event": text % (self.starts, " DISABLE ON SLAVE DO SELECT 1"), "sql_mode": ""}


@pytest.mark.parametrize(
    ("statement", "source", "present"),
    [
        ("EVERY 1 DAY", Events("2030-01-01 00:00:00"), True),
        ("EVERY 1 DAY", Events("2030-01-01 00:00:01"), False),
        ("EVERY 1 DAY STARTS '2030-01-01 00:00:00'", None, True),
    ],
)
def test_an_event_that_begins_when_it_is_made_is_compared_with_that_of_the_source(statement, source, present):
    made = "CREATE DEFINER=`a`@`b` EVENT `e` ON SCHEDULE %s DO SELECT 1" % statement
    question = effect.question(1537, made, "d")
    verdict = effect_named.stored_program(Events("2030-01-01 00:00:00"), question, NOTHING_LATER, source)
    assert verdict.present == present, verdict


def test_without_the_source_it_is_not_known_when_an_event_begins():
    question = effect.question(1537, "CREATE DEFINER=`a`@`b` EVENT `e` ON SCHEDULE EVERY 1 DAY DO SELECT 1", "d")
    with pytest.raises(UnknownStatement, match="set option source"):
        effect_named.stored_program(Events("2030-01-01 00:00:00"), question, NOTHING_LATER, None)
