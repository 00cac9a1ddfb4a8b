# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of five incidents in a browser: wide and narrow, light and dark, asking for nothing beside themselves.

REPLICA_TEST_SCREENSHOTS names a folder in which the pages and the screenshots are left.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from integration.browser import CHROMIUM, Browser
from integration.conftest import Pair
from integration.playbook import Run, run_playbook
from integration.test_fleet import names
from integration.test_repair import host

pytestmark = [
    pytest.mark.skipif(os.environ.get("REPLICA_TEST_MATRIX") != "full", reason="minutes: REPLICA_TEST_MATRIX=full"),
    pytest.mark.skipif(not CHROMIUM, reason="needs chromium"),
    pytest.mark.modes("gtid"),
]
# The height that text has on the screen, also that of pictures which were made smaller.
SMALLEST = "Math.min(99, ...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROUND = "getComputedStyle(document.body).backgroundColor"
INK = "getComputedStyle(document.body).color"


def report(folder: Path, name: str, inventory: Dict[str, Any], *more: str, **variables: str) -> Path:
    """Run a playbook; the page that it left."""
    given = {"target": "all", "report_dir": str(folder), "repair_record_dir": str(folder / "records"), **variables}
    before = set(folder.glob("*.html"))
    run: Run = run_playbook("replicaops.mysql." + name, inventory, ["-e", json.dumps(given), *more])
    made = set(folder.glob("*.html")) - before
    assert len(made) == 1, run.output
    return made.pop()


def light(colour: str) -> float:
    """How light a colour is, from 0 to 1, as contrast is reckoned (WCAG 2, relative luminance)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def incidents(pair: Pair, folder: Path) -> Iterator[Path]:
    """The pages of five incidents, one after the other."""
    both = {"all": {"hosts": {"db1": host(pair.source), "db2": host(pair.replica)}}}
    replica = {"all": {"hosts": {"db2": host(pair.replica)}}}
    pair.write(4)
    pair.wait_same()

    pair.replica.execute_unlogged("DELETE FROM shop.t WHERE v = 'row 1'")
    pair.source.execute("UPDATE shop.t SET v = 'changed' WHERE v = 'row 1'")
    pair.replica.wait_until(lambda: str(pair.status()[pair.words.sql_running]) == "No", 60, "the applier to stop")
    yield report(folder, "diagnose", both)
    yield report(folder, "repair", both, target="db2")

    pair.replica.execute("UPDATE shop.t SET v = 'errant' WHERE v = 'row 2'")
    yield report(folder, "diagnose", both)
    yield report(folder, "verify", replica)

    inventory = names(pair.lab.servers, 24)
    inventory["all"]["children"]["fleet"]["hosts"]["db007"]["replica_login_port"] = "1"
    pair.replica.stop_replica()
    yield report(folder, "diagnose", inventory)


def test_pages_in_a_browser(well: Pair, tmp_path: Path) -> None:
    folder = Path(os.environ.get("REPLICA_TEST_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    with Browser() as browser:
        for number, page in enumerate(incidents(well, tmp_path)):
            shown = folder / ("%d-%s.html" % (number, page.name.partition("-")[0]))
            text = page.read_text(encoding="utf-8")
            shown.write_text(text, encoding="utf-8")
            assert not re.search(r"<(script|link|img|iframe|object|embed|form|base)\b|@import|url\((?!#)|//", text)
            for width in (1200, 400):
                look(browser, shown, width)
    assert number == 4


def look(browser: Browser, page: Path, width: int) -> None:
    """Open a page in both colour schemes and judge what is to be seen."""
    for dark in (False, True):
        where = "%s at %d, %s" % (page.name, width, "dark" if dark else "light")
        browser.open(page, width, dark)
        browser.screenshot(page.with_name("%s-%d-%s.png" % (page.stem, width, "dark" if dark else "light")))
        assert browser.requests == {page.as_uri()}, where
        assert browser.value(WIDER) == 0, where
        assert browser.value(SMALLEST) >= 10, where
        lights = sorted((light(browser.value(GROUND)), light(browser.value(INK))))
        assert (light(browser.value(GROUND)) < 0.1) == dark, where
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 7, where
        pictures = browser.images()
        assert len(pictures) == browser.value("document.querySelectorAll('svg').length"), where
        assert all(picture["name"] for picture in pictures), where
