# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server is and can do, found by trying statements; versions count only where nothing can be tried."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .._core import dialect as dialects
from .._core.dialect import Dialect
from .._core.errors import PrivilegeError, ServerError
from .._core.flavour import Features, Flavour, parse_flavour
from .connect import Connection

SYNTAX_ERROR = 1064
UNKNOWN_VARIABLE = 1193

WORKER_TABLE = "performance_schema.replication_applier_status_by_worker"


@dataclass(frozen=True)
class Probed:
    """What a probe found. ``dialect`` may differ from the table's where a server is in between two dialects."""

    flavour: Flavour
    features: Features
    dialect: Dialect


def probe(connection: Connection) -> Probed:
    """Find flavour, features and dialect of a server. Changes nothing.

    :raises ServerError: the server answered neither yes nor no (the connection broke, for instance).
    """
    row = connection.one("SELECT VERSION() AS version, @@version_comment AS comment") or {}
    flavour = parse_flavour(str(row.get("version", "")), str(row.get("comment", "")))
    features = _mariadb_features(connection) if flavour.is_mariadb else _mysql_features(connection)
    return Probed(flavour, features, _adapted(connection, dialects.choose(flavour, features)))


def _mariadb_features(connection: Connection) -> Features:
    return Features(
        channels=True, worker_table=_readable(connection, "SELECT LAST_ERROR_NUMBER FROM %s LIMIT 1" % WORKER_TABLE)
    )


def _mysql_features(connection: Connection) -> Features:
    words = _parses(connection, "SHOW REPLICA STATUS") and _prepares(
        connection, "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 0"
    )
    show = "SHOW REPLICA STATUS" if words else "SHOW SLAVE STATUS"
    channels = _parses(connection, show + " FOR CHANNEL ''")
    return Features(
        replica_words=words,
        channels=channels,
        worker_table=_readable(connection, "SELECT LAST_ERROR_NUMBER FROM %s LIMIT 1" % WORKER_TABLE, channels),
        gtid_mode=_has_variable(connection, "gtid_mode"),
        super_read_only=_has_variable(connection, "super_read_only"),
        # Nothing to try without writing. Both came with the first 8.0 releases.
        purged_append=_has_variable(connection, "binlog_expire_logs_seconds"),
    )


def _adapted(connection: Connection, dialect: Dialect) -> Dialect:
    """MySQL 8.0.23 to 8.1 has the new words for a replica and the old ones for its binlog (manual of SHOW BINARY LOG
    STATUS: since 8.2); the variables changed their names in 8.0.26."""
    if dialect.name != dialects.SOURCE.name:
        return dialect
    if not _parses(connection, dialect.show_source_status):
        old = dialects.MASTER
        dialect = replace(dialect, show_source_status=old.show_source_status, reset_source=old.reset_source)
    if not _has_variable(connection, dialect.exec_mode):
        old = dialects.MASTER
        dialect = replace(
            dialect,
            skip_counter=old.skip_counter,
            exec_mode=old.exec_mode,
            skip_errors=old.skip_errors,
            parallel=old.parallel,
        )
    return dialect


def _parses(connection: Connection, statement: str) -> bool:
    """True when the server knows the statement, whether or not it lets us run it."""
    try:
        connection.query(statement)
    except ServerError as error:
        if error.number == SYNTAX_ERROR:
            return False
        if not 1000 <= error.number < 2000 and error.number < 3000:
            raise
    return True


def _prepares(connection: Connection, statement: str) -> bool:
    """True when the server's parser knows the statement; nothing is executed."""
    try:
        connection.execute("PREPARE replicaops_probe FROM '%s'" % statement)
    except ServerError as error:
        return error.number != SYNTAX_ERROR
    connection.execute("DEALLOCATE PREPARE replicaops_probe")
    return True


def _has_variable(connection: Connection, name: str) -> bool:
    try:
        connection.query("SELECT @@GLOBAL.%s" % name)
    except ServerError as error:
        if error.number == UNKNOWN_VARIABLE:
            return False
        raise
    return True


def _readable(connection: Connection, statement: str, denied: bool = True) -> bool:
    """True when the statement works; ``denied`` is the answer when the account may not (a table may exist or not)."""
    try:
        connection.query(statement)
    except PrivilegeError:
        return denied
    except ServerError as error:
        if error.number in (1049, 1054, 1146):
            return False
        raise
    return True
