# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Diagnosis in words: a short paragraph that an on-call person understands without knowing the rest of the result."""

from __future__ import annotations

from typing import List, Optional

from .choose_obstacles import unfit
from .diagnose import ChannelDiagnosis, Diagnosis
from .finding import Finding
from .finding_types import BEHIND, HEALTHY, INFO, NOT_A_REPLICA, UNKNOWN
from .remedies import REMEDIES
from .snapshot import GTID, Channel
from .state import channel_as_dict

_VERDICTS = {
    HEALTHY: "is healthy",
    BEHIND: "is healthy but behind",
    UNKNOWN: "is in a state that cannot be told",
}


def message(diagnosis: Diagnosis) -> str:
    """The verdict, what it is concluded from, and what to do, for the whole server."""
    server = diagnosis.server
    name = "%s (%s)" % (server.address, server.flavour.name)
    if diagnosis.verdict == NOT_A_REPLICA:
        return "%s is not a replica: it has no replication channel." % name
    if not diagnosis.channels:
        return "%s: whether it replicates is unknown. %s" % (name, _server_notes(diagnosis))
    parts = [_channel(name, diagnosed) for diagnosed in diagnosis.channels]
    return " ".join([*parts, _server_notes(diagnosis)]).strip()


def _channel(name: str, diagnosed: ChannelDiagnosis) -> str:
    """One channel's paragraph."""
    channel = diagnosed.channel
    where = "from %s:%d" % (channel.source_host, channel.source_port)
    if channel.name:
        where = "channel '%s' %s" % (channel.name, where)
    words = _VERDICTS.get(diagnosed.verdict, "is " + diagnosed.verdict)
    sentences = ["%s: replication %s %s." % (name, where, words)]
    grave = [finding for finding in diagnosed.findings if finding.kind.severity != INFO]
    notes = [finding for finding in diagnosed.findings if finding.kind.severity == INFO]
    for finding in grave:
        said = [_sentence(finding.summary), finding.kind.meaning, remedy_sentence(finding, channel)]
        sentences.extend(sentence for sentence in said if sentence not in sentences)
    sentences.extend(_sentence(finding.summary) for finding in notes)
    return " ".join(sentence for sentence in sentences if sentence)


def remedy_sentence(finding: Finding, channel: Optional[Channel] = None) -> str:
    """Which repair comes first of those that fit the channel, and what it puts at risk.

    :param channel: None for a finding about the whole server.
    """
    known = [REMEDIES[name] for name in finding.remedy_names()]
    if not known or not known[0].module:
        return known[0].meaning if known else ""
    # By the rule that a repair goes by, so that both name the same.
    shown = channel_as_dict(channel) if channel is not None else {}
    reasons = {remedy: unfit(remedy, shown, finding.as_dict()) for remedy in known if remedy.module}
    first = next((remedy for remedy, reason in reasons.items() if not reason), None)
    if first is None:
        return "No repair fits: %s." % reasons[known[0]]
    return "Least destructive repair: %s (%s, risk %s)." % (first.name, first.module, first.risk)


def _server_notes(diagnosis: Diagnosis) -> str:
    """What concerns the whole server."""
    return " ".join(_sentence(finding.summary) for finding in diagnosis.server_findings)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


def report(diagnosis: Diagnosis) -> List[str]:
    """The diagnosis as lines for a terminal: the server, each channel's threads, each finding with what to do."""
    server = diagnosis.server
    lines = ["%s (%s): %s" % (server.address, server.flavour.name, diagnosis.verdict)]
    for diagnosed in diagnosis.channels:
        channel = diagnosed.channel
        what = "channel '%s'" % channel.name if channel.name else "replication"
        mode = "GTID" if channel.mode == GTID else "file and position"
        lines.append(
            "%s from %s:%d by %s, receiver %s, applier %s, applied up to %s: %s"
            % (what, channel.source_host, channel.source_port, mode, channel.receiver, channel.applier,
               channel.executed or "unknown", diagnosed.verdict)
        )  # fmt: skip
        for finding in diagnosed.findings:
            lines.extend(_lines(finding, channel))
    for finding in diagnosis.server_findings:
        lines.extend(_lines(finding))
    return lines


def _lines(finding: Finding, channel: Optional[Channel] = None) -> List[str]:
    """One finding: what was seen, the statement when one failed, what it means, which repair."""
    lines = ["  %s %s: %s" % (finding.kind.severity, finding.code, finding.summary)]
    if finding.evidence.get("query"):
        lines.append("    statement: %s" % finding.evidence["query"])
    if finding.kind.severity != INFO:
        lines.append("    means: %s" % finding.kind.meaning)
    lines.extend("    %s" % sentence for sentence in [remedy_sentence(finding, channel)] if sentence)
    return lines
