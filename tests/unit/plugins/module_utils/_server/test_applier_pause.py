# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An applier is only paused when it can be put back."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._server.applier_pause import Pause
from ansible_collections.replicaops.mysql.plugins.module_utils._server.probe import Probed
from unit.made import MYSQL_97, NEW, verbs


class Answers:
    """A connection on which the applier runs, and which may only be asked."""

    address = "db2:3306"

    def __init__(self, **changes: Any) -> None:
        columns = verbs().dialect.columns
        self.row = {columns["receiver_running"]: "Yes", columns["applier_running"]: "Yes", **changes}

    def query(self, statement: Any) -> Any:
        return [self.row]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Until_Condition": "SQL_BEFORE_GTIDS"}, "SQL_BEFORE_GTIDS"),
        (
            {"Until_Condition": "Source", "Until_Log_File": "binlog.000002", "Until_Log_Pos": 4},
            "Source binlog.000002:4",
        ),
    ],
)
def test_an_applier_that_runs_until_a_point_is_not_paused(changes: Any, named: str) -> None:
    answers: Any = Answers(**changes)
    pause = Pause(answers, Probed(MYSQL_97, NEW, verbs().dialect), verbs(), True, 10)
    with pytest.raises(RefusedError, match=named) as caught:  # noqa: SIM117
        with pause:
            pass
    assert caught.value.context == {"until": named}
