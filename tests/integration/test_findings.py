# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every finding on every flavour that shows it: a real pair is broken, looked at by the observer, and left unchanged.

By default each break runs once on a flavour of each engine, these and the modes (GTID or position, one applier or four)
taken in turn; ``REPLICA_TEST_MATRIX=full`` runs it on every flavour in every mode.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import ReplicaError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding_types import TYPES
from integration.breaks import FLAVOURS, MODES, Ask, load
from integration.looking import footprint, look
from integration.playbook import login, play_module
from integration.running import Case, Stages, cases, run
from lab.accounts import OBSERVER

pytestmark = pytest.mark.every_flavour


def pytest_generate_tests(metafunc: Any) -> None:
    asked = [name for given in metafunc.config.getoption("--flavour") for name in given.split(",") if name]
    if "case" in metafunc.fixturenames:
        full = os.environ.get("REPLICA_TEST_MATRIX") == "full"
        every = [case for name in FLAVOURS if name in (asked or FLAVOURS) for case in cases(name, full)]
        metafunc.parametrize("case", every, ids=[case.id for case in every])


def test_finding(case: Case, stages: Stages) -> None:
    stage = stages.of(case.flavour)
    try:
        _seen, wrong = run(stage, case)
    except Exception:
        stages.spoilt()
        raise
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["table_exists", "source_unreachable", "blocked_by_metadata"])
def test_the_module_says_the_same_when_ansible_runs_it(flavour: str, name: str, stages: Stages) -> None:
    broken = load()[name]
    stage = stages.of(flavour)
    stage.reset(next(mode for mode in MODES if broken.exists(flavour, mode)))
    broken.make(stage)
    before = footprint(stage)
    source = login(stage.source, OBSERVER)
    result = play_module("replica_status", stage.replica, {"source": source}, account=OBSERVER)
    assert footprint(stage) == before
    assert not result["failed"] and not result["changed"]
    assert broken.code in [found["code"] for found in result["findings"]]
    assert result["verdict"] == TYPES[broken.code].verdict
    assert stage.source.host in result["msg"]
    assert len(result["state_id"]) == 64


def test_a_server_that_holds_its_status_back_is_explained(stages: Stages) -> None:
    """MariaDB does so while its disk is full: the error says what its threads are doing and where to look."""
    stage = stages.of("mariadb-11.8")
    stage.reset((True, 1))
    stage.both("CREATE TABLE b (id INT PRIMARY KEY AUTO_INCREMENT, v MEDIUMBLOB)")
    stage.stop("SQL_THREAD")
    stage.fill(stage.replica, keep_kib=300)
    stage.on_source(*["INSERT INTO b (v) VALUES (REPEAT('x', 300000))"] * 4)
    full = "df -k /lab | tail -1 | awk '{print ($4 < 8)}'"
    stage.replica.wait_until(lambda: stage.replica.exec(full)[1].strip() == "1", what="a full disk")
    try:
        with pytest.raises(ReplicaError) as held:
            look(stage, Ask())
    finally:
        stages.spoilt()  # it would take a minute to go on
    assert "SHOW ALL SLAVES STATUS" in str(held.value)
    assert "Waiting for someone to free space" in str(held.value)
    assert "Its disk is full: make room" in str(held.value)


def test_every_code_is_broken_for_real_or_marked() -> None:
    made = {broken.code for broken in load().values()}
    missing = {code for code, kind in TYPES.items() if code not in made and not kind.not_reproduced}
    assert not missing, "no break shows %s, and no reason is given in finding_types" % ", ".join(sorted(missing))
    needless = {code for code in made if TYPES[code].not_reproduced}
    assert not needless, "marked as not reproduced although a break shows it: %s" % ", ".join(sorted(needless))
