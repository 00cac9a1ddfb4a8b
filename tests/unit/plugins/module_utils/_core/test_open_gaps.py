# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaps and holes followed from look to look."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.open_gaps import oldest, open_gaps

A, B = "aaaaaaaa-aaaa-aaaa-aaaa-000000000001", "bbbbbbbb-bbbb-bbbb-bbbb-000000000001"


def status(channel: str = "", gap: str = "", hole: str = "") -> dict[str, Any]:
    findings = [{"code": code, "channel": channel, "evidence": {"missing": missing}}
                for code, missing in (("gtid_gap", gap), ("gtid_hole", hole)) if missing]  # fmt: skip
    return {"verdict": "diverged", "channels": [{"channel": channel}], "findings": findings}


def followed(*looks: Any) -> Any:
    """What is known after looks at one server, one at each second."""
    known: Any = {}
    for second, look in enumerate(looks, 1):
        known = open_gaps({"db2": look}, json.dumps(known), float(second))
    return known


def since(*looks: Any) -> Any:
    return oldest(followed(*looks), "db2", "")


def test_a_gap_is_as_old_as_the_first_look_that_saw_it() -> None:
    assert since(status(gap=A + ":3")) == 1
    assert since(status(), status(gap=A + ":3"), status(gap=A + ":3")) == 2


def test_what_was_filled_is_gone_and_what_is_left_keeps_its_age() -> None:
    assert since(status(gap=A + ":3-5"), status(gap=A + ":5")) == 1
    assert followed(status(gap=A + ":3"), status()) == {}
    assert since(status(gap=A + ":3"), status(), status(gap=A + ":3")) == 3


def test_another_gap_does_not_inherit_the_age() -> None:
    """An applier that always has some gap, and fills each, has none that is old."""
    assert since(status(gap=A + ":3"), status(gap=A + ":5"), status(gap=A + ":7")) == 3
    assert followed(status(gap=A + ":3"), status(gap=A + ":3:5"), status(gap=B + ":1," + A + ":3:5")) == {
        "db2": {
            "": [
                {"since": 1.0, "missing": A + ":3"},
                {"since": 2.0, "missing": A + ":5"},
                {"since": 3.0, "missing": B + ":1"},
            ]
        }
    }


def test_a_gap_that_turns_out_to_be_a_hole_keeps_its_age() -> None:
    assert since(status(gap=A + ":3"), status(hole=A + ":3")) == 1
    assert since(status(gap=A + ":3"), status(gap=A + ":7", hole=A + ":3")) == 1


@pytest.mark.parametrize("unread", [{}, {"failed": True, "msg": "no"}])
def test_a_server_that_was_not_read_keeps_what_was_known(unread: dict[str, Any]) -> None:
    assert since(status(gap=A + ":3"), unread, status(gap=A + ":3")) == 1


def test_channels_and_servers_are_apart_and_one_that_is_not_looked_at_is_forgotten() -> None:
    first = open_gaps({"db2": status("east", gap=A + ":3"), "db3": status("west", gap=A + ":3")}, "", 1.0)
    then = open_gaps({"db3": status("west", gap=A + ":3"), "db4": status("", gap=A + ":3")}, json.dumps(first), 2.0)
    assert oldest(first, "db2", "east") == 1 and oldest(first, "db2", "west") is None
    assert "db2" not in then
    assert (oldest(then, "db3", "west"), oldest(then, "db4", ""), oldest(then, "db5", "")) == (1, 2, None)


def test_other_findings_are_no_gaps() -> None:
    errant = {"code": "errant", "channel": "", "evidence": {"transactions": A + ":9"}}
    assert followed({**status(), "findings": [errant]}) == {}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", '{"db2": 3}', '{"db2": {"": [{"since": 1}]}}', '{"db2": {"": [3]}}',
     '{"db2": {"": [{"since": "x", "missing": ""}]}}', '{"db2": {"": [{"since": 1, "missing": "nonsense"}]}}'],
)  # fmt: skip
def test_a_file_that_is_not_what_was_kept_is_as_none(text: str) -> None:
    assert oldest(open_gaps({"db2": status(gap=A + ":3")}, text, 5.0), "db2", "") == 5
