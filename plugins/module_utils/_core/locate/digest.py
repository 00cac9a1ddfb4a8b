# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short digests that stand for row images and keys, so that a whole binlog's worth of them fits into memory."""

from __future__ import annotations

from hashlib import blake2b
from typing import Sequence

# The image of a row that is not there.
NO_ROW = 0


def digest(values: Sequence[object]) -> int:
    """64 bits that stand for these values, never 0 (`NO_ROW`).

    Not ``hash()``: it is the same for -1 and -2. Values are canonical, so that their ``repr`` tells any two apart.
    """
    text = repr(values).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little") or 1
