# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The skip counter is taken back when a run ends between setting it and starting the applier."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.channel_plan import Verbs
from ansible_collections.replicaops.mysql.plugins.module_utils._core.dialect import MARIADB, SOURCE
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import (
    ConnectError,
    ReplicaError,
    ServerError,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._server import skip

RESET = "SET GLOBAL sql_replica_skip_counter = 0"


class Session:
    """What a connection does, with one answer for everything."""

    def __init__(self, error=None):
        self.error = error
        self.sent = []
        self.login = "the login"

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.close()

    def execute(self, statement, params=()):
        if self.error is not None:
            raise self.error
        self.sent.append(statement if isinstance(statement, str) else statement.display())
        return 0

    def close(self):
        self.error = self.error or ServerError(0, "run it", "db2:3306", "closed")


def end(monkeypatch, first, second, dialect=SOURCE, name="", cause=None):
    """A run that ends after the counter was set, over these connections."""

    def connect(login):
        assert login == first.login
        if isinstance(second, Exception):
            raise second
        return second

    monkeypatch.setattr(skip, "connect", connect)
    aim = SimpleNamespace(
        connection=first,
        verbs=Verbs(dialect, True, name),
        server=SimpleNamespace(address="db2:3306"),
        channel=SimpleNamespace(label="the channel"),
    )
    with skip._put_back(aim, "counter"):
        raise cause or SystemExit("ended by signal 15")


def test_over_the_connection_that_set_it(monkeypatch):
    first = Session()
    with pytest.raises(SystemExit):
        end(monkeypatch, first, AssertionError("a second one is not needed"))
    assert first.sent == [RESET]


@pytest.mark.parametrize("dialect", [SOURCE, MARIADB])
def test_over_another_connection(monkeypatch, dialect):
    broken, second = Session(ServerError(2013, "run it", "db2:3306", "Lost connection")), Session()
    with pytest.raises(ServerError, match="Lost connection"):
        end(monkeypatch, broken, second, dialect, "c2", broken.error)
    words = ["SET SESSION default_master_connection = 'c2'", RESET.replace("replica", "slave")]
    assert second.sent == ([RESET] if dialect is SOURCE else words)


def test_an_error_names_the_statement_when_even_that_fails(monkeypatch):
    broken = Session(ServerError(2013, "run it", "db2:3306", "Lost connection"))
    gone = ConnectError("connect", "db2:3306", "refused")
    with pytest.raises(ReplicaError, match="put the skip counter back") as caught:
        end(monkeypatch, broken, gone)
    assert RESET in str(caught.value)
    assert "ended by signal 15" in str(caught.value)
    assert caught.value.context["changed"] is True


@pytest.mark.parametrize("number", [1198, 3017])
def test_a_counter_that_is_being_used_up(monkeypatch, number):
    running = Session(ServerError(number, "run it", "db2:3306", "the applier runs"))
    with pytest.raises(SystemExit):
        end(monkeypatch, running, AssertionError("a second one is not needed"))
