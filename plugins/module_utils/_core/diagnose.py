# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Diagnosis: a snapshot in, findings and a verdict for every channel out. One predicate for each failure class."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from . import (
    diagnose_binlog,
    diagnose_faults,
    diagnose_gtid,
    diagnose_gtid_mariadb,
    diagnose_progress,
    diagnose_rebuild,
    diagnose_ring,
    diagnose_settings,
    diagnose_tail,
)
from .binlog_expiry import Needed
from .case import Case, Lacking
from .finding import Finding, verdict_of
from .finding_types import ERROR, INFO, NOT_A_REPLICA, UNKNOWN, VERDICT_ORDER, WARNING
from .gtid_content import Content, Difference
from .gtid_mysql import GtidSet
from .lost_tail import Tail
from .snapshot import Channel, Peer, Server
from .state import joint_state_id, state_id

Predicate = Callable[[Case], Iterator[Finding]]

# What the replica itself shows; the state id is made of it.
OWN: Tuple[Predicate, ...] = (
    diagnose_rebuild.unfinished,
    diagnose_faults.applier_faults,
    diagnose_faults.receiver_faults,
    diagnose_faults.relay_logs_gone,
    diagnose_faults.waiting_for_disk,
    diagnose_faults.stopped_threads,
    diagnose_progress.progress,
    diagnose_progress.delayed,
    diagnose_progress.without_key,
    diagnose_gtid.holes,
    diagnose_gtid.position_gap,
    diagnose_settings.filters,
    diagnose_settings.skip_pending,
)

# What other servers have to say, and what stays when all is well; a plan that depends on it asks again.
ELSEWHERE: Tuple[Predicate, ...] = (
    diagnose_faults.certificate_ended,
    diagnose_binlog.binlog_incomplete,
    diagnose_gtid.errant,
    diagnose_gtid.collision,
    diagnose_gtid.source_caught_up,
    diagnose_ring.conflicting_writes,
    diagnose_ring.conflicting_by_position,
    diagnose_gtid_mariadb.local_writes,
    diagnose_gtid_mariadb.lost_or_collided,
    diagnose_gtid_mariadb.source_caught_up,
    diagnose_tail.lost_by_position,
    diagnose_gtid.purged,
    diagnose_gtid_mariadb.purged,
    diagnose_gtid.purged_coordinates,
    diagnose_gtid.source_unknown,
    diagnose_settings.same_identity,
)

PREDICATES: Tuple[Predicate, ...] = OWN + ELSEWHERE

_SEVERITY = {ERROR: 0, WARNING: 1, INFO: 2}


@dataclass(frozen=True)
class ChannelDiagnosis:
    """What is the case with one channel.

    :param needs: the oldest binlog of its source that it needs; None where that was not asked.
    """

    channel: Channel
    findings: Tuple[Finding, ...]
    verdict: str
    state_id: str
    case: Case
    needs: Optional[Needed] = None


@dataclass(frozen=True)
class Diagnosis:
    """What is the case with a server: its own findings, each channel's, and the worst verdict."""

    server: Server
    server_findings: Tuple[Finding, ...]
    channels: Tuple[ChannelDiagnosis, ...]
    verdict: str

    @property
    def severity(self) -> str:
        """The gravest severity of all findings; ``info`` when there are none."""
        return min((finding.kind.severity for finding in self.findings), key=_SEVERITY.__getitem__, default=INFO)

    @property
    def state_id(self) -> str:
        """The state id of all channels looked at: the channel's own when there is one."""
        return joint_state_id([diagnosed.state_id for diagnosed in self.channels])

    @property
    def findings(self) -> Tuple[Finding, ...]:
        """All findings, the gravest first."""
        every = [finding for diagnosed in self.channels for finding in diagnosed.findings]
        return tuple(sorted(every + list(self.server_findings), key=lambda finding: _SEVERITY[finding.kind.severity]))


