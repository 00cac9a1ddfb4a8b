# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of findings follows the code and the fixtures; every code has a fixture or a reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding_types import TYPES
from unit.judging import load, paths

TOOLS = Path(__file__).resolve().parents[1] / "tools"


def test_the_page_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    sys.modules.pop("finding_table", None)
    import finding_table

    assert finding_table.PAGE.read_text() == finding_table.page(), "run tests/tools/finding_table.py"


def test_the_page_of_what_to_do_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    for name in ("finding_table", "broken_table"):
        sys.modules.pop(name, None)
    import broken_table

    text = broken_table.PAGE.read_text("utf-8")
    assert text == broken_table.page(), "run tests/tools/broken_table.py"
    named = {*broken_table.TOLD, *(code for _symptom, codes in broken_table.SYMPTOMS for code in codes)}
    assert named <= set(TYPES)
    assert {kind.code for kind in broken_table.CLASSES} <= {code for code in TYPES if "`%s`" % code in text}
    errors = {code for code, kind in TYPES.items() if kind.severity == "error"}
    assert {code for code in errors if "`%s`" % code not in text} == {"rebuild_unfinished"}


@pytest.mark.parametrize("code", sorted(TYPES))
def test_a_code_has_a_fixture_of_a_real_server_or_a_reason(code: str) -> None:
    shown = any(load(path)["code"] == code for path in paths())
    reason = TYPES[code].not_reproduced
    assert shown or reason, "no fixture of %s and no reason in finding_types" % code
    assert not (shown and reason), "%s is marked as not reproduced and has a fixture" % code
