# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts the collection works with and the grants each of them needs, as data.

Five roles: an *observer* diagnoses, is the source's side of a comparison, and changes nothing; a *repairer* can do what
the observer can, and also pauses the applier for a comparison and carries out the remedies; a *definer* can do all that
and makes and alters tables; a *rebuilder* can do what a repairer can and drops and makes every schema; a *checksummer*
does what the observer does, and lets pt-table-checksum write on the source. Every entry says which statement needs it;
the integration tests run with exactly these grants, so one that is missing fails there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence, Tuple

Version = Tuple[int, ...]
NEVER: Version = (2**31,)
ALWAYS: Version = (0,)

ROLES: Tuple[str, ...] = ("observer", "repairer", "definer", "rebuilder", "checksummer")


@dataclass(frozen=True)
class Privilege:
    """One privilege, all of them on ``*.*``: for which engine and versions, and which statements need it.

    It is needed where ``since`` <= version < ``until``.
    """

    engine: str
    name: str
    reason: str
    since: Version = ALWAYS
    until: Version = NEVER


# Every entry was measured: without it at least one of the named statements is refused, or silently shows less.
OBSERVER: Tuple[Privilege, ...] = (
    Privilege("mysql", "REPLICATION CLIENT", "SHOW REPLICA STATUS, SHOW BINARY LOG STATUS, SHOW BINARY LOGS"),
    Privilege("mysql", "REPLICATION SLAVE", "SHOW BINLOG EVENTS, SHOW RELAYLOG EVENTS, SHOW REPLICAS, reading binlogs"),
    Privilege("mysql", "PROCESS", "threads, transactions and locks of other accounts: who blocks the applier"),
    Privilege(
        "mysql",
        "SELECT",
        "rows and columns to compare, performance_schema, mysql.slave_master_info, "
        "mysql.gtid_executed, mysql.user, on 5.6 and 5.7 mysql.proc",
    ),
    Privilege("mysql", "SHOW VIEW", "SHOW CREATE VIEW"),
    Privilege("mysql", "TRIGGER", "SHOW CREATE TRIGGER, information_schema.triggers (empty without it)"),
    Privilege("mysql", "EVENT", "SHOW CREATE EVENT, information_schema.events (empty without it)"),
    Privilege("mysql", "XA_RECOVER_ADMIN", "XA RECOVER (1401 without it)", since=(8, 0)),
    Privilege("mariadb", "SLAVE MONITOR", "SHOW ALL SLAVES STATUS, SHOW RELAYLOG EVENTS", since=(10, 5)),
    Privilege("mariadb", "BINLOG MONITOR", "SHOW MASTER STATUS, SHOW BINARY LOGS, SHOW BINLOG EVENTS", since=(10, 5)),
    Privilege("mariadb", "REPLICATION MASTER ADMIN", "SHOW SLAVE HOSTS: who replicates from here", since=(10, 5)),
    Privilege("mariadb", "REPLICATION CLIENT", "SHOW SLAVE STATUS, SHOW MASTER STATUS", until=(10, 5)),
    Privilege("mariadb", "REPLICATION SLAVE", "reading binlogs"),
    Privilege("mariadb", "PROCESS", "threads, transactions and locks of other accounts: who blocks the applier"),
    Privilege("mariadb", "SELECT", "rows and columns to compare, mysql.gtid_slave_pos, mysql.user, mysql.proc"),
    Privilege("mariadb", "SHOW VIEW", "SHOW CREATE VIEW"),
    Privilege("mariadb", "TRIGGER", "SHOW CREATE TRIGGER, information_schema.triggers (empty without it)"),
    Privilege("mariadb", "EVENT", "SHOW CREATE EVENT, information_schema.events (empty without it)"),
)

