# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for the collection's own roles: each hands its data to a pure function of the core."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.replicaops.mysql.plugins.module_utils._core import (
    choose,
    choose_policy,
    fleet,
    metrics,
    open_gaps,
    outcome,
    reposition,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.report import incident, lines, page


def next_remedy(status: Mapping[str, Any], policy: Mapping[str, Any], tried: Sequence[str] = ()) -> Dict[str, Any]:
    """See next_remedy.yml."""
    try:
        allowed = choose_policy.Policy.from_variables(policy)
        return choose.first_choice(status, allowed, tried).as_dict()
    except (ValueError, KeyError) as error:
        raise AnsibleFilterError("next_remedy: %s" % error) from error


def same_server(statuses: Mapping[str, Mapping[str, Any]]) -> List[List[str]]:
    """See same_server.yml."""
    return fleet.same_server(statuses)


def upstream_first(statuses: Mapping[str, Mapping[str, Any]]) -> List[str]:
    """See upstream_first.yml."""
    return fleet.upstream_first(statuses)


def member_logins(names: Sequence[str], variables: Mapping[str, Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """See member_logins.yml."""
    try:
        return fleet.member_logins(names, variables)
    except ValueError as error:
        raise AnsibleFilterError("member_logins: %s" % error) from error


def way_from_position(located: Mapping[str, Any], mode: str, remedy: str = "", choice: str = "") -> Dict[str, Any]:
    """See way_from_position.yml."""
    try:
        return reposition.way(located, mode, remedy, choice).as_dict()
    except KeyError as error:
        raise AnsibleFilterError("way_from_position: %s" % error) from error


def repair_outcome(status: Mapping[str, Any], **rest: Any) -> Dict[str, Any]:
    """See repair_outcome.yml."""
    return outcome.outcome(status, **rest)


def incident_report(hosts: Mapping[str, Mapping[str, Any]], kind: str, at: str, path: str = "") -> Dict[str, Any]:
    """See incident_report.yml."""
    try:
        told = incident.incident(hosts, kind, at)
    except ValueError as error:
        raise AnsibleFilterError("incident_report: %s" % error) from error
    return {"html": page.page(told), "data": incident.as_data(told), "lines": lines.lines(told, path)}


def replica_gaps(statuses: Mapping[str, Mapping[str, Any]], time: float, before: str = "") -> Dict[str, Any]:
    """See replica_gaps.yml."""
    return open_gaps.open_gaps(statuses, before, time)


def replica_metrics(
    statuses: Mapping[str, Mapping[str, Any]], time: float, gaps: Optional[Dict[str, Any]] = None
) -> str:
    """See replica_metrics.yml."""
    return metrics.exposition(statuses, time, gaps)


class FilterModule:
    """The filters by name."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """What Ansible asks for."""
        return {
            "next_remedy": next_remedy,
            "same_server": same_server,
            "upstream_first": upstream_first,
            "member_logins": member_logins,
            "repair_outcome": repair_outcome,
            "way_from_position": way_from_position,
            "incident_report": incident_report,
            "replica_gaps": replica_gaps,
            "replica_metrics": replica_metrics,
        }
