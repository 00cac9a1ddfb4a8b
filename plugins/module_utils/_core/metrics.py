# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of `replica_status` as metrics, in the text format of Prometheus (its manual, "Exposition formats")."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping, Optional, Tuple

from .finding_types import VERDICT_ORDER
from .gtid_mysql import GtidSet
from .open_gaps import Gaps, oldest

Labels = Tuple[Tuple[str, str], ...]
Sample = Tuple[str, Labels, float]

PREFIX = "replicaops_replica_"

# Name without prefix, and what it is; all are gauges.
HELP: Mapping[str, str] = {
    "up": "Whether the server could be read.",
    "looked_timestamp_seconds": "When it was looked at.",
    "verdict": "1 for the verdict that the server is given, 0 for the others.",
    "finding": "1 for each thing that is the case with a channel or the server.",
    "applier_stalled": "Whether the applier says that it runs and does not move.",
    "errant_transactions": "Transactions that only this server has.",
    "hole_transactions": "Transactions that this server has passed over and will not fetch by itself.",
    "gap_transactions": "Transactions that parallel appliers have still to fill in.",
    "oldest_gap_age_seconds": "For how long looks have found a transaction missing, be it a gap or a hole; 0 for none.",
}

_COUNTED = {"errant_transactions": ("errant", "transactions"), "hole_transactions": ("gtid_hole", "missing"),
            "gap_transactions": ("gtid_gap", "missing")}  # fmt: skip


def exposition(statuses: Mapping[str, Mapping[str, Any]], time: float, gaps: Optional[Gaps] = None) -> str:
    """The metrics of several servers.

    :param statuses: results of replica_status by host; an empty one, or one that failed, is a server that was not read.
    :param time: when they were looked at, in seconds since 1970.
    :param gaps: what `open_gaps` says at that time; without it nothing is told of a gap's age.
    """
    samples = [sample for host in sorted(statuses) for sample in _samples(host, statuses[host], time, gaps)]
    lines: List[str] = []
    for name, text in HELP.items():
        lines += ["# HELP %s%s %s" % (PREFIX, name, text), "# TYPE %s%s gauge" % (PREFIX, name)]
        lines += [_line(*sample) for sample in samples if sample[0] == name]
    return "\n".join(lines) + "\n"


def _samples(host: str, status: Mapping[str, Any], time: float, gaps: Optional[Gaps]) -> Iterable[Sample]:
    here: Labels = (("host", host),)
    verdict = status.get("verdict")
    yield "up", here, float(verdict is not None)
    yield "looked_timestamp_seconds", here, time
    if verdict is None:
        return
    for name in VERDICT_ORDER:
        yield "verdict", (*here, ("verdict", name)), float(name == verdict)
    findings = status.get("findings") or []
    kinds = {(str(one.get("channel") or ""), str(one["code"]), str(one["severity"])) for one in findings}
    for channel, code, severity in sorted(kinds):
        yield "finding", (*here, ("channel", channel), ("code", code), ("severity", severity)), 1.0
    for found in status.get("channels") or []:
        channel = str(found["channel"])
        codes = {code for where, code, _severity in kinds if where == channel}
        there = (*here, ("channel", channel))
        yield "applier_stalled", there, float("applier_stalled" in codes)
        for metric, (code, evidence) in _COUNTED.items():
            yield metric, there, float(_count(findings, channel, code, evidence))
        if gaps is not None:
            since = oldest(gaps, host, channel)
            # The clock may have been set back.
            yield "oldest_gap_age_seconds", there, 0.0 if since is None else max(time - since, 0.0)


def _count(findings: Iterable[Mapping[str, Any]], channel: str, code: str, evidence: str) -> int:
    """How many transactions the findings of one kind name; one each where they name no set of MySQL's."""
    number = 0
    for finding in findings:
        if finding["code"] == code and str(finding.get("channel") or "") == channel:
            number += _size(str((finding.get("evidence") or {}).get(evidence) or ""))
    return number


def _size(text: str) -> int:
    try:
        return max(GtidSet.parse(text).count(), 1)
    except ValueError:
        return 1


def _line(name: str, labels: Labels, value: float) -> str:
    shown = ",".join('%s="%s"' % (label, _escaped(text)) for label, text in labels)
    return "%s%s{%s} %s" % (PREFIX, name, shown, repr(int(value)) if value == int(value) else repr(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
