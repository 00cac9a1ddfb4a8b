# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an undo gives back of a change of source."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import record, restore
from ansible_collections.replicaops.mysql.plugins.module_utils._core.plan import Plan, Step
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import POSITION, STOPPED, Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._core.statement import Statement
from unit.made import MARIADB_1011, MYSQL_97, channel, server, verbs

HERE, THERE = Coordinates("binlog.000003", 500), Coordinates("binlog.000003", 900)


def written(before, after, *queries):
    """A record of change_master, through JSON as on the disk; without an end when ``after`` is None."""
    plan = Plan("s", tuple(Step(Statement(query)) for query in queries))
    found = record.build("change_master", before, before.channels[0], plan, "20261120T233000.000001Z")
    if after is not None:
        found = record.finished(found, list(queries), after)
    return record.check(json.loads(json.dumps(found)), "x")


def put_back(made, now, flavour=MYSQL_97):
    found = restore.restoration(verbs(flavour), made, now, now.channels[0], "s")
    return [step.statement.display() for step in found.plan.steps], found


def with_settings(flavour=MYSQL_97, **settings):
    return server(channel(settings=settings), flavour=flavour)


@pytest.mark.parametrize(
    "name, old, new, words",
    [
        ("ssl_ca", "/old", "/new", "SOURCE_SSL_CA = '/old'"),
        ("ssl_ca", None, "/new", "SOURCE_SSL_CA = ''"),
        ("ssl", 1, 0, "SOURCE_SSL = 1"),
        ("tls_version", "TLSv1.2", None, "SOURCE_TLS_VERSION = 'TLSv1.2'"),
        ("privilege_checks_user", "'p'@'%'", None, "PRIVILEGE_CHECKS_USER = 'p'@'%'"),
        ("auto_position", 1, 0, "SOURCE_AUTO_POSITION = 1"),
        ("ignore_server_ids", "77, 78", None, "IGNORE_SERVER_IDS = (77, 78)"),
        ("get_public_key", 0, 1, "GET_SOURCE_PUBLIC_KEY = 0"),
    ],
)
def test_every_option_that_was_changed_comes_back(name, old, new, words):
    before = with_settings(**({name: old} if old is not None else {}))
    after = with_settings(**({name: new} if new is not None else {}))
    made = written(before, after, "CHANGE REPLICATION SOURCE TO X = 1 FOR CHANNEL ''")
    queries, found = put_back(made, after)
    assert "CHANGE REPLICATION SOURCE TO %s FOR CHANNEL ''" % words in queries and len(found.restored) == 1
    assert put_back(made, before)[0] == []


def test_of_a_killed_change_only_what_it_named_could_be_its_doing():
    before, now = with_settings(ssl_ca="/old", ssl_cert="/old"), with_settings(ssl_ca="/new", ssl_cert="/new")
    made = written(before, None, "CHANGE REPLICATION SOURCE TO SOURCE_SSL_CA = '/new' FOR CHANNEL ''")
    queries, _unused = put_back(made, now)
    assert any("SOURCE_SSL_CA = '/old'" in query for query in queries)
    assert not any("SSL_CERT" in query for query in queries)


def test_the_heartbeat_period_outlives_an_undo_where_a_change_drops_it():
    before = with_settings(MARIADB_1011, ssl_ca="/old", heartbeat_period="11.5")
    after = with_settings(MARIADB_1011, ssl_ca="/new", heartbeat_period="11.5")
    queries, _unused = put_back(written(before, after, "CHANGE MASTER '' TO X = 1"), after, MARIADB_1011)
    assert "CHANGE MASTER '' TO MASTER_SSL_CA = '/old', MASTER_HEARTBEAT_PERIOD = 11.5" in queries


def test_another_source_is_given_back_by_people():
    before, after = with_settings(host="db1"), with_settings(host="db3")
    queries, found = put_back(written(before, after, "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'db3'"), after)
    assert queries == [] and "change_master" in " ".join(found.not_restorable)


def positioned(point, **changes):
    return server(channel(mode=POSITION, executed=point, applier=STOPPED, **changes))


def test_coordinates_come_back_while_nothing_was_applied_from_there():
    before, after = positioned(HERE), positioned(THERE)
    query = "CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE = 'binlog.000003', SOURCE_LOG_POS = 900 FOR CHANNEL ''"
    made = written(before, after, query)
    queries, _unused = put_back(made, after)
    assert any("SOURCE_LOG_FILE = 'binlog.000003', SOURCE_LOG_POS = 500" in text for text in queries)
    assert restore.lost_point(made, after.channels[0]) == HERE
    later = positioned(Coordinates("binlog.000003", 950))
    for now in (later, server(replace(after.channels[0], applier="running")), positioned(THERE, source_host="db3")):
        left, _unused = put_back(made, now)
        assert not any("LOG_POS" in text for text in left) and restore.lost_point(made, now.channels[0]) is None
    applied = written(before, after, "START REPLICA FOR CHANNEL ''")
    assert not any("LOG_POS" in text for text in put_back(applied, after)[0])
