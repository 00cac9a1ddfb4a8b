# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next remedy of what real servers showed: the least destructive that is allowed, or a refusal that says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import choose as choosing
from ansible_collections.replicaops.mysql.plugins.module_utils._core import narrate, state
from ansible_collections.replicaops.mysql.plugins.module_utils._core.choose import (
    APPLY,
    DONE,
    REFUSED,
    WAIT,
    Choice,
    choose,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.choose_policy import Policy, truth
from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding import Finding
from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding_types import TYPES
from ansible_collections.replicaops.mysql.plugins.module_utils._core.remedies import REMEDIES
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import POSITION
from unit.judging import judged, load, paths


def choice(case: str, flavour: str = "mysql-9.7", tried: tuple[str, ...] = (), **policy: Any) -> Choice:
    path = next(path for path in paths() if path.stem == case and path.parent.name == flavour)
    diagnosis = judged(load(path))
    found = diagnosis.channels[0]
    channel = {**state.channel_as_dict(found.channel), "verdict": found.verdict}
    findings = [finding.as_dict() for finding in diagnosis.findings]
    return choose(channel, findings, Policy.from_variables(policy), tried)


def result_of(case: str) -> dict[str, Any]:
    """What `replica_status` returns of a case, as far as the choice looks at it; its state id is ``now``."""
    diagnosis = judged(load(next(path for path in paths() if path.stem == case)))
    found = diagnosis.channels[0]
    channel = {**state.channel_as_dict(found.channel), "verdict": found.verdict, "state_id": "now"}
    return {"channels": [channel], "findings": [finding.as_dict() for finding in diagnosis.findings]}


@pytest.mark.parametrize("case", ["source_unknown", "filters", "idempotent", "allowed_local", "delayed"])
def test_a_healthy_channel_needs_nothing(case: str) -> None:
    assert choice(case).action == DONE


@pytest.mark.parametrize("case", ["blocked_by_metadata", "blocked_by_row", "source_unreachable"])
def test_what_passes_by_itself_is_waited_for(case: str) -> None:
    assert choice(case).action == WAIT


@pytest.mark.parametrize("case", ["table_exists", "column_exists", "index_exists", "account_exists"])
def test_a_definition_that_is_there_is_passed(case: str) -> None:
    chosen = choice(case)
    assert (chosen.action, chosen.remedy, chosen.module) == (APPLY, "skip_present", "replica_skip")
    assert chosen.arguments["errors"] and choice(case, max_risk="none").action != APPLY


def test_no_repair_is_begun_and_no_rebuild_instead_of_one_when_the_source_may_purge_before_it_is_over() -> None:
    for code, refused in (("column_exists", True), ("stopped_applier", False)):
        finding = Finding(code, "", "so it is", {"errno": 1060, "count": 1}, {}).as_dict()
        channel = {"channel": "", "mode": "gtid", "verdict": "broken", "needs": {"too_late": "it goes at noon"}}
        policy = Policy.from_variables({"max_risk": "rebuild", "start_stopped": True})
        chosen = choose(channel, [finding], policy)
        assert (chosen.action == REFUSED) is refused, chosen
        assert ("it goes at noon" in chosen.reason) is refused


def test_a_remedy_that_was_tried_is_not_tried_again() -> None:
    chosen = choice("table_exists", tried=("skip_present",))
    assert chosen.action == REFUSED
    assert "tried in this state already" in chosen.reason


@pytest.mark.parametrize("case", ["duplicate_row", "missing_row_update"])
def test_rows_are_refused_with_the_reason(case: str) -> None:
    passed = ("reposition", "heal_rows", "gtid_append", "skip_present")
    chosen = choice(case, tried=(*passed, "heal_failing", "heal_pending", "heal_table"))
    assert chosen.action == REFUSED
    assert "rebuild: its risk is rebuild" in chosen.reason


@pytest.mark.parametrize("case", ["duplicate_row", "missing_row_update", "foreign_key_failed"])
def test_rows_are_healed_for_one_transaction_and_then_for_all_of_them(case: str) -> None:
    passed = ("reposition", "heal_rows", "gtid_append", "skip_present")
    first = choice(case, tried=passed)
    assert (first.remedy, first.module, first.arguments) == ("heal_failing", "row_repair", {"which": "failing"})
    assert choice(case, tried=(*passed, "heal_failing")).remedy == "heal_pending"
    status = result_of(case)
    later = choosing.first_choice(status, Policy(), [*(name + "@now" for name in passed), "heal_failing@earlier"])
    assert (later.remedy, later.arguments) == ("heal_pending", {"which": "pending"})


def test_a_whole_table_is_healed_where_the_error_names_it() -> None:
    passed = ("reposition", "pass_mismatch", "heal_rows", "gtid_append", "skip_present")
    chosen = choice("table_missing", tried=passed)
    assert (chosen.remedy, chosen.module) == ("heal_table", "table_repair")
    assert len(chosen.arguments["tables"]) == 1 and "." in chosen.arguments["tables"][0]


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mysql-5.6", "mariadb-10.11", "mariadb-11.8"])
@pytest.mark.parametrize("case", ["duplicate_row", "missing_row_update"])
def test_where_the_data_is_comes_first_in_the_words_of_the_channel(case: str, flavour: str) -> None:
    path = next(path for path in paths() if path.stem == case and path.parent.name == flavour)
    chosen = choice(case, flavour, max_risk="replica_history", strategy="auto")
    others = choice(case, flavour, tried=("skip_present", "heal_rows"), max_risk="replica_history")
    if load(path)["mode"] == "gtid":
        assert chosen.remedy != "reposition" and (others.remedy, others.module) == ("gtid_append", "gtid_repair")
        assert choice(case, flavour, max_risk="none").would_allow[0] == "repair_max_risk=replica_rows"
    else:
        assert (chosen.remedy, chosen.module) == ("reposition", "change_master")
        assert choice(case, flavour, max_risk="none").remedy == "reposition"
        tried = ("reposition", "skip_present", "heal_rows", "heal_failing", "heal_pending", "heal_table")
        left = choice(case, flavour, tried=tried, max_risk="replica_history")
        assert left.action == REFUSED and "goes by coordinates" in left.reason


@pytest.mark.parametrize(
    "path",
    [path for path in paths() if "reposition" in TYPES[load(path)["code"]].remedies],
    ids=lambda path: "%s-%s" % (path.parent.name, path.stem),
)
def test_the_diagnosis_names_what_a_repair_begins_with(path: Path) -> None:
    chosen = choice(path.stem, path.parent.name, max_risk="rebuild")
    assert chosen.action == APPLY
    assert "Least destructive repair: %s (" % chosen.remedy in narrate.message(judged(load(path)))


def test_a_diagnosis_says_so_where_no_repair_fits() -> None:
    channel = judged(load(next(path for path in paths() if path.stem == "stopped_applier"))).channels[0].channel
    finding, lost = Finding("stopped_applier", "", "It is."), replace(channel, mode=POSITION, executed=None)
    assert narrate.remedy_sentence(finding, channel).startswith("Least destructive repair: start (")
    assert narrate.remedy_sentence(finding, lost).startswith("No repair fits: the coordinates")


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mysql-5.6", "mariadb-10.11", "mariadb-11.8"])
def test_nothing_counts_as_applied_that_no_binlog_can_show_any_more(flavour: str) -> None:
    left = choice("purged_on_source", flavour, max_risk="replica_history")
    assert left.action == REFUSED and "gtid_append" not in left.reason
    assert left.would_allow[0] == "replica_members"


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mysql-5.6"])
def test_rows_that_the_applier_may_change_are_not_looked_at(flavour: str) -> None:
    left = choice("gtid_hole", flavour)
    assert left.action == REFUSED and "gtid_append: the applier runs" in left.reason


def test_an_applier_that_did_not_fail_for_want_of_room_is_not_started() -> None:
    stopped = choice("disk_full_receiver")
    assert stopped.action == REFUSED and "restart: the applier has not stopped with an error" in stopped.reason
    assert choice("disk_full_applier").remedy == "restart"


def test_what_is_not_there_is_no_reason() -> None:
    assert {remedy.name for remedy in REMEDIES.values() if not remedy.module} == {"wait", "look"}
    for case in ("errant", "gtid_hole"):
        assert "release" not in choice(case).reason and "inject" not in choice(case).reason


@pytest.mark.parametrize("case", ["relay_log_unreadable", "relay_log_missing", "applier_stalled"])
def test_relay_logs_are_fetched_anew_and_unproven_only_when_allowed(case: str) -> None:
    assert choice(case).remedy == "refetch"
    found = ("refetch", "reposition", "heal_rows")
    again = choice(case, tried=found)
    assert again.action == REFUSED
    assert "repair_max_risk=replica_history" in again.would_allow
    assert choice(case, tried=found, max_risk="replica_history").remedy == "refetch_unverified"


def test_what_somebody_stopped_is_started_only_when_asked() -> None:
    assert choice("stopped_applier").would_allow == ["repair_start_stopped=true"]
    assert choice("stopped_applier", start_stopped="yes").remedy == "start"


@pytest.mark.parametrize("case", ["replica_ahead", "lost_tail"])
def test_nothing_is_started_while_a_collision_is_possible(case: str) -> None:
    assert choice(case, start_stopped=True).action == REFUSED


def test_a_cluster_member_is_left_alone() -> None:
    chosen = choice("cluster_member", start_stopped=True)
    assert (chosen.action, chosen.would_allow) == (REFUSED, [])


@pytest.mark.parametrize(("value", "meant"), [("True", True), ("no", False), (True, True), ("", False), (None, False)])
def test_truth(value: Any, meant: bool) -> None:
    assert truth(value) is meant


@pytest.mark.parametrize("given", [{"max_risk": "some"}, {"strategy": "magic"}, {"start_stopped": "perhaps"}])
def test_a_policy_that_makes_no_sense_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"some|magic|perhaps"):
        Policy.from_variables(given)


