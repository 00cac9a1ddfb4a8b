# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One row of the replica status, read often while waiting, and the conditions that are waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Tuple

from .account_statement import masked_error
from .dialect import Dialect
from .snapshot import Coordinates, Fault

# An applier that meets its old error again still says Yes for a moment, and the coordinator of parallel workers even
# says that all is read. So many looks in a row are enough with nothing left to apply, or without any progress to see.
IDLE_LOOKS = 2
SETTLED_LOOKS = 10


@dataclass(frozen=True)
class Glance:
    """What one status row says. ``receiver`` is ``Yes``, ``No`` or ``Connecting``, ``applier`` ``Yes`` or ``No``."""

    receiver: str
    applier: str
    applier_state: str
    read: Optional[Coordinates]
    executed: Optional[Coordinates]
    receiver_fault: Optional[Fault]
    applier_fault: Optional[Fault]
    delay_remaining: Optional[int]

    @property
    def idle(self) -> bool:
        """True when the applier says that it has applied all there is in the relay log."""
        return "has read all relay log" in self.applier_state.lower()

    @property
    def delaying(self) -> bool:
        """True when the applier waits for the configured delay."""
        return self.delay_remaining is not None or "seconds after" in self.applier_state.lower()


def glance_from(row: Mapping[str, Any], dialect: Dialect) -> Glance:
    """A status row in our words. An error with number 0 and a text is an error (seen on MySQL 5.6 and MariaDB)."""
    words = dialect.columns
    return Glance(
        receiver=str(row[words["receiver_running"]]),
        applier=str(row[words["applier_running"]]),
        applier_state=str(row.get(words["applier_state"]) or ""),
        read=_coordinates(row.get(words["read_file"]), row.get(words["read_position"])),
        executed=_coordinates(row.get(words["executed_file"]), row.get(words["executed_position"])),
        receiver_fault=_fault(row, "IO"),
        applier_fault=_fault(row, "SQL"),
        delay_remaining=_number(row.get("SQL_Remaining_Delay")),
    )


def row_of(rows: Any, dialect: Dialect, channel: str) -> Optional[Mapping[str, Any]]:
    """The row of a channel among the rows of the status statement; None when it is not there."""
    for row in rows:
        key = "Connection_name" if dialect.name == "mariadb" else "Channel_Name"
        if (row.get(key) or "") == channel:
            return dict(row)
    return None


@dataclass(frozen=True)
class Watch:
    """What was seen while waiting: this look, how often in a row the applier ran, and where it began.

    :param first: where the applier was when it was first seen running.
    :param beyond: the point that the applier had reached before; None when it was not known.
    :param until: the coordinates where the applier is to stop; None when it stops by itself.
    """

    now: Glance
    looks: int
    first: Optional[Coordinates] = None
    beyond: Optional[Coordinates] = None
    until: Optional[Coordinates] = None


def _settled(watch: Watch) -> bool:
    now = watch.now
    if now.idle and now.executed == now.read:
        return watch.looks >= IDLE_LOOKS
    moved = watch.looks > 1 and now.executed != watch.first
    return now.delaying or moved or watch.looks >= SETTLED_LOOKS


def _applier_running(watch: Watch) -> bool:
    return watch.now.applier == "Yes" and watch.now.applier_fault is None and _settled(watch)


def _relay_logs_read(watch: Watch) -> bool:
    """The receiver is connected, and the applier is past the point where it was before, has nothing left, or delays."""
    now = watch.now
    if now.receiver != "Yes" or now.applier != "Yes" or now.read is None:
        return False
    if now.delaying:
        return True
    if now.idle and now.executed == now.read:
        return True
    return now.executed is not None and watch.beyond is not None and _past(now.executed, watch.beyond)


def _until_reached(watch: Watch) -> bool:
    """The applier has stopped, or is at the coordinates.

    Measured on MySQL 5.6 and MariaDB: with nothing behind the coordinates in the relay log it goes on saying Yes until
    the next event comes, which it then does not apply.
    """
    now = watch.now
    if now.applier == "No":
        return True
    return now.executed is not None and watch.until is not None and _at_or_past(now.executed, watch.until)


def _gaps_closed(watch: Watch) -> bool:
    """The applier that was started until the gaps are closed has stopped without an error, or is past the last of them.

    It may go on saying Yes until the next event comes.
    """
    now = watch.now
    if now.applier == "No":
        return now.applier_fault is None
    reached = now.executed is not None and watch.until is not None and _at_or_past(now.executed, watch.until)
    return reached or (now.idle and watch.looks >= SETTLED_LOOKS)


def _at_or_past(point: Coordinates, other: Coordinates) -> bool:
    return point == other or _past(point, other)


def condition_of(text: str) -> Tuple[str, Optional[Coordinates]]:
    """Name and coordinates of a condition: ``until_reached=binlog.000003:500`` or only a name."""
    name, _unused, argument = text.partition("=")
    if not argument:
        return name, None
    file, _unused, position = argument.rpartition(":")
    return name, Coordinates(file, int(position))


def _past(point: Coordinates, other: Coordinates) -> bool:
    try:
        return point.reached(other) and point != other
    except ValueError:
        return False


CONDITIONS: Mapping[str, Callable[[Watch], bool]] = {
    "applier_stopped": lambda watch: watch.now.applier == "No",
    "receiver_stopped": lambda watch: watch.now.receiver == "No",
    "applier_running": _applier_running,
    "receiver_running": lambda watch: watch.now.receiver == "Yes",
    "until_reached": _until_reached,
    "gaps_closed": _gaps_closed,
    "relay_logs_read": _relay_logs_read,
}


def fault_of(condition: str, now: Glance) -> Optional[Fault]:
    """The fault that makes it hopeless to wait for a condition any longer; None when there is none.

    A receiver that cannot connect tries again, so only one that has stopped with an error is hopeless.
    """
    if condition.endswith("_stopped"):
        return None
    of_applier = condition in ("applier_running", "until_reached", "gaps_closed", "relay_logs_read")
    if of_applier and now.applier == "No" and now.applier_fault is not None:
        return now.applier_fault
    if condition in ("receiver_running", "relay_logs_read") and now.receiver == "No":
        return now.receiver_fault
    return None


def _coordinates(file: Any, position: Any) -> Optional[Coordinates]:
    return Coordinates(str(file), int(position)) if file and position is not None else None


def _number(value: Any) -> Optional[int]:
    return int(value) if value not in (None, "") else None


def _fault(row: Mapping[str, Any], thread: str) -> Optional[Fault]:
    number = int(row.get("Last_%s_Errno" % thread) or 0)
    text = masked_error(str(row.get("Last_%s_Error" % thread) or ""))
    return Fault(number, text) if number or text else None
