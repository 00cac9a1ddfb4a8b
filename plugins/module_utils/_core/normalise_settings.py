# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a channel was told with CHANGE and its replication filters, under one set of names for all servers, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple, Union

from .normalise_rows import Row, Sections, flag, text

TEXT = "text"
NUMBER = "number"
FLAG = "flag"
SECONDS = "seconds"

Setting = Union[str, int]


@dataclass(frozen=True)
class Option:
    """One option of CHANGE REPLICATION SOURCE / CHANGE MASTER and where servers show it.

    :param status: column of the status row; ``{}`` stands for Source or Master.
    :param connection: column of performance_schema.replication_connection_configuration.
    :param applier: column of performance_schema.replication_applier_configuration.
    :param stored: column of mysql.slave_master_info or mysql.slave_relay_log_info.
    """

    name: str
    kind: str = TEXT
    status: str = ""
    connection: str = ""
    applier: str = ""
    stored: str = ""


OPTIONS: Tuple[Option, ...] = (
    Option("host", TEXT, "{}_Host", "HOST", "", "Host"),
    Option("port", NUMBER, "{}_Port", "PORT", "", "Port"),
    Option("user", TEXT, "{}_User", "USER", "", "User_name"),
    Option("bind", TEXT, "{}_Bind", "NETWORK_INTERFACE", "", "Bind"),
    Option("connect_retry", NUMBER, "Connect_Retry", "CONNECTION_RETRY_INTERVAL", "", "Connect_retry"),
    Option("retry_count", NUMBER, "{}_Retry_Count", "CONNECTION_RETRY_COUNT", "", "Retry_count"),
    Option("heartbeat_period", SECONDS, "Slave_heartbeat_period", "HEARTBEAT_INTERVAL", "", "Heartbeat"),
    Option("delay", NUMBER, "SQL_Delay", "", "DESIRED_DELAY", "Sql_delay"),
    Option("auto_position", FLAG, "Auto_Position", "AUTO_POSITION", "", "Enabled_auto_position"),
    Option("use_gtid", TEXT, "Using_Gtid"),
    Option("ssl", FLAG, "{}_SSL_Allowed", "SSL_ALLOWED", "", "Enabled_ssl"),
    Option("ssl_ca", TEXT, "{}_SSL_CA_File", "SSL_CA_FILE", "", "Ssl_ca"),
    Option("ssl_capath", TEXT, "{}_SSL_CA_Path", "SSL_CA_PATH", "", "Ssl_capath"),
    Option("ssl_cert", TEXT, "{}_SSL_Cert", "SSL_CERTIFICATE", "", "Ssl_cert"),
    Option("ssl_cipher", TEXT, "{}_SSL_Cipher", "SSL_CIPHER", "", "Ssl_cipher"),
    Option("ssl_key", TEXT, "{}_SSL_Key", "SSL_KEY", "", "Ssl_key"),
    Option("ssl_crl", TEXT, "{}_SSL_Crl", "SSL_CRL_FILE", "", "Ssl_crl"),
    Option("ssl_crlpath", TEXT, "{}_SSL_Crlpath", "SSL_CRL_PATH", "", "Ssl_crlpath"),
    Option(
        "ssl_verify_server_cert",
        FLAG,
        "{}_SSL_Verify_Server_Cert",
        "SSL_VERIFY_SERVER_CERTIFICATE",
        "",
        "Ssl_verify_server_cert",
    ),
    Option("tls_version", TEXT, "{}_TLS_Version", "TLS_VERSION", "", "Tls_version"),
    Option("tls_ciphersuites", TEXT, "", "TLS_CIPHERSUITES", "", "Tls_ciphersuites"),
    Option("public_key_path", TEXT, "{}_public_key_path", "PUBLIC_KEY_PATH", "", "Public_key_path"),
    Option("get_public_key", FLAG, "Get_{}_public_key", "GET_PUBLIC_KEY", "", "Get_public_key"),
    Option("network_namespace", TEXT, "Network_Namespace", "NETWORK_NAMESPACE", "", "Network_namespace"),
    Option("compression_algorithms", TEXT, "", "COMPRESSION_ALGORITHM", "", "Master_compression_algorithm"),
    Option("zstd_compression_level", NUMBER, "", "ZSTD_COMPRESSION_LEVEL", "", "Master_zstd_compression_level"),
    Option(
        "source_connection_auto_failover",
        FLAG,
        "",
        "SOURCE_CONNECTION_AUTO_FAILOVER",
        "",
        "Source_connection_auto_failover",
    ),
    Option("gtid_only", FLAG, "", "GTID_ONLY", "", "Gtid_only"),
    Option("ignore_server_ids", TEXT, "Replicate_Ignore_Server_Ids"),
    Option("do_domain_ids", TEXT, "Replicate_Do_Domain_Ids"),
    Option("ignore_domain_ids", TEXT, "Replicate_Ignore_Domain_Ids"),
    Option("privilege_checks_user", TEXT, "", "", "PRIVILEGE_CHECKS_USER"),
    Option("require_row_format", FLAG, "", "", "REQUIRE_ROW_FORMAT", "Require_row_format"),
    Option(
        "require_table_primary_key_check",
        TEXT,
        "",
        "",
        "REQUIRE_TABLE_PRIMARY_KEY_CHECK",
        "Require_table_primary_key_check",
    ),
)

