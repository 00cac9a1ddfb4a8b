# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a channel's threads: short looks at the status until a condition holds, a fault shows or time is up."""

from __future__ import annotations

import time
from typing import Optional

from .._core import fault_classes
from .._core.account_statement import masked_error
from .._core.errors import ReplicaError, ServerError
from .._core.glance import CONDITIONS, Glance, Watch, condition_of, fault_of, glance_from, row_of
from .._core.snapshot import Coordinates, Fault
from .connect import Connection
from .probe import Probed

POLL_SECONDS = 0.2

WANTED = {
    "applier_stopped": "for the applier to stop",
    "receiver_stopped": "for the receiver to stop",
    "applier_running": "for the applier to run",
    "receiver_running": "for the receiver to connect",
    "until_reached": "for the applier to reach the point",
    "gaps_closed": "for the applier to close the gaps of parallel workers",
    "relay_logs_read": "for the relay logs to be fetched and applied again",
}


class TimedOutError(ReplicaError):
    """What was waited for did not happen in time; nothing failed."""

    code = "timeout"


class ThreadFaultError(ReplicaError):
    """A thread stopped with an error while it was waited for."""

    code = "fault"

    def message(self) -> str:
        """Where it stopped with what, and what to do; what was asked for did run."""
        return "On %s %s. %s" % (self.where, self.answer.rstrip("."), self.advice)


def glance(connection: Connection, probed: Probed, channel: str) -> Glance:
    """One look at a channel.

    :raises ReplicaError: the channel is gone, or the server does not answer.
    """
    row = row_of(connection.query(probed.dialect.show_status), probed.dialect, channel)
    if row is None:
        raise ReplicaError("look at the channel '%s'" % channel, connection.address, "it is not there any more")
    return glance_from(row, probed.dialect)


def wait_for(
    conditions: str,
    connection: Connection,
    probed: Probed,
    channel: str,
    timeout: float,
    beyond: Optional[Coordinates] = None,
) -> Glance:
    """Wait until every condition holds; the last look.

    :param conditions: names of `glance.CONDITIONS`, joined by commas; see `glance.condition_of`.
    :param beyond: the point where the applier was before, for ``relay_logs_read``.
    :raises ThreadFaultError: a thread stopped with an error, which is named with its cause.
    :raises TimedOutError: time is up; the message says how far it came.
    """
    deadline = time.monotonic() + timeout
    parsed = [condition_of(text) for text in conditions.split(",")]
    until = next((point for _unused, point in parsed if point is not None), None)
    looks, first = 0, None
    while True:
        now = glance(connection, probed, channel)
        looks = looks + 1 if now.applier == "Yes" else 0
        if looks == 1:
            first = now.executed
        watch = Watch(now, looks, first, beyond, until)
        open_conditions = [name for name, _unused in parsed if not CONDITIONS[name](watch)]
        if not open_conditions:
            return now
        for name in open_conditions:
            fault = fault_of(name, now)
            if fault is not None:
                thread = "receiver" if fault is now.receiver_fault else "applier"
                raise _fault_error(connection, probed, channel, thread, fault)
        if time.monotonic() > deadline:
            raise _timed_out(connection, channel, open_conditions[0], timeout, now)
        time.sleep(POLL_SECONDS)


def _where(connection: Connection, channel: str) -> str:
    return connection.address + (", channel '%s'" % channel if channel else "")


def _fault_error(connection: Connection, probed: Probed, channel: str, thread: str, fault: Fault) -> ThreadFaultError:
    worker = _worker_cause(connection, probed, channel) if thread == "applier" else None
    cause = worker or fault
    return ThreadFaultError(
        "keep the %s running" % thread,
        _where(connection, channel),
        "the %s stopped with error %d: %s" % (thread, cause.number, fault_classes.cause(cause.text)),
        "Diagnose the channel with replica_status: it names the repair.",
        {"errno": cause.number, "error": cause.text},
    )


def _worker_cause(connection: Connection, probed: Probed, channel: str) -> Optional[Fault]:
    """The first worker's error: MySQL 8 and later show only "error in the workers" in the status row."""
    if probed.flavour.is_mariadb or not probed.features.worker_table:
        return None
    try:
        row = connection.one(
            "SELECT LAST_ERROR_NUMBER AS number, LAST_ERROR_MESSAGE AS text"
            " FROM performance_schema.replication_applier_status_by_worker"
            " WHERE LAST_ERROR_NUMBER <> 0 AND CHANNEL_NAME = %s ORDER BY WORKER_ID LIMIT 1",
            (channel,),
        )
    except ServerError:
        return None
    return Fault(int(row["number"]), masked_error(str(row["text"]))) if row else None


def _timed_out(connection: Connection, channel: str, condition: str, timeout: float, now: Glance) -> TimedOutError:
    fault = now.receiver_fault if "receiver" in condition or now.receiver != "Yes" else now.applier_fault
    answer = "after %g s the receiver says %s, the applier %s (%s), applied to %s" % (
        timeout,
        now.receiver,
        now.applier,
        now.applier_state or "no state",
        now.executed or "nothing yet",
    )
    if fault is not None:
        answer += "; the last error is %d: %s" % (fault.number, fault.text)
    return TimedOutError(
        "see the end of waiting " + WANTED[condition],
        _where(connection, channel),
        answer,
        "It may still happen: look again, or give a longer timeout.",
        {"condition": condition, "errno": fault.number if fault else 0},
    )
