# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for the role error_policy: each hands its data to a pure function of the core."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible.errors import AnsibleFilterError
from ansible_collections.replicaops.mysql.plugins.module_utils._core import error_policy_plan as policy


def error_policy_plan(
    variables: Mapping[str, Any], status: Mapping[str, Any], help_text: str, existing: Optional[str], today: str
) -> Dict[str, Any]:
    """See error_policy_plan.yml."""
    try:
        return policy.plan(variables, status, help_text, existing, today)
    except (ValueError, KeyError) as error:
        raise AnsibleFilterError("error_policy_plan: %s" % error) from error


def error_policy_settle(planned: Mapping[str, Any], status: Mapping[str, Any], help_text: str) -> Dict[str, Any]:
    """See error_policy_settle.yml."""
    try:
        return policy.settle(planned, status, help_text)
    except (ValueError, KeyError) as error:
        raise AnsibleFilterError("error_policy_settle: %s" % error) from error


def error_policy_differs(settled: Mapping[str, Any], status: Mapping[str, Any], changed: bool) -> List[str]:
    """See error_policy_differs.yml."""
    try:
        return policy.differs(settled, status, changed)
    except (ValueError, KeyError) as error:
        raise AnsibleFilterError("error_policy_differs: %s" % error) from error


def error_policy_start(before: Mapping[str, Any], now: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """See error_policy_start.yml."""
    try:
        return policy.start(before, now)
    except KeyError as error:
        raise AnsibleFilterError("error_policy_start: %s" % error) from error


def error_policy_service(services: Mapping[str, Any], flavour: str = "") -> str:
    """See error_policy_service.yml."""
    return policy.service(services, flavour)


class FilterModule:
    """The filters by name."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """What Ansible asks for."""
        return {
            "error_policy_plan": error_policy_plan,
            "error_policy_settle": error_policy_settle,
            "error_policy_differs": error_policy_differs,
            "error_policy_start": error_policy_start,
            "error_policy_service": error_policy_service,
        }
