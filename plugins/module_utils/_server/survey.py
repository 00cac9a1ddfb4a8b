# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at a replica and around it, in the order that makes verdicts safe: the replica first, its sources after it.

A second sample is taken only when the first leaves a stall possible, or a hole beside a gap; candidates for errant
transactions are confirmed by reading the sources once more, later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .._core import normalise
from .._core.case import STALL_SECONDS, Case
from .._core.diagnose import ChannelDiagnosis, Diagnosis, Surroundings, case_of, diagnose
from .._core.diagnose_faults import DISK_WAIT
from .._core.diagnose_gtid import errant_candidates, gap_undecided
from .._core.diagnose_progress import moved, stall_possible
from .._core.errors import BadInputError, ReplicaError, ServerError
from .._core.finding_types import BEHIND, HEALTHY
from .._core.gtid_mysql import GtidSet
from .._core.snapshot import Channel, Peer, Server
from . import reader, survey_content
from .connect import Connection, Login, connect
from .driver_errors import CONNECTION_LOST
from .identity import check_source
from .logins import login_from, source_login
from .probe import Probed, probe

CONFIRM_SECONDS = 2.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Request:
    """What to look at.

    :param login: the replica.
    :param channel: one channel by name, or None for every channel.
    :param source_login: makes the login of a channel's source; None when the source is not to be asked.
    :param source_named: the caller named the source's host, so that failing to reach it is a failure.
    :param members: the other servers of the topology.
    :param samples: 1 never waits; 2 waits up to 30 s when the first sample leaves a stall, or a hole, possible.
    :param allowed: UUIDs and tags of intended local transactions.
    :param compare: so many of the newest transactions that the source numbered are compared one by one, to see whether
        it has the same under their numbers; with 0 only where it is known to have lost some.
    """

    login: Login
    channel: Optional[str] = None
    source_login: Optional[Callable[[Channel], Login]] = None
    source_named: bool = False
    members: Tuple[Login, ...] = ()
    samples: int = 2
    allowed: Tuple[str, ...] = ()
    compare: int = 0


def request_from(params: Mapping[str, Any], members: Sequence[Login] = ()) -> Request:
    """The request that options describe: those of replica_status, and of what watches as it looks.

    :raises BadInputError: they name no server.
    """
    source = params.get("source")
    return Request(
        login=login_from(params),
        channel=params.get("channel"),
        source_login=None if source is None else lambda channel: source_login(params, channel),
        source_named=bool(source and (source.get("login_host") or source.get("login_unix_socket"))),
        members=tuple(members),
        samples=int(params.get("samples", Request.samples)),
        allowed=tuple(params.get("allowed_local") or ()),
        compare=int(params.get("compare_transactions", Request.compare)),
    )


def survey(request: Request) -> Tuple[Diagnosis, Dict[str, Any]]:
    """Read everything that was asked for and diagnose it.

    :returns: the diagnosis, and the raw rows of the replica as the server returned them.
    :raises ReplicaError: the replica cannot be read, the named channel does not exist, or a server that the caller
        named cannot be reached or is another one.
    """
    with connect(request.login) as connection:
        probed = probe(connection)
        raw = _read(connection, probed)
        server = normalise.server(raw)
        _check_channel(server, request)
        sources = _read_sources(server, request)
        members = tuple(_read_member(login) for login in request.members)
        around = Surroundings(sources, members, allowed=request.allowed, confirmed=GtidSet.parse(""))
        if request.samples > 1 and any(
            _undecided(case_of(server, channel, around)) for channel in _scope(server, request)
        ):
            raw, server, around = _second_sample(connection, probed, server, around)
    around = _confirm(server, around, request)
    around = survey_content.looked_into(server, around, _scope(server, request), request)
    found = diagnose(server, around, request.channel)
    return replace(found, channels=tuple(_with_needs(channel, server, request) for channel in found.channels)), raw


def _with_needs(found: ChannelDiagnosis, server: Server, request: Request) -> ChannelDiagnosis:
    """With the oldest binlog that it needs, where it is to be repaired and its source was read (RULES: expiry)."""
    source = found.case.source
    if found.verdict in (HEALTHY, BEHIND) or source is None or source.server is None or request.source_login is None:
        return found
    from . import binlog_expiry

    login = request.source_login(found.channel)
    needs = binlog_expiry.needed(server.address, found.channel, source.name, source.server, login)
    return replace(found, needs=needs)


