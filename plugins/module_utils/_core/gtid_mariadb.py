# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MariaDB's global transaction identifiers: one (``MariadbGtid``), positions and the binlog state.

A position (``gtid_slave_pos``, ``gtid_binlog_pos``, ``gtid_current_pos``) names the *last* transaction of each domain
and nothing else. It cannot express a hole, there is no set arithmetic, and what was passed need not have been executed:
a skipped transaction moves the position just like an applied one. The types here therefore keep two questions apart:
``covers`` (has the position passed it, by number?) has a yes or no, ``contains`` (is it known to be there?) may have
neither and then answers None.

Measured on MariaDB 10.11 and 11.8; the rules are those of the Knowledge Base page "Global Transaction ID".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .gtid_mysql import GtidError

EQUAL = "equal"
BEHIND = "behind"
AHEAD = "ahead"
# Two servers gave the same number to a transaction of their own: neither is behind the other.
DIVERGED = "diverged"

_GTID = re.compile(r"([0-9]{1,10})-([0-9]{1,10})-([0-9]{1,20})")
_ID_END = 2**32
_SEQUENCE_END = 2**64
_ORDER_LOST_FROM = 10


@dataclass(frozen=True, order=True)
class MariadbGtid:
    """One transaction's identifier. Raises GtidError for a field the server has no room for."""

    domain: int
    server_id: int
    sequence: int

    def __post_init__(self) -> None:
        """Refuse what no server can have written."""
        if not (0 <= self.domain < _ID_END and 0 <= self.server_id < _ID_END and 0 <= self.sequence < _SEQUENCE_END):
            raise GtidError(f"domain, server id or sequence number out of range: {self}")

    @classmethod
    def parse(cls, text: str) -> MariadbGtid:
        """The identifier written as ``domain-server_id-sequence``. Raises GtidError for anything else."""
        match = _GTID.fullmatch(text.strip())
        if match is None:
            raise GtidError(f"not a MariaDB GTID (domain-server_id-sequence): {text[:80]!r}")
        domain, server_id, sequence = match.groups()
        return cls(int(domain), int(server_id), int(sequence))

    def __str__(self) -> str:
        """As the server prints it."""
        return f"{self.domain}-{self.server_id}-{self.sequence}"


def _parse_list(text: str) -> list[MariadbGtid]:
    if not text.strip():
        return []
    return [MariadbGtid.parse(item) for item in text.split(",")]


