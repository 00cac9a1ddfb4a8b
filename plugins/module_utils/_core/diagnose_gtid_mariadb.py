# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings from MariaDB's positions and binlogs: local writes, what a source lost, numbers it gave away again."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Sequence, Tuple

from .below import replicates
from .case import Case
from .diagnose_gtid import CAUGHT_UP, MOST_SHOWN, servers_of
from .fault_classes import RECEIVER, classify
from .finding import Finding
from .gtid_content import COLLISION, told
from .gtid_mariadb import MariadbGtid
from .snapshot import RUNNING, Server

# There are no empty transactions on MariaDB, which "roll_back" would write on the source.
_REMEDIES = ("replay", "roll_back_reset", "rebuild")


def local_writes(case: Case) -> Iterator[Finding]:
    """MariaDB has positions instead of sets: a local write shows as the own server id in a domain of the source's."""
    state = case.server.binlog_state
    if not case.is_mariadb or state is None:
        return
    own = case.server.server_id
    written = [gtid for gtid in state.gtids if gtid.server_id == own]
    known = servers_of(case.sources)
    if not written or known is None or any(replicates(other, case.server) for other in known):
        # In a ring its own writes are on their way to the others.
        return
    stray = [
        gtid
        for gtid in written
        if not any(server.binlog_state and server.binlog_state.contains(gtid) for server in known)
    ]
    shared = [gtid for gtid in stray if any(gtid.domain == other.domain for s in known for other in _gtids(s))]
    if str(own) in case.allowed or not shared:
        return
    text = ",".join(str(gtid) for gtid in shared)
    every = [gtid for gtid in case.contents if _is_own(case, gtid)]
    evidence: Dict[str, Any] = {"transactions": text, "own_server_id": own}
    if {str(gtid) for gtid in shared} <= set(every):
        evidence.update(_settling(case, every))
        evidence["left"] = str(case.server.replica_position or "")
    summary = "Written on this replica, in a domain that it replicates: %s." % text
    yield Finding("errant", case.channel.name, summary, evidence, {"errant": text}, _REMEDIES)


def lost_or_collided(case: Case) -> Iterator[Finding]:
    """What the source numbered and lacks, and what it has otherwise: its binlog lost the end.

    A receiver that runs has been let in at this position, so that nothing of it is lacking.
    """
    if not case.is_mariadb:
        return
    lost = [gtid for gtid in case.contents if not _is_own(case, gtid)] if case.channel.receiver != RUNNING else []
    pairs = [one for one in case.differences if one.kind == COLLISION]
    every = [one.gtid for one in pairs] + lost
    if pairs:
        evidence = {
            **_settling(case, case.undone or every),
            "collisions": ",".join(one.gtid for one in pairs),
            "tables": sorted({table for one in pairs for table in (*one.here.tables, *one.there.tables)}),
            "shown": ["here %s; on the source %s" % (one.here.told(), one.there.told()) for one in pairs[:MOST_SHOWN]],
        }
        summary = "Something else on the source under the same numbers: %s." % _listed(every)
        names = {"collisions": evidence["collisions"]}
        yield Finding("gtid_collision", case.channel.name, summary, _left(case, evidence), names)
    elif lost:
        summary = "Numbered by a source that does not have them: %s." % _listed(lost)
        evidence = _left(case, _settling(case, lost))
        yield Finding("lost_tail", case.channel.name, summary, evidence, {"lost": ",".join(lost)}, _REMEDIES)


def source_caught_up(case: Case) -> Iterator[Finding]:
    """The receiver's error says that the source lacks transactions, and it does not (any more): nothing was reused."""
    fault = case.channel.receiver_fault
    if not case.is_mariadb or fault is None or case.channel.receiver == RUNNING or case.compared is None:
        return
    if classify(fault, RECEIVER) != "replica_ahead" or case.differences or case.contents:
        return
    source, here = case.source.server if case.source else None, case.server.replica_position
    if source is None or source.binlog_state is None or here is None:
        return
    if all(source.binlog_state.contains(gtid) for gtid in here.gtids):
        # Its relay logs may name what was undone, and are thrown away by the start itself.
        evidence = {"position": str(here)}
        yield Finding("source_caught_up", case.channel.name, CAUGHT_UP, evidence, {}, ("refetch", "resume"))


def purged(case: Case) -> Iterator[Finding]:
    """What the source has purged too early, between the replica's position and its oldest binlog."""
    if case.lacking is None:
        return
    one = case.lacking
    evidence = {"after": one.after, "lacking": one.until, "donor": one.donor, "fetch": one.until if one.donor else ""}
    summary = "The source has purged what the replica needs: all from %s to %s." % (one.after or "-", one.until)
    yield Finding("purged_on_source", case.channel.name, summary, evidence)


def _is_own(case: Case, gtid: str) -> bool:
    return MariadbGtid.parse(gtid).server_id == case.server.server_id


def _settling(case: Case, gtids: Sequence[str]) -> Dict[str, Any]:
    return {
        "transactions": ",".join(gtids),
        "named": ",".join(gtids),
        "tables": sorted({table for one in case.contents.values() for table in one.tables}),
        "shown": told(case.contents, gtids, MOST_SHOWN),
    }


def _left(case: Case, evidence: Dict[str, Any]) -> Dict[str, Any]:
    """The evidence with the position that is left; without it nothing can be undone, so it is not offered."""
    return {**evidence, "left": case.left}


def _listed(gtids: Sequence[str]) -> str:
    return ", ".join(gtids[:MOST_SHOWN]) + (" and more" if len(gtids) > MOST_SHOWN else "")


def _gtids(server: Server) -> Tuple[MariadbGtid, ...]:
    return server.binlog_state.gtids if server.binlog_state is not None else ()
