# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each member of a topology has and lacks, by who numbered the transactions, as a table for people and as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from . import gtid_content
from .gtid_content import COLLISION, EMPTIED, UNDECIDED, Contents, Difference
from .gtid_mariadb import AHEAD, BEHIND, GtidPosition
from .gtid_mysql import GtidSet, describe
from .gtid_repair_report import Verdict, position_end
from .snapshot import Peer, Server

IN_STEP = "in step"
BEHIND_SOURCE = "behind"
GAP = "gap"
HOLE = "hole"
ERRANT = "errant"
HARMLESS = "harmless"
LOST = "lost"
PURGED = "purged"
ALLOWED = "allowed"
UNKNOWN = "unknown"

MEANINGS: Mapping[str, str] = {
    BEHIND_SOURCE: "on their way",
    GAP: "on their way, though later ones are applied (parallel appliers)",
    HOLE: "never applied, and they will not come by themselves",
    ERRANT: "no server above has them",
    HARMLESS: "no server above has them, and they change nothing",
    LOST: "numbered by a server above that does not have them",
    PURGED: "missing, and the source has purged them",
    ALLOWED: "intended local transactions",
    COLLISION: "the source has something else under these numbers",
    EMPTIED: "empty on one of the two servers",
    UNDECIDED: "logged in two forms that cannot be compared",
}
# Beyond these nothing has to be done.
_PLAIN = (IN_STEP, BEHIND_SOURCE, GAP, HARMLESS, ALLOWED, EMPTIED)

_NONE = GtidSet()
_MOST_TOLD = 10


@dataclass(frozen=True)
class Row:
    """Some transactions of one member.

    :param origin: UUID of the server that numbered them; MariaDB: ``domain 0``; '' for the member as a whole.
    :param shown: what they do, for people.
    """

    server: str
    origin: str
    state: str
    gtids: str
    shown: Tuple[str, ...] = ()

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        return {
            "server": self.server,
            "origin": self.origin,
            "state": self.state,
            "gtids": self.gtids,
            "shown": list(self.shown),
        }


@dataclass(frozen=True)
class Member:
    """A member with everything that was found out about it.

    :param above: the servers above it, directly or not.
    :param sources: the direct ones.
    :param errant: what none of them has, ``lost`` as far as one of them numbered it itself.
    :param contents: what these do.
    :param differences: between it and its direct sources.
    """

    peer: Peer
    above: Tuple[Server, ...] = ()
    sources: Tuple[Server, ...] = ()
    errant: GtidSet = _NONE
    lost: GtidSet = _NONE
    holes: GtidSet = _NONE
    allowed: GtidSet = _NONE
    contents: Contents = field(default_factory=dict)
    differences: Tuple[Difference, ...] = ()


def rows(member: Member) -> List[Row]:
    """The rows of one member of MySQL: what it lacks, what only it has, what is another transaction on its source."""
    server = member.peer.server
    if server is None:
        return [Row(member.peer.name, "", UNKNOWN, "", (member.peer.reason or "it could not be read",))]
    executed, contents = server.executed or GtidSet(), member.contents
    missing = _union(one.executed for one in member.above) - executed
    fetched = _union(channel.retrieved for channel in server.channels)
    purged = (missing & _union(one.purged for one in member.sources)) - fetched
    hole = missing & member.holes - purged
    rest = missing - purged - hole
    gap = rest & executed.holes()
    harmless = gtid_content.harmless(contents, member.errant)
    found = [
        (BEHIND_SOURCE, rest - gap), (GAP, gap), (PURGED, purged), (HOLE, hole), (ERRANT, member.errant - harmless),
        (HARMLESS, harmless), (LOST, member.lost), (ALLOWED, member.allowed),
    ]  # fmt: skip
    made = [row for state, gtids in found for row in _split(member.peer.name, state, gtids, contents)]
    for kind in (COLLISION, EMPTIED, UNDECIDED):
        made += _different(member.peer.name, kind, [one for one in member.differences if one.kind == kind])
    return made or [Row(member.peer.name, "", IN_STEP, str(executed))]


def _union(sets: Iterable[Any]) -> GtidSet:
    every = GtidSet()
    for one in sets:
        every = every | (one or GtidSet())
    return every


def _split(name: str, state: str, gtids: GtidSet, contents: Contents) -> List[Row]:
    """A row for each server that numbered some of them."""
    made = []
    for uuid in gtids.uuids():
        part = gtids.restricted([uuid])
        made.append(Row(name, uuid, state, str(part), tuple(_told(part, contents))))
    return made


def _told(gtids: GtidSet, contents: Contents) -> List[str]:
    return gtid_content.told(contents, [str(gtid) for gtid in gtids.gtids(min(gtids.count(), _MOST_TOLD))])


