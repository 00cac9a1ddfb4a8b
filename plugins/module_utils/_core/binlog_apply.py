# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applying or undoing named transactions: what is asked for, what is refused, what has been executed already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple, Union

from . import below
from .binlog.query import QueryEvent
from .binlog.table_map import TableName
from .binlog.transaction import INCIDENT, ROLLBACK, UNFINISHED, XA, Transaction
from .binlog_apply_context import check as check_statement
from .binlog_apply_rows import Change
from .errors import BadInputError, IdentityError, RefusedError
from .gtid_mariadb import GtidPosition, MariadbGtid
from .gtid_mysql import Gtid, GtidError, GtidSet
from .record import coordinates_from
from .row_repair import check_leaf
from .snapshot import STOPPED, Channel, Coordinates, Server

FORWARD = "forward"
REVERSE = "reverse"
FAIL = "fail"
LIST = "list"

_BINLOG_FILTERS = ("Binlog_Do_DB", "Binlog_Ignore_DB")


@dataclass(frozen=True)
class Wish:
    """What the caller asks for.

    :param start: where the named transactions begin, and ``stop`` where they end; None when GTIDs name them.
    :param gtids: a GTID set (MySQL), or GTIDs with commas between them (MariaDB); '' when coordinates name them.
    :param show: ``none``, ``keys`` or ``full``.
    :param whole: forward: a row that is changed and changed back is written again, or is taken for done; None leaves it
        to the GTIDs, where there are any, and else it is done.
    :param after: MariaDB: all transactions behind this position, up to ``until``, in the place of ``gtids``.
    """

    start: Optional[Coordinates]
    stop: Optional[Coordinates]
    gtids: str = ""
    direction: str = FORWARD
    on_conflict: str = FAIL
    show: str = "keys"
    max_transactions: int = 10000
    max_rows: int = 100000
    allow_source_write: bool = False
    whole: Optional[bool] = None
    after: Optional[GtidPosition] = None
    until: Optional[GtidPosition] = None

    @property
    def reverse(self) -> bool:
        """Whether the transactions are to be undone."""
        return self.direction == REVERSE

    @property
    def attempt(self) -> str:
        """For messages."""
        return "roll transactions back" if self.reverse else "replay transactions"


def named(given: Mapping[str, Optional[Mapping[str, Union[str, int]]]], gtids: Optional[str]) -> Wish:
    """The transactions that the options name.

    :param given: ``from`` and ``to``, each with ``file`` and ``position``.
    :raises BadInputError: neither or both ways are used, or the end is before the beginning.
    """
    start, stop = (coordinates_from(given.get(name)) for name in ("from", "to"))
    if bool(gtids) == bool(start or stop) or bool(start) != bool(stop):
        raise BadInputError(
            "The transactions are named neither by GTIDs nor by coordinates, or by both",
            advice="Give gtids, or from and to, each a file and a position.",
        )
    if start is not None and stop is not None:
        try:
            backwards = start.reached(stop)
        except ValueError:
            raise BadInputError("%s or %s is no name of a binlog" % (start.file, stop.file)) from None
        if backwards:
            raise BadInputError("Option to is %s, and from is %s" % (stop, start))
    return Wish(start, stop, gtids or "")


@dataclass
class Item:
    """One named transaction.

    :param transaction: without its rows.
    :param changes: what becomes of its rows, in the direction that is asked for.
    :param statements: with the bytes of their texts.
    :param deferred: tables that a statement before it defines, so that their rows can be read only afterwards.
    :param useless: why the rows of some tables cannot be used.
    :param executed: nothing is left to be done, by its GTID.
    :param passed: its number cannot be written any more: a higher one of its domain has been (MariaDB), or it has been
        and rows are to tell whether that was this transaction (MySQL).
    """

    transaction: Transaction
    changes: List[Change] = field(default_factory=list)
    statements: Tuple[Tuple[QueryEvent, bytes], ...] = ()
    deferred: Set[TableName] = field(default_factory=set)
    useless: Dict[TableName, str] = field(default_factory=dict)
    executed: bool = False
    passed: bool = False

    @property
    def name(self) -> str:
        """The transaction for people."""
        return self.transaction.gtid or str(self.transaction.start)


def mariadb_gtids(text: str) -> Tuple[MariadbGtid, ...]:
    """GTIDs one by one. Raises BadInputError."""
    try:
        return tuple(MariadbGtid.parse(part) for part in text.split(",") if part.strip())
    except GtidError as error:
        raise BadInputError("Option gtids: %s" % error) from None


