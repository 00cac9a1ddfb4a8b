# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What replica_channel is asked for, as plans and as what check mode foretells."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import channel_wish
from ansible_collections.replicaops.mysql.plugins.module_utils._core.channel_wish import Around, Wish
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import (
    BadInputError,
    RefusedError,
    ReplicaError,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import POSITION, STOPPED, Fault, Peer
from ansible_collections.replicaops.mysql.plugins.module_utils._core.state import channel_as_dict
from unit.made import U1, channel, server, verbs


def wish(state=None, threads=None, until=None, refetch=False, allow_unverified=False):
    return Wish(state, threads, until, refetch, allow_unverified)


def around(verdict="", source=None, **more):
    return Around(verbs(), "id", verdict, source, **more)


@pytest.mark.parametrize(
    "bad",
    [
        wish("stopped", until={"gtids": U1 + ":1"}),
        wish("started", "receiver", until={"gtids": U1 + ":1"}),
        wish("started", allow_unverified=True),
    ],
)
def test_options_that_contradict_each_other(bad):
    with pytest.raises(BadInputError):
        channel_wish.check_options(bad)


@pytest.mark.parametrize(
    "verdict, changes, needed",
    [
        ("healthy", {}, False),
        ("behind", {}, False),
        ("stalled", {}, True),
        ("healthy", {"applier_fault": Fault(1594, "x")}, True),
        ("stopped", {"receiver": STOPPED}, True),
    ],
)
def test_a_channel_in_order_is_not_fetched_anew(verdict, changes, needed):
    assert channel_wish.needs_refetch(channel(**changes), verdict) is needed


def test_nothing_to_do_is_said():
    here = channel()
    for asked in (wish("started"), wish(refetch=True)):
        plan = channel_wish.plan(asked, server(here), here, around("healthy"))
        assert plan.steps == () and plan.summary
    stopped = channel(applier=STOPPED)
    assert channel_wish.plan(wish("stopped"), server(stopped), stopped, around()).steps == ()


def test_refetch_takes_the_source_and_the_exact_point():
    here = channel(applier=STOPPED, applier_fault=Fault(13121, "x"))
    replica = server(here, executed=GtidSet.parse(U1 + ":1-5"))
    with pytest.raises(RefusedError):
        channel_wish.plan(wish(refetch=True), replica, here, around())
    source = server(uuid=U1, server_id=1, executed=GtidSet.parse(U1 + ":1-9"), purged=GtidSet.parse(""))
    plan = channel_wish.plan(wish(refetch=True), replica, here, around(source=Peer("db1", source)))
    assert plan.risk == "none" and plan.loses == () and "RELOAD" in plan.privileges
    assert [query.split()[0] for query in plan.queries()] == ["STOP", "RESET", "START"]


def test_gaps_are_judged_only_when_the_applier_stands_still():
    here = channel(mode=POSITION, position_gaps=None, parallel=4, receiver=STOPPED)
    assert channel_wish.moves(here)
    source = Peer("db1", server(uuid=U1, server_id=1, binlogs=(("binlog.000003", 1000),)))
    asked = wish("started", refetch=True)
    assert channel_wish.plan(asked, server(here), here, around(source=source)).steps
    still = channel(mode=POSITION, position_gaps=None, parallel=4, receiver=STOPPED, applier=STOPPED)
    with pytest.raises(RefusedError, match="gaps"):
        channel_wish.plan(asked, server(still), still, around(source=source))


@pytest.mark.parametrize(
    "asked, changes, receiver, applier",
    [
        (wish("stopped"), {}, "running", "stopped"),
        (wish("stopped", "both"), {}, "stopped", "stopped"),
        (wish("started"), {"receiver": STOPPED, "applier": STOPPED}, "running", "running"),
        (wish(until={"gtids": U1 + ":9"}), {}, "running", "stopped"),
        (wish(until={"gtid_position": "0-1-9"}), {}, "stopped", "stopped"),
        (wish(refetch=True), {"applier": STOPPED}, "running", "stopped"),
        (wish("started", refetch=True), {"applier": STOPPED}, "running", "running"),
    ],
)
def test_check_mode_foretells_the_threads(asked, changes, receiver, applier):
    here = channel(**changes)
    after = channel_wish.predicted(asked, here, channel_as_dict(here))
    assert (after["receiver"], after["applier"]) == (receiver, applier)


def test_a_point_that_was_not_reached_is_an_error():
    here = channel(applier=STOPPED)
    replica = server(here, executed=GtidSet.parse(U1 + ":1-5"))
    channel_wish.verify(wish(until={"gtids": U1 + ":1-5"}), replica, here, [], "")
    channel_wish.verify(wish("stopped"), replica, here, [], "")
    with pytest.raises(ReplicaError) as error:
        channel_wish.verify(wish(until={"gtids": U1 + ":1-6"}), replica, here, ["START"], "/r")
    assert error.value.context == {"changed": True, "queries": ["START"], "record": "/r"}
