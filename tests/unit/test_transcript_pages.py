# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transcripts of the guides: each page has its scene, each scene its page, nothing of this machine is in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|/tmp/|\b\d+T\d+\.(?!000000Z)")


@pytest.fixture(name="pages")
def pages_module(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("pymysql")
    pytest.importorskip("docker")
    monkeypatch.syspath_prepend(str(TESTS))
    import terminal.pages

    return terminal.pages


def test_every_mark_of_a_page_has_a_part_of_a_scene(pages):
    scenes = pages.load()
    found = {str(path.relative_to(pages.DOCS).with_suffix("")): path for path in pages.DOCS.rglob("*.md")}
    found["../README"] = pages.DOCS.parent / "README.md"
    with_marks = {name for name, path in found.items() if "<!-- transcript:" in path.read_text("utf-8")}
    assert with_marks == set(scenes)
    for name in with_marks:
        text = scenes[name].path.read_text("utf-8")
        parts = pages.shown(text)
        assert len(parts) == text.count("<!-- transcript:") == text.count("<!-- end of transcript -->")
        assert all(part.strip() for part in parts.values())
        assert pages.filled(text, parts) == text


def test_nothing_of_this_machine_is_in_a_transcript(pages):
    for scene in pages.load().values():
        for text in pages.shown(scene.path.read_text("utf-8")).values():
            assert ADDRESS.findall(text) == []
            assert max(len(line) for line in text.splitlines()) <= 200


def test_a_part_is_put_between_its_marks_alone(pages):
    text = "a\n<!-- transcript: one -->\n```text\nold\n```\n<!-- end of transcript -->\nb\n"
    assert pages.shown(text) == {"one": "old\n"}
    assert pages.filled(text, {"one": "new \\1\n"}) == text.replace("old", "new \\1")
    with pytest.raises(KeyError):
        pages.filled(text, {"two": "new\n"})


def test_what_differs_between_packages_of_a_server_is_left_out(pages):
    from terminal.session import comparable

    assert comparable("db2:3306 (MySQL 9.7.4): broken") == comparable("db2:3306 (MySQL 9.7.11-log): broken")
    assert comparable("binlog.000001:2067") == "binlog.000001:2067"
