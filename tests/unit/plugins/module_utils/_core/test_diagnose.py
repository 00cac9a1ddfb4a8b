# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real servers answered while they were broken, judged again without them (tests/unit/fixtures/findings)."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import narrate
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose import PREDICATES
from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding_types import TYPES, VERDICT_ORDER
from ansible_collections.replicaops.mysql.plugins.module_utils._core.remedies import REMEDIES, RISKS
from unit.judging import Fixture, judged, load, paths, without

PATHS = paths()
IDS = ["%s-%s" % (path.parent.name, path.stem) for path in PATHS]


# One of an error, of a lock, of GTID sets, of coordinates.
_VARIED = ("duplicate_row", "blocked_by_row", "errant", "will_be_purged_position")


def test_there_are_fixtures_of_every_flavour() -> None:
    assert {path.parent.name for path in PATHS} == {"mysql-9.7", "mysql-5.6", "mariadb-10.11", "mariadb-11.8"}


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_a_fixture_is_judged_as_the_server_was(path: Path) -> None:
    fixture = load(path)
    diagnosis = judged(fixture)
    assert [found.code for found in diagnosis.findings] == fixture["codes"]
    assert fixture["code"] in fixture["codes"]
    assert diagnosis.verdict == fixture["verdict"]


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_the_failing_transaction_is_named_where_the_server_says_it(path: Path) -> None:
    fixture = load(path)
    if not fixture["failing"] or fixture["mode"] != "gtid":
        return
    told = [found.evidence["transaction"] for found in judged(fixture).findings if "transaction" in found.evidence]
    assert set(told) <= {fixture["failing"]}
    if fixture["flavour"] == "mysql-9.7" and fixture["verdict"] == "broken":
        assert told


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_the_message_says_what_is_wrong_and_what_to_do(path: Path) -> None:
    diagnosis = judged(load(path))
    message = narrate.message(diagnosis)
    assert diagnosis.server.address in message
    for diagnosed in diagnosis.channels:
        assert diagnosed.channel.source_host in message
        for found in diagnosed.findings:
            assert found.summary.rstrip(".") in message
            if found.kind.severity != "info":
                assert found.kind.meaning in message
    assert len(message) < 4000
    assert "  " not in message


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_state_ids_do_not_move_with_lag_time_and_the_receiver(path: Path) -> None:
    fixture = load(path)
    before = judged(fixture)
    later = copy.deepcopy(fixture)
    for row in later["replica"]["sections"]["replica_status"]["rows"]:
        for name in row:
            if name.startswith("Seconds_Behind"):
                row[name] = 77
        if row.get("Relay_Log_Space"):
            row["Relay_Log_Space"] = 987654
    for row in later["replica"]["sections"].get("processlist", {}).get("rows", []):
        row["time"] = int(row.get("time") or 0) + 1000
    later["replica"]["read_at"] = 99999.0
    assert judged(later).state_id == before.state_id


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path.stem in _VARIED], ids=lambda path: path.parent.name + "-" + path.stem
)
def test_no_section_is_needed_to_stay_on_one_s_feet(path: Path) -> None:
    """A server may refuse any section: the diagnosis says so and goes on with the rest."""
    fixture = load(path)
    for section in fixture["replica"]["sections"]:
        diagnosis = judged(without(fixture, section))
        assert "unreadable" in [found.code for found in diagnosis.findings]
        assert narrate.message(diagnosis)


def test_a_status_that_cannot_be_read_is_unknown_and_never_not_a_replica() -> None:
    diagnosis = judged(without(load(PATHS[0]), "replica_status"))
    assert diagnosis.verdict == "unknown"
    assert "not a replica" not in narrate.message(diagnosis)


def test_the_table_is_sound() -> None:
    for code, kind in TYPES.items():
        assert code == kind.code
        assert kind.verdict in VERDICT_ORDER
        assert kind.meaning.endswith(".")
        risks = [RISKS.index(REMEDIES[name].risk) for name in kind.remedies]
        assert risks == sorted(risks), code


def test_predicates_are_independent() -> None:
    """Their order decides the order of findings of one severity, never which findings there are."""
    path = next(path for path in PATHS if path.stem == "gtid_hole")
    diagnosis = judged(load(path))
    shuffled = list(PREDICATES)
    random.Random(1).shuffle(shuffled)  # noqa: S311
    case = diagnosis.channels[0].case
    assert {f.code for p in shuffled for f in p(case)} == {f.code for p in PREDICATES for f in p(case)}


