# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings from GTID sets and positions: gaps, holes, errant and lost transactions, purged binlogs.

Reading order makes these safe: the replica is read before its source, and executed before retrieved. Whatever needs a
server that could not be asked is reported as unknown, never guessed.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, Tuple

from . import gtid_content
from .below import replicates
from .case import Case, at_rest
from .fault_classes import RECEIVER, classify
from .finding import Finding
from .gtid_mysql import GtidSet, describe
from .snapshot import GTID, RUNNING, Peer, Server

MOST_SHOWN = 10
CAUGHT_UP = "The source has the transactions again that it lacked, and those it shares with the replica are the same."


def holes(case: Case) -> Iterator[Finding]:
    """Missing numbers below the newest applied one: a gap closes by itself, a hole does not (RULES 21).

    Retrieved and still to be applied: a gap. Not retrieved although others are, or everything was applied: a hole.
    After Retrieved was emptied (RESET REPLICA, CHANGE, a restart) only a replica at rest tells. Under load a second
    sample tells: what was missing at the first and is now behind the point that the applier has passed is a hole
    (measured on MySQL 5.6, where parallel appliers forget transactions after errors); what has come since is no news.
    """
    retrieved = case.channel.retrieved
    missing = _missing(case, case.server.executed)
    if missing.is_empty or (case.channel.mode != GTID and not retrieved):
        return
    rest = at_rest(case.server, case.channel)
    known = retrieved or GtidSet.parse("")
    passed = _passed(case) & missing
    gap = GtidSet.parse("") if rest else (missing & known) - passed
    hole = missing if rest else (missing - known if known else GtidSet.parse("")) | passed
    unsure = missing - gap - hole
    if case.earlier is not None:
        gap &= _missing(case, case.earlier.executed_gtids)
    if gap or unsure:
        evidence = {"missing": str(gap | unsure), "retrieved": str(known), "undecided": str(unsure)}
        summary = "Not applied yet, though later ones are: %s." % describe(gap | unsure)
        yield Finding("gtid_gap", case.channel.name, summary, evidence)
    if hole:
        evidence = {"missing": str(hole), "executed": str(case.server.executed)}
        summary = "Never applied and not on their way: %s." % describe(hole)
        if case.channel.mode == GTID:
            yield Finding("gtid_hole", case.channel.name, summary, evidence, {"missing": str(hole)})
            return
        # By coordinates the source sends nothing again: its transactions are taken from a binlog and applied.
        evidence.update(_donor(case, hole))
        others = ("fetch", "gtid_append")
        yield Finding("gtid_hole", case.channel.name, summary, evidence, {"missing": str(hole)}, others)


def gap_undecided(case: Case) -> bool:
    """True while it may be a gap or a hole, so that another sample is worth the wait: the applier works and nothing
    holds it up."""
    earlier, channel = case.earlier or case.channel, case.channel
    faulty = channel.applier_fault is not None or any(worker.fault for worker in channel.workers)
    if channel.applier != RUNNING or faulty or case.server.blockers or channel.delay or not earlier.retrieved:
        return False
    then = _missing(case, earlier.executed_gtids) & earlier.retrieved
    return not ((then & _missing(case, case.server.executed)) - _passed(case)).is_empty


def _missing(case: Case, executed: Optional[GtidSet]) -> GtidSet:
    """The numbers missing below the newest, of the channel's source where there are several channels."""
    missing = executed.holes() if executed is not None else GtidSet.parse("")
    if case.channel.source_uuid and len(case.server.channels) > 1:
        return missing.restricted([case.channel.source_uuid])
    return missing


def _passed(case: Case) -> GtidSet:
    """What was fetched and missing at the first sample, if the applier has gone past all that was fetched by then.

    The applied coordinates are a low-water mark: everything before them was applied or left out for good.
    """
    earlier, executed = case.earlier, case.channel.executed
    if earlier is None or earlier.retrieved is None or earlier.read is None or executed is None:
        return GtidSet.parse("")
    try:
        beyond = executed.reached(earlier.read) and executed != earlier.read
    except ValueError:
        beyond = False
    return earlier.retrieved & _missing(case, earlier.executed_gtids) if beyond else GtidSet.parse("")


