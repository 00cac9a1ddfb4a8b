# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a fixture of findings as a survey would: what was read of a real server, without the server."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Dict, List, Optional

from ansible_collections.replicaops.mysql.plugins.module_utils._core import normalise
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose import (
    Diagnosis,
    Surroundings,
    case_of,
    diagnose,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose_gtid import errant_candidates
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Peer

FIXTURES = Path(__file__).resolve().parent / "fixtures" / "findings"
Fixture = Dict[str, Any]


def paths() -> List[Path]:
    """Every fixture, by flavour and name."""
    return sorted(FIXTURES.glob("*/*.json"))


def load(path: Path) -> Fixture:
    """A fixture."""
    fixture: Fixture = json.loads(path.read_text())
    return fixture


def surroundings(fixture: Fixture) -> Surroundings:
    """What was read around the replica; candidates for errant transactions count as confirmed."""
    server = normalise.server(fixture["replica"])
    source = normalise.server(fixture["source"]) if fixture["source"] else None
    earlier = normalise.server(fixture["earlier"]) if fixture["earlier"] else None
    asked = fixture["asked"]
    sources = {}
    if asked["source"]:
        sources = {channel.name: Peer("db1:3306", source, "" if source else "not asked") for channel in server.channels}
    allowed = tuple(asked["allowed"])
    around = Surroundings(sources, (), earlier, asked["waited"], allowed, GtidSet.parse(""))
    candidates: Optional[GtidSet] = None
    for channel in server.channels:
        candidates = errant_candidates(case_of(server, channel, around))
    if candidates is None:
        return around
    return Surroundings(sources, (), earlier, asked["waited"], allowed, candidates)


def judged(fixture: Fixture) -> Diagnosis:
    """The diagnosis of a fixture, with everything around it that was read at the time."""
    return diagnose(normalise.server(fixture["replica"]), surroundings(fixture))


def without(fixture: Fixture, section: str) -> Fixture:
    """The fixture with one section of the replica's reading refused by the server."""
    changed = copy.deepcopy(fixture)
    changed["replica"]["sections"][section] = {"rows": [], "error": {"number": 1142, "text": "SELECT command denied"}}
    return changed
