# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which the tests break a real pair, as data: what is done, where it exists, what must be found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Callable, Dict, Mapping, Sequence, Tuple

from .stage import DB, Mode, Stage

FLAVOURS: Tuple[str, ...] = ("mysql-9.7", "mysql-5.6", "mariadb-10.11", "mariadb-11.8")
MYSQL: Tuple[str, ...] = FLAVOURS[:2]
MARIADB: Tuple[str, ...] = FLAVOURS[2:]
MODES: Tuple[Mode, ...] = ((True, 4), (True, 1), (False, 4), (False, 1))
GTID_MODES: Tuple[Mode, ...] = MODES[:2]
POSITION_MODES: Tuple[Mode, ...] = MODES[2:]

Errors = Mapping[str, int]  # by the beginning of a flavour's name, the longest that fits counts


@dataclass(frozen=True)
class Ask:
    """How the broken replica is looked at.

    :param user: the account that looks.
    :param at: the server that is looked at, ``replica`` or ``source``.
    :param source: the source is asked too; ``source_port`` is where it is looked for.
    :param samples: 2 where only a second look tells.
    :param allowed: UUIDs and tags of intended local transactions; ``{replica}`` stands for the replica's UUID.
    """

    user: str = "observer"
    at: str = "replica"
    source: bool = True
    source_port: int = 3306
    samples: int = 1
    allowed: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Break:
    """One way to break a pair.

    :param name: unique.
    :param code: the finding that must be reported.
    :param make: does it; returns when the state is the one to be looked at.
    :param errors: the number that the finding's evidence must hold.
    :param instead: findings that are as good, where one or the other shows by chance.
    :param verdict: the channel's verdict; that of the finding when empty.
    :param flavours: where it exists.
    :param modes: in which modes it exists.
    :param unlike: pairs of flavour and mode where it does not exist.
    :param ask: how to look.
    :param passing: the state may be over at any moment: make and look again a few times.
    """

    name: str
    code: str
    make: Callable[[Stage], None]
    errors: Errors = field(default_factory=dict)
    instead: Tuple[str, ...] = ()
    verdict: str = ""
    flavours: Tuple[str, ...] = FLAVOURS
    modes: Tuple[Mode, ...] = MODES
    unlike: Tuple[Tuple[str, Mode], ...] = ()
    ask: Ask = Ask()
    passing: bool = False

    def exists(self, flavour: str, mode: Mode) -> bool:
        """True where this break can be made."""
        return flavour in self.flavours and mode in self.modes and (flavour, mode) not in self.unlike

    def errno(self, flavour: str) -> int:
        """The number this break has on a flavour; -1 when none is expected."""
        fitting = [name for name in self.errors if flavour.startswith(name)]
        return self.errors[max(fitting, key=len)] if fitting else -1


BREAKS: Dict[str, Break] = {}


def add(found: Break) -> None:
    """Register a break. Raises ValueError when its name is taken."""
    if found.name in BREAKS:
        raise ValueError("there is a break called %r already" % found.name)
    BREAKS[found.name] = found


def breaks(
    code: str, name: str = "", **details: object
) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Register the function below as a break; its name is that of the function."""

    def register(make: Callable[[Stage], None]) -> Callable[[Stage], None]:
        add(Break(name or make.__name__, code, make, **details))  # type: ignore[arg-type]
        return make

    return register


def conflict(
    name: str,
    code: str,
    errno: object,
    source: Sequence[str],
    local: Sequence[str] = (),
    prepare: Sequence[str] = (),
    **details: object,
) -> None:
    """Register a transaction that the replica cannot apply.

    :param errno: its number, everywhere or by flavour.
    :param source: the statements that fail on the replica.
    :param local: what was done on the replica alone before.
    :param prepare: what both have before.
    """
    errors = {"": errno} if isinstance(errno, int) else errno

    def make(stage: Stage) -> None:
        if prepare:
            stage.both(*prepare)
        if local:
            stage.on_replica(*local)
        if stage.mariadb and re.search(r"CREATE (TABLE|DATABASE)|DROP (TABLE|DATABASE)", source[-1]):
            # MariaDB replaces what is there already unless it is told to be strict.
            stage.set_global(stage.replica, "slave_ddl_exec_mode", "STRICT")
        stage.fails(*source)

    add(Break(name, code, make, errors, **details))  # type: ignore[arg-type]


ROWS = ("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE = InnoDB", "INSERT INTO t VALUES (1, 'one')")
OTHER = "%s_2" % DB


def load() -> Dict[str, Break]:
    """Every break there is."""
    from . import breaks_applier, breaks_gtid, breaks_receiver, breaks_relay, breaks_state  # noqa: F401

    return BREAKS
