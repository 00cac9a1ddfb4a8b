# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage with a third server that replicates from the replica."""

from __future__ import annotations

from typing import Optional

from lab.server import Server
from lab.topology import Link

from .stage import DB, Mode, Stage


class Chain(Stage):
    """A stage whose lab is a chain: the replica is its middle, and the leaf is well whatever happens above."""

    below = Link(2, 1)

    @property
    def leaf(self) -> Server:
        return self.lab.servers[2]

    def both(self, *statements: str) -> None:
        """Run statements on the source and wait until the replica and the leaf have them too."""
        super().both(*statements)
        self.lab.wait_in_sync(self.leaf)

    def reset(self, mode: Optional[Mode] = None) -> None:
        """Make a replicating chain with an empty database again."""
        super().reset(mode)
        self.leaf.execute_unlogged("CREATE DATABASE %s" % DB)
        self.lab.configure(self.below, self.replica.coordinates())
        self.leaf.start_replica()
        self.lab.wait_in_sync()
        self.lab.wait_in_sync(self.leaf)

    def _forget(self) -> None:
        self.leaf.stop_replica()
        self.leaf.execute(self.leaf.replica_sql("RESET", "ALL"))
        super()._forget()
        if self.mariadb:
            self.leaf.execute("SET GLOBAL gtid_slave_pos = ''")