@dataclass(frozen=True)
class Surroundings:
    """What is known beyond the replica itself.

    :param sources: the source of each channel by channel name; a channel that is not in it was not asked about.
    :param members: other servers of the topology that were named.
    :param earlier: the server at the first sample, when there were two, ``waited`` seconds before.
    :param confirmed: errant candidates that still stood when every source was read again.
    :param contents: what transactions do that only the replica has, by GTID.
    :param compared: by channel, what was compared with its source transaction by transaction.
    :param differences: by channel, the GTIDs under which both have something different.
    :param left: by channel, MariaDB's position once what the source lacks is undone.
    :param lacking: by channel, what a source of MariaDB has purged too early.
    :param undone: by channel, what has to be undone for that.
    :param tails: by channel that goes by coordinates, what its source has lost.
    """

    sources: Mapping[str, Peer]
    members: Tuple[Peer, ...] = ()
    earlier: Optional[Server] = None
    waited: float = 0.0
    allowed: Tuple[str, ...] = ()
    confirmed: Optional[GtidSet] = None
    contents: Mapping[str, Content] = field(default_factory=dict)
    compared: Mapping[str, GtidSet] = field(default_factory=dict)
    differences: Mapping[str, Tuple[Difference, ...]] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)
    undone: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    lacking: Mapping[str, Lacking] = field(default_factory=dict)
    tails: Mapping[str, Tail] = field(default_factory=dict)


def case_of(server: Server, channel: Channel, around: Surroundings) -> Case:
    """One channel with everything around it."""
    every = tuple(around.sources.values()) + around.members
    known = every if len(around.sources) == len(server.channels) else (*every, Peer("a source", None, "not asked"))
    return Case(
        server=server,
        channel=channel,
        source=around.sources.get(channel.name),
        sources=known,
        earlier=around.earlier.channel(channel.name) if around.earlier is not None else None,
        waited=around.waited,
        allowed=around.allowed,
        confirmed=around.confirmed,
        contents=around.contents,
        compared=around.compared.get(channel.name),
        differences=around.differences.get(channel.name, ()),
        left=around.left.get(channel.name, ""),
        undone=around.undone.get(channel.name, ()),
        lacking=around.lacking.get(channel.name),
        tail=around.tails.get(channel.name),
    )


def diagnose(server: Server, around: Surroundings, only: Optional[str] = None) -> Diagnosis:
    """Diagnose a server.

    :param only: the name of one channel to look at; every channel when None.
    """
    own = tuple(diagnose_settings.server_findings(server))
    channels = []
    for channel in server.channels:
        if only is not None and channel.name != only:
            continue
        case = case_of(server, channel, around)
        shown = [finding for predicate in OWN for finding in predicate(case)]
        heard = [finding for predicate in ELSEWHERE for finding in predicate(case)]
        found = sorted(_without_repeats(shown + heard), key=lambda finding: _SEVERITY[finding.kind.severity])
        channels.append(
            ChannelDiagnosis(channel, tuple(found), verdict_of(found), state_id(server, channel, shown), case)
        )
    verdicts = [diagnosed.verdict for diagnosed in channels]
    if not channels:
        verdicts = [UNKNOWN if "replica_status" in server.unreadable else NOT_A_REPLICA]
    return Diagnosis(server, own, tuple(channels), max(verdicts, key=VERDICT_ORDER.index))


def _without_repeats(findings: Iterable[Finding]) -> List[Finding]:
    """Each code once a channel where two predicates see the same thing (a purge shows as an error and in the sets)."""
    seen: Dict[Tuple[str, object], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.names.get("transaction"))
        if finding.code in ("purged_on_source", "duplicate_server_id", "errant"):
            key = (finding.code, None)
        first = seen.get(key)
        if first is None:
            seen[key] = finding
        elif finding.code == "purged_on_source":
            seen[key] = replace(first, evidence={**finding.evidence, **first.evidence})
    return list(seen.values())
