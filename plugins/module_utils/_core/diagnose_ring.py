# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about two servers that replicate from each other: what each has and the other cannot apply.

Neither may be healed by itself. What the other one wrote would take the place of the own rows here, and the other way
round there: both run again, and the rows are swapped (measured on MySQL 9.7 and 5.6, MariaDB 10.11).
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional

from .below import leads
from .case import Case
from .diagnose_faults import applier_causes, failing
from .fault_classes import APPLIER, classify, named_in
from .finding import Finding
from .gtid_mysql import GtidSet, describe
from .snapshot import GTID, RUNNING, Channel, Coordinates, Server

_ROWS = ("duplicate_row", "missing_row")


def conflicting_writes(case: Case) -> Iterator[Finding]:
    """The applier stopped at a transaction of a source that replicates from here, and has not got all from here.

    Where the other applier stopped as well, both transactions are known; else it is on its way to them.
    """
    source = case.source.server if case.source is not None else None
    back = _back(source, case.server) if source is not None else None
    if source is None or back is None or case.channel.applier == RUNNING:
        return
    if case.is_mariadb or case.channel.mode != GTID:
        return
    theirs = _stopped_at(case, source.uuid)
    waiting = (case.server.executed or GtidSet()).restricted([case.server.uuid]) - (source.executed or GtidSet())
    if not theirs or not waiting or back.mode != GTID:
        return
    ours = _stopped_at(Case(server=source, channel=back), case.server.uuid) & waiting
    evidence: Dict[str, Any] = {
        "transactions": "%s here and %s on the source" % (ours or waiting, theirs),
        "channel_there": back.name,
    }
    if ours:
        evidence.update(named=str(ours), there=str(theirs))
        summary = "Each server stopped at a transaction of the other: %s of this one, %s of its source." % (
            describe(ours), describe(theirs)
        )  # fmt: skip
    else:
        summary = "This server stopped at %s of its source, which has not applied %s of this one yet." % (
            describe(theirs), describe(waiting)
        )  # fmt: skip
    remedies = () if ours else ("wait", "roll_back_here", "roll_back_there")
    yield Finding("conflicting_writes", case.channel.name, summary, evidence, remedies=remedies)


def conflicting_by_position(case: Case) -> Iterator[Finding]:
    """The same where no set of GTIDs tells: coordinates, and MariaDB.

    Both appliers say behind which coordinates of the other server they stopped, at a row. Where only this one did and
    the other has got everything from here, nothing of this server is in doubt.
    """
    source = case.source.server if case.source is not None else None
    back = _back(source, case.server) if source is not None else None
    channel, end = case.channel, case.server.binlog_end
    if source is None or back is None or (channel.mode == GTID and not case.is_mariadb):
        return
    theirs, ours = _row_error(case), _row_error(Case(server=source, channel=back))
    if not theirs or end is None or (back.executed is not None and _reached(back.executed, end)):
        return
    evidence: Dict[str, Any] = {
        "transactions": "the next one behind %s here and behind %s on the source" % (back.executed, channel.executed),
        "channel_there": back.name,
    }
    if ours:
        here, there = ("the transaction behind %s" % point for point in (back.executed, channel.executed))
        evidence.update(named=here, there=there, errno=theirs, errno_there=ours)
        summary = "Each server stopped at a row that the other wrote: %s of this one, %s of its source." % (here, there)
    else:
        summary = "This server stopped behind %s of its source, which has not applied all of this one yet." % (
            channel.executed
        )  # fmt: skip
    remedies = () if ours else ("wait", "roll_back_here", "roll_back_there")
    yield Finding("conflicting_writes", case.channel.name, summary, evidence, remedies=remedies)


def _row_error(case: Case) -> int:
    """The number of the error about a row at which the applier stopped; 0 for none."""
    if case.channel.applier == RUNNING:
        return 0
    found = [fault.number for fault, _name, _worker in applier_causes(case) if classify(fault, APPLIER) in _ROWS]
    return found[0] if found else 0


def _reached(point: Coordinates, end: Coordinates) -> bool:
    try:
        return point.reached(end)
    except ValueError:
        return False


def _back(source: Server, server: Server) -> Optional[Channel]:
    return next((channel for channel in source.channels if leads(channel, server)), None)


def _stopped_at(case: Case, uuid: str) -> GtidSet:
    """The transactions at which the applier stopped, as far as this server numbered them."""
    if case.channel.applier == RUNNING:
        return GtidSet()
    found = GtidSet()
    for fault, transaction, _worker in applier_causes(case):
        name = failing(case, transaction or named_in(fault).get("transaction", ""), fault).get("transaction")
        found = found | GtidSet.parse(str(name or ""))
    return found.restricted([uuid])
