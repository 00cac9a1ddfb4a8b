# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened to each server of a run, from the results that the roles kept: what a report tells."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .runs import Row, rows

DIAGNOSIS = "diagnosis"
PLAN = "plan"
REPAIR = "repair"
VERIFICATION = "verification"

TOLD = ("diagnose_status", "repair_first", "repair_status", "repair_result", "verify_result", "verify_failure")


@dataclass(frozen=True)
class Step:
    """One remedy that was applied (in a plan: would be)."""

    remedy: str
    finding: str
    channel: str
    told: str
    statements: Tuple[str, ...]
    passed: Tuple[Mapping[str, Any], ...]
    records: Tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """One server: what was found, what was done, how it ended."""

    host: str
    verdict_before: str
    verdict: str
    line: str
    ok: bool
    findings: Tuple[Mapping[str, Any], ...]
    left: Tuple[Mapping[str, Any], ...]
    steps: Tuple[Step, ...]
    refusals: Tuple[str, ...]
    proofs: Tuple[str, ...]
    sets: Mapping[str, Sequence[Row]]

    @property
    def records(self) -> Tuple[str, ...]:
        """The undo records, the first one first."""
        return tuple(record for step in self.steps for record in step.records)


@dataclass(frozen=True)
class Incident:
    """A run over several servers. ``at``: when, as text; ``statuses``: the last look at each host."""

    kind: str
    at: str
    stories: Tuple[Story, ...]
    statuses: Mapping[str, Mapping[str, Any]]

    @property
    def ok(self) -> bool:
        """Whether every server ended well."""
        return all(story.ok for story in self.stories)


def incident(hosts: Mapping[str, Mapping[str, Any]], kind: str, at: str) -> Incident:
    """The incident that the results of the roles tell of.

    :param hosts: by inventory name, what the roles left among the host's variables: ``diagnose_status``,
        ``repair_first`` and ``repair_status`` (results of `replica_status`), ``repair_result``, ``verify_result`` (a
        result of `table_compare`), ``verify_failure`` (why it did not come to one). Each may be missing or empty.
    :param kind: one of ``diagnosis``, ``plan``, ``repair``, ``verification``.
    :raises ValueError: for another kind.
    """
    if kind not in (DIAGNOSIS, PLAN, REPAIR, VERIFICATION):
        raise ValueError("a report tells of a diagnosis, plan, repair or verification, not of %r" % kind)
    known = {host: {name: _plain(told[name]) for name in TOLD if told.get(name)} for host, told in hosts.items()}
    stories = tuple(_story(host, told) for host, told in known.items())
    return Incident(kind, at, stories, {host: _last(told) for host, told in known.items()})


def _plain(value: Any) -> Any:
    """A copy of plain containers: those of Ansible's templates cannot be copied later on."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _last(told: Mapping[str, Any]) -> Mapping[str, Any]:
    return told.get("repair_status") or told.get("diagnose_status") or {}


def _story(host: str, told: Mapping[str, Any]) -> Story:
    first, last = told.get("repair_first") or _last(told), _last(told)
    result, verified = told.get("repair_result") or {}, told.get("verify_result") or {}
    proofs = [*result.get("proofs", ()), *([verified] if verified else ())]
    unseen = str(told.get("verify_failure") or "It could not be looked at; the error is in the output of the run.")
    proof = str(verified.get("proof", "unknown"))
    return Story(
        host=host,
        verdict_before=str(first.get("verdict", proof)),
        verdict=str(last.get("verdict", proof)),
        line=str(result.get("line") or verified.get("msg") or last.get("msg") or unseen),
        ok=bool(result["ok"]) if "ok" in result else _well(last, verified),
        findings=tuple(first.get("findings", ())),
        left=tuple(last.get("findings", ())) if result else (),
        steps=tuple(map(_step, result.get("steps", ()))),
        refusals=tuple(map(str, result.get("refusals", ()))),
        proofs=tuple(str(proof.get("msg", "")) for proof in proofs),
        sets=_sets(first),
    )


def _well(status: Mapping[str, Any], verified: Mapping[str, Any]) -> bool:
    if verified:
        return verified.get("proof") in ("rows_proven", "fully_verified")
    return status.get("verdict") in ("healthy", "behind", "not_a_replica")


def _step(given: Mapping[str, Any]) -> Step:
    return Step(
        remedy=str(given.get("remedy", "")),
        finding=str(given.get("finding", "")),
        channel=str(given.get("channel") or ""),
        told=("Rolled back. " if given.get("rolled_back") else "") + str(given.get("msg", "")),
        statements=tuple(map(str, given.get("queries", ()))),
        passed=tuple(given.get("passed", ())),
        records=tuple(map(str, given.get("records", ()))),
    )


def _sets(status: Mapping[str, Any]) -> Dict[str, Sequence[Row]]:
    """By channel, what the GTID sets of the replica and of the channel's source come to; only where both are known."""
    by_channel: Dict[str, Sequence[Row]] = {}
    uuids = {channel.get("channel"): channel.get("source_uuid") for channel in status.get("channels", ())}
    codes: List[str] = [str(finding.get("code")) for finding in status.get("findings", ())]
    for source in status.get("sources", ()):
        name = source.get("channel")
        found = rows(status.get("gtid") or {}, source.get("gtid") or {}, str(uuids.get(name) or ""), codes)
        if found:
            by_channel[str(name or "")] = found
    return by_channel


def as_data(told: Incident) -> Dict[str, Any]:
    """The incident for machines: what the page tells, all of it."""
    return {"kind": told.kind, "at": told.at, "ok": told.ok, "servers": [asdict(story) for story in told.stories]}
