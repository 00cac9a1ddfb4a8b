# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.outcome import outcome

REFUSED = {"action": "refused", "reason": "duplicate_row is left.", "would_allow": ["repair_max_risk=rebuild"]}
DONE = {"action": "done", "reason": "The channel is healthy."}
STEP = {"remedy": "refetch", "msg": "fetched anew"}
PROVEN = {"proof": "rows_proven", "msg": "Proven for 5 rows in 1 table."}


def test_repaired_and_proven():
    found = outcome({"verdict": "healthy"}, [STEP], DONE, [PROVEN])
    assert (found["ok"], found["proof"], found["applied"]) == (True, "rows_proven", ["refetch"])
    assert found["line"] == "Repaired (refetch). Proven for 5 rows in 1 table."


@pytest.mark.parametrize("proofs", [[], [{"proof": "unproven", "msg": "2 rows differ."}], [PROVEN, {"msg": "?"}]])
def test_running_without_a_proof_is_no_success(proofs):
    found = outcome({"verdict": "healthy"}, [STEP], DONE, proofs)
    assert (found["ok"], found["proof"]) == (False, "unproven")
    assert "not proven" in found["line"]


def test_the_weakest_proof_counts():
    full = {"proof": "fully_verified", "msg": "All."}
    assert outcome({"verdict": "healthy"}, [STEP], DONE, [full, PROVEN])["proof"] == "rows_proven"
    assert outcome({"verdict": "healthy"}, [STEP], DONE, [full])["proof"] == "fully_verified"


def test_what_is_left_and_which_switch_would_allow_it_stand_in_one_line():
    found = outcome({"verdict": "broken"}, [], REFUSED, refusals=["skip_present: the column differs"])
    assert not found["ok"]
    assert found["line"] == (
        "Not repaired, the replica is broken: skip_present: the column differs; duplicate_row is left."
        " What would allow more: repair_max_risk=rebuild."
    )


def test_a_refusal_is_told_in_lines_that_can_be_read():
    reason = (
        "duplicate_row is left. reposition: the channel goes by GTIDs; skip_present: tried in this state already;"
        " rebuild: its risk is rebuild."
    )
    choice = {"action": "refused", "reason": reason, "would_allow": ["repair_max_risk=rebuild"]}
    refused = "skip_present: Refused to pass it on db2:3306: %s." % " ".join(["a row differs"] * 20)
    found = outcome({"verdict": "broken"}, [], choice, refusals=[refused, refused])
    lines = found["lines"]
    assert lines[:2] == ["Not repaired, the replica is broken. duplicate_row is left.", "Refused:"]
    assert lines[2].startswith("- skip_present: Refused to pass it") and lines[3].startswith("  ")
    assert lines[-4:] == [
        "Not used:", "- reposition: the channel goes by GTIDs", "- rebuild: its risk is rebuild",
        "What would allow more: repair_max_risk=rebuild.",
    ]  # fmt: skip
    assert max(map(len, lines)) <= 110 and " ".join(lines).count("skip_present") == 1
    assert found["headline"] == lines[0]


def test_many_refusals_end_after_twenty_lines_and_the_switches_still_stand_there():
    choice = {"action": "refused", "reason": "x is left. ", "would_allow": ["repair_max_risk=rebuild"]}
    found = outcome({"verdict": "broken"}, [], choice, refusals=["r%d: no" % number for number in range(30)])
    assert len(found["lines"]) == 20
    assert found["lines"][-1] == "What would allow more: repair_max_risk=rebuild." and "14 more" in found["lines"][-2]


def test_nothing_to_repair_claims_no_proof():
    found = outcome({"verdict": "healthy"}, [], DONE)
    assert (found["ok"], found["proof"]) == (True, "unproven")
    assert "Nothing was compared" in found["line"]


def test_an_error_is_never_a_success():
    found = outcome({"verdict": "healthy"}, [STEP], DONE, [PROVEN], error="the connection broke")
    assert (found["ok"], found["line"]) == (False, "The repair failed: the connection broke")


@pytest.mark.parametrize(
    ("verdict", "steps", "choice", "ok"),
    [
        ("broken", [STEP], {"action": "apply"}, True),
        ("broken", [], REFUSED, False),
        ("healthy", [], DONE, True),
    ],
)
def test_check_mode_succeeds_when_an_allowed_remedy_exists_or_none_is_needed(verdict, steps, choice, ok):
    assert outcome({"verdict": verdict}, steps, choice, check_mode=True)["ok"] is ok


