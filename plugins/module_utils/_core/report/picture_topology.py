# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers as boxes, sources above their replicas, and channels as arrows between them."""

from __future__ import annotations

from typing import Dict, List, Tuple

from .markup import Markup, element
from .topology import Link, Node, Topology

BOX_WIDTH = 250
BOX_HEIGHT = 62
ACROSS = BOX_WIDTH + 40
DOWN = BOX_HEIGHT + 74
# So much of a name fits into a box; the whole one is in the title and in the words below the picture.
LETTERS = 30


def picture(shown: Topology, name: str) -> Markup:
    """The topology as SVG.

    :param name: tells this picture's parts from those of others on the page; letters, digits and dashes.
    """
    places = _places(shown)
    width = max((left for left, _top in places.values()), default=0) + BOX_WIDTH + 4
    height = max((top for _left, top in places.values()), default=0) + BOX_HEIGHT + 4
    return element(
        "svg",
        element("title", "Servers and channels", id=name + "-title"),
        element("desc", ". ".join(shown.words()), id=name + "-words"),
        element(
            "defs",
            element("marker", element("path", d="M0,0 L8,4 L0,8 z"), id=name + "-tip", markerWidth=8, markerHeight=8,
                    refX=7, refY=4, orient="auto"),
        ),
        [_arrow(link, places, name) for link in shown.links],
        [_box(node, *places[node.key]) for node in shown.nodes],
        viewBox="0 0 %d %d" % (width, height),
        style="max-width:%dpx" % width,
        role="img",
        aria_labelledby="%s-title %s-words" % (name, name),
        class_="servers",
    )  # fmt: skip


def _places(shown: Topology) -> Dict[str, Tuple[int, int]]:
    """The left upper corner of each box: one row for each rank, side by side."""
    filled: Dict[int, int] = {}
    places = {}
    for node in shown.nodes:
        column = filled.get(node.rank, 0)
        filled[node.rank] = column + 1
        places[node.key] = (column * ACROSS + 2, node.rank * DOWN + 2)
    return places


def _short(text: str) -> str:
    return text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"


def _box(node: Node, left: int, top: int) -> Markup:
    middle = left + BOX_WIDTH // 2
    lines: List[Tuple[str, str]] = [
        (node.host, "host"),
        (node.about, "about"),
        (node.verdict.replace("_", " "), "verdict"),
    ]
    return element(
        "g",
        element("title", "%s: %s, %s" % (node.host, node.about, node.verdict)),
        element("rect", x=left, y=top, width=BOX_WIDTH, height=BOX_HEIGHT, rx=6),
        [element("text", _short(told), x=middle, y=top + 19 + 17 * number, class_=kind)
         for number, (told, kind) in enumerate(lines)],
        class_="server " + node.verdict,
    )  # fmt: skip


def _arrow(link: Link, places: Dict[str, Tuple[int, int]], name: str) -> Markup:
    """A line from the source's box to the replica's; in a ring one goes up again, beside the others."""
    (left, top), (to_left, to_top) = places[link.source], places[link.replica]
    if to_top > top:
        start, end = (left + BOX_WIDTH // 2, top + BOX_HEIGHT), (to_left + BOX_WIDTH // 2, to_top)
    elif to_top < top:
        start, end = (left + 30, top), (to_left + 30, to_top + BOX_HEIGHT)
    else:
        start, end = (left + BOX_WIDTH, top + 40), (to_left, to_top + 40)
    middle = ((start[0] + end[0]) // 2 + 8, (start[1] + end[1]) // 2)
    return element(
        "g",
        element("title", link.label),
        element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], marker_end="url(#%s-tip)" % name),
        element("text", link.verdict, x=middle[0], y=middle[1]),
        class_="channel " + link.verdict,
    )
