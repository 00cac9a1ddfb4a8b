# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that was killed is recognised by its record, and never where a start could do harm."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import choose
from ansible_collections.replicaops.mysql.plugins.module_utils._core.choose_policy import Policy
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._core.unfinished import owed, paid, unfinished
from unit.made import MARIADB_1011, channel, server

UUID = "11111111-aaaa-bbbb-cccc-000000000001"
WAS, PLACE = Coordinates("binlog.000001", 100), Coordinates("binlog.000002", 700)
CHANGE = "CHANGE MASTER TO MASTER_LOG_FILE = 'binlog.000002', MASTER_LOG_POS = 700"
MOVE = ("STOP SLAVE IO_THREAD", CHANGE, "START SLAVE")


def record(queries: Any = MOVE, **more: Any) -> Dict[str, Any]:
    """The record of a change of coordinates that nobody finished."""
    before = {"mode": more.pop("mode", "position"), "executed": {"file": WAS.file, "position": WAS.position}}
    made = {
        "module": "change_master", "server": {"identity": server().identity}, "channel": "", "outcome": "running",
        "before": {"channel": before}, "plan": {"queries": list(queries)},
    }  # fmt: skip
    return {**made, **more}


def found(held: Mapping[str, Any], executed: Optional[Coordinates], **more: Any) -> Optional[Dict[str, Any]]:
    state = {"receiver": "stopped", "applier": "stopped", "mode": "position", "executed": executed, **more}
    return unfinished(held, server(), channel(**state))


def test_only_the_start_is_missing() -> None:
    left = found(record(), PLACE)
    assert left == {"module": "change_master", "threads": ["applier", "receiver"], "start": "", "remedy": "start"}


@pytest.mark.parametrize("executed", [WAS, None])
def test_before_the_change_the_position_is_found_anew(executed: Optional[Coordinates]) -> None:
    left = found(record(), executed)
    assert left is not None and (left["remedy"], left["start"]) == ("reposition", "binlog.000001:100")


def test_tables_are_owed_until_they_are_equal() -> None:
    held = record(module="mismatch_repair", outcome="done", details={"owes": ["shop.m", "shop.t"], "passed": []})
    assert owed(held, server(), channel()) == ("shop.m", "shop.t")
    rest = paid(held, ["shop.m", "shop.other"])
    assert owed(rest, server(), channel()) == ("shop.t",) and rest["details"]["passed"] == []
    assert owed(paid(rest, ["shop.t"]), server(), channel()) == ()
    assert owed({**held, "channel": "c2"}, server(), channel()) == ()
    assert owed(record(details=None), server(), channel()) == () == owed(record(), server(), channel())


def test_what_tells_nothing() -> None:
    assert found(record(outcome="done"), PLACE) is None
    assert found(record(module="row_repair"), PLACE) is None
    assert found(record(server={"identity": "another"}), PLACE) is None
    assert found(record(channel="c2"), PLACE) is None
    assert found(record(), Coordinates("binlog.000002", 900)) is None  # it has moved since
    assert found(record(), PLACE, receiver="running", applier="running") is None
    assert found(record(queries=(*MOVE[:2], "START SLAVE IO_THREAD")), PLACE) is None  # the applier was to stand
    assert found(record(mode="gtid"), PLACE) is None


def test_gtids_that_count_already_and_those_that_do_not() -> None:
    held = record(
        ("SET GLOBAL gtid_purged = '+%s:1-5'" % UUID, "START REPLICA SQL_THREAD"), module="gtid_repair", mode="gtid"
    )
    still = channel(receiver="running", applier="stopped", mode="gtid")
    for executed, remedy in (("%s:1-9" % UUID, "start"), ("%s:1-3" % UUID, "gtid_append")):
        left = unfinished(held, server(executed=GtidSet.parse(executed)), still)
        assert left is not None and left["remedy"] == remedy
    maria = server(flavour=MARIADB_1011, replica_position=GtidPosition.parse("0-1-7"))
    for position, remedy in (("0-1-7", "start"), ("0-1-9", "gtid_append")):
        queries = ("SET GLOBAL gtid_slave_pos = '%s'" % position, "START SLAVE ''")
        held = record(queries, module="gtid_repair", mode="gtid", server={"identity": maria.identity})
        left = unfinished(held, maria, still)
        assert left is not None and left["remedy"] == remedy


def _chosen(left: Optional[Dict[str, Any]], **more: Any) -> choose.Choice:
    finding = {
        "code": "stopped_applier", "severity": "warning", "channel": "", "summary": "", "evidence": {},
        "remedies": [{"name": "start"}],
    }  # fmt: skip
    at = {"channel": "", "verdict": "stopped", "mode": "position", "executed": "binlog.000001:100", "unfinished": left}
    return choose.choose(at, [finding], Policy(**more))


def test_the_choice() -> None:
    start = {"remedy": "start", "start": ""}
    anew = {"remedy": "reposition", "start": "binlog.000001:100"}
    assert _chosen(None).action == choose.REFUSED
    assert (_chosen(start).action, _chosen(start).remedy) == (choose.APPLY, "start")
    chosen = _chosen(anew)
    assert (chosen.action, chosen.remedy, chosen.arguments["start"]) == (choose.APPLY, "reposition", anew["start"])
    assert _chosen(anew, strategy="heal_failing").action == choose.REFUSED
