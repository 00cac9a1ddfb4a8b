# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The note that the applier is paused, so that a run which is killed meanwhile does not leave it stopped for good."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import Iterator

from .._core import record as schema
from .._core import unfinished as rules
from .._core.channel_plan import APPLIER
from .._core.errors import ReplicaError
from .._core.permit import check_skip_counter
from .._core.plan import Plan, Step
from .._core.snapshot import RUNNING
from . import record as store
from . import unfinished
from .change import Options, Target, carry_out


@contextmanager
def noted(aim: Target, options: Options) -> Iterator[None]:
    """While the block runs, a record says that the applier is paused; afterwards it is gone.

    Its name puts it behind the record of what is written meanwhile, so that it is the channel's newest one.
    """
    if aim.channel.applier != RUNNING or not options.record_dir or options.check_mode:
        yield
        return
    steps = (Step(aim.verbs.stop(APPLIER)), Step(aim.verbs.start(APPLIER)))
    plan = Plan(aim.state_id, steps, "Pause the applier while tables are compared, and start it again.")
    record = schema.build(options.module, aim.server, aim.channel, plan, options.written_at + "pause")
    path = store.write(options.record_dir, record)
    try:
        yield
    finally:
        os.unlink(path)


def started_again(aim: Target, options: Options) -> Target:
    """The target with its applier running again, where a run that was killed had left it paused.

    :raises ReplicaError: it does not start.
    """
    left = unfinished.look(options.record_dir, aim.server, aim.channel)
    if left is None or left["module"] != rules.PAUSING or options.check_mode:
        return aim
    steps = (Step(aim.verbs.start(APPLIER), "applier_running"),)
    check_skip_counter(aim.server, aim.channel, steps, "start the applier that a killed run had paused")
    plan = Plan(aim.state_id, steps, "Start the applier that a run had paused which was killed.")
    carry_out(aim, plan, replace(options, record_dir=None))
    server = aim.read()
    _close(str(left["record"]), plan, aim)
    return replace(aim, server=server, channel=next(one for one in server.channels if one.name == aim.channel.name))


def _close(path: str, plan: Plan, aim: Target) -> None:
    try:
        known = store.read(path)
        store.replace(path, schema.finished(known, list(plan.queries()), aim.server, "The run was killed."))
    except ReplicaError:
        return  # it is looked at again next time
