# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the next remedy of one channel from its findings and from what the caller allows.

Works on the plain dicts that `replica_status` returns, because the role keeps them between rounds. Pure: the role
composes, this decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .finding_types import ERROR, INFO, TYPES
from .remedies import REMEDIES, RISKS, Remedy, allowed
from .snapshot import POSITION

DONE = "done"
APPLY = "apply"
REFUSED = "refused"
WAIT = "wait"


@dataclass(frozen=True)
class Policy:
    """What the caller allows: the ``repair_*`` variables.

    :param strategy: ``auto``, or the only remedy that may be used.
    :param winner: ``source`` or ``replica``: whose data counts where both hold committed transactions; '' for neither.
    """

    max_risk: str = "replica_rows"
    allow_source_write: bool = False
    start_stopped: bool = False
    managed_ok: bool = False
    strategy: str = "auto"
    winner: str = ""

    @classmethod
    def from_variables(cls, given: Mapping[str, Any]) -> Policy:
        """A policy from variables that may all be strings (AWX). Raises ValueError for an unknown risk or remedy."""
        policy = cls(
            max_risk=str(given.get("max_risk", "replica_rows")),
            allow_source_write=truth(given.get("allow_source_write", False)),
            start_stopped=truth(given.get("start_stopped", False)),
            managed_ok=truth(given.get("managed_ok", False)),
            strategy=str(given.get("strategy", "auto")),
            winner=str(given.get("winner") or ""),
        )
        if policy.winner not in ("", *WINNERS.values()):
            raise ValueError("repair_winner is %r; it must be source or replica" % policy.winner)
        if policy.max_risk not in RISKS:
            raise ValueError("repair_max_risk is %r; it must be one of %s" % (policy.max_risk, ", ".join(RISKS)))
        if policy.strategy != "auto" and policy.strategy not in REMEDIES:
            names = ", ".join(sorted(REMEDIES))
            raise ValueError("repair_strategy is %r; it must be auto or one of %s" % (policy.strategy, names))
        return policy


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


def truth(value: Any) -> bool:
    """A boolean that may come as a string. Raises ValueError for anything that is neither."""
    text = str(value).strip().lower()
    if text in ("true", "yes", "on", "1", "y", "t"):
        return True
    if text in ("false", "no", "off", "0", "n", "f", "", "none"):
        return False
    raise ValueError("%r is neither true nor false" % (value,))


# What a remedy runs with, beside channel and state_id.
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "start": {"state": "started", "threads": "both"},
    "restart": {"state": "started", "threads": "applier"},
    "refetch": {"refetch": True},
    "resume": {"state": "started", "threads": "both"},
    "refetch_unverified": {"refetch": True, "allow_unverified": True},
}

# Whose data counts after a remedy for transactions that only the replica has.
WINNERS: Mapping[str, str] = {"replay": "replica", "roll_back": "source", "roll_back_reset": "source"}

# These write to the source, which reaches every replica.
_ON_SOURCE = ("replay", "roll_back", "inject_harmless")

# About the tables that the error names.
_BY_TABLE = ("heal_table", "alter_definition")

_WRITES = re.compile(
    r"\s*(?:INSERT|REPLACE|UPDATE|DELETE|ALTER)\b(?:\s+(?:IGNORE|LOW_PRIORITY|DELAYED|QUICK|INTO|FROM|TABLE)\b)*\s*"
    r"(?:`?(?P<schema>\w+)`?\s*\.\s*)?`?(?P<table>\w+)`?", re.I,
)  # fmt: skip

# Which transactions a remedy heals the rows of.
HEALS: Mapping[str, str] = {"heal_failing": "failing", "heal_pending": "pending"}

# What a remedy has to know, why it cannot be used without, and which variable would help.
_NEEDS: Mapping[str, Tuple[str, str, str]] = {
    "replay": ("named", "which transactions these are is not known", ""),
    "roll_back": ("named", "which transactions these are is not known", ""),
    "roll_back_reset": ("left", "what would be left of the history is not known", ""),
    "fetch": ("fetch", "no other member that was read still has them", "replica_members"),
}