@dataclass(frozen=True)
class GtidPosition:
    """The last transaction of each domain, sorted by domain. ``GtidPosition()`` is the position before everything."""

    gtids: tuple[MariadbGtid, ...] = ()

    def __post_init__(self) -> None:
        """Sort, so that equal positions compare equal, and refuse two transactions of one domain."""
        ordered = tuple(sorted(self.gtids))
        for first, second in zip(ordered, ordered[1:]):
            if first.domain == second.domain:
                raise GtidError(f"a position has one transaction of a domain, not two: {first} and {second}")
        object.__setattr__(self, "gtids", ordered)

    @classmethod
    def parse(cls, text: str) -> GtidPosition:
        """The position written as ``0-1-5,7-2-9``; '' is before everything. Raises GtidError for anything else."""
        return cls(tuple(_parse_list(text)))

    def domains(self) -> tuple[int, ...]:
        """The domains that have a transaction, ascending."""
        return tuple(gtid.domain for gtid in self.gtids)

    def get(self, domain: int) -> MariadbGtid | None:
        """The last transaction of this domain; None when there is none."""
        return next((gtid for gtid in self.gtids if gtid.domain == domain), None)

    def compare(self, other: GtidPosition) -> dict[int, str]:
        """Where this position stands against ``other``, by domain: ``equal``, ``behind``, ``ahead`` or ``diverged``.

        A position without the domain is behind one that has it. Only numbers are compared, and numbers of one domain
        order its transactions only while one server at a time writes to it (or gtid_strict_mode forces that).
        """
        mine, theirs = _by_domain(self), _by_domain(other)
        return {domain: _order(mine.get(domain), theirs.get(domain)) for domain in sorted(mine.keys() | theirs.keys())}

    def covers(self, gtid: MariadbGtid) -> bool:
        """Whether the position is at this transaction or, by number, past it: a source would not send it any more.

        Passed is not executed: see ``contains``. The same number of another server is not covered.
        """
        return _order(self.get(gtid.domain), gtid) in (EQUAL, AHEAD)

    def contains(self, gtid: MariadbGtid) -> bool | None:
        """Whether the transaction is among those this position accounts for; None when a position cannot tell.

        True: it is the last of its domain. False: the domain has nothing yet, or the last one is an earlier
        transaction of the same server. None: the number was passed (applied or skipped, that is not recorded), or the
        last one is of another server (without gtid_strict_mode, numbers of two servers interleave in any order).
        False trusts that a server's own numbers only rise, which a reset of its binlog breaks.
        """
        last = self.get(gtid.domain)
        if last is None:
            return False
        if last == gtid:
            return True
        return False if last.server_id == gtid.server_id and last.sequence < gtid.sequence else None

    def advance(self, gtid: MariadbGtid) -> GtidPosition:
        """The position after this transaction: its domain is replaced, the others stay.

        The number may be lower than the one it replaces, as the order is that of the binlog.
        """
        return GtidPosition((*self.without((gtid.domain,)).gtids, gtid))

    def merge(self, other: GtidPosition) -> GtidPosition:
        """The further of both in each domain, as for several connections that share one ``gtid_slave_pos``.

        Raises GtidError for a domain where they diverged: no number says which one is right.
        """
        mine, theirs = _by_domain(self), _by_domain(other)
        merged = dict(mine)
        for domain, gtid in theirs.items():
            order = _order(mine.get(domain), gtid)
            if order == DIVERGED:
                raise GtidError(f"the positions diverged in domain {domain}: {mine[domain]} and {gtid}")
            if order == BEHIND:
                merged[domain] = gtid
        return GtidPosition(tuple(merged.values()))

    def without(self, domains: Iterable[int]) -> GtidPosition:
        """The position less these domains."""
        unwanted = set(domains)
        return GtidPosition(tuple(gtid for gtid in self.gtids if gtid.domain not in unwanted))

    @property
    def is_empty(self) -> bool:
        """Whether no domain has a transaction."""
        return not self.gtids

    def __bool__(self) -> bool:
        """Whether a domain has a transaction."""
        return bool(self.gtids)

    def __str__(self) -> str:
        """As the server prints it: sorted by domain, without spaces."""
        return ",".join(map(str, self.gtids))


