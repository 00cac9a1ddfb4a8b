# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error policy: what is asked for, what the file says, what has to be done."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import error_policy as ep
from ansible_collections.replicaops.mysql.plugins.module_utils._core import error_policy_plan as epp
from ansible_collections.replicaops.mysql.plugins.module_utils._core.skippable import KNOWN, losses, table_lines

TODAY = "2026-11-21"
WISH = {"state": "present", "skip_errors": "1060, 1050", "reason": "migration of shop", "expires": "2026-12-01"}


def help_text(skip: str = "(No default value)", mode: str = "STRICT", new: bool = True) -> str:
    """The lines of --verbose --help as MySQL 9.7 (new) or the others print them."""
    prefixes = ("replica", "slave") if new else ("slave",)
    lines = ["pid-file      /run/mysqld/mysqld.pid"]
    for prefix in prefixes:
        lines += ["%s-exec-mode        %s" % (prefix, mode), "%s-skip-errors      %s" % (prefix, skip)]
    return "\n".join(lines) + "\n"


def status(
    skip: str = "OFF",
    mode: str = "STRICT",
    channels: int = 1,
    findings: Optional[List[Dict[str, Any]]] = None,
    **applying: Any,
) -> Dict[str, Any]:
    """As much of a result of replica_status as is looked at."""
    found = {"relay_log_recovery": False, "skip_start": False, "open_temp_tables": 0, **applying}
    channel = {"receiver": "running", "applier": "running", "read": {"file": "b", "position": 9}, "executed": None}
    return {
        "server": {"applying": {"skip_errors": skip, "exec_mode": mode, **found}, "cluster": None, "managed": None},
        "channels": [{**channel, "channel": "c%d" % number} for number in range(channels)],
        "findings": findings or [],
    }


def plan(existing: Optional[str] = None, now: Optional[Dict[str, Any]] = None, **wish: Any) -> Dict[str, Any]:
    before = help_text() if existing is None else help_text("1050,1060")
    return epp.plan({**WISH, **wish}, now or status(), before, existing, TODAY)


def existing(since: str = "2026-11-01", expires: str = "2026-12-01", reason: str = "migration of shop") -> str:
    return ep.file_text(ep.Policy((1050, 1060), "", reason, since, expires), "replica")


