# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings of a channel an undo record gives back, as CHANGE wants them."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from .channel_plan import Setting, Verbs
from .record import coordinates_from
from .recorded import MOVED, RESTORE, SAME, Sides, fate
from .snapshot import POSITION, STOPPED, Channel, Coordinates
from .source_options import OPTIONS, SourceOption, plain, written

# What RESET drops: a killed refetch may have dropped them, whether its CHANGE names them or not.
DROPPED_BY_RESET = ("delay", "connect_retry", "retry_count", "heartbeat_period", "ssl_verify_server_cert", "use_gtid")
BY_CHANGE_MASTER = ("host", "port", "user")

Pairs = Tuple[Tuple[str, Setting], ...]


def option_pairs(verbs: Verbs, sides: Sides, channel: Channel, done: List[str], left: List[str]) -> Pairs:
    """The settings that the recorded change altered and nobody altered since, with the values of before."""
    if not sides.may_have("RESET", "CHANGE"):
        return ()
    before, after = sides.before.get("settings") or {}, sides.after.get("settings") or {}
    found: List[Tuple[str, Setting]] = []
    for option in OPTIONS:
        name = option.setting
        if not name or name in BY_CHANGE_MASTER or not _could_alter(verbs, sides, option):
            continue
        old, now = _text(before.get(name)), _text(channel.settings.get(name))
        what = fate(old, _text(after.get(name)), now, sides.finished)
        if what == RESTORE and (old or sides.finished) and (old or option.unset is not None):
            found.append((option.spelled(verbs), written(option, plain(option, old))))
            done.append("channel option %s: %s instead of %s" % (name, old or "nothing", now or "nothing"))
        elif what == MOVED:
            left.append("Channel option %s was changed again since (it is %s now)." % (name, now or "not set"))
    for name in BY_CHANGE_MASTER:
        old, now = _text(before.get(name)), _text(channel.settings.get(name))
        if fate(old, _text(after.get(name)), now, sides.finished) != SAME:
            left.append(
                "Channel option %s was %s: give it back with change_master, which asks that source first; it may need "
                "the channel's password, which is not in the record." % (name, old or "not set")
            )
    return tuple(found)


def _could_alter(verbs: Verbs, sides: Sides, option: SourceOption) -> bool:
    if sides.finished or option.setting in DROPPED_BY_RESET:
        return True
    return any(" %s = " % option.spelled(verbs) in query for query in sides.queries)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def moved_point(sides: Sides, channel: Channel) -> Optional[Coordinates]:
    """The coordinates of before, where the recorded change moved them and nothing was applied since."""
    before, after = coordinates_from(sides.before.get("executed")), coordinates_from(sides.after.get("executed"))
    same = (sides.before.get("source_host"), sides.before.get("source_port")) == (
        channel.source_host,
        channel.source_port,
    )
    moved = before != after == channel.executed and channel.applier == STOPPED
    by_it = sides.finished and any("_LOG_FILE = " in query for query in sides.queries)
    mode = sides.before.get("mode") == channel.mode == POSITION
    return before if before is not None and same and moved and by_it and mode else None
