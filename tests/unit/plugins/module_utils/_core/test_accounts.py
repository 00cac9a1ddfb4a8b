# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.accounts import (
    OBSERVER,
    REPAIRER,
    grants,
    needed_privileges,
)

SERVERS = [
    ("mysql", (5, 6, 24)),
    ("mysql", (5, 7, 44)),
    ("mysql", (8, 0, 11)),
    ("mysql", (9, 7, 4)),
    ("mysql", (26, 1, 0)),
    ("mariadb", (10, 4, 30)),
    ("mariadb", (10, 11, 18)),
    ("mariadb", (11, 8, 6)),
]
WRITES = {"INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "GRANT OPTION", "ALL PRIVILEGES"}


def names(engine, version, role):
    return [entry.name for entry in needed_privileges(engine, version, role)]


@pytest.mark.parametrize(("engine", "version"), SERVERS)
def test_a_repairer_can_do_all_an_observer_can_and_writes_no_table_by_sql(engine, version):
    observer, repairer = names(engine, version, "observer"), names(engine, version, "repairer")
    assert set(observer) < set(repairer)
    assert len(set(repairer)) == len(repairer)
    assert not WRITES & set(repairer)


def test_names_follow_the_version():
    assert "SUPER" in names("mysql", (5, 7, 44), "repairer")
    assert "SUPER" not in names("mysql", (8, 0, 11), "repairer")
    assert "BINLOG_ADMIN" in names("mysql", (26, 1), "repairer")
    assert "XA_RECOVER_ADMIN" not in names("mysql", (5, 7, 44), "observer")
    assert "REPLICATION CLIENT" in names("mariadb", (10, 4, 30), "observer")
    assert "REPLICATION CLIENT" not in names("mariadb", (10, 5, 1), "observer")
    assert "SLAVE MONITOR" in names("mariadb", (10, 5, 1), "observer")


def test_one_statement_grants_it_all():
    assert grants("mysql", (5, 6, 24), "observer", "'o'@'%'") == (
        "GRANT REPLICATION CLIENT, REPLICATION SLAVE, PROCESS, SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO 'o'@'%'",
    )


def test_every_entry_says_what_needs_it():
    assert all(entry.reason and entry.since < entry.until for entry in OBSERVER + REPAIRER)


def test_unknown_role_and_engine_are_refused():
    with pytest.raises(ValueError, match="observer, repairer"):
        needed_privileges("mysql", (9, 7), "root")
    with pytest.raises(ValueError, match="oracle"):
        grants("oracle", (23,), "observer", "'o'@'%'")
