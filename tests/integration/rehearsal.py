# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode before the real run: it changes nothing, and names the very statements that then run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Tuple

from lab.server import Server

from .playbook import Run, run_module
from .test_repair import queries, result


def rehearsed(run: Callable[..., Run], look: Callable[[], Any], records: Path) -> Tuple[Run, Run]:
    """A playbook in check mode and for real; both runs.

    A plan is one step, as what comes after it depends on what it brings about.

    :param run: runs the playbook with more arguments of the command.
    :param look: everything that a run which writes nothing must leave as it is.
    :param records: where undo records go; none may be written before the real run.
    """
    before, files = look(), sorted(records.glob("**/*"))
    planned = run("--check", "--diff")
    now = look()
    assert now == before, "check mode changed something: %s" % _unlike(before, now)
    assert sorted(records.glob("**/*")) == files, "check mode wrote a record"
    done = run()
    steps = result(done)["steps"]
    first = [str(query) for query in steps[0]["queries"]] if steps else []
    assert queries(planned) == first, "check mode planned %s, and %s ran" % (queries(planned), first)
    return planned, done


def rehearsed_module(
    module: str, server: Server, options: Mapping[str, Any], look: Callable[[], Any], **how: Any
) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """The same with one module; both results."""
    before = look()
    planned = run_module(module, server, options, check=True, **how)
    now = look()
    assert now == before, "check mode changed something: %s" % _unlike(before, now)
    assert not planned.get("executed") and not planned.get("record"), planned
    done = run_module(module, server, options, **how)
    same = ("queries", "failed", "changed", "risk", "loses")
    assert [planned.get(name) for name in same] == [done.get(name) for name in same], (planned, done)
    return planned, done


def _unlike(before: Any, now: Any) -> Any:
    """Where two looks differ: mappings and lists of the same length by their entries, anything else as a pair."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {name: _unlike(before.get(name), now.get(name)) for name in {*before, *now}
                if before.get(name) != now.get(name)}  # fmt: skip
    if isinstance(before, (list, tuple)) and isinstance(now, (list, tuple)) and len(before) == len(now):
        return [_unlike(one, other) for one, other in zip(before, now) if one != other]
    return before, now
