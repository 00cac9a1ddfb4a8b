# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTML and SVG as text that cannot be broken by what it shows: only `Markup` is taken as it is, all else is escaped."""

from __future__ import annotations

from html import escape
from typing import Any, Iterable, Union

VOID = frozenset(("meta", "br", "hr", "line", "rect", "path"))


class Markup(str):
    """Text that is markup already."""


Child = Union[str, Markup, Iterable[Any], None]


def text(child: Child) -> Markup:
    """The child as markup: `Markup` as it is, text escaped, None as nothing, others one after the other."""
    if child is None:
        return Markup("")
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return Markup(escape(child))
    return Markup("".join(map(text, child)))


def element(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element.

    :param attributes: by name; ``_`` stands for ``-``, a trailing one is dropped (``class_``); None leaves one out.
    """
    given = "".join(
        ' %s="%s"' % (key.rstrip("_").replace("_", "-"), escape(str(value)))
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup("<%s%s/>" % (name, given))
    return Markup("<%s%s>%s</%s>" % (name, given, text(children), name))
