# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions taken out of packets in one piece are those that the events make one by one."""

from __future__ import annotations

import struct
from typing import AbstractSet, Any, Iterator, List, Optional, Sequence, Tuple
from unittest import mock

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import header, images
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.table_map import TableMap
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import (
    WHOLE,
    Event,
    Transaction,
    transactions,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.whole import Batch, Whole
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from hypothesis import given, settings
from hypothesis import strategies as st
from unit import binlogs


class Buffer:
    """The events as a server sends them; what cannot be taken in one piece comes as events.

    :param size: as many bytes lie in the buffer at once.
    :param limit: nothing may end behind this offset of the file.
    """

    def __init__(self, events: Sequence[Event], checksum: int = 4, size: int = 1 << 20, limit: int = 1 << 64) -> None:
        self.events, self.checksum, self.size, self.limit = events, checksum, size, limit
        self.taken = 0
        self.places: List[int] = []
        pieces, place = [], 0
        for kind, start, end, data in events:
            self.places.append(place)
            extra = 0 if kind == header.FORMAT_DESCRIPTION else checksum
            body = b"\0" + data[:9] + struct.pack("<I", len(data) + extra) + data[13:] + bytes(extra)
            pieces.append(struct.pack("<I", len(body)) + body)
            place += len(pieces[-1])
            assert end - start in (len(data), len(data) + 4)
        self.bytes = b"".join(pieces)

    def together(self, whole: Whole) -> Iterator[Tuple[int, int, int, Any]]:
        at = 0
        while at < len(self.events):
            kind, start, end, data = self.events[at]
            place = self.places[at]
            limit = min(place + self.size, len(self.bytes))
            done: Optional[Batch] = None
            if kind != header.FORMAT_DESCRIPTION:
                done = whole(self.bytes[:limit], place, limit, start, self.checksum, self.limit)
            if done is None:
                yield kind, start, end, data
                at += 1
            else:
                self.taken += len(done[0])
                assert done[0][-1].last == done[2] <= self.limit
                at = self.places.index(done[1]) if done[1] < len(self.bytes) else len(self.events)
                yield WHOLE, start, done[2], done[0]


def made(name: str, events: Any, layout_for: Any = binlogs.layout_for, rows: bool = True) -> List[Transaction]:
    """The transactions of events of a fixture."""
    return list(transactions(events, layout_for, rows, binlogs.saved_payload(name), binlogs.FILE))


def unchecked(events: Sequence[Event]) -> List[Event]:
    """The same events in a file without checksums."""
    found: List[Event] = []
    offset = 4
    for kind, _start, _end, data in events:
        size = len(data)
        end = offset + size
        if kind == header.FORMAT_DESCRIPTION:
            made = data
        else:
            made = data[:9] + struct.pack("<II", size, end) + data[17:]
        found.append((kind, offset, end, made))
        offset = end
    return found


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("name", binlogs.NAMES)
def test_packets_make_the_same_transactions_as_events(name: str, rows: bool) -> None:
    events = unchecked(binlogs.events(name))
    one_by_one = made(name, events, rows=rows)
    buffer = Buffer(events, checksum=0)
    assert made(name, buffer, rows=rows) == one_by_one
    assert buffer.taken >= 4


@pytest.mark.parametrize("name", binlogs.NAMES)
def test_what_is_not_all_there_waits(name: str) -> None:
    events = unchecked(binlogs.events(name))
    one_by_one = made(name, events)
    for size in (1, 40, 300):
        assert made(name, Buffer(events, 0, size)) == one_by_one


@pytest.mark.parametrize("name", binlogs.NAMES)
def test_nothing_behind_the_limit_is_taken(name: str) -> None:
    events = unchecked(binlogs.events(name))
    one_by_one = made(name, events)
    for wanted in (one_by_one[0], one_by_one[len(one_by_one) // 2]):
        for limit in (wanted.last - 1, wanted.last):
            assert made(name, Buffer(events, 0, limit=limit)) == one_by_one


@pytest.mark.parametrize("byte", [2, 4], ids=["length", "status"])
@pytest.mark.parametrize("kinds", [header.GTID_EVENTS, {header.QUERY}, {header.TABLE_MAP}, header.ROWS, {header.XID}])
@pytest.mark.parametrize("name", binlogs.NAMES)
def test_no_packet_of_unusual_length_or_status_is_taken(name: str, kinds: AbstractSet[int], byte: int) -> None:
    events = unchecked(binlogs.events(name))
    one_by_one = made(name, events)
    buffer = Buffer(events, 0)
    spoilt = bytearray(buffer.bytes)
    for place, (kind, _start, _end, data) in zip(buffer.places, events):
        # MariaDB's transactions have no BEGIN, and their other statements are not taken anyway.
        if kind in kinds and (kind != header.QUERY or data.endswith(b"BEGIN")):
            spoilt[place + byte] = 1
    there = bytes(spoilt) != buffer.bytes
    buffer.bytes = bytes(spoilt)
    assert made(name, buffer) == one_by_one
    assert (buffer.taken == 0) == there


@pytest.mark.parametrize("name", binlogs.NAMES)
def test_columns_are_asked_for_when_all_before_has_been_handed_out(name: str) -> None:
    events = unchecked(binlogs.events(name))

    def asked(given_events: Any) -> List[Tuple[TableMap, int]]:
        found: List[Tuple[TableMap, int]] = []
        handed: List[Transaction] = []

        def layout_for(table: TableMap) -> Any:
            found.append((table, len(handed)))
            # Not wanted before so many: the caller's answer depends on what it has seen.
            return binlogs.layout_for(table) if len(handed) > 20 else None

        for one in transactions(given_events, layout_for, True, binlogs.saved_payload(name), binlogs.FILE):
            handed.append(one)
        return list(dict.fromkeys(found))  # what turns out to be unusual is looked at twice

    assert asked(Buffer(events, 0)) == asked(events)


@pytest.mark.parametrize("often", [0, images.OFTEN])
@given(st.data())
@settings(deadline=None, max_examples=100)
def test_damage_is_told_as_if_the_events_came_one_by_one(often: int, data: st.DataObject) -> None:
    events = unchecked(binlogs.events(data.draw(st.sampled_from(binlogs.NAMES))))
    at = data.draw(st.integers(1, len(events) - 1))
    kind, start, end, body = events[at]
    place = data.draw(st.integers(header.BODY, len(body) - 1)) if len(body) > header.BODY else 0
    if place:
        damaged = body[:place] + bytes((data.draw(st.integers(0, 255)),)) + body[place + 1 :]
        events[at] = (kind, start, end, damaged)

    def outcome(given_events: Any) -> List[str]:
        found: List[str] = []
        try:
            with mock.patch.object(images, "OFTEN", often):
                for transaction in transactions(given_events, binlogs.layout_for, file=binlogs.FILE):
                    found.append(shown(transaction))
        except BinlogError as error:
            found.append(str(error))
        return found

    assert outcome(Buffer(events, 0)) == outcome(events)


def shown(transaction: Transaction) -> str:
    """The transaction; a document is read only now, and can be damaged."""
    try:
        return repr(transaction)
    except BinlogError as error:
        return "%s, %s" % (transaction[:9], error)


def layouts(table: TableMap) -> None:
    """No columns are known."""


def test_rows_of_unknown_columns_are_named() -> None:
    events = unchecked(binlogs.events("mysql-9.7"))
    plain = made("mysql-9.7", events, layouts)
    assert made("mysql-9.7", Buffer(events, 0), layouts) == plain
    assert any(transaction.undecoded for transaction in plain)
