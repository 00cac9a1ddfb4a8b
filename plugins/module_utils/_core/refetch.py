# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching the relay logs anew: is the source still able to send everything, and which statements do it.

Relay logs may be the only copy of transactions: of those the source has purged since, and of those it lost in a crash.
So the source is asked first, and what it could not send again is named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from .channel_plan import APPLIER, BOTH, Keyword, Setting, Threads, Verbs, running, start_steps, stop_steps
from .errors import RefusedError
from .fault_classes import classify
from .gtid_mariadb import AHEAD, BEHIND, DIVERGED, GtidPosition
from .gtid_mysql import GtidSet
from .permit import check_temporary_tables
from .plan import Plan, Step
from .snapshot import GTID, STOPPED, Channel, Coordinates, Peer, Server

ATTEMPT = "fetch the relay logs anew"


@dataclass(frozen=True)
class Evidence:
    """What the source says about sending everything again.

    :param proven: it was asked and has everything from the applied point on.
    :param lost: what would be lost, a sentence each; empty when nothing is, or when it is not known.
    :param unknown: why it could not be proven; empty when it is known either way.
    """

    proven: bool
    lost: Tuple[str, ...] = ()
    unknown: str = ""


def evidence(server: Server, channel: Channel, source: Optional[Peer], oldest: Optional[GtidPosition]) -> Evidence:
    """Whether the source still has every transaction from the applied point on.

    :param source: the channel's source, read after the replica.
    :param oldest: MariaDB with GTID: the position at the head of the source's oldest binlog; None when not read.
    """
    if source is None or source.server is None:
        reason = source.reason if source else "no login for it"
        return Evidence(False, unknown="the source was not asked: %s" % reason)
    if channel.mode != GTID:
        return _by_position(channel, source.server)
    if server.flavour.is_mariadb:
        return _by_domain(server, channel, source.server, oldest)
    return _by_sets(server, channel, source.server)


def _by_sets(server: Server, channel: Channel, source: Server) -> Evidence:
    if server.executed is None or source.executed is None or source.purged is None:
        return Evidence(False, unknown="the GTID sets of replica or source could not be read")
    lost: List[str] = []
    purged = source.purged.subtract(server.executed)
    if purged:
        lost.append("the source has purged %s, which is not applied here" % purged)
    fetched = channel.retrieved.subtract(server.executed) if channel.retrieved is not None else GtidSet()
    only_here = fetched.subtract(source.executed)
    if only_here:
        lost.append("%s is in the relay logs, and the source does not have it" % only_here)
    ahead = server.executed.restricted([source.uuid]).subtract(source.executed)
    if ahead:
        lost.append("%s of the source is applied here, and the source does not have it (any more)" % ahead)
    return Evidence(not lost, tuple(lost))


def _by_position(channel: Channel, source: Server) -> Evidence:
    applied = channel.executed
    if applied is None:
        return Evidence(False, unknown="the applied coordinates are not known")
    sizes = dict(source.binlogs)
    if not sizes:
        return Evidence(False, unknown="the source's list of binlogs could not be read")
    if applied.file not in sizes:
        oldest = min(sizes, key=_number)
        if _number(applied.file) < _number(oldest):
            text = "the source has purged %s; its oldest binlog is %s" % (applied.file, oldest)
        else:
            text = "the source has no binlog %s: its binlogs were lost or reset" % applied.file
        return Evidence(False, (text,))
    end = _end(source)
    lost = []
    for what, point in (("applied here", applied), ("in the relay logs", channel.read)):
        if point is None or end is None:
            continue
        size = max(sizes.get(point.file, point.position), end.position if end.file == point.file else 0)
        if not end.reached(point):
            lost.append("what the source sent up to %s is %s, and its binlogs end at %s" % (point, what, end))
        elif size < point.position:
            # A source that crashed cuts its last file off behind the last whole event and begins another one.
            lost.append("what the source sent up to %s is %s, and that file ends at %d now" % (point, what, size))
    return Evidence(not lost, tuple(lost))


def _end(source: Server) -> Optional[Coordinates]:
    name = max((name for name, _unused in source.binlogs), key=_number)
    listed = Coordinates(name, dict(source.binlogs)[name])
    # The list and the status are read at two moments; the later of both is the end.
    if source.binlog_end is None or listed.reached(source.binlog_end):
        return listed
    return source.binlog_end


def _number(file: str) -> int:
    tail = file.rsplit(".", 1)[-1]
    return int(tail) if tail.isdigit() else -1


