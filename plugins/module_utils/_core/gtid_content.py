# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What transactions do that have been named by their GTIDs, and whether one number stands for one transaction.

After a source has lost the end of its binlog it gives numbers away again, and the sets of two servers may be equal
although their rows are not. Only the transactions themselves show it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .binlog.header import BODY
from .gtid_mariadb import GtidBinlogState, GtidPosition, MariadbGtid
from .gtid_mysql import Gtid, GtidSet

if TYPE_CHECKING:  # most diagnoses decode nothing, and loading what does costs them a tenth of their time
    from .binlog.layout import TableLayout
    from .binlog.table_map import TableMap
    from .binlog.transaction import Transaction

EMPTY = "empty"
HARMLESS = "harmless"
CHANGE = "change"

COLLISION = "collision"
EMPTIED = "emptied"
UNDECIDED = "undecided"

# Statements that are logged and change no row and no definition (RULES: a verdict of their own).
_HARMLESS = re.compile(r"(?:FLUSH|ANALYZE|OPTIMIZE)\b", re.IGNORECASE)
_COMMENTS = re.compile(r"^(?:\s|/\*.*?\*/|--\s[^\n]*\n)+", re.DOTALL)
_TEXT = 80
_LOGICAL_CLOCK = 2
_FIRST_FOLLOWS = 1 << 55


@dataclass(frozen=True)
class Content:
    """One transaction as one server's binlog has it.

    :param timestamp: seconds since 1970, of its first event.
    :param origin: microseconds since 1970 at which its first server committed it, 0 where the binlog does not say
        (MySQL before 8.0, MariaDB, tagged GTIDs).
    :param rows: how many rows it changes, -1 when they cannot be counted.
    :param statements: the beginnings of its statements.
    :param digest: of its rows and statements; '' when they cannot be decoded.
    :param form: of how its rows are logged: contents of different forms may differ and mean the same.
    """

    gtid: str
    file: str
    start: int
    timestamp: int
    server_id: int
    origin: int
    tables: Tuple[str, ...]
    rows: int
    statements: Tuple[str, ...]
    digest: str
    form: str
    kind: str

    def told(self) -> str:
        """For people: when, by which server, which tables, how many rows, which statement."""
        when = "%s UTC" % (datetime(1970, 1, 1) + timedelta(seconds=self.timestamp))
        parts = []
        if self.tables:
            count = "an unknown number of rows" if self.rows < 0 else "%d row%s" % (self.rows, "s"[: self.rows != 1])
            parts.append("%s of %s" % (count, ", ".join(self.tables)))
        parts += self.statements
        return "%s at %s by server id %d: %s" % (
            self.gtid, when, self.server_id, "; ".join(parts) or "an empty transaction"
        )  # fmt: skip

    def as_dict(self) -> Dict[str, object]:
        """For results."""
        return {
            "gtid": self.gtid,
            "timestamp": self.timestamp,
            "server_id": self.server_id,
            "tables": list(self.tables),
            "rows": self.rows,
            "statements": list(self.statements),
            "kind": self.kind,
        }


Contents = Mapping[str, Content]


@dataclass(frozen=True)
class Difference:
    """One GTID under which two servers have something different.

    :param kind: `COLLISION`; `EMPTIED` when one of them is an empty transaction that took the other's place;
        `UNDECIDED` when both may be the same, logged in different forms.
    """

    gtid: str
    kind: str
    here: Content
    there: Content


def origin(data: bytes) -> int:
    """When the transaction of a MySQL GTID event was committed first, in microseconds since 1970; 0 where nothing says.

    MySQL 8.0 and later: behind the logical clock stand the time of the commit here (7 bytes), and if its highest bit is
    set that of the first commit (manual: "Binary log event structure"; measured on MySQL 9.7).
    """
    at = BODY + 25
    if len(data) < at + 24 or data[at] != _LOGICAL_CLOCK:
        return 0
    here = int.from_bytes(data[at + 17 : at + 24], "little")
    if not here & _FIRST_FOLLOWS:
        return here
    return int.from_bytes(data[at + 24 : at + 31], "little")


