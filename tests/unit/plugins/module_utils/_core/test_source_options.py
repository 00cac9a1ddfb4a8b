# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of channel options: compared, written and spelled as each server wants it."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils import _source_spec
from ansible_collections.replicaops.mysql.plugins.module_utils._core import change_source_steps as steps
from ansible_collections.replicaops.mysql.plugins.module_utils._core import source_options as table
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.normalise_settings import OPTIONS as READ
from unit.made import MARIADB_1011, MYSQL_56, MYSQL_97, verbs


def test_every_option_is_read_under_the_name_the_table_has():
    read = {option.name for option in READ} | {"assign_gtids_to_anonymous_transactions"}
    assert {option.setting for option in table.OPTIONS if option.setting} <= read
    assert len(table.BY_NAME) == len(table.OPTIONS)


@pytest.mark.parametrize(
    "name, given, read",
    [
        ("source_port", "3306", 3306),
        ("source_delay", 0, None),
        ("source_ssl", True, 1),
        ("source_ssl", False, 0),
        ("source_ssl_ca", "", None),
        ("source_heartbeat_period", 11.5, "11.5"),
        ("source_heartbeat_period", 30, "30"),
        ("source_heartbeat_period", 1234.5678, "1234.57"),
        ("assign_gtids_to_anonymous_transactions", False, None),
        ("ignore_server_ids", [78, 77], "77, 78"),
        ("ignore_server_ids", [], None),
        ("source_tls_version", ["TLSv1.3", "TLSv1.2"], "TLSv1.2,TLSv1.3"),
        ("source_compression_algorithms", ["zstd", "zlib"], "zlib,zstd"),
        ("privilege_checks_user", "priv@localhost", "'priv'@'localhost'"),
        ("privilege_checks_user", "'p v'@'%'", "'p v'@'%'"),
        ("privilege_checks_user", "priv", "'priv'@'%'"),
        ("require_table_primary_key_check", "STREAM", None),
        ("assign_gtids_to_anonymous_transactions", "local", "LOCAL"),
        ("assign_gtids_to_anonymous_transactions", "OFF", None),
        ("use_gtid", "replica_pos", "slave_pos"),
        ("use_gtid", "slave_pos", "Slave_Pos"),
    ],
)
def test_what_is_given_equals_what_is_read(name, given, read):
    option = table.BY_NAME[name]
    assert table.plain(option, given) == table.plain(option, read)


@pytest.mark.parametrize(
    "name, given, other",
    [
        ("source_delay", 1, None),
        ("source_ssl_ca", "/a", "/b"),
        ("ignore_server_ids", [77], "77, 78"),
        ("source_tls_version", ["TLSv1.3"], "TLSv1.2,TLSv1.3"),
        ("privilege_checks_user", "priv@localhost", "'priv'@'%'"),
        ("privilege_checks_user", "Priv", "'priv'@'%'"),
        ("require_table_primary_key_check", "ON", "STREAM"),
        ("source_heartbeat_period", 11.5, "11.25"),
    ],
)
def test_what_differs_differs(name, given, other):
    option = table.BY_NAME[name]
    assert table.plain(option, given) != table.plain(option, other)


@pytest.mark.parametrize(
    "name, given",
    [
        ("source_port", "many"),
        ("assign_gtids_to_anonymous_transactions", "yes"),
        ("privilege_checks_user", "a b@c"),
        ("privilege_checks_user", "x' OR '1"),
        ("ignore_server_ids", "1;2"),
    ],
)
def test_an_impossible_value_is_named(name, given):
    with pytest.raises(BadInputError, match=name):
        table.plain(table.BY_NAME[name], given)


@pytest.mark.parametrize(
    "name, value, sql",
    [
        ("source_host", "o'x", "SOURCE_HOST = 'o\\'x'"),
        ("source_delay", 5, "SOURCE_DELAY = 5"),
        ("ignore_server_ids", (), "IGNORE_SERVER_IDS = ()"),
        ("ignore_server_ids", [2, 1], "IGNORE_SERVER_IDS = (1, 2)"),
        ("privilege_checks_user", "priv@%", "PRIVILEGE_CHECKS_USER = 'priv'@'%'"),
        ("privilege_checks_user", "", "PRIVILEGE_CHECKS_USER = NULL"),
        ("source_tls_ciphersuites", "", "SOURCE_TLS_CIPHERSUITES = NULL"),
        ("source_tls_version", ["TLSv1.3", "TLSv1.2"], "SOURCE_TLS_VERSION = 'TLSv1.2,TLSv1.3'"),
        ("require_table_primary_key_check", "generate", "REQUIRE_TABLE_PRIMARY_KEY_CHECK = GENERATE"),
        ("assign_gtids_to_anonymous_transactions", "off", "ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS = OFF"),
        ("get_source_public_key", True, "GET_SOURCE_PUBLIC_KEY = 1"),
        ("auto_position", False, "SOURCE_AUTO_POSITION = 0"),
    ],
)
def test_a_value_is_written_as_the_server_wants_it(name, value, sql):
    option = table.BY_NAME[name]
    pair = (option.spelled(verbs()), table.written(option, table.plain(option, value)))
    assert steps.statement(verbs(), (pair,)).display() == "CHANGE REPLICATION SOURCE TO %s FOR CHANNEL ''" % sql
    beside = steps.statement(verbs(), (pair, ("SOURCE_HOST", "h"))).display()
    assert beside == "CHANGE REPLICATION SOURCE TO %s, SOURCE_HOST = 'h' FOR CHANNEL ''" % sql


@pytest.mark.parametrize(
    "flavour, name, word",
    [
        (MYSQL_97, "get_source_public_key", "GET_SOURCE_PUBLIC_KEY"),
        (MYSQL_56, "get_source_public_key", "GET_MASTER_PUBLIC_KEY"),
        (MYSQL_56, "source_host", "MASTER_HOST"),
        (MARIADB_1011, "demote_to_replica", "MASTER_DEMOTE_TO_SLAVE"),
        (MARIADB_1011, "use_gtid", "MASTER_USE_GTID"),
    ],
)
def test_words_are_the_dialects_own(flavour, name, word):
    assert table.BY_NAME[name].spelled(verbs(flavour)) == word


def test_only_the_slot_of_the_password_is_masked():
    option = table.BY_NAME["source_password"]
    pairs = (("IGNORE_SERVER_IDS", table.written(table.BY_NAME["ignore_server_ids"], (1,))), ("SOURCE_USER", "repl"),
             (option.spelled(verbs()), table.written(option, "repl")))  # fmt: skip
    shown = steps.statement(verbs(), pairs).display()
    assert "SOURCE_USER = 'repl'" in shown and "SOURCE_PASSWORD = '********'" in shown


def test_asking_whether_a_word_is_known_never_names_a_value_of_the_caller():
    for option in table.OPTIONS:
        made = steps.statement(verbs(), ((option.spelled(verbs()), table.harmless(option)),))
        assert made.display().count(" = ") == 1


def test_the_spec_has_every_option_once_and_hides_the_password_only():
    spec = _source_spec.SPEC
    assert set(table.BY_NAME) <= set(spec)
    assert [name for name, option in spec.items() if option.get("no_log")] == ["source_password"]
    aliases = [alias for option in spec.values() for alias in option.get("aliases", ())]
    assert len(aliases) == len(set(aliases)) and not set(aliases) & set(spec)
    assert spec["source_ssl_verify_server_cert"]["aliases"] == ["master_ssl_verify_server_cert"]
