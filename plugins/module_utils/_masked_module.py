# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that masks a secret in its slot alone where the same word is the name of a user.

Ansible masks a secret wherever it stands in a result. A user's name that is masked tells everybody what the password
is.
"""

from __future__ import annotations

from typing import Any, Mapping, Set

from ansible.module_utils.basic import AnsibleModule

USERS = frozenset(("login_user", "source_user", "master_user"))
SECRETS = frozenset(("login_password", "source_password", "master_password"))
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class MaskedModule(AnsibleModule):  # type: ignore[misc]
    """As AnsibleModule."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.no_log_values -= user_names(self.params)

    def exit_json(self, **result: Any) -> Any:
        """End with a result."""
        super().exit_json(**{**_invoked(self.params), **result})

    def fail_json(self, msg: str, **result: Any) -> Any:
        """End with a failure."""
        super().fail_json(msg, **{**_invoked(self.params), **result})


def user_names(options: Any) -> Set[str]:
    """The names of users in a module's options, at any depth."""
    if isinstance(options, Mapping):
        own = {str(value) for name, value in options.items() if name in USERS and value}
        return own.union(*map(user_names, options.values()))
    return set().union(*map(user_names, options)) if isinstance(options, (list, tuple)) else set()


def without_secrets(options: Any) -> Any:
    """A module's options with no secret in its slot."""
    if isinstance(options, Mapping):
        return {name: HIDDEN if name in SECRETS and value is not None else without_secrets(value)
                for name, value in options.items()}  # fmt: skip
    return [without_secrets(each) for each in options] if isinstance(options, (list, tuple)) else options


def _invoked(options: Any) -> Mapping[str, Any]:
    # An ansible-core that shows no options drops them.
    return {"invocation": {"module_args": without_secrets(options)}}
