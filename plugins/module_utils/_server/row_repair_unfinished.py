# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the record of a run that was ended before it put super_read_only back, so that the next one does it."""

from __future__ import annotations

import glob
import os
from typing import Any, Dict, List, Optional

from .._core import record as schema
from .._core.errors import ReplicaError
from .._core.snapshot import Server
from . import record as store

_MODULES = ("row_repair", "replica_undo")
PUT_BACK = "SET GLOBAL super_read_only = 1"


def lowered(directory: Optional[str], server: Server) -> List[str]:
    """Paths of records of this server that nobody finished and that say super_read_only was on, while it is off now."""
    if not directory or server.flag("super_read_only") or not server.variable("super_read_only"):
        return []
    top = os.path.abspath(os.path.expanduser(directory))
    names = [name for module in _MODULES for name in glob.glob(os.path.join(glob.escape(top), "*-%s.json" % module))]
    return [path for path in sorted(names) if _is_open(_read(path), server)]


def _read(path: str) -> Dict[str, Any]:
    try:
        return store.read(path)
    except ReplicaError:
        return {}  # no record, or of another version


def _is_open(record: Dict[str, Any], server: Server) -> bool:
    if not record or record.get("outcome") != schema.RUNNING_OUTCOME:
        return False
    before = ((record.get("before") or {}).get("server") or {}).get("variables") or {}
    on = str(before.get("super_read_only", "")).upper() in ("ON", "1")
    return on and (record.get("server") or {}).get("identity") == server.identity


def close(paths: List[str], server: Server) -> None:
    """Note in these records that what they had lowered is back. What cannot be noted is looked at again next time."""
    for path in paths:
        record = _read(path)
        if record:
            store.replace(path, schema.finished(record, [PUT_BACK], server, "The run was ended before it was over."))