@dataclass(frozen=True)
class GtidBinlogState:
    """``gtid_binlog_state``: the last transaction of each server in each domain.

    :param gtids: while ``ordered``, the last one of a domain is the one that was written last; the others are sorted.
    :param ordered: whether the order tells that. The server sorts what it prints by domain alone, which from ten
        entries on mixes up the servers of a domain (measured on 10.11 and 11.8): then only ``gtid_binlog_pos`` tells.
    """

    gtids: tuple[MariadbGtid, ...] = ()
    ordered: bool = True

    def __post_init__(self) -> None:
        """Sort, so that equal states compare equal, and refuse two entries for one server in a domain."""
        seen: set[tuple[int, int]] = set()
        for gtid in self.gtids:
            if (gtid.domain, gtid.server_id) in seen:
                raise GtidError(
                    "a binlog state has one transaction of a server in a domain, not two: "
                    f"server {gtid.server_id}, domain {gtid.domain}"
                )
            seen.add((gtid.domain, gtid.server_id))
        newest = set(_newest(self.gtids)) if self.ordered else set()
        ordered = sorted(self.gtids, key=lambda gtid: (gtid.domain, gtid in newest, gtid.server_id))
        object.__setattr__(self, "gtids", tuple(ordered))

    @classmethod
    def parse(cls, text: str, binlog_pos: str = "") -> GtidBinlogState:
        """The state written as ``0-2-6,0-1-7,5-1-2``.

        :param binlog_pos: ``gtid_binlog_pos``, read in the same statement and before the state; without it the order
            of the text decides, as far as it can.
        :raises GtidError: for anything else, and when ``binlog_pos`` names a server that the state does not have.
        """
        gtids = _parse_list(text)
        if binlog_pos.strip():
            return cls(_with_last(gtids, GtidPosition.parse(binlog_pos)))
        one_server_each = len({gtid.domain for gtid in gtids}) == len(gtids)
        return cls(tuple(gtids), one_server_each or len(gtids) < _ORDER_LOST_FROM)

    def position(self) -> GtidPosition:
        """The newest transaction of each domain (``gtid_binlog_pos``). Raises GtidError when the order is not known."""
        if not self.ordered:
            raise GtidError("this gtid_binlog_state does not tell which transactions are the newest: %s" % self)
        return GtidPosition(_newest(self.gtids))

    def position_of_servers(self) -> Mapping[int, GtidPosition]:
        """By server id, the last transaction which that server wrote in each domain."""
        by_server: dict[int, list[MariadbGtid]] = {}
        for gtid in self.gtids:
            by_server.setdefault(gtid.server_id, []).append(gtid)
        return {server_id: GtidPosition(tuple(gtids)) for server_id, gtids in sorted(by_server.items())}

    def foreign(self, own_server_id: int) -> tuple[MariadbGtid, ...]:
        """The entries of other servers, which came by replication; no state, as "the newest" is not among them."""
        return tuple(gtid for gtid in self.gtids if gtid.server_id != own_server_id)

    def contains(self, gtid: MariadbGtid) -> bool | None:
        """Whether the transaction is in the binlog's history; None when the state cannot tell.

        True: it is the last one that its server wrote in its domain. False: that server has written nothing, or only
        less, in the domain. None: the number was passed, and the state does not record whether a lower number was
        logged or skipped. A transaction applied with sql_log_bin=0, or by a replica with log_slave_updates=0, is in
        no binlog at all. False trusts that a server's own numbers only rise: a source that was reset (RESET MASTER)
        or whose gtid_seq_no was set by hand breaks that.
        """
        for known in self.gtids:
            if (known.domain, known.server_id) == (gtid.domain, gtid.server_id):
                if known.sequence == gtid.sequence:
                    return True
                return False if known.sequence < gtid.sequence else None
        return False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever logged."""
        return not self.gtids

    def __bool__(self) -> bool:
        """Whether something was logged."""
        return bool(self.gtids)

    def __str__(self) -> str:
        """Text for ``SET GLOBAL gtid_binlog_state``, which restores the state only if it is ``ordered``."""
        return ",".join(map(str, self.gtids))


def _newest(gtids: tuple[MariadbGtid, ...]) -> tuple[MariadbGtid, ...]:
    return tuple({gtid.domain: gtid for gtid in gtids}.values())


def _with_last(gtids: list[MariadbGtid], position: GtidPosition) -> tuple[MariadbGtid, ...]:
    """The entries with those of the position's servers last: their numbers may have gone up since it was read."""
    writers = {(gtid.domain, gtid.server_id) for gtid in position.gtids}
    last = [gtid for gtid in gtids if (gtid.domain, gtid.server_id) in writers]
    if len(last) != len(writers):
        raise GtidError("gtid_binlog_pos %s names a server that gtid_binlog_state does not have" % position)
    return (*(gtid for gtid in gtids if gtid not in last), *last)


def _by_domain(position: GtidPosition) -> dict[int, MariadbGtid]:
    return {gtid.domain: gtid for gtid in position.gtids}


def _order(mine: MariadbGtid | None, theirs: MariadbGtid | None) -> str:
    if mine == theirs:
        return EQUAL
    if mine is None:
        return BEHIND
    if theirs is None:
        return AHEAD
    if mine.sequence == theirs.sequence:
        return DIVERGED
    return BEHIND if mine.sequence < theirs.sequence else AHEAD
