# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out a plan's steps in order, each with its wait; a STOP never takes the working connection with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional, Sequence

from .._core.errors import ReplicaError, ServerError
from .._core.plan import STOP, Step
from .._core.snapshot import Coordinates
from .._core.statement import FAILED, LATER, Statement
from .connect import Connection, connect
from .driver_errors import CONNECTION_LOST
from .probe import Probed
from .wait import TimedOutError, wait_for

LOOK_SECONDS = 5.0


class StopPendingError(ReplicaError):
    """A STOP waits behind something the applier waits for; it cannot be taken back and takes effect later."""

    code = "stop_pending"


@dataclass
class Journal:
    """What has run so far, and what may be asked about it afterwards.

    :param ran: the statements that succeeded.
    :param left: the statements that have not run, the failed one first.
    """

    ran: List[Statement] = field(default_factory=list)
    left: List[Statement] = field(default_factory=list)

    @property
    def executed(self) -> List[str]:
        """What ran, in its display form."""
        return [statement.display() for statement in self.ran]

    def left_something(self, lost: bool) -> bool:
        """Whether anything is left of what ran, once the plan has broken off.

        :param lost: the connection was, so that what became of the last statement is not known.
        """
        last = self.left[0].taken_back if self.left else ""
        nothing = last == LATER or (last == FAILED and not lost)
        return any(one.taken_back != LATER for one in self.ran) or (bool(self.ran) and not nothing)


def run(
    steps: Sequence[Step],
    connection: Connection,
    probed: Probed,
    channel: str,
    journal: Journal,
    timeout: float,
    beyond: Optional[Coordinates] = None,
) -> None:
    """Carry out the steps in order and wait after each for what it is to bring about.

    :param journal: is kept up to date, so that it is right whatever ends the run.
    :param beyond: the point where the applier was before, for the condition ``relay_logs_read``.
    :raises StopPendingError: a STOP did not end in time; nothing after it was done.
    :raises ReplicaError: a statement failed, a thread stopped with an error, or time was up.
    """
    journal.left = [step.statement for step in steps]
    for step in steps:
        if step.session == STOP:
            _stop(step, connection, probed, channel, timeout)
        else:
            connection.execute(step.statement)
        journal.ran.append(journal.left.pop(0))
        if step.wait:
            wait_for(step.wait, connection, probed, channel, timeout, beyond)


def _stop(step: Step, connection: Connection, probed: Probed, channel: str, timeout: float) -> None:
    """STOP in a connection of its own: it hangs as long as the applier waits for a lock (seen on MySQL 9.7)."""
    with connect(connection.login) as another:
        another.set_deadline(timeout)
        try:
            another.execute(step.statement)
            return
        except ServerError as error:
            if error.number != CONNECTION_LOST:
                raise
    if not _has_stopped(step, connection, probed, channel):
        thread = "applier" if "applier" in step.wait else "receiver"
        raise StopPendingError(
            step.statement.purpose or "stop the %s" % thread,
            connection.address + (", channel '%s'" % channel if channel else ""),
            "it has not stopped within %g s: it is inside a transaction or waits for a lock" % timeout,
            "The server goes on trying: the %s stops as soon as it can, and stays stopped until it is started. "
            "Nothing else was done." % thread,
            {"pending": [thread]},
        )


def _has_stopped(step: Step, connection: Connection, probed: Probed, channel: str) -> bool:
    """Whether the thread stands still after all. MySQL 5.6 does not even show the status while a STOP waits."""
    try:
        with connect(connection.login) as another:
            another.set_deadline(LOOK_SECONDS)
            wait_for(step.wait, another, probed, channel, 0)
    except TimedOutError:
        return False
    except ServerError as error:
        if error.number != CONNECTION_LOST:
            raise
        return False
    return True
