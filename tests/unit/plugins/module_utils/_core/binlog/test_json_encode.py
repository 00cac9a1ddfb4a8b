# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents become MySQL's binary form, which reads back as the same document."""

from __future__ import annotations

import json

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import json_binary
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_json_text import normal, render
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.json_encode import document

NUMBERS = "[0, -1, 32767, -32768, 32768, 2147483648, -2147483649, 9223372036854775808, 18446744073709551615]"


@pytest.mark.parametrize(
    "text",
    [
        "null", "true", '""', "{}", "[]", "-7", NUMBERS, '{"a": [true, false, null, -3], "b": {"c": "\\u2603\\n\\""}}',
        "[1.5, -0.0, 1e300, 5e-324, 0.1, 123456789012345678901234567890.5, -12345678901234567.25, 1.50]",
        json.dumps({"k%04d" % number: "v" * number for number in range(600)}),
        json.dumps([{"n": number, "s": "x" * 40} for number in range(3000)]),
        json.dumps(["y" * 70000, -5, 70000, {"z": None}]),
        "[" * 50 + "1" + "]" * 50,
    ],
)  # fmt: skip
def test_a_document_reads_back(text: str) -> None:
    assert render(json_binary.decode(document(text))) == normal(text)


def test_members_are_in_the_order_of_the_server() -> None:
    assert document('{"bb": 1, "a": 2}') == document('{"a": 2, "bb": 1}')


@pytest.mark.parametrize("text", ["", "{", "1e999999", "[" * 120 + "]" * 120, "1" * 80])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        document(text)
