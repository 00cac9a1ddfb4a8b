# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a repair ended, in lines for people and as data for machines."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

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
    owed: Sequence[str] = (),
) -> Dict[str, Any]:
    """How a repair ended.

    :param status: the last result of `replica_status`; empty when there is none.
    :param steps: what was applied (in check mode: would be), each with ``remedy`` and ``msg``.
    :param choice: the last choice, see `choose.Choice.as_dict`.
    :param proofs: results of `table_compare`.
    :param refusals: what modules refused to do, with their reasons.
    :param error: what went wrong; empty when nothing did.
    :param brake: why it stopped although there was more to do: rounds or time are used up; empty otherwise.
    :param owed: the tables that earlier runs left to be made equal.
    :returns: ``ok``, ``verdict``, ``proof``, ``applied`` (remedy names), ``rolled_back`` (those that failed and left
        nothing), ``line`` (all of it), ``lines`` (the same, broken), ``headline`` (the first of them), ``would_allow``;
        in check mode ``owed``, the tables that would be made equal besides.
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
    if check_mode:
        tables, told = _to_be_made_equal(steps, owed, bool(found["ok"]))
        found = {**found, "owed": tables, "line": " ".join([found["line"], *told])}
        lines = [*lines, *told]
    return {**found, "lines": lines, "headline": lines[0]}


def _to_be_made_equal(
    steps: Sequence[Mapping[str, Any]], owed: Sequence[str], goes_on: bool
) -> Tuple[List[str], List[str]]:
    """The tables whose rows a run would make equal behind its remedies, and sentences about them.

    :param owed: those that earlier runs left.
    :param goes_on: it would come that far.
    """
    passed = [one for step in steps for one in step.get("passed", ())]
    touched = [table for one in passed for table in one.get("tables", ())]
    touched += [table for step in steps if step["remedy"] == "alter_definition" for table in step.get("tables", ())]
    now = sorted(set(touched))
    earlier = sorted(set(owed).difference(now))
    told = []
    if now:
        told.append("Then rows of %s would be made equal; which ones is not known before." % ", ".join(now))
    for why in sorted({str(one["tables_unknown"]) for one in passed if one.get("tables_unknown")}):
        told.append("Which other tables have to be made equal is not known before: %s." % why)
    if earlier and goes_on:
        told.append("Rows of %s would be made equal, which an earlier run has left." % ", ".join(earlier))
    elif earlier:
        told.append("An earlier run left rows of %s to be made equal once the replica runs." % ", ".join(earlier))
    return [*now, *earlier], told


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
    applied, undone = _kept(steps)
    proof = _proof(proofs)
    result = {
        "verdict": verdict,
        "proof": proof,
        "applied": applied,
        "rolled_back": undone,
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
    if not applied and not proofs:
        return {**result, "ok": True, "line": "Nothing to repair: the replica is %s. Nothing was compared." % verdict}
    done = "Repaired (%s)" % ", ".join(applied) if applied else "Nothing was to be repaired"
    if proofs and all(map(_nothing_touched, proofs)):
        line = done + ". No table was changed since it broke, so there was nothing to compare."
        return {**result, "ok": True, "line": line}
    told = " ".join(str(proof_result.get("msg", "")) for proof_result in proofs)
    if proof not in _PROVEN:
        return {**result, "ok": False, "line": "%s but not proven: %s" % (done, told or "nothing was compared")}
    return {**result, "ok": True, "line": "%s. %s" % (done, told)}


def _kept(steps: Sequence[Mapping[str, Any]]) -> Tuple[List[str], List[str]]:
    """The remedies of which something is left, and those that were rolled back."""
    names = [(bool(step.get("rolled_back")), str(step["remedy"])) for step in steps]
    return [name for undone, name in names if not undone], [name for undone, name in names if undone]


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
