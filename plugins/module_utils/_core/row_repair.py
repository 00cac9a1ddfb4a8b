# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making rows what a source's transactions made of them: what is asked for, what is refused, what has been executed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Mapping, Optional, Union

from . import below
from .errors import BadInputError, RefusedError
from .gtid_mariadb import GtidPosition, MariadbGtid
from .gtid_mysql import Gtid, GtidError, GtidSet
from .row_repair_rows import APPLIED, RANGE_END
from .snapshot import GTID, STOPPED, Channel, Coordinates, Server

CHECKED = "checked"
HEALED = "healed"

Named = Callable[[str], bool]

# Why rows are not written where others replicate from, and what to do instead.
KEPT_OUT = "the rows are kept out of its binlog"
HEAL_FIRST = "Compare and heal each of those with the same transactions first, and stop their channels."


@dataclass(frozen=True)
class Wish:
    """What the caller asks for.

    :param start: where the named transactions begin, and ``stop`` where they end; None when a GTID set names them.
    :param gtids: the named transactions, '' when coordinates name them.
    :param which: FAILING or PENDING instead of names: those that the replica has not applied yet, up to the failing
        one, or so many of all of them. '' when they are named.
    :param point: APPLIED or RANGE_END.
    :param show: ``none``, ``keys`` or ``full``.
    """

    start: Optional[Coordinates]
    stop: Optional[Coordinates]
    gtids: str = ""
    state: str = CHECKED
    point: str = RANGE_END
    show: str = "keys"
    max_rows: int = 100000
    which: str = ""
    max_transactions: int = 100000


def transactions_named(
    given: Mapping[str, Optional[Mapping[str, Union[str, int]]]], gtids: Optional[str], which: Optional[str] = None
) -> Wish:
    """The range that the options name.

    :param given: ``from`` and ``to``, each with ``file`` and ``position``.
    :param which: FAILING or PENDING; None when the transactions are named.
    :raises BadInputError: none or several ways are used, or the end is before the beginning.
    """
    start, stop = (_coordinates(given.get(name)) for name in ("from", "to"))
    if which:
        if gtids or start or stop:
            raise BadInputError("Option transactions has which and names as well", advice="Give one of them.")
        return Wish(None, None, which=which, point=APPLIED)
    if gtids and (start or stop):
        raise BadInputError("Option transactions has both coordinates and a GTID set", advice="Give one of them.")
    if gtids:
        return Wish(None, None, gtids)
    if start is None or stop is None:
        raise BadInputError(
            "Option transactions names nothing",
            advice="Give from and to, each a file and a position, or gtid_set, or which.",
        )
    try:
        if start.reached(stop):
            raise BadInputError("Option transactions ends at %s and begins at %s" % (stop, start))
    except ValueError:
        raise BadInputError("%s or %s is no name of a binlog" % (start.file, stop.file)) from None
    return Wish(start, stop)


def _coordinates(part: Optional[Mapping[str, Union[str, int]]]) -> Optional[Coordinates]:
    return Coordinates(str(part["file"]), int(part["position"])) if part else None


def named_gtids(text: str, mariadb: bool) -> Named:
    """Whether a GTID is one of the named ones; MariaDB's are given one by one.

    :raises BadInputError: the text is no set of GTIDs of this engine.
    """
    try:
        if mariadb:
            members = {str(MariadbGtid.parse(part.strip())) for part in text.split(",") if part.strip()}
            return lambda gtid: gtid in members
        wanted = GtidSet.parse(text)
        return lambda gtid: Gtid.parse(gtid) in wanted
    except GtidError as error:
        raise BadInputError("transactions.gtid_set: %s" % error) from None


def number_named(text: str, mariadb: bool) -> int:
    """How many transactions a set of GTIDs names."""
    return len({part.strip() for part in text.split(",") if part.strip()}) if mariadb else GtidSet.parse(text).count()


def executed(server: Server, channel: Channel) -> Callable[[str, Coordinates], bool]:
    """Whether the replica has executed a transaction, by its GTID and where it ends in the source's binlog."""
    point, done, place = channel.executed, server.executed, server.replica_position

    def by_coordinates(end: Coordinates) -> bool:
        return point is not None and point.reached(end)

    def ask(gtid: str, end: Coordinates) -> bool:
        if gtid and done is not None:
            return Gtid.parse(gtid) in done
        if gtid and place is not None and channel.mode == GTID:
            return isinstance(place, GtidPosition) and place.covers(MariadbGtid.parse(gtid))
        return by_coordinates(end)

    return ask


def check(wish: Wish, server: Server, channel: Channel, furthest: Optional[Coordinates] = None) -> None:
    """Refuse what cannot be answered, or must not be written, before anything is read.

    :param furthest: how far the furthest parallel worker got.
    :raises RefusedError: the applier runs, the channel filters, or something replicates from this server. That is
        looked at elsewhere for transactions to be applied, as the servers below get them afterwards.
    """
    what = "compare the rows of %s" % channel.label
    if channel.applier != STOPPED:
        raise RefusedError(
            what, server.address, "its applier runs, and would change rows meanwhile",
            "Stop it first (replica_channel, state stopped, threads applier).",
        )  # fmt: skip
    beyond = furthest is None or wish.stop is None or not wish.stop.reached(furthest)
    # Aiming at the end of a range that covers all that the workers did, it does not matter which of it they did.
    if channel.position_gaps and not wish.which and (wish.point != RANGE_END or beyond):
        raise RefusedError(
            what, server.address, "parallel appliers left gaps: its position does not tell what it has executed",
            "Close them first: START REPLICA UNTIL SQL_AFTER_MTS_GAPS (replica_channel, option until).",
        )  # fmt: skip
    filters = ["%s = %s" % pair for pair in sorted(channel.filters.items()) if pair[1]]
    if filters:
        raise RefusedError(
            what, server.address, "it filters (%s), so that its rows need not be the source's" % "; ".join(filters)
        )
    if wish.state == HEALED and not wish.which:
        check_leaf(server, channel)


def check_leaf(server: Server, channel: Channel) -> None:
    """Refuse to write rows where others replicate from: they would not get them.

    :raises RefusedError: something replicates from this server, or that cannot be known.
    """
    what = attempt(channel)
    below.check_known(what, server)
    found = below.names(server)
    if found and below.logs(server):
        raise below.refused(what, server, found, KEPT_OUT, HEAL_FIRST)


def attempt(channel: Channel) -> str:
    """What is being done, for refusals."""
    return "write rows for %s" % channel.label
