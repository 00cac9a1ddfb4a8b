# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An incident in at most twenty lines, for a terminal and for the output of a job."""

from __future__ import annotations

from typing import List

from .incident import Incident, Story

MOST = 20
LETTERS = 240


def lines(told: Incident, page: str = "") -> List[str]:
    """The incident's summary: one line for the whole, then one for each server, those that did not end well first.

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
    ordered = [_line(story) for story in [*bad, *good]]
    if len(ordered) > room:
        rest = len(ordered) - room + 1
        unwell = max(len(bad) - room + 1, 0)
        ordered = [*ordered[: room - 1], "... and %d more, %d of them not good" % (rest, unwell)]
    return [head, *ordered, *(["All of it: " + page] if page else [])]


def _line(story: Story) -> str:
    was = story.verdict_before
    verdict = story.verdict if was == story.verdict else "%s, was %s" % (story.verdict, was)
    told = "%s %s (%s): %s" % ("  " if story.ok else "! ", story.host, verdict, " ".join(story.line.split()))
    return told if len(told) <= LETTERS else told[: LETTERS - 3] + "..."
