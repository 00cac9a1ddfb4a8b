# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The global variables and status counters that are read from every server, as data.

A name that a server does not have is simply not in its answer, so old and new spellings stand side by side.
"""

from __future__ import annotations

from typing import Tuple

IDENTITY: Tuple[str, ...] = (
    "basedir",
    "datadir",
    "hostname",
    "port",
    "report_host",
    "report_port",
    "server_id",
    "server_uuid",
    "server_uid",
    "socket",
    "tmpdir",
    "version",
    "version_comment",
    "version_compile_machine",
    "version_compile_os",
    "lower_case_table_names",
    "time_zone",
    "system_time_zone",
    "character_set_server",
    "collation_server",
)

WRITABLE: Tuple[str, ...] = ("read_only", "super_read_only", "innodb_read_only", "offline_mode", "event_scheduler")

BINLOG: Tuple[str, ...] = (
    "log_bin",
    "log_bin_basename",
    "log_bin_index",
    "log_replica_updates",
    "log_slave_updates",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_metadata",
    "binlog_row_value_options",
    "binlog_checksum",
    "binlog_encryption",
    "encrypt_binlog",
    "binlog_expire_logs_seconds",
    "binlog_expire_logs_auto_purge",
    "expire_logs_days",
    "max_binlog_size",
    "max_binlog_total_size",
    "binlog_space_limit",
    "slave_connections_needed_for_purge",
    "binlog_do_db",
    "binlog_ignore_db",
    "binlog_annotate_row_events",
    "binlog_rows_query_log_events",
    "binlog_order_commits",
    "binlog_transaction_compression",
    "binlog_legacy_event_pos",
    "log_bin_compress",
    "binlog_gtid_simple_recovery",
    "source_verify_checksum",
    "master_verify_checksum",
    "sync_binlog",
)

GTID: Tuple[str, ...] = (
    "gtid_mode",
    "enforce_gtid_consistency",
    "gtid_domain_id",
    "gtid_strict_mode",
    "gtid_ignore_duplicates",
    "gtid_cleanup_batch_size",
    "wsrep_gtid_mode",
    "wsrep_gtid_domain_id",
)

REPLICA: Tuple[str, ...] = (
    "master_info_repository",
    "relay_log_info_repository",
    "relay_log_info_file",
    "relay_log",
    "relay_log_basename",
    "relay_log_index",
    "relay_log_purge",
    "relay_log_recovery",
    "relay_log_space_limit",
    "sync_relay_log",
    "sync_relay_log_info",
    "sync_source_info",
    "sync_master_info",
    "skip_replica_start",
    "skip_slave_start",
    "sql_replica_skip_counter",
    "sql_slave_skip_counter",
    "replica_exec_mode",
    "slave_exec_mode",
    "slave_ddl_exec_mode",
    "replica_skip_errors",
    "slave_skip_errors",
    "replica_net_timeout",
    "slave_net_timeout",
    "replica_parallel_workers",
    "slave_parallel_workers",
    "slave_parallel_threads",
    "replica_parallel_type",
    "slave_parallel_type",
    "slave_parallel_mode",
    "slave_domain_parallel_threads",
    "replica_preserve_commit_order",
    "slave_preserve_commit_order",
    "replica_transaction_retries",
    "slave_transaction_retries",
    "replica_checkpoint_group",
    "slave_checkpoint_group",
    "replica_checkpoint_period",
    "slave_checkpoint_period",
    "replica_pending_jobs_size_max",
    "slave_pending_jobs_size_max",
    "replica_max_allowed_packet",
    "slave_max_allowed_packet",
    "replica_type_conversions",
    "slave_type_conversions",
    "slave_rows_search_algorithms",
    "slave_run_triggers_for_rbr",
    "slave_sql_verify_checksum",
    "replica_sql_verify_checksum",
    "replica_load_tmpdir",
    "slave_load_tmpdir",
    "default_master_connection",
    "init_replica",
    "init_slave",
    "read_binlog_speed_limit",
    "replicate_do_db",
    "replicate_ignore_db",
    "replicate_do_table",
    "replicate_ignore_table",
    "replicate_wild_do_table",
    "replicate_wild_ignore_table",
    "replicate_rewrite_db",
    "replicate_events_marked_for_skip",
    "replicate_annotate_row_events",
)

STORAGE: Tuple[str, ...] = (
    "default_storage_engine",
    "innodb_doublewrite",
    "innodb_flush_log_at_trx_commit",
    "innodb_force_recovery",
    "innodb_lock_wait_timeout",
    "innodb_rollback_on_timeout",
    "innodb_autoinc_lock_mode",
    "lock_wait_timeout",
    "max_allowed_packet",
    "max_connections",
    "performance_schema",
    "require_secure_transport",
    "sql_mode",
    "sql_require_primary_key",
    "innodb_force_primary_key",
    "auto_increment_increment",
    "auto_increment_offset",
    "foreign_key_checks",
    "unique_checks",
    "tls_version",
    "have_ssl",
)

CLUSTER: Tuple[str, ...] = (
    "wsrep_on",
    "wsrep_cluster_name",
    "wsrep_cluster_address",
    "wsrep_node_name",
    "wsrep_provider",
    "group_replication_group_name",
    "group_replication_single_primary_mode",
    "ndb_version",
)

SERVICE: Tuple[str, ...] = ("aurora_version", "aurora_server_id", "rds_superuser", "cloudsql_iam_authentication")

NAMES: Tuple[str, ...] = IDENTITY + WRITABLE + BINLOG + GTID + REPLICA + STORAGE + CLUSTER + SERVICE

# LIKE patterns beside the names.
PREFIXES: Tuple[str, ...] = ("rpl\\_semi\\_sync\\_%", "azure%", "cloudsql%")

STATUS_NAMES: Tuple[str, ...] = (
    "Replica_open_temp_tables",
    "Slave_open_temp_tables",
    "Slave_running",
    "Slave_heartbeat_period",
    "Slave_last_heartbeat",
    "Slave_received_heartbeats",
    "Slave_retried_transactions",
    "Ssl_server_not_after",
    "Ssl_server_not_before",
    "Ndb_cluster_node_id",
    "Ndb_number_of_data_nodes",
    "Threads_connected",
    "Threads_running",
    "Uptime",
)
STATUS_PREFIXES: Tuple[str, ...] = (
    "Rpl\\_semi\\_sync\\_%",
    "wsrep\\_cluster%",
    "wsrep\\_local\\_state%",
    "wsrep\\_ready",
    "wsrep\\_connected",
)


def where(names: Tuple[str, ...], patterns: Tuple[str, ...]) -> str:
    """The WHERE clause of SHOW VARIABLES / SHOW STATUS for these names and LIKE patterns."""
    listed = ", ".join("'%s'" % name for name in names)
    return "WHERE Variable_name IN (%s)" % listed + "".join(
        " OR Variable_name LIKE '%s'" % pattern for pattern in patterns
    )
