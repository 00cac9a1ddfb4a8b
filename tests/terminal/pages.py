# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages with transcripts: a page has a scene, and between its marks stands what the scene shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Mapping

from lab.topology import Lab

from .session import Session

DOCS = Path(__file__).resolve().parents[2] / "docs"
PART = re.compile(r"(<!-- transcript: ([\w-]+) -->\n)```text\n(.*?)```\n(<!-- end of transcript -->)", re.S)


@dataclass(frozen=True)
class Scene:
    """What is shown on one page.

    :param page: the page below docs/, without its ending.
    :param act: breaks, looks, repairs; whatever it does stands in the session's parts.
    :param flavour: the servers it is shown on.
    :param options: those of the lab.
    """

    page: str
    act: Callable[[Session], None]
    flavour: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The page's file."""
        return DOCS / (self.page + ".md")

    def play(self) -> Dict[str, str]:
        """Play it on servers of its own; what each part shows."""
        with Lab(self.flavour, **self.options) as lab:
            session = Session(lab)
            try:
                session.settled()
                self.act(session)
                return {name: "\n".join(lines) + "\n" for name, lines in session.parts.items()}
            finally:
                session.close()


SCENES: Dict[str, Scene] = {}


def scene(page: str, flavour: str, **options: Any) -> Callable[[Callable[[Session], None]], Callable[[Session], None]]:
    """Register the function below as what is shown on a page."""

    def register(act: Callable[[Session], None]) -> Callable[[Session], None]:
        SCENES[page] = Scene(page, act, flavour, options)
        return act

    return register


def load() -> Dict[str, Scene]:
    """Every scene there is, by its page."""
    from . import scenes_disk, scenes_gtid, scenes_logs, scenes_receiver, scenes_rows  # noqa: F401

    return SCENES


def shown(text: str) -> Dict[str, str]:
    """What stands between the marks of a page, by part."""
    return {match.group(2): match.group(3) for match in PART.finditer(text)}


def filled(text: str, parts: Mapping[str, str]) -> str:
    """A page with these parts between its marks. Raises KeyError for a mark without a part."""
    return PART.sub(lambda found: "%s```text\n%s```\n%s" % (found[1], parts[found[2]], found[4]), text)
