# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which holders of metadata locks really keep a waiting applier from going on: the server's compatibility of lock types
as data (source: comments of MySQL's metadata locking, "MDL_object_lock" and "MDL_scoped_lock")."""

from __future__ import annotations

from typing import FrozenSet, List, Mapping, Tuple

from .normalise_rows import Row, text

_X = "EXCLUSIVE"
_SNRW = "SHARED_NO_READ_WRITE"
_SNW = "SHARED_NO_WRITE"
_SRO = "SHARED_READ_ONLY"
_SU = "SHARED_UPGRADABLE"
_SW = "SHARED_WRITE"
_SWLP = "SHARED_WRITE_LOW_PRIO"
_IX = "INTENTION_EXCLUSIVE"

# What is wanted -> what of others stands in its way. A wanted EXCLUSIVE lock is held up by everything.
CONFLICTS: Mapping[str, FrozenSet[str]] = {
    "SHARED": frozenset((_X, _IX)),
    "SHARED_HIGH_PRIO": frozenset((_X,)),
    "SHARED_READ": frozenset((_X, _SNRW)),
    _SW: frozenset((_X, _SNRW, _SNW, _SRO)),
    _SWLP: frozenset((_X, _SNRW, _SNW, _SRO)),
    _SU: frozenset((_X, _SNRW, _SNW, _SU)),
    _SRO: frozenset((_X, _SNRW, _SW, _SWLP)),
    _SNW: frozenset((_X, _SNRW, _SNW, _SU, _SW, _SWLP)),
    _SNRW: frozenset((_X, _SNRW, _SNW, _SU, _SW, _SWLP, _SRO, "SHARED_READ")),
    _IX: frozenset((_X, "SHARED")),
}


def conflicts(wanted: str, held: str) -> bool:
    """True when a lock of type ``held`` keeps one of type ``wanted`` waiting; also true for a type we do not know."""
    return wanted not in CONFLICTS or held in CONFLICTS[wanted]


def blocking_rows(rows: List[Row]) -> List[Row]:
    """Of all locks on the objects that appliers wait for, those in the way.

    These are granted ones; or, when only a request ahead in the queue is in the way (an ALTER TABLE that waits itself),
    the holders which that one waits for, then it.
    """
    found: List[Row] = []
    waits: Mapping[Tuple[str, ...], List[Row]] = _by_wait(rows)
    for group in waits.values():
        granted = [row for row in group if text(row, "held_status") == "GRANTED"]
        direct = [row for row in granted if conflicts(text(row, "wanted"), text(row, "held"))]
        if direct:
            found += direct
            continue
        queued = [row for row in group if row not in granted and conflicts(text(row, "wanted"), text(row, "held"))]
        numbers = {text(row, "blocking_id") for row in queued}
        ahead = {text(row, "held") for row in queued}
        roots = [
            row
            for row in granted
            if text(row, "blocking_id") not in numbers and any(conflicts(kind, text(row, "held")) for kind in ahead)
        ]
        found += roots + queued
    return found


def _by_wait(rows: List[Row]) -> Mapping[Tuple[str, ...], List[Row]]:
    groups: dict[Tuple[str, ...], List[Row]] = {}
    for row in rows:
        key = tuple(text(row, name) for name in ("waiting_id", "object_type", "object_schema", "object_name", "wanted"))
        groups.setdefault(key, []).append(row)
    return groups
