# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about settings and surroundings: what explains missing rows, and what forbids writing."""

from __future__ import annotations

from typing import Iterator, List

from .case import Case
from .finding import Finding
from .snapshot import Server

_SKIP_ERRORS = ("replica_skip_errors", "slave_skip_errors")
_LISTED = 4
_SKIP_COUNTERS = ("sql_replica_skip_counter", "sql_slave_skip_counter")
_EXEC_MODES = ("replica_exec_mode", "slave_exec_mode")


def filters(case: Case) -> Iterator[Finding]:
    """Replication filters of the channel or the server."""
    if case.channel.filters:
        listed = ", ".join("%s=%s" % item for item in sorted(case.channel.filters.items()))
        yield Finding(
            "filters", case.channel.name, "Replication filters are set: %s." % listed, dict(case.channel.filters)
        )


def skip_pending(case: Case) -> Iterator[Finding]:
    """A skip counter that waits to be used."""
    variable = next((value for value in map(case.server.variable, _SKIP_COUNTERS) if value), "0")
    # MySQL shows the channel's own count only from the next start on (measured on 9.7).
    count = case.channel.skip_counter or (int(variable) if variable.isdigit() else 0)
    if count:
        summary = "The skip counter stands at %d." % count
        yield Finding("skip_pending", case.channel.name, summary, {"counter": count}, {"counter": count})


def same_identity(case: Case) -> Iterator[Finding]:
    """Source and replica that call themselves the same."""
    source = case.source.server if case.source is not None else None
    if source is not None and source.server_id == case.server.server_id and source.identity != case.server.identity:
        summary = "Source and replica both have server_id %d." % source.server_id
        evidence = {"server_id": source.server_id}
        yield Finding("duplicate_server_id", case.channel.name, summary, evidence, evidence)


def server_findings(server: Server) -> List[Finding]:
    """Findings that concern the whole server."""
    found = []
    for name in _SKIP_ERRORS:
        value = server.variable(name)
        if value and value.upper() != "OFF":
            summary = "%s = %s: these errors are skipped without a word." % (name, value)
            found.append(Finding("skip_settings", None, summary, {name: value}, {name: value}))
            break
    for name in _EXEC_MODES:
        if server.variable(name).upper() == "IDEMPOTENT":
            found.append(Finding("idempotent", None, "%s = IDEMPOTENT." % name, {name: "IDEMPOTENT"}))
            break
    if server.cluster:
        summary = "The server is a member of a cluster (%s)." % server.cluster.replace("_", " ")
        found.append(Finding("cluster_member", None, summary, {"cluster": server.cluster}, {"cluster": server.cluster}))
    if server.managed:
        summary = "The server is managed (%s)." % server.managed
        found.append(Finding("managed_server", None, summary, {"managed": server.managed}))
    found.extend(_unreadable(server))
    if not server.channels and "replica_status" not in server.unreadable:
        found.append(Finding("not_a_replica", None, "The server has no replication channel."))
    return found


def _unreadable(server: Server) -> Iterator[Finding]:
    """The parts of the picture that could not be read, with the server's answer to each, as one finding."""
    if not server.unreadable:
        return
    parts = {name: {"errno": fault.number, "error": fault.text} for name, fault in sorted(server.unreadable.items())}
    names = [name.replace("_", " ") for name in parts]
    listed = ", ".join(names[:_LISTED]) + (" and %d more" % (len(names) - _LISTED) if len(names) > _LISTED else "")
    first = [part["error"] for part in parts.values()][0]  # noqa: RUF015 (pylint takes next() in a generator for an error)
    yield Finding("unreadable", None, "Could not be read: %s. The server says: %s" % (listed, first), {"parts": parts})
