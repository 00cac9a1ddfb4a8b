# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the fixtures of the unit tests about lost tails: what both binlogs of a real pair hold, without GTIDs.

Usage: PYTHONPATH=tests python tests/tools/capture_tails.py [FLAVOUR ...]
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.replicaops.mysql.plugins.module_utils._server import lost_tail, reader
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import connect
from ansible_collections.replicaops.mysql.plugins.module_utils._server.logins import login_from
from integration.conftest import SEED
from integration.playbook import login
from integration.test_gtid import LOST, NEW
from lab import faults
from lab.flavours import BUILDABLE
from lab.server import Server
from lab.topology import Lab

FOLDER = Path(__file__).resolve().parents[1] / "unit" / "fixtures" / "lost_tail"


def newest(server: Server) -> List[Dict[str, Any]]:
    """The transactions of a server's binlogs as the diagnosis reads them."""
    there = login_from(login(server))
    with connect(there) as connection:
        known = reader.read_server(connection, role="source")
    return [asdict(one) for one in lost_tail._newest(known, there, 2)]


def capture(flavour: str) -> Dict[str, Any]:
    """A source that lost its tail, and that it has written on since."""
    with Lab(flavour, "pair", gtid=False, seed=SEED) as lab:
        lab.source.execute("INSERT INTO shop.t (v) VALUES ('before')")
        faults.lose_tail(lab, lambda: lab.source.execute(*LOST))
        found = {"replica": newest(lab.replica), "source": newest(lab.source)}
        lab.source.execute(LOST[0])
        found["replayed_one"] = newest(lab.source)
        lab.source.execute(*NEW)
        found["written_on"] = newest(lab.source)
    return found


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for flavour in sys.argv[1:] or BUILDABLE:
        text = json.dumps(capture(flavour), indent=1, sort_keys=True)
        (FOLDER / (flavour + ".json")).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
