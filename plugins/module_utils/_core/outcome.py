# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a repair ended, in lines for people and as data for machines."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from . import refusals as words

_GOOD = ("healthy", "behind")
_PROVEN = ("rows_proven", "fully_verified")


def outcome(
    status: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
    choice: Mapping[str, Any],
    proofs: Sequence[Mapping[str, Any]] = (),
    refusals: Sequence[str] = (),
    error: str = "",
    check_mode: bool = False,
    brake: str = "",
) -> Dict[str, Any]:
    """How a repair ended.

    :param status: the last result of `replica_status`; empty when there is none.
    :param steps: what was applied (in check mode: would be), each with ``remedy`` and ``msg``.
    :param choice: the last choice, see `choose.Choice.as_dict`.
    :param proofs: results of `table_compare`.
    :param refusals: what modules refused to do, with their reasons.
    :param error: what went wrong; empty when nothing did.
    :param brake: why it stopped although there was more to do: rounds or time are used up; empty otherwise.
    :returns: ``ok``, ``verdict``, ``proof``, ``applied`` (remedy names), ``line`` (all of it), ``lines`` (the same,
        broken), ``headline`` (the first of them), ``would_allow``.
    """
    if brake:
        choice = {**choice, "action": "refused", "reason": brake}
    found = _outcome(status, steps, choice, proofs, refusals, error, check_mode)
    lines = [found["line"]]
    if found.pop("left", False):
        reason = str(choice.get("reason", "")) if choice.get("action") == "refused" else ""
        verb = "Would not repair" if check_mode else "Not repaired"
        headline = "%s, the replica is %s." % (verb, found["verdict"])
        lines = words.lines(headline, refusals, reason, found["would_allow"])
    return {**found, "lines": lines, "headline": lines[0]}


def _outcome(
    status: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
    choice: Mapping[str, Any],
    proofs: Sequence[Mapping[str, Any]],
    refusals: Sequence[str],
    error: str,
    check_mode: bool,
) -> Dict[str, Any]:
    """As `outcome`, with ``left`` instead of lines where something is left to repair."""
    verdict = str(status.get("verdict", "unknown"))
    applied = [str(step["remedy"]) for step in steps]
    proof = _proof(proofs)
    result = {
        "verdict": verdict,
        "proof": proof,
        "applied": applied,
        "would_allow": list(choice.get("would_allow", [])),
    }
    left = "; ".join([*refusals, str(choice.get("reason", ""))] if choice.get("action") == "refused" else refusals)
    if error:
        return {**result, "ok": False, "line": "The repair failed: " + error}
    if check_mode:
        return {**result, **_planned(applied, verdict, left, choice)}
    if verdict not in _GOOD:
        return {
            **result,
            "ok": False,
            "left": True,
            "line": "Not repaired, the replica is %s: %s%s" % (verdict, left, _allow(choice)),
        }
    if not applied:
        return {**result, "ok": True, "line": "Nothing to repair: the replica is %s. Nothing was compared." % verdict}
    if proofs and all(map(_nothing_touched, proofs)):
        line = "Repaired (%s). No table was changed since it broke, so there was nothing to compare." % ", ".join(
            applied
        )
        return {**result, "ok": True, "line": line}
    told = " ".join(str(proof_result.get("msg", "")) for proof_result in proofs)
    if proof not in _PROVEN:
        line = "Repaired (%s) but not proven: %s" % (", ".join(applied), told or "nothing was compared")
        return {**result, "ok": False, "line": line}
    return {**result, "ok": True, "line": "Repaired (%s). %s" % (", ".join(applied), told)}


def _proof(proofs: Sequence[Mapping[str, Any]]) -> str:
    """The weakest of several proofs; ``unproven`` when there is none."""
    words: List[str] = [str(found.get("proof", "unproven")) for found in proofs]
    if not words or any(word not in _PROVEN for word in words):
        return "unproven"
    return "rows_proven" if "rows_proven" in words else "fully_verified"


def _nothing_touched(proof: Mapping[str, Any]) -> bool:
    """True when a comparison looked and found no table that was changed: nothing equal, different or undecided."""
    return all(proof.get(kind) == [] for kind in ("compared", "different", "undecided"))


def _planned(applied: Sequence[str], verdict: str, left: str, choice: Mapping[str, Any]) -> Dict[str, Any]:
    """The outcome of check mode: an allowed remedy exists, or nothing needs one."""
    if applied:
        return {"ok": True, "line": "Would apply: %s." % ", ".join(applied)}
    if verdict in _GOOD:
        return {"ok": True, "line": "Nothing to repair: the replica is %s." % verdict}
    line = "Would not repair, the replica is %s: %s%s" % (verdict, left, _allow(choice))
    return {"ok": False, "left": True, "line": line}


def _allow(choice: Mapping[str, Any]) -> str:
    """Which level or switch would allow more, as the end of a line."""
    switches = list(choice.get("would_allow", []))
    return " What would allow more: %s." % ", ".join(switches) if switches else ""
