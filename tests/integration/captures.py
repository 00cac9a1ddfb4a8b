# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a real server answered as a small fixture: only what the diagnosis reads, addresses made equal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from .looking import Seen
from .running import Case
from .stage import Stage

FIXTURES = Path(__file__).resolve().parents[1] / "unit" / "fixtures" / "findings"

_VARIABLES = re.compile(
    r"^(gtid_mode|(super_)?read_only|sql_(replica|slave)_skip_counter|(replica|slave)_(skip_errors|exec_mode|parallel_(workers|threads)|"
    r"transaction_retries|preserve_commit_order)|wsrep_on|relay_log_info_repository|binlog_format|binlog_row_image|"
    r"gtid_strict_mode|log_(replica|slave)_updates|server_uuid|version|version_comment|"
    r"log_bin)$"
)
_STATUS = re.compile(r"^(Ssl_server_not_after|Slave_heartbeat_period|wsrep_cluster_size|Ndb_\w+)$")
_DROPPED = ("grants", "service_procedures", "source_info", "connection_configuration", "replicas")
_OF_SOURCE = ("identity", "gtid", "status", "replica_status", "binary_logs")
_ALWAYS = ("replica_status", "worker_positions")
_NEVER = "0000-00-00 00:00:00.000000"


def small(
    raw: Optional[Dict[str, Any]], addresses: Dict[str, str], only: Tuple[str, ...] = ()
) -> Optional[Dict[str, Any]]:
    """A raw reading without what no verdict reads: empty cells, most variables, grants, statements, other sessions."""
    if raw is None:
        return None
    sections = {}
    for name, section in raw["sections"].items():
        if only and name not in only:
            continue
        rows = [_cells(name, row) for row in section["rows"] if _matters(name, row)]
        if rows or section["error"] or name in _ALWAYS:
            sections[name] = {"rows": rows, "error": section["error"]}
    text = json.dumps({**raw, "read_at": 0.0, "sections": sections})
    for address, name in addresses.items():
        text = re.sub(r"(?<![\d.])%s(?![\d.])" % re.escape(address), name, text)
    return dict(json.loads(text))


def _matters(section: str, row: Dict[str, Any]) -> bool:
    if section in ("variables", "status"):
        return bool((_VARIABLES if section == "variables" else _STATUS).search(str(row.get("Variable_name"))))
    if section == "processlist":
        return row.get("user") not in ("observer", "event_scheduler") and row.get("state") != "Suspending"
    return section not in _DROPPED


def _cells(section: str, row: Dict[str, Any]) -> Dict[str, Any]:
    if section == "gtid":
        return row  # an empty set is not an unknown one
    nothing = (None, "") if section in ("replica_status", "variables") else (None, "", 0, "0", _NEVER)
    return {key: value for key, value in row.items() if value not in nothing and "_TIMESTAMP" not in key.replace(
        "LAST_ERROR_TIMESTAMP", "") and "HEARTBEAT" not in key}  # fmt: skip


def text_of(fixture: Dict[str, Any]) -> str:
    """The fixture as JSON with one line for each row."""
    text = json.dumps(fixture, indent=1, sort_keys=True, ensure_ascii=False)
    # A row is the only object that holds no other.
    return re.sub(r"\{\n[^{}\[\]]*\}", lambda found: re.sub(r"\n *", " ", found.group()), text) + "\n"


def path_of(case: Case) -> Path:
    """Where the fixture of a case is kept."""
    return FIXTURES / case.flavour / (case.broken.name + ".json")


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
        "source": small(seen.source, addresses, _OF_SOURCE),
        "earlier": small(seen.earlier, addresses),
    }
    path = path_of(case)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text_of(fixture))
    return path
