# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables that a run was to make which was killed: some are there without their rows and triggers, and look complete.

Nothing but that run's undo record tells them from others, as the applier would go on with them and lose their rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, FrozenSet, List, Mapping, Sequence, Tuple

from .._core import record as schema
from .._core.channel_plan import starts_applier
from .._core.errors import RefusedError, ReplicaError, ServerError
from .._core.plan import Step
from .._core.snapshot import RUNNING
from .._core.statement import qualified
from . import record as store
from .change import Options, Target

Pair = Tuple[str, str]

MODULE = "table_repair"
# Name of the entry in a record's details.
MADE = "made"
# So many records are looked into, the newest first: a killed run is among the last ones.
_NEWEST = 50
_ENDED = "The run was killed; a later one finished its tables."


@dataclass(frozen=True)
class Left:
    """What killed runs left.

    :param tables: those that they were to make.
    :param half: those among them that are there and empty, with the applier where it was then.
    :param records: of these runs.
    """

    tables: Tuple[Pair, ...] = ()
    half: FrozenSet[Pair] = frozenset()
    records: Tuple[str, ...] = ()


def look(aim: Target, options: Options) -> Left:
    """What killed runs left of the channel's tables."""
    found = [one for one in store.newest(options.record_dir, _NEWEST) if _is_open(one[1], aim)]
    tables: List[Pair] = []
    half: List[Pair] = []
    for _path, record in found:
        pairs = [(str(pair[0]), str(pair[1])) for pair in record["details"][MADE]]
        tables += pairs
        half += [pair for pair in pairs if _still(record, aim) and _empty(aim, pair)]
    return Left(tuple(dict.fromkeys(tables)), frozenset(half), tuple(path for path, _record in found))


def check_start(aim: Target, options: Options, steps: Sequence[Step], attempted: str) -> None:
    """Refuse a plan that starts the applier while tables wait for their rows.

    :raises RefusedError: there are such tables.
    """
    half = look(aim, options).half if starts_applier(steps) else ()
    if half:
        names = ", ".join(sorted("%s.%s" % pair for pair in half))
        raise RefusedError(
            attempted, "%s, %s" % (aim.server.address, aim.channel.label),
            "a run was killed that was to make and fill %s, which are empty now" % names,
            "Let table_repair (options create_missing and pending) or the playbook repair finish that first.",
        )  # fmt: skip


def close(left: Left, aim: Target) -> None:
    """Note in their records that these runs were finished, so that nobody looks at their tables again."""
    for path in left.records:
        try:
            store.replace(path, schema.finished(store.read(path), [], aim.server, _ENDED))
        except ReplicaError:
            continue  # it is looked at again next time


def _is_open(record: Mapping[str, Any], aim: Target) -> bool:
    return (
        record.get("outcome") == schema.RUNNING_OUTCOME
        and record.get("module") == MODULE
        and record.get("channel") == aim.channel.name
        and (record.get("server") or {}).get("identity") == aim.server.identity
        and bool((record.get("details") or {}).get(MADE))
    )


def _still(record: Mapping[str, Any], aim: Target) -> bool:
    """Whether the applier stands where it stood when the run began, so that nothing was applied to its tables."""
    before = ((record.get("before") or {}).get("channel") or {}).get("executed")
    return bool(before) and aim.channel.applier != RUNNING and before == schema.coordinates_part(aim.channel.executed)


def _empty(aim: Target, pair: Pair) -> bool:
    try:
        return aim.connection.one("SELECT 1 AS there FROM %s LIMIT 1" % qualified(*pair)) is None
    except ServerError:
        return False  # it is not there, or nobody may look
