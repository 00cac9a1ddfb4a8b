# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that are generated from the code are as the code is now, and links within the documentation lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def tool(name):
    spec = importlib.util.spec_from_file_location(name, TOP / "tests" / "tools" / (name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_accounts_is_up_to_date():
    table = tool("account_table")
    assert table.PAGE.read_text(encoding="utf-8") == table.page(), "run tests/tools/account_table.py"


def test_the_picture_of_position_finding_is_up_to_date():
    drawn = tool("position_picture")
    assert drawn.PICTURE.read_text(encoding="utf-8") == drawn.picture(), "run tests/tools/position_picture.py"
    assert drawn.PAGE.read_text(encoding="utf-8") == drawn.page(), "run tests/tools/position_picture.py"
    assert drawn.counts().count(0) == 1


PAGES = [str(path.relative_to(TOP)) for path in sorted((TOP / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *PAGES])
def test_links_lead_to_files(page):
    path = TOP / page
    missing = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if not (path.parent / link).exists()]
    assert missing == []
