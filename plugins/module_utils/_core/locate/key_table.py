# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of each key, in some 30 bytes a key: millions of keys fit where dicts of objects would not.

Open addressing in typed arrays, in shards, so that growing never copies more than a part.
"""

from __future__ import annotations

from array import array
from typing import Iterator, List, Tuple

SHARDS = 16
_SMALLEST = 8

# Bits of `Shard.bits`: how many intervals of agreement there were (two means two or more), and whether it agrees now.
ONCE = 1
OFTEN = 2
COUNT = 3
AGREES = 4
# The first interval began with a change, not with the image that the key had before all changes.
ROSE = 8


class Shard:
    """Parallel arrays; slot i holds what is known of the key ``keys[i]`` (0: free)."""

    __slots__ = ("bits", "ends", "images", "keys", "mask", "rows", "starts", "used")

    def __init__(self, size: int = _SMALLEST) -> None:
        self.mask = size - 1
        self.used = 0
        self.keys = array("q", bytes(8 * size))
        # The digest of the replica's row.
        self.rows = array("q", bytes(8 * size))
        # The digest of the newest image in the binlog, cut short: it only has to tell a broken chain.
        self.images = array("I", bytes(4 * size))
        # First and last boundary of the first interval in which both agree; the last one only when it has ended.
        self.starts = array("I", bytes(4 * size))
        self.ends = array("I", bytes(4 * size))
        self.bits = array("B", bytes(size))

    def slot(self, key: int) -> int:
        """The slot that holds the key, or the free one where it belongs."""
        keys, mask = self.keys, self.mask
        at = (key >> 8) & mask
        while True:
            found = keys[at]
            if found in (key, 0):
                return at
            at = (at + 1) & mask

    def grown(self) -> Shard:
        """The same keys in twice the room."""
        new = Shard(2 * (self.mask + 1))
        new.used = self.used
        for old, key in enumerate(self.keys):
            if key:
                at = new.slot(key)
                new.keys[at] = key
                new.rows[at] = self.rows[old]
                new.images[at] = self.images[old]
                new.starts[at] = self.starts[old]
                new.ends[at] = self.ends[old]
                new.bits[at] = self.bits[old]
        return new


class KeyTable:
    """The keys of one table between two barriers."""

    __slots__ = ("shards",)

    def __init__(self) -> None:
        self.shards: List[Shard] = [Shard() for _number in range(SHARDS)]

    def __len__(self) -> int:
        return sum(shard.used for shard in self.shards)

    def __contains__(self, key: int) -> bool:
        shard = self.shards[key & (SHARDS - 1)]
        keys, mask = shard.keys, shard.mask
        at = key >> 8 & mask
        found = keys[at]
        while found != key and found:
            at = at + 1 & mask
            found = keys[at]
        return found != 0

    def place(self, key: int) -> Tuple[Shard, int, bool]:
        """The shard and slot of a key, and whether it is new; a new key is entered.

        :param key: a digest, never 0.
        """
        number = key & (SHARDS - 1)
        shard = self.shards[number]
        at = shard.slot(key)
        if shard.keys[at] == key:
            return shard, at, False
        if 10 * (shard.used + 1) > 7 * (shard.mask + 1):
            shard = self.shards[number] = shard.grown()
            at = shard.slot(key)
        shard.keys[at] = key
        shard.used += 1
        return shard, at, True

    def slots(self) -> Iterator[Tuple[Shard, int]]:
        """Every shard and slot that holds a key."""
        for shard in self.shards:
            for at, key in enumerate(shard.keys):
                if key:
                    yield shard, at