# Row events handed to BINLOG are not checked against table privileges (measured on all four flavours), so a repairer
# needs no INSERT, UPDATE, DELETE or DDL privilege. On MySQL 9.7 that holds with BINLOG_ADMIN; with REPLICATION_APPLIER
# alone they are checked, and what is refused shows as `1105 Unknown error` (the log names the table).
REPAIRER: Tuple[Privilege, ...] = (
    Privilege(
        "mysql",
        "SUPER",
        "START and STOP SLAVE, CHANGE MASTER, gtid_next, gtid_purged, sql_log_bin, "
        "skip counter, slave_exec_mode, BINLOG, writing under read_only",
        until=(8, 0),
    ),
    Privilege("mysql", "REPLICATION_SLAVE_ADMIN", "START, STOP and CHANGE of a channel, its filters", since=(8, 0)),
    Privilege("mysql", "BINLOG_ADMIN", "BINLOG", since=(8, 0)),
    Privilege(
        "mysql",
        "SYSTEM_VARIABLES_ADMIN",
        "skip counter, replica_exec_mode, gtid_purged, super_read_only, gtid_next, sql_log_bin",
        since=(8, 0),
    ),
    Privilege("mysql", "CONNECTION_ADMIN", "BINLOG under read_only (1290 without it)", since=(8, 0)),
    Privilege("mysql", "RELOAD", "RESET of a channel and of the binlog, FLUSH"),
    Privilege("mysql", "CREATE TEMPORARY TABLES", "a temporary twin on which the effect of a definition is tried"),
    Privilege(
        "mariadb",
        "REPLICATION SLAVE ADMIN",
        "START, STOP and CHANGE of a connection, gtid_slave_pos, slave_exec_mode, filters",
        since=(10, 5),
    ),
    Privilege("mariadb", "SUPER", "sql_slave_skip_counter (1227 without it, 11.8 too)"),
    Privilege("mariadb", "BINLOG ADMIN", "sql_log_bin, binlog_format of the session", since=(10, 5)),
    Privilege(
        "mariadb", "BINLOG REPLAY", "BINLOG, gtid_seq_no, gtid_domain_id, server_id of the session", since=(10, 5)
    ),
    Privilege("mariadb", "READ_ONLY ADMIN", "BINLOG under read_only, setting read_only", since=(10, 5)),
    Privilege("mariadb", "RELOAD", "RESET of a connection and of the binlog, FLUSH"),
    Privilege("mariadb", "CREATE TEMPORARY TABLES", "a temporary twin on which the effect of a definition is tried"),
)

# Only for tables that are missing on a replica, or defined otherwise (remedies heal_table and alter_definition).
DEFINER: Tuple[Privilege, ...] = (
    Privilege("mysql", "CREATE", "making a table or database that is missing"),
    Privilege("mysql", "DROP", "taking a table away again that could not be filled"),
    Privilege("mysql", "ALTER", "altering a table to what it is on the source"),
    Privilege("mysql", "INSERT", "ALTER TABLE asks for it"),
    Privilege("mysql", "REFERENCES", "making a table with foreign keys"),
    Privilege("mysql", "SET_ANY_DEFINER", "making a trigger of another account", since=(8, 2)),
    Privilege("mysql", "ALLOW_NONEXISTENT_DEFINER", "the same where the account is not there", since=(8, 2)),
    Privilege("mysql", "SET_USER_ID", "making a trigger of another account", since=(8, 0), until=(8, 2)),
    Privilege("mysql", "SUPER", "making a trigger while the server writes a binlog (1419)", since=(8, 0)),
    Privilege("mysql", "SYSTEM_USER", "making a trigger of an account that has it", since=(8, 0)),
    Privilege("mariadb", "CREATE", "making a table or database that is missing"),
    Privilege("mariadb", "DROP", "taking a table away again that could not be filled"),
    Privilege("mariadb", "ALTER", "altering a table to what it is on the source"),
    Privilege("mariadb", "INSERT", "ALTER TABLE asks for it"),
    Privilege("mariadb", "REFERENCES", "making a table with foreign keys"),
    Privilege("mariadb", "SET USER", "making a trigger of another account", since=(10, 5)),
)

# With automatic_sp_privileges a server grants whoever makes a routine both of them on it, unless the account has both
# on *.* already (measured on all four flavours). MySQL 5.6 grants them to the very address that the maker comes from:
# where the account is for `%`, that makes another, without a password, and later connections are taken for it (1045).
_NOT_BY_ITSELF = "making a routine or a view that uses one, without the server granting anything by itself"

REBUILDER: Tuple[Privilege, ...] = (
    Privilege("mysql", "CREATE", "making schemas and tables"),
    Privilege("mysql", "DROP", "dropping schemas"),
    Privilege("mysql", "INSERT", "writing rows"),
    Privilege("mysql", "DELETE", "emptying the table that says what an unfinished rebuild is"),
    Privilege("mysql", "INDEX", "making tables with indexes"),
    Privilege("mysql", "REFERENCES", "making foreign keys"),
    Privilege("mysql", "CREATE VIEW", "making views"),
    Privilege("mysql", "CREATE ROUTINE", "making procedures and functions"),
    Privilege("mysql", "EXECUTE", _NOT_BY_ITSELF),
    Privilege("mysql", "ALTER ROUTINE", _NOT_BY_ITSELF),
    Privilege("mysql", "SET_ANY_DEFINER", "making programs and views of other accounts", since=(8, 2)),
    Privilege("mysql", "ALLOW_NONEXISTENT_DEFINER", "the same where the account is not there", since=(8, 2)),
    Privilege("mysql", "SET_USER_ID", "making programs and views of other accounts", since=(8, 0), until=(8, 2)),
    Privilege("mysql", "SUPER", "making functions and triggers while the server writes a binlog (1419)", since=(8, 0)),
    Privilege("mysql", "SYSTEM_USER", "making programs and views of accounts that have it", since=(8, 0)),
    Privilege("mysql", "CLONE_ADMIN", "CLONE INSTANCE", since=(8, 0, 17)),
    Privilege("mysql", "BACKUP_ADMIN", "being cloned, on the donor", since=(8, 0, 17)),
    Privilege("mysql", "PERSIST_RO_VARIABLES_ADMIN", "persisting skip_replica_start for a clone", since=(8, 0, 17)),
    Privilege("mariadb", "CREATE", "making schemas and tables"),
    Privilege("mariadb", "DROP", "dropping schemas"),
    Privilege("mariadb", "INSERT", "writing rows"),
    Privilege("mariadb", "DELETE", "emptying the table that says what an unfinished rebuild is"),
    Privilege("mariadb", "INDEX", "making tables with indexes"),
    Privilege("mariadb", "REFERENCES", "making foreign keys"),
    Privilege("mariadb", "CREATE VIEW", "making views"),
    Privilege("mariadb", "CREATE ROUTINE", "making procedures, functions and packages"),
    Privilege("mariadb", "EXECUTE", _NOT_BY_ITSELF),
    Privilege("mariadb", "ALTER ROUTINE", _NOT_BY_ITSELF),
    Privilege("mariadb", "SET USER", "making programs and views of other accounts", since=(10, 5)),
)