def position_gap(case: Case) -> Iterator[Finding]:
    """Gaps of parallel appliers in position mode, as the workers' own records show them."""
    if case.channel.position_gaps and case.channel.mode != GTID:
        summary = "The parallel appliers stopped with gaps behind %s." % case.channel.executed
        yield Finding("position_gap", case.channel.name, summary, {"executed": str(case.channel.executed)})


def errant_candidates(case: Case) -> Optional[GtidSet]:
    """Transactions of the replica that no server above it has; None when a server that matters could not be asked."""
    if case.server.executed is None or case.source is None:
        return None
    servers = servers_of(case.sources)
    if servers is None:
        return None
    candidates = case.server.executed
    for server in servers:
        if server.executed is None:
            return None
        candidates = candidates - server.executed
    return candidates


def errant(case: Case) -> Iterator[Finding]:
    """Errant transactions, by whose number they carry: the source's own (lost tail), intended ones, any other."""
    candidates = errant_candidates(case)
    if candidates is None or candidates.is_empty or case.confirmed is None:
        return
    candidates = candidates & case.confirmed
    if any(peer.server is not None and replicates(peer.server, case.server) for peer in case.sources):
        # In a ring its own transactions are on their way to the others, or wait there behind an error.
        candidates = candidates.without(uuids=[case.server.uuid])
    uuids = [name for name in case.allowed if "-" in name]
    tags = [name for name in case.allowed if "-" not in name]
    local = candidates.without(uuids=uuids, tags=tags)
    intended = candidates - local
    lost = _lost(case, local)
    stray = local - lost
    harmless = gtid_content.harmless(case.contents, stray)
    stray = stray - harmless
    # A channel by coordinates needs to know where the source's binlog goes on as well: its tail tells.
    by_tail = case.tail is not None and case.tail.goes_on is not None
    if lost and not by_tail and not gtid_content.collided(case.differences):
        summary = "Numbered by a source that does not have them: %s." % describe(lost)
        yield Finding("lost_tail", case.channel.name, summary, _settling(case, lost), {"lost": str(lost)})
    if stray:
        summary = "Only this replica has them: %s." % describe(stray)
        evidence = {**_settling(case, stray), "own_uuid": case.server.uuid}
        yield Finding("errant", case.channel.name, summary, evidence, {"errant": str(stray)})
    if harmless:
        summary = "Only this replica has them, and they change nothing: %s." % describe(harmless)
        yield Finding("errant_harmless", case.channel.name, summary, _settling(case, harmless))
    if intended:
        summary = "Intended local transactions: %s." % describe(intended)
        yield Finding("allowed_local", case.channel.name, summary, {"transactions": str(intended)})


def _lost(case: Case, candidates: GtidSet) -> GtidSet:
    """Those that a source numbered itself, so that it must have had them."""
    return candidates.restricted([peer.server.uuid for peer in case.sources if peer.server is not None])


def _settling(case: Case, gtids: GtidSet) -> Dict[str, Any]:
    """What a remedy needs to know of transactions that are to be kept or undone, and what a person wants to see.

    ``left`` is what counts as executed here once they do not.
    """
    executed = case.server.executed or GtidSet()
    names = [str(gtid) for gtid in gtids.gtids(gtids.count() if gtids.count() <= MOST_SHOWN else MOST_SHOWN)]
    return {
        "transactions": str(gtids),
        "named": str(gtids),
        "left": str(executed - gtids),
        "tables": sorted({table for one in case.contents.values() for table in one.tables}),
        "shown": gtid_content.told(case.contents, names, MOST_SHOWN),
    }


def collision(case: Case) -> Iterator[Finding]:
    """One number, two transactions: the source lost the one that this replica has and gave its number away again.

    What the source lost besides belongs to it: none of it can be replayed without the transactions before it.
    """
    if case.is_mariadb or case.source is None:
        return
    collided = gtid_content.collided(case.differences)
    if not collided:
        return
    candidates = errant_candidates(case)
    confirmed = candidates & case.confirmed if candidates is not None and case.confirmed is not None else GtidSet()
    every = collided | _lost(case, confirmed)
    pairs = [one for one in case.differences if one.kind == gtid_content.COLLISION]
    evidence = {
        **_settling(case, every),
        "collisions": str(collided),
        "tables": sorted({table for one in pairs for table in (*one.here.tables, *one.there.tables)}),
        "shown": ["here %s; on the source %s" % (one.here.told(), one.there.told()) for one in pairs[:MOST_SHOWN]],
    }
    summary = "Something else on the source under the same numbers: %s." % describe(collided)
    yield Finding("gtid_collision", case.channel.name, summary, evidence, {"collisions": str(collided)})


