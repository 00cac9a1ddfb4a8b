# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An incident in at most twenty lines, for a terminal and for the output of a job."""

from __future__ import annotations

import re
from typing import Dict, List, Sequence, Tuple

from .incident import Incident, Story

MOST = 20
LETTERS = 240
_NUMBER = re.compile("([0-9]+)")
_FEWEST = 3  # names that follow each other and are told as a range
Parts = List[str]  # of a name, in turns text and number


def lines(told: Incident, page: str = "") -> List[str]:
    """The incident's summary: one line for the whole, then one for each server, those that did not end well first.

    Where that takes too many lines, servers that ended alike share one, in which each of them is named.

    :param page: where the whole report is.
    """
    bad = [story for story in told.stories if not story.ok]
    good = [story for story in told.stories if story.ok]
    head = "%s of %s at %s: %d good, %d not." % (
        told.kind.capitalize(),
        "1 server" if len(told.stories) == 1 else "%d servers" % len(told.stories),
        told.at,
        len(good),
        len(bad),
    )
    room = MOST - 1 - (1 if page else 0)
    return [head, *_servers(bad, good, room), *(["All of it: " + page] if page else [])]


def _servers(bad: Sequence[Story], good: Sequence[Story], room: int) -> List[str]:
    """A line for each; where there is no room for them, one for all that ended alike, the bad ones being the last."""
    stories = [*bad, *good]
    alone = len(stories) if len(stories) <= room else len(bad)
    while alone and alone + len(_alike(stories[alone:])) > room:
        alone -= 1
    together = [
        "%s %s (%d): %s" % (_mark(ok), verdict.replace("_", " "), len(hosts), ", ".join(folded(hosts)))
        for (ok, verdict), hosts in _alike(stories[alone:]).items()
    ]
    return [*map(_line, stories[:alone]), *together]


def _alike(stories: Sequence[Story]) -> Dict[Tuple[bool, str], List[str]]:
    """The servers by how they ended; there are fewer ways to end than there are lines."""
    found: Dict[Tuple[bool, str], List[str]] = {}
    for story in stories:
        found.setdefault((story.ok, story.verdict), []).append(story.host)
    return found


def folded(names: Sequence[str]) -> List[str]:
    """The names, those that are numbered one after the other as a range in the way of inventories: ``db[01:50]``."""
    runs: List[List[Parts]] = []
    for parts in sorted((_NUMBER.split(name) for name in names), key=_order):
        if runs and _follows(runs[-1], parts):
            runs[-1].append(parts)
        else:
            runs.append([parts])
    return [told for run in runs for told in _told(run)]


def _order(parts: Parts) -> List[Tuple[bool, int, str]]:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _differing(one: Parts, other: Parts) -> List[int]:
    return [place for place, part in enumerate(one) if part != other[place]]


def _follows(run: Sequence[Parts], parts: Parts) -> bool:
    """Whether a name is the last one of a run with its number, always the same one of its numbers, grown by one."""
    first, last = run[0], run[-1]
    if len(parts) != len(last):
        return False
    places = _differing(last, parts)
    if len(places) != 1 or places[0] % 2 == 0 or (len(run) > 1 and places != _differing(first, last)):
        return False
    return parts[places[0]] == str(int(last[places[0]]) + 1).zfill(len(first[places[0]]))


def _told(run: Sequence[Parts]) -> List[str]:
    if len(run) < _FEWEST:
        return ["".join(parts) for parts in run]
    (place,) = _differing(run[0], run[-1])
    numbers = "[%s:%s]" % (run[0][place], run[-1][place])
    return ["".join([*run[0][:place], numbers, *run[0][place + 1 :]])]


def _mark(ok: bool) -> str:
    return "  " if ok else "! "


def _line(story: Story) -> str:
    was = story.verdict_before
    verdict = story.verdict if was == story.verdict else "%s, was %s" % (story.verdict, was)
    told = "%s %s (%s): %s" % (_mark(story.ok), story.host, verdict, " ".join(story.line.split()))
    return told if len(told) <= LETTERS else told[: LETTERS - 3] + "..."
