# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks taken under load raise no false alarm, and find the one thing that is wrong each time. Full matrix only."""

from __future__ import annotations

import contextlib
import os
from typing import Callable, List, Set, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._server import gtid_compare, survey
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login
from lab.accounts import OBSERVER
from lab.load import Writer
from lab.server import Option, Server
from lab.topology import Lab

ALARMS = {"errant", "lost_tail", "gtid_hole", "gtid_collision", "replica_ahead", "gtid_diverged", "purged_on_source"}
LOOKS = int(os.environ.get("REPLICA_TEST_LOOKS", "200"))
COMPARED = 200
PLAIN = {"in step", "behind", "gap"}

pytestmark = pytest.mark.skipif(
    os.environ.get("REPLICA_TEST_MATRIX") != "full", reason="minutes of load: only with REPLICA_TEST_MATRIX=full"
)


def login(server: Server, name: str = "") -> Login:
    return Login(host=server.host, user=OBSERVER.user, password=OBSERVER.password, name=name or server.name)


def look(lab: Lab, replica: Server, compare: int = 0) -> Set[str]:
    """The codes of one look at a replica."""
    by_host = {server.host: server for server in lab.servers}
    found, _raw = survey.survey(
        survey.Request(
            login=login(replica),
            source_login=lambda channel: login(by_host[channel.source_host]),
            members=tuple(login(server) for server in lab.servers if server is not replica),
            samples=1,
            compare=compare,
        )
    )
    return {finding.code for finding in found.findings}


def table(lab: Lab, replica: Server) -> List[Tuple[str, str, str]]:
    """What the comparison of all members shows that is more than work on its way."""
    found = gtid_compare.compare(
        gtid_compare.Asked(
            login(replica), None, lambda channel: login(lab.source), False,
            tuple(login(server) for server in lab.servers if server is not replica), compare=COMPARED,
        )
    )  # fmt: skip
    assert not found.unknown, found.unknown
    return [(row.server, row.state, row.gtids) for row in found.rows if row.state not in PLAIN]


@pytest.mark.parametrize("order", ["ON", "OFF"])
@pytest.mark.parametrize("topology", ["fan", "ring"])
def test_load_raises_no_alarm_and_one_local_write_is_found_every_time(
    lab_of: Callable[..., Lab], flavour: str, topology: str, order: str
) -> None:
    mariadb = flavour.startswith("mariadb")
    options: dict[str, Option] = {}
    if flavour == "mysql-9.7":
        options["replica_preserve_commit_order"] = order
    elif order == "OFF":
        pytest.skip("there is one way to commit in parallel")
    lab = lab_of(flavour, topology, gtid=True, workers=4, options=options)
    replicas = lab.servers[1:] if topology == "fan" else lab.servers
    writers = [lab.source] * 4 if topology == "fan" else lab.servers * 2
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(Writer(one, schema="w%d" % number)) for number, one in enumerate(writers)]
        for load in loads:
            load.wait_for(20)
        for number in range(LOOKS):
            replica = replicas[number % len(replicas)]
            assert not look(lab, replica, COMPARED if number % 10 == 0 else 0) & ALARMS, number
            if number % 20 == 0:
                assert table(lab, replica) == [], number
        if topology == "fan":
            # In a ring a local write is no stranger: it goes on to the others.
            replica = replicas[0]
            replica.execute("CREATE DATABASE stray")
            for _number in range(5):
                assert look(lab, replica) & ALARMS == {"errant"}
                assert [row[:2] for row in table(lab, replica)] == [(replica.name, "errant")]
        assert all(load.stop() > 20 for load in loads)
        assert mariadb or all(not look(lab, one) & (ALARMS - {"errant"}) for one in replicas)
