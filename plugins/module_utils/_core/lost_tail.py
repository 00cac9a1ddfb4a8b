# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a source has lost of its binlog where nothing has a number: by what both binlogs hold, one by one.

A replica that goes by coordinates knows a position, and one behind the end of the source's binlog says only that
something is gone. Its own binlog has the source's transactions in the source's order, with their rows, the second and
the server in which they began (measured on MySQL 9.7 and 5.6, MariaDB 10.11 and 11.8). So the two are laid beside each
other: what both have last is where the source's binlog goes on, and what the replica has behind it is lost.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from .gtid_content import Content
from .snapshot import Channel, Coordinates, Server


@dataclass(frozen=True)
class Logged:
    """A transaction as it stands in a binlog.

    :param end: behind its last event.
    """

    content: Content
    end: Coordinates

    @property
    def start(self) -> Coordinates:
        """Where its first event begins."""
        return Coordinates(self.content.file, self.content.start)


@dataclass(frozen=True)
class Tail:
    """What came of laying the ends of two binlogs beside each other.

    :param lost: what the replica has of the source and the source does not have, in order.
    :param newer: what the source has behind the last transaction that both have.
    :param goes_on: where that one ends in the source's binlog; None when it is not known.
    :param others: transactions of other servers among the lost ones in the replica's binlog.
    :param before: the GTIDs of what both have, in order (MariaDB, which numbers transactions in any mode).
    :param why: why nothing can be said; '' when something can.
    """

    lost: Tuple[Logged, ...] = ()
    newer: Tuple[Logged, ...] = ()
    goes_on: Optional[Coordinates] = None
    others: Tuple[Logged, ...] = ()
    before: Tuple[str, ...] = ()
    why: str = ""

    @property
    def begin(self) -> Optional[Coordinates]:
        """Where the lost transactions begin in the replica's binlog."""
        return self.lost[0].start if self.lost else None

    @property
    def end(self) -> Optional[Coordinates]:
        """Where they end there."""
        return self.lost[-1].end if self.lost else None


def behind_all(channel: Channel, source: Server) -> bool:
    """Whether a channel's coordinates name a binlog that its source has not begun yet: it lost the last of them."""
    point = channel.read or channel.executed
    if point is None or not source.binlogs:
        return False
    try:
        return point.key() > Coordinates(source.binlogs[-1][0], point.position).key()
    except ValueError:
        return False


def laid_beside(mine: Sequence[Logged], theirs: Sequence[Logged], own: int, source: int) -> Tail:
    """Compare the end of a replica's binlog with the end of its source's.

    The last transaction that stands once in each, with the same rows in the same second by the same server, anchors
    one to the other. Everything before it has to agree, as far back as both go, and what follows may agree some more
    (where the lost transactions were brought back to the source, they are younger there).

    :param mine: of the replica, in order; ``theirs`` of the source.
    :param own: the replica's server id, whose own transactions do not count on either side.
    :param source: the server id of the source.
    :returns: with ``why`` when they share nothing, or are in another order.
    """
    from_source = {source, *(one.content.server_id for one in theirs)} - {own}
    here = [one for one in mine if one.content.server_id in from_source]
    there = [one for one in theirs if one.content.server_id != own]
    if not here:
        return Tail(why="its own binlogs hold nothing of the source")
    anchor = _anchor(here, there)
    if anchor is None:
        return Tail(why="the newest binlogs of the two have no transaction in common")
    left, right = anchor
    if not all(_same(here[left - back], there[right - back]) for back in range(1, min(left, right) + 1)):
        return Tail(why="the two binlogs hold the same transactions in another order, or not all of them")
    while left + 1 < len(here) and right + 1 < len(there) and _same(here[left + 1], there[right + 1]):
        left, right = left + 1, right + 1
    lost, newer = tuple(here[left + 1 :]), tuple(there[right + 1 :])
    before = tuple(one.content.gtid for one in here[: left + 1] if one.content.gtid)
    return Tail(lost, newer, there[right].end, _others(mine, lost, from_source), before)


def _anchor(here: Sequence[Logged], there: Sequence[Logged]) -> Optional[Tuple[int, int]]:
    """The last transaction that is once in each; None without one, or when the two disagree which it is."""
    mine, theirs = _once(here), _once(there)
    both = [(place, theirs[mark]) for mark, place in mine.items() if mark in theirs]
    last = max(both, default=None)
    return last if last is not None and last == max(both, key=lambda pair: pair[1]) else None


def _once(logged: Sequence[Logged]) -> Dict[str, int]:
    marks = [_mark(one) for one in logged]
    count = Counter(marks)
    return {mark: place for place, mark in enumerate(marks) if count[mark] == 1}


def _mark(one: Logged) -> str:
    found = one.content
    body = found.digest if found.tables else repr(found.statements)
    return "%d %d %d %s %s" % (found.timestamp, found.server_id, found.origin, body, ",".join(found.tables))


def _same(mine: Logged, theirs: Logged) -> bool:
    """Whether two transactions do the same.

    Statements are not always logged in the same words by both: their beginning, the second and the server tell then.
    """
    one, other = mine.content, theirs.content
    if (one.tables, one.statements) != (other.tables, other.statements):
        return False
    if one.digest and one.digest == other.digest:
        return True
    rows = one.tables and one.digest and other.digest
    return not rows and (one.timestamp, one.server_id) == (other.timestamp, other.server_id)


def _others(mine: Sequence[Logged], lost: Sequence[Logged], from_source: Set[int]) -> Tuple[Logged, ...]:
    if not lost:
        return ()
    first, last = mine.index(lost[0]), mine.index(lost[-1])
    return tuple(one for one in mine[first:last] if one.content.server_id not in from_source)


def beyond(rows: Iterable[Mapping[str, Any]], sizes: Mapping[str, int]) -> int:
    """How many transactions of a relay log end behind what the source has.

    :param rows: of SHOW RELAYLOG EVENTS. An event keeps the end that it had in the source's binlog, whose name stands
        in a rotate event before it.
    :param sizes: of the source's binlogs.
    """
    file, count, begun = "", 0, False
    for row in rows:
        kind, info = str(row["Event_type"]), str(row["Info"])
        if kind == "Rotate" and ";pos=" in info:
            file = info.rsplit(";pos=", 1)[0]
        # MariaDB begins with the event that has the GTID.
        begins = kind in ("Query", "Gtid") and info.startswith("BEGIN")
        ends = kind == "Xid" or (kind == "Query" and not begins and (info == "COMMIT" or not begun))
        begun = begins or (begun and not ends)
        if ends and file and int(row["End_log_pos"]) > sizes.get(file, 0):
            count += 1
    return count


def named(start: Optional[Coordinates], end: Optional[Coordinates]) -> str:
    """A range for people."""
    return "%s to %s" % (start, end) if start is not None else ""


def place(point: Optional[Coordinates]) -> Mapping[str, object]:
    """Coordinates for results; {} for none."""
    return {"file": point.file, "position": point.position} if point is not None else {}


def told(logged: Sequence[Logged], most: int) -> List[str]:
    """Transactions for people, the first of them."""
    return ["%s: %s" % (one.start, one.content.told().strip()) for one in logged[:most]]
