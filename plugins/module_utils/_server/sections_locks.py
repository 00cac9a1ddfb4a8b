# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements that tell who is connected, who holds what, and whom the applier waits for; best first.

All of them name the same columns whatever table they read. Statement texts are cut to 200 characters on the server:
they may hold rows, which are nobody's business here.
"""

from __future__ import annotations

from typing import Tuple

# performance_schema.processlist needs no global lock, but is empty when performance_schema is off. Without PROCESS both
# show only our own threads, which would look like an idle server; INNODB_TRX refuses then, which makes it an error.
_PROCESS = (
    "SELECT p.ID AS id, p.USER AS user, p.HOST AS host, p.DB AS db, p.COMMAND AS command, p.TIME AS time,"
    " p.STATE AS state, LEFT(p.INFO, 200) AS info FROM %s p"
    " LEFT JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID"
    " WHERE p.COMMAND <> 'Sleep' OR p.USER = 'system user' OR t.trx_id IS NOT NULL"
)
PROCESSLIST: Tuple[str, ...] = (
    _PROCESS % "performance_schema.processlist",
    _PROCESS % "information_schema.PROCESSLIST",
)

# trx_started is in the server's own time zone whatever the session's is (measured on MySQL 9.7, 5.6 and MariaDB).
_TRANSACTIONS = (
    "SELECT trx_id AS id, trx_mysql_thread_id AS thread, trx_state AS state,"
    " TIMESTAMPDIFF(SECOND, trx_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')) AS age,"
    " trx_rows_modified AS rows_modified, trx_rows_locked AS rows_locked, trx_tables_locked AS tables_locked,"
    " LEFT(trx_query, 200) AS statement, %s AS last_statement FROM information_schema.INNODB_TRX t"
    " ORDER BY trx_started LIMIT 200"
)
# What a session did last, while it holds a transaction open and does nothing. NULL when performance_schema is off.
_LAST_STATEMENT = (
    "(SELECT LEFT(e.SQL_TEXT, 200) FROM performance_schema.threads lt"
    " JOIN performance_schema.events_statements_current e ON e.THREAD_ID = lt.THREAD_ID"
    " WHERE lt.PROCESSLIST_ID = %s.trx_mysql_thread_id ORDER BY e.EVENT_ID DESC LIMIT 1)"
)
TRANSACTIONS: Tuple[str, ...] = (_TRANSACTIONS % (_LAST_STATEMENT % "t"), _TRANSACTIONS % "NULL")

# Column names of threads and events_statements_current are the same from 5.6 on.
_BLOCKING_THREAD = (
    "bt.PROCESSLIST_ID AS blocking_id, bt.PROCESSLIST_USER AS user, bt.PROCESSLIST_HOST AS host,"
    " bt.PROCESSLIST_DB AS db, bt.PROCESSLIST_COMMAND AS command, bt.PROCESSLIST_TIME AS time,"
    " bt.PROCESSLIST_STATE AS state,"
    " COALESCE(LEFT(bt.PROCESSLIST_INFO, 200), (SELECT LEFT(e.SQL_TEXT, 200)"
    " FROM performance_schema.events_statements_current e WHERE e.THREAD_ID = bt.THREAD_ID"
    " ORDER BY e.EVENT_ID DESC LIMIT 1)) AS info"
)
_APPLIER_THREAD = (
    "(wt.NAME LIKE 'thread/sql/replica\\_sql%' OR wt.NAME LIKE 'thread/sql/replica\\_worker%'"
    " OR wt.NAME LIKE 'thread/sql/slave\\_sql%' OR wt.NAME LIKE 'thread/sql/slave\\_worker%')"
)

METADATA_LOCKS: Tuple[str, ...] = (
    "SELECT w.OBJECT_TYPE AS object_type, w.OBJECT_SCHEMA AS object_schema, w.OBJECT_NAME AS object_name,"
    " w.LOCK_TYPE AS wanted, wt.PROCESSLIST_ID AS waiting_id, wt.NAME AS waiting_thread,"
    " wt.PROCESSLIST_STATE AS waiting_state, g.LOCK_TYPE AS held, g.LOCK_STATUS AS held_status, "
    + _BLOCKING_THREAD
    + " FROM performance_schema.metadata_locks w"
    " JOIN performance_schema.threads wt ON wt.THREAD_ID = w.OWNER_THREAD_ID"
    " JOIN performance_schema.metadata_locks g ON g.OBJECT_TYPE = w.OBJECT_TYPE"
    " AND g.OBJECT_SCHEMA <=> w.OBJECT_SCHEMA AND g.OBJECT_NAME <=> w.OBJECT_NAME"
    " AND g.OWNER_THREAD_ID <> w.OWNER_THREAD_ID"
    " JOIN performance_schema.threads bt ON bt.THREAD_ID = g.OWNER_THREAD_ID"
    " WHERE w.LOCK_STATUS = 'PENDING' AND " + _APPLIER_THREAD + " LIMIT 200",
    # MariaDB with the plugin METADATA_LOCK_INFO, which does not tell who waits: all locks on the same tables.
    "SELECT m.LOCK_TYPE AS object_type, m.TABLE_SCHEMA AS object_schema, m.TABLE_NAME AS object_name,"
    " NULL AS wanted, NULL AS waiting_id, NULL AS waiting_thread, NULL AS waiting_state, m.LOCK_MODE AS held,"
    " 'GRANTED' AS held_status, p.ID AS blocking_id, p.USER AS user, p.HOST AS host, p.DB AS db,"
    " p.COMMAND AS command, p.TIME AS time, p.STATE AS state, LEFT(p.INFO, 200) AS info"
    " FROM information_schema.METADATA_LOCK_INFO m JOIN information_schema.PROCESSLIST p ON p.ID = m.THREAD_ID"
    " LIMIT 200",
)

# Tables that an applier is changing at this moment and that have no key to find a row by.
TABLES_WITHOUT_KEY: Tuple[str, ...] = (
    "SELECT DISTINCT m.OBJECT_SCHEMA AS `schema`, m.OBJECT_NAME AS name FROM performance_schema.metadata_locks m"
    " JOIN performance_schema.threads wt ON wt.THREAD_ID = m.OWNER_THREAD_ID"
    " WHERE m.OBJECT_TYPE = 'TABLE' AND m.LOCK_TYPE = 'SHARED_WRITE' AND m.LOCK_STATUS = 'GRANTED'"
    " AND m.OBJECT_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema') AND "
    + _APPLIER_THREAD
    + " AND NOT EXISTS (SELECT 1 FROM information_schema.TABLE_CONSTRAINTS c WHERE c.TABLE_SCHEMA = m.OBJECT_SCHEMA"
    " AND c.TABLE_NAME = m.OBJECT_NAME AND c.CONSTRAINT_TYPE IN ('PRIMARY KEY', 'UNIQUE')) LIMIT 20",
)

_BLOCKING_PROCESS = (
    "b.trx_mysql_thread_id AS blocking_id, p.USER AS user, p.HOST AS host, p.DB AS db, p.COMMAND AS command,"
    " p.TIME AS time, p.STATE AS state, COALESCE(LEFT(p.INFO, 200), LEFT(b.trx_query, 200), %s) AS info"
)
_INNODB_LOCK_WAITS = (
    "SELECT NULL AS object_schema, REPLACE(l.lock_table, '`', '') AS object_name, l.lock_type AS object_type,"
    " r.trx_mysql_thread_id AS waiting_id, NULL AS waiting_thread, wp.STATE AS waiting_state, "
    + _BLOCKING_PROCESS
    + " FROM information_schema.INNODB_LOCK_WAITS w"
    " JOIN information_schema.INNODB_TRX r ON r.trx_id = w.requesting_trx_id"
    " JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id"
    " JOIN information_schema.PROCESSLIST wp ON wp.ID = r.trx_mysql_thread_id AND wp.USER = 'system user'"
    " LEFT JOIN information_schema.INNODB_LOCKS l ON l.lock_id = w.requested_lock_id"
    " LEFT JOIN information_schema.PROCESSLIST p ON p.ID = b.trx_mysql_thread_id LIMIT 200"
)

ROW_LOCK_WAITS: Tuple[str, ...] = (
    "SELECT l.OBJECT_SCHEMA AS object_schema, l.OBJECT_NAME AS object_name, l.LOCK_TYPE AS object_type,"
    " wt.PROCESSLIST_ID AS waiting_id, wt.NAME AS waiting_thread, wt.PROCESSLIST_STATE AS waiting_state, "
    + _BLOCKING_THREAD
    + " FROM performance_schema.data_lock_waits w"
    " JOIN performance_schema.threads wt ON wt.THREAD_ID = w.REQUESTING_THREAD_ID"
    " LEFT JOIN performance_schema.threads bt ON bt.THREAD_ID = w.BLOCKING_THREAD_ID"
    " LEFT JOIN performance_schema.data_locks l ON l.ENGINE = w.ENGINE"
    " AND l.ENGINE_LOCK_ID = w.REQUESTING_ENGINE_LOCK_ID"
    " WHERE " + _APPLIER_THREAD + " LIMIT 200",
    _INNODB_LOCK_WAITS % (_LAST_STATEMENT % "b"),
    _INNODB_LOCK_WAITS % "NULL",
)
