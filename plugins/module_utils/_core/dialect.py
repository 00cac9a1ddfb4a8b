# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of each server as data: statements, column names, variables. Every cell was tried on real servers.

Three dialects cover every supported server: ``SOURCE`` (MySQL 8.0.23 and later, the only words 8.4 and later know),
``MASTER`` (MySQL 5.6 to 8.0.22) and ``MARIADB`` (which keeps the old column names under every statement).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Tuple

from .flavour import MARIADB as MARIADB_ENGINE
from .flavour import Features, Flavour
from .statement import Statement, literal


@dataclass(frozen=True)
class Dialect:
    """The words of one kind of server.

    ``columns`` maps our field names to the columns of the status row; ``change`` maps our option names to the words of
    CHANGE MASTER / CHANGE REPLICATION SOURCE.
    """

    name: str
    show_status: str
    show_source_status: str
    show_replicas: str
    replica: str
    change_verb: str
    reset_source: str
    skip_counter: str
    exec_mode: str
    skip_errors: str
    parallel: str
    columns: Mapping[str, str]
    change: Mapping[str, str]


def _status_columns(source: str, replica: str) -> Mapping[str, str]:
    """Status columns which differ only in the words for source and replica."""
    return {
        "source_host": source + "_Host",
        "source_user": source + "_User",
        "source_port": source + "_Port",
        "source_uuid": source + "_UUID",
        "source_server_id": source + "_Server_Id",
        "connect_retry": "Connect_Retry",
        "retry_count": source + "_Retry_Count",
        "receiver_running": replica + "_IO_Running",
        "applier_running": replica + "_SQL_Running",
        "receiver_state": replica + "_IO_State",
        "applier_state": replica + "_SQL_Running_State",
        "read_file": source + "_Log_File",
        "read_position": "Read_" + source + "_Log_Pos",
        "executed_file": "Relay_" + source + "_Log_File",
        "executed_position": "Exec_" + source + "_Log_Pos",
        "seconds_behind": "Seconds_Behind_" + source,
        "ssl": source + "_SSL_Allowed",
        "ssl_ca": source + "_SSL_CA_File",
        "ssl_cert": source + "_SSL_Cert",
        "ssl_key": source + "_SSL_Key",
        "ssl_verify": source + "_SSL_Verify_Server_Cert",
    }


def _change_words(source: str) -> Mapping[str, str]:
    """CHANGE options which differ only in the word for the source."""
    names = ("host", "user", "password", "port", "log_file", "log_pos", "delay", "connect_retry", "auto_position")
    return {name: "%s_%s" % (source, name.upper()) for name in names}


SOURCE = Dialect(
    name="source",
    show_status="SHOW REPLICA STATUS",
    show_source_status="SHOW BINARY LOG STATUS",
    show_replicas="SHOW REPLICAS",
    replica="REPLICA",
    change_verb="CHANGE REPLICATION SOURCE TO",
    reset_source="RESET BINARY LOGS AND GTIDS",
    skip_counter="sql_replica_skip_counter",
    exec_mode="replica_exec_mode",
    skip_errors="replica_skip_errors",
    parallel="replica_parallel_workers",
    columns=_status_columns("Source", "Replica"),
    change=_change_words("SOURCE"),
)

MASTER = Dialect(
    name="master",
    show_status="SHOW SLAVE STATUS",
    show_source_status="SHOW MASTER STATUS",
    show_replicas="SHOW SLAVE HOSTS",
    replica="SLAVE",
    change_verb="CHANGE MASTER TO",
    reset_source="RESET MASTER",
    skip_counter="sql_slave_skip_counter",
    exec_mode="slave_exec_mode",
    skip_errors="slave_skip_errors",
    parallel="slave_parallel_workers",
    columns=_status_columns("Master", "Slave"),
    change=_change_words("MASTER"),
)

MARIADB = Dialect(
    name="mariadb",
    show_status="SHOW ALL SLAVES STATUS",
    show_source_status="SHOW MASTER STATUS",
    show_replicas="SHOW SLAVE HOSTS",
    replica="SLAVE",
    change_verb="CHANGE MASTER",
    reset_source="RESET MASTER",
    skip_counter="sql_slave_skip_counter",
    exec_mode="slave_exec_mode",
    skip_errors="slave_skip_errors",
    parallel="slave_parallel_threads",
    columns=_status_columns("Master", "Slave"),
    change=_change_words("MASTER"),
)

BY_NAME: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (SOURCE, MASTER, MARIADB)}


def choose(flavour: Flavour, features: Features) -> Dialect:
    """The dialect of a server, from its engine and what the probes found."""
    if flavour.engine == MARIADB_ENGINE:
        return MARIADB
    return SOURCE if features.replica_words else MASTER


def for_channel(dialect: Dialect, channel: str, channels: bool = True) -> str:
    """The clause that names a channel, with a leading space; empty where the server has no channels.

    MySQL writes ``FOR CHANNEL 'c'`` behind the statement; MariaDB's connection name stands elsewhere, see `verb`.
    """
    if dialect is MARIADB or not channels:
        return ""
    return " FOR CHANNEL " + literal(channel)


def verb(
    dialect: Dialect, action: str, channel: str, thread: str = "", until: str = "", channels: bool = True
) -> Statement:
    """START, STOP or RESET of one channel as a statement.

    :param action: ``START``, ``STOP``, ``RESET``.
    :param thread: ``SQL_THREAD``, ``IO_THREAD`` or empty for both.
    :param until: an UNTIL condition without the word (START only).
    Source: manuals of START REPLICA (MySQL) and START REPLICA (MariaDB: the connection name follows the verb).
    """
    words = [action, dialect.replica]
    if dialect is MARIADB:
        words.append(literal(channel))
    if thread:
        words.append(thread)
    if until:
        words.append("UNTIL " + until)
    return Statement(" ".join(words) + for_channel(dialect, channel, channels))


def change(dialect: Dialect, channel: str, options: Tuple[Tuple[str, object], ...], channels: bool = True) -> Statement:
    """CHANGE MASTER / CHANGE REPLICATION SOURCE with the given options, in the order given.

    :param options: pairs of our option name (a key of ``dialect.change``) and its value; ``password`` is masked.
    """
    head = dialect.change_verb + (" " + literal(channel) + " TO" if dialect is MARIADB else "")
    parts = ["%s = %%s" % dialect.change[name] for name, _unused in options]
    values = tuple(value if isinstance(value, (int, str)) else str(value) for _unused, value in options)
    secret = frozenset(index for index, (name, _unused) in enumerate(options) if name == "password")
    tail = for_channel(dialect, channel, channels).replace("%", "%%")
    return Statement(head.replace("%", "%%") + " " + ", ".join(parts) + tail, values, secret)
