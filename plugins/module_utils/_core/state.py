# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state id that binds a plan to what it was made for, and the shapes of servers and channels in results."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Iterable, Optional, Sequence

from .finding import Finding
from .finding_types import INFO
from .snapshot import Channel, Coordinates, Fault, Peer, Server

# A receiver that keeps trying goes from one to the other and back by itself.
_RETRYING = ("receiver_connecting", "source_unreachable")


def state_id(server: Server, channel: Channel, findings: Iterable[Finding]) -> str:
    """A sha256 over what a repair of this channel depends on.

    In it: the server, the channel's settings and mode, the findings above ``info`` with the sets, coordinates,
    transactions and error numbers they name, and whether the threads run. Not in it: the receiver's progress and
    attempts to connect, lag, times, other channels, other servers. A plan for one state id is refused at any other.
    """
    content = {
        "server": server.identity,
        "server_id": server.server_id,
        "channel": channel.name,
        "source": [channel.source_host, channel.source_port, channel.source_uuid],
        "mode": channel.mode,
        "settings": {key: str(value) for key, value in channel.settings.items()},
        "applier": channel.applier,
        "receiver": "stopped" if channel.receiver == "stopped" else "on",
        "findings": sorted(
            ([finding.code, {key: str(value) for key, value in finding.names.items()}] for finding in findings
             if finding.kind.severity != INFO and finding.code not in _RETRYING),
            key=str,
        ),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def joint_state_id(state_ids: Sequence[str]) -> str:
    """One state id for several channels: the only one, or a sha256 over all; empty for none."""
    if len(state_ids) < 2:
        return "".join(state_ids)
    return hashlib.sha256(",".join(state_ids).encode()).hexdigest()


def _text(value: Optional[object]) -> Optional[str]:
    return None if value is None else str(value)


def fault_as_dict(fault: Optional[Fault]) -> Optional[Dict[str, Any]]:
    """A fault for results, or None."""
    return None if fault is None else {"number": fault.number, "text": fault.text, "timestamp": fault.timestamp}


def coordinates_as_dict(point: Optional[Coordinates]) -> Optional[Dict[str, Any]]:
    """Coordinates for results, or None."""
    return None if point is None else {"file": point.file, "position": point.position}


def channel_as_dict(channel: Channel) -> Dict[str, Any]:
    """A channel for results: the same keys on every flavour and version, None for what does not exist there."""
    return {
        "channel": channel.name,
        "source_host": channel.source_host,
        "source_port": channel.source_port,
        "source_user": channel.source_user,
        "source_uuid": channel.source_uuid or None,
        "source_server_id": channel.source_server_id,
        "mode": channel.mode,
        "using_gtid": channel.using_gtid or None,
        "receiver": channel.receiver,
        "applier": channel.applier,
        "receiver_state": channel.receiver_state,
        "applier_state": channel.applier_state,
        "receiver_error": fault_as_dict(channel.receiver_fault),
        "applier_error": fault_as_dict(channel.applier_fault),
        "workers": [
            {
                "worker": worker.number,
                "running": worker.running,
                "transaction": worker.transaction or None,
                "error": fault_as_dict(worker.fault),
            }
            for worker in channel.workers
        ],
        "parallel": channel.parallel,
        "read": coordinates_as_dict(channel.read),
        "executed": coordinates_as_dict(channel.executed),
        "relay": coordinates_as_dict(channel.relay),
        "retrieved_gtids": _text(channel.retrieved),
        "executed_gtids": _text(channel.executed_gtids),
        "gtid_io_pos": _text(channel.io_position),
        "seconds_behind": channel.seconds_behind,
        "delay": channel.delay,
        "delay_remaining": channel.delay_remaining,
        "until": channel.until or None,
        "skip_counter": channel.skip_counter,
        "filters": dict(channel.filters),
        "settings": dict(channel.settings),
    }


def server_as_dict(server: Server) -> Dict[str, Any]:
    """A server for results."""
    return {
        "address": server.address,
        "flavour": server.flavour.engine,
        "version": ".".join(str(number) for number in server.flavour.version),
        "version_text": server.flavour.text,
        "identity": server.identity,
        "uuid": server.uuid or None,
        "server_id": server.server_id,
        "hostname": server.hostname,
        "port": server.port,
        "read_only": server.flag("read_only"),
        "super_read_only": server.flag("super_read_only"),
        "cluster": server.cluster or None,
        "managed": server.managed or None,
        "replicas_below": list(server.replicas_below),
        "applying": _applying(server),
    }


def _applying(server: Server) -> Dict[str, Any]:
    """What decides how errors are met and what a restart does, under names that do not differ by flavour."""
    counts = [server.status.get(name, "") for name in ("Replica_open_temp_tables", "Slave_open_temp_tables")]
    return {
        "skip_errors": server.variable("replica_skip_errors") or server.variable("slave_skip_errors"),
        "exec_mode": server.variable("replica_exec_mode") or server.variable("slave_exec_mode"),
        "relay_log_recovery": server.flag("relay_log_recovery"),
        "skip_start": server.flag("skip_replica_start") or server.flag("skip_slave_start"),
        "open_temp_tables": max((int(count) for count in counts if count.isdigit()), default=0),
    }


def gtid_as_dict(server: Server) -> Dict[str, Any]:
    """The server's GTID sets and positions as text."""
    return {
        "mode": server.variable("gtid_mode") or None,
        "executed": _text(server.executed),
        "purged": _text(server.purged),
        "slave_pos": _text(server.replica_position),
        "binlog_state": _text(server.binlog_state),
        "binlog_end": _text(server.binlog_end),
    }


def source_as_dict(channel: str, source: Peer) -> Dict[str, Any]:
    """The source of a channel for results: its GTID sets, or why they are not known."""
    return {
        "channel": channel,
        "name": source.name,
        "gtid": None if source.server is None else gtid_as_dict(source.server),
        "reason": source.reason or None,
    }
