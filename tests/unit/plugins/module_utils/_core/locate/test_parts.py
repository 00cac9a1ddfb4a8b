# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of keys, the digests in it, and the track of boundaries."""

from __future__ import annotations

import random

from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.digest import digest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.key_table import KeyTable
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.track import Track
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from hypothesis import given
from hypothesis import strategies as st

UUID = "11111111-aaaa-bbbb-cccc-000000000001"


@given(st.lists(st.integers(-(2**63), 2**63 - 1).filter(bool), max_size=300))
def test_a_key_table_is_a_dict(keys: list) -> None:  # type: ignore[type-arg]
    """Every key is found with what was put there, and no other."""
    table, model = KeyTable(), {}
    for number, key in enumerate(keys):
        shard, at, new = table.place(key)
        assert new == (key not in model)
        shard.rows[at] = model[key] = number
    assert len(table) == len(model)
    assert {shard.keys[at]: shard.rows[at] for shard, at in table.slots()} == model
    assert all(key in table for key in model)


def test_a_key_table_is_small() -> None:
    """Some 30 bytes a slot, of which at least a third is in use."""
    table = KeyTable()
    rng = random.Random(1)
    for _number in range(50000):
        table.place((rng.getrandbits(64) | 1) - (1 << 63))
    slots = sum(shard.mask + 1 for shard in table.shards)
    assert slots * 29 < 50000 * 29 * 3


def test_digests_tell_apart() -> None:
    """What Python's hash takes for the same is not."""
    values = [(-1,), (-2,), (1,), ("1",), (b"1",), (None,), (), ("",), (b"",), ((1,),), (1, 2), (12,)]
    assert len({digest(value) for value in values}) == len(values)
    assert 0 not in {digest(value) for value in values}


def test_coordinates_of_boundaries() -> None:
    """Across files, by index and back."""
    track = Track(Coordinates("b.000009", 100), GtidSet.parse(UUID + ":1-5"))
    track.add(Coordinates("b.000009", 100), Coordinates("b.000009", 200), UUID + ":6")
    track.add(Coordinates("b.000009", 250), Coordinates("b.000009", 300), UUID + ":7")
    track.add(Coordinates("b.000011", 120), Coordinates("b.000011", 5_000_000_000), UUID + ":9")
    assert [str(track.coordinates(k)) for k in range(4)] == [
        "b.000009:100", "b.000009:200", "b.000009:300", "b.000011:5000000000",
    ]  # fmt: skip
    assert track.index_at(Coordinates("b.000009", 200)) == 1
    assert track.index_at(Coordinates("b.000009", 250)) == 1
    assert track.index_at(Coordinates("b.000010", 4)) == 2
    assert track.index_at(Coordinates("b.000011", 120)) == 2
    assert track.index_at(Coordinates("b.000012", 4)) == 3
    assert track.index_at(Coordinates("b.000008", 4)) is None
    assert track.gtids(2) == UUID + ":1-7"
    assert track.gtids(3) == UUID + ":1-7:9"
    assert track.gtid(3) == UUID + ":9"
    assert str(track.gtid_set((1, 3))) == UUID + ":6:9"


def test_positions_of_mariadb() -> None:
    """The last one of each domain."""
    track = Track(Coordinates("b.1", 4), GtidPosition.parse("0-1-5,2-1-1"))
    for number, gtid in enumerate(("0-1-6", "1-2-7", "0-3-8"), 1):
        track.add(Coordinates("b.1", number * 10), Coordinates("b.1", number * 10 + 10), gtid)
    assert track.gtids(1) == "0-1-6,2-1-1"
    assert track.gtids(3) == "0-3-8,1-2-7,2-1-1"