def test_a_state_id_moves_when_the_failing_transaction_changes() -> None:
    fixture = load(next(path for path in PATHS if path.stem == "duplicate_row" and path.parent.name == "mysql-9.7"))
    before = judged(fixture)
    later = copy.deepcopy(fixture)
    for row in later["replica"]["sections"]["workers"]["rows"]:
        if "APPLYING_TRANSACTION" in row:
            row["APPLYING_TRANSACTION"] = row["APPLYING_TRANSACTION"][:-1] + "9"
    assert judged(later).state_id != before.state_id


@pytest.mark.parametrize("setting", ["Source_Host", "Source_Port", "SQL_Delay"])
def test_a_state_id_moves_with_the_channel_s_settings(setting: str) -> None:
    fixture = load(next(path for path in PATHS if path.stem == "duplicate_row" and path.parent.name == "mysql-9.7"))
    later = copy.deepcopy(fixture)
    later["replica"]["sections"]["replica_status"]["rows"][0][setting] = 3999
    assert judged(later).state_id != judged(fixture).state_id


@pytest.mark.parametrize("section", ["processlist", "transactions", "metadata_locks", "row_lock_waits", "workers"])
def test_nothing_is_called_a_stall_without_sight_of_who_works_and_waits(section: str) -> None:
    fixture = load(next(path for path in PATHS if path.stem == "applier_stalled"))
    assert judged(fixture).verdict == "stalled"
    diagnosis = judged(without(fixture, section))
    assert "applier_stalled" not in [found.code for found in diagnosis.findings]


def test_an_applier_that_moved_or_was_looked_at_once_is_not_stalled() -> None:
    fixture = load(next(path for path in PATHS if path.stem == "applier_stalled"))
    once = {**fixture, "earlier": None}
    soon = copy.deepcopy(fixture)
    soon["asked"]["waited"] = 29
    moved = copy.deepcopy(fixture)
    row = moved["earlier"]["sections"]["replica_status"]["rows"][0]
    row["Exec_Source_Log_Pos"] -= 1
    row["Executed_Gtid_Set"] = ""
    assert [judged(case).verdict for case in (once, soon, moved)] == ["behind"] * 3


def _serial_56(stem: str) -> Fixture:
    return load(next(path for path in PATHS if path.stem == stem and path.parent.name == "mysql-5.6"))


def test_a_serial_applier_of_5_6_is_at_the_first_row_event_that_waits() -> None:
    fixture = _serial_56("duplicate_row_secondary")
    assert (fixture["mode"], fixture["workers"]) == ("gtid", 1)
    assert judged(fixture).findings[0].evidence["transaction"] == fixture["failing"]


def test_no_transaction_is_guessed_for_a_statement_that_may_count_as_executed() -> None:
    fixture = _serial_56("view_exists")
    assert fixture["failing"] in fixture["replica"]["sections"]["gtid"]["rows"][0]["executed"]
    row = fixture["replica"]["sections"]["replica_status"]["rows"][0]
    row["Retrieved_Gtid_Set"] = row["Retrieved_Gtid_Set"].partition(":")[0] + ":1-9"
    assert "transaction" not in judged(fixture).findings[0].evidence


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mysql-5.6"])
def test_what_the_applier_has_left_behind_is_a_hole(flavour: str) -> None:
    later = load(next(path for path in PATHS if path.stem == "gtid_gap" and path.parent.name == flavour))
    row = later["replica"]["sections"]["replica_status"]["rows"][0]
    prefix = "Source" if flavour == "mysql-9.7" else "Master"
    later["earlier"] = copy.deepcopy(later["replica"])
    later["asked"]["waited"] = 1
    later["replica"]["sections"]["row_lock_waits"]["rows"] = []
    row["Retrieved_Gtid_Set"] = row["Retrieved_Gtid_Set"].replace("1-17", "1-99")

    def codes() -> list[str]:
        return [found.code for found in judged(later).findings if found.code.startswith("gtid")]

    assert codes() == ["gtid_gap"]
    row["Exec_%s_Log_Pos" % prefix] = row["Read_%s_Log_Pos" % prefix]
    assert codes() == ["gtid_gap"], "the applier may be at work on the last one"
    row["Exec_%s_Log_Pos" % prefix] += 1
    row["Read_%s_Log_Pos" % prefix] += 500
    assert codes() == ["gtid_hole"]


def test_a_gap_that_was_not_there_at_the_first_look_is_no_news() -> None:
    later = load(next(path for path in PATHS if path.stem == "gtid_gap" and path.parent.name == "mysql-9.7"))
    later["earlier"] = copy.deepcopy(later["replica"])
    row = later["earlier"]["sections"]["replica_status"]["rows"][0]
    row["Executed_Gtid_Set"] = row["Executed_Gtid_Set"].replace("1-13:15-17", "1-13")
    assert "gtid_gap" not in [found.code for found in judged(later).findings]