def source_caught_up(case: Case) -> Iterator[Finding]:
    """The receiver's error says that the source lacks transactions, and it does not (any more): nothing was reused."""
    fault = case.channel.receiver_fault
    if fault is None or case.channel.receiver == RUNNING or classify(fault, RECEIVER) != "replica_ahead":
        return
    candidates = errant_candidates(case)
    if case.compared is None or candidates is None or case.confirmed is None or case.differences:
        return
    if _lost(case, candidates & case.confirmed):
        return
    yield Finding("source_caught_up", case.channel.name, CAUGHT_UP, {"compared": str(case.compared)})


def purged(case: Case) -> Iterator[Finding]:
    """What the source has purged and the replica has not applied: only its relay logs still have it, or nobody."""
    source = case.source.server if case.source is not None else None
    if source is None or case.channel.mode != GTID:
        return
    executed = case.server.executed
    if executed is None or source.purged is None:
        return
    needed = source.purged - executed
    fetched = case.channel.retrieved or GtidSet.parse("")
    if needed.is_empty:
        return
    evidence = {"missing": str(needed), "purged": str(source.purged), "in_relay_logs": str(needed & fetched)}
    if (needed - fetched).is_empty:
        summary = "The source has purged %s; only the relay logs have them." % describe(needed)
        yield Finding("will_be_purged", case.channel.name, summary, evidence, {"missing": str(needed)})
    else:
        summary = "The source has purged what the replica needs: %s." % describe(needed - fetched)
        evidence.update(_donor(case, needed - fetched), lacking=str(needed - fetched))
        yield Finding("purged_on_source", case.channel.name, summary, evidence, {"missing": str(needed - fetched)})


def _donor(case: Case, needed: GtidSet) -> Dict[str, str]:
    """The member that can send most of what is needed, in its order, and what of it; nothing when none can.

    Only what nothing missing stands before: the rest has to wait for another member.
    """
    best: Dict[str, str] = {}
    most = 0
    for peer in case.sources:
        if peer.server is None or peer.server.executed is None or peer.server.purged is None:
            continue
        sends = needed & (peer.server.executed - peer.server.purged)
        first = GtidSet.from_intervals(
            {
                key: [(runs[0][0], runs[0][1])]
                for key, runs in sends.intervals().items()
                if runs[0][0] == needed.intervals()[key][0][0]
            }
        )
        if first.count() > most and peer is not case.source:
            most, best = first.count(), {"donor": peer.name, "fetch": str(first)}
    return best


def purged_coordinates(case: Case) -> Iterator[Finding]:
    """The same in position mode: the file of the applied position is gone from the source."""
    source = case.source.server if case.source is not None else None
    if source is None or case.channel.mode == GTID or case.channel.executed is None or not source.binlogs:
        return
    files = [name for name, _size in source.binlogs]
    if case.channel.executed.file in files:
        return
    evidence = {"needs": str(case.channel.executed), "oldest": files[0], "newest": files[-1]}
    read = case.channel.read
    code = "will_be_purged" if read is not None and read.file in files else "purged_on_source"
    summary = "The source no longer has %s, which the replica's position names." % case.channel.executed.file
    yield Finding(code, case.channel.name, summary, evidence, {"needs": str(case.channel.executed)})


def source_unknown(case: Case) -> Iterator[Finding]:
    """Says that the source was not asked, and why."""
    if case.source is not None and case.source.server is None:
        summary = "The source %s could not be asked: %s" % (case.where, case.source.reason or "no reason given")
        yield Finding(
            "source_unknown", case.channel.name, summary, {"source": case.where, "reason": case.source.reason}
        )


def servers_of(peers: Tuple[Peer, ...]) -> Optional[Tuple[Server, ...]]:
    """The servers behind peers, or None when there are none or one of them could not be read."""
    servers = tuple(peer.server for peer in peers if peer.server is not None)
    return servers if servers and len(servers) == len(peers) else None
