# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts the collection works with and the grants each of them needs, as data.

Two roles: an *observer* diagnoses and compares, and changes nothing; a *repairer* can do what the observer can and
also carries out the remedies. Every entry says which statement needs it; the integration tests run with exactly
these grants, so one that is missing fails there.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

Version = Tuple[int, ...]
NEVER: Version = (2**31,)
ALWAYS: Version = (0,)

ROLES: Tuple[str, ...] = ("observer", "repairer")
DATA_SCOPE = "*.*"  # where the rows to compare live, unless the caller names schemas


@dataclass(frozen=True)
class Privilege:
    """One privilege: for which engine and versions (``since`` <= version < ``until``), where, and what for."""

    engine: str
    name: str
    scope: str
    reason: str
    since: Version = ALWAYS
    until: Version = NEVER


OBSERVER: Tuple[Privilege, ...] = (
    Privilege("mysql", "REPLICATION CLIENT", "*.*", "SHOW REPLICA STATUS, SHOW BINARY LOG STATUS, SHOW BINARY LOGS"),
    Privilege("mysql", "REPLICATION SLAVE", "*.*", "SHOW RELAYLOG EVENTS, SHOW REPLICAS, reading binlog events"),
    Privilege("mysql", "PROCESS", "*.*", "other accounts' threads and locks: who blocks the applier"),
    Privilege("mysql", "SELECT", DATA_SCOPE, "rows to compare, performance_schema, replication tables in mysql"),
    Privilege("mysql", "SHOW VIEW", DATA_SCOPE, "SHOW CREATE VIEW"),
    Privilege("mysql", "TRIGGER", DATA_SCOPE, "SHOW TRIGGERS: rows a trigger writes are no evidence"),
    Privilege("mysql", "EVENT", DATA_SCOPE, "SHOW EVENTS: an active event may write on the replica"),
    Privilege("mysql", "SHOW_ROUTINE", "*.*", "SHOW CREATE PROCEDURE and FUNCTION", since=(8, 0, 20)),
    Privilege("mariadb", "SLAVE MONITOR", "*.*", "SHOW ALL SLAVES STATUS, SHOW RELAYLOG EVENTS", since=(10, 5)),
    Privilege("mariadb", "BINLOG MONITOR", "*.*", "SHOW BINARY LOG STATUS, SHOW BINLOG EVENTS", since=(10, 5)),
    Privilege("mariadb", "REPLICATION MASTER ADMIN", "*.*", "SHOW SLAVE HOSTS: who replicates from here",
              since=(10, 5)),
    Privilege("mariadb", "REPLICATION SLAVE", "*.*", "reading binlog events from the source", since=(10, 5)),
    Privilege("mariadb", "PROCESS", "*.*", "other accounts' threads and locks: who blocks the applier"),
    Privilege("mariadb", "SELECT", DATA_SCOPE, "rows to compare, performance_schema, mysql.gtid_slave_pos"),
    Privilege("mariadb", "SHOW VIEW", DATA_SCOPE, "SHOW CREATE VIEW"),
    Privilege("mariadb", "TRIGGER", DATA_SCOPE, "SHOW TRIGGERS: rows a trigger writes are no evidence"),
    Privilege("mariadb", "EVENT", DATA_SCOPE, "SHOW EVENTS: an active event may write on the replica"),
)

