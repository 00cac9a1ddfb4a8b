# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opens the read view of a donor that is copied: exactly at a known point, with every definition as it is there.

A moment without commits is looked for first, which locks nothing. Where there is none on MySQL, writing is held up by a
global read lock for the length of three statements. MariaDB tells the point of a view by itself.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Tuple

from .._core.commit_point import CommitPoint
from .._core.errors import ReplicaError, ServerError
from .._core.rebuild_objects import Definition, differing
from . import rebuild_catalog as catalog
from . import snapshot_point
from .connect import Connection, connect
from .probe import Probed

# How long a moment without commits is looked for, and how often the lock is tried after that.
QUIET_SECONDS = 5.0
LOCKS = 10
# The lock is given up after a second: everybody who writes waits behind it.
LOCK = "FLUSH TABLES WITH READ LOCK"
LOCK_SECONDS = "SET SESSION lock_wait_timeout = 1"
LONG = "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE COMMAND = 'Query' AND TIME > 2 AND ID <> %s"
PAUSE = 0.5
LOOKS = 5
ATTEMPT = "open a read view at an exactly known point"

# The view has to live as long as copying takes.
PATIENCE = "SET SESSION wait_timeout = 86400, net_write_timeout = 3600, net_read_timeout = 3600"


def open_view(view: Connection, probed: Probed, seconds: float = QUIET_SECONDS) -> Tuple[CommitPoint, bool]:
    """Open the view in this connection's session; its point, and whether writing was held up for it.

    :raises ReplicaError: no exact point could be had: long statements run, or the account may not lock.
    """
    view.execute(PATIENCE)
    try:
        point = snapshot_point.open_view(view, probed, seconds, seconds)
        if not point.doubtful:
            return point, False
        snapshot_point.close_view(view)
    except ServerError:
        raise
    except ReplicaError:
        if probed.flavour.is_mariadb:
            raise
    return _locked(view, probed), True


def _locked(view: Connection, probed: Probed) -> CommitPoint:
    last = "statements run there that take long, and the lock would hold everybody up behind them"
    with connect(view.login) as holder:
        holder.execute(LOCK_SECONDS)
        for _attempt in range(LOCKS):
            row = holder.one(LONG, (holder.connection_id,)) or {"n": 0}
            if not row["n"]:
                try:
                    return _under_lock(view, holder, probed)
                except ServerError as error:
                    if error.number != 1205:
                        raise
                    last = str(error)
            time.sleep(PAUSE)
    raise ReplicaError(ATTEMPT, view.address, last, "Run again when there is less work on it, or choose another donor.")


def _under_lock(view: Connection, holder: Connection, probed: Probed) -> CommitPoint:
    try:
        holder.execute(LOCK)
        view.execute(snapshot_point.START)
        return snapshot_point.end(view, probed)
    finally:
        with suppress(ServerError):
            holder.execute("UNLOCK TABLES")


def open_with_definitions(
    view: Connection, reader: Connection, probed: Probed
) -> Tuple[CommitPoint, Tuple[Definition, ...], bool]:
    """The view, the definitions of everything in it, and whether writing was held up.

    Definitions have no read view: they are read before and after, and count when both are the same.

    :param reader: another connection to the same server, as SHOW CREATE takes locks for as long as a view is open.
    :raises ReplicaError: definitions were changed again and again, or what `open_view` raises.
    """
    if not snapshot_point.gives_locks_back(view, probed):
        raise ReplicaError(
            ATTEMPT, view.address, "the account may not give back the locks of a view",
            "Grant it BINLOG ADMIN there: else every DDL statement would wait until all is copied.",
        )  # fmt: skip
    changed: Tuple[str, ...] = ()
    for _look in range(LOOKS):
        before = catalog.read(reader)
        point, locked = open_view(view, probed)
        after = catalog.read(reader)
        changed = differing(before, after)
        if not changed:
            return point, after, locked
        snapshot_point.close_view(view)
    raise ReplicaError(
        ATTEMPT, view.address, "definitions are changed there all the time (%s)" % ", ".join(changed[:5]),
        "Run again when that has ended.",
    )  # fmt: skip
