# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A finding: one thing that is the case with a channel or server, with its evidence and remedies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

from .finding_types import HEALTHY, TYPES, VERDICT_ORDER, FindingType
from .remedies import REMEDIES


@dataclass(frozen=True)
class Finding:
    """One finding.

    :param code: a key of `finding_types.TYPES`.
    :param channel: the channel's name, or None for the whole server.
    :param summary: what was seen, one sentence with the names in it.
    :param evidence: what it was concluded from: numbers, texts, sets, coordinates; JSON-able.
    :param names: what identifies this very case for the state id: transaction, coordinates, sets, error number.
    :param remedies: names, least destructive first; the type's own when empty.
    """

    code: str
    channel: Optional[str]
    summary: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)
    remedies: Tuple[str, ...] = ()

    @property
    def kind(self) -> FindingType:
        """The finding's row in the table."""
        return TYPES[self.code]

    def remedy_names(self) -> Tuple[str, ...]:
        """The remedies that are open here, least destructive first."""
        return self.remedies or self.kind.remedies

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        return {
            "code": self.code,
            "severity": self.kind.severity,
            "channel": self.channel,
            "summary": self.summary,
            "meaning": self.kind.meaning,
            "evidence": dict(self.evidence),
            "remedies": [
                {
                    "name": remedy.name,
                    "module": "replicaops.mysql." + remedy.module if remedy.module else None,
                    "risk": remedy.risk,
                    "meaning": remedy.meaning,
                    "needs": list(remedy.needs),
                    "destroys": remedy.destroys,
                }
                for remedy in (REMEDIES[name] for name in self.remedy_names())
            ],
        }


def verdict_of(findings: Iterable[Finding]) -> str:
    """The verdict that findings of one channel add up to: the worst that any of them stands for."""
    return max((finding.kind.verdict for finding in findings), key=VERDICT_ORDER.index, default=HEALTHY)
