# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that every changing module has."""

from __future__ import annotations


class ModuleDocFragment:
    """Safety options and the return values of changing modules."""

    DOCUMENTATION = r"""
options:
  state_id:
    description:
      - The state that the change was planned for, as M(replicaops.mysql.replica_status) returned it.
      - The module fails, and changes nothing, when the channel is in another state by now.
    type: str
  record_dir:
    description:
      - Directory, where the module runs, that gets an undo record before the first write.
      - The directory is made when it does not exist; the record can be read by its owner only.
      - Without it no record is written, and a change that gives up replication history is refused.
    type: path
  timeout:
    description: Seconds to wait for threads to start or stop and for a wanted point to be reached.
    type: int
    default: 60
  managed_ok:
    description:
      - Whether to change a server that an orchestrator, an operator or a managed service looks after.
      - Members of a cluster (Group Replication, Galera, NDB) are refused in any case.
    type: bool
    default: false
"""