# Only for table_checksum, of the account on the source.
CHECKSUMMER: Tuple[Privilege, ...] = (
    Privilege("mysql", "CREATE", "making the table of sums and its database"),
    Privilege("mysql", "INSERT", "writing sums"),
    Privilege("mysql", "UPDATE", "writing sums"),
    Privilege("mysql", "DELETE", "writing sums anew"),
    Privilege("mysql", "DROP", "taking the database away again"),
    Privilege("mysql", "SUPER", "binlog_format of the session", until=(8, 0)),
    Privilege("mysql", "SYSTEM_VARIABLES_ADMIN", "binlog_format of the session", since=(8, 0)),
    Privilege("mariadb", "CREATE", "making the table of sums and its database"),
    Privilege("mariadb", "INSERT", "writing sums"),
    Privilege("mariadb", "UPDATE", "writing sums"),
    Privilege("mariadb", "DELETE", "writing sums anew"),
    Privilege("mariadb", "DROP", "taking the database away again"),
    Privilege("mariadb", "BINLOG ADMIN", "binlog_format of the session", since=(10, 5)),
    Privilege("mariadb", "SUPER", "binlog_format of the session", until=(10, 5)),
)

_OF_ROLE: Mapping[str, Tuple[Privilege, ...]] = {
    "observer": OBSERVER,
    "repairer": OBSERVER + REPAIRER,
    "definer": OBSERVER + REPAIRER + DEFINER,
    "rebuilder": OBSERVER + REPAIRER + REBUILDER,
    "checksummer": OBSERVER + CHECKSUMMER,
}


def needed_privileges(engine: str, version: Sequence[int], role: str) -> Tuple[Privilege, ...]:
    """Return what an account of that role needs on that server: a definer and a rebuilder all that a repairer does.

    :param engine: ``mysql`` or ``mariadb``
    :param version: numbers of the server version, most significant first
    :param role: one of `ROLES`
    :raises ValueError: for an unknown role
    """
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}; known: {', '.join(ROLES)}")
    at = tuple(version)
    return tuple(entry for entry in _OF_ROLE[role] if entry.engine == engine and entry.since <= at < entry.until)


# What emptying a server takes, and saying there that it is not complete.
EMPTYING: Tuple[str, ...] = ("CREATE", "DROP", "INSERT", "DELETE")


def copying_privileges(engine: str) -> Tuple[str, ...]:
    """Return what an account needs on ``*.*`` to make all that a server holds; no other privilege implies any of them.

    :param engine: ``mysql`` or ``mariadb``
    """
    always = [one.name for one in REBUILDER if one.engine == engine and (one.since, one.until) == (ALWAYS, NEVER)]
    return (*always, "TRIGGER", "EVENT")


def grants(engine: str, version: Sequence[int], role: str, account: str) -> Tuple[str, ...]:
    """Return the GRANT statements that give an existing account exactly what the role needs.

    On MariaDB before 11 SUPER implies several of the others; they are named all the same, so that the account keeps
    working after an upgrade, and without SUPER where no skip counter is used.

    :param engine: ``mysql`` or ``mariadb``
    :param version: numbers of the server version, most significant first
    :param role: one of `ROLES`
    :param account: the account as SQL spells it, quoted: ``'observer'@'%'``
    :raises ValueError: for an unknown role, or an engine and version that the table has nothing for
    """
    names = [entry.name for entry in needed_privileges(engine, version, role)]
    if not names:
        raise ValueError(f"no privileges are known for engine {engine!r}")
    return (f"GRANT {', '.join(names)} ON *.* TO {account}",)
