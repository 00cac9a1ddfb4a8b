# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making GTID sets agree: what is wanted, what may be done about it, and by which method.

A GTID that is added without its change is a promise that the change is there. So every server that could ever ask for
the change has to have it already, or the caller says that it may be withheld.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from .errors import BadInputError, RefusedError
from .gtid_mysql import GtidError, GtidSet, describe
from .gtid_repair_around import Around, below, unknown_below
from .snapshot import RUNNING, Channel, Server

AUTO = "auto"
APPEND = "append"
INJECT = "inject"
RESET = "reset"
METHODS: Tuple[str, ...] = (AUTO, APPEND, INJECT, RESET)


@dataclass(frozen=True)
class Wish:
    """What the caller asks for and allows.

    :param gtids: a GTID set, on MariaDB a position; None to have it computed.
    :param max_transactions: how many empty transactions may be written.
    :param allow_withheld: servers may be left without the changes behind the GTIDs.
    :param allowed_local: UUIDs and tags of intended local transactions.
    :param fetch_again: what a reset leaves out although it is executed here is to come from the source again.
    """

    method: str = AUTO
    gtids: Optional[str] = None
    max_transactions: int = 10000
    allow_withheld: bool = False
    allowed_local: Tuple[str, ...] = ()
    fetch_again: bool = False


@dataclass(frozen=True)
class Wanted:
    """The transactions that are to count as executed.

    :param note: what has to be said about how they were found; empty when nothing.
    """

    gtids: GtidSet
    note: str = ""


def attempt(method: str) -> str:
    """What is being done, for messages."""
    return {
        APPEND: "append GTIDs",
        INJECT: "write empty transactions",
        RESET: "reset the GTID history",
    }.get(method, "make the GTID sets agree")


def check_options(wish: Wish) -> None:
    """Raise BadInputError for options that make no sense whatever the server is."""
    if wish.max_transactions < 1:
        raise BadInputError("Option max_transactions is %d" % wish.max_transactions, advice="Give at least 1.")
    if wish.method == RESET and not wish.gtids:
        raise BadInputError(
            "Method reset needs to be told what is to be left", advice="Give the exact set or position with gtids."
        )
    if wish.gtids is not None and not wish.gtids.strip():
        raise BadInputError("Option gtids is empty", advice="Name the transactions, or leave gtids out.")


def given_set(wish: Wish) -> GtidSet:
    """The set that option ``gtids`` names. Raises BadInputError when it is none."""
    try:
        return GtidSet.parse(wish.gtids or "")
    except GtidError as error:
        raise BadInputError(
            "Option gtids cannot be read: %s" % error, advice="Write it as gtid_executed shows it: uuid:1-5:7."
        ) from None


def check_gtids(server: Server, what: str) -> GtidSet:
    """What the server has executed.

    :raises RefusedError: it works without GTIDs, or its sets cannot be read.
    """
    mode = server.variable("gtid_mode").upper()
    if server.executed is None or server.purged is None:
        raise RefusedError(what, server.address, "gtid_executed and gtid_purged cannot be read there")
    if mode not in ("ON", "ON_PERMISSIVE"):
        raise RefusedError(what, server.address, "it works without GTIDs (gtid_mode is %s)" % (mode or "not there"))
    return server.executed


def wanted(wish: Wish, server: Server, channel: Channel, around: Around) -> Wanted:
    """The GTIDs that are to count as executed: those given, or what the source has purged and this server lacks.

    What another member can still send is left out of the latter, as fetching it loses nothing.

    :raises BadInputError: ``gtids`` cannot be read.
    :raises RefusedError: it has to be computed and the source could not be asked.
    """
    if wish.gtids is not None:
        return Wanted(given_set(wish))
    if around.source is None:
        return Wanted(GtidSet(), "It has no source that could have purged anything.")
    source = around.source.server
    if source is None or source.purged is None:
        reason = around.source.reason
        raise RefusedError(
            attempt(wish.method), server.address,
            "which transactions it lacks for good cannot be known: %s" % (reason or "the source's sets cannot be read"),
            "Give a login for the source with option source, or name the transactions with gtids.",
        )  # fmt: skip
    executed = server.executed or GtidSet()
    lacking = source.purged - executed - (channel.retrieved or GtidSet())
    kept = []
    for peer in around.members:
        if peer.server is None or peer.server.executed is None or peer.server.purged is None:
            continue
        sends = lacking & (peer.server.executed - peer.server.purged)
        if sends:
            kept.append("%s can still send %s: replicate from there, so that nothing is lost." % (
                peer.name, describe(sends)))  # fmt: skip
            lacking = lacking - sends
    return Wanted(lacking, " ".join(kept))


