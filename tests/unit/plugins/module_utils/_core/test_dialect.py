# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import dialect
from ansible_collections.replicaops.mysql.plugins.module_utils._core.flavour import (
    MARIADB,
    MYSQL,
    Features,
    parse_flavour,
)


@pytest.mark.parametrize(
    ("version", "comment", "engine", "numbers"),
    [
        ("9.7.4-2", "(Debian)", MYSQL, (9, 7, 4)),
        ("5.6.24-log", "MySQL Community Server (GPL)", MYSQL, (5, 6, 24)),
        ("10.11.19-MariaDB-0+deb12u1-log", "Debian 12", MARIADB, (10, 11, 19)),
        ("11.8.6-MariaDB-0+deb13u1", "-- Please help get to 10k stars", MARIADB, (11, 8, 6)),
        ("5.5.5-10.6.12-MariaDB", "", MARIADB, (10, 6, 12)),
        ("26.7.0", "MySQL Community Server - GPL", MYSQL, (26, 7, 0)),
        ("10.4.2", "Source distribution of MariaDB", MARIADB, (10, 4, 2)),
    ],
)
def test_the_engine_comes_from_the_words_and_never_from_the_number(version, comment, engine, numbers):
    flavour = parse_flavour(version, comment)
    assert (flavour.engine, flavour.version) == (engine, numbers)


def test_a_version_without_numbers_is_refused():
    with pytest.raises(ValueError, match="no version number"):
        parse_flavour("unknown")


def test_the_dialect_follows_the_probe_where_the_version_would_not_tell():
    old = parse_flavour("8.0.30")
    assert dialect.choose(old, Features(replica_words=True)) is dialect.SOURCE
    assert dialect.choose(old, Features()) is dialect.MASTER
    assert dialect.choose(parse_flavour("10.11.2-MariaDB"), Features(replica_words=True)) is dialect.MARIADB


@pytest.mark.parametrize(
    ("words", "channels", "expected"),
    [
        (dialect.SOURCE, True, "STOP REPLICA SQL_THREAD FOR CHANNEL 'c1'"),
        (dialect.MASTER, True, "STOP SLAVE SQL_THREAD FOR CHANNEL 'c1'"),
        (dialect.MASTER, False, "STOP SLAVE SQL_THREAD"),
        (dialect.MARIADB, True, "STOP SLAVE 'c1' SQL_THREAD"),
    ],
)
def test_stop(words, channels, expected):
    assert dialect.verb(words, "STOP", "c1", "SQL_THREAD", channels=channels).display() == expected


def test_a_channel_name_is_quoted():
    assert dialect.verb(dialect.SOURCE, "STOP", "c'1").display() == "STOP REPLICA FOR CHANNEL 'c\\'1'"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (dialect.SOURCE, "CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE = 'b.1', SOURCE_LOG_POS = 4 FOR CHANNEL 'a%'"),
        (dialect.MARIADB, "CHANGE MASTER 'a%' TO MASTER_LOG_FILE = 'b.1', MASTER_LOG_POS = 4"),
    ],
)
def test_change_keeps_percent_signs_and_numbers(words, expected):
    statement = dialect.change(words, "a%", (("log_file", "b.1"), ("log_pos", 4)))
    assert statement.display() == expected
    assert statement.params == ("b.1", 4)


def test_change_masks_the_password_only():
    statement = dialect.change(dialect.MASTER, "", (("user", "x"), ("password", "x")), channels=False)
    assert statement.display() == "CHANGE MASTER TO MASTER_USER = 'x', MASTER_PASSWORD = '********'"
