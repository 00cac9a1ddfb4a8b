# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs cases of the failure matrix: a break, on a flavour, in a mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple
from zlib import crc32

from lab.server import Option
from lab.topology import Lab

from .breaks import MARIADB, MODES, MYSQL, Break, load
from .looking import Seen, footprint, judge, look
from .stage import Mode, Stage

_TRIES = 10
# A source that is gone is noticed after seconds instead of a minute.
_OPTIONS: Dict[str, Option] = {"replica_net_timeout": 4}
Footprint = Dict[str, Dict[str, object]]


@dataclass(frozen=True)
class Case:
    """One cell of the matrix."""

    flavour: str
    mode: Mode
    broken: Break

    @property
    def id(self) -> str:
        gtid, workers = self.mode
        return "%s-%s-%s-%dw" % (self.broken.name, self.flavour, "gtid" if gtid else "position", workers)


def named(mode: Mode) -> str:
    """A mode's part of the name of a test."""
    return "%s-%dw" % ("gtid" if mode[0] else "position", mode[1])


def cases(flavour: str, full: bool = False) -> List[Case]:
    """The cases of a flavour, those of one mode together.

    Without ``full`` each break runs once, its mode chosen by its name, so that each mode is met by about a quarter, and
    on one flavour of each engine, in turns from break to break.
    """
    found: List[Case] = []
    for broken in load().values():
        modes = [mode for mode in MODES if broken.exists(flavour, mode)]
        if modes and (full or flavour in _turns(broken)):
            chosen = modes if full else [modes[crc32(broken.name.encode()) % len(modes)]]
            found.extend(Case(flavour, mode, broken) for mode in chosen)
    return sorted(found, key=lambda case: MODES.index(case.mode))


def _turns(broken: Break) -> List[str]:
    """Of each engine the flavour whose turn it is with this break."""
    chosen: List[str] = []
    for engine in (MYSQL, MARIADB):
        here = [name for name in engine if any(broken.exists(name, mode) for mode in MODES)]
        chosen += here[crc32(broken.name.encode()) // 7 % max(len(here), 1) :][:1]
    return chosen


def run(stage: Stage, case: Case, keep: bool = False) -> Tuple[Seen, List[str]]:
    """Break, look, judge: what was seen and what is wrong with it."""
    for _attempt in range(_TRIES if case.broken.passing else 1):
        stage.reset(case.mode)
        case.broken.make(stage)
        before = footprint(stage)
        seen = look(stage, case.broken.ask, keep)
        after = footprint(stage)
        wrong = judge(stage, case.broken, seen)
        if not case.broken.passing:
            wrong.extend(_changes(before, after))
        if not wrong:
            break
    return seen, wrong


def _changes(before: Footprint, after: Footprint) -> List[str]:
    return [
        "looking changed %s of the %s: %r became %r" % (part, server, _unlike(value, now), _unlike(now, value))
        for server, parts in before.items()
        for part, value in parts.items()
        for now in [after[server][part]]
        if now != value
    ]


def _unlike(value: object, other: object) -> object:
    """The part of a mapping that the other does not have; anything else as it is."""
    if isinstance(value, dict) and isinstance(other, dict):
        return {key: found for key, found in value.items() if other.get(key) != found}
    return value


class Stages:
    """One stage at a time: that of the flavour which is asked for, made when the flavour changes."""

    def __init__(self) -> None:
        self._stage: Optional[Stage] = None

    def of(self, flavour: str) -> Stage:
        """The stage of a flavour."""
        if self._stage is None or self._stage.flavour.name != flavour:
            self.close()
            self._stage = Stage(Lab(flavour, "pair", gtid=True, disk_size="400m", options=_OPTIONS).up())
        return self._stage

    def close(self) -> None:
        """Remove the servers."""
        if self._stage is not None:
            stage, self._stage = self._stage, None
            stage.down()

    def spoilt(self) -> None:
        """After an accident the next case gets new servers."""
        self.close()
