# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building a replica anew: what must hold before anything is dropped, and which statements do it.

While it is under way the channel points at a binlog that no source has. So a server that is started in the middle, by
a person or by its own restart, stops with an error and never replicates into half a copy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from . import below, refetch
from .binlog_expiry import kept_seconds
from .change_source_steps import insistent
from .channel_plan import BOTH, Keyword, Setting, Verbs, start_steps, stop_steps
from .commit_point import CommitPoint
from .errors import RefusedError
from .gtid_mysql import GtidSet
from .nowhere import NOWHERE
from .plan import Step
from .snapshot import GTID, POSITION, STOPPED, Channel, Coordinates, Peer, Server
from .statement import Statement, literal, qualified

ATTEMPT = "build the replica anew"
AUTO, SOURCE = "auto", "source"
COPY, CLONE, REPLAY, BACKUP = "copy", "clone", "replay", "backup"
METHODS = (AUTO, COPY, CLONE, REPLAY, BACKUP)
# These have nothing of a donor: what they take is the source's own.
OF_SOURCE = (REPLAY, BACKUP)

# Stands in a plan for what is known only when the view is open.
UNKNOWN_POINT = CommitPoint(Coordinates("(the binlog of the copy)", 4), "(the GTIDs of the copy)")

MARKER_SCHEMA = "replicaops_rebuild_unfinished"
MARKER_TABLE = "what"


def intended(channel: Channel, kept: Mapping[str, Any]) -> Channel:
    """The channel as it was before a rebuild that did not end, which had turned it away.

    :param kept: what that run left in its table; empty when there was none.
    """
    if not kept:
        return channel
    return replace(channel, mode=str(kept["mode"]), using_gtid=str(kept["using_gtid"]))


def check_target(server: Server, channel: Channel) -> None:
    """Refuse to empty a server on which more depends than this channel.

    :raises RefusedError: others replicate from it, that cannot be known, or it has several channels or filters.
    """
    if len(server.channels) > 1:
        names = ", ".join("'%s'" % other.name for other in server.channels)
        raise RefusedError(
            ATTEMPT, server.address, "it has several channels (%s), and one donor cannot have the data of all" % names,
            "Build it anew by hand.",
        )  # fmt: skip
    if channel.filters:
        listed = ", ".join("%s=%s" % pair for pair in sorted(channel.filters.items()))
        raise RefusedError(
            ATTEMPT, server.address, "it filters (%s), so that its data is not the donor's" % listed,
            "Build it anew by hand, with what the filters leave.",
        )  # fmt: skip
    if not below.logs(server):
        return
    hidden = [name for name in below.WHO_IS_BELOW if name in server.unreadable]
    found = below.names(server)
    if hidden or found:
        raise RefusedError(
            ATTEMPT, server.address,
            "servers replicate from it: %s" % ", ".join(found) if found else "what replicates from it cannot be known",
            "Let those replicate from elsewhere first: what is copied here is kept out of its binlog.",
            {"replicas_below": list(found)},
        )  # fmt: skip


def turn_away(verbs: Verbs, server: Server, channel: Channel) -> Tuple[Step, ...]:
    """Stop both threads and point the channel where nothing is.

    :param channel: as it is.
    """
    still = replace(channel, receiver=STOPPED, applier=STOPPED, mode=POSITION, executed=NOWHERE)
    if verbs.mariadb:
        still = replace(still, using_gtid="No")
    options: List[Tuple[str, Setting]] = list(refetch.restated(verbs, server, still))
    if not verbs.mariadb and channel.mode == GTID:
        options.append((verbs.dialect.change["auto_position"], 0))
    made = verbs.change(options, "point the channel where nothing is")
    return (*stop_steps(verbs, channel, BOTH), *_changed(verbs, channel, made))