def _by_domain(server: Server, channel: Channel, source: Server, oldest: Optional[GtidPosition]) -> Evidence:
    """MariaDB: the source must have each domain from the replica's position on.

    A binlog file begins with the last GTID of each domain before it; a replica that is behind the oldest file's list
    in a domain asks for something that was purged.
    """
    applied = server.replica_position
    if applied is None or source.binlog_state is None:
        return Evidence(False, unknown="gtid_slave_pos or the source's gtid_binlog_state could not be read")
    if oldest is None:
        return Evidence(False, unknown="the head of the source's oldest binlog could not be read")
    end = source.binlog_state.position()
    lost: List[str] = []
    for domain, order in applied.compare(oldest).items():
        if order == BEHIND:
            lost.append(
                "the source has purged domain %d up to %s, and here %s is applied"
                % (domain, oldest.get(domain), applied.get(domain) or "nothing")
            )
    for what, position in (("applied here", applied), ("in the relay logs", channel.io_position)):
        known = position.compare(end) if position is not None else {}
        for domain, order in known.items():
            # A domain the source never wrote belongs to another source of this replica.
            if order in (AHEAD, DIVERGED) and end.get(domain) is not None and position is not None:
                lost.append("%s is %s, and the source ends at %s" % (position.get(domain), what, end.get(domain)))
    return Evidence(not lost, tuple(lost))


def check(server: Server, channel: Channel, found: Evidence, allow_unverified: bool) -> str:
    """The risk of fetching anew, ``none`` or ``replica_history``.

    :param allow_unverified: the caller allows what is not known; what is known to be lost is never thrown away.
    :raises RefusedError: temporary tables are open, the source cannot send everything again, or that is not known and
        the caller does not allow it.
    """
    check_temporary_tables(server, ATTEMPT)
    if found.proven:
        return "none"
    if allow_unverified and not found.lost:
        return "replica_history"
    raise RefusedError(
        ATTEMPT,
        "%s, %s" % (server.address, channel.label),
        "; ".join(found.lost) or found.unknown,
        "The relay logs may be the only copy: copy them (%s) to a safe place before anything else is done to this "
        "channel. Then let the source get back what it lacks, or build the replica anew." % _relay_logs(server)
        if found.lost
        else "Give a login for the source with option source, or throw the relay logs away with allow_unverified=true.",
        {"loses": list(found.lost), "unknown": found.unknown},
    )


def _relay_logs(server: Server) -> str:
    base = server.variable("relay_log_basename") or server.variable("relay_log") or "the files of relay_log"
    return base + "*" if base.startswith("/") else "%s in %s" % (base, server.datadir)


def check_exact(server: Server, channel: Channel, furthest: Optional[Coordinates]) -> None:
    """In position mode, make sure that everything up to the applied coordinates is applied and nothing beyond them.

    :param furthest: how far the furthest parallel worker got; None without parallel workers.
    :raises RefusedError: the coordinates are not known, or are only the last checkpoint of parallel workers: what lies
        between would be applied twice, and gaps can be filled from these relay logs only.
    """
    applied = channel.executed
    if applied is None:
        raise RefusedError(
            ATTEMPT, server.address, "the coordinates up to which it has applied are not known",
            "A run that was cut short has them in its undo record: put them back with replica_undo.",
        )  # fmt: skip
    if server.flavour.is_mariadb:
        return
    beyond = furthest is not None and furthest.reached(applied) and furthest != applied
    if not beyond and (channel.position_gaps is False or channel.parallel == 0):
        return
    if channel.position_gaps is None and not beyond:
        reason = "parallel workers applied, and it cannot be read whether they left gaps"
    else:
        reason = "parallel workers applied up to %s, and %s is applied without gaps" % (furthest, applied)
    verb = "START REPLICA" if server.features.replica_words else "START SLAVE"
    raise RefusedError(
        ATTEMPT,
        "%s, %s" % (server.address, channel.label),
        reason,
        "Mend what stopped the applier and run %s SQL_THREAD UNTIL SQL_AFTER_MTS_GAPS, or replicate by GTID." % verb,
        {"position_gaps": channel.position_gaps, "furthest": str(furthest) if furthest else None},
    )


def restated(verbs: Verbs, server: Server, channel: Channel) -> Tuple[Tuple[str, Setting], ...]:
    """The options that throwing the relay logs away drops, with the values the channel has now.

    Measured with every option set that CHANGE takes: RESET sets the delay to 0 on every flavour; on MySQL 5.6 and
    MariaDB 10.11 and 11.8 also the heartbeat period to its default; on MySQL 5.6 and MariaDB 10.11 it no longer
    verifies the source's certificate (11.8 keeps that); on MariaDB Using_Gtid becomes Slave_Pos. Everything else
    stays, the password too.
    """
    prefix = verbs.dialect.change["host"].rsplit("_", 1)[0]
    options: List[Tuple[str, Setting]] = []
    if channel.mode != GTID and channel.executed is not None:
        options.append((verbs.dialect.change["log_file"], channel.executed.file))
        options.append((verbs.dialect.change["log_pos"], channel.executed.position))
    if channel.delay:
        options.append((verbs.dialect.change["delay"], channel.delay))
    heartbeat = _heartbeat(server, channel)
    if heartbeat is not None and verbs.dialect.name != "source":
        options.append((prefix + "_HEARTBEAT_PERIOD", heartbeat))
    verify = channel.settings.get("ssl_verify_server_cert")
    if verify is not None and verbs.dialect.name != "source":
        options.append((prefix + "_SSL_VERIFY_SERVER_CERT", int(verify)))
    if verbs.mariadb:
        mode = channel.using_gtid.lower() or "no"
        if mode != "slave_pos":
            options.append((prefix + "_USE_GTID", Keyword(mode)))
    return tuple(options)


