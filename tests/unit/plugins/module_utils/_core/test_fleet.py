# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import fleet


def status(identity, uuid="", server_id=0, sources=()):
    return {
        "server": {"identity": identity, "uuid": uuid, "server_id": server_id},
        "channels": [{"source_uuid": u, "source_server_id": n} for u, n in sources],
    }


def test_two_names_for_one_server_are_found():
    statuses = {"a": status("u1"), "b": status("u2"), "c": status("u1"), "unreachable": {}}
    assert fleet.same_server(statuses) == [["a", "c"]]


def test_servers_of_their_own_are_not():
    assert fleet.same_server({"a": status("1/3306/x"), "b": status("1/3306/y")}) == []


def test_a_chain_is_ordered_from_its_head():
    statuses = {
        "leaf": status("3", "u3", 3, [("u2", 2)]),
        "middle": status("2", "u2", 2, [("u1", 1)]),
        "head": status("1", "u1", 1),
    }
    assert fleet.upstream_first(statuses) == ["head", "middle", "leaf"]


def test_without_uuids_the_server_id_decides():
    statuses = {"replica": status("2", "", 2, [("", 1)]), "source": status("1", "", 1)}
    assert fleet.upstream_first(statuses) == ["source", "replica"]


def test_a_ring_is_cut_and_nobody_is_lost():
    statuses = {"a": status("1", "u1", 1, [("u2", 2)]), "b": status("2", "u2", 2, [("u1", 1)])}
    assert sorted(fleet.upstream_first(statuses)) == ["a", "b"]


def test_a_server_that_could_not_be_read_keeps_its_place():
    assert fleet.upstream_first({"down": {}, "up": status("1")}) == ["down", "up"]


def test_member_logins_fall_back_to_the_address_and_never_to_loopback():
    variables = {
        "db1": {
            "ansible_host": "10.0.0.1",
            "replica_login_port": "3307",
            "replica_login_user": "u",
            "replica_ca_cert": "",
        },
        "db2": {"ansible_host": "10.0.0.2", "replica_login_host": "192.0.2.2"},
        "db3": {},
    }
    assert fleet.member_logins(["db1", "db2", "db3"], variables) == [
        {"name": "db1", "login_host": "10.0.0.1", "login_port": "3307", "login_user": "u"},
        {"name": "db2", "login_host": "192.0.2.2"},
        {"name": "db3", "login_host": "db3"},
    ]


def test_a_member_that_is_not_in_the_inventory_is_an_error():
    with pytest.raises(ValueError, match="'nowhere', which is not in the inventory"):
        fleet.member_logins(["nowhere"], {})