def check_pending(server: Server, channel: Channel, missing: GtidSet, method: str) -> None:
    """Refuse what is about to be applied anyway: a gap closes by itself (RULES: a gap is no hole).

    :raises RefusedError: the running applier, or another channel, has the transactions in its relay logs.
    """
    for other in server.channels:
        known = (other.retrieved or GtidSet()) & missing
        if not known or other.applier != RUNNING or _idle(other):
            continue
        raise RefusedError(
            attempt(method), server.address,
            "%s has fetched %s and its applier runs: they are about to be applied" % (other.label, describe(known)),
            "Look again when it has applied everything. What it then still lacks is a hole.",
            {"pending": str(known)},
        )  # fmt: skip


def _idle(channel: Channel) -> bool:
    if channel.read is None or channel.executed is None:
        return False
    try:
        return channel.executed.reached(channel.read)
    except ValueError:
        return False


def choose(wish: Wish, server: Server, missing: GtidSet, around: Around) -> str:
    """The method: the one asked for, else the least destructive one that works. ``auto`` never resets.

    :raises RefusedError: the method cannot be used here, or for ``auto`` none can.
    """
    tests = {APPEND: _no_append, INJECT: _no_inject}
    if wish.method != AUTO:
        test = tests.get(wish.method)
        why = test(wish, server, missing, around) if test is not None else ""
        if why:
            raise RefusedError(attempt(wish.method), server.address, why, _instead(wish.method, server))
        return wish.method
    reasons = []
    for method, test in tests.items():
        why = test(wish, server, missing, around)
        if not why:
            return method
        reasons.append("%s: %s" % (method, why))
    raise RefusedError(attempt(AUTO), server.address, "; ".join(reasons), "Method reset is never chosen by itself.")


def _instead(method: str, server: Server) -> str:
    if method != APPEND:
        return "Allow more with max_transactions, or name fewer transactions."
    if server.features.purged_append:
        return "Use method inject, which writes to the binlog and so reaches what is below."
    return "Use method inject, or for more transactions than can be written method reset."


def _no_append(wish: Wish, server: Server, missing: GtidSet, around: Around) -> str:
    if not server.features.purged_append:
        return "%s cannot add to gtid_purged, it has no '+' there" % server.flavour.name
    found = below(server, around)
    if found:
        return (
            "servers replicate from it (%s): what is appended is not in the binlog, so they would get a hole and later"
            " be told that the transactions were purged" % ", ".join(found)
        )
    return ""


def _no_inject(wish: Wish, server: Server, missing: GtidSet, around: Around) -> str:
    count = missing.count()
    if count > wish.max_transactions:
        return "%d empty transactions are needed and max_transactions is %d" % (count, wish.max_transactions)
    unknown = () if wish.allow_withheld else unknown_below(server, around)
    if unknown:
        return (
            "servers replicate from it that are not among members (%s), and an empty transaction would take the place"
            " of the real one there; name them in members or set allow_withheld" % ", ".join(unknown)
        )
    return ""


def withheld(server: Server, missing: GtidSet, around: Around) -> Tuple[str, ...]:
    """Who lacks the transactions and would lose them, a sentence each; what could not be asked counts."""
    told = []
    for peer in around.peers():
        other = peer.server
        if other is None or other.executed is None:
            told.append("whether %s has executed them is not known: %s" % (peer.name, peer.reason or "no GTID sets"))
            continue
        lacking = missing - other.executed
        if lacking:
            told.append(
                "%s has not executed %s and would never get it from this server" % (peer.name, describe(lacking))
            )
    return tuple(told) or (() if around.peers() else ("no other server was asked whether it has executed them",))


def check_withheld(wish: Wish, server: Server, told: Tuple[str, ...], method: str) -> None:
    """Refuse to leave servers without changes unless the caller allows it.

    :param told: what `withheld` found.
    :raises RefusedError: somebody would lose transactions when this server becomes its source.
    """
    if told and not wish.allow_withheld:
        raise RefusedError(
            attempt(method), server.address, "; ".join(told),
            "Let those servers get the transactions first, or set allow_withheld to true when the changes are not to"
            " reach them.",
            {"withheld": list(told)},
        )  # fmt: skip


def check_record(risky: bool, record_dir: Optional[str], server: Server, method: str) -> None:
    """Refuse to change history without a record, in check mode too, so that the plan is honest.

    :raises RefusedError: there is no directory for the record.
    """
    if risky and not record_dir:
        raise RefusedError(
            attempt(method), server.address, "the GTID history changes, and no record of what it was would be kept",
            "Set record_dir to a directory that outlives this run.",
        )  # fmt: skip