def test_a_repair_after_which_nothing_was_changed_has_nothing_to_prove():
    nothing = {"proof": "unproven", "compared": [], "different": [], "undecided": []}
    found = outcome({"verdict": "healthy"}, [STEP], DONE, [nothing])
    assert (found["ok"], found["proof"]) == (True, "unproven")
    assert "nothing to compare" in found["line"]


def test_a_table_that_could_not_be_decided_is_no_success():
    undecided = {"proof": "unproven", "compared": [], "different": [], "undecided": [{"table": "d.t", "reason": "x"}]}
    assert not outcome({"verdict": "healthy"}, [STEP], DONE, [undecided])["ok"]


def test_rounds_that_are_used_up_are_said_and_do_not_matter_once_it_runs():
    brake = "2 rounds are used up: run it again."
    found = outcome({"verdict": "broken"}, [STEP], {"action": "apply"}, brake=brake)
    assert not found["ok"] and found["headline"].endswith(brake) and brake in found["line"]
    assert outcome({"verdict": "healthy"}, [STEP], {"action": "apply"}, [PROVEN], brake=brake)["ok"]


def test_what_was_rolled_back_is_not_called_applied():
    undone = {"remedy": "heal_failing", "msg": "m", "rolled_back": True}
    failed = outcome({"verdict": "broken"}, [undone], {}, error="somebody writes here")
    assert (failed["applied"], failed["rolled_back"]) == ([], ["heal_failing"])
    then = outcome({"verdict": "healthy"}, [undone, STEP], DONE, [PROVEN])
    assert (then["applied"], then["rolled_back"]) == (["refetch"], ["heal_failing"])
    assert then["line"].startswith("Repaired (refetch).")
    alone = outcome({"verdict": "healthy"}, [undone], DONE, [PROVEN])
    assert alone["ok"] and alone["line"] == "Nothing was to be repaired. Proven for 5 rows in 1 table."


PASSED = {"remedy": "pass_mismatch", "msg": "m", "passed": [{"tables": ["shop.m"], "tables_unknown": ""}]}


def test_a_plan_names_the_tables_that_would_be_made_equal():
    found = outcome({"verdict": "broken"}, [PASSED], {}, check_mode=True, owed=["shop.m", "shop.old"])
    assert found["ok"] and found["owed"] == ["shop.m", "shop.old"]
    assert found["lines"] == [
        "Would apply: pass_mismatch.",
        "Then rows of shop.m would be made equal; which ones is not known before.",
        "Rows of shop.old would be made equal, which an earlier run has left.",
    ]
    assert found["line"] == " ".join(found["lines"])
    altered = {"remedy": "alter_definition", "msg": "m", "tables": ["shop.a"]}
    assert outcome({"verdict": "broken"}, [altered], {}, check_mode=True)["owed"] == ["shop.a"]


def test_a_plan_says_what_is_not_known_before():
    step = {**PASSED, "passed": [{"tables": [], "tables_unknown": "shop.p makes its statements out of texts"}]}
    found = outcome({"verdict": "broken"}, [step], {}, check_mode=True)
    assert found["owed"] == [] and found["lines"][1] == (
        "Which other tables have to be made equal is not known before: shop.p makes its statements out of texts."
    )


def test_what_an_earlier_run_left_is_told_whether_or_not_this_one_would_come_to_it():
    healthy = outcome({"verdict": "healthy"}, [], DONE, check_mode=True, owed=["shop.m"])
    assert healthy["owed"] == ["shop.m"]
    assert healthy["lines"][1] == "Rows of shop.m would be made equal, which an earlier run has left."
    broken = outcome({"verdict": "broken"}, [], REFUSED, check_mode=True, owed=["shop.m"])
    assert broken["lines"][-1] == "An earlier run left rows of shop.m to be made equal once the replica runs."
    refetched = outcome({"verdict": "broken"}, [STEP], {}, check_mode=True)
    assert refetched["owed"] == [] and refetched["lines"] == ["Would apply: refetch."]
    assert "owed" not in outcome({"verdict": "healthy"}, [], DONE, owed=["shop.m"])
