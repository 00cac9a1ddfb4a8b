# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tables a statement may have touched: never one too few."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.mismatch_names import Body, Known, touched

TABLES = frozenset((("shop", "m"), ("shop", "log"), ("shop", "child"), ("other", "m"), ("shop", "in")))


def tables(*statements: Any, **known: Any) -> Any:
    found = touched(statements, known.pop("written", ()), Known(TABLES, **known))
    return {"%s.%s" % pair for pair in found.tables}, found.unknown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INSERT INTO m VALUES (1)", {"shop.m"}),
        ("insert into `M` values ('log')", {"shop.m"}),
        ("UPDATE other.m SET v = 1", {"shop.m", "other.m"}),
        ("DELETE m FROM m JOIN log ON log.id = m.id", {"shop.m", "shop.log"}),
        ("INSERT INTO \"m\" SELECT 'it''s log', 'a\\'log'", {"shop.m"}),
        ("DROP TABLE x /* log */, m", {"shop.m"}),
        ("REPLACE INTO `in` VALUES (1)", {"shop.in"}),
        ("DROP USER u", set()),
    ],
)
def test_names_in_the_text(text: str, expected: Any) -> None:
    assert tables((text, "shop")) == (expected, "")


def test_triggers_routines_views_and_children_lead_on() -> None:
    trigger = Body("trigger", "shop", "m", "INSERT INTO log VALUES (NEW.id)")
    assert tables(("UPDATE m SET v = 1", "shop"), bodies=(trigger,)) == ({"shop.m", "shop.log"}, "")
    routine = Body("routine", "shop", "f", "RETURN (SELECT COUNT(*) FROM child)")
    assert tables(("UPDATE m SET v = f(1)", "shop"), bodies=(routine,)) == ({"shop.m", "shop.child"}, "")
    view = Body("view", "shop", "w", "select `shop`.`log`.`id` from `shop`.`log`")
    assert tables(("INSERT INTO w VALUES (1)", "shop"), bodies=(view,)) == ({"shop.log"}, "")
    keys = ((("shop", "child"), ("shop", "m")),)
    assert tables(("DELETE FROM m", "shop"), foreign_keys=keys) == ({"shop.m", "shop.child"}, "")
    assert tables(written=[("shop", "log")]) == ({"shop.log"}, "")


def test_what_cannot_be_known_is_said() -> None:
    hidden = Body("routine", "shop", "f", None)
    assert "shop.f" in tables(("DO f()", "shop"), bodies=(hidden,))[1]
    dynamic = Body("routine", "shop", "f", "PREPARE s FROM @x; EXECUTE s")
    assert "out of texts" in tables(("DO f()", "shop"), bodies=(dynamic,))[1]
