# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged, cut off and hostile events give one error, and never another exception, a hang or a huge allocation."""

from __future__ import annotations

import os
import random
from typing import List

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.canonical import ABSENT
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_json import Json
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import status_variables
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import Event, Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.binlogs import NAMES, decoded, event, events

# More for a long search: REPLICA_FUZZ=20 pytest ...
EFFORT = int(os.environ.get("REPLICA_FUZZ", "1"))
KINDS = sorted(
    {value for name, value in vars(header).items() if name.isupper() and isinstance(value, int)} & set(range(2, 172))
)


def read_all(found: List[Transaction]) -> None:
    """Look at everything that is read late."""
    for one in found:
        for said in one.statements:
            status_variables(said.status)
        for row in one.changes:
            for image in (row.before, row.after):
                for value in image or ():
                    if isinstance(value, Json):
                        assert isinstance(value.text, str)
                    assert value is ABSENT or value is None or hash(value) is not None


def survives(name: str, given_events: List[Event]) -> bool:
    """Whether the events were decoded; False after the one error that is allowed."""
    try:
        read_all(decoded(name, given=given_events))
    except BinlogError as error:
        assert error.message()
        return False
    return True


def damaged(name: str, source: random.Random) -> List[Event]:
    """The events of a fixture with some bytes of one of them changed, cut off or doubled; its header stays."""
    found = list(events(name))
    number = source.randrange(len(found))
    kind, start, end, data = found[number]
    body = bytearray(data[header.BODY :])
    for _unused in range(source.randint(1, 4)):
        place = source.randrange(len(body)) if body else 0
        way = source.randrange(5)
        if way == 0 and body:
            body[place] = source.randrange(256)
        elif way == 1 and body:
            body[place] ^= 1 << source.randrange(8)
        elif way == 2:
            del body[place:]
        elif way == 3:
            body[place:place] = source.randbytes(source.randint(1, 9)) if hasattr(source, "randbytes") else b"\xff" * 5
        else:
            body[place : place + 4] = b"\xff" * 4
    found[number] = (kind, start, end, data[: header.BODY] + bytes(body))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_damaged_events_decode_or_give_the_error(name: str) -> None:
    source = random.Random("%s %d" % (name, EFFORT))
    outcomes = [survives(name, damaged(name, source)) for _unused in range(60 * EFFORT)]
    assert True in outcomes and False in outcomes


@pytest.mark.parametrize("name", NAMES)
def test_events_cut_off_anywhere_give_the_error_or_are_shorter_texts(name: str) -> None:
    found = list(events(name))
    seen = set()
    for number, (kind, start, end, data) in enumerate(found):
        if kind in seen:
            continue
        seen.add(kind)
        for size in range(0, len(data), max(1, len(data) // (20 * EFFORT))):
            survives(name, found[:number] + [(kind, start, end, data[:size])] + found[number + 1 : number + 6])
    assert len(seen) > 10


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15 * EFFORT, deadline=None)
@given(bodies=st.lists(st.binary(max_size=80), min_size=1, max_size=3), flags=st.sampled_from((0, 0x80)))
def test_made_up_bodies_give_the_error_or_nothing(kind: int, bodies: List[bytes], flags: int) -> None:
    survives("mysql-9.7", list(events("mysql-9.7")[:8]) + [event(kind, body, flags) for body in bodies])
