# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading real servers with exactly the grants of the observer, and who blocks the applier."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator, Optional

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import (
    ConnectError,
    IdentityError,
    ServerError,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import RUNNING, STOPPED, Blocker
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Server as Picture
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Connection, Login, connect
from ansible_collections.replicaops.mysql.plugins.module_utils._server.identity import check_distinct, check_source
from ansible_collections.replicaops.mysql.plugins.module_utils._server.reader import read_server
from integration.conftest import Pair
from lab.accounts import ACCOUNTS
from lab.server import Server
from lab.topology import Lab


def connected(server: Server, user: str = "observer", **options: Any) -> Connection:
    return connect(Login(host=server.host, user=user, password=ACCOUNTS[user].password, **options))


def picture(server: Server, role: str = "replica", user: str = "observer") -> Picture:
    with connected(server, user) as connection:
        return read_server(connection, role=role)


def test_the_observer_reads_everything_of_a_replica_and_its_source(well: Pair) -> None:
    well.write(3)
    well.wait_same()
    replica, source = picture(well.replica), picture(well.source, role="source")
    assert (replica.unreadable, source.unreadable) == ({}, {})
    (channel,) = replica.channels
    assert (channel.receiver, channel.applier, channel.applier_fault) == (RUNNING, RUNNING, None)
    assert channel.mode == well.mode
    assert channel.read == source.binlog_end
    assert channel.settings["host"] == well.source.host
    assert replica.server_id == well.replica.server_id and channel.source_server_id == source.server_id
    assert replica.executed == source.executed
    if well.is_mariadb and well.gtid:
        assert source.binlog_state is not None
        assert replica.replica_position == source.binlog_state.position()
    assert len(source.replicas_below) == 1 and well.replica.host in source.replicas_below[0]
    assert replica.replicas_below == ()


def test_an_account_without_privileges_is_told_apart_from_a_server_without_channels(well: Pair) -> None:
    seen = picture(well.replica, user="repl")
    assert seen.channels == ()
    assert seen.unreadable["replica_status"].number == 1227
    # Without PROCESS a server shows only our own threads, which would look like nobody else is there.
    assert seen.unreadable["processlist"].number == 1227


def test_source_and_replica_are_told_apart(well: Pair) -> None:
    replica, source = picture(well.replica), picture(well.source, role="source")
    check_distinct([("replica", replica), ("source", source)])
    check_source(replica.channels[0], source, replica)
    with pytest.raises(IdentityError, match="is the target itself"):
        check_source(replica.channels[0], replica, replica)
    with pytest.raises(IdentityError, match="same server"):
        check_distinct([("replica", replica), ("another name", picture(well.replica))])


@contextlib.contextmanager
def session(server: Server, *statements: str) -> Iterator[int]:
    """A session that has run these statements; its connection id. What it holds is released at the end."""
    other = server.connect("root")
    try:
        with other.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield other.thread_id()
    finally:
        other.close()


def wait_blocked(pair: Pair, by: int, kind: str) -> Blocker:
    def blocker() -> Optional[Blocker]:
        found = picture(pair.replica).blockers
        return next((one for one in found if one.process and one.process.number == by and one.kind == kind), None)

    found: Blocker = pair.replica.wait_until(blocker, what="the applier to be blocked by connection %d" % by)
    return found


def test_the_holder_of_a_metadata_lock_is_named(well: Pair) -> None:
    with session(well.replica, "BEGIN", "SELECT * FROM shop.t") as reader:
        well.source.execute("ALTER TABLE shop.t ADD COLUMN note VARCHAR(10)")
        blocker = wait_blocked(well, reader, "metadata")
        assert "Waiting for table metadata lock" in blocker.waiting
    well.source.execute("ALTER TABLE shop.t DROP COLUMN note")
    well.wait_same()
    assert picture(well.replica).blockers == ()


def test_the_holder_of_a_row_lock_is_named(well: Pair) -> None:
    with session(well.replica, "BEGIN", "SELECT * FROM shop.t WHERE id = 1 FOR UPDATE") as writer:
        well.source.execute("UPDATE shop.t SET v = CONCAT(v, '!') WHERE id = 1")
        blocker = wait_blocked(well, writer, "row")
        assert blocker.object_name == "shop.t"
        # The server renews what it shows of transactions only when nobody has looked for 0.1 s.
        well.replica.wait_until(
            "SELECT COUNT(*) > 1 FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id IN (%d)"
            " OR trx_state = 'LOCK WAIT' HAVING SLEEP(0.2) = 0" % writer,
            what="both transactions to be shown",
        )
        assert writer in [row["thread"] for row in picture(well.replica).open_transactions]
    well.wait_same()


@pytest.mark.modes("gtid")
def test_a_statement_beyond_its_deadline_ends_with_a_clear_error(well: Pair) -> None:
    with connected(well.replica) as connection:
        connection.set_deadline(1)
        with pytest.raises(ServerError, match="no answer within 1 s") as raised:
            connection.query("SELECT SLEEP(60)")
        assert raised.value.number == 2013
        with pytest.raises(ServerError, match="the connection broke"):
            connection.query("SELECT 1")


@pytest.mark.modes("gtid")
def test_a_session_has_our_settings_and_no_long_lock_waits(well: Pair) -> None:
    with connected(well.replica) as connection:
        row = connection.one(
            "SELECT @@lock_wait_timeout AS locks, @@innodb_lock_wait_timeout AS row_locks, @@sql_mode AS mode,"
            " @@time_zone AS zone, @@autocommit AS autocommit, @@character_set_client AS charset"
        )
    assert row == {
        "locks": 5,
        "row_locks": 5,
        "mode": "",
        "zone": "+00:00",
        "autocommit": 1,
        "charset": "utf8mb4",
    }


@pytest.mark.modes("gtid")
def test_a_wrong_password_and_a_closed_port_say_what_to_do(well: Pair) -> None:
    with pytest.raises(ConnectError, match="Check user and password") as raised:
        connect(Login(host=well.replica.host, user="observer", password="wrong"))
    assert raised.value.context == {"errno": 1045}
    with pytest.raises(ConnectError, match="Check host and port") as raised:
        connected(well.replica, port=3999)
    assert raised.value.context == {"errno": 2003}


@pytest.mark.modes("gtid")
def test_every_kind_of_value_reaches_the_server_as_it_is(well: Pair) -> None:
    with connected(well.replica) as connection:
        row = connection.one("SELECT HEX(%s) AS octets, %s AS words, '5%%' AS percent", (b"\x00'\\\xff", "it's \\ 5%"))
    assert row == {"octets": "00275CFF", "words": "it's \\ 5%", "percent": "5%"}


def test_channels_of_several_sources_are_read_apart(flavour: str, lab_of: Callable[..., Lab]) -> None:
    if flavour == "mysql-5.6":
        pytest.skip("MySQL 5.6 has no channels")
    lab = lab_of(flavour, "multi", gtid=True)
    lab.servers[0].execute("CREATE DATABASE one")
    lab.servers[1].execute("CREATE DATABASE two")
    lab.wait_in_sync()
    with connected(lab.replica, "repairer") as connection:
        words = lab.flavour.words
        stop = "STOP SLAVE 'c2' SQL_THREAD" if lab.flavour.is_mariadb else "STOP %s SQL_THREAD FOR CHANNEL 'c2'"
        connection.execute(stop if lab.flavour.is_mariadb else stop % words.replica)
    seen = picture(lab.replica)
    assert seen.unreadable == {}
    assert [(channel.name, channel.applier) for channel in seen.channels] == [("c1", RUNNING), ("c2", STOPPED)]
    assert [channel.source_server_id for channel in seen.channels] == [1, 2]
    assert [channel.source_host for channel in seen.channels] == [lab.servers[0].host, lab.servers[1].host]