FILTER_COLUMNS: Tuple[str, ...] = (
    "Replicate_Do_DB",
    "Replicate_Ignore_DB",
    "Replicate_Do_Table",
    "Replicate_Ignore_Table",
    "Replicate_Wild_Do_Table",
    "Replicate_Wild_Ignore_Table",
    "Replicate_Rewrite_DB",
    "Replicate_Ignore_Server_Ids",
    "Replicate_Do_Domain_Ids",
    "Replicate_Ignore_Domain_Ids",
)


def settings(sections: Sections, status: Row, channel: str, prefix: str) -> Dict[str, Setting]:
    """The options of a channel that are set, without its password; empty texts are left out.

    :param prefix: ``Source`` or ``Master``, as in the status columns.
    """
    connection = _first(sections, "connection_configuration", channel)
    applier = _first(sections, "applier_configuration", channel)
    stored = dict(_first(sections, "relay_info", channel), **_first(sections, "source_info", channel))
    found: Dict[str, Setting] = {}
    for option in OPTIONS:
        value = _value(option, prefix, status, connection, applier, stored)
        if value is None and option.name == "heartbeat_period" and not channel:
            value = sections.pairs("status").get("Slave_heartbeat_period")  # MySQL 5.6 with a FILE repository
        setting = _converted(option.kind, value)
        if setting is not None:
            found[option.name] = setting.lower() if option.name == "use_gtid" else setting  # type: ignore[union-attr]
    assigned = text(applier, "ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS_TYPE", "OFF")
    if assigned != "OFF":
        value = text(applier, "ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS_VALUE") if assigned == "UUID" else ""
        found["assign_gtids_to_anonymous_transactions"] = value or assigned
    return found


def _first(sections: Sections, name: str, channel: str) -> Row:
    rows = sections.of_channel(name, channel)
    return rows[0] if rows else {}


def _value(
    option: Option, prefix: str, status: Row, connection: Row, applier: Row, stored: Mapping[str, Any]
) -> Optional[Any]:
    places = (
        (status, option.status.replace("{}", prefix)),
        (connection, option.connection),
        (applier, option.applier),
        (stored, option.stored),
    )
    return next((row[column] for row, column in places if column and row.get(column) is not None), None)


def _converted(kind: str, value: Any) -> Optional[Setting]:
    """The value in its own type; None for an empty text."""
    if value is None or str(value) == "":
        return None
    if kind == FLAG:
        return flag(value)
    if kind == NUMBER:
        return int(value)
    if kind == SECONDS:
        return "%g" % float(value)
    return str(value)


def filters(sections: Sections, status: Row, channel: str) -> Dict[str, str]:
    """The replication filters of a channel, by the lower-case name of the option.

    A global filter that the channel itself does not have (MySQL 8.0 and later: it takes effect for channels made later)
    is named ``global_...``.
    """
    found = {column.lower(): text(status, column) for column in FILTER_COLUMNS if text(status, column)}
    for row in sections.of_channel("applier_filters", channel):
        name, rule = text(row, "FILTER_NAME").lower(), text(row, "FILTER_RULE")
        if rule:
            found.setdefault(name, rule)
    for row in sections.rows("global_filters"):
        name, rule = text(row, "FILTER_NAME").lower(), text(row, "FILTER_RULE")
        if rule and found.get(name) != rule:
            found["global_" + name] = rule
    return found
