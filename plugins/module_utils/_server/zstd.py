# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""zstd, which compressed transactions of MySQL need: from the standard library where it has it, else a package."""

from __future__ import annotations

import importlib
from typing import Any, Callable, Optional

from .._core.errors import BinlogError


def _load(name: str) -> Optional[Any]:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def decompress(data: bytes, size: int) -> bytes:
    """The content of zstd frames, as MySQL's ``binlog_transaction_compression`` writes them.

    :param size: bytes that the content has; never more are made, whatever the data says of itself.
    :raises BinlogError: the data is damaged, or this Python has no zstd.
    """
    standard = _load("compression.zstd")  # Python 3.14
    package = None if standard else _load("zstandard")
    if standard is None and package is None:
        raise BinlogError(
            "read a compressed transaction",
            answer="this Python has no zstd, with which MySQL compressed it (binlog_transaction_compression)",
            advice="Install the package 'zstandard' where this module runs (python3-zstandard, or pip install"
            " zstandard), or use Python 3.14.",
        )
    make = _standard_reader(standard) if standard else _package_reader(package)
    try:
        return make(data, size)
    except Exception as error:  # both libraries have errors of their own
        raise BinlogError(
            "read a compressed transaction",
            answer="its zstd data is damaged (%s)" % error,
            advice="mysqlbinlog on that server tells whether the binlog itself is damaged.",
        ) from None


def _standard_reader(module: Any) -> Callable[[bytes, int], bytes]:
    def read(data: bytes, size: int) -> bytes:
        content = b""
        while data and len(content) <= size:
            reader = module.ZstdDecompressor()
            content += reader.decompress(data, size + 1 - len(content))
            if not reader.eof:
                break
            data = reader.unused_data
        return content

    return read


def _package_reader(module: Any) -> Callable[[bytes, int], bytes]:
    def read(data: bytes, size: int) -> bytes:
        with module.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
            content: bytes = reader.read(size + 1)
        return content

    return read