def _read(connection: Connection, probed: Probed) -> Dict[str, Any]:
    """Read the replica; when it does not answer, say what its replication threads were doing meanwhile.

    A full disk makes MySQL 5.6 and MariaDB hold even the status back until there is room (measured on both).
    """
    try:
        return reader.read(connection, probed)
    except ServerError as error:
        if error.number != CONNECTION_LOST:
            raise
        said = _meanwhile(connection.login)
        waits = "Its disk is full: make room, and it answers within a minute."
        perhaps = "A server whose disk is full holds such statements back: look at its error log."
        advice = "%s %s" % (said, waits if DISK_WAIT.search(said) else perhaps)
        raise ServerError(error.number, error.attempted, error.where, error.answer, advice) from error


def _meanwhile(login: Login) -> str:
    """What the replication threads of a server that does not answer are doing, as a sentence."""
    try:
        with connect(login) as connection:
            rows = connection.query("SHOW PROCESSLIST")
    except ReplicaError as error:
        return "Its process list cannot be read either: %s" % error
    states = ["%s (%s s)" % (row.get("State") or "idle", row.get("Time")) for row in rows if _is_replication(row)]
    return "Its replication threads: %s." % ("; ".join(states) or "none")


def _is_replication(row: Dict[str, Any]) -> bool:
    return str(row.get("User")) == "system user"


def _check_channel(server: Server, request: Request) -> None:
    """Raises BadInputError when the named channel is not there, or one source is named for several channels."""
    names = [channel.name for channel in server.channels]
    if request.channel is not None and request.channel not in names:
        if "replica_status" in server.unreadable:
            return
        known = "its channels are: %s" % ", ".join(repr(name) for name in names) if names else "it has no channel"
        raise BadInputError(
            "There is no channel %r on %s; %s" % (request.channel, server.address, known),
            advice="Correct the name, or leave channel out.",
        )
    if request.channel is None and request.source_named and len(names) > 1:
        raise BadInputError(
            "%s has %d channels and one source is named" % (server.address, len(names)),
            advice="Say with channel which one it belongs to: %s." % ", ".join(repr(name) for name in names),
        )


def _scope(server: Server, request: Request) -> List[Channel]:
    return [channel for channel in server.channels if request.channel in (None, channel.name)]


def _read_sources(server: Server, request: Request) -> Dict[str, Peer]:
    """The source of every channel; only the channel in scope may be named, the others are derived."""
    sources: Dict[str, Peer] = {}
    if request.source_login is None:
        return sources
    scope = _scope(server, request)
    for channel in server.channels:
        named = request.source_named and channel in scope
        if request.source_named and not named:
            continue
        try:
            login = request.source_login(channel)
            with connect(login) as connection:
                source = reader.read_server(connection, role="source")
            check_source(channel, source, server)
            sources[channel.name] = Peer(login.address, source)
        except ReplicaError as error:
            if named:
                raise
            sources[channel.name] = Peer("%s:%d" % (channel.source_host, channel.source_port), None, str(error))
    return sources


def _read_member(login: Login) -> Peer:
    """A member; members are named by the caller, so that failing to reach one is a failure."""
    with connect(login) as connection:
        return Peer(login.name or login.address, reader.read_server(connection, role="source"))


def _undecided(case: Case) -> bool:
    """Whether one look cannot tell a stall from work, or a hole from a gap; with two it is a matter of time."""
    stalled = stall_possible(case) and not (case.earlier is not None and moved(case))
    return stalled or gap_undecided(case)


def _second_sample(
    connection: Connection, probed: Probed, first: Server, around: Surroundings
) -> Tuple[Dict[str, Any], Server, Surroundings]:
    """Read the replica again until two looks can tell, or `STALL_SECONDS` have passed."""
    started = time.monotonic()
    while True:
        time.sleep(POLL_SECONDS)
        raw = reader.read(connection, probed)
        server = normalise.server(raw)
        waited = time.monotonic() - started
        later = Surroundings(around.sources, around.members, first, waited, around.allowed, around.confirmed)
        if waited >= STALL_SECONDS or not any(
            _undecided(case_of(server, channel, later)) for channel in server.channels
        ):
            return raw, server, later


def _confirm(server: Server, around: Surroundings, request: Request) -> Surroundings:
    """Let candidates for errant transactions stand only if the sources still lack them a while later."""
    cases = [case_of(server, channel, around) for channel in _scope(server, request)]
    candidates = next((found for found in map(errant_candidates, cases) if found), None)
    if candidates is None:
        return around
    logins = [request.source_login(channel) for channel in server.channels] if request.source_login else []
    deadline = time.monotonic() + CONFIRM_SECONDS
    while candidates and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 2)
        for login in [*logins, *request.members]:
            candidates = candidates - _executed(login)
    return replace(around, confirmed=candidates)


def _executed(login: Login) -> GtidSet:
    """What a source has executed now."""
    with connect(login) as connection:
        row = connection.one("SELECT @@GLOBAL.gtid_executed AS executed") or {}
        return GtidSet.parse(str(row.get("executed") or ""))
