# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A replica that does not get on while it replays: what is said about it, and when it is a full disk.

A thread that finds no room waits for it, without an error. Measured: MySQL 9.7 says so in the state of the receiver and
in its error log; MySQL 5.6, MariaDB 10.11 and 11.8 do not answer SHOW SLAVE STATUS until there is room again. What all
of them refuse then is a query that needs a temporary file, where these lie on the same disk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Optional, Tuple

from .errors import ReplicaError
from .fault_classes import APPLIER, classify
from .glance import Glance
from .snapshot import Coordinates, Fault

# A disk that is full for so long is an error. The threads look again every 60 seconds, so that less says nothing more.
FULL_SECONDS = 30.0
# From so many seconds on it is said that nothing moves. A large transaction looks the same and is no error.
STILL_SECONDS = 10.0

ATTEMPT = "replay the source's binlogs"
MAKE_ROOM = "Make room there; the threads that wait go on within a minute."

_WAITS = re.compile(r"Waiting for (disk space|someone to free space)|Disk is full", re.I)
# What a query says whose temporary file finds no room.
_NO_ROOM = frozenset((1021, 1030, 1114))
_FULL = re.compile(r"No space left on device|Disk (is |got )?full|\b(error|errno|errcode):? 28\b|is full", re.I)


def sign_in(texts: Iterable[str]) -> str:
    """The state of a thread, or the line of an error log, that says that somebody waits for room; empty when none."""
    return next((text for text in texts if _WAITS.search(text)), "")


def sign_of(number: int, text: str) -> str:
    """What a failed query says, where it says that its temporary file found no room; else empty."""
    return text if number in _NO_ROOM and _FULL.search(text) else ""


def is_full(number: int, text: str) -> bool:
    """Whether the applier stopped because there was no room."""
    return classify(Fault(number, text), APPLIER) == "disk_full"


@dataclass
class Stillness:
    """Since when nothing has moved.

    :param at: what was seen last: where the receiver and where the applier was; None when nothing could be seen.
    :param since: when that was seen first.
    """

    since: float
    at: Optional[Tuple[Optional[Coordinates], Optional[Coordinates]]] = None

    def seconds(self, seen: Optional[Glance], now: float) -> float:
        """For how long nothing has moved. A server that does not answer does not move.

        :param seen: the look of now; None when the server did not answer it.
        """
        at = (seen.read, seen.executed) if seen is not None else self.at
        if at != self.at:
            self.at, self.since = at, now
        return now - self.since


def line(seen: Optional[Glance], seconds: float) -> str:
    """What is added to the progress when nothing moves; empty as long as that is nothing to speak of."""
    if seconds < STILL_SECONDS:
        return ""
    if seen is None:
        return ". It has not said for %d s how far it is" % seconds
    return ". Nothing has moved for %d s: the receiver says %s, the applier %s (%s)" % (
        seconds, seen.receiver, seen.applier, seen.applier_state or "no state",
    )  # fmt: skip


def error(where: str, seconds: float, sign: str, answers: bool, patience: float) -> Optional[ReplicaError]:
    """The error that ends the waiting; None as long as it may go on.

    :param seconds: for how long nothing has moved.
    :param sign: what says that the disk is full; empty when nothing does.
    :param answers: whether the server said how far it is.
    :param patience: seconds after which a server that does not say so is given up.
    """
    if sign and seconds >= FULL_SECONDS:
        return full(where, "nothing has moved for %d s, and its disk is full: %s" % (seconds, sign))
    if not answers and seconds >= max(patience, FULL_SECONDS):
        text = "it has not said for %d s how far it is, as a server whose receiver waits for room on a full disk"
        return full(where, text % seconds)
    return None


def full(where: str, answer: str) -> ReplicaError:
    """The error about a full disk."""
    return ReplicaError(ATTEMPT, where, answer, MAKE_ROOM, {"disk_full": True})


def gone(where: str, answer: str) -> ReplicaError:
    """The error about a server that ended in the middle."""
    return ReplicaError(
        ATTEMPT, where, "the server has ended: %s" % answer,
        "Look into its error log: a full disk ends a server, too. Start it.",
    )  # fmt: skip
