# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks of the receiver: the source cannot be reached, does not let the replica in, or sends nothing usable."""

from __future__ import annotations

import socket
import struct
from typing import Any

from .breaks import POSITION_MODES, ROWS, Ask, breaks
from .certificates import authority, install
from .stage import Stage

_COM_BINLOG_DUMP = 0x12
# The MySQL 5.6 that can be had here was built without TLS.
TLS = ("mysql-9.7", "mariadb-10.11", "mariadb-11.8")


def _changed(stage: Stage, **settings: Any) -> None:
    """Stop, change some settings, start, and wait for the receiver's error."""
    stage.stop()
    stage.change(**settings)
    stage.start()
    stage.receiver_error()


@breaks("source_unreachable", errors={"": 2003})
def source_unreachable(stage: Stage) -> None:
    """Nothing listens on the source's port."""
    stage.both(*ROWS)
    _changed(stage, SOURCE_PORT=3307)


@breaks("source_authentication", errors={"": 1045})
def source_authentication(stage: Stage) -> None:
    """The replication password is wrong."""
    stage.both(*ROWS)
    _changed(stage, SOURCE_PASSWORD="not the password")


@breaks("source_privilege_missing", errors={"": 1597, "mysql-9.7": 13120})
def source_privilege_missing(stage: Stage) -> None:
    """The replication account may log in and nothing more."""
    stage.source.execute("CREATE USER 'clerk'@'%' IDENTIFIED BY 'long-Secret-1'")
    stage.lab.wait_in_sync()
    _changed(stage, SOURCE_USER="clerk", SOURCE_PASSWORD="long-Secret-1")


@breaks("receiver_connecting")
def receiver_connecting(stage: Stage) -> None:
    """Something accepts the connection and never speaks."""
    stage.both(*ROWS)
    gateway = stage.gateway()
    listener = socket.create_server((gateway, 0))
    stage.later(listener.close)
    stage.stop()
    stage.change(SOURCE_HOST=gateway, SOURCE_PORT=listener.getsockname()[1])
    stage.start()
    connection, _address = listener.accept()
    stage.later(connection.close)


@breaks("duplicate_server_id", errors={"": 1593, "mysql-9.7": 13117})
def duplicate_server_id(stage: Stage) -> None:
    """The replica has the source's server id."""
    stage.both(*ROWS)
    stage.stop()
    stage.set_global(stage.replica, "server_id", "1")
    stage.start()
    stage.receiver_error()


# The others' source ends the older connection without a word, and both connect again and again.
@breaks("duplicate_replica", errors={"mysql-9.7": 13114}, flavours=("mysql-9.7",))
def duplicate_replica(stage: Stage) -> None:
    """Another replica with the same server id and UUID connects to the source."""
    stage.both(*ROWS)
    twin = stage.session(stage.source)
    stage.later(twin.close)
    with twin.cursor() as cursor:
        for name in ("replica_uuid", "slave_uuid"):
            cursor.execute("SET @%s = '%s'" % (name, stage.replica.uuid))
        cursor.execute("SET @%s_binlog_checksum = 'CRC32'" % ("source" if stage.new_words else "master"))
    file, position = stage.source.coordinates()
    body = struct.pack("<IHI", position, 0, stage.replica.server_id) + file.encode()
    stage.send(twin, _COM_BINLOG_DUMP, body)
    stage.receiver_error()


@breaks("packet_too_large", errors={"": 1153, "mysql-9.7": 13125})
def packet_too_large(stage: Stage) -> None:
    """An event is larger than the replica takes."""
    stage.both("CREATE TABLE b (id INT PRIMARY KEY, v MEDIUMBLOB)")
    stage.stop()
    stage.set_global(stage.replica, "replica_max_allowed_packet", "1048576")
    stage.start("IO_THREAD")  # an applier with half a transaction in hand takes a minute to stop on MySQL 9.7
    stage.on_source("INSERT INTO b VALUES (1, REPEAT('x', 1400000))")
    stage.receiver_error()


@breaks("receiver_error", errors={"": 1236, "mysql-9.7": 13114}, modes=POSITION_MODES)
def source_without_binlog(stage: Stage) -> None:
    """The source was started again without a binlog."""
    stage.both(*ROWS)
    stage.source.restart(log_bin=None, skip_log_bin=1)
    stage.stop()
    stage.start()
    stage.receiver_error()


@breaks("source_unknown", ask=Ask(source_port=3307), verdict="healthy")
def source_unknown(stage: Stage) -> None:
    """The source is asked where nobody listens."""
    stage.both(*ROWS)


@breaks("source_tls", errors={"": 2026}, flavours=TLS)
def source_tls(stage: Stage) -> None:
    """The source's certificate is not signed by the authority that the replica trusts."""
    install(stage.source, authority("right"), "server")
    stage.source.restart(ssl_ca="/lab/ca.pem", ssl_cert="/lab/server.pem", ssl_key="/lab/server.key")
    install(stage.replica, authority("wrong"), "client")
    stage.stop()
    stage.change(SOURCE_SSL=1, SOURCE_SSL_CA="/lab/ca.pem", SOURCE_SSL_VERIFY_SERVER_CERT=0)
    stage.start()
    stage.receiver_error()


@breaks("certificate_expired", errors={"": 2026}, flavours=TLS)
def certificate_expired(stage: Stage) -> None:
    """The source's certificate is past its date."""
    install(stage.source, authority("right"), "server", expired=True)
    stage.source.restart(ssl_ca="/lab/ca.pem", ssl_cert="/lab/server.pem", ssl_key="/lab/server.key")
    install(stage.replica, authority("right"), "client")
    stage.stop()
    stage.change(SOURCE_SSL=1, SOURCE_SSL_CA="/lab/ca.pem", SOURCE_SSL_VERIFY_SERVER_CERT=0)
    stage.start()
    stage.receiver_error()