def plain_layout(table: TableMap) -> Optional[TableLayout]:
    """A layout from the binlog alone, good enough to tell whether two rows are equal; None for unknown types."""
    from .binlog.columns import column_decoder, described
    from .binlog.layout import TableLayout

    columns = tuple(
        described("", code, metadata, True) for code, metadata in zip(table.type_codes, table.metadata)
    )  # fmt: skip
    try:
        decoders = tuple(
            column_decoder(code, metadata, column)
            for code, metadata, column in zip(table.type_codes, table.metadata, columns)
        )
    except ValueError:
        return None
    return TableLayout(columns, decoders)


def content(done: Transaction, committed: int = 0, rows: bool = True) -> Content:
    """What a transaction does.

    :param done: read with `plain_layout`.
    :param committed: from `origin`.
    :param rows: whether its rows were decoded.
    """
    whole = rows and not done.undecoded and not done.lossy
    changes = hashlib.sha256()
    form = hashlib.sha256()
    for one in done.changes:
        changes.update(repr((one.table, one.kind, one.before, one.after)).encode("utf-8", "backslashreplace"))
        form.update(repr((one.table, one.kind, one.partial)).encode("utf-8", "backslashreplace"))
    for event in done.statements:
        changes.update(repr((event.schema, event.text)).encode("utf-8", "backslashreplace"))
    return Content(
        done.gtid, done.file, done.first, done.timestamp, done.server_id, committed,
        tuple("%s.%s" % name for name in done.tables), len(done.changes) if whole else -1,
        tuple(_beginning(event.text) for event in done.statements),
        changes.hexdigest() if whole else "", form.hexdigest(), _kind(done),
    )  # fmt: skip


def _kind(done: Transaction) -> str:
    if done.lossy or done.tables or done.changes:
        return CHANGE
    if not done.statements:
        return EMPTY
    texts = [_COMMENTS.sub("", event.text) for event in done.statements]
    return HARMLESS if all(_HARMLESS.match(text) for text in texts) else CHANGE


def _beginning(text: str) -> str:
    """Few enough words that no row's content is among them."""
    return " ".join(_COMMENTS.sub("", text).split()[:3])[:_TEXT]


def harmless(contents: Contents, gtids: GtidSet) -> GtidSet:
    """Those of the transactions that are known to change nothing."""
    kinds = {EMPTY, HARMLESS}
    known = [Gtid.parse(one.gtid) for one in contents.values() if one.kind in kinds]
    return GtidSet.from_gtids(known) & gtids


def told(contents: Contents, gtids: Iterable[str], most: int = 10) -> List[str]:
    """The transactions for people, the first of them."""
    return [contents[gtid].told() for gtid in list(gtids)[:most] if gtid in contents]


def differences(here: Contents, there: Contents) -> Tuple[Difference, ...]:
    """The GTIDs that both servers have, and under which they have something different.

    The time at which a transaction was committed first travels with it on MySQL 8 and later: where both tell it, it
    decides. Else equal contents are equal, and different ones are different where both are logged alike, or where even
    the second or the server in which they began is another one. (Measured on MySQL 9.7, 5.6 and MariaDB: an event keeps
    the time and the server id of its first server.)
    """
    found = []
    for gtid, mine in here.items():
        theirs = there.get(gtid)
        if theirs is not None:
            kind = _difference(mine, theirs)
            if kind:
                found.append(Difference(gtid, kind, mine, theirs))
    return tuple(found)


def _difference(mine: Content, theirs: Content) -> str:
    if mine.digest and mine.digest == theirs.digest:
        return ""
    if mine.origin and mine.origin == theirs.origin:
        return ""
    if (mine.kind == EMPTY) != (theirs.kind == EMPTY):
        return EMPTIED
    if mine.origin and theirs.origin:
        return COLLISION
    if (mine.timestamp, mine.server_id) != (theirs.timestamp, theirs.server_id):
        return COLLISION
    if _as_statements(mine, theirs) or _as_statements(theirs, mine):
        return UNDECIDED
    alike = mine.digest and theirs.digest and mine.form == theirs.form
    return COLLISION if alike or mine.tables != theirs.tables else UNDECIDED


