# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which channel is meant, and what is never changed."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import permit
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import (
    BadInputError,
    IdentityError,
    RefusedError,
    StateMovedError,
)
from unit.made import MARIADB_1011, U1, channel, server


@pytest.mark.parametrize(
    "channels, name, found",
    [
        (("",), None, ""),
        (("",), "", ""),
        (("c1",), "", "c1"),
        (("c1", "c2"), "c2", "c2"),
        (("", "c1"), "", ""),
    ],
)
def test_the_channel_that_is_meant(channels, name, found):
    assert permit.pick_channel(server(*(channel(name=each) for each in channels)), name).name == found


@pytest.mark.parametrize("channels, name", [((), None), (("c1", "c2"), None), (("c1", "c2"), ""), (("c1",), "c9")])
def test_a_channel_that_is_not_clear_is_refused(channels, name):
    with pytest.raises(BadInputError):
        permit.pick_channel(server(*(channel(name=each) for each in channels)), name)


def test_a_members_of_a_cluster_is_never_changed():
    for managed_ok in (False, True):
        with pytest.raises(RefusedError, match="cluster"):
            permit.check_writable(server(cluster="Galera"), None, "start", managed_ok)


def test_a_managed_server_is_changed_only_when_told():
    with pytest.raises(RefusedError, match="an operator"):
        permit.check_writable(server(managed="an operator"), None, "start", False)
    permit.check_writable(server(managed="an operator"), None, "start", True)
    failover = channel(settings={"source_connection_auto_failover": 1})
    with pytest.raises(RefusedError, match="by itself"):
        permit.check_writable(server(failover), failover, "start", False)
    permit.check_writable(server(failover), failover, "start", True)
    permit.check_writable(server(), channel(settings={"source_connection_auto_failover": 0}), "start", False)


def test_the_source_is_told_by_its_uuid():
    here = channel(source_uuid=U1.upper(), source_server_id=99)
    permit.check_source(here, server(uuid=U1, server_id=1), server())
    with pytest.raises(IdentityError):
        permit.check_source(here, server(uuid="another", server_id=1), server())


def test_without_a_uuid_by_the_server_id():
    target = server(flavour=MARIADB_1011)
    here = channel(source_uuid="", source_server_id=1)
    permit.check_source(here, server(flavour=MARIADB_1011, server_id=1, datadir="/d1"), target)
    with pytest.raises(IdentityError):
        permit.check_source(here, server(flavour=MARIADB_1011, server_id=3, datadir="/d1"), target)
    # A channel that has never been connected knows neither.
    never = channel(source_uuid="", source_server_id=0)
    permit.check_source(never, server(flavour=MARIADB_1011, server_id=3, datadir="/d1"), target)


def test_the_target_is_not_its_own_source():
    with pytest.raises(IdentityError, match="the target itself"):
        permit.check_source(channel(), server(), server())


def test_a_state_that_moved_is_refused():
    permit.check_state(None, "b", server(), channel())
    permit.check_state("b", "b", server(), channel())
    with pytest.raises(StateMovedError):
        permit.check_state("a", "b", server(), channel())


@pytest.mark.parametrize("name", ["Replica_open_temp_tables", "Slave_open_temp_tables"])
def test_open_temporary_tables(name):
    permit.check_temporary_tables(server(status={name: "0"}), "reset")
    with pytest.raises(RefusedError):
        permit.check_temporary_tables(server(status={name: "1"}), "reset")
