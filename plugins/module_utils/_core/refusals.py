# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a repair did not do, in lines that people can read: what was refused and why, and what was not tried."""

from __future__ import annotations

import re
from typing import List, Sequence

WIDTH = 110
MOST = 20

# A remedy's name in front of what is said of it.
_NAMED = re.compile(r"; (?=[a-z_]+: )")
_LEFT = re.compile(r"^(?P<left>[\w, ]+ (?:is|are) left)\. (?P<rest>.*)$", re.S)
# Said of remedies whose refusal stands in the lines above.
_ABOVE = "tried in this state already"


def lines(headline: str, refusals: Sequence[str], reason: str, would_allow: Sequence[str]) -> List[str]:
    """The lines, at most `MOST`, each no longer than `WIDTH` where its words allow it.

    :param headline: the first line.
    :param refusals: what modules refused, each as ``remedy: message``.
    :param reason: why the last choice was to do nothing more; '' when it was another one.
    :param would_allow: the switches that would allow more.
    """
    match = _LEFT.match(reason)
    left, rest = (match.group("left") + ".", match.group("rest")) if match else (reason, "")
    said = [headline + (" " + left if left else "")]
    if refusals:
        said.append("Refused:")
        for one in dict.fromkeys(refusals):
            said += wrapped(one)
    others = [one for one in _NAMED.split(rest.rstrip(".")) if one and not one.endswith(_ABOVE)]
    if others:
        said.append("Not used:")
        for one in others:
            said += wrapped(one)
    allow = ["What would allow more: %s." % ", ".join(would_allow)] if would_allow else []
    room = MOST - len(allow)
    if len(said) > room:
        said = [*said[: room - 1], "(%d more lines; all of it is in repair_result.line)" % (len(said) - room + 1)]
    return said + allow


def wrapped(text: str) -> List[str]:
    """A text as an item of a list, broken between words."""
    made: List[str] = []
    line = "- "
    for word in text.split():
        if len(line) + len(word) > WIDTH and line.strip(" -"):
            made.append(line.rstrip())
            line = "  "
        line += word + " "
    return [*made, line.rstrip()]