def _as_statements(one: Content, other: Content) -> bool:
    """Whether one has statements where the other has rows.

    A replica that logs rows makes them of a statement, too (measured on MySQL 5.6 and MariaDB).
    """
    return bool(one.statements and not one.tables and other.tables)


def collided(found: Sequence[Difference]) -> GtidSet:
    """The GTIDs of proven collisions (MySQL)."""
    return GtidSet.from_gtids([Gtid.parse(one.gtid) for one in found if one.kind == COLLISION])


def reaches(compared: GtidSet, common: GtidSet) -> bool:
    """Whether the newest of the transactions that two servers share were compared: numbers that were given away again
    end there, as long as nothing has been fetched since."""
    return bool(compared) and all(
        compared.last(uuid, tag) == common.last(uuid, tag) for uuid, tag in common.intervals()
    )  # fmt: skip


def meets(position: GtidPosition, state: Optional[GtidBinlogState], mine: Iterable[str], theirs: Iterable[str]) -> bool:
    """The same on MariaDB: in each domain the newest transaction that both have passed stands in both binlogs."""
    if state is None or not state.ordered or not position:
        return False
    ends = state.position()
    both = set(mine) & set(theirs)
    for one in position.gtids:
        end = ends.get(one.domain)
        newest_common = one if end is None or one.sequence <= end.sequence else end
        if end is not None and str(newest_common) not in both:
            return False
    return True


def only_here(mine: Mapping[str, Content], head: Sequence[MariadbGtid], states: Sequence[GtidBinlogState]) -> List[str]:
    """The transactions of a replica that none of the servers above it has, in the order of its binlog (MariaDB).

    Nothing where its binlogs before those that were read may hold more of them.

    :param head: what stands before the first of them.
    :param states: of the servers above it.
    """

    def lacking(one: MariadbGtid) -> bool:
        return all(state.contains(one) is False for state in states)

    if any(lacking(one) for one in head):
        return []
    return [gtid for gtid in mine if lacking(MariadbGtid.parse(gtid))]


def from_the_first(order: Iterable[str], undone: Iterable[str]) -> List[str]:
    """With these transactions everything that came after the first of them in its domain: a position has no gaps, so
    that what came later would be sent, and applied, a second time (MariaDB).

    :param order: all transactions of the replica's binlog, in order.
    """
    first, found, begun = frozenset(undone), [], set()
    for gtid in order:
        domain = MariadbGtid.parse(gtid).domain
        if gtid in first:
            begun.add(domain)
        if domain in begun:
            found.append(gtid)
    return found


def position_before(
    order: Iterable[str], head: Sequence[MariadbGtid], undone: Sequence[str], position: GtidPosition
) -> Optional[GtidPosition]:
    """A replica's position when these transactions are undone: in each domain what came before the first of them.

    :param order: all transactions of its binlog, in order.
    :param undone: those that are undone, without its own, which moved no position.
    :returns: None when it is not known what came before.
    """
    last = {one.domain: one for one in GtidPosition.parse(",".join(map(str, _last_of(head)))).gtids}
    found: Dict[int, Optional[MariadbGtid]] = {}
    for gtid in order:
        one = MariadbGtid.parse(gtid)
        if gtid in undone:
            found.setdefault(one.domain, last.get(one.domain))
        last[one.domain] = one
    if any(one is None for one in found.values()):
        return None
    kept = position.without(found)
    return GtidPosition.parse(",".join([str(one) for one in (*kept.gtids, *found.values())]))


def _last_of(head: Sequence[MariadbGtid]) -> List[MariadbGtid]:
    newest_of: Dict[int, MariadbGtid] = {}
    for one in head:
        known = newest_of.get(one.domain)
        if known is None or known.sequence < one.sequence:
            newest_of[one.domain] = one
    return list(newest_of.values())


def newest(gtids: GtidSet, count: int) -> GtidSet:
    """The newest transactions of each server and tag in a set, so many of each."""
    kept = {}
    for key, runs in gtids.intervals().items():
        left, parts = count, []
        for start, end in reversed(list(runs)):
            take = min(left, end - start)
            if take > 0:
                parts.append((end - take, end))
                left -= take
        kept[key] = parts[::-1]
    return GtidSet.from_intervals(kept)
