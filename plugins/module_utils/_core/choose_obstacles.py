# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a remedy cannot be used on a channel, and which variable would allow it."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence, Tuple

from .choose_arguments import BY_TABLE, tables_of
from .choose_policy import ON_SOURCE, WINNERS, Policy
from .remedies import Remedy, allowed
from .reposition import GTID_APPEND, HEAL_ROWS, REPOSITION
from .snapshot import POSITION, RUNNING

# What a remedy has to know, why it cannot be used without, and which variable would help.
_NEEDS: Mapping[str, Tuple[str, str, str]] = {
    "replay": ("named", "which transactions these are is not known", ""),
    "roll_back": ("named", "which transactions these are is not known", ""),
    "roll_back_lost": ("named", "which transactions these are is not known", ""),
    "roll_back_reset": ("left", "what would be left of the history is not known", ""),
    "fetch_archive": ("lacking", "which transactions these are is not known", ""),
    "roll_back_here": ("named", "at which transaction the other server stops is not known yet", ""),
    "roll_back_there": ("there", "at which transaction the other server stops is not known yet", ""),
    "fetch": ("fetch", "no server in replica_members that was read still has them", "replica_members"),
}


def forbidden(codes: Sequence[str], policy: Policy) -> str:
    """Why nothing may be written on this server, or an empty string."""
    if "cluster_member" in codes:
        return "the server is a member of a cluster, which has repairs of its own"
    if "managed_server" in codes and not policy.managed_ok:
        return "the server is managed by a service or an orchestrator"
    return ""


def unfit(remedy: Remedy, channel: Mapping[str, Any], finding: Mapping[str, Any]) -> str:
    """Why a remedy does not fit this channel and finding, whatever is allowed; empty when it does."""
    return (
        _lost_point(remedy, channel)
        or _other_mode(remedy, channel)
        or _moving(remedy, channel)
        or _waiting(remedy, channel, finding)
        or _unnamed(remedy, finding)
    )


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


def _moving(remedy: Remedy, channel: Mapping[str, Any]) -> str:
    """Why it cannot be seen in the rows what is applied; empty when it can, or when the remedy does not look for it."""
    if remedy.name in (REPOSITION, HEAL_ROWS, GTID_APPEND) and channel.get("applier") == RUNNING:
        return "the applier runs, so that the rows would change while they are read (the reposition playbook stops it)"
    return ""


def _waiting(remedy: Remedy, channel: Mapping[str, Any], finding: Mapping[str, Any]) -> str:
    """Why there is nothing to start again: on a full disk threads wait without an error, and stand still by intent."""
    if remedy.name == "restart" and (channel.get("applier") == RUNNING or "errno" not in finding["evidence"]):
        return "the applier has not stopped with an error; what waits for room on the disk goes on by itself"
    return ""


def obstacle(
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
    if remedy.name == "fetch_archive" and not policy.archive:
        return "no directory of archived binlogs is named", "repair_binlog_archive"
    if remedy.name in ON_SOURCE and not policy.allow_source_write:
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
    if remedy.name in _NEEDS and not finding["evidence"].get(_NEEDS[remedy.name][0]):
        undecided = finding["evidence"].get("undecided")
        _key, why, switch = _NEEDS[remedy.name]
        return "%s (%s)" % (why, undecided) if undecided else why, switch
    return "", ""


def _choice(remedy: Remedy, policy: Policy) -> List[str]:
    """The variables that make a side's remedy the one to apply."""
    wanted = ["repair_winner=%s" % WINNERS[remedy.name]]
    if not allowed(remedy.risk, policy.max_risk):
        wanted.append("repair_max_risk=%s" % remedy.risk)
    if remedy.name in ON_SOURCE and not policy.allow_source_write:
        wanted.append("repair_allow_source_write=true")
    return wanted


def _side(remedy: Remedy, finding: Mapping[str, Any]) -> str:
    """What a person has to decide, with what would then be done."""
    gtids = finding["evidence"]["transactions"]
    if remedy.name == "replay":
        return (
            "to keep %s (binlog_apply on the source, with the replica as the donor) is for a person to decide" % gtids
        )
    if remedy.name in ("roll_back_here", "roll_back_there"):
        here = remedy.name == "roll_back_here"
        return "to undo %s (binlog_apply with direction=reverse on %s) is for a person to decide" % (
            finding["evidence"]["named" if here else "there"], "this server" if here else "the source"
        )  # fmt: skip
    return "to undo %s (binlog_apply with direction=reverse on the replica) is for a person to decide" % gtids


def _unnamed(remedy: Remedy, finding: Mapping[str, Any]) -> str:
    """Why a remedy does not know what it is about; empty when it does."""
    return "the error does not name the table" if remedy.name in BY_TABLE and not tables_of(finding) else ""
