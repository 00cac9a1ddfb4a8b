# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repairs the applier errors of `matrix_cases`, one cell of flavour, mode, format, writer and servers at a time."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple
from zlib import crc32

import pymysql
from lab.accounts import ADMIN
from lab.compare import compare
from lab.server import Option, Server
from lab.topology import Lab

from .breaks import FLAVOURS, MODES
from .looking import footprint
from .matrix_cases import Trouble, troubles
from .matrix_refused import expected
from .playbook import Run, run_playbook
from .stage import DB, Mode, Stage
from .stage_chain import Chain
from .test_repair import host, queries, result

_TOUCHES = (
    "INSERT INTO {t} (id) VALUES ({n})",
    "UPDATE {t} SET id = {n} + 10000 WHERE id = {n} - 2",
    "DELETE FROM {t} WHERE id = {n} - 5",
)
_OPTIONS: Dict[str, Option] = {"replica_net_timeout": 4}


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix.

    :param writer: somebody goes on writing the tables on the source.
    :param below: a third server replicates from the broken one.
    """

    trouble: Trouble
    flavour: str
    mode: Mode
    format: str
    writer: bool = False
    below: bool = False

    @property
    def settings(self) -> Tuple[Tuple[str, object], ...]:
        """What was chosen on each axis."""
        return (("mode", self.mode), ("format", self.format), ("writer", self.writer), ("below", self.below))

    @property
    def id(self) -> str:
        gtid, workers = self.mode
        parts = [self.trouble.name, self.flavour, "gtid" if gtid else "position", "%dw" % workers, self.format.lower()]
        return "-".join([*parts, "writer" if self.writer else "quiet", *(["below"] if self.below else [])])

    @property
    def place(self) -> Tuple[int, bool, int]:
        """Cells with the same place need the same servers in the same mode."""
        return FLAVOURS.index(self.flavour), self.below, MODES.index(self.mode)


def all_cells(flavours: Sequence[str] = FLAVOURS) -> List[Cell]:
    """Every cell there is."""
    return sorted(
        (
            Cell(trouble, flavour, mode, text, writer, below)
            for trouble in troubles().values()
            for flavour in flavours
            for mode in MODES
            if trouble.exists(flavour, mode)
            for text in trouble.formats
            for writer in (False, True)
            for below in (False, True)
        ),
        key=lambda cell: cell.place,
    )


def pairwise(flavours: Sequence[str] = FLAVOURS) -> List[Cell]:
    """A choice in which each case meets each flavour, and each pair of settings is met by some cell.

    Of the cells of a case on a flavour the one is taken that has most pairs which no cell before has. With a third
    server below each case runs once, the flavours in turns.
    """
    seen: Set[object] = set()
    chosen: List[Cell] = []
    every = sorted(all_cells(), key=lambda cell: crc32(cell.id.encode()))
    for trouble in troubles().values():
        mine = [cell for cell in every if cell.trouble is trouble or cell.trouble.name == trouble.name]
        here = [name for name in FLAVOURS if any(cell.flavour == name for cell in mine)]
        turn = here[crc32(trouble.name.encode()) % len(here)] if here else ""
        for flavour, below in [*((name, False) for name in here), *([(turn, True)] if turn else [])]:
            offered = [cell for cell in mine if (cell.flavour, cell.below) == (flavour, below)]
            best = max(offered, key=lambda cell: len(_pairs(cell) - seen))
            seen |= _pairs(best)
            chosen.append(best)
    return sorted((cell for cell in chosen if cell.flavour in flavours), key=lambda cell: cell.place)


def once_each() -> List[Cell]:
    """A choice in which each case runs once, and each pair of settings, with the flavour among them, is met.

    Cases with fewer cells go first, as the others can make up for them.
    """
    offered: Dict[str, List[Cell]] = {}
    for cell in sorted(all_cells(), key=lambda cell: crc32(cell.id.encode())):
        offered.setdefault(cell.trouble.name, []).append(cell)
    seen: Set[object] = set()
    chosen: List[Cell] = []
    for cells in sorted(offered.values(), key=len):
        best = max(cells, key=lambda cell: (len(_settings(cell) - seen), not cell.below))
        seen |= _settings(best)
        chosen.append(best)
    return sorted(chosen, key=lambda cell: cell.place)


def _settings(cell: Cell) -> Set[object]:
    return set(itertools.combinations((("flavour", cell.flavour), *cell.settings), 2))


def _pairs(cell: Cell) -> Set[object]:
    parts = [("case", cell.trouble.name), ("flavour", cell.flavour), *cell.settings]
    return set(itertools.combinations(parts, 2))


class Places:
    """The servers of one flavour at a time, alone or with a third one below."""

    def __init__(self) -> None:
        self._stage: Optional[Stage] = None

    def of(self, cell: Cell) -> Stage:
        """The stage for a cell."""
        wanted = Chain if cell.below else Stage
        if self._stage is None or self._stage.flavour.name != cell.flavour or self._stage.__class__ is not wanted:
            self.close()
            lab = Lab(cell.flavour, "chain" if cell.below else "pair", gtid=True, options=_OPTIONS).up()
            self._stage = wanted(lab)
        return self._stage

    def close(self) -> None:
        """Remove the servers."""
        if self._stage is not None:
            stage, self._stage = self._stage, None
            stage.down()


@contextlib.contextmanager
def touching(source: Server, tables: Iterable[str]) -> Iterator[None]:
    """Somebody goes on writing rows of the tables, and of one beside them, on the source."""
    done = threading.Event()

    def write() -> None:
        with source.connect("root", database=DB) as connection, connection.cursor() as cursor:
            for number in itertools.count(1000):
                for table, sql in itertools.product(("beside", *tables), _TOUCHES):
                    with contextlib.suppress(pymysql.MySQLError):
                        cursor.execute(sql.format(t=table, n=number))
                if done.wait(0.3):
                    return

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(30)


def contents(server: Server) -> Dict[str, Any]:
    """What a refusal must leave: every table's checksum, every other object and the accounts."""
    names = server.query("SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.TABLES WHERE TABLE_TYPE ="
                         " 'BASE TABLE' AND TABLE_SCHEMA LIKE '%s%%' ORDER BY 1, 2" % DB)  # fmt: skip
    shown = ["`%s`.`%s`" % (row["s"], row["t"]) for row in names]
    return {
        "rows": server.query("CHECKSUM TABLE %s" % ", ".join(shown)) if shown else [],
        "definitions": [server.query("SHOW CREATE TABLE %s" % name) for name in shown],
        "programs": server.query("SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES"
                                 " WHERE ROUTINE_SCHEMA LIKE '%s%%' ORDER BY 1" % DB),
        "triggers": server.query("SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS"
                                 " WHERE TRIGGER_SCHEMA LIKE '%s%%' ORDER BY 1" % DB),
        "accounts": server.query("SELECT User, Host FROM mysql.user ORDER BY 1, 2"),
        "binlog": (server.coordinates(), server.gtid_position()),
    }  # fmt: skip


