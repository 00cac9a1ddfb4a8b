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
from .fault_classes import named_in
from .finding import Finding
from .gtid_mysql import GtidSet, describe
from .snapshot import GTID, RUNNING, Channel, Server


def conflicting_writes(case: Case) -> Iterator[Finding]:
    """The applier stopped at a transaction of a source that replicates from here, and has not got all from here.

    Where the other applier stopped as well, both transactions are known; else it is on its way to them.
    """
    source = case.source.server if case.source is not None else None
    back = _back(source, case.server) if source is not None else None
    if case.is_mariadb or source is None or back is None or case.channel.applier == RUNNING:
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
