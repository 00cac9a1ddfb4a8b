# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raw rows of one server (see `_server/reader.py`) -> one `snapshot.Server`, the same shape for every flavour.

Tolerant: any section may be missing or have failed. What failed is in ``unreadable``; a status that could not be read
is never taken for a server without channels.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Mapping, Tuple

from .dialect import BY_NAME
from .flavour import Features, Flavour, parse_flavour
from .gtid_mariadb import GtidBinlogState, GtidPosition
from .gtid_mysql import GtidSet
from .normalise_channel import channel
from .normalise_processes import blockers, open_transactions, processes, replicas_below
from .normalise_rows import Row, Sections, coordinates, flag, parsed, text, whole
from .snapshot import Channel, Server

_NOT_IN_GROUP = frozenset(("", "OFFLINE"))


def server(raw: Mapping[str, Any]) -> Server:
    """The normalised picture of a server. Never raises for what a server answered or failed to answer."""
    sections = Sections(raw)
    identity = sections.first("identity")
    variables = sections.pairs("variables")
    status = sections.pairs("status")
    gtid = sections.first("gtid")
    connected = processes(sections)
    return Server(
        flavour=_flavour(raw, identity, variables),
        features=_features(raw),
        address=str(raw.get("address") or ""),
        uuid=text(identity, "server_uuid") or variables.get("server_uuid", ""),
        server_id=whole(identity, "server_id"),
        port=whole(identity, "port"),
        hostname=text(identity, "hostname"),
        datadir=text(identity, "datadir"),
        variables=variables,
        status=status,
        executed=parsed(GtidSet.parse, gtid, "executed"),
        purged=parsed(GtidSet.parse, gtid, "purged"),
        replica_position=parsed(GtidPosition.parse, gtid, "slave_pos"),
        binlog_state=parsed(lambda state: GtidBinlogState.parse(state, text(gtid, "binlog_pos")), gtid, "binlog_state"),
        binlog_end=coordinates(sections.first("binlog_status"), "File", "Position"),
        binlogs=tuple((text(row, "Log_name"), whole(row, "File_size")) for row in sections.rows("binary_logs")),
        channels=_channels(raw, sections, variables),
        replicas_below=replicas_below(sections, connected),
        processes=connected,
        blockers=blockers(sections, connected),
        open_transactions=open_transactions(sections),
        cluster=_cluster(sections, variables, status, text(identity, "server_uuid")),
        managed=_managed(sections, variables, text(identity, "version")),
        unreadable=sections.faults(),
        read_at=float(raw.get("read_at") or 0.0),
        large_without_key=tuple(
            "%s.%s" % (text(row, "schema"), text(row, "name")) for row in sections.rows("large_tables")
        ),
        now=text(identity, "now"),
    )


def _flavour(raw: Mapping[str, Any], identity: Row, variables: Mapping[str, str]) -> Flavour:
    version = text(identity, "version") or variables.get("version", "")
    comment = text(identity, "version_comment") or variables.get("version_comment", "")
    try:
        return parse_flavour(version, comment)
    except ValueError:
        return Flavour(str(raw.get("engine") or ""), (0, 0, 0), version)


def _features(raw: Mapping[str, Any]) -> Features:
    known = {field.name for field in fields(Features)}
    return Features(**{name: bool(value) for name, value in (raw.get("features") or {}).items() if name in known})


def _channels(raw: Mapping[str, Any], sections: Sections, variables: Mapping[str, str]) -> Tuple[Channel, ...]:
    dialect = BY_NAME[str(raw["dialect"])]
    rows = sections.rows("replica_status")
    return tuple(channel(sections, dialect, row, variables) for row in rows)


def _cluster(sections: Sections, variables: Mapping[str, str], status: Mapping[str, str], uuid: str) -> str:
    """The kind of cluster this server is a member of; empty for none."""
    for row in sections.rows("group_members"):
        if text(row, "MEMBER_ID") in (uuid, "") and text(row, "MEMBER_STATE").upper() not in _NOT_IN_GROUP:
            return "group_replication"
    if flag(variables.get("wsrep_on", "")):
        return "galera"
    if any(status.get(name, "0") not in ("", "0") for name in ("Ndb_cluster_node_id", "Ndb_number_of_data_nodes")):
        return "ndb"
    return ""


def _managed(sections: Sections, variables: Mapping[str, str], version: str) -> str:
    """The service that runs this server, by what gives it away; empty for none."""
    procedures = [text(row, "name") for row in sections.rows("service_procedures")]
    if "aurora_version" in variables or "aurora_server_id" in variables:
        return "aurora"
    if variables.get("basedir", "").startswith("/rdsdbbin/") or any(name.startswith("rds_") for name in procedures):
        return "rds"
    if any(name.startswith("az_replication_") for name in procedures) or any(n.startswith("azure") for n in variables):
        return "azure"
    if "-google" in version or any(name.startswith("cloudsql") for name in variables):
        return "cloudsql"
    return ""