def point_at(verbs: Verbs, server: Server, channel: Channel, now: Channel, point: CommitPoint) -> Tuple[Step, ...]:
    """Give the channel its mode back and the point at which the copy stands.

    :param channel: as it is meant to be, with its settings.
    :param now: as it is.
    """
    aimed = replace(channel, executed=point.coordinates)
    options: List[Tuple[str, Setting]] = list(refetch.restated(verbs, server, aimed))
    if channel.mode == GTID:
        if verbs.mariadb:
            options = [pair for pair in options if pair[0] != "MASTER_USE_GTID"]
            options.append(("MASTER_USE_GTID", Keyword(channel.using_gtid.lower())))
        else:
            options.append((verbs.dialect.change["auto_position"], 1))
    return _changed(verbs, now, verbs.change(options, "replicate from the point of the copy"))


def _changed(verbs: Verbs, channel: Channel, made: Statement) -> Tuple[Step, ...]:
    if not refetch.must_reset(verbs, channel):
        return (Step(made),)
    return Step(verbs.reset()), Step(insistent(verbs, made))


def history(verbs: Verbs, server: Server, point: CommitPoint) -> Tuple[Step, ...]:
    """The server's own binlogs go, as they tell of rows that are gone, and its GTIDs become those of the copy."""
    logs = server.variable("log_bin", "ON").upper() not in ("OFF", "0")
    if verbs.mariadb:
        steps = [Step(Statement(verbs.dialect.reset_source, purpose="begin the binlog anew"))] if logs else []
        text = "SET GLOBAL gtid_slave_pos = %s"
        return (*steps, Step(Statement(text, (point.gtids,), purpose="take over the copy's GTIDs")))
    if server.executed is None or server.variable("gtid_mode", "OFF").upper() == "OFF":
        return ()
    reset = Step(Statement(verbs.dialect.reset_source, purpose="begin the binlog and the GTIDs anew"))
    if not point.gtids:
        return (reset,)
    text = "SET GLOBAL gtid_purged = %s"
    return reset, Step(Statement(text, (point.gtids,), purpose="take over the copy's GTIDs"))


def drops_binlogs(verbs: Verbs, server: Server) -> bool:
    """Whether `history` takes the server's own binlogs away; MySQL without GTIDs keeps them."""
    drops = verbs.dialect.reset_source
    return any(step.statement.sql == drops for step in history(verbs, server, UNKNOWN_POINT))


def starts(verbs: Verbs, channel: Channel) -> Tuple[Step, ...]:
    """START of both threads."""
    return start_steps(verbs, replace(channel, receiver=STOPPED, applier=STOPPED), BOTH)


def marker(kept: str) -> Tuple[str, ...]:
    """The statements that leave a table which says what this server is, and how its channel was."""
    table = qualified(MARKER_SCHEMA, MARKER_TABLE)
    return (
        "CREATE DATABASE IF NOT EXISTS `%s`" % MARKER_SCHEMA,
        "CREATE TABLE IF NOT EXISTS %s (it_is TEXT) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4" % table,
        "DELETE FROM %s" % table,
        "INSERT INTO %s VALUES (%s)" % (table, literal(kept)),
    )


def check_source_has(source: Server, channel: Channel, point: CommitPoint, donor_is_source: bool) -> None:
    """Refuse to start where the source has purged what comes behind the copy (RULES: expiry).

    :raises RefusedError: it has.
    """
    lost = ""
    if channel.mode == GTID and not source.flavour.is_mariadb:
        missing = (source.purged or GtidSet()).subtract(GtidSet.parse(point.gtids))
        lost = str(missing) if missing else ""
    elif donor_is_source and source.binlogs and point.coordinates.file not in dict(source.binlogs):
        lost = str(point.coordinates)
    if lost:
        raise RefusedError(
            "start replicating from the copy", source.address, "the source has purged %s meanwhile" % lost,
            "Keep its binlogs for longer than a rebuild takes (binlog_expire_logs_seconds), and run again.",
        )  # fmt: skip


