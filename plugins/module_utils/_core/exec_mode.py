# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan that sets how the applier meets row conflicts, for the running server."""

from __future__ import annotations

from typing import Any, Dict, Optional

from .errors import RefusedError
from .plan import Plan, Step
from .snapshot import RUNNING, Server
from .statement import Statement

ATTEMPT = "set the applier's exec mode"
IDEMPOTENT = "IDEMPOTENT"
_LOSES = (
    "Row conflicts pass without a word from now on: an UPDATE of a missing row is left out, and a row that is in the "
    "way is overwritten or deleted.",
)


def mode_as_dict(server: Server, variable: str, mode: Optional[str] = None) -> Dict[str, Any]:
    """The mode for results.

    :param mode: the mode that it is expected to have; by default the one it has.
    """
    return {"variable": variable, "exec_mode": mode or server.variable(variable).upper()}


def plan(server: Server, variable: str, mode: str, state_id: str) -> Plan:
    """Set the mode, or nothing when it is set already.

    The variable is one for all channels, so IDEMPOTENT is for a server with no more than one running applier. Appliers
    that run take it up at their next row event, without a restart (measured on 9.7, 5.6, 10.11 and 11.8).

    :param variable: ``replica_exec_mode`` or ``slave_exec_mode``.
    :param mode: ``STRICT`` or ``IDEMPOTENT``.
    :raises RefusedError: several appliers run and the mode is IDEMPOTENT.
    """
    if server.variable(variable).upper() == mode:
        return Plan(state_id, summary="The applier's exec mode is %s already." % mode)
    running = [channel.label for channel in server.channels if channel.applier == RUNNING]
    if mode == IDEMPOTENT and len(running) > 1:
        raise RefusedError(
            ATTEMPT,
            server.address,
            "%s holds for all channels, and %d appliers run (%s)" % (variable, len(running), ", ".join(running)),
            "Stop the others, or repair the rows of the one channel with row_repair.",
            {"running": running},
        )
    statement = Statement("SET GLOBAL %s = %%s" % variable, (mode,), purpose=ATTEMPT)
    loses = _LOSES if mode == IDEMPOTENT else ()
    risk = "replica_rows" if mode == IDEMPOTENT else "none"
    return Plan(
        state_id, (Step(statement),), "Set %s to %s, until the server restarts." % (variable, mode), risk, loses
    )
