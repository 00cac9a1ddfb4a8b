# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run that was killed left on a server, found by its undo record, and how it is brought to its end.

Whoever holds the channel's lock knows that no other run is at work: a record that says so is of one that was killed.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._core import record as schema
from .._core import skip_steps
from .._core.errors import ReplicaError
from .._core.plan import Step
from .._core.snapshot import Channel
from . import record as store
from .change import Options, Target
from .execute import Journal, run
from .wait import wait_for

# A killed run is the last one of its channel: those after it have finished it first.
_NEWEST = 20
_COUNTER = re.compile(r"SET GLOBAL sql_(?:replica|slave)_skip_counter = (\d+)")
_ENDED = "the run was killed; a later one put back what it had left"


@dataclass(frozen=True)
class Left:
    """What was done about it, or would be.

    :param queries: the statements.
    :param counter: what the skip counter may still hold; 0 when no killed run set it.
    """

    queries: Tuple[str, ...] = ()
    counter: int = 0


def finish(aim: Target, options: Options) -> Left:
    """Put back what killed runs on this channel left; in check mode say how.

    :raises ReplicaError: a statement failed.
    """
    counter = 0
    steps: List[Step] = []
    records = _killed(aim, options.record_dir)
    for _path, record in records:
        for query in (record.get("plan") or {}).get("queries") or []:
            match = _COUNTER.match(str(query))
            counter = int(match.group(1)) if match else counter
        mode = aim.server.variable(aim.probed.dialect.exec_mode) if _set_the_mode(record) else ""
        found = skip_steps.finish(aim.verbs, mode, _channels(aim, record), aim.server, _moved(aim, record))
        steps += [step for step in found if step not in steps]
    queries = tuple(step.statement.display() for step in steps)
    if options.check_mode or not records:
        return Left(queries, counter)
    run(steps, aim.connection, aim.probed, aim.channel.name, Journal(), options.timeout)
    if steps:
        # It may stop at its next error, which is then the next thing to look at.
        with suppress(ReplicaError):
            wait_for("applier_running", aim.connection, aim.probed, aim.channel.name, options.timeout)
    for path, record in records:
        store.replace(path, schema.finished(record, record.get("executed") or [], aim.read(), _ENDED))
    return Left(queries, counter)


def _set_the_mode(record: Mapping[str, Any]) -> bool:
    queries = (record.get("plan") or {}).get("queries") or []
    return any("_exec_mode = %s" % skip_steps.LENIENT in str(query) for query in queries)


def _moved(aim: Target, record: Mapping[str, Any]) -> bool:
    """Whether gtid_slave_pos is another one by now: the status shows the old error and point until the next start."""
    before = (record["before"].get("server") or {}).get("replica_position")
    queries = (record.get("plan") or {}).get("queries") or []
    sets = any(str(query).startswith("SET GLOBAL gtid_slave_pos") for query in queries)
    return sets and before != schema.text(aim.server.replica_position)


def _channels(aim: Target, record: Mapping[str, Any]) -> Sequence[Channel]:
    """The channels with the threads that the record says ran, and the point that each had applied."""
    before = record["before"]
    found = []
    for part in (before.get("channel"), *(before.get("other_channels") or [])):
        channel = aim.server.channel(str(part["name"])) if part else None
        if part and channel is not None:
            point = schema.coordinates_from(part.get("executed"))
            found.append(replace(channel, executed=point, **part["threads"]))
    return found


def _killed(aim: Target, directory: Any) -> List[Tuple[str, Dict[str, Any]]]:
    """Records of this module, server and channel that have no end."""
    if not directory:
        return []
    folder = os.path.abspath(os.path.expanduser(str(directory)))
    try:
        names = [name for name in os.listdir(folder) if name.endswith("-replica_skip.json")]
    except OSError:
        return []
    found = []
    for name in sorted(names, reverse=True)[:_NEWEST]:
        path = os.path.join(folder, name)
        try:
            record = store.read(path)
        except ReplicaError:
            continue
        here = (record["server"].get("identity"), record["channel"]) == (aim.server.identity, aim.channel.name)
        if here and record["module"] == "replica_skip" and record.get("outcome") == schema.RUNNING_OUTCOME:
            found.append((path, record))
    return found
