# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module options that follow from a remedy and from the finding that it is for."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping

from .choose_policy import WINNERS
from .remedies import Remedy

# What a remedy runs with, beside channel and state_id.
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "start": {"state": "started", "threads": "both"},
    "restart": {"state": "started", "threads": "applier"},
    "refetch": {"refetch": True},
    "resume": {"state": "started", "threads": "both"},
    "refetch_unverified": {"refetch": True, "allow_unverified": True},
}

# About the tables that the error names.
BY_TABLE = ("heal_table", "alter_definition")

_WRITES = re.compile(
    r"\s*(?:INSERT|REPLACE|UPDATE|DELETE|ALTER)\b(?:\s+(?:IGNORE|LOW_PRIORITY|DELAYED|QUICK|INTO|FROM|TABLE)\b)*\s*"
    r"(?:`?(?P<schema>\w+)`?\s*\.\s*)?`?(?P<table>\w+)`?", re.I,
)  # fmt: skip

# Which transactions a remedy heals the rows of.
HEALS: Mapping[str, str] = {"heal_failing": "failing", "heal_pending": "pending"}


def tables_of(finding: Mapping[str, Any]) -> List[str]:
    """The tables that an error is about: the one it names, or all of the database that is missing."""
    evidence = finding["evidence"]
    if evidence.get("missing_database"):
        return ["%s.*" % evidence["missing_database"]]
    if evidence.get("table"):
        return [str(evidence["table"])]
    found = _WRITES.match(str(evidence.get("query") or ""))
    schema = found and (found.group("schema") or evidence.get("database"))
    return ["%s.%s" % (schema, found.group("table"))] if found and schema else []


def _by_position(evidence: Mapping[str, Any]) -> Dict[str, Any]:
    """What settles transactions that coordinates name."""
    found: Dict[str, Any] = {"point": dict(evidence["point"])}
    if "begin" in evidence:
        found.update(begin=dict(evidence["begin"]), end=dict(evidence["end"]), gtids="")
        found.update(tables=list(evidence["tables"]), lost=str(evidence["transactions"]), tasks="tail")
        found["left"] = str(evidence["left"])
    return found


def _of_two(remedy: Remedy, evidence: Mapping[str, Any]) -> Dict[str, Any]:
    """What settles transactions of two servers that replicate from each other."""
    found: Dict[str, Any] = {"channel_there": str(evidence["channel_there"])}
    if "errno" in evidence:
        # The error of the side that passes the transaction.
        error = evidence["errno" if remedy.name == "roll_back_there" else "errno_there"]
        found.update(gtids="", errors=[int(error)], tasks="conflict_position")
    return found


def arguments_of(remedy: Remedy, finding: Mapping[str, Any]) -> Dict[str, Any]:
    """The module options that follow from the remedy and the finding."""
    arguments = dict(ARGUMENTS.get(remedy.name, {}))
    if finding["code"] == "relay_log_missing":
        # The threads could not start for want of relay logs (MariaDB shows no error then), so nobody stopped them.
        arguments["state"] = "started"
    if remedy.name in HEALS:
        arguments["which"] = HEALS[remedy.name]
    if remedy.name in WINNERS or remedy.name == "inject_harmless":
        arguments["gtids"] = str(finding["evidence"]["there" if remedy.name == "roll_back_there" else "named"])
    if "point" in finding["evidence"]:
        arguments.update(_by_position(finding["evidence"]))
    if finding["code"] == "conflicting_writes":
        arguments.update(_of_two(remedy, finding["evidence"]))
    if remedy.name == "fetch":
        arguments.update(gtids=str(finding["evidence"]["fetch"]), donor=str(finding["evidence"]["donor"]))
    if remedy.name == "fetch_archive":
        arguments["gtids"] = str(finding["evidence"]["lacking"])
    if remedy.name in ("fetch", "fetch_archive") and "after" in finding["evidence"]:
        arguments["after"] = str(finding["evidence"]["after"])
    if remedy.name == "roll_back_reset":
        arguments["left"] = str(finding["evidence"]["left"])
        arguments["tables"] = list(finding["evidence"]["tables"])
    if remedy.name in BY_TABLE:
        arguments["tables"] = tables_of(finding)
    if remedy.module == "replica_skip":
        arguments["errors"] = [int(finding["evidence"]["errno"])]
    return arguments
