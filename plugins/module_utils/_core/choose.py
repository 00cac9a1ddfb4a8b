# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the next remedy of one channel from its findings and from what the caller allows.

Works on the plain dicts that `replica_status` returns, because the role keeps them between rounds. Pure: the role
composes, this decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .choose_arguments import arguments_of
from .choose_obstacles import forbidden, obstacle, unfit
from .choose_policy import Policy
from .finding_types import ERROR, INFO, TYPES
from .remedies import REMEDIES, RISKS, Remedy

DONE = "done"
APPLY = "apply"
REFUSED = "refused"
WAIT = "wait"


@dataclass(frozen=True)
class Choice:
    """What comes next for a channel.

    :param action: `APPLY` (a remedy), `WAIT` (nothing to repair yet, look again), `DONE`, or `REFUSED`.
    :param remedy: its name when there is one.
    :param arguments: module options that follow from the finding.
    :param reason: one sentence.
    :param would_allow: which level or switch would allow more; empty when none.
    """

    action: str
    channel: str = ""
    remedy: str = ""
    module: str = ""
    finding: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    would_allow: Sequence[str] = ()

    def as_dict(self) -> Dict[str, Any]:
        """For the role."""
        return {
            "action": self.action,
            "channel": self.channel,
            "remedy": self.remedy,
            "module": self.module,
            "finding": self.finding,
            "arguments": dict(self.arguments),
            "reason": self.reason,
            "would_allow": list(self.would_allow),
        }


# Nothing is started or passed while one of these is open: a start would hide the collision (RULES 8).
# Those that name the transactions come first.
_HOLD = (
    "rebuild_unfinished",
    "conflicting_writes",
    "gtid_collision",
    "lost_tail",
    "replica_ahead",
    "gtid_diverged",
    "position_beyond_source",
)


def choose(
    channel: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    policy: Policy,
    tried: Sequence[str] = (),
    earlier: Sequence[str] = (),
) -> Choice:
    """The next remedy for one channel.

    :param channel: an entry of ``channels`` of `replica_status`.
    :param findings: all findings of the result; those of other channels are left out.
    :param policy: what the caller allows.
    :param tried: remedies that were refused or made no progress in the present state; they are not tried again.
    :param earlier: remedies that were tried in earlier states.
    """
    name = str(channel["channel"])
    mine = [finding for finding in findings if finding["channel"] in (None, name)]
    codes = [finding["code"] for finding in mine]
    never = forbidden(codes, policy)
    if never:
        return Choice(REFUSED, name, reason=never, would_allow=["repair_managed_ok"] if "managed" in never else [])
    grave = [finding for finding in mine if finding["channel"] is not None and _needs_repair(finding, policy)]
    named = [finding for finding in grave if finding["code"] == "errant" and finding["evidence"].get("named")]
    if named and {"gtid_out_of_order", "gtid_diverged"} & set(codes):
        # MariaDB: the local writes are what the other errors come from.
        grave = named
    if "source_caught_up" in codes:
        ahead = ("replica_ahead", "position_beyond_source", "purged_on_source")
        grave = [finding for finding in grave if finding["code"] not in ahead]
    if not grave:
        waiting = (channel["verdict"] == "blocked" or "gtid_gap" in codes) and "wait" not in tried
        action = WAIT if waiting else DONE if channel["verdict"] in ("healthy", "behind") else REFUSED
        return Choice(action, name, reason=" ".join(["The channel is %s." % channel["verdict"], *_summaries(mine)]))
    policy, finish = _unfinished(name, channel.get("unfinished"), grave, policy, tried)
    if finish is not None:
        return finish
    held = [finding for finding in grave if finding["code"] in _HOLD]
    hold = min(held, key=lambda finding: _HOLD.index(finding["code"]), default=None)
    return _first_that_may(channel, grave, [hold] if hold is not None else grave, policy, (tried, earlier))


