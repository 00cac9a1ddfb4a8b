# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules support."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of changing modules; READ_ONLY has those of modules that change nothing."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and return what would be changed without changing it.
    support: full
  diff_mode:
    description: Returns what has changed, or would be changed in check mode, in diff mode.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  action_group:
    description: Use C(group/replicaops.mysql.replica) in C(module_defaults) to set the login options of all modules.
    support: full
    membership:
      - replicaops.mysql.replica
"""

    READ_ONLY = r"""
attributes:
  check_mode:
    description: Can run in check mode. The module never changes anything.
    support: full
  diff_mode:
    description: Returns what has changed, or would be changed in check mode, in diff mode.
    support: none
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  action_group:
    description: Use C(group/replicaops.mysql.replica) in C(module_defaults) to set the login options of all modules.
    support: full
    membership:
      - replicaops.mysql.replica
"""
