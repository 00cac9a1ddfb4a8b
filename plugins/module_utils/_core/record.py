# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The undo record: what a server looked like before a change, what was planned, and how it ended.

It is plain JSON with a schema version, so that a record can be read by a later version of the collection. Passwords
are never in it. Row images and whole GTID sets are kept here and not in results, because Ansible's masking may alter
result strings.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .errors import BadInputError
from .plan import Plan
from .snapshot import Channel, Coordinates, Server

SCHEMA = 1

RUNNING_OUTCOME = "running"
DONE = "done"
FAILED = "failed"

_VARIABLES = (
    "read_only",
    "super_read_only",
    "gtid_mode",
    "gtid_strict_mode",
    "replica_exec_mode",
    "slave_exec_mode",
    "sql_replica_skip_counter",
    "sql_slave_skip_counter",
    "replica_parallel_workers",
    "slave_parallel_workers",
    "slave_parallel_threads",
    "relay_log_recovery",
    "relay_log_info_repository",
)


def build(
    module: str,
    server: Server,
    channel: Optional[Channel],
    plan: Plan,
    written_at: str,
    undo: Sequence[str] = (),
    details: Optional[Mapping[str, Any]] = None,
) -> Dict[str, Any]:
    """A new record, complete but for its end.

    :param module: name of the module that is about to write.
    :param channel: the channel it works on; None when it works on the server as a whole.
    :param written_at: the time in UTC as text, given by the caller.
    :param undo: what cannot be put back, or how it can, a sentence each.
    :param details: what the module adds: rows or statements that are given up, JSON only.
    """
    return {
        "schema": SCHEMA,
        "module": module,
        "written_at": written_at,
        "server": server_part(server),
        "channel": channel.name if channel else None,
        "state_id": plan.state_id,
        "before": {
            "server": state_of(server),
            "channel": channel_part(channel) if channel else None,
            "other_channels": [channel_part(other) for other in server.channels if other is not channel],
        },
        "plan": plan.as_dict(),
        "undo": list(undo),
        "details": dict(details or {}),
        "executed": [],
        "outcome": RUNNING_OUTCOME,
        "error": "",
        "after": None,
    }


def with_final(record: Mapping[str, Any], plan: Plan, channel: Optional[Channel]) -> Dict[str, Any]:
    """The record with the plan as it was made again once the applier stood still, and the point where it then stood.

    An applier that ran had gone on since the first look: its earlier point must not be put back.
    """
    before = record["before"]
    if channel is not None and channel.executed is not None and before["channel"] is not None:
        held = dict(before["channel"], executed=coordinates_part(channel.executed))
        before = dict(before, channel=held)
    return dict(record, plan=plan.as_dict(), before=before)


def finished(
    record: Mapping[str, Any],
    executed: Sequence[str],
    server: Optional[Server],
    error: str = "",
) -> Dict[str, Any]:
    """The record with its end filled in.

    :param executed: the statements that ran, in their display form.
    :param server: the server as it is now; None when it could not be read any more.
    :param error: what went wrong; empty when all went well.
    """
    name = record["channel"]
    channel = server.channel(name) if server is not None and name is not None else None
    end = dict(record)
    end["executed"] = list(executed)
    end["outcome"] = FAILED if error else DONE
    end["error"] = error
    end["after"] = {
        "server": state_of(server) if server else None,
        "channel": channel_part(channel) if channel else None,
    }
    return end


def server_part(server: Server) -> Dict[str, Any]:
    """Who the server is: enough to tell it from every other when the record is used later."""
    return {
        "identity": server.identity,
        "uuid": server.uuid,
        "server_id": server.server_id,
        "port": server.port,
        "hostname": server.hostname,
        "address": server.address,
        "flavour": server.flavour.name,
        "engine": server.flavour.engine,
    }


def state_of(server: Server) -> Dict[str, Any]:
    """What a repair may change on the server as a whole: variables and GTID state, as text."""
    return {
        "variables": {name: server.variables[name] for name in _VARIABLES if name in server.variables},
        "executed": text(server.executed),
        "purged": text(server.purged),
        "replica_position": text(server.replica_position),
        "binlog_state": text(server.binlog_state),
        "binlog_end": coordinates_part(server.binlog_end),
    }


def channel_part(channel: Channel) -> Dict[str, Any]:
    """What a repair may change on a channel, complete enough to put it back."""
    return {
        "name": channel.name,
        "source_host": channel.source_host,
        "source_port": channel.source_port,
        "source_user": channel.source_user,
        "source_uuid": channel.source_uuid,
        "source_server_id": channel.source_server_id,
        "mode": channel.mode,
        "using_gtid": channel.using_gtid,
        "settings": dict(channel.settings),
        "filters": dict(channel.filters),
        "delay": channel.delay,
        "parallel": channel.parallel,
        "threads": {"receiver": channel.receiver, "applier": channel.applier},
        "until": channel.until,
        "skip_counter": channel.skip_counter,
        "read": coordinates_part(channel.read),
        "executed": coordinates_part(channel.executed),
        "relay": coordinates_part(channel.relay),
        "retrieved": text(channel.retrieved),
        "io_position": text(channel.io_position),
        "position_gaps": channel.position_gaps,
        "receiver_fault": _fault(channel.receiver_fault),
        "applier_fault": _fault(channel.applier_fault),
    }


def coordinates_part(coordinates: Optional[Coordinates]) -> Optional[Dict[str, Any]]:
    """Coordinates as JSON."""
    return {"file": coordinates.file, "position": coordinates.position} if coordinates else None


def coordinates_from(part: Optional[Mapping[str, Any]]) -> Optional[Coordinates]:
    """Coordinates out of JSON."""
    return Coordinates(str(part["file"]), int(part["position"])) if part else None


def text(value: object) -> Optional[str]:
    """A GTID set or position as text; None stays None, because "not known" is not "empty"."""
    return None if value is None else str(value)


def _fault(fault: Any) -> Optional[Dict[str, Any]]:
    return None if fault is None else {"number": fault.number, "text": fault.text}


def file_name(record: Mapping[str, Any]) -> str:
    """The name of a record's file: time, address, channel and module, so that a listing is in the order of events."""
    parts = [record["written_at"], record["server"]["address"], record["channel"] or "default", record["module"]]
    return "-".join(re.sub(r"[^A-Za-z0-9_.]+", "_", str(part)).strip("_.") or "x" for part in parts) + ".json"


def check(data: Any, where: str) -> Dict[str, Any]:
    """What was read from a file, if it is a record this version understands.

    :param where: the file's name, for the message.
    :raises BadInputError: when it is something else, or of a later schema.
    """
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise BadInputError("%s is not an undo record" % where, advice="Give the path that a module returned.")
    if data["schema"] != SCHEMA:
        raise BadInputError(
            "%s has record schema %d; this version reads schema %d" % (where, data["schema"], SCHEMA),
            advice="Use the version of the collection that wrote it.",
        )
    missing: List[str] = [name for name in ("server", "channel", "before", "plan", "module") if name not in data]
    if missing:
        raise BadInputError("%s is not a complete undo record: no %s" % (where, ", ".join(missing)))
    return data
