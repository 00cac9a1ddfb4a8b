# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a replication channel, as CHANGE REPLICATION SOURCE and CHANGE MASTER take them."""

from __future__ import annotations


class ModuleDocFragment:
    """One option for each setting; what is not given stays as it is."""

    DOCUMENTATION = r"""
options:
  source_host:
    description:
      - Host name or address of the source, as the replica reaches it.
      - Needed when the channel is made.
    type: str
    aliases: [master_host]
  source_port:
    description: TCP port of the source.
    type: int
    aliases: [master_port]
  source_user:
    description: Account that the replica logs in with on the source.
    type: str
    aliases: [master_user]
  source_password:
    description:
      - Password of that account. It can never be read back, so it never differs by itself; see O(update_password).
    type: str
    aliases: [master_password]
  source_bind:
    description: MySQL. Network interface that the replica connects from.
    type: str
    aliases: [master_bind]
  network_namespace:
    description: MySQL 8.0.22 and later. Network namespace for the connection.
    type: str
  source_log_file:
    description:
      - Binlog of the source to go on from, for replication without GTIDs. Needs O(source_log_pos).
      - A channel that has applied up to these coordinates, or beyond them, is left as it is; see O(rewind).
    type: str
    aliases: [master_log_file]
  source_log_pos:
    description: Position in O(source_log_file).
    type: int
    aliases: [master_log_pos]
  auto_position:
    description:
      - MySQL. Whether the place in the source's binlog is found by GTIDs.
      - To leave GTIDs, give V(false), and O(source_log_file) where the applied coordinates are not known.
    type: bool
    aliases: [source_auto_position, master_auto_position]
  use_gtid:
    description:
      - MariaDB. By which GTID position the place in the source's binlog is found, or V(no) for coordinates.
      - V(replica_pos) and V(slave_pos) are the same.
    type: str
    choices: ['no', slave_pos, replica_pos, current_pos]
    aliases: [master_use_gtid]
  demote_to_replica:
    description:
      - MariaDB 10.10 and later. A server that was a source takes what it wrote itself into its GTID position.
      - Does nothing when the position has all of it.
    type: bool
    aliases: [demote_to_slave, master_demote_to_slave]
  source_connect_retry:
    description: Seconds between attempts to connect.
    type: int
    aliases: [master_connect_retry]
  source_retry_count:
    description: Attempts to connect before the receiver gives up.
    type: int
    aliases: [master_retry_count]
  source_heartbeat_period:
    description: Seconds after which a source that has nothing to send says so.
    type: float
    aliases: [master_heartbeat_period]
  source_delay:
    description: Seconds that the applier stays behind the source on purpose.
    type: int
    aliases: [master_delay]
  source_ssl:
    description: Whether the connection uses TLS.
    type: bool
    aliases: [master_ssl]
  source_ssl_ca:
    description: File on the replica with the certificate of the authority. An empty text takes it away.
    type: str
    aliases: [master_ssl_ca]
  source_ssl_capath:
    description: Directory on the replica with certificates of authorities.
    type: str
    aliases: [master_ssl_capath]
  source_ssl_cert:
    description: File on the replica with its certificate.
    type: str
    aliases: [master_ssl_cert]
  source_ssl_key:
    description: File on the replica with the key of its certificate.
    type: str
    aliases: [master_ssl_key]
  source_ssl_crl:
    description: File on the replica with revoked certificates.
    type: str
    aliases: [master_ssl_crl]
  source_ssl_crlpath:
    description: Directory on the replica with lists of revoked certificates.
    type: str
    aliases: [master_ssl_crlpath]
  source_ssl_cipher:
    description: Ciphers allowed for TLS up to 1.2.
    type: str
    aliases: [master_ssl_cipher]
  source_ssl_verify_server_cert:
    description: Whether the source's certificate must be valid and name its host.
    type: bool
    aliases: [master_ssl_verify_server_cert]
  source_tls_version:
    description: MySQL 5.7 and later. Versions of TLS that may be used; an empty list for the server's own.
    type: list
    elements: str
    aliases: [master_tls_version]
  source_tls_ciphersuites:
    description: MySQL 8.0.19 and later. Cipher suites for TLS 1.3; an empty text for the server's own.
    type: str
    aliases: [master_tls_ciphersuites]
  source_public_key_path:
    description: MySQL 8 and later. File on the replica with the source's public key, for passwords without TLS.
    type: str
    aliases: [master_public_key_path]
  get_source_public_key:
    description:
      - MySQL 8 and later. Whether the replica asks the source for its public key, for passwords without TLS.
    type: bool
    aliases: [get_master_public_key]
  source_compression_algorithms:
    description: MySQL 8.0.18 and later. Compression that may be used, of C(zlib), C(zstd) and C(uncompressed).
    type: list
    elements: str
    aliases: [master_compression_algorithms]
  source_zstd_compression_level:
    description: MySQL 8.0.18 and later. Level of zstd, 1 to 22.
    type: int
    aliases: [master_zstd_compression_level]
  ignore_server_ids:
    description: Server ids whose events are left out. An empty list for none. Not with C(gtid_mode=ON) on MySQL.
    type: list
    elements: int
  do_domain_ids:
    description: MariaDB with GTIDs. The only domains to be applied. An empty list for all.
    type: list
    elements: int
  ignore_domain_ids:
    description: MariaDB with GTIDs. Domains that are left out. An empty list for none.
    type: list
    elements: int
  privilege_checks_user:
    description:
      - MySQL 8.0.18 and later. Account of the replica, as C(user@host), whose privileges the applier is held to.
      - An empty text for none.
    type: str
  require_row_format:
    description: MySQL 8.0.19 and later. Whether only row events are taken.
    type: bool
  require_table_primary_key_check:
    description: MySQL 8.0.20 and later. What the applier does about tables without a primary key.
    type: str
    choices: [stream, 'on', 'off', generate]
  assign_gtids_to_anonymous_transactions:
    description: MySQL 8.0.23 and later. V(off), V(local), or the UUID to be used for transactions without a GTID.
    type: str
  gtid_only:
    description: MySQL 8.0.27 and later. Whether the channel keeps no coordinates at all.
    type: bool
"""