def mysql_gtids(text: str) -> GtidSet:
    """A set of GTIDs. Raises BadInputError."""
    try:
        return GtidSet.parse(text)
    except GtidError as error:
        raise BadInputError("Option gtids: %s" % error) from None


def check_target(
    wish: Wish, server: Server, channel: Channel, binlog: Mapping[str, object], planning: bool = False,
    lacking: bool = False,
) -> None:  # fmt: skip
    """Refuse what must not be written, before anything is read.

    :param binlog: the row of SHOW MASTER STATUS; {} without one.
    :param planning: nothing is going to be written, so that an applier may run.
    :param lacking: no server that replicates from this one has the transactions that are to be undone.
    :raises RefusedError: an applier runs, there are filters, or other servers would get the change, or not get it.
    """
    for each in server.channels:
        _check_channel(wish, server, each, planning)
    filters = ["%s = %s" % (name, binlog[name]) for name in _BINLOG_FILTERS if binlog.get(name)]
    if filters and not wish.reverse:
        raise RefusedError(
            wish.attempt, server.address,
            "it leaves schemas out of its binlog (%s), and transactions must be in it as a whole" % ", ".join(filters),
        )  # fmt: skip
    if wish.reverse and lacking:
        return
    if wish.reverse:
        check_leaf(server, channel)
    _check_reach(wish, server)


def _check_channel(wish: Wish, server: Server, channel: Channel, planning: bool) -> None:
    where = "%s, %s" % (server.address, channel.label)
    if channel.applier != STOPPED and not planning:
        raise RefusedError(
            wish.attempt, where, "its applier runs, and would change rows meanwhile",
            "Stop it first (replica_channel, state stopped, threads applier).",
        )  # fmt: skip
    if channel.position_gaps:
        raise RefusedError(
            wish.attempt, where, "parallel appliers left gaps: its position does not tell what it has executed",
            "Close them first: START REPLICA UNTIL SQL_AFTER_MTS_GAPS (replica_channel, option until).",
        )  # fmt: skip
    filters = ["%s = %s" % pair for pair in sorted(channel.filters.items()) if pair[1]]
    if filters:
        raise RefusedError(
            wish.attempt, where, "it filters (%s), and what is written by a client is not filtered" % "; ".join(filters)
        )


def _check_reach(wish: Wish, server: Server) -> None:
    """Refuse to write where it may reach other servers, unless that is allowed."""
    if wish.allow_source_write:
        return
    hidden = [name for name in below.WHO_IS_BELOW if name in server.unreadable]
    found = below.names(server)
    if found:
        why = "servers replicate from it (%s), and would get the change too" % ", ".join(found)
    elif not server.channels:
        why = "it is not a replica, so that others may replicate from it"
    elif hidden and server.flag("log_bin"):
        why = "what replicates from it cannot be known (%s)" % ", ".join(hidden)
    else:
        return
    raise RefusedError(
        wish.attempt, server.address, why, "Set allow_source_write to true if the change is wanted there.",
        {"replicas_below": list(found)},
    )  # fmt: skip


def check_donor(wish: Wish, server: Server, donor: Server) -> None:
    """Refuse a donor that cannot serve.

    :raises IdentityError: forward, it is the target itself.
    :raises RefusedError: it is of the other engine.
    """
    if wish.until is not None and not server.flavour.is_mariadb:
        raise BadInputError("Options after and until are for MariaDB", advice="Name the transactions with gtids.")
    if server.flavour.is_mariadb != donor.flavour.is_mariadb:
        raise RefusedError(
            wish.attempt, server.address, "%s is a server of the other engine, whose events it does not understand"
            % donor.address,
        )  # fmt: skip
    if not wish.reverse and (server.identity, server.server_id) == (donor.identity, donor.server_id):
        raise IdentityError(
            wish.attempt, server.address, "the donor is this server itself, which has its own transactions already",
            "Option donor must lead to a server that has executed what this one lacks.",
        )  # fmt: skip


def unexecuted(wish: Wish, server: Server) -> GtidSet:
    """What of the named transactions is left to be read, where a set of GTIDs names them (MySQL); else nothing."""
    if not wish.gtids or server.flavour.is_mariadb:
        return GtidSet()
    wanted = mysql_gtids(wish.gtids)
    return wanted if wish.reverse or server.executed is None else wanted.subtract(server.executed)


