# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transcripts of the guides are what servers and playbooks show today: one page by default, else all of them."""

from __future__ import annotations

import os

import pytest
from integration.conftest import flavours
from terminal.pages import Scene, load, shown
from terminal.session import comparable

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
# The quickest.
ALWAYS = "failures/relay-log-damage"
SCENES = [found for page, found in load().items() if FULL or page == ALWAYS]


@pytest.mark.every_flavour
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: "%s-%s" % (scene.page.rpartition("/")[2], scene.flavour))
def test_a_page_shows_what_happens(scene: Scene, request: pytest.FixtureRequest) -> None:
    if scene.flavour not in flavours(request.config):
        pytest.skip("it is shown on " + scene.flavour)
    expected = {part: comparable(text) for part, text in shown(scene.path.read_text("utf-8")).items()}
    found = {part: comparable(text) for part, text in scene.play().items()}
    assert found == expected, "run tests/tools/transcripts.py %s and read what has changed" % scene.page
