# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions that are counted and noted at once come to the same as one by one."""

from __future__ import annotations

import random
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import QueryEvent
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableName
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transaction import DDL, Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.feed import Feeder, View
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.track import Track
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.usual import Usual
from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.voting import Voting
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from hypothesis import given
from hypothesis import strategies as st

NAMES = tuple(TableName("s", "t%d" % number) for number in range(3))
FILE = "b.000001"
# Of a row: its table, its key, and what it becomes; its image before is what it was, or something else now and then.
ROWS = st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(0, 3), st.booleans())
PIECES = st.lists(
    st.tuples(st.sampled_from(["", "TRUNCATE s.t1", "ALTER TABLE s.t0 ADD x INT", "DROP TABLE s.t2"]),
              st.booleans(), st.lists(st.lists(ROWS, max_size=3), max_size=8)),
    max_size=6,
)  # fmt: skip


def made(pieces: Any, strange: int) -> List[Tuple[str, Usual]]:
    """Statements and the transactions behind each."""
    images: Dict[Tuple[int, int], int] = {}
    found: List[Tuple[str, Usual]] = []
    place = 100
    for text, single, rows_of in pieces:
        columns: List[List[Any]] = [[] for _column in range(13)]
        for drawn in rows_of:
            rows = drawn[:1] if single else drawn
            if single and not rows:
                continue
            for number, item in enumerate((place, place + 10, "0-1-%d" % place if place % 3 else "", 1, 2, 3)):
                columns[number].append(item)
            place += 10 + (place % 7 == 0)
            columns[6].append(len(rows))
            for table, key, after, odd in rows:
                before = 7 if odd and strange else images.get((table, key), 0)
                images[table, key] = after
                items = (table, key << 8 | table, b"%d" % key, before, after)
                for number, item in enumerate(items):
                    columns[8 + number].append(item)
        used = list(dict.fromkeys(columns[8]))
        columns[8] = [used.index(table) for table in columns[8]]
        names = tuple(NAMES[table] for table in used)
        if columns[0]:
            found.append((text, Usual(FILE, *map(tuple, columns[:7]), names, *map(tuple, columns[8:]))))  # type: ignore
    return found


def counted(given_pieces: List[Tuple[str, Usual]], at_once: bool, seed: int) -> Tuple[Any, ...]:
    """Everything that can be seen of the count and of the places."""
    chance, voting, track = random.Random(seed), Voting(), Track(Coordinates(FILE, 4))
    feeder = Feeder(voting, lambda pair: View("", (0,), None), plain=True)
    rows: Dict[Any, Dict[int, int]] = {(name.schema, name.name): {} for name in NAMES}
    for pair in rows:
        rows[pair] = {key << 8 | int(pair[1][1]): chance.randrange(4) for key in range(1, 10)}
    seen: List[Any] = []
    for text, usual in given_pieces:
        if text:
            query = QueryEvent("s", text, 0, 0, 0, 0, 0, 0, b"")
            feeder.feed(Transaction(FILE, 90, 95, "", DDL, 1, 2, 3, (), (), (query,)))
            track.append(FILE, 90, 95, "")
        if at_once:
            assert feeder.together(usual)
            track.extend(usual.file, usual.firsts, usual.lasts, usual.gtids)
        else:
            for one in usual.transactions():
                feeder.feed(one)
                track.append(one.file, one.first, one.last, one.gtid)
        seen.append((voting.time, voting.pending, {pair: dict(keys) for pair, keys in voting.wanted.items() if keys}))
        if chance.random() < 0.5:
            voting.settle(rows)
    voting.settle(rows)
    tally = voting.finish(lambda thing: None)
    places = [(track.coordinates(at), track.gtid(at) if at else "", track.start(at)) for at in range(1, len(track) + 1)]
    return seen, tally, voting.objects.__dict__, places


@pytest.mark.parametrize("strange", [0, 1])
@given(pieces=PIECES, seed=st.integers(0, 99))
def test_at_once_is_one_by_one(strange: int, pieces: Any, seed: int) -> None:
    found = made(pieces, strange)
    assert counted(found, True, seed) == counted(found, False, seed)


def test_tables_without_evidence_are_left_to_the_usual_way() -> None:
    feeder = Feeder(Voting(), lambda pair: View("why not"))
    found = made([("", True, [[(0, 1, 2, False)]])], 0)
    assert not feeder.together(found[0][1])
    assert feeder.voting.time == 0
