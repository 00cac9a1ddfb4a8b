# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a changing module will do, complete before anything runs: check mode shows it, the real run executes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Tuple

from .statement import Statement

WORK = "work"
STOP = "stop"


@dataclass(frozen=True)
class Step:
    """One statement and what must be true after it.

    :param statement: what runs.
    :param wait: name of the condition that is waited for afterwards (`_server/wait.py` knows them):
        ``applier_stopped``, ``receiver_stopped``, ``applier_running``, ``receiver_running``, ``until_reached``,
        ``gaps_closed``, ``relay_logs_read``; empty for none.
    :param session: which connection it runs on: ``work``, or ``stop`` for a STOP that may hang behind a lock.
    """

    statement: Statement
    wait: str = ""
    session: str = WORK


@dataclass(frozen=True)
class Plan:
    """The steps of one change on one channel.

    :param state_id: the state the plan was computed from.
    :param steps: in order; empty when the wanted state is there already.
    :param summary: one sentence.
    :param risk: one of `remedies.RISKS`.
    :param loses: what would be lost, a sentence each; empty when nothing is.
    :param privileges: what the account needs for the steps.
    :param touches: ``schema.table`` names whose rows must be compared afterwards.
    """

    state_id: str
    steps: Tuple[Step, ...] = ()
    summary: str = ""
    risk: str = "none"
    loses: Tuple[str, ...] = ()
    privileges: Tuple[str, ...] = ()
    touches: Tuple[str, ...] = ()

    def queries(self) -> Tuple[str, ...]:
        """The statements in their display form, in the order they run."""
        return tuple(step.statement.display() for step in self.steps)

    def as_dict(self) -> Dict[str, Any]:
        """For results and records."""
        return {
            "state_id": self.state_id,
            "summary": self.summary,
            "risk": self.risk,
            "loses": list(self.loses),
            "privileges": list(self.privileges),
            "queries": list(self.queries()),
            "touches": list(self.touches),
        }
