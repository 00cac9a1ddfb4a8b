# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way every change goes: look, hold the lock, record, act, put threads back on failure, look again."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._core import record as schema
from .._core.channel_plan import Verbs, may_restart, restart_steps, warning_of_break
from .._core.errors import RefusedError, ReplicaError, ServerError
from .._core.permit import check_state, check_writable, pick_channel
from .._core.plan import STOP, Plan, Step
from .._core.snapshot import Channel, Peer, Server
from . import lowered
from . import record as store
from .connect import Connection, Login, connect
from .driver_errors import CONNECTION_LOST
from .execute import LOOK_SECONDS, Journal, StopPendingError, run
from .lock import advisory_lock
from .probe import Probed, probe
from .reader import read_server
from .survey import Request, survey


@dataclass(frozen=True)
class Options:
    """What the caller allows and where the record goes; the options that every changing module has.

    :param module: name of the module, for the record.
    :param written_at: the time in UTC as text.
    :param check_mode: nothing is written and no lock is taken.
    :param put_back: statements that put back what a run had lowered that was ended; filled when the lock is taken.
    """

    module: str
    written_at: str
    timeout: int = 60
    record_dir: Optional[str] = None
    state_id: Optional[str] = None
    managed_ok: bool = False
    check_mode: bool = False
    put_back: List[str] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class Target:
    """The server that is changed, as it was when the lock was taken."""

    connection: Connection
    probed: Probed
    server: Server
    channel: Channel
    source: Optional[Peer]
    state_id: str
    verdict: str
    verbs: Verbs

    def read(self) -> Server:
        """The server as it is now."""
        return read_server(self.connection, self.probed)


@dataclass
class Outcome:
    """What a change has come to."""

    executed: List[str]
    after: Server
    record: str = ""


@contextmanager
def target(
    login: Login,
    channel: Optional[str],
    attempted: str,
    options: Options,
    source_login: Optional[Callable[[Channel], Login]] = None,
    source_named: bool = False,
    samples: int = 2,
) -> Iterator[Target]:
    """Connect, find the channel, take its lock and look at everything; the lock is held while the block runs.

    :param attempted: what is going to be done, for refusals: "start or stop threads".
    :param source_login: makes the login of the channel's source, when the source is to be asked.
    :param source_named: the caller named the source, so that not reaching it is an error.
    :param samples: 2 waits up to half a minute when one look cannot tell whether the applier is stalled.
    What a run on the channel had lowered that was ended is put back then, and noted in ``options.put_back``.

    :raises ReplicaError: no connection, no or several channels, the lock is held, the server must not be changed, or
        the state is no longer the one that was planned for.
    """
    with connect(login) as connection:
        probed = probe(connection)
        name = pick_channel(read_server(connection, probed), channel).name
        lock: ContextManager[None] = nullcontext() if options.check_mode else advisory_lock(connection, name)
        with lock:
            request = Request(login, name, source_login, source_named, samples=samples)
            diagnosis, _unused = survey(request)
            diagnosed = diagnosis.channels[0]
            server = diagnosis.server
            check_writable(server, diagnosed.channel, attempted, options.managed_ok)
            check_state(options.state_id, diagnosed.state_id, server, diagnosed.channel)
            now = lowered.put_back(connection, server, name, options.record_dir, options.check_mode)
            if now is not server:
                options.put_back.append(lowered.PUT_BACK)
                server = now
            yield Target(
                connection,
                probed,
                server,
                diagnosed.channel,
                diagnosed.case.source,
                diagnosed.state_id,
                diagnosed.verdict,
                Verbs(probed.dialect, probed.features.channels, name),
            )


