# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a replica that does not get on while it replays, and when it is a full disk."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import rebuild_stuck as stuck
from ansible_collections.replicaops.mysql.plugins.module_utils._core.glance import Glance
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates

AT = Coordinates("binlog.000001", 500)
SEEN = Glance("Yes", "Yes", "Waiting for replica workers", AT, AT, None, None, None)


def test_what_moves_is_not_still_and_who_does_not_answer_is():
    still = stuck.Stillness(100.0)
    assert still.seconds(None, 105.0) == 5
    assert still.seconds(SEEN, 110.0) == 0 and still.seconds(SEEN, 115.0) == 5
    assert still.seconds(None, 120.0) == 10
    moved = replace(SEEN, read=Coordinates("binlog.000001", 600))
    assert still.seconds(moved, 130.0) == 0 and still.at == (moved.read, AT)


def test_it_is_said_after_a_while():
    assert stuck.line(SEEN, 9.0) == "" == stuck.line(None, 9.0)
    assert stuck.line(None, 12.0) == ". It has not said for 12 s how far it is"
    told = ". Nothing has moved for 12 s: the receiver says Yes, the applier Yes (Waiting for replica workers)"
    assert stuck.line(SEEN, 12.0) == told


@pytest.mark.parametrize(
    ("seconds", "sign", "answers", "expected"),
    [
        (29.0, "Waiting for disk space", True, ""),
        (30.0, "Waiting for disk space", True, "its disk is full: Waiting for disk space"),
        (30.0, "Waiting for disk space", False, "its disk is full"),
        (10000.0, "", True, ""),
        (59.0, "", False, ""),
        (60.0, "", False, "it has not said for 60 s how far it is"),
    ],
)
def test_a_full_disk_ends_the_waiting_and_a_large_transaction_does_not(seconds, sign, answers, expected):
    error = stuck.error("db2:3306", seconds, sign, answers, 60.0)
    assert bool(error) == bool(expected)
    if error is not None:
        assert expected in str(error) and stuck.MAKE_ROOM in str(error) and error.context == {"disk_full": True}


@pytest.mark.parametrize(
    "text",
    [
        "Waiting for disk space",
        "Waiting for someone to free space",
        "Disk is full writing './binlog.000001' (OS errno 28 - No space left on device). Waiting for someone",
    ],
)
def test_who_waits_for_room_says_so(text):
    assert stuck.sign_in(["", "Waiting for source to send event", text]) == text
    assert stuck.sign_in(["Waiting for handler commit"]) == ""


@pytest.mark.parametrize(
    ("number", "text", "expected"),
    [
        (1030, "1030 Got error 28 from storage engine", True),
        (1114, "1114 The table '/tmp/#sql8a_f_0' is full", True),
        (
            1021,
            "1021 Disk got full writing 'information_schema.(temporary)' (Errcode: 28 \"No space left on device\")",
            True,
        ),
        (1030, "1030 Got error 128 from storage engine", False),
        (1146, "1146 Table 'performance_schema.error_log' doesn't exist", False),
    ],
)
def test_what_a_query_without_room_for_its_temporary_file_says(number, text, expected):
    assert bool(stuck.sign_of(number, text)) == expected


def test_an_applier_that_found_no_room_is_known():
    assert stuck.is_full(1114, "The table 't' is full") and not stuck.is_full(1062, "Duplicate entry")
    assert "a full disk ends a server, too" in str(stuck.gone("db2:3306", "refused"))
