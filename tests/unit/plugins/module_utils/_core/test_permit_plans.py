# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What forbids starting an applier or throwing its relay logs away."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import channel_plan, channel_wish, permit
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import STOPPED, Fault, Peer
from unit.made import MARIADB_1011, MYSQL_97, U1, channel, server, verbs

VARIABLE = {"sql_replica_skip_counter": "1"}


def around(flavour=MYSQL_97, **changes):
    everything = server(uuid=U1, server_id=1, executed=GtidSet.parse(U1 + ":1-9"), purged=GtidSet())
    return channel_wish.Around(verbs(flavour), "s", source=Peer("db1", everything), prepared=(), **changes)


def wish(**changes):
    values = {"state": "started", "threads": None, "until": None, "refetch": False, "allow_unverified": False}
    return channel_wish.Wish(**{**values, **changes})


WISHES = {
    "start": wish(),
    "restart": wish(threads="applier"),
    "until": wish(until={"gtids": U1 + ":1-9"}),
    "refetch": wish(refetch=True),
}


@pytest.mark.parametrize("name", WISHES)
def test_a_skip_counter_forbids_every_start_of_the_applier(name):
    here = channel(applier=STOPPED, applier_fault=Fault(1594, "x"))
    replica = server(here, executed=GtidSet.parse(U1 + ":1-5"))
    assert channel_wish.plan(WISHES[name], replica, here, around()).steps
    for counted in (replace(here, skip_counter=1), here):
        variables = {} if counted.skip_counter else VARIABLE
        held = replace(replica, variables=variables, channels=(counted,))
        with pytest.raises(RefusedError, match=r"skip_counter is 1.*SET GLOBAL sql_.*_skip_counter = 0"):
            channel_wish.plan(WISHES[name], held, counted, around())


@pytest.mark.parametrize(
    "asked, here",
    [
        (wish(state="stopped"), channel()),
        (wish(threads="receiver"), channel(receiver=STOPPED, applier=STOPPED)),
        (wish(), channel()),
    ],
)
def test_a_skip_counter_forbids_nothing_that_leaves_the_applier_as_it_is(asked, here):
    channel_wish.plan(asked, server(here, variables=VARIABLE), here, around())


def test_mariadbs_variable_is_the_counter_of_the_unnamed_connection():
    named, unnamed = channel(name="c1", applier=STOPPED), channel(applier=STOPPED)
    replica = server(named, unnamed, flavour=MARIADB_1011, variables={"sql_slave_skip_counter": "3"})
    assert permit.pending_skip(replica, named) == ("sql_slave_skip_counter", 0)
    assert permit.pending_skip(replica, unnamed) == ("sql_slave_skip_counter", 3)
    counted = replace(named, skip_counter=2)
    steps = channel_plan.start_steps(verbs(MARIADB_1011, "c1"), counted, channel_plan.BOTH)
    with pytest.raises(RefusedError, match="default_master_connection = 'c1'"):
        permit.check_skip_counter(replica, counted, steps, "start")


def test_prepared_xa_transactions_forbid_throwing_relay_logs_away():
    here = channel(applier=STOPPED, applier_fault=Fault(1594, "x"))
    replica = server(here, executed=GtidSet.parse(U1 + ":1-5"))
    with pytest.raises(RefusedError, match=r"prepared .first, second."):
        channel_wish.plan(WISHES["refetch"], replica, here, replace(around(), prepared=("first", "second")))
    unknown = channel_wish.plan(WISHES["refetch"], replica, here, replace(around(), prepared=None))
    assert unknown.steps and "XA RECOVER is not allowed" in unknown.summary
    assert "XA" not in channel_wish.plan(WISHES["refetch"], replica, here, around()).summary
