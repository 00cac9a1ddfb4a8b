# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors are recognised by number and text together: one number covers several causes, one cause several numbers."""

# ruff: noqa: E501 (the servers' own texts are long)
from __future__ import annotations

from typing import Dict

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import fault_classes
from ansible_collections.replicaops.mysql.plugins.module_utils._core.fault_classes import APPLIER, RECEIVER, classify
from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding_types import TYPES
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Fault

_FATAL = "Got fatal error 1236 from %s when reading data from binary log: '%s'"


@pytest.mark.parametrize(
    ("number", "text", "code"),
    [
        (13114, _FATAL % ("source", "Replica has more GTIDs than the source has, using ..."), "replica_ahead"),
        (1236, _FATAL % ("master", "Slave has more GTIDs than the master has, using ..."), "replica_ahead"),
        (
            1236,
            _FATAL
            % (
                "master",
                "Error: connecting slave requested to start from GTID 0-2-4, which is not in the master's binlog. Since "
                "the master's binlog contains GTIDs with higher sequence numbers, it probably means that the slave has "
                "diverged due to executing extra erroneous transactions",
            ),
            "gtid_diverged",
        ),
        (13114, _FATAL % ("source", "Could not find first log file name in binary log index file"), "purged_on_source"),
        (1236, _FATAL % ("master", "Client requested master to start from impossible position"), "position_beyond_source"),
        (1236, _FATAL % ("master", "Binary log is not open"), "receiver_error"),
        (2003, "Error connecting to source", "source_unreachable"),
        (4711, "", "receiver_error"),
    ],
)  # fmt: skip
def test_the_receiver(number: int, text: str, code: str) -> None:
    assert classify(Fault(number, text), RECEIVER) == code


@pytest.mark.parametrize(
    ("number", "text", "code"),
    [
        (0, "Query caused different errors on master and slave. ...", "error_mismatch"),
        (13113, "Query caused different errors on source and replica. ...", "error_mismatch"),
        (1677, "Column 1 of table 'd.t' cannot be converted from type 'int' to type 'date'", "column_type_differs"),
        (
            13146,
            "Column 2 (counting the first column as number 1) of table 'd.t' cannot be converted from type 'int'",
            "column_type_differs",
        ),
        (1062, "Duplicate entry '9' for key 'PRIMARY'", "duplicate_row"),
        (1235, "This version of MySQL doesn't yet support 'multiple triggers with the same action time and event for "
               "one table'", "trigger_exists"),
        (1235, "This version of MySQL doesn't yet support 'something else'", "applier_error"),
        (3, "Error writing file '/tmp/ML' (OS errno 28 - No space left on device)", "disk_full"),
        (0, "something that no class knows", "applier_error"),
    ],
)  # fmt: skip
def test_the_applier(number: int, text: str, code: str) -> None:
    assert classify(Fault(number, text), APPLIER) == code


def test_the_same_text_means_something_else_to_the_other_thread() -> None:
    denied = Fault(1045, "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s)")
    assert classify(denied, RECEIVER) == "source_privilege_missing"
    assert classify(denied, APPLIER) == "applier_privilege_missing"


def test_every_class_is_a_finding() -> None:
    assert {known.code for known in fault_classes.CLASSES} | set(fault_classes.UNKNOWN.values()) <= set(TYPES)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            "Error 'Duplicate column name 'c'' on query. Default database: 'shop'. Query: 'ALTER TABLE t ADD COLUMN c INT'",
            {"query": "ALTER TABLE t ADD COLUMN c INT", "database": "shop"},
        ),
        (
            "Could not execute Write_rows event on table shop.t; Duplicate entry '2' for key 't.PRIMARY', Error_code: 1062",
            {"table": "shop.t", "key": "t.PRIMARY"},
        ),
        ("Error executing row event: 'Table 'shop.t' doesn't exist'", {"table": "shop.t"}),
        ("nothing that is known", {}),
    ],
)  # fmt: skip
def test_what_an_error_names(text: str, named: Dict[str, str]) -> None:
    assert fault_classes.named_in(Fault(1, text)) == named


@pytest.mark.parametrize(
    "text",
    [
        "Error connecting to source 'repl@db1:3306'. This was attempt 1/86400, with a delay of 1 seconds between attempts."
        " Message: Access denied",
        "Error reconnecting to source 'repl@db1:3306'. This was attempt 9/86400, with a delay of 1 seconds between attempts."
        " Message: Access denied",
        "error connecting to master 'repl@db1:3306' - retry-time: 1  maximum-retries: 100000  message: Access denied",
        "error reconnecting to master 'repl@db1:3306' - retry-time: 1  maximum-retries: 100000  message: Access denied",
    ],
)
def test_the_cause_is_told_without_the_attempt(text: str) -> None:
    assert fault_classes.cause(text) == "Access denied"


def test_an_attempt_without_a_cause_is_told_as_it_is() -> None:
    text = "error connecting to master 'repl@db1:3306' - retry-time: 1 retries: 1"
    assert fault_classes.cause(text) == text
