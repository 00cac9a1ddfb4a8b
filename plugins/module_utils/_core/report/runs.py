# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each server of a channel has of every GTID: the intervals of the report's picture, each with its meaning.

Of a UUID, or of a domain on MariaDB, the numbers fall into stretches. Inside one stretch every number has the same
meaning for the replica, so that a picture needs one bar for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..gtid_mariadb import GtidBinlogState, GtidPosition
from ..gtid_mysql import GtidSet

APPLIED = "applied"
BEHIND = "behind"
GAP = "gap"
HOLE = "hole"
ERRANT = "errant"
LOST = "lost"
ALLOWED = "allowed"
AHEAD = "ahead"
PURGED = "purged"

# In words, for the legend and for those who cannot see the bars.
MEANINGS = {
    APPLIED: "on both sides",
    BEHIND: "not applied yet",
    GAP: "gap: parallel appliers are not done",
    HOLE: "hole: passed over, will never be applied",
    ERRANT: "errant: only the replica has it",
    LOST: "lost: the source wrote it and has it no more",
    ALLOWED: "only the replica has it, as intended",
    AHEAD: "beyond what the source has",
    PURGED: "purged: missing here, no longer in the source's binlogs",
}


@dataclass(frozen=True)
class Stretch:
    """Numbers from ``first`` to ``last`` that mean the same."""

    first: int
    last: int
    meaning: str

    @property
    def numbers(self) -> str:
        """As a server would print them."""
        return str(self.first) if self.first == self.last else "%d-%d" % (self.first, self.last)


@dataclass(frozen=True)
class Row:
    """All stretches of one origin: a UUID with its tag, or a domain."""

    origin: str
    stretches: Tuple[Stretch, ...]


def rows(replica: Mapping[str, Any], source: Mapping[str, Any], source_uuid: str, codes: Sequence[str]) -> List[Row]:
    """What the sets of a replica and its source come to.

    :param replica: ``gtid`` of a result of `replica_status`.
    :param source: the same of its source.
    :param source_uuid: the source's UUID, whose numbers the source cannot lack unless it lost them; empty on MariaDB.
    :param codes: the codes of the findings, which tell a gap from a hole and errant from intended transactions.
    """
    if replica.get("executed") is not None and source.get("executed") is not None:
        return _mysql(replica, source, source_uuid, codes)
    if replica.get("slave_pos") is not None and source.get("binlog_state") is not None:
        return _mariadb(str(replica["slave_pos"]), str(source["binlog_state"]), codes)
    return []


def _mysql(replica: Mapping[str, Any], source: Mapping[str, Any], source_uuid: str, codes: Sequence[str]) -> List[Row]:
    here, there = GtidSet.parse(str(replica["executed"])), GtidSet.parse(str(source["executed"]))
    purged = GtidSet.parse(str(source.get("purged") or "")) - here
    inner = HOLE if "gtid_hole" in codes else GAP
    local = ALLOWED if "errant" not in codes and "allowed_local" in codes else ERRANT
    found: List[Row] = []
    for uuid, tag in sorted((here | there).intervals()):
        key = (uuid, tag)
        last = here.last(uuid, tag)
        missing = (there - here - purged).intervals().get(key, ())
        parts = [Stretch(a, b - 1, APPLIED) for a, b in (here & there).intervals().get(key, ())]
        parts += [Stretch(a, b - 1, inner if a < last else BEHIND) for a, b in missing]
        parts += [Stretch(a, b - 1, PURGED) for a, b in purged.intervals().get(key, ())]
        only = LOST if uuid == source_uuid else local
        parts += [Stretch(a, b - 1, only) for a, b in (here - there).intervals().get(key, ())]
        found.append(Row(uuid + (":" + tag if tag else ""), tuple(sorted(parts, key=lambda part: part.first))))
    return found


def _mariadb(slave_pos: str, binlog_state: str, codes: Sequence[str]) -> List[Row]:
    """By domain: a position is the last number, and every one below it counts as applied."""
    here = {gtid.domain: gtid.sequence for gtid in GtidPosition.parse(slave_pos).gtids}
    there: Dict[int, int] = {}
    for gtid in GtidBinlogState.parse(binlog_state).gtids:
        there[gtid.domain] = max(gtid.sequence, there.get(gtid.domain, 0))
    beyond = ERRANT if "errant" in codes else AHEAD
    found: List[Row] = []
    for domain in sorted({*here, *there}):
        applied, written = here.get(domain, 0), there.get(domain, 0)
        both, most = min(applied, written), max(applied, written)
        parts = [Stretch(1, both, APPLIED)] if both else []
        parts += [Stretch(both + 1, most, BEHIND if written > applied else beyond)] if most > both else []
        found.append(Row("domain %d" % domain, tuple(parts)))
    return found
