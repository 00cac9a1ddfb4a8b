# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a watched server: changes that last, once each."""

from __future__ import annotations

from typing import Any

from ansible_collections.replicaops.mysql.plugins.module_utils._core.watch import (
    APPEARED,
    GONE,
    REACHABLE,
    UNREACHABLE,
    VERDICT,
    Look,
    Told,
    no_answer,
    tell,
)

WELL = Look({(VERDICT, "", ""): "healthy"}, {"verdict": "healthy"})
ROW = (APPEARED, "", "duplicate_row")
BROKEN = Look({(VERDICT, "", ""): "broken", ROW: "error"}, {"verdict": "broken"}, {ROW: "A row is there already."})
SILENT = no_answer("Connection refused")


def told(looks: list[Look], confirm: int = 2, quiet: float = 0.0, every: float = 10.0) -> list[list[dict[str, Any]]]:
    """The events after each look."""
    known, found = Told(), []
    for number, look in enumerate(looks):
        known, events = tell(known, look, number * every, confirm, quiet)
        found.append(events)
    return found


def kinds(looks: list[Look], **rules: Any) -> list[list[str]]:
    return [[event["kind"] for event in events] for events in told(looks, **rules)]


def test_a_healthy_server_is_no_news() -> None:
    assert kinds([WELL] * 4) == [[], [], [], []]


def test_a_break_is_told_at_the_second_look_and_never_again() -> None:
    looks = told([WELL, BROKEN, BROKEN, BROKEN, BROKEN])
    assert [len(events) for events in looks] == [0, 0, 2, 0, 0]
    appeared, verdict = looks[2]
    assert (appeared["code"], appeared["severity"], appeared["summary"]) == (
        "duplicate_row",
        "error",
        "A row is there already.",
    )
    assert (verdict["was"], verdict["verdict"]) == ("healthy", "broken")


def test_a_server_that_is_broken_when_watching_begins_is_news() -> None:
    assert kinds([BROKEN, BROKEN]) == [[], [APPEARED, VERDICT]]


def test_a_recovery_is_told_with_what_has_gone() -> None:
    gone, verdict = told([BROKEN, BROKEN, WELL, WELL])[3]
    assert (gone["kind"], gone["code"], gone["severity"]) == (GONE, "duplicate_row", "error")
    assert (verdict["kind"], verdict["was"]) == (VERDICT, "broken")


def test_what_does_not_last_is_never_told() -> None:
    assert kinds([WELL, BROKEN, WELL, BROKEN, WELL]) == [[]] * 5


def test_a_change_waits_until_its_subject_may_be_told_again() -> None:
    looks = [BROKEN, BROKEN, WELL, WELL, WELL, WELL, WELL]
    assert kinds(looks, quiet=45.0) == [[], [APPEARED, VERDICT], [], [], [], [], [GONE, VERDICT]]


def test_a_change_that_goes_back_while_it_waits_is_never_told() -> None:
    looks = [BROKEN, BROKEN, WELL, WELL, BROKEN, BROKEN, BROKEN, BROKEN]
    assert kinds(looks, quiet=45.0) == [[], [APPEARED, VERDICT], [], [], [], [], [], []]


def test_nothing_is_said_of_findings_while_a_server_does_not_answer() -> None:
    looks = [BROKEN, BROKEN, SILENT, SILENT, SILENT, BROKEN, BROKEN, WELL, WELL]
    found = kinds(looks)
    assert found[3] == [UNREACHABLE] and found[6] == [REACHABLE] and found[8] == [GONE, VERDICT]
    assert all(not found[number] for number in (2, 4, 5, 7))
    assert told(looks)[3][0]["msg"] == "Connection refused"


def test_one_failed_look_is_no_news() -> None:
    assert kinds([WELL, SILENT, WELL, SILENT, WELL]) == [[]] * 5
