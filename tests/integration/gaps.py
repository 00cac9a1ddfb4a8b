# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parallel workers that stop with a gap: one waits for a row, the others have gone on."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Dict, Iterator

from lab.flavours import FLAVOURS
from lab.topology import Lab

SCHEMAS = ("a", "b", "c", "d")


def parallel_lab(flavour: str, lab_of: Callable[..., Lab], **more: Any) -> Lab:
    """A pair without GTIDs and with four workers that need not commit in order; a table in each of four schemas."""
    options: Dict[str, Any] = {"relay_log_info_repository": "TABLE", "master_info_repository": "TABLE"}
    if FLAVOURS[flavour].version >= (8, 0):
        options = {"replica_preserve_commit_order": 0}
    seed = ["CREATE DATABASE %s" % name for name in SCHEMAS]
    seed += ["CREATE TABLE %s.t (id INT PRIMARY KEY)" % name for name in SCHEMAS]
    lab = lab_of(flavour, gtid=False, workers=4, seed=seed, server_options={"replica": {**options, **more}})
    # On a server of some age the tables were not made in the binlog before this one.
    lab.source.execute("FLUSH LOGS", "FLUSH LOGS")
    # The first transaction of a binlog goes before all others, and is not to be the one that waits.
    lab.source.execute("INSERT INTO a.t VALUES (0)")
    lab.wait_in_sync()
    return lab


@contextlib.contextmanager
def held_up(lab: Lab) -> Iterator[None]:
    """Have the others go on while one worker waits for a row of a.t, which a session here has written.

    With the block the session ends; the row stays only if the block is left as it should be.
    """
    with lab.replica.connect("root", autocommit=False) as blocker:
        with blocker.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute("INSERT INTO a.t VALUES (1)")
        lab.source.execute("INSERT INTO a.t VALUES (1)")
        for number in range(1, 4):
            lab.source.execute(*("INSERT INTO %s.t VALUES (%d)" % (name, number) for name in SCHEMAS[1:]))
        rows = "SELECT (SELECT COUNT(*) FROM b.t) + (SELECT COUNT(*) FROM c.t) + (SELECT COUNT(*) FROM d.t) = 9"
        lab.replica.wait_until(rows, what="the other workers to go on")
        yield
        blocker.commit()


def applier_stopped(lab: Lab) -> bool:
    """Whether the replica's applier stands still."""
    return bool(lab.status(lab.links[0])[lab.flavour.words.sql_running] == "No")


def lab_with_a_gap(flavour: str, lab_of: Callable[..., Lab]) -> Lab:
    """A pair without GTIDs and with four workers, whose applier has stopped at a duplicate row of a.t."""
    lab = parallel_lab(flavour, lab_of)
    with held_up(lab):
        pass
    lab.replica.wait_until(lambda: applier_stopped(lab), what="the duplicate row to stop the applier")
    return lab