def _heartbeat(server: Server, channel: Channel) -> Optional[float]:
    value = str(channel.settings.get("heartbeat_period", "") or server.status.get("Slave_heartbeat_period", ""))
    try:
        return float(value)
    except ValueError:
        return None


def privileges(verbs: Verbs) -> Tuple[str, ...]:
    """What the account needs for any statement on a channel."""
    return ("REPLICATION SLAVE ADMIN" if verbs.mariadb else "REPLICATION_SLAVE_ADMIN (SUPER before MySQL 8)",)


def _all_privileges(verbs: Verbs, made: Sequence[Step]) -> Tuple[str, ...]:
    resets = any(step.statement.sql.startswith("RESET") for step in made)
    return (*privileges(verbs), "RELOAD") if resets else privileges(verbs)


def wanted_threads(channel: Channel, state: Optional[str], threads: Threads) -> Threads:
    """The threads that are to run at the end: those asked for, or those that ran or stopped with an error.

    A thread that somebody stopped without an error stays stopped unless ``state`` says otherwise.
    """
    if state == "started":
        return threads
    meant = running(channel)
    if channel.applier == STOPPED and channel.applier_fault is not None:
        meant |= BOTH
    if channel.receiver == STOPPED and channel.receiver_fault is not None:
        meant |= BOTH
    return meant - threads if state == "stopped" else meant


def must_reset(verbs: Verbs, channel: Channel) -> bool:
    """Whether the relay logs can only be thrown away by RESET.

    CHANGE throws them away as well, and it leaves no moment in which a server that dies has lost its channel: MySQL 5.6
    and MariaDB keep the settings in files that RESET removes, the password among them (measured; later versions keep
    them in a table, and their RESET asks for nothing that CHANGE could refuse). CHANGE does not work when the relay
    logs are missing (1872, 1201), and MySQL 5.6 refuses it when parallel appliers stopped with an error (1802).
    """
    if verbs.dialect.name == "source" or (channel.parallel and not verbs.mariadb) or not channel.relay_space:
        return True
    fault = channel.applier_fault
    return fault is not None and classify(fault, APPLIER) == "relay_log_missing"


def steps(verbs: Verbs, server: Server, channel: Channel, end: Threads) -> Tuple[Step, ...]:
    """The statements: stop, throw away, restate, start.

    Throwing away needs both threads stopped, so the receiver is stopped too, right before and as shortly as possible.
    """
    stopped = replace(channel, receiver=STOPPED, applier=STOPPED)
    found = list(stop_steps(verbs, channel, BOTH))
    options = restated(verbs, server, channel)
    if must_reset(verbs, channel):
        found.append(Step(verbs.reset()))
        if options:
            found.append(Step(verbs.change(options, "give the channel back what RESET drops")))
    else:
        found.append(Step(verbs.change((*options, *_mode(verbs, channel, options)), "throw the relay logs away")))
    starts: Sequence[Step] = start_steps(verbs, stopped, end)
    return (*found, *(Step(step.statement, "relay_logs_read" if end == BOTH else step.wait) for step in starts))


def _mode(verbs: Verbs, channel: Channel, options: Sequence[Tuple[str, Setting]]) -> Tuple[Tuple[str, Setting], ...]:
    """The option that keeps a channel with GTIDs asking by them, unless it is among the options already."""
    if channel.mode != GTID:
        return ()
    if not verbs.mariadb:
        return ((verbs.dialect.change["auto_position"], 1),)
    word = "MASTER_USE_GTID"
    return () if word in dict(options) else ((word, Keyword(channel.using_gtid.lower())),)


def plan(
    verbs: Verbs,
    server: Server,
    channel: Channel,
    end: Threads,
    risk: str,
    found: Evidence,
    state_id: str,
    note: str = "",
) -> Plan:
    """The whole change as a plan.

    :param note: what has to be said about it besides.
    """
    summary = "Throw the relay logs of %s away and fetch them again from the source." % channel.label
    loses = found.lost or ((found.unknown,) if found.unknown else ())
    made = steps(verbs, server, channel, end)
    return Plan(
        state_id=state_id,
        steps=made,
        summary=" ".join(part for part in (summary, note) if part),
        risk=risk,
        loses=loses,
        privileges=_all_privileges(verbs, made),
    )
