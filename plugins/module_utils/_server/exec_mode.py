# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing the exec mode of a server: a setting of the server, so the locks of all its channels are held."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Tuple

from .._core import exec_mode
from .._core import record as schema
from .._core.errors import ReplicaError
from .._core.permit import check_state, check_writable
from .._core.plan import Plan
from .._core.snapshot import Server
from . import record as store
from .change import Options, Outcome
from .connect import Connection, Login, connect
from .lock import advisory_lock
from .probe import Probed, probe
from .reader import read_server
from .survey import Request, survey


def converge(login: Login, mode: str, options: Options) -> Tuple[Server, str, Plan, Outcome]:
    """Bring the mode about, or only plan it in check mode.

    :param mode: ``STRICT`` or ``IDEMPOTENT``.
    :returns: the server as it was, the name of its variable, the plan, and what became of it.
    :raises ReplicaError: no connection, a lock is held, the server must not be changed, its state has moved, or it did
        not take the mode.
    """
    with connect(login) as connection, ExitStack() as locks:
        probed = probe(connection)
        if not options.check_mode:
            for name in [channel.name for channel in read_server(connection, probed).channels] or [""]:
                locks.enter_context(advisory_lock(connection, name))
        diagnosis, _unused = survey(Request(login, samples=1))
        server = diagnosis.server
        for channel in server.channels or (None,):
            check_writable(server, channel, exec_mode.ATTEMPT, options.managed_ok)
        for found in diagnosis.channels[:1]:
            check_state(options.state_id, diagnosis.state_id, server, found.channel)
        variable = probed.dialect.exec_mode
        plan = exec_mode.plan(server, variable, mode, diagnosis.state_id)
        if options.check_mode or not plan.steps:
            return server, variable, plan, Outcome(list(plan.queries()), server)
        return server, variable, plan, _carry_out(connection, probed, server, plan, options)


def _carry_out(connection: Connection, probed: Probed, server: Server, plan: Plan, options: Options) -> Outcome:
    record = schema.build(options.module, server, None, plan, options.written_at)
    path = store.write(options.record_dir, record) if options.record_dir else ""
    executed = []
    try:
        for step in plan.steps:
            connection.execute(step.statement)
            executed.append(step.statement.display())
        after = read_server(connection, probed)
    except ReplicaError as error:
        if path:
            store.replace(path, schema.finished(record, executed, None, str(error)))
        error.context.update(changed=bool(executed), queries=executed, record=path)
        raise
    if path:
        store.replace(path, schema.finished(record, executed, after))
    return Outcome(executed, after, path)
