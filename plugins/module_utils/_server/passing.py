# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What passing a transaction has in common, whichever the method: errors without passwords, and the wait afterwards."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from typing import Optional

from .._core import skip_plan, skip_report
from .._core.errors import ReplicaError
from .._core.skip_plan import Broken
from .._core.snapshot import Channel, Coordinates, Server
from .change import Target
from .connect import Connection
from .reader import read_server
from .wait import POLL_SECONDS, glance

# It runs when it is seen to run so many times.
_LOOKS = 3


class Discreet(Target):
    """A target whose errors are masked, for records and results."""

    def read(self) -> Server:
        """The server as it is now."""
        return discreet(super().read())


def discreet(server: Server) -> Server:
    """The server with the errors of its channels masked."""
    return replace(server, channels=tuple(skip_report.masked(channel) for channel in server.channels))


def discreet_target(aim: Target, connection: Connection) -> Discreet:
    """The target over another connection, its errors masked."""
    same = {field.name: getattr(aim, field.name) for field in fields(aim)}
    hidden = {"connection": connection, "server": discreet(aim.server), "channel": skip_report.masked(aim.channel)}
    return Discreet(**{**same, **hidden})


def channel_now(aim: Target) -> Channel:
    """The channel as it is now, its errors masked."""
    server = discreet(read_server(aim.connection, aim.probed))
    return server.channel(aim.channel.name) or aim.channel


def settled(
    aim: Target, fault: Broken, first: Optional[Coordinates], end: Optional[Coordinates], timeout: float
) -> Channel:
    """Wait until the applier is past the transactions and either runs or shows another error; the channel then.

    :param fault: what it stood at.
    :param first: where the failing transaction ends, as the same words may be said of the next one.
    :param end: where the last of them ends; None where the applied point does not tell, as a position that was set or
        an empty transaction that is committed counts at once.
    :raises ReplicaError: it stands at the failing transaction again, or time is up.
    """
    deadline = time.monotonic() + timeout
    looks = 0
    while True:
        now = glance(aim.connection, aim.probed, aim.channel.name)
        looks = looks + 1 if now.applier == "Yes" else 0
        stopped = now.applier != "Yes"
        past = end is None or reached(now.executed, end)
        if past and (looks >= _LOOKS or (stopped and now.applier_fault is None)):
            return channel_now(aim)
        if stopped and now.applier_fault is not None:
            channel = channel_now(aim)
            same = skip_plan.broken(channel) == skip_report.discreet(fault)
            if not same or reached(channel.executed, first) or reached(channel.executed, end):
                return channel
            raise no_effect(aim, "the applier stops at the same transaction again")
        if time.monotonic() > deadline:
            raise no_effect(aim, "after %g s the applier is still before its end (at %s)" % (timeout, now.executed))
        time.sleep(POLL_SECONDS)


def reached(executed: Optional[Coordinates], end: Optional[Coordinates]) -> bool:
    """Whether an applied point is at or behind another; False where one of them is not known."""
    try:
        return executed is not None and end is not None and executed.reached(end)
    except ValueError:
        return False


def no_effect(aim: Target, what: str) -> ReplicaError:
    """The error when the statements ran and the transaction is not passed."""
    return ReplicaError(
        "see the transaction passed", "%s, %s" % (aim.server.address, aim.channel.label), what,
        "Diagnose the channel with replica_status.", {"changed": True},
    )  # fmt: skip
