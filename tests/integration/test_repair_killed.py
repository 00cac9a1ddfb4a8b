# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A remedy killed before each statement that may change a server: `repair` finishes it, and nothing stays behind."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import pytest
from integration.breaks import MODES
from integration.held import numbered
from integration.matrix_cases import troubles
from integration.playbook import Run, run_module, run_playbook
from integration.running import Stages, named
from integration.stage import Mode, Stage
from integration.test_mismatch import equal
from integration.test_repair import host, result
from integration.test_repair_tables import BREAK, GONE, RETYPED, THEN, TYPED, WRITTEN
from lab.accounts import ADMIN

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"


@dataclass(frozen=True)
class Killed:
    """A break whose repair is cut short.

    :param modules: those of the remedy in the role `repair`, with the options that they get there.
    :param prepare: what both sides have, ``local`` what is done on the replica alone, ``then`` what fails there; a case
        of the matrix is made instead when there is nothing of this.
    """

    modules: Tuple[Tuple[str, Dict[str, Any]], ...]
    trouble: str = ""
    prepare: Sequence[str] = ()
    local: Sequence[str] = ()
    then: Sequence[str] = ()
    variables: Dict[str, str] = field(default_factory=dict)

    def make(self, stage: Stage) -> None:
        """Break the replica."""
        if self.trouble:
            troubles()[self.trouble].make(stage)
            return
        stage.both(*self.prepare)
        stage.on_replica(*self.local)
        stage.fails(*self.then)


# So far on the way some tables are there, and none of them has its rows.
AMID = 5
STARTED = {"state": "started", "threads": "applier"}
_WHOLE = {"state": "healed", "create_missing": True, "pending": True, "require_all": True}
_TABLES = ["shop.bare"]
CASES = {
    "tables": Killed((("table_repair", {**_WHOLE, "tables": _TABLES}),), "", GONE, BREAK, THEN),
    "definition": Killed(
        (("definition_repair", {"tables": ["shop.typed"], "state": "altered"}),
         ("table_repair", {**_WHOLE, "tables": ["shop.typed"]})),
        "", TYPED, RETYPED, WRITTEN, {"repair_alter_definitions": "true"},
    ),
    "rows": Killed((("row_repair", {"transactions": {"which": "failing"}, "state": "healed"}),), "mixed"),
    "present": Killed((("replica_skip", {"errors": [1060], "limit": 10}),), "column_exists"),
    "mismatch": Killed(
        (("mismatch_repair", {}), ("table_repair", {"tables": ["shop.m"], "state": "healed", "create_missing": True})),
        "myisam_stmt",
    ),
}  # fmt: skip


def play(stage: Stage, folder: Path, variables: Dict[str, str]) -> Run:
    """Run the repair playbook against the replica."""
    login = {**host(stage.replica), "replica_login_user": ADMIN.user, "replica_login_password": ADMIN.password}
    given = {"target": "replica", "repair_record_dir": str(folder), "repair_timeout": "60", **variables}
    inventory = {"all": {"hosts": {"replica": login}}}
    return run_playbook("replicaops.mysql.repair", inventory, ["-e", json.dumps(given)])


def settings(stage: Stage) -> Dict[str, Any]:
    """The replica's variables, but for those that tell how far it is."""
    rows = stage.replica.query("SHOW GLOBAL VARIABLES")
    found = {str(row["Variable_name"]).lower(): row["Value"] for row in rows}
    return {name: value for name, value in found.items() if "gtid_" not in name and name != "timestamp"}


def errant(stage: Stage) -> str:
    """The transactions that only the replica has."""
    if stage.mariadb:
        own = str(stage.replica.value("SELECT @@GLOBAL.server_id"))
        state = str(stage.replica.value("SELECT @@GLOBAL.gtid_binlog_state"))
        return ",".join(gtid for gtid in state.split(",") if gtid and gtid.split("-")[1] == own)
    executed = stage.source.value("SELECT @@GLOBAL.gtid_executed")
    return str(stage.replica.value("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, %s)", (executed,)))


def cut_short(
    stage: Stage, case: Killed, number: int, folder: Path, hold: Path
) -> Tuple[Dict[str, Any], List[str]]:  # fmt: skip
    """Run the modules as the playbook does, and kill one before the statement with this number if there is one.

    :return: what the last of them came to, and the statements.
    """
    there = numbered(hold, number)
    done: Dict[str, Any] = {}
    for module, options in (*case.modules, ("replica_channel", STARTED)):
        given = {**options, "record_dir": str(folder / "records")}
        done = there.run(lambda: run_module(module, stage.replica, given, account=ADMIN, environment=there.environment))  # noqa: B023
        if "signal" in done:
            break
        assert not done["failed"], done
    return done, there.statements()


def finished(stage: Stage, case: Killed, folder: Path, before: Dict[str, Any]) -> Run:
    """Run the playbook once more, undisturbed: everything is as it has to be."""
    done = play(stage, folder / "records", case.variables)
    assert done.code == 0, done.output
    ended = result(done)
    # Killed behind the comparison, with nothing but the START to come, it leaves nothing to compare.
    proven = ended["proof"] in ("rows_proven", "fully_verified") or "No table was changed" in ended["line"]
    assert not ended["applied"] or proven, ended
    assert equal(stage) == []
    assert settings(stage) == before and errant(stage) == ""
    stage.running()
    return done


@pytest.mark.skipif(not FULL, reason="only with REPLICA_TEST_MATRIX=full")
@pytest.mark.parametrize("mode", (MODES[0], MODES[3]), ids=named)
@pytest.mark.parametrize("name", CASES)
def test_the_next_run_finishes_wherever_it_was_killed(
    flavour: str, stages: Stages, name: str, mode: Mode, tmp_path: Path
) -> None:
    case, reached = CASES[name], []
    # Every third one: the test below comes past each.
    for number in itertools.count(1, 3):
        stage, folder = stages.of(flavour), tmp_path / str(number)
        folder.mkdir()
        stage.reset(mode)
        case.make(stage)
        before = settings(stage)
        last, statements = cut_short(stage, case, number, folder, folder / "hold")
        if "signal" not in last:
            break
        reached.append(statements[-1])
        finished(stage, case, folder, before)
    assert reached, "there was nothing to kill it before"


@pytest.mark.parametrize("name", CASES if FULL else ["definition"])
def test_it_is_finished_after_it_was_killed_again_and_again(
    flavour: str, stages: Stages, name: str, tmp_path: Path
) -> None:
    """Each run goes on from what the one before left, and comes at most one statement further than its number."""
    case, stage = CASES[name], stages.of(flavour)
    stage.reset(MODES[len(name + flavour) % 2 * 3])
    case.make(stage)
    before, reached = settings(stage), []
    for number in itertools.count(1):
        last, statements = cut_short(stage, case, number, tmp_path, tmp_path / ("hold%d" % number))
        if "signal" not in last:
            break
        reached.append(statements[-1])
        if name == "tables" and number == AMID:
            early = run_module("replica_channel", stage.replica, {**STARTED, "record_dir": str(tmp_path / "records")})
            assert early["failed"] and early["code"] == "refused" and "which are empty now" in early["msg"], early
    assert len(reached) > 1, reached
    done = finished(stage, case, tmp_path, before)
    assert result(done)["applied"] == [], "the last run was not killed, and left something: %s" % result(done)
