# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the caller of a repair allows: the ``repair_*`` variables, and what of them each remedy asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from .remedies import REMEDIES, RISKS

# Whose data counts after a remedy for transactions that only the replica has.
WINNERS: Mapping[str, str] = {
    "replay": "replica", "roll_back": "source", "roll_back_reset": "source", "roll_back_lost": "source",
    "roll_back_here": "source", "roll_back_there": "replica",
}  # fmt: skip

# These write to the source, which reaches every replica.
ON_SOURCE = ("replay", "roll_back", "roll_back_here", "roll_back_there", "inject_harmless")


@dataclass(frozen=True)
class Policy:
    """What the caller allows: the ``repair_*`` variables.

    :param strategy: ``auto``, or the only remedy that may be used.
    :param archive: directory of archived binlogs; '' for none.
    :param winner: ``source`` or ``replica``: whose data counts where both hold committed transactions; '' for neither.
    """

    max_risk: str = "replica_rows"
    allow_source_write: bool = False
    start_stopped: bool = False
    managed_ok: bool = False
    strategy: str = "auto"
    winner: str = ""
    archive: str = ""

    @classmethod
    def from_variables(cls, given: Mapping[str, Any]) -> Policy:
        """A policy from variables that may all be strings (AWX). Raises ValueError for an unknown risk or remedy."""
        policy = cls(
            max_risk=str(given.get("max_risk", "replica_rows")),
            allow_source_write=truth(given.get("allow_source_write", False)),
            start_stopped=truth(given.get("start_stopped", False)),
            managed_ok=truth(given.get("managed_ok", False)),
            strategy=str(given.get("strategy", "auto")),
            winner=str(given.get("winner") or ""),
            archive=str(given.get("archive") or ""),
        )
        if policy.winner not in ("", *WINNERS.values()):
            raise ValueError("repair_winner is %r; it must be source or replica" % policy.winner)
        if policy.max_risk not in RISKS:
            raise ValueError("repair_max_risk is %r; it must be one of %s" % (policy.max_risk, ", ".join(RISKS)))
        if policy.strategy != "auto" and policy.strategy not in REMEDIES:
            names = ", ".join(sorted(REMEDIES))
            raise ValueError("repair_strategy is %r; it must be auto or one of %s" % (policy.strategy, names))
        return policy


def truth(value: Any) -> bool:
    """A boolean that may come as a string. Raises ValueError for anything that is neither."""
    text = str(value).strip().lower()
    if text in ("true", "yes", "on", "1", "y", "t"):
        return True
    if text in ("false", "no", "off", "0", "n", "f", "", "none"):
        return False
    raise ValueError("%r is neither true nor false" % (value,))
