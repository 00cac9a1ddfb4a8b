# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watching: looks at a server in, what is worth telling out. Only changes, only those that last, never in a flood.

What was told is kept, not what was seen last: a change that goes back before it was told is never told, and one that
has to wait is told when its time comes, if it is still there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Tuple

from .diagnose import Diagnosis
from .finding_types import HEALTHY
from .narrate import message

VERDICT = "verdict_changed"
APPEARED = "finding_appeared"
GONE = "finding_gone"
UNREACHABLE = "server_unreachable"
REACHABLE = "server_reachable"

# What is told is one of these: (VERDICT, "", ""), (APPEARED, channel, code) or (UNREACHABLE, "", "").
Subject = Tuple[str, str, str]
_VERDICT: Subject = (VERDICT, "", "")
_UNREACHABLE: Subject = (UNREACHABLE, "", "")
_USUAL: Mapping[Subject, str] = {_VERDICT: HEALTHY}


@dataclass(frozen=True)
class Look:
    """What one look at a server gave.

    :param facts: what was the case, by subject; a subject that is not in it is as usual.
    :param about: what an event carries beside its own subject.
    :param summaries: of each finding, by subject.
    """

    facts: Mapping[Subject, str]
    about: Mapping[str, Any]
    summaries: Mapping[Subject, str] = field(default_factory=dict)

    @property
    def reachable(self) -> bool:
        """Whether the server answered."""
        return _UNREACHABLE not in self.facts


def look_of(diagnosis: Diagnosis) -> Look:
    """The look that a diagnosis is."""
    facts: Dict[Subject, str] = {_VERDICT: diagnosis.verdict}
    summaries: Dict[Subject, str] = {}
    for finding in diagnosis.findings:
        subject = (APPEARED, finding.channel or "", finding.code)
        facts[subject] = finding.kind.severity
        summaries.setdefault(subject, finding.summary)
    about = {
        "verdict": diagnosis.verdict,
        "severity": diagnosis.severity,
        "state_id": diagnosis.state_id,
        "findings": sorted({finding.code for finding in diagnosis.findings}),
        "msg": message(diagnosis),
    }
    return Look(facts, about, summaries)


def no_answer(error: str) -> Look:
    """The look at a server that could not be read: nothing is known of it but that."""
    return Look({_UNREACHABLE: "yes"}, {"msg": error})


@dataclass(frozen=True)
class Told:
    """What is known to those who are told, about one server.

    :param values: what they were told last, by subject.
    :param lasting: what was seen, and in how many looks in a row.
    :param times: when they were told, in seconds of a clock that only goes forward.
    """

    values: Mapping[Subject, str] = field(default_factory=dict)
    lasting: Mapping[Subject, Tuple[str, int]] = field(default_factory=dict)
    times: Mapping[Subject, float] = field(default_factory=dict)


def tell(
    told: Told, look: Look, now: float, confirm: int = 2, quiet: float = 60.0
) -> Tuple[Told, List[Dict[str, Any]]]:
    """What has changed since it was told, as events, and what is known to those who are told afterwards.

    :param now: seconds of a clock that only goes forward.
    :param confirm: so many looks in a row have to see the same before it is told: a source that restarts is no news.
    :param quiet: seconds in which one subject is told of once at most.
    """
    values, lasting, times = dict(told.values), dict(told.lasting), dict(told.times)
    events: List[Dict[str, Any]] = []
    subjects = {_UNREACHABLE, *look.facts}
    if look.reachable:
        subjects |= {_VERDICT, *values, *lasting}
    for subject in sorted(subjects):
        value = look.facts.get(subject, _USUAL.get(subject, ""))
        seen, count = lasting.get(subject, ("", 0))
        lasting[subject] = (value, count + 1 if seen == value else 1)
        before = values.get(subject, _USUAL.get(subject, ""))
        early = now - times[subject] < quiet if subject in times else False
        if value == before or lasting[subject][1] < confirm or early:
            continue
        values[subject], times[subject] = value, now
        events.append(_event(subject, before, value, look))
    kept = {subject: seen for subject, seen in lasting.items() if seen[0] or subject in values}
    return Told(values, kept, times), events


def _event(subject: Subject, before: str, value: str, look: Look) -> Dict[str, Any]:
    kind, channel, code = subject
    if kind == VERDICT:
        return {**look.about, "kind": VERDICT, "was": before}
    if kind == UNREACHABLE:
        return {**look.about, "kind": UNREACHABLE if value else REACHABLE}
    event = {**look.about, "kind": APPEARED if value else GONE, "channel": channel, "code": code}
    return {**event, "severity": value or before, "summary": look.summaries.get(subject, "")}


__all__ = ["APPEARED", "GONE", "REACHABLE", "UNREACHABLE", "VERDICT", "Look", "Told", "look_of", "no_answer", "tell"]
