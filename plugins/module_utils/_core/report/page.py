# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one HTML page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

import json
from typing import Any, List, Mapping, Sequence

from . import picture_gtid, picture_topology
from .incident import PLAN, REPAIR, Incident, Step, Story
from .lines import folded
from .markup import Markup, element
from .runs import MEANINGS, Row
from .style import STYLE
from .topology import topology

MOST = 200


def page(told: Incident) -> str:
    """The whole page as text."""
    title = "%s of %s" % (
        told.kind.capitalize(),
        ", ".join(folded([story.host for story in told.stories])) or "nothing",
    )
    body = element(
        "main",
        element("header", element("h1", title), element("p", told.at), _overview(told)),
        _servers(told),
        [_story(story, number, told.kind) for number, story in enumerate(told.stories)],
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    return "<!DOCTYPE html>\n%s\n" % element("html", head, element("body", body), lang="en")


def _servers(told: Incident) -> Markup:
    """The picture of the servers, where any of them was looked at as a replica."""
    if not any(told.statuses.values()):
        return Markup("")
    shown = topology(told.statuses)
    return element(
        "section", element("h2", "Servers"), picture_topology.picture(shown, "servers"), _words(shown.words())
    )


def _overview(told: Incident) -> Markup:
    changing = told.kind == REPAIR
    rows = [
        element(
            "tr",
            element("th", element("a", story.host, href="#host-%d" % number), scope="row"),
            element("td", _badge(story.verdict_before)) if changing else None,
            element("td", _badge(story.verdict)),
            element("td", story.line),
        )
        for number, story in enumerate(told.stories)
    ]
    titles = ("Server", "Before", "Now", "In one line") if changing else ("Server", "Verdict", "In one line")
    heads = [element("th", text, scope="col") for text in titles]
    return element("table", element("thead", element("tr", heads)), element("tbody", rows), class_="overview")


def _badge(verdict: str) -> Markup:
    return element("span", verdict.replace("_", " "), class_="badge " + verdict)


def _words(lines: Sequence[str]) -> Markup:
    return element("details", element("summary", "The picture in words"), _list(lines))


def _list(lines: Sequence[object]) -> Markup:
    return element("ul", [element("li", line) for line in _first(lines)])


def _first(lines: Sequence[object]) -> List[str]:
    """As many as a person reads; the JSON beside the page has all."""
    rest = len(lines) - MOST
    return [
        *map(str, lines[:MOST]),
        *(["... and %d more, all in the JSON beside this page" % rest] if rest > 0 else []),
    ]


def _story(story: Story, number: int, kind: str) -> Markup:
    name = "host-%d" % number
    return element(
        "article",
        element("h2", story.host, " ", _badge(story.verdict), id=name),
        element("p", story.line, class_="line"),
        _part("What was found", [_finding(finding) for finding in story.findings]),
        [_sets(rows, channel, "%s-sets-%d" % (name, place))
         for place, (channel, rows) in enumerate(story.sets.items())],
        _part("What would be done" if kind == PLAN else "What was done",
              [element("ol", [_step(step) for step in story.steps], class_="steps")] if story.steps else []),
        _part("What was refused", [_list(story.refusals)] if story.refusals else []),
        _part("Proof", [_list(story.proofs)] if story.proofs else []),
        _part("What is left", [_list(["%s: %s" % (finding["code"], finding["summary"]) for finding in story.left])]
              if story.left else []),
        _part("How to undo it", _undo(story) if kind != PLAN else []),
        aria_labelledby=name,
    )  # fmt: skip


def _part(title: str, content: Sequence[Markup]) -> Markup:
    return element("section", element("h3", title), content) if content else Markup("")


def _finding(finding: Mapping[str, Any]) -> Markup:
    evidence = [
        [element("dt", str(name)), element("dd", _value(value))]
        for name, value in sorted((finding.get("evidence") or {}).items())
        if value not in ("", None, [], {})
    ]
    remedies = [
        "%s (risk %s): %s" % (remedy["name"], remedy["risk"], remedy["meaning"])
        for remedy in finding.get("remedies", ())
    ]
    return element(
        "div",
        element("h4", element("span", str(finding["severity"]), class_="severity"), " ",
                element("code", finding["code"]),
                " on channel %s" % finding["channel"] if finding.get("channel") else None),
        element("p", str(finding["summary"])),
        element("p", str(finding["meaning"]), class_="meaning") if finding["meaning"] != finding["summary"] else None,
        element("dl", evidence) if evidence else None,
        element("details", element("summary", "Remedies, the least destructive first"), _list(remedies))
        if remedies else None,
        class_="finding " + str(finding["severity"]),
    )  # fmt: skip


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _sets(rows: Sequence[Row], channel: str, name: str) -> Markup:
    present = {stretch.meaning for row in rows for stretch in row.stretches}
    legend = [
        element("li", element("span", class_="swatch " + meaning), text)
        for meaning, text in MEANINGS.items()
        if meaning in present
    ]
    title = "GTID sets" + (" of channel %s" % channel if channel else "")
    return element(
        "section",
        element("h3", title),
        picture_gtid.picture(rows, name),
        element("ul", legend, class_="legend"),
        element("p", "Widths grow with the logarithm of the number of transactions.", class_="meaning"),
        _words(picture_gtid.words(rows)),
    )


def _step(step: Step) -> Markup:
    passed = [_value(given) for given in step.passed]
    return element(
        "li",
        element("p", element("strong", step.remedy), " for ", element("code", step.finding),
                " on channel %s" % step.channel if step.channel else None, ": ", step.told),
        element("pre", "\n".join(_first(step.statements)), tabindex=0) if step.statements else None,
        element("details", element("summary", "Transactions passed"), _list(passed)) if passed else None,
    )  # fmt: skip


def _undo(story: Story) -> List[Markup]:
    commands = [
        "ansible-playbook replicaops.mysql.undo -e target=%s -e undo_record=%s" % (story.host, record)
        for record in reversed(story.records)
    ]
    if not commands:
        return []
    told = "The newest first. What cannot be put back is named by the playbook."
    return [element("p", told), element("pre", "\n".join(commands), tabindex=0)]