def carry_out(
    aim: Target,
    plan: Plan,
    options: Options,
    undo: Sequence[str] = (),
    details: Optional[Mapping[str, Any]] = None,
    again: Optional[Callable[[Server], Plan]] = None,
) -> Outcome:
    """Record what is there, run the plan, read the server again and complete the record.

    On any failure the threads that ran before run again where that is safe, and the error carries what ran and the
    record's path.

    :param again: makes the plan anew from the server as it is once the applier is stopped, for statements that name
        the point that was applied last. The receiver goes on meanwhile; its STOP is a step of the new plan.
    :raises RefusedError: the plan gives up history and there is no directory for the record.
    :raises ReplicaError: what `execute.run` raises; its context has ``changed``, ``rolled_back``, ``queries``,
        ``record``, ``threads_restored`` and ``warning_of_break``.
    """
    if plan.risk in ("replica_history", "rebuild") and not options.record_dir:
        raise RefusedError(
            "change %s" % aim.channel.label,
            aim.server.address,
            "the change gives up replication history (%s), and no record of it would be kept" % "; ".join(plan.loses),
            "Set record_dir to a directory that outlives this run.",
        )
    if not plan.steps:
        return Outcome([], aim.server)
    record = schema.build(options.module, aim.server, aim.channel, plan, options.written_at, undo=undo, details=details)
    path = store.write(options.record_dir, record) if options.record_dir else ""
    journal = Journal()
    try:
        _run(aim, plan, options, journal, again, lambda final, now: _note_final(path, record, final, now))
    except BaseException as error:
        notes = _put_threads_back(aim, journal, options)
        _close_record(path, record, journal, aim, str(error) or type(error).__name__)
        if isinstance(error, ReplicaError):
            lost = isinstance(error, ServerError) and error.number == CONNECTION_LOST
            changed = journal.left_something(lost) or isinstance(error, StopPendingError)
            error.context.update(
                changed=changed,
                rolled_back=bool(journal.ran) and not changed,
                queries=journal.executed,
                executed=True,
                record=path,
                threads_restored=notes,
                warning_of_break=warning_of_break(journal.ran, journal.left, path),
            )
        raise
    after = aim.read()
    if path:
        store.replace(path, schema.finished(record, journal.executed, after))
    return Outcome(journal.executed, after, path)


def _run(
    aim: Target,
    plan: Plan,
    options: Options,
    journal: Journal,
    again: Optional[Callable[[Server], Plan]],
    note: Callable[[Plan, Optional[Channel]], None],
) -> None:
    steps: Tuple[Step, ...] = plan.steps
    before = aim.channel.executed
    if again is not None:
        stops = tuple(step for step in steps if step.session == STOP and step.wait == "applier_stopped")
        _step(aim, stops, journal, options)
        now = aim.read()
        final = again(now)
        steps = tuple(step for step in final.steps if step not in stops)
        note(replace(final, steps=(*stops, *steps)), now.channel(aim.channel.name))
    _step(aim, steps, journal, options, before)


def _step(aim: Target, steps: Sequence[Step], journal: Journal, options: Options, beyond: Any = None) -> None:
    run(steps, aim.connection, aim.probed, aim.channel.name, journal, options.timeout, beyond)


def _note_final(path: str, record: Dict[str, Any], final: Plan, now: Optional[Channel]) -> None:
    record.update(schema.with_final(record, final, now))
    if path:
        store.replace(path, record)


def _put_threads_back(aim: Target, journal: Journal, options: Options) -> List[str]:
    """Start the threads again that ran before; the statements that did it. Errors here must not hide the first one."""
    if not journal.ran or not may_restart(journal.ran, journal.left):
        return []
    done: List[str] = []
    try:
        with connect(aim.connection.login) as connection:
            connection.set_deadline(LOOK_SECONDS)
            now = read_server(connection, aim.probed).channel(aim.channel.name)
            for step in restart_steps(aim.verbs, aim.channel, now) if now is not None else ():
                connection.execute(step.statement)
                done.append(step.statement.display())
    except ReplicaError:
        return done
    return done


def _close_record(path: str, record: Mapping[str, Any], journal: Journal, aim: Target, error: str) -> None:
    if not path:
        return
    server: Optional[Server] = None
    try:
        with connect(aim.connection.login) as connection:
            connection.set_deadline(LOOK_SECONDS)
            server = read_server(connection, aim.probed)
    except ReplicaError:
        pass
    try:
        store.replace(path, schema.finished(record, journal.executed, server, error))
    except ReplicaError:
        # The record of before is there; that its end could not be added must not hide what went wrong.
        return