REPAIRER: Tuple[Privilege, ...] = (
    Privilege("mysql", "SUPER", "*.*", "START and STOP SLAVE, CHANGE MASTER, gtid_next, gtid_purged, sql_log_bin, "
              "skip counter, BINLOG", until=(8, 0)),
    Privilege("mysql", "REPLICATION_SLAVE_ADMIN", "*.*", "START, STOP, RESET and CHANGE of a channel", since=(8, 0)),
    Privilege("mysql", "REPLICATION_APPLIER", "*.*", "BINLOG and gtid_next", since=(8, 0, 18)),
    Privilege("mysql", "SYSTEM_VARIABLES_ADMIN", "*.*", "skip counter, replica_exec_mode, super_read_only, gtid_purged",
              since=(8, 0)),
    Privilege("mysql", "SESSION_VARIABLES_ADMIN", "*.*", "sql_log_bin, gtid_next", since=(8, 0, 14)),
    Privilege("mysql", "BINLOG_ADMIN", "*.*", "BINLOG", since=(8, 0)),
    Privilege("mysql", "CONNECTION_ADMIN", "*.*", "writing while super_read_only or offline_mode is on",
              since=(8, 0)),
    Privilege("mysql", "RELOAD", "*.*", "RESET of the binlog, FLUSH"),
    Privilege("mysql", "CREATE", DATA_SCOPE, "a table the replica lacks"),
    Privilege("mysql", "ALTER", DATA_SCOPE, "a definition that differs"),
    Privilege("mysql", "DROP", DATA_SCOPE, "a table that must not be there"),
    Privilege("mysql", "INDEX", DATA_SCOPE, "an index that is missing"),
    Privilege("mysql", "INSERT", DATA_SCOPE, "rows the replica lacks"),
    Privilege("mysql", "UPDATE", DATA_SCOPE, "rows that differ"),
    Privilege("mysql", "DELETE", DATA_SCOPE, "rows that must not be there"),
    Privilege("mysql", "CREATE TEMPORARY TABLES", DATA_SCOPE, "chunked compare of rows"),
    Privilege("mariadb", "REPLICATION SLAVE ADMIN", "*.*", "START, STOP, RESET and CHANGE of a connection, "
              "gtid_slave_pos, skip counter, slave_exec_mode", since=(10, 5)),
    Privilege("mariadb", "BINLOG ADMIN", "*.*", "sql_log_bin", since=(10, 5)),
    Privilege("mariadb", "BINLOG REPLAY", "*.*", "BINLOG, gtid_seq_no, server_id of the session", since=(10, 5)),
    Privilege("mariadb", "READ_ONLY ADMIN", "*.*", "writing while read_only is on", since=(10, 5)),
    Privilege("mariadb", "RELOAD", "*.*", "RESET MASTER, FLUSH"),
    Privilege("mariadb", "CREATE", DATA_SCOPE, "a table the replica lacks"),
    Privilege("mariadb", "ALTER", DATA_SCOPE, "a definition that differs"),
    Privilege("mariadb", "DROP", DATA_SCOPE, "a table that must not be there"),
    Privilege("mariadb", "INDEX", DATA_SCOPE, "an index that is missing"),
    Privilege("mariadb", "INSERT", DATA_SCOPE, "rows the replica lacks"),
    Privilege("mariadb", "UPDATE", DATA_SCOPE, "rows that differ"),
    Privilege("mariadb", "DELETE", DATA_SCOPE, "rows that must not be there"),
    Privilege("mariadb", "CREATE TEMPORARY TABLES", DATA_SCOPE, "chunked compare of rows"),
)


def needed_privileges(engine: str, version: Sequence[int], role: str) -> Tuple[Privilege, ...]:
    """Return what an account of that role needs on that server; a repairer needs all an observer does.

    :param engine: ``mysql`` or ``mariadb``
    :param version: numbers of the server version, most significant first
    :param role: ``observer`` or ``repairer``
    :raises ValueError: for an unknown role
    """
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}; known: {', '.join(ROLES)}")
    table = OBSERVER if role == "observer" else OBSERVER + REPAIRER
    at = tuple(version)
    return tuple(entry for entry in table if entry.engine == engine and entry.since <= at < entry.until)


def grants(engine: str, version: Sequence[int], role: str, account: str,
           schemas: Sequence[str] = ()) -> Tuple[str, ...]:
    """Return the GRANT statements that give an existing account exactly what the role needs.

    :param account: the account as SQL spells it, quoted: ``'observer'@'%'``
    :param schemas: schemas whose rows may be read and repaired; none given means all
    :raises ValueError: for an unknown role
    """
    by_scope: Dict[str, List[str]] = {}
    for entry in needed_privileges(engine, version, role):
        places = [entry.scope]
        if schemas and entry.scope == DATA_SCOPE and entry.name in _DATA_PRIVILEGES:
            places = [f"`{name.replace('`', '``')}`.*" for name in schemas]
            if entry.name == "SELECT":
                places += list(_SYSTEM_TABLES[engine])
        for place in places:
            by_scope.setdefault(place, []).append(entry.name)
    return tuple(f"GRANT {', '.join(names)} ON {place} TO {account}" for place, names in by_scope.items())


_DATA_PRIVILEGES = frozenset(("SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "CREATE", "ALTER", "DROP", "INDEX", "INSERT",
                              "UPDATE", "DELETE", "CREATE TEMPORARY TABLES"))
_SYSTEM_TABLES: Dict[str, Tuple[str, ...]] = {
    "mysql": ("`performance_schema`.*", "`mysql`.*"),
    "mariadb": ("`performance_schema`.*", "`mysql`.*"),
}
