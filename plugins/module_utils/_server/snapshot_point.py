# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A read view on a source whose exact point in the binlog is known, opened without any lock while the source writes.

MariaDB says itself where a consistent snapshot stands. On MySQL the binlog's end is read before and after the snapshot:
when nothing was written in between, it is the snapshot's point, except for a transaction that was in the middle of its
commit; so a moment is looked for in which no thread commits.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Optional

from .._core.commit_point import CommitPoint, is_quiet
from .._core.errors import PrivilegeError, ReplicaError, ServerError
from .._core.snapshot import Coordinates
from .connect import Connection
from .probe import Probed

# A moment without any commit is looked for so long; after that a view is taken whose point is right but for a
# transaction that was being committed.
QUIET_SECONDS = 2.0
# Isolation first: WITH CONSISTENT SNAPSHOT does nothing at any other level.
ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
START = "START TRANSACTION WITH CONSISTENT SNAPSHOT"
PROCESSES = "SELECT ID, USER, COMMAND, STATE FROM information_schema.PROCESSLIST"


def open_view(
    connection: Connection, probed: Probed, timeout: float, quiet_seconds: float = QUIET_SECONDS
) -> CommitPoint:
    """Open a read view in this connection's session; the point at which it stands.

    :param timeout: how long to try; a source that writes without a pause for longer is given up.
    :param quiet_seconds: how long a moment without commits is waited for; a point found later is in doubt.
    :raises ReplicaError: the source has no binlog, or never paused for the length of three statements.
    """
    connection.execute(ISOLATION)
    if probed.flavour.is_mariadb:
        return _open_mariadb(connection)
    began = time.monotonic()
    tries = 0
    while True:
        tries += 1
        quiet = time.monotonic() - began < quiet_seconds
        point = _try(connection, probed, quiet)
        if point is not None:
            return point
        if time.monotonic() - began > timeout:
            raise ReplicaError(
                "open a read view at a known point",
                connection.address,
                "in %d tries within %g s the source never stopped writing for the length of three statements"
                % (tries, timeout),
                "Compare when there is less writing, or run this module nearer to the source.",
                {"tries": tries},
            )


def gives_locks_back(connection: Connection, probed: Probed) -> bool:
    """Make a session ready for a read view that holds no metadata locks between statements; whether it could be done.

    ROLLBACK TO SAVEPOINT gives them back on MySQL. MariaDB 10.11 and 11.8 keep them to the end of the transaction while
    the session could write to the binlog (measured), so that a DDL statement of somebody would wait for us, and
    everybody behind it. To be called before `open_view`.
    """
    if not probed.flavour.is_mariadb:
        return True
    try:
        connection.execute("SET SESSION sql_log_bin = 0")
    except PrivilegeError:
        return False
    return True


def is_waited_for(connection: Connection) -> bool:
    """Whether somebody on this server waits for a metadata lock of a table."""
    waiting = "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata%'"
    return bool((connection.one(waiting) or {"n": 0})["n"])


def close_view(connection: Connection) -> None:
    """End the read view; a connection that broke has ended it already."""
    with suppress(ServerError):
        connection.execute("ROLLBACK")


def end(connection: Connection, probed: Probed) -> CommitPoint:
    """The end of a source's binlog.

    :raises ReplicaError: the binary log is off, so nothing can replicate from here.
    """
    row = connection.one(probed.dialect.show_source_status)
    if row is None or not row.get("File"):
        raise ReplicaError(
            "read the end of the binlog", connection.address, "the binary log is off", "Nothing replicates from there."
        )
    gtids = "".join(str(row.get("Executed_Gtid_Set") or "").split())
    return CommitPoint(Coordinates(str(row["File"]), int(row["Position"])), gtids)


def quiet_now(connection: Connection) -> bool:
    """Whether no thread of the server is in the middle of a commit at this moment, as far as this account can see."""
    return is_quiet(connection.query(PROCESSES), connection.connection_id)


def _try(connection: Connection, probed: Probed, want_quiet: bool) -> Optional[CommitPoint]:
    """One try on MySQL. The order matters: end, threads, snapshot, end.

    :param want_quiet: give up when a thread is at work. Otherwise that is not even asked, which makes the try shorter,
        and the point is in doubt.
    """
    before = end(connection, probed)
    quiet = want_quiet and quiet_now(connection)
    if want_quiet and not quiet:
        return None
    connection.execute(START)
    try:
        if end(connection, probed) == before:
            return CommitPoint(before.coordinates, before.gtids, not quiet)
    except BaseException:
        close_view(connection)
        raise
    close_view(connection)
    return None


def _open_mariadb(connection: Connection) -> CommitPoint:
    """MariaDB keeps engine and binlog together for the snapshot and tells the point (manual: "START TRANSACTION")."""
    connection.execute(START)
    rows = connection.query("SHOW STATUS LIKE 'binlog_snapshot_%'")
    found = {str(row["Variable_name"]).lower(): str(row["Value"]) for row in rows}
    file, position = found.get("binlog_snapshot_file", ""), found.get("binlog_snapshot_position", "")
    if not file or not position.isdigit():
        close_view(connection)
        raise ReplicaError(
            "open a read view at a known point",
            connection.address,
            "the server gives no binlog position with a consistent snapshot",
            "The binary log must be on there.",
        )
    row = connection.one("SELECT BINLOG_GTID_POS(%s, %s) AS position", (file, int(position)))
    return CommitPoint(Coordinates(file, int(position)), str((row or {}).get("position") or ""))