def test_a_gap_is_waited_for_once_so_that_a_hole_cannot_hide_behind_it() -> None:
    channel = {"channel": "", "verdict": "behind", "state_id": "s", "mode": "gtid"}
    gap = {"code": "gtid_gap", "severity": "info", "channel": "", "summary": "", "evidence": {}, "remedies": []}
    assert choosing.choose(channel, [gap], Policy()).action == choosing.WAIT
    assert choosing.choose(channel, [gap], Policy(), ["wait"]).action == choosing.DONE


def test_a_hole_is_fetched_again_from_the_source() -> None:
    found = Finding("gtid_hole", "", "Never applied.").as_dict()
    channel = {"channel": "", "verdict": "diverged", "state_id": "s", "mode": "gtid", "executed": None}
    chosen = choosing.choose(channel, [found], Policy())
    assert (chosen.action, chosen.remedy, chosen.arguments) == (choosing.APPLY, "refetch", {"refetch": True})


def test_a_hole_may_be_filled_by_the_source_itself() -> None:
    evidence = {"donor": "db1", "fetch": "11111111-aaaa-bbbb-cccc-000000000001:4"}
    found = Finding("gtid_hole", "", "Never applied.", evidence, {}, ("fetch", "gtid_append")).as_dict()
    chosen = choosing.choose({"channel": "", "verdict": "diverged", "mode": "position"}, [found], Policy())
    assert (chosen.remedy, chosen.arguments) == ("fetch", {"gtids": evidence["fetch"], "donor": "db1"})
    assert "in replica_members" in chosen.reason and "the source itself" in chosen.reason


@pytest.mark.parametrize(("winner", "remedy"), [("replica", "replay"), ("source", "roll_back")])
def test_whose_data_counts_is_for_a_person_to_decide(winner: str, remedy: str) -> None:
    both = choice("errant", allow_source_write="true")
    assert both.action == REFUSED and both.would_allow[:2] == ["repair_winner=replica", "repair_winner=source"]
    assert "direction=reverse" in both.reason and "on the source" in both.reason
    refused = choice("errant", winner=winner)
    assert refused.action == REFUSED and "repair_allow_source_write=true" in refused.would_allow, refused
    chosen = choice("errant", winner=winner, allow_source_write="true")
    assert (chosen.action, chosen.remedy, chosen.module) == (APPLY, remedy, "binlog_apply")
    assert list(chosen.arguments) == ["gtids"] and ":" in chosen.arguments["gtids"]
    assert choice("errant", "mariadb-10.11", winner=winner, allow_source_write="true").action == REFUSED
    with pytest.raises(ValueError, match="repair_winner"):
        choice("errant", winner="both")
