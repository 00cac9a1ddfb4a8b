# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the place where a replica's data is found to what makes the replica go on from there.

Works on the plain dict that `binlog_locate` returns, because the roles keep it. Three things may be needed: rows that
are brought to the end of the range they are spread over, GTIDs that count as executed from now on, and new coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from .snapshot import GTID

REPOSITION = "reposition"
HEAL_ROWS = "heal_rows"
GTID_APPEND = "gtid_append"

# What lets the applier go on from the recorded position.
GO_ON = ("restart", "resume", "skip_present", "heal_failing", "heal_pending", "heal_table")
_TWICE = (
    "It is ahead of the recorded position for certain, with statements in between that would run a second time:"
    " nothing that goes on from there is tried. Take an end of the range (reposition_choice), or compare and rebuild."
)

Place = Mapping[str, Any]


@dataclass(frozen=True)
class Way:
    """What has to be done, in this order.

    :param possible: there is a place to go on from, and the remedy asked for leads there.
    :param heal: the range whose rows are brought to its end, with ``from`` and ``to``; empty for none.
    :param gtids: what has to count as executed; empty for nothing.
    :param position: the coordinates to go on from; empty for none.
    :param reason: why it is not possible, a sentence.
    :param needless: it is where its GTIDs say already; not possible then, and no failure.
    :param unsafe: remedies that must not be used then: they let the applier go on from the recorded position, where it
        would run statements a second time without an error (``SET n = n + 1``; measured on MySQL 9.7 and 5.6, and on
        MariaDB 10.11).
    """

    possible: bool = False
    heal: Mapping[str, Place] = field(default_factory=dict)
    gtids: str = ""
    position: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    needless: bool = False
    unsafe: Tuple[str, ...] = ()

    def as_dict(self) -> Dict[str, Any]:
        """For the roles."""
        return {
            "possible": self.possible,
            "heal": {name: dict(place) for name, place in self.heal.items()},
            "gtids": self.gtids,
            "position": dict(self.position),
            "reason": self.reason,
            "needless": self.needless,
            "unsafe": list(self.unsafe),
        }


def way(located: Mapping[str, Any], mode: str, remedy: str = "", choice: str = "") -> Way:
    """The way on from where the data was found.

    :param located: a result of `binlog_locate`.
    :param mode: of the channel, ``gtid`` or ``position``.
    :param remedy: the only one that may be used (its risk is all that is allowed); empty for any.
    :param choice: with a range, the end of it that a person took: ``first`` or ``last``.
    """
    place, spread = _place(located, choice)
    if place is None:
        if (located.get("range") or {}).get("runs_again"):
            return Way(reason="%s %s" % (located["msg"], _TWICE), unsafe=GO_ON)
        return Way(reason=str(located["msg"]))
    gtids = _gtids(located, place, mode, bool(spread or choice))
    found = Way(True, spread, gtids, {} if gtids or mode == GTID else _plain(place))
    if not (found.heal or found.gtids or found.position):
        why = "Its GTIDs say so already, so that there is nothing to change."
        return Way(reason="%s %s" % (located["msg"], why), needless=True)
    why = _unlike(found, remedy)
    return Way(reason="%s %s" % (located["msg"], why)) if why else found


def _place(located: Mapping[str, Any], choice: str) -> Tuple[Optional[Place], Dict[str, Place]]:
    """Where to go on, and the range whose rows have to be brought there first."""
    kind, applied = located["kind"], located.get("applied") or {}
    if kind == "boundary":
        return {**located["coordinates"], "gtid_set": located.get("gtid_set", "")}, {}
    if kind == "range" and choice:
        return located["range"][choice], {}
    if kind == "applied_set" and located.get("gtid_set"):
        return {**applied["none_after"], "gtid_set": located["gtid_set"]}, {}
    first, last = None, None
    if kind == "mixed":
        first, last = located["mixed"]["first"], located["mixed"]["last"]
    elif kind == "applied_set" and applied.get("rows_only"):
        first, last = applied["all_before"], applied["none_after"]
    if first is None or last is None:
        return None, {}
    return last, {"from": _plain(first), "to": _plain(last)}


def _plain(place: Place) -> Dict[str, Any]:
    return {"file": place["file"], "position": place["position"]}


def _gtids(located: Mapping[str, Any], place: Place, mode: str, whole: bool) -> str:
    """What has to count as executed at a place.

    A MySQL server that works with GTIDs keeps its set also for channels that go by coordinates: going on behind
    transactions that it lacks would leave a hole, and its applier leaves out what counts as executed, so that no new
    coordinates are needed. MariaDB has no set, and asks by its position only in GTID mode.
    """
    at = str(place.get("gtid_set") or "")
    if ":" in at:
        return at if whole else str(located.get("gtids_to_append") or "")
    return at if mode == GTID else ""


def _unlike(found: Way, remedy: str) -> str:
    """Why a remedy does not lead there; empty when it does."""
    if not remedy:
        return ""
    if found.heal and remedy != HEAL_ROWS:
        return "Rows would have to be written for that (heal_rows)."
    if remedy == HEAL_ROWS and not found.heal:
        return "No rows have to be written for that."
    if found.gtids and remedy == REPOSITION:
        return "Its GTID set would keep a hole: they have to count as executed (gtid_append)."
    if remedy == GTID_APPEND and not found.gtids:
        return "Nothing has to be added to its GTIDs for that."
    return ""
