# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a server's own binlog lacks transactions in its middle, as after GTIDs were added to gtid_purged there.

Such a server applied transactions without writing them: it is no donor of them and no base for recovery to a point in
time. With GTIDs the sets tell (MySQL 8 and later, which can add to gtid_purged). MariaDB's positions and coordinates
tell nothing, and an empty transaction looks like any other.
"""

from __future__ import annotations

from typing import Iterator, List, Tuple

from .case import Case
from .finding import Finding
from .gtid_mysql import GtidSet, describe

Run = Tuple[int, int]

# Binlogs are purged in their order, so that what is purged after what is still there was never in them; except that
# concurrent commits get their numbers a little out of order. More of them at once than this are not seen.
CONCURRENT = 10000


def binlog_incomplete(case: Case) -> Iterator[Finding]:
    """GTIDs that are purged although many before them, without a gap, are still in the binlogs.

    A server built from a backup begins with what is purged, and a group that hands out numbers in blocks leaves gaps
    between them: neither is found here.
    """
    executed, purged = case.server.executed, case.server.purged
    if executed is None or purged is None or case.is_mariadb or not case.server.features.purged_append:
        return
    if case.channel.name != case.server.channels[0].name:
        return  # it is the server's, and said once
    logged = (executed - purged).intervals()
    lacking = {}
    for key, runs in purged.intervals().items():
        first = executed.intervals()[key][0][0] if key in executed.intervals() else 0
        found = _behind(runs, logged.get(key, ()), first)
        if found:
            lacking[key] = found
    if lacking:
        gtids = GtidSet.from_intervals(lacking)
        summary = "Counted as executed without being in its binlogs, which go on around them: %s." % describe(gtids)
        yield Finding("binlog_incomplete", case.channel.name, summary, {"transactions": str(gtids)})


def _behind(purged: Tuple[Run, ...], logged: Tuple[Run, ...], first: int) -> List[Run]:
    """The purged runs that follow, without a gap, a logged one which is long or begins with the first of all."""
    ends = {end for start, end in logged if end - start >= CONCURRENT or start == first}
    return [run for run in purged if run[0] in ends]