def named_of(wish: Wish, donor: Server, wanted: GtidSet) -> int:
    """How many transactions the GTIDs name, all of which the donor has to have.

    :param wanted: from `unexecuted`.
    :raises BadInputError: it lacks some of them.
    :raises RefusedError: it has purged some of them.
    """
    if donor.flavour.is_mariadb:
        return len(set(mariadb_gtids(wish.gtids)))
    lacking = wanted.subtract(donor.executed if donor.executed is not None else GtidSet())
    if lacking:
        raise BadInputError(
            "%s has not executed %s" % (donor.address, lacking), advice="Name a donor that has all of option gtids."
        )
    purged = wanted.intersect(donor.purged if donor.purged is not None else GtidSet())
    if purged:
        raise RefusedError(
            wish.attempt, donor.address, "it has purged the binlogs with %s" % purged,
            "Name another donor, or compare and heal whole tables (table_compare).",
        )  # fmt: skip
    return wanted.count()


def note_executed(wish: Wish, items: Sequence[Item], server: Server) -> None:
    """Set what the target has executed of the transactions already, as far as GTIDs tell.

    A state of MariaDB has no memory of single numbers. That a later one of the named transactions is its last one of
    that server shows that those before it came first; else only rows can tell, and for statements that the number was
    passed has to do.

    :param items: in the order of the binlog.
    """
    later: Set[Tuple[int, int]] = set()
    for item in reversed(items):
        gtid = item.transaction.gtid
        if not gtid or wish.reverse:
            continue
        if not server.flavour.is_mariadb:
            known = server.executed is not None and Gtid.parse(gtid) in server.executed
            # Where rows are to tell, another transaction may have the number.
            item.executed, item.passed = known and wish.whole is not False, known and wish.whole is False
            continue
        one = MariadbGtid.parse(gtid)
        states = (server.binlog_state, server.replica_position)
        answers = [known.contains(one) for known in states if known is not None]
        logged = server.binlog_state.gtids if server.binlog_state is not None else ()
        item.passed = any(known.domain == one.domain and known.sequence >= one.sequence for known in logged)
        if True in answers:
            later.add((one.domain, one.server_id))
        statement = answers[:1] == [None] and bool(item.statements)
        item.executed = (one.domain, one.server_id) in later or statement


def check_item(wish: Wish, item: Item, server: Server) -> None:
    """Refuse a transaction that cannot be applied, or undone, exactly.

    :raises RefusedError: and why.
    """
    done = item.transaction
    why = done.lossy
    if done.ending in (XA, ROLLBACK, INCIDENT, UNFINISHED):
        why = why or "it does not end in a commit"
    if not why and item.statements:
        why = _statement_trouble(wish, item)
    if not why and not wish.reverse:
        why = _gtid_trouble(item, server)
    if why:
        raise RefusedError(
            wish.attempt, server.address, "transaction %s at %s: %s" % (done.gtid or "without GTID", done.start, why),
            "", {"transaction": done.gtid, "file": done.file, "position": done.first},
        )  # fmt: skip


def _statement_trouble(wish: Wish, item: Item) -> str:
    event = item.statements[0][0]
    said = " ".join(event.text.split())[:80]
    if wish.reverse:
        return "a statement has no inverse (%s)" % said
    if item.transaction.tables:
        return "it holds both rows and a statement (%s)" % said
    if not item.transaction.gtid:
        return "it is a statement without a GTID, so that nothing would tell that it has run already (%s)" % said
    for event, _text in item.statements:
        try:
            check_statement(event)
        except ValueError as error:
            return "it is %s" % error
    return ""


def _gtid_trouble(item: Item, server: Server) -> str:
    on = server.variable("gtid_mode", "OFF").upper() != "OFF"
    if server.flavour.is_mariadb or item.executed:
        return ""
    if item.transaction.gtid and not on:
        return "it has a GTID, and gtid_mode is OFF on this server"
    if not item.transaction.gtid and server.variable("gtid_mode", "OFF").upper() == "ON":
        return "it has no GTID, and here it would get one that no other server knows"
    return ""


def check_order(wish: Wish, items: Sequence[Item], left: Sequence[int], server: Server) -> None:
    """Refuse a number that is not free: on MariaDB behind a higher one of its domain, replicas would lose their way.

    :param left: the numbers of the transactions that have something left to be done.
    :raises RefusedError: one of them is such a one.
    """
    late = [items[number].name for number in left if items[number].passed]
    if late and not wish.reverse:
        why = "%s is executed here, though not all of its rows are as it left them: something else has the number"
        if server.flavour.is_mariadb:
            why = "its binlog has higher numbers of the same domain than %s, and none can be written behind them"
        raise RefusedError(
            wish.attempt, server.address, why % ", ".join(late[:10]),
            "Roll these transactions back where they are, and run the changes anew on the source.",
            {"transactions": late},
        )  # fmt: skip