def check_expiry(source: Server, seconds: float, what: str = "copying") -> str:
    """What is to be said about expiry.

    :param seconds: how long copying, or ``what`` else is done, is estimated to take.
    :raises RefusedError: it may take more than half of the time for which the source keeps its binlogs.
    """
    keeps = kept_seconds(source)
    if not keeps:
        return "The source keeps its binlogs until somebody purges them."
    if seconds > keeps / 2:
        raise RefusedError(
            ATTEMPT, source.address,
            "%s may take %d s, and the source keeps its binlogs for %d s only" % (what, seconds, keeps),
            "Let it keep them for longer (binlog_expire_logs_seconds or expire_logs_days).",
        )  # fmt: skip
    return "The source keeps its binlogs for %d s; %s may take %d s." % (keeps, what, seconds)


def own_gtids(target: Server, source: Optional[Server], members: Sequence[Peer]) -> Optional[GtidSet]:
    """What only the replica has executed, where GTIDs tell (MySQL); None where they do not."""
    if target.executed is None or target.flavour.is_mariadb or source is None or source.executed is None:
        return None
    if target.variable("gtid_mode", "OFF").upper() != "ON":
        return None
    known = source.executed
    for peer in members:
        if peer.server is not None and peer.server.executed is not None and peer.server.identity != target.identity:
            known = known | peer.server.executed
    return target.executed.subtract(known)


def loses(schemas: Sequence[str], own: Sequence[str], binlogs: bool) -> Tuple[str, ...]:
    """What is gone afterwards, a sentence each.

    :param own: the transactions that only this server has.
    :param binlogs: whether its binlogs are gone, too.
    """
    found = ["All data of %s here." % (", ".join(schemas) or "no schema")]
    if binlogs:
        found.append("The binlogs of this server.")
    if own:
        found.append(
            "%d transactions that only this server has: %s" % (len(own), ", ".join(own[:10]))
            + (" and more" if len(own) > 10 else "") + "."
        )  # fmt: skip
    return tuple(found)


def missing_accounts(accounts: Sequence[Tuple[str, str]]) -> str:
    """What is to be said about accounts of the donor that are not here; empty when there are none."""
    if not accounts:
        return ""
    listed = ", ".join("'%s'@'%s'" % account for account in accounts[:10])
    more = " and %d more" % (len(accounts) - 10) if len(accounts) > 10 else ""
    return (
        "Accounts are not copied, and the donor has some that are not here: %s%s. Make them with sql_log_bin = 0, or a "
        "statement about one of them will stop the applier." % (listed, more)
    )


def message(donor: str, numbers: Mapping[str, int], point: CommitPoint, locked: bool) -> str:
    """What was done."""
    text = "Built anew from %s: %s rows in %d tables, replicating from %s%s." % (
        donor, format(sum(numbers.values()), ","), len(numbers), point.coordinates,
        " (%s)" % point.gtids if point.gtids else "",
    )  # fmt: skip
    return text + (" Writing was held up there for a moment by a global read lock." if locked else "")


def progress(stage: str, seconds: float, total: int, **numbers: Any) -> Dict[str, Any]:
    """How far it is, for the progress file, with a line for people.

    :param total: rows that are estimated to be copied.
    :param numbers: ``tables``, ``of``, ``rows``, ``bytes``, ``table``.
    """
    rows = int(numbers.get("rows", 0))
    share = min(rows / total, 0.99) if total else 0.0
    left = seconds * (1 - share) / share if share > 0.01 else None
    line = stage
    if numbers:
        line = "%s: %d of %d tables, %s rows, %.1f MB in %d s" % (
            stage, numbers["tables"], numbers["of"], format(rows, ","), numbers["bytes"] / 1e6, seconds,
        )  # fmt: skip
        if numbers["table"]:
            line += ", now %s" % numbers["table"]
        if left is not None:
            line += ", about %d s left" % left
    return {"stage": stage, "seconds": round(seconds, 1), "line": line, **numbers}
