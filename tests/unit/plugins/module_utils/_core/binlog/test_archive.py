# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binlogs in a directory: which files count, and in which order."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import archive, header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.format import parse_rotate
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.gtids import executed_before


def test_files_are_in_the_order_of_their_numbers() -> None:
    names = ["binlog.index", "binlog.1000000", "binlog.000009", "binlog.999999", "notes.txt", "binlog.000010.gz"]
    assert archive.in_order(names) == ["binlog.000009", "binlog.999999", "binlog.1000000"]


@pytest.mark.parametrize(
    ("names", "why"),
    [([], "holds no binlogs"), (["a.000001", "b.000001"], "different names"), (["a.index"], "no binlogs")],
)
def test_a_directory_of_no_server_or_of_several_is_refused(names: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        archive.in_order(names)


def test_the_event_before_a_file_names_it() -> None:
    data = archive.rotate_to("binlog.000007")
    assert header.parse_header(data).type == header.ROTATE and header.parse_header(data).size == len(data)
    assert parse_rotate(data).file == "binlog.000007"
    assert archive.gtid_of((header.ROTATE, 4, 4, data)) is None


def test_what_was_executed_before_a_file_stands_at_its_head() -> None:
    begun = (header.ANONYMOUS_GTID, 120, 200, b"")
    behind = iter([(header.FORMAT_DESCRIPTION, 4, 120, b""), begun, (header.GTID_LIST, 200, 300, b"")])
    assert executed_before(behind) == (None, ())
    assert next(behind)[0] == header.GTID_LIST
    assert executed_before([]) == (None, ())
