# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error says of the rounds before the one that failed."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import ReplicaError
from ansible_collections.replicaops.mysql.plugins.module_utils._server import binlog_apply


@pytest.mark.parametrize(
    ("queries", "records", "told"),
    [
        ([], [], {"changed": False, "rolled_back": True, "queries": ["b"], "record": "/2"}),
        (["a"], ["/1"], {
            "changed": True, "rolled_back": False, "executed": True, "queries": ["a", "b"], "record": "/2",
            "records": ["/1", "/2"],
        }),
    ],
)  # fmt: skip
def test_a_round_that_was_rolled_back_does_not_hide_those_before(queries, records, told):
    found = {"changed": False, "rolled_back": True, "queries": ["b"], "record": "/2"}
    error = ReplicaError("apply it", context=found)
    with pytest.raises(ReplicaError), binlog_apply._told_before(queries, records):
        raise error
    assert error.context == told