def first_choice(status: Mapping[str, Any], policy: Policy, tried: Sequence[str] = ()) -> Choice:
    """The next remedy for a server: that of the first channel which has one to apply, else the gravest answer.

    :param status: a result of `replica_status`.
    :param tried: ``remedy@state_id`` for everything tried, so that a remedy counts as tried only in the same state.
    """
    choices = []
    for channel in status["channels"]:
        here = [entry.split("@")[0] for entry in tried if entry.split("@")[-1] == channel["state_id"]]
        earlier = [entry.split("@")[0] for entry in tried if entry.split("@")[-1] != channel["state_id"]]
        choices.append(choose(channel, status["findings"], policy, here, earlier))
    if not choices:
        return Choice(REFUSED, reason="The server has no replication channel.")
    return min(choices, key=lambda choice: (APPLY, WAIT, REFUSED, DONE).index(choice.action))


def _first_that_may(
    channel: Mapping[str, Any],
    grave: Sequence[Mapping[str, Any]],
    eligible: Sequence[Mapping[str, Any]],
    policy: Policy,
    before: Tuple[Sequence[str], Sequence[str]],
) -> Choice:
    """The first remedy of the eligible findings that nothing forbids, else why none may be applied.

    :param before: what was tried in this state, and in earlier ones.
    """
    name = str(channel["channel"])
    reasons: List[str] = []
    switches: List[str] = []
    for finding in eligible:
        for remedy in (REMEDIES[entry["name"]] for entry in finding["remedies"]):
            why, switch = unfit(remedy, channel, finding), ""
            if not why:
                why, switch = obstacle(remedy, finding, policy, *before)
            if not why and _too_late(remedy, channel):
                return Choice(REFUSED, name, finding=finding["code"], reason="%s." % _too_late(remedy, channel))
            if not why:
                return Choice(
                    WAIT if remedy.name == "wait" else APPLY, name, remedy.name, remedy.module, finding["code"],
                    arguments_of(remedy, finding), "%s: %s" % (finding["code"], remedy.meaning),
                )  # fmt: skip
            reasons.append("%s: %s" % (remedy.name, why))
            switches.extend(item for item in [switch] if item and item not in switches)
    summary = "%s is left. %s." % (", ".join(finding["code"] for finding in grave), "; ".join(reasons))
    return Choice(REFUSED, name, finding=grave[0]["code"], reason=summary, would_allow=switches)


def _too_late(remedy: Remedy, channel: Mapping[str, Any]) -> str:
    """Why the source may not keep its binlogs for long enough; empty when it does, or the remedy looks for itself.

    What is without risk is not refused: it asks for them at once, and nothing would be gained by waiting.
    """
    if remedy.risk in (RISKS[0], RISKS[-1]):
        return ""
    return str((channel.get("needs") or {}).get("too_late") or "")


def _unfinished(
    name: str,
    left: Optional[Mapping[str, Any]],
    grave: Sequence[Mapping[str, Any]],
    policy: Policy,
    tried: Sequence[str],
) -> Tuple[Policy, Optional[Choice]]:
    """What a killed run left to do (`unfinished`): its START is allowed, or it has to find the position anew."""
    codes = {str(finding["code"]) for finding in grave}
    if not left or not codes <= {"stopped_applier", "stopped_receiver", "stopped_at_until"}:
        return policy, None
    if left["remedy"] == "start":
        return replace(policy, start_stopped=True), None
    remedy = REMEDIES[left["remedy"]]
    if obstacle(remedy, grave[0], policy, tried, ())[0]:
        return policy, None
    why = "%s: a run was killed before it was over; %s" % (grave[0]["code"], remedy.meaning)
    return policy, Choice(
        APPLY, name, remedy.name, remedy.module, grave[0]["code"], {"start": left["start"]}, why
    )  # fmt: skip


def _summaries(findings: Sequence[Mapping[str, Any]]) -> List[str]:
    """What was seen, without what is only information."""
    return [str(finding["summary"]) for finding in findings if finding["severity"] != INFO]


def _needs_repair(finding: Mapping[str, Any], policy: Policy) -> bool:
    """True for errors, for threads that somebody stopped, and for what is done only where it is allowed."""
    if finding["code"] == "errant_harmless":
        return policy.allow_source_write
    return finding["severity"] == ERROR or TYPES[finding["code"]].verdict == "stopped"
