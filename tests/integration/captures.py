# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a real server answered as a small fixture: only what the diagnosis reads, addresses made equal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Optional

from .looking import Seen
from .running import Case
from .stage import Stage

FIXTURES = Path(__file__).resolve().parents[1] / "unit" / "fixtures" / "findings"

_VARIABLES = re.compile(
    r"^(gtid_mode|(super_)?read_only|(replica|slave)_(skip_errors|exec_mode|parallel_(workers|threads)|"
    r"transaction_retries|preserve_commit_order)|wsrep_on|relay_log_info_repository|binlog_format|binlog_row_image|"
    r"gtid_strict_mode|log_(replica|slave)_updates|server_uuid|version|version_comment|max_allowed_packet|"
    r"(replica|slave)_max_allowed_packet|log_bin|gtid_domain_id)$"
)
_STATUS = re.compile(r"^(Slave_heartbeat_period|wsrep_cluster_size|Ndb_\w+)$")
_DROPPED = ("grants", "service_procedures")


def small(raw: Optional[Dict[str, Any]], addresses: Dict[str, str]) -> Optional[Dict[str, Any]]:
    """A raw reading without what no verdict reads: empty cells, most variables, grants, statements."""
    if raw is None:
        return None
    sections = {}
    for name, section in raw["sections"].items():
        rows = section["rows"]
        if name in ("variables", "status"):
            wanted = _VARIABLES if name == "variables" else _STATUS
            rows = [row for row in rows if wanted.search(str(row.get("Variable_name")))]
        if name in _DROPPED:
            rows = []
        kept = [{key: value for key, value in row.items() if value not in (None, "")} for row in rows]
        sections[name] = {"rows": kept, "error": section["error"]}
    text = json.dumps({**raw, "read_at": 0.0, "sections": sections})
    for address, name in addresses.items():
        text = re.sub(r"(?<![\d.])%s(?![\d.])" % re.escape(address), name, text)
    return dict(json.loads(text))


def write(stage: Stage, case: Case, seen: Seen) -> Path:
    """Write the fixture of a case; returns its path."""
    addresses = {stage.source.host: "db1", stage.replica.host: "db2", stage.gateway(): "db0"}
    gtid, workers = case.mode
    ask = case.broken.ask
    fixture = {
        "case": case.broken.name,
        "flavour": case.flavour,
        "mode": "gtid" if gtid else "position",
        "workers": workers,
        "code": case.broken.code,
        "codes": seen.codes,
        "verdict": seen.diagnosis.verdict,
        "failing": stage.failing,
        "asked": {
            "source": ask.source,
            "waited": 31 if ask.samples > 1 else 0,
            "allowed": [name.replace("{replica}", stage.replica.uuid) for name in ask.allowed],
        },
        "replica": small(seen.raw, addresses),
        "source": small(seen.source, addresses),
        "earlier": small(seen.earlier, addresses),
    }
    path = FIXTURES / case.flavour / (case.broken.name + ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fixture, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return path
