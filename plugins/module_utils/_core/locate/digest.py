# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short digests that stand for row images and keys, so that a whole binlog's worth of them fits into memory."""

from __future__ import annotations

from hashlib import blake2b
from typing import Callable, Sequence, Tuple

# The image of a row that is not there.
NO_ROW = 0


def digest(values: Sequence[object]) -> int:
    """64 bits (signed) that stand for these values, never 0 (`NO_ROW`).

    Not ``hash()``: it is the same for -1 and -2. Values are canonical, so that their ``repr`` tells any two apart.
    """
    return _strong(repr(values).encode("utf-8", "surrogatepass"))


def _strong(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little", signed=True) or 1


def _strong_tuple(values: Tuple[object, ...]) -> int:
    return digest(values)


def _strong_value(value: object) -> int:
    return digest((value,))


# Whether Python's own hash of bytes has 64 bits: then it is a keyed one (SipHash), and many times as fast.
_USUAL = max(abs(hash(bytes((number,)))) for number in range(64)) >> 40 > 0

# 64 bits (signed) that stand for bytes, for a canonical value that is no int, and for a tuple of bytes and such
# numbers. They are the same within a process only, and may be 0.
of_bytes: Callable[[bytes], int] = hash if _USUAL else _strong
of_value: Callable[[object], int] = hash if _USUAL else _strong_value
of_parts: Callable[[Tuple[object, ...]], int] = hash if _USUAL else _strong_tuple