# Nothing is started or passed while one of these is open: a start would hide the collision (RULES 8).
# Those that name the transactions come first.
_HOLD = (
    "rebuild_unfinished",
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
    forbidden = _forbidden(codes, policy)
    if forbidden:
        return Choice(
            REFUSED, name, reason=forbidden, would_allow=["repair_managed_ok"] if "managed" in forbidden else []
        )
    grave = [finding for finding in mine if finding["channel"] is not None and _needs_repair(finding, policy)]
    named = [finding for finding in grave if finding["code"] == "errant" and finding["evidence"].get("named")]
    if named and {"gtid_out_of_order", "gtid_diverged"} & set(codes):
        # MariaDB: the local writes are what the other errors come from.
        grave = named
    if "source_caught_up" in codes:
        grave = [finding for finding in grave if finding["code"] != "replica_ahead"]
    if not grave:
        waiting = (channel["verdict"] == "blocked" or "gtid_gap" in codes) and "wait" not in tried
        action = WAIT if waiting else DONE if channel["verdict"] in ("healthy", "behind") else REFUSED
        return Choice(action, name, reason=" ".join(["The channel is %s." % channel["verdict"], *_summaries(mine)]))
    policy, finish = _unfinished(name, channel.get("unfinished"), grave, policy, tried)
    if finish is not None:
        return finish
    held = [finding for finding in grave if finding["code"] in _HOLD]
    hold = min(held, key=lambda finding: _HOLD.index(finding["code"]), default=None)
    reasons: List[str] = []
    switches: List[str] = []
    for finding in [hold] if hold is not None else grave:
        for remedy in (REMEDIES[entry["name"]] for entry in finding["remedies"]):
            why, switch = _lost_point(remedy, channel) or _other_mode(remedy, channel) or _unnamed(remedy, finding), ""
            if not why:
                why, switch = _obstacle(remedy, finding, policy, tried, earlier)
            if not why:
                return Choice(
                    WAIT if remedy.name == "wait" else APPLY, name, remedy.name, remedy.module, finding["code"],
                    _arguments(remedy, finding), "%s: %s" % (finding["code"], remedy.meaning),
                )  # fmt: skip
            reasons.append("%s: %s" % (remedy.name, why))
            switches.extend(item for item in [switch] if item and item not in switches)
    summary = "%s is left. %s." % (", ".join(finding["code"] for finding in grave), "; ".join(reasons))
    return Choice(REFUSED, name, finding=grave[0]["code"], reason=summary, would_allow=switches)


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
    if _obstacle(remedy, grave[0], policy, tried, ())[0]:
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


def _forbidden(codes: Sequence[str], policy: Policy) -> str:
    """Why nothing may be written on this server, or an empty string."""
    if "cluster_member" in codes:
        return "the server is a member of a cluster, which has repairs of its own"
    if "managed_server" in codes and not policy.managed_ok:
        return "the server is managed by a service or an orchestrator"
    return ""


def _lost_point(remedy: Remedy, channel: Mapping[str, Any]) -> str:
    """Why the channel must not be started: a run that ended between RESET and CHANGE leaves it without coordinates."""
    if remedy.module != "replica_channel" or channel.get("mode") != POSITION or channel.get("executed"):
        return ""
    return (
        "the coordinates up to which it has applied are lost, and it would begin at the source's oldest binlog; the"
        " undo playbook puts them back from the record of the run that was cut short"
    )


def _other_mode(remedy: Remedy, channel: Mapping[str, Any]) -> str:
    """Why a remedy does not fit the way the channel knows what it has applied; empty when it fits."""
    by_position = channel.get("mode") == POSITION
    if remedy.name == "reposition" and not by_position:
        return "the channel goes by GTIDs, so that no position could say what is applied"
    if remedy.name == "gtid_append" and by_position and not channel.get("executed_gtids"):
        return "the channel goes by coordinates"
    return ""


def _obstacle(
    remedy: Remedy, finding: Mapping[str, Any], policy: Policy, tried: Sequence[str], earlier: Sequence[str]
) -> Tuple[str, str]:
    """Why a remedy cannot be used, and which variable would allow it; two empty strings when it can."""
    if remedy.name == "wait":
        return ("waited already", "") if "wait" in tried else ("", "")
    why, switch = _unusable(remedy, finding)
    if why:
        return why, switch
    if policy.strategy not in ("auto", remedy.name):
        return "repair_strategy is %s" % policy.strategy, "repair_strategy=%s" % remedy.name
    if remedy.name in WINNERS and policy.winner != WINNERS[remedy.name]:
        return _side(remedy, finding), " with ".join(_choice(remedy, policy))
    if not allowed(remedy.risk, policy.max_risk):
        return "its risk is %s" % remedy.risk, "repair_max_risk=%s" % remedy.risk
    if remedy.name == "start" and not policy.start_stopped:
        return "stopped threads are started only when asked", "repair_start_stopped=true"
    if remedy.name in _ON_SOURCE and not policy.allow_source_write:
        return "it writes to the source, which reaches every replica", "repair_allow_source_write=true"
    if remedy.name in tried:
        return "tried in this state already", ""
    if remedy.name == "heal_failing" and remedy.name in earlier and policy.strategy != remedy.name:
        return "one transaction was healed already and the next one fails as well, so all to come are healed", ""
    return "", ""


def _unusable(remedy: Remedy, finding: Mapping[str, Any]) -> Tuple[str, str]:
    """Why nothing can apply a remedy here, whatever is allowed, and which variable would help."""
    if remedy.name == "look":
        return "a person has to look at it", ""
    if not remedy.module:
        return "not in this release", ""
    if remedy.name in _NEEDS and not finding["evidence"].get(_NEEDS[remedy.name][0]):
        return _NEEDS[remedy.name][1:]
    return "", ""


def _choice(remedy: Remedy, policy: Policy) -> List[str]:
    """The variables that make a side's remedy the one to apply."""
    wanted = ["repair_winner=%s" % WINNERS[remedy.name]]
    if not allowed(remedy.risk, policy.max_risk):
        wanted.append("repair_max_risk=%s" % remedy.risk)
    if remedy.name in _ON_SOURCE and not policy.allow_source_write:
        wanted.append("repair_allow_source_write=true")
    return wanted


def _side(remedy: Remedy, finding: Mapping[str, Any]) -> str:
    """What a person has to decide, with what would then be done."""
    gtids = finding["evidence"]["transactions"]
    if remedy.name == "replay":
        return (
            "to keep %s (binlog_apply on the source, with the replica as the donor) is for a person to decide" % gtids
        )
    return "to undo %s (binlog_apply with direction=reverse on the replica) is for a person to decide" % gtids


def _unnamed(remedy: Remedy, finding: Mapping[str, Any]) -> str:
    """Why a remedy does not know what it is about; empty when it does."""
    return "the error does not name the table" if remedy.name in _BY_TABLE and not _tables(finding) else ""


def _tables(finding: Mapping[str, Any]) -> List[str]:
    """The tables that an error is about: the one it names, or all of the database that is missing."""
    evidence = finding["evidence"]
    if evidence.get("missing_database"):
        return ["%s.*" % evidence["missing_database"]]
    if evidence.get("table"):
        return [str(evidence["table"])]
    found = _WRITES.match(str(evidence.get("query") or ""))
    schema = found and (found.group("schema") or evidence.get("database"))
    return ["%s.%s" % (schema, found.group("table"))] if found and schema else []


def _arguments(remedy: Remedy, finding: Mapping[str, Any]) -> Dict[str, Any]:
    """The module options that follow from the remedy and the finding."""
    arguments = dict(ARGUMENTS.get(remedy.name, {}))
    if finding["code"] == "relay_log_missing":
        # The threads could not start for want of relay logs (MariaDB shows no error then), so nobody stopped them.
        arguments["state"] = "started"
    if remedy.name in HEALS:
        arguments["which"] = HEALS[remedy.name]
    if remedy.name in WINNERS or remedy.name == "inject_harmless":
        arguments["gtids"] = str(finding["evidence"]["named"])
    if remedy.name == "fetch":
        arguments.update(gtids=str(finding["evidence"]["fetch"]), donor=str(finding["evidence"]["donor"]))
    if remedy.name == "roll_back_reset":
        arguments["left"] = str(finding["evidence"]["left"])
        arguments["tables"] = list(finding["evidence"]["tables"])
    if remedy.name in _BY_TABLE:
        arguments["tables"] = _tables(finding)
    if remedy.module == "replica_skip":
        arguments["errors"] = [int(finding["evidence"]["errno"])]
    return arguments
