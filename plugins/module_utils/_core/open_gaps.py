# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Since when transactions are missing below later ones that were applied, as looks at a server follow each other.

No server says when a gap came about, so it is as old as the first look that saw one of its transactions missing.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from .gtid_mysql import GtidSet

# By host and channel: since when (in seconds since 1970) which transactions are missing, the oldest first.
Gaps = Dict[str, Dict[str, List[Dict[str, Any]]]]

# A gap that stays without a fault is a hole: both findings are about transactions that are missing.
_CODES = ("gtid_gap", "gtid_hole")


def open_gaps(statuses: Mapping[str, Mapping[str, Any]], before: str, time: float) -> Gaps:
    """What is missing now, and since when.

    :param statuses: results of replica_status by host; of a server that was not read, what was known is kept.
    :param before: what this function returned after the last look, as JSON; anything else means that nothing is known.
    :param time: when they were looked at, in seconds since 1970.
    """
    known = _parsed(before)
    gaps: Gaps = {}
    for host, status in statuses.items():
        found = known.get(host, {}) if status.get("verdict") is None else _seen(status, known.get(host, {}), time)
        if found:
            gaps[host] = found
    return gaps


def oldest(gaps: Mapping[str, Mapping[str, Iterable[Mapping[str, Any]]]], host: str, channel: str) -> Optional[float]:
    """Since when the oldest transaction of a channel is missing; None when none is."""
    return min((float(one["since"]) for one in gaps.get(host, {}).get(channel, ())), default=None)


def _seen(
    status: Mapping[str, Any], known: Mapping[str, List[Dict[str, Any]]], time: float
) -> Dict[str, List[Dict[str, Any]]]:
    found = {}
    for channel in sorted({str(one["channel"]) for one in status.get("channels") or []}):
        rest = _missing(status, channel)
        parts: List[Tuple[float, GtidSet]] = []
        for one in known.get(channel, ()):
            parts.append((float(one["since"]), GtidSet.parse(str(one["missing"])) & rest))
            rest = rest - parts[-1][1]
        entries = [{"since": since, "missing": str(part)} for since, part in [*parts, (time, rest)] if part]
        if entries:
            found[channel] = sorted(entries, key=_since)
    return found


def _since(entry: Mapping[str, Any]) -> float:
    return float(entry["since"])


def _missing(status: Mapping[str, Any], channel: str) -> GtidSet:
    missing = GtidSet.parse("")
    for finding in status.get("findings") or []:
        if finding["code"] in _CODES and str(finding.get("channel") or "") == channel:
            missing = missing | GtidSet.parse(str((finding.get("evidence") or {}).get("missing") or ""))
    return missing


def _parsed(text: str) -> Gaps:
    """What was kept, if it is what this module keeps: a file that somebody has cut short is none."""
    try:
        return {
            str(host): {
                str(channel): [
                    {"since": float(one["since"]), "missing": str(GtidSet.parse(str(one["missing"])))}
                    for one in entries
                ]
                for channel, entries in channels.items()
            }
            for host, channels in json.loads(text).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