def _different(name: str, kind: str, found: Sequence[Difference]) -> List[Row]:
    made = []
    every = GtidSet.parse(",".join(one.gtid for one in found)) if found else GtidSet()
    for uuid in every.uuids():
        pairs = [one for one in found if one.gtid.startswith(uuid)]
        made.append(Row(name, uuid, kind, str(every.restricted([uuid])), _pairs_told(pairs)))
    return made


def _pairs_told(pairs: Sequence[Difference]) -> Tuple[str, ...]:
    return tuple("here %s; on its source %s" % (one.here.told(), one.there.told()) for one in pairs[:_MOST_TOLD])


def mariadb_rows(
    peer: Peer, sources: Sequence[Server], found: Verdict, differences: Sequence[Difference] = ()
) -> List[Row]:
    """The rows of one member of MariaDB, by domain: a position is all that it has.

    :param found: the verdict on this member and the servers above it.
    :param differences: between its binlogs and those of its sources.
    """
    server, name = peer.server, peer.name
    if server is None:
        return [Row(name, "", UNKNOWN, "", (peer.reason or "it could not be read",))]
    here = server.replica_position or GtidPosition()
    made: List[Row] = []
    for source in sources:
        end = position_end(source)
        for domain, order in here.compare(end).items():
            mine, theirs = here.get(domain), end.get(domain)
            if order == BEHIND:
                made.append(Row(name, "domain %d" % domain, BEHIND_SOURCE, "%s, its source %s" % (mine or "-", theirs)))
            elif order == AHEAD and theirs is None and mine is not None and mine.server_id != server.server_id:
                made.append(Row(name, "domain %d" % domain, UNKNOWN, "%s, and its source has nothing there" % mine))
    for state, entries in ((ERRANT, found.errant), (LOST, found.lost), (COLLISION, found.collisions)):
        made += [Row(name, "domain %s" % gtids.split("-")[0], state, gtids) for _server, gtids in entries]
    for kind in (COLLISION, UNDECIDED):
        pairs = [one for one in differences if one.kind == kind]
        for domain_name in sorted({one.gtid.split("-")[0] for one in pairs}):
            mine_only = [one for one in pairs if one.gtid.split("-")[0] == domain_name]
            gtids = ",".join(one.gtid for one in mine_only)
            made.append(Row(name, "domain " + domain_name, kind, gtids, _pairs_told(mine_only)))
    return made or [Row(name, "", IN_STEP, str(here) or str(position_end(server)))]


def report(table: Sequence[Row], names: Mapping[str, str], unknown: Sequence[str]) -> List[str]:
    """The table as lines.

    :param names: names of members by their UUID.
    """
    cells = [("server", "numbered by", "state", "transactions")]
    notes: List[Tuple[str, ...]] = [()]
    for row in table:
        origin = "%s (%s)" % (names[row.origin], row.origin[-6:]) if row.origin in names else row.origin
        cells.append((row.server, origin or "-", row.state, _shown(row)))
        notes.append(row.shown)
    widths = [max(len(line[number]) for line in cells) for number in range(3)]
    lines: List[str] = []
    for line, told in zip(cells, notes):
        lines.append("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[3]]).rstrip())
        lines += ["    " + text for text in told]
    return lines + ["unknown: " + text for text in unknown]


def _shown(row: Row) -> str:
    meaning = MEANINGS.get(row.state, "")
    try:
        gtids = describe(GtidSet.parse(row.gtids)) if row.gtids else ""
    except ValueError:
        gtids = row.gtids
    return ": ".join(part for part in (gtids, meaning) if part) if row.state != IN_STEP else gtids


def agree(table: Sequence[Row], unknown: Sequence[str]) -> bool:
    """Whether nothing disagrees, and nothing is unknown or undecided."""
    return not unknown and all(row.state in _PLAIN for row in table)


def sentence(table: Sequence[Row], unknown: Sequence[str]) -> str:
    """All of it in a sentence or two."""
    left = [row for row in table if row.state not in _PLAIN]
    bad = ["%s has %s (%s)" % (row.server, row.state, row.gtids or "-") for row in left if row.state != UNDECIDED]
    if bad:
        return "The members disagree: %s." % "; ".join(bad[:_MOST_TOLD])
    undecided = ["%s of %s, %s" % (row.gtids, row.server, MEANINGS[UNDECIDED]) for row in left]
    parts = [("undecided", undecided[:_MOST_TOLD]), ("unknown", unknown)]
    open_ones = ["%s: %s" % (word, "; ".join(told)) for word, told in parts if told]
    if open_ones:
        return "Nothing disagrees as far as it is known; %s." % "; ".join(open_ones)
    return "The members agree, but for what is on its way."
