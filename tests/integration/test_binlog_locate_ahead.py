# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A search that is helped by a second process reads the same transactions and gives the same answer."""

from __future__ import annotations

from typing import Callable

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login
from lab.accounts import ACCOUNTS
from lab.server import Server
from lab.topology import Lab

from .locate_history import History, tables
from .locate_ways import in_process
from .locating import apply_until, go_on, stopped, true_position


def login(server: Server) -> Login:
    return Login(host=server.host, port=server.port, user="root", password=ACCOUNTS["root"].password)


@pytest.mark.parametrize("gtid", [True, False])
def test_both_ways_are_one(lab_of: Callable[..., Lab], flavour: str, gtid: bool) -> None:
    lab = lab_of(flavour, gtid=gtid)
    lab.source.execute(*tables(lab.source, "two"))
    start = stopped(lab)
    ends = [start, *History(lab.source, 3, "two").run(80)]
    if not gtid:
        apply_until(lab, ends[50])
    found = in_process(login(lab.replica), login(lab.source), "%s:%d" % start)
    assert found["started"][0] == 0 and found["started"][1] >= 1
    assert found["same"] and found["alone"] == found["helped"]
    assert found["transactions"] >= 80 and found["printed"] > 50 and found["statements"] > 0
    if not gtid:
        go_on(lab, true_position(lab))