def play(stage: Stage, cell: Cell, folder: Path, *more: str) -> Run:
    """Run the repair playbook as a user does, at its default risk."""
    login = host(stage.replica)
    if cell.trouble.admin:
        login.update(replica_login_user=ADMIN.user, replica_login_password=ADMIN.password)
    given = {"target": "replica", "repair_record_dir": str(folder), "repair_timeout": "60"}
    inventory = {"all": {"hosts": {"replica": login}}}
    return run_playbook("replicaops.mysql.repair", inventory, ["-e", json.dumps(given), *more])


def run(stage: Stage, cell: Cell, folder: Path, thorough: bool = True) -> str:
    """Break, repair, judge.

    :param thorough: in check mode before and once more afterwards, too.
    :return: the remedies that were used, or ``refused: `` and the reason.
    :raises AssertionError: it ended neither repaired nor refused as it should have.
    """
    stage.reset(cell.mode)
    stage.set_global(stage.source, "binlog_format", cell.format)
    stage.both("CREATE TABLE beside (id INT PRIMARY KEY)")
    cell.trouble.make(stage)
    before, held = footprint(stage), contents(stage.replica)
    reason = expected(cell.trouble.name, cell.flavour, cell.mode, cell.format, cell.below, cell.writer)
    planned = play(stage, cell, folder, "--check", "--diff") if thorough else None
    if planned is not None:
        assert footprint(stage) == before, "check mode changed something"
        assert list(folder.iterdir()) == [], "check mode wrote a record"
    with touching(stage.source, cell.trouble.tables) if cell.writer else contextlib.nullcontext():
        done = play(stage, cell, folder)
    ended = result(done)
    if done.code:
        assert reason, "NOT REPAIRED %s: %s" % (ended["applied"], ended["line"])
        assert reason in ended["line"], "REFUSED OTHERWISE: %s" % ended["line"]
        assert ended["applied"] == [] and list(folder.iterdir()) == [], "REFUSED AFTER %s" % ended["applied"]
        assert contents(stage.replica) == held, "REFUSED, and changed something"
        assert cell.writer or footprint(stage) == before, "REFUSED, and changed something"
        return "refused: " + reason
    used = ", ".join(dict.fromkeys(ended["applied"]))
    assert not reason, "REPAIRED by %s, and a refusal was expected: %s" % (used, reason)
    assert ended["applied"], "NOTHING WAS DONE: %s" % ended["line"]
    different = _different(stage)
    assert different == [], "NOT EQUAL after %s: %s" % (used, "; ".join(different))
    if planned is not None:
        _same_as_planned(planned, done)
        again = play(stage, cell, folder)
        assert again.code == 0 and result(again)["applied"] == [], "the second run: %s" % result(again)["line"]
    return used


def _different(stage: Stage) -> List[str]:
    """What is not as on the source, on any server."""
    stage.lab.wait_in_sync()
    found = compare(stage.source, stage.replica)
    if isinstance(stage, Chain):
        stage.lab.wait_in_sync(stage.leaf)
        found += compare(stage.source, stage.leaf)
    users = "SELECT User, Host FROM mysql.user ORDER BY 1, 2"
    return found if stage.source.query(users) == stage.replica.query(users) else [*found, "accounts differ"]


def _same_as_planned(planned: Run, done: Run) -> None:
    assert planned.code == 0, planned.output
    steps = result(planned)["steps"]
    assert queries(done)[: len(steps[0]["queries"])] == steps[0]["queries"], "the plan named other statements"
