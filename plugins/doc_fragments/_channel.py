# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option that names a replication channel."""

from __future__ import annotations


class ModuleDocFragment:
    """Which channel."""

    DOCUMENTATION = r"""
options:
  channel:
    description:
      - Name of the replication channel (MariaDB calls it a connection).
      - By default the only channel there is; a changing module fails when there are several and none is named.
    type: str
"""
