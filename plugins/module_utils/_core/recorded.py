# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an undo record tells about one value: before, after, and whether its change could have altered it at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from .channel_plan import BOTH, Threads, acts_on

SAME = "same"
RESTORE = "restore"
MOVED = "moved"


def fate(before: object, after: object, now: object, finished: bool) -> str:
    """What to do about one value: `SAME` (leave it), `RESTORE`, or `MOVED` (somebody altered it after the change).

    :param finished: the record has an end, so that ``after`` is what the change left behind.
    """
    if before == now or (finished and before == after):
        return SAME
    return RESTORE if not finished or now == after else MOVED


@dataclass(frozen=True)
class Sides:
    """The record's picture of the channel and server before and after, and the statements of its change.

    :param queries: what was planned, as displayed.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    server_before: Mapping[str, Any]
    server_after: Mapping[str, Any]
    finished: bool
    queries: Tuple[str, ...] = ()

    def may_have(self, *verbs_of: str) -> bool:
        """Whether one of these verbs is among the change's statements; what a recorded end shows is known anyway."""
        return self.finished or any(acts_on(query)[0] in verbs_of for query in self.queries)

    def may_have_set(self, variable: str) -> bool:
        """Whether the change could have altered a global variable."""
        return self.finished or any(query.startswith("SET GLOBAL %s " % variable) for query in self.queries)

    def lost_coordinates(self) -> bool:
        """Whether it was this change that took the applied coordinates away, or may have been."""
        return self.after.get("executed") is None if self.finished else self.may_have("RESET")

    def threads(self) -> Threads:
        """The threads that the change could have started or stopped."""
        return BOTH if self.finished else frozenset().union(*(acts_on(query)[1] for query in self.queries))


def sides_of(record: Mapping[str, Any]) -> Sides:
    """The sides of a record, which may have no end."""
    after = record.get("after") or {}
    finished = bool(after.get("channel")) and bool(after.get("server"))
    return Sides(
        record["before"]["channel"] or {},
        (after.get("channel") or {}) if finished else {},
        record["before"]["server"] or {},
        (after.get("server") or {}) if finished else {},
        finished,
        tuple(str(query) for query in (*(record["plan"].get("queries") or ()), *(record.get("executed") or ()))),
    )
