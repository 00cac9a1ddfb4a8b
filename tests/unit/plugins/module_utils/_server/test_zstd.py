# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zstd, with whichever library this Python has; and what is said when it has none."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.payload import inner_events
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from ansible_collections.replicaops.mysql.plugins.module_utils._server import zstd
from unit.binlogs import events, saved_payload


def available() -> bool:
    for name in ("compression.zstd", "zstandard"):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        return True
    return False


needs_zstd = pytest.mark.skipif(not available(), reason="this Python has no zstd")
NAME = "mysql-9.7"
(PAYLOAD,) = [data for kind, _start, _end, data in events(NAME) if kind == header.TRANSACTION_PAYLOAD]


@needs_zstd
def test_what_a_server_compressed_is_opened() -> None:
    assert list(inner_events(PAYLOAD, zstd.decompress)) == list(inner_events(PAYLOAD, saved_payload(NAME)))


@needs_zstd
def test_never_more_is_made_than_was_announced() -> None:
    start = PAYLOAD.index(b"\x28\xb5\x2f\xfd")
    assert len(zstd.decompress(PAYLOAD[start:], 100)) <= 101


@needs_zstd
@pytest.mark.parametrize("data", [b"", b"garbage", b"\x28\xb5\x2f\xfd garbage"])
def test_garbage_is_an_error_or_too_short(data: bytes) -> None:
    try:
        assert zstd.decompress(data, 10) == b""
    except BinlogError as error:
        assert "damaged" in error.message()


def test_without_a_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(BinlogError, match="pip install zstandard"):
        zstd.decompress(b"", 1)