def test_a_file_reads_back_as_it_was_written() -> None:
    policy = ep.Policy((1050, 1062), "IDEMPOTENT", "why: because # of = it", "2026-11-21", "2026-12-01")
    for prefix in ("replica", "slave"):
        text = ep.file_text(policy, prefix)
        assert ep.parse(text) == policy
        assert "%s_skip_errors = 1050,1062\n" % prefix in text and "%s_exec_mode = IDEMPOTENT\n" % prefix in text
    assert ep.parse("[mysqld]\nslave_skip_errors = 1062\n") is None


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"expires": ""}, "error_policy_expires is missing"),
        ({"expires": None}, "error_policy_expires is missing"),
        ({"expires": "2026-11-20"}, "which is over"),
        ({"expires": "soon"}, "as YYYY-MM-DD"),
        ({"expires": "2026-02-30"}, "as YYYY-MM-DD"),
        ({"reason": " "}, "error_policy_reason is missing"),
        ({"reason": "a\n[mysqld]\nskip-grant-tables"}, "one line"),
        ({"skip_errors": "all"}, "'all' is refused"),
        ({"skip_errors": ["1062", "ALL"]}, "'all' is refused"),
        ({"skip_errors": [1062, 4711]}, "4711 is not among the known"),
        ({"skip_errors": "1062;drop"}, "is not among the known"),
        ({"exec_mode": "SOMETIMES"}, "'SOMETIMES'"),
        ({"skip_errors": []}, "Neither"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(wish: Dict[str, Any], said: str) -> None:
    found = plan(**wish)
    assert any(said in reason for reason in found["refused"]), found["refused"]


def test_the_last_day_itself_is_not_over() -> None:
    assert plan(expires=TODAY)["refused"] == []


def test_a_new_policy_is_written_and_needs_a_restart() -> None:
    found = plan()
    assert (found["refused"], found["rewrite"], found["restart"], found["exec_mode"]) == ([], True, True, "")
    parsed = ep.parse(found["text"])
    assert parsed is not None and (parsed.skip_errors, parsed.since) == ((1050, 1060), TODAY)
    assert found["report"] == [
        "Errors 1050,1060 are being ignored since 2026-11-21, until 2026-12-01: migration of shop."
    ]
    assert len(found["loses"]) == 2


def test_the_names_are_those_that_the_server_knows() -> None:
    old = epp.plan(WISH, status(), help_text("OFF", new=False), None, TODAY)
    assert "\nslave_skip_errors = 1050,1060\n" in old["text"]
    assert "\nreplica_skip_errors = 1050,1060\n" in plan()["text"]


def test_the_same_policy_changes_nothing_and_keeps_its_first_day() -> None:
    found = plan(existing(), status("1050,1060"))
    assert (found["rewrite"], found["restart"]) == (False, False)
    assert "since 2026-11-01" in found["report"][0]


def test_a_longer_policy_changes_the_file_and_restarts_nothing() -> None:
    found = plan(existing(), status("1050,1060"), expires="2026-12-24")
    assert (found["rewrite"], found["restart"], found["refused"]) == (True, False, [])
    assert "# since: 2026-11-01\n# expires: 2026-12-24\n" in found["text"]


def test_other_errors_begin_today() -> None:
    found = plan(existing(), status("1050,1060"), skip_errors=[1050])
    assert found["restart"] and "# since: 2026-11-21\n" in found["text"]


def test_only_the_mode_is_set_without_a_restart() -> None:
    found = plan(skip_errors=[], exec_mode="idempotent")
    assert (found["rewrite"], found["restart"], found["exec_mode"]) == (True, False, "IDEMPOTENT")
    settled = epp.settle(found, status(), help_text(mode="IDEMPOTENT"))
    assert (settled["restart"], settled["exec_mode"], settled["refused"]) == (False, "IDEMPOTENT", [])


def test_idempotent_is_refused_while_several_channels_run() -> None:
    assert "never used" in plan(None, status(channels=2), exec_mode="IDEMPOTENT")["refused"][0]
    assert plan(None, status(channels=2))["refused"] == []


def test_removal_restarts_what_still_ignores_errors() -> None:
    found = plan(existing(), status("1050,1060"), state="absent", expires="", reason="")
    assert (found["state"], found["text"], found["rewrite"], found["restart"]) == ("absent", "", True, True)
    nothing = plan(None, status(), state="absent")
    assert (nothing["rewrite"], nothing["refused"]) == (False, [])


def test_a_policy_that_is_over_is_removed_or_refused() -> None:
    over = {"expires": "2026-11-20"}
    old = existing(expires="2026-11-20")
    removed = plan(old, status("1050,1060"), **over)
    assert (removed["state"], removed["expired"], removed["restart"], removed["refused"]) == ("absent", True, True, [])
    assert "last day is over" in removed["report"][0]
    assert plan(old, status("1050,1060"), on_expiry="fail", **over)["refused"]
    assert plan(None, status(), **over)["refused"]
    assert plan(existing(), status("1050,1060"), **over)["refused"]
    renewed = plan(old, status("1050,1060"))
    assert (renewed["state"], renewed["restart"]) == ("present", False)


def test_a_file_of_somebody_else_is_left_alone() -> None:
    for state in ("present", "absent"):
        found = plan("[mysqld]\nslave_skip_errors=1062\n", state=state)
        assert not found["rewrite"] and "left alone" in " ".join(found["refused"])


@pytest.mark.parametrize(
    ("now", "wish", "said"),
    [
        (status(open_temp_tables=2), {}, "temporary tables"),
        (status(findings=[{"code": "stopped_applier", "channel": "c0"}]), {}, "repair_start_stopped"),
        (status(findings=[{"code": "stopped_applier", "channel": "c0"}]), {"start_stopped": True}, ""),
        (status(findings=[{"code": "stopped_applier", "channel": "c0"}], skip_start=True), {}, ""),
        (
            status(findings=[{"code": "will_be_purged", "channel": "c0", "summary": "s"}], relay_log_recovery=True),
            {},
            "relay_log_recovery",
        ),
        (status(findings=[{"code": "will_be_purged", "channel": "c0", "summary": "s"}]), {}, ""),
        (status(relay_log_recovery=True), {}, ""),
    ],
)
def test_a_restart_that_would_do_harm_is_refused(now: Dict[str, Any], wish: Dict[str, Any], said: str) -> None:
    refused = " ".join(plan(None, now, **wish)["refused"])
    assert said in refused and bool(said) == bool(refused)
    waits = help_text() + "skip-replica-start      TRUE\n"
    assert not any("repair_start_stopped" in reason for reason in epp.plan(WISH, now, waits, None, TODAY)["refused"])
    # The mode alone needs no restart.
    assert plan(None, now, skip_errors=[], exec_mode="STRICT")["refused"] == []


def test_servers_of_others_are_refused() -> None:
    cluster, managed = status(), status()
    cluster["server"]["cluster"], managed["server"]["managed"] = "galera", "orchestrator"
    assert "cluster" in plan(None, cluster, managed_ok=True)["refused"][0]
    assert "repair_managed_ok" in plan(None, managed)["refused"][0]
    assert plan(None, managed, managed_ok=True)["refused"] == []


def test_threads_that_a_restart_left_stopped_are_named() -> None:
    before, now = status(channels=2), status(channels=2)
    assert epp.start(before, now) == []
    before["channels"][1].update(applier="stopped", receiver="connecting")
    for channel in now["channels"]:
        channel.update(applier="stopped", receiver="stopped")
    assert epp.start(before, now) == [
        {"channel": "c0", "threads": "receiver", "connecting": False},
        {"channel": "c0", "threads": "applier", "connecting": False},
        {"channel": "c1", "threads": "receiver", "connecting": True},
    ]
    now["channels"][0]["applier_error"] = {"number": 1062, "text": "Duplicate entry"}
    assert {"channel": "c0", "threads": "applier", "connecting": False} not in epp.start(before, now)


def test_a_file_that_does_not_come_into_effect_is_refused_before_the_restart() -> None:
    found = plan()
    overridden = epp.settle(found, status(), help_text("1062"))
    assert "1062 and not 1050,1060" in overridden["refused"][0]
    unread = epp.settle(found, status(), help_text())
    assert "does not read the directory" in unread["refused"][0]
    good = epp.settle(found, status(), help_text("1060,1050"))
    assert (good["refused"], good["restart"]) == ([], True)


def test_what_the_server_does_after_all_is_compared() -> None:
    settled = epp.settle(plan(), status(), help_text("1050,1060"))
    assert epp.differs(settled, status("1050,1060"), True) == []
    assert "overrides the file" in epp.differs(settled, status("OFF"), True)[0]
    assert "was not restarted" in epp.differs(settled, status("OFF"), False)[0]
    assert "exec_mode" in epp.differs(settled, status("1050,1060", "IDEMPOTENT"), True)[0]


def test_every_spelling_of_none_is_none() -> None:
    assert {ep.numbers(text) for text in ("OFF", "(No default value)", "", "off")} == {()}
    assert ep.numbers("1062,1032") == ep.numbers(" '1032, 1062'") == ("1032", "1062")
    with pytest.raises(ValueError, match="option list"):
        ep.effective("mysqldump  Ver 1")


@pytest.mark.parametrize(
    ("services", "flavour", "name"),
    [
        ({"mysql.service": {"state": "running"}}, "mysql", "mysql"),
        ({"mysql.service": {"status": "alias"}, "mariadb.service": {"state": "running"}}, "", "mariadb"),
        ({"mysqld.service": {"state": "running"}, "mysql.service": {"state": "inactive"}}, "mysql", "mysqld"),
        ({"mysql.service": {"state": "failed", "status": "enabled"}}, "", "mysql"),
        ({"mariadb": {"state": "running"}}, "mariadb", "mariadb"),
        ({"nginx.service": {"state": "running"}}, "", ""),
    ],
)  # fmt: skip
def test_the_service_is_found_by_its_usual_names(services: Dict[str, Any], flavour: str, name: str) -> None:
    assert epp.service(services, flavour) == name


def test_every_known_error_says_what_it_loses_and_stands_in_the_documentation() -> None:
    assert losses((1062,)) == [
        "Skipping 1062 (duplicate row) gives up the rest of the row event, silently: rows that would have been applied "
        "are missing afterwards."
    ]
    page = Path(__file__).resolve().parents[5] / "docs" / "skipped-errors.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| 1")] == list(table_lines())
    assert len(KNOWN) == len(list(table_lines()))
